//! How long the ledger keeps what it knows, and how much: each limit at the
//! last moment that it still holds and at the next.

use super::*;
use crate::model::{Enterprise, EnterpriseId, Plate};
use crate::record::UnusableVehicle;

/// A heartbeat an hour and a quantity of hours after [`now`], by both clocks.
fn hours(b: &mut Bench, hours: i64) {
    at(b, now().plus_s(hours * 3600));
}

fn at(b: &mut Bench, time: Wall) {
    let mut body = batch(b.feed);
    body.sent_at = time;
    b.put_at(time, None, body.into());
}

/// What was sent at [`now`] is looked at again `h` hours later.
fn after(sent: impl Fn(&mut Bench), h: i64) -> Bench {
    let mut b = Bench::new();
    sent(&mut b);
    hours(&mut b, h);
    b
}

#[test]
fn a_withdrawn_control_is_remembered_for_a_day_so_that_an_older_version_stays_stale() {
    for (h, comes_back) in [(1, false), (24, false), (25, true), (26, true)] {
        let sent = |b: &mut Bench| {
            let mut gone = control("c-1", "vehicle", PLATE, "hold");
            (gone.version, gone.withdrawn) = (2, true);
            b.feed(|f| f.controls = vec![gone]);
        };
        let mut b = after(sent, h);
        b.feed(|f| f.controls = vec![control("c-1", "vehicle", PLATE, "hold")]);
        assert_eq!(b.ledger.controls().count() == 1, comes_back, "{h} hours");
    }
}

/// A control that is not withdrawn and never expires stays.
#[test]
fn a_control_is_forgotten_a_day_after_it_expires_and_no_other_one() {
    for (h, kept) in [(0, 2), (24, 2), (25, 1), (24 * 400, 1)] {
        let sent = |b: &mut Bench| {
            let mut expiring = control("c-1", "vehicle", PLATE, "hold");
            expiring.expires = Some(now());
            let standing = control("c-2", "vehicle", PLATE, "hold");
            b.feed(|f| f.controls = vec![expiring, standing]);
        };
        let b = after(sent, h);
        assert_eq!(b.ledger.controls().count(), kept, "{h} hours");
        let found = b.facts(&single()).controls;
        assert_eq!(found.len(), kept, "{h} hours: by subject");
        assert_eq!(b.ledger, b.replayed());
    }
}

/// Purged on the hour, a day after the window's end.
#[test]
fn a_declaration_is_forgotten_a_day_after_its_window() {
    let mut d = single();
    d.valid_until = now();
    for (h, kept) in [(24, 1), (25, 0)] {
        let b = after(|b| b.sends(&[&d]), h);
        assert_eq!(b.ledger.declaration_count(), kept, "{h} hours");
        assert_eq!(b.ledger.purged_until(), now().plus_s((h - 24) * 3600));
    }
}

#[test]
fn a_finding_is_kept_for_thirty_days_and_the_day() {
    let mut d = single();
    d.valid_until = now().plus_s(400 * 24 * 3600);
    // It was made at nine, an hour after now.
    let last = 31 * 24 + 1;
    for (h, kept) in [(1, 1), (last, 1), (last + 1, 0), (last + 24, 0)] {
        let sent = |b: &mut Bench| {
            b.sends(&[&d]);
            b.feed(|f| f.findings = vec![finding("f-1", &passage(1), "single", "back-to-lane")]);
        };
        let b = after(sent, h);
        assert_eq!(b.facts(&d).findings.len(), kept, "{h} hours");
    }
}

/// It may have been counted and forgotten.
#[test]
fn a_finding_from_before_those_that_are_kept_moves_no_state() {
    let purged = now().plus_s(24 * 3600);
    let oldest = purged.plus_s(-30 * 24 * 3600);
    for (made, moves) in [(oldest, 1), (Wall(oldest.0 - 1), 0)] {
        let mut b = Bench::new();
        hours(&mut b, 48);
        assert_eq!(b.ledger.purged_until(), purged);
        let mut old = finding("f-1", &passage(1), "single", "detained");
        old.at = made;
        b.put(None, old.into());
        assert_eq!(b.ledger.sampling_moves().conforms, moves, "{made}");
    }
}

#[test]
fn the_state_of_an_enterprise_nobody_knows_goes_with_its_findings() {
    let id = EnterpriseId::parse("4403161234").unwrap();
    let last = 31 * 24 + 1;
    for (known, h, kept) in [
        (false, last, true),
        (false, last + 1, false),
        (true, last + 1, true),
    ] {
        let sent = |b: &mut Bench| {
            if known {
                let text = r#"{"id":"4403161234","version":1,"class":"regular","state":"normal"}"#;
                let known: Enterprise = parse_json(text).unwrap();
                b.feed(|f| f.enterprises = vec![known]);
            }
            b.feed(|f| f.findings = vec![finding("f-1", &passage(1), "single", "detained")]);
        };
        let b = after(sent, h);
        assert_eq!(b.ledger.sampling(&id).is_some(), kept, "{known} {h} hours");
    }
}

