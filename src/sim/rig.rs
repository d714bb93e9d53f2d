//! The simulated port in virtual time: the world on one side, the shipped
//! lanes, rules, ledger, journal and cache on the other, every law checked at
//! every step. Deterministic: the same seed gives the same bytes.

mod lanes;
mod line;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use firmware_sim::{Geometry, Output, Score, Us, World, WorldOptions};
use lanegate_core::clearance::Policy;
use lanegate_core::ledger::{PolicyBy, PolicyOffer};
use lanegate_core::model::PassageId;
use lanegate_core::record::{Body, PolicySource, Record, VerdictBody};
use lanegate_core::time::{Clock, Micros, Mono, Now, Wall};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::breaks::Point;
use super::errors::come_to;
use super::gate::{Gate, Heard};
use super::lane::SimLane;
use super::laws::Laws;
use super::orders::Orders;
use super::restart::Life;
use super::sabotage::{Sabotage, Spoils, without_inhibit};
use super::setup::{CONTROLLER, PORT, Places, START_WALL_MS, Sampling, lane_toml, policy_text};
use crate::authority::{Freshness, Session};
use crate::clock::Trust;
use crate::config::{Config, LaneSetup};
use crate::journal::MemDisk;
use crate::store::{MemStore, Store};

/// Monotonic time at the world's zero: devices' events of before have a place.
const MONO_0: u64 = 3_600_000_000;
/// A world that is not done after this much virtual time is stuck.
const LIMIT_S_PER_TRUCK: u64 = 200;
/// An hour without a line and what follows.
const LIMIT_S_CUTS: u64 = 20_000;
/// How long a confirmation of the clock holds: the default of `clock_hold_s`.
pub(super) const CLOCK_HOLD: Micros = Micros::from_s(86_400);
/// Lines of the trace kept for a failure.
const TRACE_MAX: usize = 20_000;

/// What a run came to.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) score: Score,
    pub(crate) laws: Laws,
    pub(crate) digest: [u8; 32],
    /// The journal, as it was left.
    pub(crate) disk: MemDisk,
    /// What was released or stopped against the truth.
    pub(crate) findings: Vec<(Us, String)>,
    /// How long lanes gathered before a verdict: milliseconds, how often.
    pub(crate) gathered_ms: BTreeMap<u64, u64>,
}

/// Whether a run keeps the lines that tell what happened.
#[derive(Clone, Debug)]
pub(crate) enum Trace {
    /// Nothing is formatted.
    Off,
    /// The last ones, kept where they outlive a run that panics.
    On(Rc<RefCell<VecDeque<String>>>),
}

impl Trace {
    pub(crate) fn on() -> Self {
        Self::On(Rc::default())
    }

    /// What was kept.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Self::Off => Vec::new(),
            Self::On(lines) => lines.borrow().iter().cloned().collect(),
        }
    }
}

/// One simulated port.
pub(crate) struct Rig {
    pub(super) world: World,
    pub(super) now_us: Us,
    pub(super) trust: Trust,
    pub(super) lanes: Vec<SimLane>,
    pub(super) gate: Gate,
    pub(super) store: MemStore,
    pub(super) session: Session,
    pub(super) freshness: Freshness,
    pub(super) laws: Laws,
    /// Who stood at the stop line when a passage was judged.
    pub(super) judged_trucks: BTreeMap<PassageId, u32>,
    /// When somebody was last on each lane's presence loop.
    pub(super) on_loop_at: Vec<Us>,
    hash: Sha256,
    pub(super) sabotage: Option<Sabotage>,
    pub(super) spoils: Spoils,
    pub(super) orders: Orders,
    /// How long lanes gathered, in milliseconds.
    gathered_ms: BTreeMap<u64, u64>,
    /// What was last said of each lane.
    pub(super) lane_states: BTreeMap<String, Value>,
    /// When the authority was last heard.
    pub(super) last_feed_us: Us,
    trace: Trace,
    limit: Us,
    pub(super) setups: Vec<LaneSetup>,
    pub(super) life: Life,
}

