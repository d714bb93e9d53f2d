//! Controls (布控) on anything this truck is or carries, as declared or as
//! read; each acts as it says.

use crate::clearance::sheet::{Sheet, Trace, nothing, values};
use crate::clearance::view::View;
use crate::model::{Act, Code, Control, Severity, SubjectKind};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let facts = &view.case.facts;
    if facts.control_unreadable {
        // It may be on this truck: the port holds until it is replaced (L10).
        let observed = values([("subject", "unreadable".into())]);
        let severity = Severity::Hold;
        sheet.note_as(Code::ControlActive, severity, None, nothing(), observed);
    }
    let mut active = 0u32;
    for control in &facts.controls {
        let superseded = facts
            .controls
            .iter()
            .any(|o| o.id == control.id && o.version > control.version);
        if superseded || !control.in_force(view.at) || !acts_on(control, view) {
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
        ("control", (&control.id).into()),
        ("act", control.act.into()),
        ("subject", control.subject.kind.into()),
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

/// Whether this truck is or carries the subject, as declared or as read. A
/// value that cannot be read acts on everything it could name (L4).
fn acts_on(control: &Control, view: &View<'_>) -> bool {
    let Ok(subject) = control.subject.canonical() else {
        return true;
    };
    let value = subject.value.as_str();
    let mut documents = view.documents.iter().map(|d| d.declaration);
    match subject.kind {
        SubjectKind::Vehicle => is_vehicle(view, value),
        SubjectKind::Container => {
            let mut read = view.reads.containers.iter().flatten();
            read.any(|no| no.as_str() == value)
                || documents.any(|d| d.containers.iter().any(|c| c.no.as_str() == value))
        }
        SubjectKind::Seal => {
            let mut read = view.case.seals.iter();
            read.any(|seal| seal.id.as_str() == value)
                || documents.any(|d| d.all_seals().any(|seal| seal.as_str() == value))
        }
        SubjectKind::Declaration => documents.any(|d| d.id.as_str() == value),
        SubjectKind::Enterprise => documents.any(|d| d.enterprise.as_str() == value),
        SubjectKind::Driver => {
            let read = view.case.driver_card.as_deref();
            let declared = documents.filter_map(|d| d.driver.as_ref());
            let mut cards = read.into_iter().chain(declared.map(|d| d.card.as_str()));
            cards.any(|card| card.trim() == value)
        }
    }
}

fn is_vehicle(view: &View<'_>, value: &str) -> bool {
    let reads = &view.reads;
    let read = [&reads.sure, &reads.ambiguous, &reads.trailers];
    let own = view.documents.iter().filter_map(|d| d.vehicle);
    let trailers = view.documents.iter().flat_map(|d| &d.declaration.trailers);
    let mut plates = read
        .into_iter()
        .flatten()
        .chain(own.flat_map(|v| &v.plates))
        .chain(trailers.map(|t| &t.plate));
    plates.any(|plate| plate.as_str() == value)
}
