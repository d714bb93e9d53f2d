//! The cache of declarations: what may be this truck's, in microseconds.
//!
//! Losing it is safe, since a truck that is not found stops; so nothing but
//! declarations lies here. Controls, revocations and spends live in the
//! journal, and what this cache answers is corrected by them ([`Overlay`]).
//!
//! sled 0.34.7, measured: one flipped bit panics its `open` in most trials and
//! silently loses keys in some; truncation silently reverts. Hence every value
//! bears a checksum, the whole a count and a digest written in the same batch,
//! the indexes are built by the scan that verifies, and a cache that is off in
//! any way is set aside and filled again by the authority.
//!
//! ```text
//! Loading --scanned, count and digest as written--> Ready --checksum, panic, I/O--> Quarantined
//!    |--anything off--> Quarantined: set aside, empty, every miss Unverified --snapshot--> Ready
//!    |--cannot be opened at all (disk full, locked)--> Broken: Unavailable, tried again
//! ```

mod cache;
mod cached;
mod disk;
mod import;
mod index;
mod lines;
mod medium;
mod names;
mod skim;
#[cfg(test)]
pub(crate) mod testing;
mod thread;
mod verified;

pub use cache::Cache;
pub use disk::{DiskOptions, SledMedium};
pub use import::{parse_csv, parse_json_lines, rounded_looking};
pub use lines::{LineFault, parse_lines};
pub use medium::{Changes, Medium, MemMedium, Opened, Page};
pub use thread::{
    Busy, Overlay, Progress, QUEUE_LEN_MAX, Shown, StoreHandle, StoreNotice, StoreThread,
};

use lanegate_core::lane::Query;
use lanegate_core::model::{Buckets, Declaration, DeclarationId, Part, Position, StoreState};

/// Most declarations kept (L9): twice the largest port's.
pub const DECLARATIONS_MAX: usize = 2_000_000;

/// Most declarations one look-up may find before its answer counts as none.
pub const CANDIDATES_MAX: usize = 512;

/// A store in memory, for simulation: the same code over another medium.
pub type MemStore = Cache<MemMedium>;

/// The store on disk.
pub type SledStore = Cache<SledMedium>;

/// What a batch of the feed, a part of a snapshot or an import changes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FeedApply {
    /// Where the feed stands with it; none = a file, the feed stays where it is.
    pub position: Option<Position>,
    /// A part of a snapshot; in force with the last one, and what none of the
    /// parts names is gone.
    pub part: Option<Part>,
    /// Declarations to keep; one of a lower version than the one held is left.
    pub upserts: Vec<Declaration>,
    /// Declarations to forget.
    pub removals: Vec<DeclarationId>,
}

/// What an apply did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Applied {
    /// Kept.
    pub kept: usize,
    /// Left because a higher version is held.
    pub stale: usize,
    /// Forgotten.
    pub removed: usize,
}

/// What a look-up found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidates {
    /// Declarations that may be the truck's, by id, with those they cover.
    pub declarations: Vec<Declaration>,
    /// What that is worth.
    pub state: StoreState,
}

/// What upkeep found to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Upkeep {
    /// Nothing: wait for the next request.
    Idle,
    /// A slice was done, more is left: call again soon.
    More,
}

/// What went wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What lies there cannot be trusted; it is set aside.
    #[error("the declaration cache is damaged: {0}")]
    Damaged(String),
    /// Another process holds it.
    #[error("the declaration cache in {0} is in use by another process; stop that one or ask it")]
    InUse(String),
    /// The disk or the directory.
    #[error("the declaration cache cannot be {what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// Not open now; it is tried again.
    #[error("the declaration cache is not available")]
    Unavailable,
    /// It is still being verified; come back when it is.
    #[error("the declaration cache is still being verified after the start")]
    Loading,
    /// A part that does not follow the one before.
    #[error("part {0} of a snapshot came without the parts before it")]
    PartOutOfOrder(u32),
    /// More than [`DECLARATIONS_MAX`].
    #[error("more than {DECLARATIONS_MAX} declarations; nothing of the batch was kept")]
    Full,
}

/// A cache of declarations.
pub trait Store {
    /// Applies a batch whole or not at all, with its position, durable when
    /// this returns (a part of a snapshot: with the last one).
    ///
    /// # Errors
    /// Nothing was applied.
    fn apply(&mut self, batch: FeedApply) -> Result<Applied, StoreError>;

    /// What may be the truck's. Never fails: what it cannot answer is said in
    /// the state.
    fn candidates(&mut self, query: &Query) -> Candidates;

    /// One declaration.
    ///
    /// # Errors
    /// It cannot be read.
    fn get(&mut self, id: &DeclarationId) -> Result<Option<Declaration>, StoreError>;

    /// Up to `limit` declarations by id, from the one after `after` on.
    ///
    /// # Errors
    /// They cannot be read.
    fn export(
        &mut self,
        after: Option<&DeclarationId>,
        limit: usize,
    ) -> Result<Vec<Declaration>, StoreError>;

    /// How many are held.
    fn count(&self) -> usize;

    /// How far the feed is applied here; none = not at all.
    fn position(&self) -> Option<Position>;

    /// Whether it is open and verified, so that it can be asked.
    fn is_ready(&self) -> bool;

    /// Compares what is held with what the journal says should be: a bucket is
    /// verified if it is equal. Returns how many are not.
    fn expect(&mut self, expected: &Buckets) -> usize;

    /// Forgets what ended before `ended_before` (its window's end, in Unix
    /// milliseconds), a bounded slice at a time; returns how many.
    ///
    /// # Errors
    /// They cannot be removed.
    fn purge(&mut self, ended_before: lanegate_core::time::Wall) -> Result<usize, StoreError>;

    /// A bounded slice of work that waits: verifying after the start, opening
    /// again, rebuilding aside when the files have grown.
    fn tend(&mut self) -> Upkeep;

    /// Why the cache was last set aside, once.
    fn take_quarantined(&mut self) -> Option<String>;
}
