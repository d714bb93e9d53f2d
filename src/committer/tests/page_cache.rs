//! What the system shows of a file and the disk does not have: a process that
//! is killed leaves it behind, and a sync that fails makes it stay so.

use super::*;
use crate::journal::verify;

/// Takes `n` trips of a list, one a flush.
fn spend(g: &mut Gatekeeper<MemDisk, u32>, trips: std::ops::Range<u64>) -> Result<(), Fatal> {
    let declaration = list(20);
    for n in trips {
        let p = passage(1, n);
        g.ask(0, &p, &declaration, VerdictKind::Release);
        g.note(vec![outcome(&p, Outcome::Passed)]);
        g.flush()?;
    }
    Ok(())
}

fn begun(disk: &MemDisk) -> Gatekeeper<MemDisk, u32> {
    let mut g = open(disk.clone());
    g.apply_feed(0, now(), batch_of(1, &list(20)));
    g.flush().unwrap();
    g
}

#[test]
fn what_a_killed_process_left_unsynced_is_synced_before_it_counts() {
    let disk = MemDisk::new();
    let mut g = begun(&disk);
    spend(&mut g, 0..2).unwrap();
    // Killed between the write and the sync.
    disk.cut_power_after(1, 0);
    assert!(spend(&mut g, 2..3).is_err());
    disk.kill();
    assert!(disk.unsynced_bytes() > 0);
    // The next start begins another file.
    let mut options = options();
    options.segment_len_max = 1;
    let (g, _) = Gatekeeper::<_, u32>::open(disk.clone(), options).unwrap();
    assert_eq!(g.issued(), 3, "what is read back counts");
    disk.crash(0, 0);
    assert_eq!(open(disk.clone()).issued(), 3, "and goes on counting");
    assert!(verify(&disk).unwrap().ok);
}

#[test]
fn nothing_of_a_failed_sync_is_taken_for_durable_at_the_next_start() {
    let disk = MemDisk::new();
    let mut g = begun(&disk);
    spend(&mut g, 0..2).unwrap();
    disk.fail_syncs(1);
    assert!(spend(&mut g, 2..3).is_err(), "nobody is answered");
    disk.kill();
    let mut g = open(disk.clone());
    assert_eq!(g.issued(), 2);
    spend(&mut g, 3..5).unwrap();
    // What a sync could not write, a later one does not either.
    disk.crash(0, 0);
    assert_eq!(open(disk.clone()).issued(), 4);
    assert!(verify(&disk).unwrap().ok);
}
