//! Freshness: how old what we know of customs' mind may be (DOMAIN 5).

use crate::clearance::sheet::{Sheet, Trace, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code, StoreState};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let facts = &view.case.facts;
    let max = view.cache_age_s_max();
    let inputs = || {
        values([
            ("age_s", facts.cache_age_s.into()),
            ("link", facts.link.into()),
        ])
    };
    let threshold = || values([("age_s_max", max.unwrap_or(0).into())]);
    // Nothing was looked up, or nothing could be: the cache's age explains
    // nothing then.
    let asked = !view.unread() || view.main().is_some();
    if !asked || view.store() == StoreState::Unavailable {
        return Trace::of(CheckOutcome::Unknown, inputs(), threshold());
    }
    if !view.cache_fresh() {
        sheet.note(Code::CacheStale, threshold(), inputs());
    }
    Trace::of(sheet.outcome(), inputs(), threshold())
}
