//! The cache over a [`Medium`]: see the module's diagram for its phases.

use std::collections::{BTreeMap, BTreeSet};

use lanegate_core::lane::Query;
use lanegate_core::model::{Buckets, Declaration, DeclarationId, ItemDigest, Position, StoreState};
use lanegate_core::time::Wall;

use super::cached::{self, Framed, META_KEY, Meta, damaged};
use super::index::{Entry, Index};
use super::verified::Verified;
use super::{
    Applied, CANDIDATES_MAX, Candidates, Changes, DECLARATIONS_MAX, FeedApply, Medium, MemMedium,
    MemStore, Opened, Store, StoreError, Upkeep,
};

mod look_up;
mod rebuild;
mod snapshot;

/// Entries verified in one slice of upkeep: a few milliseconds, so that
/// look-ups in between are answered.
const SLICE_LEN: usize = 1000;

/// Declarations forgotten in one purge.
const PURGE_LEN_MAX: usize = 2000;

enum Phase {
    /// Not open; upkeep tries.
    Closed,
    /// Being verified.
    Loading(Loading),
    Ready,
}

struct Loading {
    opened: Opened,
    /// Verified up to and with this key.
    cursor: Vec<u8>,
    meta: Option<Meta>,
}

/// What is held, beside the bytes themselves.
#[derive(Default)]
struct Held {
    index: Index,
    buckets: Buckets,
    position: Option<Position>,
    data_bytes: u64,
}

impl Held {
    fn take_in(&mut self, entry: Entry, id: &DeclarationId, digest: &ItemDigest, bytes: u64) {
        self.index.insert(entry);
        self.buckets.toggle(id, digest);
        self.data_bytes += bytes;
    }

    fn meta(&self) -> Meta {
        Meta {
            v: Meta::VERSION,
            position: self.position,
            count: self.index.len() as u64,
            total: self.buckets.total(),
            by: Meta::BY.to_owned(),
        }
    }
}

/// A cache of declarations in a medium.
pub struct Cache<M> {
    medium: M,
    phase: Phase,
    held: Held,
    verified: Verified,
    staged: Option<snapshot::Staged>,
    rebuild: rebuild::Rebuild,
    quarantined: Option<String>,
}

/// One declaration going in or out, with what the books need.
struct Move {
    declaration: Declaration,
    digest: ItemDigest,
    bytes: u64,
}

impl MemStore {
    /// An empty store in memory, ready.
    #[must_use]
    pub fn in_memory() -> Self {
        let mut store = Self::new(MemMedium::default());
        store.load();
        store
    }
}

impl<M: Medium> Cache<M> {
    /// A cache that is not open yet: [`Store::tend`] opens and verifies it.
    pub fn new(medium: M) -> Self {
        Self {
            medium,
            phase: Phase::Closed,
            held: Held::default(),
            verified: Verified::none(),
            staged: None,
            rebuild: rebuild::Rebuild::default(),
            quarantined: None,
        }
    }

    /// Tends until nothing is left to do now.
    pub fn load(&mut self) {
        while self.tend() == Upkeep::More {}
    }

    /// Closes it as a restart would; [`Store::tend`] opens it again.
    pub fn reopen(&mut self) {
        self.close();
    }

    /// The medium, to let it fail.
    pub const fn medium_mut(&mut self) -> &mut M {
        &mut self.medium
    }

    /// The medium.
    pub const fn medium(&self) -> &M {
        &self.medium
    }

    /// Digests of what is held, by bucket.
    pub const fn buckets(&self) -> &Buckets {
        &self.held.buckets
    }

    fn close(&mut self) {
        self.phase = Phase::Closed;
        self.forget();
    }

    /// Forgets the books, not the bytes.
    fn forget(&mut self) {
        self.held = Held::default();
        self.verified = Verified::none();
        self.staged = None;
        self.rebuild = rebuild::Rebuild::default();
    }

    /// What an error means for the cache: damage sets it aside, anything else
    /// of the disk closes it until it can be opened again.
    fn suffer(&mut self, error: StoreError) -> StoreError {
        match &error {
            StoreError::Damaged(why) => self.set_aside(why.clone()),
            StoreError::InUse(_) | StoreError::Io { .. } => self.close(),
            StoreError::Unavailable
            | StoreError::Loading
            | StoreError::PartOutOfOrder(_)
            | StoreError::Full => {}
        }
        error
    }

