//! The daemon killed with SIGKILL while trucks pass, and started again at
//! once. The moments are drawn so that every state of a lane is met; one of
//! them lies between a record's write and its lift (law L1).
//!
//! `LANEGATE_KILLS` says how many kills, 6 if it is not set. A kill keeps the
//! page cache: that records are flushed before the arm moves is not shown here.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use firmware_sim::authority::Authority;
use firmware_sim::{Drivers, Geometry, Mix, Phase, Times, Us, World, WorldOptions};
use lanegate::clock::wall_now;
use lanegate::sim::demo::{DaemonUnderTest, End, Played, Spectator, Stage, Stopped, play};
use lanegate_core::time::Wall;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A moment that does not come in this time is not waited for.
const PATIENCE_US: Us = 20_000_000;
/// The journal is looked at so often while a commit is awaited.
const GLANCE: Duration = Duration::from_micros(200);
/// The world's clock begins a little after its wall time was read.
const SKEW_MS: i64 = 20;

/// What a lane is doing when the daemon is killed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Moment {
    Gathering,
    Committing,
    Cleared,
    Passing,
    Lowering,
    Held,
    AnyTime,
}

impl Moment {
    const ALL: [Self; 7] = [
        Self::Committing,
        Self::Cleared,
        Self::Lowering,
        Self::Passing,
        Self::Gathering,
        Self::Held,
        Self::AnyTime,
    ];

    /// Whether it is now; what can be seen in the yard of `Committing` is
    /// that it may come.
    fn is_now(self, played: &Played) -> bool {
        let world = played.world();
        let mut lanes = (0..world.lanes().len()).map(|lane| world.physical(lane));
        let waiting = |verdict: Option<&str>| {
            let mut trucks = world.trucks().iter().zip(played.chronicle().trucks());
            trucks.any(|(view, log)| {
                view.phase == Phase::AtStopLine && log.verdict.as_deref() == verdict
            })
        };
        match self {
            Self::Gathering | Self::Committing => waiting(None),
            Self::Held => waiting(Some("hold")),
            Self::Cleared => lanes.any(|p| !p.arm_lowering && (1..1000).contains(&p.arm_permille)),
            Self::Passing => lanes.any(|p| p.under_arm.is_some()),
            Self::Lowering => lanes.any(|p| p.arm_lowering),
            Self::AnyTime => true,
        }
    }
}

