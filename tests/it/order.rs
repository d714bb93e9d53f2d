//! Law L1 on the real process, in the order its system calls were made: a
//! `kill -9` keeps the page cache and cannot show this, a tracer can.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firmware_sim::{Drivers, Geometry, Mix, Times, World, WorldOptions};
use lanegate::clock::{Stopwatch, wall_now};
use lanegate::sim::demo::{DaemonUnderTest, End, Played, Spectator, Stage, Stopped, play};
use serde_json::Value;

/// Request of the board's own pulse: write single coil (05) at 0200h + relay,
/// 5 * 100 ms; the relay is the one of `arm_up` in the configuration.
const LIFT: [u8; 6] = [0x01, 0x05, 0x02, 0x00, 0x00, 0x05];

/// The tracer has this long to write its last line.
const TRACED_WITHIN: Duration = Duration::from_secs(20);

struct Nobody;

impl Spectator for Nobody {
    fn see(&mut self, _: &Played, _: &mut DaemonUnderTest) -> std::io::Result<()> {
        Ok(())
    }
}

/// A call in the trace: when it was entered and when it returned, in lines.
#[derive(Debug)]
struct Call {
    name: String,
    /// What the descriptor is open on.
    file: String,
    bytes: Vec<u8>,
    entered: usize,
    returned: usize,
}

#[test]
fn each_lift_follows_the_fdatasync_of_its_record() {
    let world = World::new(options());
    let mut stage = Stage::set(&world).unwrap();
    let trace = stage.dir().join("trace");
    let mut daemon = stage.daemon(&traced(stage.dir(), &trace));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let played = runtime.block_on(play(world, &mut stage, &mut daemon, &mut Nobody));
    let ended = played.unwrap();
    let said = daemon.last_words(40).join("\n");
    assert!(matches!(ended.end, End::Over), "{:?}\n{said}", ended.end);
    assert!(
        matches!(ended.stopped, Stopped::Ended(status) if status.success()),
        "{:?}\n{said}",
        ended.stopped
    );

    let calls = calls(&whole(&trace));
    let lanes = lanes_by_terminal(&stage.config());
    let lifts = every_lift_is_covered(&calls, &lanes);
    assert_eq!(
        lifts,
        ended.played.chronicle().lifts().len(),
        "each lift the boards saw is traced"
    );
    assert!(lifts >= 2, "two lifts at least: {lifts}");
    stage.strike().unwrap();
}

fn options() -> WorldOptions {
    WorldOptions {
        seed: 7,
        lanes: 2,
        trucks: 6,
        start_wall_ms: wall_now().0,
        controller: "sim-x".to_owned(),
        port: "5345".to_owned(),
        times: Times::default(),
        mix: Mix::demo(),
        drivers: Drivers::none(),
        plate_read_permille: 1000,
        geometry: Geometry::SideExit,
        officer: true,
        faults: firmware_sim::FaultOptions::default(),
    }
}

