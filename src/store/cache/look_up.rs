//! What may be the truck's, and what that answer is worth.

use std::collections::BTreeMap;

use lanegate_core::clearance::look_alike;
use lanegate_core::lane::Query;
use lanegate_core::model::{Declaration, DeclarationId, Plate, StoreState};

use super::{CANDIDATES_MAX, Cache, Candidates, Medium, StoreError, damaged};

impl<M: Medium> Cache<M> {
    pub(super) fn look_up(&self, query: &Query) -> Result<Candidates, StoreError> {
        let ids: Vec<DeclarationId> = {
            let named = self.held.index.look_up(query).into_iter();
            // One more than allowed shows that there are too many.
            let named = named.take(CANDIDATES_MAX + 1);
            named
                .map(|id| DeclarationId::parse(id).expect("it was an identifier"))
                .collect()
        };
        let mut read = Vec::with_capacity(ids.len());
        for id in ids {
            let moved = self.read(&id)?.ok_or_else(|| damaged("a key is gone"))?;
            read.push(moved.declaration);
        }
        let (found, others): (Vec<_>, Vec<_>) = read.into_iter().partition(|d| matches(d, query));
        let misread = misread(&found, query);
        let alike = others.into_iter().filter(|d| looks_like(d, &misread));
        let mut found: BTreeMap<_, _> = found
            .into_iter()
            .chain(alike)
            .map(|d| (d.id.clone(), d))
            .collect();
        let identified = found.values().any(|d| identifies(d, query));
        let covers_known = self.add_covered(&mut found)?;
        if found.len() > CANDIDATES_MAX {
            // An answer that leaves some out is no answer (L4).
            return Ok(Candidates {
                declarations: Vec::new(),
                state: StoreState::Unavailable,
            });
        }
        let whole = self.verified.missing() == 0;
        let state = if covers_known && (whole || identified) {
            StoreState::Ok
        } else {
            StoreState::Unverified
        };
        Ok(Candidates {
            declarations: found.into_values().collect(),
            state,
        })
    }

    /// Adds the documents that ride along, as deep as they name each other.
    /// False if one is not there and might have been lost.
    fn add_covered(
        &self,
        found: &mut BTreeMap<DeclarationId, Declaration>,
    ) -> Result<bool, StoreError> {
        let mut known = true;
        let covers = found.values().flat_map(|d| d.covers.iter().cloned());
        let mut open: Vec<DeclarationId> = covers.collect();
        while let Some(id) = open.pop() {
            if found.contains_key(&id) || found.len() > CANDIDATES_MAX {
                continue;
            }
            match self.read(&id)? {
                Some(read) => {
                    open.extend(read.declaration.covers.iter().cloned());
                    found.insert(id, read.declaration);
                }
                None => known &= self.verified.holds(&id),
            }
        }
        Ok(known)
    }
}

/// The index keeps hashes; what was read is compared whole.
fn matches(declaration: &Declaration, query: &Query) -> bool {
    let has = |texts: &[String], text: &str| texts.iter().any(|t| t == text);
    let on_trailer = declaration.trailers.iter();
    let card = declaration.driver.as_ref().map(|driver| &driver.card);
    names_vehicle(declaration, query)
        || on_trailer
            .into_iter()
            .any(|t| has(&query.plates, t.plate.as_str()))
        || declaration
            .all_seals()
            .any(|s| has(&query.seals, s.as_str()))
        || declaration
            .containers
            .iter()
            .any(|c| has(&query.containers, c.no.as_str()))
        || (card.is_some() && card == query.driver_card.as_ref())
}

/// Plates read that no declaration found bears: a camera may have taken another
/// for one of them.
fn misread(found: &[Declaration], query: &Query) -> Vec<Plate> {
    let read = query
        .plates
        .iter()
        .filter_map(|text| Plate::parse(text).ok());
    let known = |plate: &Plate| found.iter().any(|d| d.vehicle_with(plate).is_some());
    read.filter(|plate| !known(plate)).collect()
}

/// Whether an expected vehicle bears a plate that looks like one of them.
fn looks_like(declaration: &Declaration, misread: &[Plate]) -> bool {
    let mut plates = declaration.vehicles.iter().flat_map(|v| &v.plates);
    plates.any(|plate| misread.iter().any(|read| look_alike(plate, read)))
}

fn names_vehicle(declaration: &Declaration, query: &Query) -> bool {
    declaration.vehicles.iter().any(|vehicle| {
        let plate = |p: &str| query.plates.iter().any(|q| q == p);
        let tag = |t: &str| query.tags.iter().any(|q| q == t);
        vehicle.plates.iter().any(|p| plate(p.as_str())) || vehicle.tag.as_deref().is_some_and(tag)
    })
}

/// Whether finding it makes the look-up a hit although the cache may have lost
/// others: the vehicle was named, or the query had nothing that names one.
fn identifies(declaration: &Declaration, query: &Query) -> bool {
    let names_none = query.plates.is_empty() && query.tags.is_empty();
    names_none || names_vehicle(declaration, query)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{batch, declaration, id};
    use crate::store::{MemStore, Store as _};

    fn store(plates: &[&str]) -> MemStore {
        let mut store = MemStore::in_memory();
        let of = |(n, plate): (u32, &&str)| {
            let mut declaration = declaration(n);
            declaration.vehicles[0].plates = vec![Plate::parse(plate).unwrap()];
            declaration
        };
        let all = (0..).zip(plates).map(of).collect();
        store.apply(batch(1, all)).unwrap();
        store
    }

    fn found(store: &mut MemStore, plates: &[&str]) -> Vec<DeclarationId> {
        let query = Query {
            plates: plates.iter().map(|p| (*p).to_owned()).collect(),
            ..Query::default()
        };
        let found = store.candidates(&query).declarations;
        found.into_iter().map(|d| d.id).collect()
    }

    #[test]
    fn an_expected_look_alike_is_found_where_no_plate_is_exact() {
        let mut store = store(&["粤B12B45", "粤B99999", "粤Z1234港"]);
        assert_eq!(found(&mut store, &["粤B12845"]), [id(0)]);
        assert_eq!(found(&mut store, &["粤B12B45"]), [id(0)]);
        // 港 and 澳 are no look-alikes, and a province is none of another.
        assert!(found(&mut store, &["粤Z1234澳"]).is_empty());
        assert!(found(&mut store, &["湘B12845"]).is_empty());
    }

    #[test]
    fn beside_an_exact_one_no_look_alike_is_named_but_each_plate_is_asked_for() {
        let mut store = store(&["粤B12B45", "粤B12845", "粤B70000"]);
        assert_eq!(found(&mut store, &["粤B12845"]), [id(1)]);
        assert_eq!(found(&mut store, &["粤B12845", "粤B7000D"]), [id(1), id(2)]);
    }

    /// A look-alike does not make a look-up a hit: another may have been lost.
    #[test]
    fn a_look_alike_found_in_an_unverified_cache_leaves_it_unverified() {
        let mut store = store(&["粤B12B45"]);
        let mut state = |plate: &str| {
            let query = Query {
                plates: vec![plate.to_owned()],
                ..Query::default()
            };
            store.candidates(&query).state
        };
        assert_eq!(state("粤B12B45"), StoreState::Ok);
        assert_eq!(state("粤B12845"), StoreState::Unverified);
    }
}
