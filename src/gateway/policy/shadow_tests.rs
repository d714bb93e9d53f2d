//! The conforming truck of the decision tables under a stricter weight rule.

use lanegate_core::model::{Case, ControllerId, parse_json};
use lanegate_core::record::{Draft, GenesisBody, Link, Prepared};

use super::*;
use crate::journal::{SEGMENT_LEN_MAX, Writer};

const SHIPPED: &str = include_str!("../../../config/policy.toml");

/// The shipped policy with sampling off, and with every tolerance set to `kg`.
fn policy(kg: Option<u32>) -> Policy {
    let lines = SHIPPED.lines().map(|line| match (line.split_once(" = "), kg) {
        (Some(("sampling", _)), _) => "sampling = { plan = \"none\" }\n".to_owned(),
        (Some(("weight", _)), Some(kg)) => format!(
            "weight = {{ over = {{ kg = {kg}, permille = 0 }}, under = {{ kg = {kg}, permille = 0 }} }}\n"
        ),
        _ => format!("{line}\n"),
    });
    Policy::parse(&lines.collect::<String>()).unwrap()
}

fn heavy(kg: i64, active: &Policy) -> VerdictBody {
    let base = include_str!("../../../core/tests/decisions/base.json");
    let mut case: Case = parse_json(base).unwrap();
    let weight = case.weight.as_mut().unwrap();
    weight.gross_kg = lanegate_core::model::Kg(kg);
    let verdict = judge(&case, active);
    VerdictBody { case, verdict }
}

#[test]
fn a_stricter_weight_rule_is_counted_and_the_verdict_on_record_stays() {
    let (active, strict) = (policy(None), policy(Some(0)));
    let mut counts = Counts::default();
    // The same figures but for 700 kg, which the shipped rule allows.
    for kg in [36_000, 36_700] {
        let body = heavy(kg, &active);
        assert_eq!(
            body.verdict.verdict,
            VerdictKind::Release,
            "{:?}",
            body.verdict.reasons
        );
        let before = body.clone();
        counts.take(&body, &active, &strict);
        assert_eq!(body, before);
    }
    let rows = counts.rows();
    let row = |theirs: &str, n| {
        let labels = ["aeo-advanced", "release", theirs].map(str::to_owned);
        (labels.to_vec(), n)
    };
    assert_eq!(rows, [row("release", 1), row("inspect", 1)]);
    let shown = counts.to_json();
    assert_eq!(
        (&shown["judged"], &shown["differing"]),
        (&json!(2), &json!(1))
    );
    let over = json!({"code": "weight.whole-truck-over", "only_active": 0, "only_shadow": 1});
    assert_eq!(shown["reasons"], json!([over]));
}

#[test]
fn a_case_without_a_class_and_classes_beyond_the_limit_have_words_of_their_own() {
    let active = policy(None);
    let mut nobody = heavy(36_000, &active);
    nobody.case.facts.candidates.clear();
    nobody.verdict = judge(&nobody.case, &active);
    let mut counts = Counts::default();
    counts.take(&nobody, &active, &active);
    assert_eq!(counts.rows()[0].0[0], "none");
    for n in 1..CLASSES_MAX {
        let key = (
            format!("class-{n:02}"),
            VerdictKind::Hold,
            VerdictKind::Hold,
        );
        counts.verdicts.insert(key, 1);
    }
    counts.take(&heavy(36_000, &active), &active, &active);
    assert_eq!(counts.classes(), CLASSES_MAX + 1);
    assert!(counts.knows("other") && !counts.knows("aeo-advanced"));
}

/// The journal of a controller, with verdicts in it.
#[test]
fn what_becomes_durable_is_looked_at_once_and_what_came_before_is_not() {
    let dir = std::env::temp_dir().join(format!("lanegate-shadow-{}", std::process::id()));
    let mut disk = RealDisk::lock(&dir).unwrap();
    let active = policy(None);
    let draft = |body: Body| {
        Prepared::from(Draft {
            at: Wall(0),
            lane: None,
            passage: None,
            body,
        })
    };
    let controller = ControllerId::parse("szb-x").unwrap();
    let genesis = draft(
        GenesisBody {
            controller: controller.clone(),
            port: lanegate_core::model::PortCode::parse("5345").unwrap(),
            created: Wall(0),
            nonce: "0".into(),
            v: 1,
        }
        .into(),
    );
    let link = Link::before(controller, &genesis);
    let mut writer = Writer::create(&mut disk, link, SEGMENT_LEN_MAX).unwrap();
    let mut append = |drafts: &[Prepared]| {
        let mut group = writer.group();
        for draft in drafts {
            group.push(draft).unwrap();
        }
        writer.append(&mut disk, group).unwrap();
        writer.link().seq - 1
    };
    let verdict = draft(heavy(36_700, &active).into());
    let head = append(&[genesis, verdict.clone()]);
    let mut shadow = Shadow::new(policy(Some(0)), Wall(0), &dir, head + 1);
    assert_eq!(shadow.look(head, &active), 0);
    assert_eq!(shadow.counts, Counts::default());
    let head = append(&[verdict]);
    shadow.look(head, &active);
    shadow.look(head, &active);
    assert_eq!(shadow.to_json()["differing"], 1);
    assert_eq!(shadow.to_json()["judged"], 1);
    // Too far behind: it skips, and says how much.
    let skipped = shadow.look(head + BEHIND_MAX + 10, &active);
    assert_eq!(skipped, 10);
    assert_eq!(shadow.to_json()["skipped"], 10);
    std::fs::remove_dir_all(&dir).unwrap();
}
