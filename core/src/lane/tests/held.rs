use super::*;

#[test]
fn held_to_cleared_by_an_order_to_release() {
    let mut b = Bench::held();
    b.order(OrderKind::Release);
    assert_eq!((b.state(), b.lifts()), ("cleared", 1));
    assert_eq!(b.answers(), [None]);
}

#[test]
fn held_to_diverting_by_an_order_to_inspect() {
    let mut b = Bench::held();
    b.order(OrderKind::Inspect);
    assert_eq!((b.state(), b.lifts()), ("diverting", 0));
}

#[test]
fn held_to_vacant_when_the_truck_leaves() {
    let mut b = Bench::held();
    b.inputs.presence = false;
    b.run(800);
    assert_eq!(b.state(), "vacant");
    assert_eq!(b.outcomes(), [Outcome::Left]);
}

#[test]
fn held_to_arm_up_when_the_arm_is_seen_up() {
    let mut b = Bench::held();
    b.arm(true, false);
    assert_eq!(b.state(), "arm-up");
    assert_eq!(b.outcomes(), [Outcome::Unknown]);
}

#[test]
fn held_to_gathering_by_a_supply_and_the_rules_judge_again() {
    let mut b = Bench::held();
    assert_eq!(b.codes(), ["plate.unread"]);
    b.order(OrderKind::Supply);
    b.run(100);
    assert_eq!(b.verdicts(), [VerdictKind::Hold, VerdictKind::Release]);
    assert_eq!((b.state(), b.lifts()), ("cleared", 1));
}

/// Supply is for exactly this truck: its plate was misread with confidence.
#[test]
fn a_supplied_plate_outvotes_the_look_alike_a_camera_made_of_it_and_no_other_plate() {
    for (read, then) in [
        ("粤812345", VerdictKind::Release),
        ("粤B1Z345", VerdictKind::Release),
        ("粤B99999", VerdictKind::Inspect),
    ] {
        let mut b = Bench::vacant();
        b.cam_reads = false;
        b.facts.cache_age_s = Some(1_000_000);
        b.arrive();
        b.read(read, 98);
        b.run(6000);
        assert_eq!(b.state(), "held", "{read}");
        b.facts = good_facts();
        b.order(OrderKind::Supply);
        b.run(100);
        assert_eq!(b.verdicts().last(), Some(&then), "{read}");
    }
}

#[test]
fn held_to_gathering_when_the_fact_behind_a_technical_reason_changed() {
    let mut b = Bench::held_for_stale_cache();
    assert_eq!(b.codes(), ["cache.stale"]);
    b.facts = good_facts();
    b.event(Event::InForceChanged { generation: 8 });
    b.run(100);
    assert_eq!((b.state(), b.lifts()), ("cleared", 1));
}

#[test]
fn a_hold_is_judged_again_at_most_so_many_times() {
    let mut b = Bench::held_for_stale_cache();
    for generation in 0..30 {
        b.event(Event::InForceChanged { generation });
        b.run(100);
    }
    assert_eq!(b.verdicts().len(), 11);
}

#[test]
fn a_hold_for_an_unread_plate_is_not_judged_again_by_a_feed() {
    let mut b = Bench::held();
    b.event(Event::InForceChanged { generation: 8 });
    b.run(100);
    assert_eq!(b.verdicts().len(), 1);
}

#[test]
fn no_time_limit_ever_lifts() {
    let mut b = Bench::held();
    b.run(3_600_000);
    assert_eq!((b.state(), b.lifts()), ("held", 0));
}

#[test]
fn an_officers_release_spends_what_the_rules_would_have() {
    let mut b = Bench::held_for_stale_cache();
    b.order(OrderKind::Release);
    let of = |(_, c): &(u64, Command)| match c {
        Command::Commit { drafts, guard, .. } => match &drafts[0].body {
            Body::Order(o) => Some((o.spends.clone(), guard.clone())),
            _ => None,
        },
        _ => None,
    };
    let (spends, guard) = b.log.iter().find_map(of).unwrap();
    assert_eq!(spends.unwrap()[0].declaration, declaration().id);
    let Guard::Order {
        verdict_seq,
        plate_since,
    } = guard
    else {
        panic!("{guard:?}");
    };
    assert_eq!((verdict_seq, plate_since), (101, false));
}

