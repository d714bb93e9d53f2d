//! The shell of lanegate: everything that touches the world.

pub mod authority;
pub mod clock;
pub mod mqtt;
pub mod store;
