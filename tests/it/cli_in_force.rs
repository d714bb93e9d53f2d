//! `enterprises import` and `controls list`.

use lanegate::journal::{RealDisk, recover};
use lanegate_core::ledger::Ledger;
use lanegate_core::model::{Control, EnterpriseId, parse_json};
use lanegate_core::record::{Body, Draft, FeedBody};

use crate::cli_support::{Ran, Site, declaration};
use crate::journal_files::{self, wall};

fn enterprises(site: &Site, more: &[&str]) -> Ran {
    let args = ["enterprises", "import", "e.jsonl", "--config", "lane.toml"];
    site.run(&[&args[..], more].concat())
}

fn enterprise(id: &str, version: u32, class: &str) -> String {
    format!(
        "{{\"id\":\"{id}\",\"version\":{version},\"class\":\"{class}\",\"state\":\"normal\"}}\n"
    )
}

fn ledger(site: &Site) -> Ledger {
    let mut disk = RealDisk::lock(&site.state().join("journal")).unwrap();
    recover(&mut disk, 1 << 26).unwrap().unwrap().ledger
}

fn class_of(site: &Site, id: &str) -> Option<String> {
    let id = EnterpriseId::parse(id).unwrap();
    ledger(site).enterprise(&id).map(|e| e.class.clone())
}

#[test]
fn enterprises_of_a_file_are_on_the_record_and_a_lower_version_is_left() {
    let site = Site::new();
    site.write(
        "e.jsonl",
        enterprise("E-1", 2, "advanced") + &enterprise("E-2", 1, "regular"),
    );
    let ran = enterprises(&site, &[]).ends(0);
    assert_eq!(ran.out, "2 imported; 2 known now\n");
    assert_eq!(class_of(&site, "E-1").as_deref(), Some("advanced"));
    site.write(
        "e.jsonl",
        enterprise("E-1", 1, "regular") + &enterprise("E-3", 1, "regular"),
    );
    let said = enterprises(&site, &["--json"]).ends(0).json();
    assert_eq!(said, serde_json::json!({"kept": 1, "stale": 1, "count": 3}));
    assert_eq!(class_of(&site, "E-1").as_deref(), Some("advanced"));
    site.run(&["journal", "verify", "dev/state"])
        .ends(0)
        .says("intact");
}

/// A file of enterprises does not say how current the declarations are.
#[test]
fn an_import_of_enterprises_leaves_the_age_of_the_cache_as_it_was() {
    let site = Site::new();
    site.write("d.jsonl", declaration("D-1", 1));
    let as_of = ["import", "d.jsonl", "--as-of", "2026-01-01T00:00:00+08:00"];
    site.declarations(&as_of).ends(0);
    site.write("e.jsonl", enterprise("E-1", 1, "advanced"));
    enterprises(&site, &["--as-of", "2026-01-02T00:00:00+08:00"]).ends(0);
    assert_eq!(
        ledger(&site).heard_at(),
        Some(wall("2026-01-01T00:00:00+08:00"))
    );
    enterprises(&site, &["--as-of", "2099-01-01T00:00:00+08:00"])
        .ends(64)
        .says("future");
    // And nothing of the cache is doubted for it.
    let ran = site.declarations(&["import", "d.jsonl"]).ends(0);
    assert!(ran.err.is_empty(), "{ran:#?}");
}

#[test]
fn while_another_process_has_the_directory_neither_is_done() {
    let site = Site::new();
    site.write("e.jsonl", enterprise("E-1", 1, "advanced"));
    enterprises(&site, &[]).ends(0);
    let held = RealDisk::lock(&site.state().join("journal")).unwrap();
    enterprises(&site, &[]).ends(74).says("is in use by");
    site.run(&["controls", "list", "--config", "lane.toml"])
        .ends(74)
        .says("is in use by");
    drop(held);
    site.run(&["controls", "list", "--config", "lane.toml"])
        .ends(0);
}

fn control(id: &str, more: &str) -> Control {
    let text = format!(
        "{{\"id\":\"{id}\",\"version\":1,\"subject\":{{\"kind\":\"vehicle\",\"value\":\"粤ZAB12港\"}},\
         \"act\":\"inspect\",\"stops\":[\"xray\"],\"reason\":\"by order\"{more}}}"
    );
    parse_json(&text).unwrap()
}

fn with_controls(controls: Vec<Control>) -> Site {
    let site = Site::new();
    let at = wall("2026-11-24T08:00:00+08:00");
    let feed: FeedBody = parse_json(
        "{\"epoch\":1,\"seq\":1,\"sent_at\":\"2026-11-24T08:00:00+08:00\",\"snapshot\":false,\
         \"declarations\":[],\"enterprises\":[],\"controls\":[],\"findings\":[],\"unusable\":{},\
         \"unusable_ids\":[],\"control_unreadable\":false}",
    )
    .unwrap();
    let body = Body::from(FeedBody { controls, ..feed });
    let draft = Draft {
        at,
        lane: None,
        passage: None,
        body,
    };
    journal_files::make(&site.state().join("journal"), vec![draft]);
    site
}

#[test]
fn controls_are_listed_until_they_end_or_are_withdrawn() {
    let site = with_controls(vec![
        control("c-1", ""),
        control("c-2", ",\"expires\":\"2099-01-01T00:00:00+08:00\""),
        control("c-3", ",\"expires\":\"2026-11-24T09:00:00+08:00\""),
        control("c-4", ",\"withdrawn\":true"),
    ]);
    let list = |more: &[&str]| {
        let args = ["controls", "list", "--config", "lane.toml"];
        site.run(&[&args[..], more].concat()).ends(0).out
    };
    let then = list(&["--as-of", "2026-11-24T08:59:59+08:00"]);
    let ids: Vec<_> = then
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(ids, ["c-1", "c-2", "c-3"]);
    let later = list(&["--as-of", "2026-11-24T09:00:00+08:00"]);
    assert_eq!(
        later,
        "c-1 v1 inspect vehicle 粤ZAB12港 stops xray: by order\n\
         c-2 v1 inspect vehicle 粤ZAB12港 stops xray until 2099-01-01T00:00:00+08:00: by order\n"
    );
    let json = list(&["--json", "--as-of", "2026-11-24T08:00:00+08:00"]);
    let read: Vec<Control> = json.lines().map(|line| parse_json(line).unwrap()).collect();
    assert_eq!(read[0], control("c-1", ""));
    assert_eq!(read.len(), 3);
}
