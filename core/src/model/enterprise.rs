//! An enterprise: its credit class rules what measures apply (分类通关).

use serde::{Deserialize, Serialize};

use super::declaration::word;
use super::{EnterpriseId, Fault, Sampling};

word! {
    /// Whether it may use automatic release at all.
    EnterpriseState {
        /// Yes.
        Normal = "normal",
        /// No.
        Suspended = "suspended",
    }
}

/// An enterprise (FORMATS 2).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enterprise {
    /// Its code.
    pub id: EnterpriseId,
    /// Version; a lower one than known is stale.
    pub version: u32,
    /// Its class code, covered by a class of the policy or `class.unknown`.
    pub class: String,
    /// Whether it may use automatic release.
    pub state: EnterpriseState,
    /// Papers due after release that are overdue.
    #[serde(default)]
    pub papers_overdue: u32,
    /// Consolidated lists whose settling is overdue.
    #[serde(default)]
    pub settlements_overdue: u32,
    /// Where its sampling plan stands.
    #[serde(default)]
    pub sampling: Option<Sampling>,
}

/// Characters of a 统一社会信用代码 in the order of their values (GB 32100).
const CREDIT_CODE_CHARS: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

impl EnterpriseId {
    /// What is wrong with the number's shape: it is a 10-character customs
    /// code, or an 18-character 统一社会信用代码 with its check character.
    #[must_use]
    pub fn shape_fault(&self) -> Option<String> {
        let text = self.as_str();
        let upper = |b: u8| b.is_ascii_digit() || b.is_ascii_uppercase();
        match text.len() {
            10 if text.bytes().all(upper) && text.bytes().take(4).all(|b| b.is_ascii_digit()) => {
                None
            }
            18 => match credit_check_character(text) {
                Some(expected) if text.ends_with(expected) => None,
                Some(expected) => Some(format!("check character should be {expected} (GB 32100)")),
                None => {
                    Some("no 统一社会信用代码: digits and letters without I, O, S, V, Z".into())
                }
            },
            _ => Some(
                "neither a 10-character customs code nor an 18-character 统一社会信用代码".into(),
            ),
        }
    }
}

/// GB 32100-2015, 4.1: 31 less the sum of value times 3^i, modulo 31.
fn credit_check_character(text: &str) -> Option<char> {
    let mut sum = 0;
    let mut weight = 1;
    for c in text.chars().take(17) {
        sum += CREDIT_CODE_CHARS.find(c)? * weight;
        weight = weight * 3 % 31;
    }
    CREDIT_CODE_CHARS.chars().nth((31 - sum % 31) % 31)
}

impl Enterprise {
    /// Every fault beyond shape and type.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.version == 0 {
            faults.push(Fault::new("version", "counts from 1"));
        }
        if self.class.is_empty() {
            faults.push(Fault::new("class", "may not be empty"));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(id: &str) -> Option<String> {
        EnterpriseId::parse(id).unwrap().shape_fault()
    }

    /// Credit codes that their owners publish.
    #[test]
    fn a_customs_code_and_published_credit_codes_have_the_shape() {
        for good in [
            "4403161234",
            "440316A23B",
            "91110000802100433B",
            "91440300708461136T",
            "914403001922038216",
        ] {
            assert_eq!(fault(good), None, "{good}");
        }
    }

    #[test]
    fn any_other_number_says_what_is_wrong_with_it() {
        let wrong = fault("91440300708461136U").unwrap();
        assert_eq!(wrong, "check character should be T (GB 32100)");
        for letter in ["9144030070846113SS", "9144030070I461136T"] {
            assert!(fault(letter).unwrap().contains("without I, O, S, V, Z"));
        }
        for length in ["440316123", "44031612345", "A403161234", "440316123a"] {
            assert!(fault(length).unwrap().contains("10-character"), "{length}");
        }
    }
}