/// Kills the daemon the moment its journal has grown.
struct Marksman {
    /// Whom; 0 = nobody.
    target: Arc<AtomicI32>,
    hit: Arc<AtomicBool>,
    leave: Option<mpsc::SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Marksman {
    fn hire(journal: PathBuf) -> Self {
        let (target, hit) = (
            Arc::new(AtomicI32::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (leave, left) = mpsc::sync_channel::<()>(1);
        let (aim, struck) = (Arc::clone(&target), Arc::clone(&hit));
        let thread = std::thread::spawn(move || {
            let mut before = None;
            while left.recv_timeout(GLANCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                let Some(pid) = Pid::from_raw(aim.load(Ordering::SeqCst)) else {
                    before = None;
                    continue;
                };
                let len = journal_len(&journal);
                if len > *before.get_or_insert(len) {
                    aim.store(0, Ordering::SeqCst);
                    struck.store(true, Ordering::SeqCst);
                    kill_process(pid, Signal::KILL).unwrap();
                }
            }
        });
        Self {
            target,
            hit,
            leave: Some(leave),
            thread: Some(thread),
        }
    }
}

impl Drop for Marksman {
    fn drop(&mut self) {
        drop(self.leave.take());
        if let Some(thread) = self.thread.take() {
            assert!(thread.join().is_ok() || std::thread::panicking());
        }
    }
}

fn journal_len(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let segments = files.filter(|f| f.path().extension().is_some_and(|e| e == "lgj"));
    segments
        .filter_map(|f| f.metadata().ok())
        .map(|m| m.len())
        .sum()
}

/// Kills so many times, each in another state of a lane.
struct Killer {
    left: usize,
    turn: usize,
    chance: Chance,
    /// Not before this.
    rested: Us,
    /// Waiting for this moment since then.
    wanted: Option<(Moment, Us)>,
    /// It has come; the kill is due.
    due: Option<(Moment, Us)>,
    marksman: Marksman,
    killed: BTreeMap<Moment, usize>,
    now: Us,
}

impl Killer {
    fn new(kills: usize, seed: u64, journal: PathBuf) -> Self {
        Self {
            left: kills,
            turn: 0,
            chance: Chance::new(seed),
            rested: 3_000_000,
            wanted: None,
            due: None,
            marksman: Marksman::hire(journal),
            killed: BTreeMap::new(),
            now: 0,
        }
    }

    fn killed(&mut self, moment: Moment, daemon: &mut DaemonUnderTest) -> io::Result<()> {
        *self.killed.entry(moment).or_default() += 1;
        self.marksman.target.store(0, Ordering::SeqCst);
        self.left -= 1;
        (self.wanted, self.due) = (None, None);
        // Some kills meet a daemon that has not come up yet.
        self.rested = self.now + self.chance.below(6_000_000);
        daemon.restart()
    }

    fn want(&mut self) -> (Moment, Us) {
        let (turn, now) = (self.turn, self.now);
        *self.wanted.get_or_insert_with(|| {
            self.turn += 1;
            (Moment::ALL[turn % Moment::ALL.len()], now)
        })
    }
}

impl Spectator for Killer {
    fn see(&mut self, played: &Played, daemon: &mut DaemonUnderTest) -> io::Result<()> {
        self.now = played.now();
        if self.left == 0 || self.now < self.rested {
            return Ok(());
        }
        if let Some((moment, at)) = self.due {
            return if at <= self.now {
                self.killed(moment, daemon)
            } else {
                Ok(())
            };
        }
        let (moment, since) = self.want();
        if self.now > since + PATIENCE_US {
            self.marksman.target.store(0, Ordering::SeqCst);
            self.wanted = None;
        } else if moment.is_now(played) {
            let pid = Pid::as_raw(daemon.pid());
            match moment {
                Moment::Committing => self.marksman.target.store(pid, Ordering::SeqCst),
                Moment::Gathering
                | Moment::Cleared
                | Moment::Passing
                | Moment::Lowering
                | Moment::Held
                | Moment::AnyTime => {
                    self.due = Some((moment, self.now + self.chance.below(200_000)));
                }
            }
        }
        Ok(())
    }

    fn ended(&mut self, _status: ExitStatus, daemon: &mut DaemonUnderTest) -> io::Result<bool> {
        let hit = self.marksman.hit.swap(false, Ordering::SeqCst);
        if hit {
            self.killed(Moment::Committing, daemon)?;
        }
        Ok(hit)
    }
}

/// SplitMix64: the same seed draws the same waits.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// What each declaration has had taken, counted from the records alone.
struct Taken<'a> {
    /// Says what was declared: what it keeps of a record has no facts.
    authority: &'a Authority,
    trips: BTreeMap<String, u64>,
    by_passage: BTreeMap<String, Vec<(String, u64)>>,
}

impl<'a> Taken<'a> {
    fn from(authority: &'a Authority) -> Self {
        Self {
            authority,
            trips: BTreeMap::new(),
            by_passage: BTreeMap::new(),
        }
    }

    fn limit(&self, id: &str) -> u64 {
        let item = self.authority.declaration(id).expect("it was declared");
        let binding = &item["declaration"]["binding"];
        match binding["kind"].as_str().unwrap() {
            "single" => 1,
            "trips" => binding["trips"].as_u64().unwrap(),
            other => panic!("the yard declares nothing {other}"),
        }
    }

    fn record(&mut self, record: &Value) {
        let passage = record["passage"].as_str().unwrap_or_default();
        let body = &record["body"];
        match record["kind"].as_str().unwrap() {
            "verdict" => {
                for spent in list(&body["verdict"]["declarations"]) {
                    self.take(passage, &spent["id"], &spent["spend"]);
                }
            }
            "order" if body["accepted"] == true => {
                for spent in list(&body["spends"]).chain(list(&body["reserves"])) {
                    self.take(passage, &spent["declaration"], &spent["spend"]);
                }
            }
            "give-back" => {
                for (id, trips) in self.by_passage.remove(passage).unwrap_or_default() {
                    *self.trips.get_mut(&id).unwrap() -= trips;
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, passage: &str, declaration: &Value, spend: &Value) {
        let Some(trips) = spend["trips"].as_u64() else {
            return;
        };
        let id = declaration.as_str().unwrap().to_owned();
        let limit = self.limit(&id);
        let taken = self.trips.entry(id.clone()).or_default();
        *taken += trips;
        assert!(*taken <= limit, "{passage} takes {id} once too often");
        self.by_passage
            .entry(passage.to_owned())
            .or_default()
            .push((id, trips));
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Law L1: before each lift there is a record that allows it, and each such
/// record allows one.
fn every_lift_has_its_record(played: &Played) {
    let records = played.world().authority().records();
    let mut used = BTreeSet::new();
    for lift in played.chronicle().lifts() {
        let lane = &played.world().lanes()[lift.lane].lane;
        let wall = played.chronicle().wall(lift.at).plus_ms(SKEW_MS);
        let before = records.iter().rev().find(|record| {
            let at = Wall::parse(record["at"].as_str().unwrap()).unwrap();
            record["lane"] == lane.as_str() && at <= wall && allows(record)
        });
        let seq = before.map(|record| record["seq"].as_u64().unwrap());
        let seq = seq.unwrap_or_else(|| panic!("{lane} lifted at {wall} without a record"));
        assert!(
            used.insert(seq),
            "{lane} lifted at {wall} once more on record {seq}"
        );
    }
    assert!(!used.is_empty(), "nothing was lifted");
}

fn allows(record: &Value) -> bool {
    let body = &record["body"];
    match record["kind"].as_str().unwrap() {
        "verdict" => body["verdict"]["verdict"] == "release",
        "order" => body["lifts"] == true,
        _ => false,
    }
}

pub(super) fn options(kills: usize, seed: u64) -> WorldOptions {
    WorldOptions {
        seed,
        lanes: 2,
        trucks: 6 + kills,
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

#[test]
fn a_daemon_killed_at_any_moment_spends_nothing_twice_and_lifts_nothing_unrecorded() {
    let kills = std::env::var("LANEGATE_KILLS").map_or(6, |n| n.parse().unwrap());
    let world = World::new(options(kills, 11));
    let mut stage = Stage::set(&world).unwrap();
    let mut daemon = stage.daemon(Path::new(env!("CARGO_BIN_EXE_lanegate")));
    let mut killer = Killer::new(kills, 11, stage.journal());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let ended = runtime
        .block_on(play(world, &mut stage, &mut daemon, &mut killer))
        .unwrap();
    let (played, said) = (ended.played, daemon.last_words(40).join("\n"));
    assert!(matches!(ended.end, End::Over), "{:?}\n{said}", ended.end);
    let in_good_order = matches!(ended.stopped, Stopped::Ended(status) if status.success());
    assert!(in_good_order, "{:?}\n{said}", ended.stopped);
    println!("{:?}; {:?}", killer.killed, played.world().score());
    assert_eq!((killer.left, daemon.starts()), (0, kills as u64 + 1));

    let score = played.world().score();
    assert_eq!(
        (score.false_releases, score.unfinished),
        (0, 0),
        "{score:?}"
    );
    assert_eq!(played.world().authority().faults(), Vec::<String>::new());
    let authority = played.world().authority();
    let mut taken = Taken::from(authority);
    for record in authority.records() {
        taken.record(record);
    }
    assert!(taken.trips.values().any(|trips| *trips > 0));
    every_lift_has_its_record(&played);

    let verified = Command::new(env!("CARGO_BIN_EXE_lanegate"))
        .args(["journal", "verify"])
        .arg(stage.journal())
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(
        verified.status.success(),
        "{found}{}",
        String::from_utf8_lossy(&verified.stderr)
    );
    stage.strike().unwrap();
}
