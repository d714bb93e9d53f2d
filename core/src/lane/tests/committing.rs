use super::*;

fn committing() -> Bench {
    let mut b = Bench::vacant();
    b.commits = Commits::Wait;
    b.arrive();
    b.run(200);
    assert_eq!(b.state(), "committing");
    b
}

#[test]
fn committing_to_cleared_when_a_release_is_durable() {
    let mut b = committing();
    b.durable();
    assert_eq!((b.state(), b.lifts()), ("cleared", 1));
}

#[test]
fn committing_to_diverting_when_an_inspect_is_durable() {
    let mut b = Bench::diverting_with(config(Geometry::SideExit));
    assert_eq!((b.state(), b.lifts()), ("diverting", 0));
    assert_eq!(b.codes(), ["declaration.none"]);
    b.run(1000);
    assert_eq!(b.lifts(), 0);
}

#[test]
fn committing_to_held_when_a_hold_is_durable() {
    let b = Bench::held();
    assert_eq!((b.state(), b.lifts()), ("held", 0));
}

#[test]
fn committing_to_returning_when_a_return_is_durable() {
    let mut b = Bench::held();
    b.order(OrderKind::Return);
    assert_eq!(b.state(), "returning");
    assert_eq!(b.answers(), [None]);
}

#[test]
fn committing_waits_for_the_answer_when_the_truck_leaves_and_gives_the_spend_back() {
    let mut b = committing();
    b.inputs.presence = false;
    b.run(800);
    assert_eq!(b.state(), "committing");
    b.durable();
    assert_eq!((b.state(), b.lifts()), ("vacant", 0));
    assert_eq!(b.outcomes(), [Outcome::Left]);
    assert!(b.kinds().contains(&"give-back"));
}

#[test]
fn committing_to_arm_up_keeps_the_spend_unsettled() {
    let mut b = committing();
    b.arm(true, false);
    assert_eq!(b.state(), "committing");
    b.durable();
    assert_eq!((b.state(), b.lifts()), ("arm-up", 0));
    assert_eq!(b.outcomes(), [Outcome::Unknown]);
    assert!(!b.kinds().contains(&"give-back"));
}

#[test]
fn a_late_control_gives_the_spend_back_and_judges_again() {
    let mut b = committing();
    let passage = b.lane.passage().unwrap().clone();
    b.event(Event::ControlLate {
        passage,
        control: crate::model::ControlId::parse("c-1").unwrap(),
    });
    b.answers_lookups = false;
    b.durable();
    assert_eq!((b.state(), b.lifts()), ("gathering", 0));
    assert!(b.kinds().contains(&"give-back"));
}

#[test]
fn a_control_later_than_the_lift_changes_nothing() {
    let mut b = Bench::cleared();
    let passage = b.lane.passage().unwrap().clone();
    b.event(Event::ControlLate {
        passage,
        control: crate::model::ControlId::parse("c-1").unwrap(),
    });
    assert_eq!((b.state(), b.lifts()), ("cleared", 1));
}

#[test]
fn committing_to_faulted_when_the_journal_does_not_answer() {
    let mut b = committing();
    b.run(2100);
    assert_eq!(b.lane.fault(), Some("journal"));
    assert_eq!(b.outcomes(), []);
    b.durable();
    assert_eq!((b.state(), b.lifts()), ("faulted", 0));
    assert_eq!(b.outcomes(), [Outcome::Unknown], "its spend is kept");
}

#[test]
fn a_commit_that_cannot_be_written_faults_the_lane() {
    let mut b = committing();
    b.refuse(Refusal::Unavailable);
    assert_eq!(b.lane.fault(), Some("journal"));
    assert_eq!(b.lifts(), 0);
}

#[test]
fn a_refused_verdict_is_judged_again_at_most_three_times_then_held() {
    let mut b = committing();
    for _ in 0..4 {
        assert_eq!(b.state(), "committing");
        b.refuse(Refusal::Changed);
    }
    assert_eq!(b.verdicts().last(), Some(&VerdictKind::Hold));
    assert_eq!(b.codes(), ["claim.taken"]);
    b.durable();
    assert_eq!((b.state(), b.lifts()), ("held", 0));
}

#[test]
fn a_refused_order_leaves_the_truck_where_it_was() {
    let mut b = Bench::held();
    b.commits = Commits::Wait;
    b.order(OrderKind::Release);
    b.refuse(Refusal::ControlSince);
    assert_eq!((b.state(), b.lifts()), ("held", 0));
    assert_eq!(b.answers(), [Some("control-since".to_owned())]);
}

#[test]
fn a_late_answer_never_acts() {
    let mut b = committing();
    let (token, _) = b.waiting[0].clone();
    b.durable();
    let lifts = b.lifts();
    for took in [Took::Nothing, Took::Spent] {
        let token = token.clone();
        b.event(Event::Committed {
            token,
            seq: 200,
            took,
        });
    }
    assert_eq!(b.lifts(), lifts);
    assert_eq!(b.state(), "cleared");
}

#[test]
fn candidates_for_another_attempt_are_dropped() {
    let mut b = Bench::vacant();
    b.answers_lookups = false;
    b.arrive();
    b.run(100);
    let passage = b.lane.passage().unwrap().clone();
    let facts = Box::new(good_facts());
    b.event(Event::Candidates {
        passage,
        attempt: 999,
        facts,
        draws: Draws::default(),
    });
    assert_eq!(b.state(), "gathering");
    let stale = |(_, c): &(u64, Command)| matches!(c, Command::Tell(Tell::Stale("candidates")));
    assert!(b.log.iter().any(stale));
}

#[test]
fn a_store_that_does_not_answer_is_a_hold() {
    let mut b = Bench::vacant();
    b.answers_lookups = false;
    b.arrive();
    b.run(1300);
    assert_eq!(b.state(), "held");
    assert!(b.codes().contains(&"store.unavailable"));
}

#[test]
fn two_racing_orders_are_answered_one_after_the_other() {
    let mut b = Bench::held();
    b.commits = Commits::Wait;
    let second = b.order_of(OrderKind::Inspect);
    b.order(OrderKind::Release);
    b.event(Event::Order(second));
    assert_eq!(b.answers(), [Some("being-decided".to_owned())]);
    b.durable();
    assert_eq!(b.answers().last(), Some(&None));
    assert_eq!(b.lifts(), 1);
}

/// Found by `simulate --seeds 98..99 --passages 20 --faults hostile`: the
/// supply was answered "accepted" before its record was durable, the power went,
/// and the order sent again was refused.
#[test]
fn a_supply_is_answered_and_judged_on_only_when_it_is_durable() {
    let mut b = Bench::held();
    b.commits = Commits::Wait;
    b.order(OrderKind::Supply);
    b.run(100);
    assert_eq!((b.state(), b.answers().len()), ("committing", 0));
    b.durable();
    assert_eq!(b.answers(), [None]);
    assert_eq!(b.verdicts().last(), Some(&VerdictKind::Release));
    b.durable();
    assert_eq!((b.state(), b.lifts()), ("cleared", 1));
}

#[test]
fn a_supply_that_is_not_on_record_changes_nothing() {
    let mut b = Bench::held();
    b.commits = Commits::Wait;
    b.order(OrderKind::Supply);
    b.refuse(Refusal::Changed);
    b.run(100);
    assert_eq!((b.state(), b.verdicts().len()), ("held", 1));
    assert_eq!(b.answers(), [Some("changed".to_owned())]);
}
