//! Weighbridge indicators.

mod end_mark;
mod figure;
mod nibbles;
mod open_end;
mod setup;
mod stability;

pub(super) mod ascii_line;
pub(super) mod mt_continuous;
pub(super) mod mt_sics;
pub(super) mod sbi;
pub(super) mod sma;
pub(super) mod systec;
pub(super) mod yaohua_a12;
pub(super) mod yaohua_a12e;
pub(super) mod yaohua_command;
pub(super) mod yaohua_tf0;
pub(super) mod yaohua_tf1;
pub(super) mod yaohua_tf2;

pub use stability::{Stability, StableRule};
