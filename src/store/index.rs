//! The indexes: plate, tag, seal, container and card to declarations. Plates
//! stand there with their look-alike characters folded, so that an expected
//! plate is found by one that a camera took for it.
//!
//! One ordered set of (hash of kind and text, slot) pairs instead of a map a
//! kind: eight bytes an entry, so that a million declarations fit a lane
//! controller. Two texts with one hash cost a wasted read and nothing else,
//! since what is read is compared whole.

use std::collections::BTreeSet;

use lanegate_core::clearance::folded;
use lanegate_core::lane::Query;
use lanegate_core::model::{Declaration, DeclarationId};
use lanegate_core::time::Wall;

/// What a term of the index is.
#[derive(Clone, Copy)]
enum Term {
    Id = 1,
    Plate = 2,
    Tag = 3,
    Seal = 4,
    Container = 5,
    Card = 6,
}

struct Slot {
    id: Box<str>,
    valid_until: Wall,
}

/// The indexes over all declarations held.
#[derive(Default)]
pub(super) struct Index {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    entries: BTreeSet<(u32, u32)>,
}

impl Index {
    /// Takes `declaration` in. It must not be in.
    pub(super) fn insert(&mut self, declaration: &Declaration) {
        let held = Slot {
            id: declaration.id.as_str().into(),
            valid_until: declaration.valid_until,
        };
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(held);
            slot
        } else {
            let slot = u32::try_from(self.slots.len()).expect("fewer declarations than 2^32");
            self.slots.push(Some(held));
            slot
        };
        for hash in terms(declaration) {
            self.entries.insert((hash, slot));
        }
    }

    /// Takes `declaration` out, as it was taken in.
    pub(super) fn remove(&mut self, declaration: &Declaration) {
        let Some(slot) = self.slot_of(declaration.id.as_str()) else {
            return;
        };
        for hash in terms(declaration) {
            self.entries.remove(&(hash, slot));
        }
        self.slots[slot as usize] = None;
        self.free.push(slot);
    }

    pub(super) fn contains(&self, id: &DeclarationId) -> bool {
        self.slot_of(id.as_str()).is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Ids that may match; some may not. Sorted, each once.
    pub(super) fn look_up(&self, query: &Query) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for plate in &query.plates {
            found.extend(self.with(plate_hash(plate)));
        }
        let lists: [(Term, &[String]); 3] = [
            (Term::Tag, &query.tags),
            (Term::Seal, &query.seals),
            (Term::Container, &query.containers),
        ];
        for (term, texts) in lists {
            for text in texts {
                found.extend(self.with(hash(term, text)));
            }
        }
        if let Some(card) = &query.driver_card {
            found.extend(self.with(hash(Term::Card, card)));
        }
        found
    }

    /// Up to `limit` ids whose window ended before `at`.
    pub(super) fn ended_before(&self, at: Wall, limit: usize) -> Vec<DeclarationId> {
        let slots = self.slots.iter().flatten();
        slots
            .filter(|slot| slot.valid_until < at)
            .take(limit)
            .map(|slot| DeclarationId::parse(&slot.id).expect("it was an identifier"))
            .collect()
    }

    fn with(&self, hash: u32) -> impl Iterator<Item = &str> {
        let pairs = self.entries.range((hash, 0)..=(hash, u32::MAX));
        pairs.filter_map(|&(_, slot)| self.slots[slot as usize].as_ref().map(|s| &*s.id))
    }

    fn slot_of(&self, id: &str) -> Option<u32> {
        let h = hash(Term::Id, id);
        let mut pairs = self.entries.range((h, 0)..=(h, u32::MAX));
        let named = |slot: u32| {
            self.slots[slot as usize]
                .as_ref()
                .is_some_and(|s| *s.id == *id)
        };
        pairs.find(|&&(_, slot)| named(slot)).map(|&(_, slot)| slot)
    }
}

fn terms(declaration: &Declaration) -> Vec<u32> {
    let mut terms = vec![hash(Term::Id, declaration.id.as_str())];
    for vehicle in &declaration.vehicles {
        let plates = vehicle.plates.iter();
        terms.extend(plates.map(|plate| plate_hash(plate.as_str())));
        terms.extend(vehicle.tag.as_deref().map(|tag| hash(Term::Tag, tag)));
    }
    let trailers = declaration.trailers.iter();
    terms.extend(trailers.map(|trailer| plate_hash(trailer.plate.as_str())));
    terms.extend(
        declaration
            .all_seals()
            .map(|seal| hash(Term::Seal, seal.as_str())),
    );
    let containers = declaration.containers.iter();
    terms.extend(containers.map(|container| hash(Term::Container, container.no.as_str())));
    let card = declaration.driver.as_ref();
    terms.extend(card.map(|driver| hash(Term::Card, &driver.card)));
    terms
}

fn plate_hash(text: &str) -> u32 {
    hash(Term::Plate, &folded(text).collect::<String>())
}

/// FNV-1a, its halves added to 32 bits; the same in every process.
fn hash(term: Term, text: &str) -> u32 {
    let bytes = std::iter::once(term as u8).chain(text.bytes());
    let full = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let folded = (full >> 32) ^ (full & 0xffff_ffff);
    u32::try_from(folded).expect("two halves fold to 32 bits")
}
