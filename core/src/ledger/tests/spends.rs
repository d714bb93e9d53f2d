//! Spends, reservations, give-backs, findings.

use super::*;
use VerdictKind::{Hold, Inspect, Release};

#[test]
fn a_single_declaration_is_released_once_and_passes() {
    let d = single();
    let mut b = Bench::new();
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    assert_eq!(b.balance("single").issued, 1);
    assert_eq!(b.release(2, &d), Err(Refusal::Changed));
    b.end(1, Outcome::Passed);
    let balance = b.balance("single");
    assert_eq!((balance.issued, balance.passed), (1, 1));
    assert!(balance.unsettled.is_empty());
    assert_eq!(b.release(3, &d), Err(Refusal::Changed));
}

/// "Already passed at 14:02 in lane 3": the last passage that took and kept.
#[test]
fn an_account_remembers_the_last_passage_that_took_from_it() {
    let d = list(4, 100_000);
    let mut b = Bench::new();
    let last = |b: &Bench| {
        let last = b.balance("list").last;
        last.map(|l| {
            (
                l.passage,
                l.vehicle,
                l.passed,
                l.at,
                l.lane.map(String::from),
            )
        })
    };
    let said = |n: u32, vehicle: &str, passed: bool, at: Wall| {
        Some((
            passage(n),
            vehicle.into(),
            passed,
            at,
            Some("L1".to_owned()),
        ))
    };
    assert_eq!(last(&b), None);
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    assert_eq!(last(&b), said(1, PLATE, false, now()));
    let later = wall("2026-11-24T08:00:40+08:00");
    let ended = Outcome::Passed;
    b.put_at(later, Some(&passage(1)), OutcomeBody { how: ended }.into());
    assert_eq!(last(&b), said(1, PLATE, true, later));
    assert_eq!(b.judge(2, &d, OTHER, Release), Ok(Took::Spent));
    assert_eq!(last(&b), said(2, OTHER, false, now()));
    b.end(2, Outcome::NotSeenPassing);
    assert_eq!(last(&b), said(2, OTHER, false, now()));
    assert_eq!(b.judge(3, &d, OTHER, Hold), Ok(Took::Nothing));
    assert_eq!(last(&b), said(2, OTHER, false, now()));
    assert_eq!(b.release(4, &d), Ok(Took::Spent));
    b.give_back(4);
    assert_eq!(last(&b), None, "what was given back was not taken");
    assert_eq!(b.replayed(), b.ledger);
}

#[test]
fn a_finding_says_that_the_last_passage_left_from_the_bay_or_was_turned_away() {
    let d = single();
    for (then, kept) in [("released-at-bay", true), ("refused", false)] {
        let mut b = Bench::new();
        assert_eq!(b.judge(1, &d, PLATE, Inspect), Ok(Took::Spent));
        let found = finding("f-1", &passage(1), "single", then);
        b.feed(|f| f.findings = vec![found.clone()]);
        let last = b.balance("single").last;
        assert_eq!(last.is_some(), kept, "{then}");
        if let Some(last) = last {
            assert!(last.passed);
            assert_eq!(last.at, found.at);
        }
    }
}

/// A snapshot of several parts settles what any of them says, with its last;
/// one whose parts are out of order settles nothing.
#[test]
fn a_finding_in_an_early_part_of_a_snapshot_settles_with_the_last() {
    let d = single();
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Inspect), Ok(Took::Spent));
    let refused = finding("f-1", &passage(1), "single", "refused");
    let (mut out_of_order, mut whole) = (b.clone(), b);
    let first = |f: &mut FeedBody| f.findings = vec![refused.clone()];
    part(&mut out_of_order, 1, 3, first);
    part(&mut out_of_order, 3, 3, |_| {});
    part(&mut whole, 1, 3, first);
    part(&mut whole, 2, 3, |_| {});
    assert_eq!(whole.balance("single").reserved.len(), 1);
    part(&mut whole, 3, 3, |f| f.declarations = vec![mark(&d)]);
    assert_eq!(whole.balance("single").reserved.len(), 0);
    assert_eq!(
        whole.balance("single").issued,
        0,
        "refused gives its trip back"
    );
    assert_eq!(out_of_order.balance("single").reserved.len(), 1);
    assert_eq!(whole.ledger, whole.replayed());
}

