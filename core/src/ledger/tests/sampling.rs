//! Sampling states and sticky selections, in records.

use super::*;
use crate::clearance::{DayKey, DrawDay};
use crate::lane::Draws;
use crate::model::{
    Code, Draw, Enterprise, EnterpriseId, FindingResult, Reason, Sampling, Severity,
};

const ENTERPRISE: &str = "4403161234";

fn of(bench: &Bench) -> Option<Sampling> {
    bench
        .ledger
        .sampling(&EnterpriseId::parse(ENTERPRISE).unwrap())
        .cloned()
}

/// Phase, run.
fn stands(bench: &Bench) -> (String, u32) {
    let state = of(bench).unwrap();
    (state.phase.unwrap_or_default(), state.run)
}

fn enterprise(version: u32, sampling: &serde_json::Value) -> Enterprise {
    let text = json!({"id": ENTERPRISE, "version": version, "class": "regular", "state": "normal",
        "sampling": sampling});
    parse_json(&text.to_string()).unwrap()
}

fn brings(bench: &mut Bench, version: u32, sampling: &serde_json::Value) {
    bench.feed(|b| b.enterprises = vec![enterprise(version, sampling)]);
}

fn fraction(run: u32) -> serde_json::Value {
    json!({"plan": "csp1", "phase": "fraction", "run": run})
}

fn found(id: &str, version: u32, result: &str, covers: &[&str]) -> Finding {
    let mut f = finding(id, &passage(1), "single", "back-to-lane");
    f.version = version;
    f.result = match result {
        "conforms" => FindingResult::Conforms,
        _ => FindingResult::Nonconforms,
    };
    f.covers = covers.iter().map(|c| (*c).to_owned()).collect();
    f
}

fn finds(bench: &mut Bench, id: &str, result: &str) {
    bench.put(None, found(id, 1, result, &[]).into());
}

/// The facts of a case carry the state of its one enterprise; of two, none.
#[test]
fn a_case_of_one_enterprise_carries_its_state() {
    let mut b = Bench::new();
    brings(&mut b, 1, &fraction(5));
    let (one, mut other) = (single(), list(9, 100_000));
    other.enterprise = EnterpriseId::parse("4403165678").unwrap();
    let mut second = enterprise(1, &fraction(7));
    second.id = other.enterprise.clone();
    b.feed(|f| {
        f.declarations = vec![mark(&one), mark(&other)];
        f.enterprises = vec![second];
    });
    let run = |found: &[&Declaration]| {
        let found = found.iter().map(|d| (*d).clone()).collect();
        let facts = b.ledger.facts(found, StoreState::Ok, &query(&[PLATE]));
        facts.sampling.map(|s| s.run)
    };
    assert_eq!((run(&[&one]), run(&[&other])), (Some(5), Some(7)));
    assert_eq!(run(&[&one, &other]), None);
    assert_eq!(b.ledger.enterprise_count(), 2);
}

#[test]
fn findings_move_what_the_enterprise_brought_each_once() {
    let mut b = Bench::new();
    brings(&mut b, 1, &fraction(5));
    assert_eq!(stands(&b), ("fraction".to_owned(), 5));
    finds(&mut b, "f-1", "conforms");
    finds(&mut b, "f-1", "conforms");
    assert_eq!(stands(&b), ("fraction".to_owned(), 6));
    // The same finding through the feed.
    b.feed(|f| f.findings = vec![found("f-1", 1, "conforms", &[])]);
    assert_eq!(stands(&b), ("fraction".to_owned(), 6));
    b.feed(|f| f.findings = vec![found("f-2", 1, "nonconforms", &[])]);
    assert_eq!(stands(&b), ("screening".to_owned(), 0));
    assert_eq!(of(&b).unwrap().moved_by.unwrap().as_str(), "f-2");
    finds(&mut b, "f-3", "conforms");
    assert_eq!(stands(&b), ("screening".to_owned(), 1));
    assert_eq!(b.ledger, b.replayed());
    let moves = b.ledger.sampling_moves();
    assert_eq!(
        (moves.conforms, moves.nonconforms, moves.brought),
        (2, 1, 1)
    );
}

