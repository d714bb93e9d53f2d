//! Yaohua XK3190 continuous format tF=2, forward. Source: A26 manual p. 13,
//! A23p manual p. 23-24.
//!
//! | byte | content |
//! |---|---|
//! | 1 | `=` |
//! | 2 | `0`, or `-` for a negative figure |
//! | 3..9 | seven characters, high digit first, point included |
//!
//! `=000.3000` is 0.3 here and 3.000 in tF=1. No checksum, no flag.

use super::super::framer::Framer;
use super::super::settings::{Setting, Settings};
use super::super::{Decoder, Protocol, ProtocolKind};
use super::open_end::{OpenEnd, Order};
use super::setup::{DATA_BITS, MODE, PARITY, Shown, UNIT, mask, mode, unit};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "yaohua-tf2",
    kind: ProtocolKind::Scale,
    about: "Yaohua XK3190 (A26, A23p and others), continuous output, format tF=2: `=`, the sign, then seven characters with the high digit first. `=0003.000` is 3.000. No checksum, no flag of stability, overload or unit, and no end: a frame counts when the next one begins or the line falls silent. **It cannot be told from `yaohua-tf1` by looking**: read the indicator's menu. Source: A26 manual p. 13, A23p manual p. 23-24.",
    settings: &SETTINGS,
    ask: None,
    agree: None,
    make,
};

static SETTINGS: [Setting; 4] = [UNIT, MODE, DATA_BITS, PARITY];

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let grammar = OpenEnd {
        order: Order::SignFirst,
        shown: Shown::plain(unit(&SETTINGS, settings), mode(&SETTINGS, settings)),
    };
    Box::new(Framer::masked(grammar, mask(&SETTINGS, settings)))
}
