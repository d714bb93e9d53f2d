//! Signed heads: when they are made, and that a stranger can check them.

use std::process::Command;

use lanegate_core::record::{CheckpointBody, Kind, Record};

use super::real::Dir;
use super::*;
use crate::journal::{CheckpointKey, Disk, RealDisk, verify, verify_signed};

fn signing(every_records: u64) -> Options {
    let mut options = options();
    options.checkpoints = Some(Checkpoints {
        key: CheckpointKey::new([3; 32]),
        every_records,
    });
    options
}

fn left<D: Disk>(g: &mut Gatekeeper<D, u32>, n: u64) {
    g.note(vec![outcome(&passage(1, n), Outcome::Left)]);
    g.flush().unwrap();
}

fn checkpoints<D: Disk>(g: &mut Gatekeeper<D, u32>) -> Vec<(u64, CheckpointBody)> {
    let records = g.records_from(0, 10_000).unwrap();
    let records = records.iter().map(|(_, text)| Record::read(text).unwrap());
    let of_kind = records.filter(|record| record.kind == Kind::Checkpoint);
    of_kind
        .map(|r| (r.seq, serde_json::from_str(r.body.text()).unwrap()))
        .collect()
}

#[test]
fn a_head_is_signed_after_a_start_so_many_records_when_asked_and_at_a_stop() {
    let disk = MemDisk::new();
    let (mut g, _) = Gatekeeper::<_, u32>::open(disk.clone(), signing(5)).unwrap();
    left(&mut g, 1);
    assert_eq!(g.view().head_seq, 3, "genesis, start, outcome, checkpoint");
    for n in 2..=5 {
        left(&mut g, n);
    }
    assert_eq!(checkpoints(&mut g).len(), 1);
    left(&mut g, 6);
    let made = checkpoints(&mut g);
    assert_eq!((made.len(), made[1].0), (2, 9), "five records behind it");
    // Nothing new: nothing to sign.
    g.checkpoint(now());
    g.flush().unwrap();
    assert_eq!(g.view().head_seq, 9);
    left(&mut g, 7);
    g.checkpoint(now());
    assert!(!g.is_idle());
    g.flush().unwrap();
    assert_eq!(g.view().head_seq, 11);
    g.stop(now(), "test").unwrap();
    let made = checkpoints(&mut g);
    assert_eq!(made.last().unwrap().0, g.view().head_seq, "the last word");
    for (seq, body) in &made {
        assert_eq!(body.seq + 1, *seq);
        assert_eq!(body.key, g.view().checkpoint_key);
    }
    drop(g);
    let report = verify(&disk).unwrap();
    assert!(report.ok, "{:?}", report.fault);
    let key = CheckpointKey::new([3; 32]).public();
    assert_eq!(report.signed[&key], made.len() as u64);
    assert!(verify_signed(&disk, Some(&key)).unwrap().ok);
    let other = CheckpointKey::new([4; 32]).public();
    let report = verify_signed(&disk, Some(&other)).unwrap();
    let fault = report.fault.unwrap();
    assert!(
        fault.contains("record 3 ") && fault.contains("not signed"),
        "{fault}"
    );
}

#[test]
fn a_checkpoint_that_found_no_room_is_made_later() {
    let disk = MemDisk::new();
    let (mut g, _) = Gatekeeper::<_, u32>::open(disk.clone(), signing(1000)).unwrap();
    disk.set_capacity(Some(0));
    left(&mut g, 1);
    assert!(checkpoints(&mut g).is_empty());
    disk.set_capacity(None);
    g.flush().unwrap();
    assert_eq!(checkpoints(&mut g).len(), 1);
    assert!(verify(&disk).unwrap().ok);
}

/// What the auditor's second script says.
fn script(dir: &Dir) -> (bool, serde_json::Value) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verify_checkpoints.py");
    let run = Command::new("python3").arg(script).arg(dir.path()).output();
    let out = run.expect("python3 is needed to prove the journal's page");
    let told = serde_json::from_slice(&out.stdout);
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    let told = told.unwrap_or_else(|_| panic!("{errors}"));
    (out.status.success(), told)
}

#[test]
fn a_stranger_verifies_the_signatures_from_the_page_and_finds_a_forged_one() {
    let dir = Dir::new();
    let disk = RealDisk::lock(dir.path()).unwrap();
    let (mut g, _) = Gatekeeper::<_, u32>::open(disk, signing(3)).unwrap();
    for n in 0..9 {
        left(&mut g, n);
    }
    g.stop(now(), "test").unwrap();
    let made = checkpoints(&mut g);
    drop(g);
    let (ok, told) = script(&dir);
    let key = CheckpointKey::new([3; 32]).public();
    assert!(ok, "{told}");
    assert_eq!(told["signed"][&key], made.len());
    // Signed anew by who has the disk and not the key.
    let file = dir.path().join("journal-000000000000.lgj");
    let bytes = std::fs::read(&file).unwrap();
    let (seq, body) = &made[1];
    let forged = CheckpointKey::new([4; 32]);
    let link = lanegate_core::record::Link {
        controller: options().controller,
        genesis: verify(&RealDisk::beside(dir.path()).unwrap())
            .unwrap()
            .genesis
            .unwrap(),
        seq: body.seq + 1,
        prev: body.sha256.clone(),
    };
    let signature = forged.sign(&link).unwrap().signature;
    let bytes = replaced(&bytes, body.signature.as_bytes(), signature.as_bytes());
    std::fs::write(&file, bytes).unwrap();
    let (ok, told) = script(&dir);
    assert!(!ok);
    let fault = told["fault"].as_str().unwrap();
    assert!(fault.starts_with(&format!("record {seq}:")), "{fault}");
    assert!(!verify(&RealDisk::beside(dir.path()).unwrap()).unwrap().ok);
}

/// `bytes` with `old` replaced, and the checksum of its frame computed anew.
fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let found = bytes.windows(old.len()).position(|window| window == old);
    let found = found.unwrap();
    bytes[found..found + new.len()].copy_from_slice(new);
    let mut at = 0;
    loop {
        let len = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        if found < at + 8 + len {
            let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);
            let crc = crc.checksum(&bytes[at + 8..at + 8 + len]);
            bytes[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
            return bytes;
        }
        at += 8 + len;
    }
}
