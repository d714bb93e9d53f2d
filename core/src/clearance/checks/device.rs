//! Devices configured to give evidence: one that is lost holds, since what it
//! would have said is not known. A late one shows as the evidence it owes.

use crate::clearance::sheet::{Sheet, Trace, nothing, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code, DeviceState};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let in_state = |wanted: DeviceState| {
        let devices = view.case.devices.iter();
        let devices = devices.filter(move |(_, state)| **state == wanted);
        devices.map(|(id, _)| id.as_str()).collect::<Vec<_>>()
    };
    let (lost, late) = (in_state(DeviceState::Lost), in_state(DeviceState::Late));
    if !lost.is_empty() {
        let observed = values([("lost", lost.clone().into())]);
        sheet.note(Code::DeviceLost, nothing(), observed);
    }
    let outcome = match (view.case.devices.is_empty(), late.is_empty()) {
        (true, _) => CheckOutcome::NotNeeded,
        (false, true) => sheet.outcome(),
        (false, false) if lost.is_empty() => CheckOutcome::Unknown,
        (false, false) => CheckOutcome::Fail,
    };
    let devices = view.case.devices.len();
    let lost_count = lost.len();
    let inputs = values([
        ("devices", devices.into()),
        ("late", late.into()),
        ("lost", lost_count.into()),
    ]);
    Trace::of(outcome, inputs, values([("lost", 0.into())]))
}
