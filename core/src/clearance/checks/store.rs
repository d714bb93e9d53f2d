//! The store: whether what it did not find is known not to be there.

use crate::clearance::sheet::{Sheet, Trace, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code, StoreState};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    if view.unread() && view.main().is_none() {
        return Trace::plain(CheckOutcome::NotNeeded);
    }
    let state = view.store();
    let code = match state {
        StoreState::Ok => return Trace::plain(CheckOutcome::Pass),
        StoreState::Unverified => Code::StoreUnverified,
        StoreState::Unavailable => Code::StoreUnavailable,
    };
    let expected = values([("store", StoreState::Ok.as_str().into())]);
    let observed = values([("store", state.as_str().into())]);
    sheet.note(code, expected, observed);
    Trace::plain(CheckOutcome::Unknown)
}
