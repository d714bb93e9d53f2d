//! What the checker lets an arm do that nobody released (L1), and until when.

use lanegate_core::model::{Inputs, LaneId, PassageId};

use super::{Laws, SETTLE_US};
use firmware_sim::{Fact, To};

const LANE: usize = 0;
const LOWERED_AT: u64 = 1_000_000;

const fn inputs(arm_up: bool, arm_down: bool) -> Inputs {
    Inputs {
        presence: false,
        inhibit: false,
        arm_up,
        arm_down,
        bay: None,
        diverter_bay: None,
        whole: None,
    }
}

/// Whether the arm may be raised again at `at` after a lower. The lane was told
/// of these inputs; the arm has come to rest a second after the lower.
fn may_raise(told: &[(u64, Inputs)], at: u64) -> bool {
    let mut laws = Laws::default();
    let mut told = told.iter();
    if let Some((before, inputs)) = told.clone().next().filter(|(at, _)| *at < LOWERED_AT) {
        laws.told(*before, LANE, inputs);
        told.next();
    }
    laws.lower(LOWERED_AT, LANE, 1000);
    laws.fact(&Fact::ArmMoved {
        at: LOWERED_AT + 1_000_000,
        lane: LANE,
        permille: 0,
        to: 0,
    });
    for (when, inputs) in told {
        laws.told(*when, LANE, inputs);
    }
    laws.lift(at, LANE, "SZB-X-01", None);
    laws.violations().iter().all(|v| v.law != "L1")
}

#[test]
fn an_arm_on_its_way_down_is_raised_until_the_lane_knows_that_it_is_down() {
    let (up, between, down) = (
        inputs(true, false),
        inputs(false, false),
        inputs(false, true),
    );
    let later = LOWERED_AT + 1_100_000;
    assert!(may_raise(&[], later), "it was told nothing");
    assert!(may_raise(&[(later, between)], later + 1));
    assert!(!may_raise(&[(0, up), (later, down)], later + 1), "seen up");
    let on_the_way = LOWERED_AT + 500_000;
    assert!(
        !may_raise(&[(on_the_way, between), (later, down)], later + 1),
        "seen on its way"
    );
    // As far as the lane knows it has not moved at all, and may yet rise.
    assert!(may_raise(&[(0, down), (later, down)], later + 1));
    let settled = LOWERED_AT + SETTLE_US;
    assert!(!may_raise(&[(0, down), (settled, down)], settled + 1));
}

#[test]
fn an_arm_that_nobody_lowered_is_raised_by_a_record_alone() {
    let mut laws = Laws::default();
    laws.lift(1, LANE, "SZB-X-01", None);
    let found: Vec<_> = laws.violations().iter().map(|v| v.law).collect();
    assert_eq!(found, ["L1"]);
}

#[test]
fn a_record_lifts_for_no_passage_that_has_ended() {
    let lifts = |ended: bool| {
        let mut laws = Laws::default();
        let passage = PassageId::of(&LaneId::parse("SZB-X-01").unwrap(), 1, 1);
        laws.permits.insert(passage.clone(), To::Road);
        if ended {
            laws.outcome(1, &passage);
        }
        laws.lift(2, LANE, "SZB-X-01", Some(&passage));
        laws.violations().is_empty()
    };
    assert!(lifts(false));
    assert!(!lifts(true));
}

#[test]
fn an_arm_is_lowered_only_where_the_lane_knows_that_nothing_is_beneath() {
    let lowers = |told: Option<(u64, bool)>| {
        let mut laws = Laws::default();
        if let Some((at, inhibit)) = told {
            let inputs = Inputs {
                inhibit,
                ..inputs(true, false)
            };
            laws.told(at, LANE, &inputs);
        }
        laws.lower(LOWERED_AT, LANE, 1000);
        laws.violations().is_empty()
    };
    assert!(lowers(Some((LOWERED_AT - 500_000, false))));
    assert!(!lowers(Some((LOWERED_AT - 500_001, false))), "stale");
    assert!(!lowers(Some((LOWERED_AT, true))), "on");
    assert!(!lowers(None));
}