impl Rig {
    pub(crate) fn new(options: WorldOptions, sabotage: Option<Sabotage>, trace: Trace) -> Self {
        let limit = 1_000_000 * LIMIT_S_PER_TRUCK * (options.trucks as u64 + 5);
        let cuts = options.faults.level != firmware_sim::Faults::None;
        let limit = limit + 1_000_000 * LIMIT_S_CUTS * u64::from(cuts);
        let bay_behind = options.geometry != Geometry::SideExit;
        let world = World::new(options);
        let places = Places {
            state_dir: Path::new("/sim/state"),
            policy: Path::new("/sim/policy.toml"),
            socket: Path::new("/sim/socket"),
            broker_port: 1883,
            http_port: 9464,
        };
        let mut text = lane_toml(world.lanes(), &places, |port| format!("/dev/sim/{port}"));
        if sabotage == Some(Sabotage::IgnoreInhibit) {
            text = without_inhibit(&text);
        }
        let config =
            Config::parse(&text, Path::new("/")).expect("the simulated port is configured");
        let (_, offer) = policy();
        let now = now_at(0, Clock::Unknown);
        let gate = Gate::open(CONTROLLER, PORT, offer, now);
        let mut store = MemStore::in_memory();
        while store.tend() == crate::store::Upkeep::More {}
        let session = Session::new(CONTROLLER, gate.genesis(), None, 0, gate.head());
        let mut rig = Self {
            lanes: Vec::new(),
            life: Life::whole(!cuts),
            world,
            now_us: 0,
            trust: Trust::new(CLOCK_HOLD),
            lane_states: BTreeMap::new(),
            last_feed_us: 0,
            gate,
            store,
            session,
            freshness: Freshness::new(None),
            laws: Laws::new(bay_behind),
            judged_trucks: BTreeMap::new(),
            on_loop_at: vec![0; config.lanes.len()],
            setups: config.lanes,
            hash: Sha256::new(),
            sabotage,
            spoils: Spoils::default(),
            orders: Orders::default(),
            gathered_ms: BTreeMap::new(),
            trace,
            limit,
        };
        let before = rig.outputs_on();
        rig.start_lanes(now);
        rig.note_durable();
        rig.session.connected();
        rig.settle();
        rig.check_start(&before);
        rig
    }

    /// Every lane with what the journal knows of it.
    pub(super) fn start_lanes(&mut self, now: Now) {
        let (policy, _) = policy();
        let lanes = self.world.lanes().iter().zip(&self.setups);
        let lanes = lanes.map(|(layout, setup)| {
            SimLane::new(setup, layout, policy, self.gate.recovery_of(setup), now)
        });
        self.lanes = lanes.collect();
    }

    /// Runs until every truck is gone.
    pub(crate) fn run(mut self) -> Outcome {
        while !self.world.finished() && self.now_us <= self.limit {
            let Some(next) = self.next() else { break };
            self.step(next);
        }
        self.finish()
    }

    /// Lets everything happen that happens at `next`.
    pub(super) fn step(&mut self, next: Us) {
        self.now_us = next.max(self.now_us);
        come_to(self.now_us);
        self.world.advance(self.now_us);
        for (n, at) in self.on_loop_at.iter_mut().enumerate() {
            if self.world.on_loop(n) {
                *at = self.now_us;
            }
        }
        self.break_due();
        let now = self.now();
        for n in 0..self.lanes.len() {
            self.lanes[n].handle_timeout(now);
        }
        self.settle();
    }

    fn finish(mut self) -> Outcome {
        self.check_the_end();
        self.check_healed();
        // Passages under way keep their place in the books.
        let open: BTreeSet<PassageId> = self.gate.open_passages();
        self.laws.finish(self.now_us, &open);
        for fault in self.world.authority().faults() {
            self.laws.breach("L5", self.now_us, fault.clone());
        }
        let mut score = self.world.score();
        let may_strike = !score.faults.is_empty();
        for (kind, n) in self.life.breaks.counts() {
            if may_strike || n > 0 {
                *score.faults.entry(kind.to_owned()).or_default() += n;
            }
        }
        Outcome {
            score,
            laws: self.laws,
            digest: self.hash.finalize().into(),
            disk: self.gate.disk(),
            findings: self.world.findings(),
            gathered_ms: self.gathered_ms,
        }
    }

    pub(super) fn next(&self) -> Option<Us> {
        let lanes = self.lanes.iter().filter_map(SimLane::next);
        let lanes = lanes.min().map(|at| at.0.saturating_sub(MONO_0));
        let all = [
            self.world.next_event(),
            lanes,
            self.gate.flush_at(),
            self.life.breaks.next(),
        ];
        all.into_iter().flatten().min()
    }

    /// Moves everything that is ready until nothing is.
    pub(super) fn settle(&mut self) {
        loop {
            self.check_bounds();
            let mut moved = self.take_outputs();
            moved |= self.run_lanes();
            moved |= self.flush_gate();
            moved |= self.run_session();
            moved |= self.end_if_struck();
            if !moved {
                break;
            }
        }
        self.snapshot_now_and_then(self.now());
        while let Some(fact) = self.world.take_fact() {
            self.life.healed.note(&fact);
            self.hash.update(self.now_us.to_le_bytes());
            self.say(|| format!("fact {fact:?}"));
            self.laws.fact(&fact);
        }
    }