#[test]
fn a_higher_version_replaces_and_the_same_keeps_what_moved_here() {
    let mut b = Bench::new();
    brings(&mut b, 3, &fraction(5));
    finds(&mut b, "f-1", "nonconforms");
    brings(&mut b, 3, &fraction(9));
    assert_eq!(stands(&b), ("screening".to_owned(), 0));
    brings(&mut b, 2, &fraction(9));
    assert_eq!(stands(&b), ("screening".to_owned(), 0), "a stale one");
    brings(&mut b, 4, &serde_json::Value::Null);
    assert_eq!(
        stands(&b),
        ("screening".to_owned(), 0),
        "none keeps what is"
    );
    brings(&mut b, 5, &fraction(9));
    assert_eq!(stands(&b), ("fraction".to_owned(), 9));
}

#[test]
fn a_snapshot_of_the_feed_moves_nothing_twice() {
    let mut b = Bench::new();
    brings(&mut b, 3, &fraction(5));
    finds(&mut b, "f-1", "nonconforms");
    finds(&mut b, "f-2", "conforms");
    let before = of(&b);
    for part in 1..=2 {
        b.feed(|f| {
            f.seq = 9;
            f.part = Some(crate::model::Part { part, parts: 2 });
            f.enterprises = vec![enterprise(3, &fraction(5))];
            f.findings = vec![
                found("f-1", 1, "nonconforms", &[]),
                found("f-2", 1, "conforms", &[]),
            ];
        });
    }
    assert_eq!(of(&b), before);
}

#[test]
fn a_finding_older_than_findings_are_kept_moves_nothing() {
    let mut b = Bench::new();
    brings(&mut b, 3, &fraction(5));
    let mut old = found("f-old", 1, "nonconforms", &[]);
    old.at = now().plus_s(-33 * 24 * 3600);
    b.put(None, old.into());
    assert_eq!(stands(&b), ("fraction".to_owned(), 5));
}

#[test]
fn an_enterprise_that_brought_none_starts_and_is_counted() {
    let mut b = Bench::new();
    brings(&mut b, 1, &serde_json::Value::Null);
    assert_eq!(of(&b), None);
    finds(&mut b, "f-1", "conforms");
    assert_eq!(stands(&b), ("start".to_owned(), 1));
    finds(&mut b, "f-2", "nonconforms");
    assert_eq!(stands(&b), ("screening".to_owned(), 0));
}

#[test]
fn a_later_version_that_conforms_takes_the_move_back() {
    let mut b = Bench::new();
    brings(&mut b, 1, &fraction(5));
    finds(&mut b, "f-1", "nonconforms");
    finds(&mut b, "f-2", "conforms");
    b.put(None, found("f-1", 2, "conforms", &[]).into());
    assert_eq!(stands(&b), ("fraction".to_owned(), 7), "5, f-2 and f-1");
    // An older version again, or the move already taken back: nothing.
    b.put(None, found("f-1", 1, "nonconforms", &[]).into());
    assert_eq!(stands(&b), ("fraction".to_owned(), 7));
    assert_eq!(b.ledger.sampling_moves().undone, 1);
    b.put(None, found("f-1", 3, "nonconforms", &[]).into());
    assert_eq!(stands(&b), ("screening".to_owned(), 0), "and back");
}

#[test]
fn only_the_last_move_can_be_taken_back() {
    let mut b = Bench::new();
    brings(&mut b, 1, &fraction(5));
    finds(&mut b, "f-1", "nonconforms");
    finds(&mut b, "f-2", "nonconforms");
    b.put(None, found("f-1", 2, "conforms", &[]).into());
    assert_eq!(stands(&b), ("screening".to_owned(), 0));
    b.put(None, found("f-2", 2, "conforms", &[]).into());
    assert_eq!(stands(&b), ("screening".to_owned(), 1));
}

#[test]
fn a_vetoed_finding_keeps_both_courses() {
    let mut b = Bench::new();
    brings(&mut b, 1, &fraction(5));
    b.put(
        None,
        found("f-1", 1, "nonconforms", &["veto:sampling"]).into(),
    );
    let both = |b: &Bench| {
        let state = of(b).unwrap();
        let other = state.unvetoed.map(|t| (t.phase.unwrap(), t.run));
        (state.phase.unwrap(), state.run, other)
    };
    let screening = |run| Some(("screening".to_owned(), run));
    assert_eq!(both(&b), ("fraction".to_owned(), 5, screening(0)));
    finds(&mut b, "f-2", "conforms");
    assert_eq!(both(&b), ("fraction".to_owned(), 6, screening(1)));
    // The veto is taken back: now it counts on both.
    b.put(None, found("f-1", 2, "nonconforms", &[]).into());
    assert_eq!(both(&b), ("screening".to_owned(), 0, None));
    assert_eq!(b.ledger.sampling_moves().vetoed, 1);
}

