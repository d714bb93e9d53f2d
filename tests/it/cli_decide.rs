//! `decide`: the rules' decision tables through the command line, and what
//! files fill in.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli_support::{Ran, Site};

fn core_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("core/tests")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn base() -> Value {
    serde_json::from_str(&core_file("decisions/base.json")).unwrap()
}

/// Sets `path` (dots; digits index; one past the end appends).
fn set(root: &mut Value, path: &str, value: Value) {
    let mut at = root;
    for step in path.split('.') {
        if let Value::Array(array) = at {
            let i: usize = step.parse().unwrap();
            if i == array.len() {
                array.push(Value::Null);
            }
            at = &mut array[i];
        } else {
            if !at.is_object() {
                *at = json!({});
            }
            at = at
                .as_object_mut()
                .unwrap()
                .entry(step)
                .or_insert(Value::Null);
        }
    }
    *at = value;
}

/// Rows of every table.
fn rows() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("core/tests/decisions");
    let files = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = files
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    files.retain(|name| name.ends_with(".jsonl"));
    files.sort();
    let texts = files
        .iter()
        .map(|name| core_file(&format!("decisions/{name}")));
    let rows = texts.flat_map(|text| {
        let rows = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.collect::<Vec<_>>()
    });
    rows.collect()
}

/// `code`, or `code:weight` where it is not the published one.
fn codes(verdict: &Value, due: &[String]) -> Vec<String> {
    let reasons = verdict["reasons"].as_array().unwrap();
    let one = |reason: &Value| {
        let code = reason["code"].as_str().unwrap();
        let weighed = format!("{code}:{}", reason["severity"].as_str().unwrap());
        if due.contains(&weighed) {
            weighed
        } else {
            code.to_owned()
        }
    };
    reasons.iter().map(one).collect()
}

