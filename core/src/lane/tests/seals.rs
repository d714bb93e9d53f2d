//! Whose a seal's report is, and how long it is waited for.

use super::*;
use crate::model::Declaration;

/// A reader of seals added to the lane, which hears each seal by itself.
pub(super) fn with_seal_reader() -> LaneConfig {
    let mut config = config(Geometry::SideExit);
    let reader = EvidenceDevice {
        role: Role::SealReader,
        lead: Micros(0),
        evidence: Micros::from_ms(2300),
        side: None,
        reads_min: 1,
        can_recapture: false,
    };
    let id = DeviceId::parse("seal-1").unwrap();
    config.devices.insert(id, reader);
    config
}

/// The truck of [`DECLARATION`] with two sealed boxes.
pub(super) fn sealed_twice() -> Declaration {
    let text = DECLARATION.replace("vehicle-only", "rmft").replace(
        r#""load":"empty""#,
        r#""load":"container","containers":[
            {"no":"CSQU3054383","tare_kg":0,"seals":["8000620011"]},
            {"no":"MSCU6639870","tare_kg":0,"seals":["8000620012"]}]"#,
    );
    parse_json(&text).unwrap()
}

fn seal(b: &mut Bench, id: &str, state: SealState) {
    let at = Some(b.now().wall);
    seal_at(b, id, state, at);
}

pub(super) fn seal_at(b: &mut Bench, id: &str, state: SealState, at: Option<Wall>) {
    let content = Content::Seal(SealReading {
        id: SealId::parse(id).unwrap(),
        state,
        event: false,
        alarms: Vec::new(),
        battery_pct: Some(80),
        at,
        replay: false,
    });
    let event = reading("seal-1", b.ms, Taken::OnArrival, content);
    b.event(event);
}

fn swipe(b: &mut Bench, id: &str) {
    let content = Content::Seal(SealReading {
        id: SealId::parse(id).unwrap(),
        state: SealState::Unknown,
        event: true,
        alarms: Vec::new(),
        battery_pct: None,
        at: Some(b.now().wall),
        replay: false,
    });
    b.event(reading("seal-1", b.ms, Taken::OnArrival, content));
}

#[test]
fn a_second_declared_seal_is_waited_for_as_long_as_its_reader_has_time() {
    let mut b = Bench::vacant_with(with_seal_reader());
    b.facts.candidates = vec![sealed_twice()];
    b.arrive();
    seal(&mut b, "8000620011", SealState::Sealed);
    b.run(900);
    assert_eq!(b.state(), "gathering", "one of two seals has reported");
    swipe(&mut b, "8000620012");
    b.run(100);
    assert_eq!(b.state(), "gathering", "a swipe is no state");
    seal(&mut b, "8000620012", SealState::Sealed);
    b.run(100);
    assert!(!b.codes().contains(&"seal.missing"), "{:?}", b.codes());
    assert_eq!(b.verdicts().len(), 1);
}

#[test]
fn a_declared_seal_that_never_reports_is_missing_once_its_readers_time_is_up() {
    let mut b = Bench::vacant_with(with_seal_reader());
    b.facts.candidates = vec![sealed_twice()];
    b.arrive();
    seal(&mut b, "8000620011", SealState::Sealed);
    b.run(2200);
    assert_eq!(b.state(), "gathering");
    b.run(200);
    assert!(b.codes().contains(&"seal.missing"), "{:?}", b.codes());
}

/// Found by `simulate --seeds 1247..1248 --passages 20 --faults hostile`: a lock
/// that nobody heard while its truck was judged reported when it had left, and
/// made the next one's seals wrong.
#[test]
fn a_late_report_of_a_seal_the_truck_before_declared_is_nobody_elses() {
    for (late, codes) in [
        ("8000620012", vec![]),
        ("8000620099", vec!["seal.unexpected"]),
    ] {
        let mut b = Bench::vacant_with(with_seal_reader());
        b.facts.candidates = vec![sealed_twice()];
        b.arrive();
        seal(&mut b, "8000620011", SealState::Sealed);
        b.run(2500);
        assert_eq!(b.state(), "diverting", "{:?}", b.codes());
        b.inputs.presence = false;
        b.run(900);
        assert_eq!(b.state(), "vacant");
        b.weigh(0);
        seal(&mut b, late, SealState::Sealed);
        b.run(500);
        let other = DECLARATION.replace("粤B12345", "粤B67890");
        b.facts.candidates = vec![parse_json(&other).unwrap()];
        b.inputs.presence = true;
        b.poll();
        b.read("粤B67890", 98);
        b.weigh(8600);
        b.run(2500);
        assert_eq!(b.codes(), codes, "{late}");
    }
}

