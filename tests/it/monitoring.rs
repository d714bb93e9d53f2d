//! What watches the lanes, on the real thing: the demonstration, scraped by
//! Debian's Prometheus, which is asked everything rules and dashboards ask.

mod demo;
mod files;
mod prometheus;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use lanegate::metrics;

use self::demo::Demo;
use self::files::{Rule, alerts, dashboards, mentioned, repository, runbook};
use self::prometheus::{Prometheus, promtool};

/// How a runbook is divided.
const PARTS: [&str; 4] = [
    "## Meaning",
    "## What the drivers feel",
    "## Check these",
    "## Do this",
];

#[test]
fn promtool_finds_nothing_wrong_with_the_rules_the_example_and_their_tests() {
    let dir = repository().join("monitoring/prometheus");
    promtool(&dir, &["check", "config", "prometheus.yml"]);
    promtool(
        &dir,
        &["check", "rules", "rules/recording.yml", "rules/alerts.yml"],
    );
    let tests = files::in_dir(&dir.join("tests"), "yml");
    assert!(tests.len() > 3, "{tests:?}");
    let mut arguments = vec!["test", "rules"];
    arguments.extend(tests.iter().map(String::as_str));
    promtool(&dir, &arguments);
}

#[test]
fn every_alert_names_its_lane_has_a_runbook_and_is_seen_firing_and_silent() {
    let alerts = alerts();
    assert!(alerts.len() >= 18, "{}", alerts.len());
    let dir = repository().join("monitoring/prometheus/tests");
    let tests: String = files::in_dir(&dir, "yml")
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    for alert in &alerts {
        let name = &alert.name;
        assert!(
            ["page", "ticket"].contains(&alert.severity.as_str()),
            "{name}"
        );
        let whom = ["$labels.lane", "$labels.controller", "$labels.port"];
        let named = whom.iter().any(|label| alert.summary.contains(label));
        assert!(
            named && !alert.summary.contains('\n'),
            "{name}: {}",
            alert.summary
        );
        assert_eq!(alert.runbook, format!("docs/runbooks/{name}.md"));
        let page = runbook(alert);
        let places: Vec<_> = PARTS.iter().map(|part| page.find(part)).collect();
        assert!(
            places.iter().all(Option::is_some) && places.is_sorted(),
            "{name}: {places:?}"
        );
        for kind in ["fires", "is silent"] {
            let test = format!("- name: '{name} {kind}: ");
            assert!(tests.contains(&test), "no test that {name} {kind}");
        }
    }
    let pages = files::in_dir(&repository().join("docs/runbooks"), "md");
    assert_eq!(
        pages.len(),
        alerts.len(),
        "a runbook of no alert: {pages:?}"
    );
}

/// At three in the morning nobody looks up how a command is called.
#[test]
fn every_command_of_a_runbook_exists() {
    let mut commands = BTreeSet::new();
    for alert in alerts() {
        commands.extend(files::commands(&runbook(&alert)));
    }
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let words = command.split(' ').skip(1);
        let mut program = Command::new(env!("CARGO_BIN_EXE_lanegate"));
        let output = program.args(words).arg("--help").output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
    }
}

#[test]
fn every_metric_that_is_asked_for_is_in_the_table() {
    let suffixes = ["_bucket", "_sum", "_count", ""];
    let known: BTreeSet<String> = metrics::ALL
        .iter()
        .flat_map(|metric| suffixes.map(|suffix| format!("{}{suffix}", metric.name)))
        .collect();
    let recorded: BTreeSet<String> = files::recorded().into_iter().map(|r| r.name).collect();
    let own = ["up", "ALERTS", "ALERTS_FOR_STATE"];
    let mut asked = Vec::new();
    asked.extend(alerts().into_iter().map(|alert| (alert.name, alert.expr)));
    asked.extend(
        files::recorded()
            .into_iter()
            .map(|rule| (rule.name, rule.expr)),
    );
    for board in dashboards() {
        asked.extend(board.questions());
    }
    assert!(asked.len() > 100, "{}", asked.len());
    for (place, expr) in asked {
        for selector in mentioned(&expr) {
            let name = selector.split('{').next().unwrap();
            let there = known.contains(name) || recorded.contains(name) || own.contains(&name);
            assert!(there, "{place}: {name} is not there: {expr}");
        }
    }
}

