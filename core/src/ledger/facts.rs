//! The facts of a case: what the store found, corrected by what is in force.

use std::collections::BTreeSet;

use super::passages::subjects_of_query;
use super::{Account, Ledger};
use crate::clearance::DrawDay;
use crate::lane::{CandidateDraws, Draws, Query};
use crate::model::{ConvoySeen, Declaration, Facts, ItemDigest, Plate, Status, StoreState};
use crate::record::canonical;

/// What the in-force set makes of a declaration the store found.
enum Seen {
    /// It is the one in force.
    Current,
    /// A later version says so: still named, so that the reason is told.
    Now(Status),
    /// The store is behind, or holds what nobody sent: not to be used.
    Doubted,
}

impl Ledger {
    /// The facts for a case, read at one generation. Cache age and link are
    /// the caller's to fill in.
    #[must_use]
    pub fn facts(&self, found: Vec<Declaration>, store: StoreState, query: &Query) -> Facts {
        let mut store = store;
        let mut candidates = Vec::with_capacity(found.len());
        for mut declaration in found {
            match self.seen(&declaration) {
                Seen::Current => candidates.push(declaration),
                Seen::Now(status) => {
                    declaration.status = status;
                    candidates.push(declaration);
                }
                Seen::Doubted => store = store.max(StoreState::Unverified),
            }
        }
        let subjects = subjects_of_query(query, &candidates);
        let enterprises: BTreeSet<_> = candidates.iter().map(|d| &d.enterprise).collect();
        let enterprises: Vec<_> = enterprises
            .into_iter()
            .filter_map(|id| self.in_force.enterprise_of(id).cloned())
            .collect();
        let ids: BTreeSet<_> = candidates.iter().map(|d| &d.id).collect();
        let plates = plates_of(query);
        let unusable = &self.in_force.unusable;
        let riding = candidates.iter().flat_map(|d| &d.covers);
        let named = ids.iter().copied().chain(riding);
        let spoiled: BTreeSet<_> = named
            .filter(|id| unusable.has(id))
            .chain(unusable.of_plates(&plates))
            .cloned()
            .collect();
        let findings = ids
            .iter()
            .flat_map(|id| self.in_force.findings.about(id))
            .cloned();
        let balances = ids
            .iter()
            .filter_map(|id| Some((id, self.accounts.get(id)?)));
        Facts {
            generation: self.generation(),
            controls: self.in_force.controls_on(&subjects),
            findings: findings.collect(),
            convoy: self.convoy_of(&candidates),
            ledger: balances
                .map(|(id, a)| ((*id).clone(), Account::balance(a)))
                .collect(),
            sampling: match &enterprises[..] {
                [only] => self.in_force.sampling.state_of(&only.id).cloned(),
                _ => None,
            },
            unusable: spoiled.into_iter().collect(),
            unusable_plates: unusable.nameless(&plates).cloned().collect(),
            control_unreadable: self.in_force.holds_port(),
            controller: self.controller.clone(),
            store: Some(store).filter(|s| *s != StoreState::Ok),
            enterprises,
            candidates,
            ..Facts::unknown()
        }
    }

    /// What sampling knows of every candidate among `facts`; `today` is the day
    /// of drawing, if the clock is to be believed.
    #[must_use]
    pub fn draws(&self, facts: &Facts, today: Option<&DrawDay>) -> Draws {
        let of = |d: &Declaration| (d.id.clone(), self.draws_of(d, today));
        facts.candidates.iter().map(of).collect()
    }

    fn draws_of(&self, declaration: &Declaration, today: Option<&DrawDay>) -> CandidateDraws {
        let id = &declaration.id;
        let account = self.accounts.get(id);
        let next = account.map_or(1, Account::next_trip);
        let held = account.into_iter().flat_map(Account::reserved_trips);
        let held: Vec<_> = held.collect();
        let drawn = |today: &DrawDay| {
            let of = |&(vehicle, trip): &(&str, u32)| (vehicle.to_owned(), today.draw(id, trip));
            held.iter().map(of).collect()
        };
        let known = self.in_force.enterprise_of(&declaration.enterprise);
        CandidateDraws {
            sampling: known.and_then(|e| self.in_force.sampling.state_of(&e.id).cloned()),
            next: today.map(|today| today.draw(id, next)),
            held: today.map(drawn).unwrap_or_default(),
            selected: self.in_force.selected.of(id).cloned().collect(),
        }
    }

    fn seen(&self, declaration: &Declaration) -> Seen {
        let Some(mark) = self.in_force.mark_of(&declaration.id) else {
            // Without a feed everything comes from files.
            return match self.in_force.position {
                None => Seen::Current,
                Some(_) => Seen::Doubted,
            };
        };
        let same = mark.version == declaration.version
            && mark.digest == ItemDigest::of(canonical(declaration).as_bytes());
        if same {
            return Seen::Current;
        }
        match mark.status {
            Status::Released => Seen::Doubted,
            Status::Held | Status::Revoked => Seen::Now(mark.status),
        }
    }

    fn convoy_of(&self, candidates: &[Declaration]) -> Option<ConvoySeen> {
        let numbers: BTreeSet<_> = candidates
            .iter()
            .filter_map(|d| d.convoy.as_ref())
            .map(|c| &c.no)
            .collect();
        let no = numbers.into_iter().next()?;
        let arrived = self
            .convoys
            .get(no)
            .map(|c| c.arrived.iter().cloned().collect());
        Some(ConvoySeen {
            no: no.clone(),
            arrived: arrived.unwrap_or_default(),
        })
    }
}

/// The plates asked about.
fn plates_of(query: &Query) -> BTreeSet<Plate> {
    let read = query.plates.iter().map(|text| Plate::parse(text));
    read.filter_map(Result::ok).collect()
}