/// Found by `simulate --seeds 1684..1685 --passages 100 --faults hostile`: what a
/// lock had said when its truck had left was remembered until another reading
/// came, and so counted for a truck that came long after.
#[test]
fn what_a_seal_said_before_its_truck_came_counts_for_it_as_long_as_the_rules_let_it() {
    let codes_after = |declared: bool, s: u64| {
        let mut b = Bench::vacant_with(with_seal_reader());
        if declared {
            b.facts.candidates = vec![sealed_twice()];
            seal(&mut b, "8000620011", SealState::Sealed);
        }
        seal(&mut b, "8000620012", SealState::Sealed);
        b.run(s * 1000);
        b.arrive();
        b.run(2500);
        let seals = b.codes().into_iter().filter(|c| c.starts_with("seal."));
        seals.collect::<Vec<_>>()
    };
    // The rules' limit is 300 s, of which the lane waits 2.3 s for newer ones.
    assert_eq!(codes_after(true, 29), [""; 0]);
    assert_eq!(codes_after(true, 297), [""; 0]);
    assert_eq!(codes_after(true, 299), ["seal.stale"; 2]);
    assert_eq!(codes_after(true, 301), ["seal.missing"; 2]);
    // Nobody knows whose an undeclared one is, once it may be gone.
    assert_eq!(codes_after(false, 29), ["seal.unexpected"]);
    assert_eq!(codes_after(false, 31), [""; 0]);
}

/// What the truck before declared and nobody heard may have been moved onto
/// this one: once that truck is out of reach, what reports is here.
#[test]
fn a_seal_of_the_truck_before_that_reports_when_it_is_far_away_counts() {
    for (sent_late, codes) in [(true, vec![]), (false, vec!["seal.unexpected"])] {
        let mut b = Bench::vacant_with(with_seal_reader());
        b.facts.candidates = vec![sealed_twice()];
        b.arrive();
        seal(&mut b, "8000620011", SealState::Sealed);
        b.run(2500);
        b.inputs.presence = false;
        b.run(900);
        assert_eq!(b.state(), "vacant");
        b.weigh(0);
        let left = b.now().wall;
        b.run(30_500);
        let other = DECLARATION.replace("粤B12345", "粤B67890");
        b.facts.candidates = vec![parse_json(&other).unwrap()];
        b.inputs.presence = true;
        b.poll();
        let at = if sent_late { left } else { b.now().wall };
        seal_at(&mut b, "8000620012", SealState::Sealed, Some(at));
        b.read("粤B67890", 98);
        b.weigh(8600);
        b.run(2500);
        assert_eq!(b.codes(), codes, "sent late: {sent_late}");
    }
}

/// It went with its truck: whoever comes with the same papers comes without it.
#[test]
fn a_seal_that_left_with_its_truck_is_not_the_next_ones() {
    let mut b = Bench::vacant_with(with_seal_reader());
    b.facts.candidates = vec![sealed_twice()];
    b.arrive();
    seal(&mut b, "8000620011", SealState::Sealed);
    seal(&mut b, "8000620012", SealState::Sealed);
    b.run(2500);
    assert_eq!(b.state(), "diverting");
    assert!(!b.codes().contains(&"seal.missing"), "{:?}", b.codes());
    b.inputs.presence = false;
    b.run(900);
    assert_eq!(b.outcomes(), [Outcome::ToBay]);
    b.run(40_000);
    b.weigh(0);
    b.arrive();
    b.run(2500);
    assert!(b.codes().contains(&"seal.missing"), "{:?}", b.codes());
}

/// A truck that looks like another is not made that one by a seal that was heard
/// of it further back in the queue.
#[test]
fn an_old_report_counts_only_for_a_declaration_whose_plate_was_read() {
    for (plate, codes) in [
        ("粤B12345", vec![]),
        ("粤B1Z345", vec!["seal.missing", "seal.missing"]),
    ] {
        let mut b = Bench::vacant_with(with_seal_reader());
        b.cam_reads = false;
        b.facts.candidates = vec![sealed_twice()];
        seal(&mut b, "8000620011", SealState::Sealed);
        seal(&mut b, "8000620012", SealState::Sealed);
        b.run(60_000);
        b.arrive();
        b.read(plate, 98);
        b.run(2500);
        let seals: Vec<_> = b.codes();
        let seals = seals.into_iter().filter(|c| c.starts_with("seal."));
        assert_eq!(seals.collect::<Vec<_>>(), codes, "{plate}");
    }
}

/// What would contradict a report is not forgotten before it.
#[test]
fn a_report_that_is_forgotten_for_want_of_room_takes_what_it_contradicted_with_it() {
    let after = |others: u64| {
        let mut b = Bench::vacant_with(with_seal_reader());
        b.facts.candidates = vec![sealed_twice()];
        seal(&mut b, "8000620011", SealState::Sealed);
        let now = b.now().wall;
        seal_at(&mut b, "8000620012", SealState::Cut, Some(now));
        seal_at(
            &mut b,
            "8000620012",
            SealState::Sealed,
            Some(now.plus_ms(-9_000)),
        );
        for n in 0..others {
            b.run(1);
            seal(&mut b, &format!("{}", 9_000_000_000 + n), SealState::Sealed);
        }
        b.run(40_000);
        b.arrive();
        b.run(2500);
        b.codes()
    };
    let full = 256 - 3;
    assert!(after(full).contains(&"seal.open"), "{:?}", after(full));
    // The first seal's went first.
    assert!(after(full + 1).contains(&"seal.open"));
    let codes = after(full + 2);
    assert!(!codes.contains(&"seal.open"), "{codes:?}");
    assert_eq!(codes.iter().filter(|c| **c == "seal.missing").count(), 2);
}
