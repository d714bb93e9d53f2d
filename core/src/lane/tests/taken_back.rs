//! What a device said and then took back does not count any more (L4, L7).

use super::seals::{seal_at, sealed_twice, with_seal_reader};
use super::*;

/// Both seals closed now, then one more report of the second.
fn after(state: SealState, at: Option<Wall>, alarms: &[crate::model::SealAlarm]) -> Vec<String> {
    let mut b = Bench::vacant_with(with_seal_reader());
    b.facts.candidates = vec![sealed_twice()];
    b.arrive();
    let now = b.now().wall;
    seal_at(&mut b, "8000620012", SealState::Sealed, Some(now));
    let content = Content::Seal(SealReading {
        id: crate::model::SealId::parse("8000620012").unwrap(),
        state,
        event: false,
        alarms: alarms.to_vec(),
        battery_pct: None,
        at: at.map(|_| b.now().wall.plus_ms(10)),
        replay: false,
    });
    b.event(reading("seal-1", b.ms, Taken::OnArrival, content));
    seal_at(&mut b, "8000620011", SealState::Sealed, Some(now));
    b.run(100);
    let codes = b.codes();
    assert!(b.verdicts().len() == 1, "{codes:?}");
    codes
        .iter()
        .map(|code| (*code).to_owned())
        .filter(|code| code.starts_with("seal"))
        .collect()
}

#[test]
fn a_later_report_that_takes_sealed_back_counts_whatever_its_time() {
    use crate::model::SealAlarm;
    let dated = Some(Wall(0));
    let none: &[SealAlarm] = &[];
    let all = [
        (SealState::Sealed, dated, none, vec![]),
        // Undated it proves nothing and takes nothing back.
        (SealState::Sealed, None, none, vec![]),
        (SealState::Cut, None, none, vec!["seal.open"]),
        (SealState::Open, None, none, vec!["seal.open"]),
        (
            SealState::Sealed,
            None,
            &[SealAlarm::RopeCut][..],
            vec!["seal.alarm"],
        ),
        // Tampered, not heard by its master, an alarm nobody knows.
        (SealState::Unknown, dated, none, vec!["seal.stale"]),
        (SealState::Unknown, None, none, vec!["seal.stale"]),
        (SealState::Cut, dated, none, vec!["seal.open"]),
    ];
    for (state, at, alarms, codes) in all {
        assert_eq!(
            after(state, at, alarms),
            codes,
            "{state:?} {at:?} {alarms:?}"
        );
    }
}

/// Reports in any order: whatever takes "sealed" back and cannot be put before
/// the report that says it is never forgotten.
#[test]
fn no_order_of_reports_makes_a_seal_closed_that_one_of_them_took_back() {
    let undated = |b: &mut Bench| seal_at(b, "8000620012", SealState::Cut, None);
    let closed = |b: &mut Bench| {
        let now = b.now().wall;
        seal_at(b, "8000620012", SealState::Sealed, Some(now));
    };
    let orders = [
        vec![false, true],
        vec![true, false],
        vec![true, false, true],
    ];
    for (n, order) in orders.iter().enumerate() {
        let mut b = Bench::vacant_with(with_seal_reader());
        b.facts.candidates = vec![sealed_twice()];
        b.arrive();
        for is_closed in order {
            if *is_closed {
                closed(&mut b);
            } else {
                undated(&mut b);
            }
            b.run(10);
        }
        let now = b.now().wall;
        seal_at(&mut b, "8000620011", SealState::Sealed, Some(now));
        b.run(100);
        // The last one by its own, later time stands again.
        let is_open = b.codes().contains(&"seal.open");
        assert_eq!(is_open, n < 2, "{n}: {:?}", b.codes());
    }
}

fn weigh(b: &mut Bench, gross: Option<i64>, stable: bool) {
    let weight = WeightReading {
        gross: gross.map(Kg),
        stable,
        overload: false,
    };
    b.event(reading(
        "scale-1",
        b.ms,
        Taken::OnArrival,
        Content::Weight(weight),
    ));
}

/// Weighed at rest, then `after`; the codes of the verdict.
fn weighed_then(after: impl Fn(&mut Bench)) -> Vec<&'static str> {
    let mut b = Bench::vacant();
    b.inputs.presence = true;
    b.poll();
    weigh(&mut b, Some(8600), true);
    after(&mut b);
    b.read("粤B12345", 98);
    b.run(6000);
    b.codes()
}