/// One process a policy text.
#[test]
fn every_row_of_the_decision_tables_is_answered_the_same_on_the_command_line() {
    let rows = rows();
    assert!(rows.len() >= 250, "{} rows", rows.len());
    let mut by_policy: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for row in &rows {
        by_policy
            .entry(row["policy"].to_string())
            .or_default()
            .push(row);
    }
    let site = Site::new();
    let shipped = fs::read_to_string(site.path("policy.toml")).unwrap();
    let mut wrong = Vec::new();
    for rows in by_policy.values() {
        let mut policy = shipped.clone();
        for pair in rows[0]["policy"].as_array().into_iter().flatten() {
            policy = policy.replace(pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        }
        site.write("tried.toml", policy);
        let mut input = String::new();
        for row in rows {
            let mut case = base();
            for (path, value) in row["set"].as_object().into_iter().flatten() {
                set(&mut case, path, value.clone());
            }
            input += &format!("{case}\n");
        }
        let ran = site
            .run_on(&["decide", "--policy", "tried.toml"], &input)
            .ends(0);
        let verdicts: Vec<Value> = ran
            .out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(verdicts.len(), rows.len());
        for (row, verdict) in rows.iter().zip(&verdicts) {
            let due = row["codes"].as_array().unwrap();
            let due: Vec<String> = due.iter().map(|c| c.as_str().unwrap().to_owned()).collect();
            let got = codes(verdict, &due);
            if verdict["verdict"] != row["verdict"] || got != due {
                let name = &row["name"];
                wrong.push(format!("{name}: {} {got:?}", verdict["verdict"]));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} rows:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The conforming truck's case without what files say, and those files.
fn split() -> (Site, Value) {
    let site = Site::new();
    let mut case = base();
    let facts = case["facts"].take();
    site.write(
        "declarations.jsonl",
        format!("{}\n", facts["candidates"][0]),
    );
    site.write(
        "enterprises.jsonl",
        format!("{}\n", facts["enterprises"][0]),
    );
    case["facts"] = json!({"cache_age_s": 12, "link": "up"});
    (site, case)
}

const FILES: [&str; 4] = [
    "--declarations",
    "declarations.jsonl",
    "--enterprises",
    "enterprises.jsonl",
];

fn decide(site: &Site, more: &[&str], cases: &[&Value]) -> Ran {
    let input: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let args = [&["decide", "--policy", "policy.toml"], &FILES[..], more].concat();
    site.run_on(&args, &input)
}

#[track_caller]
fn verdict(site: &Site, more: &[&str], case: &Value) -> String {
    let ran = decide(site, more, &[case]).ends(0);
    let verdict = ran.json();
    let said = codes(&verdict, &[]).join(" ");
    format!("{} {said}", verdict["verdict"].as_str().unwrap())
        .trim_end()
        .to_owned()
}

#[test]
fn files_fill_in_what_a_case_leaves_out_and_the_verdict_is_the_one_with_all_facts() {
    let (site, case) = split();
    let ran = decide(&site, &[], &[&case]).ends(0);
    let whole = site.run_on(
        &["decide", "--policy", "policy.toml"],
        &format!("{}\n", base()),
    );
    assert_eq!(ran.json(), whole.ends(0).json());
    let said = ran.json();
    assert_eq!(said["verdict"], "release");
    assert_eq!(said["draw"], Value::Null);
    assert_eq!(said["declarations"][0]["spend"]["goods_kg"], 18450);
    assert_eq!(said["rules"], 1);
    assert!(said["policy"]["sha256"].as_str().unwrap().len() == 64);
    assert!(said["checks"].as_array().unwrap().len() > 15);
}

#[test]
fn every_reason_is_told_to_the_driver_in_three_scripts_and_to_the_officer() {
    let (site, mut case) = split();
    case["weight"]["gross_kg"] = json!(40_000);
    let said = decide(&site, &[], &[&case]).ends(0).json();
    let reason = &said["reasons"][0];
    for script in ["zh-Hans", "zh-Hant", "en"] {
        assert!(!reason["for_driver"][script].as_str().unwrap().is_empty());
    }
    assert!(reason["for_officer"].as_str().unwrap().contains("40000"));
    assert_eq!(said["stops"][0]["kind"], "weigh");
}

#[test]
fn what_is_taken_for_granted_is_said_once_however_many_cases_there_are() {
    let (site, case) = split();
    let ran = decide(&site, &["--json"], &[&case, &case, &case]).ends(0);
    assert_eq!(ran.out.lines().count(), 3);
    for said in [
        "no --ledger: ",
        "no --controls: ",
        "no draw in 3 of 3 cases",
    ] {
        assert_eq!(ran.err.matches(said).count(), 1, "{said}: {ran:#?}");
    }
    assert!(!ran.err.contains("cache_age_s"), "{ran:#?}");
}

#[test]
fn balances_controls_and_enterprises_of_files_act() {
    let (site, case) = split();
    site.write(
        "ledger.json",
        "{\"5345202600012345\":{\"issued\":1,\"passed\":1}}",
    );
    let spent = verdict(&site, &["--ledger", "ledger.json"], &case);
    assert_eq!(spent, "inspect declaration.spent");
    site.write(
        "controls.jsonl",
        "{\"id\":\"c-1\",\"version\":1,\"subject\":{\"kind\":\"vehicle\",\"value\":\"ab 1234\"},\"act\":\"inspect\"}\n\
         {\"id\":\"c-2\",\"version\":1,\"subject\":{\"kind\":\"vehicle\",\"value\":\"AB9999\"},\"act\":\"hold\"}\n",
    );
    let controlled = verdict(&site, &["--controls", "controls.jsonl"], &case);
    assert_eq!(controlled, "inspect control.active");
    site.write("enterprises.jsonl", "");
    assert_eq!(verdict(&site, &[], &case), "hold class.unknown");
}

#[test]
fn the_facts_a_case_says_itself_stand_be_they_empty() {
    let (site, mut case) = split();
    site.write(
        "ledger.json",
        "{\"5345202600012345\":{\"issued\":1,\"passed\":1}}",
    );
    let ledger = ["--ledger", "ledger.json"];
    case["facts"]["ledger"] = json!({});
    assert_eq!(verdict(&site, &ledger, &case), "release");
    case["facts"]["enterprises"] = json!([]);
    assert_eq!(verdict(&site, &ledger, &case), "hold class.unknown");
    case["facts"]["candidates"] = json!([]);
    assert_eq!(verdict(&site, &ledger, &case), "inspect declaration.none");
    case["facts"]["cache_age_s"] = Value::Null;
    let as_of = ["--as-of", "2026-11-24T08:00:00+08:00"];
    assert_eq!(verdict(&site, &as_of, &case), "hold cache.stale");
}

#[test]
fn files_have_an_age_only_if_they_are_given_one() {
    let (site, mut case) = split();
    case["facts"] = json!({});
    let ran = decide(&site, &[], &[&case]).ends(0);
    assert_eq!(codes(&ran.json(), &[]), ["cache.stale"]);
    assert!(
        ran.err.contains("no cache_age_s in 1 of 1 cases"),
        "{ran:#?}"
    );
    for (as_of, due) in [
        ("2026-11-24T07:59:03+08:00", "release"),
        ("2026-11-24T07:59:02.999+08:00", "hold cache.stale"),
        ("2026-11-24T08:00:04+08:00", "hold cache.stale"),
    ] {
        assert_eq!(verdict(&site, &["--as-of", as_of], &case), due, "{as_of}");
    }
}

/// One truck's plate read as a look-alike of the one expected: found, and held
/// unless enough else agrees; never found beside an exact one.
#[test]
fn expected_look_alikes_are_candidates_where_no_plate_is_exact() {
    let (site, mut case) = split();
    case["plates"] = json!([{"text": "粤ZA812港", "confidence_pct": 98, "device": "cam-1"}]);
    // Seal and box agree: two corroborations are what the best class needs.
    let said = decide(&site, &[], &[&case]).ends(0).json();
    assert_eq!(said["declarations"][0]["match"], "loose");
    let mut alone = case.clone();
    alone["seals"] = json!([]);
    alone["containers"] = json!([]);
    alone["driver_card"] = Value::Null;
    let said = decide(&site, &[], &[&alone]).ends(0).json();
    assert!(
        codes(&said, &[]).contains(&"plate.loose".to_owned()),
        "{said}"
    );
    assert_ne!(said["verdict"], "release");

    let mut other = base()["facts"]["candidates"][0].clone();
    other["id"] = json!("5345202600012346");
    other["vehicles"] = json!([{"plates": ["粤ZA812港"], "tare_kg": 8600}]);
    let first = fs::read_to_string(site.path("declarations.jsonl")).unwrap();
    site.write("declarations.jsonl", format!("{first}{other}\n"));
    let said = decide(&site, &[], &[&case]).ends(0).json();
    assert_eq!(said["declarations"][0]["id"], "5345202600012346");
    assert_eq!(said["declarations"][0]["match"], "exact");
}

/// Found by its plate, with the document that rides on it; a document without
/// it is not this truck's.
#[test]
fn documents_that_ride_along_are_judged_too() {
    let (site, case) = split();
    let mut main: Value = base()["facts"]["candidates"][0].clone();
    main["covers"] = json!(["5345202600099999"]);
    let mut rides = main.clone();
    rides["id"] = json!("5345202600099999");
    rides["covers"] = json!([]);
    rides["status"] = json!("held");
    rides["vehicles"] = json!([{"plates": ["粤B99999"], "tare_kg": 8600}]);
    rides["trailers"] = json!([]);
    rides["containers"] = json!([]);
    rides["driver"] = Value::Null;
    rides["goods_gross_kg"] = json!(0);
    site.write("declarations.jsonl", format!("{main}\n{rides}\n"));
    let said = decide(&site, &[], &[&case]).ends(0).json();
    let ids: Vec<_> = said["declarations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["id"])
        .collect();
    assert_eq!(ids, ["5345202600012345", "5345202600099999"]);
    assert!(
        codes(&said, &[]).contains(&"declaration.held".to_owned()),
        "{said}"
    );
    site.write("declarations.jsonl", format!("{main}\n"));
    assert_ne!(verdict(&site, &[], &case), "release");
}

#[test]
fn declarations_may_be_a_spreadsheets() {
    let (site, case) = split();
    site.write(
        "declarations.csv",
        "id,form,version,status,direction,port,enterprise,class,plates,tare_kg,trailer,trailer_tare_kg,driver_card,load,container,container_tare_kg,seals,goods_gross_kg,valid_from,valid_until\n\
         5345202600012345,rmft,3,released,export,5345,4403161234,advanced,\"粤ZAB12港|AB1234\",8600,粤B1234挂,5200,4403000123,container,CSQU3054383,3750,8000620011,18450,2026-11-24T00:00:00+08:00,2026-11-25T00:00:00+08:00\n",
    );
    let args = [
        "decide",
        "--policy",
        "policy.toml",
        "--declarations",
        "declarations.csv",
        "--enterprises",
        "enterprises.jsonl",
    ];
    let ran = site.run_on(&args, &format!("{case}\n")).ends(0);
    assert_eq!(ran.json()["verdict"], "release", "{ran:#?}");
}

#[test]
fn no_cases_are_no_verdicts() {
    let site = Site::new();
    let ran = site
        .run_on(&["decide", "--policy", "policy.toml"], "\n\n")
        .ends(0);
    assert!(ran.out.is_empty());
}
