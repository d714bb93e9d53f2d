//! The real daemon over the developer's lane with some lines changed, and
//! nobody else: devices come as a test brings them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use lanegate::sim::demo::DaemonUnderTest;
use serde_json::Value;

use super::programs::{free_port, until};

/// A daemon with a directory of its own.
pub(crate) struct Site {
    pub(crate) dir: PathBuf,
    pub(crate) daemon: DaemonUnderTest,
}

impl Site {
    /// Each edit is a text of `lane.dev.toml` and what stands there instead.
    pub(crate) fn open(edits: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("lanegate-site-{}-{n}", std::process::id()));
        fs::create_dir_all(dir.join("dev")).unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let mut text = fs::read_to_string(shipped.join("lane.dev.toml")).unwrap();
        for (old, new) in edits {
            assert!(
                text.contains(old),
                "{old:?} does not stand in lane.dev.toml"
            );
            text = text.replacen(old, new, 1);
        }
        text = text.replace("127.0.0.1:9464", &format!("127.0.0.1:{}", free_port()));
        for client in ["dev-devices", "dev-authority"] {
            let line = format!("client_id = \"{client}\"");
            // Nobody is there, unless an edit says so: it is tried again.
            if !text.contains(&format!("{line}\nport = ")) {
                text = text.replace(&line, &format!("{line}\nport = {}", free_port()));
            }
        }
        fs::write(dir.join("lane.dev.toml"), text).unwrap();
        fs::copy(shipped.join("policy.toml"), dir.join("policy.toml")).unwrap();
        let program = PathBuf::from(env!("CARGO_BIN_EXE_lanegate"));
        let mut daemon = DaemonUnderTest::new(program, dir.join("lane.dev.toml"), dir.join("log"));
        daemon.start().unwrap();
        Self { dir, daemon }
    }

    pub(crate) fn lanegate(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lanegate"));
        command.args(args).args(["--socket", "dev/lanegate.sock"]);
        command.current_dir(&self.dir).output().unwrap()
    }

    /// Its only lane, if the daemon answers.
    pub(crate) fn lane(&self) -> Option<Value> {
        let output = self.lanegate(&["status", "--json"]);
        let status: Value = serde_json::from_slice(&output.stdout).ok()?;
        status["lanes"].get(0).cloned()
    }

    /// A device, as the daemon tells it.
    pub(crate) fn device(&self, id: &str) -> Option<Value> {
        let devices = self.lane()?["devices"].as_array()?.clone();
        devices.into_iter().find(|device| device["id"] == id)
    }

    pub(crate) fn until_device(&self, id: &str, state: &str) {
        until(&format!("{id} is {state}"), || {
            self.device(id).filter(|device| device["state"] == state)
        });
    }

    /// An officer does something with the lane.
    pub(crate) fn officer(&self, words: &[&str]) {
        let mut args = vec!["lane"];
        args.extend(words);
        args.extend(["--lane", "SZB-X-01", "--officer", "4711", "--reason", "x"]);
        let output = self.lanegate(&args);
        assert!(output.status.success(), "{words:?}: {output:?}");
    }

    /// Open descriptors, threads.
    pub(crate) fn holds(&self) -> (usize, usize) {
        let of = |name: &str| {
            let dir = format!("/proc/{}/{name}", self.pid());
            fs::read_dir(dir).unwrap().count()
        };
        (of("fd"), of("task"))
    }

    fn pid(&self) -> i32 {
        let pid = self.daemon.pid().expect("the daemon runs");
        pid.as_raw_nonzero().get()
    }

    /// Clock ticks, a hundred a second, the daemon has used.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let (_, rest) = stat.rsplit_once(')').unwrap();
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |n: usize| fields[n].parse::<u64>().unwrap();
        ticks(11) + ticks(12)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.daemon.kill());
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.dir).ok();
        }
    }
}
