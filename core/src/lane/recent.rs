//! Readings that came before their truck did (L9). A reading is of a truck that
//! comes soon, or of none; a seal that a declaration names may have reported
//! while its truck waited further back, and counts as long as the rules let a
//! report count (L7).

use std::collections::{BTreeSet, VecDeque};

use super::Lane;
use super::evidence::Window;
use super::gather::query;
use super::state::Passage;
use crate::model::{Content, Declaration, Facts, Plate, Reading, SealId, SealReading};
use crate::time::{Micros, Mono};

/// How long before its truck a reading may have come.
const FOR: Micros = Micros::from_s(30);
/// Readings kept; the oldest is dropped when full.
const READINGS_MAX: usize = 96;
/// Reports of seals kept; the same, and with it what it may have contradicted.
const SEALS_MAX: usize = 256;

/// Readings that may belong to the next truck.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Recent {
    readings: VecDeque<Reading>,
    seals: VecDeque<Reading>,
}

impl Recent {
    /// Keeps `reading`; true if an older one was dropped for it.
    pub(super) fn keep(&mut self, reading: Reading) -> bool {
        if let Content::Seal(_) = reading.content {
            let full = self.seals.len() >= SEALS_MAX;
            if full {
                self.drop_seal();
            }
            self.seals.push_back(reading);
            return full;
        }
        let full = self.readings.len() >= READINGS_MAX;
        if full {
            self.readings.pop_front();
        }
        self.readings.push_back(reading);
        full
    }

    /// Without the first report, one that came later must not stand which that
    /// one was the later of by the seal's own time.
    fn drop_seal(&mut self) {
        let Some(Content::Seal(first)) = self.seals.pop_front().map(|r| r.content) else {
            return;
        };
        let later = |seal: &SealReading| first.at.is_some() && seal.at > first.at;
        self.seals.retain(
            |r| !matches!(&r.content, Content::Seal(seal) if seal.id == first.id && !later(seal)),
        );
    }

    /// These seals have gone with their truck.
    pub(super) fn forget_seals(&mut self, gone: &BTreeSet<SealId>) {
        self.seals
            .retain(|r| !matches!(&r.content, Content::Seal(seal) if gone.contains(&seal.id)));
    }

    /// Forgets what can count for nobody at `now`, where the rules let a seal's
    /// report be as old as `seals_for`.
    pub(super) fn forget(&mut self, now: Mono, seals_for: Micros) {
        self.readings.retain(|r| r.arrived >= now.back(FOR));
        let seals_for = seals_for.max(FOR);
        self.seals.retain(|r| r.arrived >= now.back(seals_for));
    }

    /// What may be of a truck that came at `arrived`, whoever it is.
    pub(super) fn of_next(&self, arrived: Mono) -> impl Iterator<Item = &Reading> {
        let all = self.readings.iter().chain(&self.seals);
        all.filter(move |r| r.arrived >= arrived.back(FOR))
    }

    /// Reports of seals and when they came, in that order.
    fn seals(&self) -> impl Iterator<Item = (Mono, &SealReading)> {
        self.seals.iter().filter_map(|reading| {
            if let Content::Seal(seal) = &reading.content {
                Some((reading.arrived, seal))
            } else {
                None
            }
        })
    }
}

impl Lane {
    /// Reports of a declared seal that came in before this truck did count
    /// too: a seal names itself, and the rules look at its own time. One of long
    /// ago only if it is declared for a plate that was read: a truck that merely
    /// looks like its own may not be it.
    pub(super) fn take_in_declared_seals(&self, passage: &mut Passage, facts: &Facts) {
        let read = query(passage, &self.config).plates.into_iter();
        let read: Vec<Plate> = read.filter_map(|text| Plate::parse(&text).ok()).collect();
        let is_read = |d: &&Declaration| read.iter().any(|p| d.vehicle_with(p).is_some());
        let all = facts.candidates.iter().flat_map(Declaration::all_seals);
        let all: BTreeSet<_> = all.cloned().collect();
        let own = facts.candidates.iter().filter(is_read);
        let own: BTreeSet<_> = own.flat_map(|d| d.all_seals().cloned()).collect();
        let Window { left_at, arrived } = passage.window;
        let before = self.recent.seals().filter(|(at, seal)| {
            let soon = *at >= arrived.back(FOR);
            // What came since was taken in as it came, but for what may have been
            // of the truck before.
            let is_new = !soon || *at <= left_at || self.last_seals.contains(&seal.id);
            is_new && if soon { &all } else { &own }.contains(&seal.id)
        });
        passage
            .evidence
            .put_seals_before(before.map(|(_, seal)| seal));
    }
}
