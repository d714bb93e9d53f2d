//! The journal: below the free-space floor nothing is released (DESIGN 3).

use crate::clearance::sheet::{Sheet, Trace, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code, JournalState};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    match view.case.facts.journal {
        None | Some(JournalState::Ok) => Trace::plain(CheckOutcome::Pass),
        Some(JournalState::Full | JournalState::Unreconciled) => {
            let expected = values([("journal", "ok".into())]);
            let observed = values([("journal", "full".into())]);
            sheet.note(Code::JournalUnavailable, expected, observed);
            Trace::plain(CheckOutcome::Fail)
        }
    }
}
