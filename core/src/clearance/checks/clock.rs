//! The wall clock: untrusted, windows and freshness are unknown (L4).

use crate::clearance::sheet::{Sheet, Trace, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let trusted = || values([("clock", "trusted".into())]);
    if view.at.is_some() {
        return Trace::of(CheckOutcome::Pass, trusted(), trusted());
    }
    let observed = || values([("clock", "unknown".into())]);
    sheet.note(Code::ClockUnknown, trusted(), observed());
    Trace::of(CheckOutcome::Unknown, observed(), trusted())
}
