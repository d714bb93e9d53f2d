//! Systec IT1, IT3, IT1000: records on `<RN>` (waits for standstill) or `<RM>`
//! (also in motion). Source: Systec alibi note (scribd 656331490).
//!
//! | position | content | position | content |
//! |---|---|---|---|
//! | 1, 2 | error, `00` = none | 31..38 | tare |
//! | 3, 4 | in motion; gross negative | 39..46 | net |
//! | 5..12 | date | 47, 48 | unit |
//! | 13..17 | time | 49, 50 | tare code, `PT`, ` T` |
//! | 18..21 | alibi number | 51 | weighing range |
//! | 22 | scale | 52..54 | terminal |
//! | 23..30 | gross | 55..62 | CRC, decimal, right-aligned |
//!
//! 62 characters between `<` and `>`, then CR LF; an error alone is `<nn>`.
//! Positions 51 to 54 are inferred. The vendor says "CRC16" and no more: the one
//! known record fits CRC-16/MODBUS over its first 54 characters.

use smol_str::SmolStr;

use super::super::checksum::crc16_modbus;
use super::super::frame::{ReplyContent, ReplyFrame};
use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{Setting, Settings, Values, text};
use super::super::{Ask, Decoder, Frame, NoiseWhy, Protocol, ProtocolKind, WeightMode};
use super::figure::{figure, first_odd};
use super::setup::{self, DATA_BITS, EVERY_MS, PARITY, Shown, UNIT_IF_NONE, mask, unit};
use crate::model::WeightUnit;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "systec",
    kind: ProtocolKind::Scale,
    about: "Systec IT1, IT3, IT1000: the gateway asks with `<RM>` or `<RN>` and gets a record with gross, tare, net, motion and a CRC; only gross is used. **The CRC is a best fit to the one record known** (CRC-16/MODBUS over 54 characters, in decimal). If every record of yours is noise with the reason *checksum*, set `crc = \"none\"`, and say so. An error is an answer, `<nn>`, and no sign of life. Source: Systec alibi note.",
    settings: &SETTINGS,
    ask: Some(ask),
    agree: None,
    make,
};

static SETTINGS: [Setting; 6] = [
    Setting {
        name: "ask",
        default: "RM",
        values: Values::Words(&["RM", "RN"]),
        meaning: "RM: at once, with the motion flag; RN: the terminal waits for standstill, so every_ms must be longer",
    },
    Setting {
        name: "crc",
        default: "modbus",
        values: Values::Words(&["modbus", "none"]),
        meaning: "none: not looked at",
    },
    EVERY_MS,
    UNIT_IF_NONE,
    DATA_BITS,
    PARITY,
];

const START: u8 = b'<';
const RECORD_LEN: usize = 62;
const CHECKED_LEN: usize = 54;
const ERROR_LEN: usize = 2;
const FRAME_LEN: usize = 1 + RECORD_LEN + 3;

struct Systec {
    crc: bool,
    unit: WeightUnit,
}

fn ask(settings: &Settings) -> Ask {
    let bytes: &[u8] = match text(&SETTINGS, settings, "ask") {
        "RN" => b"<RN>",
        _ => b"<RM>",
    };
    setup::ask(&SETTINGS, settings, bytes)
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let grammar = Systec {
        crc: text(&SETTINGS, settings, "crc") == "modbus",
        unit: unit(&SETTINGS, settings),
    };
    Box::new(Framer::masked(grammar, mask(&SETTINGS, settings)))
}

impl Grammar for Systec {
    const FRAME_LEN_MAX: usize = FRAME_LEN;

    fn scan(&self, bytes: &[u8]) -> Step {
        if bytes[0] != START {
            return Step::drop(NoiseWhy::NoStart);
        }
        let rest = &bytes[1..];
        let inside = rest.iter().take(RECORD_LEN + 1).take_while(|b| **b != b'>');
        let len = inside.count();
        let known = |b: u8| matches!(b, b' '..=b'~') && b != START;
        if let Some(why) = first_odd(&rest[..len], START, known, NoiseWhy::Syntax) {
            return Step::drop(why);
        }
        if len > RECORD_LEN {
            return Step::drop(NoiseWhy::Terminator);
        }
        if rest.len() == len {
            return Step::Need;
        }
        let content = &rest[..len];
        if !matches!(len, RECORD_LEN | ERROR_LEN) {
            return Step::drop(NoiseWhy::Syntax);
        }
        match &rest[len + 1..] {
            [b'\r', b'\n', ..] => {}
            [] | [b'\r'] => return Step::Need,
            [_, ..] => return Step::drop(NoiseWhy::Terminator),
        }
        let frame = &bytes[..len + 4];
        match self.record(content, frame) {
            Ok(record) => Step::Frame(frame.len(), record),
            Err(why) => Step::drop(why),
        }
    }
}

impl Systec {
    fn record(&self, content: &[u8], frame: &[u8]) -> Result<Frame, NoiseWhy> {
        let error = &content[..ERROR_LEN];
        if !error.iter().all(u8::is_ascii_digit) {
            return Err(NoiseWhy::Syntax);
        }
        if content.len() == RECORD_LEN && self.crc {
            let (checked, sum) = content.split_at(CHECKED_LEN);
            let sum = str::from_utf8(sum)
                .ok()
                .and_then(|sum| sum.trim().parse::<u16>().ok());
            if sum != Some(crc16_modbus(checked)) {
                return Err(NoiseWhy::Checksum);
            }
        }
        if error != b"00" || content.len() == ERROR_LEN {
            let word = SmolStr::new(String::from_utf8_lossy(error));
            return Ok(Frame::Reply(ReplyFrame {
                unit: 0,
                function: 0,
                content: ReplyContent::Refused(word),
            }));
        }
        let flag = |at: usize| match content[at] {
            b'0' => Ok(false),
            b'1' => Ok(true),
            _ => Err(NoiseWhy::Field),
        };
        let (motion, negative) = (flag(2)?, flag(3)?);
        let unit = match str::from_utf8(content[46..48].trim_ascii()) {
            Ok("") => self.unit,
            Ok(word) => WeightUnit::of_word(word),
            Err(_) => WeightUnit::Unknown,
        };
        let mut shown = Shown::plain(unit, WeightMode::Gross);
        shown.stable = Some(!motion);
        let gross = figure(&content[22..30], negative);
        shown.frame(gross, frame).ok_or(NoiseWhy::NotDecimal)
    }
}
