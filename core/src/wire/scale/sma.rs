//! SMA SCP-0499 (Avery, Sartorius PR, B-Tek, Cardinal): the gateway asks.
//! Source: PR5220 manual p. 130, Detecto 210 manual p. 33.
//!
//! | byte | content |
//! |---|---|
//! | 1 | LF |
//! | 2 | blank, `Z` zero, `O` over, `U` under, `E` zero error, `I` not zeroed, `T` tare error, `e` nothing shown |
//! | 3 | range |
//! | 4 | `G` gross, `N` net, `T` tare; small letters: high resolution |
//! | 5 | `M` motion, or blank |
//! | 6 | the maker's own |
//! | 7..16 | weight, right-aligned |
//! | 17..19 | unit |
//! | 20 | CR |
//!
//! What is not understood is answered LF `?` CR.

use smol_str::SmolStr;

use super::super::frame::{ReplyContent, ReplyFrame};
use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{Setting, Settings};
use super::super::{Ask, Decoder, Frame, NoiseWhy, Protocol, ProtocolKind, WeightMode};
use super::figure::{Figure, figure, first_odd};
use super::setup::{self, DATA_BITS, EVERY_MS, PARITY, Shown, UNIT_IF_NONE, mask, unit};
use crate::model::WeightUnit;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "sma",
    kind: ProtocolKind::Scale,
    about: "SMA SCP-0499 (Avery, Sartorius PR, B-Tek, Cardinal): the gateway asks with LF `W` CR. Flags of motion, over and under range, gross or net, unit. A zero error, a tare error or a scale that was not zeroed is never stable. Source: PR5220 manual p. 130.",
    settings: &SETTINGS,
    ask: Some(ask),
    agree: None,
    make,
};

static SETTINGS: [Setting; 4] = [EVERY_MS, UNIT_IF_NONE, DATA_BITS, PARITY];

const LF: u8 = b'\n';
const CR: u8 = b'\r';
const FRAME_LEN: usize = 20;

struct Sma {
    unit: WeightUnit,
}

fn ask(settings: &Settings) -> Ask {
    setup::ask(&SETTINGS, settings, b"\nW\r")
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let unit = unit(&SETTINGS, settings);
    Box::new(Framer::masked(Sma { unit }, mask(&SETTINGS, settings)))
}

impl Grammar for Sma {
    const FRAME_LEN_MAX: usize = FRAME_LEN;

    fn scan(&self, bytes: &[u8]) -> Step {
        if bytes[0] != LF {
            return Step::drop(NoiseWhy::NoStart);
        }
        match bytes {
            [_] | [_, b'?'] => return Step::Need,
            [_, b'?', CR, ..] => return Step::Frame(3, refused()),
            [..] => {}
        }
        let seen = &bytes[1..bytes.len().min(FRAME_LEN - 1)];
        let known = |b: u8| matches!(b, b' '..=b'~');
        if let Some(why) = first_odd(seen, LF, known, NoiseWhy::Terminator) {
            return Step::drop(why);
        }
        let Some(frame) = bytes.get(..FRAME_LEN) else {
            return Step::Need;
        };
        if frame[FRAME_LEN - 1] != CR {
            return Step::drop(NoiseWhy::Terminator);
        }
        match self.weight(frame) {
            Ok(weight) => Step::Frame(FRAME_LEN, weight),
            Err(why) => Step::drop(why),
        }
    }
}

impl Sma {
    fn weight(&self, frame: &[u8]) -> Result<Frame, NoiseWhy> {
        let mode = match frame[3] {
            b'G' | b'g' => WeightMode::Gross,
            b'N' | b'n' => WeightMode::Net,
            b'T' | b't' => WeightMode::Tare,
            _ => return Err(NoiseWhy::Field),
        };
        let motion = match frame[4] {
            b'M' => true,
            b' ' => false,
            _ => return Err(NoiseWhy::Field),
        };
        let sound = match frame[1] {
            b' ' | b'Z' | b'O' | b'U' => true,
            b'E' | b'I' | b'T' | b'e' => false,
            _ => return Err(NoiseWhy::Field),
        };
        let unit = match str::from_utf8(frame[16..19].trim_ascii()) {
            Ok("") => self.unit,
            Ok(word) => WeightUnit::of_word(word),
            Err(_) => WeightUnit::Unknown,
        };
        let shown = Shown {
            unit,
            mode,
            stable: Some(sound && !motion),
            overload: frame[1] == b'O',
            underload: frame[1] == b'U',
        };
        let figure = match figure(&frame[6..16], false) {
            // With an error the place of the figure holds whatever is shown.
            Figure::NoDecimal if !sound => Figure::Blank,
            figure => figure,
        };
        shown.frame(figure, frame).ok_or(NoiseWhy::NotDecimal)
    }
}

fn refused() -> Frame {
    Frame::Reply(ReplyFrame {
        unit: 0,
        function: b'W',
        content: ReplyContent::Refused(SmolStr::new_static("?")),
    })
}
