//! How fields of seals are written: digits in nibbles, dates, coordinates.

use super::super::SettingFault;
use crate::time::Wall;

/// Whole degrees and `mmmmmm`, ten-thousandths of a minute.
pub(super) fn microdeg(degrees: &str, minutes: &str) -> Option<i32> {
    let degrees: i32 = degrees.parse().ok()?;
    let minutes: i32 = minutes.parse().ok()?;
    // A minute is 1/60 degree: ten-thousandths of it times 100/60, rounded.
    let fraction = (minutes * 10 + 3) / 6;
    (minutes < 600_000).then_some(degrees * 1_000_000 + fraction)
}

/// `ddmmyyhhmmss` in UTC; an impossible date is an unknown date.
pub(super) fn date(digits: &str) -> Option<Wall> {
    let part = |n: usize| &digits[2 * n..2 * n + 2];
    let (day, month, year) = (part(0), part(1), part(2));
    let (hour, minute, second) = (part(3), part(4), part(5));
    Wall::parse(&format!("20{year}-{month}-{day}T{hour}:{minute}:{second}Z")).ok()
}

pub(super) fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// BCD as a text of digits.
pub(super) fn bcd(bytes: &[u8]) -> Option<String> {
    let nibbles = bytes.iter().flat_map(|b| [b >> 4, b & 0x0f]);
    nibbles
        .map(|n| (n <= 9).then(|| char::from(b'0' + n)))
        .collect()
}

/// `yymmddhhmmss` of a clock that is `offset_s` ahead of UTC.
pub(super) fn local(digits: &str, offset_s: i64) -> Option<Wall> {
    let part = |n: usize| &digits[2 * n..2 * n + 2];
    let (year, month, day) = (part(0), part(1), part(2));
    let (hour, minute, second) = (part(3), part(4), part(5));
    let utc = Wall::parse(&format!("20{year}-{month}-{day}T{hour}:{minute}:{second}Z")).ok()?;
    Some(utc.plus_s(-offset_s))
}

/// `+08:00` in seconds.
pub(super) fn offset_s(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |t: &str| is_digits(t.as_bytes()) && t.len() == 2;
    if !two(hours) || !two(minutes) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let fits = minutes < 60 && hours * 60 + minutes <= 14 * 60;
    fits.then_some(sign * (hours * 3_600 + minutes * 60))
}

/// What is wrong with a setting `utc_offset`.
pub(super) fn offset_fault(text: &str) -> Option<SettingFault> {
    let why = format!("\"{text}\" is no offset: write one from -14:00 to +14:00, like +08:00");
    offset_s(text).is_none().then(|| SettingFault {
        name: "utc_offset".to_owned(),
        why,
    })
}
