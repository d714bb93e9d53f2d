//! A full disk: what was set aside takes what must still be written, nothing is
//! released, and all of it ends when there is room.

use super::*;
use crate::journal::{AppendError, verify};
use lanegate_core::lane::Refusal;
use lanegate_core::model::JournalState;

const RESERVE: u64 = 1 << 20;
/// More than the reserve, or giving that back would look like room.
const FLOOR: u64 = 2 << 20;

fn with_reserve() -> Options {
    let mut options = options();
    options.free_floor_bytes = FLOOR;
    options.reserve_bytes = RESERVE;
    options
}

fn started(disk: &MemDisk) -> Gatekeeper<MemDisk, u32> {
    Gatekeeper::open(disk.clone(), with_reserve()).unwrap().0
}

fn reserve(disk: &MemDisk) -> u64 {
    disk.len("reserve").unwrap_or(0)
}

/// Not a byte is free.
fn fill(disk: &MemDisk) {
    disk.set_capacity(Some(disk.used_bytes()));
}

#[test]
fn a_full_disk_still_takes_holds_and_what_arms_do_and_releases_nobody() {
    let disk = MemDisk::new();
    let mut g = started(&disk);
    let list = list(9);
    g.apply_feed(0, now(), batch_of(1, &list));
    g.flush().unwrap();
    assert_eq!(reserve(&disk), RESERVE);
    let release = verdict(&g.view(), &passage(1, 1), &list, VerdictKind::Release);
    fill(&disk);
    g.submit(1, vec![release.into()], Guard::Verdict);
    let why = Refusal::Changed;
    assert_eq!(g.flush().unwrap(), [Answer::Refused { token: 1, why }]);
    assert_eq!(facts(&g.view(), &list).journal, Some(JournalState::Full));
    for n in 0..100 {
        g.ask(2, &passage(1, n), &list, VerdictKind::Hold);
        g.note(vec![outcome(&passage(1, n), Outcome::Left)]);
        let answer = g.flush().unwrap().remove(0);
        assert!(
            matches!(answer, Answer::Committed { .. }),
            "{n}: {answer:?}"
        );
    }
    assert_eq!(g.waiting(), 0);
    assert!(reserve(&disk) < RESERVE, "given back piece by piece");
    // What comes from outside is asked for again, and leaves the rest to trucks.
    g.apply_feed(3, now(), batch(2));
    assert_eq!(g.flush().unwrap(), [Answer::NotApplied { token: 3 }]);
    let report = verify(&disk).unwrap();
    assert!(report.ok, "{:?}", report.fault);

    disk.set_capacity(None);
    g.look_at_space();
    assert_eq!(reserve(&disk), RESERVE, "made again");
    g.ask(4, &passage(1, 200), &list, VerdictKind::Release);
    g.apply_feed(5, now(), batch(2));
    let answers = g.flush().unwrap();
    assert!(matches!(answers[0], Answer::Committed { token: 4, .. }));
    assert!(matches!(answers[1], Answer::Applied { token: 5, .. }));
}

#[test]
fn a_start_on_a_full_disk_is_recorded_in_what_was_set_aside() {
    let disk = MemDisk::new();
    drop(started(&disk));
    fill(&disk);
    let (g, opened) = Gatekeeper::<_, u32>::open(disk.clone(), with_reserve()).unwrap();
    assert_eq!((opened.start, g.view().journal), (2, JournalState::Full));
    assert!(reserve(&disk) < RESERVE);
    // Without one there is no start, and it says for want of what.
    disk.set_capacity(Some(disk.used_bytes()));
    let options = || Options {
        reserve_bytes: 0,
        ..with_reserve()
    };
    let left = reserve(&disk);
    let failed = Gatekeeper::<_, u32>::open(disk.clone(), options());
    let failed = failed.err().unwrap();
    assert!(failed.is_full(), "{failed:?}");
    assert!(matches!(failed, OpenError::Start(AppendError::Full)));
    assert_eq!(reserve(&disk), left, "another's");
    disk.set_capacity(None);
    let (_, opened) = Gatekeeper::<_, u32>::open(disk, options()).unwrap();
    assert_eq!(opened.start, 3);
}

/// Nothing of the reserve is left either: notes wait, bounded, in their order.
#[test]
fn behind_the_reserve_notes_wait_and_no_more_are_taken_than_may() {
    let disk = MemDisk::new();
    let mut g = started(&disk);
    fill(&disk);
    let mut written = 0;
    while g.waiting() == 0 {
        g.note(vec![outcome(&passage(1, written), Outcome::Left)]);
        g.flush().unwrap();
        written += 1;
    }
    assert_eq!(reserve(&disk), 0);
    assert!(g.takes_notes());
    let mut n = written;
    while g.takes_notes() {
        g.note(vec![outcome(&passage(1, n), Outcome::Left)]);
        n += 1;
    }
    // What was on its way is kept too, and the journal goes on.
    g.note(vec![outcome(&passage(1, n), Outcome::Left)]);
    g.ask(1, &passage(2, 1), &list(9), VerdictKind::Hold);
    let why = Refusal::Unavailable;
    assert_eq!(g.flush().unwrap(), [Answer::Refused { token: 1, why }]);
    assert!(!g.takes_notes());
    disk.set_capacity(None);
    g.look_at_space();
    g.flush().unwrap();
    assert!(g.takes_notes() && g.waiting() == 0);
    assert_eq!(reserve(&disk), RESERVE);
    let outcomes: Vec<u64> = g
        .records_from(0, usize::MAX)
        .unwrap()
        .iter()
        .filter_map(|(_, text)| {
            let (_, rest) = text.split_once("\"passage\":\"L1-1-")?;
            rest.split_once('"')?.0.parse().ok()
        })
        .collect();
    assert_eq!(outcomes, (0..=n).collect::<Vec<_>>());
}

#[test]
fn nothing_is_set_aside_where_the_floor_would_be_touched() {
    let disk = MemDisk::new();
    disk.set_capacity(Some(FLOOR + RESERVE));
    let mut g = started(&disk);
    assert_eq!(reserve(&disk), 0, "the start's records took some");
    assert_eq!(g.view().journal, JournalState::Ok);
    disk.set_capacity(Some(FLOOR + RESERVE + disk.used_bytes()));
    g.look_at_space();
    assert_eq!(reserve(&disk), RESERVE);
}