    fn set_aside(&mut self, why: String) {
        self.forget();
        self.quarantined = Some(why);
        let begun = self.medium.quarantine().and_then(|()| self.begin());
        self.phase = match begun {
            Ok(()) => Phase::Ready,
            Err(_) => Phase::Closed,
        };
    }

    /// Says of an empty cache that it holds nothing, so that one that lost
    /// everything is told from one that never held anything.
    fn begin(&mut self) -> Result<(), StoreError> {
        let meta = cached::frame(&self.held.meta()).bytes;
        self.medium.write(&vec![(META_KEY.to_vec(), Some(meta))])
    }

    fn ready(&self) -> Result<(), StoreError> {
        match self.phase {
            Phase::Ready => Ok(()),
            Phase::Loading(_) => Err(StoreError::Loading),
            Phase::Closed => Err(StoreError::Unavailable),
        }
    }

    /// A declaration the index says is there.
    fn read(&self, id: &DeclarationId) -> Result<Option<Move>, StoreError> {
        if !self.held.index.contains(id) {
            return Ok(None);
        }
        let key = cached::key(id);
        let bytes = self.medium.get(&key)?;
        let bytes = bytes.ok_or_else(|| damaged("a key is gone"))?;
        let (declaration, digest) = cached::declaration(&key, &bytes)?;
        Ok(Some(Move {
            declaration,
            digest,
            bytes: bytes.len() as u64,
        }))
    }

    fn apply_changes(&mut self, batch: FeedApply) -> Result<Applied, StoreError> {
        let upserts = newest_by_id(batch.upserts);
        let removals: BTreeSet<_> = batch.removals.into_iter().collect();
        let (mut outs, mut ins, mut changes) = (Vec::new(), Vec::new(), Changes::new());
        let mut applied = Applied::default();
        for id in removals.iter().filter(|id| !upserts.contains_key(*id)) {
            if let Some(old) = self.read(id)? {
                changes.push((cached::key(id), None));
                outs.push(old);
                applied.removed += 1;
            }
        }
        for (id, declaration) in upserts {
            let old = self.read(&id)?;
            let newer = |old: &Move| old.declaration.version > declaration.version;
            if old.as_ref().is_some_and(newer) && !removals.contains(&id) {
                applied.stale += 1;
                continue;
            }
            let Framed { bytes, digest } = cached::frame(&declaration);
            outs.extend(old);
            let size = bytes.len() as u64;
            changes.push((cached::key(&id), Some(bytes)));
            ins.push(Move {
                declaration,
                digest,
                bytes: size,
            });
            applied.kept += 1;
        }
        if self.held.index.len() + ins.len() > DECLARATIONS_MAX + outs.len() {
            return Err(StoreError::Full);
        }
        self.commit(batch.position, &outs, &ins, changes)?;
        Ok(applied)
    }

    /// Writes the changes with the books as they will be, then keeps the books.
    fn commit(
        &mut self,
        position: Option<Position>,
        outs: &[Move],
        ins: &[Move],
        mut changes: Changes,
    ) -> Result<(), StoreError> {
        let mut buckets = self.held.buckets.clone();
        for moved in outs.iter().chain(ins) {
            buckets.toggle(&moved.declaration.id, &moved.digest);
        }
        let position = position.or(self.held.position);
        let meta = Meta {
            v: Meta::VERSION,
            position,
            count: (self.held.index.len() + ins.len() - outs.len()) as u64,
            total: buckets.total(),
            by: Meta::BY.to_owned(),
        };
        changes.push((META_KEY.to_vec(), Some(cached::frame(&meta).bytes)));
        self.medium.write(&changes)?;
        for moved in outs {
            self.held.index.remove(&moved.declaration);
            self.held.data_bytes = self.held.data_bytes.saturating_sub(moved.bytes);
        }
        for moved in ins {
            self.held.index.insert(Entry::of(&moved.declaration));
            self.held.data_bytes += moved.bytes;
        }
        self.held.buckets = buckets;
        self.held.position = position;
        self.rebuild.mirror(&mut self.medium, &changes);
        Ok(())
    }

    fn open(&mut self) -> Upkeep {
        match self.medium.open() {
            Ok(opened) => {
                self.phase = Phase::Loading(Loading {
                    opened,
                    cursor: Vec::new(),
                    meta: None,
                });
                Upkeep::More
            }
            Err(error) => {
                self.suffer(error);
                Upkeep::Idle
            }
        }
    }

