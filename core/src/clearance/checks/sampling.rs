//! Selection by the class's plan. A truck stopped by selection alone says so;
//! it is not a failed check. A keyed draw is needed for anything between all
//! and none; without one nobody is selected (FORMATS 1, 3).

use serde_json::Value;

use crate::clearance::policy::{Plan, SamplingPlan};
use crate::clearance::sampling::{DECAYED, Selection, select};
use crate::clearance::sheet::{Sheet, Trace, Values, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code, Draw};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let Some(plan) = view.measures().map(|m| m.sampling) else {
        return Trace::plain(CheckOutcome::Unknown);
    };
    let found = selection(view, &plan);
    if found.selected {
        let mut expected = values([("plan", plan.plan.as_str().into())]);
        put(&mut expected, "rate", found.rate.map(|r| r.to_string()));
        let observed = values([
            ("because", found.because.as_str().into()),
            ("selected", true.into()),
        ]);
        sheet.note(Code::SamplingSelected, expected, observed);
    }
    let outcome = match plan.plan {
        Plan::None => CheckOutcome::NotNeeded,
        Plan::All | Plan::Fixed { .. } | Plan::Csp1 { .. } => CheckOutcome::Pass,
    };
    Trace::of(outcome, inputs(view, &found), threshold(&plan, &found))
}

/// The draw as the verdict carries it.
pub(in crate::clearance) fn draw_of(view: &View<'_>) -> Option<Draw> {
    let plan = view.measures().map(|m| m.sampling)?;
    let mut draw = view.case.facts.draw.clone()?;
    draw.selected = Some(selection(view, &plan).selected);
    Some(draw)
}

fn selection(view: &View<'_>, plan: &SamplingPlan) -> Selection {
    let facts = &view.case.facts;
    select(plan, facts.sampling.as_ref(), facts.draw.as_ref(), view.at)
}

fn put(values: &mut Values, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        values.insert(key.to_owned(), value.into());
    }
}

fn inputs(view: &View<'_>, found: &Selection) -> Values {
    let facts = &view.case.facts;
    let mut inputs = values([
        ("draw", facts.draw.is_some().into()),
        ("because", found.because.as_str().into()),
        ("selected", found.selected.into()),
    ]);
    let state = facts.sampling.as_ref();
    put(&mut inputs, "plan", state.map(|s| s.plan.clone()));
    let phase = found.phase.map(super::super::sampling::Phase::as_str);
    put(&mut inputs, "phase", phase);
    put(&mut inputs, "run", found.phase.map(|_| found.run));
    let moved_by = found.moved_by.as_ref();
    put(&mut inputs, "moved_by", moved_by.map(|id| id.as_str()));
    put(&mut inputs, DECAYED, found.decayed.then_some(true));
    inputs
}

fn threshold(plan: &SamplingPlan, found: &Selection) -> Values {
    let mut threshold = values([("plan", plan.plan.as_str().into())]);
    put(&mut threshold, "rate", found.rate.map(|r| r.to_string()));
    let bounds = [
        ("rate_min", plan.bounds.rate_min),
        ("rate_max", plan.bounds.rate_max),
    ];
    for (key, bound) in bounds {
        put(&mut threshold, key, bound.map(|r| r.to_string()));
    }
    if let Plan::Csp1 { i, f, start } = plan.plan {
        put(&mut threshold, "i", Some(i));
        put(&mut threshold, "f", Some(f.to_string()));
        put(&mut threshold, "start", Some(start.as_str()));
        put(&mut threshold, "veto", Some(plan.veto));
        put(&mut threshold, "decay_days", plan.decay_days);
    }
    threshold
}
