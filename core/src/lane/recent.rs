//! Readings that came before their truck did (L9). A reading is of a truck that
//! comes soon, or of none; a seal that a declaration names may have reported
//! while its truck waited further back, and counts as long as the rules let a
//! report count (L7).

use std::collections::VecDeque;

use crate::model::{Content, Reading, SealReading};
use crate::time::{Micros, Mono};

/// How long before its truck a reading may have come.
const FOR: Micros = Micros::from_s(30);
/// Readings kept; the oldest is dropped when full.
const READINGS_MAX: usize = 96;
/// Reports of seals kept; the same.
const SEALS_MAX: usize = 96;

/// Readings that may belong to the next truck.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Recent {
    readings: VecDeque<Reading>,
    seals: VecDeque<Reading>,
}

impl Recent {
    /// Keeps `reading`; true if an older one was dropped for it.
    pub(super) fn keep(&mut self, reading: Reading) -> bool {
        let (list, max) = match reading.content {
            Content::Seal(_) => (&mut self.seals, SEALS_MAX),
            Content::Plates(_)
            | Content::Weight(_)
            | Content::Inputs(_)
            | Content::Tag(_)
            | Content::Card(_)
            | Content::Boxes(_) => (&mut self.readings, READINGS_MAX),
        };
        let full = list.len() >= max;
        if full {
            list.pop_front();
        }
        list.push_back(reading);
        full
    }

    /// Forgets what can count for nobody at `now`, where the rules let a seal's
    /// report be as old as `seals_for`.
    pub(super) fn forget(&mut self, now: Mono, seals_for: Micros) {
        self.readings.retain(|r| r.arrived >= now.back(FOR));
        let seals_for = seals_for.max(FOR);
        self.seals.retain(|r| r.arrived >= now.back(seals_for));
    }

    /// What may be of a truck that comes at `now`, whoever it is.
    pub(super) fn of_next(&self, now: Mono) -> impl Iterator<Item = &Reading> {
        let all = self.readings.iter().chain(&self.seals);
        all.filter(move |r| r.arrived >= now.back(FOR))
    }

    /// Reports of seals, in the order of their arrival.
    pub(super) fn seals(&self) -> impl Iterator<Item = &SealReading> {
        self.seals.iter().filter_map(|reading| {
            if let Content::Seal(seal) = &reading.content {
                Some(seal)
            } else {
                None
            }
        })
    }
}
