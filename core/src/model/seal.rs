//! Electronic seals: identity, state and alarms.

use serde::{Deserialize, Serialize};

use super::declaration::word;

/// A seal's number as printed on its case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SealId(String);

impl SealId {
    /// Upper-cases and checks: 1 to 32 letters and digits.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn parse(text: &str) -> Result<Self, SealIdError> {
        let id: String = text.chars().flat_map(char::to_uppercase).take(40).collect();
        let fits = (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
        if fits {
            Ok(Self(id))
        } else {
            Err(SealIdError(id))
        }
    }

    /// The number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no seal number.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("\"{0}\" is no seal number: 1 to 32 letters and digits")]
pub struct SealIdError(pub String);

impl TryFrom<String> for SealId {
    type Error = SealIdError;
    fn try_from(text: String) -> Result<Self, SealIdError> {
        Self::parse(&text)
    }
}

impl From<SealId> for String {
    fn from(id: SealId) -> Self {
        id.0
    }
}

impl std::fmt::Display for SealId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

word! {
    /// What a seal says of itself.
    SealState {
        /// Closed and whole.
        Sealed = "sealed",
        /// Opened or not closed.
        Open = "open",
        /// Its rope or bolt is cut.
        Cut = "cut",
        /// It did not say.
        Unknown = "unknown",
    }
}

word! {
    /// Alarms a seal may report, whatever the make.
    SealAlarm {
        /// The rope was cut.
        RopeCut = "rope-cut",
        /// The back cover was opened.
        CoverOpened = "cover-opened",
        /// The lock's motor is stuck.
        MotorStuck = "motor-stuck",
        /// Left unlocked for long.
        LongUnlocked = "long-unlocked",
        /// A wrong password was tried.
        WrongPassword = "wrong-password",
        /// A card without right was tried.
        IllegalCard = "illegal-card",
        /// The battery is low (a warning, not a stop).
        LowBattery = "low-battery",
        /// Vibration.
        Vibration = "vibration",
        /// Entered a fenced area.
        FenceEnter = "fence-enter",
        /// Left a fenced area.
        FenceExit = "fence-exit",
    }
}
