//! Yaohua XK3190 continuous format tF=0 (A9, D2+, DS, A12, A23p, A26), the
//! usual Chinese truck scale. Source: A26 manual p. 12, A23p manual p. 23.
//!
//! | byte | content |
//! |---|---|
//! | 1 | 02h |
//! | 2 | `+` or `-` |
//! | 3..8 | six digits, high first, no point |
//! | 9 | number of decimals, `0`..`4` |
//! | 10, 11 | XOR of bytes 2..9, high nibble first: hex digits, or 30h + nibble on some clones |
//! | 12 | 03h |
//!
//! The format has no flag for stable, overload, unit or tare: the first is
//! derived (see [`Stability`](super::Stability)), the others are settings. The
//! tare key must be locked on the indicator, since a net figure looks the same.

use smol_str::SmolStr;

use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{Setting, Settings, text};
use super::super::{Decoder, Hint, NoiseWhy, Protocol, ProtocolKind};
use super::figure::{Figure, decimal};
use super::nibbles::{NIBBLES, Nibbles};
use super::setup::{DATA_BITS, MODE, PARITY, Shown, UNIT, mask, mode, unit};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "yaohua-tf0",
    kind: ProtocolKind::Scale,
    about: "Yaohua XK3190 (A9, A9+, D2+, DS, A12, A23p, A26), continuous output, format tF=0: twelve bytes with a checksum. No flag of stability, overload or unit. Source: A26 manual p. 12, A23p manual p. 23.",
    settings: &SETTINGS,
    ask: None,
    agree: None,
    make,
};

static SETTINGS: [Setting; 5] = [NIBBLES, UNIT, MODE, DATA_BITS, PARITY];

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const FRAME_LEN: usize = 12;

struct YaohuaTf0 {
    nibbles: Nibbles,
    shown: Shown,
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let grammar = YaohuaTf0 {
        nibbles: Nibbles::of(text(&SETTINGS, settings, "nibbles")),
        shown: Shown::plain(unit(&SETTINGS, settings), mode(&SETTINGS, settings)),
    };
    Box::new(Framer::masked(grammar, mask(&SETTINGS, settings)))
}

impl Grammar for YaohuaTf0 {
    const FRAME_LEN_MAX: usize = FRAME_LEN;

    fn scan(&self, bytes: &[u8]) -> Step {
        if bytes[0] != STX {
            return Step::drop(NoiseWhy::NoStart);
        }
        let Some(frame) = bytes.get(..FRAME_LEN) else {
            return Step::Need;
        };
        if frame.contains(&0) {
            return Step::drop(NoiseWhy::LineError);
        }
        if frame[11] != ETX {
            return Step::drop(NoiseWhy::Terminator);
        }
        let (body, sum) = (&frame[1..9], [frame[9], frame[10]]);
        if !self.nibbles.fit(body, sum) {
            let other = self.nibbles.other().fit(body, sum);
            let hint = other.then_some(Hint::Nibbles);
            return Step::Drop(NoiseWhy::Checksum, hint);
        }
        let shown = value(&frame[1..9]).map_or(Figure::NoDecimal, Figure::Value);
        match self.shown.frame(shown, frame) {
            Some(weight) => Step::Frame(FRAME_LEN, weight),
            None => Step::drop(NoiseWhy::NotDecimal),
        }
    }
}

/// `+0020002` is "20.00": sign, six digits, number of decimals.
pub(super) fn value(body: &[u8]) -> Option<SmolStr> {
    let (sign, digits, decimals) = (body[0], &body[1..7], body[7]);
    let shaped = matches!(sign, b'+' | b'-')
        && digits.iter().all(u8::is_ascii_digit)
        && matches!(decimals, b'0'..=b'4');
    if !shaped {
        return None;
    }
    let (whole, fraction) = digits.split_at(6 - usize::from(decimals - b'0'));
    let mut text = [b'.'; 7];
    text[..whole.len()].copy_from_slice(whole);
    text[whole.len() + 1..].copy_from_slice(fraction);
    decimal(&text, sign == b'-')
}
