//! Weights in whole kilograms, as declarations and rules use them.

use serde::{Deserialize, Serialize};

/// Kilograms; negative values occur on a scale, never in a declaration.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Kg(pub i64);

/// The unit of a figure on an indicator.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum WeightUnit {
    /// Kilograms.
    Kg,
    /// Metric tonnes.
    Tonne,
    /// Grams.
    Gram,
    /// Pounds: shown and never evidence. Capacity, division and declarations
    /// are metric, so somebody pressed a key.
    Pound,
    /// One that is not known, or none.
    Unknown,
}

impl WeightUnit {
    /// The word, where there is one.
    #[must_use]
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::Kg => Some("kg"),
            Self::Tonne => Some("t"),
            Self::Gram => Some("g"),
            Self::Pound => Some("lb"),
            Self::Unknown => None,
        }
    }

    /// Of that word; any other is unknown.
    #[must_use]
    pub fn of_word(word: &str) -> Self {
        let all = [Self::Kg, Self::Tonne, Self::Gram, Self::Pound];
        let found = all.into_iter().find(|unit| unit.word() == Some(word));
        found.unwrap_or(Self::Unknown)
    }

    /// Millionths of the unit in a kilogram; none for a unit whose figures
    /// are never evidence.
    #[must_use]
    pub const fn per_kg_micro(self) -> Option<i64> {
        match self {
            Self::Kg => Some(1_000_000),
            Self::Tonne => Some(1_000),
            Self::Gram => Some(1_000_000_000),
            Self::Pound | Self::Unknown => None,
        }
    }
}

impl Kg {
    /// Heaviest value accepted: ten times the heaviest road train, so that
    /// sums of a few of them never overflow.
    pub const MAX: Self = Self(1_000_000);

    /// From a scale's decimal text in a metric unit, rounded half up to whole
    /// kilograms; never through floating point. A figure in pounds or an
    /// unknown unit is no weight.
    ///
    /// Accepts sign, digits and one point, nothing else (`inf`, `nan` and
    /// `1e5` are no weights).
    #[must_use]
    pub fn from_decimal(text: &str, unit: WeightUnit) -> Option<Self> {
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
        let per_kg = unit.per_kg_micro()?;
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
        assert_eq!(Kg::from_decimal("20.00", WeightUnit::Kg), Some(Kg(20)));
        assert_eq!(Kg::from_decimal("-1.5", WeightUnit::Kg), Some(Kg(-2)));
        assert_eq!(
            Kg::from_decimal("36.04", WeightUnit::Tonne),
            Some(Kg(36_040))
        );
        assert_eq!(Kg::from_decimal("4139", WeightUnit::Gram), Some(Kg(4)));
    }

    #[test]
    fn what_is_no_plain_decimal_is_no_weight() {
        for text in ["inf", "nan", "1e5", "-0x1F", "", ".", "+", "1.2.3", " 1"] {
            assert_eq!(Kg::from_decimal(text, WeightUnit::Kg), None, "{text}");
        }
    }

    #[test]
    fn pounds_and_unknown_units_are_no_weight_and_words_name_their_unit() {
        for unit in [WeightUnit::Pound, WeightUnit::Unknown] {
            assert_eq!(Kg::from_decimal("38240", unit), None, "{unit:?}");
        }
        for word in ["kg", "t", "g", "lb"] {
            assert_eq!(WeightUnit::of_word(word).word(), Some(word));
        }
        assert_eq!(WeightUnit::of_word("oz"), WeightUnit::Unknown);
    }
}