    /// Verifies one slice; the last one compares with what the cache says of
    /// itself.
    fn load_slice(&mut self, loading: Loading) -> Result<Upkeep, StoreError> {
        let Loading {
            opened,
            cursor,
            mut meta,
        } = loading;
        let page = self.medium.page(&cursor, SLICE_LEN)?;
        for (key, bytes) in &page {
            if key == META_KEY {
                meta = Some(cached::meta(bytes)?);
                continue;
            }
            // Its key sorts before every id.
            let ours = meta.as_ref().is_some_and(|meta| meta.by == Meta::BY);
            let (entry, id, digest) = cached::entry(key, bytes, ours)?;
            self.held.take_in(entry, &id, &digest, bytes.len() as u64);
        }
        if let Some((last, _)) = page.last().filter(|_| page.len() == SLICE_LEN) {
            self.phase = Phase::Loading(Loading {
                opened,
                cursor: last.clone(),
                meta,
            });
            return Ok(Upkeep::More);
        }
        match (meta, opened) {
            (Some(meta), Opened::New | Opened::Existing) => {
                self.held.position = meta.position;
                if !meta.agrees(&self.held.meta()) {
                    return Err(damaged("declarations are missing or too many"));
                }
            }
            (None, Opened::Existing) => return Err(damaged("its own count is missing")),
            (None, Opened::New) => self.begin()?,
        }
        self.phase = Phase::Ready;
        Ok(Upkeep::Idle)
    }
}

impl<M: Medium> Store for Cache<M> {
    fn apply(&mut self, batch: FeedApply) -> Result<Applied, StoreError> {
        self.ready()?;
        let done = match batch.part {
            Some(part) => self.apply_part(batch, part),
            None => self.apply_changes(batch),
        };
        done.map_err(|error| self.suffer(error))
    }

    fn candidates(&mut self, query: &Query) -> Candidates {
        let found = self.ready().and_then(|()| self.look_up(query));
        found.unwrap_or_else(|error| {
            self.suffer(error);
            Candidates {
                declarations: Vec::new(),
                state: StoreState::Unavailable,
            }
        })
    }

    fn get(&mut self, id: &DeclarationId) -> Result<Option<Declaration>, StoreError> {
        self.ready()?;
        let read = self.read(id);
        read.map(|found| found.map(|m| m.declaration))
            .map_err(|error| self.suffer(error))
    }

    fn export(
        &mut self,
        after: Option<&DeclarationId>,
        limit: usize,
    ) -> Result<Vec<Declaration>, StoreError> {
        self.ready()?;
        // The meta key sorts before every id, so starting at it leaves it out.
        let after = after.map_or(META_KEY.to_vec(), cached::key);
        let page = self.medium.page(&after, limit);
        let read = page.and_then(|page| {
            let entries = page.iter();
            entries
                .map(|(key, bytes)| cached::declaration(key, bytes).map(|(d, _)| d))
                .collect()
        });
        read.map_err(|error| self.suffer(error))
    }

    fn count(&self) -> usize {
        self.held.index.len()
    }

    fn position(&self) -> Option<Position> {
        self.held.position
    }

    fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    fn expect(&mut self, expected: &Buckets) -> usize {
        if self.is_ready() {
            self.verified = Verified::where_equal(&self.held.buckets, expected);
        }
        self.verified.missing()
    }

    fn purge(&mut self, ended_before: Wall) -> Result<usize, StoreError> {
        self.ready()?;
        let removals = self.held.index.ended_before(ended_before, PURGE_LEN_MAX);
        if removals.is_empty() {
            return Ok(0);
        }
        let batch = FeedApply {
            removals,
            ..FeedApply::default()
        };
        self.apply(batch).map(|applied| applied.removed)
    }

    fn tend(&mut self) -> Upkeep {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Closed => self.open(),
            Phase::Loading(loading) => self.load_slice(loading).unwrap_or_else(|error| {
                self.suffer(error);
                Upkeep::Idle
            }),
            Phase::Ready => {
                self.phase = Phase::Ready;
                self.tend_rebuild()
            }
        }
    }

    fn take_quarantined(&mut self) -> Option<String> {
        self.quarantined.take()
    }
}

/// Of declarations named twice the higher version counts, then the later.
fn newest_by_id(upserts: Vec<Declaration>) -> BTreeMap<DeclarationId, Declaration> {
    let mut newest: BTreeMap<DeclarationId, Declaration> = BTreeMap::new();
    for declaration in upserts {
        let held = newest.get(&declaration.id);
        if held.is_none_or(|held| held.version <= declaration.version) {
            newest.insert(declaration.id.clone(), declaration);
        }
    }
    newest
}

#[cfg(test)]
mod fails_tests;
#[cfg(test)]
mod tests;
