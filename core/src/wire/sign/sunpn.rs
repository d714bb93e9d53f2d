//! Sunpn LED number panels of car parks.
//!
//! | byte | content |
//! |---|---|
//! | 1 | 3Ah |
//! | 2 | address |
//! | 3, 4 | number, low byte first |
//! | 5 | colour: 01 green; others are not said by the source |
//! | 6 | sum of the five, low byte |
//! | 7 | 0Ah |
//!
//! One message is known, `3A 00 78 03 01 B6 0A`: 888 in green. The panel shows
//! numbers only, so a lane has one for "drive on" and one for everything else.

use super::super::exchange::{ExchangeFrame, Field};
use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{self, Setting, SettingFault, Settings, Values, number};
use super::super::{Decoder, Frame, NoiseWhy, Protocol, ProtocolKind};
use super::Shown;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "sunpn",
    kind: ProtocolKind::Sign,
    about: "Sunpn LED number panels. They show a number in a colour: one for \"drive on\" (green), one for everything else. Only the code of green is known; try the panel's other colours and set `other_colour`. Source: one captured message, sum recomputed.",
    settings: &SETTINGS,
    ask: None,
    agree: None,
    make,
};

static SETTINGS: [Setting; 4] = [
    Setting {
        name: "address",
        default: "0",
        values: Values::Number { min: 0, max: 255 },
        meaning: "the panel's address",
    },
    Setting {
        name: "go",
        default: "888",
        values: Values::Number { min: 0, max: 9999 },
        meaning: "the number that says drive on, always in green",
    },
    Setting {
        name: "other",
        default: "0",
        values: Values::Number { min: 0, max: 9999 },
        meaning: "the number for everything else",
    },
    Setting {
        name: "other_colour",
        default: "0",
        values: Values::Number { min: 0, max: 255 },
        meaning: "its colour; not 1, which is green",
    },
];

const START: u8 = 0x3a;
const END: u8 = 0x0a;
const LEN: usize = 7;
const GREEN: u8 = 1;

/// A panel.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Sunpn {
    address: u8,
    go: u16,
    other: u16,
    other_colour: u8,
}

impl Sunpn {
    pub(super) fn of(settings: &Settings) -> Result<Self, SettingFault> {
        if let Some(fault) = settings::faults(&SETTINGS, settings).into_iter().next() {
            return Err(fault);
        }
        let set = |name| number(&SETTINGS, settings, name);
        let byte = |name| u8::try_from(set(name)).expect("the table allows 255");
        let word = |name| u16::try_from(set(name)).expect("the table allows 9999");
        let other_colour = byte("other_colour");
        if other_colour == GREEN {
            return Err(SettingFault {
                name: "other_colour".to_owned(),
                why: "1 is green, and green says drive on: choose another colour".to_owned(),
            });
        }
        Ok(Self {
            address: byte("address"),
            go: word("go"),
            other: word("other"),
            other_colour,
        })
    }

    pub(super) fn show(&self, shown: &Shown) -> Vec<u8> {
        let (number, colour) = match shown.go {
            true => (self.go, GREEN),
            false => (self.other, self.other_colour),
        };
        let [low, high] = number.to_le_bytes();
        let mut message = vec![START, self.address, low, high, colour];
        let sum = message.iter().fold(0_u8, |sum, b| sum.wrapping_add(*b));
        message.extend([sum, END]);
        message
    }
}

struct Messages;

fn make(_: &Settings) -> Box<dyn Decoder + Send> {
    Box::new(Framer::new(Messages))
}

impl Grammar for Messages {
    const FRAME_LEN_MAX: usize = LEN;

    fn scan(&self, bytes: &[u8]) -> Step {
        if bytes[0] != START {
            return Step::drop(NoiseWhy::NoStart);
        }
        let Some(&[start, address, low, high, colour, sum, end]) = bytes.first_chunk::<LEN>()
        else {
            return Step::Need;
        };
        if end != END {
            return Step::drop(NoiseWhy::Terminator);
        }
        let all = [start, address, low, high, colour];
        if all.iter().fold(0_u8, |sum, b| sum.wrapping_add(*b)) != sum {
            return Step::drop(NoiseWhy::Checksum);
        }
        let number = u32::from(u16::from_le_bytes([low, high]));
        let fields = vec![
            ("unit", Field::Number(u32::from(address))),
            ("number", Field::Number(number)),
            ("colour", Field::Number(u32::from(colour))),
        ];
        Step::Frame(LEN, Frame::Exchange(ExchangeFrame::host(fields)))
    }
}
