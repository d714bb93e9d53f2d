//! The credit class: the enterprise's rules, the declaration's copy can only
//! make it worse; a code that no class of the policy covers holds.

use crate::clearance::sheet::{Sheet, Trace, nothing, values};
use crate::clearance::view::{ClassHere, View};
use crate::model::{CheckOutcome, Code};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    match &view.class {
        ClassHere::None => Trace::plain(CheckOutcome::Unknown),
        ClassHere::Known(class, _) => {
            let inputs = values([("class", class.id.as_str().into())]);
            Trace::of(CheckOutcome::Pass, inputs, nothing())
        }
        ClassHere::Unknown => {
            for document in &view.documents {
                let d = document.declaration;
                let codes = [
                    Some(d.class.as_str()),
                    document.enterprise.map(|e| e.class.as_str()),
                ];
                let known =
                    |code: &Option<&str>| code.is_some_and(|c| view.policy.rank_of(c).is_some());
                if codes.iter().all(known) {
                    continue;
                }
                let observed = values([
                    ("declaration", d.class.as_str().into()),
                    ("enterprise", codes[1].into()),
                    ("of", d.enterprise.as_str().into()),
                ]);
                sheet.note(Code::ClassUnknown, nothing(), observed);
            }
            Trace::plain(CheckOutcome::Unknown)
        }
    }
}
