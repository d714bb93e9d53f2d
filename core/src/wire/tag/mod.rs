//! Readers of tags and cards.

mod uhf;
pub(super) mod uhfreader18;
pub(super) mod uhfreader288;
pub(super) mod wiegand26;
