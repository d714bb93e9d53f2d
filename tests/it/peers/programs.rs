//! Programs of other people, started and stopped: a broker, its clients, a
//! Modbus server. Each is ended by its process when dropped.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use lanegate::clock::Stopwatch;
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::OptionalActions;

/// Nothing that is waited for takes longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// Between two looks at something that cannot tell us.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until `fact` is there.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut fact: impl FnMut() -> Option<T>) -> T {
    let waiting = Stopwatch::started();
    loop {
        if let Some(found) = fact() {
            return found;
        }
        assert!(waiting.elapsed() < DEADLINE, "it does not come: {what}");
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// A port of this machine on which nobody listens.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A process that does not outlive us.
#[derive(Debug)]
pub(crate) struct Owned(pub(crate) Child);

impl Owned {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.spawn();
        Self(child.unwrap_or_else(|why| panic!("{command:?}: {why}; .ci/run installs it")))
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The lines a process has said so far.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Lines {
    /// Of a process with a pipe as its standard output.
    pub(crate) fn of(process: &mut Owned) -> Self {
        let lines = Self::default();
        let (kept, out) = (lines.clone(), process.0.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                kept.0.0.lock().unwrap().push(line);
                kept.0.1.notify_all();
            }
        });
        lines
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.0.lock().unwrap().clone()
    }

    /// What `find` finds in the lines, once it does.
    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, find: impl Fn(&[String]) -> Option<T>) -> T {
        let waiting = Stopwatch::started();
        let mut lines = self.0.0.lock().unwrap();
        loop {
            if let Some(found) = find(&lines) {
                return found;
            }
            let left = DEADLINE.saturating_sub(waiting.elapsed());
            assert!(
                !left.is_zero(),
                "it is not said: {what}; {:#?}",
                tail(&lines)
            );
            lines = self.0.1.wait_timeout(lines, left).unwrap().0;
        }
    }
}

fn tail(lines: &[String]) -> &[String] {
    &lines[lines.len().saturating_sub(12)..]
}

/// Eclipse Mosquitto with a port and a log of its own.
pub(crate) struct Mosquitto {
    process: Owned,
    dir: PathBuf,
    pub(crate) port: u16,
}

impl Mosquitto {
    /// `more` are further lines of its configuration.
    pub(crate) fn start(dir: &Path, more: &str) -> Self {
        let port = free_port();
        let log = dir.join("mosquitto.log");
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nlog_type all\n\
             log_dest file {}\nuser root\n{more}\n",
            log.display(),
        );
        fs::write(dir.join("mosquitto.conf"), config).unwrap();
        let process = Self::run(dir, port);
        Self {
            process,
            dir: dir.to_owned(),
            port,
        }
    }

    fn run(dir: &Path, port: u16) -> Owned {
        let mut command = Command::new("mosquitto");
        // Debian keeps it where only root's path looks.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin"));
        command.arg("-c").arg(dir.join("mosquitto.conf"));
        let process = Owned::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        until("mosquitto listens", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        process
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    pub(crate) fn start_again(&mut self) {
        self.process = Self::run(&self.dir, self.port);
    }

    /// How often it has written a line with this text into its log.
    pub(crate) fn logged(&self, text: &str) -> usize {
        let log = fs::read(self.dir.join("mosquitto.log")).unwrap_or_default();
        String::from_utf8_lossy(&log)
            .lines()
            .filter(|line| line.contains(text))
            .count()
    }

    /// `mosquitto_pub -q 1`; returns once the broker has it.
    pub(crate) fn publish(&self, topic: &str, message: &str) {
        let port = self.port.to_string();
        let mut command = Command::new("mosquitto_pub");
        command.args(["-p", &port, "-q", "1", "-t", topic, "-m", message]);
        assert!(command.status().unwrap().success(), "{command:?}");
    }

    /// `mosquitto_sub` on a pattern, once the broker has granted it; each
    /// line is a topic, a blank and the message in hex, as it may have lines.
    pub(crate) fn subscribe(&self, client: &str, pattern: &str) -> (Owned, Lines) {
        let granted = format!("Sending SUBACK to {client}");
        let before = self.logged(&granted);
        let port = self.port.to_string();
        let mut command = Command::new("mosquitto_sub");
        command.args([
            "-p", &port, "-q", "1", "-i", client, "-t", pattern, "-F", "%t %x",
        ]);
        let mut process = Owned::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
        let lines = Lines::of(&mut process);
        until("the subscription is granted", || {
            (self.logged(&granted) > before).then_some(())
        });
        (process, lines)
    }
}

/// A pseudo-terminal in raw mode: the near end as a file, the far end's path.
pub(crate) struct Terminal {
    pub(crate) near: File,
    pub(crate) path: PathBuf,
    /// Held, or reading would fail while nobody has the far end open.
    _far: OwnedFd,
}

impl Terminal {
    pub(crate) fn open() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let near = rustix::pty::openpt(flags).unwrap();
        rustix::pty::grantpt(&near).unwrap();
        rustix::pty::unlockpt(&near).unwrap();
        let name = rustix::pty::ptsname(&near, Vec::new()).unwrap();
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes()));
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let far = rustix::fs::open(&path, flags, Mode::empty()).unwrap();
        let mut settings = rustix::termios::tcgetattr(&far).unwrap();
        settings.make_raw();
        rustix::termios::tcsetattr(&far, OptionalActions::Now, &settings).unwrap();
        Self {
            near: near.into(),
            path,
            _far: far,
        }
    }
}

