//! Passages, vehicles and findings side by side: what is said of one leaves
//! the others as they are.

use super::*;
use crate::model::{FindingId, Plate};
use VerdictKind::{Hold, Inspect, Release};

fn reserved(b: &Bench) -> Vec<PassageId> {
    let balance = b.balance("list");
    balance.reserved.into_iter().map(|r| r.passage).collect()
}

fn unsettled(b: &Bench) -> Vec<PassageId> {
    let balance = b.balance("list");
    balance.unsettled.into_iter().map(|r| r.passage).collect()
}

/// An officer's order as it stands on record.
fn ordered(b: &mut Bench, n: u32, kind: &str, resumes: Option<u32>) -> Took {
    let resumes = resumes.map(passage);
    let order = json!({"id": format!("o-{n}-{kind}"), "passage": passage(n), "kind": kind,
        "officer": "o", "reason": "seen", "resumes": resumes});
    let body = OrderBody {
        order: parse_json(&order.to_string()).unwrap(),
        accepted: true,
        why: None,
        spends: Some(Vec::new()),
        reserves: None,
        lifts: true,
    };
    b.put(Some(&passage(n)), body.into())
}

/// Two trucks under one plate in two lanes: an order for the one that has its
/// spend takes no reservation of the other.
#[test]
fn an_order_for_a_passage_that_has_its_spend_leaves_reservations_alone() {
    let d = list(9, 100_000);
    let mut b = Bench::new();
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    let kept = Spend {
        trips: 1,
        goods_kg: d.goods_gross_kg,
    };
    let body = verdict_of(2, &d, PLATE, Inspect, Some(kept), b.facts(&d));
    assert_eq!(b.commit(2, body.into(), &Guard::Verdict), Ok(Took::Spent));
    assert_eq!(reserved(&b), [passage(2)]);
    assert_eq!(ordered(&mut b, 1, "release", None), Took::Nothing);
    assert_eq!(reserved(&b), [passage(2)]);
}

/// The reservation is the passage's own, and another truck is under way.
#[test]
fn an_order_uses_the_reservation_of_its_own_passage_beside_another_trucks_spend() {
    let d = list(9, 100_000);
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, OTHER, Release), Ok(Took::Spent));
    assert_eq!(b.judge(2, &d, PLATE, Inspect), Ok(Took::Spent));
    assert_eq!(ordered(&mut b, 2, "release", None), Took::Spent);
    assert!(reserved(&b).is_empty());
    b.end(2, Outcome::Passed);
    assert_eq!((b.balance("list").issued, b.balance("list").passed), (2, 1));
    b.end(1, Outcome::Passed);
    assert_eq!((b.balance("list").issued, b.balance("list").passed), (2, 2));
}

/// An order that resumes a passage spends what that left, not what the
/// vehicle has reserved.
#[test]
fn an_order_that_resumes_uses_no_reservation() {
    let d = list(9, 100_000);
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Inspect), Ok(Took::Spent));
    assert_eq!(b.judge(2, &d, PLATE, Hold), Ok(Took::Nothing));
    assert_eq!(ordered(&mut b, 2, "release", Some(7)), Took::Nothing);
    assert_eq!(reserved(&b), [passage(1)]);
}

#[test]
fn resuming_one_passage_leaves_what_others_left_or_hold() {
    let d = list(9, 100_000);
    let mut b = Bench::new();
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    assert_eq!(b.judge(2, &d, OTHER, Release), Ok(Took::Spent));
    b.end(1, Outcome::Unknown);
    b.end(2, Outcome::Unknown);
    assert_eq!(b.judge(3, &d, OTHER, Inspect), Ok(Took::Spent));
    assert_eq!(unsettled(&b), [passage(1), passage(2)]);
    let resumed = |b: &mut Bench, n: u32, old: u32| {
        let body = ResumedBody {
            resumes: passage(old),
            order: parse_json(&json!(format!("o-{n}")).to_string()).unwrap(),
        };
        b.put(Some(&passage(n)), body.into())
    };
    // Passage 3 left nothing unsettled: its reservation is not to be resumed.
    assert_eq!(ordered(&mut b, 4, "release", Some(1)), Took::Nothing);
    assert_eq!(resumed(&mut b, 4, 3), Took::Nothing);
    assert_eq!(reserved(&b), [passage(3)]);
    assert_eq!(unsettled(&b), [passage(1), passage(2)]);
    assert_eq!(resumed(&mut b, 4, 1), Took::Spent);
    assert_eq!(unsettled(&b), [passage(2)]);
    assert_eq!(reserved(&b), [passage(3)]);
    b.end(4, Outcome::Passed);
    assert_eq!((b.balance("list").issued, b.balance("list").passed), (3, 1));
    assert_eq!(unsettled(&b), [passage(2)]);
}