fn vehicle(declaration: Option<&Declaration>, plates: &[&str]) -> UnusableVehicle {
    UnusableVehicle {
        declaration: declaration.map(|d| d.id.clone()),
        plates: plates.iter().map(|p| Plate::parse(p).unwrap()).collect(),
    }
}

#[test]
fn an_unusable_document_that_is_not_in_force_holds_its_trucks_for_a_day() {
    let d = single();
    for (h, held) in [(1, 1), (24, 1), (25, 0), (26, 0)] {
        let sent =
            |b: &mut Bench| b.feed(|f| f.unusable_vehicles = vec![vehicle(Some(&d), &[PLATE])]);
        let b = after(sent, h);
        let facts = b
            .ledger
            .facts(Vec::new(), StoreState::Ok, &query(&[PLATE, OTHER]));
        assert_eq!(facts.unusable.len(), held, "{h} hours");
    }
}

#[test]
fn as_many_unusable_plates_as_are_kept_do_not_hold_the_port_and_one_more_does() {
    let plates: Vec<String> = (0..=4096).map(|n| format!("粤B{n:05}")).collect();
    let plates: Vec<&str> = plates.iter().map(String::as_str).collect();
    let mut b = Bench::new();
    b.feed(|f| f.unusable_vehicles = vec![vehicle(None, &plates[..4095])]);
    b.feed(|f| f.unusable_vehicles = vec![vehicle(None, &plates[4095..4096])]);
    assert!(!b.ledger.is_control_unreadable());
    b.feed(|f| f.unusable_vehicles = vec![vehicle(None, &plates[4096..])]);
    assert!(b.ledger.is_control_unreadable());
}

#[test]
fn as_many_unusable_documents_as_are_kept_do_not_hold_the_port_and_one_more_does() {
    let ids: Vec<_> = (0..=4096)
        .map(|n| DeclarationId::parse(&format!("d-{n}")).unwrap())
        .collect();
    let mut b = Bench::new();
    b.feed(|f| f.unusable_ids = ids[..4096].to_vec());
    // One that is known takes no place.
    b.feed(|f| f.unusable_ids = ids[..1].to_vec());
    assert!(!b.ledger.is_control_unreadable());
    assert!(!b.ledger.wants_snapshot());
    b.feed(|f| f.unusable_ids = ids[4096..].to_vec());
    assert!(b.ledger.is_control_unreadable());
    assert!(b.ledger.wants_snapshot());
}

/// Subjects whose changes are told apart are as many as are kept; with one
/// more, a verdict on a subject nobody touched is judged again.
#[test]
fn a_change_elsewhere_refuses_a_verdict_only_beyond_the_subjects_that_are_told_apart() {
    let d = single();
    // The declaration itself was touched.
    for (others, refused) in [(8191, false), (8192, true)] {
        let mut b = Bench::new();
        b.sends(&[&d]);
        let body = b.verdict(1, &d, PLATE, VerdictKind::Release);
        b.feed(|f| {
            let on = |n| control(&format!("c-{n}"), "driver", &format!("d{n}"), "hold");
            f.controls = (0..others).map(on).collect();
        });
        let answer = b.commit(1, body.into(), &Guard::Verdict);
        assert_eq!(answer == Err(Refusal::Changed), refused, "{others}");
    }
}

#[test]
fn a_balance_is_kept_thirty_days_and_a_day_after_its_window() {
    let d = single();
    // The window ends sixteen hours from now.
    let last = 31 * 24 + 16;
    for (h, issued) in [(last, 1), (last + 1, 0)] {
        let sent = |b: &mut Bench| {
            assert_eq!(b.release(1, &d), Ok(Took::Spent));
            b.end(1, Outcome::Passed);
        };
        assert_eq!(after(sent, h).balance("single").issued, issued, "{h} hours");
    }
}

/// A convoy is kept for as long as its declarations are.
#[test]
fn a_convoy_is_kept_a_day_after_its_window() {
    let mut d = single();
    d.convoy = Some(crate::model::ConvoyRef {
        no: "B1".into(),
        members: 2,
    });
    for (h, come) in [(24 + 16, 1), (24 + 17, 0)] {
        let sent = |b: &mut Bench| {
            assert_eq!(b.judge(1, &d, PLATE, VerdictKind::Hold), Ok(Took::Nothing));
        };
        let facts = after(sent, h).facts(&d);
        assert_eq!(facts.convoy.unwrap().arrived.len(), come, "{h} hours");
    }
}
