//! The watchdog on the real process. The test is the service manager: it hears
//! what the daemon says on its socket, ends it as systemd would when it is
//! asked to or hears nothing for the unit's `WatchdogSec`, and starts it again.
//! Each kind of thread and task stands still once (`src/stuck.rs`).
//!
//! How long is not measured by a clock that others load: a daemon pats every
//! half `WatchdogSec` by its own, so two pats after the beginning of a stall
//! and then a trigger is a restart within ten seconds.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use firmware_sim::World;
use lanegate::clock::Stopwatch;
use lanegate::sim::demo::{DaemonUnderTest, Stage};
use rustix::process::Signal;

use super::kill::options;

/// A daemon that says nothing for so long is not coming.
const PATIENCE: Duration = Duration::from_secs(60);

/// `key` of the shipped unit, in seconds.
pub(super) fn unit_s(key: &str) -> f64 {
    let start = format!("{key}=");
    let unit = include_str!("../../systemd/lanegate.service");
    let value = unit.lines().find_map(|line| line.strip_prefix(&start));
    let value = value.unwrap_or_else(|| panic!("{key}"));
    match value.strip_suffix("ms") {
        Some(ms) => ms.parse::<f64>().unwrap() / 1000.0,
        None => value.parse().unwrap(),
    }
}

/// Why the manager ended the daemon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// It asked for it.
    Asked,
    /// It did not say that it is alive.
    Silent,
}

/// What systemd is to a service of `Type=notify` with `WatchdogSec`.
pub(super) struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    /// There = the part stands still.
    stuck: PathBuf,
    watchdog: Duration,
}

impl Manager {
    /// In directory `dir`; from its next start on `daemon` is its service, in
    /// which `part` can be made to stand still.
    pub(super) fn of(daemon: &mut DaemonUnderTest, dir: &Path, part: &str) -> Self {
        let path = dir.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let (stuck, watchdog) = (dir.join("stuck"), unit_s("WatchdogSec"));
        let watchdog = Duration::from_secs_f64(watchdog);
        daemon.env("NOTIFY_SOCKET", Some(path.clone().into()));
        let usec = watchdog.as_micros().to_string();
        daemon.env("WATCHDOG_USEC", Some(usec.into()));
        let when = format!("{part}:{}", stuck.display());
        daemon.env("LANEGATE_STUCK", Some(when.into()));
        Self {
            socket,
            path,
            stuck,
            watchdog,
        }
    }

    /// The next thing the daemon says; none if it is silent for so long.
    fn hear(&self, within: Duration) -> Option<String> {
        if within.is_zero() {
            return None;
        }
        self.socket.set_read_timeout(Some(within)).unwrap();
        let mut buffer = [0; 512];
        let len = self.socket.recv(&mut buffer).ok()?;
        let said = String::from_utf8_lossy(&buffer[..len]);
        Some(said.trim_end().to_owned())
    }

    pub(super) fn until_ready(&self, daemon: &DaemonUnderTest) {
        let waited = Stopwatch::started();
        while self.hear(Duration::from_secs(1)).as_deref() != Some("READY=1") {
            let said = || daemon.last_words(30).join("\n");
            assert!(waited.elapsed() < PATIENCE, "not ready:\n{}", said());
        }
    }

    /// Makes the part stand still, and ends the daemon when a service manager
    /// would; also says how often it was patted meanwhile.
    pub(super) fn ends_it(&self, daemon: &mut DaemonUnderTest) -> (Ended, u32) {
        self.ends_it_under(daemon, || None)
    }

