//! The world: yard, devices, trucks and authority behind one sans-IO surface.
//!
//! Bytes and messages go in with [`World::input`], come out with
//! [`World::take_output`]; time passes with [`World::advance`]. Nothing here
//! reads a clock: the same options and the same inputs at the same moments
//! give the same outputs, in virtual and in real time.
//!
//! Nothing ticks but the devices that speak by themselves. Motion is straight
//! pieces; detectors are computed when somebody asks.

mod devices;
mod drivers;
mod healed;
mod lane;
mod mischief;
mod officer;
mod score;
mod strike;
mod traffic;
mod view;
mod wires;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use crate::authority::{Authority, AuthorityOptions, Question};
use crate::faults::{FaultPlan, Kind};
use crate::options::{MS, Us, WorldOptions};
use crate::population::Population;
use crate::truth::{Crossing, Records};
use crate::yard::arm::ArmMark;
use crate::yard::truck::Mark;
use lane::{Lane, Truck};
pub use view::{Fact, Input, LaneLayout, Link, Output, Phase, Physical, To, TruckView};
use wires::Wires;

/// A truck that has stood at the stop line this long reverses out.
const ABANDON_US: Us = 90_000 * MS;
/// Facts nobody takes are dropped from here on, the oldest first.
const FACTS_MAX: usize = 4096;
/// The feed's epoch.
const EPOCH: u64 = 7;

/// Something that is going to happen.
enum Event {
    Emit(Output),
    Open {
        lane: usize,
    },
    Scale {
        lane: usize,
    },
    KeepAlive {
        lane: usize,
    },
    SealPort {
        lane: usize,
    },
    Shoot {
        lane: usize,
        truck: usize,
        trigger: u8,
        vehicle: u64,
    },
    Recapture {
        lane: usize,
    },
    Report {
        lane: usize,
        truck: usize,
        serial: u8,
        sent: u8,
        bytes: Vec<u8>,
    },
    Arm {
        lane: usize,
        motion: u32,
        mark: ArmMark,
    },
    Truck {
        truck: usize,
        plan: u32,
        mark: Mark,
    },
    Resume {
        truck: usize,
        plan: u32,
    },
    Decide {
        truck: usize,
        visit: u32,
    },
    Whim {
        truck: usize,
        visit: u32,
    },
    Abandon {
        truck: usize,
        visit: u32,
    },
    Arrive {
        lane: usize,
        ticket: u32,
    },
    TurnAway {
        lane: usize,
        ticket: u32,
    },
    Look {
        lane: usize,
    },
    Bay {
        lane: usize,
        truck: usize,
    },
    Answer {
        question: Question,
    },
    SeeTo {
        lane: usize,
    },
    /// Something goes wrong.
    Fault {
        kind: Kind,
        lane: usize,
    },
    /// What was held back or comes late arrives.
    Deliver(Output),
    /// A message of the gateway that came late.
    Hear {
        topic: String,
        payload: Vec<u8>,
    },
    /// A line or a connection may be back.
    Mend,
    /// The arm stops on its way.
    Jam {
        lane: usize,
        motion: u32,
        lasts: Us,
    },
    Unjam {
        lane: usize,
    },
}

/// An event with its place in time; equal times keep the order of scheduling.
struct Scheduled {
    at: Us,
    n: u64,
    event: Event,
}

