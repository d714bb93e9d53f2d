//! The shell of lanegate: everything that touches the world around the pure
//! core in `lanegate-core`.

pub mod clock;