#[test]
fn a_hold_takes_nothing_and_is_never_refused() {
    let d = single();
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Hold), Ok(Took::Nothing));
    let stale = b.verdict(2, &d, PLATE, Hold);
    b.feed(|f| f.controls = vec![control("c-1", "vehicle", PLATE, "hold")]);
    assert_eq!(
        b.commit(2, stale.into(), &Guard::Verdict),
        Ok(Took::Nothing)
    );
    assert_eq!(b.balance("single"), Balance::default());
}

#[test]
fn two_lanes_do_not_both_draw_the_last_trip() {
    let d = list(4, 100_000);
    let mut b = Bench::new();
    let (one, two) = (
        b.verdict(1, &d, PLATE, Release),
        b.verdict(2, &d, OTHER, Release),
    );
    assert_eq!(b.commit(1, one.into(), &Guard::Verdict), Ok(Took::Spent));
    assert_eq!(
        b.commit(2, two.into(), &Guard::Verdict),
        Err(Refusal::Changed)
    );
    assert_eq!(b.judge(2, &d, OTHER, Release), Ok(Took::Spent));
    assert_eq!(b.balance("list").issued, 2);
}

#[test]
fn trips_and_quantity_are_both_limits() {
    let d = list(3, 2500);
    let mut b = Bench::new();
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    assert_eq!(b.release(2, &d), Ok(Took::Spent));
    assert_eq!(b.release(3, &d), Err(Refusal::Changed), "2500 kg allow two");
    let d = list(2, 100_000);
    let mut b = Bench::new();
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    assert_eq!(b.release(2, &d), Ok(Took::Spent));
    assert_eq!(b.release(3, &d), Err(Refusal::Changed), "two trips are two");
    assert_eq!(b.balance("list").goods_kg_issued.0, 2000);
}

#[test]
fn a_later_version_with_fewer_trips_leaves_nothing() {
    let mut d = list(3, 100_000);
    let mut b = Bench::new();
    b.sends(&[&d]);
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    assert_eq!(b.release(2, &d), Ok(Took::Spent));
    d = list(1, 100_000);
    d.version = 2;
    b.sends(&[&d]);
    assert_eq!(b.release(3, &d), Err(Refusal::Changed));
    assert_eq!(b.balance("list").issued, 2);
}

#[test]
fn each_vehicle_of_a_shared_declaration_goes_once() {
    let d = declaration("shared", &[PLATE, OTHER], &json!({"kind": "shared"}));
    let mut b = Bench::new();
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    assert_eq!(b.release(2, &d), Err(Refusal::Changed));
    assert_eq!(b.judge(2, &d, OTHER, Release), Ok(Took::Spent));
    assert_eq!(b.balance("shared").vehicles, [PLATE, OTHER]);
    b.give_back(1);
    assert_eq!(b.balance("shared").vehicles, [OTHER]);
    assert_eq!(b.release(3, &d), Ok(Took::Spent));
}

#[test]
fn a_give_back_returns_what_the_passage_spent_and_nothing_else() {
    let d = list(5, 100_000);
    let mut b = Bench::new();
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    assert_eq!(b.judge(2, &d, OTHER, Release), Ok(Took::Spent));
    b.give_back(1);
    b.end(1, Outcome::GivenBack);
    let balance = b.balance("list");
    assert_eq!((balance.issued, balance.goods_kg_issued.0), (1, 1000));
    b.give_back(1);
    assert_eq!(
        b.balance("list"),
        balance,
        "a second give-back finds nothing"
    );
    b.end(2, Outcome::Passed);
    assert_eq!(b.balance("list").passed, 1);
}

#[test]
fn an_end_nobody_saw_is_unsettled() {
    for how in [
        Outcome::NotSeenPassing,
        Outcome::Unknown,
        Outcome::Left,
        Outcome::ToBay,
    ] {
        let d = single();
        let mut b = Bench::new();
        assert_eq!(b.release(1, &d), Ok(Took::Spent));
        b.end(1, how);
        let balance = b.balance("single");
        assert_eq!((balance.issued, balance.passed), (1, 0), "{how}");
        assert_eq!(balance.unsettled[0].passage, passage(1));
        assert_eq!(b.release(2, &d), Err(Refusal::Changed));
    }
}

