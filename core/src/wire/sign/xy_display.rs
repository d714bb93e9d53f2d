//! The fee display and voice of an XY-LC-301 lane controller, where the
//! gateway speaks to it directly.
//!
//! | message | bytes |
//! |---|---|
//! | text | 02h, class, kind, fee 4, balance 4, entry station 6, 03h, XOR of what lies between |
//! | lamp | 02h, `Y` green or `Z` red, 03h, the same letter again (its XOR) |
//!
//! The gateway has no fee to show: it uses the lamp alone. Source: readme of
//! firmware 4.1 (jayronjiang/CKQLC).

use super::super::checksum::xor;
use super::super::exchange::{ExchangeFrame, Field};
use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::Settings;
use super::super::{Decoder, Frame, NoiseWhy, Protocol, ProtocolKind};
use super::Shown;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "xy-lc301-display",
    kind: ProtocolKind::Sign,
    about: "The fee display of XY-LC-301 lane controllers, spoken to directly: its lamp is green for \"drive on\" and red for everything else. It has no words for a lane without fees. Source: the firmware's readme.",
    settings: &[],
    ask: None,
    agree: None,
    make,
};

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const LAMP_LEN: usize = 4;
const TEXT_LEN: usize = 19;

/// The display.
pub(super) struct XyDisplay;

impl XyDisplay {
    pub(super) fn show(shown: &Shown) -> Vec<u8> {
        let lamp = if shown.go { b'Y' } else { b'Z' };
        vec![STX, lamp, ETX, lamp]
    }
}

fn make(_: &Settings) -> Box<dyn Decoder + Send> {
    Box::new(Framer::new(XyDisplay))
}

impl Grammar for XyDisplay {
    const FRAME_LEN_MAX: usize = TEXT_LEN;

    fn scan(&self, bytes: &[u8]) -> Step {
        if bytes[0] != STX {
            return Step::drop(NoiseWhy::NoStart);
        }
        // A vehicle class is a digit, so a letter in its place is the lamp's.
        let len = match bytes.get(1) {
            Some(b'Y' | b'Z') => LAMP_LEN,
            Some(_) => TEXT_LEN,
            None => return Step::Need,
        };
        let Some(message) = bytes.get(..len) else {
            return Step::Need;
        };
        let body = &message[1..len - 2];
        if message[len - 2] != ETX {
            return Step::drop(NoiseWhy::Terminator);
        }
        if xor(body) != message[len - 1] {
            return Step::drop(NoiseWhy::Checksum);
        }
        if !body.iter().all(|b| (0x20..0x7f).contains(b)) {
            return Step::drop(NoiseWhy::Field);
        }
        let text = |part: &[u8]| Field::Text(part.iter().map(|b| char::from(*b)).collect());
        let fields = match body {
            [lamp] => vec![("green", Field::Flag(*lamp == b'Y'))],
            body => vec![
                ("class", text(&body[..1])),
                ("vehicle", text(&body[1..2])),
                ("fee", text(&body[2..6])),
                ("balance", text(&body[6..10])),
                ("entry", text(&body[10..])),
            ],
        };
        Step::Frame(len, Frame::Exchange(ExchangeFrame::host(fields)))
    }
}
