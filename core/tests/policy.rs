//! A policy file is read whole or refused whole, with every fault at its line.

use lanegate_core::clearance::{Evidence, Plan, Policy, PolicyFault, Ratio, SealRule};
use lanegate_core::model::{Code, Form, Kg, Load, Severity};
use lanegate_core::record::sha256_hex;
use proptest::prelude::*;

const SHIPPED: &str = include_str!("../../config/policy.toml");

fn shipped() -> Policy {
    Policy::parse(SHIPPED).expect("the shipped policy is right")
}

fn faults(text: &str) -> Vec<PolicyFault> {
    Policy::parse(text).expect_err("the text must be refused")
}

fn edited(from: &str, to: &str) -> String {
    assert!(SHIPPED.contains(from), "the policy has no {from:?}");
    SHIPPED.replacen(from, to, 1)
}

/// Line of the first occurrence of `text`.
fn line_of(text: &str, source: &str) -> usize {
    let at = source.find(text).expect("the text occurs");
    1 + source[..at].matches('\n').count()
}

fn class_of_code<'a>(policy: &'a Policy, code: &str) -> &'a lanegate_core::clearance::Class {
    &policy.classes[policy.rank_of(code).expect("a class covers it")]
}

#[test]
fn the_shipped_policy_has_the_five_classes_of_2026_best_first() {
    let policy = shipped();
    let codes: Vec<_> = policy.classes.iter().flat_map(|c| &c.codes).collect();
    let five = [
        "advanced",
        "certified",
        "regular",
        "discredited",
        "seriously-discredited",
    ];
    assert_eq!(codes, five);
    assert_eq!(policy.sha256, sha256_hex(SHIPPED.as_bytes()));
    assert_eq!(policy.version, "2026-11-01.2");
    let cut: Vec<_> = policy
        .classes
        .iter()
        .map(|c| c.measures.cache_age_s_max)
        .collect();
    assert_eq!(cut, [4 * 3600, 3600, 600, 0, 0]);
    let over = |i: usize| policy.classes[i].measures.weight.over;
    let weights: Vec<_> = (0..5).map(|i| (over(i).permille, over(i).kg.0)).collect();
    assert_eq!(
        weights,
        [(50, 1500), (40, 1000), (30, 800), (20, 500), (20, 500)]
    );
    let fixed = Plan::Fixed {
        rate: Ratio { num: 8, den: 10 },
    };
    assert_eq!(policy.classes[3].measures.sampling.plan, fixed);
    assert_eq!(policy.classes[4].measures.sampling.plan, Plan::All);
}

/// The measures a lane meets with the 2007 classes: another file, nothing else.
#[test]
fn a_policy_of_other_classes_is_a_change_of_the_file_alone() {
    let text = edited(
        "codes = [\"advanced\"]",
        "codes = [\"coordinator\", \"high\"]",
    );
    let policy = Policy::parse(&text).unwrap();
    assert_eq!(policy.rank_of("high"), Some(0));
    assert_eq!(policy.rank_of("advanced"), None);
}

#[test]
fn every_fault_is_listed_at_its_line() {
    let text = edited(
        "plate_confidence_pct_min = 80",
        "plate_confidence_pct_min = 180",
    );
    let text = text.replace(
        "\nsampling = { plan = \"fixed\", rate = \"8/10\"",
        "\nsampling = { plan = \"fixed\", rate = \"11/10\"",
    );
    let text = text.replacen("loose_match_corroborations = 0\n", "lose_match = 0\n", 1);
    let found = faults(&text);
    let at: Vec<_> = found.iter().map(|f| (f.line, f.path.as_str())).collect();
    let regular = line_of("id = \"regular\"", &text) - 1;
    let expected = [
        (line_of("= 180", &text), "defaults.plate_confidence_pct_min"),
        (regular, "class[2].loose_match_corroborations"),
        (line_of("lose_match", &text), "class[2].lose_match"),
        (line_of("11/10", &text), "class[3].sampling.rate"),
    ];
    assert_eq!(at, expected);
    assert!(found[0].why.contains("0 to 100"), "{}", found[0]);
}