#[test]
fn a_plate_read_after_the_verdict_is_told_to_the_committer() {
    let mut b = Bench::held_for_stale_cache();
    b.read("粤B99999", 98);
    b.run(100);
    b.order(OrderKind::Release);
    let guard = |(_, c): &(u64, Command)| match c {
        Command::Commit {
            guard: Guard::Order { plate_since, .. },
            ..
        } => Some(*plate_since),
        _ => None,
    };
    assert_eq!(b.log.iter().find_map(guard), Some(true));
}

#[test]
fn an_order_about_a_passage_that_is_over_is_refused() {
    let mut b = Bench::held();
    let order = b.order_of(OrderKind::Release);
    b.inputs.presence = false;
    b.run(800);
    b.event(Event::Order(order));
    assert_eq!(b.answers(), [Some("passage-over".to_owned())]);
    assert_eq!(b.lifts(), 0);
}

#[test]
fn an_order_that_answers_another_verdict_or_has_expired_is_refused() {
    let mut b = Bench::held();
    let mut order = b.order_of(OrderKind::Release);
    order.verdict_seq = Some(7);
    b.event(Event::Order(order.clone()));
    order.verdict_seq = None;
    order.expires = Some(b.now().wall);
    b.event(Event::Order(order));
    let refused = |s: &str| Some(s.to_owned());
    assert_eq!(
        b.answers(),
        [refused("verdict-changed"), refused("expired")]
    );
    assert_eq!(b.lifts(), 0);
}

#[test]
fn returning_to_vacant_returned() {
    let mut b = Bench::held();
    b.order(OrderKind::Return);
    b.inputs.presence = false;
    b.run(800);
    assert_eq!(b.outcomes(), [Outcome::Returned]);
    assert_eq!(b.state(), "vacant");
}

#[test]
fn returning_to_cleared_by_an_order_and_to_arm_up() {
    let mut b = Bench::held();
    b.order(OrderKind::Return);
    b.run(100);
    b.order(OrderKind::Release);
    assert_eq!(b.state(), "cleared");
    let mut b = Bench::held();
    b.order(OrderKind::Return);
    b.arm(true, false);
    assert_eq!(b.state(), "arm-up");
}

/// Case c63: every duration is on the monotonic clock.
#[test]
fn steps_of_the_wall_clock_move_no_timer() {
    let mut b = Bench::vacant();
    b.cam_reads = false;
    b.arrive();
    let arrived = b.ms;
    while b.state() != "held" {
        let step = if b.ms.is_multiple_of(200) {
            21_600_000
        } else {
            -400
        };
        let mut now = b.now();
        now.wall = now.wall.plus_ms(step);
        b.lane.handle_timeout(now);
        b.run(100);
        assert!(b.ms < arrived + 6000);
    }
    assert!(
        (arrived + 3000..=arrived + 5100).contains(&b.ms),
        "{}",
        b.ms - arrived
    );
}

/// Case c49: with an unknown clock neither open nor shut; judged again after.
#[test]
fn an_unknown_clock_holds_and_a_trusted_one_judges_again() {
    let mut b = Bench::vacant();
    b.clock = Clock::Unknown;
    b.facts.candidates[0].valid_until = Wall::parse("2026-11-24T01:00:00+08:00").unwrap();
    b.arrive();
    b.run(200);
    assert_eq!(b.state(), "held");
    assert!(b.codes().contains(&"clock.unknown"));
    assert!(!b.codes().contains(&"declaration.expired"));
    b.clock = Clock::Trusted;
    b.event(Event::InForceChanged { generation: 9 });
    b.run(100);
    assert_eq!(b.codes(), ["declaration.expired"]);
    assert_eq!(b.state(), "diverting");
}
