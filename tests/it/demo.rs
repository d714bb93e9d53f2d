//! The demonstration as a user starts it: the built program, the real daemon
//! as its child, simulated firmware on pseudo-terminals and MQTT.

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// A line of the daemon comes within this; most within a second.
const LINE_WITHIN: Duration = Duration::from_secs(120);

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

#[test]
fn on_request_the_lines_of_a_passage_go_to_journald_under_its_name() {
    let path = std::env::temp_dir().join(format!("lanegate-demo-{}.sock", std::process::id()));
    let journal = UnixDatagram::bind(&path).unwrap();
    journal.set_read_timeout(Some(LINE_WITHIN)).unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_lanegate"))
        .args(["demo", "--trucks", "1", "--lanes", "1", "--seed", "7"])
        .args(["--json", "--journald"])
        .env("LANEGATE_JOURNAL_SOCKET", &path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut story = Vec::new();
    loop {
        let mut buffer = [0; 65_536];
        let len = journal.recv(&mut buffer);
        let len = len.unwrap_or_else(|why| panic!("{why}: {story:#?}"));
        let line = String::from_utf8_lossy(&buffer[..len]).into_owned();
        if !line.contains("\nLANEGATE_PASSAGE=SZB-X-01-1-1\n") {
            continue;
        }
        story.push(line);
        if story
            .last()
            .unwrap()
            .contains("\nLANEGATE_MESSAGE=passage-ended\n")
        {
            break;
        }
    }
    assert!(demo.wait().unwrap().success(), "{story:#?}");
    let verdict = |line: &String| line.contains("\nLANEGATE_MESSAGE=verdict\n");
    assert!(story.iter().any(verdict), "{story:#?}");
    std::fs::remove_file(path).unwrap();
}
