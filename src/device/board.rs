//! The lane's I/O board as a Modbus RTU master, sans-IO: inputs at every
//! poll, lamps kept as commanded, arm pulses ahead of everything else.
//!
//! One transaction at a time; a failed one leaves no state behind: the input
//! is emptied (a late answer has no transaction number and would pass for the
//! next one's) and the next most urgent thing goes out. The order:
//!
//! ```text
//! end of a pulse > arm > diverter, lamps that differ > poll of the inputs > read-back of the coils
//! ```
//!
//! Nothing is written before the board has answered a read (a port's name is
//! no proof of what hangs on it), and nothing but reads at start.

use std::collections::{BTreeMap, VecDeque};

use lanegate_core::lane::{Event, Lights};
use lanegate_core::model::{Content, DeviceId, DeviceState, Inputs, Reading, Taken};
use lanegate_core::time::{Micros, Mono, Now};
use lanegate_core::wire::io::modbus_rtu::{Outcome, Reply, Request, response};

use super::health::{Counts, Health};
use crate::config::{ArmDrive, InputBit, IoConfig, PulseTimer};

/// Silence between two frames: 3.5 characters at 9600 baud (Modbus over
/// serial line 2.5.1.1), rounded up.
const GAP: Micros = Micros::from_ms(5);
/// Polls between two read-backs of the coils when nothing was written.
const READ_BACK_EVERY: u32 = 10;
/// Times a pulse is written when it is not answered and a second one is
/// harmless.
const PULSE_TRIES_MAX: u32 = 3;
/// Unanswered questions in a row after which the port is opened again.
const REOPEN_AFTER: u32 = 3;
/// Time between polls of a board that was given up on.
const LOST_POLL: Micros = Micros::from_ms(1000);
/// Arm pulses that may wait (L9): a newer command makes an older one void.
const ARM_QUEUE_MAX: usize = 4;
/// Longest answer: 64 coils and an echo are far below it.
const ANSWER_LEN_MAX: usize = 256;
const EVENTS_MAX: usize = 64;

/// What to set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BoardCommand {
    /// One pulse up.
    Lift,
    /// One pulse down.
    Lower,
    /// One pulse to stop.
    Stop,
    /// The lamps.
    Lights(Lights),
    /// The diverter; true = to the bay.
    Divert(bool),
    /// Every output off (drain, stop).
    AllOff,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Up,
    Down,
    Stop,
}

