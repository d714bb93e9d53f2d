//! Yaohua XK3190 command mode: the gateway asks. Source: DS3 manual p. 8, A1+P
//! manual, A23p manual p. 26.
//!
//! | byte | question | answer |
//! |---|---|---|
//! | 1 | 02h | 02h |
//! | 2 | address, `A`..`Z` | the same |
//! | 3 | command: `A` handshake, `B` gross, `C` tare, `D` net | the same |
//! | 4.. | | sign, six digits, number of decimals; nothing to a handshake |
//! | last 3 | XOR of address and command in two characters, 03h | XOR of address to last digit, 03h |
//!
//! There is no number of the question, so an answer that comes late looks like
//! the next one's. No flag of stability, overload or unit.

use super::super::frame::{ReplyContent, ReplyFrame};
use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{Setting, SettingFault, Settings, Values, text};
use super::super::{Ask, Decoder, Frame, Hint, NoiseWhy, Protocol, ProtocolKind, WeightMode};
use super::figure::Figure;
use super::nibbles::{NIBBLES, Nibbles};
use super::setup::{self, DATA_BITS, EVERY_MS, PARITY, Shown, UNIT, mask, unit};
use super::yaohua_tf0::value;
use crate::model::WeightUnit;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "yaohua-command",
    kind: ProtocolKind::Scale,
    about: "Yaohua XK3190 (DS3, A1+P, A23p) in command mode: the gateway asks the address for its gross weight (command `B`), and the answer has a checksum. Other addresses on the same line are noise here. No flag of stability, overload or unit. Source: DS3 manual p. 8, A23p manual p. 26.",
    settings: &SETTINGS,
    ask: Some(ask),
    agree: Some(agree),
    make,
};

static SETTINGS: [Setting; 6] = [
    Setting {
        name: "address",
        default: "A",
        values: Values::Text { len_max: 1 },
        meaning: "the indicator's address, A to Z",
    },
    EVERY_MS,
    NIBBLES,
    UNIT,
    DATA_BITS,
    PARITY,
];

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
/// Address and command.
const HEAD_LEN: usize = 2;
const BARE_LEN: usize = 1 + HEAD_LEN + 3;
const FRAME_LEN: usize = BARE_LEN + 8;
const GROSS: u8 = b'B';

struct YaohuaCommand {
    address: u8,
    nibbles: Nibbles,
    unit: WeightUnit,
}

fn address(settings: &Settings) -> u8 {
    let text = text(&SETTINGS, settings, "address");
    text.bytes().next().unwrap_or(b'A')
}

fn agree(settings: &Settings) -> Vec<SettingFault> {
    let text = text(&SETTINGS, settings, "address");
    if matches!(text.as_bytes(), [b'A'..=b'Z']) {
        return Vec::new();
    }
    let name = "address".to_owned();
    let why = format!("\"{text}\" is no letter from A to Z");
    vec![SettingFault { name, why }]
}

fn ask(settings: &Settings) -> Ask {
    let body = [address(settings), GROSS];
    let [high, low] = Nibbles::of(text(&SETTINGS, settings, "nibbles")).of_body(&body);
    let question = [STX, body[0], body[1], high, low, ETX];
    setup::ask(&SETTINGS, settings, &question)
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let grammar = YaohuaCommand {
        address: address(settings),
        nibbles: Nibbles::of(text(&SETTINGS, settings, "nibbles")),
        unit: unit(&SETTINGS, settings),
    };
    Box::new(Framer::masked(grammar, mask(&SETTINGS, settings)))
}

impl Grammar for YaohuaCommand {
    const FRAME_LEN_MAX: usize = FRAME_LEN;

    fn scan(&self, bytes: &[u8]) -> Step {
        if bytes[0] != STX {
            return Step::drop(NoiseWhy::NoStart);
        }
        let len = match bytes.get(1 + HEAD_LEN) {
            None => return Step::Need,
            Some(b'+' | b'-') => FRAME_LEN,
            Some(_) => BARE_LEN,
        };
        let Some(frame) = bytes.get(..len) else {
            return Step::Need;
        };
        if frame.contains(&0) {
            return Step::drop(NoiseWhy::LineError);
        }
        if frame[len - 1] != ETX {
            return Step::drop(NoiseWhy::Terminator);
        }
        let (body, sum) = (&frame[1..len - 3], [frame[len - 3], frame[len - 2]]);
        if !self.nibbles.fit(body, sum) {
            let other = self.nibbles.other().fit(body, sum);
            return Step::Drop(NoiseWhy::Checksum, other.then_some(Hint::Nibbles));
        }
        if body[0] != self.address {
            return Step::drop(NoiseWhy::Field);
        }
        self.answer(body, frame)
    }
}

impl YaohuaCommand {
    fn answer(&self, body: &[u8], frame: &[u8]) -> Step {
        let (head, figure) = body.split_at(HEAD_LEN);
        if figure.is_empty() {
            let question = Frame::Reply(ReplyFrame {
                unit: head[0],
                function: head[1],
                content: ReplyContent::Question,
            });
            return Step::Frame(BARE_LEN, question);
        }
        let mode = match head[1] {
            b'B' => WeightMode::Gross,
            b'C' => WeightMode::Tare,
            b'D' => WeightMode::Net,
            _ => return Step::drop(NoiseWhy::Field),
        };
        let shown = value(figure).map_or(Figure::NoDecimal, Figure::Value);
        match Shown::plain(self.unit, mode).frame(shown, frame) {
            Some(weight) => Step::Frame(FRAME_LEN, weight),
            None => Step::drop(NoiseWhy::NotDecimal),
        }
    }
}
