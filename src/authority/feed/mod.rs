//! The authority's feed (FORMATS 6): one sequence of batches for declarations,
//! enterprises, controls, findings and policies.
//!
//! Absent on purpose: transport, clock, disk. [`parse`] turns one message into
//! a [`Batch`]; [`FeedState`] orders batches, finds gaps and asks for what is
//! missing.
//!
//! A bad envelope is refused whole. A bad item inside a good one makes its
//! subject unusable and the sequence advances, or one bad item would stop the
//! port (L10).

mod batch;
mod canonical;
mod item;
mod state;

pub use batch::{Batch, EnvelopeFault, ITEMS_MAX, PARTS_MAX, PAYLOAD_LEN_MAX, Unusable, parse};
pub use canonical::canonical_text;
pub use state::{FeedState, FeedStep, IgnoreWhy, Request, WAITING_MAX};
