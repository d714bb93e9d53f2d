//! `journal verify|show|export` on a journal the binary wrote itself.

use std::fs;
use std::path::{Path, PathBuf};

use lanegate::journal::CheckpointKey;
use lanegate_core::record::{Body, Draft, Link, Record, StopBody};
use serde_json::json;

use crate::cli_support::{Site, declaration};
use crate::journal_files::{make, read, wall, write};

/// Four records: genesis, start, feed, stop.
fn site() -> Site {
    let site = Site::new();
    site.write("new.jsonl", declaration("D-1", 1));
    site.declarations(&["import", "new.jsonl"]).ends(0);
    site
}

fn segment(site: &Site) -> PathBuf {
    site.state().join("journal/journal-000000000000.lgj")
}

/// Flips a bit of the first byte behind `text`.
fn flip(site: &Site, text: &str) {
    let mut bytes = fs::read(segment(site)).unwrap();
    let at = bytes
        .windows(text.len())
        .position(|window| window == text.as_bytes())
        .unwrap();
    bytes[at + text.len()] ^= 1;
    fs::write(segment(site), bytes).unwrap();
}

#[test]
fn an_intact_journal_is_said_to_be_with_its_head_and_kinds() {
    let site = site();
    let verify = ["journal", "verify", "dev/state/journal"];
    let ran = site.run(&verify).ends(0);
    assert!(ran.out.contains("4 whole records"), "{ran:#?}");
    assert!(ran.out.ends_with("intact\n"), "{ran:#?}");
    let json = site
        .run(&[&verify[..], &["--json"]].concat())
        .ends(0)
        .json();
    assert_eq!(json["ok"], true);
    assert_eq!(json["controller"], "dev");
    assert_eq!(json["head_seq"], 3);
    assert_eq!(
        json["kinds"],
        json!({"genesis":1,"start":1,"feed":1,"stop":1})
    );
}

#[test]
fn one_flipped_bit_names_the_first_bad_record_and_ends_with_one() {
    let site = site();
    flip(&site, "\"program\":\"");
    let ran = site.run(&["journal", "verify", "dev/state"]).ends(1);
    assert!(ran.err.contains("damaged at record 1"), "{ran:#?}");
    let json = site
        .run(&["journal", "verify", "dev/state", "--json"])
        .ends(1)
        .json();
    assert_eq!((&json["ok"], &json["records"]), (&json!(false), &json!(1)));
    // What is whole before it can still be read, and is not passed off as all.
    let ran = site.run(&["journal", "show", "dev/state"]).ends(1);
    assert_eq!(ran.out.lines().count(), 1);
    assert!(ran.err.contains("NOT intact"), "{ran:#?}");
}

#[test]
fn a_checkpoint_kept_elsewhere_tells_a_cut_tail_and_a_journal_written_anew() {
    let site = site();
    let head = site
        .run(&["journal", "verify", "dev/state", "--json"])
        .json();
    let checkpoint =
        |sha256: &str| json!({"seq": 3, "sha256": sha256, "signature": "00"}).to_string();
    let verify = [
        "journal",
        "verify",
        "dev/state",
        "--checkpoint",
        "point.json",
    ];
    site.write(
        "point.json",
        checkpoint(head["head_sha256"].as_str().unwrap()),
    );
    site.run(&verify).ends(0).says("the checkpoint fits");

    site.write("point.json", checkpoint(&"0".repeat(64)));
    site.run(&verify).ends(1).says("rewritten");
    site.write("point.json", "{\"seq\":\"three\"}");
    site.run(&verify).ends(65).says("point.json: seq: ");

    // The last frame is cut off whole: by itself nothing shows that.
    let bytes = fs::read(segment(&site)).unwrap();
    let mut at = 0;
    let mut last = 0;
    while at < bytes.len() {
        last = at;
        let len: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
        at += 8 + u32::from_le_bytes(len) as usize;
    }
    fs::write(segment(&site), &bytes[..last]).unwrap();
    site.run(&["journal", "verify", "dev/state"]).ends(0);
    site.write(
        "point.json",
        checkpoint(head["head_sha256"].as_str().unwrap()),
    );
    site.run(&verify).ends(1).says("its tail was cut");
}

