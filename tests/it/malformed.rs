//! Malformed files as data: each row of `tests/malformed/index.jsonl` names a
//! file, what it is handed in as, and every line and path that must be named.
//! Each is refused whole with 65, nothing else is named, and the state
//! directory is the same afterwards, byte for byte.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lanegate_core::record::sha256_hex;
use serde::Deserialize;

use crate::cli_support::{Ran, Site, declaration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    file: String,
    kind: String,
    /// `line` or `line: path` of every fault.
    at: Vec<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/malformed")
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(folder().join("index.jsonl")).unwrap();
    let row = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
    text.lines().map(row).collect()
}

/// Names and contents of everything below `dir`.
fn digest(dir: &Path) -> String {
    let mut all = Vec::new();
    let mut open = vec![dir.to_owned()];
    let mut files = BTreeSet::new();
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => drop(files.insert(path)),
            }
        }
    }
    assert!(files.len() > 2, "{files:?}");
    for file in files {
        all.extend(file.to_string_lossy().as_bytes());
        all.extend(fs::read(&file).unwrap());
    }
    sha256_hex(&all)
}

/// A controller that already holds something.
fn site() -> Site {
    let site = Site::new();
    site.write("held.jsonl", declaration("D-HELD", 1));
    site.declarations(&["import", "held.jsonl"]).ends(0);
    let enterprise = "{\"id\":\"E-1\",\"version\":1,\"class\":\"advanced\",\"state\":\"normal\"}\n";
    site.write("held-enterprises.jsonl", enterprise);
    let import = [
        "enterprises",
        "import",
        "held-enterprises.jsonl",
        "--config",
        "lane.toml",
    ];
    site.run(&import).ends(0).says("1 imported; 1 known now");
    site
}

/// Hands the file in, every way there is.
fn hand_in(site: &Site, row: &Row) -> Vec<Ran> {
    let bytes = fs::read(folder().join(&row.file)).unwrap();
    site.write(&row.file, &bytes);
    let file = row.file.as_str();
    let decide = |option: &str| site.run(&["decide", "--policy", "policy.toml", option, file]);
    let import = |what: &str| site.run(&[what, "import", file, "--config", "lane.toml"]);
    match row.kind.as_str() {
        "declarations" => vec![import("declarations"), decide("--declarations")],
        "enterprises" => vec![import("enterprises"), decide("--enterprises")],
        "controls" => vec![decide("--controls")],
        "ledger" => vec![decide("--ledger")],
        "cases" => vec![site.run_with(&["decide", "--policy", "policy.toml"], &bytes)],
        other => panic!("{other} is no kind"),
    }
}

/// `line: path` of every fault told about `name`.
fn named(ran: &Ran, name: &str, at: &[String]) -> BTreeSet<String> {
    let begins = format!("{name}:");
    let told = ran
        .err
        .lines()
        .filter_map(|line| line.strip_prefix(&begins));
    let place = |told: &str| {
        let (line, rest) = told.split_once(": ").unwrap_or((told, ""));
        let with_path = at.iter().find(|due| {
            let path = due.strip_prefix(&format!("{line}: "));
            path.is_some_and(|path| rest.starts_with(&format!("{path}: ")))
        });
        with_path.cloned().unwrap_or_else(|| line.to_owned())
    };
    told.map(place).collect()
}

#[test]
fn every_malformed_file_is_refused_whole_with_every_fault_named_and_changes_nothing() {
    let site = site();
    let before = digest(&site.state());
    let mut wrong = Vec::new();
    for row in rows() {
        let name = match row.kind.as_str() {
            "cases" => "standard input",
            _ => &row.file,
        };
        for ran in hand_in(&site, &row) {
            let found = named(&ran, name, &row.at);
            let silent = ran.out.is_empty();
            let due = row.at.iter().cloned().collect();
            if ran.code != Some(65) || !silent || found != due {
                wrong.push(format!("{}: {:?}, {found:?}\n{ran:#?}", row.file, row.at));
            }
        }
        if digest(&site.state()) != before {
            wrong.push(format!("{}: the state changed", row.file));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_enough_of_every_kind_and_every_file_is_listed() {
    let rows = rows();
    for (kind, least) in [
        ("declarations", 40),
        ("enterprises", 8),
        ("controls", 8),
        ("ledger", 8),
        ("cases", 20),
    ] {
        let n = rows.iter().filter(|row| row.kind == kind).count();
        assert!(n >= least, "{n} of {kind}");
    }
    let listed: BTreeSet<_> = rows.iter().map(|row| row.file.clone()).collect();
    let there = fs::read_dir(folder()).unwrap();
    let there = there.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let there: BTreeSet<_> = there.filter(|name| name != "index.jsonl").collect();
    assert_eq!(listed, there);
    assert_eq!(listed.len(), rows.len());
}

/// Several files with faults, and the cases: all of them are named at once.
#[test]
fn faults_of_all_files_are_listed_together() {
    let site = Site::new();
    for file in ["controls-act.jsonl", "ledger-passed-over-issued.json"] {
        site.write(file, fs::read(folder().join(file)).unwrap());
    }
    let args = [
        "decide",
        "--policy",
        "policy.toml",
        "--controls",
        "controls-act.jsonl",
        "--ledger",
        "ledger-passed-over-issued.json",
    ];
    let ran = site.run_on(&args, "rubbish\n").ends(65);
    for said in [
        "controls-act.jsonl:1: act: ",
        "ledger-passed-over-issued.json:1: D-1.passed: ",
        "standard input:1: ",
        "3 faults; nothing was judged",
    ] {
        assert!(ran.err.contains(said), "{said}: {ran:#?}");
    }
    assert!(ran.out.is_empty());
}

/// A bad policy is 78, a file that is not there 74.
#[test]
fn a_bad_policy_and_an_absent_file_have_their_own_ends() {
    let site = Site::new();
    site.edit(
        "policy.toml",
        "link_age_s_max = 60",
        "link_age_s_max = \"x\"",
    );
    let ran = site
        .run_on(&["decide", "--policy", "policy.toml"], "")
        .ends(78);
    assert!(ran.err.contains("link_age_s_max"), "{ran:#?}");
    let site = Site::new();
    let args = ["decide", "--policy", "policy.toml", "--ledger", "none.json"];
    site.run_on(&args, "").ends(74).says("none.json");
}
