//! Weights in whole kilograms, as declarations and rules use them.

use serde::{Deserialize, Serialize};

/// Kilograms; negative values occur on a scale, never in a declaration.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Kg(pub i64);

impl Kg {
    /// Heaviest value accepted: ten times the heaviest road train, so that
    /// sums of a few of them never overflow.
    pub const MAX: Self = Self(1_000_000);

    /// From a scale's decimal text in kilograms or tonnes, rounded half up to
    /// whole kilograms; never through floating point.
    ///
    /// Accepts sign, digits and one point, nothing else (`inf`, `nan` and
    /// `1e5` are no weights).
    #[must_use]
    pub fn from_decimal(text: &str, unit: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(fraction) || whole.len() > 12 {
            return None;
        }
        let padded: String = fraction.chars().chain("000000".chars()).take(6).collect();
        let micro = whole.parse::<i64>().ok()? * 1_000_000 + padded.parse::<i64>().ok()?;
        let per_kg = match unit {
            "kg" => 1_000_000,
            "t" => 1_000,
            "g" => 1_000_000_000,
            _ => return None,
        };
        let kg = (micro + per_kg / 2) / per_kg;
        (kg <= Self::MAX.0).then_some(Self(if negative { -kg } else { kg }))
    }
}

impl std::fmt::Display for Kg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} kg", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_texts_become_whole_kilograms() {
        assert_eq!(Kg::from_decimal("20.00", "kg"), Some(Kg(20)));
        assert_eq!(Kg::from_decimal("-1.5", "kg"), Some(Kg(-2)));
        assert_eq!(Kg::from_decimal("36.04", "t"), Some(Kg(36_040)));
        assert_eq!(Kg::from_decimal("4139", "g"), Some(Kg(4)));
    }

    #[test]
    fn what_is_no_plain_decimal_is_no_weight() {
        for text in ["inf", "nan", "1e5", "-0x1F", "", ".", "+", "1.2.3", " 1"] {
            assert_eq!(Kg::from_decimal(text, "kg"), None, "{text}");
        }
    }
}
