//! The shell of lanegate: everything that touches the world on behalf of the
//! pure core. `ARCHITECTURE.md` has the map and the floors.

pub mod authority;
pub mod claims;
pub mod cli;
pub mod clock;
pub mod committer;
pub mod config;
pub mod device;
pub mod draws;
pub mod gateway;
pub mod http;
pub mod journal;
pub mod logs;
pub mod metrics;
pub mod mqtt;
#[cfg(feature = "sim")]
pub mod sim;
pub mod store;
#[cfg(feature = "sim")]
pub mod stuck;
pub mod systemd;
pub mod tls;
pub mod turns;
