//! Orders that cannot be carried out: each is answered, and nothing moves.

use super::*;
use crate::model::{Plate, Supply};

fn refused(why: &str) -> Option<String> {
    Some(why.to_owned())
}

/// An order about the lane that is meant until then.
fn until(b: &Bench, expires: Wall) -> Event {
    let text = format!(
        r#"{{"id":"l-9","lane":"SZB-X-01","kind":"close","officer":"p-4","reason":"seen","expires":"{expires}"}}"#
    );
    Event::LaneOrder(parse_json(&text).unwrap_or_else(|f| panic!("{f:?} at {}", b.ms)))
}

#[test]
fn an_order_refused_by_the_committer_leaves_a_truck_that_returns_or_is_diverted_there() {
    for (kind, state) in [
        (OrderKind::Return, "returning"),
        (OrderKind::Inspect, "diverting"),
    ] {
        let mut b = Bench::held();
        b.order(kind);
        assert_eq!(b.state(), state);
        b.commits = Commits::Wait;
        for why in [
            Refusal::Changed,
            Refusal::ControlSince,
            Refusal::PlateSince,
            Refusal::NotUnsettled,
            Refusal::NotReconciled,
        ] {
            b.run(100);
            b.order(OrderKind::Release);
            b.refuse(why);
            assert_eq!(b.answers().last(), Some(&refused(why.as_str())));
            assert_eq!((b.state(), b.lifts()), (state, 0));
        }
    }
}

#[test]
fn a_truck_that_leaves_while_its_order_is_refused_ends_as_it_would_have_without_it() {
    for (kind, how) in [
        (None, Outcome::Left),
        (Some(OrderKind::Return), Outcome::Returned),
        (Some(OrderKind::Inspect), Outcome::ToBay),
    ] {
        let mut b = Bench::held();
        if let Some(kind) = kind {
            b.order(kind);
            b.run(100);
        }
        b.commits = Commits::Wait;
        b.order(OrderKind::Release);
        b.inputs.presence = false;
        b.run(1000);
        assert_eq!(b.state(), "committing", "the answer is waited for");
        b.refuse(Refusal::ControlSince);
        b.run(100);
        assert_eq!((b.state(), b.lifts()), ("vacant", 0));
        assert_eq!(b.outcomes(), [how], "{kind:?}");
    }
}

#[test]
fn an_arm_seen_up_while_an_order_is_refused_is_nobodys_lift() {
    let mut b = Bench::held();
    b.commits = Commits::Wait;
    b.order(OrderKind::Release);
    b.arm(true, false);
    b.run(200);
    b.refuse(Refusal::ControlSince);
    assert_eq!((b.state(), b.lifts()), ("arm-up", 0));
    assert!(b.kinds().contains(&"unpaired-lift"));
    assert_eq!(b.outcomes(), [Outcome::Unknown]);
}

#[test]
fn a_refusal_nobody_waits_for_is_told_and_changes_nothing() {
    let mut b = Bench::held();
    let token = Token {
        passage: b.lane.passage().cloned(),
        attempt: 77,
    };
    let why = Refusal::Unavailable;
    b.event(Event::Refused { token, why });
    assert_eq!(b.state(), "held");
    let stale = |(_, c): &(u64, Command)| matches!(c, Command::Tell(Tell::Stale("refused")));
    assert!(b.log.iter().any(stale));
}

#[test]
fn a_supply_of_nothing_or_of_too_much_or_for_a_truck_not_held_is_refused() {
    let mut b = Bench::held();
    let mut order = b.order_of(OrderKind::Supply);
    order.supply = None;
    b.event(Event::Order(order.clone()));
    order.supply = Some(Supply::default());
    b.event(Event::Order(order.clone()));
    order.supply = Some(Supply {
        plates: vec![Plate::parse("粤B12345").unwrap(); 1_000],
        ..Supply::default()
    });
    b.event(Event::Order(order));
    b.order(OrderKind::Return);
    b.run(100);
    b.order(OrderKind::Supply);
    let all = [
        refused("nothing-supplied"),
        refused("nothing-supplied"),
        refused("too-much-supplied"),
        None,
        refused("not-held"),
    ];
    assert_eq!(b.answers(), all);
    assert_eq!((b.state(), b.verdicts().len()), ("returning", 1));
}

