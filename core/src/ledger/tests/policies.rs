//! Which policy is in force, in records: a policy comes, waits, goes, is gone
//! back to, and survives a restart.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::{Bench, now};
use crate::ledger::{Ledger, Policies, PolicyBy, PolicyOffer, PolicyRefusal};
use crate::model::{OfficerId, Part, PolicyText, Position};
use crate::record::{Body, Draft, Kind, PolicyBody, PolicySource, PolicyStanding};
use crate::time::{Clock, Mono, Now, Wall};

const SHIPPED: &str = include_str!("../../../../config/policy.toml");

/// The shipped policy as version `n`, effective from `from`.
fn text(n: u32, from: Wall) -> String {
    let text = SHIPPED.replacen("2026-11-01.2", &format!("v{n}"), 1);
    text.replacen("2026-11-01T00:00:00+08:00", &from.to_string(), 1)
}

fn offer(n: u32, from: Wall, source: PolicySource) -> PolicyOffer {
    PolicyOffer::read(&text(n, from), PolicyBy::itself(source))
        .unwrap()
        .1
}

fn past() -> Wall {
    now().plus_s(-3600)
}

fn by_officer() -> PolicyBy {
    PolicyBy {
        source: PolicySource::Officer,
        officer: Some(OfficerId::parse("4711").unwrap()),
        reason: Some("night".to_owned()),
        uid: Some(1000),
    }
}

fn rollback() -> PolicyBy {
    PolicyBy {
        source: PolicySource::Rollback,
        ..by_officer()
    }
}

fn at(s: i64, clock: Clock) -> Now {
    Now {
        mono: Mono(0),
        wall: now().plus_s(s),
        clock,
    }
}

fn trusted() -> Now {
    at(0, Clock::Trusted)
}

/// A journal of policies.
struct Port(Policies, u64);

impl Port {
    /// With version 1 from the configured file.
    fn new() -> Self {
        let mut port = Self(Policies::default(), 0);
        let first = offer(1, past(), PolicySource::Start);
        let body = port.0.take_file(&first, trusted()).unwrap().unwrap();
        port.record(&body);
        port
    }

    fn record(&mut self, body: &PolicyBody) {
        self.1 += 1;
        self.0 = self.0.after(self.1, now(), body);
    }

    fn activate(&mut self, n: u32, from: Wall) -> PolicyStanding {
        let offer = offer(n, from, PolicySource::Officer);
        let body = self.0.take(&offer, trusted()).unwrap();
        self.record(&body);
        body.standing
    }

    fn active(&self) -> &str {
        &self.0.active().unwrap().policy.version
    }

    fn waiting(&self) -> Vec<&str> {
        let waiting = self.0.waiting().iter();
        waiting.map(|w| w.policy.version.as_str()).collect()
    }
}

#[test]
fn the_first_policy_is_in_force_at_once_whatever_the_clock() {
    let first = offer(1, now().plus_s(60), PolicySource::Start);
    let unknown = at(0, Clock::Unknown);
    let body = Policies::default().take_file(&first, unknown).unwrap();
    assert_eq!(body.unwrap().standing, PolicyStanding::Active);
}

#[test]
fn a_policy_whose_time_has_not_come_waits_for_a_trusted_clock() {
    let mut port = Port::new();
    assert_eq!(port.activate(2, now().plus_s(60)), PolicyStanding::Waiting);
    assert_eq!((port.active(), port.waiting()), ("v1", vec!["v2"]));
    assert_eq!(port.0.due(at(59, Clock::Trusted)), None);
    assert_eq!(port.0.due(at(61, Clock::Unknown)), None);
    let due = port.0.due(at(60, Clock::Trusted)).unwrap();
    assert!(due.waited && due.standing == PolicyStanding::Active);
    port.record(&due);
    assert_eq!((port.active(), port.waiting()), ("v2", vec![]));
    assert_eq!(port.0.due(at(999, Clock::Trusted)), None);
}

