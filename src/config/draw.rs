//! `[draw]`: a chain of day keys handed in, with its published anchor.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use lanegate_core::clearance::{CHAIN_DAYS_MAX, DayKey, days_between};

use super::section::{Section, parsed, text};

/// A chain of draw keys that is handed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DrawConfig {
    /// File whose first line is the last day's key in hex; a bare name is a
    /// systemd credential.
    pub seed: PathBuf,
    /// The last day the chain has a key for.
    pub last_day: Date,
    /// The key of `anchor_day`, as it was published.
    pub anchor: DayKey,
    /// A day before the first that is drawn on.
    pub anchor_day: Date,
}

impl DrawConfig {
    /// The text of the seed's file. A relative `seed` is looked for in
    /// `credentials_dir`, systemd's `$CREDENTIALS_DIRECTORY`.
    ///
    /// # Errors
    /// It cannot be read, or is a credential and there is no directory.
    pub fn read_seed(&self, credentials_dir: Option<&Path>) -> std::io::Result<String> {
        std::fs::read_to_string(super::credential(&self.seed, credentials_dir)?)
    }
}

/// Some(None) where the table is not written.
pub(super) fn draw(root: &Section<'_>) -> Option<Option<DrawConfig>> {
    if !root.has("draw") {
        return Some(None);
    }
    let s = root.section("draw", &super::keys::DRAW);
    // Joined to no directory: a bare name is a credential.
    let seed = s.need("seed", text);
    let last_day = s.need("last_day", parsed(day));
    let anchor = s.need("anchor", parsed(key));
    let anchor_day = s.need("anchor_day", parsed(day));
    let (last_day, anchor_day) = (last_day?, anchor_day?);
    match days_between(anchor_day, last_day) {
        Some(1..=CHAIN_DAYS_MAX) => {}
        Some(_) | None => {
            let why = format!("is not 1 to {CHAIN_DAYS_MAX} days before last_day, {last_day}");
            s.fault("anchor_day", why);
        }
    }
    Some(Some(DrawConfig {
        seed: PathBuf::from(seed?),
        last_day,
        anchor: anchor?,
        anchor_day,
    }))
}

fn day(text: &str) -> Result<Date, String> {
    let wrong = |_| format!("\"{text}\" is no day: write it like \"2027-01-31\"");
    text.parse().map_err(wrong)
}

fn key(text: &str) -> Result<DayKey, String> {
    DayKey::parse(text).ok_or_else(|| "is no key: write 64 lower-case hex digits".to_owned())
}
