//! Streams and posts of cameras that put documents among pictures: multipart
//! bodies, or a bare document. Pictures are passed over.

use super::super::multipart::{Parts, Piece};
use super::super::{Decoder, Item, NoiseWhy};
use super::whole::Bounded;

/// Longest document of text; pictures may be longer, since they are not kept.
const TEXT_LEN_MAX: usize = 256 << 10;

/// Reads what is no picture.
pub(super) trait Texts {
    /// A bare document may begin so.
    fn begins(first: u8) -> bool;

    /// What a part, or a bare document, says.
    fn read(&self, text: &[u8], out: &mut Vec<Item>);
}

/// What is being read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    /// Nothing yet.
    Start,
    Parts,
    Bare,
}

/// A [`Decoder`] of parts.
pub(super) struct Parted<T> {
    texts: T,
    mode: Mode,
    parts: Parts,
    bare: Bounded,
    pieces: Vec<Piece>,
    /// Blank bytes before anything began.
    blanks: usize,
}

impl<T: Texts> Parted<T> {
    pub(super) fn new(texts: T) -> Self {
        Self {
            texts,
            mode: Mode::Start,
            parts: Parts::new(TEXT_LEN_MAX),
            bare: Bounded::new(TEXT_LEN_MAX),
            pieces: Vec::new(),
            blanks: 0,
        }
    }

    fn take_pieces(&mut self, out: &mut Vec<Item>) {
        for piece in std::mem::take(&mut self.pieces) {
            match piece {
                Piece::Noise(len, why) => add_noise(len, why, out),
                Piece::Part(part) if part.is_picture() => {}
                Piece::Part(part) if part.excess > 0 => {
                    out.push(noise(part.body.len() + part.excess, NoiseWhy::TooLong));
                }
                Piece::Part(part) => self.texts.read(&part.body, out),
            }
        }
    }
}

impl<T: Texts> Decoder for Parted<T> {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Item>) {
        let mut bytes = bytes;
        if self.mode == Mode::Start {
            let blanks = bytes.iter().take_while(|b| b.is_ascii_whitespace()).count();
            self.blanks += blanks;
            bytes = &bytes[blanks..];
            self.mode = match bytes.first() {
                None => return,
                Some(first) if T::begins(*first) && !self.parts.awaits_part() => Mode::Bare,
                Some(_) => Mode::Parts,
            };
            self.blanks = 0;
        }
        match self.mode {
            Mode::Bare => self.bare.push(bytes),
            Mode::Parts | Mode::Start => {
                self.parts.push(bytes, &mut self.pieces);
                self.take_pieces(out);
            }
        }
    }

    fn is_whole(&self) -> bool {
        match self.mode {
            Mode::Start | Mode::Bare => true,
            Mode::Parts => self.parts.is_whole(),
        }
    }

    fn idle(&mut self, out: &mut Vec<Item>) {
        let blanks = std::mem::take(&mut self.blanks);
        match std::mem::replace(&mut self.mode, Mode::Start) {
            Mode::Start if blanks > 0 => out.push(noise(blanks, NoiseWhy::NoStart)),
            Mode::Start => {}
            Mode::Parts => {
                self.parts.end(&mut self.pieces);
                self.take_pieces(out);
            }
            Mode::Bare => match self.bare.take() {
                (text, 0) => self.texts.read(&text, out),
                (text, excess) => out.push(noise(text.len() + excess, NoiseWhy::TooLong)),
            },
        }
    }
}

/// Neighbours are one item, with the most telling reason among them.
fn add_noise(len: usize, why: NoiseWhy, out: &mut Vec<Item>) {
    if let Some(Item::Noise {
        len: before,
        why: known,
        ..
    }) = out.last_mut()
    {
        *before += len;
        *known = why.max(*known);
    } else {
        out.push(noise(len, why));
    }
}

fn noise(len: usize, why: NoiseWhy) -> Item {
    Item::Noise {
        len,
        why,
        hint: None,
    }
}
