//! `check` and the doorstep of `run`.

use crate::cli_support::Site;

#[test]
fn the_shipped_files_have_no_fault() {
    let site = Site::new();
    let ran = site.run(&["check", "--config", "lane.toml"]).ends(0);
    assert_eq!(ran.out, "ok: no faults\n");
}

#[test]
fn every_fault_of_both_files_is_listed_with_file_line_and_path() {
    let site = Site::new();
    site.edit("lane.toml", "drain_s = 2", "drain_s = 999");
    site.edit(
        "lane.toml",
        "geometry = \"side-exit\"",
        "geometry = \"loop\"",
    );
    site.edit(
        "policy.toml",
        "link_age_s_max = 60",
        "link_age_s_max = \"soon\"",
    );
    let args = ["check", "--config", "lane.toml", "--policy", "policy.toml"];
    let ran = site.run(&args).ends(1);
    let line_of = |file: &str, text: &str| {
        let lines = std::fs::read_to_string(site.path(file)).unwrap();
        1 + lines.lines().position(|line| line.contains(text)).unwrap()
    };
    for (file, key, path) in [
        ("lane.toml", "drain_s", "controller.drain_s"),
        ("lane.toml", "geometry", "lane[0].geometry"),
        ("policy.toml", "link_age_s_max", "defaults.link_age_s_max"),
    ] {
        let said = format!("{file}:{}: {path}: ", line_of(file, key));
        assert!(ran.out.contains(&said), "{said} is not said: {ran:#?}");
    }
    assert!(ran.out.contains("3 faults"), "{ran:#?}");
}

#[test]
fn a_configuration_with_faults_does_not_hide_that_the_policy_was_not_looked_at() {
    let site = Site::new();
    site.edit("lane.toml", "drain_s = 2", "drain_s = 999");
    let ran = site.run(&["check", "--config", "lane.toml"]).ends(1);
    assert!(ran.err.contains("the policy was not checked"), "{ran:#?}");
}

/// Field case c20: a port's number changes with the next start.
#[test]
fn a_port_by_its_number_is_warned_of_and_still_no_fault() {
    let site = Site::new();
    site.edit("lane.toml", "\"dev/scale\"", "\"/dev/ttyUSB0\"");
    let ran = site.run(&["check", "--config", "lane.toml"]).ends(0);
    assert!(ran.err.starts_with("warning: lane.toml:"), "{ran:#?}");
    assert!(ran.err.contains("by-path"), "{ran:#?}");
    let json = site
        .run(&["check", "--config", "lane.toml", "--json"])
        .ends(0)
        .json();
    assert_eq!(json["ok"], true);
    assert_eq!(json["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn a_daemon_with_a_faulty_configuration_starts_nothing_and_says_every_fault() {
    let site = Site::new();
    site.edit("lane.toml", "drain_s = 2", "drain_s = 999");
    site.edit("lane.toml", "port = \"5345\"", "port = \"534\"");
    let ran = site.run(&["run", "--config", "lane.toml"]).ends(78);
    assert!(ran.err.contains("controller.drain_s"), "{ran:#?}");
    assert!(ran.err.contains("controller.port"), "{ran:#?}");
    assert!(!site.state().exists());
}

#[test]
fn a_daemon_with_a_faulty_policy_starts_nothing() {
    let site = Site::new();
    site.edit(
        "policy.toml",
        "link_age_s_max = 60",
        "link_age_s_max = \"soon\"",
    );
    let ran = site.run(&["run", "--config", "lane.toml"]).ends(78);
    assert!(ran.err.contains("policy.toml:"), "{ran:#?}");
    assert!(!site.state().exists());
}

#[test]
fn a_file_that_is_not_there_is_a_fault_by_its_name() {
    let site = Site::new();
    let ran = site.run(&["check", "--config", "other.toml"]).ends(1);
    assert!(ran.out.starts_with("other.toml: "), "{ran:#?}");
}
