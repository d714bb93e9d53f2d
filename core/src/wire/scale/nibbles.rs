//! The checksum of Yaohua frames: XOR in two characters.

use super::super::checksum::xor;
use super::super::settings::{Setting, Values};

pub(super) const NIBBLES: Setting = Setting {
    name: "nibbles",
    default: "hex",
    values: Values::Words(&["hex", "plus30"]),
    meaning: "how the checksum is written: hex digits, or 30h + n for every n (some clones)",
};

/// How a nibble of the checksum is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nibbles {
    Hex,
    Plus30,
}

impl Nibbles {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "plus30" => Self::Plus30,
            _ => Self::Hex,
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::Hex => Self::Plus30,
            Self::Plus30 => Self::Hex,
        }
    }

    /// The two characters of the checksum over `body`, high nibble first.
    pub(super) fn of_body(self, body: &[u8]) -> [u8; 2] {
        let sum = xor(body);
        [self.write(sum >> 4), self.write(sum & 0x0f)]
    }

    pub(super) fn fit(self, body: &[u8], sum: [u8; 2]) -> bool {
        self.of_body(body) == sum
    }

    const fn write(self, nibble: u8) -> u8 {
        match self {
            Self::Hex if nibble > 9 => nibble + 0x37,
            Self::Hex | Self::Plus30 => nibble + 0x30,
        }
    }
}
