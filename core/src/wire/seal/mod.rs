//! Electronic seals.

mod fields;
pub(super) mod json;
pub(super) mod jt701;
pub(super) mod jt808;
