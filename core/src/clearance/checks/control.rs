//! Controls (布控) on anything this truck is or carries, as declared or as
//! read; each acts as it says.

use std::borrow::Cow;

use crate::clearance::sheet::{Sheet, Trace, nothing, values};
use crate::clearance::view::View;
use crate::model::{Act, Code, ContainerNo, Control, Plate, Severity, SubjectKind};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let facts = &view.case.facts;
    if facts.control_unreadable {
        // It may be on this truck: the port holds until it is replaced (L10).
        let observed = values([("subject", "unreadable".into())]);
        let severity = Severity::Hold;
        sheet.note_as(Code::ControlActive, severity, None, nothing(), observed);
    }
    let subjects = if facts.controls.is_empty() {
        Subjects::new()
    } else {
        subjects(view)
    };
    let mut active = 0u32;
    for control in &facts.controls {
        let superseded = facts
            .controls
            .iter()
            .any(|o| o.id == control.id && o.version > control.version);
        if superseded || !control.in_force(view.at) || !acts_on(control, &subjects) {
            continue;
        }
        active += 1;
        note(control, sheet);
    }
    let inputs = values([
        ("controls", facts.controls.len().into()),
        ("active", active.into()),
    ]);
    Trace::of(sheet.outcome(), inputs, values([("active", 0.into())]))
}

fn note<'a>(control: &'a Control, sheet: &mut Sheet<'a>) {
    let severity = match control.act {
        Act::Inspect => Severity::Inspect,
        Act::Hold => Severity::Hold,
        Act::Inform => Severity::Warn,
    };
    let mut observed = values([
        ("control", control.id.as_str().into()),
        ("act", control.act.as_str().into()),
        ("subject", control.subject.kind.as_str().into()),
        ("value", control.subject.value.as_str().into()),
    ]);
    if let Some(reason) = &control.reason {
        observed.insert("reason", reason.as_str().into());
    }
    sheet.note_as(
        Code::ControlActive,
        severity,
        Some(control),
        nothing(),
        observed,
    );
}

/// Few enough to look through, and most of them are there already.
type Subjects<'v> = Vec<(SubjectKind, Cow<'v, str>)>;

/// A value that cannot be read acts on everything it could name (L4).
fn acts_on(control: &Control, subjects: &Subjects<'_>) -> bool {
    match control.subject.canonical() {
        Ok(subject) => {
            let mut all = subjects.iter();
            all.any(|(kind, value)| *kind == subject.kind && *value == subject.value)
        }
        Err(_) => true,
    }
}

fn subjects<'v>(view: &'v View<'_>) -> Subjects<'v> {
    let case = view.case;
    let mut all = Subjects::with_capacity(32);
    let mut add = |kind: SubjectKind, value: &'v str| all.push((kind, Cow::Borrowed(value)));
    let reads = &view.reads;
    for plate in reads
        .sure
        .iter()
        .chain(&reads.ambiguous)
        .chain(&reads.trailers)
    {
        add(SubjectKind::Vehicle, plate.as_str());
    }
    for seal in &case.seals {
        add(SubjectKind::Seal, seal.id.as_str());
    }
    if let Some(card) = &case.driver_card {
        add(SubjectKind::Driver, card.trim());
    }
    for document in &view.documents {
        let d = document.declaration;
        add(SubjectKind::Declaration, d.id.as_str());
        add(SubjectKind::Enterprise, d.enterprise.as_str());
        let own = document.vehicle.map_or(&[][..], |v| &v.plates);
        let trailers = d.trailers.iter().map(|t| &t.plate);
        for plate in own.iter().chain(trailers) {
            add(SubjectKind::Vehicle, Plate::as_str(plate));
        }
        for container in &d.containers {
            add(SubjectKind::Container, container.no.as_str());
        }
        for seal in d.all_seals() {
            add(SubjectKind::Seal, seal.as_str());
        }
        if let Some(driver) = &d.driver {
            add(SubjectKind::Driver, driver.card.trim());
        }
    }
    for read in &case.containers {
        if let Ok(no) = ContainerNo::parse(&read.no) {
            all.push((SubjectKind::Container, Cow::Owned(no.into())));
        }
    }
    all
}
