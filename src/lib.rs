//! The shell of lanegate: everything that touches the world on behalf of the
//! pure core. `ARCHITECTURE.md` has the map and the floors.

pub mod authority;
pub mod clock;
pub mod config;
pub mod device;
pub mod mqtt;
pub mod store;
