//! Decision tables: each row of `decisions/*.jsonl` bends the conforming truck
//! of `decisions/base.json` and says what the rules must answer. The answers
//! were worked out by hand from the published rules, never by running them.
//!
//! A row: `name`; `set` (path -> value, applied to the case in order of path);
//! `policy` (pairs of texts replaced in `config/policy.toml`); `verdict`;
//! `codes` in order, as `code` at its published weight or `code:weight`;
//! and optionally `ids`, `spend` (goods weight of each, null = none), `match`,
//! `stops`.

use std::collections::BTreeMap;
use std::path::Path;

use lanegate_core::clearance::{Policy, judge};
use lanegate_core::model::{Case, Code, Reason, Severity, Verdict, VerdictKind, parse_json};
use lanegate_core::record::canonical;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    #[serde(default)]
    set: BTreeMap<String, Value>,
    #[serde(default)]
    policy: Vec<(String, String)>,
    verdict: String,
    codes: Vec<String>,
    #[serde(default)]
    ids: Option<Vec<String>>,
    #[serde(default)]
    spend: Option<Vec<Option<i64>>>,
    #[serde(default, rename = "match")]
    kind: Option<String>,
    #[serde(default)]
    stops: Option<Vec<String>>,
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Sets `path` (dots; digits index; one past the end appends) to `value`.
fn set(root: &mut Value, path: &str, value: Value) {
    let mut at = root;
    for step in path.split('.') {
        if let Value::Array(array) = at {
            let i: usize = step.parse().expect("a step into an array is its index");
            if i == array.len() {
                array.push(Value::Null);
            }
            at = &mut array[i];
        } else {
            if !at.is_object() {
                *at = Value::Object(serde_json::Map::new());
            }
            let map = at.as_object_mut().expect("made an object above");
            at = map.entry(step).or_insert(Value::Null);
        }
    }
    *at = value;
}

fn case_value(row: &Row) -> Value {
    let base = read("tests/decisions/base.json");
    let mut case: Value = serde_json::from_str(&base).expect("base.json is JSON");
    for (path, value) in &row.set {
        set(&mut case, path, value.clone());
    }
    case
}

fn read_case(name: &str, case: &Value) -> Case {
    parse_json(&case.to_string()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn case_of(row: &Row) -> Case {
    read_case(&row.name, &case_value(row))
}

fn policy_of(row: &Row) -> Policy {
    let mut text = read("../config/policy.toml");
    for (from, to) in &row.policy {
        assert!(
            text.contains(from),
            "{}: the policy has no {from:?}",
            row.name
        );
        text = text.replace(from, to);
    }
    Policy::parse(&text).unwrap_or_else(|faults| panic!("{}: {faults:?}", row.name))
}

fn codes(verdict: &Verdict) -> Vec<String> {
    let say = |severity: Severity| match severity {
        Severity::Warn => "warn",
        Severity::Hold => "hold",
        Severity::Inspect => "inspect",
    };
    let of = |r: &Reason| {
        if r.severity == r.code.severity() {
            r.code.to_string()
        } else {
            format!("{}:{}", r.code, say(r.severity))
        }
    };
    verdict.reasons.iter().map(of).collect()
}

/// What does not fit the row.
fn misfits(row: &Row, verdict: &Verdict) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut compare = |what: &str, expected: String, got: String| {
        if expected != got {
            wrong.push(format!(
                "{}: {what}: expected {expected}, got {got}",
                row.name
            ));
        }
    };
    compare("verdict", row.verdict.clone(), verdict.verdict.to_string());
    compare("codes", row.codes.join(" "), codes(verdict).join(" "));
    if let Some(ids) = &row.ids {
        let got: Vec<_> = verdict
            .declarations
            .iter()
            .map(|d| d.id.to_string())
            .collect();
        compare("ids", ids.join(" "), got.join(" "));
    }
    if let Some(spend) = &row.spend {
        let got = verdict.declarations.iter();
        let got: Vec<_> = got.map(|d| d.spend.map(|s| s.goods_kg.0)).collect();
        compare("spend", format!("{spend:?}"), format!("{got:?}"));
    }
    if let Some(kind) = &row.kind {
        let got = verdict.declarations.first().map(|d| d.kind.to_string());
        compare("match", kind.clone(), got.unwrap_or_default());
    }
    if let Some(stops) = &row.stops {
        let got = verdict.stops.iter().map(|s| match &s.place {
            Some(place) => format!("{} {}@{place}", s.order, s.kind),
            None => format!("{} {}", s.order, s.kind),
        });
        compare(
            "stops",
            stops.join(", "),
            got.collect::<Vec<_>>().join(", "),
        );
    }
    wrong
}

fn rows() -> Vec<Row> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decisions");
    let entries = std::fs::read_dir(folder).expect("the tables' folder is there");
    let mut files: Vec<_> = entries
        .map(|e| e.expect("an entry can be read").path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == "jsonl"));
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a table can be read");
        for (n, line) in text.lines().enumerate() {
            let row: Row = serde_json::from_str(line)
                .unwrap_or_else(|e| panic!("{} line {}: {e}", file.display(), n + 1));
            rows.push(row);
        }
    }
    rows
}