#[test]
fn without_a_trusted_clock_a_policy_of_yesterday_waits_too() {
    let port = Port::new();
    let offer = offer(2, past(), PolicySource::Officer);
    let body = port.0.take(&offer, at(0, Clock::Unknown)).unwrap();
    assert_eq!(body.standing, PolicyStanding::Waiting);
}

#[test]
fn those_that_wait_come_in_the_order_of_their_times() {
    let mut port = Port::new();
    port.activate(3, now().plus_s(30));
    port.activate(2, now().plus_s(20));
    assert_eq!(port.waiting(), ["v2", "v3"]);
    let late = at(60, Clock::Trusted);
    for expected in ["v2", "v3"] {
        let due = port.0.due(late).unwrap();
        port.record(&due);
        assert_eq!(port.active(), expected);
    }
}

#[test]
fn a_ninth_policy_that_would_wait_is_refused_and_one_that_waits_can_be_withdrawn() {
    let mut port = Port::new();
    for n in 2..10 {
        port.activate(n, now().plus_s(60));
    }
    let one_more = offer(10, now().plus_s(60), PolicySource::Officer);
    assert_eq!(
        port.0.take(&one_more, trusted()),
        Err(PolicyRefusal::TooManyWait)
    );
    let withdrawn = port.0.withdraw("v4", &by_officer()).unwrap();
    port.record(&withdrawn);
    assert_eq!(port.waiting().len(), 7);
    assert!(!port.waiting().contains(&"v4"));
    assert!(port.0.take(&one_more, trusted()).is_ok());
    let sha256 = port.0.waiting()[0].policy.sha256.clone();
    assert!(port.0.withdraw(&sha256[..8], &by_officer()).is_ok());
    assert!(port.0.withdraw(&sha256[..7], &by_officer()).is_err());
}

#[test]
fn a_rollback_goes_back_one_policy_at_a_time_and_no_further_than_the_first() {
    let mut port = Port::new();
    port.activate(2, past());
    port.activate(3, past());
    for expected in ["v2", "v1"] {
        let body = port.0.roll_back(&rollback()).unwrap();
        assert_eq!(body.officer.as_ref().unwrap().as_str(), "4711");
        assert!(body.text.is_some(), "the record carries the text again");
        port.record(&body);
        assert_eq!(port.active(), expected);
    }
    assert_eq!(
        port.0.roll_back(&rollback()),
        Err(PolicyRefusal::NothingBefore)
    );
}

#[test]
fn what_one_may_go_back_to_is_bounded() {
    let mut port = Port::new();
    for n in 2..30 {
        port.activate(n, past());
    }
    assert_eq!(port.0.before().len(), 8);
    assert_eq!(port.0.before()[7].policy.version, "v28");
}

#[test]
fn the_same_policy_again_is_refused_and_is_never_its_own_predecessor() {
    let mut port = Port::new();
    let again = offer(1, past(), PolicySource::Officer);
    let refused = port.0.take(&again, trusted());
    assert_eq!(refused, Err(PolicyRefusal::InForceAlready("v1".to_owned())));
    // The feed sends what is in force: nothing to go back to comes of it.
    let fed = offer(1, past(), PolicySource::Feed);
    let body = port.0.take_fed(&fed, false, trusted()).unwrap().unwrap();
    port.record(&body);
    assert_eq!((port.active(), port.0.before().len()), ("v1", 0));
}

#[test]
fn an_unchanged_file_does_not_undo_an_activation_or_a_rollback() {
    let mut port = Port::new();
    let file = offer(1, past(), PolicySource::Start);
    port.activate(2, past());
    assert_eq!(port.0.take_file(&file, trusted()), Ok(None));
    let back = port.0.roll_back(&rollback()).unwrap();
    port.record(&back);
    let changed = offer(2, past(), PolicySource::File);
    let body = port.0.take_file(&changed, trusted()).unwrap().unwrap();
    port.record(&body);
    assert_eq!(port.active(), "v2");
    let back = port.0.roll_back(&rollback()).unwrap();
    port.record(&back);
    assert_eq!(port.0.take_file(&changed, trusted()), Ok(None));
    assert_eq!(port.active(), "v1");
}

