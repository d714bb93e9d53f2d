//! Appending: everything that waits goes into one write and one sync.

use std::io::{self, ErrorKind};

use lanegate_core::record::{Body, Link, Prepared};

use super::disk::is_full;
use super::reader::Segment;
use super::reserve::Reserve;
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
    reserve: Reserve,
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
            reserve: Reserve::none(),
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
            reserve: Reserve::none(),
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

    /// Appends have this to fall back on from now on.
    pub const fn set_aside(&mut self, reserve: Reserve) {
        self.reserve = reserve;
    }

    /// What is set aside for a full disk.
    #[must_use]
    pub const fn reserve(&self) -> Reserve {
        self.reserve
    }

    /// Makes the reserve whole again if `floor` bytes stay free besides; true
    /// if it was not and is now.
    ///
    /// # Errors
    /// There is as much of it as before, which an append may use.
    pub fn restock<D: Disk>(&mut self, disk: &mut D, free: u64, floor: u64) -> io::Result<bool> {
        self.reserve.make(disk, free, floor)
    }

    /// Appends the group: one write, one sync. Durable when it returns. On a
    /// full disk the reserve makes room for it.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn append<D: Disk>(&mut self, disk: &mut D, group: Group) -> Result<(), AppendError> {
        let Some(first) = group.first else {
            return Ok(());
        };
        // Bounded: the reserve gets shorter each time.
        loop {
            match self.write(disk, first, &group.bytes) {
                Ok(()) => break,
                Err(AppendError::Full) => {
                    if !self.reserve.give(disk, group.bytes.len() as u64) {
                        return Err(AppendError::Full);
                    }
                }
                Err(fatal @ AppendError::Fatal(_)) => return Err(fatal),
            }
        }
        self.len += group.bytes.len() as u64;
        self.link = group.link;
        Ok(())
    }

    fn write<D: Disk>(
        &mut self,
        disk: &mut D,
        first: u64,
        bytes: &[u8],
    ) -> Result<(), AppendError> {
        if self.len >= self.segment_len_max {
            self.begin_segment(disk, first)?;
        }
        let name = &self.segment.name;
        if let Err(error) = disk.append(name, bytes) {
            let full = is_full(error.kind());
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
            Err(error) if is_full(error.kind()) => Err(AppendError::Full),
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
