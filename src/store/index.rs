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

use super::skim::Skimmed;

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

/// What of a declaration stands in the indexes.
pub(super) struct Entry {
    slot: Slot,
    terms: Vec<u32>,
}

impl Entry {
    /// Of one read whole.
    pub(super) fn of(declaration: &Declaration) -> Self {
        let mut entry = Self::begun(declaration.id.as_str(), declaration.valid_until);
        for vehicle in &declaration.vehicles {
            let plates = vehicle.plates.iter();
            entry.plates(plates.map(|plate| plate.as_str()));
            entry.add(Term::Tag, vehicle.tag.as_deref());
        }
        let trailers = declaration.trailers.iter();
        entry.plates(trailers.map(|trailer| trailer.plate.as_str()));
        let seals = declaration.all_seals();
        entry.add(Term::Seal, seals.map(|seal| seal.as_str()));
        let containers = declaration.containers.iter();
        entry.add(Term::Container, containers.map(|c| c.no.as_str()));
        let card = declaration.driver.as_ref();
        entry.add(Term::Card, card.map(|driver| driver.card.as_str()));
        entry
    }

    /// Of one skimmed.
    pub(super) fn skimmed(declaration: &Skimmed<'_>) -> Self {
        let mut entry = Self::begun(declaration.id, declaration.valid_until);
        for vehicle in &declaration.vehicles {
            entry.plates(vehicle.plates.iter().copied());
            entry.add(Term::Tag, vehicle.tag);
        }
        entry.plates(declaration.trailers.iter().map(|trailer| trailer.plate));
        let containers = &declaration.containers;
        entry.add(
            Term::Seal,
            containers.iter().flat_map(|c| c.seals.iter().copied()),
        );
        entry.add(Term::Seal, declaration.seals.iter().copied());
        entry.add(Term::Container, containers.iter().map(|c| c.no));
        entry.add(
            Term::Card,
            declaration.driver.as_ref().map(|driver| driver.card),
        );
        entry
    }

    fn begun(id: &str, valid_until: Wall) -> Self {
        let slot = Slot {
            id: id.into(),
            valid_until,
        };
        let terms = vec![hash(Term::Id, id)];
        Self { slot, terms }
    }

    fn plates<'a>(&mut self, texts: impl Iterator<Item = &'a str>) {
        self.terms.extend(texts.map(plate_hash));
    }

    fn add<'a>(&mut self, term: Term, texts: impl IntoIterator<Item = &'a str>) {
        let texts = texts.into_iter();
        self.terms.extend(texts.map(|text| hash(term, text)));
    }
}

impl Index {
    /// Takes a declaration in. It must not be in.
    pub(super) fn insert(&mut self, entry: Entry) {
        let Entry { slot: held, terms } = entry;
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(held);
            slot
        } else {
            let slot = u32::try_from(self.slots.len()).expect("fewer declarations than 2^32");
            self.slots.push(Some(held));
            slot
        };
        for hash in terms {
            self.entries.insert((hash, slot));
        }
    }

    /// Takes `declaration` out, as it was taken in.
    pub(super) fn remove(&mut self, declaration: &Declaration) {
        let Some(slot) = self.slot_of(declaration.id.as_str()) else {
            return;
        };
        for hash in Entry::of(declaration).terms {
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

#[cfg(test)]
mod tests {
    use lanegate_core::record::canonical;
    use serde_json::{Value, json};

    use super::*;
    use crate::store::testing::EXAMPLE;

    fn both(declaration: &Value) -> (Entry, Entry) {
        let whole: Declaration = serde_json::from_value(declaration.clone()).unwrap();
        let text = canonical(&whole);
        let skimmed: Skimmed<'_> = serde_json::from_str(&text).unwrap();
        (Entry::of(&whole), Entry::skimmed(&skimmed))
    }

    /// What stands in the index must not hang on how it was read.
    #[test]
    fn a_skimmed_declaration_stands_in_the_indexes_as_one_read_whole() {
        let full: Value = serde_json::from_str(EXAMPLE).unwrap();
        let mut all = vec![full.clone()];
        for name in ["trailers", "driver", "containers", "seals", "ext", "convoy"] {
            let mut without = full.clone();
            without.as_object_mut().unwrap().remove(name);
            all.push(without);
        }
        let mut more = full;
        more["vehicles"] = json!([
            {"plates": ["粤B12345", "粤ZAB12港"], "tare_kg": 8600, "tag": "T-1"},
            {"plates": ["AB1234"], "tare_kg": 8000},
        ]);
        more["seals"] = json!(["8000620011", "8000620012"]);
        all.push(more);
        for declaration in all {
            let (mut whole, mut skimmed) = both(&declaration);
            assert_eq!(
                (&whole.slot.id, whole.slot.valid_until),
                (&skimmed.slot.id, skimmed.slot.valid_until)
            );
            whole.terms.sort_unstable();
            skimmed.terms.sort_unstable();
            assert!(!whole.terms.is_empty());
            assert_eq!(whole.terms, skimmed.terms, "{declaration}");
        }
    }
}
