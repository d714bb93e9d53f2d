//! The store: whether what it did not find is known not to be there.

use crate::clearance::sheet::{Sheet, Trace, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code, StoreState};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let state = view.store();
    let says = |state: StoreState| values([("store", state.into())]);
    let trace = |outcome| Trace::of(outcome, says(state), says(StoreState::Ok));
    if view.unread() && view.main().is_none() {
        return trace(CheckOutcome::NotNeeded);
    }
    let code = match state {
        StoreState::Ok => return trace(CheckOutcome::Pass),
        StoreState::Unverified => Code::StoreUnverified,
        StoreState::Unavailable => Code::StoreUnavailable,
    };
    sheet.note(code, says(StoreState::Ok), says(state));
    trace(CheckOutcome::Unknown)
}
