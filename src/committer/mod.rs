//! The one gatekeeper: ledger, in-force set and journal writer in one place,
//! so that what a verdict was judged on is checked at the very append.
//!
//! [`Gatekeeper`] has no thread: the simulator drives it. [`Committer`] gives it
//! one. Absent on purpose: clocks, sleds, sockets; a time comes with every call.

mod checkpoints;
mod gatekeeper;
mod open;
mod outbox;
mod queue;
mod reconcile;
mod thread;
mod view;

pub use checkpoints::Checkpoints;
pub use gatekeeper::{BODY_LEN_MAX, Gatekeeper, SnapshotError};
pub use open::{Configured, OpenError, Opened, Options};
pub use outbox::Outbox;
pub use queue::{Answer, Flushed};
pub use reconcile::ReconcileError;
pub use thread::{
    Busy, Committed, Committer, CommitterHandle, Hooks, NoHooks, Notice, Progress, QUEUE_LEN_MAX,
};
pub use view::{Published, View};

/// The journal cannot be relied on any more: stop, start again, recover.
#[derive(Debug, thiserror::Error)]
#[error("the journal failed; the daemon must stop and recover at the next start")]
pub struct Fatal(#[source] pub crate::journal::AppendError);

#[cfg(test)]
mod tests;
