//! `recheck list`: what a journal says should be looked at again, and why.

use lanegate_core::clearance::{Policy, judge};
use lanegate_core::model::{
    Case, Control, Finding, Kg, LaneId, Order, Outcome, PassageId, Spend, Status, parse_json,
};
use lanegate_core::record::{
    Body, DeclarationMark, Draft, FeedBody, OrderBody, OutcomeBody, SpendOf, VerdictBody,
};
use serde_json::{Value, json};

use crate::cli_support::{Ran, Site};
use crate::journal_files::{self, wall};

/// Records as they come about, a minute apart.
struct Story {
    drafts: Vec<Draft>,
    minute: i64,
}

impl Story {
    const fn new() -> Self {
        Self {
            drafts: Vec::new(),
            minute: 0,
        }
    }

    fn add(&mut self, passage: Option<&str>, body: impl Into<Body>) -> &mut Self {
        self.minute += 1;
        self.drafts.push(Draft {
            at: wall("2026-11-24T08:00:00+08:00").plus_s(60 * self.minute),
            lane: passage.map(|_| LaneId::parse("SZB-X-01").unwrap()),
            passage: passage.map(|id| PassageId::parse(id).unwrap()),
            body: body.into(),
        });
        self
    }

    /// The conforming truck of the decision tables, with `facts` changed.
    fn verdict(&mut self, passage: &str, change: impl FnOnce(&mut Value)) -> &mut Self {
        let text = include_str!("../../core/tests/decisions/base.json");
        let mut case: Value = serde_json::from_str(text).unwrap();
        case["passage"] = json!(passage);
        change(&mut case);
        let case: Case = serde_json::from_value(case).unwrap();
        let policy = Policy::parse(include_str!("../../config/policy.toml")).unwrap();
        let verdict = judge(&case, &policy);
        self.add(Some(passage), VerdictBody { case, verdict })
    }

    fn ended(&mut self, passage: &str, how: Outcome) -> &mut Self {
        self.add(Some(passage), OutcomeBody { how })
    }

    fn feed(&mut self, controls: Vec<Control>, marks: Vec<DeclarationMark>) -> &mut Self {
        let feed: FeedBody = parse_json(
            "{\"epoch\":1,\"seq\":1,\"sent_at\":\"2026-11-24T08:00:00+08:00\",\"snapshot\":false,\
             \"declarations\":[],\"enterprises\":[],\"controls\":[],\"findings\":[],\"unusable\":{},\
             \"unusable_ids\":[],\"control_unreadable\":false}",
        )
        .unwrap();
        self.add(
            None,
            FeedBody {
                controls,
                declarations: marks,
                ..feed
            },
        )
    }

