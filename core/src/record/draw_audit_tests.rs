//! Journals of draws, honest and forged. The journal's own hashes are not
//! looked at here: who forges a draw can write the chain anew.

use serde_json::json;

use super::super::{DrawKeys, Naming};
use super::*;
use crate::clearance::{DrawDay, KeyChain};
use crate::model::parse_json;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn chain(n: u8, last: &str) -> KeyChain {
    KeyChain::new(day(last), DayKey::new([n; 32]))
}

fn verdict(declaration: &str, draw: &crate::model::Draw) -> VerdictBody {
    let facts = json!({"draw": draw});
    let mut carried = draw.clone();
    carried.selected = Some(false);
    let body = json!({
        "case": {"passage": "L1-1-1", "lane": "L1", "port": "5345", "direction": "export",
            "arrived_at": "2026-11-24T08:00:00+08:00", "judged_at": "2026-11-24T08:00:00+08:00",
            "clock": "trusted", "plates": [], "facts": facts},
        "verdict": {"passage": "L1-1-1", "verdict": "release", "draw": carried,
            "declarations": [{"id": declaration, "version": 1, "match": "exact", "spend": null, "vehicle": null}],
            "policy": {"version": "1", "sha256": "0"}, "rules": 1}});
    parse_json(&body.to_string()).unwrap()
}

enum Written {
    Key(DrawKeyBody),
    Verdict(Box<VerdictBody>),
}

/// A controller that draws as the daemon does.
#[derive(Default)]
struct Controller {
    records: Vec<Written>,
    keys: DrawKeys,
}

impl Controller {
    fn names(&mut self, at: &str, chain: &KeyChain, old: Option<&KeyChain>) -> Naming {
        let naming = self.keys.name(day(at), chain, None, old);
        if let Naming::Record(body) = &naming {
            self.keys = DrawKeys::behind(Some(body));
            self.records.push(Written::Key(body.clone()));
        }
        naming
    }

    fn draws(&mut self, at: &str, chain: &KeyChain, declaration: &str, trip: u32) {
        self.names(at, chain, None);
        let today = DrawDay {
            day: day(at),
            key: chain.key_of(day(at)),
        };
        let id = DeclarationId::parse(declaration).unwrap();
        let draw = today.draw(&id, trip);
        let body = verdict(declaration, &draw);
        self.records.push(Written::Verdict(Box::new(body)));
    }

    fn report(&self) -> DrawReport {
        let mut audit = DrawAudit::default();
        for (seq, body) in (0..).zip(&self.records) {
            match body {
                Written::Key(body) => audit.key(seq, body),
                Written::Verdict(body) => audit.verdict(seq, body),
            }
        }
        audit.report()
    }

    fn verdict_at(&mut self, n: usize) -> &mut VerdictBody {
        match &mut self.records[n] {
            Written::Verdict(body) => body,
            Written::Key(_) => panic!("a verdict stands there"),
        }
    }

    fn key_at(&mut self, n: usize) -> &mut DrawKeyBody {
        match &mut self.records[n] {
            Written::Key(body) => body,
            Written::Verdict(_) => panic!("a draw key stands there"),
        }
    }
}

/// Records 0 key, 1 and 2 draws of the 24th, 3 key, 4 draw of the 26th.
fn three_days() -> Controller {
    let chain = chain(1, "2027-11-01");
    let mut c = Controller::default();
    c.draws("2026-11-24", &chain, "A", 1);
    c.draws("2026-11-24", &chain, "A", 2);
    c.draws("2026-11-26", &chain, "B", 1);
    c
}

fn fault(c: &Controller) -> String {
    c.report().fault.expect("should be found out")
}

#[test]
fn draws_are_verified_once_a_later_day_is_named() {
    let report = three_days().report();
    assert_eq!(report.fault, None);
    assert_eq!((report.verified, report.not_open, report.chains), (2, 1, 1));
}

#[test]
fn a_record_tells_nothing_of_its_own_days_key() {
    let chain = chain(1, "2027-11-01");
    let mut c = three_days();
    let key = chain.key_of(day("2026-11-26")).unwrap();
    assert_eq!(c.key_at(3).sha256, key.previous().reveal());
    assert_ne!(c.key_at(3).sha256, key.reveal());
}

#[test]
fn a_forged_value_is_named_by_its_record() {
    let mut c = three_days();
    let body = c.verdict_at(2);
    let forged = format!("{:064x}", 5);
    body.verdict
        .draw
        .as_mut()
        .unwrap()
        .value
        .clone_from(&forged);
    body.case.facts.draw.as_mut().unwrap().value = forged;
    assert!(
        fault(&c).starts_with("record 2: the draw for trip 2 of A"),
        "{}",
        fault(&c)
    );
    assert_eq!(c.report().verified, 1, "the rest is still verified");
}

#[test]
fn a_forged_trip_is_named_by_its_record() {
    let mut c = three_days();
    let body = c.verdict_at(1);
    body.verdict.draw.as_mut().unwrap().trip = 7;
    body.case.facts.draw.as_mut().unwrap().trip = 7;
    assert!(fault(&c).starts_with("record 1: the draw for trip 7 of A"));
}