#[test]
fn a_give_back_and_an_end_touch_no_other_passage() {
    let d = list(9, 100_000);
    let mut b = Bench::new();
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    assert_eq!(b.judge(2, &d, OTHER, Release), Ok(Took::Spent));
    assert_eq!(b.judge(3, &d, OTHER, Inspect), Ok(Took::Spent));
    b.give_back(2);
    b.end(2, Outcome::GivenBack);
    let balance = b.balance("list");
    assert_eq!((balance.issued, balance.passed), (2, 0));
    assert_eq!(balance.goods_kg_issued.0, 2000);
    assert_eq!(reserved(&b), [passage(3)]);
    b.end(1, Outcome::NotSeenPassing);
    assert_eq!(unsettled(&b), [passage(1)]);
    assert_eq!(reserved(&b), [passage(3)]);
    // Given back or not, its number is not drawn for again.
    assert_eq!(b.balance("list").issued, 2);
    assert_eq!(b.ledger, b.replayed());
}

#[test]
fn a_finding_settles_the_passage_it_names_or_else_the_vehicle_and_no_other() {
    let d = list(9, 100_000);
    for (of, plate, left) in [
        (1, PLATE, 2),
        (2, PLATE, 1),
        (9, PLATE, 2),
        (9, OTHER, 1),
        (1, OTHER, 2),
    ] {
        for (then, issued, passed) in [("released-at-bay", 2, 1), ("refused", 1, 0)] {
            let mut b = Bench::new();
            assert_eq!(b.judge(1, &d, PLATE, Inspect), Ok(Took::Spent));
            assert_eq!(b.judge(2, &d, OTHER, Inspect), Ok(Took::Spent));
            let mut said = finding("f-1", &passage(of), "list", then);
            said.vehicle = Plate::parse(plate).unwrap();
            b.put(None, said.into());
            assert_eq!(reserved(&b), [passage(left)], "{of} {plate} {then}");
            let balance = b.balance("list");
            assert_eq!((balance.issued, balance.passed), (issued, passed));
        }
    }
}

/// What is under way is not settled by a finding about its vehicle, only what
/// is in the bay.
#[test]
fn a_finding_about_a_vehicle_settles_nothing_that_is_under_way() {
    let d = list(9, 100_000);
    for then in ["released-at-bay", "refused"] {
        let mut b = Bench::new();
        assert_eq!(b.release(1, &d), Ok(Took::Spent));
        b.put(None, finding("f-1", &passage(9), "list", then).into());
        b.put(None, finding("f-2", &passage(1), "list", then).into());
        assert_eq!((b.balance("list").issued, b.balance("list").passed), (1, 0));
        b.end(1, Outcome::Passed);
        assert_eq!((b.balance("list").issued, b.balance("list").passed), (1, 1));
    }
}

/// What another vehicle has reserved lets nobody go, and keeps nobody from
/// taking a trip.
#[test]
fn another_vehicles_reservation_is_none_of_this_one() {
    let d = list(9, 100_000);
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, OTHER, Inspect), Ok(Took::Spent));
    let body = verdict_of(2, &d, PLATE, Release, None, b.facts(&d));
    let asked = draft(Some(&passage(2)), body.into());
    let answer = b.ledger.check(&asked, &Guard::Verdict);
    assert_eq!(answer, Err(Refusal::Changed));
    assert_eq!(b.judge(2, &d, PLATE, Hold), Ok(Took::Nothing));
    let takes = SpendOf {
        declaration: d.id.clone(),
        spend: Spend {
            trips: 1,
            goods_kg: d.goods_gross_kg,
        },
        vehicle: Some(PLATE.into()),
    };
    let order = json!({"id": "o-1", "passage": passage(2), "kind": "release", "officer": "o",
        "reason": "seen"});
    let body = OrderBody {
        order: parse_json(&order.to_string()).unwrap(),
        accepted: true,
        why: None,
        spends: Some(vec![takes]),
        reserves: None,
        lifts: true,
    };
    let asked = draft(Some(&passage(2)), body.into());
    assert_eq!(b.ledger.settle(&asked), None, "it takes what it asks for");
}

