//! The files shipped beside the program say what the program does.

use std::collections::BTreeSet;

use lanegate::authority::{Topic, Topics};
use lanegate::store::parse_json_lines;
use lanegate_core::clearance::Policy;
use lanegate_core::model::{Binding, Code, Severity};

const TOPICS: &str = include_str!("../../docs/topics.md");
const DECLARATIONS: &str = include_str!("../../config/declarations.example.jsonl");
const UNIT: &str = include_str!("../../systemd/lanegate.service");
const POLICIES: [(&str, &str); 2] = [
    ("policy.toml", include_str!("../../config/policy.toml")),
    (
        "policy.2007.toml",
        include_str!("../../config/policy.2007.toml"),
    ),
];
const LANE: &str = include_str!("../../config/lane.toml");

#[test]
fn every_topic_is_documented_with_who_writes_it_and_whom_the_broker_lets() {
    for topic in Topic::ALL {
        let tail = topic.tail();
        let writer = if topic.is_incoming() {
            "authority"
        } else {
            "controller"
        };
        let row = format!("| `{tail}` | {writer} |");
        assert!(TOPICS.contains(&row), "{row}");
        let right = if topic.is_incoming() {
            "read "
        } else {
            "write"
        };
        let rule = format!("topic {right} {}\n", Topics::of("szb-x").outgoing(*topic));
        assert!(TOPICS.contains(&rule), "{rule}");
    }
    assert_eq!(TOPICS.matches("\ntopic ").count(), Topic::ALL.len() + 1);
}

#[test]
fn the_example_declarations_can_be_imported_and_show_every_binding() {
    let declarations = parse_json_lines(DECLARATIONS).unwrap_or_else(|faults| {
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        panic!("{}", faults.join("\n"))
    });
    assert_eq!(declarations.len(), DECLARATIONS.lines().count());
    let kinds: BTreeSet<&str> = declarations
        .iter()
        .map(|declaration| match declaration.binding {
            Binding::Single { .. } => "single",
            Binding::Trips { .. } => "trips",
            Binding::Shared { .. } => "shared",
        })
        .collect();
    assert_eq!(kinds.len(), 3);
    let ids: BTreeSet<_> = declarations.iter().map(|d| &d.id).collect();
    assert_eq!(ids.len(), declarations.len());
    for ridden in declarations.iter().flat_map(|d| &d.covers) {
        assert!(ids.contains(ridden), "{ridden} is not among them");
    }
}

/// Lines of the unit that set `key`.
fn set(key: &str) -> Vec<&'static str> {
    let start = format!("{key}=");
    let lines = UNIT
        .lines()
        .filter_map(|line| line.strip_prefix(start.as_str()));
    lines.collect()
}

#[test]
fn the_unit_and_the_reference_configuration_agree() {
    for (key, value) in [
        ("Type", "notify"),
        ("WatchdogSec", "9"),
        ("RestartPreventExitStatus", "78"),
    ] {
        assert_eq!(set(key), [value], "{key}");
    }
    // SIGHUP is what the daemon reloads its policy on.
    assert_eq!(set("ExecReload"), ["/bin/kill -HUP $MAINPID"]);
    // A stop may take drain_s, of which the configuration allows 45 s at most.
    assert_eq!(set("TimeoutStopSec"), ["60"]);
    for credential in set("LoadCredential") {
        let asked = |key: &str| LANE.contains(&format!("{key} = \"{credential}\""));
        assert!(
            asked("password_file") || asked("seed") || asked("checkpoint_key"),
            "{credential}"
        );
    }
    assert_eq!(set("LoadCredential").len(), 4);
    // The directories the sandbox leaves open are those of the reference.
    assert_eq!(set("StateDirectory"), ["lanegate"]);
    assert!(LANE.contains("state_dir = \"/var/lib/lanegate\""));
    assert_eq!(set("RuntimeDirectory"), ["lanegate"]);
    assert!(LANE.contains("path = \"/run/lanegate/lanegate.sock\""));
}

/// systemd cannot say "the same but": what differs is what must.
#[test]
fn the_template_is_the_unit_with_an_instances_own_paths() {
    let template = include_str!("../../systemd/lanegate@.service");
    let settings = |text: &'static str| {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && line.contains('='));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut expected = settings(UNIT);
    for line in &mut expected {
        for (from, to) in [
            (
                "Description=Road-port lane gateway",
                "Description=Road-port lane gateway %i",
            ),
            ("/etc/lanegate/lane.toml", "/etc/lanegate/%i/lane.toml"),
            ("Directory=lanegate", "Directory=lanegate/%i"),
        ] {
            *line = line.replace(from, to);
        }
        if let Some(name) = line.strip_prefix("LoadCredential=") {
            *line = format!("LoadCredential={name}:%i-{name}");
        }
    }
    assert_eq!(settings(template), expected);
}

/// Each line of the sandbox stands below its reason.
#[test]
fn every_line_of_the_unit_has_a_reason() {
    let mut reason = false;
    for line in UNIT.lines() {
        match line {
            "" => reason = false,
            line if line.starts_with('#') => reason = true,
            line if line.starts_with('[') => reason = true,
            line => assert!(reason, "{line}"),
        }
    }
    // The example starts as it is, and a person finds the rest.
    let example = include_str!("../../config/lane.example.toml");
    let config = lanegate::config::Config::parse(example, std::path::Path::new("/etc/lanegate"));
    let config = config.unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!(
        config.controller.state_dir.to_str(),
        Some("/var/lib/lanegate")
    );
    assert!(
        config.draw.is_none() && config.warnings.is_empty(),
        "{config:#?}"
    );
}

#[test]
fn every_shipped_policy_is_taken_whole_and_names_its_classes_in_both_scripts() {
    for (file, text) in POLICIES {
        let policy = Policy::parse(text).unwrap_or_else(|faults| panic!("{file}: {faults:#?}"));
        for class in &policy.classes {
            let languages: Vec<_> = class.names.keys().map(String::as_str).collect();
            assert_eq!(
                languages,
                ["en", "zh-Hans", "zh-Hant"],
                "{file} {}",
                class.id
            );
        }
        // A reason that sends a truck to the bay says to which stop.
        let sent: BTreeSet<Code> = policy.stops.iter().map(|stop| stop.reason).collect();
        for code in Code::ALL {
            let weight = policy.severity_of(*code, code.severity());
            let inspects = weight == Severity::Inspect;
            assert!(
                !inspects || sent.contains(code),
                "{file}: {}",
                code.as_str()
            );
        }
    }
}

#[test]
fn every_file_beside_the_program_is_in_the_readme_or_named_by_another() {
    let readme = include_str!("../../README.md");
    for file in [
        "config/lane.toml",
        "config/policy.toml",
        "config/policy.2007.toml",
    ] {
        assert!(readme.contains(file), "{file}");
    }
}
