//! Readers of the UHFReader288 family; the layout is in `uhf.rs`. Source: the
//! frames of public readers' tests, and a capture.

use super::super::framer::Framer;
use super::super::settings::{Setting, Settings, Values, number, text};
use super::super::{Ask, Decoder, Protocol, ProtocolKind};
use super::uhf::{Family, Uhf, command};
use crate::time::Micros;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "uhfreader288",
    kind: ProtocolKind::Tag,
    about: "UHF readers of the UHFReader288 family (Chafon and many others under their own names), usually 57600 8N1: asked for an inventory, they name the tags they hear, with antenna and strength. \
An antenna hears farther than its lane: set `antenna` and `rssi_min`. An EPC can be copied: it names, it proves nothing. Source: tests of public drivers, a capture.",
    settings: &SETTINGS,
    ask: Some(ask),
    agree: None,
    make,
};

static SETTINGS: [Setting; 4] = [
    Setting {
        name: "address",
        default: "255",
        values: Values::Number { min: 0, max: 255 },
        meaning: "the address asked; 255 is any",
    },
    Setting {
        name: "ask_ms",
        default: "300",
        values: Values::Number {
            min: 100,
            max: 10_000,
        },
        meaning: "time between two inventories",
    },
    Setting {
        name: "antenna",
        default: "any",
        values: Values::Words(&["any", "1", "2", "3", "4", "5", "6", "7", "8"]),
        meaning: "the antenna that is asked and whose tags count; any: the first is asked, all count",
    },
    Setting {
        name: "rssi_min",
        default: "0",
        values: Values::Number { min: 0, max: 255 },
        meaning: "weaker tags do not count: they may stand in the next lane",
    },
];

fn antenna(settings: &Settings) -> Option<u8> {
    text(&SETTINGS, settings, "antenna").parse().ok()
}

fn byte(settings: &Settings, name: &str) -> u8 {
    u8::try_from(number(&SETTINGS, settings, name)).expect("at most 255")
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    Box::new(Framer::new(Uhf {
        family: Family::Reader288,
        antenna: antenna(settings),
        rssi_min: byte(settings, "rssi_min"),
    }))
}

/// An inventory: Q 4, session 0, no mask, target A, the antenna, 2 s at most.
fn ask(settings: &Settings) -> Ask {
    let antenna = 0x80 + antenna(settings).unwrap_or(1) - 1;
    let address = byte(settings, "address");
    let inventory = [
        address, 0x01, 0x04, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, antenna, 0x14,
    ];
    let every = number(&SETTINGS, settings, "ask_ms");
    Ask {
        bytes: command(&inventory),
        every: Micros::from_ms(u64::from(every)),
    }
}
