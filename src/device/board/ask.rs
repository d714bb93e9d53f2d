//! Which question is asked next.

use lanegate_core::model::DeviceState;
use lanegate_core::time::{Micros, Mono, Now};
use lanegate_core::wire::io::board::{Call, CallFault, Question, ReadBack};

use super::arm::Write;
use super::{Asked, Board, EVENTS_MAX, Purpose};
use crate::config::PulseTimer;
use crate::device::Why;

/// Polls between two read-backs of the coils when nothing was written.
const READ_BACK_EVERY: u32 = 10;
/// Time between polls of a board that was given up on.
const LOST_POLL: Micros = Micros::from_ms(1000);

impl Board {
    /// Nothing is known of the board any more; it is read before it is written.
    pub(super) fn doubt(&mut self) {
        self.answered = false;
        self.swept = false;
        self.read_back_due = true;
        self.coils.forget();
        self.unasked.clear();
        if let Some(down) = &mut self.down {
            down.doubt();
        }
    }

    pub(super) fn has_work(&self) -> bool {
        let writes = !self.arm.is_quiet() || self.coils.differing().is_some();
        !self.barred.is_empty() || self.answered && (writes || self.reads_back())
    }

    fn reads_back(&self) -> bool {
        match self.can.read_back {
            ReadBack::Apart => self.read_back_due,
            ReadBack::WithInputs | ReadBack::Never => false,
        }
    }

    /// When it is asked for its inputs next, if it must be asked.
    fn polled_at(&self) -> Option<Mono> {
        self.can.asked.then_some(self.next_poll)
    }

    pub(super) fn crowded(&self) -> bool {
        self.events.len() >= EVENTS_MAX / 2
    }

    /// Sends the most urgent question, if the line is free.
    pub(super) fn pump(&mut self, now: Now) {
        self.wake = None;
        if !self.open || self.asked.is_some() {
            return;
        }
        if now.mono < self.quiet_until {
            let quiet = self.quiet_until;
            self.wake = match self.has_work() {
                true => Some(quiet),
                false => self.polled_at().map(|at| at.max(quiet)),
            };
            return;
        }
        if now.mono >= self.rest_until {
            self.barred.clear();
        }
        let Some(purpose) = self.next_purpose(now.mono) else {
            let rest = Some(self.rest_until).filter(|_| !self.barred.is_empty());
            let opens = self.arm.opens_at().filter(|_| self.answered);
            let poll = self.polled_at();
            let poll = poll.filter(|at| *at > now.mono && !self.crowded());
            self.wake = [rest, opens, poll].into_iter().flatten().min();
            return;
        };
        let Ok(question) = self.question(purpose) else {
            // Only a number or length the configuration should have refused.
            self.health.blame(Why::Numbers);
            return;
        };
        match purpose {
            Purpose::Arm(write) => {
                self.arm.sent(write, now.mono);
                if let (Write::Pulse { way, .. }, Some(down)) = (write, &mut self.down) {
                    down.told(way);
                }
            }
            Purpose::Poll => self.schedule_poll(now.mono),
            Purpose::ReadBack => self.read_back_due = false,
            Purpose::Set { .. } => {}
        }
        self.polled_last = purpose == Purpose::Poll;
        self.transmit.push_back(question.bytes.clone());
        self.unasked.clear();
        if purpose.is_write() && !self.can.answers_writes {
            self.wrote(purpose, now.mono);
            self.quiet_until = now.mono + self.gap;
            self.wake = Some(self.quiet_until);
            return;
        }
        self.asked = Some(Asked {
            question,
            purpose,
            at: now.mono,
            until: now.mono + self.config.answer_max,
            answer: Vec::new(),
        });
    }

    pub(super) fn next_purpose(&mut self, now: Mono) -> Option<Purpose> {
        let next = self.most_urgent(now)?;
        let can = self.can;
        let possible = |p: &Purpose| match p {
            Purpose::Poll => can.asked,
            Purpose::ReadBack => can.asks_outputs,
            Purpose::Arm(_) | Purpose::Set { .. } => true,
        };
        [next, Purpose::Poll, Purpose::ReadBack]
            .into_iter()
            .find(|p| possible(p) && !self.barred.contains(&p.function(can)))
    }

    pub(super) fn most_urgent(&mut self, now: Mono) -> Option<Purpose> {
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
        let poll_due = self.polled_at().is_some_and(|at| now >= at);
        let differing = self.coils.differing().filter(|_| self.answered);
        match differing {
            // A poll that is always due must not keep a lamp waiting.
            Some((coil, on)) if !poll_due || self.polled_last => Some(Purpose::Set { coil, on }),
            Some(_) | None if poll_due => Some(Purpose::Poll),
            Some(_) | None => (self.answered && self.reads_back()).then_some(Purpose::ReadBack),
        }
    }

    pub(super) fn schedule_poll(&mut self, now: Mono) {
        let lost = self.health.state() == DeviceState::Lost;
        let every = if lost { LOST_POLL } else { self.config.poll };
        self.next_poll = now + every;
        self.polls = self.polls.wrapping_add(1);
        self.read_back_due |= self.polls.is_multiple_of(READ_BACK_EVERY);
    }

    fn question(&mut self, purpose: Purpose) -> Result<Question, CallFault> {
        let call = match purpose {
            Purpose::Poll => Call::Inputs,
            Purpose::ReadBack => Call::Outputs,
            Purpose::Set { coil, on } => Call::Set { output: coil, on },
            Purpose::Arm(Write::Open { coil }) => Call::Set {
                output: coil,
                on: false,
            },
            Purpose::Arm(Write::Pulse { coil, .. }) => match self.config.pulse_timed_by {
                PulseTimer::Board => Call::Pulse {
                    output: coil,
                    ms: u32::try_from(self.config.pulse.as_ms()).unwrap_or(u32::MAX),
                },
                PulseTimer::Gateway => Call::Set {
                    output: coil,
                    on: true,
                },
            },
        };
        self.number = self.number.wrapping_add(1);
        self.config.wire.ask(call, self.number, self.coils.known())
    }
}
