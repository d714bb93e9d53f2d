//! Simulated lane hardware, trucks and authority.

pub mod authority;
pub mod broker;
pub mod pty;
pub mod realtime;

/// Microseconds since the world began.
pub type Us = u64;
