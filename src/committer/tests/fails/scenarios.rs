//! What is done while the disk fails. An error ends a scenario as it ends the
//! daemon; what the daemon only warns of, it goes on after.

use lanegate_core::model::Balance;
use lanegate_core::record::{GiveBackBody, ReconciledBody, ReconciledEntry};

use super::*;
use crate::journal::{Leave, archive};

/// What is there before it.
pub(super) type Prepare = fn(&mut World);

/// One scenario.
pub(super) type Act = fn(&mut World) -> Result<(), String>;

const RELEASE: VerdictKind = VerdictKind::Release;
const HOLD: VerdictKind = VerdictKind::Hold;
const INSPECT: VerdictKind = VerdictKind::Inspect;

pub(super) const ALL: [(&str, Prepare, Act); 11] = [
    ("empty start", nothing, start),
    ("start from a snapshot", with_snapshots, start),
    ("a commit", started, commit),
    ("a group of several lanes", started, group),
    ("a batch of the feed", started, feed),
    ("a give-back", with_a_spend, give_back),
    ("a new segment", with_segments, segment),
    ("a snapshot", with_a_spend, snapshot),
    ("an acknowledgement kept", with_a_spend, acknowledge),
    ("old segments archived", with_snapshots, let_go),
    ("reconciled", with_a_spend, reconcile),
];

const fn nothing(_: &mut World) {}

fn started(w: &mut World) {
    let mut g = w.open().unwrap();
    g.apply_feed(0, now(), batch_of(1, &list(TRIPS)));
    g.flush().unwrap();
    w.look(&g);
}

fn with_a_spend(w: &mut World) {
    started(w);
    let mut g = w.open().unwrap();
    w.ask(&mut g, 1, &[RELEASE]).unwrap();
}

fn with_segments(w: &mut World) {
    with_a_spend(w);
    let mut g = w.open().unwrap();
    let full = |w: &World| w.live.disk.list().unwrap().len() > 2;
    for n in 10.. {
        if full(w) {
            break;
        }
        w.note(&mut g, vec![outcome(&passage(9, n), Outcome::Left)])
            .unwrap();
    }
}

fn with_snapshots(w: &mut World) {
    with_segments(w);
    let mut g = w.open().unwrap();
    for n in 1..=2 {
        w.ask(&mut g, n, &[RELEASE]).unwrap();
        g.snapshot(now()).unwrap();
        w.look(&g);
    }
    let head = g.view_of_all();
    g.acknowledged(head);
    g.keep_outbox();
}

fn start(w: &mut World) -> Result<(), String> {
    let mut g = w.open()?;
    g.stop(now(), "test").map_err(|e| said(&e))?;
    w.look(&g);
    Ok(())
}

fn commit(w: &mut World) -> Result<(), String> {
    let mut g = w.open()?;
    w.ask(&mut g, 1, &[RELEASE])?;
    w.ask(&mut g, 2, &[HOLD])
}

fn group(w: &mut World) -> Result<(), String> {
    let mut g = w.open()?;
    g.note(vec![outcome(&passage(9, 1), Outcome::Left)]);
    w.ask(&mut g, 1, &[HOLD, INSPECT, HOLD, HOLD])?;
    w.ask(&mut g, 11, &[RELEASE, HOLD, RELEASE, HOLD])
}

fn feed(w: &mut World) -> Result<(), String> {
    let mut g = w.open()?;
    w.ask(&mut g, 1, &[RELEASE])?;
    let mut body = batch(2);
    body.controls = vec![control("c-1")];
    g.apply_feed(7, now(), body);
    let answers = g.flush().map_err(|e| said(&e))?;
    w.look(&g);
    let applied = answers
        .iter()
        .any(|a| matches!(a, Answer::Applied { token: 7, .. }));
    let view = g.published().read();
    assert_eq!(view.ledger.controls().count(), usize::from(applied));
    Ok(())
}

fn give_back(w: &mut World) -> Result<(), String> {
    let mut g = w.open()?;
    w.ask(&mut g, 1, &[RELEASE])?;
    let id = passage(w.start, 1);
    // From here on it may be on record.
    w.given_back += 1;
    let body = GiveBackBody {
        why: "reversed out".to_owned(),
    };
    let drafts = vec![
        draft(&id, body.into()).into(),
        outcome(&id, Outcome::GivenBack),
    ];
    w.note(&mut g, drafts)?;
    w.ask(&mut g, 2, &[RELEASE])
}

fn segment(w: &mut World) -> Result<(), String> {
    let mut g = w.open()?;
    for n in 0..9 {
        w.note(&mut g, vec![outcome(&passage(9, 100 + n), Outcome::Left)])?;
    }
    w.ask(&mut g, 1, &[RELEASE])
}

fn snapshot(w: &mut World) -> Result<(), String> {
    let mut g = w.open()?;
    for n in 1..=3 {
        match g.snapshot(now()) {
            // The daemon warns, and tries again later.
            Ok(()) | Err(SnapshotError::NotWritten(_)) => {}
            Err(SnapshotError::Append(why)) => return Err(said(&why)),
        }
        w.ask(&mut g, n, &[RELEASE])?;
    }
    Ok(())
}

fn acknowledge(w: &mut World) -> Result<(), String> {
    let mut g = w.open()?;
    for n in 1..=3 {
        w.ask(&mut g, n, &[HOLD])?;
        let head = g.view_of_all();
        g.acknowledged(head);
        g.keep_outbox();
        // A record that cannot be read is read again.
        g.records_from(0, 5).ok();
    }
    Ok(())
}

fn let_go(w: &mut World) -> Result<(), String> {
    let mut g = w.open()?;
    let head = g.view_of_all();
    let leave = Leave {
        before: Wall(now().0 + 1),
        acknowledged: head,
        head,
    };
    let (mut live, mut to) = (w.live.clone(), w.archive.clone());
    // The daemon warns, and tries again in an hour.
    let mut moved = archive(&mut live, Some(&mut to), leave);
    if moved.is_err() {
        moved = archive(&mut live, Some(&mut to), leave);
    }
    assert!(moved.is_ok(), "the second time nothing fails: {moved:?}");
    w.ask(&mut g, 1, &[RELEASE])
}

fn reconcile(w: &mut World) -> Result<(), String> {
    let mut g = w.open()?;
    w.ask(&mut g, 1, &[RELEASE])?;
    let blocked = g.authority_holds(now(), "another", 50);
    assert!(blocked.map_err(|e| said(&e))?);
    w.waits = g.ledger().is_unreconciled();
    w.look(&g);
    let before = w.spent;
    w.ask(&mut g, 2, &[RELEASE])?;
    assert_eq!(w.spent, before, "released although the ledgers differ");
    let balance = Balance {
        issued: 1,
        passed: 1,
        ..Balance::default()
    };
    let body = ReconciledBody {
        genesis: "another".to_owned(),
        through: 50,
        ledger: vec![ReconciledEntry {
            declaration: list(TRIPS).id,
            balance,
        }],
        open: false,
    };
    // From here on it may be on record.
    w.waits = false;
    match g.reconcile(now(), body) {
        Ok(()) => w.reconciled = 1 + w.spent,
        Err(ReconcileError::Read(_)) => return Ok(()),
        Err(why @ ReconcileError::Append(_)) => return Err(said(&why)),
    }
    w.look(&g);
    w.ask(&mut g, 3, &[RELEASE])
}

impl Gate {
    fn view_of_all(&self) -> u64 {
        self.published().read().head_seq
    }
}
