//! What the limit switches tell of the arm: cycles, and how long a lift takes.
//! Sans-IO; the lane decides by its own eyes.

use lanegate_core::model::Inputs;
use lanegate_core::time::{Micros, Mono};

/// One arm.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArmWatch {
    lifted_at: Option<Mono>,
    was_up: bool,
}

/// What was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ArmSeen {
    /// Up, so long after the lift command; none = nobody commanded it.
    Up(Option<Micros>),
    /// Down again: a cycle is complete.
    Down,
}

impl ArmWatch {
    pub(super) const fn new() -> Self {
        Self {
            lifted_at: None,
            was_up: false,
        }
    }

    /// A lift was handed to the board.
    pub(super) const fn lifted(&mut self, now: Mono) {
        self.lifted_at = Some(now);
    }

    /// The board's inputs came in.
    pub(super) fn inputs(&mut self, inputs: &Inputs, now: Mono) -> Option<ArmSeen> {
        match (self.was_up, inputs.arm_up, inputs.arm_down) {
            (false, true, false) => {
                self.was_up = true;
                let took = self.lifted_at.take();
                Some(ArmSeen::Up(took.map(|at| now.since(at))))
            }
            (true, false, true) => {
                self.was_up = false;
                self.lifted_at = None;
                Some(ArmSeen::Down)
            }
            // On its way, or switches that contradict each other.
            (true | false, _, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(arm_up: bool, arm_down: bool) -> Inputs {
        Inputs {
            presence: false,
            inhibit: false,
            arm_up,
            arm_down,
            bay: None,
            diverter_bay: None,
            whole: None,
        }
    }

    #[test]
    fn a_lift_is_timed_to_the_upper_switch_and_a_cycle_ends_at_the_lower() {
        let mut arm = ArmWatch::new();
        let ms = |ms: u64| Mono(ms * 1000);
        assert_eq!(arm.inputs(&inputs(false, true), ms(0)), None);
        arm.lifted(ms(100));
        assert_eq!(arm.inputs(&inputs(false, false), ms(600)), None);
        let up = ArmSeen::Up(Some(Micros::from_ms(1000)));
        assert_eq!(arm.inputs(&inputs(true, false), ms(1100)), Some(up));
        assert_eq!(arm.inputs(&inputs(true, false), ms(1200)), None);
        assert_eq!(arm.inputs(&inputs(false, false), ms(3000)), None);
        assert_eq!(
            arm.inputs(&inputs(false, true), ms(4000)),
            Some(ArmSeen::Down)
        );
        // By hand: nobody commanded it, and both switches at once are no arm.
        assert_eq!(arm.inputs(&inputs(true, true), ms(5000)), None);
        let by_hand = Some(ArmSeen::Up(None));
        assert_eq!(arm.inputs(&inputs(true, false), ms(6000)), by_hand);
    }
}
