//! The lane's I/O board as a Modbus RTU master, sans-IO: inputs at every
//! poll, lamps kept as commanded, arm pulses ahead of everything else.
//!
//! One question at a time. The order of questions, if the line is free:
//!
//! ```text
//! contacts to open > arm > inputs, if due > lamps and diverter that differ > read-back of the coils
//! ```
//! RTU has no transaction number, so a late answer would pass for the next
//! one's: the port's input is emptied before each question, and a function
//! code whose question was not answered is barred. A unit answers in order, so
//! an answer to another function proves that nothing of the barred one is
//! still to come; where that does not answer either, the line rests for longer
//! than any unit thinks. A write that fails is thus followed by a poll, and no
//! failure, however often repeated, keeps the inputs from being read.
//!
//! Nothing is written before the board has answered a read (a port's name is
//! no proof of what hangs on it), and nothing but reads at start. A lift is
//! never repeated to restore a state.

use std::collections::{BTreeSet, VecDeque};

use lanegate_core::lane::{Event, Lights};
use lanegate_core::model::{Content, DeviceId, DeviceState, Inputs, Reading, Taken};
use lanegate_core::time::{Micros, Mono, Now};
use lanegate_core::wire::io::modbus_rtu::{BadWhy, Outcome, Reply, Request, response};

use super::health::{Counts, Health, Why};
use crate::config::{InputBit, IoConfig, PulseTimer};

mod arm;
mod coils;

use arm::{Arm, Way, Write};
use coils::Coils;

/// Polls between two read-backs of the coils when nothing was written.
const READ_BACK_EVERY: u32 = 10;
/// Failed questions in a row after which the port is opened again.
const REOPEN_AFTER: u32 = 3;
/// Time between polls of a board that was given up on.
const LOST_POLL: Micros = Micros::from_ms(1000);
/// After a damaged answer the rest of its bytes is let pass.
const BAD_GAP: Micros = Micros::from_ms(30);
/// An answer that is later than this after its time-out never comes.
const REST: Micros = Micros::from_ms(1000);
/// A lamp that does not hold is told of once in this time.
const TELL_AGAIN: Micros = Micros::from_s(5);
/// Longest answer: 64 coils and an echo are far below it.
const ANSWER_LEN_MAX: usize = 256;
/// Events that wait for the lane; from half of it on the board is not asked.
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
enum Purpose {
    Poll,
    ReadBack,
    Arm(Write),
    Set { coil: u16, on: bool },
}

/// Function codes, as far as answers to them can be told apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Function {
    ReadInputs,
    ReadCoils,
    Write,
}

impl Purpose {
    const fn function(self) -> Function {
        match self {
            Self::Poll => Function::ReadInputs,
            Self::ReadBack => Function::ReadCoils,
            Self::Arm(_) | Self::Set { .. } => Function::Write,
        }
    }
}

struct Asked {
    request: Request,
    purpose: Purpose,
    at: Mono,
    until: Mono,
    answer: Vec<u8>,
}

