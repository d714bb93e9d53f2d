//! What the controller had been told, by its own feed records, folded apart
//! from the ledger: which versions, which controls, what cannot be used. A
//! release against any of it is a doubt that was overlooked (L4).

use std::collections::{BTreeMap, BTreeSet};

use lanegate_core::model::{
    Act, Case, CaseSeal, ControlId, Declaration, DeclarationId, Plate, SealAlarm, SealState,
    Status, Subject, SubjectKind, Verdict,
};
use lanegate_core::record::FeedBody;

/// The fold.
#[derive(Default)]
pub(super) struct Known {
    declarations: BTreeMap<DeclarationId, (u32, Status)>,
    pub(super) unusable: BTreeSet<DeclarationId>,
    /// Version and subject; none = withdrawn, or for information alone.
    controls: BTreeMap<ControlId, (u32, Option<Subject>)>,
}

impl Known {
    /// A batch is durable.
    pub(super) fn feed(&mut self, body: &FeedBody) {
        for mark in &body.declarations {
            let held = self.declarations.get(&mark.id);
            if held.is_none_or(|(version, _)| mark.version > *version) {
                self.declarations
                    .insert(mark.id.clone(), (mark.version, mark.status));
                self.unusable.remove(&mark.id);
            }
        }
        self.unusable.extend(body.unusable_ids.iter().cloned());
        for control in &body.controls {
            let held = self.controls.get(&control.id);
            if held.is_some_and(|(version, _)| control.version <= *version) {
                continue;
            }
            let stops = !control.withdrawn && control.act != Act::Inform;
            let subject = stops.then(|| control.subject.clone());
            self.controls
                .insert(control.id.clone(), (control.version, subject));
        }
    }

    /// Why `verdict`, a release, should not be, as far as the records tell.
    pub(super) fn against(&self, case: &Case, verdict: &Verdict) -> Vec<String> {
        let mut why = Vec::new();
        for matched in &verdict.declarations {
            let id = &matched.id;
            match self.declarations.get(id) {
                Some((version, Status::Released)) if *version == matched.version => {}
                Some((version, status)) => why.push(format!(
                    "version {} of {id}, and {version} is {status:?}",
                    matched.version
                )),
                None => why.push(format!("{id}, of which no feed record speaks")),
            }
            if self.unusable.contains(id) {
                why.push(format!("{id}, which cannot be used"));
            }
            let declared = case.facts.candidates.iter().find(|d| d.id == *id);
            match declared {
                Some(declared) => self.named(declared, case, &mut why),
                None => why.push(format!("{id}, which is no candidate")),
            }
        }
        if !weighed(case) {
            why.push("no stable weight".to_owned());
        }
        why
    }

    /// Controls on anything of `declared`, and seals that did not report.
    fn named(&self, declared: &Declaration, case: &Case, why: &mut Vec<String>) {
        for (id, (_, subject)) in &self.controls {
            if subject.as_ref().is_some_and(|s| names(s, declared)) {
                why.push(format!("a truck that control {id} names"));
            }
        }
        for seal in declared.containers.iter().flat_map(|c| &c.seals) {
            // A low battery is a warning: it stops nobody.
            let warns = |alarm: &SealAlarm| *alarm == SealAlarm::LowBattery;
            let sealed = |s: &&CaseSeal| {
                s.id == *seal && s.state == SealState::Sealed && s.alarms.iter().all(warns)
            };
            if case.seals.iter().find(sealed).is_none() {
                why.push(format!("seal {} that nobody heard whole", seal.as_str()));
            }
        }
    }
}

fn weighed(case: &Case) -> bool {
    let weight = case.weight.as_ref();
    weight.is_some_and(|w| w.stable && w.seen_empty && !w.overload)
}

fn names(subject: &Subject, declared: &Declaration) -> bool {
    let value = subject.value.as_str();
    let plate = |p: &Plate| p.as_str() == value;
    match subject.kind {
        SubjectKind::Vehicle => declared.vehicles.iter().any(|v| v.plates.iter().any(plate)),
        SubjectKind::Declaration => declared.id.as_str() == value,
        SubjectKind::Enterprise => declared.enterprise.as_str() == value,
        SubjectKind::Container => declared.containers.iter().any(|c| c.no.as_str() == value),
        SubjectKind::Driver => declared
            .driver
            .as_ref()
            .is_some_and(|d| d.card.as_str() == value),
        SubjectKind::Seal => declared
            .containers
            .iter()
            .any(|c| c.seals.iter().any(|s| s.as_str() == value)),
    }
}
