//! The lane as a sans-IO state machine.
//!
//! Drive it so: [`Lane::handle_event`] or [`Lane::handle_timeout`]; drain
//! [`Lane::poll_command`] to `None`; read [`Lane::poll_timeout`]; wait; repeat.
//! There is one queue of commands, so the order of effects is the lane's: a
//! `LiftArm` comes out only after the commit that allows it was answered
//! durable (L1). A bad world is an [`Event`], a bad program an assertion.
//!
//! Absent: input and output, clocks, locks, async, `Result` for a bad world.

mod arm;
mod awaited;
mod command;
mod commit;
mod config;
mod draws;
mod ending;
mod event;
mod evidence;
mod gather;
mod order;
mod query;
mod readings;
mod recent;
mod sensors;
mod start;
mod state;
mod timer;

pub use command::{Command, Guard, Lights, Sign, Tell};
pub use config::{EvidenceDevice, Geometry, LaneConfig, Role};
pub use draws::{CandidateDraws, Draws};
pub use event::{Event, Refusal, Token, Took};
pub use query::Query;
pub use timer::Timer;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::clearance::Policy;
use crate::model::{DeviceId, DeviceState, OrderId, PassageId, SealId};
use crate::record::{Body, Draft};
use crate::time::{Micros, Mono, Now};

use arm::Falling;
use order::PendingLaneOrder;
use recent::Recent;
use sensors::{ArmSeen, Sensors};
use state::{Passage, State};

/// Passages whose outcome waits for the bay input (L9).
const BAYS_MAX: usize = 8;
/// Transitions one event may cause; more is a fault of the program.
const STEPS_MAX: u32 = 16;

/// What the journal knows of a lane at start.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Recovery {
    /// Number of this start; part of passage ids.
    pub start: u64,
    /// The last lift record has no arm-down or unpaired-lift record after it.
    pub ours_up: bool,
    /// A close is in force.
    pub closed: bool,
    /// A keep-up is in force.
    pub keep_up: bool,
    /// A maintenance is in force.
    pub maintenance: bool,
}

/// A commit whose passage ended before it was answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Orphan {
    token: Token,
    passage: Box<Passage>,
    /// The order it came from, still to be answered.
    order: Option<OrderId>,
}

/// A passage that waits, apart from the lane, to be seen at the bay.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct BayWait {
    passage: PassageId,
    until: Mono,
}

/// One lane.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Lane {
    config: Arc<LaneConfig>,
    /// In force for trucks that arrive from now on.
    policy: Arc<Policy>,
    start: u64,
    next_n: u64,
    attempt: u32,
    state: State,
    sensors: Sensors,
    recent: Recent,
    /// When each camera was last asked to read again.
    asked: BTreeMap<DeviceId, Mono>,
    devices: BTreeMap<DeviceId, DeviceState>,
    /// Whether the arm is coming down by our command (L3).
    falling: Falling,
    ours_up: bool,
    /// Our last lift, for the arm's records.
    lifted_at: Mono,
    arm_up_noted: bool,
    closed: bool,
    keep_up: bool,
    maintenance: bool,
    draining: bool,
    /// The scale was seen empty since the truck before left.
    seen_empty: bool,
    /// Seals of the passage before: their late reports are nobody else's.
    last_seals: BTreeSet<SealId>,
    /// Camera events of the passage before.
    last_events: BTreeSet<(DeviceId, String)>,
    bays: VecDeque<BayWait>,
    bay_on: bool,
    /// A lane order waiting to be durable.
    lane_order: Option<PendingLaneOrder>,
    /// A commit whose passage ended meanwhile.
    orphan: Option<Orphan>,
    lights: Option<Lights>,
    /// Lights were set again then, after an output failed.
    lights_again_at: Mono,
    sign: Option<Sign>,
    /// Deadlines up to then have been looked at.
    seen_until: Mono,
    commands: VecDeque<Command>,
}