/// The lane's I/O board.
pub struct Board {
    config: IoConfig,
    health: Health,
    open: bool,
    /// It has answered a read since the port was opened or it was lost.
    answered: bool,
    /// Its coils have been read since then.
    swept: bool,
    asked: Option<Asked>,
    /// Functions an answer of which may still come late.
    barred: BTreeSet<Function>,
    /// Until then it may; later it never will.
    rest_until: Mono,
    gap: Micros,
    quiet_until: Mono,
    /// When there may be something to ask.
    wake: Option<Mono>,
    next_poll: Mono,
    polls: u32,
    polled_last: bool,
    read_back_due: bool,
    failures: u32,
    arm: Arm,
    coils: Coils,
    lamps_told: Option<Mono>,
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
            arm: Arm::new(config.arm, config.pulse, config.pulse_timed_by),
            gap: gap(config.line.baud),
            config,
            open: false,
            answered: false,
            swept: false,
            asked: None,
            barred: BTreeSet::new(),
            rest_until: now,
            quiet_until: now,
            wake: None,
            next_poll: now,
            polls: 0,
            polled_last: false,
            read_back_due: false,
            failures: 0,
            coils: Coils::default(),
            lamps_told: None,
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
        self.asked = None;
        self.failures = 0;
        self.reopen = false;
        self.doubt();
        self.next_poll = now.mono;
        self.pump(now);
    }

    /// The port is gone.
    pub fn closed(&mut self, why: Why, now: Now) {
        self.open = false;
        self.asked = None;
        self.transmit.clear();
        self.doubt();
        let failed = self.arm.lost();
        self.fail(failed);
        let event = self.health.gone(why, now.mono);
        self.emit(event);
    }

    /// Bytes came.
    pub fn bytes(&mut self, bytes: &[u8], now: Now) {
        self.counts.bytes += bytes.len() as u64;
        let Some(asked) = self.asked.as_mut().filter(|a| now.mono < a.until) else {
            // Nobody asked, or long ago: a late answer, an echo, noise.
            self.counts.noise_bytes += bytes.len() as u64;
            self.handle_timeout(now);
            return;
        };
        let room = ANSWER_LEN_MAX.saturating_sub(asked.answer.len());
        asked.answer.extend(bytes.iter().take(room));
        match response(&asked.request, &asked.answer) {
            Outcome::Need(_) => {}
            Outcome::Done(reply) => self.answered_with(&reply, now),
            Outcome::Exception(code) => self.refused(code, now),
            Outcome::Bad(why) => self.bad_answer(why, now),
        }
        self.pump(now);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.asked.as_ref().is_some_and(|a| a.until <= now.mono) {
            self.counts.timeouts += 1;
            self.health.blame(Why::NoAnswer);
            self.timed_out(now);
        }
        let failed = self.arm.expire(now.mono);
        self.fail(failed);
        let event = self.health.expire(now.mono);
        if let Some(Event::DeviceLost(_)) = event {
            self.doubt();
            let failed = self.arm.lost();
            self.fail(failed);
        }
        self.emit(event);
        self.pump(now);
    }

    /// Sets outputs. An arm pulse goes out as the next transaction.
    pub fn command(&mut self, command: BoardCommand, now: Now) {
        match command {
            BoardCommand::Lift => self.order(Way::Up, now),
            BoardCommand::Lower => self.order(Way::Down, now),
            BoardCommand::Stop => self.order(Way::Stop, now),
            BoardCommand::Lights(lights) => self.want_lights(lights),
            BoardCommand::Divert(to_bay) => match self.config.outputs.divert {
                Some(coil) => self.coils.want(Some(coil), to_bay),
                None => self.fail(Some("divert")),
            },
            BoardCommand::AllOff => {
                self.arm.all_off(now.mono);
                let outputs = self.config.outputs;
                let kept = [
                    outputs.exit_red,
                    outputs.exit_green,
                    outputs.entry_red,
                    outputs.to_bay,
                    outputs.reverse_out,
                    outputs.divert,
                ];
                for coil in kept {
                    self.coils.want(coil, false);
                }
            }
        }
        self.pump(now);
    }

    /// The next bytes to write; the port's input is emptied before.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmit.pop_front()
    }

    /// The next reading, failure or change of health.
    pub fn poll_event(&mut self) -> Option<Event> {
        let crowded = self.crowded();
        let event = self.events.pop_front();
        if crowded && !self.crowded() {
            self.wake = Some(self.quiet_until);
        }
        event
    }

    /// [`Self::poll_event`] has something.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// A question failed since the last call: what comes now is late.
    pub fn take_flush(&mut self) -> bool {
        std::mem::take(&mut self.flush)
    }

    /// Close the port and open it again.
    pub fn take_reopen(&mut self) -> bool {
        std::mem::take(&mut self.reopen)
    }

    /// How long the last arm order waited for the bus; once.
    pub fn take_bus_wait(&mut self) -> Option<Micros> {
        self.arm.take_bus_wait()
    }

    /// When [`Self::handle_timeout`] next has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        let next = match &self.asked {
            Some(asked) => Some(asked.until),
            None => self.wake,
        };
        let deadlines = [next, self.arm.void_at(), self.health.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Everything commanded is out: a stop may end.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.asked.is_none() && self.arm.is_quiet() && self.coils.differing().is_none()
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

    /// Why it is not well, with what to do.
    #[must_use]
    pub const fn why(&self) -> Option<&Why> {
        self.health.why()
    }

    /// When it last answered a poll.
    #[must_use]
    pub const fn last_frame(&self) -> Option<Mono> {
        self.health.last_frame()
    }

    /// Its counts.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Readings dropped because nobody drained.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Lower orders not written because the inhibit was on.
    #[must_use]
    pub const fn withheld(&self) -> u64 {
        self.arm.withheld()
    }

    fn order(&mut self, way: Way, now: Now) {
        let inputs = self.inputs.as_ref().map(|(_, i)| i);
        let failed = self.arm.order(way, inputs, now.mono);
        self.fail(failed);
    }

    fn want_lights(&mut self, lights: Lights) {
        let outputs = self.config.outputs;
        self.coils.want(outputs.exit_red, !lights.exit_green);
        self.coils.want(outputs.exit_green, lights.exit_green);
        self.coils.want(outputs.entry_red, lights.entry_red);
        self.coils.want(outputs.to_bay, lights.to_bay);
        self.coils.want(outputs.reverse_out, lights.reverse_out);
    }

    /// Nothing is known of the board any more; it is read before it is written.
    fn doubt(&mut self) {
        self.answered = false;
        self.swept = false;
        self.read_back_due = true;
        self.coils.forget();
    }

    fn has_work(&self) -> bool {
        let writes = !self.arm.is_quiet() || self.coils.differing().is_some();
        !self.barred.is_empty() || self.answered && (writes || self.read_back_due)
    }

    fn crowded(&self) -> bool {
        self.events.len() >= EVENTS_MAX / 2
    }

    /// Sends the most urgent question, if the line is free.
    fn pump(&mut self, now: Now) {
        self.wake = None;
        if !self.open || self.asked.is_some() {
            return;
        }
        if now.mono < self.quiet_until {
            self.wake = Some(if self.has_work() {
                self.quiet_until
            } else {
                self.next_poll.max(self.quiet_until)
            });
            return;
        }
        if now.mono >= self.rest_until {
            self.barred.clear();
        }
        let Some(purpose) = self.next_purpose(now.mono) else {
            let rest = Some(self.rest_until).filter(|_| !self.barred.is_empty());
            let opens = self.arm.opens_at().filter(|_| self.answered);
            let poll = Some(self.next_poll).filter(|at| *at > now.mono && !self.crowded());
            self.wake = [rest, opens, poll].into_iter().flatten().min();
            return;
        };
        let Some(request) = self.request(purpose) else {
            // Only a number or length the configuration should have refused.
            self.health.blame(Why::Numbers);
            return;
        };
        match purpose {
            Purpose::Arm(write) => self.arm.sent(write, now.mono),
            Purpose::Poll => self.schedule_poll(now.mono),
            Purpose::ReadBack => self.read_back_due = false,
            Purpose::Set { .. } => {}
        }
        self.polled_last = purpose == Purpose::Poll;
        self.transmit.push_back(request.encode());
        self.asked = Some(Asked {
            request,
            purpose,
            at: now.mono,
            until: now.mono + self.config.answer_max,
            answer: Vec::new(),
        });
    }

    fn next_purpose(&mut self, now: Mono) -> Option<Purpose> {
        let next = self.most_urgent(now)?;
        [next, Purpose::Poll, Purpose::ReadBack]
            .into_iter()
            .find(|p| !self.barred.contains(&p.function()))
    }

    fn most_urgent(&mut self, now: Mono) -> Option<Purpose> {
        if self.answered {
            let fresh = Micros(2 * self.config.poll.0 + self.config.answer_max.0);
            let inputs = self.inputs.as_ref();
            let inputs = inputs.filter(|(at, _)| now.since(*at) <= fresh);
            if let Some(write) = self.arm.next(inputs.map(|(_, i)| i), now) {
                return Some(Purpose::Arm(write));
            }
        }
        if self.crowded() {
            return None;
        }
        let poll_due = now >= self.next_poll;
        let differing = self.coils.differing().filter(|_| self.answered);
        match differing {
            // A poll that is always due must not keep a lamp waiting.
            Some((coil, on)) if !poll_due || self.polled_last => Some(Purpose::Set { coil, on }),
            Some(_) | None if poll_due => Some(Purpose::Poll),
            Some(_) | None => (self.answered && self.read_back_due).then_some(Purpose::ReadBack),
        }
    }

    fn schedule_poll(&mut self, now: Mono) {
        let lost = self.health.state() == DeviceState::Lost;
        let every = if lost { LOST_POLL } else { self.config.poll };
        self.next_poll = now + every;
        self.polls = self.polls.wrapping_add(1);
        self.read_back_due |= self.polls.is_multiple_of(READ_BACK_EVERY);
    }

    fn request(&self, purpose: Purpose) -> Option<Request> {
        let dialect = self.config.dialect;
        let made = match purpose {
            Purpose::Poll => Request::read_inputs(dialect, 0, self.config.inputs.count()),
            Purpose::ReadBack => {
                let count = self.config.coils().map(|(_, coil)| coil + 1).max()?;
                Request::read_coils(dialect, 0, count)
            }
            Purpose::Set { coil, on } => Request::write_coil(dialect, coil, on),
            Purpose::Arm(Write::Open { coil }) => Request::write_coil(dialect, coil, false),
            Purpose::Arm(Write::Pulse { coil, .. }) => match self.config.pulse_timed_by {
                PulseTimer::Board => {
                    let ms = u32::try_from(self.config.pulse.as_ms()).ok()?;
                    Request::flash(dialect, coil, ms)
                }
                PulseTimer::Gateway => Request::write_coil(dialect, coil, true),
            },
        };
        made.ok()
    }

    fn answered_with(&mut self, reply: &Reply, now: Now) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        self.counts.frames += 1;
        self.failures = 0;
        self.barred.clear();
        self.quiet_until = now.mono + self.gap;
        match (asked.purpose, reply) {
            (Purpose::Poll, Reply::Bits(bits)) => {
                self.answered = true;
                self.next_poll = self.next_poll.min(asked.at + self.config.poll);
                let event = self.health.frame(now.mono);
                self.emit(event);
                self.take_inputs(bits, now.mono);
            }
            (Purpose::ReadBack, Reply::Bits(bits)) => self.take_coils(bits, asked.at, now.mono),
            (Purpose::Arm(write), Reply::Written) => {
                self.arm.taken(write, now.mono);
                self.read_back_due = true;
            }
            (Purpose::Set { coil, on }, Reply::Written) => {
                self.coils.written(coil, on);
                // Only reading back proves it.
                self.read_back_due = true;
            }
            (_, Reply::Bits(_) | Reply::Written) => {}
        }
    }

    /// The unit said no: saying it again changes nothing.
    fn refused(&mut self, code: Option<u8>, now: Now) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        self.counts.refusals += 1;
        self.barred.clear();
        self.quiet_until = now.mono + self.gap;
        self.health.blame(Why::Exception(code));
        match asked.purpose {
            Purpose::Arm(write) => {
                let failed = self.arm.refused(write);
                self.fail(Some(failed));
            }
            Purpose::Set { coil, on } => {
                self.coils.written(coil, on);
                self.read_back_due = true;
                self.fail_kept(coil, now.mono);
            }
            Purpose::Poll | Purpose::ReadBack => self.count_failure(),
        }
    }

    fn bad_answer(&mut self, why: BadWhy, now: Now) {
        self.health.blame(Why::BadAnswer(why));
        match why {
            // Perhaps an earlier answer, late: ours may follow.
            BadWhy::Stranger | BadWhy::OtherQuestion => {
                if let Some(asked) = &mut self.asked {
                    self.counts.noise_bytes += asked.answer.len() as u64;
                    asked.answer.clear();
                }
            }
            // It was the answer, damaged: nothing is still to come.
            BadWhy::Checksum | BadWhy::CrcSwapped => self.unanswered(BAD_GAP, now),
        }
    }

    fn timed_out(&mut self, now: Now) {
        if let Some(asked) = &self.asked {
            self.barred.insert(asked.purpose.function());
            self.rest_until = now.mono + REST;
        }
        self.unanswered(self.gap, now);
    }

    /// No answer, or one that cannot be read.
    fn unanswered(&mut self, gap: Micros, now: Now) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        self.counts.noise_bytes += asked.answer.len() as u64;
        self.flush = true;
        self.quiet_until = now.mono + gap;
        self.count_failure();
        match asked.purpose {
            Purpose::Arm(write) => {
                let failed = self.arm.unanswered(write);
                self.fail(failed);
            }
            Purpose::Set { .. } | Purpose::ReadBack => self.read_back_due = true,
            Purpose::Poll => self.next_poll = now.mono,
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
        self.arm.observe(&inputs, now);
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

    /// What was written and the board does not hold: it restarted, or a relay
    /// failed. Lamps are set again, arm contacts opened, a lift never given.
    fn take_coils(&mut self, bits: &[bool], asked: Mono, now: Mono) {
        let held = |coil: u16| bits.get(usize::from(coil)).copied().unwrap_or(false);
        for coil in self.coils.read_back(held) {
            self.fail_kept(coil, now);
        }
        for coil in self.arm.coils() {
            let expected = self.arm.expected(coil, asked, now);
            if expected.is_none_or(|on| on == held(coil)) {
                continue;
            }
            if held(coil) {
                self.arm.found_closed(coil, now);
            }
            // A contact left closed by a crash is opened without a word.
            let output = self.arm.output_of(coil);
            self.fail(Some(output).filter(|_| self.swept));
        }
        self.swept = true;
    }

    fn fail_kept(&mut self, coil: u16, now: Mono) {
        if self.config.outputs.divert == Some(coil) {
            self.fail(Some("divert"));
            return;
        }
        let told = self.lamps_told.is_some_and(|at| now.since(at) < TELL_AGAIN);
        if !told {
            self.lamps_told = Some(now);
            self.fail(Some("lights"));
        }
    }

    fn fail(&mut self, output: Option<&'static str>) {
        let what = output.map(str::to_owned);
        self.emit(what.map(|what| Event::OutputFailed { what }));
    }

    /// Full, the oldest reading goes: never a failure or a change of health.
    fn emit(&mut self, event: Option<Event>) {
        let Some(event) = event else {
            return;
        };
        if self.events.len() >= EVENTS_MAX {
            self.dropped += 1;
            let reading = |e: &Event| matches!(e, Event::Reading(_));
            let oldest = self.events.iter().position(reading).unwrap_or(0);
            self.events.remove(oldest);
        }
        self.events.push_back(event);
    }
}

/// Silence between two frames: 3.5 characters, and 1.75 ms from 19,200 baud on
/// (Modbus over serial line 2.5.1.1), with a millisecond for our own timing.
fn gap(baud: u32) -> Micros {
    let characters = 38_500_000_u64.div_ceil(u64::from(baud.max(1)));
    Micros(characters.max(1_750) + 1_000)
}

#[cfg(test)]
mod tests;
