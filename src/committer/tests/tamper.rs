//! Whoever has the disk and not the key: 10,000 edits, deletions, swaps,
//! repetitions, insertions and cut tails of a journal, each of which must be
//! found, by the chain itself or against the last checkpoint the authority got.

use std::collections::BTreeMap;

use lanegate_core::record::{CheckpointBody, Record, sha256_hex};

use super::real::Dir;
use super::*;
use crate::journal::{CheckpointKey, JournalReader, is_signed, verify_signed};

const TRIES: u64 = 10_000;
/// How many of them are shown to the auditor's scripts and to the program.
const SHOWN: usize = 40;

/// SplitMix64: the same tries at every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % n.max(1) as u64).unwrap()
    }
}

/// Segments by name, each a list of records' texts.
type Journal = Vec<(String, Vec<String>)>;

/// Segments by name, each its bytes.
type Files = Vec<(String, Vec<u8>)>;

/// What was done, and what it made of the files.
type Change = (&'static str, Files);

fn key() -> CheckpointKey {
    CheckpointKey::new([3; 32])
}

fn made() -> (MemDisk, CheckpointBody) {
    let disk = MemDisk::new();
    let mut options = options();
    options.segment_len_max = 1000;
    options.checkpoints = Some(Checkpoints {
        key: key(),
        every_records: 5,
    });
    let (mut g, _) = Gatekeeper::<_, u32>::open(disk.clone(), options).unwrap();
    let list = list(9);
    g.apply_feed(0, now(), batch_of(1, &list));
    for n in 0..8 {
        // Cases are long: one is enough.
        if n == 2 {
            g.ask(1, &passage(1, n), &list, VerdictKind::Release);
            g.flush().unwrap();
        }
        g.note(vec![outcome(&passage(1, n), Outcome::Passed)]);
        g.flush().unwrap();
    }
    g.stop(now(), "test").unwrap();
    let head = g.view().head_seq;
    let last = &g.records_from(head, 1).unwrap()[0].1;
    let body = serde_json::from_str::<Record>(last).unwrap().body;
    (disk, serde_json::from_str(body.text()).unwrap())
}

fn read(disk: &MemDisk) -> Journal {
    let names = disk.list().unwrap().into_iter();
    let segments = names.filter(|n| n.ends_with(".lgj"));
    segments
        .map(|name| {
            let bytes = disk.read(&name).unwrap();
            (name, texts(&bytes))
        })
        .collect()
}

fn texts(bytes: &[u8]) -> Vec<String> {
    let (mut at, mut texts) = (0, Vec::new());
    while at < bytes.len() {
        let len = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let text = bytes[at + 8..at + 8 + len].to_vec();
        texts.push(String::from_utf8(text).unwrap());
        at += 8 + len;
    }
    texts
}

/// Frames with right checksums around whatever the texts say.
fn frames(texts: &[String]) -> Vec<u8> {
    let crc = crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISCSI);
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        bytes.extend(crc.checksum(text.as_bytes()).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes
}

fn written(files: &[(String, Vec<u8>)]) -> MemDisk {
    let mut disk = MemDisk::new();
    for (name, bytes) in files {
        disk.create(name).unwrap();
        disk.append(name, bytes).unwrap();
        disk.sync(name).unwrap();
    }
    disk
}

/// One change, with what it was; none if it changed nothing.
fn change(journal: &Journal, dice: &mut Dice) -> Option<Change> {
    let mut changed = journal.clone();
    let s = dice.below(changed.len());
    let r = dice.below(changed[s].1.len());
    let what = match dice.below(8) {
        0 => return edit_bytes(journal, s, dice),
        1 => {
            edit_text(&mut changed[s].1[r], dice)?;
            "text edited, checksum mended"
        }
        2 => {
            changed[s].1.remove(r);
            "record deleted"
        }
        3 => {
            let (t, q) = (dice.below(journal.len()), dice.roll());
            let q = usize::try_from(q % journal[t].1.len() as u64).unwrap();
            let other = changed[t].1[q].clone();
            changed[t].1[q] = std::mem::replace(&mut changed[s].1[r], other);
            "records swapped"
        }
        4 => {
            let text = changed[s].1[r].clone();
            let to = dice.below(changed[s].1.len() + 1);
            changed[s].1.insert(to, text);
            "record repeated"
        }
        5 => {
            changed.remove(s);
            "segment deleted"
        }
        6 => {
            changed.truncate(s + 1);
            changed[s].1.truncate(r);
            "tail cut at a record"
        }
        _ => {
            changed.truncate(s + 1);
            let bytes = frames(&changed[s].1);
            let cut = dice.below(bytes.len());
            let mut files = files(&changed);
            files[s].1.truncate(cut);
            return Some(("tail cut anywhere", files));
        }
    };
    (changed != *journal).then(|| (what, files(&changed)))
}

fn files(journal: &Journal) -> Files {
    let of = |(name, texts): &(String, Vec<String>)| (name.clone(), frames(texts));
    journal.iter().map(of).collect()
}

fn edit_bytes(journal: &Journal, s: usize, dice: &mut Dice) -> Option<Change> {
    let mut files = files(journal);
    let at = dice.below(files[s].1.len());
    for byte in files[s].1.iter_mut().skip(at).take(1 + dice.below(64)) {
        *byte ^= u8::try_from(dice.roll() & 0xff).unwrap();
    }
    let is_other = files != self::files(journal);
    is_other.then_some(("bytes overwritten", files))
}

/// Another digit or letter, so that it may still be a record.
fn edit_text(text: &mut String, dice: &mut Dice) -> Option<()> {
    let at = dice.below(text.len());
    let byte = text.as_bytes()[at];
    let other = match byte {
        b'0'..=b'9' => b'0' + (byte - b'0' + 1 + u8::try_from(dice.below(9)).unwrap()) % 10,
        b'a'..=b'z' => b'a' + (byte - b'a' + 1 + u8::try_from(dice.below(25)).unwrap()) % 26,
        _ => return None,
    };
    text.replace_range(at..=at, std::str::from_utf8(&[other]).unwrap());
    Some(())
}

/// Whether an auditor with the last checkpoint and the public key sees it.
fn is_found(disk: &MemDisk, last: &CheckpointBody) -> bool {
    let report = verify_signed(disk, Some(&key().public())).unwrap();
    if !report.ok || report.begins > 0 {
        return true;
    }
    let found = JournalReader::new(disk.clone()).records_from(last.seq, last.seq, 1);
    let same = |(_, text): &(u64, String)| sha256_hex(text.as_bytes()) == last.sha256;
    !found.unwrap_or_default().iter().any(same)
}

/// Whether every record the checkpoint vouches for still lies where it lay:
/// what is behind it, its own record, the authority has itself.
fn is_only_behind(journal: &Journal, files: &[(String, Vec<u8>)]) -> bool {
    let mut vouched = journal.clone();
    if let Some((_, texts)) = vouched.last_mut() {
        texts.pop();
    }
    vouched.retain(|(_, texts)| !texts.is_empty());
    let vouched = self::files(&vouched);
    let (last, before) = vouched.split_last().unwrap();
    let there = files.get(before.len());
    files.get(..before.len()) == Some(before)
        && there.is_some_and(|(name, bytes)| *name == last.0 && bytes.starts_with(&last.1))
}

#[test]
fn ten_thousand_edits_deletions_swaps_and_cut_tails_are_all_found() {
    let (disk, last) = made();
    let journal = read(&disk);
    assert!(journal.len() > 3);
    let genesis = Record::read(&journal[0].1[0]).unwrap().genesis;
    assert!(is_signed(&last, "SZB-X", &genesis, &key().public()));
    assert!(!is_found(&disk, &last), "untouched");
    let tried = std::thread::scope(|scope| {
        let half = |seed| {
            let (journal, last) = (&journal, &last);
            scope.spawn(move || tried(journal, last, Dice(seed), TRIES / 2))
        };
        let halves = [half(7), half(8)].map(|half| half.join().unwrap());
        let mut all = BTreeMap::new();
        for (what, n) in halves.into_iter().flatten() {
            *all.entry(what).or_insert(0) += n;
        }
        all
    });
    println!("{tried:?}");
    assert_eq!(tried.values().sum::<u64>(), TRIES);
    assert_eq!(tried.len(), 8, "{tried:?}");
    assert!(tried.values().all(|n| *n > 500), "{tried:?}");
}

/// Tries so many changes, each of which must be found; of each kind how many.
fn tried(
    journal: &Journal,
    last: &CheckpointBody,
    mut dice: Dice,
    tries: u64,
) -> BTreeMap<&'static str, u64> {
    let mut tried = BTreeMap::new();
    while tried.values().sum::<u64>() < tries {
        let Some((what, files)) = change(journal, &mut dice) else {
            continue;
        };
        if is_only_behind(journal, &files) {
            continue;
        }
        let n: &mut u64 = tried.entry(what).or_default();
        *n += 1;
        assert!(is_found(&written(&files), last), "{what}, try {n}");
    }
    tried
}

#[test]
fn the_auditors_script_finds_the_same() {
    let (disk, _) = made();
    let journal = read(&disk);
    let mut dice = Dice(11);
    let mut shown = 0;
    while shown < SHOWN {
        let Some((what, files)) = change(&journal, &mut dice) else {
            continue;
        };
        let ours = verify_signed(&written(&files), None).unwrap();
        // The script says where a journal begins, and leaves it at that.
        if is_only_behind(&journal, &files) || !files.iter().any(|(n, _)| *n == journal[0].0) {
            continue;
        }
        shown += 1;
        let dir = Dir::new();
        for (name, bytes) in &files {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verify_journal.py");
        let mut run = std::process::Command::new("python3");
        let out = run.arg(script).arg(dir.path()).output();
        let out = out.expect("python3 is needed to prove the journal's page");
        assert_eq!(out.status.success(), ours.ok, "{what}: {out:?} {ours:?}");
        if ours.ok {
            // A tail that was cut: only a checkpoint tells.
            let told: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
            assert_eq!(told["records"], ours.records, "{what}");
            assert!(what.starts_with("tail cut"), "{what}");
        }
    }
}