#[test]
fn a_weight_the_scale_took_back_is_no_weight_at_rest() {
    assert_eq!(weighed_then(|_| {}), Vec::<&str>::new());
    // The driver moves in his seat.
    assert_eq!(
        weighed_then(|b| weigh(b, Some(8640), false)),
        Vec::<&str>::new()
    );
    let moved = weighed_then(|b| weigh(b, Some(12_000), false));
    assert!(moved.contains(&"weight.unstable"), "{moved:?}");
    // Net, or out of range.
    let gone = weighed_then(|b| weigh(b, None, false));
    assert!(gone.contains(&"weight.unstable"), "{gone:?}");
    let back = weighed_then(|b| {
        weigh(b, Some(12_000), false);
        weigh(b, Some(8600), true);
    });
    assert_eq!(back, Vec::<&str>::new());
    let silent = weighed_then(|b| {
        b.event(Event::DeviceLate(DeviceId::parse("scale-1").unwrap()));
    });
    assert!(silent.contains(&"weight.unstable"), "{silent:?}");
}

/// A retained message wakes nobody: the lane's device stays lost until its
/// driver says that it is back.
#[test]
fn what_is_no_evidence_brings_no_device_back() {
    let camera = || DeviceId::parse("cam-1").unwrap();
    for (taken, state) in [
        (Taken::Unusable, DeviceState::Lost),
        (Taken::OnArrival, DeviceState::Ok),
    ] {
        let mut b = Bench::vacant();
        b.event(Event::DeviceLost(camera()));
        b.read_event(None, "粤B12345", 98, taken);
        assert_eq!(b.lane.devices()[&camera()], state, "{taken:?}");
    }
}

/// While the record of a release becomes durable the devices go on: what they
/// take back before the arm is commanded stops it, and what was spent goes back.
#[test]
fn what_is_taken_back_before_the_lift_is_judged_again() {
    type Taken = fn(&mut Bench);
    let all: [(Taken, bool); 4] = [
        (|b| weigh(b, Some(8640), false), false),
        (|b| weigh(b, Some(8600), true), false),
        (|b| weigh(b, Some(12_000), false), true),
        (|b| weigh(b, Some(12_000), true), true),
    ];
    for (take_back, again) in all {
        let mut b = Bench::vacant();
        b.commits = Commits::Wait;
        b.arrive();
        b.run(200);
        assert_eq!(b.state(), "committing");
        take_back(&mut b);
        b.answers_lookups = false;
        b.durable();
        let now = if again {
            ("gathering", 0)
        } else {
            ("cleared", 1)
        };
        assert_eq!((b.state(), b.lifts()), now);
        assert_eq!(b.kinds().contains(&"give-back"), again);
    }
}

#[test]
fn a_seal_that_breaks_before_the_lift_stops_it() {
    let mut b = Bench::vacant_with(with_seal_reader());
    b.facts.candidates = vec![sealed_without_boxes()];
    b.commits = Commits::Wait;
    b.arrive();
    // Its battery is low: that is no word against it, and hides none.
    let content = Content::Seal(SealReading {
        id: crate::model::SealId::parse("8000620012").unwrap(),
        state: SealState::Sealed,
        event: false,
        alarms: vec![crate::model::SealAlarm::LowBattery],
        battery_pct: Some(3),
        at: Some(b.now().wall),
        replay: false,
    });
    b.event(reading("seal-1", b.ms, Taken::OnArrival, content));
    b.run(200);
    assert_eq!(b.state(), "committing", "{:?}", b.codes());
    seal_at(&mut b, "8000620012", SealState::Cut, None);
    b.durable();
    b.run(3000);
    b.durable();
    assert_eq!(b.lifts(), 0);
    assert!(b.codes().contains(&"seal.open"), "{:?}", b.codes());
}

/// A copy of a report, kept by a broker or sent again, and a record out of the
/// seal's memory that says "sealed" of a later moment take nothing back; one
/// that says "cut" does.
#[test]
fn what_a_memory_says_stops_a_lift_only_if_it_speaks_against_it() {
    let all = [
        (SealState::Sealed, 0, false, true),
        (SealState::Sealed, 0, true, true),
        (SealState::Sealed, 50, true, true),
        (SealState::Cut, 0, true, false),
        (SealState::Cut, 50, true, false),
    ];
    for (state, later_ms, replay, lifts) in all {
        let (mut b, at) = committing_with_a_seal();
        seal_again(&mut b, state, at.plus_ms(later_ms), replay);
        b.answers_lookups = false;
        b.durable();
        let what = format!("{state:?} {later_ms} {replay}: {:?}", b.codes());
        assert_eq!(b.lifts(), usize::from(lifts), "{what}");
    }
}

