//! A replaced disk and a restored backup: no release until the ledgers are
//! one, over restarts, no number given out twice, nothing spent twice (L2).

use lanegate_core::lane::Refusal;
use lanegate_core::model::{Balance, JournalState};
use lanegate_core::record::{ReconciledBody, ReconciledEntry, Record};

use super::*;
use crate::journal::{JournalReader, Pages, verify};

/// What the authority says: so much of the list of nine trips is issued.
fn ledger(genesis: &str, through: u64, issued: u32) -> ReconciledBody {
    let balance = Balance {
        issued,
        passed: issued,
        ..Balance::default()
    };
    ReconciledBody {
        genesis: genesis.to_owned(),
        through,
        ledger: vec![ReconciledEntry {
            declaration: list(9).id,
            balance,
        }],
        open: false,
    }
}

fn take(g: &mut Gatekeeper<MemDisk, u32>, n: u64) -> Answer<u32> {
    let start = g.ledger().starts();
    g.ask(1, &passage(start, n), &list(9), VerdictKind::Release);
    g.flush().unwrap().remove(0)
}

fn is_refused(answer: &Answer<u32>) -> bool {
    matches!(
        answer,
        Answer::Refused {
            why: Refusal::NotReconciled,
            ..
        }
    )
}

fn texts(disk: &MemDisk) -> Vec<(u64, String)> {
    let head = verify(disk).unwrap().head_seq.unwrap();
    let mut reader = JournalReader::new(disk.clone());
    reader.records_from(0, head, 10_000).unwrap()
}

#[test]
fn a_restart_does_not_forget_that_releases_wait_nor_that_they_resumed() {
    let disk = MemDisk::new();
    let mut g = open(disk.clone());
    assert!(g.authority_holds(now(), "another", 50).unwrap());
    for _ in 0..2 {
        drop(g);
        g = open(disk.clone());
        assert_eq!(g.view().journal, JournalState::Unreconciled);
        assert!(is_refused(&take(&mut g, 1)));
        // Said again it is no second record, and a snapshot keeps it.
        let head = g.view().head_seq;
        assert!(g.authority_holds(now(), "another", 50).unwrap());
        assert_eq!(g.view().head_seq, head);
        g.snapshot(now()).unwrap();
    }
    g.reconcile(now(), ledger("another", 50, 7)).unwrap();
    drop(g);
    let mut g = open(disk.clone());
    assert_eq!(g.view().journal, JournalState::Ok);
    assert!(!g.authority_holds(now(), "another", 50).unwrap(), "settled");
    assert!(matches!(take(&mut g, 1), Answer::Committed { .. }));
    assert_eq!(g.issued(), 8);
    // The old disk was put to use again meanwhile: it holds more.
    assert!(g.authority_holds(now(), "another", 53).unwrap());
    assert!(is_refused(&take(&mut g, 2)));
    assert!(verify(&disk).unwrap().ok);
}

#[test]
fn what_was_released_before_the_authority_was_heard_counts_beside_what_it_holds() {
    let disk = MemDisk::new();
    let mut g = open(disk.clone());
    for n in 1..=2 {
        assert!(matches!(take(&mut g, n), Answer::Committed { .. }));
    }
    assert!(g.authority_holds(now(), "another", 50).unwrap());
    g.reconcile(now(), ledger("another", 50, 5)).unwrap();
    assert_eq!(g.issued(), 7, "five there and two here");
    // The authority says it again before it has our records: the same.
    g.reconcile(now(), ledger("another", 50, 5)).unwrap();
    assert_eq!(g.issued(), 7);
    for n in 3..=4 {
        assert!(matches!(take(&mut g, n), Answer::Committed { .. }));
    }
    assert!(matches!(take(&mut g, 5), Answer::Refused { .. }));
}

