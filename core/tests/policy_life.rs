//! Going from one policy to another: what would change, and that nothing but
//! the policy does.

use lanegate_core::clearance::{Policy, judge};
use lanegate_core::model::{Case, VerdictKind, parse_json};
use proptest::prelude::*;
use serde_json::{Value, json};

const OF_2026: &str = include_str!("../../config/policy.toml");
const BASE: &str = include_str!("decisions/base.json");
const OF_2007: &str = include_str!("../../config/policy.2007.toml");

fn policy(text: &str) -> Policy {
    Policy::parse(text).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn edited(from: &str, to: &str) -> Policy {
    assert!(OF_2026.contains(from), "the policy has no {from:?}");
    policy(&OF_2026.replacen(from, to, 1))
}

/// The conforming truck of the decision tables, of class `code`.
fn case(code: &str) -> Case {
    let mut base: Value = serde_json::from_str(BASE).expect("the base case is JSON");
    for kind in ["candidates", "enterprises"] {
        for item in base["facts"][kind].as_array_mut().expect("a list") {
            item["class"] = json!(code);
        }
    }
    parse_json(&base.to_string()).expect("the base case is a case")
}

fn codes(text: &str) -> Vec<String> {
    let policy = policy(text);
    policy
        .classes
        .iter()
        .flat_map(|c| c.codes.clone())
        .collect()
}

#[test]
fn the_2007_policy_has_its_four_classes_best_first() {
    let policy = policy(OF_2007);
    assert_eq!(codes(OF_2007), ["coordinator", "high", "medium", "low"]);
    let names: Vec<_> = policy.classes.iter().map(|c| &c.names["zh-Hans"]).collect();
    assert_eq!(names, ["客户协调员", "高信用", "中信用", "低信用"]);
    // A worse class never has the wider measures.
    for pair in policy.classes.windows(2) {
        let (better, worse) = (&pair[0].measures, &pair[1].measures);
        assert!(better.weight.over.kg >= worse.weight.over.kg);
        assert!(better.cache_age_s_max >= worse.cache_age_s_max);
        assert!(better.loose_match_corroborations >= worse.loose_match_corroborations);
        assert!(better.lists >= worse.lists && better.papers_after >= worse.papers_after);
    }
}

/// The same truck, its class named as each policy names it: judged by the
/// measures of that class, with no other change.
#[test]
fn going_from_2026_to_2007_is_a_policy_change_and_nothing_else() {
    for (text, other) in [(OF_2026, OF_2007), (OF_2007, OF_2026)] {
        let (here, elsewhere) = (policy(text), policy(other));
        for class in &here.classes {
            let case = case(&class.codes[0]);
            let verdict = judge(&case, &here);
            assert_eq!(verdict.policy, here.reference());
            let said: Vec<_> = verdict.reasons.iter().map(|r| r.code.as_str()).collect();
            assert!(!said.contains(&"class.unknown"), "{said:?}");
            let selected = verdict.checks.iter().any(|c| c.check == "class");
            assert!(selected, "the class was looked at");
            // The other policy does not know the class: never a release.
            let verdict = judge(&case, &elsewhere);
            assert_ne!(verdict.verdict, VerdictKind::Release, "{}", class.id);
            let said: Vec<_> = verdict.reasons.iter().map(|r| r.code.as_str()).collect();
            assert!(said.contains(&"class.unknown"), "{said:?}");
        }
    }
    let best = |code: &str, text: &str| judge(&case(code), &policy(text)).verdict;
    let plain = |text: &str| {
        text.lines()
            .map(|line| match line.starts_with("sampling =") {
                true => "sampling = { plan = \"none\" }\n".to_owned(),
                false => format!("{line}\n"),
            })
            .collect::<String>()
    };
    assert_eq!(best("advanced", &plain(OF_2026)), VerdictKind::Release);
    assert_eq!(best("coordinator", &plain(OF_2007)), VerdictKind::Release);
}

#[test]
fn a_policy_differs_from_itself_in_nothing() {
    let diff = policy(OF_2026).diff(&policy(&format!("# a note\n{OF_2026}")));
    assert!(diff.is_empty(), "{diff:?}");
    assert_ne!(diff.old.sha256, diff.new.sha256);
}

#[test]
fn a_moved_measure_is_told_with_its_old_and_new_value() {
    let tighter = edited(
        "over = { kg = 800, permille = 30 }",
        "over = { kg = 500, permille = 30 }",
    );
    let diff = policy(OF_2026).diff(&tighter);
    assert!(diff.classes_added.is_empty() && diff.classes_removed.is_empty());
    let [change] = &diff.changes[..] else {
        panic!("{:?}", diff.changes)
    };
    assert_eq!((change.part, change.of.as_str()), ("class", "regular"));
    assert_eq!(change.key, "weight.over.kg");
    assert_eq!(
        (&change.old, &change.new),
        (&Some(json!(800)), &Some(json!(500)))
    );
}

#[test]
fn every_part_of_a_policy_is_compared() {
    let of_default = edited("link_age_s_max = 60", "link_age_s_max = 61");
    let of_plan = edited("f = \"1/200\"", "f = \"1/100\"");
    let of_override = edited("form = \"transit\"", "form = \"pass\"");
    let of_severity = edited(
        "[severity]\n\n",
        "[severity]\n\"plate.extra\" = \"inspect\"\n\n",
    );
    let of_stop = edited("place = \"bay-1\"", "place = \"bay-2\"");
    let all = [of_default, of_plan, of_override, of_severity, of_stop];
    let told: Vec<_> = all
        .iter()
        .map(|new| {
            let changes = policy(OF_2026).diff(new).changes;
            let first = changes.first().expect("something differs").clone();
            (first.part, first.of, first.key)
        })
        .collect();
    let expected = [
        ("defaults", "", "link_age_s_max"),
        ("class", "aeo-advanced", "sampling.f"),
        ("override", "class regular, load any, form pass", "place"),
        ("severity", "plate.extra", "severity"),
        ("stops", "weight.whole-truck-over", "stops"),
    ];
    let expected = expected.map(|(part, of, key)| (part, of.to_owned(), key.to_owned()));
    assert_eq!(told, expected);
}

#[test]
fn classes_that_come_go_and_change_places_are_told() {
    let diff = policy(OF_2026).diff(&policy(OF_2007));
    assert_eq!(diff.classes_added, ["coordinator", "high", "medium", "low"]);
    assert_eq!(diff.classes_removed.len(), 5);
    assert_eq!(diff.reordered, None);
    let swapped = OF_2026
        .replace("id = \"aeo-certified\"", "id = \"x\"")
        .replace("id = \"regular\"", "id = \"aeo-certified\"")
        .replace("id = \"x\"", "id = \"regular\"")
        .replace(
            "class = \"regular\"\nform",
            "class = \"aeo-certified\"\nform",
        );
    let order = policy(OF_2026).diff(&policy(&swapped)).reordered.unwrap();
    assert_eq!(order.new[1..3], ["regular", "aeo-certified"]);
}

proptest! {
    /// What goes one way comes back the other.
    #[test]
    fn the_way_back_undoes_every_change(kg in 0i64..2000, permille in 0i64..100) {
        let new = edited(
            "over = { kg = 800, permille = 30 }",
            &format!("over = {{ kg = {kg}, permille = {permille} }}"),
        );
        let old = policy(OF_2026);
        let (there, back) = (old.diff(&new).changes, new.diff(&old).changes);
        prop_assert_eq!(there.len(), usize::from(kg != 800) + usize::from(permille != 30));
        for (a, b) in there.into_iter().zip(back) {
            prop_assert_eq!((a.old, a.new), (b.new, b.old));
        }
    }
}

/// A sign's lines are told by their code, each language apart.
#[test]
fn a_drivers_line_that_changed_is_told_with_both() {
    let with = |en: &str| format!("{OF_2026}\n[lines.\"seal.missing\"]\nen = \"{en}\"\n");
    let diff = policy(&with("Drive to bay 3")).diff(&policy(&with("Drive to bay 4")));
    let told: Vec<_> = diff
        .changes
        .iter()
        .map(|c| (c.of.as_str(), c.old.as_ref(), c.new.as_ref()))
        .collect();
    let (old, new) = (json!("Drive to bay 3"), json!("Drive to bay 4"));
    assert_eq!(told, [("seal.missing", Some(&old), Some(&new))]);
}

/// Each part of a difference is one by itself.
#[test]
fn a_class_that_comes_goes_or_changes_place_is_a_difference() {
    let plain = |class: &str, code: &str| {
        format!(
            "[[class]]\nid = \"{class}\"\ncodes = [\"{code}\"]\nnames = {{ en = \"{class}\" }}\n\
             sampling = {{ plan = \"fixed\", rate = \"1/2\", rate_max = \"1/3\" }}\n\
             weight = {{ over = {{ kg = 1, permille = 1 }}, under = {{ kg = 1, permille = 1 }} }}\n\
             seal = \"if-declared\"\ncache_age_s_max = 1\nloose_match_corroborations = 0\n\
             lists = true\npapers_after = true\n"
        )
    };
    let head = &OF_2026[..OF_2026.find("[[class]]").expect("it has classes")];
    let of = |classes: &[(&str, &str)]| {
        let classes: String = classes.iter().map(|(id, code)| plain(id, code)).collect();
        policy(&format!("{head}\n{classes}"))
    };
    let (one, two) = (of(&[("a", "x")]), of(&[("a", "x"), ("b", "y")]));
    let other = of(&[("b", "y"), ("a", "x")]);
    assert!(one.diff(&of(&[("a", "x")])).is_empty());
    let comes = one.diff(&two);
    assert_eq!(
        (&comes.classes_added[..], comes.is_empty()),
        (&["b".to_owned()][..], false)
    );
    let goes = two.diff(&one);
    assert_eq!(
        (&goes.classes_removed[..], goes.is_empty()),
        (&["b".to_owned()][..], false)
    );
    let moved = two.diff(&other);
    assert!(moved.changes.is_empty() && moved.classes_added.is_empty());
    assert!(moved.reordered.is_some() && !moved.is_empty());
    // The bounds of a fixed rate are read with it.
    let bounds = one.classes[0].measures.sampling.bounds;
    assert_eq!(bounds.rate_max.map(|r| (r.num, r.den)), Some((1, 3)));
    assert_eq!(bounds.rate_min, None);
    assert_eq!(one.plate_confidence_pct_min(), 80);
}
