//! Numbers as cameras write them, by decimal arithmetic: `"0.719034"` is 71
//! percent and `1607123958.748393` seconds are whole milliseconds. No floating
//! point, and always rounded down: a confidence is never made better.

/// Digits kept; what a camera writes beyond them is less than a millionth.
const DIGITS_MAX: usize = 24;
/// Places moved at most by an exponent.
const EXPONENT_MAX: u32 = 30;

/// `digits / 10^places`, not negative.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Decimal {
    digits: u128,
    places: i32,
}

impl Decimal {
    /// Digits, perhaps a point, perhaps an exponent; no sign but `+`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('+').unwrap_or(text);
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let is_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() > DIGITS_MAX || exponent.unsigned_abs() > EXPONENT_MAX {
            return None;
        }
        let fraction = &fraction[..fraction.len().min(DIGITS_MAX - whole.len())];
        let digits = format!("0{whole}{fraction}").parse().ok()?;
        let places = i32::try_from(fraction.len()).ok()? - exponent;
        Some(Self { digits, places })
    }

    /// This times `by`, divided by `over`, rounded down.
    pub(super) fn scaled(self, by: u64, over: u64) -> Option<i64> {
        let ten = |n: i32| 10_u128.checked_pow(n.unsigned_abs());
        let up = self.digits.checked_mul(u128::from(by))?;
        let (up, down) = match self.places {
            // A divisor beyond all digits leaves nothing.
            n if n > 0 => (up, ten(n).and_then(|t| t.checked_mul(u128::from(over)))),
            n => (
                ten(n).and_then(|t| up.checked_mul(t))?,
                Some(u128::from(over)),
            ),
        };
        down.map_or(Some(0), |down| i64::try_from(up / down).ok())
    }
}

/// How a confidence is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scale {
    Percent,
    Unit,
    Permille,
    Byte,
}

impl Scale {
    pub(super) const WORDS: &'static [&'static str] = &["0-100", "0-1", "permille", "0-255"];

    pub(super) fn of(word: &str) -> Self {
        match word {
            "0-1" => Self::Unit,
            "permille" => Self::Permille,
            "0-255" => Self::Byte,
            _ => Self::Percent,
        }
    }

    /// In percent, if it lies in the scale.
    pub(super) fn percent(self, text: &str) -> Option<u8> {
        let (by, over) = match self {
            Self::Percent => (1, 1),
            Self::Unit => (100, 1),
            Self::Permille => (1, 10),
            Self::Byte => (100, 255),
        };
        let percent = Decimal::parse(text.trim())?.scaled(by, over)?;
        u8::try_from(percent).ok().filter(|p| *p <= 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidence_is_whole_percent_rounded_down_whatever_its_scale() {
        assert_eq!(Scale::Unit.percent("0.719034"), Some(71));
        assert_eq!(Scale::Unit.percent("1"), Some(100));
        assert_eq!(Scale::Unit.percent("9.5e-2"), Some(9));
        assert_eq!(Scale::Percent.percent("85.6086"), Some(85));
        assert_eq!(Scale::Percent.percent("100.0"), Some(100));
        assert_eq!(Scale::Permille.percent("999"), Some(99));
        assert_eq!(Scale::Byte.percent("255"), Some(100));
        assert_eq!(Scale::Byte.percent("97"), Some(38));
    }

    #[test]
    fn what_is_no_number_of_the_scale_is_no_confidence() {
        for text in [
            "",
            "-1",
            "101",
            "1e9",
            "NaN",
            "inf",
            "0x10",
            ".5",
            "1,5",
            "1e99",
            "1e-2147483648",
        ] {
            assert_eq!(Scale::Percent.percent(text), None, "{text}");
        }
        assert_eq!(Scale::Unit.percent("97"), None);
    }

    #[test]
    fn a_time_keeps_its_milliseconds() {
        let ms = |text, by, over| Decimal::parse(text).and_then(|d| d.scaled(by, over));
        assert_eq!(ms("1607123958.748393", 1000, 1), Some(1_607_123_958_748));
        assert_eq!(ms("1559734853184", 1, 1), Some(1_559_734_853_184));
        assert_eq!(ms("1559734853184999", 1, 1000), Some(1_559_734_853_184));
        assert_eq!(ms("1.5e3", 1, 1), Some(1500));
        assert_eq!(ms("99999999999999999999", 1000, 1), None);
    }
}
