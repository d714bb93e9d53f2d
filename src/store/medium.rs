//! Where the cache lies: an ordered map of bytes, and a second one aside to
//! build a replacement in.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::StoreError;

/// Keys with their new value; none = gone.
pub type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// One page of entries in key order.
pub type Page = Vec<(Vec<u8>, Vec<u8>)>;

/// What opening found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Opened {
    /// Nothing: it was begun now.
    New,
    /// One that was begun before, which must say how much it holds.
    Existing,
}

/// Where the cache lies. No method panics, whatever lies there.
pub trait Medium {
    /// Opens what is there, or an empty one. Called again until it succeeds.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if what is there should be set aside.
    fn open(&mut self) -> Result<Opened, StoreError>;

    /// The value under `key`.
    ///
    /// # Errors
    /// It cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` entries after `after`, in order.
    ///
    /// # Errors
    /// They cannot be read.
    fn page(&self, after: &[u8], limit: usize) -> Result<Page, StoreError>;

    /// All changes or none, durable when this returns.
    ///
    /// # Errors
    /// Whether they are there is not known: treat the medium as damaged.
    fn write(&mut self, changes: &Changes) -> Result<(), StoreError>;

    /// Begins an empty one aside; one that was begun before is dropped.
    ///
    /// # Errors
    /// It cannot be made.
    fn begin_aside(&mut self) -> Result<(), StoreError>;

    /// Writes into the one aside, durable by [`Self::swap`].
    ///
    /// # Errors
    /// It cannot be written.
    fn write_aside(&mut self, changes: &Changes) -> Result<(), StoreError>;

    /// Makes the one aside the present one, durably; the old one is dropped.
    ///
    /// # Errors
    /// The old one stays.
    fn swap(&mut self) -> Result<(), StoreError>;

    /// Drops the one aside.
    fn drop_aside(&mut self);

    /// Sets the present one aside for later study and begins an empty one.
    ///
    /// # Errors
    /// There is none now; [`Self::open`] may be tried again.
    fn quarantine(&mut self) -> Result<(), StoreError>;

    /// Bytes on disk of the present one.
    fn disk_bytes(&self) -> u64;
}

/// A medium in memory, with the faults a disk has.
#[derive(Clone, Default, Debug)]
pub struct MemMedium {
    present: BTreeMap<Vec<u8>, Vec<u8>>,
    aside: BTreeMap<Vec<u8>, Vec<u8>>,
    begun: bool,
    quarantined: usize,
    bloat_bytes: u64,
    fail_writes: bool,
    fail_open: bool,
}

impl MemMedium {
    /// Flips one bit of the value under the `nth` key (modulo the keys there).
    pub fn flip(&mut self, nth: usize, bit: usize) {
        let len = self.present.len().max(1);
        if let Some(value) = self.present.values_mut().nth(nth % len) {
            let bit = bit % (value.len() * 8).max(1);
            if let Some(byte) = value.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }

    /// Loses the `nth` key (modulo the keys there) without a trace.
    pub fn lose(&mut self, nth: usize) {
        let len = self.present.len().max(1);
        if let Some(key) = self.present.keys().nth(nth % len).cloned() {
            self.present.remove(&key);
        }
    }

    /// From now on writes fail, or no longer.
    pub fn fail_writes(&mut self, fail: bool) {
        self.fail_writes = fail;
    }

    /// From now on opening fails, or no longer.
    pub fn fail_open(&mut self, fail: bool) {
        self.fail_open = fail;
    }

    /// Pretends that the files have `bytes` more than what they hold, until
    /// they are rewritten.
    pub fn bloat(&mut self, bytes: u64) {
        self.bloat_bytes = bytes;
    }

    /// How often it was set aside.
    #[must_use]
    pub const fn quarantined(&self) -> usize {
        self.quarantined
    }

    fn refused(&self, what: &'static str) -> Result<(), StoreError> {
        if !self.fail_writes {
            return Ok(());
        }
        let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
        Err(StoreError::Io { what, source })
    }
}

fn write_all(into: &mut BTreeMap<Vec<u8>, Vec<u8>>, changes: &Changes) {
    for (key, value) in changes {
        match value {
            Some(value) => into.insert(key.clone(), value.clone()),
            None => into.remove(key),
        };
    }
}

impl Medium for MemMedium {
    fn open(&mut self) -> Result<Opened, StoreError> {
        if self.fail_open {
            return Err(StoreError::Unavailable);
        }
        if std::mem::replace(&mut self.begun, true) {
            Ok(Opened::Existing)
        } else {
            Ok(Opened::New)
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.present.get(key).cloned())
    }

    fn page(&self, after: &[u8], limit: usize) -> Result<Page, StoreError> {
        let range = (Bound::Excluded(after), Bound::Unbounded);
        let entries = self.present.range::<[u8], _>(range).take(limit);
        Ok(entries.map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    fn write(&mut self, changes: &Changes) -> Result<(), StoreError> {
        self.refused("written")?;
        write_all(&mut self.present, changes);
        Ok(())
    }

    fn begin_aside(&mut self) -> Result<(), StoreError> {
        self.aside.clear();
        Ok(())
    }

    fn write_aside(&mut self, changes: &Changes) -> Result<(), StoreError> {
        self.refused("written")?;
        write_all(&mut self.aside, changes);
        Ok(())
    }

    fn swap(&mut self) -> Result<(), StoreError> {
        self.refused("swapped")?;
        self.present = std::mem::take(&mut self.aside);
        self.bloat_bytes = 0;
        Ok(())
    }

    fn drop_aside(&mut self) {
        self.aside.clear();
    }

    fn quarantine(&mut self) -> Result<(), StoreError> {
        self.present.clear();
        self.aside.clear();
        self.quarantined += 1;
        self.begun = false;
        self.open().map(drop)
    }

    fn disk_bytes(&self) -> u64 {
        let entries = self.present.iter();
        let held: usize = entries.map(|(k, v)| k.len() + v.len()).sum();
        self.bloat_bytes + held as u64
    }
}
