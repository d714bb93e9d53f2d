//! Identity: any one plate of one vehicle read exactly identifies. A confident
//! read contradicts only where the vehicle declares a plate of its kind and
//! not this one; a kind that is not declared is extra (FORMATS 2).

use crate::clearance::matching::By;
use crate::clearance::reads::look_alike;
use crate::clearance::sheet::{Datum, Sheet, Trace, nothing, values};
use crate::clearance::view::{ClassHere, Document, View};
use crate::model::{CheckOutcome, Code, Plate, Vehicle};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    if view.unread() {
        note_unread(view, sheet);
    }
    for document in &view.documents {
        contradictions(view, document, sheet);
    }
    if let Some(main) = view.main() {
        match main.by {
            By::Plates(plates) => single_identity(view, main, plates, sheet),
            By::LookAlike { agreeing } => loose(view, agreeing, sheet),
            By::Other => {}
        }
    }
    let outcome = match (view.unread(), view.documents.is_empty()) {
        (true, _) | (false, true) => CheckOutcome::Unknown,
        (false, false) => sheet.outcome(),
    };
    let reads = &view.reads;
    Trace::of(
        outcome,
        values([
            ("read", reads.sure.len().into()),
            ("ambiguous", reads.ambiguous.len().into()),
            ("weak", reads.weak.into()),
            ("no_plate_shape", reads.shapeless.into()),
        ]),
        values([(
            "confidence_pct_min",
            view.policy.defaults.plate_confidence_pct_min.into(),
        )]),
    )
}

fn note_unread<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) {
    let reads = &view.reads;
    let observed = values([
        ("texts", view.case.plates.len().into()),
        ("weak", reads.weak.into()),
        ("no_plate_shape", reads.shapeless.into()),
    ]);
    let min = view.policy.defaults.plate_confidence_pct_min;
    let expected = values([("confidence_pct_min", min.into())]);
    sheet.note(Code::PlateUnread, expected, observed);
}

fn texts(plates: &[Plate]) -> Datum {
    plates.iter().collect()
}

fn contradictions<'a>(view: &View<'a>, document: &Document<'a>, sheet: &mut Sheet<'a>) {
    let Some(vehicle) = document.vehicle else {
        // A document that rides along names another vehicle.
        if view.main().is_some_and(|main| main.by != By::Other) {
            let vehicles = document.declaration.vehicles.iter();
            let declared: Vec<Plate> = vehicles.flat_map(|v| v.plates.iter().cloned()).collect();
            let expected = values([("plates", texts(&declared))]);
            let observed = values([
                ("plates", texts(&view.reads.sure)),
                ("declaration", (&document.declaration.id).into()),
            ]);
            sheet.note(Code::PlateContradiction, expected, observed);
        }
        return;
    };
    let loose = matches!(document.by, By::LookAlike { .. });
    let main = view
        .main()
        .is_some_and(|m| m.declaration.id == document.declaration.id);
    for read in &view.reads.sure {
        let fits = vehicle.plates.contains(read)
            || (loose && vehicle.plates.iter().any(|p| look_alike(p, read)));
        if fits {
            continue;
        }
        let expected = values([("plates", texts(&vehicle.plates))]);
        let observed = values([("plate", read.into())]);
        if contradicts(view, vehicle, read) || anothers(view, vehicle, read) {
            sheet.note(Code::PlateContradiction, expected, observed);
        } else if main {
            sheet.note(Code::PlateExtra, expected, observed);
        }
    }
    let doubtful = view.reads.ambiguous.iter();
    for read in doubtful.filter(|read| contradicts(view, vehicle, read)) {
        if !vehicle.plates.iter().any(|p| look_alike(p, read)) {
            let expected = values([("plates", texts(&vehicle.plates))]);
            let observed = values([("plate", read.into()), ("ambiguous", true.into())]);
            sheet.note(Code::PlateContradiction, expected, observed);
        }
    }
}

/// A plate of a kind the vehicle declares that is not the declared one. A text
/// with the shape of two kinds contradicts as either of them, as long as the
/// declared plate was not read beside it: a truck may bear both.
fn contradicts(view: &View<'_>, vehicle: &Vehicle, read: &Plate) -> bool {
    let declares = vehicle.plates.iter().any(|p| {
        let unread = !view.reads.sure.contains(p);
        let may_be = read.may_be(p.kind()) || p.may_be(read.kind());
        p.kind() == read.kind() || (unread && may_be)
    });
    declares && !vehicle.plates.contains(read)
}

/// The plate of another expected truck is evidence against this one, also
/// where its kind is not declared here: two trucks cannot both be it (L4).
fn anothers(view: &View<'_>, vehicle: &Vehicle, read: &Plate) -> bool {
    let candidates = view.case.facts.candidates.iter();
    let mut others = candidates.flat_map(|d| &d.vehicles);
    others.any(|other| {
        other.plates.contains(read) && !other.plates.iter().any(|p| vehicle.plates.contains(p))
    })
}

fn single_identity<'a>(view: &View<'a>, main: &Document<'a>, plates: usize, sheet: &mut Sheet<'a>) {
    if view.policy.defaults.single_identity || plates >= 2 {
        return;
    }
    let (matching, declaration) = (view.matching(), main.declaration);
    let second = main.vehicle.is_some_and(|v| matching.tag_read(v))
        || matching.seal_read(declaration)
        || matching.container_read(declaration)
        || matching.card_read(declaration)
        || view.reads.trailer_read(declaration);
    if !second {
        let expected = values([("identities", 2.into())]);
        let observed = values([("identities", 1.into())]);
        sheet.note(Code::PlateLoose, expected, observed);
    }
}

/// A look-alike needs as many independent facts as the class says; where the
/// class never tries it (a camera of two minds), no number will do.
fn loose<'a>(view: &View<'a>, agreeing: usize, sheet: &mut Sheet<'a>) {
    let needed = match &view.class {
        ClassHere::Known(_, m) => m.corroborations(view.policy),
        ClassHere::None | ClassHere::Unknown => 0,
    };
    if needed == 0 || agreeing < needed {
        let mut expected = nothing();
        if needed > 0 {
            expected = values([("corroborations", needed.into())]);
        }
        let read = view.reads.sure.iter().chain(&view.reads.ambiguous);
        let read: Vec<_> = read.map(Plate::as_str).collect();
        let observed = values([("corroborations", agreeing.into()), ("plates", read.into())]);
        sheet.note(Code::PlateLoose, expected, observed);
    }
}
