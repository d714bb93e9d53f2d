//! Yaohua formats tF=1 and tF=2: `=` and a figure, no terminator, no checksum.
//! A frame is whole when the next `=` comes, or when the line falls silent.

use smallvec::SmallVec;

use super::super::NoiseWhy;
use super::super::framer::{Grammar, Step};
use super::figure::{Figure, decimal, first_odd};
use super::setup::Shown;

const START: u8 = b'=';
/// Characters of the figure, its point included.
const FIGURE_LEN: usize = 7;

/// Where the sign stands, and in which order the digits come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// `=` sign, high digit first (tF=2).
    SignFirst,
    /// `=` low digit first, sign (tF=1).
    Reversed,
    /// `=` low digit first, no sign.
    ReversedBare,
}

pub(super) struct OpenEnd {
    pub(super) order: Order,
    pub(super) shown: Shown,
}

impl Grammar for OpenEnd {
    /// With a byte behind it, which decides.
    const FRAME_LEN_MAX: usize = 1 + FIGURE_LEN + 1 + 2;

    fn scan(&self, bytes: &[u8]) -> Step {
        self.look(bytes, false)
    }

    fn scan_last(&self, bytes: &[u8]) -> Step {
        self.look(bytes, true)
    }
}

impl OpenEnd {
    fn look(&self, bytes: &[u8], last: bool) -> Step {
        if bytes[0] != START {
            return Step::drop(NoiseWhy::NoStart);
        }
        let len = match self.order {
            Order::SignFirst | Order::Reversed => 1 + FIGURE_LEN + 1,
            Order::ReversedBare => 1 + FIGURE_LEN,
        };
        let seen = &bytes[1..bytes.len().min(len)];
        let known = |b: u8| matches!(b, b'0'..=b'9' | b'.' | b'-');
        if let Some(why) = first_odd(seen, START, known, NoiseWhy::NotDecimal) {
            return Step::drop(why);
        }
        let Some(frame) = bytes.get(..len) else {
            return Step::Need;
        };
        match bytes.get(len) {
            Some(&START) => {}
            None if last => {}
            None => return Step::Need,
            Some(_) => return Step::drop(NoiseWhy::Terminator),
        }
        let shown = self
            .figure(&frame[1..])
            .map_or(Figure::NoDecimal, Figure::Value);
        match self.shown.frame(shown, frame) {
            Some(weight) => Step::Frame(len, weight),
            None => Step::drop(NoiseWhy::NotDecimal),
        }
    }

    fn figure(&self, body: &[u8]) -> Option<smol_str::SmolStr> {
        let (sign, digits) = match self.order {
            Order::SignFirst => (body[0], &body[1..]),
            Order::Reversed => (body[FIGURE_LEN], &body[..FIGURE_LEN]),
            Order::ReversedBare => (b'0', body),
        };
        if !matches!(sign, b'0' | b'-') {
            return None;
        }
        let mut digits = SmallVec::<[u8; FIGURE_LEN]>::from_slice(digits);
        if self.order != Order::SignFirst {
            digits.reverse();
        }
        decimal(&digits, sign == b'-')
    }
}
