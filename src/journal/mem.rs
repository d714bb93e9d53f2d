//! A disk in memory that forgets what was not synced: for simulation, where
//! the same journal code meets crashes, full disks and failing syncs.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Disk;

#[derive(Clone, Default, Debug)]
struct MemFile {
    bytes: Vec<u8>,
    /// Bytes that survive a crash.
    synced: usize,
}

/// What a disk did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DiskCounts {
    /// Appends.
    pub appends: u64,
    /// Syncs of data.
    pub syncs: u64,
    /// All operations that change something, those two included.
    pub changes: u64,
}

#[derive(Debug, Default)]
struct Inner {
    files: BTreeMap<String, MemFile>,
    counts: DiskCounts,
    capacity: Option<u64>,
    /// Changes left until the power is cut.
    cut_after: Option<u64>,
    /// Bytes of the interrupted append that are written.
    cut_writes: usize,
    off: bool,
    failing_syncs: u32,
}

/// A disk in memory; clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct MemDisk(Arc<Mutex<Inner>>);

impl MemDisk {
    /// An empty disk without a limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cuts the power at the `n`-th change from now on (0 = the next): that
    /// one fails, an append after `bytes` bytes, and so does all after it.
    pub fn cut_power_after(&self, n: u64, bytes: usize) {
        let mut inner = self.inner();
        inner.cut_after = Some(n);
        inner.cut_writes = bytes;
    }

    /// Power comes back: of what was not synced the first `kept` bytes of each
    /// file are there, then `garbage` bytes of zeros.
    pub fn crash(&self, kept: usize, garbage: usize) {
        let mut inner = self.inner();
        inner.off = false;
        inner.cut_after = None;
        inner.failing_syncs = 0;
        for file in inner.files.values_mut() {
            let lost = file.bytes.len() > file.synced + kept;
            file.bytes.truncate(file.synced + kept);
            if lost {
                file.bytes.resize(file.bytes.len() + garbage, 0);
            }
            file.synced = file.bytes.len();
        }
    }

    /// The next `n` syncs fail.
    pub fn fail_syncs(&self, n: u32) {
        self.inner().failing_syncs = n;
    }

    /// The disk holds so many bytes; none = no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.inner().capacity = bytes;
    }

    /// What it did so far.
    #[must_use]
    pub fn counts(&self) -> DiskCounts {
        self.inner().counts
    }

    /// Bytes that were appended and not synced.
    #[must_use]
    pub fn unsynced_bytes(&self) -> usize {
        let inner = self.inner();
        inner.files.values().map(|f| f.bytes.len() - f.synced).sum()
    }

    /// Changes a byte of a file where it lies.
    pub fn flip(&self, name: &str, offset: usize) {
        if let Some(byte) = self
            .inner()
            .files
            .get_mut(name)
            .and_then(|f| f.bytes.get_mut(offset))
        {
            *byte ^= 0xff;
        }
    }

    /// A copy that shares nothing with this one.
    #[must_use]
    pub fn fork(&self) -> Self {
        let inner = self.inner();
        Self(Arc::new(Mutex::new(Inner {
            files: inner.files.clone(),
            capacity: inner.capacity,
            ..Inner::default()
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Counts a change; false if the power is gone.
    fn change(&mut self) -> io::Result<bool> {
        self.powered()?;
        self.counts.changes += 1;
        match &mut self.cut_after {
            Some(0) => {
                self.off = true;
                Ok(false)
            }
            Some(n) => {
                *n -= 1;
                Ok(true)
            }
            None => Ok(true),
        }
    }

    fn powered(&self) -> io::Result<()> {
        if self.off { Err(power_cut()) } else { Ok(()) }
    }

    fn file(&mut self, name: &str) -> io::Result<&mut MemFile> {
        self.files.get_mut(name).ok_or_else(|| absent(name))
    }

    fn free(&self) -> u64 {
        let used: usize = self.files.values().map(|f| f.bytes.len()).sum();
        self.capacity
            .map_or(u64::MAX, |c| c.saturating_sub(used as u64))
    }
}

fn power_cut() -> io::Error {
    io::Error::other("the power is cut")
}

fn absent(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, name.to_owned())
}

impl Disk for MemDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let inner = self.inner();
        inner.powered()?;
        Ok(inner.files.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.read_at(name, 0, usize::MAX)
    }

    fn read_at(&self, name: &str, offset: u64, len_max: usize) -> io::Result<Vec<u8>> {
        let mut inner = self.inner();
        inner.powered()?;
        let bytes = &inner.file(name)?.bytes;
        let from = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let until = from.saturating_add(len_max).min(bytes.len());
        Ok(bytes[from..until].to_vec())
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let mut inner = self.inner();
        if !inner.change()? {
            return Err(power_cut());
        }
        if inner.files.contains_key(name) {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        inner.files.insert(name.to_owned(), MemFile::default());
        Ok(())
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.inner();
        inner.counts.appends += 1;
        let powered = inner.change()?;
        let most = if powered {
            bytes.len()
        } else {
            inner.cut_writes.min(bytes.len())
        };
        let room = usize::try_from(inner.free()).unwrap_or(usize::MAX);
        let written = most.min(room);
        inner.file(name)?.bytes.extend_from_slice(&bytes[..written]);
        if !powered {
            return Err(power_cut());
        }
        if written < bytes.len() {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut inner = self.inner();
        inner.counts.syncs += 1;
        if !inner.change()? {
            return Err(power_cut());
        }
        if inner.failing_syncs > 0 {
            inner.failing_syncs -= 1;
            return Err(io::Error::other("the disk failed"));
        }
        let file = inner.file(name)?;
        file.synced = file.bytes.len();
        Ok(())
    }

    fn truncate(&mut self, name: &str, len: u64) -> io::Result<()> {
        let mut inner = self.inner();
        if !inner.change()? {
            return Err(power_cut());
        }
        let file = inner.file(name)?;
        file.bytes
            .truncate(usize::try_from(len).unwrap_or(usize::MAX));
        file.synced = file.bytes.len();
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.inner();
        if !inner.change()? {
            return Err(power_cut());
        }
        let file = inner.files.remove(from).ok_or_else(|| absent(from))?;
        inner.files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut inner = self.inner();
        if !inner.change()? {
            return Err(power_cut());
        }
        inner
            .files
            .remove(name)
            .map(drop)
            .ok_or_else(|| absent(name))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.inner().free())
    }
}
