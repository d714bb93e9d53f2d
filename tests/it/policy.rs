//! Policies and the real daemon: a file read again, an officer's change, the
//! way back, a time to come, a shadow; and what survives a restart.

use std::time::Duration;

use lanegate::clock::{Stopwatch, wall_now};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cli_daemon::Daemon;
use crate::cli_support::{Ran, Site};

/// Longer than a reload and two looks at the clock on a slow machine.
const WITHIN: Duration = Duration::from_secs(20);
const SHIPPED: &str = "2026-11-01.2";
const BY: [&str; 4] = ["--officer", "4711", "--reason", "seen in the replay"];

/// The shipped policy as another version, with `edits`.
fn edited(version: &str, edits: &[(&str, &str)]) -> String {
    let text = include_str!("../../config/policy.toml");
    let mut text = text.replacen(SHIPPED, version, 1);
    for (from, to) in edits {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

impl Daemon {
    fn policy(&self, args: &[&str]) -> Ran {
        self.ask(&[&["policy"], args].concat())
    }

    fn state(&self) -> Value {
        self.ask(&["status", "--json"]).ends(0).json()
    }

    fn version(&self) -> String {
        self.state()["policy"]["version"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[track_caller]
    fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let waiting = Stopwatch::started();
        while !is_so(self) {
            assert!(waiting.elapsed() < WITHIN, "not {what}: {}", self.log());
        }
    }
}

fn records(site: &Site) -> Vec<Value> {
    let shown = site.run(&["journal", "export", "dev/state", "--kind", "policy"]);
    let lines = shown.ends(0).out;
    lines
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect()
}

#[test]
fn a_changed_file_is_in_force_after_a_hangup_and_a_faulty_one_changes_nothing() {
    let daemon = Daemon::start();
    assert_eq!(daemon.version(), SHIPPED);
    daemon.site.write("policy.toml", edited("v2", &[]));
    daemon.signal(Signal::HUP);
    daemon.until("v2", |d| d.version() == "v2");

    let faulty = edited(
        "v3",
        &[
            ("permille = 50", "permille = 5000"),
            ("kind = \"weigh\"", "kind = \"walk\""),
        ],
    );
    daemon.site.write("policy.toml", &faulty);
    daemon.site.edit("lane.toml", "drain_s = 2", "drain_s = 3");
    daemon.signal(Signal::HUP);
    daemon.until("refused", |d| {
        d.log().contains("the policy is not reloaded")
    });
    let log = daemon.log();
    assert_eq!(log.matches("a fault of the policy").count(), 2, "{log}");
    for line in [
        &faulty[..faulty.find("5000").unwrap()],
        &faulty[..faulty.find("walk").unwrap()],
    ] {
        let n = 1 + line.matches('\n').count();
        assert!(log.contains(&format!("line={n} ")), "{n}: {log}");
    }
    assert!(log.contains("restart the daemon to use it"), "{log}");
    assert_eq!(daemon.version(), "v2");

    let scrape = daemon.scrape();
    let rows = [
        "lanegate_policy_changes_total{source=\"file\",result=\"active\"} 1",
        "lanegate_policy_changes_total{source=\"file\",result=\"refused\"} 1",
        "lanegate_policies_waiting 0",
    ];
    for row in rows {
        assert!(scrape.lines().any(|line| line == row), "{row}\n{scrape}");
    }
    let info: Vec<_> = scrape
        .lines()
        .filter(|l| l.starts_with("lanegate_policy_info{"))
        .collect();
    assert_eq!(info.len(), 1, "{info:?}");
    assert!(
        info[0].contains("version=\"v2\"") && info[0].ends_with("role=\"active\"} 1"),
        "{info:?}"
    );

    let records = records(&daemon.site);
    let said: Vec<_> = records
        .iter()
        .map(|r| (&r["body"]["source"], &r["body"]["policy"]["version"]))
        .collect();
    assert_eq!(
        said,
        [
            (&json!("start"), &json!(SHIPPED)),
            (&json!("file"), &json!("v2"))
        ]
    );
    // The text is on record, and it is the one the digest names.
    let text = records[1]["body"]["text"].as_str().unwrap();
    let sha256 = lanegate_core::record::sha256_hex(text.as_bytes());
    assert_eq!(records[1]["body"]["policy"]["sha256"], sha256);
}

#[test]
fn what_an_officer_put_in_force_and_took_back_survives_a_restart() {
    let mut daemon = Daemon::start();
    daemon
        .site
        .write("next.toml", edited("v2", &[("kg = 800", "kg = 500")]));
    daemon
        .policy(&["diff", "active", "next.toml"])
        .ends(0)
        .says("class regular: weight.over.kg 800 -> 500");
    let activate = [&["activate", "next.toml"][..], &BY].concat();
    daemon.policy(&activate).ends(0).says("v2 is in force");
    assert_eq!(daemon.version(), "v2");
    daemon.policy(&activate).ends(1).says("in force already");

    assert_eq!(daemon.stop(), Some(0));
    daemon.start_again();
    assert_eq!(
        daemon.version(),
        "v2",
        "the file is as it was: it undoes nothing"
    );
    let rollback = [&["rollback"][..], &BY].concat();
    daemon.policy(&rollback).ends(0).says(SHIPPED);
    assert_eq!(daemon.version(), SHIPPED);
    daemon
        .policy(&rollback)
        .ends(1)
        .says("no policy was in force before");

    assert_eq!(daemon.stop(), Some(0));
    daemon.start_again();
    assert_eq!(daemon.version(), SHIPPED);
    // A file that did change while nobody looked is in force with the start.
    assert_eq!(daemon.stop(), Some(0));
    daemon.site.write("policy.toml", edited("v4", &[]));
    daemon.start_again();
    assert_eq!(daemon.version(), "v4");
    let records = records(&daemon.site);
    let of = |name: &str| {
        records
            .iter()
            .map(|r| r["body"][name].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("source"), ["start", "officer", "rollback", "start"]);
    assert_eq!(records[1]["body"]["officer"], "4711");
    assert_eq!(records[1]["body"]["reason"], "seen in the replay");
    assert_eq!(
        records[1]["body"]["uid"],
        rustix::process::getuid().as_raw()
    );
    daemon.site.run(&["journal", "verify", "dev/state"]).ends(0);
    let shown = daemon
        .site
        .run(&["journal", "show", "dev/state", "--kind", "policy"]);
    shown.ends(0).says("v2 active from officer by 4711");
}

#[test]
fn a_policy_of_a_time_to_come_waits_and_comes_into_force_by_itself() {
    let daemon = Daemon::start();
    let soon = |version: &str, s: i64| {
        let from = wall_now().plus_s(s).to_string();
        edited(version, &[("2026-11-01T00:00:00+08:00", &from)])
    };
    daemon.site.write("later.toml", soon("later", 3600));
    daemon.site.write("soon.toml", soon("soon", 3));
    for file in ["later.toml", "soon.toml"] {
        let args = [&["activate", file, "--json"][..], &BY].concat();
        let answer = daemon.policy(&args).ends(0).json();
        assert_eq!(answer["standing"], "waiting", "{answer}");
    }
    let status = daemon.state();
    assert_eq!(status["policy"]["version"], SHIPPED);
    let waiting = status["policy"]["waiting"].as_array().unwrap();
    let order: Vec<_> = waiting
        .iter()
        .map(|w| w["version"].as_str().unwrap())
        .collect();
    assert_eq!(order, ["soon", "later"]);
    daemon.until("soon", |d| d.version() == "soon");
    let withdraw = [&["rollback", "--waiting", "later"][..], &BY].concat();
    daemon.policy(&withdraw).ends(0).says("later is withdrawn");
    daemon
        .policy(&withdraw)
        .ends(1)
        .says("no policy later waits");
    assert_eq!(daemon.state()["policy"]["waiting"], json!([]));
    let record = records(&daemon.site).remove(3);
    assert_eq!(record["body"]["waited"], true);
    assert_eq!(record["body"]["officer"], "4711");
}

#[test]
fn a_faulty_policy_is_refused_whole_with_every_line_and_nothing_is_recorded() {
    let daemon = Daemon::start();
    let text = edited(
        "v2",
        &[("permille = 50", "permille = 5000"), ("i = 15", "i = 0")],
    );
    daemon.site.write("bad.toml", text);
    let before = records(&daemon.site).len();
    let ran = daemon
        .policy(&[&["activate", "bad.toml"][..], &BY].concat())
        .ends(78);
    assert_eq!(ran.err.matches("bad.toml:").count(), 2, "{ran:#?}");
    let checked = daemon.site.run(&["policy", "check", "bad.toml"]).ends(78);
    assert_eq!(checked.out.matches("bad.toml:").count(), 2, "{checked:#?}");
    assert_eq!(
        (daemon.version().as_str(), records(&daemon.site).len()),
        (SHIPPED, before)
    );
}

#[test]
fn a_shadow_only_counts_and_goes_when_it_is_told_to() {
    let mut daemon = Daemon::start();
    daemon
        .site
        .write("strict.toml", edited("strict", &[("kg = 800", "kg = 500")]));
    let shadow = [&["activate", "strict.toml", "--shadow"][..], &BY].concat();
    daemon.policy(&shadow).ends(0).says("only counts");
    let status = daemon.state();
    assert_eq!(status["policy"]["version"], SHIPPED);
    assert_eq!(status["policy"]["shadow"]["version"], "strict");
    assert_eq!(status["policy"]["shadow"]["judged"], 0);
    assert!(daemon.scrape().contains("role=\"shadow\"} 1"));
    daemon.ask(&["status"]).ends(0).says("shadow: strict");

    assert_eq!(daemon.stop(), Some(0));
    daemon.start_again();
    assert_eq!(daemon.state()["policy"]["shadow"]["version"], "strict");
    let end = [&["rollback", "--shadow"][..], &BY].concat();
    daemon.policy(&end).ends(0);
    assert_eq!(daemon.state()["policy"]["shadow"], Value::Null);
    assert!(!daemon.scrape().contains("role=\"shadow\""));
    // The configuration may name one too.
    assert_eq!(daemon.stop(), Some(0));
    let named = "policy = \"policy.toml\"\nshadow_policy = \"strict.toml\"";
    daemon
        .site
        .edit("lane.toml", "policy = \"policy.toml\"", named);
    daemon.start_again();
    assert_eq!(daemon.state()["policy"]["shadow"]["version"], "strict");
}

#[test]
fn without_a_daemon_a_policy_is_put_on_record_under_its_lock() {
    let site = Site::new();
    site.write("next.toml", edited("v2", &[]));
    let policy = |args: &[&str]| {
        let args = [&["policy"], args, &BY, &["--config", "lane.toml"]].concat();
        site.run(&args)
    };
    policy(&["activate", "next.toml"])
        .ends(74)
        .says("is not there");
    std::fs::create_dir_all(site.state()).unwrap();
    policy(&["activate", "next.toml"])
        .ends(0)
        .says("v2 is in force");
    policy(&["activate", "next.toml"])
        .ends(1)
        .says("in force already");
    let diff = site.run(&[
        "policy",
        "diff",
        "active",
        "policy.toml",
        "--config",
        "lane.toml",
    ]);
    diff.ends(0).says("no measure differs");
    policy(&["rollback"]).ends(0).says(SHIPPED);
    policy(&["activate", "next.toml"]).ends(0);
    let daemon = Daemon::start_in(site);
    assert_eq!(daemon.version(), "v2");
    daemon.site.run(&["journal", "verify", "dev/state"]).ends(0);
}

#[test]
fn check_and_diff_need_no_controller() {
    let site = Site::new();
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policy.2007.toml");
    std::fs::copy(shipped, site.path("old.toml")).unwrap();
    site.run(&["policy", "check", "old.toml"])
        .ends(0)
        .says("coordinator, high, medium, low");
    let answer = site
        .run(&["policy", "check", "policy.toml", "--json"])
        .ends(0)
        .json();
    assert_eq!(answer["classes"].as_array().unwrap().len(), 5);
    site.run(&["policy", "check", "absent.toml"])
        .ends(78)
        .says("cannot be read");
    let diff = site
        .run(&["policy", "diff", "policy.toml", "old.toml"])
        .ends(0);
    let diff = diff.says("classes added: coordinator, high, medium, low");
    diff.says("defaults: single_identity true -> false");
    let diff = site
        .run(&["policy", "diff", "policy.toml", "old.toml", "--json"])
        .ends(0)
        .json();
    assert_eq!(diff["classes_removed"].as_array().unwrap().len(), 5);
    assert!(
        diff["changes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|c| c["part"] == "severity")
    );
}

#[test]
fn a_faulty_shadow_is_a_fault_of_the_configuration() {
    let site = Site::new();
    let named = "policy = \"policy.toml\"\nshadow_policy = \"strict.toml\"";
    site.edit("lane.toml", "policy = \"policy.toml\"", named);
    site.write("strict.toml", edited("strict", &[("i = 15", "i = 0")]));
    let checked = site.run(&["check", "--config", "lane.toml"]).ends(1);
    assert!(checked.out.contains("strict.toml:"), "{checked:#?}");
    site.run(&["run", "--config", "lane.toml"])
        .ends(78)
        .says("class[1].sampling.i");
    assert!(!site.state().exists(), "nothing was started");
}

#[cfg(feature = "sim")]
#[path = "policy/feed.rs"]
mod feed;
#[cfg(feature = "sim")]
#[path = "policy/trucks.rs"]
mod trucks;
