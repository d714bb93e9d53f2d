//! Wall time as the vendors' formats and customs' documents write it.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// China Standard Time, in which cameras and documents are written.
const CHINA: Offset = Offset::constant(8);

/// Broken-down local time at the port.
pub(crate) fn local(unix_ms: i64) -> DateTime {
    CHINA.to_datetime(timestamp(unix_ms))
}

/// Broken-down UTC.
pub(crate) fn utc(unix_ms: i64) -> DateTime {
    Offset::UTC.to_datetime(timestamp(unix_ms))
}

/// RFC 3339 with the port's offset, whole seconds.
pub(crate) fn rfc3339(unix_ms: i64) -> String {
    let t = local(unix_ms);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}+08:00",
        t.year(),
        t.month(),
        t.day(),
        t.hour(),
        t.minute(),
        t.second()
    )
}

/// Unix milliseconds of an RFC 3339 text, if it is one.
pub(crate) fn parse_rfc3339(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(|t| t.as_millisecond())
}

fn timestamp(unix_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(unix_ms).expect("a simulated run lies within the calendar")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_china_standard_time_and_read_back() {
        // 2026-11-24 00:00:03 UTC.
        let ms = 1_795_478_403_000;
        assert_eq!(rfc3339(ms), "2026-11-24T08:00:03+08:00");
        assert_eq!(parse_rfc3339("2026-11-24T08:00:03+08:00"), Some(ms));
        assert_eq!(utc(ms).hour(), 0);
        assert_eq!(parse_rfc3339("yesterday"), None);
    }
}
