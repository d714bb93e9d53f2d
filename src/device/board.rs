//! The lane's I/O board, whatever it speaks, sans-IO: inputs at every poll,
//! lamps kept as commanded, arm pulses ahead of everything else.
//!
//! One question at a time. The order of questions, if the line is free:
//!
//! ```text
//! contacts to open > arm > inputs, if due > lamps and diverter that differ > read-back of the coils
//! ```
//! Most protocols have no transaction number, so a late answer would pass for
//! the next one's: the port's input is emptied before each question, and a function
//! code whose question was not answered is barred. A unit answers in order, so
//! an answer to another function proves that nothing of the barred one is
//! still to come; where that does not answer either, the line rests for longer
//! than any unit thinks. A write that fails is thus followed by a poll, and no
//! failure, however often repeated, keeps the inputs from being read. Numbered
//! answers need none of that, and a board that speaks by itself is listened to
//! between questions.
//!
//! Nothing is written before the board has answered a read (a port's name is
//! no proof of what hangs on it), and nothing but reads at start. A lift is
//! never repeated to restore a state.

use std::collections::{BTreeSet, VecDeque};

use lanegate_core::lane::{Event, Lights};
use lanegate_core::model::{DeviceId, DeviceState, Inputs};
use lanegate_core::time::{Micros, Mono, Now};
use lanegate_core::wire::io::board::{Answer, Can, Question};

use super::health::{Counts, Health, NoiseShare};
use super::why::{Via, Why};
use crate::config::{ArmDown, IoConfig, Source};
use crate::metrics::queues::{Level, Queue};

mod answer;
mod arm;
mod ask;
mod coils;
mod down;

use arm::{Arm, Way, Write};
use coils::Coils;
use down::OffUp;

/// A lamp that does not hold is told of once in this time.
const TELL_AGAIN: Micros = Micros::from_s(5);
/// The last bytes kept that are no answer yet: 64 coils and an echo are far
/// below it.
const ANSWER_LEN_MAX: usize = 256;
/// What a board says by itself, not yet a whole message.
const UNASKED_LEN_MAX: usize = 64;
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
    const fn is_write(self) -> bool {
        match self {
            Self::Poll | Self::ReadBack => false,
            Self::Arm(_) | Self::Set { .. } => true,
        }
    }

    /// Where every answer looks the same, all questions are one function.
    const fn function(self, can: Can) -> Function {
        if !can.asks_outputs {
            return Function::ReadInputs;
        }
        match self {
            Self::Poll => Function::ReadInputs,
            Self::ReadBack => Function::ReadCoils,
            Self::Arm(_) | Self::Set { .. } => Function::Write,
        }
    }
}

struct Asked {
    question: Question,
    purpose: Purpose,
    at: Mono,
    until: Mono,
    answer: Vec<u8>,
}

/// The lane's I/O board.
pub struct Board {
    config: IoConfig,
    can: Can,
    health: Health,
    open: bool,
    /// It has answered a read since the port was opened or it was lost.
    answered: bool,
    /// Its coils have been read since then.
    swept: bool,
    asked: Option<Asked>,
    /// The number of the next question.
    number: u16,
    /// What came without a question.
    unasked: Vec<u8>,
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
    down: Option<OffUp>,
    coils: Coils,
    lamps_told: Option<Mono>,
    inputs: Option<(Mono, Inputs)>,
    counts: Counts,
    noise: NoiseShare,
    dropped: u64,
    flush: bool,
    reopen: bool,
    transmit: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
    level: Level,
}