#[test]
fn an_inspected_truck_keeps_its_trip_until_a_finding() {
    let d = list(2, 100_000);
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Inspect), Ok(Took::Spent));
    b.end(1, Outcome::ToBay);
    let balance = b.balance("list");
    assert_eq!((balance.issued, balance.passed), (1, 0));
    assert_eq!(balance.reserved[0].vehicle, PLATE);
    assert_eq!(
        b.judge(2, &d, OTHER, Release),
        Ok(Took::Spent),
        "the next trip"
    );
    b.feed(|f| f.findings = vec![finding("f-1", &passage(1), "list", "released-at-bay")]);
    let balance = b.balance("list");
    assert_eq!((balance.issued, balance.passed), (2, 1));
    assert!(balance.reserved.is_empty());
}

#[test]
fn a_truck_refused_at_the_bay_gives_its_trip_back_once() {
    let d = list(2, 100_000);
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Inspect), Ok(Took::Spent));
    assert_eq!(b.judge(2, &d, OTHER, Inspect), Ok(Took::Spent));
    let f = finding("f-1", &passage(1), "list", "refused");
    b.put(None, f.clone().into());
    assert_eq!(b.balance("list").issued, 1);
    b.feed(|body| body.findings = vec![f]);
    assert_eq!(
        b.balance("list").issued,
        1,
        "the same finding again settles nothing"
    );
    assert_eq!(b.balance("list").reserved[0].vehicle, OTHER);
}

#[test]
fn a_finding_may_name_the_vehicle_where_it_names_no_known_passage() {
    let d = single();
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Inspect), Ok(Took::Spent));
    b.put(
        None,
        finding("f-1", &passage(77), "single", "refused").into(),
    );
    assert_eq!(b.balance("single").issued, 0);
}

#[test]
fn back_to_the_lane_uses_the_reservation_once() {
    let d = single();
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Inspect), Ok(Took::Spent));
    b.end(1, Outcome::ToBay);
    b.put(
        None,
        finding("f-1", &passage(1), "single", "back-to-lane").into(),
    );
    assert_eq!(b.facts(&d).findings.len(), 1);
    assert_eq!(b.balance("single").reserved.len(), 1);
    assert_eq!(b.release(2, &d), Ok(Took::Spent));
    let balance = b.balance("single");
    assert_eq!((balance.issued, balance.reserved.len()), (1, 0));
    assert!(b.facts(&d).findings.is_empty(), "its next passage has come");
    // A clone of the truck meanwhile.
    assert_eq!(b.release(3, &d), Err(Refusal::Changed));
    b.end(2, Outcome::Passed);
    assert_eq!(b.balance("single").passed, 1);
}

#[test]
fn a_reservation_used_and_given_back_is_a_reservation_again() {
    let d = single();
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Inspect), Ok(Took::Spent));
    b.put(
        None,
        finding("f-1", &passage(1), "single", "back-to-lane").into(),
    );
    assert_eq!(b.release(2, &d), Ok(Took::Spent));
    b.give_back(2);
    b.end(2, Outcome::GivenBack);
    let balance = b.balance("single");
    assert_eq!(
        (balance.issued, balance.reserved[0].passage.clone()),
        (1, passage(1))
    );
    assert_eq!(b.facts(&d).findings.len(), 1);
    assert_eq!(b.release(3, &d), Ok(Took::Spent));
}

#[test]
fn a_truck_inspected_again_keeps_one_reservation() {
    let d = single();
    let mut b = Bench::new();
    assert_eq!(b.judge(1, &d, PLATE, Inspect), Ok(Took::Spent));
    assert_eq!(b.judge(2, &d, PLATE, Inspect), Ok(Took::Nothing));
    let balance = b.balance("single");
    assert_eq!((balance.issued, balance.reserved.len()), (1, 1));
    assert_eq!(balance.reserved[0].passage, passage(2));
    b.put(
        None,
        finding("f-1", &passage(2), "single", "refused").into(),
    );
    assert_eq!(b.balance("single").issued, 0);
}

/// A release that claims a reservation nobody has: a sabotaged verdict.
#[test]
fn a_release_that_takes_nothing_needs_a_reservation() {
    let d = single();
    let mut b = Bench::new();
    let body = verdict_of(1, &d, PLATE, Release, None, b.facts(&d));
    assert_eq!(
        b.commit(1, body.into(), &Guard::Verdict),
        Err(Refusal::Changed)
    );
}

#[test]
fn another_controllers_declaration_is_not_spent_here() {
    let mut d = single();
    d.controller = Some(ControllerId::parse("SZB-Y").unwrap());
    let mut b = Bench::new();
    assert_eq!(b.release(1, &d), Err(Refusal::Changed));
    d.controller = Some(ControllerId::parse("SZB-X").unwrap());
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
}