/// A cable: what is written to one terminal's far end is read at the other's.
/// It carries until both are closed.
pub(super) fn cable(one: &Terminal, other: &Terminal) {
    for (from, to) in [(one, other), (other, one)] {
        let (mut from, mut to) = (from.near.try_clone().unwrap(), to.near.try_clone().unwrap());
        std::thread::spawn(move || {
            let mut buffer = [0; 256];
            while let Ok(n @ 1..) = from.read(&mut buffer) {
                if to.write_all(&buffer[..n]).is_err() {
                    return;
                }
            }
        });
    }
}

/// pymodbus as the lane's board.
pub(crate) struct Board {
    _process: Owned,
    _ends: [Terminal; 2],
    tell: ChildStdin,
    pub(crate) lines: Lines,
    /// What the daemon opens.
    pub(crate) path: PathBuf,
}

impl Board {
    pub(crate) fn start(journal: &Path) -> Self {
        let ends = [Terminal::open(), Terminal::open()];
        cable(&ends[0], &ends[1]);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/peers/modbus_board.py");
        let mut command = Command::new(python());
        command.arg(script).arg(&ends[1].path).arg(journal);
        let mut process = Owned::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let lines = Lines::of(&mut process);
        lines.until("ready", |lines| {
            lines.iter().any(|line| line == "ready").then_some(())
        });
        let tell = process.0.stdin.take().unwrap();
        let path = ends[0].path.clone();
        Self {
            _process: process,
            _ends: ends,
            tell,
            lines,
            path,
        }
    }

    pub(crate) fn input(&mut self, n: u16, on: bool) {
        writeln!(self.tell, "input {n} {}", u8::from(on)).unwrap();
    }

    /// The journal's length at each time a coil was closed.
    pub(crate) fn closed(lines: &[String], coil: u16) -> Vec<usize> {
        let start = format!("coil {coil} 1 ");
        let said = lines.iter().filter_map(|line| line.strip_prefix(&start));
        said.map(|len| len.parse().unwrap()).collect()
    }
}

/// A Python that has pymodbus.
pub(super) fn python() -> PathBuf {
    python_that_has("pymodbus.simulator, serial")
}

/// A Python with these modules: on the path, or where `.ci/run` puts it.
pub(super) fn python_that_has(modules: &str) -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_lanegate"))
        .ancestors()
        .nth(2)
        .unwrap();
    let places = [PathBuf::from("python3"), built.join("venv/bin/python3")];
    let has = |python: &PathBuf| {
        let mut asked = Command::new(python);
        let asked = asked.args(["-c", &format!("import {modules}")]);
        asked
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let found = places.into_iter().find(has);
    found
        .unwrap_or_else(|| panic!("no python3 has {modules}; `CI_STEPS=tools .ci/run` installs it"))
}
