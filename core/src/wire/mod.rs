//! Codecs: bytes of a device become frames. A frame is what the device said;
//! whether it is evidence is decided elsewhere.
//!
//! Absent on purpose: ports, topics, time of arrival, units of a lane. A codec
//! never fails: what is no frame is [`Item::Noise`], and after a fault it goes
//! on one byte later, so that a good frame right behind a torn one is kept.
//!
//! Adding a protocol: one file with its layout table, one line in
//! `registry.rs` (and its `mod` line), one file in `tests/frames/`.

pub mod checksum;
mod document;
mod exchange;
pub mod fit;
mod frame;
mod framer;
pub mod json_path;
pub mod multipart;
mod noise;
mod push;
mod registry;
mod settings;

mod camera;
pub mod io;
pub mod scale;
mod seal;
pub mod sign;
mod tag;

#[cfg(test)]
mod tests;

pub use document::markdown;
pub use exchange::{ExchangeFrame, Field, Speaker};
pub use frame::{
    CardNumber, CoordinateMicrodeg, Frame, HeartbeatFrame, InputsFrame, NoRead, PlateText,
    PlatesFrame, ReplyContent, ReplyFrame, SealEvent, SealFrame, TagFrame, WeightFrame, WeightMode,
};
pub use noise::{Hint, NoiseWhy};
pub use push::{PushAnswer, message_pictures, push_answer, push_documents};
pub use registry::{Ask, HexFault, Protocol, ProtocolKind, decode_line, protocol, protocols};
pub use settings::{Setting, SettingFault, Settings, Values};

/// Turns one device's bytes into items. Cut anywhere, the same bytes give the
/// same frames.
pub trait Decoder {
    /// Takes the next bytes, of any number.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Item>);

    /// The line fell silent, or the message ended: what is half a frame now
    /// will never be a whole one. Also called before a reconnect.
    fn idle(&mut self, out: &mut Vec<Item>);

    /// By its own words what is in hand is whole: a short silence ends it. A
    /// network may stand still in the middle of anything else.
    fn is_whole(&self) -> bool {
        true
    }
}

/// What a decoder yields, in the order of the bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// A whole frame.
    Frame(Frame),
    /// Bytes that are no frame; neighbours are one item.
    Noise {
        /// How many bytes.
        len: usize,
        /// The most telling reason among them.
        why: NoiseWhy,
        /// What the operator should change, where the bytes tell.
        hint: Option<Hint>,
    },
}

impl Item {
    /// As `decode` prints it (FORMATS 7).
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Frame(frame) => frame.to_json(),
            Self::Noise { len, why, hint } => {
                let mut json = serde_json::json!({"kind": "noise", "len": len, "why": why.word()});
                if let Some(hint) = hint {
                    json["hint"] = hint.words().into();
                }
                json
            }
        }
    }
}