#[test]
fn an_empty_text_says_what_a_policy_needs() {
    let paths: Vec<_> = faults("").into_iter().map(|f| f.path).collect();
    assert_eq!(paths, ["version", "effective_from", "defaults", "class"]);
}

#[test]
fn broken_toml_is_refused_at_its_line() {
    let text = edited("[defaults]", "[defaults");
    assert_eq!(faults(&text)[0].line, line_of("[defaults", &text));
}

#[test]
fn a_policy_may_tighten_and_never_loosen() {
    let with = |line: &str| edited("[severity]\n\n", &format!("[severity]\n{line}\n\n"));
    let tightened = Policy::parse(&with("\"seal.stale\" = \"inspect\"")).unwrap();
    let weight = tightened.severity_of(Code::SealStale, Severity::Hold);
    assert_eq!(weight, Severity::Inspect);
    for line in [
        "\"seal.open\" = \"hold\"",
        "\"seal.stale\" = \"warn\"",
        "\"control.active\" = \"hold\"",
        "\"control.active\" = \"warn\"",
        "\"seal.stale\" = \"release\"",
        "\"seal.mouldy\" = \"inspect\"",
    ] {
        let text = with(line);
        let found = faults(&text);
        assert_eq!(found.len(), 1, "{line}");
        assert_eq!(found[0].line, line_of(line, &text), "{line}");
    }
    assert!(Policy::parse(&with("\"control.active\" = \"inspect\"")).is_ok());
}

#[test]
fn evidence_is_a_measure_of_class_load_and_form() {
    let policy = shipped();
    assert!(
        policy
            .classes
            .iter()
            .all(|c| c.measures.evidence.is_empty())
    );
    let rule =
        "[[override]]\nload = \"bulk\"\nevidence = [\"seal\", \"driver\"]\n\n# Goods in transit";
    let policy = Policy::parse(&edited("# Goods in transit", rule)).unwrap();
    let of = |load| {
        policy
            .measures(&policy.classes[0], load, Form::Rmft)
            .evidence
    };
    assert_eq!(of(Load::Bulk), [Evidence::Seal, Evidence::Driver]);
    assert_eq!(of(Load::BreakBulk), []);
    for wrong in ["[\"seals\"]", "\"seal\"", "[\"seal\", \"seal\"]", "[1]"] {
        let text = edited("evidence = []", &format!("evidence = {wrong}"));
        let all = faults(&text);
        assert_eq!(all.len(), 1, "{wrong}: {all:?}");
        assert_eq!(all[0].path, "class[0].evidence");
        assert_eq!(all[0].line, line_of(&format!("evidence = {wrong}"), &text));
    }
}

/// A sign has no room for more than it can show, and a line is of a script.
#[test]
fn drivers_lines_must_fit_the_sign_and_name_a_code() {
    let with = |lines: &str| format!("{SHIPPED}\n{lines}\n");
    let zh = |n: usize| "请".repeat(n);
    let good = format!(
        "[lines.\"plate.unread\"]\nzh-Hans = \"{}\"\nen = \"{}\"",
        zh(16),
        "a".repeat(40)
    );
    let policy = Policy::parse(&with(&good)).unwrap();
    let own = &policy.lines[&Code::PlateUnread];
    assert_eq!(own.zh_hans, Some(zh(16)));
    assert_eq!(own.zh_hant, None);
    assert_eq!(own.en, Some("a".repeat(40)));
    let wrong = [
        ("plate.unread", "zh-Hans", zh(17)),
        ("plate.unread", "zh-Hant", "stop".into()),
        ("plate.unread", "en", "a".repeat(41)),
        ("plate.unread", "en", zh(3)),
        ("plate.unread", "en", " ".into()),
    ];
    for (code, script, line) in wrong {
        let text = with(&format!("[lines.\"{code}\"]\n{script} = \"{line}\""));
        let all = faults(&text);
        assert_eq!(all.len(), 1, "{script} {line}: {all:?}");
        assert_eq!(all[0].path, format!("lines.\"{code}\".{script}"));
        assert_eq!(
            all[0].line,
            line_of(&format!("{script} = \"{line}\""), &text)
        );
    }
    for (lines, path) in [
        ("[lines.\"plate.lost\"]\nen = \"x\"", "lines.\"plate.lost\""),
        (
            "[lines]\n\"plate.unread\" = \"x\"",
            "lines.\"plate.unread\"",
        ),
        (
            "[lines.\"plate.unread\"]\nfr = \"x\"",
            "lines.\"plate.unread\".fr",
        ),
    ] {
        let all = faults(&with(lines));
        assert_eq!(all.len(), 1, "{lines}: {all:?}");
        assert_eq!(all[0].path, path);
    }
    let all = faults(&SHIPPED.replace("version = \"2026", "lines = 1\nversion = \"2026"));
    assert_eq!(all[0].path, "lines");
}

