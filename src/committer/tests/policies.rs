//! The policy of a start, and policies that come with a batch of the feed.

use lanegate_core::ledger::{PolicyBy, PolicyOffer};
use lanegate_core::record::{Kind, PolicyBody, PolicySource, Record};
use lanegate_core::time::{Clock, Mono, Now};

use super::*;

const SHIPPED: &str = include_str!("../../../config/policy.toml");

fn offer(version: &str, source: PolicySource) -> PolicyOffer {
    let text = SHIPPED.replacen("2026-11-01.2", version, 1);
    PolicyOffer::read(&text, PolicyBy::itself(source))
        .unwrap()
        .1
}

fn trusted() -> Now {
    Now {
        mono: Mono(0),
        wall: now(),
        clock: Clock::Trusted,
    }
}

/// Opens with the configured file as this version of it.
fn start(disk: MemDisk, version: &str) -> Gatekeeper<MemDisk, u32> {
    let configured = Configured {
        policy: offer(version, PolicySource::Start),
        shadow: None,
        clock: Clock::Trusted,
    };
    let options = Options {
        configured: Some(configured),
        ..options()
    };
    Gatekeeper::open(disk, options).unwrap().0
}

fn controllers(body: Body) -> Prepared {
    let draft = Draft {
        at: now(),
        lane: None,
        passage: None,
        body,
    };
    draft.into()
}

fn activate(g: &mut Gatekeeper<MemDisk, u32>, version: &str) {
    let offer = offer(version, PolicySource::Officer);
    let body = g.ledger().policies().take(&offer, trusted()).unwrap();
    g.submit(1, vec![controllers(body.into())], Guard::Always);
    let answers = g.flush().unwrap();
    assert!(matches!(answers[..], [Answer::Committed { token: 1, .. }]));
}

fn records(g: &mut Gatekeeper<MemDisk, u32>) -> Vec<(Kind, String)> {
    let texts = g.records_from(0, usize::MAX).unwrap();
    let named = texts.iter().map(|(_, text)| {
        let record = Record::read(text).unwrap();
        let body = record.body.value();
        let version = body["policy"]["version"].as_str();
        (record.kind, version.unwrap_or_default().to_owned())
    });
    named
        .filter(|(kind, _)| [Kind::Start, Kind::Policy].contains(kind))
        .collect()
}

fn active(g: &Gatekeeper<MemDisk, u32>) -> &str {
    &g.ledger().policies().active().unwrap().policy.version
}

#[test]
fn a_start_names_the_policy_in_force_and_the_file_is_news_only_if_it_changed() {
    let mut g = start(MemDisk::new(), "v1");
    assert_eq!(active(&g), "v1");
    activate(&mut g, "v2");
    let mut g = start(g.disk().clone(), "v1");
    assert_eq!(active(&g), "v2", "the file is as it was");
    let mut again = start(g.disk().clone(), "v3");
    assert_eq!(active(&again), "v3");
    let said = [
        (Kind::Start, "v1"),
        (Kind::Policy, "v1"),
        (Kind::Policy, "v2"),
        (Kind::Start, "v2"),
        (Kind::Start, "v3"),
        (Kind::Policy, "v3"),
    ];
    let said = said.map(|(kind, version)| (kind, version.to_owned()));
    assert_eq!(records(&mut again), said);
    assert_eq!(records(&mut g), said[..4]);
}

#[test]
fn a_command_that_opens_the_journal_names_what_is_in_force_and_changes_nothing() {
    let mut g = start(MemDisk::new(), "v1");
    activate(&mut g, "v2");
    let mut g = open(g.disk().clone());
    assert_eq!(active(&g), "v2");
    assert_eq!(
        records(&mut g).last().unwrap(),
        &(Kind::Start, "v2".to_owned())
    );
}

#[test]
fn a_policy_of_the_feed_is_on_record_with_its_batch_or_not_at_all() {
    let mut g = start(MemDisk::new(), "v1");
    let fed = |g: &Gatekeeper<MemDisk, u32>, version: &str| -> PolicyBody {
        let offer = offer(version, PolicySource::Feed);
        let taken = g.ledger().policies().take_fed(&offer, false, trusted());
        taken.unwrap().unwrap()
    };
    let body = fed(&g, "fed");
    g.apply_feed_with(
        7,
        now(),
        batch_of(1, &list(2)),
        vec![controllers(body.into())],
    );
    let answers = g.flush().unwrap();
    assert!(matches!(answers[..], [Answer::Applied { token: 7, .. }]));
    assert_eq!((active(&g), g.ledger().position().unwrap().seq), ("fed", 1));

    // Room for the batch and not for the policy: neither is written.
    let disk = g.disk().clone();
    disk.set_capacity(Some(1 << 30));
    let used = (1 << 30) - disk.free_bytes().unwrap();
    disk.set_capacity(Some(used + 2000));
    let body = fed(&g, "lost");
    g.apply_feed_with(
        8,
        now(),
        batch_of(2, &list(3)),
        vec![controllers(body.into())],
    );
    assert!(matches!(
        g.flush().unwrap()[..],
        [Answer::NotApplied { token: 8 }]
    ));
    disk.set_capacity(None);
    let g = start(disk, "v1");
    assert_eq!((active(&g), g.ledger().position().unwrap().seq), ("fed", 1));
}
