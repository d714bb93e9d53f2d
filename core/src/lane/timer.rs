//! Every deadline of a lane, in one place.

use smallvec::SmallVec;

use super::Lane;
use super::arm::Falling;
use super::sensors::ArmSeen;
use super::state::State;
use crate::time::Mono;

/// Why the lane wants to be woken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Timer {
    /// Inputs have been fresh long enough.
    Settle,
    /// The arm has been at neither limit for too long.
    ArmPosition,
    /// Quiet under an arm that is ours.
    Secure,
    /// Evidence, recapture or look-up.
    Gather,
    /// The committer has not answered.
    Commit,
    /// The arm has not been seen up.
    Lift,
    /// The truck has not passed.
    Pass,
    /// The arm has not been seen down, or had time to move.
    Lower,
    /// Inputs are stale while the arm is on its way down, or raised again.
    Stale,
    /// A raise is pulsed again.
    Raise,
    /// A lane order has not been answered by the committer.
    LaneOrder,
    /// A truck has not reached the bay.
    Bay,
}

/// Asked for after every event: no state has more than this without a bay.
type Deadlines = SmallVec<[(Mono, Timer); 8]>;

impl Lane {
    /// The next deadline, and why. Deadlines already looked at are left out,
    /// so that waiting for it always makes progress.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Mono, Timer)> {
        let mut all = self.state_deadlines();
        // An arm on its way up is pulsed again then, too: its own time may have
        // come while the inputs were still fresh.
        if self.falling != Falling::No {
            let stale = self.sensors.stale_at(self.config.io_stale);
            all.extend(stale.map(|at| (at, Timer::Stale)));
        }
        all.extend(self.raise_due().map(|at| (at, Timer::Raise)));
        all.extend(self.lane_order_due().map(|at| (at, Timer::LaneOrder)));
        all.extend(self.bays.iter().map(|b| (b.until, Timer::Bay)));
        all.into_iter()
            .filter(|(at, _)| *at > self.seen_until)
            .min()
    }

    fn state_deadlines(&self) -> Deadlines {
        let config = &self.config;
        let settled = self.sensors.fresh_since().map(|at| at + config.settle);
        let settled = settled.map(|at| (at, Timer::Settle));
        let quiet = |by, timer| {
            let at = self.sensors.inhibit_quiet_at(by);
            at.map(|at| (at, timer))
        };
        let mut all = Deadlines::new();
        match &self.state {
            State::Starting { since } => {
                all.extend(settled);
                all.push((*since + config.settle, Timer::Settle));
                all.push((*since + config.arm_max, Timer::ArmPosition));
                all.extend(self.arm_deadline());
            }
            State::Securing { since, .. } => {
                all.extend(quiet(config.secure, Timer::Secure));
                all.push((*since + config.secure, Timer::Secure));
                all.push((*since + config.arm_max, Timer::ArmPosition));
                all.extend(self.arm_deadline());
            }
            State::Vacant
            | State::Closed
            | State::Held { .. }
            | State::Returning { .. }
            | State::Diverting { .. } => all.extend(self.arm_deadline()),
            State::Gathering { .. } => {
                let deadlines = self.gathering_deadlines();
                all.extend(deadlines.into_iter().map(|at| (at, Timer::Gather)));
                all.extend(self.arm_deadline());
            }
            State::Committing { until, .. } => all.push((*until, Timer::Commit)),
            State::Cleared { until, .. } => all.push((*until, Timer::Lift)),
            State::Passing { until, .. } => all.push((*until, Timer::Pass)),
            State::Lowering {
                until, lowered_at, ..
            } => {
                all.push((*until, Timer::Lower));
                all.push((*lowered_at + config.settle, Timer::Lower));
            }
            State::ArmUp { .. } => {}
            State::Faulted { .. } => {
                all.extend(settled);
                all.extend(quiet(config.settle, Timer::Settle));
            }
        }
        all
    }

    fn arm_deadline(&self) -> Option<(Mono, Timer)> {
        let lost = match self.sensors.arm(self.seen_until, self.config.io_stale) {
            ArmSeen::Between | ArmSeen::Both => true,
            ArmSeen::Up | ArmSeen::Down | ArmSeen::Unknown => false,
        };
        lost.then(|| {
            (
                self.sensors.arm_since() + self.config.arm_max,
                Timer::ArmPosition,
            )
        })
    }
}
