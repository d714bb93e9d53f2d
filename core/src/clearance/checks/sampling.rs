//! Selection by the class's plan. A truck stopped by selection alone says so;
//! it is not a failed check. A keyed draw is needed for anything between all
//! and none; without one nobody is selected (FORMATS 1, 3).

use crate::clearance::policy::{Plan, SamplingPlan};
use crate::clearance::sampling::{DECAYED, Selection};
use crate::clearance::sheet::{Datum, Sheet, Trace, Values, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code, Draw};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let (Some(plan), Some(found)) = (view.measures().map(|m| m.sampling), &view.selection) else {
        return Trace::plain(CheckOutcome::Unknown);
    };
    if found.selected {
        let plan = ("plan", Datum::word(plan.plan.as_str()));
        let expected = Values::known([plan, ("rate", found.rate.into())]);
        let observed = values([
            ("because", Datum::word(found.because.as_str())),
            ("selected", true.into()),
        ]);
        sheet.note(Code::SamplingSelected, expected, observed);
    }
    let outcome = match plan.plan {
        Plan::None => CheckOutcome::NotNeeded,
        Plan::All | Plan::Fixed { .. } | Plan::Csp1 { .. } => CheckOutcome::Pass,
    };
    Trace::of(outcome, inputs(view, found), threshold(&plan, found))
}

/// The draw as the verdict carries it.
pub(in crate::clearance) fn draw_of(view: &View<'_>) -> Option<Draw> {
    let selected = view.selection.as_ref()?.selected;
    let mut draw = view.case.facts.draw.clone()?;
    draw.selected = Some(selected);
    Some(draw)
}

fn inputs(view: &View<'_>, found: &Selection) -> Values {
    let facts = &view.case.facts;
    let state = facts.sampling.as_ref();
    let moved_by = found.moved_by.as_ref();
    Values::known([
        ("because", Datum::word(found.because.as_str())),
        (DECAYED, found.decayed.then_some(true).into()),
        ("draw", facts.draw.is_some().into()),
        ("moved_by", moved_by.map(|id| id.as_str()).into()),
        (
            "phase",
            found.phase.map(|phase| Datum::word(phase.as_str())).into(),
        ),
        ("plan", state.map(|s| s.plan.as_str()).into()),
        ("run", found.phase.map(|_| found.run).into()),
        ("selected", found.selected.into()),
    ])
}

fn threshold(plan: &SamplingPlan, found: &Selection) -> Values {
    let csp = match plan.plan {
        Plan::Csp1 { i, f, start } => Some((i, f, start)),
        Plan::All | Plan::None | Plan::Fixed { .. } => None,
    };
    let decay_days = csp.and(plan.decay_days);
    Values::known([
        ("decay_days", decay_days.into()),
        ("f", csp.map(|(_, f, _)| f).into()),
        ("i", csp.map(|(i, ..)| i).into()),
        ("plan", Datum::word(plan.plan.as_str())),
        ("rate", found.rate.into()),
        ("rate_max", plan.bounds.rate_max.into()),
        ("rate_min", plan.bounds.rate_min.into()),
        (
            "start",
            csp.map(|(.., start)| Datum::word(start.as_str())).into(),
        ),
        ("veto", csp.map(|_| plan.veto).into()),
    ])
}
