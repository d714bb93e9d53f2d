//! What a declaration found says is still to be read. A reader of seals or
//! boxes reports each of them by itself, so its first reading does not say
//! that it has no more.

use std::collections::BTreeSet;

use super::state::{Passage, Phase, State};
use super::{EvidenceDevice, Lane, Role};
use crate::model::{ContainerNo, Content, DeviceId, DeviceState, Facts, SealId, SealState};
use crate::time::{Micros, Now};

/// Declared and not read yet, while its reader still has time.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Awaited {
    seals: BTreeSet<SealId>,
    containers: BTreeSet<ContainerNo>,
}

impl Awaited {
    fn is_empty(&self) -> bool {
        self.seals.is_empty() && self.containers.is_empty()
    }
}

impl Passage {
    /// The device has given a reading, and no declared thing it should see is
    /// missing.
    pub(super) fn heard(&self, id: &DeviceId, role: Role) -> bool {
        let all = match role {
            Role::SealReader => {
                let mut seals = self.awaited.seals.iter();
                seals.all(|seal| self.evidence.knows_seal(seal))
            }
            Role::ContainerReader => {
                let mut boxes = self.awaited.containers.iter();
                boxes.all(|no| self.evidence.has_container(no))
            }
            Role::Camera | Role::Scale | Role::TagReader | Role::CardReader => true,
        };
        self.evidence.has(id) && all
    }
}

impl Lane {
    /// Goes back to collecting if the declarations found name a seal or box
    /// that was not read and may yet be.
    pub(super) fn await_declared(&mut self, facts: &Facts, now: Now) -> bool {
        let State::Gathering { passage, .. } = &self.state else {
            return false;
        };
        let waited = now.mono.since(passage.gather_from);
        if waited >= self.config.gather_max {
            return false;
        }
        let mut awaited = Awaited::default();
        if self.may_yet_read(Role::SealReader, waited) {
            let declared = facts.candidates.iter().flat_map(|d| d.all_seals());
            let missing = declared.filter(|seal| !self.heard_seal(passage, seal));
            awaited.seals = missing.cloned().collect();
        }
        if self.may_yet_read(Role::ContainerReader, waited) {
            let declared = facts.candidates.iter().flat_map(|d| &d.containers);
            let missing = declared.filter(|c| !passage.evidence.has_container(&c.no));
            awaited.containers = missing.map(|c| c.no.clone()).collect();
        }
        let waits = !awaited.is_empty();
        if let State::Gathering { passage, phase } = &mut self.state
            && waits
        {
            passage.awaited = awaited;
            *phase = Phase::Collecting {
                recapture_until: None,
            };
        }
        waits
    }

    fn may_yet_read(&self, role: Role, waited: Micros) -> bool {
        let reads = |(id, device): (&DeviceId, &EvidenceDevice)| {
            let lost = self.devices.get(id) == Some(&DeviceState::Lost);
            device.role == role && !lost && waited < device.evidence
        };
        self.config.devices.iter().any(reads)
    }

    /// In this passage, or shortly before it came: a seal names itself. For a
    /// newer report than an old one its reader's time is waited.
    fn heard_seal(&self, passage: &Passage, seal: &SealId) -> bool {
        let mut recent = self.recent.of_next(passage.window.arrived);
        let earlier = recent.any(|reading| {
            matches!(&reading.content, Content::Seal(s)
                if s.id == *seal && s.state != SealState::Unknown)
        });
        earlier || passage.evidence.knows_seal(seal)
    }
}
