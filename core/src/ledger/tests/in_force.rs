//! The in-force set: controls, marks, enterprises, generations, snapshots.

use super::*;
use crate::model::{ItemDigest, Status};
use VerdictKind::{Hold, Release};

#[test]
fn a_verdict_is_refused_only_for_what_is_newer_about_its_own_subjects() {
    let d = single();
    for (kind, value, expected) in [
        ("vehicle", PLATE, Err(Refusal::Changed)),
        ("declaration", "single", Err(Refusal::Changed)),
        ("enterprise", "4403161234", Err(Refusal::Changed)),
        ("vehicle", OTHER, Ok(Took::Spent)),
        ("driver", "77", Ok(Took::Spent)),
    ] {
        let mut b = Bench::new();
        b.sends(&[&d]);
        let body = b.verdict(1, &d, PLATE, Release);
        b.feed(|f| f.controls = vec![control("c-1", kind, value, "inform")]);
        assert_eq!(
            b.commit(1, body.into(), &Guard::Verdict),
            expected,
            "{kind} {value}"
        );
    }
}

#[test]
fn facts_carry_the_controls_on_every_subject_and_none_else() {
    let d = single();
    let mut b = Bench::new();
    b.feed(|f| {
        f.controls = vec![
            control("c-1", "vehicle", "粤z·ab12港", "hold"),
            control("c-2", "enterprise", "4403161234", "inspect"),
            control("c-3", "vehicle", OTHER, "hold"),
        ];
        f.declarations = vec![mark(&d)];
    });
    let ids = |b: &Bench| -> Vec<String> {
        b.facts(&d)
            .controls
            .iter()
            .map(|c| c.id.to_string())
            .collect()
    };
    assert_eq!(ids(&b), ["c-1", "c-2"]);
    b.feed(|f| {
        let mut c = control("c-1", "vehicle", PLATE, "hold");
        (c.version, c.withdrawn) = (2, true);
        f.controls = vec![c];
    });
    assert_eq!(ids(&b), ["c-2"]);
    b.feed(|f| f.controls = vec![control("c-1", "vehicle", PLATE, "hold")]);
    assert_eq!(ids(&b), ["c-2"], "version 1 again is stale");
    b.feed(|f| {
        let mut c = control("c-2", "vehicle", OTHER, "hold");
        c.version = 2;
        f.controls = vec![c];
    });
    assert!(ids(&b).is_empty(), "it is on another subject now");
    assert_eq!(b.ledger.controls().count(), 2);
}

#[test]
fn a_declaration_is_what_the_feed_last_said_whatever_the_store_found() {
    let d = single();
    let mut b = Bench::new();
    assert_eq!(b.facts(&d).candidates.len(), 1, "no feed: from files");
    b.sends(&[&d]);
    let facts = b.facts(&d);
    assert_eq!((facts.candidates.len(), facts.store), (1, None));

    let mut other = d.clone();
    other.goods_gross_kg = crate::model::Kg(1);
    let facts = b.facts(&other);
    assert_eq!(
        (facts.candidates.len(), facts.store),
        (0, Some(StoreState::Unverified))
    );

    let mut later = d.clone();
    later.version = 2;
    b.sends(&[&later]);
    let facts = b.facts(&d);
    assert_eq!(
        (facts.candidates.len(), facts.store),
        (0, Some(StoreState::Unverified))
    );
    assert_eq!(b.facts(&later).candidates, [later.clone()]);

    for status in [Status::Held, Status::Revoked] {
        later.version += 1;
        later.status = status;
        b.sends(&[&later]);
        assert_eq!(b.facts(&d).candidates[0].status, status);
    }
    let stranger = declaration("stranger", &[PLATE], &json!({"kind": "single"}));
    assert_eq!(b.facts(&stranger).store, Some(StoreState::Unverified));
}

#[test]
fn a_release_of_a_version_that_is_not_in_force_is_refused_whatever_its_facts_say() {
    let d = single();
    let mut b = Bench::new();
    b.sends(&[&d]);
    let mut later = d.clone();
    later.version = 2;
    b.sends(&[&later]);
    let mut facts = b.facts(&later);
    facts.candidates = vec![d.clone()];
    let spend = Spend {
        trips: 1,
        goods_kg: d.goods_gross_kg,
    };
    let body = verdict_of(1, &d, PLATE, Release, Some(spend), facts);
    assert_eq!(
        b.commit(1, body.into(), &Guard::Verdict),
        Err(Refusal::Changed)
    );
    assert_eq!(b.release(1, &later), Ok(Took::Spent));
}

