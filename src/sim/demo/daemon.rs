//! The real daemon as a child process: started, stopped, killed and started
//! again, with everything it says in one file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Bytes at the end of the log that are shown when something went wrong.
const TAIL_LEN: u64 = 16 * 1024;

/// How a daemon that was told to stop did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stopped {
    /// It ended by itself.
    Ended(ExitStatus),
    /// It did not, and was killed.
    Killed,
    /// It was not running.
    NotRunning,
}

/// A daemon that a demonstration or a test owns. Dropping it kills it.
#[derive(Debug)]
pub struct DaemonUnderTest {
    program: PathBuf,
    config: PathBuf,
    log: PathBuf,
    args: Vec<OsString>,
    env: BTreeMap<String, OsString>,
    child: Option<Child>,
    starts: u64,
}

impl DaemonUnderTest {
    /// `program run --config config`, not yet started; what it says goes to
    /// the end of `log`.
    #[must_use]
    pub const fn new(program: PathBuf, config: PathBuf, log: PathBuf) -> Self {
        Self {
            program,
            config,
            log,
            args: Vec::new(),
            env: BTreeMap::new(),
            child: None,
            starts: 0,
        }
    }

    /// One more argument, from the next start on.
    pub fn arg(&mut self, arg: impl Into<OsString>) {
        self.args.push(arg.into());
    }

    /// A variable of its environment from the next start on; none = not set.
    pub fn env(&mut self, name: &str, value: Option<OsString>) {
        match value {
            Some(value) => self.env.insert(name.to_owned(), value),
            None => self.env.remove(name),
        };
    }

    /// Starts it; one that runs already is left alone.
    ///
    /// # Errors
    /// If the log cannot be written or the program not be started.
    pub fn start(&mut self) -> io::Result<()> {
        if self.child.is_some() {
            return Ok(());
        }
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let child = Command::new(&self.program)
            .arg("run")
            .arg("--config")
            .arg(&self.config)
            .args(&self.args)
            .envs(&self.env)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // An interrupt at the terminal is ours to hear: the daemon is
            // stopped in its turn.
            .process_group(0)
            .spawn()?;
        self.child = Some(child);
        self.starts += 1;
        Ok(())
    }

    /// SIGKILL, as a power cut would be for the process; returns once it is gone.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Any other signal that ends it, as a service manager's would; returns
    /// how it ended, once it has.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn end_by(&mut self, signal: Signal) -> io::Result<Option<ExitStatus>> {
        let Some(mut child) = self.child.take() else {
            return Ok(None);
        };
        kill_process(Pid::from_child(&child), signal)?;
        child.wait().map(Some)
    }

    /// Kills it and starts it again at once.
    ///
    /// # Errors
    /// See [`Self::kill`] and [`Self::start`].
    pub fn restart(&mut self) -> io::Result<()> {
        self.kill()?;
        self.start()
    }

    /// Whether it has ended without being asked to.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let Some(child) = &mut self.child else {
            return Ok(None);
        };
        let ended = child.try_wait()?;
        if ended.is_some() {
            self.child = None;
        }
        Ok(ended)
    }

    /// SIGTERM: it drains and ends. See [`Self::ended`].
    ///
    /// # Errors
    /// If the system refuses.
    pub fn terminate(&self) -> io::Result<()> {
        match self.pid() {
            Some(pid) => Ok(kill_process(pid, Signal::TERM)?),
            None => Ok(()),
        }
    }

    /// Its process, while it is ours to end.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        self.child.as_ref().map(Pid::from_child)
    }

    /// How often it was started.
    #[must_use]
    pub const fn starts(&self) -> u64 {
        self.starts
    }

    /// Where what it says is kept.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last `n` lines of what it said.
    #[must_use]
    pub fn last_words(&self, n: usize) -> Vec<String> {
        let text = tail(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(n);
        lines[from..]
            .iter()
            .map(|line| (*line).to_owned())
            .collect()
    }
}

impl Drop for DaemonUnderTest {
    fn drop(&mut self) {
        if let Err(why) = self.kill() {
            tracing::error!(%why, "the daemon could not be stopped");
        }
    }
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL_LEN)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Stopwatch;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    const GLANCE: Duration = Duration::from_millis(5);
    const LONG: Duration = Duration::from_secs(10);

    /// A program of a few lines of shell in a directory of its own.
    fn program(name: &str, script: &str) -> (PathBuf, DaemonUnderTest) {
        let dir =
            std::env::temp_dir().join(format!("lanegate-daemon-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        let daemon = DaemonUnderTest::new(path, dir.join("lane.toml"), dir.join("log"));
        (dir, daemon)
    }

    /// Waits until the program has said something.
    fn spoken(daemon: &DaemonUnderTest) {
        let waiting = Stopwatch::started();
        while daemon.last_words(1).is_empty() {
            assert!(waiting.elapsed() < LONG, "it says nothing");
            std::thread::park_timeout(GLANCE);
        }
    }

    /// Waits until it has ended.
    fn ended(daemon: &mut DaemonUnderTest) -> ExitStatus {
        let waiting = Stopwatch::started();
        loop {
            if let Some(status) = daemon.ended().unwrap() {
                return status;
            }
            assert!(waiting.elapsed() < LONG, "it does not end");
            std::thread::park_timeout(GLANCE);
        }
    }

    #[test]
    fn one_that_is_told_to_stop_ends_by_itself_and_its_words_are_kept() {
        let script = "trap 'echo draining; exit 0' TERM; echo $1 $2; while :; do sleep 0.01; done";
        let (dir, mut daemon) = program("heeds", script);
        daemon.start().unwrap();
        spoken(&daemon);
        daemon.terminate().unwrap();
        assert!(ended(&mut daemon).success());
        assert_eq!(daemon.last_words(9), ["run --config", "draining"]);
        assert_eq!(daemon.pid(), None);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn one_that_is_deaf_is_killed_and_gone_when_the_call_returns() {
        let (dir, mut daemon) = program(
            "deaf",
            "trap '' TERM; echo up; while :; do sleep 0.01; done",
        );
        daemon.start().unwrap();
        spoken(&daemon);
        let pid = daemon.pid().unwrap();
        daemon.terminate().unwrap();
        assert_eq!(daemon.ended().unwrap(), None);
        daemon.kill().unwrap();
        assert!(rustix::process::test_kill_process(pid).is_err());
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn one_that_ends_by_itself_is_noticed_and_can_be_started_again() {
        let (dir, mut daemon) = program("ends", "exit 78");
        for _ in 0..2 {
            daemon.start().unwrap();
            let status = ended(&mut daemon);
            assert_eq!(status.code(), Some(78));
        }
        assert_eq!(daemon.starts(), 2);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