/// Judged to be released: the record waits.
fn committing_with_a_seal() -> (Bench, Wall) {
    let mut b = Bench::vacant_with(with_seal_reader());
    b.facts.candidates = vec![sealed_without_boxes()];
    b.commits = Commits::Wait;
    b.arrive();
    let at = b.now().wall;
    seal_again(&mut b, SealState::Sealed, at, false);
    // From long ago, and of another kind: no word of now.
    seal_again(&mut b, SealState::Sealed, at.plus_ms(-3_600_000), true);
    b.run(200);
    assert_eq!(b.state(), "committing", "{:?}", b.codes());
    (b, at)
}

fn seal_again(b: &mut Bench, state: SealState, at: Wall, replay: bool) {
    let content = Content::Seal(SealReading {
        id: crate::model::SealId::parse("8000620012").unwrap(),
        state,
        event: false,
        alarms: Vec::new(),
        battery_pct: None,
        at: Some(at),
        replay,
    });
    b.event(reading("seal-1", b.ms, Taken::OnArrival, content));
}

/// Between the durable record and the lift the diverter turns, for seconds:
/// what is taken back then stops the lift, unless an officer cleared the truck.
#[test]
fn what_is_taken_back_while_the_diverter_turns_is_judged_again() {
    for ordered in [false, true] {
        let mut b = Bench::vacant_with(super::config(Geometry::DiverterArm));
        b.inputs.diverter_bay = Some(true);
        if ordered {
            // No camera reads its plate.
            b.inputs.presence = true;
            b.poll();
            weigh(&mut b, Some(8600), true);
            b.run(6000);
            assert_eq!(b.state(), "held", "{:?}", b.codes());
            b.order(OrderKind::Release);
        } else {
            b.arrive();
        }
        b.run(200);
        assert_eq!((b.state(), b.lifts()), ("cleared", 0));
        weigh(&mut b, Some(12_000), false);
        b.run(50);
        assert_eq!(b.state(), if ordered { "cleared" } else { "gathering" });
        assert_eq!(b.kinds().contains(&"give-back"), !ordered);
        b.inputs.diverter_bay = Some(false);
        b.poll();
        assert_eq!(b.lifts(), usize::from(ordered));
    }
}

/// What was read before the diverter was commanded says nothing of where it
/// stands now.
#[test]
fn a_diverter_is_believed_by_inputs_read_after_it_was_commanded() {
    let mut b = Bench::vacant_with(super::config(Geometry::DiverterArm));
    b.inputs.diverter_bay = Some(false);
    b.commits = Commits::Wait;
    b.arrive();
    b.run(200);
    assert_eq!(b.state(), "committing", "{:?}", b.codes());
    b.polling = false;
    b.durable();
    assert_eq!((b.state(), b.lifts()), ("cleared", 0));
    b.run(1);
    b.poll();
    assert_eq!((b.state(), b.lifts()), ("cleared", 1));
}

/// A scale that goes on taking back what it showed ends in a Hold (L9).
#[test]
fn judging_again_after_something_was_taken_back_has_a_limit() {
    let mut b = Bench::vacant_with(super::config(Geometry::DiverterArm));
    b.inputs.diverter_bay = Some(true);
    b.arrive();
    b.run(200);
    for n in 1..=10 {
        let kg = if n % 2 == 1 { 8720 } else { 8600 };
        weigh(&mut b, Some(kg), true);
        b.run(200);
    }
    assert_eq!((b.state(), b.lifts()), ("held", 0), "{:?}", b.codes());
    let verdicts = b.verdicts();
    assert_eq!(verdicts.last(), Some(&VerdictKind::Hold));
    assert_eq!(verdicts.len(), 5, "{verdicts:?}");
}

/// The truck of [`DECLARATION`] with a seal on its doors.
fn sealed_without_boxes() -> Declaration {
    let seals = r#""load":"empty","seals":["8000620012"]"#;
    parse_json(&DECLARATION.replace(r#""load":"empty""#, seals)).unwrap()
}