#[test]
fn every_row_of_the_decision_tables_is_answered_as_it_says() {
    let mut wrong = Vec::new();
    for row in rows() {
        let verdict = judge(&case_of(&row), &policy_of(&row));
        wrong.extend(misfits(&row, &verdict));
    }
    assert!(
        wrong.is_empty(),
        "{} misfits:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_tables_have_a_row_for_every_code_and_no_name_twice() {
    let rows = rows();
    let mut names: Vec<_> = rows.iter().map(|r| r.name.as_str()).collect();
    names.sort_unstable();
    assert!(rows.len() >= 120, "{} rows", rows.len());
    let twice: Vec<_> = names.windows(2).filter(|w| w[0] == w[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
    for code in Code::ALL {
        let says = |r: &Row| {
            r.codes
                .iter()
                .any(|c| c.split(':').next() == Some(code.as_str()))
        };
        assert!(rows.iter().any(says), "no row for {code}");
    }
}

/// L6: whatever becomes of a case on its way through a record, it is judged
/// the same.
#[test]
fn a_case_read_back_from_its_record_is_judged_the_same() {
    for row in rows() {
        let (case, policy) = (case_of(&row), policy_of(&row));
        let verdict = judge(&case, &policy);
        let again: Case = parse_json(&canonical(&case)).unwrap();
        assert_eq!(
            canonical(&judge(&again, &policy)),
            canonical(&verdict),
            "{}",
            row.name
        );
        let rendered = judge(&case, &policy).rendered();
        let read: Verdict = parse_json(&canonical(&rendered)).unwrap();
        assert_eq!(read.without_lines(), verdict, "{}", row.name);
    }
}

/// No check is skipped after a failure: the trace always has the same checks.
#[test]
fn all_checks_run_on_every_row_in_one_order() {
    let names = |v: &Verdict| v.checks.iter().map(|c| c.check.clone()).collect::<Vec<_>>();
    let rows = rows();
    let first = names(&judge(&case_of(&rows[0]), &policy_of(&rows[0])));
    assert!(first.len() >= 19, "{first:?}");
    for row in &rows {
        let verdict = judge(&case_of(row), &policy_of(row));
        assert_eq!(names(&verdict), first, "{}", row.name);
    }
}

/// L4: whatever the case, no doubt about what we know ever releases.
#[test]
fn no_row_is_released_under_any_doubt() {
    let doubts = [
        ("clock", Value::from("unknown")),
        ("facts.cache_age_s", Value::Null),
        ("facts.cache_age_s", Value::from(604_801)),
        ("facts.enterprises", Value::Array(Vec::new())),
        ("facts.journal", Value::from("full")),
        ("facts.store", Value::from("unavailable")),
        ("facts.store", Value::from("unverified")),
        ("facts.control_unreadable", Value::from(true)),
        ("facts.contended", Value::from(true)),
        ("facts.candidates", Value::Array(Vec::new())),
        ("plates", Value::Array(Vec::new())),
        ("weight", Value::Null),
        ("weight.stable", Value::from(false)),
        ("weight.seen_empty", Value::from(false)),
        ("devices.cam-9", Value::from("lost")),
    ];
    let mut released = Vec::new();
    for row in rows() {
        let (usual, policy) = (case_value(&row), policy_of(&row));
        for (path, value) in &doubts {
            // A finding may cover a weight, and nothing else of these.
            let weighed = usual["weight"].is_object() && !row.set.contains_key("facts.findings");
            if path.starts_with("weight") && !weighed {
                continue;
            }
            let mut doubtful = usual.clone();
            set(&mut doubtful, path, value.clone());
            let verdict = judge(&read_case(&row.name, &doubtful), &policy);
            if verdict.verdict == VerdictKind::Release {
                released.push(format!("{} with {path} {value}", row.name));
            }
        }
    }
    assert!(released.is_empty(), "released:\n{}", released.join("\n"));
}

/// L8 and "never loosen": a policy made stricter never gives a better verdict.
#[test]
fn a_policy_with_every_code_tightened_never_gives_a_better_verdict() {
    let all: String = Code::ALL
        .iter()
        .map(|code| format!("\"{code}\" = \"inspect\"\n"))
        .collect();
    for mut row in rows() {
        let usual = judge(&case_of(&row), &policy_of(&row));
        row.policy
            .retain(|(from, _)| !from.starts_with("[severity]"));
        row.policy
            .push(("\n[severity]\n".to_owned(), format!("\n[severity]\n{all}")));
        let strict = judge(&case_of(&row), &policy_of(&row));
        let capped = usual
            .reasons
            .iter()
            .any(|r| matches!(r.code, Code::ClaimTaken | Code::JournalUnavailable));
        assert!(strict.verdict >= usual.verdict, "{}", row.name);
        let covered = |r: &Reason| r.observed.contains_key("covered_by");
        if !capped && strict.reasons.iter().any(|r| !covered(r)) {
            assert_eq!(strict.verdict, VerdictKind::Inspect, "{}", row.name);
        }
    }
}

/// A truck selected by sampling alone is not a failed check, and the trace
/// says on what it was selected.
#[test]
fn the_trace_of_sampling_explains_itself() {
    let row = Row {
        name: "trace".to_owned(),
        set: BTreeMap::from([
            (
                "facts.draw".to_owned(),
                serde_json::json!({"day": "2026-11-24", "trip": 4, "value": "0".repeat(64)}),
            ),
            (
                "facts.sampling".to_owned(),
                serde_json::json!({"plan": "csp1", "phase": "screening", "run": 3, "moved_by": "f-9"}),
            ),
        ]),
        policy: vec![(
            "start = \"fraction\" }".to_owned(),
            "start = \"fraction\", rate_min = \"1/500\", rate_max = \"1/2\" }".to_owned(),
        )],
        verdict: String::new(),
        codes: Vec::new(),
        ids: None,
        spend: None,
        kind: None,
        stops: None,
    };
    let verdict = judge(&case_of(&row), &policy_of(&row));
    assert_eq!(codes(&verdict), ["sampling.selected"]);
    let trace = verdict.checks.iter().find(|c| c.check == "sampling");
    let trace = serde_json::to_value(trace.unwrap()).unwrap();
    let expected = serde_json::json!({
        "check": "sampling", "outcome": "pass",
        "inputs": {"because": "draw", "draw": true, "selected": true, "plan": "csp1",
            "phase": "screening", "run": 3, "moved_by": "f-9"},
        "threshold": {"plan": "csp1", "rate": "1/2", "rate_min": "1/500", "rate_max": "1/2",
            "i": 8, "f": "1/200", "start": "fraction", "veto": false}
    });
    assert_eq!(trace, expected);
    let draw = verdict.draw.unwrap();
    assert_eq!((draw.trip, draw.selected), (4, Some(true)));
}
