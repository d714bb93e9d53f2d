//! Mettler-Toledo continuous output (8142, 8530, IND2xx, JagXtreme; "MT
//! format" on clones). Source: WildCat manual 6-4/6-5, Rockwell 57C428, KERN
//! FTC; the short form: Cardinal 225.
//!
//! | byte | content |
//! |---|---|
//! | 1 | 02h |
//! | 2..4 | status A, B, C |
//! | 5..10 | displayed weight: six digits, no point, no sign, leading zeros as blanks |
//! | 11..16 | tare, six digits; left out by the short form |
//! | next | CR |
//! | last | optional: two's complement of the low 7 bits of the sum of all before it |
//!
//! Status A, bits 0-2: x100, x10, x1, .1, .01, .001, .0001, .00001. Status B:
//! bit 0 net, 1 negative, 2 out of range, 3 motion, 4 kg (else lb), 6 not
//! zeroed since power-up. Status C: bits 0-2 other units, 4 expanded display.
//!
//! Bits that should be constant are not in clones (LIDEN), so they are never
//! looked at.

use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{Setting, Settings, Values, text};
use super::super::{Decoder, NoiseWhy, Protocol, ProtocolKind, WeightMode};
use super::figure::{Figure, decimal, first_odd};
use super::setup::{DATA_BITS, PARITY, Shown, mask};
use crate::model::WeightUnit;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "mt-continuous",
    kind: ProtocolKind::Scale,
    about: "Mettler-Toledo continuous output (8142, 8530, IND2xx, JagXtreme) and clones, long and short form. It has flags of motion, range, gross or net, unit and *not zeroed since power-up*: with that one, or with the expanded display on, no weight is stable, so that none counts. The figure is scaled by status A: a reader that does not look is off by ten. A sender on a line of 7 data bits needs `data_bits = \"7\"`. Source: WildCat manual 6-4/6-5, Rockwell 57C428, KERN FTC p. 42, Cardinal 225 p. 126.",
    settings: &SETTINGS,
    ask: None,
    agree: None,
    make,
};

static SETTINGS: [Setting; 4] = [
    Setting {
        name: "checksum",
        default: "auto",
        values: Values::Words(&["auto", "yes", "no"]),
        meaning: "the byte behind CR. auto: the next frame, silence or the right sum may follow, nothing else",
    },
    Setting {
        name: "unit_from",
        default: "frame",
        values: Values::Words(&["frame", "kg", "t"]),
        meaning: "frame: the unit its bits say (pounds never count); kg, t: for a clone that does not set them",
    },
    DATA_BITS,
    PARITY,
];

const STX: u8 = 0x02;
const CR: u8 = 0x0d;
const STATUS_LEN: usize = 3;
const DIGITS: usize = 6;
const SHORT_LEN: usize = 1 + STATUS_LEN + DIGITS + 1;
const LONG_LEN: usize = SHORT_LEN + DIGITS;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Checksum {
    Auto,
    Yes,
    No,
}

struct MtContinuous {
    checksum: Checksum,
    /// None = as the frame says.
    unit: Option<WeightUnit>,
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let set = |name| text(&SETTINGS, settings, name);
    let grammar = MtContinuous {
        checksum: match set("checksum") {
            "yes" => Checksum::Yes,
            "no" => Checksum::No,
            _ => Checksum::Auto,
        },
        unit: match set("unit_from") {
            "frame" => None,
            word => Some(WeightUnit::of_word(word)),
        },
    };
    Box::new(Framer::masked(grammar, mask(&SETTINGS, settings)))
}

impl Grammar for MtContinuous {
    /// With a checksum and a byte behind it.
    const FRAME_LEN_MAX: usize = LONG_LEN + 3;

    fn scan(&self, bytes: &[u8]) -> Step {
        self.look(bytes, false)
    }

    fn scan_last(&self, bytes: &[u8]) -> Step {
        self.look(bytes, true)
    }
}

