//! Draws in a journal on disk, as `journal verify` finds them.

use lanegate_core::clearance::{DayKey, DrawDay, KeyChain};
use lanegate_core::record::{DrawKeys, Naming};

use super::real::Dir;
use super::*;
use crate::journal::{RealDisk, verify};

struct Drawer<D> {
    keeper: Gatekeeper<D, u32>,
    keys: DrawKeys,
    chain: KeyChain,
    n: u64,
}

impl<D: Disk> Drawer<D> {
    fn on(disk: D) -> Self {
        let mut keeper = open(disk);
        keeper.apply_feed(0, now(), batch_of(1, &list(20)));
        keeper.flush().unwrap();
        Self {
            keeper,
            keys: DrawKeys::default(),
            chain: KeyChain::new("2027-11-23".parse().unwrap(), DayKey::new([5; 32])),
            n: 0,
        }
    }

    fn record(&mut self, body: Body) {
        let named = Draft {
            at: now(),
            lane: None,
            passage: None,
            body,
        };
        self.keeper.note(vec![named.into()]);
    }

    /// A truck on `day`, its draw as `forged` makes it; its record.
    fn truck(&mut self, day: &str, forged: impl Fn(&mut lanegate_core::model::Draw)) -> u64 {
        let day = day.parse().unwrap();
        if let Naming::Record(body) = self.keys.name(day, &self.chain, None, None) {
            self.keys = DrawKeys::behind(Some(&body));
            self.record(body.into());
        }
        self.n += 1;
        let id = passage(1, self.n);
        let mut asked = verdict(&self.keeper.view(), &id, &list(20), VerdictKind::Release);
        let Body::Verdict(body) = &mut asked.body else {
            panic!("it is a verdict");
        };
        let today = DrawDay {
            day,
            key: self.chain.key_of(day),
        };
        let draws = self
            .keeper
            .view()
            .ledger
            .draws(&body.case.facts, Some(&today));
        let of = draws.of(&list(20).id).unwrap();
        let mut draw = of.draw_of(Some(PLATE)).unwrap();
        assert_eq!(
            u64::from(draw.trip),
            self.n,
            "every truck draws for the next trip"
        );
        forged(&mut draw);
        body.case.facts.draw = Some(draw.clone());
        draw.selected = Some(false);
        body.verdict.draw = Some(draw);
        self.keeper.submit(1, vec![asked.into()], Guard::Verdict);
        let answers = self.keeper.flush().unwrap();
        let Some(Answer::Committed { seq, .. }) = answers.last() else {
            panic!("{answers:?}");
        };
        *seq
    }
}

#[test]
fn a_journals_draws_are_verified_as_far_as_their_keys_are_open() {
    let mut drawer = Drawer::on(MemDisk::new());
    drawer.truck("2026-11-24", |_| {});
    drawer.truck("2026-11-24", |_| {});
    drawer.truck("2026-11-25", |_| {});
    let report = verify(drawer.keeper.disk()).unwrap();
    assert!(report.ok, "{report:?}");
    assert_eq!((report.draws.verified, report.draws.not_open), (2, 1));
    assert_eq!(report.kinds["draw-key"], 2);
}

#[test]
fn a_forged_draw_is_named_although_every_hash_of_the_journal_fits() {
    let mut drawer = Drawer::on(MemDisk::new());
    drawer.truck("2026-11-24", |_| {});
    let seq = drawer.truck("2026-11-24", |draw| draw.trip = 9);
    let unopened = verify(drawer.keeper.disk()).unwrap();
    assert!(unopened.ok, "nobody can tell before the key is open");
    drawer.truck("2026-11-25", |_| {});
    let report = verify(drawer.keeper.disk()).unwrap();
    assert!(!report.ok);
    let said = format!("record {seq}: the draw for trip 9 of list");
    assert!(report.fault.unwrap().starts_with(&said));
}

/// What the stranger's script says of the draws in `dir`.
fn script(dir: &Dir) -> (bool, serde_json::Value) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verify_draws.py");
    let mut run = std::process::Command::new("python3");
    // It imports the other script; nothing is to be left beside them.
    let out = run.arg("-B").arg(script).arg(dir.path()).output();
    let out = out.expect("python3 is needed to prove the journal's page");
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    let read = serde_json::from_slice(&out.stdout);
    (
        out.status.success(),
        read.unwrap_or_else(|_| panic!("{errors}")),
    )
}

#[test]
fn a_stranger_verifies_the_draws_from_the_page() {
    let dir = Dir::new();
    let mut drawer = Drawer::on(RealDisk::lock(dir.path()).unwrap());
    for day in ["2026-11-24", "2026-11-24", "2026-11-27"] {
        drawer.truck(day, |_| {});
    }
    // The chain is followed by another, which opens it.
    let old = drawer.chain.clone();
    drawer.chain = KeyChain::new("2027-12-31".parse().unwrap(), DayKey::new([6; 32]));
    let day = "2026-11-28".parse().unwrap();
    let Naming::Record(body) = drawer.keys.name(day, &drawer.chain, None, Some(&old)) else {
        panic!("a new chain is named");
    };
    drawer.keys = DrawKeys::behind(Some(&body));
    drawer.record(body.into());
    drawer.truck("2026-11-28", |_| {});
    let ours = verify(drawer.keeper.disk()).unwrap();
    let (ok, theirs) = script(&dir);
    assert!(ok && ours.ok, "{theirs} {:?}", ours.fault);
    assert_eq!((ours.draws.verified, ours.draws.not_open), (3, 1));
    assert_eq!(theirs["verified"], ours.draws.verified);
    assert_eq!(theirs["not_open"], ours.draws.not_open);

    let seq = drawer.truck("2026-11-28", |draw| draw.value = "0".repeat(64));
    drawer.truck("2026-11-29", |_| {});
    let said = format!("record {seq}:");
    let ours = verify(drawer.keeper.disk()).unwrap().fault.unwrap();
    let (ok, theirs) = script(&dir);
    let theirs = theirs["fault"].as_str().unwrap();
    assert!(
        !ok && ours.starts_with(&said) && theirs.starts_with(&said),
        "{ours} {theirs}"
    );
}