impl Lane {
    /// A lane that knows what the journal says of it and nothing else.
    #[must_use]
    pub fn new(config: Arc<LaneConfig>, policy: Arc<Policy>, recovery: Recovery, now: Now) -> Self {
        let devices = config
            .devices
            .keys()
            .map(|d| (d.clone(), DeviceState::Late));
        let devices = devices.collect();
        // What was asked before this start may still be answered.
        let asks = config.recapture_n_max > 0;
        let cameras = config.devices.iter().filter(|_| asks);
        let cameras = cameras.filter(|(_, device)| device.can_recapture);
        let asked = cameras.map(|(id, _)| (id.clone(), now.mono)).collect();
        let mut lane = Self {
            config,
            policy,
            start: recovery.start,
            next_n: 1,
            attempt: 0,
            state: State::Starting { since: now.mono },
            sensors: Sensors::new(),
            recent: Recent::default(),
            asked,
            devices,
            falling: Falling::No,
            ours_up: recovery.ours_up,
            lifted_at: Mono(0),
            arm_up_noted: true,
            closed: recovery.closed,
            keep_up: recovery.keep_up,
            maintenance: recovery.maintenance,
            draining: false,
            seen_empty: false,
            last_seals: BTreeSet::new(),
            last_events: BTreeSet::new(),
            bays: VecDeque::new(),
            bay_on: false,
            lane_order: None,
            orphan: None,
            lights: None,
            lights_again_at: Mono(0),
            sign: None,
            seen_until: now.mono,
            commands: VecDeque::new(),
        };
        lane.enter_starting(now, "start");
        lane.settle(now);
        lane
    }

    /// Takes in what happened.
    pub fn handle_event(&mut self, event: Event, now: Now) {
        match event {
            Event::Reading(reading) => self.on_reading(reading, now),
            Event::Candidates {
                passage,
                attempt,
                facts,
                draws,
            } => self.on_candidates(&passage, attempt, *facts, &draws, now),
            Event::Committed { token, seq, took } => self.on_committed(&token, seq, took, now),
            Event::Refused { token, why } => self.on_refused(&token, why, now),
            Event::ControlLate { passage, .. } => self.on_control_late(&passage, now),
            Event::InForceChanged { .. } => self.on_facts_changed("in-force-changed", None),
            Event::Order(order) => self.on_order(order, now),
            Event::LaneOrder(order) => self.on_lane_order(order, now),
            Event::OutputFailed { what } => self.on_output_failed(&what, now),
            Event::DeviceLate(device) => self.on_device(&device, DeviceState::Late, now),
            Event::DeviceLost(device) => self.on_device(&device, DeviceState::Lost, now),
            Event::DeviceBack(device) => self.on_device(&device, DeviceState::Ok, now),
            Event::PolicyChanged(policy) => self.policy = policy,
            Event::Renumbered { start } => self.renumber(start),
            Event::Drain => self.draining = true,
        }
        self.settle(now);
    }

    /// Lets time pass up to `now`.
    pub fn handle_timeout(&mut self, now: Now) {
        self.settle(now);
    }