#[test]
fn every_panel_says_what_it_shows_in_its_unit_and_colours_all_eyes_tell_apart() {
    // Okabe and Ito's, and two darker shades of them.
    let colours = [
        "#0072B2", "#56B4E9", "#009E73", "#F0E442", "#E69F00", "#D55E00", "#CC79A7", "#999999",
        "#004D78", "#8A5F00",
    ];
    let boards = dashboards();
    let names: Vec<_> = boards.iter().map(|board| board.file.as_str()).collect();
    assert_eq!(
        names,
        ["lane.json", "on-call.json", "port.json", "risk.json"]
    );
    for board in boards {
        for variable in ["port", "controller", "lane"] {
            assert!(
                board.variables().contains(&variable.to_owned()),
                "{}",
                board.file
            );
        }
        for panel in board.panels() {
            let of = |what: &str| format!("{}, {}: {what}", board.file, panel["title"]);
            let says = panel["description"].as_str().unwrap_or_default();
            assert!(
                says.len() > 15 && says.ends_with('.'),
                "{}",
                of("description")
            );
            let defaults = &panel["fieldConfig"]["defaults"];
            assert!(defaults["unit"].is_string(), "{}", of("unit"));
            let steps = defaults["thresholds"]["steps"].as_array();
            assert!(steps.is_some_and(|s| !s.is_empty()), "{}", of("thresholds"));
            assert!(
                !panel["targets"].as_array().unwrap().is_empty(),
                "{}",
                of("no question")
            );
            let text = panel.to_string();
            for (at, _) in text.match_indices("\"#") {
                let colour = &text[at + 1..at + 8];
                assert!(colours.contains(&colour), "{}: {colour}", of("colour"));
            }
        }
    }
}

#[test]
fn panels_have_numbers_of_their_own_and_fill_their_rows_without_lying_over_each_other() {
    for board in dashboards() {
        let ids: BTreeSet<_> = board.panels().iter().map(|p| p["id"].as_u64()).collect();
        assert_eq!(ids.len(), board.panels().len(), "{}", board.file);
        let mut cells = BTreeSet::new();
        for panel in board.panels() {
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(
                at("x") + at("w") <= 24,
                "{}, {}",
                board.file,
                panel["title"]
            );
            for (x, y) in (at("x")..at("x") + at("w"))
                .flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
            {
                let free = cells.insert((x, y));
                assert!(
                    free,
                    "{}, {}: lies over another",
                    board.file, panel["title"]
                );
            }
        }
    }
}

#[test]
fn the_dashboards_are_what_their_generator_makes() {
    let script = repository().join("monitoring/grafana/generate.py");
    let output = Command::new("python3")
        .arg("-B")
        .arg(script)
        .arg("--check")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{said}; .ci/run installs grafana-foundation-sdk"
    );
}

/// Alerts a slow machine may bring about by itself.
const OF_THE_MACHINE: [&str; 3] = [
    "LanegateDiskSlow",
    "LanegateVerdictBudgetFast",
    "LanegateVerdictBudgetSlow",
];

#[test]
fn on_a_real_prometheus_every_panel_shows_something_and_three_mishaps_raise_their_alerts_alone() {
    let mut demo = Demo::start(3);
    let prometheus = Prometheus::of(&demo);
    promtool_on_the_scrape(&demo);
    demo.put_beside("shadow-1");
    prometheus.until_nothing_is_empty();
    let before = prometheus.alerts_but(&OF_THE_MACHINE);
    assert!(before.is_empty(), "nothing is broken yet: {before:?}");

    demo.breaks(&["camera 1", "arm 2", "acks"]);
    let wanted = [
        "LanegateArmNotConfirming SZB-X-02",
        "LanegateDeviceLost SZB-X-01 cam-1",
        "LanegateOutboxOld",
    ];
    let wanted = BTreeSet::from(wanted.map(str::to_owned));
    let raised = prometheus.alerts_until(&OF_THE_MACHINE, |raised| wanted.is_subset(raised));
    assert_eq!(raised, wanted, "and only those");

    let page = prometheus.report(&demo);
    for board in dashboards()
        .iter()
        .filter(|board| board.file == "port.json")
    {
        for panel in board.panels() {
            let title = panel["title"].as_str().unwrap();
            assert!(page.contains(&format!("<h2>{title}</h2>")), "{title}");
        }
    }
    assert!(!page.contains("nothing known"), "{page}");
    prometheus.until_nothing_is_empty();
    demo.ends();
}

fn promtool_on_the_scrape(demo: &Demo) {
    let scrape = demo.scrape();
    prometheus::promtool_reads(&["check", "metrics"], &scrape);
    // No truck in it: plates are not ASCII, ids are long numbers.
    let outside = scrape.lines().find(|line| !line.is_ascii());
    assert_eq!(outside, None);
    let series = |scrape: &str| scrape.lines().filter(|l| !l.starts_with('#')).count();
    assert!(series(&scrape) > 500, "{scrape}");
}

/// A rule by its name, for messages.
impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.expr)
    }
}