/// A torn end is no damage and a damaged one is, and neither is said to be
/// what only a checkpoint can tell.
#[test]
fn a_torn_end_is_said_to_be_one_and_a_damaged_one_is_the_first_bad_record() {
    let site = site();
    let whole = fs::read(segment(&site)).unwrap();
    let texts = read(&site.state().join("journal"));
    let head = |seq: usize| {
        let sha256 = lanegate_core::record::sha256_hex(texts[seq].as_bytes());
        json!({"seq": seq, "sha256": sha256, "signature": "00"}).to_string()
    };
    let verify = ["journal", "verify", "dev/state"];
    let with = [&verify[..], &["--checkpoint", "point.json"]].concat();
    fs::write(segment(&site), &whole[..whole.len() - 3]).unwrap();
    let ran = site.run(&verify).ends(0);
    assert!(ran.out.ends_with("intact\n"), "{ran:#?}");
    assert!(
        ran.err
            .contains("are the beginning of record 3 and no more")
    );
    assert!(ran.err.contains("--checkpoint"), "{ran:#?}");
    site.write("point.json", head(3));
    site.run(&with).ends(1).says("its tail was cut");

    let last = whole.len() - texts[3].len() - 8;
    let place = format!("damaged at record 3 (journal-000000000000.lgj, byte {last})");
    let mut flipped = whole.clone();
    flipped[whole.len() - 20] ^= 1;
    let zeros = [&whole[..last], &vec![0; whole.len() - last]].concat();
    for bytes in [flipped, zeros] {
        fs::write(segment(&site), bytes).unwrap();
        let ran = site.run(&verify).ends(1);
        assert!(ran.err.contains(&place), "{ran:#?}");
        assert!(!ran.out.contains("intact"), "{ran:#?}");
        let report = site
            .run(&[&verify[..], &["--json"]].concat())
            .ends(1)
            .json();
        assert_eq!(
            (&report["ok"], &report["head_seq"]),
            (&json!(false), &json!(2))
        );
        assert_eq!(report["damaged_bytes"], whole.len() - last);
        site.write("point.json", head(3));
        let ran = site.run(&with).ends(1);
        assert!(ran.err.contains(&place), "{ran:#?}");
        assert!(ran.err.contains("what is damaged was answered"), "{ran:#?}");
        site.write("point.json", head(2));
        let ran = site.run(&with).ends(1);
        assert!(ran.err.contains(&place), "{ran:#?}");
        assert!(
            ran.err.contains("what it knows is here as it was"),
            "{ran:#?}"
        );
    }
}

#[test]
fn records_are_selected_by_sequence_kind_and_passage() {
    let site = site();
    let show = |more: &[&str]| {
        let args = [&["journal", "show", "dev/state"], more].concat();
        site.run(&args).ends(0).out
    };
    assert_eq!(show(&[]).lines().count(), 4);
    let range = show(&["--seq", "1..3"]);
    let kinds: Vec<_> = range
        .lines()
        .map(|l| l.split_whitespace().nth(3).unwrap())
        .collect();
    assert_eq!(kinds, ["start", "feed"]);
    assert!(show(&["--kind", "feed"]).contains("1 declarations, 0 controls"));
    assert_eq!(show(&["--passage", "SZB-X-01-1-1"]), "");
    assert_eq!(show(&["--seq", "90..100"]), "");
    let record = show(&["--kind", "stop", "--json"]);
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["body"]["why"], "declarations import");
}

/// SHA-256 over the exported lines is the chain itself.
#[test]
fn an_export_has_the_very_bytes_that_were_hashed() {
    let site = site();
    let exported = site.run(&["journal", "export", "dev/state"]).ends(0).out;
    let mut prev = "0".repeat(64);
    for line in exported.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["prev"], prev.as_str());
        prev = lanegate_core::record::sha256_hex(line.as_bytes());
    }
    let head = site
        .run(&["journal", "verify", "dev/state", "--json"])
        .json();
    assert_eq!(head["head_sha256"], prev.as_str());
}

