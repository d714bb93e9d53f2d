//! Debian's Prometheus and promtool.
//!
//! The shipped files are used as they are, save for three substitutions: a
//! scrape and an evaluation every second in place of every five, the target's
//! address, and one second in place of each alert's `for:`, which only says how
//! long somebody may sleep on. No expression is touched.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use lanegate::clock::Stopwatch;
use serde_json::Value;

use super::demo::{Demo, get};
use super::files::{alerts, dashboards, mentioned, recorded, repository};
use crate::peers::programs::{Owned, free_port, until};

/// A busy machine may need this long for some trucks of every kind.
const PATIENCE: Duration = Duration::from_secs(240);
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(super) fn promtool(dir: &Path, arguments: &[&str]) {
    let mut command = Command::new("promtool");
    let output = command.current_dir(dir).args(arguments).output();
    let output = output.unwrap_or_else(|why| panic!("promtool: {why}; .ci/run installs it"));
    assert!(output.status.success(), "{arguments:?}: {output:#?}");
}

/// The same with something on its standard input; it says nothing if all is well.
pub(super) fn promtool_reads(arguments: &[&str], input: &str) {
    let mut command = Command::new("promtool");
    let command = command.args(arguments).stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

pub(super) struct Prometheus {
    _process: Owned,
    address: String,
    dir: PathBuf,
}

impl Prometheus {
    /// Scrapes `demo`.
    pub(super) fn of(demo: &Demo) -> Self {
        let name = format!("lanegate-prometheus-{}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        fs::create_dir_all(dir.join("rules")).unwrap();
        let shipped = repository().join("monitoring/prometheus");
        let config = fs::read_to_string(shipped.join("prometheus.yml")).unwrap();
        let config = config
            .replace("_interval: 5s", "_interval: 1s")
            .replace("127.0.0.1:9464", &demo.metrics);
        fs::write(dir.join("prometheus.yml"), config).unwrap();
        for file in ["recording.yml", "alerts.yml"] {
            let text = fs::read_to_string(shipped.join("rules").join(file)).unwrap();
            fs::write(dir.join("rules").join(file), impatient(&text)).unwrap();
        }
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("prometheus");
        command
            .arg(format!(
                "--config.file={}",
                dir.join("prometheus.yml").display()
            ))
            .arg(format!(
                "--storage.tsdb.path={}",
                dir.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.join("log")).unwrap());
        let process = Owned::start(&mut command);
        until("Prometheus answers", || get(&address, "/-/ready").ok());
        Self {
            _process: process,
            address,
            dir,
        }
    }

    fn ask(&self, path: &str) -> Value {
        let body = get(&self.address, &format!("/api/v1/{path}")).unwrap();
        let answer: Value =
            serde_json::from_str(&body).unwrap_or_else(|why| panic!("{path}: {why}: {body}"));
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer["data"].clone()
    }

    fn is_empty(&self, expr: &str) -> bool {
        let data = self.ask(&format!("query?query={}", encoded(expr)));
        data["result"].as_array().unwrap().is_empty()
    }

    /// Everything dashboards and rules ask has an answer, sooner or later, and
    /// no rule fails. Of an alert that is everything it looks at: the alert
    /// itself has nothing to say while all is well.
    pub(super) fn until_nothing_is_empty(&self) {
        let mut open: Vec<(String, String)> = dashboards()
            .iter()
            .flat_map(super::files::Dashboard::questions)
            .collect();
        open.extend(
            recorded()
                .into_iter()
                .map(|rule| (rule.name.clone(), rule.name)),
        );
        for alert in alerts() {
            let looks_at = mentioned(&alert.expr);
            open.extend(looks_at.into_iter().map(|s| (alert.name.clone(), s)));
        }
        let waiting = Stopwatch::started();
        loop {
            open.retain(|(_, expr)| self.is_empty(expr));
            if open.is_empty() {
                break;
            }
            assert!(waiting.elapsed() < PATIENCE, "empty: {open:#?}");
            std::thread::park_timeout(LOOK_EVERY);
        }
        let groups = self.ask("rules")["groups"].clone();
        for rule in groups
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|g| g["rules"].as_array().unwrap())
        {
            assert_eq!(rule["health"], "ok", "{rule}");
        }
    }

    /// What is pending or firing, with lane and device.
    pub(super) fn alerts_but(&self, but: &[&str]) -> BTreeSet<String> {
        let alerts = self.ask("alerts")["alerts"].clone();
        let shown = |alert: &Value| {
            let label = |name: &str| alert["labels"][name].as_str().map(str::to_owned);
            let all = [label("alertname"), label("lane"), label("device")];
            let known: Vec<_> = all.into_iter().flatten().collect();
            known.join(" ")
        };
        let all = alerts.as_array().unwrap().iter().map(shown);
        all.filter(|alert| !but.iter().any(|but| alert.starts_with(but)))
            .collect()
    }

    /// Everything that was raised until `enough` was.
    pub(super) fn alerts_until(
        &self,
        but: &[&str],
        enough: impl Fn(&BTreeSet<String>) -> bool,
    ) -> BTreeSet<String> {
        let waiting = Stopwatch::started();
        let mut raised = BTreeSet::new();
        loop {
            raised.extend(self.alerts_but(but));
            if enough(&raised) {
                return raised;
            }
            assert!(waiting.elapsed() < PATIENCE, "only {raised:?}");
            std::thread::park_timeout(LOOK_EVERY);
        }
    }

    /// The page a port without Grafana looks at.
    pub(super) fn report(&self, demo: &Demo) -> String {
        let file = demo.dir.join("report.html");
        let url = format!("http://{}", self.address);
        let output = Command::new(env!("CARGO_BIN_EXE_lanegate"))
            .args(["report", "--prometheus", &url, "--since", "10m", "--output"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        fs::read_to_string(file).unwrap()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            drop(fs::remove_dir_all(&self.dir));
        }
    }
}

fn impatient(rules: &str) -> String {
    let line = |line: &str| match line.split_once("for: ") {
        Some((indent, _)) if indent.trim().is_empty() => format!("{indent}for: 1s\n"),
        _ => format!("{line}\n"),
    };
    rules.lines().map(line).collect()
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
