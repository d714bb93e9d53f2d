//! Yaohua XK3190 continuous format tF=1, reversed. Source: A26 manual p. 13,
//! A23p manual p. 23-24.
//!
//! | byte | content |
//! |---|---|
//! | 1 | `=` |
//! | 2..8 | seven characters, low digit first, point included |
//! | 9 | `0`, or `-` for a negative figure; left out by the bare dialect |
//!
//! Some send the `=` last (`mark = "after"`): the same bytes in an unbroken
//! stream, and nothing but halves of frames where the line is silent between.
//!
//! `=000.3000` is 3.000 here and 0.3 in tF=2, which is as long: the two must
//! be configured and can never be told apart. No checksum, no flag.

use super::super::framer::Framer;
use super::super::settings::{Setting, Settings, Values, text};
use super::super::{Decoder, Protocol, ProtocolKind};
use super::end_mark::EndMark;
use super::open_end::{OpenEnd, Order};
use super::setup::{DATA_BITS, MODE, PARITY, Shown, UNIT, mask, mode, unit};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "yaohua-tf1",
    kind: ProtocolKind::Scale,
    about: "Yaohua XK3190 (A26, A23p and others), continuous output, format tF=1: `=`, seven characters with the low digit first, then the sign. `=000.3000` is 3.000. No checksum, no flag of stability, overload or unit, and no end: a frame counts when the next one begins or the line falls silent. Some, as the PyPI package `weighbridge-simulator` does, send the `=` last and then pause: `543.210=` is read with `mark = \"after\"` alone, since the `=` in front of a figure would be older than the pause; the device's line then says so. **It cannot be told from `yaohua-tf2` by looking**: read the indicator's menu. `sign = \"none\"` is the dialect of eight bytes without a sign, `=543.210` for 12.345. Source: A26 manual p. 13, A23p manual p. 23-24.",
    settings: &SETTINGS,
    ask: None,
    agree: None,
    make,
};

static SETTINGS: [Setting; 6] = [
    Setting {
        name: "sign",
        default: "last",
        values: Values::Words(&["last", "none"]),
        meaning: "last: 0 or - behind the digits; none: eight bytes, never negative",
    },
    Setting {
        name: "mark",
        default: "before",
        values: Values::Words(&["before", "after"]),
        meaning: "where the = stands: before the figure, or after it and its sign",
    },
    UNIT,
    MODE,
    DATA_BITS,
    PARITY,
];

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let order = match text(&SETTINGS, settings, "sign") {
        "none" => Order::ReversedBare,
        _ => Order::Reversed,
    };
    let shown = Shown::plain(unit(&SETTINGS, settings), mode(&SETTINGS, settings));
    let mask = mask(&SETTINGS, settings);
    match text(&SETTINGS, settings, "mark") {
        "after" => Box::new(Framer::masked(EndMark { order, shown }, mask)),
        _ => Box::new(Framer::masked(OpenEnd { order, shown }, mask)),
    }
}
