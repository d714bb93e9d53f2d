//! The documents themselves: found, of the right kind, released, for this
//! port, direction and time, and not spent. Lists are counted by `list`.

use crate::clearance::sheet::{Sheet, Trace, Values, nothing, values};
use crate::clearance::standing::Standing;
use crate::clearance::view::{DOCUMENTS_MAX, Document, View};
use crate::model::{
    Binding, CheckOutcome, Code, DeclarationId, Direction, Form, Kg, Load, Status, StoreState,
};

/// Digits of a 报关单 number, and the place of its import/export digit.
const BILL_DIGITS: usize = 18;
const BILL_DIRECTION_AT: usize = 8;
/// Digits of a 载货清单 number.
const MANIFEST_DIGITS: usize = 13;

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    nameless(view, sheet);
    if view.documents.is_empty() {
        return unmatched(view, sheet);
    }
    for document in &view.documents {
        status(view, document, sheet);
        place(view, document, sheet);
        window(view, document, sheet);
        kind(document, sheet);
        balance(view, document, sheet);
    }
    for id in &view.absent {
        absent(view, id, sheet);
    }
    if view.overfull {
        // What is not looked at may be revoked (L4).
        let expected = values([("documents_max", DOCUMENTS_MAX.into())]);
        sheet.note(Code::DeclarationUnusable, expected, nothing());
    }
    let documents = view.documents.iter();
    let ids = documents.map(|d| &d.declaration.id).collect();
    let outcome = sheet.outcome_or(match view.at {
        Some(_) => CheckOutcome::Pass,
        None => CheckOutcome::Unknown,
    });
    let main = view.documents[0].declaration;
    let inputs = values([
        ("ids", ids),
        ("status", main.status.into()),
        ("port", (&main.port).into()),
        ("direction", main.direction.into()),
        ("valid_from", main.valid_from.into()),
        ("valid_until", main.valid_until.into()),
    ]);
    let threshold = values([
        ("status", Status::Released.into()),
        ("port", (&view.case.port).into()),
        ("direction", view.case.direction.into()),
        ("at", view.at.into()),
    ]);
    Trace::of(outcome, inputs, threshold)
}

/// An item that cannot be used names this truck and no document: any of its
/// documents may be the one meant.
fn nameless<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) {
    let plates = &view.case.facts.unusable_plates;
    if !plates.is_empty() {
        let plates: Vec<_> = plates.iter().map(|p| p.as_str()).collect();
        let observed = values([("plates", plates.into())]);
        sheet.note(Code::DeclarationUnusable, nothing(), observed);
    }
}

/// "None" is said only with a fresh, verified cache; otherwise the reason is
/// the cache's (FORMATS 4).
fn unmatched<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let candidates = view.case.facts.candidates.len();
    let trace = |outcome| {
        let inputs = values([("candidates", candidates.into()), ("ids", ().into())]);
        Trace::of(outcome, inputs, values([("documents", 1.into())]))
    };
    if view.unread() {
        return trace(CheckOutcome::Unknown);
    }
    let observed = || {
        let plates: Vec<_> = view.reads.sure.iter().map(|p| p.as_str()).collect();
        values([("plates", plates.into())])
    };
    if let Some(id) = view.case.facts.unusable.first() {
        // One of those that could not be read may be this truck's.
        let mut observed = observed();
        observed.insert("declaration", id.as_str().into());
        sheet.note(Code::DeclarationUnusable, nothing(), observed);
    } else if !view.case.facts.unusable_plates.is_empty() {
        // Said above; that nothing else was found proves nothing then.
    } else if view.cache_fresh() && view.store() == StoreState::Ok {
        sheet.note(Code::DeclarationNone, nothing(), observed());
    } else {
        return trace(CheckOutcome::Unknown);
    }
    trace(CheckOutcome::Fail)
}

/// A document that should ride on this one is not there.
fn absent<'a>(view: &View<'a>, id: &DeclarationId, sheet: &mut Sheet<'a>) {
    let expected = values([("covers", id.as_str().into())]);
    if view.case.facts.unusable.contains(id) {
        sheet.note(Code::DeclarationUnusable, expected, nothing());
    } else if view.cache_fresh() && view.store() == StoreState::Ok {
        sheet.note(Code::DeclarationNone, expected, nothing());
    }
}

fn of(document: &Document<'_>) -> Values {
    values([("declaration", (&document.declaration.id).into())])
}

fn status<'a>(view: &View<'a>, document: &Document<'a>, sheet: &mut Sheet<'a>) {
    let d = document.declaration;
    if view.case.facts.unusable.contains(&d.id) {
        sheet.note(Code::DeclarationUnusable, nothing(), of(document));
    }
    let code = match d.status {
        Status::Released => return,
        Status::Held => Code::DeclarationHeld,
        Status::Revoked => Code::DeclarationRevoked,
    };
    let expected = values([("status", Status::Released.into())]);
    let mut observed = of(document);
    observed.insert("status", d.status.into());
    sheet.note(code, expected, observed);
}

