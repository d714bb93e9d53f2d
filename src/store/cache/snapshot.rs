//! A snapshot, part by part, into the medium aside: in force with its last
//! part, so that a cut in the middle leaves what was there. Building aside also
//! keeps the files from growing with every rewrite.

use lanegate_core::model::{Buckets, Part, Position};

use super::super::cached::{self, Framed, META_KEY};
use super::super::index::Entry;
use super::{
    Applied, Cache, Changes, DECLARATIONS_MAX, FeedApply, Held, Medium, StoreError, Verified,
    newest_by_id, rebuild,
};

/// A snapshot under way.
pub(super) struct Staged {
    of: Option<Position>,
    parts: u32,
    next: u32,
    held: Held,
    /// Declarations named by two parts: which one counts is not known here.
    doubted: Vec<u8>,
}

impl<M: Medium> Cache<M> {
    pub(super) fn apply_part(
        &mut self,
        batch: FeedApply,
        part: Part,
    ) -> Result<Applied, StoreError> {
        if part.is_first() {
            self.rebuild = rebuild::Rebuild::default();
            self.medium.begin_aside()?;
            self.staged = Some(Staged {
                of: batch.position,
                parts: part.parts,
                next: 1,
                held: Held::default(),
                doubted: Vec::new(),
            });
        }
        let Some(mut staged) = self.staged.take() else {
            return Err(StoreError::PartOutOfOrder(part.part));
        };
        let follows =
            staged.next == part.part && staged.parts == part.parts && staged.of == batch.position;
        if !follows {
            self.medium.drop_aside();
            return Err(StoreError::PartOutOfOrder(part.part));
        }
        let mut applied = self.stage(&mut staged, batch)?;
        staged.next += 1;
        if part.is_last() {
            applied.removed = self.put_in_force(staged)?;
        } else {
            self.staged = Some(staged);
        }
        Ok(applied)
    }

    fn stage(&mut self, staged: &mut Staged, batch: FeedApply) -> Result<Applied, StoreError> {
        let mut applied = Applied::default();
        let mut changes = Changes::new();
        for (id, declaration) in newest_by_id(batch.upserts) {
            if staged.held.index.contains(&id) {
                staged.doubted.push(Buckets::bucket_of(&id));
                applied.stale += 1;
                continue;
            }
            let Framed { bytes, digest } = cached::frame(&declaration);
            let size = bytes.len() as u64;
            staged
                .held
                .take_in(Entry::of(&declaration), &declaration.id, &digest, size);
            changes.push((cached::key(&id), Some(bytes)));
            applied.kept += 1;
        }
        if staged.held.index.len() > DECLARATIONS_MAX {
            self.medium.drop_aside();
            return Err(StoreError::Full);
        }
        self.medium.write_aside(&changes)?;
        Ok(applied)
    }

    /// Returns how many declarations fewer there are.
    fn put_in_force(&mut self, mut staged: Staged) -> Result<usize, StoreError> {
        staged.held.position = staged.of.or(self.held.position);
        let meta = cached::frame(&staged.held.meta()).bytes;
        self.medium
            .write_aside(&vec![(META_KEY.to_vec(), Some(meta))])?;
        self.medium.swap()?;
        let before = self.held.index.len();
        self.held = staged.held;
        self.verified = Verified::all();
        for bucket in staged.doubted {
            self.verified.doubt(bucket);
        }
        Ok(before.saturating_sub(self.held.index.len()))
    }
}
