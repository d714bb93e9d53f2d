//! Readers of the UHFReader18 family; the layout is in `uhf.rs`. Source: the
//! frames of public readers' tests, and a capture.

use super::super::framer::Framer;
use super::super::settings::{Setting, Settings, Values, number};
use super::super::{Ask, Decoder, Protocol, ProtocolKind};
use super::uhf::{Family, Uhf, command};
use crate::time::Micros;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "uhfreader18",
    kind: ProtocolKind::Tag,
    about: "UHF readers of the UHFReader18 family (Chafon and many others under their own names), usually 57600 8N1: asked for an inventory, they name the tags they hear. \
No antenna and no strength is told. An EPC can be copied: it names, it proves nothing. Source: tests of public drivers, a capture.",
    settings: &SETTINGS,
    ask: Some(ask),
    agree: None,
    make,
};

static SETTINGS: [Setting; 2] = [
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
];

fn make(_: &Settings) -> Box<dyn Decoder + Send> {
    Box::new(Framer::new(Uhf {
        family: Family::Reader18,
        antenna: None,
        rssi_min: 0,
    }))
}

/// An inventory.
fn ask(settings: &Settings) -> Ask {
    let set = |name| number(&SETTINGS, settings, name);
    let address = u8::try_from(set("address")).expect("at most 255");
    Ask {
        bytes: command(&[address, 0x01]),
        every: Micros::from_ms(u64::from(set("ask_ms"))),
    }
}
