//! Simulated lane hardware, trucks and authority.

pub mod authority;
pub mod broker;

/// Microseconds since the world began.
pub type Us = u64;
