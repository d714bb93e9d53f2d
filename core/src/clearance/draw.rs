//! The draw (DOMAIN 4): who is selected, so that nobody can foresee it or redo
//! it, and anyone can verify it afterwards.
//!
//! ```text
//!  K[d-1] = SHA-256(K[d])                            a day's key gives those of all days before it
//!  value  = HMAC-SHA-256(K[d], id || 0x0A || trip)   id in UTF-8, trip in decimal ASCII
//! ```
//!
//! An identifier has no line break, so no two pairs are written alike. The
//! first 64 bits of the value, as a fraction of all, below the rate: selected.
//!
//! Absent on purpose: where keys come from and lie (the shell's); a way to
//! print one by accident.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::policy::Ratio;
use crate::model::{DeclarationId, Draw, ItemDigest};

/// Days a chain may span (L9); its published anchor covers a year.
pub const CHAIN_DAYS_MAX: u32 = 400;

/// A day's key, or one of a later day that it is derived from.
#[derive(Clone, PartialEq, Eq)]
pub struct DayKey([u8; 32]);

/// Never shows a key: whoever sees it knows today's draws.
impl fmt::Debug for DayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DayKey(..)")
    }
}

impl DayKey {
    /// The key of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hex digits.
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        ItemDigest::parse(hex).map(|digest| Self(digest.0))
    }

    /// The key in hex: for the file it is kept in, and for a key whose day is
    /// over. Never for a log.
    #[must_use]
    pub fn reveal(&self) -> String {
        ItemDigest(self.0).to_string()
    }

    /// The key of the day before.
    #[must_use]
    pub fn previous(&self) -> Self {
        Self(Sha256::digest(self.0).into())
    }

    /// The key of `days` days before.
    #[must_use]
    pub fn before(&self, days: u32) -> Option<Self> {
        if days > CHAIN_DAYS_MAX {
            return None;
        }
        let mut key = self.clone();
        for _ in 0..days {
            key = key.previous();
        }
        Some(key)
    }

    /// The draw's value for this trip of the declaration, lower-case hex.
    #[must_use]
    pub fn value(&self, declaration: &DeclarationId, trip: u32) -> String {
        let text = format!("{}\n{trip}", declaration.as_str());
        hex(hmac_sha256(&self.0, text.as_bytes()))
    }
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// One draw a candidate of every look-up: without the formatter.
fn hex(bytes: [u8; 32]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(64);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS[usize::from(nibble)]));
        }
    }
    text
}

/// Keys of consecutive days, known by the last of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyChain {
    last_day: Date,
    last: DayKey,
}

impl KeyChain {
    /// The chain that ends with `last` on `last_day`.
    #[must_use]
    pub const fn new(last_day: Date, last: DayKey) -> Self {
        Self { last_day, last }
    }

    /// The last day it has a key for.
    #[must_use]
    pub const fn last_day(&self) -> Date {
        self.last_day
    }

    /// The last day's key.
    #[must_use]
    pub const fn last(&self) -> &DayKey {
        &self.last
    }

    /// Days from `day` to the last; none behind it.
    #[must_use]
    pub fn days_left(&self, day: Date) -> Option<u32> {
        days_between(day, self.last_day)
    }

    /// The key of `day`; none behind the last day, or more than
    /// [`CHAIN_DAYS_MAX`] before it.
    #[must_use]
    pub fn key_of(&self, day: Date) -> Option<DayKey> {
        self.last.before(self.days_left(day)?)
    }
}

/// Whole days from `from` to `to`; none if `to` lies before.
#[must_use]
pub fn days_between(from: Date, to: Date) -> Option<u32> {
    let span = from.until(to).ok()?;
    u32::try_from(span.get_days()).ok()
}

/// The day of drawing, with its key where there is one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DrawDay {
    /// The day at +08:00.
    pub day: Date,
    /// Its key; without one every draw selects (L4).
    pub key: Option<DayKey>,
}

impl DrawDay {
    /// Draws for this trip of the declaration.
    #[must_use]
    pub fn draw(&self, declaration: &DeclarationId, trip: u32) -> Draw {
        let value = self.key.as_ref().map(|key| key.value(declaration, trip));
        Draw {
            day: self.day.to_string(),
            trip,
            value: value.unwrap_or_default(),
            selected: None,
        }
    }
}

/// Whether the draw's first 64 bits, as a fraction of all, lie below `rate`.
/// A value that cannot be read, or none for want of a key, selects (L4).
pub(super) fn below(value: &str, rate: Ratio) -> bool {
    let digits = value.get(..16).filter(|hex| {
        let mut bytes = hex.bytes();
        bytes.all(|b| b.is_ascii_hexdigit())
    });
    let Some(first) = digits.and_then(|hex| u64::from_str_radix(hex, 16).ok()) else {
        return true;
    };
    u128::from(first) * u128::from(rate.den) < (u128::from(rate.num) << 64)
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;