/// The file was changed twice while its first change waited: when that comes
/// into force the file is still known as it is now.
#[test]
fn a_file_that_waited_comes_into_force_without_being_read_again() {
    let mut port = Port::new();
    let waits = offer(2, now().plus_s(60), PolicySource::File);
    let body = port.0.take_file(&waits, trusted()).unwrap().unwrap();
    port.record(&body);
    let newer = offer(3, past(), PolicySource::File);
    let body = port.0.take_file(&newer, trusted()).unwrap().unwrap();
    port.record(&body);
    let due = port.0.due(at(60, Clock::Trusted)).unwrap();
    port.record(&due);
    assert_eq!(port.active(), "v2");
    assert_eq!(port.0.take_file(&newer, trusted()), Ok(None));
}

#[test]
fn a_snapshot_that_says_again_what_was_sent_does_not_undo_a_rollback() {
    let mut port = Port::new();
    let fed = offer(2, past(), PolicySource::Feed);
    let body = port.0.take_fed(&fed, false, trusted()).unwrap().unwrap();
    port.record(&body);
    let back = port.0.roll_back(&rollback()).unwrap();
    port.record(&back);
    assert_eq!(port.0.take_fed(&fed, true, trusted()), Ok(None));
    // A change says it anew: the authority means it.
    let body = port.0.take_fed(&fed, false, trusted()).unwrap().unwrap();
    assert_eq!(body.standing, PolicyStanding::Active);
}

/// What an officer activated is no policy of the feed: a snapshot that says it
/// is news, and one the feed said is not.
#[test]
fn a_snapshot_knows_again_only_what_the_feed_itself_sent() {
    for (source, news) in [(PolicySource::Officer, true), (PolicySource::Feed, false)] {
        let mut port = Port::new();
        let second = offer(2, past(), source);
        let body = port.0.take(&second, trusted()).unwrap();
        port.record(&body);
        port.activate(3, past());
        let again = offer(2, past(), PolicySource::Feed);
        let body = port.0.take_fed(&again, true, trusted()).unwrap();
        assert_eq!(body.is_some(), news, "{source:?}");
        let body = port.0.take_fed(&again, false, trusted()).unwrap();
        assert!(body.is_some(), "no snapshot: {source:?}");
    }
}

/// The same text from somewhere else has been in force since it first came.
#[test]
fn a_policy_that_comes_again_from_elsewhere_is_in_force_since_it_first_came() {
    let mut port = Port::new();
    let fed = offer(1, past(), PolicySource::Feed);
    let body = port.0.take_fed(&fed, false, trusted()).unwrap().unwrap();
    port.0 = port.0.after(9, now().plus_s(60), &body);
    let active = port.0.active().unwrap();
    assert_eq!((active.seq, active.since), (1, now()));
    assert_eq!(active.by.source, PolicySource::Feed);
}

/// Sent again, one is known once, and the others as before.
#[test]
fn a_policy_the_feed_sends_again_makes_it_forget_no_other() {
    let mut port = Port::new();
    let fed = |n| offer(n, past(), PolicySource::Feed);
    for n in [2, 3, 2] {
        let body = port.0.take_fed(&fed(n), false, trusted()).unwrap();
        port.record(&body.unwrap());
    }
    for (n, news) in [(2, false), (3, false), (4, true)] {
        let body = port.0.take_fed(&fed(n), true, trusted()).unwrap();
        assert_eq!(body.is_some(), news, "{n}");
    }
}

