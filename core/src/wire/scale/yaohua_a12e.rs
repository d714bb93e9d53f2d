//! Yaohua XK3190-A12E. Source: its manual p. 13.
//!
//! | byte | content |
//! |---|---|
//! | 1 | `W` |
//! | 2 | `G` gross, `N` net |
//! | 3..9 | figure with its point; the first is `-` if negative, the last blank without a point |
//! | 10, 11 | unit, `kg` |
//! | 12, 13 | XOR of bytes 1..11, high nibble first |
//! | 14, 15 | CR LF |
//!
//! Overload and underload: nine blanks, `OL` or `LO`, the checksum. Both have
//! the same one, since XOR does not see order: the letters are read in order.

use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{Setting, Settings, text};
use super::super::{Decoder, Hint, NoiseWhy, Protocol, ProtocolKind, WeightMode};
use super::figure::{Figure, figure};
use super::nibbles::{NIBBLES, Nibbles};
use super::setup::{DATA_BITS, PARITY, Shown, mask};
use crate::model::WeightUnit;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "yaohua-a12e",
    kind: ProtocolKind::Scale,
    about: "Yaohua XK3190-A12E: fifteen bytes like `WG004.139kg3D` with a checksum, unit, and gross or net. Overload is nine blanks and `OL`, underload `LO`, with the same checksum. No flag of stability. Source: A12E manual p. 13.",
    settings: &SETTINGS,
    ask: None,
    agree: None,
    make,
};

static SETTINGS: [Setting; 3] = [NIBBLES, DATA_BITS, PARITY];

const FRAME_LEN: usize = 15;
const BODY_LEN: usize = 11;
const BLANKS: [u8; 9] = [b' '; 9];

struct YaohuaA12e {
    nibbles: Nibbles,
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let nibbles = Nibbles::of(text(&SETTINGS, settings, "nibbles"));
    let grammar = YaohuaA12e { nibbles };
    Box::new(Framer::masked(grammar, mask(&SETTINGS, settings)))
}

impl Grammar for YaohuaA12e {
    const FRAME_LEN_MAX: usize = FRAME_LEN;

    fn scan(&self, bytes: &[u8]) -> Step {
        if !begins(bytes) {
            return Step::drop(NoiseWhy::NoStart);
        }
        let Some(frame) = bytes.get(..FRAME_LEN) else {
            return Step::Need;
        };
        if frame.contains(&0) {
            return Step::drop(NoiseWhy::LineError);
        }
        let (body, tail) = frame.split_at(BODY_LEN);
        if tail[2..] != *b"\r\n" {
            return Step::drop(NoiseWhy::Terminator);
        }
        let sum = [tail[0], tail[1]];
        if !self.nibbles.fit(body, sum) {
            let other = self.nibbles.other().fit(body, sum);
            return Step::Drop(NoiseWhy::Checksum, other.then_some(Hint::Nibbles));
        }
        match weight(body).and_then(|(shown, figure)| shown.frame(figure, frame)) {
            Some(weight) => Step::Frame(FRAME_LEN, weight),
            None => Step::drop(NoiseWhy::NotDecimal),
        }
    }
}

/// Of noise with many blanks each might be the first of nine, so all that are
/// there are looked at.
fn begins(bytes: &[u8]) -> bool {
    match bytes {
        [b'W'] => true,
        [b'W', mode, ..] => matches!(mode, b'G' | b'N'),
        [b' ', ..] => {
            let (blanks, letters) = bytes.split_at(bytes.len().min(BLANKS.len()));
            let fits = |at: usize, any: [u8; 2]| letters.get(at).is_none_or(|b| any.contains(b));
            BLANKS.starts_with(blanks) && fits(0, *b"OL") && fits(1, *b"LO")
        }
        [..] => false,
    }
}

fn weight(body: &[u8]) -> Option<(Shown, Figure)> {
    let mut shown = Shown::plain(WeightUnit::Kg, WeightMode::Gross);
    match body.strip_prefix(&BLANKS) {
        Some(b"OL") => shown.overload = true,
        Some(b"LO") => shown.underload = true,
        Some(_) => return None,
        None => {
            let word = str::from_utf8(body[9..].trim_ascii()).ok()?;
            shown.unit = WeightUnit::of_word(word);
            if body[1] == b'N' {
                shown.mode = WeightMode::Net;
            }
            return Some((shown, figure(&body[2..9], false)));
        }
    }
    Some((shown, Figure::Blank))
}
