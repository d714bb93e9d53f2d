//! A disk that is full, under the real daemon: it starts when there is room and
//! not before, ends for none of it, releases nobody meanwhile and goes on by
//! itself. The disk is a small one in memory, in a mount namespace of the test's
//! own: the test has itself run again there.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use lanegate::journal::{RealDisk, verify};
use lanegate::sim::demo::DaemonUnderTest;
use rustix::process::{Pid, Signal};

use super::Authority;
use super::programs::{Board, until};
use super::restored::{arrives, codes, feed, passes, records, verdicts};
use super::yard::{ARM_UP, Yard};
use super::{drives_away, ready_with};

const NAME: &str =
    "peers::full::a_full_disk_ends_no_daemon_releases_nobody_and_is_over_when_there_is_room";
const INSIDE: &str = "LANEGATE_TEST_HAS_A_DISK_OF_ITS_OWN";
/// Above the floor of 64 MiB and what is set aside.
const DISK: &str = "size=160m";

#[test]
fn a_full_disk_ends_no_daemon_releases_nobody_and_is_over_when_there_is_room() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let mut command = Command::new("unshare");
    if !rustix::process::getuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.arg("--mount").arg(std::env::current_exe().unwrap());
    command
        .args(["--exact", NAME, "--nocapture"])
        .env(INSIDE, "1");
    let ran = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&ran.stdout), text(&ran.stderr));
    assert!(
        ran.status.success() && out.contains("1 passed"),
        "{out}\n{err}"
    );
}

/// A shorter record may find room on a full disk: behind the last one.
const PAGE: usize = 4096;

/// The daemon's disk.
struct Disk(PathBuf);

impl Disk {
    fn below(state: &Path) -> Self {
        fs::create_dir_all(state).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", DISK, "none"]).arg(state);
        assert!(mount.status().unwrap().success(), "{mount:?}");
        Self(state.to_owned())
    }

    /// Until not a byte fits.
    fn fill(&self) {
        let mut zeros = fs::File::open("/dev/zero").unwrap();
        let mut fills = fs::File::create(self.0.join("fills")).unwrap();
        let why = std::io::copy(&mut zeros, &mut fills).unwrap_err();
        assert_eq!(why.kind(), std::io::ErrorKind::StorageFull);
    }

    fn free(&self) {
        fs::remove_file(self.0.join("fills")).unwrap();
    }

    /// What is set aside, in bytes.
    fn reserve(&self) -> u64 {
        fs::metadata(self.0.join("journal/reserve")).map_or(0, |file| file.len())
    }
}

/// What the daemon says on the service manager's socket.
struct Notified {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Notified {
    fn by(daemon: &mut DaemonUnderTest, dir: &Path) -> Self {
        let path = dir.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        daemon.env("NOTIFY_SOCKET", Some(path.clone().into()));
        Self { socket, path }
    }

    fn hear(&self) -> Option<String> {
        let mut buffer = [0; 512];
        let len = self.socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..len]).into_owned())
    }

    /// Says again and again that it waits for room, and nothing else.
    fn until_it_waits(&self) {
        for _ in 0..3 {
            let said = until("the daemon says that it waits", || self.hear());
            assert!(said.contains("EXTEND_TIMEOUT_USEC="), "{said}");
            assert!(said.contains("is full: waiting for room"), "{said}");
        }
    }

    fn until_ready(&self) {
        until("the daemon is ready", || {
            self.hear().filter(|said| said.contains("READY=1"))
        });
    }
}

