//! One message, one document: what is collected until it ends.

use super::super::{Decoder, Frame, Item, NoiseWhy};

/// Reads a whole document.
pub(super) trait Document {
    /// What it says.
    fn read(&self, document: &[u8]) -> Result<Frame, NoiseWhy>;
}

/// A [`Decoder`] of messages.
pub(super) struct Whole<D> {
    document: D,
    message: Bounded,
}

impl<D: Document> Whole<D> {
    /// Takes messages of up to `size_max` bytes.
    pub(super) fn new(document: D, size_max: usize) -> Self {
        let message = Bounded::new(size_max);
        Self { document, message }
    }
}

impl<D: Document> Decoder for Whole<D> {
    fn push(&mut self, bytes: &[u8], _: &mut Vec<Item>) {
        self.message.push(bytes);
    }

    fn idle(&mut self, out: &mut Vec<Item>) {
        let (message, excess) = self.message.take();
        let len = message.len() + excess;
        if len == 0 {
            return;
        }
        let read = match excess {
            0 => self.document.read(&message),
            _ => Err(NoiseWhy::TooLong),
        };
        out.push(item(read, len));
    }
}

/// A frame, or so many bytes of noise.
pub(super) fn item(read: Result<Frame, NoiseWhy>, len: usize) -> Item {
    match read {
        Ok(frame) => Item::Frame(frame),
        Err(why) => Item::Noise {
            len,
            why,
            hint: None,
        },
    }
}

/// Bytes of one message, at most so many of them kept.
#[derive(Debug)]
pub(super) struct Bounded {
    size_max: usize,
    bytes: Vec<u8>,
    excess: usize,
}

impl Bounded {
    pub(super) const fn new(size_max: usize) -> Self {
        Self {
            size_max,
            bytes: Vec::new(),
            excess: 0,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let room = self.size_max - self.bytes.len();
        let (kept, beyond) = bytes.split_at(bytes.len().min(room));
        self.bytes.extend_from_slice(kept);
        self.excess += beyond.len();
    }

    /// What came, and how much was not kept.
    pub(super) fn take(&mut self) -> (Vec<u8>, usize) {
        let bytes = std::mem::take(&mut self.bytes);
        (bytes, std::mem::take(&mut self.excess))
    }
}

/// Values in one document; a camera's longest has a few hundred. More would
/// cost a hundred times their bytes before anybody could say so.
const VALUES_MAX: usize = 10_000;

/// A whole JSON document.
pub(in crate::wire) fn json(document: &[u8]) -> Result<serde_json::Value, NoiseWhy> {
    // Between two values stands a comma; those within texts make it stricter.
    // Pictures written as text have none.
    if document.iter().filter(|b| **b == b',').count() >= VALUES_MAX {
        return Err(NoiseWhy::TooLong);
    }
    serde_json::from_slice(document).map_err(|e| why(&e))
}

/// Why serde could not read a document.
pub(super) fn why(error: &serde_json::Error) -> NoiseWhy {
    use serde_json::error::Category;
    match error.classify() {
        Category::Io | Category::Syntax => NoiseWhy::Syntax,
        Category::Eof => NoiseWhy::Cut,
        Category::Data => NoiseWhy::Field,
    }
}
