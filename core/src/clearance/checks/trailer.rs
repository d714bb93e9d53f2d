//! Trailer plates, compared with the declared trailers alone (FORMATS 2).

use crate::clearance::policy::Evidence;
use crate::clearance::sheet::{Datum, Few, Sheet, Trace, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code, Plate};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let trailers = view.documents.iter().flat_map(|d| &d.declaration.trailers);
    let declared: Few<&Plate> = trailers.map(|t| &t.plate).collect();
    let expected = || {
        let texts = declared.iter().copied().collect();
        values([("trailers", texts)])
    };
    let known = !view.documents.is_empty();
    for read in view.reads.trailers.iter().filter(|_| known) {
        if declared.contains(&read) {
            continue;
        }
        let observed = values([("plate", read.into())]);
        // A trailer may bear a mainland and a Hong Kong plate; the one that
        // is not declared beside one that is, is extra.
        let same_kind = declared.iter().any(|p| p.kind() == read.kind());
        if declared.is_empty() || same_kind {
            sheet.note(Code::TrailerWrong, expected(), observed);
        } else {
            sheet.note(Code::PlateExtra, expected(), observed);
        }
    }
    let required = view.requires(Evidence::Trailer);
    let read = !view.reads.trailers.is_empty();
    let unread = declared.iter().any(|p| !view.reads.trailers.contains(p));
    if required && unread && sheet.outcome() == CheckOutcome::Pass {
        let observed = values([("plate", Datum::Null)]);
        sheet.note(Code::TrailerWrong, expected(), observed);
    }
    let outcome = sheet.outcome_or(if !known {
        CheckOutcome::Unknown
    } else if !read && (!required || declared.is_empty()) {
        CheckOutcome::NotNeeded
    } else {
        CheckOutcome::Pass
    });
    let inputs = values([
        ("declared", declared.len().into()),
        ("read", view.reads.trailers.len().into()),
    ]);
    let threshold = values([("required", required.into())]);
    Trace::of(outcome, inputs, threshold)
}
