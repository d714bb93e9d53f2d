//! Wiegand 26: a card reader's two wires, read by a converter that passes the
//! 26 bits on. Source: the common definition of the format.
//!
//! | bit | content |
//! |---|---|
//! | 1 | even parity over bits 2..13 |
//! | 2..9 | facility |
//! | 10..25 | card |
//! | 26 | odd parity over bits 14..25 |
//!
//! Two parity bits are all that tells a card from noise, so a card is one
//! message of exactly its length: text of 26 `0` and `1` up to a line end or
//! silence, or 4 bytes between silences, the bits last and six zeros before.

use super::super::settings::{Setting, Settings, Values, text};
use super::super::{CardNumber, Decoder, Frame, Item, NoiseWhy, Protocol, ProtocolKind, TagFrame};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "wiegand26",
    kind: ProtocolKind::Tag,
    about: "Card readers with Wiegand 26 behind a converter to a serial line: 26 bits as text, or as 4 bytes. \
A swipe is an event: it counts for the truck that stands there, and never again. A card's number can be copied. Source: the common definition; facility 90, card 324 is `00101101000000001010001000`.",
    settings: &SETTINGS,
    ask: None,
    agree: None,
    make,
};

static SETTINGS: [Setting; 2] = [
    Setting {
        name: "form",
        default: "bits",
        values: Values::Words(&["bits", "bytes"]),
        meaning: "what the converter sends: 26 characters 0 and 1, then a line end or silence; or 4 bytes between silences",
    },
    Setting {
        name: "number",
        default: "hex",
        values: Values::Words(&["hex", "decimal", "wiegand"]),
        meaning: "how the number is written where it is compared: 5A0144, 0005898564, or 09000324 (facility, card)",
    },
];

const BITS: usize = 26;
const BYTES: usize = 4;
/// Longest run of noise reported as one.
const RUN_LEN_MAX: usize = 1024;

/// How a card's number is written.
#[derive(Clone, Copy)]
enum Number {
    Hex,
    Decimal,
    Wiegand,
}

struct Wiegand26 {
    bytes: bool,
    number: Number,
    /// The message so far, at most a byte longer than a card can be.
    message: Vec<u8>,
    /// Bytes not yet in a frame or reported.
    len: usize,
    /// The byte before was a carriage return that ended a card.
    after_return: bool,
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let set = |name| text(&SETTINGS, settings, name);
    Box::new(Wiegand26 {
        bytes: set("form") == "bytes",
        number: match set("number") {
            "decimal" => Number::Decimal,
            "wiegand" => Number::Wiegand,
            _ => Number::Hex,
        },
        message: Vec::with_capacity(BITS + 1),
        len: 0,
        after_return: false,
    })
}

impl Decoder for Wiegand26 {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Item>) {
        for &byte in bytes {
            let after_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if after_return => {}
                b'\r' | b'\n' if !self.bytes => {
                    self.len += 1;
                    self.after_return = byte == b'\r';
                    self.end(out);
                }
                byte => {
                    self.len += 1;
                    if self.message.len() <= BITS {
                        self.message.push(byte);
                    }
                    if self.len >= RUN_LEN_MAX {
                        // What follows is the rest of the same message.
                        self.report(NoiseWhy::TooLong, out);
                    }
                }
            }
        }
    }

    fn idle(&mut self, out: &mut Vec<Item>) {
        self.after_return = false;
        self.end(out);
    }
}

impl Wiegand26 {
    fn end(&mut self, out: &mut Vec<Item>) {
        let message = std::mem::take(&mut self.message);
        let card = match self.bytes {
            true => of_bytes(&message),
            false => of_bits(&message),
        };
        match card.and_then(|bits| self.tag(bits)) {
            Ok(tag) => {
                self.len = 0;
                out.push(Item::Frame(Frame::Tag(tag)));
            }
            Err(why) => self.report(why, out),
        }
    }

    fn report(&mut self, why: NoiseWhy, out: &mut Vec<Item>) {
        let len = std::mem::take(&mut self.len);
        let hint = None;
        if len > 0 {
            out.push(Item::Noise { len, why, hint });
        }
    }

    fn tag(&self, bits: u32) -> Result<TagFrame, NoiseWhy> {
        let (first, last) = (bits >> 13, bits & 0x1fff);
        let fits = first.count_ones().is_multiple_of(2) && !last.count_ones().is_multiple_of(2);
        if !fits {
            return Err(NoiseWhy::Checksum);
        }
        let value = bits >> 1 & 0x00ff_ffff;
        let [_, facility, high, low] = value.to_be_bytes();
        let number = u16::from_be_bytes([high, low]);
        Ok(TagFrame {
            id: match self.number {
                Number::Hex => format!("{value:06X}"),
                Number::Decimal => format!("{value:010}"),
                Number::Wiegand => format!("{facility:03}{number:05}"),
            },
            antenna: None,
            rssi: None,
            card: Some(CardNumber { facility, number }),
        })
    }
}

fn of_bits(message: &[u8]) -> Result<u32, NoiseWhy> {
    if !message.iter().all(|b| matches!(b, b'0' | b'1')) {
        return Err(NoiseWhy::Syntax);
    }
    match message.len() {
        0..BITS => return Err(NoiseWhy::Cut),
        BITS => {}
        _ => return Err(NoiseWhy::TooLong),
    }
    let bit = |bits: u32, b: &u8| bits << 1 | u32::from(*b == b'1');
    Ok(message.iter().fold(0, bit))
}

fn of_bytes(message: &[u8]) -> Result<u32, NoiseWhy> {
    let four: [u8; BYTES] = message.try_into().map_err(|_| match message.len() {
        0..BYTES => NoiseWhy::Cut,
        _ => NoiseWhy::TooLong,
    })?;
    let bits = u32::from_be_bytes(four);
    if bits >> BITS == 0 {
        Ok(bits)
    } else {
        Err(NoiseWhy::Syntax)
    }
}
