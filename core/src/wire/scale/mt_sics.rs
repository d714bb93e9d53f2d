//! MT-SICS (Mettler-Toledo and others): the gateway asks. Source: AL-IC manual
//! p. 72; samples of Atlantis-Software/mt-sics.
//!
//! | line | meaning |
//! |---|---|
//! | `S S     100.00 g` | stable |
//! | `S D     129.07 g` | dynamic |
//! | `S I` | not now |
//! | `S +`, `S -` | overload, underload |
//! | `ES`, `ET`, `EL` | syntax, transmission, logical error |
//!
//! Lines end CR LF. The weight is net where the tare key was used.

use smol_str::SmolStr;

use super::super::frame::{ReplyContent, ReplyFrame};
use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{Setting, Settings, Values, text};
use super::super::{Ask, Decoder, Frame, NoiseWhy, Protocol, ProtocolKind, WeightMode};
use super::figure::{Figure, figure, first_odd};
use super::setup::{
    self, DATA_BITS, EVERY_MS, MODE, PARITY, Shown, UNIT_IF_NONE, mask, mode, unit,
};
use crate::model::WeightUnit;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "mt-sics",
    kind: ProtocolKind::Scale,
    about: "MT-SICS (Mettler-Toledo and others): the gateway asks with `SI` (at once) or `S` (the scale waits for standstill). Stable or dynamic, over and under range, unit. It does not say whether a figure is gross or net: the tare key must be locked. `ES`, `ET` and `EL` are answers and no sign of life. Source: AL-IC manual p. 72.",
    settings: &SETTINGS,
    ask: Some(ask),
    agree: None,
    make,
};

static SETTINGS: [Setting; 6] = [
    Setting {
        name: "ask",
        default: "SI",
        values: Values::Words(&["SI", "S"]),
        meaning: "SI: at once; S: the scale waits for standstill, so every_ms must be longer",
    },
    EVERY_MS,
    UNIT_IF_NONE,
    MODE,
    DATA_BITS,
    PARITY,
];

/// `S S ` with a weight of ten characters, a blank, a unit and CR LF, and room
/// for makers who write more.
const LINE_LEN_MAX: usize = 32;

struct MtSics {
    unit: WeightUnit,
    mode: WeightMode,
}

fn ask(settings: &Settings) -> Ask {
    let bytes: &[u8] = match text(&SETTINGS, settings, "ask") {
        "S" => b"S\r\n",
        _ => b"SI\r\n",
    };
    setup::ask(&SETTINGS, settings, bytes)
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let grammar = MtSics {
        unit: unit(&SETTINGS, settings),
        mode: mode(&SETTINGS, settings),
    };
    Box::new(Framer::masked(grammar, mask(&SETTINGS, settings)))
}

impl Grammar for MtSics {
    const FRAME_LEN_MAX: usize = LINE_LEN_MAX;

    fn scan(&self, bytes: &[u8]) -> Step {
        if !matches!(bytes[0], b'S' | b'E') {
            return Step::drop(NoiseWhy::NoStart);
        }
        let line = bytes.iter().take_while(|b| matches!(b, b' '..=b'~'));
        let len = line.count();
        if len + 2 > LINE_LEN_MAX {
            return Step::drop(NoiseWhy::TooLong);
        }
        let end = &bytes[len..bytes.len().min(len + 2)];
        match end {
            b"\r\n" => {}
            [] | [b'\r'] => return Step::Need,
            [..] => {
                let why = first_odd(end, b'S', |b| b == b'\r', NoiseWhy::Terminator);
                return Step::drop(why.unwrap_or(NoiseWhy::Terminator));
            }
        }
        let frame = &bytes[..len + 2];
        match self.line(&bytes[..len], frame) {
            Ok(said) => Step::Frame(frame.len(), said),
            Err(why) => Step::drop(why),
        }
    }
}

impl MtSics {
    fn line(&self, line: &[u8], frame: &[u8]) -> Result<Frame, NoiseWhy> {
        let mut shown = Shown::plain(self.unit, self.mode);
        let (stable, rest) = match line {
            b"ES" | b"ET" | b"EL" => return Ok(refused(line)),
            b"S I" => (false, None),
            b"S +" => {
                shown.overload = true;
                (false, None)
            }
            b"S -" => {
                shown.underload = true;
                (false, None)
            }
            [b'S', b' ', b'S', b' ', rest @ ..] => (true, Some(rest)),
            [b'S', b' ', b'D', b' ', rest @ ..] => (false, Some(rest)),
            _ => return Err(NoiseWhy::Syntax),
        };
        shown.stable = Some(stable);
        let Some(rest) = rest else {
            return shown.frame(Figure::Blank, frame).ok_or(NoiseWhy::Syntax);
        };
        let rest = rest.trim_ascii();
        let at = rest.iter().rposition(|b| *b == b' ').unwrap_or(rest.len());
        let (weight, unit) = rest.split_at(at);
        shown.unit = match str::from_utf8(unit.trim_ascii()) {
            Ok("") => self.unit,
            Ok(word) => WeightUnit::of_word(word),
            Err(_) => WeightUnit::Unknown,
        };
        match figure(weight, false) {
            Figure::Blank => Err(NoiseWhy::NotDecimal),
            figure => shown.frame(figure, frame).ok_or(NoiseWhy::NotDecimal),
        }
    }
}

fn refused(word: &[u8]) -> Frame {
    Frame::Reply(ReplyFrame {
        unit: 0,
        function: b'S',
        content: ReplyContent::Refused(SmolStr::new(String::from_utf8_lossy(word))),
    })
}