impl Drop for Notified {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

/// Nobody looks by a clock: what must not happen would be before what is waited
/// for.
fn inside() {
    let mut yard = Yard::open(|_| String::new());
    let disk = Disk::below(&yard.state_dir());
    let authority = Authority::listen(&yard.broker);
    waits_for_room_at_the_start(&mut yard, &disk);
    let (mut yard, mut authority) = ready_with(yard, authority, &feed(9));
    let pid = yard.daemon.pid();
    until("room is set aside", || {
        (disk.reserve() == 8 << 20).then_some(())
    });
    passes(&mut yard, &mut authority);
    holds_a_truck_until_there_is_room(&mut yard, &mut authority, &disk);
    passes(&mut yard, &mut authority);
    cannot_write_at_all(&mut yard, &disk);
    assert_eq!(yard.daemon.pid(), pid, "the same process all along");
    starts_on_a_full_disk(&mut yard, &disk);
    passes(&mut yard, &mut authority);
    yard.stop();
    is_whole(&yard.state_dir().join("journal"));
    let state = disk.0;
    assert!(
        Command::new("umount")
            .arg(state)
            .status()
            .unwrap()
            .success()
    );
    yard.close();
}

fn is_whole(journal: &Path) {
    let report = verify(&RealDisk::beside(journal).unwrap()).unwrap();
    assert!(report.ok, "{:?}", report.fault);
}

/// Not even the checkpoints' key can be made.
fn waits_for_room_at_the_start(yard: &mut Yard, disk: &Disk) {
    let dir = yard.dir.clone();
    let notified = Notified::by(&mut yard.daemon, &dir);
    disk.fill();
    yard.daemon.start().unwrap();
    notified.until_it_waits();
    // There is nothing to drain: told to stop, it is gone.
    let ended = yard.daemon.end_by(Signal::TERM).unwrap().unwrap();
    assert_eq!(ended.signal(), Some(Signal::TERM.as_raw()), "{ended:?}");

    while notified.hear().is_some() {}
    yard.daemon.start().unwrap();
    let pid = yard.daemon.pid();
    notified.until_it_waits();
    assert_eq!(yard.status(), None, "nobody answers yet");
    assert!(!disk.0.join("checkpoint.key").exists());
    disk.free();
    notified.until_ready();
    assert_eq!(still_runs(yard), pid);
    let said = yard.daemon.last_words(200).join("\n");
    let waited = said.matches("the start waits for room").count();
    assert_eq!(waited, 2, "once a start: {said}");
    assert!(said.contains("there is room again"), "{said}");
    let lines = yard.board.lines.all();
    assert!(Board::closed(&lines, ARM_UP).is_empty(), "{lines:#?}");
    yard.daemon.env("NOTIFY_SOCKET", None);
}

fn still_runs(yard: &mut Yard) -> Option<Pid> {
    let ended = yard.daemon.ended().unwrap();
    assert_eq!(ended, None, "{}", yard.daemon.last_words(30).join("\n"));
    yard.daemon.pid()
}

fn holds_a_truck_until_there_is_room(yard: &mut Yard, authority: &mut Authority, disk: &Disk) {
    let lifts = |yard: &Yard| Board::closed(&yard.board.lines.all(), ARM_UP).len();
    let before = lifts(yard);
    disk.fill();
    arrives(yard);
    yard.until_lane_is("held");
    let held = verdicts(yard).pop().unwrap();
    assert_eq!(codes(&held), ["journal.unavailable"], "{held:#}");
    assert!(held.to_string().len() > PAGE, "it fits where a page ends");
    assert!(
        disk.reserve() < 8 << 20,
        "its record is in what was set aside"
    );
    assert_eq!(yard.status().unwrap()["journal"]["state"], "full");
    still_runs(yard);
    assert_eq!(lifts(yard), before);

    disk.free();
    yard.until_lane_is("passing");
    assert_eq!(lifts(yard), before + 1);
    drives_away(yard);
    yard.until_lane_is("vacant");
    until("room is set aside again", || {
        (disk.reserve() == 8 << 20).then_some(())
    });
    let released = verdicts(yard).pop().unwrap();
    assert_eq!(released["passage"], held["passage"]);
    assert_eq!(released["body"]["verdict"]["verdict"], "release");
    authority.until(&yard.broker, "it is told", |a| {
        let last = a.last("outcome")?;
        (last["passage"] == held["passage"]).then_some(())
    });
}

/// Nothing is left of what was set aside: no truck is held on record, so the
/// lane stands; the daemon stays, and an officer starts the lane when there is
/// room.
fn cannot_write_at_all(yard: &mut Yard, disk: &Disk) {
    fs::remove_file(disk.0.join("journal/reserve")).unwrap();
    disk.fill();
    let lifts = |yard: &Yard| Board::closed(&yard.board.lines.all(), ARM_UP).len();
    let before = lifts(yard);
    arrives(yard);
    yard.until_lane_is("faulted:journal");
    still_runs(yard);
    assert_eq!(lifts(yard), before);
    disk.free();
    until("there is room", || {
        (yard.status()?["journal"]["state"] == "ok").then_some(())
    });
    let mut reset = yard.lanegate(&["lane", "reset", "--lane", "SZB-X-01"]);
    let reset = reset.args(["--officer", "4711", "--reason", "x"]).output();
    assert!(reset.unwrap().status.success());
    yard.until_lane_is("held");
    yard.inputs(&[]);
    yard.until_lane_is("vacant");
    let fault = records(yard).into_iter().find(|r| r["kind"] == "fault");
    assert_eq!(
        fault.unwrap()["body"]["cause"],
        "journal",
        "it waited for room"
    );
}

/// Killed while the disk is full, it comes back on it: a lane that waits for
/// trucks and releases none, until there is room.
fn starts_on_a_full_disk(yard: &mut Yard, disk: &Disk) {
    disk.fill();
    yard.daemon.restart().unwrap();
    yard.until_lane_is("vacant");
    assert_eq!(yard.status().unwrap()["journal"]["state"], "full");
    disk.free();
    until("there is room", || {
        (yard.status()?["journal"]["state"] == "ok").then_some(())
    });
}
