//! The vehicle's tag: where one is declared and tags were read, one of them is
//! it; another one contradicts as another plate would (identity by agreement,
//! L4). An antenna may hear the next lane (case c47), so a stranger's tag
//! beside the declared one says nothing.

use crate::clearance::policy::Evidence;
use crate::clearance::sheet::{Datum, Sheet, Trace, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let read: Vec<&str> = view.case.tags.iter().map(|t| t.id.trim()).collect();
    let vehicle = view.main().and_then(|m| m.vehicle);
    let declared = vehicle.and_then(|v| v.tag.as_deref()).map(str::trim);
    let required = view.requires(Evidence::Tag);
    let inputs = values([("declared", declared.into()), ("read", read.len().into())]);
    let threshold = values([("required", required.into())]);
    let agrees = declared.is_some_and(|tag| read.contains(&tag));
    let outcome = match declared {
        _ if view.documents.is_empty() => CheckOutcome::Unknown,
        Some(tag) if !agrees && !read.is_empty() => {
            let expected = values([("tag", tag.into())]);
            let observed = values([("tags", read.into())]);
            sheet.note(Code::PlateContradiction, expected, observed);
            sheet.outcome()
        }
        _ if required && !agrees => {
            // Where two identities are needed the plate stands alone.
            let expected = values([("tag", declared.into())]);
            let observed = values([("tag", Datum::Null)]);
            sheet.note(Code::PlateLoose, expected, observed);
            sheet.outcome()
        }
        Some(_) if agrees => CheckOutcome::Pass,
        Some(_) | None => CheckOutcome::NotNeeded,
    };
    Trace::of(outcome, inputs, threshold)
}
