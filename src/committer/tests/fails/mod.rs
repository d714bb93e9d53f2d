//! Every call of the disk fails once: the first, the second, ... until a
//! scenario runs through; each in every way. Then the power is cut, or the
//! process restarted, and all is opened again without failures: what was
//! answered is there, nothing is spent twice, and nobody was answered before
//! it was durable (L1, L2, L5).

mod disk;
mod scenarios;

use lanegate_core::lane::Took;
use lanegate_core::model::JournalState;

use super::*;
use crate::journal::{CheckpointKey, Joined, JournalReader, verify};
use disk::{Failing, Fault, How};

const TRIPS: u32 = 5;
/// Below this the scenarios would have lost their bite.
const FAILED_MIN: u64 = 1000;

/// How a call fails, and whether the power goes with it: then what was not
/// synced is lost.
const WAYS: [(How, bool); 4] = [
    (How::Refused, true),
    (How::Done, true),
    (How::Done, false),
    (How::Full, false),
];

type Gate = Gatekeeper<Failing, u32>;

/// A controller whose disk fails once, and what it told others.
struct World {
    live: Failing,
    archive: Failing,
    /// Passage and record of each answered commit.
    committed: Vec<(PassageId, u64)>,
    /// Answered as spent.
    spent: u32,
    /// Given back on record.
    given_back: u32,
    /// Records seen as durable, by sequence.
    seen: std::collections::BTreeMap<u64, String>,
    /// The authority was told that releases wait, and not yet that they do not.
    waits: bool,
    /// Trips the authority says are issued, once taken over.
    reconciled: u32,
    start: u64,
}

impl World {
    fn new(live: &MemDisk, archive: &MemDisk, fault: &Fault) -> Self {
        let failing = |disk: &MemDisk| Failing {
            disk: disk.clone(),
            fault: fault.clone(),
        };
        Self {
            live: failing(live),
            archive: failing(archive),
            committed: Vec::new(),
            spent: 0,
            given_back: 0,
            seen: std::collections::BTreeMap::new(),
            waits: false,
            reconciled: 0,
            start: 0,
        }
    }

    fn open(&mut self) -> Result<Gate, String> {
        let (g, opened) = Gate::open(self.live.clone(), small()).map_err(|e| said(&e))?;
        assert!(opened.start > self.start, "a start number is used twice");
        self.start = opened.start;
        self.look(&g);
        Ok(g)
    }

    /// Asks for verdicts of these kinds, together.
    fn ask(&mut self, g: &mut Gate, first: u64, kinds: &[VerdictKind]) -> Result<(), String> {
        let list = list(TRIPS);
        let id = |token: u32| PassageId::of(&lane(), self.start, first + u64::from(token));
        for (token, kind) in (0..).zip(kinds) {
            g.ask(token, &id(token), &list, *kind);
        }
        let answers = g.flush().map_err(|e| said(&e))?;
        for answer in answers {
            if let Answer::Committed { token, seq, took } = answer {
                self.committed.push((id(token), seq));
                self.spent += u32::from(took == Took::Spent);
            }
        }
        self.look(g);
        Ok(())
    }

    fn note(&mut self, g: &mut Gate, drafts: Vec<Prepared>) -> Result<(), String> {
        g.note(drafts);
        g.flush().map_err(|e| said(&e))?;
        self.look(g);
        Ok(())
    }

    /// What the view shows is durable at this very moment: the power may go.
    fn look(&mut self, g: &Gate) {
        let head = g.published().read().head_seq;
        let dark = self.live.disk.fork();
        dark.crash(0, 0);
        let from = self.seen.last_key_value().map_or(0, |(last, _)| last + 1);
        let records = JournalReader::new(dark).records_from(from, head, 10_000);
        self.seen.extend(records.unwrap());
        let last = self.seen.last_key_value().map(|(last, _)| *last);
        assert_eq!(last, Some(head), "the view shows what is not durable");
    }