impl Way {
    const fn output(self) -> &'static str {
        match self {
            Self::Up => "arm-up",
            Self::Down => "arm-down",
            Self::Stop => "arm-stop",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Purpose {
    Poll,
    ReadBack,
    Pulse { way: Way, coil: u16, tries: u32 },
    PulseEnd { coil: u16 },
    Set { coil: u16, on: bool },
}

struct Asked {
    request: Request,
    purpose: Purpose,
    until: Mono,
    answer: Vec<u8>,
}

/// The lane's I/O board.
pub struct Board {
    config: IoConfig,
    health: Health,
    open: bool,
    /// It has answered a read since the port was opened.
    answered: bool,
    asked: Option<Asked>,
    quiet_until: Mono,
    next_poll: Mono,
    polls: u32,
    read_back_due: bool,
    failures: u32,
    arm: VecDeque<(Way, u32)>,
    pulse_end: Option<(Mono, u16)>,
    /// Coils as commanded: lamps and diverter.
    wanted: BTreeMap<u16, bool>,
    /// Coils as written by us or read back.
    known: BTreeMap<u16, bool>,
    inputs: Option<(Mono, Inputs)>,
    counts: Counts,
    dropped: u64,
    flush: bool,
    reopen: bool,
    transmit: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
}

impl Board {
    /// A board not yet heard.
    #[must_use]
    pub fn new(config: IoConfig, now: Mono) -> Self {
        Self {
            health: Health::new(config.id.clone(), config.late, config.lost, now),
            config,
            open: false,
            answered: false,
            asked: None,
            quiet_until: now,
            next_poll: now,
            polls: 0,
            read_back_due: false,
            failures: 0,
            arm: VecDeque::new(),
            pulse_end: None,
            wanted: BTreeMap::new(),
            known: BTreeMap::new(),
            inputs: None,
            counts: Counts::default(),
            dropped: 0,
            flush: false,
            reopen: false,
            transmit: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// The port was (re)opened.
    pub fn opened(&mut self, now: Now) {
        self.counts.opens += 1;
        self.open = true;
        self.answered = false;
        self.asked = None;
        self.failures = 0;
        self.reopen = false;
        self.known.clear();
        self.read_back_due = true;
        self.next_poll = now.mono;
        self.pump(now);
    }

    /// The port is gone.
    pub fn closed(&mut self, now: Now) {
        self.open = false;
        self.asked = None;
        self.transmit.clear();
        self.fail_arm();
        let event = self.health.gone(now.mono);
        self.emit(event);
    }

    /// Bytes came.
    pub fn bytes(&mut self, bytes: &[u8], now: Now) {
        self.counts.bytes += bytes.len() as u64;
        let Some(asked) = &mut self.asked else {
            // Nobody asked: a late answer, an echo, noise.
            self.counts.noise_bytes += bytes.len() as u64;
            return;
        };
        let room = ANSWER_LEN_MAX.saturating_sub(asked.answer.len());
        asked.answer.extend(bytes.iter().take(room));
        match response(&asked.request, &asked.answer) {
            Outcome::Need(_) => {}
            Outcome::Done(reply) => self.answered_with(&reply, now),
            Outcome::Exception(_) => self.refused(now),
            Outcome::Bad(_) => self.unanswered(now),
        }
        self.pump(now);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.asked.as_ref().is_some_and(|a| a.until <= now.mono) {
            self.counts.timeouts += 1;
            self.unanswered(now);
        }
        let event = self.health.expire(now.mono);
        self.emit(event);
        self.pump(now);
    }

    /// Sets outputs. An arm pulse goes out as the next transaction.
    pub fn command(&mut self, command: BoardCommand, now: Now) {
        match command {
            BoardCommand::Lift => self.queue_arm(Way::Up),
            BoardCommand::Lower => self.queue_arm(Way::Down),
            BoardCommand::Stop => self.queue_arm(Way::Stop),
            BoardCommand::Lights(lights) => self.want_lights(lights),
            BoardCommand::Divert(to_bay) => {
                self.want(self.config.outputs.divert, to_bay);
            }
            BoardCommand::AllOff => {
                self.arm.clear();
                for (_, coil) in self.config.coils().collect::<Vec<_>>() {
                    self.wanted.insert(coil, false);
                }
            }
        }
        self.pump(now);
    }

    /// The next bytes to write.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmit.pop_front()
    }

    /// The next reading, failure or change of health.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Empty the port's input before the next write.
    pub fn take_flush(&mut self) -> bool {
        std::mem::take(&mut self.flush)
    }

    /// Close the port and open it again.
    pub fn take_reopen(&mut self) -> bool {
        std::mem::take(&mut self.reopen)
    }

    /// When [`Self::handle_timeout`] next has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        let next = match &self.asked {
            Some(asked) => Some(asked.until),
            None if !self.open => None,
            None => {
                let end = self.pulse_end.map(|(at, _)| at);
                let work = self.has_work().then_some(self.quiet_until);
                let poll = Some(self.next_poll.max(self.quiet_until));
                [end, work, poll].into_iter().flatten().min()
            }
        };
        let both = [next, self.health.deadline()];
        both.into_iter().flatten().min()
    }

    /// Everything commanded is out and read back as off: a stop may end.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.asked.is_none() && self.arm.is_empty() && self.pulse_end.is_none() && !self.has_work()
    }

    /// Which device.
    #[must_use]
    pub const fn id(&self) -> &DeviceId {
        &self.config.id
    }

    /// How it is, and since when.
    #[must_use]
    pub const fn state(&self) -> (DeviceState, Mono) {
        (self.health.state(), self.health.since())
    }

    /// When it last answered.
    #[must_use]
    pub const fn last_frame(&self) -> Option<Mono> {
        self.health.last_frame()
    }