#[test]
fn an_unreadable_control_holds_everyone_until_a_whole_snapshot_replaces_it() {
    let d = single();
    let mut b = Bench::new();
    b.sends(&[&d]);
    let before = b.verdict(1, &d, PLATE, Release);
    b.feed(|f| f.control_unreadable = true);
    assert!(b.facts(&d).control_unreadable);
    assert_eq!(
        b.commit(1, before.into(), &Guard::Verdict),
        Err(Refusal::Changed)
    );
    assert_eq!(b.release(1, &d), Err(Refusal::Changed));
    assert_eq!(b.judge(1, &d, PLATE, Hold), Ok(Took::Nothing));
    part(&mut b, 1, 1, |f| f.declarations = vec![mark(&d)]);
    assert!(!b.facts(&d).control_unreadable);
    assert_eq!(b.release(2, &d), Ok(Took::Spent));
}

#[test]
fn a_snapshot_is_in_force_with_its_last_part_and_its_controls_at_once() {
    let (old, new) = (single(), list(3, 100_000));
    let mut b = Bench::new();
    b.feed(|f| {
        f.declarations = vec![mark(&old)];
        f.controls = vec![control("c-1", "vehicle", OTHER, "hold")];
    });
    assert_eq!(b.release(1, &old), Ok(Took::Spent));
    part(&mut b, 1, 2, |f| {
        f.declarations = vec![mark(&new)];
        f.controls = vec![control("c-2", "vehicle", PLATE, "hold")];
    });
    assert_eq!(b.ledger.position().unwrap().seq, 1);
    assert_eq!(b.facts(&new).candidates.len(), 0, "not in force yet");
    assert_eq!(b.facts(&old).candidates.len(), 1);
    assert_eq!(b.facts(&new).controls.len(), 1, "tightens at once");
    part(&mut b, 2, 2, |_| {});
    assert_eq!(b.ledger.position().unwrap().seq, 50);
    assert_eq!(b.facts(&new).candidates.len(), 1);
    assert_eq!(b.facts(&old).candidates.len(), 0, "not named: gone");
    let ids: Vec<_> = b.ledger.controls().map(|c| c.id.to_string()).collect();
    assert_eq!(ids, ["c-2"]);
    assert_eq!(
        b.balance("single").issued,
        1,
        "spends are no part of a snapshot"
    );
    assert_eq!(b.ledger, b.replayed());
}

#[test]
fn parts_out_of_order_put_nothing_in_force() {
    let (old, new) = (single(), list(3, 100_000));
    let mut b = Bench::new();
    b.sends(&[&old]);
    part(&mut b, 1, 3, |f| f.declarations = vec![mark(&new)]);
    part(&mut b, 3, 3, |_| {});
    assert_eq!(b.ledger.position().unwrap().seq, 1);
    assert_eq!(b.facts(&old).candidates.len(), 1);
}

#[test]
fn bucket_digests_are_those_of_what_is_in_force() {
    let (a, mut c) = (single(), list(3, 100_000));
    let mut b = Bench::new();
    b.sends(&[&a, &c]);
    c.version = 2;
    b.sends(&[&c]);
    let mut stale = c.clone();
    stale.version = 1;
    b.sends(&[&stale]);
    let mut expected = Buckets::default();
    for d in [&a, &c] {
        expected.toggle(&d.id, &ItemDigest::of(canonical(d).as_bytes()));
    }
    assert_eq!(*b.ledger.buckets(), expected);
    let text = serde_json::to_string(&b.ledger).unwrap();
    let restored = serde_json::from_str::<Ledger>(&text).unwrap().reindexed();
    assert_eq!(*restored.buckets(), expected);
    assert_eq!(
        restored.facts(vec![c.clone()], StoreState::Ok, &Query::default()),
        {
            let query = Query::default();
            b.ledger.facts(vec![c], StoreState::Ok, &query)
        }
    );
}

#[test]
fn a_heartbeat_counts_only_for_the_last_seq_applied() {
    let mut b = Bench::new();
    b.sends(&[&single()]);
    let generation = b.ledger.generation();
    let beat = |seq, at: &str| {
        let mut body = batch(seq);
        body.sent_at = wall(at);
        body
    };
    b.put(None, beat(3, "2026-11-24T08:01:00+08:00").into());
    assert_eq!(b.ledger.heard_at(), Some(now()), "a gap ages the cache");
    b.put(None, beat(1, "2026-11-24T08:02:00+08:00").into());
    assert_eq!(b.ledger.heard_at(), Some(wall("2026-11-24T08:02:00+08:00")));
    assert_eq!(b.ledger.generation(), generation, "nothing changed");
}

