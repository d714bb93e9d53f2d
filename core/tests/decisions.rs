//! Decision tables: what the rules must answer to each row of
//! `decisions/*.jsonl` (see `table/mod.rs`). The answers were worked out by
//! hand from the published rules, never by running them.

mod table;

use std::collections::{BTreeMap, BTreeSet};

use lanegate_core::clearance::{chosen, class_of, judge, lines};
use lanegate_core::model::{Code, Datum, Reason, Severity, Values, Verdict};
use serde_json::Value;
use table::{Row, case_of, case_value, policy_of, rows};

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

/// The outcome of a check, or one of its inputs or thresholds.
fn traced(verdict: &Verdict, path: &str) -> Value {
    let (name, value) = path.split_once('.').unwrap_or((path, ""));
    let check = verdict.checks.iter().find(|c| c.check == name);
    let check = check.unwrap_or_else(|| panic!("no check is called {name}"));
    if value.is_empty() {
        return check.outcome.as_str().into();
    }
    let found = check.inputs.get(value).or(check.threshold.get(value));
    let shown = found.map(|datum| serde_json::to_value(datum).expect("a datum is JSON"));
    shown.unwrap_or_else(|| format!("{path} is not there").into())
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
    if let Some(line) = &row.line {
        let rendered = verdict.clone().rendered();
        let lines = rendered
            .reasons
            .iter()
            .filter_map(|r| r.for_officer.clone());
        let lines: Vec<_> = lines.collect();
        let said = lines.iter().any(|l| l.contains(line.as_str()));
        compare(
            "line",
            line.clone(),
            if said {
                line.clone()
            } else {
                lines.join(" / ")
            },
        );
    }
    for (path, expected) in &row.trace {
        compare(
            path,
            expected.to_string(),
            traced(verdict, path).to_string(),
        );
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
fn no_two_rows_have_one_name_and_there_are_enough() {
    let rows = rows();
    let mut names: Vec<_> = rows.iter().map(|r| r.name.as_str()).collect();
    names.sort_unstable();
    assert!(rows.len() >= 400, "{} rows", rows.len());
    let twice: Vec<_> = names.windows(2).filter(|w| w[0] == w[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

/// The codes of the tables are the codes of the rules, each at least once
/// firing, and once not although the row is as near to it as can be.
#[test]
fn every_code_fires_in_one_row_and_just_does_not_in_another() {
    let (mut fires, mut just_not) = (BTreeSet::new(), BTreeSet::new());
    for row in rows() {
        let said = row.codes.iter().map(|c| c.split(':').next().unwrap_or(c));
        let said: BTreeSet<String> = said.map(str::to_owned).collect();
        for code in &row.just_not {
            assert!(!said.contains(code), "{}: {code} fires", row.name);
        }
        fires.extend(said);
        just_not.extend(row.just_not);
    }
    let all: BTreeSet<String> = Code::ALL.iter().map(|c| c.as_str().to_owned()).collect();
    assert_eq!(fires, all, "codes that fire");
    assert_eq!(just_not, all, "codes that just do not fire");
}

/// Every load and every class of the policy has a row that is released and one
/// that is not; the worst class is never released without a person.
#[test]
fn the_tables_cover_every_load_and_every_class() {
    let mut seen = BTreeSet::new();
    for row in rows() {
        let case = case_value(&row);
        let of = |what: &str| case["facts"]["candidates"][0][what].to_string();
        let released = row.verdict == "release";
        seen.insert((of("load"), released));
        seen.insert((of("class"), released));
    }
    let loads = [
        "empty",
        "empty-container",
        "container",
        "bulk",
        "break-bulk",
    ];
    let classes = [
        "advanced",
        "certified",
        "regular",
        "discredited",
        "seriously-discredited",
    ];
    for word in loads.iter().chain(&classes) {
        for released in [false, true] {
            let never = released && *word == "seriously-discredited";
            let there = seen.contains(&(format!("\"{word}\""), released));
            assert_eq!(there, !never, "{word} released: {released}");
        }
    }
}

/// No check is skipped after a failure: the trace always has the same checks.
#[test]
fn all_checks_run_on_every_row_in_one_order() {
    let names = |v: &Verdict| v.checks.iter().map(|c| c.check.clone()).collect::<Vec<_>>();
    let rows = rows();
    let first = names(&judge(&case_of(&rows[0]), &policy_of(&rows[0])));
    assert!(first.len() >= 20, "{first:?}");
    for row in &rows {
        let verdict = judge(&case_of(row), &policy_of(row));
        assert_eq!(names(&verdict), first, "{}", row.name);
        for check in &verdict.checks {
            // What it looked at and against what, also where it passes.
            // Without a class there is no plan to sample by.
            let told = !check.inputs.is_empty() && !check.threshold.is_empty();
            let told = told || (check.check == "sampling" && check.outcome.as_str() == "unknown");
            assert!(told, "{}: {} tells nothing", row.name, check.check);
        }
    }
}

/// What is told of a case before it is judged: the document the rules would
/// choose and the class whose measures would apply.
#[test]
fn the_document_and_the_class_of_a_case_are_those_the_rules_choose() {
    let mut row = rows().swap_remove(0);
    let told = |row: &Row| {
        let (case, policy) = (case_of(row), policy_of(row));
        let chosen = chosen(&case, &policy);
        let id = chosen.as_ref().map(|c| c.declaration.to_string());
        let vehicle = chosen.and_then(|c| c.vehicle);
        (id, vehicle, class_of(&case, &policy))
    };
    let text = |text: &str| Some(text.to_owned());
    row.set = BTreeMap::new();
    row.policy = Vec::new();
    let (id, plate) = (text("5345202600012345"), text("粤ZAB12港"));
    let class = text("aeo-advanced");
    assert_eq!(told(&row), (id.clone(), plate.clone(), class.clone()));
    let second = |set: &mut BTreeMap<String, Value>, until: &str| {
        let mut other = case_value(&row)["facts"]["candidates"][0].clone();
        other["id"] = "5345202600011111".into();
        other["valid_until"] = until.into();
        set.insert("facts.candidates.1".to_owned(), other);
    };
    // One that is over is not chosen, unless nobody knows the time.
    let mut set = BTreeMap::new();
    second(&mut set, "2026-11-24T04:00:00+08:00");
    row.set = set.clone();
    assert_eq!(told(&row), (id, plate.clone(), class.clone()));
    row.set.insert("clock".to_owned(), "unknown".into());
    assert_eq!(told(&row), (text("5345202600011111"), plate.clone(), class));
    row.set = BTreeMap::from([("facts.candidates.0.class".to_owned(), "gold".into())]);
    assert_eq!(told(&row), (text("5345202600012345"), plate, None));
    row.set = BTreeMap::from([("facts.candidates".to_owned(), Value::Array(Vec::new()))]);
    assert_eq!(told(&row), (None, None, None));
}

/// A reason made heavier than published says where to drive; one at its own
/// weight says what is the matter.
#[test]
fn the_sign_says_what_is_the_matter_unless_the_reason_was_made_heavier() {
    let sign = |code: Code, severity: Severity| {
        let reason = Reason {
            code,
            severity,
            expected: Values::new(),
            observed: Values::new(),
            for_driver: None,
            for_officer: None,
        };
        lines(&reason).0.en
    };
    let bay = "Drive to the bay";
    assert_eq!(sign(Code::CacheStale, Severity::Inspect), bay);
    assert_eq!(sign(Code::PlateExtra, Severity::Inspect), bay);
    for code in [Code::SealMissing, Code::CacheStale] {
        assert_eq!(sign(code, Severity::Warn), "Drive on");
        let own = sign(code, code.severity());
        assert!(own != bay && own != "Drive on", "{code}: {own}");
    }
}

/// A time is told to the minute only where it is one, and nothing as "none".
#[test]
fn an_officers_line_shortens_times_and_nothing_else() {
    let line = |value: Datum| {
        let mut observed = Values::new();
        observed.insert("seen", value);
        let reason = Reason {
            code: Code::PlateUnread,
            severity: Severity::Hold,
            expected: Values::new(),
            observed,
            for_driver: None,
            for_officer: None,
        };
        let line = lines(&reason).1;
        line.rsplit_once("seen ").expect("it is told").1.to_owned()
    };
    let told = |text: &str| line(text.into());
    assert_eq!(told("2026-11-24T14:02:33+08:00"), "2026-11-24 14:02");
    for kept in [
        "2026-11-24T14:02+08:00",
        "26-11-24T14:02:33+08:00",
        "2026-11-24T14:02:33+09:00",
        "TOLU4734787",
        "WEIGHT",
    ] {
        assert_eq!(told(kept), kept);
    }
    assert_eq!(line(Vec::<Datum>::new().into()), "none");
    assert_eq!(line(vec!["a", "b"].into()), "a b");
    assert_eq!(line(Datum::Null), "none");
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
        just_not: Vec::new(),
        trace: BTreeMap::new(),
        line: None,
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
