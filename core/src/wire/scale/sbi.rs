//! Sartorius SBI, 22 characters (or 16, without the identification): the
//! gateway asks with ESC `P`. Source: numat/sartorius, GC803S manual p. 57.
//!
//! | characters | content |
//! |---|---|
//! | 1..6 | `G`, `N`, `T`, or `Stat`, blanks behind; left out by the form of 16 |
//! | 7 | sign |
//! | 8..16 | a blank and eight characters of weight |
//! | 17 | blank |
//! | 18..20 | unit; **blank = not stable** |
//! | 21, 22 | CR LF |
//!
//! `Stat` lines hold `H` (over), `L` (under) or `ERR nn` in place of a weight.

use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{Setting, Settings, Values, text};
use super::super::{Ask, Decoder, Frame, NoiseWhy, Protocol, ProtocolKind, WeightMode};
use super::figure::{Figure, figure, first_odd};
use super::setup::{self, DATA_BITS, EVERY_MS, PARITY, Shown, UNIT_IF_NONE, mask, unit};
use crate::model::WeightUnit;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "sbi",
    kind: ProtocolKind::Scale,
    about: "Sartorius SBI: the gateway asks with ESC `P` and gets 22 characters, or 16 without the identification. A unit means stable, none means not. Many scales head every line with `N`, tared or not: `headed_n = \"gross\"` where the tare key is locked. Source: numat/sartorius, GC803S manual p. 57.",
    settings: &SETTINGS,
    ask: Some(ask),
    agree: None,
    make,
};

static SETTINGS: [Setting; 6] = [
    Setting {
        name: "characters",
        default: "22",
        values: Values::Words(&["22", "16"]),
        meaning: "with or without the identification",
    },
    Setting {
        name: "headed_n",
        default: "net",
        values: Values::Words(&["net", "gross"]),
        meaning: "what a figure headed N is, or one without a head; a net one never counts",
    },
    EVERY_MS,
    UNIT_IF_NONE,
    DATA_BITS,
    PARITY,
];

const HEAD_LEN: usize = 6;
/// Sign, weight, blank, unit.
const BODY_LEN: usize = 14;
const LINE_LEN_MAX: usize = HEAD_LEN + BODY_LEN + 2;

struct Sbi {
    headed: bool,
    headed_n: WeightMode,
    unit: WeightUnit,
}

fn ask(settings: &Settings) -> Ask {
    setup::ask(&SETTINGS, settings, b"\x1bP")
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let grammar = Sbi {
        headed: text(&SETTINGS, settings, "characters") == "22",
        headed_n: match text(&SETTINGS, settings, "headed_n") {
            "gross" => WeightMode::Gross,
            _ => WeightMode::Net,
        },
        unit: unit(&SETTINGS, settings),
    };
    Box::new(Framer::masked(grammar, mask(&SETTINGS, settings)))
}

impl Grammar for Sbi {
    const FRAME_LEN_MAX: usize = LINE_LEN_MAX;

    fn scan(&self, bytes: &[u8]) -> Step {
        let starts = match (self.headed, bytes[0]) {
            (true, b'G' | b'N' | b'T' | b'S') | (false, b'+' | b'-' | b' ') => true,
            (true | false, _) => false,
        };
        if !starts {
            return Step::drop(NoiseWhy::NoStart);
        }
        let head = if self.headed { HEAD_LEN } else { 0 };
        let len = head + BODY_LEN;
        let line = &bytes[..bytes.len().min(len)];
        let known = |b: u8| matches!(b, b' '..=b'~');
        if let Some(why) = first_odd(line, b'\n', known, NoiseWhy::Terminator) {
            return Step::drop(why);
        }
        let Some(frame) = bytes.get(..len + 2) else {
            return Step::Need;
        };
        if frame[len..] != *b"\r\n" {
            return Step::drop(NoiseWhy::Terminator);
        }
        match self.weight(&frame[..head], &frame[head..len], frame) {
            Ok(weight) => Step::Frame(frame.len(), weight),
            Err(why) => Step::drop(why),
        }
    }
}

impl Sbi {
    fn weight(&self, head: &[u8], body: &[u8], frame: &[u8]) -> Result<Frame, NoiseWhy> {
        let mut shown = Shown::plain(self.unit, self.headed_n);
        match head.trim_ascii() {
            b"Stat" => return status(shown, body.trim_ascii(), frame),
            b"G" | b"G#" => shown.mode = WeightMode::Gross,
            b"N" | b"N#" | b"" => {}
            b"T" | b"T#" | b"T1" | b"T2" => shown.mode = WeightMode::Tare,
            _ => return Err(NoiseWhy::Field),
        }
        let unit = body[11..].trim_ascii();
        shown.stable = Some(!unit.is_empty());
        if !unit.is_empty() {
            shown.unit = str::from_utf8(unit).map_or(WeightUnit::Unknown, WeightUnit::of_word);
        }
        match figure(&body[..10], false) {
            // Without a head a status stands where the figure would.
            Figure::NoDecimal if head.is_empty() => status(shown, body.trim_ascii(), frame),
            Figure::Blank => Err(NoiseWhy::NotDecimal),
            figure => shown.frame(figure, frame).ok_or(NoiseWhy::NotDecimal),
        }
    }
}

/// `H`, `L`, `ERR 54`: nothing is shown, and the letters say why.
fn status(mut shown: Shown, words: &[u8], frame: &[u8]) -> Result<Frame, NoiseWhy> {
    shown.stable = Some(false);
    match words.to_ascii_uppercase().as_slice() {
        b"H" | b"HIGH" => shown.overload = true,
        b"L" | b"LOW" => shown.underload = true,
        _ => {}
    }
    shown.frame(Figure::Blank, frame).ok_or(NoiseWhy::Field)
}
