//! The part all stream protocols share: a bounded buffer, resynchronising by
//! one byte, and noise that is merged and counted.

use super::noise::NoiseRun;
use super::{Decoder, Frame, Hint, Item, NoiseWhy};

/// Longest run of noise before it is reported although nothing ended it, so
/// that a line of pure noise is seen at once.
const NOISE_RUN_LEN_MAX: usize = 1024;

/// Bytes taken into the buffer at a time.
const CHUNK_LEN: usize = 1024;

/// What a protocol makes of the bytes at the start of the buffer.
pub(super) enum Step {
    /// They may become a frame.
    Need,
    /// They are one, this long.
    Frame(usize, Frame),
    /// They are one message, this long, that speaks of several things at once.
    Frames(usize, Vec<Frame>),
    /// The first of them is none.
    Drop(NoiseWhy, Option<Hint>),
    /// They are a whole line, this long, that says nothing usable: for formats
    /// whose lines nothing but their end tells apart, so that no column of a
    /// bad line is taken for the beginning of another.
    Skip(usize, NoiseWhy),
}

impl Step {
    pub(super) const fn drop(why: NoiseWhy) -> Self {
        Self::Drop(why, None)
    }
}

/// One protocol's framing.
pub(super) trait Grammar {
    /// Longest frame in bytes; with so many in hand, `Need` is no answer.
    const FRAME_LEN_MAX: usize;

    /// Looks at `bytes`, never empty, the oldest first.
    fn scan(&self, bytes: &[u8]) -> Step;

    /// The same when the line has fallen silent behind `bytes`: a frame that
    /// only the next one's start would end is whole now.
    fn scan_last(&self, bytes: &[u8]) -> Step {
        self.scan(bytes)
    }
}

/// A [`Decoder`] over a [`Grammar`].
pub(super) struct Framer<G> {
    grammar: G,
    /// Clears bit 7 where the settings say the line has 7 data bits.
    mask: u8,
    buffer: Vec<u8>,
    noise: NoiseRun,
}

impl<G: Grammar> Framer<G> {
    pub(super) fn new(grammar: G) -> Self {
        Self::masked(grammar, 0xff)
    }

    pub(super) fn masked(grammar: G, mask: u8) -> Self {
        Self {
            grammar,
            mask,
            buffer: Vec::with_capacity(CHUNK_LEN + G::FRAME_LEN_MAX),
            noise: NoiseRun::new(),
        }
    }

    fn drain(&mut self, idle: bool, out: &mut Vec<Item>) {
        let mut from = 0;
        while from < self.buffer.len() {
            // No frame may be longer because more of it came at once.
            let until = self.buffer.len().min(from + G::FRAME_LEN_MAX);
            let rest = &self.buffer[from..until];
            let step = if idle {
                self.grammar.scan_last(rest)
            } else {
                self.grammar.scan(rest)
            };
            let (len, why, hint) = match step {
                Step::Frame(len, frame) => {
                    assert!((1..=rest.len()).contains(&len), "a frame lies in its bytes");
                    from += len;
                    flush(&mut self.noise, out);
                    out.push(Item::Frame(frame));
                    continue;
                }
                Step::Frames(len, frames) => {
                    assert!((1..=rest.len()).contains(&len), "a frame lies in its bytes");
                    from += len;
                    flush(&mut self.noise, out);
                    out.extend(frames.into_iter().map(Item::Frame));
                    continue;
                }
                Step::Need if idle => (1, NoiseWhy::Cut, None),
                Step::Need if rest.len() < G::FRAME_LEN_MAX => break,
                Step::Need => (1, NoiseWhy::TooLong, None),
                Step::Drop(why, hint) => (1, why, hint),
                Step::Skip(len, why) => (len, why, None),
            };
            for &byte in &rest[..len] {
                self.noise.add(byte, why, hint);
                if self.noise.len >= NOISE_RUN_LEN_MAX {
                    flush(&mut self.noise, out);
                }
            }
            from += len;
        }
        self.buffer.drain(..from);
    }
}

impl<G: Grammar> Decoder for Framer<G> {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Item>) {
        for chunk in bytes.chunks(CHUNK_LEN) {
            self.buffer.extend(chunk.iter().map(|b| b & self.mask));
            self.drain(false, out);
        }
    }

    fn idle(&mut self, out: &mut Vec<Item>) {
        self.drain(true, out);
        flush(&mut self.noise, out);
    }
}

fn flush(noise: &mut NoiseRun, out: &mut Vec<Item>) {
    if noise.len > 0 {
        out.push(Item::Noise {
            len: noise.len,
            why: noise.why(),
            hint: noise.hint(),
        });
        *noise = NoiseRun::new();
    }
}
