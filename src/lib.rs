//! The shell of lanegate: everything that touches the world on behalf of the
//! pure core. `ARCHITECTURE.md` has the map and the floors.

pub mod authority;
pub mod config;
pub mod device;
pub mod http;
pub mod metrics;
pub mod store;
pub mod systemd;
