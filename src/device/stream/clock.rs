//! What a device's stamps tell of its clock.

use lanegate_core::skew::ClockFault;
use lanegate_core::time::{Clock, Micros, Mono, Now, Wall};
use lanegate_core::wire::{PlatesFrame, SealFrame};

use super::Stream;

/// A stamp this much older than its arrival fits what is known of the
/// device's clock: whole seconds, and a message's way.
const ON_ITS_WAY: Micros = Micros::from_ms(2_000);

impl Stream {
    pub(super) fn learn_skew(&mut self, frame: &PlatesFrame, now: Now) {
        if let Some(sent) = frame.sent {
            self.learn_sent(sent, now);
        }
        if let Some(at) = frame.at {
            let wall = trusted(now).filter(|_| !self.fits(at, now.mono));
            self.skew.observe(at, now.mono, wall);
        }
        self.note_off(now);
        if trusted(now).is_some() {
            self.clock_fault = self.clock_off_ms.and_then(ClockFault::of);
        }
    }

    /// Against a clock that is not believed nothing can be said.
    pub(super) fn note_off(&mut self, now: Now) {
        self.clock_off_ms = trusted(now).and_then(|_| self.skew_ms(now));
    }

    /// A stamp of the sending: it proves what is known, and teaches where it
    /// contradicts. In whole seconds it is up to a second early, so one that
    /// fits must not make the estimate worse.
    pub(super) fn learn_sent(&mut self, sent: Wall, now: Now) {
        if self.fits(sent, now.mono) {
            self.skew.observe(sent, now.mono, None);
        } else {
            self.skew.heartbeat(sent, now.mono, trusted(now));
        }
    }

    pub(super) fn fits(&self, stamp: Wall, arrived: Mono) -> bool {
        let made = self.skew.taken(stamp);
        made.is_some_and(|at| at <= arrived && arrived.since(at) <= ON_ITS_WAY)
    }

    /// Seals keep each its own time, and an old one may be an old event. Only
    /// what no event explains is a fault of its clock.
    pub(super) fn judge_seal_clock(&mut self, frame: &SealFrame, now: Now) {
        let Some(at) = frame.at.filter(|_| trusted(now).is_some()) else {
            return;
        };
        if frame.replay {
            return;
        }
        self.clock_fault = match ClockFault::of(at - now.wall) {
            Some(ClockFault::Off { s }) if s < 0 => None,
            fault => fault,
        };
    }
}

/// The wall clock, if it is to be believed.
fn trusted(now: Now) -> Option<Wall> {
    (now.clock == Clock::Trusted).then_some(now.wall)
}