fn place<'a>(view: &View<'a>, document: &Document<'a>, sheet: &mut Sheet<'a>) {
    let (d, case) = (document.declaration, view.case);
    if d.port != case.port {
        let expected = values([("port", (&d.port).into())]);
        let mut observed = of(document);
        observed.insert("port", (&case.port).into());
        sheet.note(Code::DeclarationOtherPort, expected, observed);
    }
    if d.direction != case.direction {
        let expected = values([("direction", d.direction.into())]);
        let mut observed = of(document);
        observed.insert("direction", case.direction.into());
        sheet.note(Code::DeclarationOtherDirection, expected, observed);
    }
}

/// Windows are `from <= t < until`; with an unknown clock neither open nor
/// shut (`clock.unknown` stands).
fn window<'a>(view: &View<'a>, document: &Document<'a>, sheet: &mut Sheet<'a>) {
    let (Some(at), d) = (view.at, document.declaration) else {
        return;
    };
    let observed = || values([("declaration", (&d.id).into()), ("at", at.into())]);
    if at < d.valid_from {
        let expected = values([("valid_from", d.valid_from.into())]);
        sheet.note(Code::DeclarationNotYet, expected, observed());
    } else if at >= d.valid_until {
        let expected = values([("valid_until", d.valid_until.into())]);
        sheet.note(Code::DeclarationExpired, expected, observed());
    }
}

/// A number that has the shape of another kind of document, or a form that
/// cannot carry this load: say "wrong kind", not "unknown" (DOMAIN 2).
fn kind<'a>(document: &Document<'a>, sheet: &mut Sheet<'a>) {
    let d = document.declaration;
    let id = d.id.as_str();
    let digits = id.bytes().all(|b| b.is_ascii_digit());
    let why = match d.form {
        Form::Bill | Form::Entry if digits && id.len() == MANIFEST_DIGITS => {
            Some("a 载货清单 number of 13 digits")
        }
        Form::Bill | Form::Entry if digits && id.len() == BILL_DIGITS => {
            let right = match d.direction {
                Direction::Import => b'1',
                Direction::Export => b'0',
            };
            let wrong = id.as_bytes().get(BILL_DIRECTION_AT) != Some(&right);
            wrong.then_some("a 报关单 number of the other direction")
        }
        Form::Rmft if digits && id.len() == BILL_DIGITS => Some("a 报关单 number of 18 digits"),
        Form::VehicleOnly if laden(d.load) || d.goods_gross_kg > Kg(0) => Some("goods"),
        Form::Bill
        | Form::Entry
        | Form::Rmft
        | Form::Cdl
        | Form::OneOff
        | Form::Transit
        | Form::Pass
        | Form::VehicleOnly => None,
    };
    if let Some(why) = why {
        let expected = values([("form", d.form.into())]);
        let mut observed = of(document);
        observed.insert("has", why.into());
        sheet.note(Code::DeclarationWrongKind, expected, observed);
    }
}

const fn laden(load: Load) -> bool {
    match load {
        Load::Empty | Load::EmptyContainer => false,
        Load::Container | Load::Bulk | Load::BreakBulk => true,
    }
}

/// Who took it, when and in which lane, where that is known. Of a shared
/// declaration only this vehicle's own passage explains why it is spent.
fn last(view: &View<'_>, document: &Document<'_>, observed: &mut Values) {
    let balance = view.case.facts.ledger.get(&document.declaration.id);
    let Some(last) = balance.and_then(|b| b.last.as_ref()) else {
        return;
    };
    let mut plates = document.vehicle.iter().flat_map(|v| &v.plates);
    let own = plates.any(|p| p.as_str() == last.vehicle);
    if matches!(document.declaration.binding, Binding::Shared {}) && !own {
        return;
    }
    observed.insert("passage", (&last.passage).into());
    let lane = last.lane.as_ref().map(|lane| lane.as_str());
    observed.insert("lane", lane.into());
    observed.insert("at", last.at.into());
    observed.insert("passed", last.passed.into());
}

fn balance<'a>(view: &View<'a>, document: &Document<'a>, sheet: &mut Sheet<'a>) {
    match document.standing {
        Standing::Unsettled { by } => {
            let expected = values([("settled", (&by.passage).into())]);
            sheet.note(Code::DeclarationUnsettled, expected, of(document));
        }
        Standing::Spent => {
            let expected = values([("left", 1.into())]);
            let mut observed = of(document);
            observed.insert("left", 0.into());
            last(view, document, &mut observed);
            sheet.note(Code::DeclarationSpent, expected, observed);
        }
        Standing::Free
        | Standing::Reserved { .. }
        | Standing::TripsOver { .. }
        | Standing::QuantityOver { .. } => {}
    }
}
