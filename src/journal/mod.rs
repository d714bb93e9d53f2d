//! The journal: segment files of framed canonical JSON records, each with its
//! sequence and the hash of the one before (`docs/journal.md`).
//!
//! Absent on purpose: what a record means (the ledger), when to write (the
//! committer), clocks.

mod archive;
mod checkpoint;
mod disk;
mod frame;
mod joined;
mod mem;
mod older;
mod pages;
mod reader;
mod recover;
mod reserve;
mod snapshot;
mod usage;
mod verify;
mod writer;

pub use archive::{Leave, archive};
pub use checkpoint::{CheckpointKey, KeyError, is_signed};
pub use disk::{Disk, RealDisk, is_full};
pub use frame::RECORD_LEN_MAX;
pub use joined::Joined;
pub use mem::{DiskCounts, MemDisk};
pub use older::{Older, read_older, suspect};
pub use pages::Pages;
pub use reader::JournalReader;
pub(crate) use reader::{Cursor, records_from};
pub use recover::{Recovered, Torn, recover};
pub use reserve::Reserve;
pub use snapshot::write_snapshot;
pub use usage::{Usage, usage};
pub use verify::{Report, verify, verify_signed};
pub use writer::{AppendError, Group, Writer};

/// Size at which a new segment is begun.
pub const SEGMENT_LEN_MAX: u64 = 64 << 20;

/// What is wrong with the journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk.
    #[error("the journal's {name} cannot be {what}")]
    Io {
        /// Which file.
        name: String,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// A record that was written is not there any more.
    #[error(
        "the journal is damaged at record {seq} ({segment}, byte {offset}): {why}; \
         keep the files, start with another journal directory and reconcile"
    )]
    Damaged {
        /// Which file.
        segment: String,
        /// Where in it.
        offset: u64,
        /// The record expected there.
        seq: u64,
        /// What is wrong.
        why: String,
    },
    /// No file holds this record.
    #[error("no journal file holds record {seq}")]
    Missing {
        /// Which.
        seq: u64,
    },
    /// The first records were archived, and a start needs them.
    #[error(
        "the journal here begins with record {first}, and no snapshot tells what was before: put \
         the archived segments beside the others and start again"
    )]
    Headless {
        /// The first record here.
        first: u64,
    },
    /// The archive holds another segment of this name.
    #[error(
        "{segment} is in the archive with other content: nothing was removed; look whose archive \
         it is"
    )]
    ArchivedOther {
        /// Which file.
        segment: String,
    },
    /// Another controller's journal.
    #[error("this journal is of controller {found}, not of {expected}")]
    OtherController {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
}

impl JournalError {
    /// The file it is about, where it is about one.
    fn segment(&self) -> Option<&str> {
        match self {
            Self::Damaged { segment, .. } | Self::ArchivedOther { segment } => Some(segment),
            Self::Io { name, .. } => Some(name),
            Self::Missing { .. } | Self::Headless { .. } | Self::OtherController { .. } => None,
        }
    }

    fn io(name: &str, what: &'static str) -> impl Fn(std::io::Error) -> Self {
        let name = name.to_owned();
        move |source| Self::Io {
            name: name.clone(),
            what,
            source,
        }
    }
}
