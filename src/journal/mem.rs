//! A disk in memory that forgets what was not synced: for simulation, where
//! the same journal code meets crashes, full disks and failing syncs.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Disk;

#[derive(Clone, Default, Debug)]
struct MemFile {
    bytes: Vec<u8>,
    /// Bytes that survive a power cut.
    synced: usize,
    /// Bytes whose sync failed: they are read back, but no later sync writes
    /// them, and the power cut shows it.
    dropped: Vec<Range<usize>>,
}

impl MemFile {
    /// A sync that fails: the system forgets that these bytes wait for the
    /// disk, and shows them until the power goes.
    fn drop_unsynced(&mut self) {
        if self.synced < self.bytes.len() {
            self.dropped.push(self.synced..self.bytes.len());
        }
    }

    fn cut(&mut self, len: usize) {
        self.bytes.truncate(len);
        self.synced = self.synced.min(self.bytes.len());
        for range in &mut self.dropped {
            range.end = range.end.min(len);
        }
        self.dropped.retain(|range| !range.is_empty());
    }

    fn lose_power(&mut self, kept: usize, garbage: &[u8]) {
        for range in std::mem::take(&mut self.dropped) {
            let end = range.end.min(self.bytes.len());
            let start = range.start.min(end);
            self.bytes[start..end].fill(0);
        }
        let lost = self.bytes.len() > self.synced + kept;
        self.bytes.truncate(self.synced + kept);
        if lost {
            self.bytes.extend_from_slice(garbage);
        }
        self.synced = self.bytes.len();
    }
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
    failing_reads: u32,
    /// Appends that fail, and how many bytes of each are written.
    failing_appends: Option<(u32, usize)>,
    lying_syncs: bool,
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
        self.crash_onto(kept, &vec![0; garbage]);
    }

    /// The same with these bytes behind what is there.
    pub fn crash_onto(&self, kept: usize, garbage: &[u8]) {
        let mut inner = self.inner();
        inner.heal();
        for file in inner.files.values_mut() {
            file.lose_power(kept, garbage);
        }
    }

    /// The process is gone, the machine is not: what was written is read back,
    /// what was not synced still waits for a sync, and nothing fails any more.
    pub fn kill(&self) {
        self.inner().heal();
    }

    /// The next `n` syncs fail.
    pub fn fail_syncs(&self, n: u32) {
        self.inner().failing_syncs = n;
    }

    /// The next `n` reads fail.
    pub fn fail_reads(&self, n: u32) {
        self.inner().failing_reads = n;
    }

    /// The next `n` appends fail, each after `written` bytes.
    pub fn fail_appends(&self, n: u32, written: usize) {
        self.inner().failing_appends = Some((n, written)).filter(|_| n > 0);
    }

    /// From now on a sync says that it is done and does nothing, or no longer.
    pub fn lie_about_syncs(&self, lie: bool) {
        self.inner().lying_syncs = lie;
    }

    /// Bytes in all files.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.inner().used()
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

    fn used(&self) -> u64 {
        self.files.values().map(|f| f.bytes.len() as u64).sum()
    }

    fn free(&self) -> u64 {
        let used = self.used();
        self.capacity.map_or(u64::MAX, |c| c.saturating_sub(used))
    }

    /// Power is there and nothing fails.
    fn heal(&mut self) {
        self.off = false;
        self.cut_after = None;
        self.failing_syncs = 0;
        self.failing_reads = 0;
        self.failing_appends = None;
    }

    /// How many bytes of an append are written before it fails; none = it does
    /// not.
    const fn fails_append(&mut self) -> Option<usize> {
        match self.failing_appends {
            Some((n, written)) => {
                self.failing_appends = if n > 1 { Some((n - 1, written)) } else { None };
                Some(written)
            }
            None => None,
        }
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
        if inner.failing_reads > 0 {
            inner.failing_reads -= 1;
            return Err(io::Error::other("the disk failed"));
        }
        let bytes = &inner.file(name)?.bytes;
        let from = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let until = from.saturating_add(len_max).min(bytes.len());
        Ok(bytes[from..until].to_vec())
    }

    fn size(&self, name: &str) -> io::Result<u64> {
        let mut inner = self.inner();
        inner.powered()?;
        inner.file(name).map(|file| file.bytes.len() as u64)
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
        let fails = inner.fails_append();
        let room = usize::try_from(inner.free()).unwrap_or(usize::MAX);
        let written = most.min(room).min(fails.unwrap_or(usize::MAX));
        inner.file(name)?.bytes.extend_from_slice(&bytes[..written]);
        if !powered {
            return Err(power_cut());
        }
        if fails.is_some() {
            return Err(io::Error::other("the disk failed"));
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
            inner.file(name)?.drop_unsynced();
            return Err(io::Error::other("the disk failed"));
        }
        if inner.lying_syncs {
            return Ok(());
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
        file.cut(usize::try_from(len).unwrap_or(usize::MAX));
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