    /// The same with work to do.
    pub(super) fn ends_it_under(
        &self,
        daemon: &mut DaemonUnderTest,
        work: impl FnOnce() -> Option<Child>,
    ) -> (Ended, u32) {
        // What it said until now is nobody's business any more.
        while self.hear(Duration::from_millis(1)).is_some() {}
        std::fs::write(&self.stuck, "").unwrap();
        let began = Stopwatch::started();
        let worker = work();
        let (mut pats, mut patted) = (0, Stopwatch::started());
        let ended = loop {
            let left = self.watchdog.saturating_sub(patted.elapsed());
            match self.hear(left).as_deref() {
                Some("WATCHDOG=1") => (pats, patted) = (pats + 1, Stopwatch::started()),
                Some("WATCHDOG=trigger") => break Ended::Asked,
                Some(_) => {}
                None => break Ended::Silent,
            }
            let said = || daemon.last_words(30).join("\n");
            assert!(began.elapsed() < PATIENCE, "nothing happens:\n{}", said());
        };
        println!("{ended:?} after {:?} and {pats} pats", began.elapsed());
        let status = daemon.end_by(Signal::ABORT).unwrap();
        assert!(status.is_some_and(|status| !status.success()));
        if let Some(mut child) = worker {
            // What it asked for, nobody answers.
            drop(child.kill());
            child.wait().unwrap();
        }
        std::fs::remove_file(&self.stuck).unwrap();
        (ended, pats)
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

/// A daemon with two lanes, the devices of which are silent.
fn stands_still(part: &str, work: &[&str], expected: Ended, named: Option<&str>) {
    let world = World::new(options(0, 5));
    let stage = Stage::set(&world).unwrap();
    let mut daemon = stage.daemon(Path::new(env!("CARGO_BIN_EXE_lanegate")));
    let manager = Manager::of(&mut daemon, stage.dir(), part);
    daemon.start().unwrap();
    manager.until_ready(&daemon);
    let ask = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lanegate"));
        command.args(work).arg("--socket");
        command.arg(stage.dir().join("lanegate.sock"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        (!work.is_empty()).then(|| command.spawn().unwrap())
    };
    let (ended, pats) = manager.ends_it_under(&mut daemon, ask);
    let said = daemon.last_words(40).join("\n");
    assert_eq!(ended, expected, "{part}: {said}");
    let most = match expected {
        Ended::Asked => 2,
        // One was on its way when the file was made.
        Ended::Silent => 1,
    };
    assert!(pats <= most, "{part}: {pats} pats");
    assert!(said.contains("stands still from here on"), "{part}: {said}");
    if let Some(named) = named {
        assert!(said.contains(&format!("part=\"{named}\"")), "{said}");
    }
    daemon.start().unwrap();
    manager.until_ready(&daemon);
    daemon.kill().unwrap();
    stage.strike().unwrap();
}

const CLOSE: [&str; 8] = [
    "lane",
    "close",
    "--lane",
    "SZB-X-02",
    "--officer",
    "4711",
    "--reason",
    "x",
];

#[test]
fn the_lanes_thread_that_stands_still_is_silent() {
    stands_still("lanes", &[], Ended::Silent, None);
}

#[test]
fn one_lane_of_two_that_stands_still_is_told() {
    stands_still("SZB-X-01", &[], Ended::Asked, Some("lane"));
}

#[test]
fn a_committer_that_stands_still_is_told() {
    stands_still("committer", &CLOSE, Ended::Asked, Some("committer"));
}

#[test]
fn a_store_that_stands_still_is_told() {
    let count = ["declarations", "count"];
    stands_still("store", &count, Ended::Asked, Some("store"));
}

#[test]
fn a_boards_thread_that_stands_still_is_told() {
    stands_still("io-1", &[], Ended::Asked, Some("driver"));
}

#[test]
fn a_scales_thread_that_stands_still_is_told() {
    stands_still("scale-2", &[], Ended::Asked, Some("driver"));
}

#[test]
fn a_cameras_task_that_stands_still_is_told() {
    stands_still("cam-1", &[], Ended::Asked, Some("driver"));
}

#[test]
fn the_back_runtime_that_stands_still_is_told() {
    stands_still("back", &[], Ended::Asked, Some("back"));
}

#[test]
fn the_thread_of_probes_and_metrics_that_stands_still_is_told() {
    stands_still("pages", &[], Ended::Asked, Some("pages"));
}

#[test]
fn the_authoritys_task_that_stands_still_is_told() {
    stands_still("authority", &[], Ended::Asked, Some("authority"));
}

#[test]
fn what_hands_on_notices_of_store_and_committer_and_stands_still_is_told() {
    stands_still("told", &[], Ended::Asked, Some("told"));
}

#[test]
fn what_hears_the_lanes_and_stands_still_is_told() {
    stands_still("says", &[], Ended::Asked, Some("says"));
}

#[test]
fn what_keeps_the_policies_and_stands_still_is_told() {
    stands_still("policy", &[], Ended::Asked, Some("policy"));
}

#[test]
fn what_looks_at_the_disk_and_stands_still_is_told() {
    stands_still("upkeep", &[], Ended::Asked, Some("upkeep"));
}

#[test]
fn what_watches_the_scales_and_stands_still_is_told() {
    stands_still("drift", &[], Ended::Asked, Some("drift"));
}

#[test]
fn a_local_socket_that_stands_still_is_told() {
    stands_still("socket", &[], Ended::Asked, Some("socket"));
}

#[test]
fn a_connection_to_the_authority_that_stands_still_is_told() {
    stands_still("line", &[], Ended::Asked, Some("line"));
}

#[test]
fn a_connection_to_the_devices_broker_that_stands_still_is_told() {
    stands_still("devices", &[], Ended::Asked, Some("devices"));
}

#[test]
fn what_hands_on_messages_of_devices_and_stands_still_is_told() {
    stands_still("router", &[], Ended::Asked, Some("router"));
}

/// The numbers of the unit and of the reference configuration add up.
#[test]
fn whatever_stands_still_is_back_within_ten_seconds() {
    let lane = include_str!("../../config/lane.toml");
    let stall = lane.lines().find_map(|l| l.strip_prefix("stall_s = "));
    let stall = stall.unwrap().split_whitespace().next().unwrap();
    let stall: f64 = stall.parse().unwrap();
    // A lane ticks at least every second.
    let asked = stall + 1.0;
    let again = unit_s("RestartSec");
    assert!(unit_s("WatchdogSec") + again <= 10.0);
    assert!(asked + again <= 10.0);
}
