//! The developer's lane of `config/`, with a broker, a board and a scale that
//! are not ours, and the real daemon.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use lanegate::clock::Stopwatch;
use lanegate::sim::demo::DaemonUnderTest;
use serde_json::Value;

use super::programs::{Board, Mosquitto, Terminal, free_port, until};

/// Inputs of the developer's lane.
pub(crate) const PRESENCE: u16 = 0;
pub(crate) const INHIBIT: u16 = 1;
/// Its outputs.
pub(crate) const ARM_UP: u16 = 0;
pub(crate) const ARM_DOWN: u16 = 1;
pub(crate) const EXIT_GREEN: u16 = 4;

pub(crate) struct Yard {
    pub(crate) board: Board,
    pub(crate) scale: Scale,
    pub(crate) broker: Mosquitto,
    pub(crate) daemon: DaemonUnderTest,
    pub(crate) dir: PathBuf,
    pub(crate) http: u16,
    _seal: Terminal,
}

impl Yard {
    /// Everything but the daemon runs. The broker's configuration gets what
    /// `more` makes of the yard's directory.
    pub(crate) fn open(more: impl FnOnce(&Path) -> String) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("lanegate-peers-{}-{n}", std::process::id()));
        let config = dir.join("config");
        fs::create_dir_all(config.join("dev")).unwrap();
        let broker = Mosquitto::start(&dir, &more(&dir));
        let board = Board::start(&config.join("dev/state/journal"));
        let (scale, seal) = (Scale::start(), Terminal::open());
        for (name, path) in [
            ("io", &board.path),
            ("scale", &scale.path),
            ("seal", &seal.path),
        ] {
            symlink(path, config.join("dev").join(name)).unwrap();
        }
        let http = free_port();
        write_configuration(&config, broker.port, http);
        let program = PathBuf::from(env!("CARGO_BIN_EXE_lanegate"));
        let daemon = DaemonUnderTest::new(
            program,
            config.join("lane.dev.toml"),
            dir.join("lanegate.log"),
        );
        Self {
            board,
            scale,
            broker,
            daemon,
            dir,
            http,
            _seal: seal,
        }
    }

    pub(crate) fn lanegate(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lanegate"));
        command.args(args).current_dir(&self.dir);
        command.args(["--socket", "config/dev/lanegate.sock"]);
        command
    }

    /// `lanegate status`, if the daemon answers.
    pub(crate) fn status(&self) -> Option<Value> {
        let output = self.lanegate(&["status", "--json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).ok()
    }

    /// Waits until the lane is in this state.
    #[track_caller]
    pub(crate) fn until_lane_is(&self, state: &str) -> Value {
        let mut last = None;
        let seen = std::panic::AssertUnwindSafe(|| {
            until(&format!("the lane is {state}"), || {
                last = self.status();
                let lane = last.as_ref()?["lanes"][0].clone();
                (lane["state"] == state).then_some(lane)
            })
        });
        std::panic::catch_unwind(seen).unwrap_or_else(|_| {
            panic!(
                "not {state}: {last:#?}\n{}",
                self.daemon.last_words(30).join("\n")
            )
        })
    }

    /// Runs a block of the README as it is written, but with this yard's
    /// broker and program.
    pub(crate) fn by_hand(&self, block: &str) -> String {
        let script = format!(
            "set -eu\nmosquitto_pub() {{ command mosquitto_pub -p {} \"$@\"; }}\n\
             lanegate() {{ '{}' \"$@\"; }}\n{block}",
            self.broker.port,
            env!("CARGO_BIN_EXE_lanegate"),
        );
        let mut shell = Command::new("sh");
        let output = shell
            .args(["-c", &script])
            .current_dir(&self.dir)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{block}\n{said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Puts a weight on the scale and waits until enough frames were read for
    /// it to be stable.
    pub(crate) fn weighs(&self, kg: i64) {
        let frames = || {
            let devices = self.status()?["lanes"][0]["devices"].clone();
            let scale = devices
                .as_array()?
                .iter()
                .find(|device| device["id"] == "scale-1")?;
            scale["frames"].as_u64()
        };
        self.scale.shows(kg);
        let before = until("the scale is heard", frames);
        until("the scale is still", || {
            frames().filter(|n| *n >= before + 6)
        });
    }

    /// Sets inputs and waits until they were read as often as clear times,
    /// 300 ms each here, need at ten reads a second.
    pub(crate) fn inputs(&mut self, on: &[u16]) {
        for n in [PRESENCE, INHIBIT] {
            self.board.input(n, on.contains(&n));
        }
        let sum: u32 = on.iter().map(|n| 1 << n).sum();
        let mine = |line: &str| {
            let read = line
                .strip_prefix("poll ")
                .and_then(|bits| bits.parse::<u32>().ok());
            read.is_some_and(|bits| bits & 0b11 == sum)
        };
        self.board.lines.until("the inputs are read", |lines| {
            let polls = lines.iter().rev().filter(|line| line.starts_with("poll "));
            (polls.take_while(|line| mine(line)).count() >= 6).then_some(())
        });
    }

    /// What `/ready` says, with its status.
    pub(crate) fn ready(&self) -> String {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.http)).unwrap();
        stream
            .write_all(b"GET /ready HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// All bytes of the journal.
    pub(crate) fn journal(&self) -> Vec<u8> {
        let dir = self.state_dir().join("journal");
        let mut files: Vec<PathBuf> = fs::read_dir(dir)
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.retain(|path| path.extension().is_some_and(|e| e == "lgj"));
        files.sort();
        files
            .iter()
            .flat_map(|path| fs::read(path).unwrap())
            .collect()
    }

    /// What the daemon keeps.
    pub(crate) fn state_dir(&self) -> PathBuf {
        self.dir.join("config/dev/state")
    }

    /// The daemon drains and ends, unless it has; what it left is taken away.
    pub(crate) fn close(mut self) {
        if self.daemon.pid().is_some() {
            self.stop();
        }
        fs::remove_dir_all(&self.dir).unwrap();
    }

    /// The daemon drains and ends.
    pub(crate) fn stop(&mut self) {
        self.daemon.terminate().unwrap();
        let watch = Stopwatch::started();
        let ended = loop {
            if let Some(status) = self.daemon.ended().unwrap() {
                break status;
            }
            assert!(
                watch.elapsed() < Duration::from_secs(20),
                "it does not stop"
            );
            std::thread::park_timeout(Duration::from_millis(20));
        };
        let said = self.daemon.last_words(30).join("\n");
        assert!(ended.success(), "{ended:?}\n{said}");
    }
}

/// The shipped files, with free ports, pulses timed by the gateway (the board
/// has plain coils alone) and nobody drawn for inspection.
fn write_configuration(config: &Path, broker: u16, http: u16) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut lane = fs::read_to_string(shipped.join("lane.dev.toml")).unwrap();
    for (from, to) in [
        (
            "host = \"127.0.0.1\"",
            format!("host = \"127.0.0.1\"\nport = {broker}"),
        ),
        ("127.0.0.1:9464", format!("127.0.0.1:{http}")),
        (
            "pulse_timed_by = \"board\"",
            "pulse_timed_by = \"gateway\"".to_owned(),
        ),
    ] {
        assert!(lane.contains(from), "{from} is not in lane.dev.toml");
        lane = lane.replace(from, &to);
    }
    fs::write(config.join("lane.dev.toml"), lane).unwrap();
    let policy = fs::read_to_string(shipped.join("policy.toml")).unwrap();
    let drawn = "sampling = { plan = \"csp1\", i = 8, f = \"1/200\", start = \"fraction\" }";
    assert!(policy.contains(drawn));
    let policy = policy.replace(drawn, "sampling = { plan = \"none\" }");
    fs::write(config.join("policy.toml"), policy).unwrap();
}

/// A Yaohua indicator in continuous mode tF=0.
pub(crate) struct Scale {
    kg: Arc<AtomicI64>,
    path: PathBuf,
    /// Ends the thread when dropped.
    leave: Option<SyncSender<()>>,
}

impl Scale {
    /// Five frames a second, as the manual says.
    const EVERY: Duration = Duration::from_millis(200);

    fn start() -> Self {
        let kg = Arc::new(AtomicI64::new(0));
        let mut terminal = Terminal::open();
        let path = terminal.path.clone();
        let (leave, left) = sync_channel::<()>(0);
        let shown = Arc::clone(&kg);
        std::thread::spawn(move || {
            while left.recv_timeout(Self::EVERY) == Err(RecvTimeoutError::Timeout) {
                terminal
                    .near
                    .write_all(&frame(shown.load(Ordering::SeqCst), 0))
                    .unwrap();
            }
        });
        Self {
            kg,
            path,
            leave: Some(leave),
        }
    }

    /// Its adapter is taken out.
    pub(crate) fn is_unplugged(&mut self) {
        self.leave = None;
    }

    pub(crate) fn shows(&self, kg: i64) {
        self.kg.store(kg, Ordering::SeqCst);
    }
}

/// XK3190-A26 manual, page 12: 02h, sign, six digits, decimals, XOR of those
/// as two hex digits, 03h.
fn frame(value: i64, decimals: u8) -> Vec<u8> {
    let sign = if value < 0 { '-' } else { '+' };
    let body = format!("{sign}{:06}{decimals}", value.abs());
    let xor = body.bytes().fold(0, |xor, byte| xor ^ byte);
    format!("\x02{body}{xor:02X}\x03").into_bytes()
}

#[test]
fn the_scale_sends_what_the_vendors_document_shows() {
    let documented = [
        0x02, 0x2b, 0x30, 0x30, 0x32, 0x30, 0x30, 0x30, 0x32, 0x31, 0x42, 0x03,
    ];
    assert_eq!(frame(2000, 2), documented);
}

/// Fenced shell blocks of the README's section "By hand, with a broker".
pub(crate) fn readme_blocks() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once("\n## By hand, with a broker\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let fenced = section.split("```sh\n").skip(1);
    fenced
        .map(|rest| rest.split_once("```").unwrap().0.to_owned())
        .collect()
}
