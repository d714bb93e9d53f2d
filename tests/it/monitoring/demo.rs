//! The demonstration as a process of its own, with its daemon in reach.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use lanegate::clock::Stopwatch;
use rustix::process::{Pid, Signal, kill_process};

use crate::peers::programs::{Lines, Owned, until};

/// More than come in the time a test takes.
const TRUCKS: &str = "2000";
/// A demonstration that was told to end ends within.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

pub(super) struct Demo {
    process: Owned,
    /// Where the daemon serves its metrics, like `127.0.0.1:4711`.
    pub(super) metrics: String,
    /// Policy, socket, journal.
    pub(super) dir: PathBuf,
}

impl Demo {
    pub(super) fn start(lanes: usize) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lanegate"));
        command
            .args(["demo", "--trucks", TRUCKS, "--lanes", &lanes.to_string()])
            .args(["--json", "--mishaps", "--sampling"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = Owned::start(&mut command);
        let lines = Lines::of(&mut process);
        let (metrics, dir) = lines.until("where the metrics are", |lines| {
            let line = lines
                .iter()
                .find_map(|l| l.strip_prefix("metrics at http://"))?;
            let (address, dir) = line.split_once("/metrics, everything else in ")?;
            Some((address.to_owned(), PathBuf::from(dir)))
        });
        let demo = Self {
            process,
            metrics,
            dir,
        };
        until("the daemon serves its metrics", || demo.fetch().ok());
        demo
    }

    fn fetch(&self) -> std::io::Result<String> {
        get(&self.metrics, "/metrics")
    }

    /// What a scrape shows.
    pub(super) fn scrape(&self) -> String {
        self.fetch().unwrap()
    }

    /// The policy in force judges beside itself under another name.
    pub(super) fn put_beside(&self, version: &str) {
        let text = fs::read_to_string(self.dir.join("policy.toml")).unwrap();
        let file = self.dir.join(format!("{version}.toml"));
        fs::write(&file, text.replace("2026-11-01.demo", version)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_lanegate"));
        command
            .args(["policy", "activate", "--shadow", "--officer", "4711"])
            .args(["--reason", "to compare", "--socket"])
            .arg(self.dir.join("lanegate.sock"))
            .arg(&file);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// Lets things go wrong.
    pub(super) fn breaks(&mut self, mishaps: &[&str]) {
        let stdin = self.process.0.stdin.as_mut().unwrap();
        for mishap in mishaps {
            writeln!(stdin, "{mishap}").unwrap();
        }
    }

    /// Ends it as a user does, so that it takes its daemon along.
    pub(super) fn ends(&mut self) {
        self.stop();
        assert!(!self.dir.exists(), "{} stays", self.dir.display());
    }

    fn stop(&mut self) {
        let waiting = Stopwatch::started();
        // One that has ended needs no signal.
        kill_process(Pid::from_child(&self.process.0), Signal::INT).ok();
        while waiting.elapsed() < ENDS_WITHIN {
            if self.process.0.try_wait().unwrap().is_some() {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // A daemon whose demonstration is killed would stay.
        self.stop();
    }
}

/// The body of an answer; HTTP/1.0, so that it comes in one piece and ends.
pub(super) fn get(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    Ok(body.to_owned())
}
