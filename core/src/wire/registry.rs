//! The protocols by name.

use super::settings::{self, Setting, SettingFault, Settings};
use crate::time::Micros;

use super::{Decoder, Item, camera, io, scale, seal, sign, tag};

/// Every protocol, one line each, in the order of names.
static PROTOCOLS: &[&Protocol] = &[
    &io::adam4000::PROTOCOL,
    &scale::ascii_line::AND,
    &scale::ascii_line::OWN,
    &scale::ascii_line::AVERY_STREAM,
    &camera::json::AXIS_FFGROUP,
    &scale::ascii_line::CARDINAL_SB200,
    &scale::ascii_line::CARDINAL_SB400,
    &camera::dahua::PROTOCOL,
    &scale::ascii_line::DINI_ARGEO,
    &camera::json::FRIGATE,
    &camera::hikvision::PROTOCOL,
    &camera::json::JSON_CAMERA,
    &seal::json::PROTOCOL,
    &seal::jt701::PROTOCOL,
    &seal::jt808::PROTOCOL,
    &io::lcus::PROTOCOL,
    &io::modbus_rtu::PROTOCOL,
    &io::modbus_tcp::PROTOCOL,
    &io::mqtt_io::PROTOCOL,
    &scale::mt_continuous::PROTOCOL,
    &scale::mt_sics::PROTOCOL,
    &scale::ascii_line::NCI,
    &camera::json::OPENALPR,
    &camera::json::PLATE_RECOGNIZER,
    &camera::json::QIANYI,
    &scale::ascii_line::RICE_LAKE,
    &scale::ascii_line::RINSTRUM,
    &scale::sbi::PROTOCOL,
    &scale::sma::PROTOCOL,
    &sign::SUNPN,
    &scale::systec::PROTOCOL,
    &sign::TEXT_SIGN,
    &camera::json::TRASSIR,
    &tag::uhfreader18::PROTOCOL,
    &tag::uhfreader288::PROTOCOL,
    &camera::json::VERKADA,
    &camera::vzenith_http::PROTOCOL,
    &camera::vzenith::PROTOCOL,
    &tag::wiegand26::PROTOCOL,
    &io::xy_lc301::PROTOCOL,
    &sign::XY_DISPLAY,
    &scale::yaohua_a12::PROTOCOL,
    &scale::yaohua_a12e::PROTOCOL,
    &scale::yaohua_command::PROTOCOL,
    &scale::yaohua_tf0::PROTOCOL,
    &scale::yaohua_tf1::PROTOCOL,
    &scale::yaohua_tf2::PROTOCOL,
];

/// Longest line of hex `decode` takes, in bytes decoded.
const LINE_LEN_MAX: usize = 8 << 20;

/// What a device of a protocol is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ProtocolKind {
    /// A weighbridge indicator.
    Scale,
    /// A plate camera.
    Camera,
    /// An electronic seal or its reader.
    Seal,
    /// A reader of tags or cards.
    Tag,
    /// The lane's inputs and outputs.
    Io,
    /// A sign that shows text.
    Sign,
}

/// A question the gateway puts again and again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// What is sent.
    pub bytes: Vec<u8>,
    /// How often; the answer is awaited as long.
    pub every: Micros,
}

/// One protocol.
pub struct Protocol {
    /// Its name in configuration and `decode`.
    pub name: &'static str,
    /// What speaks it.
    pub kind: ProtocolKind,
    /// What it is for people who choose one: makers, models, what the frames
    /// do not say, and the source. Markdown, for `docs/protocols.md`.
    pub about: &'static str,
    /// What can be set.
    pub settings: &'static [Setting],
    /// What the gateway sends to be told, where the device does not speak by
    /// itself.
    pub ask: Option<fn(&Settings) -> Ask>,
    /// What the table of settings cannot tell: texts with a grammar of their
    /// own, settings that must go together. Asked when the table is content.
    pub(super) agree: Option<fn(&Settings) -> Vec<SettingFault>>,
    /// Makes a decoder from settings already checked against the table; use
    /// [`Protocol::decoder`].
    pub(super) make: fn(&Settings) -> Box<dyn Decoder + Send>,
}

impl Protocol {
    /// A decoder with these settings.
    ///
    /// # Errors
    /// The first setting that is unknown or cannot be used; see
    /// [`Protocol::faults`] for all.
    pub fn decoder(&self, settings: &Settings) -> Result<Box<dyn Decoder + Send>, SettingFault> {
        match self.faults(settings).into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok((self.make)(settings)),
        }
    }

    /// Everything wrong with these settings.
    #[must_use]
    pub fn faults(&self, settings: &Settings) -> Vec<SettingFault> {
        let faults = settings::faults(self.settings, settings);
        match self.agree {
            Some(agree) if faults.is_empty() => agree(settings),
            Some(_) | None => faults,
        }
    }
}

/// The protocol of that name.
#[must_use]
pub fn protocol(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().find(|p| p.name == name).copied()
}

/// All protocols, in the order of names.
#[must_use]
pub fn protocols() -> &'static [&'static Protocol] {
    PROTOCOLS
}

/// A line that is no hex.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HexFault {
    /// A character that is neither hex nor blank.
    #[error("character {at} is {found:?}: write bytes as hex, like 022b30")]
    Character {
        /// Which character, from 1.
        at: usize,
        /// What stands there.
        found: char,
    },
    /// Half a byte.
    #[error("{0} hex digits are no whole number of bytes")]
    Odd(usize),
    /// Too long.
    #[error("more than {LINE_LEN_MAX} bytes in one line")]
    TooLong,
}

/// Decodes one line of hex as one message; its end is an idle gap.
///
/// # Errors
/// The line is no hex; nothing was decoded then.
pub fn decode_line(decoder: &mut dyn Decoder, line: &str) -> Result<Vec<Item>, HexFault> {
    let bytes = hex(line)?;
    let mut out = Vec::new();
    decoder.push(&bytes, &mut out);
    decoder.idle(&mut out);
    Ok(out)
}

fn hex(line: &str) -> Result<Vec<u8>, HexFault> {
    let mut nibbles = Vec::with_capacity(line.len().min(2 * LINE_LEN_MAX));
    for (i, found) in line.chars().enumerate() {
        match found.to_digit(16) {
            Some(nibble) => nibbles.push(nibble as u8),
            None if found.is_ascii_whitespace() => {}
            None => return Err(HexFault::Character { at: i + 1, found }),
        }
        if nibbles.len() > 2 * LINE_LEN_MAX {
            return Err(HexFault::TooLong);
        }
    }
    match nibbles.len() % 2 {
        0 => Ok(nibbles.chunks(2).map(|n| n[0] << 4 | n[1]).collect()),
        _ => Err(HexFault::Odd(nibbles.len())),
    }
}