impl Board {
    /// A board not yet heard.
    #[must_use]
    pub fn new(config: IoConfig, now: Mono) -> Self {
        Self {
            health: Health::new(
                config.id.clone(),
                Via::of(&config.source),
                (config.late, config.lost),
                now,
            ),
            arm: Arm::new(config.arm, config.pulse, config.pulse_timed_by),
            gap: gap(&config.source),
            can: config.wire.can(),
            down: match config.inputs.arm_down {
                ArmDown::Input(_) => None,
                ArmDown::OffUpFor(after) => Some(OffUp::new(after)),
            },
            config,
            open: false,
            answered: false,
            swept: false,
            asked: None,
            number: 0,
            unasked: Vec::new(),
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
            noise: NoiseShare::new(now),
            dropped: 0,
            flush: false,
            reopen: false,
            transmit: VecDeque::new(),
            events: VecDeque::new(),
            level: Level::new(Queue::DeviceReadings, EVENTS_MAX),
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
        self.noise.add(bytes.len(), 0, now.mono);
        let Some(asked) = self.asked.as_mut().filter(|a| now.mono < a.until) else {
            self.hear_unasked(bytes, now);
            self.handle_timeout(now);
            return;
        };
        asked.answer.extend_from_slice(bytes);
        let answer = self.config.wire.answer(&asked.question, &asked.answer);
        // Looked at whole first: an answer may be at the end of much noise.
        let excess = asked.answer.len().saturating_sub(ANSWER_LEN_MAX);
        asked.answer.drain(..excess);
        self.count_noise(excess, now.mono);
        self.take_answer(answer, now);
        self.pump(now);
    }

    /// One whole message of a board behind the broker. What the broker kept
    /// from earlier tells nothing about now.
    pub fn message(&mut self, payload: &[u8], retained: bool, now: Now) {
        if retained {
            return;
        }
        self.counts.bytes += payload.len() as u64;
        self.noise.add(payload.len(), 0, now.mono);
        let Some(told) = self.config.wire.told(payload) else {
            self.count_noise(payload.len(), now.mono);
            self.health.noise(None);
            return self.handle_timeout(now);
        };
        self.counts.frames += 1;
        let asked = self.asked.as_ref().filter(|a| now.mono < a.until);
        match asked.map(|a| self.config.wire.answer(&a.question, payload)) {
            Some(answer) => self.take_answer(answer, now),
            None => self.take_told(told, now.mono, now.mono),
        }
        self.handle_timeout(now);
    }

    fn take_answer(&mut self, answer: Answer, now: Now) {
        match answer {
            Answer::Need => {}
            Answer::Heard(told) => {
                if let Some(asked) = &mut self.asked {
                    asked.answer.clear();
                }
                self.take_told(told, now.mono, now.mono);
            }
            Answer::Done(told) => self.answered_with(told, now),
            Answer::Refused(code) => self.refused(code, now),
            Answer::Bad(why) => self.bad_answer(why, now),
        }
    }

    /// Nobody asked, or long ago: a late answer, an echo, noise, or a board
    /// that speaks by itself.
    fn hear_unasked(&mut self, bytes: &[u8], now: Now) {
        let late = self.asked.is_some() || !self.barred.is_empty();
        if !self.can.speaks || late {
            return self.count_noise(bytes.len(), now.mono);
        }
        self.unasked.extend_from_slice(bytes);
        if let Some(told) = self.config.wire.told(&self.unasked) {
            self.unasked.clear();
            self.counts.frames += 1;
            self.take_told(told, now.mono, now.mono);
        } else if self.unasked.len() > UNASKED_LEN_MAX {
            let len = std::mem::take(&mut self.unasked).len();
            self.count_noise(len, now.mono);
        }
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.asked.as_ref().is_some_and(|a| a.until <= now.mono) {
            self.counts.timeouts += 1;
            self.health.no_answer();
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
        self.level.set(self.events.len());
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

    /// How long the last arm order waited for the bus.
    #[must_use]
    pub const fn bus_wait(&self) -> Option<Micros> {
        self.arm.bus_wait()
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

    /// Noise in what came of late, in thousandths.
    #[must_use]
    pub fn noise_permille(&self) -> u16 {
        self.noise.permille()
    }

    /// A run of bytes that were no answer.
    fn count_noise(&mut self, len: usize, now: Mono) {
        if len > 0 {
            self.counts.noise_bytes += len as u64;
            self.counts.noise_runs += 1;
            self.noise.add(0, len, now);
        }
    }

    fn order(&mut self, way: Way, now: Now) {
        let inputs = self.inputs.as_ref().map(|(_, i)| i);
        let failed = self.arm.order(way, inputs, now.mono);
        self.fail(failed);
    }

    fn want_lights(&mut self, lights: Lights) {
        let outputs = self.config.outputs;
        let before = [outputs.to_bay, outputs.divert];
        self.coils.keep_for_last(outputs.exit_green, before);
        self.coils.want(outputs.exit_red, !lights.exit_green);
        self.coils.want(outputs.exit_green, lights.exit_green);
        self.coils.want(outputs.entry_red, lights.entry_red);
        self.coils.want(outputs.to_bay, lights.to_bay);
        self.coils.want(outputs.reverse_out, lights.reverse_out);
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
            self.level.was_full();
            let reading = |e: &Event| matches!(e, Event::Reading(_));
            let oldest = self.events.iter().position(reading).unwrap_or(0);
            self.events.remove(oldest);
        }
        self.events.push_back(event);
        self.level.set(self.events.len());
    }
}

/// Silence between two frames: 3.5 characters, and 1.75 ms from 19,200 baud on
/// (Modbus over serial line 2.5.1.1), with a millisecond for our own timing. A
/// device server may have a slow line behind it; a broker has none.
fn gap(source: &Source) -> Micros {
    let baud = match source {
        Source::Serial(line) => line.baud,
        Source::Tcp(_) | Source::Listen(_) | Source::Pull(_) => 9600,
        Source::Mqtt(_) | Source::Http(_) => return Micros(0),
    };
    let characters = 38_500_000_u64.div_ceil(u64::from(baud.max(1)));
    Micros(characters.max(1_750) + 1_000)
}

#[cfg(test)]
mod tests;
