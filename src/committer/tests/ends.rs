//! What at the end of the journal is no whole record: torn where it can be the
//! beginning of one, else damage at the record that would stand there. The
//! auditor's script says the same of each; the next start cuts both and says
//! which.

use std::path::Path;
use std::process::Command;

use super::real::Dir;
use super::*;
use crate::journal::{Report, verify};

const SEGMENT: &str = "journal-000000000000.lgj";

/// Six records, and where each begins.
fn journal() -> (Vec<u8>, Vec<usize>) {
    let disk = MemDisk::new();
    let mut g = open(disk.clone());
    for n in 0..4 {
        g.note(vec![outcome(&passage(1, n), Outcome::Left)]);
    }
    g.flush().unwrap();
    let bytes = disk.read(SEGMENT).unwrap();
    let (mut at, mut offsets) = (0, Vec::new());
    while at < bytes.len() {
        offsets.push(at);
        at += 8 + u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    }
    (bytes, offsets)
}

fn disk(bytes: &[u8]) -> MemDisk {
    let mut disk = MemDisk::new();
    disk.create(SEGMENT).unwrap();
    disk.append(SEGMENT, bytes).unwrap();
    disk.sync(SEGMENT).unwrap();
    disk
}

/// How the end looks, the record that would stand there, and its byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Torn(u64, usize),
    Damaged(u64, usize),
}

/// Checks report and start; the report.
fn check(bytes: &[u8], end: End) -> Report {
    let report = verify(&disk(bytes)).unwrap();
    let disk = disk(bytes);
    let (_, opened) = Gatekeeper::<_, u32>::open(disk.clone(), options()).unwrap();
    let torn = opened.torn.unwrap();
    let kept = torn.kept.as_ref().map(|kept| disk.read(kept).unwrap());
    let (End::Torn(seq, at) | End::Damaged(seq, at)) = end;
    assert_eq!((torn.seq, torn.offset), (seq, at as u64));
    assert_eq!(torn.bytes, (bytes.len() - at) as u64);
    assert_eq!(report.head_seq, seq.checked_sub(1));
    match end {
        End::Torn(..) => {
            assert!(report.ok, "{end:?}: {:?}", report.fault);
            assert_eq!((report.torn_bytes, report.damaged_bytes), (torn.bytes, 0));
            assert_eq!((torn.damage, kept), (None, None));
        }
        End::Damaged(..) => {
            let fault = report.fault.as_deref().expect("it is damaged");
            let place = format!("record {seq} ({SEGMENT}, byte {at})");
            assert!(fault.contains(&place), "{place}: {fault}");
            assert_eq!((report.torn_bytes, report.damaged_bytes), (0, torn.bytes));
            assert!(torn.damage.is_some());
            assert_eq!(kept.as_deref(), Some(&bytes[at..]));
        }
    }
    report
}

#[test]
fn any_bit_flipped_in_the_last_record_is_damage_and_any_cut_is_a_torn_end() {
    let (bytes, offsets) = journal();
    let last = offsets[5];
    for bit in last * 8..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        check(&flipped, End::Damaged(5, last));
    }
    for cut in last + 1..bytes.len() {
        check(&bytes[..cut], End::Torn(5, last));
    }
}

/// Ends of many kinds, and what each is.
fn ends() -> Vec<(Vec<u8>, End)> {
    let (bytes, offsets) = journal();
    let with = |bytes: &[u8], more: &[u8]| [bytes, more].concat();
    let (whole, last, third) = (bytes.len(), offsets[5], offsets[3]);
    let zeroed = with(&bytes[..third], &vec![0; whole - third]);
    let mut length = bytes.clone();
    length[last + 2] ^= 1;
    let cut = &bytes[..whole - 9];
    let mut ends = vec![
        (zeroed, End::Damaged(3, third)),
        (length, End::Damaged(5, last)),
        (with(cut, &[0; 9]), End::Damaged(5, last)),
        (with(cut, &[0; 4000]), End::Damaged(5, last)),
        (with(cut, b"\n"), End::Damaged(5, last)),
        (with(cut, b"x"), End::Torn(5, last)),
    ];
    for more in [&b"rubbish"[..], b"\0\0\0", &[0; 8], &[0; 512], &[0xff; 3]] {
        ends.push((with(&bytes, more), End::Damaged(6, whole)));
    }
    for more in [
        &b"\0"[..],
        b"\0\0",
        b"\x40",
        b"\x40\x01\0\0",
        b"\0\0\x80\0\0",
    ] {
        ends.push((with(&bytes, more), End::Torn(6, whole)));
    }
    for cut in (last + 1..whole).step_by(7) {
        ends.push((bytes[..cut].to_vec(), End::Torn(5, last)));
    }
    for bit in (last * 8..whole * 8).step_by(41) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        ends.push((flipped, End::Damaged(5, last)));
    }
    ends
}

/// What the auditor's script says of journals in these directories.
fn script(dir: &Path, n: usize) -> Vec<serde_json::Value> {
    let run = "import json, sys, verify_journal as v\n\
               for d in sys.argv[1:]: print(json.dumps(v.verify([d])))";
    let out = Command::new("python3")
        .args(["-B", "-c", run])
        .args((0..n).map(|i| dir.join(i.to_string())))
        .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/tests"))
        .output()
        .expect("python3 is needed to prove the journal's page");
    assert!(out.status.success(), "{out:?}");
    let text = String::from_utf8(out.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

#[test]
fn the_auditors_script_tells_torn_and_damaged_ends_apart_too() {
    let (ends, dir) = (ends(), Dir::new());
    for (i, (bytes, _)) in ends.iter().enumerate() {
        let path = dir.path().join(i.to_string());
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join(SEGMENT), bytes).unwrap();
    }
    let told = script(dir.path(), ends.len());
    assert_eq!(told.len(), ends.len());
    for ((bytes, end), theirs) in ends.iter().zip(told) {
        let ours = check(bytes, *end);
        assert_eq!(theirs["torn"], ours.torn_bytes, "{end:?}");
        assert_eq!(theirs["records"], ours.records);
        match end {
            End::Torn(..) => assert!(theirs["fault"].is_null(), "{theirs}"),
            End::Damaged(seq, at) => {
                let place = format!("record {seq}: {SEGMENT}, byte {at}: ");
                let fault = theirs["fault"].as_str().unwrap();
                assert!(fault.starts_with(&place), "{place} {fault}");
            }
        }
    }
}

#[test]
fn a_journal_that_is_nothing_but_a_damaged_first_record_names_it() {
    let (bytes, offsets) = journal();
    let mut first = bytes[..offsets[1]].to_vec();
    first[20] ^= 1;
    let fault = verify(&disk(&first)).unwrap().fault.unwrap();
    assert!(fault.contains("record 0 ("), "{fault}");
}
