use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use lanegate_core::record::{Body, DrawAudit};
use lanegate_core::time::{Mono, Wall};

use super::*;

/// A directory that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        let made = std::process::Command::new("mktemp").arg("-d").output();
        let text = String::from_utf8(made.unwrap().stdout).unwrap();
        Self(PathBuf::from(text.trim()))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn at(day: &str) -> Now {
    Now {
        mono: Mono(0),
        wall: Wall::parse(&format!("{day}T08:00:00+08:00")).unwrap(),
        clock: Clock::Trusted,
    }
}

/// The daemon's keys with the records they had written.
struct Bench {
    keys: DayKeys,
    records: Vec<DrawKeyBody>,
}

impl Bench {
    fn own(dir: &Path) -> Self {
        Self::behind(dir, Vec::new())
    }

    /// Started again behind `records`.
    fn behind(dir: &Path, records: Vec<DrawKeyBody>) -> Self {
        let keys = DayKeys::open(None, dir, records.last()).unwrap();
        Self { keys, records }
    }

    fn today(&mut self, now: Now) -> Option<DrawDay> {
        self.keys.today(now, |draft| {
            let Body::DrawKey(body) = draft.body else {
                panic!("nothing but keys is named");
            };
            self.records.push(*body);
            Ok::<(), ()>(())
        })
    }

    fn key(&mut self, day: &str) -> Option<DayKey> {
        self.today(at(day)).and_then(|today| today.key)
    }

    fn fault(&self) -> Option<String> {
        let mut audit = DrawAudit::default();
        for (seq, body) in (0..).zip(&self.records) {
            audit.key(seq, body);
        }
        audit.report().fault
    }
}

