//! The vendors' side of the wires, written from the vendors' documents.

pub(crate) mod board;
pub(crate) mod camera;
pub(crate) mod jt808;
pub(crate) mod readers;
pub(crate) mod scale;
pub(crate) mod seal;
