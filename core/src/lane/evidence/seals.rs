//! What the reports of one seal say together (L4, L7): the latest by its own
//! time stands, and nothing that came later may speak against it.

use super::{Evidence, SEALS_MAX};
use crate::model::{SealAlarm, SealReading, SealState};

impl Evidence {
    /// Takes in a report, in the order of arrival.
    pub(in crate::lane) fn put_seal(&mut self, seal: &SealReading) {
        if let Some(held) = self.seals.get_mut(&seal.id) {
            let closed = !speaks_against(held);
            together(held, seal);
            self.taken_back |= closed && speaks_against(held);
        } else if self.seals.len() < SEALS_MAX {
            self.seals.insert(seal.id.clone(), seal.clone());
        }
    }

    /// Reports that arrived before those taken in already, or were passed over.
    pub(in crate::lane) fn put_seals_before<'a>(
        &mut self,
        reports: impl Iterator<Item = &'a SealReading>,
    ) {
        let mut earlier = Self::default();
        for report in reports {
            earlier.put_seal(report);
        }
        for seal in earlier.seals.into_values() {
            let later = self.seals.remove(&seal.id);
            self.put_seal(&seal);
            if let Some(later) = later {
                self.put_seal(&later);
            }
        }
    }
}

fn together(held: &mut SealReading, seal: &SealReading) {
    if seal.event {
        // Never the present state, but what it warns of happened.
        add_alarms(held, seal);
        return;
    }
    if held.event {
        let swipe = std::mem::replace(held, seal.clone());
        add_alarms(held, &swipe);
        return;
    }
    // Of two that say "sealed" the live one does: memory proves nothing of now,
    // and takes nothing from what does (L7).
    if held.replay != seal.replay && !speaks_against(held) && !speaks_against(seal) {
        if held.replay {
            *held = seal.clone();
        }
        return;
    }
    match (held.at, seal.at) {
        (Some(of), Some(at)) if at > of => *held = seal.clone(),
        (Some(of), Some(at)) if at < of => {}
        (None, Some(_)) if !speaks_against(held) => *held = seal.clone(),
        // Without a time it cannot be said to be the earlier one: it proves
        // nothing, and it may contradict.
        (Some(_), None) if !speaks_against(seal) => {}
        // Two of one moment, or of moments nobody can put in order: what
        // either says against it counts.
        (Some(_) | None, Some(_) | None) => {
            held.at = held.at.or(seal.at);
            held.state = worse(held.state, seal.state);
            add_alarms(held, seal);
            held.replay &= seal.replay;
        }
    }
}

/// A low battery is a warning and says nothing of the state.
fn speaks_against(seal: &SealReading) -> bool {
    let mut alarms = seal.alarms.iter();
    seal.state != SealState::Sealed || alarms.any(|alarm| *alarm != SealAlarm::LowBattery)
}

/// A state that is not known takes away "sealed" and nothing else.
fn worse(a: SealState, b: SealState) -> SealState {
    match (a, b) {
        (SealState::Unknown, SealState::Sealed) | (SealState::Sealed, SealState::Unknown) => {
            SealState::Unknown
        }
        (SealState::Unknown, known) | (known, SealState::Unknown) => known,
        (a, b) => a.max(b),
    }
}

fn add_alarms(held: &mut SealReading, seal: &SealReading) {
    held.alarms.extend(seal.alarms.iter().copied());
    held.alarms.sort_unstable();
    held.alarms.dedup();
}