impl Scheduled {
    /// When it arrives, if it is something on its way that should have come
    /// before.
    const fn held_up(&self) -> Option<Us> {
        match self.event {
            Event::Deliver(_) | Event::Hear { .. } => Some(self.at),
            Event::Emit(_)
            | Event::Open { .. }
            | Event::Scale { .. }
            | Event::KeepAlive { .. }
            | Event::SealPort { .. }
            | Event::Shoot { .. }
            | Event::Recapture { .. }
            | Event::Report { .. }
            | Event::Arm { .. }
            | Event::Truck { .. }
            | Event::Resume { .. }
            | Event::Decide { .. }
            | Event::Whim { .. }
            | Event::Abandon { .. }
            | Event::Arrive { .. }
            | Event::TurnAway { .. }
            | Event::Look { .. }
            | Event::Bay { .. }
            | Event::Answer { .. }
            | Event::SeeTo { .. }
            | Event::Fault { .. }
            | Event::Mend
            | Event::Jam { .. }
            | Event::Unjam { .. } => None,
        }
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Scheduled) -> bool {
        (self.at, self.n) == (other.at, other.n)
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Scheduled) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Scheduled) -> std::cmp::Ordering {
        (self.at, self.n).cmp(&(other.at, other.n))
    }
}

/// Which device of a lane a port belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Port {
    Scale,
    Io,
    Seal,
}

/// The simulated yard with its vendors' devices and the authority.
pub struct World {
    o: WorldOptions,
    now: Us,
    scheduled: BinaryHeap<Reverse<Scheduled>>,
    n: u64,
    out: VecDeque<Output>,
    facts: VecDeque<Fact>,
    facts_dropped: u64,
    layouts: Vec<LaneLayout>,
    ports: BTreeMap<String, (usize, Port)>,
    lanes: Vec<Lane>,
    trucks: Vec<Truck>,
    views: Vec<TruckView>,
    over: usize,
    authority: Authority,
    records: Records,
    crossings: Vec<Crossing>,
    /// Conforming or misread trucks an officer had to act for.
    helped: BTreeSet<usize>,
    questions_asked: BTreeMap<String, u32>,
    counts: BTreeMap<&'static str, u64>,
    faults: FaultPlan,
    wires: Wires,
}

impl World {
    /// A world at `t = 0`: trucks wait before the lanes, which open once the
    /// gateway reads their I/O boards.
    pub fn new(o: WorldOptions) -> World {
        assert!(o.lanes > 0, "a world needs a lane");
        let population = Population::new(&o);
        let authority = Authority::new(
            AuthorityOptions {
                controller: o.controller.clone(),
                epoch: EPOCH,
                start_wall_ms: o.start_wall_ms,
            },
            population.items,
        );
        let lanes: Vec<Lane> = (0..o.lanes).map(|i| Lane::new(&o, i)).collect();
        let trucks: Vec<Truck> = population
            .trucks
            .into_iter()
            .enumerate()
            .map(|(i, p)| Truck::new(p, o.seed, i))
            .collect();
        let mut world = World {
            now: 0,
            scheduled: BinaryHeap::new(),
            n: 0,
            out: VecDeque::new(),
            facts: VecDeque::new(),
            facts_dropped: 0,
            layouts: lanes.iter().map(|l| l.layout.clone()).collect(),
            ports: ports(&lanes),
            views: views(&trucks, &lanes),
            lanes,
            trucks,
            over: 0,
            authority,
            records: Records::new(o.start_wall_ms),
            crossings: Vec::new(),
            helped: BTreeSet::new(),
            questions_asked: BTreeMap::new(),
            counts: BTreeMap::new(),
            faults: FaultPlan::new(&o.faults, o.seed, o.lanes),
            wires: Wires::new(o.lanes),
            o,
        };
        for i in 0..world.trucks.len() {
            let lane = world.trucks[i].profile.lane;
            world.lanes[lane].queue.push_back(i);
        }
        for lane in 0..world.lanes.len() {
            world.start_devices(lane);
            world.schedule(30_000 * MS, Event::Open { lane });
        }
        world.start_faults();
        world
    }

    /// Time zero was at `wall_ms`: said by whoever plays the world by a real
    /// clock, since it is made before it begins.
    pub fn begins_at(&mut self, wall_ms: i64) {
        self.o.start_wall_ms = wall_ms;
        self.authority.begins_at(wall_ms);
        self.records.begin_at(wall_ms);
    }

