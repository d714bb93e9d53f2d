//! Time as values: a monotonic instant for deadlines, a wall instant for
//! windows and records. Nothing here reads the operating system.

use std::fmt;
use std::ops::{Add, Sub};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The offset every time is written with: Chinese, Hong Kong and Macau
/// customs share one civil time, UTC+08:00, without daylight saving.
const CIVIL_OFFSET_HOURS: i8 = 8;

/// A duration in whole microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Micros(pub u64);

impl Micros {
    /// `ms` milliseconds.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms.saturating_mul(1000))
    }

    /// `s` seconds.
    #[must_use]
    pub const fn from_s(s: u64) -> Self {
        Self::from_ms(s.saturating_mul(1000))
    }

    /// Whole milliseconds, rounded down.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.0 / 1000
    }
}

/// A monotonic instant in microseconds since an arbitrary start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Mono(pub u64);

impl Mono {
    /// Time passed since `earlier`; zero if `earlier` lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Micros {
        Micros(self.0.saturating_sub(earlier.0))
    }

    /// The instant `by` before this one, not before the start.
    #[must_use]
    pub const fn back(self, by: Micros) -> Self {
        Self(self.0.saturating_sub(by.0))
    }
}

impl Add<Micros> for Mono {
    type Output = Self;
    fn add(self, by: Micros) -> Self {
        Self(self.0.saturating_add(by.0))
    }
}

/// A wall-clock instant in Unix milliseconds. Written as RFC 3339 in +08:00.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Wall(pub i64);

impl Wall {
    /// Parses RFC 3339 with an offset; fractions beyond milliseconds are cut.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        text.parse::<Timestamp>()
            .map(|t| Self(t.as_millisecond()))
            .map_err(|_| TimeError(text.chars().take(40).collect()))
    }

    /// This instant `s` seconds later (earlier if negative).
    #[must_use]
    pub const fn plus_s(self, s: i64) -> Self {
        Self(self.0.saturating_add(s.saturating_mul(1000)))
    }

    /// This instant `ms` milliseconds later (earlier if negative).
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The civil date in +08:00; none beyond the calendar.
    #[must_use]
    pub fn date(self) -> Option<Date> {
        let stamp = Timestamp::from_millisecond(self.0).ok()?;
        let offset = Offset::constant(CIVIL_OFFSET_HOURS);
        Some(offset.to_datetime(stamp).date())
    }

    /// As it is written, where the calendar reaches so far.
    pub(crate) fn stamp(self) -> Option<Stamp> {
        let instant = Timestamp::from_millisecond(self.0).ok()?;
        let t = Offset::constant(CIVIL_OFFSET_HOURS).to_datetime(instant);
        let year = u16::try_from(t.year()).ok().filter(|year| *year <= 9999)?;
        // Digit by digit: every decision writes several times into its trace.
        let mut text = *b"0000-00-00T00:00:00.000+08:00";
        let mut put = |at: usize, value: u16| {
            let [_, value] = value.to_be_bytes();
            text[at] = b'0' + value / 10;
            text[at + 1] = b'0' + value % 10;
        };
        let two = |n: i8| u16::from(n.unsigned_abs());
        put(0, year / 100);
        put(2, year % 100);
        put(5, two(t.month()));
        put(8, two(t.day()));
        put(11, two(t.hour()));
        put(14, two(t.minute()));
        put(17, two(t.second()));
        let ms = u16::try_from(self.0.rem_euclid(1000)).ok()?;
        if ms == 0 {
            text.copy_within(23.., 19);
            return Some(Stamp { text, len: 25 });
        }
        put(20, ms / 10);
        let [_, last] = (ms % 10).to_be_bytes();
        text[22] = b'0' + last;
        Some(Stamp { text, len: 29 })
    }

    /// The civil day in +08:00, as `YYYY-MM-DD`.
    #[must_use]
    pub fn day(self) -> String {
        self.to_string().chars().take(10).collect()
    }
}

/// A time as it is written, in place.
pub(crate) struct Stamp {
    text: [u8; 29],
    len: usize,
}

impl Stamp {
    /// The text: ASCII throughout.
    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.text[..self.len]).unwrap_or_default()
    }
}

impl Sub for Wall {
    type Output = i64;
    /// Difference in milliseconds.
    fn sub(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stamp() {
            Some(stamp) => f.write_str(stamp.as_str()),
            None => write!(f, "out-of-range:{}", self.0),
        }
    }
}

impl fmt::Debug for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Wall {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Wall {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A text that is no RFC 3339 time with an offset.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("\"{0}\" is no time: write RFC 3339 with an offset, like 2026-11-24T08:00:00+08:00")]
pub struct TimeError(pub String);

/// Whether the wall clock may be used for windows and freshness (DESIGN 3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// Confirmed by the authority or the time daemon, no step since.
    Trusted,
    /// Anything else: windows and freshness are unknown (L4).
    Unknown,
}

/// The present, handed in with every call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Now {
    /// For deadlines.
    pub mono: Mono,
    /// For windows and records.
    pub wall: Wall,
    /// Whether `wall` is to be believed.
    pub clock: Clock,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_port_time_whatever_the_offset_read() {
        let utc = Wall::parse("2026-11-24T00:00:00Z").unwrap();
        assert_eq!(utc.to_string(), "2026-11-24T08:00:00+08:00");
        assert_eq!(Wall::parse(&utc.to_string()).unwrap(), utc);
        assert_eq!(utc.plus_ms(5).to_string(), "2026-11-24T08:00:00.005+08:00");
        assert_eq!(utc.day(), "2026-11-24");
        let late = Wall::parse("2026-11-23T16:00:00Z").unwrap();
        assert_eq!(late.date().unwrap().to_string(), "2026-11-24");
        assert_eq!(Wall(i64::MAX).date(), None);
    }

    #[test]
    fn a_time_without_an_offset_is_refused() {
        assert!(Wall::parse("2026-11-24T08:00:00").is_err());
        assert!(Wall::parse("tomorrow").is_err());
    }
}
