//! The driver's card, compared where one is declared and one was read.

use crate::clearance::sheet::{Sheet, Trace, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let read = view.case.driver_card.as_deref().map(str::trim);
    let read = read.filter(|card| !card.is_empty());
    let drivers = view
        .documents
        .iter()
        .filter_map(|d| d.declaration.driver.as_ref());
    let mut compared = false;
    for driver in drivers {
        let (declared, Some(read)) = (driver.card.trim(), read) else {
            continue;
        };
        compared = true;
        if declared != read {
            let expected = values([("card", declared.into())]);
            let observed = values([("card", read.into())]);
            sheet.note(Code::DriverWrong, expected, observed);
        }
    }
    if !compared {
        return Trace::plain(CheckOutcome::NotNeeded);
    }
    Trace::plain(sheet.outcome())
}
