//! A real directory, read by the second implementation: the auditor's script.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::journal::{RealDisk, verify};

/// A directory of its own, removed at the end.
pub(super) struct Dir(PathBuf);

impl Dir {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lanegate-journal-{}-{n}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Some records in several segments.
fn write(dir: &Dir) {
    let mut small = options();
    small.segment_len_max = 2000;
    small.reserve_bytes = 1 << 20;
    let disk = RealDisk::lock(dir.path()).unwrap();
    let (mut g, _) = Gatekeeper::<_, u32>::open(disk, small).unwrap();
    let list = list(9);
    g.apply_feed(0, now(), batch_of(1, &list));
    g.flush().unwrap();
    for n in 0..4 {
        g.ask(1, &passage(1, n), &list, VerdictKind::Release);
        g.note(vec![outcome(&passage(1, n), Outcome::Passed)]);
        g.flush().unwrap();
    }
    g.snapshot(now()).unwrap();
    g.stop(now(), "test").unwrap();
}

/// What the auditor's script says.
fn script(dir: &Dir) -> (bool, serde_json::Value) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verify_journal.py");
    let run = Command::new("python3").arg(script).arg(dir.path()).output();
    let out = run.expect("python3 is needed to prove the journal's page");
    let text = String::from_utf8(out.stdout).unwrap();
    let read = serde_json::from_str(&text);
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    (
        out.status.success(),
        read.unwrap_or_else(|_| panic!("{errors}")),
    )
}

fn segments(dir: &Dir) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.path()).unwrap();
    let paths = entries.map(|e| e.unwrap().path());
    let mut found: Vec<_> = paths
        .filter(|p| p.extension().is_some_and(|e| e == "lgj"))
        .collect();
    found.sort();
    found
}

#[test]
fn a_stranger_verifies_the_journal_from_its_page() {
    let dir = Dir::new();
    write(&dir);
    assert!(segments(&dir).len() > 2);
    let ours = verify(&RealDisk::beside(dir.path()).unwrap()).unwrap();
    let (ok, theirs) = script(&dir);
    assert!(ok && ours.ok, "{theirs} {:?}", ours.fault);
    assert_eq!(theirs["records"], ours.records);
    assert_eq!(theirs["head"].as_str(), ours.head_sha256.as_deref());
}

#[test]
fn both_name_the_same_first_bad_record() {
    let dir = Dir::new();
    write(&dir);
    let first = segments(&dir)[0].clone();
    let whole = std::fs::read(&first).unwrap();
    for offset in (0..whole.len()).step_by(97) {
        let mut bytes = whole.clone();
        bytes[offset] ^= 0x10;
        std::fs::write(&first, &bytes).unwrap();
        let ours = verify(&RealDisk::beside(dir.path()).unwrap()).unwrap();
        let (ok, theirs) = script(&dir);
        assert!(!ok && !ours.ok, "byte {offset}");
        let (ours, theirs) = (
            ours.fault.unwrap(),
            theirs["fault"].as_str().unwrap().to_owned(),
        );
        let seq = |text: &str| -> u64 {
            let (_, rest) = text.split_once("record ").unwrap();
            rest.split([':', ' ']).next().unwrap().parse().unwrap()
        };
        assert_eq!(seq(&ours), seq(&theirs), "{ours} / {theirs}");
    }
}

#[test]
fn both_allow_a_torn_tail_and_only_that() {
    let dir = Dir::new();
    write(&dir);
    let last = segments(&dir).pop().unwrap();
    let whole = std::fs::read(&last).unwrap();
    std::fs::write(&last, &whole[..whole.len() - 3]).unwrap();
    let ours = verify(&RealDisk::beside(dir.path()).unwrap()).unwrap();
    let (ok, theirs) = script(&dir);
    assert!(ok && ours.ok);
    assert!(ours.torn_bytes > 0);
    assert_eq!(theirs["torn"], ours.torn_bytes);
    let disk = RealDisk::lock(dir.path()).unwrap();
    let (_, opened) = Gatekeeper::<_, u32>::open(disk, options()).unwrap();
    assert_eq!(opened.torn.unwrap().bytes, ours.torn_bytes);
    assert_eq!(script(&dir).1["torn"], 0);
}

#[test]
fn a_real_journal_is_recovered_and_goes_on() {
    let dir = Dir::new();
    write(&dir);
    let disk = RealDisk::lock(dir.path()).unwrap();
    assert!(disk.free_bytes().unwrap() > 0);
    let (g, opened) = Gatekeeper::<_, u32>::open(disk, options()).unwrap();
    assert_eq!((opened.start, g.issued()), (2, 4));
    assert!(opened.snapshot.is_some());
    drop(g);
    assert!(script(&dir).0);
}

/// A hole would give no room back.
#[test]
fn what_is_set_aside_has_blocks_of_the_disk() {
    use std::os::unix::fs::MetadataExt as _;
    let dir = Dir::new();
    write(&dir);
    let reserve = std::fs::metadata(dir.path().join("reserve")).unwrap();
    assert_eq!(reserve.len(), 1 << 20);
    assert!(reserve.blocks() * 512 >= reserve.len(), "{reserve:?}");
    // Half of it, made whole again.
    let mut disk = RealDisk::lock(dir.path()).unwrap();
    disk.truncate("reserve", 1 << 19).unwrap();
    disk.allocate("reserve", 1 << 20).unwrap();
    assert_eq!(disk.len("reserve").unwrap(), 1 << 20);
}
