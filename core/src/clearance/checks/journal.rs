//! The journal: below the free-space floor nothing is released (DESIGN 3).

use crate::clearance::sheet::{Sheet, Trace, values};
use crate::clearance::view::View;
use crate::model::{Code, JournalState};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let state = view.case.facts.journal.unwrap_or(JournalState::Ok);
    let says = |state: JournalState| values([("journal", state.into())]);
    match state {
        JournalState::Ok => {}
        JournalState::Full | JournalState::Unreconciled => {
            sheet.note(
                Code::JournalUnavailable,
                says(JournalState::Ok),
                says(state),
            );
        }
    }
    Trace::of(sheet.outcome(), says(state), says(JournalState::Ok))
}
