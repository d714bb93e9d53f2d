//! Selection by the class's plan. A truck stopped by selection alone says so;
//! it is not a failed check. A keyed draw is needed for anything between all
//! and none; without one nobody is selected (FORMATS 1, 3).

use crate::clearance::policy::{Plan, Ratio};
use crate::clearance::sheet::{Sheet, Trace, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code, Draw};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let Some(plan) = view.measures().map(|m| m.sampling) else {
        return Trace::plain(CheckOutcome::Unknown);
    };
    let selected = selected(view, plan);
    if selected {
        let expected = values([("plan", plan.as_str().into())]);
        let observed = values([("selected", true.into())]);
        sheet.note(Code::SamplingSelected, expected, observed);
    }
    let outcome = match plan {
        Plan::None => CheckOutcome::NotNeeded,
        Plan::All | Plan::Fixed { .. } | Plan::Csp1 { .. } => CheckOutcome::Pass,
    };
    let inputs = values([
        ("draw", view.case.facts.draw.is_some().into()),
        ("selected", selected.into()),
    ]);
    Trace::of(outcome, inputs, values([("plan", plan.as_str().into())]))
}

/// The draw as the verdict carries it.
pub(in crate::clearance) fn draw_of(view: &View<'_>) -> Option<Draw> {
    let plan = view.measures().map(|m| m.sampling)?;
    let mut draw = view.case.facts.draw.clone()?;
    draw.selected = Some(selected(view, plan));
    Some(draw)
}

fn selected(view: &View<'_>, plan: Plan) -> bool {
    let draw = view.case.facts.draw.as_ref();
    match plan {
        Plan::All => true,
        Plan::None => false,
        Plan::Fixed { rate } => draw.is_some_and(|d| below(&d.value, rate)),
        Plan::Csp1 { f, .. } => {
            let phase = view.case.facts.sampling.as_ref();
            let phase = phase.and_then(|s| s.phase.as_deref());
            draw.is_some_and(|d| phase == Some("screening") || below(&d.value, f))
        }
    }
}

/// Whether the draw's first 64 bits, as a fraction of all, lie below `rate`.
/// A value that cannot be read selects (L4).
fn below(value: &str, rate: Ratio) -> bool {
    let Some(first) = value
        .get(..16)
        .and_then(|hex| u64::from_str_radix(hex, 16).ok())
    else {
        return true;
    };
    u128::from(first) * u128::from(rate.den) < (u128::from(rate.num) << 64)
}
