//! The wall clock: untrusted, windows and freshness are unknown (L4).

use crate::clearance::sheet::{Sheet, Trace, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    if view.at.is_some() {
        return Trace::plain(CheckOutcome::Pass);
    }
    let expected = values([("clock", "trusted".into())]);
    let observed = values([("clock", "unknown".into())]);
    sheet.note(Code::ClockUnknown, expected, observed);
    Trace::plain(CheckOutcome::Unknown)
}
