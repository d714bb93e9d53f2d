//! Random cases and policies: a row of the tables, bent further by random
//! twists, under a policy bent as well. What fails shrinks to few twists of an
//! early row.

use lanegate_core::clearance::Policy;
use lanegate_core::model::{Case, parse_json};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Row, case_value, parse_policy, policy_text, read_case, rows, set};

/// Further bends of a case, by path.
fn twists() -> Vec<(&'static str, Value)> {
    let c = |path: &'static str, value: Value| (path, value);
    vec![
        c("plates.1", Value::Null),
        c("plates.0.confidence_pct", json!(60)),
        c("seals", json!([])),
        c("containers", json!([])),
        c("driver_card", Value::Null),
        c("driver_card", json!("4403999999")),
        c("seals.0.state", json!("open")),
        c("seals.0.state", json!("unknown")),
        c("seals.0.battery_pct", json!(3)),
        c("weight.gross_kg", json!(39_000)),
        c("weight.gross_kg", json!(20_000)),
        c("weight.stable", json!(false)),
        c("clock", json!("unknown")),
        c("facts.cache_age_s", json!(4_000)),
        c("facts.link", json!("down")),
        c("facts.store", json!("unverified")),
        c("facts.candidates.0.status", json!("held")),
        c("facts.candidates.0.status", json!("revoked")),
        c("facts.candidates.0.port", json!("5301")),
        c("facts.candidates.0.direction", json!("import")),
        c(
            "facts.candidates.0.valid_until",
            json!("2026-11-24T04:00:00+08:00"),
        ),
        c("facts.candidates.0.class", json!("regular")),
        c("facts.candidates.0.vehicles.0.tag", json!("T-77")),
        c("tags", json!([{"id": "T-77"}])),
        c("tags", json!([{"id": "T-78"}])),
        c("facts.enterprises.0.class", json!("certified")),
        c("facts.enterprises.0.state", json!("suspended")),
        c("facts.ledger.5345202600012345", json!({"issued": 1})),
        c(
            "facts.controls",
            json!([{"id": "c-1", "version": 1, "act": "inspect",
            "subject": {"kind": "vehicle", "value": "AB1234"}}]),
        ),
        c(
            "facts.controls",
            json!([{"id": "c-2", "version": 1, "act": "hold",
            "subject": {"kind": "enterprise", "value": "4403161234"}}]),
        ),
        c("facts.unusable", json!(["5345202600012345"])),
        c(
            "plates.2",
            json!({"text": "粤B1234挂", "confidence_pct": 95, "device": "cam-2"}),
        ),
        c(
            "facts.draw",
            json!({"day": "2026-11-24", "trip": 1, "value": "00000000000000000000"}),
        ),
    ]
}

/// Bends of the policy's text.
const POLICY_TWISTS: &[(&str, &str)] = &[
    ("single_identity = true", "single_identity = false"),
    ("trailer = \"if-read\"", "trailer = \"required\""),
    ("container = \"required\"", "container = \"if-read\""),
    (
        "loose_match_corroborations = 2",
        "loose_match_corroborations = 1",
    ),
    (
        "loose_match_corroborations = 2",
        "loose_match_corroborations = 3",
    ),
    ("seal = \"if-declared\"", "seal = \"required\""),
    ("evidence = []", "evidence = [\"driver\", \"tag\"]"),
    ("kg = 1500, permille = 50", "kg = 100, permille = 1"),
    (
        "{ plan = \"csp1\", i = 8, f = \"1/200\", start = \"fraction\" }",
        "{ plan = \"none\" }",
    ),
];

#[derive(Clone)]
pub(crate) struct Bent {
    name: String,
    twisted: Vec<String>,
    case: Value,
    policy: String,
}

impl std::fmt::Debug for Bent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "row \"{}\" with {:#?}", self.name, self.twisted)
    }
}

impl Bent {
    pub(crate) fn case(&self) -> Case {
        read_case(&self.name, &self.case)
    }

    pub(crate) fn policy(&self) -> Policy {
        parse_policy(&self.name, &self.policy)
    }
}

fn bend(row: &Row, chosen: &[usize], policy: &[usize]) -> Bent {
    let mut case = case_value(row);
    let all = twists();
    let mut twisted_by = Vec::new();
    for i in chosen {
        let (path, value) = &all[*i];
        let head = path.split('.').next().unwrap_or(path);
        let mut twisted = case.clone();
        set_if_there(&mut twisted, path, value.clone());
        if head == "plates" {
            let plates = twisted["plates"].as_array_mut().expect("plates are a list");
            plates.retain(|p| !p.is_null());
        }
        // What no longer is a case (a twist of a part the row has not) is left.
        if parse_json::<Case>(&twisted.to_string()).is_ok() {
            case = twisted;
            twisted_by.push(format!("{path} = {value}"));
        }
    }
    let mut text = policy_text(row);
    for i in policy {
        let (from, to) = POLICY_TWISTS[*i];
        let twisted = text.replace(from, to);
        if twisted != text && Policy::parse(&twisted).is_ok() {
            text = twisted;
            twisted_by.push(to.to_owned());
        }
    }
    Bent {
        name: row.name.clone(),
        twisted: twisted_by,
        case,
        policy: text,
    }
}

/// Sets `path` unless it goes through an index that is not there.
fn set_if_there(case: &mut Value, path: &str, value: Value) {
    let mut at = &*case;
    for step in path.split('.') {
        if let Value::Array(array) = at {
            let i: usize = step.parse().expect("a step into an array is its index");
            if i > array.len() {
                return;
            }
        }
        at = match step.parse::<usize>() {
            Ok(i) => at.get(i).unwrap_or(&Value::Null),
            Err(_) => at.get(step).unwrap_or(&Value::Null),
        };
    }
    set(case, path, value);
}

/// Any row, few twists of the case, fewer of the policy.
pub(crate) fn bent() -> impl Strategy<Value = Bent> {
    let all = rows();
    let n = all.len();
    let twists = proptest::collection::vec(0..twists().len(), 0..4);
    let policy = proptest::collection::vec(0..POLICY_TWISTS.len(), 0..3);
    (0..n, twists, policy).prop_map(move |(row, twists, policy)| bend(&all[row], &twists, &policy))
}
