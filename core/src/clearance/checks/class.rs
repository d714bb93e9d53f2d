//! The credit class: the enterprise's rules, the declaration's copy can only
//! make it worse; a code that no class of the policy covers holds.

use crate::clearance::sheet::{Sheet, Trace, nothing, values};
use crate::clearance::view::{ClassHere, View};
use crate::model::{CheckOutcome, Code};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let main = view.main();
    let enterprise = main.and_then(|m| m.enterprise);
    let here = match &view.class {
        ClassHere::Known(class, _) => Some(class.id.as_str()),
        ClassHere::None | ClassHere::Unknown => None,
    };
    let inputs = values([
        ("class", here.into()),
        (
            "declaration",
            main.map(|m| m.declaration.class.as_str()).into(),
        ),
        ("enterprise", enterprise.map(|e| e.class.as_str()).into()),
    ]);
    let threshold = values([("classes", view.policy.classes.len().into())]);
    match &view.class {
        ClassHere::None => Trace::of(CheckOutcome::Unknown, inputs, threshold),
        ClassHere::Known(..) => Trace::of(CheckOutcome::Pass, inputs, threshold),
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
                let mut observed = values([
                    ("declaration", d.class.as_str().into()),
                    ("enterprise", codes[1].into()),
                    ("of", (&d.enterprise).into()),
                ]);
                // Nobody can know a number that is none.
                let number = d.enterprise.shape_fault();
                if let (None, Some(fault)) = (document.enterprise, number) {
                    observed.insert("number", fault.into());
                }
                sheet.note(Code::ClassUnknown, nothing(), observed);
            }
            Trace::of(CheckOutcome::Unknown, inputs, threshold)
        }
    }
}
