//! Which question is asked next.

use lanegate_core::model::DeviceState;
use lanegate_core::time::{Micros, Mono, Now};
use lanegate_core::wire::io::modbus_rtu::Request;

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
    }

    pub(super) fn has_work(&self) -> bool {
        let writes = !self.arm.is_quiet() || self.coils.differing().is_some();
        !self.barred.is_empty() || self.answered && (writes || self.read_back_due)
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

    pub(super) fn next_purpose(&mut self, now: Mono) -> Option<Purpose> {
        let next = self.most_urgent(now)?;
        [next, Purpose::Poll, Purpose::ReadBack]
            .into_iter()
            .find(|p| !self.barred.contains(&p.function()))
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
        let poll_due = now >= self.next_poll;
        let differing = self.coils.differing().filter(|_| self.answered);
        match differing {
            // A poll that is always due must not keep a lamp waiting.
            Some((coil, on)) if !poll_due || self.polled_last => Some(Purpose::Set { coil, on }),
            Some(_) | None if poll_due => Some(Purpose::Poll),
            Some(_) | None => (self.answered && self.read_back_due).then_some(Purpose::ReadBack),
        }
    }

    pub(super) fn schedule_poll(&mut self, now: Mono) {
        let lost = self.health.state() == DeviceState::Lost;
        let every = if lost { LOST_POLL } else { self.config.poll };
        self.next_poll = now + every;
        self.polls = self.polls.wrapping_add(1);
        self.read_back_due |= self.polls.is_multiple_of(READ_BACK_EVERY);
    }

    pub(super) fn request(&self, purpose: Purpose) -> Option<Request> {
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
}
