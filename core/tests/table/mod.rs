//! The decision tables as data, for every test that wants cases: each row of
//! `decisions/*.jsonl` bends the conforming truck of `decisions/base.json`.
//!
//! A row: `name`; `set` (path -> value, applied to the case in order of path);
//! `policy` (pairs of texts replaced in `config/policy.toml`); `verdict`;
//! `codes` in order, as `code` at its published weight or `code:weight`; and
//! optionally `ids`, `spend` (goods weight of each, null = none), `match`,
//! `stops`, `line` (part of an officer's line), `trace` (`check` -> outcome,
//! `check.value` -> an input or threshold), `just_not` (codes whose nearest
//! conforming neighbour the row is).

#![allow(dead_code, reason = "each test binary uses its part of the tables")]

pub(crate) mod bent;
pub(crate) mod loss;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use lanegate_core::clearance::Policy;
use lanegate_core::model::{Case, parse_json};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) set: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) policy: Vec<(String, String)>,
    pub(crate) verdict: String,
    pub(crate) codes: Vec<String>,
    #[serde(default)]
    pub(crate) ids: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) spend: Option<Vec<Option<i64>>>,
    #[serde(default, rename = "match")]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) stops: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) line: Option<String>,
    #[serde(default)]
    pub(crate) just_not: Vec<String>,
    #[serde(default)]
    pub(crate) trace: BTreeMap<String, Value>,
}

pub(crate) fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Sets `path` (dots; digits index; one past the end appends) to `value`.
pub(crate) fn set(root: &mut Value, path: &str, value: Value) {
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

pub(crate) fn case_value(row: &Row) -> Value {
    let base = read("tests/decisions/base.json");
    let mut case: Value = serde_json::from_str(&base).expect("base.json is JSON");
    for (path, value) in &row.set {
        set(&mut case, path, value.clone());
    }
    case
}

pub(crate) fn read_case(name: &str, case: &Value) -> Case {
    parse_json(&case.to_string()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

pub(crate) fn case_of(row: &Row) -> Case {
    read_case(&row.name, &case_value(row))
}

pub(crate) fn policy_of(row: &Row) -> Policy {
    parse_policy(&row.name, &policy_text(row))
}

/// Most rows share a text, and reading one takes longer than judging by it.
pub(crate) fn parse_policy(name: &str, text: &str) -> Policy {
    static READ: Mutex<BTreeMap<String, Policy>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().expect("no test panics while it reads");
    if let Some(policy) = read.get(text) {
        return policy.clone();
    }
    let parsed = Policy::parse(text);
    if let Ok(policy) = &parsed {
        read.insert(text.to_owned(), policy.clone());
    }
    drop(read);
    parsed.unwrap_or_else(|faults| panic!("{name}: {faults:?}"))
}

pub(crate) fn policy_text(row: &Row) -> String {
    let mut text = read("../config/policy.toml");
    for (from, to) in &row.policy {
        assert!(
            text.contains(from),
            "{}: the policy has no {from:?}",
            row.name
        );
        text = text.replace(from, to);
    }
    text
}

pub(crate) fn rows() -> Vec<Row> {
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