#[test]
fn a_shadow_changes_nothing_of_what_is_in_force() {
    let mut port = Port::new();
    let shadow = offer(2, now().plus_s(60), PolicySource::Officer);
    let body = port.0.take_shadow(&shadow);
    port.record(&body);
    assert_eq!((port.active(), port.waiting().len()), ("v1", 0));
    assert_eq!(port.0.shadow().unwrap().policy.version, "v2");
    // It was no file: a configuration without one leaves it alone.
    assert_eq!(port.0.take_shadow_file(None, PolicySource::Start), None);
    let ended = port.0.end_shadow(&by_officer()).unwrap();
    port.record(&ended);
    assert_eq!(port.0.shadow(), None);
    assert_eq!(
        port.0.end_shadow(&by_officer()),
        Err(PolicyRefusal::NoShadow)
    );
}

#[test]
fn a_configured_shadow_comes_once_and_goes_with_its_key() {
    let mut port = Port::new();
    let file = offer(2, past(), PolicySource::Start);
    let body = port.0.take_shadow_file(Some(&file), PolicySource::Start);
    port.record(&body.unwrap());
    assert_eq!(
        port.0.take_shadow_file(Some(&file), PolicySource::File),
        None
    );
    let gone = port.0.take_shadow_file(None, PolicySource::File).unwrap();
    assert_eq!(gone.standing, PolicyStanding::ShadowEnded);
    port.record(&gone);
    assert_eq!(port.0.shadow(), None);
    assert!(
        port.0
            .take_shadow_file(Some(&file), PolicySource::File)
            .is_some()
    );
}

/// An officer who ends it has the last word while the file stays as it is.
#[test]
fn a_configured_shadow_that_an_officer_ended_does_not_come_back_by_itself() {
    let mut port = Port::new();
    let file = offer(2, past(), PolicySource::Start);
    let body = port.0.take_shadow_file(Some(&file), PolicySource::Start);
    port.record(&body.unwrap());
    let ended = port.0.end_shadow(&by_officer()).unwrap();
    port.record(&ended);
    let again = |offer| port.0.take_shadow_file(Some(offer), PolicySource::File);
    assert_eq!(again(&file), None);
    let other = offer(3, past(), PolicySource::File);
    assert!(again(&other).is_some(), "another file is news");
    let body = port.0.take_shadow(&offer(3, past(), PolicySource::Officer));
    port.record(&body);
    let body = port.0.take_shadow_file(Some(&other), PolicySource::File);
    assert!(body.is_some(), "an officer's is no file");
}

#[test]
fn a_record_of_the_first_days_is_read_and_changes_nothing() {
    let old = r#"{"policy": {"version": "v0", "sha256": "ab"}}"#;
    let old = crate::model::parse_json(old).unwrap();
    let Ok(Body::Policy(body)) = Body::read(Kind::Policy, &old) else {
        panic!("it is read");
    };
    assert_eq!(body.standing, PolicyStanding::Active);
    let port = Port::new();
    assert_eq!(port.0.after(9, now(), &body), port.0);
}

#[test]
fn a_snapshot_of_the_ledger_keeps_them_and_one_without_them_is_read() {
    let mut ledger = Ledger::default();
    let port = Port::new();
    let body = port.0.take(
        &offer(2, now().plus_s(60), PolicySource::Officer),
        trusted(),
    );
    let first = Policies::default().take(&offer(1, past(), PolicySource::Start), trusted());
    for (seq, body) in [first.unwrap(), body.unwrap()].into_iter().enumerate() {
        let draft = Draft {
            at: now(),
            lane: None,
            passage: None,
            body: body.into(),
        };
        ledger.apply(seq as u64, &draft);
    }
    let mut written = serde_json::to_value(&ledger).unwrap();
    let read: Ledger = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(read.policies(), ledger.policies());
    assert_eq!(read.policies().waiting().len(), 1);
    let text: Arc<str> = read.policies().active().unwrap().text.clone();
    assert_eq!(*text, *self::text(1, past()));
    written.as_object_mut().unwrap().remove("policies");
    let old: Ledger = serde_json::from_value(written).unwrap();
    assert_eq!(old.policies(), &Policies::default());
}