#[test]
fn the_last_override_that_fits_wins_for_each_measure() {
    let more = "[[override]]\nclass = \"aeo-advanced\"\nseal = \"required\"\nlists = false\n\
        [[override]]\nclass = \"advanced\"\nload = \"bulk\"\nseal = \"if-declared\"\n\
        [[override]]\nform = \"transit\"\ncache_age_s_max = 60\n[severity]";
    let text = edited("\n[severity]", &format!("\n{more}"));
    let policy = Policy::parse(&text).unwrap();
    let class = class_of_code(&policy, "advanced");
    let boxed = policy.measures(class, Load::Container, Form::Rmft);
    assert_eq!((boxed.seal, boxed.lists), (SealRule::Required, false));
    let bulk = policy.measures(class, Load::Bulk, Form::Rmft);
    assert_eq!((bulk.seal, bulk.lists), (SealRule::IfDeclared, false));
    let transit = policy.measures(class, Load::Bulk, Form::Transit);
    assert_eq!(transit.cache_age_s_max, 60);
    let other = class_of_code(&policy, "certified");
    let other = policy.measures(other, Load::Container, Form::Rmft);
    assert_eq!((other.seal, other.lists), (SealRule::IfDeclared, true));
}

#[test]
fn names_that_mean_nothing_or_two_things_are_refused() {
    for (from, to, path) in [
        (
            "class = \"regular\"",
            "class = \"regulars\"",
            "override[0].class",
        ),
        ("id = \"regular\"", "id = \"aeo-advanced\"", "class[2].id"),
        (
            "codes = [\"regular\"]",
            "codes = [\"advanced\"]",
            "class[2].codes",
        ),
        ("codes = [\"regular\"]", "codes = []", "class[2].codes"),
        ("kind = \"weigh\"", "kind = \"weight\"", "stops[0].kind"),
        (
            "reason = \"weight.whole-truck-over\"",
            "reason = \"weight\"",
            "stops[0].reason",
        ),
        ("version =", "vision = 1\nversion =", "vision"),
        (
            "form = \"transit\"",
            "form = \"transport\"",
            "override[0].form",
        ),
        (
            "tare_age = {",
            "tare_age = { kg_per_month = 4,",
            "defaults.tare_age.kg_per_month",
        ),
        (
            "start = \"fraction\"",
            "start = \"middle\"",
            "class[0].sampling.start",
        ),
        ("i = 8", "i = 0", "class[0].sampling.i"),
        (
            "permille = 50",
            "permille = 1001",
            "class[0].weight.over.permille",
        ),
        ("kg = 1500", "kg = 1500.5", "class[0].weight.over.kg"),
        (
            "effective_from = \"2026-11-01T00:00:00+08:00\"",
            "effective_from = \"2026-11-01\"",
            "effective_from",
        ),
        ("lists = true", "lists = \"yes\"", "class[0].lists"),
    ] {
        let text = edited(from, to);
        let found = faults(&text);
        let has = found.iter().any(|f| f.path == path);
        assert!(has, "{to}: {found:?}");
    }
}