    fn take_outputs(&mut self) -> bool {
        let mut moved = false;
        while let Some(output) = self.world.take_output() {
            moved = true;
            let now = self.now();
            match output {
                Output::Serial { port, bytes } => {
                    for lane in &mut self.lanes {
                        if lane.bytes(&port, &bytes, now) {
                            break;
                        }
                    }
                }
                Output::Publish { topic, payload, .. } => self.arrive(&topic, &payload, false),
                Output::Retained { topic, payload } => self.arrive(&topic, &payload, true),
                Output::Port { port, open } => {
                    self.life.away.port(&port, open);
                    for lane in &mut self.lanes {
                        lane.port(&port, open, now);
                    }
                }
                Output::Link { link, up } => self.link(link, up),
            }
        }
        moved
    }

    fn flush_gate(&mut self) -> bool {
        let due = self.gate.flush_at().is_some_and(|at| at <= self.now_us);
        if !due || self.life.breaks.is_struck() {
            return false;
        }
        self.flush();
        true
    }

    /// Reads what has become durable, as an auditor would.
    pub(super) fn note_durable(&mut self) {
        for (record, body) in self.note_recovered() {
            self.check_verdict(&record, &body);
        }
        self.session.durable(self.gate.head());
    }

    /// The same without a look at who stands in the lane: that may be another
    /// truck by now. Hands out the verdicts.
    pub(super) fn note_recovered(&mut self) -> Vec<(Record, Box<VerdictBody>)> {
        let mut verdicts = Vec::new();
        for (json, record) in self.gate.take_durable() {
            self.hash.update(json.as_bytes());
            let body = self.laws.durable(self.now_us, &record);
            self.world.record_durable(self.now_us, record.seq);
            self.trust.recorded(record.at);
            if let Some(Body::Verdict(body)) = body {
                let verdict = &body.verdict;
                let codes = || {
                    verdict
                        .reasons
                        .iter()
                        .map(|r| r.code.as_str())
                        .collect::<Vec<_>>()
                };
                let (passage, kind) = (record.passage.as_ref(), verdict.verdict);
                self.say(|| format!("{passage:?} {kind:?} {:?}", codes()));
                verdicts.push((record, body));
            }
        }
        verdicts
    }

    /// What waits becomes durable, and whoever asked hears of it.
    fn flush(&mut self) {
        let Some(heard) = self.flush_disk() else {
            return;
        };
        self.note_durable();
        self.reach(Point::Synced);
        if self.life.breaks.is_struck() {
            return;
        }
        let now = self.now();
        for heard in heard {
            let (n, event) = match heard {
                Heard::Lane(n, event) => (Some(n), event),
                Heard::Late { lane, event } => {
                    let named = |l: &SimLane| l.name == lane.as_str();
                    (self.lanes.iter().position(named), event)
                }
            };
            if let Some(n) = n {
                self.lanes[n].handle_event(event, now);
            }
        }
    }

    fn flush_all(&mut self) {
        while self.gate.flush_at().is_some() && !self.life.breaks.is_struck() {
            self.flush();
        }
    }

    pub(super) fn say(&mut self, line: impl FnOnce() -> String) {
        let Trace::On(lines) = &self.trace else {
            return;
        };
        let line = format!("{:>12} {}", self.now_us, line());
        let mut lines = lines.borrow_mut();
        if lines.len() >= TRACE_MAX {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

/// Every port is judged by the same policy: it is read once.
pub(super) fn policy() -> &'static (Arc<Policy>, PolicyOffer) {
    static READ: OnceLock<(Arc<Policy>, PolicyOffer)> = OnceLock::new();
    READ.get_or_init(|| {
        let by = PolicyBy::itself(PolicySource::Start);
        let read = PolicyOffer::read(&policy_text(Sampling::Off), by);
        let (policy, offer) = read.expect("the shipped policy is valid");
        (Arc::new(policy), offer)
    })
}

/// The moment `us` of the world by a clock that is right.
pub(super) fn now_at(us: Us, clock: Clock) -> Now {
    let ms = i64::try_from(us / 1000).unwrap_or(i64::MAX);
    Now {
        mono: Mono(MONO_0) + Micros(us),
        wall: Wall(START_WALL_MS).plus_ms(ms),
        clock,
    }
}
