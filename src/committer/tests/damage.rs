//! What is no torn tail stops the start, and says exactly where.

use super::*;
use crate::journal::{JournalError, RealDisk, verify};

const SEGMENT: &str = "journal-000000000000.lgj";

/// A journal of six records; offsets of their frames.
fn journal() -> (MemDisk, Vec<usize>) {
    let disk = MemDisk::new();
    let mut g = open(disk.clone());
    for n in 0..4 {
        g.note(vec![outcome(&passage(1, n), Outcome::Left)]);
    }
    g.flush().unwrap();
    let bytes = disk.read(SEGMENT).unwrap();
    let mut offsets = vec![0];
    while let Some(header) = bytes
        .get(offsets[offsets.len() - 1]..)
        .filter(|b| !b.is_empty())
    {
        let len = u32::from_le_bytes(header[..4].try_into().unwrap()) as usize;
        offsets.push(offsets[offsets.len() - 1] + 8 + len);
    }
    offsets.pop();
    (disk, offsets)
}

fn fault(disk: MemDisk) -> Option<(u64, u64)> {
    let listed = verify(&disk).unwrap();
    match Gatekeeper::<_, u32>::open(disk, options()) {
        Ok(_) => {
            assert!(listed.ok);
            None
        }
        Err(OpenError::Journal(JournalError::Damaged { seq, offset, .. })) => {
            assert!(listed.fault.unwrap().contains(&format!("record {seq} ")));
            Some((seq, offset))
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_flipped_byte_before_the_last_record_stops_the_start_at_that_record() {
    let (_, offsets) = journal();
    assert_eq!(offsets.len(), 6);
    for (seq, window) in offsets.windows(2).enumerate() {
        for offset in window[0]..window[1] {
            let (disk, _) = journal();
            disk.flip(SEGMENT, offset);
            assert_eq!(
                fault(disk),
                Some((seq as u64, window[0] as u64)),
                "byte {offset}"
            );
        }
    }
}

#[test]
fn a_hole_stops_the_start() {
    let (disk, offsets) = journal();
    for offset in offsets[2]..offsets[3] {
        disk.flip(SEGMENT, offset);
    }
    assert_eq!(fault(disk), Some((2, offsets[2] as u64)));
}

#[test]
fn a_record_taken_out_and_one_put_in_twice_are_seen() {
    let (disk, offsets) = journal();
    let bytes = disk.read(SEGMENT).unwrap();
    let (a, b) = (offsets[2], offsets[3]);
    for forged in [
        [&bytes[..a], &bytes[b..]].concat(),
        [&bytes[..b], &bytes[a..]].concat(),
    ] {
        let mut disk = MemDisk::new();
        disk.create(SEGMENT).unwrap();
        disk.append(SEGMENT, &forged).unwrap();
        let seq = if forged.len() < bytes.len() { 2 } else { 3 };
        assert_eq!(fault(disk).unwrap().0, seq);
    }
}

#[test]
fn a_missing_segment_is_seen() {
    let disk = MemDisk::new();
    let mut small = options();
    small.segment_len_max = 1;
    let (mut g, _) = Gatekeeper::<_, u32>::open(disk.clone(), small).unwrap();
    for n in 0..3 {
        g.note(vec![outcome(&passage(1, n), Outcome::Left)]);
        g.flush().unwrap();
    }
    assert!(verify(&disk).unwrap().ok);
    let mut gap = disk.fork();
    gap.remove("journal-000000000003.lgj").unwrap();
    assert_eq!(fault(gap).unwrap().0, 3);
    let mut headless = disk.fork();
    headless.remove(SEGMENT).unwrap();
    assert!(!verify(&headless).unwrap().ok);
    assert!(Gatekeeper::<_, u32>::open(headless, options()).is_err());
    // A torn tail is only the last segment's.
    let torn = disk.fork();
    let len = torn.read("journal-000000000002.lgj").unwrap().len() as u64;
    torn.clone()
        .truncate("journal-000000000002.lgj", len - 1)
        .unwrap();
    assert_eq!(fault(torn).unwrap().0, 2);
}

#[test]
fn a_start_from_a_snapshot_gives_the_same_ledger_as_from_the_beginning() {
    let disk = MemDisk::new();
    let mut g = open(disk.clone());
    let list = list(9);
    g.apply_feed(0, now(), batch_of(1, &list));
    g.flush().unwrap();
    for n in 0..3 {
        g.ask(1, &passage(1, n), &list, VerdictKind::Release);
        g.flush().unwrap();
        g.snapshot(now()).unwrap();
    }
    let names = disk.list().unwrap();
    let snapshots: Vec<_> = names
        .into_iter()
        .filter(|n| n.starts_with("snapshot-"))
        .collect();
    assert_eq!(snapshots.len(), 2, "the last two are kept");
    let text = |disk: &MemDisk| {
        let (g, opened) = Gatekeeper::<_, u32>::open(disk.fork(), options()).unwrap();
        (opened.snapshot, serde_json::to_string(g.ledger()).unwrap())
    };
    let (from, ledger) = text(&disk);
    assert_eq!(from, Some(7));
    assert!(verify(&disk).unwrap().ok);
    // The newest is bad: the older one, then none.
    disk.flip(&snapshots[1], 200);
    assert!(!verify(&disk).unwrap().ok);
    let (from, second) = text(&disk);
    assert_eq!((from, &second), (Some(5), &ledger));
    disk.flip(&snapshots[0], 200);
    let (from, third) = text(&disk);
    assert_eq!((from, &third), (None, &ledger));
}

#[test]
fn a_snapshot_no_record_names_is_not_believed() {
    let disk = MemDisk::new();
    let mut g = open(disk.clone());
    let list = list(9);
    g.apply_feed(0, now(), batch_of(1, &list));
    g.flush().unwrap();
    g.ask(1, &passage(1, 1), &list, VerdictKind::Release);
    g.flush().unwrap();
    let mut aside = disk.clone();
    let empty = lanegate_core::ledger::Ledger::default();
    crate::journal::write_snapshot(&mut aside, &empty, g.head()).unwrap();
    drop(g);
    let (g, opened) = Gatekeeper::<_, u32>::open(disk, options()).unwrap();
    assert_eq!((opened.snapshot, g.issued()), (None, 1));
}

#[test]
fn a_real_directory_has_one_writer() {
    let dir = super::real::Dir::new();
    let first = RealDisk::lock(dir.path()).unwrap();
    let second = RealDisk::lock(dir.path()).unwrap_err();
    assert_eq!(second.kind(), std::io::ErrorKind::WouldBlock);
    drop(first);
    RealDisk::lock(dir.path()).unwrap();
}
