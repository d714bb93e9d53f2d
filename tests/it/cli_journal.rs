//! `journal verify|show|export` on a journal the binary wrote itself.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::cli_support::{Site, declaration};

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
