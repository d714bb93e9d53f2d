//! The demonstration as a user starts it: the built program, the real daemon
//! as its child, simulated firmware on pseudo-terminals and MQTT.

use std::process::{Command, Stdio};

use serde_json::Value;

#[test]
fn eight_trucks_on_two_lanes_pass_the_real_daemon_and_the_truth_agrees() {
    let output = Command::new(env!("CARGO_BIN_EXE_lanegate"))
        .args([
            "demo", "--trucks", "8", "--lanes", "2", "--seed", "7", "--json",
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}\n{said}");
    let last = text.lines().last().unwrap();
    let summary: Value = serde_json::from_str(last).unwrap_or_else(|why| panic!("{last}: {why}"));
    let count = |name: &str| {
        let n = summary[name].as_u64();
        n.unwrap_or_else(|| panic!("{name} in {summary}"))
    };
    assert_eq!((count("seed"), count("trucks")), (7, 8));
    assert_eq!(
        count("false_releases") + count("missed_releases"),
        0,
        "{summary}"
    );
    assert_eq!(count("unfinished"), 0, "{summary}");
    assert_eq!(count("released") + count("inspected") + count("held"), 8);
    assert_eq!(count("must") + count("may") + count("must_not"), 8);
    // A demonstration in which nobody is released shows nothing.
    assert!(
        count("released") >= count("must") && count("must") >= 4,
        "{summary}"
    );
    assert_eq!(summary["faults"], serde_json::json!({}), "{text}");
    let latency = &summary["latency_ms"];
    assert!(latency["n"].as_u64().unwrap() > 0, "{summary}");
    assert!(
        latency["p50"].as_u64() <= latency["p99"].as_u64(),
        "{summary}"
    );
    assert!(
        latency["p99"].as_u64() <= latency["max"].as_u64(),
        "{summary}"
    );
}