#[test]
fn what_the_authority_holds_after_a_replaced_disk_cannot_be_spent_again() {
    let d = list(2, 100_000);
    let mut b = Bench::new();
    let held: Balance = parse_json(
        r#"{"issued":1,"passed":0,"goods_kg_issued":1000,"reserved":[{"vehicle":"粤ZAB12港","passage":"L1-1-9"}]}"#,
    )
    .unwrap();
    let body = ReconciledBody {
        genesis: "old".into(),
        through: 12,
        ledger: vec![crate::record::ReconciledEntry {
            declaration: d.id.clone(),
            balance: held.clone(),
        }],
        open: false,
    };
    b.put(None, body.into());
    assert_eq!(b.balance("list"), held);
    assert_eq!(b.judge(1, &d, OTHER, Release), Ok(Took::Spent));
    assert_eq!(b.judge(2, &d, OTHER, Release), Err(Refusal::Changed));
    assert_eq!(b.release(3, &d), Ok(Took::Spent), "its own reservation");
    assert_eq!(b.balance("list").issued, 2);
}

/// A passage named like one of the journal before would go by its
/// reservation, and a finding about that one would settle it.
#[test]
fn no_start_the_authority_may_have_seen_is_given_out_again() {
    let entry = |passage: &str| {
        let text = format!(
            r#"{{"declaration":"list","issued":1,"reserved":[{{"vehicle":"{PLATE}","passage":"{passage}"}}]}}"#
        );
        parse_json::<crate::record::ReconciledEntry>(&text).unwrap()
    };
    let body = |through, open, ledger| ReconciledBody {
        genesis: "old".into(),
        through,
        ledger,
        open,
    };
    let mut b = Bench::new();
    assert_eq!(b.ledger.starts(), 1);
    b.put(None, body(12, true, Vec::new()).into());
    assert_eq!(b.ledger.starts(), 14, "as many starts as records, at most");
    // Said again, by a restart or with the ledger, it is no further one.
    b.put(None, body(12, true, Vec::new()).into());
    b.put(None, body(12, false, vec![entry("L-1-7-9")]).into());
    assert_eq!(b.ledger.starts(), 14);
    // A journal before that one had come further; a name of no form says nothing.
    let named = vec![entry("L-1-40-2"), entry("by-hand")];
    b.put(None, body(12, false, named).into());
    assert_eq!(b.ledger.starts(), 40);
    // A backup of this journal comes back: what it lost began to count behind
    // the start it remembers, not at the first one.
    let ours = |through, open| ReconciledBody {
        genesis: "ours".into(),
        ..body(through, open, Vec::new())
    };
    b.put(None, ours(9, true).into());
    assert_eq!(b.ledger.starts(), 50);
    b.put(None, ours(11, true).into());
    b.put(None, ours(11, false).into());
    assert_eq!(b.ledger.starts(), 52);
}

#[test]
fn a_balance_outlives_its_declarations_window_and_is_forgotten_in_the_end() {
    let d = single();
    let mut b = Bench::new();
    b.sends(&[&d]);
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    b.end(1, Outcome::Passed);
    let later = |b: &mut Bench, at: &str| {
        let mut body = batch(9);
        body.sent_at = wall(at);
        let mut draft = draft(None, body.into());
        draft.at = wall(at);
        let seq = b.records.len() as u64;
        b.records.push(draft.clone());
        b.ledger.apply(seq, &draft);
    };
    later(&mut b, "2026-12-24T00:00:00+08:00");
    assert_eq!(b.ledger.declaration_count(), 0);
    assert_eq!(b.balance("single").issued, 1);
    later(&mut b, "2026-12-28T00:00:00+08:00");
    assert_eq!(b.balance("single").issued, 0);
}

#[test]
fn a_convoy_remembers_who_has_come() {
    let mut d = single();
    d.convoy = Some(crate::model::ConvoyRef {
        no: "B1".into(),
        members: 2,
    });
    let mut b = Bench::new();
    assert!(b.facts(&d).convoy.unwrap().arrived.is_empty());
    assert_eq!(b.judge(1, &d, PLATE, Hold), Ok(Took::Nothing));
    assert_eq!(b.facts(&d).convoy.unwrap().arrived, [PLATE]);
}
