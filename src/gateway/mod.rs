//! The daemon: the only module that knows all others.

mod desk;
pub mod socket;

pub use desk::{Answer, Desk, Intake, Tell};

use lanegate_core::clearance::Policy;

use crate::config::Config;

/// Why the daemon did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It is not part of this build.
    #[error("the daemon of controller {0} is not part of this build")]
    NotBuilt(String),
}

impl RunError {
    /// The exit code that says it (FORMATS 1).
    #[must_use]
    pub const fn exit(&self) -> u8 {
        match self {
            Self::NotBuilt(_) => 78,
        }
    }
}

/// Runs the daemon.
///
/// # Errors
/// See [`RunError`].
pub fn run(config: Config, policy: Policy) -> Result<(), RunError> {
    let (controller, _) = (config.controller.id, policy);
    Err(RunError::NotBuilt(controller.to_string()))
}
