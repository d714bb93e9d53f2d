//! Yaohua tF=1 as some send it: the `=` behind the figure, and a pause behind
//! that. It ends a figure, so a frame is whole at once; nothing begins one, so a
//! figure counts only if so many characters, and no other, lie between two
//! marks, or between silence and a mark.

use super::super::NoiseWhy;
use super::super::framer::{Grammar, Step};
use super::figure::Figure;
use super::open_end::{MARK, Order, first_unknown};
use super::setup::Shown;

pub(super) struct EndMark {
    pub(super) order: Order,
    pub(super) shown: Shown,
}

impl Grammar for EndMark {
    /// Far longer than a figure: what lies between two marks is looked at, and
    /// passed over, as a whole, or the end of a long one would be a figure.
    const FRAME_LEN_MAX: usize = 64;

    fn scan(&self, bytes: &[u8]) -> Step {
        let seen = &bytes[..bytes.len().min(Self::FRAME_LEN_MAX)];
        let Some(end) = seen.iter().position(|b| *b == MARK) else {
            return Step::Need;
        };
        let (figure, len) = (&bytes[..end], end + 1);
        if let Some(why) = first_unknown(figure) {
            return Step::Skip(len, why);
        }
        if figure.len() != self.order.figure_len() {
            return Step::Skip(len, NoiseWhy::Cut);
        }
        let shown = self.order.figure(figure).map(Figure::Value);
        let frame = shown.and_then(|shown| self.shown.frame(shown, &bytes[..len]));
        match frame {
            Some(weight) => Step::Frame(len, weight),
            None => Step::Skip(len, NoiseWhy::NotDecimal),
        }
    }
}