#[test]
fn a_first_start_makes_a_chain_that_nobody_else_may_read_and_names_each_day_once() {
    let dir = Dir::new();
    let mut bench = Bench::own(&dir.0);
    let first = bench.key("2026-11-24").unwrap();
    assert_eq!(bench.key("2026-11-24"), Some(first.clone()));
    assert_eq!(bench.records.len(), 1);
    let chain = bench.records[0].chain.as_ref().unwrap();
    assert_eq!(
        (chain.last_day.as_str(), chain.anchor_day.as_str()),
        ("2027-11-24", "2026-11-23")
    );
    assert_eq!(bench.records[0].sha256, first.previous().reveal());
    let second = bench.key("2026-11-25").unwrap();
    assert_eq!(second.previous(), first);
    assert_eq!(bench.records[1].chain, None);
    assert_eq!(bench.fault(), None);
    let mode = std::fs::metadata(dir.0.join(kept::NAME))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_restart_goes_on_with_the_same_keys_and_names_nothing_again() {
    let dir = Dir::new();
    let mut bench = Bench::own(&dir.0);
    let key = bench.key("2026-11-24");
    let mut again = Bench::behind(&dir.0, bench.records);
    assert_eq!(again.key("2026-11-24"), key);
    assert_eq!(again.records.len(), 1);
}

#[test]
fn while_the_clock_is_not_believed_there_is_no_day_to_draw_on() {
    let dir = Dir::new();
    let mut bench = Bench::own(&dir.0);
    let unknown = Now {
        clock: Clock::Unknown,
        ..at("1970-01-01")
    };
    assert_eq!(bench.today(unknown), None);
    assert!(bench.records.is_empty());
    assert!(!dir.0.join(kept::NAME).exists());
}

#[test]
fn a_record_that_is_not_taken_means_no_key_until_it_is() {
    let dir = Dir::new();
    let keys = DayKeys::open(None, &dir.0, None).unwrap();
    let busy = keys.today(at("2026-11-24"), |_| Err(()));
    assert_eq!(busy.unwrap().key, None);
    let mut bench = Bench {
        keys,
        records: Vec::new(),
    };
    assert!(bench.key("2026-11-24").is_some());
    assert_eq!(bench.records.len(), 1);
    assert_eq!(bench.fault(), None);
}

#[test]
fn a_chain_is_followed_by_the_next_before_it_ends_and_opened() {
    let dir = Dir::new();
    let mut bench = Bench::own(&dir.0);
    bench.key("2026-11-24").unwrap();
    bench.key("2027-10-25").unwrap();
    assert_eq!(bench.records.len(), 2, "30 days are left");
    let old = bench.records[1].clone();
    bench.key("2027-10-26").unwrap();
    let chain = bench.records[2].chain.as_ref().unwrap();
    assert_eq!(chain.last_day, "2028-10-25");
    let closes = chain.closes.as_ref().unwrap();
    assert_eq!(closes.day, "2027-10-25");
    assert_eq!(
        DayKey::parse(&closes.key).unwrap().previous().reveal(),
        old.sha256
    );
    assert_eq!(bench.fault(), None);
}

#[test]
fn a_clock_set_back_never_draws_under_a_key_that_is_open() {
    let dir = Dir::new();
    let mut bench = Bench::own(&dir.0);
    let open = bench.key("2026-11-24").unwrap();
    bench.key("2026-11-26").unwrap();
    let other = bench.key("2026-11-24").unwrap();
    assert_ne!(other, open);
    assert!(bench.records[2].chain.is_some(), "a new chain, explicitly");
    assert_eq!(bench.fault(), None);
}

#[test]
fn a_damaged_chain_is_replaced_explicitly() {
    let dir = Dir::new();
    let mut bench = Bench::own(&dir.0);
    let lost = bench.key("2026-11-24").unwrap();
    std::fs::write(dir.0.join(kept::NAME), "{\"v\":1,").unwrap();
    let mut again = Bench::behind(&dir.0, bench.records);
    assert_ne!(again.key("2026-11-24"), Some(lost));
    assert!(again.records[1].chain.is_some());
    assert_eq!(again.fault(), None);
}

fn config(dir: &Path, seed: &str) -> DrawConfig {
    let file = dir.join("seed");
    std::fs::write(&file, format!("{seed}\n")).unwrap();
    let last = DayKey::new([3; 32]);
    DrawConfig {
        seed: file,
        last_day: "2027-12-31".parse().unwrap(),
        anchor: last.before(365).unwrap(),
        anchor_day: "2026-12-31".parse().unwrap(),
    }
}

#[test]
fn a_seed_handed_in_must_lead_to_the_published_anchor() {
    let dir = Dir::new();
    let right = config(&dir.0, &DayKey::new([3; 32]).reveal());
    let keys = DayKeys::open(Some(&right), &dir.0, None).unwrap();
    let mut bench = Bench {
        keys,
        records: Vec::new(),
    };
    assert!(bench.key("2027-02-01").is_some());
    let chain = bench.records[0].chain.as_ref().unwrap();
    assert_eq!(chain.anchor, right.anchor.reveal());
    assert_eq!(bench.fault(), None);
    assert_eq!(bench.key("2028-01-01"), None, "behind its last day");
    assert!(
        !dir.0.join(kept::NAME).exists(),
        "it is kept by whoever made it"
    );

    let wrong = config(&dir.0, &DayKey::new([4; 32]).reveal());
    let refused = DayKeys::open(Some(&wrong), &dir.0, None);
    assert!(matches!(refused, Err(SeedError::Anchor)), "{refused:?}");
    let garbled = config(&dir.0, "0304");
    let refused = DayKeys::open(Some(&garbled), &dir.0, None);
    assert!(matches!(refused, Err(SeedError::NoKey)), "{refused:?}");
    let none = DrawConfig {
        seed: dir.0.join("none"),
        ..right
    };
    let refused = DayKeys::open(Some(&none), &dir.0, None);
    assert!(
        matches!(refused, Err(SeedError::Unread { .. })),
        "{refused:?}"
    );
}

#[test]
fn neither_keys_nor_faults_show_a_seed() {
    let dir = Dir::new();
    let seed = DayKey::new([3; 32]).reveal();
    let config = config(&dir.0, &seed);
    let keys = DayKeys::open(Some(&config), &dir.0, None).unwrap();
    let shown = format!(
        "{keys:?} {config:?} {:?} {}",
        SeedError::NoKey,
        SeedError::Anchor
    );
    assert!(
        !shown.contains(&seed[..8]) && !shown.contains("3, 3, 3"),
        "{shown}"
    );
}