#[test]
fn a_veto_that_comes_later_takes_the_move_back() {
    let mut b = Bench::new();
    brings(&mut b, 1, &fraction(5));
    finds(&mut b, "f-1", "nonconforms");
    finds(&mut b, "f-2", "conforms");
    b.put(
        None,
        found("f-1", 2, "nonconforms", &["veto:sampling"]).into(),
    );
    let state = of(&b).unwrap();
    assert_eq!((state.phase.as_deref(), state.run), (Some("fraction"), 6));
    let other = state.unvetoed.unwrap();
    assert_eq!((other.phase.as_deref(), other.run), (Some("screening"), 0));
}

/// A verdict of the rules that selects, or says why not.
fn selected(b: &Bench, n: u32, d: &Declaration, vehicle: &str, severity: Severity) -> VerdictBody {
    let mut body = b.verdict(n, d, vehicle, VerdictKind::Inspect);
    let draw = Draw {
        day: "2026-11-24".to_owned(),
        trip: 1,
        value: "00".repeat(32),
        selected: None,
    };
    body.case.facts.draw = Some(draw.clone());
    body.verdict.draw = Some(Draw {
        selected: Some(true),
        ..draw
    });
    body.verdict.reasons = vec![Reason {
        code: Code::SamplingSelected,
        severity,
        expected: crate::model::Values::new(),
        observed: crate::model::Values::new(),
        for_driver: None,
        for_officer: None,
    }];
    body
}

fn today() -> DrawDay {
    DrawDay {
        day: "2026-11-24".parse().unwrap(),
        key: Some(DayKey::new([7; 32])),
    }
}

fn draws(b: &Bench, d: &Declaration) -> Draws {
    b.ledger.draws(&b.facts(d), Some(&today()))
}

fn is_selected(b: &Bench, d: &Declaration, vehicle: &str) -> bool {
    let draws = draws(b, d);
    let of = draws.of(&d.id).unwrap();
    of.draw_of(Some(vehicle)).unwrap().selected == Some(true)
}

#[test]
fn selected_stays_so_until_a_finding_whoever_comes_and_however_it_left() {
    let mut b = Bench::new();
    let d = single();
    b.sends(&[&d]);
    assert!(!is_selected(&b, &d, PLATE));
    b.put(
        Some(&passage(1)),
        selected(&b, 1, &d, PLATE, Severity::Inspect).into(),
    );
    b.end(1, Outcome::Left);
    b.start();
    assert!(is_selected(&b, &d, PLATE));
    assert!(is_selected(&b, &d, OTHER), "whoever comes with it");
    finds(&mut b, "f-1", "conforms");
    assert!(!is_selected(&b, &d, PLATE));
    assert_eq!(b.ledger, b.replayed());
}

#[test]
fn on_a_list_it_is_the_vehicle_that_stays_selected() {
    let mut b = Bench::new();
    let d = list(20, 300_000);
    b.sends(&[&d]);
    b.put(
        Some(&passage(1)),
        selected(&b, 1, &d, OTHER, Severity::Inspect).into(),
    );
    assert!(is_selected(&b, &d, OTHER));
    assert!(!is_selected(&b, &d, PLATE));
    let mut about = found("f-1", 1, "conforms", &[]);
    about.declaration = d.id.clone();
    about.passage = passage(9);
    b.put(None, about.clone().into());
    assert!(
        is_selected(&b, &d, OTHER),
        "a finding about another vehicle"
    );
    about.id = crate::model::FindingId::parse("f-2").unwrap();
    about.vehicle = crate::model::Plate::parse(OTHER).unwrap();
    b.put(None, about.into());
    assert!(!is_selected(&b, &d, OTHER));
}

