//! Yaohua A12, older text output. Source: the samples of a public reader
//! (pengshulin/mcush); the manual was not found.
//!
//! | characters | content |
//! |---|---|
//! | 1 | `w` |
//! | 2 | `w` gross, `n` net, `t` tare |
//! | 3.. | figure with sign and point; 3 to 9 characters, by firmware |
//! | last 2 | unit, `kg` or `lb` |
//!
//! Whether CR, LF or nothing follows differs: what does is taken in, so a frame
//! without an end is whole when the next byte comes or the line falls silent.

use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{Setting, Settings};
use super::super::{Decoder, NoiseWhy, Protocol, ProtocolKind, WeightMode};
use super::figure::{figure, first_odd};
use super::setup::{DATA_BITS, PARITY, Shown, mask};
use crate::model::WeightUnit;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "yaohua-a12",
    kind: ProtocolKind::Scale,
    about: "Yaohua A12 with older firmware: texts like `ww000.000kg` (gross), `wn-0000.1kg` (net), `wt000.000kg` (tare), with or without a line end. No checksum, no flag of stability or overload. Newer ones: `yaohua-a12e`. Source: samples of a public reader (pengshulin/mcush).",
    settings: &SETTINGS,
    ask: None,
    agree: None,
    make,
};

static SETTINGS: [Setting; 2] = [DATA_BITS, PARITY];

const START: u8 = b'w';
const FIGURE_LEN_MIN: usize = 3;
const FIGURE_LEN_MAX: usize = 9;
const HEAD_LEN: usize = 2;
const UNIT_LEN: usize = 2;

struct YaohuaA12;

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    Box::new(Framer::masked(YaohuaA12, mask(&SETTINGS, settings)))
}

impl Grammar for YaohuaA12 {
    const FRAME_LEN_MAX: usize = HEAD_LEN + FIGURE_LEN_MAX + UNIT_LEN + 3;

    fn scan(&self, bytes: &[u8]) -> Step {
        look(bytes, false)
    }

    fn scan_last(&self, bytes: &[u8]) -> Step {
        look(bytes, true)
    }
}

fn look(bytes: &[u8], last: bool) -> Step {
    if bytes[0] != START {
        return Step::drop(NoiseWhy::NoStart);
    }
    let mode = match bytes.get(1) {
        Some(b'w') => WeightMode::Gross,
        Some(b'n') => WeightMode::Net,
        Some(b't') => WeightMode::Tare,
        Some(0) => return Step::drop(NoiseWhy::LineError),
        Some(_) => return Step::drop(NoiseWhy::Field),
        None => return Step::Need,
    };
    let rest = &bytes[HEAD_LEN..];
    let in_figure = |b: &u8| matches!(b, b'0'..=b'9' | b'.' | b'-' | b' ');
    let len = rest.iter().take_while(|b| in_figure(b)).count();
    if len > FIGURE_LEN_MAX {
        return Step::drop(NoiseWhy::TooLong);
    }
    let unit = &rest[len..rest.len().min(len + UNIT_LEN)];
    if let Some(why) = first_odd(
        unit,
        START,
        |b| b.is_ascii_lowercase() && b != START,
        NoiseWhy::NotDecimal,
    ) {
        return Step::drop(why);
    }
    if unit.len() < UNIT_LEN {
        return Step::Need;
    }
    if len < FIGURE_LEN_MIN {
        return Step::drop(NoiseWhy::NotDecimal);
    }
    let body = HEAD_LEN + len + UNIT_LEN;
    let end = match &bytes[body..] {
        [b'\r', b'\n', ..] => 2,
        [b'\r'] | [] if !last => return Step::Need,
        [b'\r', ..] => 1,
        [] | [..] => 0,
    };
    let unit = str::from_utf8(unit).map_or(WeightUnit::Unknown, WeightUnit::of_word);
    let frame = &bytes[..body + end];
    match Shown::plain(unit, mode).frame(figure(&rest[..len], false), frame) {
        Some(weight) => Step::Frame(frame.len(), weight),
        None => Step::drop(NoiseWhy::NotDecimal),
    }
}