/// Vehicles are counted where each goes once, and nowhere else.
#[test]
fn vehicles_that_went_are_kept_of_a_shared_declaration_alone() {
    let shared = declaration("shared", &[PLATE, OTHER], &json!({"kind": "shared"}));
    let d = list(9, 100_000);
    let mut b = Bench::new();
    for n in [1, 2] {
        assert_eq!(b.release(n, &d), Ok(Took::Spent));
        let body = b.verdict(n + 2, &shared, PLATE, Release);
        b.put(Some(&passage(n + 2)), body.into());
    }
    assert!(b.balance("list").vehicles.is_empty());
    assert_eq!(b.balance("shared").vehicles, [PLATE]);
    assert_eq!(b.balance("shared").issued, 2, "the record says so");
}

#[test]
fn a_truck_sent_to_the_bay_again_moves_its_own_reservation() {
    let d = list(9, 100_000);
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, OTHER, Inspect), Ok(Took::Spent));
    assert_eq!(b.release(2, &d), Ok(Took::Spent));
    assert_eq!(b.judge(3, &d, PLATE, Inspect), Ok(Took::Spent));
    assert_eq!(b.judge(4, &d, PLATE, Inspect), Ok(Took::Nothing));
    assert_eq!(reserved(&b), [passage(1), passage(4)]);
    b.end(2, Outcome::Unknown);
    assert_eq!(unsettled(&b), [passage(2)]);
}

/// Said again, or of a passage that is known here, a reservation is one.
#[test]
fn what_the_authority_holds_is_taken_over_once() {
    let d = list(9, 100_000);
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Inspect), Ok(Took::Spent));
    let held: Balance = parse_json(
        r#"{"issued":3,"passed":1,"goods_kg_issued":3000,"vehicles":["粤ZEF56港"],
            "reserved":[{"vehicle":"粤ZAB12港","passage":"L1-1-1"},{"vehicle":"粤ZCD34港","passage":"L2-1-5"}],
            "unsettled":[{"vehicle":"粤ZEF56港","passage":"L2-1-6"}]}"#,
    )
    .unwrap();
    for _ in 0..2 {
        let body = ReconciledBody {
            open: false,
            genesis: "old".into(),
            through: 12,
            ledger: vec![crate::record::ReconciledEntry {
                declaration: d.id.clone(),
                balance: held.clone(),
            }],
        };
        b.put(None, body.into());
        let now = b.balance("list");
        assert_eq!((now.issued, now.passed), (3, 1));
        assert_eq!(now.goods_kg_issued, held.goods_kg_issued);
        assert_eq!(now.vehicles, held.vehicles);
        assert_eq!(now.reserved, held.reserved);
        assert_eq!(now.unsettled, held.unsettled);
    }
}

/// A finding that sends a truck back covers its next passage: used by that
/// vehicle alone, by a passage that is not the one it was made of, once.
#[test]
fn a_finding_is_used_up_by_the_next_passage_of_its_vehicle_alone() {
    let d = list(9, 100_000);
    let held = |b: &Bench| b.facts(&d).findings.len();
    for (then, vehicle, n, kind, left) in [
        ("back-to-lane", PLATE, 2, Release, 0),
        ("back-to-lane", PLATE, 2, Inspect, 0),
        ("back-to-lane", PLATE, 2, Hold, 1),
        ("back-to-lane", OTHER, 2, Release, 1),
        ("back-to-lane", PLATE, 1, Release, 1),
        ("detained", PLATE, 2, Release, 1),
    ] {
        let mut b = Bench::new();
        b.put(None, finding("f-1", &passage(1), "list", then).into());
        assert_eq!(held(&b), 1);
        let body = b.verdict(n, &d, vehicle, kind);
        b.put(Some(&passage(n)), body.into());
        assert_eq!(held(&b), left, "{then} {vehicle} {n} {kind}");
        // The passage that used it did not pass: it covers the next one.
        b.give_back(n);
        assert_eq!(held(&b), 1, "{then} {vehicle} {n} {kind}: given back");
    }
}

