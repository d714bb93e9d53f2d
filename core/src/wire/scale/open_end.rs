//! Yaohua formats tF=1 and tF=2: `=` and a figure, no terminator, no checksum.
//! A frame is whole when the next `=` comes, or when the line falls silent.

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::super::framer::{Grammar, Step};
use super::super::{Hint, NoiseWhy};
use super::figure::{Figure, decimal, first_odd};
use super::setup::Shown;

pub(super) const MARK: u8 = b'=';
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
        if bytes[0] != MARK {
            return Step::drop(NoiseWhy::NoStart);
        }
        // Behind a mark that begins a frame there is a frame.
        if last && bytes.len() == 1 {
            return Step::Drop(NoiseWhy::Cut, Some(Hint::MarkBehind));
        }
        let len = 1 + self.order.figure_len();
        let seen = &bytes[1..bytes.len().min(len)];
        if let Some(why) = first_unknown(seen) {
            return Step::drop(why);
        }
        let Some(frame) = bytes.get(..len) else {
            return Step::Need;
        };
        match bytes.get(len) {
            Some(&MARK) => {}
            None if last => {}
            None => return Step::Need,
            Some(_) => return Step::drop(NoiseWhy::Terminator),
        }
        let shown = self
            .order
            .figure(&frame[1..])
            .map_or(Figure::NoDecimal, Figure::Value);
        match self.shown.frame(shown, frame) {
            Some(weight) => Step::Frame(len, weight),
            None => Step::drop(NoiseWhy::NotDecimal),
        }
    }
}

impl Order {
    /// Characters with the sign.
    pub(super) const fn figure_len(self) -> usize {
        match self {
            Self::SignFirst | Self::Reversed => FIGURE_LEN + 1,
            Self::ReversedBare => FIGURE_LEN,
        }
    }

    /// The figure of so many characters; none if they are no decimal.
    pub(super) fn figure(self, body: &[u8]) -> Option<SmolStr> {
        let (sign, digits) = match self {
            Self::SignFirst => (body[0], &body[1..]),
            Self::Reversed => (body[FIGURE_LEN], &body[..FIGURE_LEN]),
            Self::ReversedBare => (b'0', body),
        };
        if !matches!(sign, b'0' | b'-') {
            return None;
        }
        let mut digits = SmallVec::<[u8; FIGURE_LEN]>::from_slice(digits);
        if self != Self::SignFirst {
            digits.reverse();
        }
        decimal(&digits, sign == b'-')
    }
}

/// Why what stands where only digits, point and sign may is none.
pub(super) fn first_unknown(bytes: &[u8]) -> Option<NoiseWhy> {
    let known = |b: u8| matches!(b, b'0'..=b'9' | b'.' | b'-');
    first_odd(bytes, MARK, known, NoiseWhy::NotDecimal)
}
