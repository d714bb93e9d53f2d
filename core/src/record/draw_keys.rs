//! Which day's key is on the record, and what the next draw-key record says.

use jiff::civil::Date;

use super::{DrawChain, DrawKeyBody, OpenedKey};
use crate::clearance::{DayKey, KeyChain, days_between};

/// The day's key that was named last, by that of the day before.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Named {
    day: Date,
    before: DayKey,
}

/// What must be on the record before anything is drawn on a day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Naming {
    /// The day's key is named already.
    Named,
    /// This record first.
    Record(DrawKeyBody),
    /// Anyone can compute the day's key: that of a later day is on record, or
    /// published as an anchor.
    Opened,
    /// The chain has no key for the day.
    NoKey,
}

/// The last draw-key record, followed by the next.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DrawKeys(Option<Named>);

impl DrawKeys {
    /// Behind the record `last`.
    #[must_use]
    pub fn behind(last: Option<&DrawKeyBody>) -> Self {
        let named = last.and_then(|body| {
            Some(Named {
                day: body.day.parse().ok()?,
                before: DayKey::parse(&body.sha256)?,
            })
        });
        Self(named)
    }

    /// The last day that was named.
    #[must_use]
    pub fn day(&self) -> Option<Date> {
        self.0.as_ref().map(|named| named.day)
    }

    /// What `day` needs with the keys of `chain`. A chain that is not the one
    /// on record begins with its `anchor`, or the day before, and opens what
    /// `old` leaves to be opened.
    #[must_use]
    pub fn name(
        &self,
        day: Date,
        chain: &KeyChain,
        anchor: Option<(Date, &DayKey)>,
        old: Option<&KeyChain>,
    ) -> Naming {
        if anchor.is_some_and(|(published, _)| day <= published) {
            return Naming::Opened;
        }
        let Some(before) = chain.key_of(day).map(|key| key.previous()) else {
            return Naming::NoKey;
        };
        let begins = match &self.0 {
            None => true,
            Some(named) if day >= named.day => {
                let days = days_between(named.day, day);
                let same =
                    days.and_then(|days| before.before(days)).as_ref() == Some(&named.before);
                if same && day == named.day {
                    return Naming::Named;
                }
                !same
            }
            Some(named) => {
                let days = days_between(day, named.day);
                if days.and_then(|days| named.before.before(days)).as_ref() == Some(&before) {
                    return Naming::Opened;
                }
                true
            }
        };
        let chain = begins.then(|| self.begin(day, &before, chain, anchor, old));
        Naming::Record(DrawKeyBody {
            day: day.to_string(),
            sha256: before.reveal(),
            chain,
        })
    }

    fn begin(
        &self,
        day: Date,
        before: &DayKey,
        chain: &KeyChain,
        anchor: Option<(Date, &DayKey)>,
        old: Option<&KeyChain>,
    ) -> DrawChain {
        let yesterday = day.yesterday().unwrap_or(day);
        let (anchor_day, anchor) = anchor.unwrap_or((yesterday, before));
        let closes = old.and_then(|old| self.close(yesterday, old));
        DrawChain {
            anchor_day: anchor_day.to_string(),
            anchor: anchor.reveal(),
            last_day: chain.last_day().to_string(),
            closes,
        }
    }

    /// Opens the chain on record, if that is `old`: with the key of a day that
    /// is over, and no sooner.
    fn close(&self, yesterday: Date, old: &KeyChain) -> Option<OpenedKey> {
        let named = self.0.as_ref()?;
        let over = yesterday.min(old.last_day());
        let key = old.key_of(over)?;
        let days = days_between(named.day, over)?;
        let is_it = key.before(days)?.previous() == named.before;
        is_it.then(|| OpenedKey {
            day: over.to_string(),
            key: key.reveal(),
        })
    }
}