#[test]
fn a_supplied_container_and_card_are_of_the_next_case() {
    let mut b = Bench::held();
    let mut order = b.order_of(OrderKind::Supply);
    let supply = order.supply.as_mut().unwrap();
    supply.containers = vec![crate::model::ContainerNo::parse("CSQU3054383").unwrap()];
    supply.driver_card = Some("4403000123".to_owned());
    b.event(Event::Order(order));
    b.run(100);
    let case = |(_, c): &(u64, Command)| match c {
        Command::Commit { drafts, .. } => match &drafts[0].body {
            Body::Verdict(v) => Some(v.case.clone()),
            _ => None,
        },
        _ => None,
    };
    let case = b.log.iter().filter_map(case).next_back().unwrap();
    assert_eq!(case.driver_card.as_deref(), Some("4403000123"));
    assert_eq!(case.containers[0].no, "CSQU3054383");
    // What was asked of the store is what the case says, as `decide` asks it.
    let asked = |(_, c): &(u64, Command)| match c {
        Command::LookUp { query, .. } => Some(query.clone()),
        _ => None,
    };
    let asked = b.log.iter().filter_map(asked).next_back().unwrap();
    assert_eq!(*asked, Query::of_case(&case));
}

#[test]
fn an_order_in_the_middle_of_a_decision_or_after_it_is_refused() {
    let mut b = Bench::vacant();
    b.inputs.presence = true;
    b.poll();
    b.order(OrderKind::Release);
    let mut b2 = Bench::cleared();
    b2.order(OrderKind::Inspect);
    assert_eq!(b.answers(), [refused("being-decided")]);
    assert_eq!(b2.answers(), [refused("already-released")]);
    assert_eq!((b.lifts(), b2.lifts()), (0, 1));
}

#[test]
fn an_order_about_the_lane_that_is_not_meant_any_more_or_by_an_unknown_clock_is_refused() {
    let mut b = Bench::vacant();
    let late = b.now().wall;
    let event = until(&b, late);
    b.event(event);
    b.clock = Clock::Unknown;
    let event = until(&b, late.plus_s(60));
    b.event(event);
    assert_eq!(b.answers(), [refused("expired"), refused("clock-unknown")]);
    b.clock = Clock::Trusted;
    let event = until(&b, late.plus_s(60));
    b.event(event);
    b.run(100);
    assert_eq!(b.state(), "closed");
}

#[test]
fn an_order_about_the_lane_while_another_is_written_is_busy_and_one_refused_does_nothing() {
    let mut b = Bench::vacant();
    b.commits = Commits::Wait;
    b.lane_order("\"close\"");
    b.lane_order("\"keep-up\"");
    assert_eq!(b.answers(), [refused("busy")]);
    b.refuse(Refusal::Unavailable);
    b.run(300);
    assert_eq!(b.answers().last(), Some(&refused("journal-unavailable")));
    assert_eq!((b.state(), b.lifts()), ("vacant", 0));
}

/// The officer was told that it was not done; if the record is durable after
/// all, what it says of a close counts, since a restart would read it so.
#[test]
fn an_order_about_the_lane_answered_too_late_is_given_up_and_a_close_still_counts() {
    for (kind, state) in [("\"close\"", "closed"), ("\"keep-up\"", "vacant")] {
        let mut b = Bench::vacant();
        b.commits = Commits::Wait;
        b.lane_order(kind);
        b.run(2500);
        assert_eq!(b.answers(), [refused("journal-unavailable")]);
        assert!(b.told("lane-order-unanswered"));
        b.durable();
        b.run(200);
        assert_eq!(b.answers().len(), 1, "one answer");
        assert_eq!(b.lifts(), 0, "a stale answer never acts");
        if kind == "\"close\"" {
            assert_eq!(b.state(), state);
        }
    }
}

#[test]
fn in_maintenance_the_arm_can_be_stopped_and_an_inhibit_in_between_is_an_answer() {
    let mut b = Bench::vacant();
    b.lane_order("\"maintenance\"");
    b.lane_order("\"move up\"");
    b.lane_order("\"move stop\"");
    let stops = |(_, c): &&(u64, Command)| matches!(c, Command::StopArm);
    assert_eq!(b.log.iter().filter(stops).count(), 1);
    b.arm(true, false);
    b.run(1600);
    b.commits = Commits::Wait;
    b.lane_order("\"move down\"");
    b.inputs.inhibit = true;
    b.run(200);
    b.durable();
    assert_eq!(b.answers().last(), Some(&refused("inhibited")));
    assert_eq!(b.lowers(), 0);
}

#[test]
fn what_a_lane_tells_of_itself_is_what_it_is() {
    let mut b = Bench::held();
    let camera = DeviceId::parse("cam-1").unwrap();
    b.event(Event::DeviceLate(camera.clone()));
    assert_eq!(b.lane.devices()[&camera], DeviceState::Late);
    assert!(matches!(b.lane.sign(), Some(Sign::Officer(_))));
    assert!(!b.lane.at_rest());
    let (seq, verdict) = b.lane.recorded().unwrap();
    assert_eq!((seq, verdict.verdict), (101, VerdictKind::Hold));
    let mut b = Bench::passing();
    assert!(!b.lane.is_lowering());
    b.drive_through();
    assert!(b.lane.is_lowering());
    b.arm(false, true);
    b.run(100);
    assert!(!b.lane.is_lowering());
}
