//! Appending: everything that waits goes into one write and one sync.

use std::io::ErrorKind;

use lanegate_core::record::{Body, Link, Prepared};

use super::reader::Segment;
use super::{Disk, JournalError, RECORD_LEN_MAX, frame};

/// Why a group was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The disk is full; nothing of the group is there.
    #[error("the disk is full")]
    Full,
    /// Nobody knows what is on the disk: stop, and recover at the next start.
    #[error("the journal cannot be written; the disk's content is unknown until a restart")]
    Fatal(#[source] JournalError),
}

/// Appends records in their places.
#[derive(Debug)]
pub struct Writer {
    segment: Segment,
    len: u64,
    segment_len_max: u64,
    link: Link,
}

/// Records that are to be appended together.
#[derive(Debug)]
pub struct Group {
    link: Link,
    /// Sequence of its first record.
    first: Option<u64>,
    bytes: Vec<u8>,
    records: usize,
}

impl Group {
    /// Adds a record; returns its sequence, or none if it is too long.
    pub fn push(&mut self, prepared: &Prepared) -> Option<u64> {
        let mut behind = self.link.clone();
        // Numbers the authority holds other records under are left out.
        if let Body::Reconciled(body) = &prepared.draft().body
            && body.genesis == behind.genesis
        {
            behind.seq = behind.seq.max(body.through.saturating_add(1));
        }
        let seq = behind.seq;
        let text = behind.write(prepared);
        if text.len() > RECORD_LEN_MAX {
            return None;
        }
        self.first.get_or_insert(seq);
        self.link = behind;
        frame::write(&text, &mut self.bytes);
        self.records += 1;
        Some(seq)
    }

    /// Where the next record goes.
    #[must_use]
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// How many records it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.records
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Bytes they take.
    #[must_use]
    pub const fn bytes_len(&self) -> usize {
        self.bytes.len()
    }
}

impl Writer {
    /// A writer for a directory without a journal.
    ///
    /// # Errors
    /// The first segment cannot be made.
    pub fn create<D: Disk>(
        disk: &mut D,
        link: Link,
        segment_len_max: u64,
    ) -> Result<Self, JournalError> {
        let segment = Segment::starting(0);
        let listed = disk
            .list()
            .map_err(JournalError::io("directory", "listed"))?;
        // An empty first segment is what a crash during the first start leaves.
        if !listed.contains(&segment.name) {
            let made = disk.create(&segment.name);
            made.map_err(JournalError::io(&segment.name, "made"))?;
        }
        Ok(Self {
            segment,
            len: 0,
            segment_len_max,
            link,
        })
    }

    pub(super) const fn resume(
        segment: Segment,
        len: u64,
        link: Link,
        segment_len_max: u64,
    ) -> Self {
        Self {
            segment,
            len,
            segment_len_max,
            link,
        }
    }

    /// An empty group that begins where the journal ends.
    #[must_use]
    pub fn group(&self) -> Group {
        Group {
            link: self.link.clone(),
            first: None,
            bytes: Vec::new(),
            records: 0,
        }
    }

    /// Appends the group: one write, one sync. Durable when it returns.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn append<D: Disk>(&mut self, disk: &mut D, group: Group) -> Result<(), AppendError> {
        let Some(first) = group.first else {
            return Ok(());
        };
        if self.len >= self.segment_len_max {
            self.begin_segment(disk, first)?;
        }
        let name = &self.segment.name;
        if let Err(error) = disk.append(name, &group.bytes) {
            let full = error.kind() == ErrorKind::StorageFull;
            let fatal = AppendError::Fatal(JournalError::io(name, "written")(error));
            if !full {
                return Err(fatal);
            }
            return match disk.truncate(name, self.len) {
                Ok(()) => Err(AppendError::Full),
                Err(_) => Err(fatal),
            };
        }
        if let Err(error) = disk.sync(name) {
            // Read back it would pass for durable, and no later sync would
            // write it: nobody was answered, so it goes while it can.
            if let Err(why) = disk.truncate(name, self.len) {
                tracing::warn!(segment = name, %why, "what was not synced could not be cut");
            }
            return Err(AppendError::Fatal(JournalError::io(name, "synced")(error)));
        }
        self.len += group.bytes.len() as u64;
        self.link = group.link;
        Ok(())
    }

    fn begin_segment<D: Disk>(&mut self, disk: &mut D, first: u64) -> Result<(), AppendError> {
        let next = Segment::starting(first);
        match disk.create(&next.name) {
            Ok(()) => {
                self.segment = next;
                self.len = 0;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::StorageFull => Err(AppendError::Full),
            // Made when the disk was full, and left empty.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let emptied = disk.truncate(&next.name, 0);
                emptied
                    .map_err(JournalError::io(&next.name, "emptied"))
                    .map_err(AppendError::Fatal)?;
                self.segment = next;
                self.len = 0;
                Ok(())
            }
            Err(error) => Err(AppendError::Fatal(JournalError::io(&next.name, "made")(
                error,
            ))),
        }
    }

    /// Where the next record goes.
    #[must_use]
    pub const fn link(&self) -> &Link {
        &self.link
    }
}
