//! Consolidated lists (集报): trips and goods weight that are left, and
//! whether the class may use lists at all.

use crate::clearance::sheet::{Sheet, Trace, nothing, values};
use crate::clearance::standing::Standing;
use crate::clearance::view::View;
use crate::model::{Binding, CheckOutcome, Code, Declaration, Form};

/// A list by its form or by its binding.
pub(super) fn is_list(declaration: &Declaration) -> bool {
    declaration.form == Form::Cdl || matches!(declaration.binding, Binding::Trips { .. })
}

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let mut lists = 0;
    for document in view.documents.iter().filter(|d| is_list(d.declaration)) {
        lists += 1;
        let id = document.declaration.id.as_str();
        match document.standing {
            Standing::TripsOver { issued, trips } => {
                let expected = values([("trips", trips.into())]);
                let observed = values([("declaration", id.into()), ("issued", issued.into())]);
                sheet.note(Code::ListTripsOver, expected, observed);
            }
            Standing::QuantityOver { left, goods } => {
                let expected = values([("left_kg", left.0.into())]);
                let observed = values([("declaration", id.into()), ("goods_kg", goods.0.into())]);
                sheet.note(Code::ListQuantityOver, expected, observed);
            }
            Standing::Free
            | Standing::Reserved { .. }
            | Standing::Unsettled { .. }
            | Standing::Spent => {}
        }
        if view.measures().is_some_and(|m| !m.lists) {
            let expected = values([("lists", false.into())]);
            let observed = values([("declaration", id.into()), ("form", "cdl".into())]);
            sheet.note(Code::DeclarationWrongKind, expected, observed);
        }
    }
    if lists == 0 {
        return Trace::plain(CheckOutcome::NotNeeded);
    }
    let inputs = values([("lists", lists.into())]);
    Trace::of(sheet.outcome(), inputs, nothing())
}