#[test]
fn a_snapshots_policies_come_with_its_last_part() {
    let mut bench = Bench::new();
    let policy = |n: u32| PolicyText {
        version: format!("v{n}"),
        toml: text(n, past()),
    };
    let place = |part| {
        let part = Part { part, parts: 2 };
        (Some(part), Position { epoch: 1, seq: 5 })
    };
    let of = |bench: &Bench, (part, at): (Option<Part>, Position), own: &[PolicyText]| {
        let found = bench.ledger.policies_of(part, at, own);
        found.into_iter().map(|p| p.version).collect::<Vec<_>>()
    };
    assert_eq!(of(&bench, (None, place(1).1), &[policy(7)]), ["v7"]);
    assert!(of(&bench, place(1), &[policy(1)]).is_empty());
    let mut first = super::batch(5);
    (first.part, first.policies) = (place(1).0, vec![policy(1)]);
    bench.put(None, first.into());
    assert_eq!(of(&bench, place(2), &[policy(2)]), ["v1", "v2"]);
    // A last part that follows nothing brings nothing into force.
    let elsewhere = (place(2).0, Position { epoch: 1, seq: 6 });
    assert!(of(&bench, elsewhere, &[policy(2)]).is_empty());
}

/// Thirteen policies, one after the other, each from three sources; read once.
static OFFERS: LazyLock<Vec<[PolicyOffer; 3]>> = LazyLock::new(|| {
    let sources = [
        PolicySource::File,
        PolicySource::Officer,
        PolicySource::Feed,
    ];
    let from = |n: u32| now().plus_s(i64::from(n) * 9 - 60);
    let of = |n| sources.map(|source| offer(n, from(n), source));
    (1..14).map(of).collect()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is handed in, in whatever order: one policy is in force, what
    /// is kept is bounded, nothing waits twice, the same records give the same
    /// policies, and an unchanged file is never news.
    #[test]
    fn whatever_comes_one_policy_is_in_force(steps in prop::collection::vec((0_u32..6, 1_u32..14, -60_i64..60), 1..40)) {
        let offers = &*OFFERS;
        let mut port = Port::new();
        let mut written = Vec::new();
        let mut file = 1;
        for (what, n, s) in steps {
            let at = at(s, if s % 7 == 0 { Clock::Unknown } else { Clock::Trusted });
            let of = &offers[n as usize - 1];
            let body = match what {
                0 => {
                    let taken = port.0.take_file(&of[0], at);
                    file = if taken.is_ok() { n } else { file };
                    taken.ok().flatten()
                }
                1 => port.0.take(&of[1], at).ok(),
                2 => port.0.take_fed(&of[2], s > 0, at).ok().flatten(),
                3 => port.0.roll_back(&rollback()).ok(),
                4 => port.0.due(at),
                _ => port.0.withdraw(&format!("v{n}"), &by_officer()).ok(),
            };
            if let Some(body) = body {
                port.record(&body);
                written.push(body);
            }
            let policies = &port.0;
            prop_assert!(policies.active().is_some());
            prop_assert!(policies.waiting().len() <= 8 && policies.before().len() <= 8);
            let times: Vec<_> = policies.waiting().iter().map(|w| (w.effective_from, w.seq)).collect();
            prop_assert!(times.is_sorted());
            let mut names: Vec<_> = policies.waiting().iter().map(|w| &w.policy.sha256).collect();
            names.push(&policies.active().unwrap().policy.sha256);
            let all = names.len();
            names.sort();
            names.dedup();
            prop_assert_eq!(names.len(), all);
            if file != 1 {
                prop_assert_eq!(policies.take_file(&offers[file as usize - 1][0], at), Ok(None));
            }
        }
        let mut again = Port::new();
        for body in &written {
            again.record(body);
        }
        prop_assert_eq!(again.0, port.0);
    }
}
