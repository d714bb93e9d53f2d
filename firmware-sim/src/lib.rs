//! Simulated lane hardware, trucks and authority.

pub mod authority;

/// Microseconds since the world began.
pub type Us = u64;
