//! Identifiers: short texts with a checked shape, one type each so that a
//! lane is never taken for a passage.

use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

/// Longest identifier accepted; every buffer and label derives from it (L9).
pub(super) const ID_LEN_MAX: usize = 96;

/// Why a text is no identifier.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdError {
    /// Nothing there.
    #[error("an identifier may not be empty")]
    Empty,
    /// Longer than 96 bytes.
    #[error("an identifier may have at most {ID_LEN_MAX} bytes, this one has {0}")]
    TooLong(usize),
    /// A blank, control character, slash, plus or hash.
    #[error("character {0:?} may not occur in an identifier")]
    BadCharacter(char),
    /// Not four digits.
    #[error("a port is a customs code of four digits, like \"5345\"")]
    NotAPort,
}

fn checked(text: &str) -> Result<SmolStr, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > ID_LEN_MAX {
        return Err(IdError::TooLong(text.len()));
    }
    // Slash, plus and hash would change the meaning of an MQTT topic; an
    // apostrophe in front is a spreadsheet's decoration, not part of an id.
    let bad = |c: &char| c.is_whitespace() || c.is_control() || "/+#'\"\\".contains(*c);
    match text.chars().find(bad) {
        Some(c) => Err(IdError::BadCharacter(c)),
        None => Ok(text.into()),
    }
}

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(SmolStr);

        impl $name {
            /// Checks the shape of `text`.
            ///
            /// # Errors
            /// Says what is wrong with it.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                checked(text).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }

        impl From<&$name> for super::Datum {
            fn from(id: &$name) -> Self {
                Self::Text(id.0.clone())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

text_id! {
    /// One carriageway, like `SZB-X-01`.
    LaneId,
    /// The machine running one lanegate.
    ControllerId,
    /// One configured device, like `cam-1`.
    DeviceId,
    /// One truck's stay: `<lane>-<start number>-<n>`.
    PassageId,
    /// A declaration's number (载货清单 13 digits, 报关单 18 digits and others).
    DeclarationId,
    /// An enterprise: 10-character customs code or 18-character 统一社会信用代码.
    EnterpriseId,
    /// A control's number.
    ControlId,
    /// A finding's number.
    FindingId,
    /// An order's number, remembered longer than any redelivery.
    OrderId,
    /// An officer.
    OfficerId,
}

impl PassageId {
    /// The `n`-th passage of `lane` since the controller's start number `start`.
    #[must_use]
    pub fn of(lane: &LaneId, start: u64, n: u64) -> Self {
        Self(format_smolstr!("{lane}-{start}-{n}"))
    }

    /// The start number in it, if it is of this form.
    #[must_use]
    pub fn start(&self) -> Option<u64> {
        let (rest, _) = self.0.rsplit_once('-')?;
        let (_, start) = rest.rsplit_once('-')?;
        start.parse().ok()
    }
}

/// A port's customs code, four digits (5345 深圳湾).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortCode(SmolStr);

impl PortCode {
    /// Checks that `text` is four digits.
    ///
    /// # Errors
    /// [`IdError::NotAPort`] otherwise.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.into()))
        } else {
            Err(IdError::NotAPort)
        }
    }

    /// The four digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PortCode {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl From<PortCode> for String {
    fn from(port: PortCode) -> Self {
        port.0.into()
    }
}

impl From<&PortCode> for super::Datum {
    fn from(port: &PortCode) -> Self {
        Self::Text(port.0.clone())
    }
}

impl std::fmt::Display for PortCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
