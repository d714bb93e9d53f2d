//! Drivers: a byte source and a codec become readings; commands become
//! outputs. What decides is sans-IO ([`Stream`], [`Board`]) and is what the
//! simulator drives; threads only move bytes.

mod board;
mod health;
mod recapture;
mod stream;

pub use board::{Board, BoardCommand};
pub use health::Counts;
pub use recapture::recapture_message;
pub use stream::{Stream, StreamFault};
