//! What the feed sent and cannot be used: its subjects hold (L10).

use super::*;
use crate::model::{Enterprise, Plate};
use crate::record::UnusableVehicle;
use VerdictKind::Release;

#[test]
fn an_unusable_item_holds_its_subject_until_a_usable_one_comes() {
    let d = single();
    let enterprise: Enterprise =
        parse_json(r#"{"id":"4403161234","version":1,"class":"advanced","state":"normal"}"#)
            .unwrap();
    let mut b = Bench::new();
    b.feed(|f| {
        f.declarations = vec![mark(&d)];
        f.enterprises = vec![enterprise.clone()];
    });
    assert_eq!(b.facts(&d).enterprises.len(), 1);
    assert_eq!(b.ledger.enterprise(&enterprise.id), Some(&enterprise));
    assert_eq!(b.ledger.enterprise_count(), 1);
    let before = b.verdict(1, &d, PLATE, Release);
    b.feed(|f| {
        f.unusable_ids = vec![d.id.clone()];
        f.unusable_enterprises = vec![enterprise.id.clone()];
    });
    let facts = b.facts(&d);
    assert_eq!((facts.unusable.len(), facts.enterprises.len()), (1, 0));
    assert_eq!(b.ledger.enterprise(&enterprise.id), None);
    assert_eq!(
        b.commit(1, before.into(), &Guard::Verdict),
        Err(Refusal::Changed)
    );
    assert_eq!(b.release(1, &d), Err(Refusal::Changed));
    let (mut later, mut again) = (d.clone(), enterprise.clone());
    (later.version, again.version) = (2, 2);
    // Found by `simulate --seeds 8484..8485 --passages 100 --faults hostile`: a
    // batch of before that came again stood for the one nobody could read.
    b.feed(|f| {
        f.declarations = vec![mark(&d)];
        f.enterprises = vec![enterprise];
    });
    let facts = b.facts(&d);
    assert_eq!((facts.unusable.len(), facts.enterprises.len()), (1, 0));
    assert_eq!(b.release(1, &d), Err(Refusal::Changed));
    b.feed(|f| {
        f.declarations = vec![mark(&later)];
        f.enterprises = vec![again];
    });
    let facts = b.facts(&later);
    assert_eq!((facts.unusable.len(), facts.enterprises.len()), (0, 1));
    assert_eq!(b.release(1, &later), Ok(Took::Spent));
}

fn vehicle(declaration: Option<&Declaration>, plates: &[&str]) -> UnusableVehicle {
    UnusableVehicle {
        declaration: declaration.map(|d| d.id.clone()),
        plates: plates.iter().map(|p| Plate::parse(p).unwrap()).collect(),
    }
}

#[test]
fn a_new_declaration_that_cannot_be_used_holds_the_trucks_it_names() {
    let d = single();
    let mut b = Bench::new();
    b.feed(|f| {
        f.unusable_ids = vec![d.id.clone()];
        f.unusable_vehicles = vec![vehicle(Some(&d), &[PLATE])];
    });
    let of = |b: &Bench, plate: &str| {
        let query = query(&[plate]);
        b.ledger.facts(Vec::new(), StoreState::Ok, &query).unusable
    };
    assert_eq!(of(&b, PLATE), std::slice::from_ref(&d.id));
    assert!(of(&b, "粤B99999").is_empty());
    // So it does after a snapshot of the ledger.
    let text = serde_json::to_string(&b.ledger).unwrap();
    let read: Ledger = serde_json::from_str(&text).unwrap();
    b.ledger = read.reindexed();
    assert_eq!(of(&b, PLATE), std::slice::from_ref(&d.id));
    b.sends(&[&d]);
    assert!(of(&b, PLATE).is_empty());
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
}

#[test]
fn an_item_that_names_a_truck_and_no_document_holds_it_until_a_snapshot() {
    let d = single();
    let mut b = Bench::new();
    b.sends(&[&d]);
    let before = b.verdict(1, &d, PLATE, Release);
    b.feed(|f| f.unusable_vehicles = vec![vehicle(None, &[PLATE])]);
    assert_eq!(
        b.commit(1, before.into(), &Guard::Verdict),
        Err(Refusal::Changed)
    );
    let spoiled = |b: &Bench| b.facts(&d).unusable_plates.len();
    assert_eq!(spoiled(&b), 1);
    assert!(b.ledger.wants_snapshot());
    // A good item says nothing of the one that could not be read.
    b.sends(&[&d]);
    assert_eq!(spoiled(&b), 1);
    part(&mut b, 1, 1, |f| f.declarations = vec![mark(&d)]);
    assert_eq!(spoiled(&b), 0);
    assert!(!b.ledger.wants_snapshot());
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
}

/// A bad update may have been a revocation: what it doubts stays doubted for
/// as long as the version before it is in force.
#[test]
fn a_doubted_declaration_is_not_believed_again_because_days_went_by() {
    let mut d = single();
    d.valid_until = now().plus_s(30 * 24 * 3600);
    let mut b = Bench::new();
    b.sends(&[&d]);
    b.feed(|f| f.unusable_ids = vec![d.id.clone()]);
    let later = now().plus_s(5 * 24 * 3600);
    let mut body = batch(60);
    body.sent_at = later;
    b.put_at(later, None, body.into());
    assert_eq!(b.facts(&d).unusable, [d.id.clone()]);
    assert_eq!(b.release(1, &d), Err(Refusal::Changed));
}

#[test]
fn more_unusable_items_than_are_kept_hold_the_port() {
    let mut b = Bench::new();
    let plates: Vec<String> = (0..5000).map(|n| format!("粤B{n:05}")).collect();
    for some in plates.chunks(500) {
        let some: Vec<&str> = some.iter().map(String::as_str).collect();
        b.feed(|f| f.unusable_vehicles = vec![vehicle(None, &some)]);
    }
    assert!(b.ledger.is_control_unreadable());
    assert!(b.facts(&single()).control_unreadable);
}
