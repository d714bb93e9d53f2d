//! Faulty policy files as data: each marks its own faults, each is refused
//! whole with exactly these, at their lines (law L10).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lanegate_core::clearance::{POLICY_LEN_MAX, Policy};

/// What a line that has a fault ends with: `#! path, path`.
const MARK: &str = "#! ";

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy")
}

/// Line and path of every fault a file says it has.
fn marked(text: &str) -> BTreeSet<(usize, String)> {
    let lines = (1..).zip(text.lines());
    let faults = lines.flat_map(|(n, line)| {
        let paths = line.split_once(MARK).map_or("", |(_, paths)| paths);
        let paths = paths.split(", ").filter(|path| !path.is_empty());
        paths.map(move |path| (n, path.trim().to_owned()))
    });
    faults.collect()
}

#[test]
fn every_faulty_file_is_refused_with_exactly_the_faults_it_marks() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("right.toml"))
        .collect();
    files.sort();
    assert!(files.len() >= 25, "{}", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let expected = marked(&text);
        assert!(!expected.is_empty(), "{} marks no fault", file.display());
        let Err(found) = Policy::parse(&text) else {
            panic!("{} was taken", file.display());
        };
        let at: BTreeSet<_> = found.iter().map(|f| (f.line, f.path.clone())).collect();
        assert_eq!(at, expected, "{}: {found:#?}", file.display());
        for fault in found {
            assert!(fault.why.len() > 10, "{}: {fault}", file.display());
        }
    }
}

#[test]
fn the_file_they_were_made_from_has_no_fault() {
    let text = std::fs::read_to_string(dir().join("right.toml")).unwrap();
    Policy::parse(&text).unwrap();
}

#[test]
fn a_policy_that_would_not_fit_a_record_is_refused_before_it_is_read() {
    let text = std::fs::read_to_string(dir().join("right.toml")).unwrap();
    let padded = |len: usize| format!("{text}# {}", "x".repeat(len - text.len() - 2));
    Policy::parse(&padded(POLICY_LEN_MAX)).unwrap();
    let found = Policy::parse(&padded(POLICY_LEN_MAX + 1)).unwrap_err();
    assert!(found[0].why.contains("at most"), "{found:?}");
}

/// A rate is digits, a stroke, digits, and at most one.
#[test]
fn a_rate_is_a_plain_fraction() {
    let text = std::fs::read_to_string(dir().join("../../../config/policy.toml")).unwrap();
    let read = |rate: &str| {
        let to = format!("f = \"{rate}\"");
        Policy::parse(&text.replacen("f = \"1/200\"", &to, 1))
    };
    for rate in ["0/1", "1/1", "200/200", "007/200"] {
        read(rate).unwrap_or_else(|faults| panic!("{rate}: {faults:#?}"));
    }
    let wrong = [
        "+1/200",
        "1/+200",
        "/200",
        "1/",
        "/",
        "1",
        "1/0",
        "0/0",
        "2/1",
        "1/2/3",
        " 1/200",
        "1/4294967296",
    ];
    for rate in wrong {
        let faults = read(rate).unwrap_err();
        let at: Vec<_> = faults.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(at, ["class[0].sampling.f"], "{rate}");
    }
}
