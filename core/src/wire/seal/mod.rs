//! Electronic seals.

pub(super) mod jt701;