#[test]
fn a_sampling_plan_with_bounds_that_cross_or_keys_of_another_plan_is_refused() {
    for (from, to, path) in [
        (
            "start = \"fraction\" }",
            "start = \"fraction\", rate_min = \"1/2\", rate_max = \"1/3\" }",
            "class[0].sampling.rate_min",
        ),
        (
            "start = \"fraction\" }",
            "start = \"fraction\", decay_days = 0 }",
            "class[0].sampling.decay_days",
        ),
        (
            "start = \"fraction\" }",
            "start = \"fraction\", veto = \"no\" }",
            "class[0].sampling.veto",
        ),
        (
            "start = \"fraction\" }",
            "start = \"fraction\", rate = \"1/3\" }",
            "class[0].sampling.rate",
        ),
        (
            "\nsampling = { plan = \"fixed\", rate = \"8/10\" }",
            "\nsampling = { plan = \"fixed\", rate = \"8/10\", veto = true }",
            "class[3].sampling.veto",
        ),
        (
            "\nsampling = { plan = \"all\" }",
            "\nsampling = { plan = \"all\", rate_max = \"1/2\" }",
            "class[4].sampling.rate_max",
        ),
    ] {
        let found = faults(&edited(from, to));
        let has = found.iter().any(|f| f.path == path);
        assert!(has, "{to}: {found:?}");
    }
    let equal = edited(
        "start = \"fraction\" }",
        "start = \"fraction\", rate_min = \"1/2\", rate_max = \"2/4\" }",
    );
    assert!(Policy::parse(&equal).is_ok());
}

#[test]
fn the_larger_of_kilograms_and_permille_is_allowed() {
    let over = shipped().classes[0].measures.weight.over;
    assert_eq!(over.at(Kg(30_000)), Kg(1500));
    assert_eq!(over.at(Kg(30_020)), Kg(1501));
    assert_eq!(over.at(Kg(0)), Kg(1500));
}

proptest! {
    /// Any damage is refused or read, and a fault's line is one of the text.
    #[test]
    fn damaged_policies_are_refused_without_a_panic(at in 0..SHIPPED.len(), with in "[ -~\n]{0,6}", cut in 0usize..40) {
        let start = (0..=at).rev().find(|i| SHIPPED.is_char_boundary(*i)).unwrap();
        let end = (start + cut).min(SHIPPED.len());
        let end = (end..=SHIPPED.len()).find(|i| SHIPPED.is_char_boundary(*i)).unwrap();
        let text = format!("{}{with}{}", &SHIPPED[..start], &SHIPPED[end..]);
        if let Err(found) = Policy::parse(&text) {
            prop_assert!(!found.is_empty());
            let lines = text.matches('\n').count() + 1;
            for fault in found {
                prop_assert!((1..=lines).contains(&fault.line), "{fault}");
                prop_assert!(!fault.why.is_empty());
            }
        }
    }
}

/// L9: as many overrides as are accepted, and not one more.
#[test]
fn a_policy_has_at_most_256_overrides() {
    let with = |n: usize| format!("{SHIPPED}\n{}", "[[override]]\nlists = true\n".repeat(n));
    let shipped = shipped().overrides.len();
    let most = 256 - shipped;
    assert!(Policy::parse(&with(most)).is_ok());
    for more in [1, 44] {
        let all = faults(&with(most + more));
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!(all[0].path, "override");
        assert!(all[0].why.contains("at most 256"), "{}", all[0].why);
    }
}

/// Overrides that fit the same trucks are told apart by their place.
#[test]
fn of_two_overrides_for_the_same_trucks_the_one_that_changed_is_named() {
    let with = |second: u32| {
        let one = |age: u32| format!("[[override]]\nload = \"bulk\"\ncache_age_s_max = {age}\n");
        Policy::parse(&format!("{SHIPPED}\n{}{}", one(60), one(second))).unwrap()
    };
    let diff = with(120).diff(&with(90));
    assert_eq!(diff.changes.len(), 1, "{:?}", diff.changes);
    let change = &diff.changes[0];
    assert_eq!(change.of, "class any, load bulk, form any (2)");
    assert_eq!(change.key, "cache_age_s_max");
    assert_eq!(change.new, Some(90.into()));
}