    fn list(&mut self, more: &[&str]) -> Vec<Value> {
        let ran = self.run(more).ends(0);
        ran.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn run(&mut self, more: &[&str]) -> Ran {
        let site = Site::new();
        journal_files::make(&site.path("journal"), self.drafts.clone());
        let args = ["recheck", "list", "--journal", ".", "--json"];
        site.run(&[&args[..], more].concat())
    }
}

/// `passage word word` of each line.
fn why(list: &[Value]) -> Vec<String> {
    let one = |entry: &Value| {
        let words = entry["why"].as_array().unwrap().iter();
        let words: Vec<_> = words.map(|why| why["why"].as_str().unwrap()).collect();
        format!("{} {}", entry["passage"].as_str().unwrap(), words.join(" "))
    };
    list.iter().map(one).collect()
}

fn cut(case: &mut Value) {
    case["facts"]["link"] = json!("down");
    case["facts"]["cache_age_s"] = json!(600);
}

fn control(from: Option<&str>, act: &str) -> Control {
    let text = json!({"id": "c-1", "version": 1, "act": act, "from": from,
                      "subject": {"kind": "container", "value": "CSQU3054383"}});
    parse_json(&text.to_string()).unwrap()
}

#[test]
fn a_release_while_the_line_was_up_that_passed_is_left_alone() {
    let mut story = Story::new();
    story
        .verdict("SZB-X-01-1-1", |_| {})
        .ended("SZB-X-01-1-1", Outcome::Passed);
    // A Hold while cut off released nobody.
    story.verdict("SZB-X-01-1-2", |case| {
        cut(case);
        case["plates"] = json!([]);
    });
    story.ended("SZB-X-01-1-2", Outcome::Left);
    assert!(story.list(&[]).is_empty());
}

#[test]
fn every_release_while_cut_off_is_listed_with_how_old_the_cache_was() {
    let mut story = Story::new();
    story
        .verdict("SZB-X-01-1-1", cut)
        .ended("SZB-X-01-1-1", Outcome::Passed);
    story.verdict("SZB-X-01-1-2", |case| case["facts"]["link"] = Value::Null);
    let list = story.list(&[]);
    assert_eq!(why(&list), ["SZB-X-01-1-1 cut-off", "SZB-X-01-1-2 cut-off"]);
    assert_eq!(list[0]["why"][0]["says"], "line down, cache 600 s old");
    assert_eq!(list[0]["released_by"], "rules");
    assert_eq!(list[0]["declarations"], json!(["5345202600012345"]));
    assert_eq!(list[0]["class"], "aeo-advanced");
    assert_eq!(list[0]["seq"], 1);
}

#[test]
fn what_arrives_later_is_held_against_what_it_could_have_changed() {
    let mark = |status, version| DeclarationMark {
        id: lanegate_core::model::DeclarationId::parse("5345202600012345").unwrap(),
        version,
        status,
        valid_until: wall("2026-11-25T00:00:00+08:00"),
        digest: "0".repeat(64),
    };
    let before = Some("2026-11-24T08:00:00+08:00");
    let cases: [(Option<Control>, Option<DeclarationMark>, bool, &str); 9] = [
        (
            Some(control(before, "inspect")),
            None,
            false,
            "control-later",
        ),
        // Nothing says that it was in force then, and the line was up.
        (Some(control(None, "inspect")), None, false, ""),
        (
            Some(control(None, "inspect")),
            None,
            true,
            "control-later cut-off",
        ),
        (
            Some(control(Some("2026-11-24T08:05:00+08:00"), "inspect")),
            None,
            true,
            "cut-off",
        ),
        (Some(control(before, "inform")), None, true, "cut-off"),
        (
            None,
            Some(mark(Status::Revoked, 4)),
            false,
            "declaration-later",
        ),
        (
            None,
            Some(mark(Status::Held, 4)),
            false,
            "declaration-later",
        ),
        (None, Some(mark(Status::Released, 4)), false, ""),
        (None, Some(mark(Status::Revoked, 3)), false, ""),
    ];
    for (control, mark, is_cut, due) in cases {
        let mut story = Story::new();
        story.verdict("SZB-X-01-1-1", |case| {
            if is_cut {
                cut(case);
            }
        });
        story.ended("SZB-X-01-1-1", Outcome::Passed);
        let shown = format!("{control:?} {mark:?}");
        story.feed(control.into_iter().collect(), mark.into_iter().collect());
        let found = why(&story.list(&[])).concat();
        assert_eq!(
            found.trim_start_matches("SZB-X-01-1-1").trim(),
            due,
            "{shown}"
        );
    }
}

#[test]
fn a_finding_that_does_not_conform_selects_the_release_it_is_about() {
    let finding = |result: &str| -> Finding {
        let text = json!({"id": "f-1", "version": 1, "passage": "SZB-X-01-1-1",
            "declaration": "5345202600012345", "enterprise": "4403161234", "vehicle": "AB1234",
            "result": result, "then": "detained", "covers": [], "officer": "o-7",
            "at": "2026-11-24T09:00:00+08:00"});
        parse_json(&text.to_string()).unwrap()
    };
    for (result, due) in [("nonconforms", 1), ("conforms", 0)] {
        let mut story = Story::new();
        story
            .verdict("SZB-X-01-1-1", |_| {})
            .add(None, finding(result));
        assert_eq!(story.list(&[]).len(), due, "{result}");
    }
}

fn order(spends: Option<Vec<SpendOf>>, accepted: bool) -> OrderBody {
    let text = json!({"id": "or-1", "passage": "SZB-X-01-1-1", "verdict_seq": 1, "kind": "release",
        "officer": "o-7", "reason": "papers seen", "expires": "2026-11-24T09:00:00+08:00"});
    let order: Order = parse_json(&text.to_string()).unwrap();
    OrderBody {
        order,
        accepted,
        why: None,
        spends,
        reserves: None,
        lifts: accepted,
    }
}

#[test]
fn an_officers_release_that_spent_nothing_is_listed_under_the_officers_name() {
    let spend = SpendOf {
        declaration: lanegate_core::model::DeclarationId::parse("5345202600012345").unwrap(),
        spend: Spend {
            trips: 1,
            goods_kg: Kg(18_450),
        },
        vehicle: None,
    };
    for (spends, accepted, due) in [
        (None, true, 1),
        (Some(vec![spend]), true, 0),
        (None, false, 0),
    ] {
        let mut story = Story::new();
        story.verdict("SZB-X-01-1-1", |case| case["weight"] = Value::Null);
        story.add(Some("SZB-X-01-1-1"), order(spends, accepted));
        let list = story.list(&[]);
        assert_eq!(list.len(), due);
        for entry in list {
            assert_eq!(entry["released_by"], "o-7");
            assert_eq!(entry["seq"], 2);
            assert_eq!(entry["why"][0]["why"], "spent-nothing");
        }
    }
}

#[test]
fn a_truck_nobody_saw_passing_is_listed() {
    for (how, due) in [
        (Outcome::NotSeenPassing, 1),
        (Outcome::Unknown, 1),
        (Outcome::GivenBack, 0),
    ] {
        let mut story = Story::new();
        story
            .verdict("SZB-X-01-1-1", |_| {})
            .ended("SZB-X-01-1-1", how);
        assert_eq!(story.list(&[]).len(), due, "{how}");
    }
}

#[test]
fn rules_and_a_sample_select_on_request_and_the_sample_is_the_same_every_time() {
    let mut story = Story::new();
    for n in 0..40 {
        let passage = format!("SZB-X-01-1-{n}");
        story.verdict(&passage, |case| {
            if n == 7 {
                case["seals"][0]["battery_pct"] = json!(5);
            }
        });
        story.ended(&passage, Outcome::Passed);
    }
    assert!(story.list(&[]).is_empty());
    let by_reason = story.list(&["--reason", "seal.battery-low"]);
    assert_eq!(why(&by_reason), ["SZB-X-01-1-7 reason"]);
    assert_eq!(story.list(&["--class", "aeo-advanced"]).len(), 40);
    assert!(story.list(&["--class", "regular"]).is_empty());
    assert_eq!(story.list(&["--sample", "1/1"]).len(), 40);
    assert!(story.list(&["--sample", "0/1"]).is_empty());
    let half = story.list(&["--sample", "1/2"]);
    assert!(half.len() > 5 && half.len() < 35, "{}", half.len());
    assert_eq!(half, story.list(&["--sample", "1/2"]));
    for wrong in [
        ["--sample", "2/1"],
        ["--sample", "half"],
        ["--reason", "none.such"],
    ] {
        story.run(&wrong).ends(64);
    }
}
