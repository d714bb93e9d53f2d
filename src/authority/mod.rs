//! The customs side: what its messages mean. Transports live in their own
//! folders.

pub mod feed;
mod freshness;
mod plea;
mod session;
mod topics;

pub use freshness::Freshness;
pub use plea::SnapshotPlea;
pub use session::{Ask, Held, IN_FLIGHT_MAX, Session};
pub use topics::{Topic, Topics};