#[test]
fn a_draw_moved_to_another_declaration_is_named_by_its_record() {
    let mut c = three_days();
    c.verdict_at(1).verdict.declarations[0].id = DeclarationId::parse("C").unwrap();
    assert!(fault(&c).starts_with("record 1: the draw for trip 1 of C"));
}

#[test]
fn a_verdict_whose_draw_is_not_its_cases_is_named() {
    let mut c = three_days();
    c.verdict_at(4).verdict.draw.as_mut().unwrap().trip = 2;
    assert!(fault(&c).starts_with("record 4: the verdict's draw is not"));
    let mut c = three_days();
    c.verdict_at(4).case.facts.draw = None;
    assert!(fault(&c).starts_with("record 4: the verdict's draw is not"));
}

#[test]
fn a_key_of_another_chain_is_named() {
    let mut c = three_days();
    c.key_at(3).sha256 = DayKey::new([8; 32]).reveal();
    assert!(fault(&c).starts_with("record 3: the draw key of 2026-11-26 is not of the chain"));
}

#[test]
fn a_chain_that_does_not_lead_to_its_anchor_is_named() {
    let mut c = three_days();
    c.key_at(0).chain.as_mut().unwrap().anchor = DayKey::new([8; 32]).reveal();
    assert!(fault(&c).starts_with("record 0: the draw key of 2026-11-24 does not lead"));
    c.key_at(0).chain = None;
    assert!(fault(&c).starts_with("record 0: a draw key of no chain"));
}

#[test]
fn a_draw_before_its_days_key_is_named() {
    let mut c = three_days();
    c.records.swap(0, 1);
    assert!(fault(&c).starts_with("record 0: a draw of 2026-11-24 before the key"));
}

#[test]
fn a_new_chain_is_explicit_and_opens_the_old_one() {
    let (old, new) = (chain(1, "2026-11-25"), chain(2, "2027-11-25"));
    let mut c = Controller::default();
    c.draws("2026-11-24", &old, "A", 1);
    c.draws("2026-11-25", &old, "A", 2);
    assert_eq!(c.names("2026-11-26", &old, None), Naming::NoKey);
    c.names("2026-11-26", &new, Some(&old));
    c.draws("2026-11-26", &new, "A", 3);
    let report = c.report();
    assert_eq!(report.fault, None);
    assert_eq!((report.verified, report.not_open, report.chains), (2, 1, 2));
    let body = c.key_at(4);
    let closes = body.chain.as_mut().unwrap().closes.as_mut().unwrap();
    assert_eq!(closes.day, "2026-11-25");
    closes.key = DayKey::new([8; 32]).reveal();
    assert!(fault(&c).starts_with("record 4: the key of 2026-11-25 is not of the chain it closes"));
}

#[test]
fn a_lost_chain_leaves_its_last_day_unopened_and_says_so() {
    let mut c = three_days();
    c.draws("2026-11-26", &chain(2, "2027-11-25"), "B", 2);
    c.draws("2026-11-27", &chain(2, "2027-11-25"), "B", 3);
    let report = c.report();
    assert_eq!(report.fault, None);
    assert_eq!((report.verified, report.not_open, report.chains), (3, 2, 2));
}

#[test]
fn a_day_is_named_once_and_never_after_its_key_is_open() {
    let chain = chain(1, "2027-11-01");
    let mut c = three_days();
    assert_eq!(c.names("2026-11-26", &chain, None), Naming::Named);
    assert_eq!(c.names("2026-11-25", &chain, None), Naming::Opened);
    assert_eq!(c.names("2026-11-24", &chain, None), Naming::Opened);
    let Naming::Record(next) = c.names("2026-11-27", &chain, None) else {
        panic!("a new day needs a record");
    };
    assert_eq!(next.chain, None, "the chain goes on");
}

#[test]
fn a_published_anchor_long_before_the_first_day_is_led_to() {
    let chain = chain(1, "2027-11-01");
    let anchor_day = day("2026-10-31");
    let anchor = chain.key_of(anchor_day).unwrap();
    let keys = DrawKeys::default();
    let naming = keys.name(day("2026-11-24"), &chain, Some((anchor_day, &anchor)), None);
    let Naming::Record(body) = naming else {
        panic!("the first day needs a record");
    };
    let mut audit = DrawAudit::default();
    audit.key(0, &body);
    assert_eq!(audit.report().fault, None);
    let on = |day| keys.name(day, &chain, Some((anchor_day, &anchor)), None);
    assert_eq!(on(anchor_day), Naming::Opened, "everyone knows that key");
    let first = anchor_day.tomorrow().unwrap();
    assert!(matches!(on(first), Naming::Record(_)));
}

#[test]
fn a_draw_without_a_key_is_counted_apart() {
    let mut c = three_days();
    let today = DrawDay {
        day: day("2026-11-24"),
        key: None,
    };
    let draw = today.draw(&DeclarationId::parse("A").unwrap(), 3);
    c.records
        .push(Written::Verdict(Box::new(verdict("A", &draw))));
    let report = c.report();
    assert_eq!((report.fault, report.without_key), (None, 1));
}
