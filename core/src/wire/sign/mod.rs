//! Signs: what the driver is shown. A sign is told, and nothing it says is
//! evidence; it never decides anything.

mod sunpn;
mod text_sign;
mod xy_display;

use super::settings::{SettingFault, Settings};

pub(in crate::wire) use sunpn::PROTOCOL as SUNPN;
pub(in crate::wire) use text_sign::PROTOCOL as TEXT_SIGN;
pub(in crate::wire) use xy_display::PROTOCOL as XY_DISPLAY;

use sunpn::Sunpn;
use text_sign::TextSign;
use xy_display::XyDisplay;

/// What a sign is to show.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Shown {
    /// Drive on: only then anything green is shown.
    pub go: bool,
    /// The words, one line after the other; a sign without text has none.
    pub lines: Vec<String>,
}

/// How one sign is spoken to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SignWire(Codec);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Codec {
    Sunpn(Sunpn),
    Text(TextSign),
    Xy,
}

impl SignWire {
    /// From a sign's protocol and settings; none = no sign speaks it.
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn of(protocol: &str, settings: &Settings) -> Result<Option<Self>, SettingFault> {
        Ok(match protocol {
            "sunpn" => Some(Self(Codec::Sunpn(Sunpn::of(settings)?))),
            "text-sign" => Some(Self(Codec::Text(TextSign::of(settings)?))),
            "xy-lc301-display" => Some(Self(Codec::Xy)),
            _ => None,
        })
    }

    /// The bytes that show it: one message.
    #[must_use]
    pub fn show(&self, shown: &Shown) -> Vec<u8> {
        match &self.0 {
            Codec::Sunpn(sign) => sign.show(shown),
            Codec::Text(sign) => sign.show(shown),
            Codec::Xy => XyDisplay::show(shown),
        }
    }
}

#[cfg(test)]
mod tests;