    /// The next thing to do.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// The lane's state, for status, metrics and logs.
    #[must_use]
    pub const fn state_name(&self) -> &'static str {
        self.state.name()
    }

    /// The present truck's passage.
    #[must_use]
    pub fn passage(&self) -> Option<&PassageId> {
        self.state.passage().map(|p| &p.id)
    }

    /// The present truck's last recorded verdict, with its record's sequence.
    #[must_use]
    pub fn recorded(&self) -> Option<(u64, &crate::model::Verdict)> {
        let passage = self.state.passage()?;
        let recorded = passage.recorded.as_ref()?;
        Some((recorded.seq, &recorded.verdict))
    }

    /// Why the lane is faulted, if it is.
    #[must_use]
    pub const fn fault(&self) -> Option<&'static str> {
        if let State::Faulted { cause, .. } = &self.state {
            Some(cause.as_str())
        } else {
            None
        }
    }

    /// Nothing is under way: a drain may end.
    #[must_use]
    pub fn at_rest(&self) -> bool {
        let resting = matches!(
            self.state,
            State::Closed | State::ArmUp { .. } | State::Faulted { .. } | State::Starting { .. }
        );
        let falling = self.falling != Falling::No;
        resting && !falling && self.lane_order.is_none() && self.orphan.is_none()
    }

    /// The arm is coming down by our command: whoever stops now takes the
    /// watch of it away (L3).
    #[must_use]
    pub fn is_lowering(&self) -> bool {
        self.falling != Falling::No
    }

    /// How each evidence device is.
    #[must_use]
    pub const fn devices(&self) -> &BTreeMap<DeviceId, DeviceState> {
        &self.devices
    }

    /// What the sign shows.
    #[must_use]
    pub const fn sign(&self) -> Option<&Sign> {
        self.sign.as_ref()
    }

    /// Never back: no number is given out twice.
    const fn renumber(&mut self, start: u64) {
        if start > self.start {
            self.start = start;
            self.next_n = 1;
        }
    }

    fn settle(&mut self, now: Now) {
        self.watch_falling(now);
        self.expire_lane_order(now);
        let mut steps = 0;
        while self.step(now) {
            steps += 1;
            assert!(steps < STEPS_MAX, "the lane goes in circles");
        }
        self.expire_bays(now);
        self.seen_until = self.seen_until.max(now.mono);
    }

    /// Takes the first enabled arrow of the present state's row.
    fn step(&mut self, now: Now) -> bool {
        self.note_arm(now);
        match &self.state {
            State::Starting { since } => {
                let since = *since;
                self.step_starting(since, now)
            }
            State::Securing { since, .. } => {
                let since = *since;
                self.step_securing(since, now)
            }
            State::Vacant => self.step_vacant(now),
            State::Gathering { .. } => self.step_gathering(now),
            State::Committing { .. } => self.step_committing(now),
            State::Cleared { .. } => self.step_cleared(now),
            State::Passing { .. } => self.step_passing(now),
            State::Lowering { .. } => self.step_lowering(now),
            State::Held { .. } | State::Returning { .. } | State::Diverting { .. } => {
                self.step_waiting(now)
            }
            State::ArmUp { why } => {
                let why = *why;
                self.step_arm_up(why, now)
            }
            State::Closed => self.step_closed(now),
            State::Faulted { .. } => self.step_faulted(now),
        }
    }

    fn arm(&self, now: Now) -> ArmSeen {
        self.sensors.arm(now.mono, self.config.io_stale)
    }

    fn inhibit_clear(&self, now: Now) -> bool {
        self.sensors.inhibit_clear(now.mono, self.config.io_stale)
    }

    /// Seen up, or off "down" for so long that a truck could pass under it.
    fn arm_not_down(&self, now: Now) -> bool {
        match self.arm(now) {
            ArmSeen::Up => true,
            ArmSeen::Between | ArmSeen::Both => {
                self.sensors.arm_for(now.mono) >= self.config.arm_max
            }
            ArmSeen::Down | ArmSeen::Unknown => false,
        }
    }

    fn next_token(&mut self, passage: Option<PassageId>) -> Token {
        self.attempt += 1;
        Token {
            passage,
            attempt: self.attempt,
        }
    }

    fn draft(&self, now: Now, passage: Option<PassageId>, body: Body) -> Draft {
        Draft {
            at: now.wall,
            lane: Some(self.config.lane.clone()),
            passage,
            body,
        }
    }

    fn note(&mut self, now: Now, passage: Option<&PassageId>, bodies: Vec<Body>) {
        let drafts = bodies
            .into_iter()
            .map(|body| self.draft(now, passage.cloned(), body))
            .collect();
        self.commands.push_back(Command::Note(drafts));
    }

    fn tell(&mut self, tell: Tell) {
        self.commands.push_back(Command::Tell(tell));
    }

    fn tell_entered(&mut self, why: &'static str) {
        let state = self.state.name();
        let passage = self.state.passage().map(|p| p.id.clone());
        self.tell(Tell::Entered {
            state,
            passage,
            why,
        });
    }

    fn show(&mut self, lights: Lights, sign: Sign) {
        if self.lights != Some(lights) {
            self.lights = Some(lights);
            self.commands.push_back(Command::SetLights(lights));
        }
        if self.sign.as_ref() != Some(&sign) {
            self.sign = Some(sign.clone());
            self.commands.push_back(Command::ShowSign(sign));
        }
    }

    /// The board restarted or came back: lights are set again, a lift never.
    /// At most once a second, so that a dead lamp does not fill the bus.
    fn say_lights_again(&mut self, now: Now) {
        let paced = now.mono.since(self.lights_again_at) >= Micros::from_s(1);
        if let Some(lights) = self.lights.filter(|_| paced) {
            self.lights_again_at = now.mono;
            self.commands.push_back(Command::SetLights(lights));
        }
    }
}

const RED: Lights = Lights {
    exit_green: false,
    entry_red: true,
    to_bay: false,
    reverse_out: false,
};

#[cfg(test)]
mod tests;