/// Vehicles of a list are selected one beside the other, each once; a finding
/// settles the passage or the vehicle it names.
#[test]
fn each_vehicle_of_a_list_stays_selected_by_itself() {
    let d = list(20, 300_000);
    let vehicles = |b: &Bench| draws(b, &d).of(&d.id).unwrap().selected.clone();
    let of = |all: &[&str]| -> std::collections::BTreeSet<_> {
        all.iter().map(|v| Some((*v).to_owned())).collect()
    };
    for (passage_of, vehicle, left) in [
        (9, PLATE, vec![OTHER]),
        (9, OTHER, vec![PLATE]),
        (2, "粤B77777", vec![PLATE]),
        (3, "粤B77777", vec![OTHER]),
        (1, "粤B77777", vec![OTHER, PLATE]),
    ] {
        let mut b = Bench::new();
        b.sends(&[&d]);
        for (n, vehicle) in [(1, PLATE), (2, OTHER), (3, PLATE)] {
            let body = selected(&b, n, &d, vehicle, Severity::Inspect);
            b.put(Some(&passage(n)), body.into());
        }
        assert_eq!(vehicles(&b), of(&[OTHER, PLATE]));
        let mut about = found("f-1", 1, "conforms", &[]);
        about.declaration = d.id.clone();
        about.passage = passage(passage_of);
        about.vehicle = crate::model::Plate::parse(vehicle).unwrap();
        b.put(None, about.into());
        assert_eq!(vehicles(&b), of(&left), "{passage_of} {vehicle}");
    }
}

#[test]
fn a_selection_that_a_finding_covers_owes_no_other_inspection() {
    let mut b = Bench::new();
    let d = single();
    b.sends(&[&d]);
    b.put(
        Some(&passage(1)),
        selected(&b, 1, &d, PLATE, Severity::Warn).into(),
    );
    assert!(!is_selected(&b, &d, PLATE));
}

#[test]
fn a_selection_is_forgotten_with_the_account() {
    let mut b = Bench::new();
    let d = single();
    b.sends(&[&d]);
    b.put(
        Some(&passage(1)),
        selected(&b, 1, &d, PLATE, Severity::Inspect).into(),
    );
    let feed_at = |b: &mut Bench, days: i64| {
        let later = now().plus_s(days * 24 * 3600);
        let mut draft = draft(None, batch(99).into());
        draft.at = later;
        if let Body::Feed(body) = &mut draft.body {
            body.sent_at = later;
        }
        b.ledger.apply(99, &draft);
    };
    // The window ends on the 25th; thirty days are kept, and a day more.
    feed_at(&mut b, 31);
    assert!(!b.ledger.in_force.selected.is_empty());
    feed_at(&mut b, 33);
    assert!(b.ledger.in_force.selected.is_empty());
}

#[test]
fn a_trip_is_drawn_for_once_even_if_it_is_given_back() {
    let mut b = Bench::new();
    let d = list(20, 300_000);
    b.sends(&[&d]);
    let trip = |b: &Bench, vehicle: &str| {
        let draws = draws(b, &d);
        draws
            .of(&d.id)
            .unwrap()
            .draw_of(Some(vehicle))
            .unwrap()
            .trip
    };
    assert_eq!(trip(&b, PLATE), 1);
    b.release(1, &d).unwrap();
    assert_eq!(trip(&b, PLATE), 2);
    b.give_back(1);
    b.end(1, Outcome::GivenBack);
    assert_eq!(b.balance("list").issued, 0);
    assert_eq!(trip(&b, PLATE), 2, "trip 1 was seen");
    b.judge(2, &d, OTHER, VerdictKind::Inspect).unwrap();
    assert_eq!(trip(&b, OTHER), 2, "the trip it holds");
    assert_eq!(trip(&b, PLATE), 3);
}

#[test]
fn a_state_the_rules_found_too_old_begins_anew_unless_it_moved_since() {
    let mut b = Bench::new();
    brings(&mut b, 1, &fraction(5));
    let d = single();
    b.sends(&[&d]);
    let decayed = |b: &Bench, judged_on: Option<Sampling>| {
        let mut body = b.verdict(1, &d, PLATE, VerdictKind::Hold);
        body.case.facts.sampling = judged_on;
        body.verdict.checks = vec![crate::model::CheckTrace {
            check: "sampling".into(),
            outcome: crate::model::CheckOutcome::Pass,
            inputs: crate::model::Values::of([("decayed", true.into())]),
            threshold: crate::model::Values::new(),
        }];
        body
    };
    let stale = of(&b);
    finds(&mut b, "f-1", "conforms");
    b.put(Some(&passage(1)), decayed(&b, stale).into());
    assert_eq!(stands(&b), ("fraction".to_owned(), 6), "it has moved since");
    let present = of(&b);
    b.put(Some(&passage(1)), decayed(&b, present).into());
    assert_eq!(stands(&b), ("start".to_owned(), 0));
    assert_eq!(b.ledger.sampling_moves().decayed, 1);
}