    /// The names of the lanes and their devices.
    pub fn lanes(&self) -> &[LaneLayout] {
        &self.layouts
    }

    /// When [`World::advance`] next has something to do by itself.
    pub fn next_event(&self) -> Option<Us> {
        let own = self.scheduled.peek().map(|s| s.0.at);
        match (own, self.authority.next_event()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Runs everything that happens up to and at `to`.
    pub fn advance(&mut self, to: Us) {
        loop {
            let own = self.scheduled.peek().map_or(Us::MAX, |s| s.0.at);
            let authority = self.authority.next_event().unwrap_or(Us::MAX);
            if own.min(authority) > to {
                break;
            }
            if authority < own {
                self.now = self.now.max(authority);
                self.authority.advance(authority);
                self.settle_authority();
            } else {
                let Reverse(next) = self.scheduled.pop().expect("peeked just now");
                self.now = self.now.max(next.at);
                self.happen(next.event);
            }
        }
        self.now = self.now.max(to);
    }

    /// The next bytes or message the world sends.
    pub fn take_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Hands the world what the gateway sent at `at`; implies `advance(at)`.
    pub fn input(&mut self, at: Us, input: Input) {
        self.advance(at);
        match input {
            Input::Serial { port, bytes } => match self.ports.get(&port) {
                Some(&(lane, Port::Io)) => {
                    if let Some(bytes) = self.carried(lane, Port::Io, bytes) {
                        self.io_bytes(lane, &bytes);
                    }
                }
                Some(&(lane, Port::Seal)) => {
                    if let Some(bytes) = self.carried(lane, Port::Seal, bytes) {
                        self.seal_bytes(lane, &bytes);
                    }
                }
                // The indicator speaks only; an unknown port has nobody on it.
                Some(&(_, Port::Scale)) | None => {}
            },
            Input::Message { topic, payload } => self.carry(topic, payload),
        }
    }

    /// The gateway's record `seq` is durable since `at`. Told, the truth goes
    /// by it; otherwise by the times the records bear.
    pub fn record_durable(&mut self, at: Us, seq: u64) {
        self.records.became_durable(at, seq);
    }

    /// Whether nothing more will happen to any truck.
    pub fn finished(&self) -> bool {
        self.over == self.trucks.len()
    }

    /// Every truck, in order of arrival; a truck's id is its place plus one.
    pub fn trucks(&self) -> &[TruckView] {
        &self.views
    }

    /// The authority, to look at its records and faults.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Ground truth about a lane, now.
    pub fn physical(&self, lane: usize) -> Physical {
        let (l, now) = (&self.lanes[lane], self.now);
        let find = |wanted: &dyn Fn(&Truck) -> bool| {
            l.present
                .iter()
                .copied()
                .find(|&t| wanted(&self.trucks[t]))
                .map(id)
        };
        Physical {
            arm_permille: permille(l.arm.position(now)),
            arm_lowering: l.arm.is_lowering(now),
            under_arm: find(&|t| t.body.under_arm(now)),
            on_inhibit: l
                .present
                .iter()
                .any(|&t| self.trucks[t].body.on_inhibit(now)),
            at_stop_line: find(&|t| t.phase == Phase::AtStopLine),
            last_crossed: l.last_crossed.map(id),
        }
    }

    /// The next thing that happened in the yard.
    pub fn take_fact(&mut self) -> Option<Fact> {
        self.facts.pop_front()
    }

    /// Facts nobody took in time.
    pub fn facts_dropped(&self) -> u64 {
        self.facts_dropped
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Emit(output) => self.emit(output),
            Event::Open { lane } => self.open(lane),
            Event::Scale { lane } => self.weigh(lane),
            Event::KeepAlive { lane } => self.keep_alive(lane),
            Event::SealPort { lane } => self.seal_port_alive(lane),
            Event::Shoot {
                lane,
                truck,
                trigger,
                vehicle,
            } => self.shoot(lane, truck, trigger, vehicle),
            Event::Recapture { lane } => self.recapture(lane),
            Event::Report {
                lane,
                truck,
                serial,
                sent,
                bytes,
            } => self.report(lane, truck, serial, sent, bytes),
            Event::Arm { lane, motion, mark } => self.arm_mark(lane, motion, mark),
            Event::Truck { truck, plan, mark } => {
                if self.trucks[truck].body.plan == plan {
                    self.truck_mark(truck, mark);
                }
            }
            Event::Resume { truck, plan } => {
                if self.trucks[truck].body.plan == plan {
                    self.drive_on(truck);
                }
            }
            Event::Decide { truck, visit } => self.act(truck, visit),
            Event::Whim { truck, visit } => self.whim(truck, visit),
            Event::Abandon { truck, visit } => self.abandon(truck, visit),
            Event::Arrive { lane, ticket } => self.arrive(lane, ticket),
            Event::TurnAway { lane, ticket } => self.turn_away(lane, ticket),
            Event::Look { lane } => {
                self.look(lane);
                self.consider_next(lane);
            }
            Event::Bay { lane, truck } => self.in_bay(lane, truck),
            Event::Answer { question } => self.answer(&question),
            Event::SeeTo { lane } => self.see_to(lane),
            Event::Fault { kind, lane } => self.strike(kind, lane),
            Event::Deliver(output) => self.deliver(output),
            Event::Hear { topic, payload } => self.message(&topic, &payload),
            Event::Mend => self.mend(),
            Event::Jam {
                lane,
                motion,
                lasts,
            } => self.jam(lane, motion, lasts),
            Event::Unjam { lane } => self.unjam(lane),
        }
    }

    fn schedule(&mut self, at: Us, event: Event) {
        self.n += 1;
        self.scheduled.push(Reverse(Scheduled {
            at,
            n: self.n,
            event,
        }));
    }

    fn fact(&mut self, fact: Fact) {
        if self.facts.len() == FACTS_MAX {
            self.facts.pop_front();
            self.facts_dropped += 1;
        }
        self.facts.push_back(fact);
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn wall_ms(&self) -> i64 {
        self.o.start_wall_ms + (self.now / MS) as i64
    }

    fn set_phase(&mut self, truck: usize, phase: Phase) {
        let was = std::mem::replace(&mut self.trucks[truck].phase, phase);
        self.views[truck].phase = phase;
        if phase.is_over() && !was.is_over() {
            self.over += 1;
            self.trucks[truck].over_at = self.now;
            self.heal_if_time();
        }
    }

    fn note(&mut self, truck: usize, note: &str) {
        let text = &mut self.views[truck].note;
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(note);
    }
}

/// A truck's id is its index plus one.
fn id(index: usize) -> u32 {
    u32::try_from(index + 1).expect("fewer than 2^32 trucks")
}

fn permille(position: i64) -> u16 {
    u16::try_from(position).expect("an arm's position is 0..=1000")
}

fn ports(lanes: &[Lane]) -> BTreeMap<String, (usize, Port)> {
    let of = |(i, l): (usize, &Lane)| {
        [
            (l.layout.scale_port.clone(), (i, Port::Scale)),
            (l.layout.io_port.clone(), (i, Port::Io)),
            (l.layout.seal_port.clone(), (i, Port::Seal)),
        ]
    };
    lanes.iter().enumerate().flat_map(of).collect()
}

fn views(trucks: &[Truck], lanes: &[Lane]) -> Vec<TruckView> {
    let view = |(i, t): (usize, &Truck)| TruckView {
        id: id(i),
        lane: lanes[t.profile.lane].layout.lane.clone(),
        story: t.profile.story,
        must: t.must,
        plates: t.profile.plates.clone(),
        phase: t.phase,
        note: String::new(),
    };
    trucks.iter().enumerate().map(view).collect()
}

#[cfg(test)]
mod tests;
