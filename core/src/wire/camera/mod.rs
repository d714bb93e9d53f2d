//! Plate cameras.

pub(super) mod vzenith;
