//! Trucks of one batch (货物运输批次号) cross together: all members have come
//! before the first leaves.

use std::collections::BTreeSet;

use crate::clearance::sheet::{Sheet, Trace, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let mut convoys = 0;
    for document in &view.documents {
        let Some(convoy) = &document.declaration.convoy else {
            continue;
        };
        convoys += 1;
        let seen = view.case.facts.convoy.as_ref();
        let seen = seen.filter(|seen| seen.no == convoy.no);
        let mut arrived: BTreeSet<&str> = seen
            .map(|seen| seen.arrived.iter().map(String::as_str).collect())
            .unwrap_or_default();
        // This truck counts once, by whichever of its plates it was noted.
        if let Some(vehicle) = document.vehicle {
            arrived.retain(|text| !vehicle.plates.iter().any(|p| p.as_str() == *text));
            arrived.extend(vehicle.plates.first().map(|p| p.as_str()));
        }
        if arrived.len() < convoy.members as usize {
            let expected = values([("members", convoy.members.into())]);
            let observed = values([
                ("convoy", convoy.no.as_str().into()),
                ("arrived", arrived.len().into()),
            ]);
            sheet.note(Code::ConvoyIncomplete, expected, observed);
        }
    }
    if convoys == 0 {
        return Trace::plain(CheckOutcome::NotNeeded);
    }
    Trace::plain(sheet.outcome())
}
