//! Container numbers, by ISO 6346. A text whose check digit or shape is wrong
//! is a misread that an officer can mend, so it holds in place of the declared
//! number it probably is; a good number that is not declared is a wrong box.

use crate::clearance::policy::Evidence;
use crate::clearance::sheet::{Datum, Few, Sheet, Trace, add_new, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code, ContainerError, ContainerNo, Load};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let required = view.requires(Evidence::Container);
    if view.documents.is_empty() {
        return trace(view, CheckOutcome::Unknown, 0, required);
    }
    let mut declared: Few<&ContainerNo> = Few::new();
    for container in view
        .documents
        .iter()
        .flat_map(|d| &d.declaration.containers)
    {
        add_new(&mut declared, &container.no);
    }
    let mut good: Few<&ContainerNo> = Few::new();
    let mut bad: Few<(&str, &ContainerError)> = Few::new();
    let sure = view.policy.defaults.plate_confidence_pct_min;
    for (read, parsed) in view.case.containers.iter().zip(&view.reads.containers) {
        let confident = read.confidence_pct.is_none_or(|pct| pct >= sure);
        match parsed {
            // A number that fits a declared one proves itself by its check digit.
            Ok(no) if (confident || declared.contains(&no)) && !good.contains(&no) => {
                good.push(no);
            }
            Ok(_) => {}
            Err(why) => bad.push((&read.no, why)),
        }
    }
    let mut missing = declared.clone();
    missing.retain(|no: &mut &ContainerNo| !good.contains(no));
    let mut extra = good.clone();
    extra.retain(|no: &mut &ContainerNo| !declared.contains(no));
    let read_any = !view.case.containers.is_empty();
    let needed = read_any || required;
    note(&missing, &extra, &bad, needed, sheet);
    if declared.is_empty() && good.is_empty() && undeclared_box(view) {
        let expected = values([("containers", 1.into())]);
        let observed = values([("containers", 0.into())]);
        sheet.note(Code::ContainerMissing, expected, observed);
    }
    let outcome = sheet.outcome_or(if declared.is_empty() || !needed {
        CheckOutcome::NotNeeded
    } else {
        CheckOutcome::Pass
    });
    trace(view, outcome, declared.len(), required)
}

fn trace(view: &View<'_>, outcome: CheckOutcome, declared: usize, required: bool) -> Trace {
    let inputs = values([
        ("declared", declared.into()),
        ("read", view.case.containers.len().into()),
    ]);
    Trace::of(outcome, inputs, values([("required", required.into())]))
}

/// A box load that names no box, where the policy wants one for just this kind
/// of truck.
fn undeclared_box(view: &View<'_>) -> bool {
    let boxed = |load: Load| matches!(load, Load::Container | Load::EmptyContainer);
    let mut documents = view.documents.iter();
    view.names(Evidence::Container) && documents.any(|d| boxed(d.declaration.load))
}

/// Each declared number that was not read is explained once: by a wrong
/// number, by an unreadable one, or it is missing.
fn note<'a>(
    missing: &[&ContainerNo],
    extra: &[&ContainerNo],
    bad: &[(&str, &ContainerError)],
    needed: bool,
    sheet: &mut Sheet<'a>,
) {
    let declared = |no: Option<&&ContainerNo>| no.map(|no| no.as_str()).into();
    for (i, read) in extra.iter().enumerate() {
        let expected = values([("container", declared(missing.get(i)))]);
        let observed = values([("container", read.as_str().into())]);
        sheet.note(Code::ContainerWrong, expected, observed);
    }
    let unexplained = missing.get(extra.len()..).unwrap_or_default();
    for (i, no) in unexplained.iter().enumerate() {
        let expected = values([("container", no.as_str().into())]);
        match bad.get(i) {
            Some((text, why)) => {
                let text: String = text.chars().take(24).collect();
                let observed = values([("text", text.into()), ("why", why.to_string().into())]);
                sheet.note(Code::ContainerCheckDigit, expected, observed);
            }
            None if needed => {
                let observed = values([("container", Datum::Null)]);
                sheet.note(Code::ContainerMissing, expected, observed);
            }
            None => {}
        }
    }
}
