//! Trucks of one batch (货物运输批次号) cross together: all members have come
//! before the first leaves.

use crate::clearance::sheet::{Few, Sheet, Trace, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let mut convoys: Few<&str> = Few::new();
    let (mut come, mut members) = (0, 0);
    for document in &view.documents {
        let Some(convoy) = &document.declaration.convoy else {
            continue;
        };
        convoys.push(convoy.no.as_str());
        let seen = view.case.facts.convoy.as_ref();
        let seen = seen.filter(|seen| seen.no == convoy.no);
        let mut arrived: Few<&str> = seen
            .map(|seen| seen.arrived.iter().map(String::as_str).collect())
            .unwrap_or_default();
        // This truck counts once, by whichever of its plates it was noted.
        if let Some(vehicle) = document.vehicle {
            arrived.retain(|text| !vehicle.plates.iter().any(|p| p.as_str() == *text));
            arrived.extend(vehicle.plates.first().map(|p| p.as_str()));
        }
        arrived.sort_unstable();
        arrived.dedup();
        come += arrived.len();
        members += convoy.members as usize;
        let missing = (convoy.members as usize).saturating_sub(arrived.len());
        if missing > 0 {
            let expected = values([("members", convoy.members.into())]);
            let observed = values([
                ("convoy", convoy.no.as_str().into()),
                ("arrived", arrived.len().into()),
                ("missing", missing.into()),
                ("came", arrived.into_iter().collect()),
            ]);
            sheet.note(Code::ConvoyIncomplete, expected, observed);
        }
    }
    let outcome = sheet.outcome_or(if convoys.is_empty() {
        CheckOutcome::NotNeeded
    } else {
        CheckOutcome::Pass
    });
    let inputs = values([
        ("convoys", convoys.into_iter().collect()),
        ("arrived", come.into()),
    ]);
    Trace::of(outcome, inputs, values([("members", members.into())]))
}
