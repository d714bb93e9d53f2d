//! What a decision costs: every check has something to look at (two boxes with
//! their seals, a trailer, a tag, a card, a weight, a list with a balance, a
//! convoy, a control that only informs, a draw) and one candidate.
//!
//! `cargo bench --profile dist -p lanegate-core --bench decide [-- N]` judges N times (default
//! 200,000, after a tenth of that to warm up) and prints the distribution.
//! Machines differ, so nothing is asserted about time; the count of
//! instructions does not:
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect='*decide_once*' \
//!     target/dist/deps/decide-* 1000
//! ```
//!
//! and divide what it collected by 1,000 (the warm-up is not counted).

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use hdrhistogram::Histogram;
use lanegate_core::clearance::{Policy, judge};
use lanegate_core::model::{Case, CheckOutcome, Verdict, VerdictKind, parse_json};
use serde_json::{Value, json};

const DECISIONS: u64 = 200_000;

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn main() {
    let asked = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let decisions: u64 = asked.unwrap_or(DECISIONS);
    let (case, policy) = (case(), policy());
    let verdict = judge(&case, &policy);
    assert_eq!(
        verdict.verdict,
        VerdictKind::Release,
        "{:?}",
        verdict.reasons
    );
    assert_eq!(
        skipped(&verdict),
        [""; 0],
        "checks without anything to look at"
    );
    for _ in 0..decisions / 10 {
        black_box(judge(black_box(&case), black_box(&policy)));
    }
    let mut took_ns = Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3)
        .expect("one nanosecond to ten seconds at three digits");
    for _ in 0..decisions {
        let verdict = timed(&case, &policy, &mut took_ns);
        black_box(verdict);
    }
    let us = |ns: u64| format!("{}.{:03}", ns / 1000, ns % 1000);
    println!(
        "decision, all checks, one candidate: n {} p50 {} us p99 {} us p99.9 {} us max {} us",
        took_ns.len(),
        us(took_ns.value_at_quantile(0.5)),
        us(took_ns.value_at_quantile(0.99)),
        us(took_ns.value_at_quantile(0.999)),
        us(took_ns.max())
    );
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed(case: &Case, policy: &Policy, took_ns: &mut Histogram<u64>) -> Verdict {
    let start = Instant::now();
    let verdict = decide_once(case, policy);
    let ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    took_ns.saturating_record(ns);
    verdict
}

/// A name of its own, so that instructions can be counted within it.
#[inline(never)]
fn decide_once(case: &Case, policy: &Policy) -> Verdict {
    judge(black_box(case), black_box(policy))
}

/// Checks that had nothing to look at.
fn skipped(verdict: &Verdict) -> Vec<&str> {
    let idle = |o: CheckOutcome| matches!(o, CheckOutcome::NotNeeded | CheckOutcome::Unknown);
    let checks = verdict.checks.iter().filter(|c| idle(c.outcome));
    checks.map(|c| c.check.as_ref()).collect()
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn policy() -> Policy {
    Policy::parse(&read("../config/policy.toml")).expect("the shipped policy is right")
}

fn case() -> Case {
    let base = read("tests/decisions/base.json");
    let mut case: Value = serde_json::from_str(&base).expect("base.json is JSON");
    let seal = |id: &str| {
        json!({"id": id, "state": "sealed", "alarms": [], "battery_pct": 80,
            "taken_at": "2026-11-24T07:59:00+08:00"})
    };
    case["plates"] = json!([case["plates"][0], case["plates"][1],
        {"text": "粤B1234挂", "confidence_pct": 95, "device": "cam-2"}]);
    case["seals"] = json!([seal("8000620011"), seal("8000620012")]);
    case["containers"] = json!([{"no": "CSQU3054383"}, {"no": "MSKU6011672"}]);
    case["tags"] = json!([{"id": "T-77"}]);
    case["weight"]["gross_kg"] = json!(38_340);
    let facts = &mut case["facts"];
    facts["controller"] = json!("szb-1");
    facts["convoy"] = json!({"no": "B-1", "arrived": ["粤ZAB12港", "粤B77777"]});
    facts["draw"] = json!({"day": "2026-11-24", "trip": 4, "value": "f".repeat(64)});
    facts["sampling"] = json!({"plan": "csp1", "phase": "fraction", "run": 30});
    facts["ledger"] = json!({"5345202600012345":
        {"issued": 3, "passed": 3, "goods_kg_issued": 54_000}});
    facts["controls"] = json!([{"id": "c-1", "version": 1, "act": "inform",
        "subject": {"kind": "enterprise", "value": "4403161234"}}]);
    let d = &mut facts["candidates"][0];
    d["form"] = json!("cdl");
    d["binding"] = json!({"kind": "trips", "trips": 20, "goods_kg": 400_000});
    d["controller"] = json!("szb-1");
    d["convoy"] = json!({"no": "B-1", "members": 2});
    d["vehicles"][0]["tag"] = json!("T-77");
    d["vehicles"][0]["tare_at"] = json!("2026-05-02");
    d["containers"] = json!([
        {"no": "CSQU3054383", "tare_kg": 3750, "seals": ["8000620011"]},
        {"no": "MSKU6011672", "tare_kg": 2300, "seals": ["8000620012"]}]);
    parse_json(&case.to_string()).expect("the bench's case has the shape of a case")
}