/// A program that is the daemon under a tracer. With `-D` the daemon keeps
/// the process that is started, and with it the signals meant for it.
fn traced(dir: &Path, trace: &Path) -> PathBuf {
    let path = dir.join("traced");
    let script = format!(
        "#!/bin/sh\nexec strace -D -f -y -xx -s 4000000 -e signal=none \
         -e trace=write,pwrite64,writev,fdatasync -o '{}' '{}' \"$@\"\n",
        trace.display(),
        env!("CARGO_BIN_EXE_lanegate"),
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

/// The tracer writes its last line after the daemon is gone.
fn whole(trace: &Path) -> String {
    let waiting = Stopwatch::started();
    loop {
        let text = std::fs::read_to_string(trace).unwrap();
        if text
            .lines()
            .last()
            .is_some_and(|line| line.contains("+++ exited with 0 +++"))
        {
            return text;
        }
        assert!(waiting.elapsed() < TRACED_WITHIN, "the trace has no end");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// `PID name(FD<file>, "bytes", len) = n`, or that line in two parts, the
/// second one `PID <... name resumed>…) = n`.
fn calls(trace: &str) -> Vec<Call> {
    let (mut calls, mut open) = (Vec::new(), BTreeMap::new());
    for (n, line) in trace.lines().enumerate() {
        let Some((pid, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let mut call: Call = open.remove(pid).unwrap_or_else(|| panic!("{line}"));
            assert!(resumed.starts_with(&call.name), "{line}");
            call.returned = n;
            if succeeded(rest) {
                calls.push(call);
            }
        } else if let Some(call) = entered(rest, n) {
            if rest.ends_with("<unfinished ...>") {
                open.insert(pid.to_owned(), call);
            } else if succeeded(rest) {
                calls.push(call);
            }
        }
    }
    calls
}

fn entered(text: &str, n: usize) -> Option<Call> {
    let (name, arguments) = text.split_once('(')?;
    let (_, file) = arguments.split_once('<')?;
    let (file, rest) = file.split_once('>')?;
    // Of `writev` there may be several pieces, in order.
    let quoted = rest.split('"').skip(1).step_by(2);
    Some(Call {
        name: name.to_owned(),
        file: String::from_utf8(unescaped(file)).unwrap(),
        bytes: quoted.flat_map(unescaped).collect(),
        entered: n,
        returned: n,
    })
}

fn succeeded(text: &str) -> bool {
    text.rsplit_once(" = ")
        .is_some_and(|(_, result)| !result.starts_with('-'))
}

/// `-xx` writes each byte as `\x41`; what is not written so stays.
fn unescaped(text: &str) -> Vec<u8> {
    let Some(hex) = text.strip_prefix("\\x") else {
        return text.as_bytes().to_vec();
    };
    hex.split("\\x")
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

/// The lane whose board is on a terminal.
fn lanes_by_terminal(config: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(config).unwrap();
    let config: toml::Table = text.parse().unwrap();
    let lanes = config["lane"].as_array().unwrap().iter();
    lanes
        .map(|lane| {
            let serial = lane["io"]["source"]["serial"].as_str().unwrap();
            (serial.to_owned(), lane["id"].as_str().unwrap().to_owned())
        })
        .collect()
}

/// A record that allows one lift of its lane.
struct Permit {
    lane: String,
    /// The line where its `fdatasync` returned.
    durable: usize,
}

/// Counts the lifts; each takes a permit that was durable before its first
/// byte was written.
fn every_lift_is_covered(calls: &[Call], lanes: &BTreeMap<String, String>) -> usize {
    let mut permits = permits(calls);
    let mut lifts = 0;
    for call in calls.iter().filter(|call| call.bytes.starts_with(&LIFT)) {
        let lane = lanes.get(&call.file).unwrap_or_else(|| panic!("{call:?}"));
        let mine = |permit: &Permit| permit.lane == *lane && permit.durable < call.entered;
        assert!(
            permits.iter().any(mine),
            "{lane}: {call:?} follows no record"
        );
        // One that was not used for a truck before is not for this one either.
        permits.retain(|permit| !mine(permit));
        lifts += 1;
    }
    lifts
}

fn permits(calls: &[Call]) -> Vec<Permit> {
    let mut permits = Vec::new();
    let journal = |call: &&Call| call.file.ends_with(".lgj");
    for write in calls
        .iter()
        .filter(journal)
        .filter(|call| call.name != "fdatasync")
    {
        let (records, rest) = frames(&write.bytes);
        assert!(rest.is_empty(), "a write ends within a frame");
        for record in records.iter().filter(|record| allows(record)) {
            let flush = calls
                .iter()
                .filter(|call| call.name == "fdatasync")
                .find(|flush| flush.file == write.file && flush.entered > write.returned);
            permits.push(Permit {
                lane: record["lane"].as_str().unwrap().to_owned(),
                durable: flush.map_or(usize::MAX, |flush| flush.returned),
            });
        }
    }
    permits
}

fn allows(record: &Value) -> bool {
    let body = &record["body"];
    match record["kind"].as_str().unwrap() {
        "verdict" => body["verdict"]["verdict"] == "release",
        "order" => body["lifts"] == true,
        _ => false,
    }
}

/// The records in whole frames (length and CRC, four bytes each, and the
/// payload; docs/journal.md), and what is left.
pub(crate) fn frames(bytes: &[u8]) -> (Vec<Value>, &[u8]) {
    let (texts, rest) = texts(bytes);
    let read = |text: &&[u8]| serde_json::from_slice(text).unwrap();
    (texts.iter().map(read).collect(), rest)
}

/// The same, unread.
pub(crate) fn texts(mut bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut texts = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(8) {
        let len = u32::from_le_bytes(head[..4].try_into().unwrap()) as usize;
        let Some((payload, rest)) = rest.split_at_checked(len) else {
            break;
        };
        texts.push(payload);
        bytes = rest;
    }
    (texts, bytes)
}

#[test]
fn a_lift_before_the_flush_of_its_record_would_be_seen() {
    let lane = BTreeMap::from([("/dev/pts/9".to_owned(), "L".to_owned())]);
    let payload = r#"{"body":{"verdict":{"verdict":"release"}},"kind":"verdict","lane":"L"}"#;
    let mut frame = u32::try_from(payload.len()).unwrap().to_le_bytes().to_vec();
    frame.extend([0; 4]);
    frame.extend(payload.as_bytes());
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|b| format!("\\x{b:02x}"))
            .collect::<String>()
    };
    let write = format!("1 write(5</j/a.lgj>, \"{}\", 1) = 1\n", hex(&frame));
    let lift = format!("2 write(7</dev/pts/9>, \"{}\", 8) = 8\n", hex(&LIFT));
    let (begun, done) = (
        "1 fdatasync(5</j/a.lgj> <unfinished ...>\n",
        "1 <... fdatasync resumed>) = 0\n",
    );
    let covered = |trace: &[&str]| {
        let calls = calls(&trace.concat());
        std::panic::catch_unwind(|| every_lift_is_covered(&calls, &lane)).ok()
    };
    assert_eq!(covered(&[&write, begun, done, &lift]), Some(1));
    assert_eq!(
        covered(&[&write, begun, &lift, done]),
        None,
        "the flush has not returned"
    );
    assert_eq!(
        covered(&[begun, &write, done, &lift]),
        None,
        "the flush began before the write"
    );
    assert_eq!(
        covered(&[&write, begun, done, &lift, &lift]),
        None,
        "one record, two lifts"
    );
    let failed = "1 <... fdatasync resumed>) = -1 EIO\n";
    assert_eq!(
        covered(&[&write, begun, failed, &lift]),
        None,
        "the flush failed"
    );
}
