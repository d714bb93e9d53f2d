//! Declarations that the feed sent in a shape that cannot be used. Their
//! subjects hold (L10): the document, where its number could be read, and the
//! trucks whose plates could be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{DeclarationId, Plate};
use crate::record::UnusableVehicle;
use crate::time::Wall;

/// Documents, and plates without one, that are kept (L9); beyond, the whole
/// port holds, since nobody can say any more whose truck is meant.
const KEPT_MAX: usize = 4096;

/// A document that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    at: Wall,
    plates: BTreeSet<Plate>,
}

/// What cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unusable {
    documents: Arc<BTreeMap<DeclarationId, Item>>,
    /// Plates of items whose document could not be named. Any document of
    /// these trucks may be the one meant, be it to revoke it, so that all of
    /// them hold until a snapshot says again what is in force.
    nameless: Arc<BTreeSet<Plate>>,
    /// More came than are kept.
    pub(super) full: bool,
    #[serde(skip)]
    by_plate: Arc<BTreeMap<Plate, BTreeSet<DeclarationId>>>,
}

impl Unusable {
    /// Rebuilds what a snapshot leaves out.
    pub(super) fn reindex(&mut self) {
        let mut by_plate: BTreeMap<Plate, BTreeSet<DeclarationId>> = BTreeMap::new();
        for (id, item) in self.documents.iter() {
            for plate in &item.plates {
                by_plate
                    .entry(plate.clone())
                    .or_default()
                    .insert(id.clone());
            }
        }
        self.by_plate = Arc::new(by_plate);
    }

    /// Takes a document in; its plates may follow by [`Self::put_vehicle`].
    pub(super) fn put(&mut self, id: &DeclarationId, at: Wall) {
        if self.documents.len() >= KEPT_MAX && !self.documents.contains_key(id) {
            self.full = true;
            return;
        }
        let documents = Arc::make_mut(&mut self.documents);
        let item = documents.entry(id.clone()).or_insert_with(|| Item {
            at,
            plates: BTreeSet::new(),
        });
        item.at = at;
    }

    /// Takes in the plates that could be read of an item.
    pub(super) fn put_vehicle(&mut self, vehicle: &UnusableVehicle, at: Wall) {
        let Some(id) = &vehicle.declaration else {
            if self.nameless.len() + vehicle.plates.len() > KEPT_MAX {
                self.full = true;
                return;
            }
            Arc::make_mut(&mut self.nameless).extend(vehicle.plates.iter().cloned());
            return;
        };
        self.put(id, at);
        let documents = Arc::make_mut(&mut self.documents);
        let Some(item) = documents.get_mut(id) else {
            return;
        };
        item.plates.extend(vehicle.plates.iter().cloned());
        let by_plate = Arc::make_mut(&mut self.by_plate);
        for plate in &vehicle.plates {
            by_plate
                .entry(plate.clone())
                .or_default()
                .insert(id.clone());
        }
    }

    /// Another version has come, which can be used.
    pub(super) fn mend(&mut self, id: &DeclarationId) {
        if self.documents.contains_key(id) {
            self.forget(|other, _| other == id);
        }
    }

    /// Forgets documents that are older than `until` and that `in_force` does
    /// not know: what is in force stays doubted.
    pub(super) fn purge(&mut self, until: Wall, in_force: impl Fn(&DeclarationId) -> bool) {
        let over = |id: &DeclarationId, item: &Item| item.at < until && !in_force(id);
        if self.documents.iter().any(|(id, item)| over(id, item)) {
            self.forget(over);
        }
    }

    fn forget(&mut self, gone: impl Fn(&DeclarationId, &Item) -> bool) {
        Arc::make_mut(&mut self.documents).retain(|id, item| !gone(id, item));
        self.reindex();
    }

    pub(super) fn has(&self, id: &DeclarationId) -> bool {
        self.documents.contains_key(id)
    }

    /// Documents that name any of `plates`.
    pub(super) fn of_plates<'a>(
        &'a self,
        plates: &'a BTreeSet<Plate>,
    ) -> impl Iterator<Item = &'a DeclarationId> {
        plates.iter().filter_map(|p| self.by_plate.get(p)).flatten()
    }

    /// Those of `plates` whose document could not be named.
    pub(super) fn nameless<'a>(
        &'a self,
        plates: &'a BTreeSet<Plate>,
    ) -> impl Iterator<Item = &'a Plate> {
        plates.iter().filter(|p| self.nameless.contains(*p))
    }

    /// Whether only a snapshot can mend what is here.
    pub(super) fn wants_snapshot(&self) -> bool {
        self.full || !self.nameless.is_empty()
    }
}
