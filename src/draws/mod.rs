//! The keys of the draw: where they come from, and that no draw is made on a
//! day before that day's key is named on the record (`docs/journal.md`).
//!
//! ```text
//!  [draw] seed ----------> chain --> key of today --> draws
//!  or our own, renewed ----^            |
//!  before it ends                       +--> draw-key record: SHA-256 of it, once a day, first
//! ```
//!
//! Absent on purpose: a key in a log line, an error or a record before its day
//! is over.

mod kept;
mod seed;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use lanegate_core::clearance::{DayKey, DrawDay, KeyChain};
use lanegate_core::record::{Draft, DrawKeyBody, DrawKeys, Naming};
use lanegate_core::time::{Clock, Now, Wall};

pub use seed::{SeedError, read_seed};

use crate::config::DrawConfig;

/// Days a chain of our own has.
const OWN_DAYS: i32 = 366;
/// A chain of our own is followed by the next, and one that was handed in is
/// warned of, when it has fewer days left.
const RENEW_DAYS: u32 = 30;

/// Where the chain comes from.
#[derive(Debug)]
enum Source {
    /// Handed in, with a published anchor.
    HandedIn { anchor_day: Date, anchor: DayKey },
    /// Our own, in this file; renewed.
    Own { file: PathBuf },
    /// Given, and never renewed: a simulation's.
    #[cfg_attr(
        not(feature = "sim"),
        expect(dead_code, reason = "the simulator's alone")
    )]
    Fixed,
}

#[derive(Debug)]
struct Inner {
    chain: Option<KeyChain>,
    /// The one it follows, until that is on record.
    old: Option<KeyChain>,
    /// What the record says.
    keys: DrawKeys,
    /// Today, ready to draw with.
    today: Option<DrawDay>,
    /// The day that was last warned about.
    warned: Option<Date>,
}

/// Hands out the day of drawing, for the store's thread; cheap while the day
/// does not change.
#[derive(Debug)]
pub struct DayKeys {
    source: Source,
    inner: Mutex<Inner>,
}

impl DayKeys {
    /// The keys `config` hands in, or our own in `state_dir`; `last` is the
    /// last draw-key record.
    ///
    /// # Errors
    /// The seed cannot be read or does not lead to its anchor; our own file
    /// cannot be read.
    pub fn open(
        config: Option<&DrawConfig>,
        state_dir: &std::path::Path,
        last: Option<&DrawKeyBody>,
    ) -> Result<Self, SeedError> {
        let file = state_dir.join(kept::NAME);
        let own = kept::read(&file)?;
        let (source, chain, old) = match config {
            Some(config) => {
                let chain = read_seed(config)?;
                let source = Source::HandedIn {
                    anchor_day: config.anchor_day,
                    anchor: config.anchor.clone(),
                };
                (source, Some(chain), own.chain)
            }
            None => (Source::Own { file }, own.chain, own.old),
        };
        let keys = DrawKeys::behind(last);
        Ok(Self::with(source, chain, old, keys))
    }

    /// The keys of `chain`, and no others.
    #[cfg(feature = "sim")]
    #[must_use]
    pub fn fixed(chain: KeyChain) -> Self {
        Self::with(Source::Fixed, Some(chain), None, DrawKeys::default())
    }

    const fn with(
        source: Source,
        chain: Option<KeyChain>,
        old: Option<KeyChain>,
        keys: DrawKeys,
    ) -> Self {
        Self {
            source,
            inner: Mutex::new(Inner {
                chain,
                old,
                keys,
                today: None,
                warned: None,
            }),
        }
    }

    /// The day to draw on; none while the clock is not believed. `note` queues
    /// the record that names the day's key, if it is not on record yet: what
    /// is drawn afterwards is recorded behind it.
    pub fn today<E>(&self, now: Now, note: impl FnOnce(Draft) -> Result<(), E>) -> Option<DrawDay> {
        let day = match now.clock {
            Clock::Trusted => now.wall.date()?,
            Clock::Unknown => return None,
        };
        let mut inner = self.inner();
        if let Some(today) = inner.today.as_ref().filter(|today| today.day == day) {
            return Some(today.clone());
        }
        let key = self.name(&mut inner, day, now.wall, note);
        let today = DrawDay { day, key };
        if today.key.is_some() {
            inner.today = Some(today.clone());
        } else if inner.warned.replace(day) != Some(day) {
            tracing::warn!(%day, "no draw key for this day: every truck a plan draws for is selected");
        }
        Some(today)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The day's key, once it is named.
    fn name<E>(
        &self,
        inner: &mut Inner,
        day: Date,
        at: Wall,
        note: impl FnOnce(Draft) -> Result<(), E>,
    ) -> Option<DayKey> {
        self.renew(inner, day);
        let chain = inner.chain.as_ref()?;
        let anchor = match &self.source {
            Source::HandedIn { anchor_day, anchor } => Some((*anchor_day, anchor)),
            Source::Own { .. } | Source::Fixed => None,
        };
        let key = chain.key_of(day);
        match inner.keys.name(day, chain, anchor, inner.old.as_ref()) {
            Naming::Named => key,
            Naming::Record(body) => {
                let keys = DrawKeys::behind(Some(&body));
                let left = chain.days_left(day).unwrap_or(0);
                note(named(at, body)).ok()?;
                inner.keys = keys;
                inner.old = None;
                tracing::info!(%day, days_left = left, "the day's draw key is named on the record");
                if left < RENEW_DAYS {
                    tracing::warn!(
                        days_left = left,
                        "the chain of draw keys ends soon: hand in the next one ([draw] in lane.toml)"
                    );
                }
                key
            }
            Naming::Opened | Naming::NoKey => None,
        }
    }

    /// Follows a chain of our own by the next one, where the day needs it.
    fn renew(&self, inner: &mut Inner, day: Date) {
        let Source::Own { file } = &self.source else {
            return;
        };
        if !wants_renewal(inner, day) {
            return;
        }
        match kept::renew(file, day, OWN_DAYS, inner.chain.as_ref()) {
            Ok(chain) => {
                tracing::info!(last_day = %chain.last_day(), "a new chain of draw keys begins");
                inner.old = inner.chain.replace(chain);
            }
            Err(why) => {
                if inner.warned.replace(day) != Some(day) {
                    tracing::warn!(%why, file = %file.display(), "no new chain of draw keys could be written: free the disk or mend the directory");
                }
            }
        }
    }
}

fn wants_renewal(inner: &Inner, day: Date) -> bool {
    let Some(chain) = &inner.chain else {
        return true;
    };
    match inner.keys.name(day, chain, None, None) {
        Naming::Named => false,
        Naming::Opened | Naming::NoKey => true,
        Naming::Record(_) => chain.days_left(day).is_none_or(|left| left < RENEW_DAYS),
    }
}

/// A record of the controller's own.
fn named(at: Wall, body: DrawKeyBody) -> Draft {
    Draft {
        at,
        lane: None,
        passage: None,
        body: body.into(),
    }
}

#[cfg(test)]
mod tests;