#[test]
fn a_snapshot_keeps_states_selections_and_the_draw_key_and_an_old_one_reads() {
    let mut b = Bench::new();
    let old = serde_json::to_value(&b.ledger).unwrap();
    assert!(old["in_force"].get("sampling").is_none());
    assert!(old.get("draw_key").is_none());
    brings(&mut b, 1, &fraction(5));
    finds(&mut b, "f-1", "nonconforms");
    let d = single();
    b.sends(&[&d]);
    b.put(
        Some(&passage(1)),
        selected(&b, 1, &d, PLATE, Severity::Inspect).into(),
    );
    let key = crate::record::DrawKeyBody {
        day: "2026-11-24".to_owned(),
        sha256: DayKey::new([7; 32]).previous().reveal(),
        chain: None,
    };
    b.put(None, key.clone().into());
    assert_eq!(b.ledger.draw_key(), Some(&key));
    let text = serde_json::to_string(&b.ledger).unwrap();
    let read: Ledger = serde_json::from_str(&text).unwrap();
    assert_eq!(read.reindexed(), b.ledger.clone().reindexed());
}

/// Whether a verdict judged before a finding about its enterprise stands.
#[test]
fn a_verdict_judged_on_a_state_that_moved_is_judged_again() {
    let mut b = Bench::new();
    let (mine, other) = (
        single(),
        declaration("other", &[OTHER], &json!({"kind": "single"})),
    );
    brings(&mut b, 1, &fraction(5));
    b.sends(&[&mine, &other]);
    let judged = b.verdict(1, &mine, PLATE, VerdictKind::Release);
    let mut about = found("f-1", 1, "nonconforms", &[]);
    about.declaration = other.id;
    about.vehicle = crate::model::Plate::parse(OTHER).unwrap();
    b.put(None, about.into());
    assert_eq!(
        b.commit(1, judged.into(), &Guard::Verdict),
        Err(Refusal::Changed)
    );
}

/// CSP-1's bookkeeping said another way: how many conformed since the last
/// that did not, over all findings that count.
fn course(findings: &[(bool, bool)], counts: impl Fn(bool) -> bool) -> (String, u32) {
    let counted: Vec<bool> = findings
        .iter()
        .filter(|(_, vetoed)| counts(*vetoed))
        .map(|(conforms, _)| *conforms)
        .collect();
    match counted.iter().rposition(|conforms| !conforms) {
        Some(last) => ("screening".to_owned(), (counted.len() - 1 - last) as u32),
        None => ("fraction".to_owned(), 5 + counted.len() as u32),
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(96))]

    #[test]
    fn both_courses_are_what_their_findings_say(
        findings in proptest::collection::vec(proptest::prelude::any::<(bool, bool)>(), 0..40),
    ) {
        let mut b = Bench::new();
        brings(&mut b, 1, &fraction(5));
        for (n, (conforms, vetoed)) in findings.iter().enumerate() {
            let result = if *conforms { "conforms" } else { "nonconforms" };
            let covers: &[&str] = if *vetoed { &["veto:sampling"] } else { &[] };
            b.put(None, found(&format!("f-{n}"), 1, result, covers).into());
        }
        let state = of(&b).unwrap();
        let main = (state.phase.clone().unwrap(), state.run);
        let unvetoed = state.unvetoed.map(|t| (t.phase.unwrap(), t.run));
        proptest::prop_assert_eq!(&main, &course(&findings, |vetoed| !vetoed));
        proptest::prop_assert_eq!(unvetoed.unwrap_or(main), course(&findings, |_| true));
        proptest::prop_assert_eq!(&b.ledger, &b.replayed());
    }

    /// Whatever came between, taking the last move back is as if its finding
    /// had conformed from the start.
    #[test]
    fn a_move_taken_back_is_as_if_it_had_conformed(
        before in proptest::collection::vec(proptest::prelude::any::<bool>(), 0..10),
        after in 0u32..10,
    ) {
        let (mut corrected, mut conforming) = (Bench::new(), Bench::new());
        for (bench, result) in [(&mut corrected, "nonconforms"), (&mut conforming, "conforms")] {
            brings(bench, 1, &fraction(5));
            for (n, conforms) in before.iter().enumerate() {
                let said = if *conforms { "conforms" } else { "nonconforms" };
                finds(bench, &format!("b-{n}"), said);
            }
            finds(bench, "f-1", result);
            for n in 0..after {
                finds(bench, &format!("a-{n}"), "conforms");
            }
        }
        corrected.put(None, found("f-1", 2, "conforms", &[]).into());
        proptest::prop_assert_eq!(stands(&corrected), stands(&conforming));
    }
}
