//! The driver's card, compared where one is declared and one was read; it must
//! be read only where the policy says so.

use crate::clearance::policy::Evidence;
use crate::clearance::sheet::{Datum, Sheet, Trace, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let read = view.case.driver_card.as_deref().map(str::trim);
    let read = read.filter(|card| !card.is_empty());
    let documents = view.documents.iter();
    let drivers = documents.filter_map(|d| d.declaration.driver.as_ref());
    let declared: Vec<&str> = drivers.map(|driver| driver.card.trim()).collect();
    let required = !view.documents.is_empty() && view.requires(Evidence::Driver);
    for card in &declared {
        if read.is_some_and(|read| read != *card) {
            let expected = values([("card", (*card).into())]);
            let observed = values([("card", read.into())]);
            sheet.note(Code::DriverWrong, expected, observed);
        }
    }
    if required && read.is_none() {
        let expected = values([("card", declared.first().copied().into())]);
        let observed = values([("card", Datum::Null)]);
        sheet.note(Code::DriverWrong, expected, observed);
    }
    let compared = read.is_some() && !declared.is_empty();
    let outcome = sheet.outcome_or(if compared || required {
        CheckOutcome::Pass
    } else {
        CheckOutcome::NotNeeded
    });
    let inputs = values([
        ("declared", declared.len().into()),
        ("read", read.is_some().into()),
    ]);
    Trace::of(outcome, inputs, values([("required", required.into())]))
}