/// Two passages: the second one's give-back does not restore what the first
/// used.
#[test]
fn a_give_back_restores_only_what_that_passage_used() {
    let d = list(9, 100_000);
    let mut b = Bench::new();
    b.put(
        None,
        finding("f-1", &passage(1), "list", "back-to-lane").into(),
    );
    assert_eq!(b.release(2, &d), Ok(Took::Spent));
    assert_eq!(b.release(3, &d), Ok(Took::Spent));
    b.give_back(3);
    assert!(b.facts(&d).findings.is_empty());
    b.give_back(2);
    assert_eq!(b.facts(&d).findings.len(), 1);
}

/// A version that is no later changes nothing.
#[test]
fn a_finding_is_taken_in_a_later_version_only() {
    let d = list(9, 100_000);
    let mut b = Bench::new();
    let said = |version, covers: &str| {
        let mut said = finding("f-1", &passage(1), "list", "back-to-lane");
        (said.version, said.covers) = (version, vec![covers.to_owned()]);
        said
    };
    let covers = |b: &Bench| b.facts(&d).findings[0].covers[0].clone();
    for (version, covered, stands) in [(2, "two", "two"), (1, "one", "two"), (2, "b", "two")] {
        b.put(None, said(version, covered).into());
        assert_eq!(covers(&b), stands);
    }
    b.put(None, said(3, "three").into());
    assert_eq!(covers(&b), "three");
    let mut other = said(1, "four");
    other.id = FindingId::parse("f-2").unwrap();
    b.put(None, other.into());
    assert_eq!(b.facts(&d).findings.len(), 2);
}

/// Judged on a balance that differs in any one thing: judged again.
#[test]
fn a_verdict_judged_on_another_balance_is_refused() {
    let d = list(9, 100_000);
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, OTHER, Release), Ok(Took::Spent));
    let other: Balance = parse_json(
        r#"{"issued":2,"passed":1,"goods_kg_issued":7,"vehicles":["粤B77777"],
            "reserved":[{"vehicle":"粤B77777","passage":"L1-1-8"}],
            "unsettled":[{"vehicle":"粤B77777","passage":"L1-1-9"}]}"#,
    )
    .unwrap();
    let with = |change: &dyn Fn(&mut Balance)| {
        let mut body = b.verdict(2, &d, PLATE, Release);
        let judged = body.case.facts.ledger.get_mut(&d.id).unwrap();
        change(judged);
        b.ledger
            .check(&draft(Some(&passage(2)), body.into()), &Guard::Verdict)
    };
    assert_eq!(with(&|_| {}), Ok(()));
    // What passed since is no reason: the trip was issued before.
    assert_eq!(with(&|j| j.passed = other.passed), Ok(()));
    let changed = Err(Refusal::Changed);
    assert_eq!(with(&|j| j.issued = other.issued), changed);
    assert_eq!(
        with(&|j| j.goods_kg_issued = other.goods_kg_issued),
        changed
    );
    assert_eq!(with(&|j| j.vehicles.clone_from(&other.vehicles)), changed);
    assert_eq!(with(&|j| j.reserved.clone_from(&other.reserved)), changed);
    assert_eq!(with(&|j| j.unsettled.clone_from(&other.unsettled)), changed);
}

/// A control a snapshot says again is no younger; a later version is.
#[test]
fn an_order_is_not_refused_for_a_control_that_a_snapshot_says_again() {
    let d = single();
    for (version, refused) in [(1, false), (2, true)] {
        let mut b = Bench::new();
        b.feed(|f| f.controls = vec![control("c-1", "vehicle", PLATE, "hold")]);
        assert_eq!(b.judge(1, &d, PLATE, Hold), Ok(Took::Nothing));
        let verdict_seq = b.last_seq();
        part(&mut b, 1, 1, |f| {
            let mut again = control("c-1", "vehicle", PLATE, "hold");
            again.version = version;
            f.controls = vec![again];
        });
        let order = json!({"id": "o-1", "passage": passage(1), "kind": "release", "officer": "o",
            "reason": "seen"});
        let body = OrderBody {
            order: parse_json(&order.to_string()).unwrap(),
            accepted: true,
            why: None,
            spends: None,
            reserves: None,
            lifts: true,
        };
        let guard = Guard::Order {
            verdict_seq,
            plate_since: false,
        };
        let answer = b
            .ledger
            .check(&draft(Some(&passage(1)), body.into()), &guard);
        assert_eq!(answer == Err(Refusal::ControlSince), refused, "{version}");
    }
}
