use serde_json::json;

use super::*;
use crate::clearance::Bounds;
use crate::model::parse_json;

const I: u32 = 3;
const LOW: &str = "0000000000000000";
const HIGH: &str = "ffffffffffffffff";

fn csp1(start: Start) -> SamplingPlan {
    let f = Ratio { num: 1, den: 10 };
    Plan::Csp1 { i: I, f, start }.into()
}

fn state(value: &serde_json::Value) -> Sampling {
    parse_json(&value.to_string()).unwrap()
}

fn phase(name: Option<&str>, run: u32) -> Sampling {
    state(&json!({"plan": "csp1", "phase": name, "run": run}))
}

fn draw(value: &str) -> Draw {
    Draw {
        day: "2026-11-24".to_owned(),
        trip: 1,
        value: value.to_owned(),
        selected: None,
    }
}

fn stands(plan: &SamplingPlan, state: Option<&Sampling>) -> Phase {
    select(plan, state, None, None).phase.unwrap()
}

#[test]
fn an_enterprise_nobody_knows_starts_as_the_plan_says() {
    use Phase::{Fraction, Screening};
    for (start, expected) in [
        (Start::Fraction, Fraction),
        (Start::Screening, Screening),
        (Start::History, Screening),
    ] {
        assert_eq!(stands(&csp1(start), None), expected, "{start:?}");
        let counted = phase(Some(PHASE_START), I - 1);
        assert_eq!(stands(&csp1(start), Some(&counted)), expected, "{start:?}");
        let earned = phase(Some(PHASE_START), I);
        assert_eq!(stands(&csp1(start), Some(&earned)), Fraction, "{start:?}");
    }
}

#[test]
fn a_state_that_was_brought_is_history() {
    use Phase::{Fraction, Screening};
    let brought = phase(None, 0);
    for (start, expected) in [
        (Start::Fraction, Fraction),
        (Start::Screening, Screening),
        (Start::History, Fraction),
    ] {
        assert_eq!(stands(&csp1(start), Some(&brought)), expected, "{start:?}");
        let screening = phase(Some("screening"), I - 1);
        assert_eq!(stands(&csp1(start), Some(&screening)), Screening);
        assert_eq!(
            stands(&csp1(start), Some(&phase(Some("screening"), I))),
            Fraction
        );
        assert_eq!(
            stands(&csp1(start), Some(&phase(Some("fraction"), 0))),
            Fraction
        );
        assert_eq!(
            stands(&csp1(start), Some(&phase(Some("weekly"), 0))),
            Screening
        );
    }
    let other = state(&json!({"plan": "fixed", "run": 9}));
    assert_eq!(stands(&csp1(Start::History), Some(&other)), Screening);
}

#[test]
fn the_rate_of_every_phase_keeps_within_the_bounds() {
    let of = |min: Option<u32>, max: Option<u32>, name: &str| {
        let percent = |n: Option<u32>| n.map(|num| Ratio { num, den: 100 });
        let plan = SamplingPlan {
            bounds: Bounds {
                rate_min: percent(min),
                rate_max: percent(max),
            },
            ..csp1(Start::Fraction)
        };
        let found = select(&plan, Some(&phase(Some(name), 0)), None, None);
        found.rate.unwrap().to_string()
    };
    assert_eq!(of(None, None, "fraction"), "1/10");
    assert_eq!(of(Some(9), Some(11), "fraction"), "1/10");
    assert_eq!(of(Some(11), Some(50), "fraction"), "11/100");
    assert_eq!(of(None, Some(9), "fraction"), "9/100");
    assert_eq!(of(None, None, "screening"), "1/1");
    assert_eq!(of(None, Some(50), "screening"), "50/100");
}

#[test]
fn a_state_no_finding_moved_for_too_long_goes_back_to_the_start() {
    let plan = SamplingPlan {
        decay_days: Some(30),
        ..csp1(Start::Screening)
    };
    let moved = Wall::parse("2026-10-25T08:00:00+08:00").unwrap();
    let mut fraction = phase(Some("fraction"), 40);
    fraction.moved_at = Some(moved);
    let at = |s: i64| select(&plan, Some(&fraction), None, Some(moved.plus_s(s)));
    let month = 30 * 24 * 3600;
    assert_eq!(at(month - 1).phase, Some(Phase::Fraction));
    assert!(!at(month - 1).decayed);
    let old = at(month);
    assert_eq!(
        (old.phase, old.run, old.decayed),
        (Some(Phase::Screening), 0, true)
    );
    let unknown = select(&plan, Some(&fraction), None, None);
    assert!(!unknown.decayed, "a clock nobody believes ages nothing");
    let kept = select(
        &csp1(Start::Screening),
        Some(&fraction),
        None,
        Some(moved.plus_s(month)),
    );
    assert!(
        !kept.decayed,
        "a plan without the key keeps a state for ever"
    );
}

#[test]
fn a_veto_counts_only_where_the_plan_allows_one() {
    let vetoed = state(
        &json!({"plan": "csp1", "phase": "fraction", "run": 7, "moved_by": "f-1",
        "unvetoed": {"phase": "screening", "run": 1, "moved_by": "f-2"}}),
    );
    let allowed = SamplingPlan {
        veto: true,
        ..csp1(Start::Fraction)
    };
    let with = |plan: &SamplingPlan| {
        let found = select(plan, Some(&vetoed), None, None);
        let by = found.moved_by.unwrap();
        (found.phase.unwrap(), found.run, by.to_string())
    };
    assert_eq!(with(&allowed), (Phase::Fraction, 7, "f-1".to_owned()));
    assert_eq!(
        with(&csp1(Start::Fraction)),
        (Phase::Screening, 1, "f-2".to_owned())
    );
}

#[test]
fn who_is_selected_and_why() {
    let of = |plan: Plan, draw: Option<&Draw>| {
        let found = select(&plan.into(), None, draw, None);
        (found.selected, found.because)
    };
    let tenth = Ratio { num: 1, den: 10 };
    let fixed = Plan::Fixed { rate: tenth };
    let kept = Draw {
        selected: Some(true),
        ..draw(HIGH)
    };
    assert_eq!(of(Plan::All, None), (true, Because::All));
    assert_eq!(of(Plan::None, Some(&draw(LOW))), (false, Because::NotDrawn));
    assert_eq!(of(fixed, Some(&draw(LOW))), (true, Because::Draw));
    assert_eq!(of(fixed, Some(&draw(HIGH))), (false, Because::Draw));
    assert_eq!(of(fixed, Some(&draw(""))), (true, Because::NoKey));
    assert_eq!(of(fixed, None), (false, Because::NotDrawn));
    assert_eq!(of(fixed, Some(&kept)), (true, Because::Kept));
    assert_eq!(of(Plan::None, Some(&kept)), (true, Because::Kept));
}