    /// After everything was opened again without failures.
    fn holds(&self, context: &str) {
        let (live, archive) = (&self.live.disk, &self.archive.disk);
        let opened = Gatekeeper::<_, u32>::open(live.clone(), small());
        let (mut g, opened) = opened.unwrap_or_else(|e| panic!("{context}: {}", said(&e)));
        assert!(opened.start > self.start, "{context}: start used twice");
        let report = verify(&Joined::of(vec![archive.clone(), live.clone()])).unwrap();
        assert!(report.ok, "{context}: {:?}", report.fault);
        assert_eq!(report.begins, 0, "{context}: the beginning is nowhere");
        let joined = Joined::of(vec![archive.clone(), live.clone()]);
        let head = report.head_seq.unwrap();
        let records = JournalReader::new(joined).records_from(0, head, 100_000);
        let records: std::collections::BTreeMap<_, _> = records.unwrap().into_iter().collect();
        for (seq, text) in &self.seen {
            assert_eq!(records.get(seq), Some(text), "{context}: record {seq}");
        }
        for (passage, seq) in &self.committed {
            let named = format!("\"passage\":\"{passage}\"");
            assert!(records[seq].contains(&named), "{context}: {passage}");
        }
        let known = self.spent.saturating_sub(self.given_back);
        let least = known.max(self.reconciled);
        let issued = g.issued();
        assert!((least..=TRIPS).contains(&issued), "{context}: {issued}");
        if self.waits {
            assert_eq!(g.view().journal, JournalState::Unreconciled, "{context}");
        }
        self.goes_on(&mut g, context);
    }

    /// It takes what is left, and not one trip more.
    fn goes_on(&self, g: &mut Gatekeeper<MemDisk, u32>, context: &str) {
        let list = list(TRIPS);
        let left = TRIPS - g.issued();
        let waits = g.view().journal == JournalState::Unreconciled;
        for n in 0..=u64::from(left) {
            let id = PassageId::of(&lane(), self.start + 1, 1000 + n);
            g.ask(0, &id, &list, VerdictKind::Release);
            let answer = g.flush().unwrap().remove(0);
            let taken = matches!(answer, Answer::Committed { .. });
            let fits = !waits && n < u64::from(left);
            assert_eq!(taken, fits, "{context}: trip {n} of {left}: {answer:?}");
        }
    }
}

fn small() -> Options {
    let mut options = options();
    options.segment_len_max = 3000;
    options.reserve_bytes = 1000;
    options.checkpoints = Some(Checkpoints {
        key: CheckpointKey::new([3; 32]),
        every_records: 8,
    });
    options
}

/// The whole error, as a person reads it.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// An error names what failed: the file, or that the disk is full.
fn is_clear(why: &str) -> bool {
    let named = [
        "journal",
        "snapshot",
        "outbox",
        "segment",
        "directory",
        "archive",
    ];
    (named.iter().any(|name| why.contains(name)) && why.contains("cannot be"))
        || why.contains("the disk is full")
}

/// Fails every call of `act` once, in every way, and restarts in both.
fn every_call_fails(name: &str, prepare: scenarios::Prepare, act: scenarios::Act) -> u64 {
    let (live, archive) = (MemDisk::new(), MemDisk::new());
    let mut before = World::new(&live, &archive, &Fault::at(0, How::Refused));
    prepare(&mut before);
    let mut failed = 0;
    for (how, lost) in WAYS {
        let mut n = 1;
        loop {
            let fault = Fault::at(n, how);
            let mut world = World::new(&live.fork(), &archive.fork(), &fault);
            world.committed.clone_from(&before.committed);
            world.seen.clone_from(&before.seen);
            (world.spent, world.given_back) = (before.spent, before.given_back);
            (world.start, world.waits) = (before.start, before.waits);
            let ended = act(&mut world);
            let Some(call) = fault.failed() else {
                assert_eq!(ended, Ok(()), "{name}: nothing failed");
                break;
            };
            let context = format!("{name}: call {n}, {call} ({how:?}), lost {lost}");
            if let Err(why) = ended {
                assert!(is_clear(&why), "{context}: {why}");
            }
            if lost {
                world.live.disk.crash(0, 0);
                world.archive.disk.crash(0, 0);
            }
            world.holds(&context);
            failed += 1;
            n += 1;
        }
    }
    println!("{name}: {failed} calls failed");
    failed
}

#[test]
fn every_call_of_the_disk_fails_once_and_the_laws_hold() {
    let failed: u64 = scenarios::ALL
        .iter()
        .map(|(name, prepare, act)| {
            let failed = every_call_fails(name, *prepare, *act);
            assert!(failed > 0, "{name} calls no disk");
            failed
        })
        .sum();
    println!(
        "{failed} calls failed in {} scenarios",
        scenarios::ALL.len()
    );
    assert!(failed > FAILED_MIN, "{failed}");
}
