//! Rewriting the cache aside when its files have grown far beyond what they
//! hold: sled gives space back slowly (sled issues 1333, 1061). Slice by slice,
//! while look-ups are answered.

use super::super::cached::{self, META_KEY};
use super::{Cache, Changes, Medium, SLICE_LEN, StoreError, Upkeep};

/// Files may have this many times the bytes of the data …
const GROWTH_MAX: u64 = 4;

/// … plus this, which a small cache needs anyway.
const FLOOR_BYTES: u64 = 64 << 20;

/// Batches between two looks at the size of the files.
const BATCHES_BETWEEN: u32 = 64;

/// A rebuild under way, or the count of batches to the next look.
#[derive(Default)]
pub(super) struct Rebuild {
    batches: u32,
    /// Copied up to and with this key.
    cursor: Option<Vec<u8>>,
}

impl Rebuild {
    /// Repeats in the medium aside what changed in the part already copied.
    pub(super) fn mirror<M: Medium>(&mut self, medium: &mut M, changes: &Changes) {
        self.batches = self.batches.saturating_add(1);
        let Some(cursor) = &self.cursor else {
            return;
        };
        let copied = |key: &[u8]| key != META_KEY && key <= cursor.as_slice();
        let changed = changes.iter().filter(|(key, _)| copied(key));
        let changed: Changes = changed.cloned().collect();
        if medium.write_aside(&changed).is_err() {
            *self = Self::default();
            medium.drop_aside();
        }
    }
}

impl<M: Medium> Cache<M> {
    /// Bytes the files may have before they are rewritten.
    #[must_use]
    pub fn disk_bytes_max(&self) -> u64 {
        self.held
            .data_bytes
            .saturating_mul(GROWTH_MAX)
            .saturating_add(FLOOR_BYTES)
    }

    pub(super) fn tend_rebuild(&mut self) -> Upkeep {
        if self.staged.is_some() {
            return Upkeep::Idle; // a snapshot is a rebuild
        }
        if let Some(cursor) = self.rebuild.cursor.clone() {
            return self.copy_slice(&cursor).unwrap_or_else(|error| {
                self.rebuild = Rebuild::default();
                self.medium.drop_aside();
                if let StoreError::Damaged(_) = error {
                    self.suffer(error);
                }
                Upkeep::Idle
            });
        }
        if self.rebuild.batches < BATCHES_BETWEEN {
            return Upkeep::Idle;
        }
        self.rebuild.batches = 0;
        let grown = self.medium.disk_bytes() > self.disk_bytes_max();
        if !grown || self.medium.begin_aside().is_err() {
            return Upkeep::Idle;
        }
        self.rebuild.cursor = Some(META_KEY.to_vec());
        Upkeep::More
    }

    fn copy_slice(&mut self, cursor: &[u8]) -> Result<Upkeep, StoreError> {
        let page = self.medium.page(cursor, SLICE_LEN)?;
        for (_, bytes) in &page {
            cached::unframe(bytes)?;
        }
        let last = page.last().map(|(key, _)| key.clone());
        let more = page.len() == SLICE_LEN;
        let changes: Changes = page.into_iter().map(|(k, v)| (k, Some(v))).collect();
        self.medium.write_aside(&changes)?;
        if let Some(last) = last.filter(|_| more) {
            self.rebuild.cursor = Some(last);
            return Ok(Upkeep::More);
        }
        let meta = cached::frame(&self.held.meta()).bytes;
        self.medium
            .write_aside(&vec![(META_KEY.to_vec(), Some(meta))])?;
        self.medium.swap()?;
        self.rebuild = Rebuild::default();
        Ok(Upkeep::Idle)
    }
}
