//! Yaohua XK3190 continuous format tF=0 (A9, D2+, DS, A12, A23p, A26), the
//! usual Chinese truck scale. Source: A26 manual p. 12, A23p manual p. 23.
//!
//! | byte | content |
//! |---|---|
//! | 1 | 02h |
//! | 2 | `+` or `-` |
//! | 3..8 | six digits, high first, no point |
//! | 9 | number of decimals, `0`..`4` |
//! | 10, 11 | XOR of bytes 2..9, high nibble first: hex digits, or 30h + nibble on some clones |
//! | 12 | 03h |
//!
//! The format has no flag for stable, overload, unit or tare: the first is
//! derived (see [`Stability`](super::Stability)), the others are settings. The
//! tare key must be locked on the indicator, since a net figure looks the same.

use super::super::checksum::xor;
use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{Setting, Settings, Values, text};
use super::super::{Decoder, Frame, Hint, NoiseWhy, Protocol, ProtocolKind};
use super::super::{WeightFrame, WeightMode};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "yaohua-tf0",
    kind: ProtocolKind::Scale,
    about: "Yaohua XK3190 (A9, A9+, D2+, DS, A12, A23p, A26), continuous output, format tF=0: twelve bytes with a checksum. No flag of stability, overload or unit. Source: A26 manual p. 12, A23p manual p. 23.",
    settings: &SETTINGS,
    ask: None,
    agree: None,
    make,
};

static SETTINGS: [Setting; 5] = [
    Setting {
        name: "nibbles",
        default: "hex",
        values: Values::Words(&["hex", "plus30"]),
        meaning: "how the checksum is written: hex digits, or 30h + n for every n (some clones)",
    },
    Setting {
        name: "unit",
        default: "kg",
        values: Values::Words(&["kg", "t"]),
        meaning: "unit of the figure",
    },
    Setting {
        name: "mode",
        default: "gross",
        values: Values::Words(&["gross", "net"]),
        meaning: "what the figure is; the tare key must be locked",
    },
    Setting {
        name: "data_bits",
        default: "8",
        values: Values::Words(&["7", "8"]),
        meaning: "7: bit 7 of every byte is parity and cleared",
    },
    Setting {
        name: "parity",
        default: "none",
        values: Values::Words(&["none", "even", "odd"]),
        meaning: "the line's parity, for the port; the codec needs data_bits alone",
    },
];

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const FRAME_LEN: usize = 12;

/// How a nibble of the checksum is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nibbles {
    Hex,
    Plus30,
}

impl Nibbles {
    const fn write(self, nibble: u8) -> u8 {
        match self {
            Self::Hex if nibble > 9 => nibble + 0x37,
            Self::Hex | Self::Plus30 => nibble + 0x30,
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Hex => Self::Plus30,
            Self::Plus30 => Self::Hex,
        }
    }

    fn fit(self, frame: &[u8]) -> bool {
        let sum = xor(&frame[1..9]);
        frame[9] == self.write(sum >> 4) && frame[10] == self.write(sum & 0x0f)
    }
}

struct YaohuaTf0 {
    nibbles: Nibbles,
    unit: &'static str,
    mode: WeightMode,
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let set = |name| text(&SETTINGS, settings, name);
    let grammar = YaohuaTf0 {
        nibbles: match set("nibbles") {
            "plus30" => Nibbles::Plus30,
            _ => Nibbles::Hex,
        },
        unit: match set("unit") {
            "t" => "t",
            _ => "kg",
        },
        mode: match set("mode") {
            "net" => WeightMode::Net,
            _ => WeightMode::Gross,
        },
    };
    let mask = if set("data_bits") == "7" { 0x7f } else { 0xff };
    Box::new(Framer::masked(grammar, mask))
}

impl Grammar for YaohuaTf0 {
    const FRAME_LEN_MAX: usize = FRAME_LEN;

    fn scan(&self, bytes: &[u8]) -> Step {
        if bytes[0] != STX {
            return Step::drop(NoiseWhy::NoStart);
        }
        let Some(frame) = bytes.get(..FRAME_LEN) else {
            return Step::Need;
        };
        if frame.contains(&0) {
            return Step::drop(NoiseWhy::LineError);
        }
        if frame[11] != ETX {
            return Step::drop(NoiseWhy::Terminator);
        }
        if !self.nibbles.fit(frame) {
            let hint = self.nibbles.other().fit(frame).then_some(Hint::Nibbles);
            return Step::Drop(NoiseWhy::Checksum, hint);
        }
        match value(&frame[1..9]) {
            Some(value) => Step::Frame(FRAME_LEN, self.weight(value, frame)),
            None => Step::drop(NoiseWhy::NotDecimal),
        }
    }
}

impl YaohuaTf0 {
    fn weight(&self, value: String, frame: &[u8]) -> Frame {
        Frame::Weight(WeightFrame {
            value,
            unit: self.unit,
            mode: self.mode,
            stable: None,
            overload: false,
            underload: false,
            raw: frame.to_vec(),
        })
    }
}

/// `+0020002` is "20.00": sign, six digits, number of decimals. No number
/// parser is used, since those take `inf`, `nan` and `1e5`.
fn value(body: &[u8]) -> Option<String> {
    let (sign, digits, decimals) = (body[0], &body[1..7], body[7]);
    let shaped = matches!(sign, b'+' | b'-')
        && digits.iter().all(u8::is_ascii_digit)
        && matches!(decimals, b'0'..=b'4');
    if !shaped {
        return None;
    }
    let (whole, fraction) = digits.split_at(6 - usize::from(decimals - b'0'));
    let kept = whole.iter().position(|&d| d != b'0');
    let whole = &whole[kept.unwrap_or(whole.len() - 1)..];
    let mut value = String::with_capacity(9);
    if sign == b'-' && digits.iter().any(|&d| d != b'0') {
        value.push('-');
    }
    value.extend(whole.iter().map(|&d| char::from(d)));
    if !fraction.is_empty() {
        value.push('.');
        value.extend(fraction.iter().map(|&d| char::from(d)));
    }
    Some(value)
}
