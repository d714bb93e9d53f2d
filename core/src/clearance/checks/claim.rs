//! Which controller may spend: with local claims a declaration names its one
//! controller (DESIGN 3, `Claims`).

use crate::clearance::sheet::{Sheet, Trace, nothing, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let facts = &view.case.facts;
    if facts.contended {
        // The facts moved at every attempt to commit: somebody else keeps
        // taking from the same balance.
        let observed = values([("contended", true.into())]);
        sheet.note(Code::ClaimTaken, nothing(), observed);
    }
    let mut claimed = 0;
    for document in &view.documents {
        let d = document.declaration;
        let (Some(theirs), Some(ours)) = (&d.controller, &facts.controller) else {
            continue;
        };
        claimed += 1;
        if theirs != ours {
            let expected = values([("controller", theirs.as_str().into())]);
            let observed = values([
                ("declaration", (&d.id).into()),
                ("controller", ours.as_str().into()),
            ]);
            sheet.note(Code::ClaimUnavailable, expected, observed);
        }
    }
    let outcome = sheet.outcome_or(if claimed == 0 {
        CheckOutcome::NotNeeded
    } else {
        CheckOutcome::Pass
    });
    let inputs = values([
        ("claimed", claimed.into()),
        ("contended", facts.contended.into()),
    ]);
    let ours = facts.controller.as_ref().map(|c| c.as_str());
    Trace::of(outcome, inputs, values([("controller", ours.into())]))
}