impl MtContinuous {
    fn look(&self, bytes: &[u8], last: bool) -> Step {
        if bytes[0] != STX {
            return Step::drop(NoiseWhy::NoStart);
        }
        let status = &bytes[1..bytes.len().min(1 + STATUS_LEN)];
        if let Some(why) = first_odd(status, STX, |b| !matches!(b, 0 | STX | CR), NoiseWhy::Cut) {
            return Step::drop(why);
        }
        let digits = &bytes[status.len() + 1..];
        let weight = &digits[..digits.len().min(DIGITS)];
        if let Some(why) = first_odd(weight, STX, is_figure, NoiseWhy::NotDecimal) {
            return Step::drop(why);
        }
        let len = match digits.get(DIGITS) {
            None => return Step::Need,
            Some(&CR) => SHORT_LEN,
            Some(_) => LONG_LEN,
        };
        if len == LONG_LEN {
            let tare = &digits[DIGITS..digits.len().min(2 * DIGITS)];
            if let Some(why) = first_odd(tare, STX, is_figure, NoiseWhy::Terminator) {
                return Step::drop(why);
            }
            match digits.get(2 * DIGITS) {
                None => return Step::Need,
                Some(&CR) => {}
                Some(_) => return Step::drop(NoiseWhy::Terminator),
            }
        }
        match self.end(bytes, len, last) {
            End::At(end) => self.weight(&bytes[..end]),
            End::Open => Step::Need,
            End::Wrong => Step::drop(NoiseWhy::Checksum),
        }
    }

    /// Where the frame of `len` bytes ends, its checksum included.
    fn end(&self, bytes: &[u8], len: usize, last: bool) -> End {
        let sum = bytes[..len]
            .iter()
            .fold(0_u8, |s, b| s.wrapping_add(b & 0x7f));
        let sum = sum.wrapping_neg() & 0x7f;
        let fits = |b: u8| b & 0x7f == sum;
        match (self.checksum, &bytes[len..]) {
            (Checksum::No, _) => End::At(len),
            (Checksum::Yes, [found, ..]) if fits(*found) => End::At(len + 1),
            (Checksum::Auto, []) if last => End::At(len),
            (Checksum::Yes | Checksum::Auto, []) => End::Open,
            // A sum that equals the next frame's start: what follows tells.
            (Checksum::Auto, [STX]) if fits(STX) && !last => End::Open,
            (Checksum::Auto, [STX, next, ..]) if fits(STX) && *next != STX => End::At(len),
            (Checksum::Auto, [found, ..]) if fits(*found) => End::At(len + 1),
            (Checksum::Auto, [STX, ..]) => End::At(len),
            (Checksum::Yes | Checksum::Auto, [_, ..]) => End::Wrong,
        }
    }

    fn weight(&self, frame: &[u8]) -> Step {
        let [a, b, c] = [frame[1], frame[2], frame[3]];
        let (negative, out, zeroed) = (b & 2 != 0, b & 4 != 0, b & 0x40 == 0);
        let expanded = c & 0x10 != 0;
        let unit = match (c & 7, b & 0x10 != 0) {
            (0, true) => WeightUnit::Kg,
            (0, false) => WeightUnit::Pound,
            (1, true) => WeightUnit::Gram,
            _ => WeightUnit::Unknown,
        };
        let shown = Shown {
            unit: self.unit.unwrap_or(unit),
            mode: if b & 1 == 0 {
                WeightMode::Gross
            } else {
                WeightMode::Net
            },
            stable: Some(b & 8 == 0 && zeroed && !expanded),
            overload: out && !negative,
            underload: out && negative,
        };
        let digits = &frame[1 + STATUS_LEN..1 + STATUS_LEN + DIGITS];
        match shown.frame(scaled(digits, a & 7, negative), frame) {
            Some(weight) => Step::Frame(frame.len(), weight),
            None => Step::drop(NoiseWhy::NotDecimal),
        }
    }
}

enum End {
    At(usize),
    Open,
    Wrong,
}

fn is_figure(byte: u8) -> bool {
    byte == b' ' || byte.is_ascii_digit()
}

/// Six digits, blanks for leading zeros, with the point or zeros that code 0..7
/// of status A asks for.
fn scaled(digits: &[u8], code: u8, negative: bool) -> Figure {
    let shown = digits.trim_ascii_start();
    if shown.is_empty() {
        return Figure::Blank;
    }
    let mut text = [b'0'; DIGITS + 2];
    let blanks = digits.len() - shown.len();
    text[blanks..digits.len()].copy_from_slice(shown);
    let len = match code {
        0 => DIGITS + 2,
        1 => DIGITS + 1,
        2 => DIGITS,
        _ => {
            let whole = DIGITS + 2 - usize::from(code);
            text.copy_within(whole..DIGITS, whole + 1);
            text[whole] = b'.';
            DIGITS + 1
        }
    };
    decimal(&text[..len], negative).map_or(Figure::NoDecimal, Figure::Value)
}
