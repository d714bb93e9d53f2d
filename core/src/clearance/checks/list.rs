//! Consolidated lists (集报): trips and goods weight that are left, and
//! whether the class may use lists at all.

use crate::clearance::sheet::{Datum, Few, Sheet, Trace, Values, values};
use crate::clearance::standing::Standing;
use crate::clearance::view::View;
use crate::model::{Balance, Binding, CheckOutcome, Code, Declaration, DeclarationId, Form};

/// A list by its form or by its binding.
pub(super) fn is_list(declaration: &Declaration) -> bool {
    declaration.form == Form::Cdl || matches!(declaration.binding, Binding::Trips { .. })
}

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let mut lists: Few<Datum> = Few::new();
    for document in view.documents.iter().filter(|d| is_list(d.declaration)) {
        let id = &document.declaration.id;
        let balance = view.case.facts.ledger.get(&document.declaration.id);
        lists.push(of_list(document.declaration, balance));
        match document.standing {
            Standing::TripsOver { issued, trips } => {
                let expected = values([("trips", trips.into())]);
                let mut observed = balance_of(id, balance);
                observed.insert("issued", issued.into());
                sheet.note(Code::ListTripsOver, expected, observed);
            }
            Standing::QuantityOver { left, goods } => {
                let expected = values([("left_kg", left.0.into())]);
                let mut observed = balance_of(id, balance);
                observed.insert("goods_kg", goods.0.into());
                sheet.note(Code::ListQuantityOver, expected, observed);
            }
            Standing::Free
            | Standing::Reserved { .. }
            | Standing::Unsettled { .. }
            | Standing::Spent => {}
        }
        if view.measures().is_some_and(|m| !m.lists) {
            let expected = values([("lists_allowed", false.into())]);
            let mut observed = values([("declaration", id.into())]);
            observed.insert("has", "a consolidated list".into());
            sheet.note(Code::DeclarationWrongKind, expected, observed);
        }
    }
    let outcome = sheet.outcome_or(if lists.is_empty() {
        CheckOutcome::NotNeeded
    } else {
        CheckOutcome::Pass
    });
    let allowed = view.measures().map(|m| m.lists);
    let threshold = values([("lists_allowed", allowed.into())]);
    Trace::of(
        outcome,
        values([("lists", lists.into_iter().collect())]),
        threshold,
    )
}

/// What an officer sees of a list's balance: taken at commit, over the exit,
/// kept for trucks in the bay, and gone with passages nobody saw end.
fn balance_of(id: &DeclarationId, balance: Option<&Balance>) -> Values {
    let none = Balance::default();
    let b = balance.unwrap_or(&none);
    let mut values = Values::with_capacity(8);
    values.insert("declaration", id.into());
    values.insert("issued", b.issued.into());
    values.insert("passed", b.passed.into());
    values.insert("issued_kg", b.goods_kg_issued.0.into());
    values.insert("reserved", b.reserved.len().into());
    values.insert("unsettled", b.unsettled.len().into());
    values
}

/// A list in the trace: its balance beside its limits.
fn of_list(declaration: &Declaration, balance: Option<&Balance>) -> Datum {
    let mut list = balance_of(&declaration.id, balance);
    if let Binding::Trips { trips, goods_kg } = &declaration.binding {
        list.insert("trips", (*trips).into());
        list.insert("limit_kg", goods_kg.map(|kg| kg.0).into());
    }
    list.into()
}
