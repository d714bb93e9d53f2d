//! The lane as a sans-IO state machine.

mod command;
mod config;
mod event;

pub use command::{Command, Guard, Lights, Query, Sign, Tell};
pub use config::{EvidenceDevice, Geometry, LaneConfig, Role};
pub use event::{Event, Refusal, Token, Took};