#[test]
fn a_control_that_comes_after_the_append_is_late_for_those_let_go() {
    let d = list(5, 100_000);
    let mut b = Bench::new();
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
    let verdict_seq = b.last_seq();
    assert_eq!(b.judge(2, &d, OTHER, Hold), Ok(Took::Nothing));
    let late = |b: &Bench, kind, value, act| {
        let mut body = batch(9);
        body.controls = vec![control("c-9", kind, value, act)];
        b.ledger.late(&body)
    };
    let found = late(&b, "vehicle", PLATE, "hold");
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0].passage, found[0].verdict_seq),
        (&passage(1), verdict_seq)
    );
    assert!(
        late(&b, "vehicle", OTHER, "hold").is_empty(),
        "held, not let go"
    );
    assert!(late(&b, "vehicle", PLATE, "inform").is_empty());
    b.feed(|f| f.controls = vec![control("c-9", "vehicle", PLATE, "hold")]);
    assert!(
        late(&b, "vehicle", PLATE, "hold").is_empty(),
        "known already"
    );
    b.give_back(1);
    assert!(late(&b, "enterprise", "4403161234", "hold").is_empty());
}

#[test]
fn facts_outlive_their_window_by_a_day_and_need_both_clocks_to_be_forgotten() {
    let d = single();
    let mut b = Bench::new();
    let mut expiring = control("c-1", "vehicle", PLATE, "hold");
    expiring.expires = Some(d.valid_until);
    b.feed(|f| {
        f.declarations = vec![mark(&d)];
        f.controls = vec![expiring];
    });
    let at = |b: &mut Bench, sent: &str, ours: &str| {
        let mut body = batch(1);
        body.sent_at = wall(sent);
        let mut draft = draft(None, body.into());
        draft.at = wall(ours);
        let seq = b.records.len() as u64;
        b.records.push(draft.clone());
        b.ledger.apply(seq, &draft);
    };
    at(
        &mut b,
        "2026-11-25T23:59:00+08:00",
        "2026-11-25T23:59:00+08:00",
    );
    assert_eq!(
        (b.ledger.declaration_count(), b.ledger.controls().count()),
        (1, 1)
    );
    at(
        &mut b,
        "2036-01-01T00:00:00+08:00",
        "2026-11-25T23:59:00+08:00",
    );
    assert_eq!(
        b.ledger.declaration_count(),
        1,
        "the authority's clock alone"
    );
    at(
        &mut b,
        "2026-11-26T01:00:00+08:00",
        "2026-11-26T01:00:00+08:00",
    );
    assert_eq!(
        (b.ledger.declaration_count(), b.ledger.controls().count()),
        (0, 0)
    );
    assert_eq!(*b.ledger.buckets(), Buckets::default());
    assert_eq!(b.ledger.purged_until(), wall("2026-11-25T01:00:00+08:00"));
}

#[test]
fn when_too_many_subjects_changed_everything_counts_as_changed() {
    let d = single();
    let mut b = Bench::new();
    b.sends(&[&d]);
    let body = b.verdict(1, &d, PLATE, Release);
    b.feed(|f| {
        f.controls = (0..9000)
            .map(|n| control(&format!("c-{n}"), "driver", &format!("d{n}"), "hold"))
            .collect();
    });
    assert_eq!(
        b.commit(1, body.into(), &Guard::Verdict),
        Err(Refusal::Changed)
    );
    assert_eq!(b.release(1, &d), Ok(Took::Spent));
}

/// Of two that one batch names, or one batch after another, the higher version
/// counts, and of one version the later.
#[test]
fn of_a_declaration_that_the_feed_names_twice_the_newest_counts() {
    use crate::model::Status::{Held, Revoked};
    let versions = [(1, Held), (2, Revoked)];
    for (first, second, stands) in [
        (versions[0], versions[1], Revoked),
        (versions[1], versions[0], Revoked),
        ((2, Held), (2, Revoked), Revoked),
        ((2, Revoked), (2, Held), Held),
    ] {
        let of = |(version, status)| {
            let mut d = single();
            (d.version, d.status) = (version, status);
            d
        };
        let (mut one, mut two) = (Bench::new(), Bench::new());
        one.sends(&[&of(first), &of(second)]);
        two.sends(&[&of(first)]);
        two.sends(&[&of(second)]);
        for b in [one, two] {
            assert_eq!(b.facts(&single()).candidates[0].status, stands);
            assert_eq!(b.ledger.declaration_count(), 1);
        }
    }
}

/// A snapshot begun again is a new one: what was staged before is gone.
#[test]
fn a_snapshot_that_begins_again_forgets_its_first_beginning() {
    let (old, new) = (single(), list(3, 100_000));
    let mut b = Bench::new();
    part(&mut b, 1, 2, |f| f.declarations = vec![mark(&old)]);
    part(&mut b, 1, 2, |f| f.declarations = vec![mark(&new)]);
    part(&mut b, 2, 2, |_| {});
    assert_eq!(b.facts(&old).candidates.len(), 0);
    assert_eq!(b.facts(&new).candidates.len(), 1);
}
