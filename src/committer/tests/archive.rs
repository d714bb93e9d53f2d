//! Old segments leave the journal: only whole, old, acknowledged ones behind
//! two recorded snapshots; what is left starts, and says where it begins.

use super::*;
use crate::journal::{Joined, JournalError, JournalReader, Leave, archive, verify};

/// Many small segments with two snapshots near the end; and its head.
pub(super) fn journal() -> (MemDisk, u64) {
    journal_of(3000)
}

/// The same in segments of so many bytes.
pub(super) fn journal_of(segment_len_max: u64) -> (MemDisk, u64) {
    let disk = MemDisk::new();
    let mut small = options();
    small.segment_len_max = segment_len_max;
    let (mut g, _) = Gatekeeper::<_, u32>::open(disk.clone(), small).unwrap();
    let list = list(9);
    g.apply_feed(0, now(), batch_of(1, &list));
    for n in 0..5 {
        g.ask(1, &passage(1, n), &list, VerdictKind::Release);
        g.flush().unwrap();
        g.note(vec![outcome(&passage(1, n), Outcome::Passed)]);
        g.flush().unwrap();
        if n > 2 {
            g.snapshot(now()).unwrap();
        }
    }
    let head = g.view().head_seq;
    (disk, head)
}

pub(super) fn leave(head: u64) -> Leave {
    Leave {
        before: Wall(now().0 + 1),
        acknowledged: head,
        head,
    }
}

pub(super) fn segments(disk: &MemDisk) -> Vec<String> {
    let names = disk.list().unwrap().into_iter();
    names.filter(|n| n.ends_with(".lgj")).collect()
}

fn ledger(disk: &MemDisk) -> String {
    let (g, _) = Gatekeeper::<_, u32>::open(disk.fork(), options()).unwrap();
    serde_json::to_string(g.ledger()).unwrap()
}

#[test]
fn what_left_is_whole_in_the_archive_and_what_stays_starts_with_the_same_ledger() {
    let (disk, head) = journal();
    let before = (ledger(&disk), segments(&disk));
    let (mut live, mut to) = (disk.clone(), MemDisk::new());
    let gone = archive(&mut live, Some(&mut to), leave(head)).unwrap();
    assert!(gone.len() > 1, "{gone:?}");
    assert_eq!(segments(&to), gone);
    assert_eq!([segments(&to), segments(&disk)].concat(), before.1);
    assert_eq!(ledger(&disk), before.0);
    let report = verify(&disk).unwrap();
    assert!(report.ok && report.begins > 0, "{report:?}");
    let all = verify(&Joined::of(vec![to.clone(), disk.clone()])).unwrap();
    assert!(all.ok, "{:?}", all.fault);
    assert_eq!((all.begins, all.records), (0, head + 1));
    assert_eq!(all.head_sha256, report.head_sha256);
    // Readers go on from where it begins.
    let mut reader = JournalReader::new(disk.clone());
    let first = reader.records_from(0, head, 1).unwrap()[0].0;
    assert_eq!(first, report.begins);
    assert!(
        archive(&mut live, Some(&mut to), leave(head))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn nothing_leaves_that_is_young_unacknowledged_or_needed_by_a_start() {
    let (disk, head) = journal();
    let whole = segments(&disk);
    let stays = |disk: &MemDisk, leave: Leave| {
        let none: Option<&mut MemDisk> = None;
        archive(&mut disk.clone(), none, leave).unwrap().is_empty()
    };
    let young = Leave {
        before: now(),
        ..leave(head)
    };
    assert!(stays(&disk.fork(), young));
    let unacknowledged = Leave {
        acknowledged: 0,
        ..leave(head)
    };
    assert!(stays(&disk.fork(), unacknowledged));
    let snapshots: Vec<_> = disk.list().unwrap();
    let snapshots: Vec<_> = snapshots.iter().filter(|n| n.starts_with("snap")).collect();
    assert_eq!(snapshots.len(), 2);
    for name in snapshots {
        let mut one = disk.fork();
        one.remove(name).unwrap();
        assert!(stays(&one, leave(head)), "one snapshot is not enough");
        let bad = disk.fork();
        bad.flip(name, 100);
        assert!(stays(&bad, leave(head)), "no record names {name} as it is");
    }
    assert_eq!(segments(&disk), whole);
    // Acknowledged in part: only what is whole below it leaves.
    let none: Option<&mut MemDisk> = None;
    let part = Leave {
        acknowledged: 4,
        ..leave(head)
    };
    let gone = archive(&mut disk.clone(), none, part).unwrap();
    assert!(!gone.is_empty());
    assert!(verify(&disk).unwrap().begins <= 5);
}

#[test]
fn an_archive_with_another_segment_of_that_name_is_left_alone() {
    let (disk, head) = journal();
    let name = segments(&disk)[0].clone();
    let mut to = MemDisk::new();
    to.create(&name).unwrap();
    to.append(&name, b"another controller's").unwrap();
    let refused = archive(&mut disk.clone(), Some(&mut to), leave(head));
    assert!(matches!(refused, Err(JournalError::ArchivedOther { segment }) if segment == name));
    assert_eq!(segments(&disk)[0], name);
    assert_eq!(to.read(&name).unwrap(), b"another controller's");
}

#[test]
fn without_its_beginning_and_its_snapshots_a_journal_does_not_start_and_says_what_to_do() {
    let (mut disk, head) = journal();
    let mut to = MemDisk::new();
    archive(&mut disk, Some(&mut to), leave(head)).unwrap();
    for name in disk.list().unwrap() {
        if name.starts_with("snap") {
            disk.flip(&name, 100);
        }
    }
    let refused = Gatekeeper::<_, u32>::open(disk.clone(), options())
        .err()
        .unwrap();
    let why = std::error::Error::source(&refused).unwrap().to_string();
    assert!(
        why.contains("put the archived segments beside the others"),
        "{why}"
    );
    // Which is what helps.
    for name in segments(&to) {
        let bytes = to.read(&name).unwrap();
        disk.create(&name).unwrap();
        disk.append(&name, &bytes).unwrap();
        disk.sync(&name).unwrap();
    }
    Gatekeeper::<_, u32>::open(disk, options()).unwrap();
}
