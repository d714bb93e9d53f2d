//! `replay`: recorded passages under the policy they were judged by, and under
//! another.

use std::fs;

use serde_json::Value;

use crate::cli_support::{Ran, Site};
use crate::journal_files;

const TRUCKS: u64 = 60;

/// Three simulated ports with the policy beside them.
fn recorded() -> Site {
    let site = Site::new();
    let args = [
        "simulate",
        "--seeds",
        "0..3",
        "--passages",
        "20",
        "--journal",
        "kept",
    ];
    site.run(&args).ends(0);
    let policy = fs::read_to_string(site.path("kept/policy.toml")).unwrap();
    // The rule that once stopped 1 truck in 12: 500 kg, whatever the truck.
    let tight = policy.lines().map(|line| {
        let rule = "{ kg = 500, permille = 0 }";
        match line.strip_prefix("weight = ") {
            Some(_) => format!("weight = {{ over = {rule}, under = {rule} }}\n"),
            None => format!("{line}\n"),
        }
    });
    site.write("tight.toml", tight.collect::<String>());
    site
}

fn replay(site: &Site, journal: &str, policy: &str) -> Ran {
    site.run(&["replay", "--journal", journal, "--policy", policy, "--json"])
}

/// Law L6 on what a simulation recorded.
#[test]
fn under_the_policy_they_name_all_recorded_verdicts_come_out_the_same() {
    let site = recorded();
    let said = replay(&site, "kept", "kept/policy.toml").ends(0).json();
    assert_eq!(said["trucks"], TRUCKS);
    assert_eq!(said["changed"], 0);
    assert_eq!(said["broken"], 0);
    assert_eq!(said["stopped_before"], said["stopped_after"]);
    assert_eq!(said["one_in"], Value::Null);
    let ran = site.run(&[
        "replay",
        "--journal",
        "kept",
        "--policy",
        "kept/policy.toml",
    ]);
    ran.ends(0)
        .says("no truck that was released would be stopped");
}

#[test]
fn a_tight_weight_rule_prints_the_jam_it_would_cause_in_every_way() {
    let site = recorded();
    let said = replay(&site, "kept", "tight.toml").ends(0).json();
    let n = |value: &Value| value.as_u64().unwrap();
    let newly = n(&said["newly_stopped"]);
    assert!(newly > 0, "{said}");
    assert_eq!(
        n(&said["stopped_before"]) + newly,
        n(&said["stopped_after"])
    );
    assert_eq!(n(&said["moves"]["release->inspect"]), newly);
    let moves = said["moves"].as_object().unwrap().values().map(n);
    assert_eq!(moves.sum::<u64>(), TRUCKS);
    for by in ["by_class", "by_hour"] {
        let counts = said[by].as_object().unwrap();
        let sum = |key: &str| counts.values().map(|count| n(&count[key])).sum::<u64>();
        assert_eq!(sum("trucks"), TRUCKS, "{by}");
        assert_eq!(sum("newly_stopped"), newly, "{by}");
    }
    let weight = said["by_reason"].as_object().unwrap();
    let gained = weight
        .iter()
        .filter(|(code, _)| code.starts_with("weight."));
    assert!(gained.map(|(_, count)| n(&count["gained"])).sum::<u64>() >= newly);
    let example = &said["examples"].as_array().unwrap()[0];
    assert!(
        example["passage"].is_string() && example["journal"].is_string(),
        "{example}"
    );
    assert_eq!(said["broken"], 0);

    let ran = site
        .run(&["replay", "--journal", "kept", "--policy", "tight.toml"])
        .ends(0);
    assert!(
        ran.out.contains(&format!(
            "{newly} that were released would be stopped, 1 in "
        )),
        "{ran:#?}"
    );
    assert!(ran.out.contains("08:00"), "{ran:#?}");
    // One journal of them alone.
    let one = replay(&site, "kept/seed-1", "tight.toml").ends(0).json();
    assert_eq!(one["trucks"], TRUCKS / 3);
}

/// The sums of one journal after the other are those of all at once.
#[test]
fn several_journals_are_the_sum_of_each() {
    let site = recorded();
    let all = replay(&site, "kept", "tight.toml").ends(0).json();
    let each = ["kept/seed-0", "kept/seed-1", "kept/seed-2"];
    let each = each.map(|dir| replay(&site, dir, "tight.toml").ends(0).json());
    for key in ["verdicts", "changed", "newly_stopped", "stopped_before"] {
        let sum: u64 = each.iter().map(|one| one[key].as_u64().unwrap()).sum();
        assert_eq!(all[key].as_u64().unwrap(), sum, "{key}");
    }
}

fn first_verdict(texts: &[String]) -> usize {
    let is = |text: &String| text.contains("\"kind\":\"verdict\"");
    texts.iter().position(is).unwrap()
}

/// A record that says what the rules never said under the policy it names.
#[test]
fn a_verdict_that_does_not_come_out_again_is_named_and_fails() {
    let site = recorded();
    let dir = site.path("kept/seed-0");
    let texts = journal_files::read(&dir);
    let at = first_verdict(&texts);
    let edit = |from: &str, to: &str| {
        let mut texts = texts.clone();
        assert!(texts[at].contains(from), "{from}");
        texts[at] = texts[at].replacen(from, to, 1);
        journal_files::write(&dir, &texts);
    };
    edit("\"outcome\":\"pass\"", "\"outcome\":\"fail\"");
    let ran = replay(&site, "kept/seed-0", "kept/policy.toml").ends(1);
    let said = ran.json();
    assert_eq!(said["broken"], 1);
    assert_eq!(said["broken_at"][0]["seq"], at as u64);
    assert_eq!(said["broken_at"][0]["differs"], "checks");
    assert!(ran.err.contains("law L6"), "{ran:#?}");
    // Under another policy nothing says what it should have been.
    let other = replay(&site, "kept/seed-0", "tight.toml").ends(0).json();
    assert_eq!(other["broken"], 0);

    // By other rules it is said, and no breach.
    let mut older = texts.clone();
    older[at] = older[at].replacen("\"outcome\":\"pass\"", "\"outcome\":\"fail\"", 1);
    older[at] = older[at].replacen("\"rules\":1", "\"rules\":0", 1);
    journal_files::write(&dir, &older);
    let said = replay(&site, "kept/seed-0", "kept/policy.toml")
        .ends(0)
        .json();
    assert_eq!(
        (&said["broken"], &said["other_rules"]),
        (&0.into(), &1.into())
    );
}

/// Texts for people are not part of L6.
#[test]
fn a_line_for_the_driver_may_change() {
    let site = recorded();
    let dir = site.path("kept/seed-0");
    let mut texts = journal_files::read(&dir);
    let said = texts.iter_mut().find(|t| t.contains("\"for_officer\":\""));
    let text = said.expect("somebody was stopped");
    *text = text.replacen("\"for_officer\":\"", "\"for_officer\":\"x ", 1);
    journal_files::write(&dir, &texts);
    replay(&site, "kept/seed-0", "kept/policy.toml").ends(0);
}

#[test]
fn a_damaged_journal_an_absent_one_and_a_bad_policy_are_told_apart() {
    let site = recorded();
    let dir = site.path("kept/seed-0");
    let file = dir.join("journal-000000000000.lgj");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    replay(&site, "kept/seed-0", "tight.toml")
        .ends(1)
        .says("damaged");
    replay(&site, "nowhere", "tight.toml")
        .ends(74)
        .says("nowhere");
    site.edit("tight.toml", "kg = 500", "kg = \"x\"");
    replay(&site, "kept/seed-1", "tight.toml")
        .ends(78)
        .says("tight.toml:");
}
