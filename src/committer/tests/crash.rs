//! The power is cut at every change of the disk, with every amount of what was
//! not synced left behind; then the laws must hold (L1, L2, L5).

use std::collections::BTreeMap;

use super::*;
use crate::journal::{JournalReader, verify};

const TRIPS: u32 = 3;

/// What somebody was told, which therefore must be on the record.
#[derive(Default)]
struct Told {
    /// Sequence of the first record of each answered commit, by passage.
    committed: Vec<(PassageId, u64)>,
    /// Spends answered.
    spent: u32,
    /// Records durable when last looked at, as written.
    seen: BTreeMap<u64, String>,
    /// The start number handed to the lanes.
    start: u64,
}

/// One life of the daemon: some trucks, a snapshot, an outbox, a stop. Ends
/// early where the disk does.
fn live(disk: &MemDisk, told: &mut Told) -> Option<()> {
    let mut options = options();
    options.segment_len_max = 4000;
    let (mut g, opened) = Gatekeeper::<_, u32>::open(disk.clone(), options).ok()?;
    assert!(
        opened.start > told.start,
        "a start number is never used twice"
    );
    told.start = opened.start;
    let list = list(TRIPS);
    g.apply_feed(0, now(), batch_of(opened.start, &list));
    g.flush().ok()?;
    for n in 1..=3 {
        let id = passage(opened.start, n);
        let kind = if n == 2 {
            VerdictKind::Inspect
        } else {
            VerdictKind::Release
        };
        g.ask(1, &id, &list, kind);
        g.ask(2, &passage(opened.start, n + 10), &list, VerdictKind::Hold);
        for answer in g.flush().ok()? {
            if let Answer::Committed { token, seq, took } = answer {
                let of = if token == 1 {
                    id.clone()
                } else {
                    passage(opened.start, n + 10)
                };
                told.committed.push((of, seq));
                told.spent += u32::from(took == lanegate_core::lane::Took::Spent);
            }
        }
        told.look(&mut g);
        if n == 1 {
            g.note(vec![
                draft(&id, ArmUpBody { took_ms: None }.into()).into(),
                draft(&id, ArmDownBody { took_ms: None }.into()).into(),
                outcome(&id, Outcome::Passed),
            ]);
            g.snapshot(now()).ok()?;
        }
        g.acknowledged(told.seen.len() as u64 / 2);
        g.keep_outbox();
    }
    g.stop(now(), "test").ok()?;
    told.look(&mut g);
    Some(())
}

impl Told {
    fn look(&mut self, g: &mut Gatekeeper<MemDisk, u32>) {
        if let Ok(records) = g.records_from(self.seen.len() as u64, 1000) {
            self.seen.extend(records);
        }
    }

    /// After power came back and the daemon was opened again.
    fn holds(&self, disk: &MemDisk, context: &str) {
        let report = verify(disk).unwrap();
        assert!(report.ok, "{context}: {:?}", report.fault);
        let mut reader = JournalReader::new(disk.clone());
        let records = reader
            .records_from(0, report.head_seq.unwrap(), 10_000)
            .unwrap();
        for (seq, text) in &self.seen {
            assert_eq!(
                records.get(*seq as usize),
                Some(&(*seq, text.clone())),
                "{context}: lost"
            );
        }
        for (passage, seq) in &self.committed {
            let text = &records[*seq as usize].1;
            assert!(
                text.contains(&format!("\"passage\":\"{passage}\"")),
                "{context}: {text}"
            );
        }
    }
}

/// How many changes a whole life makes.
fn changes_of_a_life() -> u64 {
    let disk = MemDisk::new();
    live(&disk, &mut Told::default()).unwrap();
    disk.counts().changes
}

fn crash_at(change: u64, written: usize, kept: usize, garbage: usize) {
    let context = format!("change {change}, {written} written, {kept} kept, {garbage} zeros");
    let disk = MemDisk::new();
    let mut told = Told::default();
    disk.cut_power_after(change, written);
    assert_eq!(live(&disk, &mut told), None, "{context}: it must have died");
    disk.crash(kept, garbage);
    let (g, _) = Gatekeeper::<_, u32>::open(disk.clone(), options())
        .unwrap_or_else(|e| panic!("{context}: {e}: {:?}", std::error::Error::source(&e)));
    told.holds(&disk, &context);
    // What was answered as spent is spent, and never more than allowed.
    assert!(
        (told.spent..=TRIPS).contains(&g.issued()),
        "{context}: {}",
        g.issued()
    );
    let open: Vec<_> = g.ledger().open_passages().collect();
    assert!(open.is_empty(), "{context}: {open:?} have no outcome");
    drop(g);
    // The next life goes on.
    live(&disk, &mut told).unwrap();
    told.holds(&disk, &context);
}

#[test]
fn a_power_cut_at_any_change_loses_nothing_that_was_answered() {
    let changes = changes_of_a_life();
    assert!(changes > 30, "{changes}");
    for change in 0..changes {
        for (written, kept, garbage) in [
            (0, 0, 0),
            (7, 5, 0),
            (usize::MAX, usize::MAX / 2, 0),
            (3000, 1500, 512),
        ] {
            crash_at(change, written, kept, garbage);
        }
    }
}

#[test]
fn a_power_cut_may_tear_the_last_write_anywhere() {
    let disk = MemDisk::new();
    let mut g = open(disk.clone());
    g.note(vec![outcome(&passage(1, 1), Outcome::Left)]);
    g.flush().unwrap();
    let whole = disk.read("journal-000000000000.lgj").unwrap().len();
    let base = disk.fork();
    g.note(vec![
        outcome(&passage(1, 2), Outcome::Left),
        outcome(&passage(1, 3), Outcome::Left),
    ]);
    g.flush().unwrap();
    let bytes = disk.read("journal-000000000000.lgj").unwrap();
    for torn in 1..bytes.len() - whole {
        let mut disk = base.fork();
        disk.append("journal-000000000000.lgj", &bytes[whole..whole + torn])
            .unwrap();
        let (_, opened) = Gatekeeper::<_, u32>::open(disk.clone(), options()).unwrap();
        let (report, second) = (verify(&disk).unwrap(), whole + (bytes.len() - whole) / 2);
        assert!(report.ok, "{torn}: {:?}", report.fault);
        if whole + torn != second {
            assert!(opened.torn.is_some(), "{torn}");
        }
    }
}

#[test]
fn two_power_cuts_in_a_row_lose_nothing_either() {
    let changes = changes_of_a_life();
    for (first, second) in [(9, 3), (17, 5), (25, 0), (changes - 1, 1), (changes - 3, 8)] {
        let disk = MemDisk::new();
        let mut told = Told::default();
        for cut in [first, second] {
            disk.cut_power_after(cut, 40);
            assert_eq!(live(&disk, &mut told), None);
            disk.crash(20, 0);
        }
        live(&disk, &mut told).unwrap();
        told.holds(&disk, &format!("{first}, {second}"));
    }
}