#[test]
fn a_restored_backup_gives_no_number_out_again_and_is_intact_with_the_gap() {
    let disk = MemDisk::new();
    let mut small = options();
    small.segment_len_max = 1500;
    let open = |disk: &MemDisk| Gatekeeper::<_, u32>::open(disk.clone(), small.clone());
    let (mut g, _) = open(&disk).unwrap();
    assert!(matches!(take(&mut g, 1), Answer::Committed { .. }));
    let head = g.view().head_seq;
    g.acknowledged(head);
    g.keep_outbox();
    let backup = disk.fork();
    for n in 2..=7 {
        assert!(matches!(take(&mut g, n), Answer::Committed { .. }));
    }
    let (held, genesis) = (g.view().head_seq, g.view().genesis.clone());
    drop(g);
    let mut lost = 1;
    for _ in 0..3 {
        lost = open(&disk).unwrap().1.start;
    }
    let held = held + 3;
    // The backup releases once before the line is up.
    let (mut g, _) = open(&backup).unwrap();
    assert!(matches!(take(&mut g, 9), Answer::Committed { .. }));
    let ours = g.view().head_seq;
    assert!(ours < held);
    assert!(g.authority_holds(now(), &genesis, held).unwrap());
    assert!(is_refused(&take(&mut g, 10)));
    assert_eq!(g.view().head_seq, held + 1);
    let renumbered = g.ledger().starts();
    assert!(renumbered > lost, "{renumbered}");
    let mark = g.ledger().reconciliation().unwrap().clone();
    assert_eq!(
        (mark.ours, mark.next, mark.open),
        (Some(ours), held + 1, true)
    );
    drop(g);
    let (mut g, again) = open(&backup).unwrap();
    assert!(again.start > renumbered, "{again:?}");
    assert!(is_refused(&take(&mut g, 11)));
    g.reconcile(now(), ledger(&genesis, held, 7)).unwrap();
    assert_eq!(g.issued(), 8, "seven the authority knows, one more here");
    assert!(!g.authority_holds(now(), &genesis, held).unwrap());
    let through = g.view().acknowledged.unwrap();
    assert!(
        through < ours,
        "what it holds is not what we wrote: {through}"
    );
    assert!(matches!(take(&mut g, 12), Answer::Committed { .. }));
    g.stop(now(), "test").unwrap();
    drop(g);
    let report = verify(&backup).unwrap();
    assert!(report.ok, "{:?}", report.fault);
    let records = texts(&backup);
    let numbers: Vec<u64> = records.iter().map(|(seq, _)| *seq).collect();
    let expected: Vec<u64> = (0..=ours)
        .chain(held + 1..=report.head_seq.unwrap())
        .collect();
    assert_eq!(numbers, expected);
    let mut pages = Pages::new(backup.clone()).unwrap();
    assert_eq!(pages.next_page(10_000).unwrap(), records);
    for (seq, text) in &records {
        assert_eq!(Record::read(text).unwrap().seq, *seq);
    }
    open(&backup).unwrap();
}

#[test]
fn a_gap_nobody_declared_stops_the_start() {
    let disk = MemDisk::new();
    let mut g = open(disk.clone());
    assert!(g.authority_holds(now(), "another", 50).unwrap());
    drop(g);
    let mut records = texts(&disk);
    let last = records.pop().unwrap().1;
    // The record of another journal leaves out no number of ours.
    let forged = last.replace("\"seq\":2}", "\"seq\":51}");
    assert_ne!(last, forged);
    let mut copy = MemDisk::new();
    let name = "journal-000000000000.lgj";
    copy.create(name).unwrap();
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);
    for text in records.iter().map(|(_, text)| text).chain([&forged]) {
        let mut frame = u32::try_from(text.len()).unwrap().to_le_bytes().to_vec();
        frame.extend(crc.checksum(text.as_bytes()).to_le_bytes());
        frame.extend(text.as_bytes());
        copy.append(name, &frame).unwrap();
    }
    let report = verify(&copy).unwrap();
    assert!(
        report
            .fault
            .unwrap()
            .contains("seq 51 where 2 was expected")
    );
    assert!(Gatekeeper::<_, u32>::open(copy, options()).is_err());
}

#[test]
fn a_disk_too_full_to_say_so_still_releases_nothing() {
    let disk = MemDisk::new();
    let mut g = open(disk.clone());
    disk.set_capacity(Some(0));
    assert!(g.authority_holds(now(), "another", 50).unwrap());
    disk.set_capacity(None);
    assert!(is_refused(&take(&mut g, 1)));
}
