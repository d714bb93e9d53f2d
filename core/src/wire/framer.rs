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
            let rest = &self.buffer[from..];
            match self.grammar.scan(rest) {
                Step::Frame(len, frame) => {
                    assert!((1..=rest.len()).contains(&len), "a frame lies in its bytes");
                    from += len;
                    flush(&mut self.noise, out);
                    out.push(Item::Frame(frame));
                }
                Step::Frames(len, frames) => {
                    assert!((1..=rest.len()).contains(&len), "a frame lies in its bytes");
                    from += len;
                    flush(&mut self.noise, out);
                    out.extend(frames.into_iter().map(Item::Frame));
                }
                Step::Need if !idle && rest.len() < G::FRAME_LEN_MAX => break,
                step @ (Step::Need | Step::Drop(..)) => {
                    let (why, hint) = match step {
                        Step::Drop(why, hint) => (why, hint),
                        Step::Need | Step::Frame(..) | Step::Frames(..) if idle => {
                            (NoiseWhy::Cut, None)
                        }
                        Step::Need | Step::Frame(..) | Step::Frames(..) => {
                            (NoiseWhy::TooLong, None)
                        }
                    };
                    self.noise.add(rest[0], why, hint);
                    from += 1;
                    if self.noise.len >= NOISE_RUN_LEN_MAX {
                        flush(&mut self.noise, out);
                    }
                }
            }
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
