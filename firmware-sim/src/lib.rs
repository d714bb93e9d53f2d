//! Simulated lane hardware, trucks and authority.
