//! Container numbers by ISO 6346: owner code, category U, J or Z, serial,
//! check digit.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A container number whose shape and check digit hold.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerNo(SmolStr);

/// Why a text is no container number.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ContainerError {
    /// Not three letters, U/J/Z and seven digits after normalising.
    #[error("\"{0}\" is no ISO 6346 number: three letters, then U, J or Z, then seven digits")]
    Shape(String),
    /// The last digit is not the check digit.
    #[error("\"{text}\" has check digit {found}, ISO 6346 gives {expected}")]
    CheckDigit {
        /// The normalised text.
        text: String,
        /// The digit it ends with.
        found: u8,
        /// The digit it should end with.
        expected: u8,
    },
}

impl ContainerNo {
    /// Normalises (upper case, no blanks or hyphens) and checks the whole text.
    ///
    /// # Errors
    /// Shape or check digit.
    pub fn parse(raw: &str) -> Result<Self, ContainerError> {
        let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        let text: SmolStr = if raw.len() <= 24 && raw.bytes().all(plain) {
            raw.into()
        } else {
            let kept = raw.chars().filter(|c| !matches!(c, ' ' | '-'));
            kept.flat_map(char::to_uppercase).take(24).collect()
        };
        let b = text.as_bytes();
        let shaped = b.len() == 11
            && b[..3].iter().all(u8::is_ascii_uppercase)
            && matches!(b[3], b'U' | b'J' | b'Z')
            && b[4..].iter().all(u8::is_ascii_digit);
        if !shaped {
            return Err(ContainerError::Shape(text.into()));
        }
        let expected = check_digit(&b[..10]);
        let found = b[10] - b'0';
        if found == expected {
            Ok(Self(text))
        } else {
            Err(ContainerError::CheckDigit {
                text: text.into(),
                found,
                expected,
            })
        }
    }

    /// The eleven characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// ISO 6346 annex A: letters from A = 10 skipping multiples of 11, sum of
/// value times 2^i, modulo 11, ten counts as zero.
fn check_digit(first_ten: &[u8]) -> u8 {
    let value = |c: u8| -> u32 {
        if c.is_ascii_digit() {
            return u32::from(c - b'0');
        }
        let n = u32::from(c - b'A') + 10;
        n + (n - 1) / 10 // 11, 22 and 33 are skipped
    };
    let sum: u32 = first_ten
        .iter()
        .enumerate()
        .map(|(i, &c)| value(c) << i)
        .sum();
    u8::try_from(sum % 11 % 10).expect("a remainder below ten fits a byte")
}

impl TryFrom<String> for ContainerNo {
    type Error = ContainerError;
    fn try_from(text: String) -> Result<Self, ContainerError> {
        Self::parse(&text)
    }
}

impl From<ContainerNo> for String {
    fn from(no: ContainerNo) -> Self {
        no.0.into()
    }
}

impl From<&ContainerNo> for super::Datum {
    fn from(no: &ContainerNo) -> Self {
        Self::Text(no.0.clone())
    }
}

impl std::fmt::Display for ContainerNo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case c52: only the whole text, exact length and check digit count.
    #[test]
    fn rubbish_around_a_number_or_a_wrong_check_digit_is_refused() {
        for bad in [
            "CSQU3054383XXX",
            "ABCU1234567HELLO",
            "hellozZ123456",
            "AB,123456",
            "CSQU305438",
            "ABCU1234567",
            "XCSQU3054383",
            "CSQU3054384",
            "CSQA3054383",
            "",
        ] {
            assert!(ContainerNo::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn blanks_hyphens_and_case_are_normalised() {
        for good in ["csqu 305438-3", "CSQU3054383", "CSQU-305438-3"] {
            assert_eq!(ContainerNo::parse(good).unwrap().as_str(), "CSQU3054383");
        }
    }

    /// Numbers published with the standard and by owners.
    #[test]
    fn known_numbers_pass() {
        for good in ["TOLU4734787", "MSKU6011672", "ABCU1234560"] {
            assert!(ContainerNo::parse(good).is_ok(), "{good}");
        }
    }
}
