//! The barrier arm: driven by pulses, holds where it is when nothing is
//! commanded, and has no safety edge, so that a bad gateway shows.

use crate::options::Us;

/// Fully up.
pub(crate) const UP: i64 = 1000;
/// Below this height a truck under the arm is hit.
pub(crate) const CLEAR: i64 = 600;

/// An arm's motion; positions in permille of fully up.
#[derive(Debug, Clone)]
pub(crate) struct Arm {
    from: i64,
    target: i64,
    since: Us,
    travel_us: Us,
    /// Rises with every command, so that marks of an older motion are void.
    pub(crate) motion: u32,
    /// How often the arm has come to rest down.
    pub(crate) downs: u64,
    /// When it last began to rise.
    pub(crate) raised_at: Us,
}

/// A moment in an arm's motion that somebody must look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArmMark {
    /// It has come down to where it would touch a truck.
    ClearanceLost,
    /// It has reached the end it was sent to.
    Limit,
}

impl Arm {
    pub(crate) fn new(travel_us: Us) -> Arm {
        Arm {
            from: 0,
            target: 0,
            since: 0,
            travel_us: travel_us.max(1),
            motion: 0,
            downs: 1,
            raised_at: 0,
        }
    }

    /// Sends the arm to `target`; the marks of the new motion, in order.
    pub(crate) fn send(&mut self, at: Us, target: i64) -> Vec<(Us, ArmMark)> {
        let from = self.position(at);
        if target == self.target {
            // Already on its way or there: a repeated pulse changes nothing.
            return Vec::new();
        }
        self.restart(at, from, target);
        let mut marks = Vec::new();
        if target < CLEAR && from >= CLEAR {
            marks.push((at + self.duration(from - CLEAR + 1), ArmMark::ClearanceLost));
        }
        if from != target {
            marks.push((at + self.duration((target - from).abs()), ArmMark::Limit));
        }
        if target > from {
            self.raised_at = at;
        }
        marks
    }

    /// Stops where it is.
    pub(crate) fn stop(&mut self, at: Us) {
        let from = self.position(at);
        self.restart(at, from, from);
    }

    pub(crate) fn position(&self, at: Us) -> i64 {
        let travelled = (at.saturating_sub(self.since) * 1000 / self.travel_us).min(1000) as i64;
        if self.target >= self.from {
            (self.from + travelled).min(self.target)
        } else {
            (self.from - travelled).max(self.target)
        }
    }

    pub(crate) fn is_up(&self, at: Us) -> bool {
        self.position(at) == UP
    }

    pub(crate) fn is_down(&self, at: Us) -> bool {
        self.position(at) == 0
    }

    /// On its way somewhere.
    pub(crate) fn is_moving(&self, at: Us) -> bool {
        self.position(at) != self.target
    }

    /// On its way down, or sent there.
    pub(crate) fn is_lowering(&self, at: Us) -> bool {
        self.target < self.from && self.position(at) > self.target
    }

    fn restart(&mut self, at: Us, from: i64, target: i64) {
        self.from = from;
        self.target = target;
        self.since = at;
        self.motion += 1;
    }

    fn duration(&self, permille: i64) -> Us {
        // Rounded up, so that at that moment the position has been reached.
        (permille.unsigned_abs() * self.travel_us).div_ceil(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arm_takes_its_travel_time_and_holds_where_it_is_stopped() {
        let mut arm = Arm::new(1_000_000);
        assert_eq!(arm.send(0, UP), vec![(1_000_000, ArmMark::Limit)]);
        assert_eq!(arm.position(250_000), 250);
        arm.stop(250_000);
        assert_eq!(arm.position(9_000_000), 250);
        assert!(!arm.is_up(9_000_000) && !arm.is_down(9_000_000));
    }

    #[test]
    fn lowering_marks_the_moment_a_truck_would_be_touched_before_the_limit() {
        let mut arm = Arm::new(1_000_000);
        arm.send(0, UP);
        let marks = arm.send(2_000_000, 0);
        assert_eq!(
            marks,
            vec![
                (2_401_000, ArmMark::ClearanceLost),
                (3_000_000, ArmMark::Limit)
            ]
        );
        assert_eq!(arm.position(2_401_000), CLEAR - 1);
        assert!(arm.is_lowering(2_401_000) && !arm.is_lowering(3_000_000));
    }

    #[test]
    fn a_repeated_pulse_does_not_restart_the_motion() {
        let mut arm = Arm::new(1_000_000);
        arm.send(0, UP);
        assert_eq!(arm.send(500_000, UP), vec![]);
        assert_eq!(arm.position(1_000_000), UP);
        assert_eq!(arm.send(5_000_000, UP), vec![]);
    }
}