#[test]
fn a_directory_without_a_journal_is_not_called_intact() {
    let site = Site::new();
    site.run(&["journal", "verify", "."])
        .ends(1)
        .says("no journal file holds record 0");
    site.run(&["journal", "verify", "nowhere"])
        .ends(74)
        .says("nowhere");
}

/// The key every checkpoint of these tests is signed with.
fn key() -> CheckpointKey {
    CheckpointKey::new([9; 32])
}

/// Six records, the last of them a signed head of the five before; its text.
fn signed(dir: &Path) -> String {
    let draft = |body: Body| Draft {
        at: wall("2026-11-24T08:00:00+08:00"),
        lane: None,
        passage: None,
        body,
    };
    let stop = |n: u32| {
        let why = format!("test {n}");
        draft(StopBody { why }.into())
    };
    let mut drafts: Vec<_> = (1..5).map(stop).collect();
    make(dir, drafts.clone());
    let texts = read(dir);
    let last = Record::read(&texts[4]).unwrap();
    let link = Link::behind(&last, &texts[4]);
    drafts.push(draft(key().sign(&link).unwrap().into()));
    make(dir, drafts);
    read(dir)[5].clone()
}

#[test]
fn a_signed_head_is_verified_by_its_key_and_by_no_other() {
    let site = Site::new();
    let dir = site.state().join("journal");
    let point = signed(&dir);
    let (public, other) = (key().public(), CheckpointKey::new([8; 32]).public());
    let verify = ["journal", "verify", "dev/state"];
    site.run(&verify)
        .ends(0)
        .says(&format!("1 signed with the key {public}"));
    site.run(&[&verify[..], &["--key", &public]].concat())
        .ends(0);
    site.run(&[&verify[..], &["--key", &other]].concat())
        .ends(1)
        .says("record 5");
    site.write("point.json", &point);
    let with = [&verify[..], &["--checkpoint", "point.json"]].concat();
    let ran = site.run(&with).ends(0);
    assert!(ran.out.contains("the checkpoint fits"), "{ran:#?}");
    assert!(!ran.err.contains("not checked"), "{ran:#?}");
    // The head of a journal written anew, signed by who wrote it.
    let texts = read(&dir);
    let last = Record::read(&texts[3]).unwrap();
    let forged = CheckpointKey::new([8; 32]).sign(&Link::behind(&last, &texts[3]));
    site.write("point.json", json!(forged.unwrap()).to_string());
    site.run(&[&with[..], &["--key", &public]].concat())
        .ends(1)
        .says("not signed with that key");
}

#[test]
fn every_change_shown_to_the_program_is_found_with_the_last_head_the_authority_got() {
    let site = Site::new();
    let dir = site.state().join("journal");
    let point = signed(&dir);
    site.write("point.json", point);
    let public = key().public();
    let verify = |code: i32, what: &str| {
        let args = ["journal", "verify", "dev/state", "--checkpoint"];
        let args = [&args[..], &["point.json", "--key", &public]].concat();
        let ran = site.run(&args);
        assert_eq!(ran.code, Some(code), "{what}: {ran:#?}");
    };
    verify(0, "untouched");
    let whole = read(&dir);
    for n in 0..5 {
        let mut texts = whole.clone();
        texts.remove(n);
        write(&dir, &texts);
        verify(1, &format!("{n} deleted"));
        let mut texts = whole.clone();
        texts.swap(n, (n + 2) % 5);
        write(&dir, &texts);
        verify(1, &format!("{n} swapped"));
        write(&dir, &whole[..n]);
        verify(1, &format!("cut at {n}"));
        let mut texts = whole.clone();
        texts[n] = texts[n].replacen("2026", "2025", 1);
        write(&dir, &texts);
        verify(1, &format!("{n} edited"));
    }
    write(&dir, &whole);
    verify(0, "put back");
}