    /// Its counts.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    fn queue_arm(&mut self, way: Way) {
        if let ArmDrive::Impulse { .. } = self.config.arm
            && !self.impulse_makes_sense(way)
        {
            return;
        }
        // The last word counts: an arm is never told up and down in turn.
        self.arm.retain(|(queued, _)| *queued == way);
        if self.arm.is_empty() && self.arm.len() < ARM_QUEUE_MAX {
            self.arm.push_back((way, 0));
        }
    }

    /// An impulse drive does the next thing at every pulse: none is given
    /// where the arm already is, or where it is not known to be.
    fn impulse_makes_sense(&mut self, way: Way) -> bool {
        let seen = self.inputs.as_ref().map(|(_, i)| (i.arm_up, i.arm_down));
        match (way, seen) {
            (Way::Up, Some((false, true))) | (Way::Down, Some((true, false))) => true,
            (Way::Up, Some((true, false))) | (Way::Down, Some((false, true))) => false,
            (Way::Up | Way::Down | Way::Stop, _) => {
                self.fail(way.output());
                false
            }
        }
    }

    fn want_lights(&mut self, lights: Lights) {
        let outputs = self.config.outputs;
        self.want(outputs.exit_red, !lights.exit_green);
        self.want(outputs.exit_green, lights.exit_green);
        self.want(outputs.entry_red, lights.entry_red);
        self.want(outputs.to_bay, lights.to_bay);
        self.want(outputs.reverse_out, lights.reverse_out);
    }

    fn want(&mut self, coil: Option<u16>, on: bool) {
        if let Some(coil) = coil {
            self.wanted.insert(coil, on);
        }
    }

    fn differing(&self) -> Option<(u16, bool)> {
        let differs = |(coil, on): &(&u16, &bool)| self.known.get(coil) != Some(on);
        // Off before on: a green lamp goes out before a red one, or the other
        // way about, never both on.
        let mut all = self.wanted.iter().filter(differs);
        let off = all.clone().find(|(_, on)| !**on);
        off.or_else(|| all.next()).map(|(coil, on)| (*coil, *on))
    }

    fn has_work(&self) -> bool {
        self.answered && (!self.arm.is_empty() || self.differing().is_some() || self.read_back_due)
    }

    /// Sends the most urgent question, if the line is free.
    fn pump(&mut self, now: Now) {
        if !self.open || self.asked.is_some() || now.mono < self.quiet_until {
            return;
        }
        let Some((request, purpose)) = self.next_request(now.mono) else {
            return;
        };
        self.transmit.push_back(request.encode());
        self.asked = Some(Asked {
            request,
            purpose,
            until: now.mono + self.config.answer_max,
            answer: Vec::new(),
        });
    }

    fn next_request(&mut self, now: Mono) -> Option<(Request, Purpose)> {
        if self.answered {
            if let Some((at, coil)) = self.pulse_end
                && (at <= now || !self.arm.is_empty())
            {
                return self.write(coil, false, Purpose::PulseEnd { coil });
            }
            if let Some((way, tries)) = self.arm.pop_front()
                && let Some(pulse) = self.pulse(way, tries)
            {
                return Some(pulse);
            }
            if let Some((coil, on)) = self.differing() {
                return self.write(coil, on, Purpose::Set { coil, on });
            }
        }
        if now >= self.next_poll {
            let lost = self.health.state() == DeviceState::Lost;
            let every = if lost { LOST_POLL } else { self.config.poll };
            self.next_poll = now + every;
            self.polls = self.polls.wrapping_add(1);
            self.read_back_due |= self.polls.is_multiple_of(READ_BACK_EVERY);
            let count = self.config.inputs.count();
            let request = Request::read_inputs(self.config.dialect, 0, count).ok()?;
            return Some((request, Purpose::Poll));
        }
        if self.answered && std::mem::take(&mut self.read_back_due) {
            let count = self.config.coils().map(|(_, coil)| coil + 1).max()?;
            let request = Request::read_coils(self.config.dialect, 0, count).ok()?;
            return Some((request, Purpose::ReadBack));
        }
        None
    }

    fn write(&mut self, coil: u16, on: bool, purpose: Purpose) -> Option<(Request, Purpose)> {
        let request = Request::write_coil(self.config.dialect, coil, on).ok()?;
        Some((request, purpose))
    }

    fn pulse(&mut self, way: Way, tries: u32) -> Option<(Request, Purpose)> {
        let coil = match (self.config.arm, way) {
            (ArmDrive::UpDown { up, .. }, Way::Up) => Some(up),
            (ArmDrive::UpDown { down, .. }, Way::Down) => Some(down),
            (ArmDrive::UpDown { stop, .. }, Way::Stop) => stop,
            (ArmDrive::Impulse { coil }, Way::Up | Way::Down) => Some(coil),
            (ArmDrive::Impulse { .. }, Way::Stop) => None,
        };
        let Some(coil) = coil else {
            self.fail(way.output());
            return None;
        };
        let tries = tries + 1;
        let purpose = Purpose::Pulse { way, coil, tries };
        let request = match self.config.pulse_timed_by {
            PulseTimer::Board => {
                let ms = u32::try_from(self.config.pulse.as_ms()).unwrap_or(u32::MAX);
                Request::flash(self.config.dialect, coil, ms)
            }
            PulseTimer::Gateway => Request::write_coil(self.config.dialect, coil, true),
        };
        if request.is_err() {
            self.fail(way.output());
        }
        request.ok().map(|request| (request, purpose))
    }

    fn answered_with(&mut self, reply: &Reply, now: Now) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        self.counts.frames += 1;
        self.failures = 0;
        self.quiet_until = now.mono + GAP;
        let event = self.health.frame(now.mono);
        self.emit(event);
        match (asked.purpose, reply) {
            (Purpose::Poll, Reply::Bits(bits)) => {
                self.answered = true;
                self.take_inputs(bits, now.mono);
            }
            (Purpose::ReadBack, Reply::Bits(bits)) => self.take_coils(bits),
            (Purpose::Pulse { coil, .. }, Reply::Written) => {
                if self.config.pulse_timed_by == PulseTimer::Gateway {
                    self.pulse_end = Some((now.mono + self.config.pulse, coil));
                }
            }
            (Purpose::PulseEnd { .. }, Reply::Written) => self.pulse_end = None,
            (Purpose::Set { coil, on }, Reply::Written) => {
                self.known.insert(coil, on);
                // Only reading back proves it.
                self.read_back_due = true;
            }
            (_, Reply::Bits(_) | Reply::Written) => {}
        }
    }

    /// The unit said no: saying it again changes nothing.
    fn refused(&mut self, now: Now) {
        self.quiet_until = now.mono + GAP;
        let Some(asked) = self.asked.take() else {
            return;
        };
        match asked.purpose {
            Purpose::Pulse { way, .. } => self.fail(way.output()),
            Purpose::Set { coil, on } => {
                // Until the next read-back says otherwise.
                self.known.insert(coil, on);
                self.read_back_due = true;
                self.fail(self.output_of(coil));
            }
            Purpose::PulseEnd { .. } => self.fail("arm-pulse-end"),
            Purpose::Poll | Purpose::ReadBack => self.count_failure(),
        }
    }

    /// No answer, or one that is none.
    fn unanswered(&mut self, now: Now) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        self.flush = true;
        self.quiet_until = now.mono + GAP;
        self.count_failure();
        match asked.purpose {
            Purpose::Pulse { way, tries, .. } => {
                let harmless = matches!(self.config.arm, ArmDrive::UpDown { .. });
                if harmless && tries < PULSE_TRIES_MAX {
                    if self.arm.is_empty() {
                        self.arm.push_front((way, tries));
                    }
                } else {
                    self.fail(way.output());
                }
            }
            Purpose::Set { .. } => self.read_back_due = true,
            Purpose::Poll | Purpose::ReadBack | Purpose::PulseEnd { .. } => {}
        }
    }

    fn count_failure(&mut self) {
        self.failures += 1;
        if self.failures >= REOPEN_AFTER {
            self.failures = 0;
            self.reopen = true;
        }
    }

    fn take_inputs(&mut self, bits: &[bool], now: Mono) {
        let read = |bit: InputBit| {
            let raw = bits.get(usize::from(bit.number)).copied();
            raw.unwrap_or(bit.inverted) != bit.inverted
        };
        let map = &self.config.inputs;
        let inputs = Inputs {
            presence: read(map.presence),
            inhibit: read(map.inhibit),
            arm_up: read(map.arm_up),
            arm_down: read(map.arm_down),
            bay: map.bay.map(read),
            diverter_bay: map.diverter_bay.map(read),
            whole: map.whole.map(read),
        };
        self.inputs = Some((now, inputs));
        let reading = Reading {
            device: self.config.id.clone(),
            arrived: now,
            taken: Taken::OnArrival,
            at: None,
            content: Content::Inputs(inputs),
        };
        self.emit(Some(Event::Reading(reading)));
    }

    /// What we wrote and the board does not hold: it restarted, or a relay
    /// failed. Lamps are set again; an arm pulse never.
    fn take_coils(&mut self, bits: &[bool]) {
        let mut failed = None;
        for coil in self.wanted.keys().copied().collect::<Vec<_>>() {
            let held = bits.get(usize::from(coil)).copied().unwrap_or(false);
            let before = self.known.insert(coil, held);
            if before.is_some_and(|before| before != held) {
                failed = Some(self.output_of(coil));
            }
        }
        if let Some(output) = failed {
            self.fail(output);
        }
    }

    fn output_of(&self, coil: u16) -> &'static str {
        if self.config.outputs.divert == Some(coil) {
            "divert"
        } else {
            "lights"
        }
    }

    fn fail_arm(&mut self) {
        for (way, _) in std::mem::take(&mut self.arm) {
            self.fail(way.output());
        }
    }

    fn fail(&mut self, output: &'static str) {
        let what = output.to_owned();
        self.emit(Some(Event::OutputFailed { what }));
    }

    fn emit(&mut self, event: Option<Event>) {
        let Some(event) = event else {
            return;
        };
        if self.events.len() >= EVENTS_MAX {
            self.dropped += 1;
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// Events dropped because nobody drained.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}
