//! The targets, for the thin programs of `fuzz_targets/`.

pub mod targets;
