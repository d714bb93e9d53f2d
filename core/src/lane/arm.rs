//! States in which the arm is ours: Cleared, Passing, Lowering; and the watch
//! that never lets it come down onto a truck (L3).

use super::commit::TAKEN_BACK;
use super::sensors::{ArmSeen, Edges, Track};
use super::state::{Behind, Cause, Exit, Passage, State, Unproven, WhyUp};
use super::{Command, Geometry, Lane, Lights, RED, Sign, Tell};
use crate::model::{Inputs, Outcome};
use crate::record::{ArmDownBody, TailgateBody};
use crate::time::{Micros, Mono, Now};

/// Times an arm is raised again before the lane faults.
const RAISES_MAX: u32 = 3;
/// Pulses one raise may take, and the time between them: a pulse may be lost.
const RAISE_PULSES_MAX: u32 = 10;
const RAISE_PULSE_EVERY: Micros = Micros::from_ms(500);

/// Whether the arm is coming down by our command, and what was done about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Falling {
    /// Not by our command.
    No,
    /// Commanded down and not yet seen down.
    Down,
    /// Commanded up again and not yet seen up.
    Raising {
        /// The last pulse.
        pulsed_at: Mono,
        /// How many.
        pulses: u32,
    },
}

/// The end a passage will have once the arm is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Passed,
    GivenBack,
    NotSeenPassing,
}

/// A give-back needs proof that the truck did not pass: it left, it was never
/// under the arm, and the arm never moved.
const fn end_of(track: &Track) -> End {
    if track.crossed {
        End::Passed
    } else if track.left && !track.under_arm && !track.arm_moved {
        End::GivenBack
    } else {
        End::NotSeenPassing
    }
}

impl Lane {
    pub(super) fn enter_cleared(
        &mut self,
        passage: Box<Passage>,
        to: Exit,
        ordered: bool,
        now: Now,
    ) {
        let waits_for_diverter = self.config.geometry == Geometry::DiverterArm;
        self.state = State::Cleared {
            passage,
            to,
            ordered,
            since: now.mono,
            track: Track::default(),
            lifted_at: None,
            until: now.mono + self.config.arm_max,
            unproven: Unproven::default(),
        };
        self.show(RED, Sign::Wait);
        if waits_for_diverter {
            let to_bay = to == Exit::Bay;
            self.commands.push_back(Command::Divert { to_bay });
        } else {
            self.lift_cleared(now);
        }
        self.tell_entered("durable");
    }

    fn lift_cleared(&mut self, now: Now) {
        self.lift(now);
        let limit = now.mono + self.config.arm_max;
        if let State::Cleared {
            lifted_at,
            until,
            track,
            ..
        } = &mut self.state
        {
            *lifted_at = Some(now.mono);
            *until = limit;
            // Edges count from the lift command on.
            *track = Track::default();
        }
    }

    pub(super) fn step_cleared(&mut self, now: Now) -> bool {
        let clear = self.inhibit_clear(now);
        let arm = self.arm(now);
        let State::Cleared {
            to,
            track,
            lifted_at,
            until,
            since,
            ..
        } = &self.state
        else {
            return false;
        };
        let (to, late) = (*to, now.mono >= *until);
        if lifted_at.is_none() {
            return self.step_diverter(to, *since, late, now);
        }
        if track.left && clear {
            self.lower_behind_passage(now, "left");
            return true;
        }
        if arm == ArmSeen::Up {
            self.enter_passing(0, now, "arm-up");
            return true;
        }
        if late {
            self.enter_faulted(Cause::LiftNotConfirmed, true, now);
        }
        late
    }

    fn step_diverter(&mut self, to: Exit, since: Mono, late: bool, now: Now) -> bool {
        if self.arm_not_down(now) {
            self.enter_arm_up(WhyUp::Unpaired, now, "arm-up");
            return true;
        }
        let wanted = to == Exit::Bay;
        let stands = self
            .sensors
            .fresh_after(since, now.mono, self.config.io_stale)
            .and_then(|i| i.diverter_bay);
        if !self.sensors.present() {
            self.leave_before_lift(now);
            return true;
        }
        if self.is_taken_back() {
            if let Some(passage) = self.take_passage() {
                self.judge_after(passage, TAKEN_BACK, "taken-back", now);
            }
            return true;
        }
        if stands == Some(wanted) {
            self.lift_cleared(now);
            return false;
        }
        if late {
            self.enter_faulted(Cause::Diverter, false, now);
        }
        late
    }

    /// A device took back what the rules cleared the truck on.
    fn is_taken_back(&self) -> bool {
        matches!(&self.state, State::Cleared { passage, ordered: false, .. }
            if passage.evidence.is_taken_back())
    }

    /// The truck left before anything moved, or at least before we moved it.
    fn leave_before_lift(&mut self, now: Now) {
        let clean = if let State::Cleared { unproven, .. } = &self.state {
            unproven.clean()
        } else {
            false
        };
        if let Some(passage) = self.take_passage() {
            self.end_unlifted(&passage, clean, now);
        }
        self.enter_vacant("left");
    }

    /// A cleared passage ends without a lift: given back if it is proven that
    /// the truck did not pass, else its end is unknown.
    pub(super) fn end_unlifted(&mut self, passage: &Passage, clean: bool, now: Now) {
        let why = "left before the lift, the arm stayed down, nothing under it";
        if clean || !passage.spent {
            self.end_passage(passage, Outcome::Left, Some(why), now);
        } else {
            self.end_passage(passage, Outcome::Unknown, None, now);
        }
    }

    /// From Cleared, or from Lowering after a raise.
    fn enter_passing(&mut self, raises: u32, now: Now, why: &'static str) {
        let until = now.mono + self.config.pass_max;
        let (State::Cleared {
            passage, to, track, ..
        }
        | State::Lowering {
            behind: Behind::Passage { passage, to, track },
            ..
        }) = std::mem::replace(&mut self.state, State::Vacant)
        else {
            unreachable!("a truck passes only after it was cleared");
        };
        self.state = State::Passing {
            passage,
            to,
            track,
            until,
            raises,
        };
        self.show_passing(to);
        self.tell_entered(why);
    }

    /// Green is for the cleared truck alone: once it has left the stop line
    /// the lamp is red for whoever comes next. So it is when the arm went up
    /// again: for whoever may be under it, who sees no lamp. Who stands at the
    /// line then may be another truck, where the loop missed the gap.
    fn show_passing(&mut self, to: Exit) {
        let red = matches!(&self.state, State::Passing { track, raises, .. } if track.left || *raises > 0);
        if red {
            self.show(RED, Sign::Stop);
            return;
        }
        let lights = Lights {
            exit_green: true,
            to_bay: to == Exit::Bay,
            ..RED
        };
        let sign = match to {
            Exit::Road => Sign::Go,
            Exit::Bay => Sign::ToBay(self.driver_lines()),
        };
        self.show(lights, sign);
    }

    pub(super) fn step_passing(&mut self, now: Now) -> bool {
        if let State::Passing { to, .. } = &self.state {
            let to = *to;
            self.show_passing(to);
        }
        let clear = self.inhibit_clear(now);
        let State::Passing { track, until, .. } = &self.state else {
            return false;
        };
        if track.left && clear {
            self.lower_behind_passage(now, "passed");
            return true;
        }
        if now.mono >= *until && !track.left && clear {
            self.lower_behind_passage(now, "pass-timeout");
            return true;
        }
        false
    }

    fn lower_behind_passage(&mut self, now: Now, why: &'static str) {
        let raises = if let State::Passing { raises, .. } = &self.state {
            *raises
        } else {
            0
        };
        let (State::Cleared {
            passage, to, track, ..
        }
        | State::Passing {
            passage, to, track, ..
        }) = std::mem::replace(&mut self.state, State::Vacant)
        else {
            unreachable!("nothing to lower behind");
        };
        let behind = Behind::Passage { passage, to, track };
        self.enter_lowering(behind, raises, now, why);
    }

    pub(super) fn enter_lowering(
        &mut self,
        behind: Behind,
        raises: u32,
        now: Now,
        why: &'static str,
    ) {
        self.state = State::Lowering {
            behind,
            lowered_at: now.mono,
            until: now.mono + self.config.arm_max,
            raises,
        };
        self.show(RED, Sign::Stop);
        self.falling = Falling::Down;
        self.commands.push_back(Command::LowerArm);
        self.tell_entered(why);
    }

    pub(super) fn step_lowering(&mut self, now: Now) -> bool {
        let arm = self.arm(now);
        let State::Lowering {
            behind,
            lowered_at,
            until,
            ..
        } = &self.state
        else {
            return false;
        };
        // An arm that never left "down" may still be about to rise: it counts
        // as down only after it had time to move.
        let never_moved = matches!(behind, Behind::Passage { track, .. } if !track.arm_moved);
        let settled = now.mono >= *lowered_at + self.config.settle
            || (!never_moved && self.sensors.arm_since() > *lowered_at);
        if arm == ArmSeen::Down && settled {
            let took_ms = Some(now.mono.since(*lowered_at).as_ms());
            self.finish_lowering(took_ms, now);
            return true;
        }
        if now.mono >= *until {
            self.enter_faulted(Cause::LowerNotConfirmed, true, now);
            return true;
        }
        false
    }

    fn finish_lowering(&mut self, took_ms: Option<u64>, now: Now) {
        self.falling = Falling::No;
        self.ours_up = false;
        let id = self.state.passage().map(|p| p.id.clone());
        self.note(now, id.as_ref(), vec![ArmDownBody { took_ms }.into()]);
        if let State::Lowering {
            behind: Behind::Passage { passage, to, track },
            ..
        } = std::mem::replace(&mut self.state, State::Vacant)
        {
            self.end_lowered(&passage, to, end_of(&track), now);
        }
        self.enter_vacant("arm-down");
    }

    fn end_lowered(&mut self, passage: &Passage, to: Exit, end: End, now: Now) {
        let give_back = "left the lane, never under the arm, the arm never moved";
        match (to, end) {
            (Exit::Bay, End::Passed) if self.config.bay_input => self.wait_for_bay(passage, now),
            (Exit::Bay, End::Passed) => self.end_passage(passage, Outcome::ToBay, None, now),
            (Exit::Bay, End::GivenBack) => self.end_passage(passage, Outcome::Left, None, now),
            (Exit::Bay, End::NotSeenPassing) => {
                self.end_passage(passage, Outcome::Unknown, None, now);
            }
            (Exit::Road, End::Passed) => self.end_passage(passage, Outcome::Passed, None, now),
            (Exit::Road, End::GivenBack) => {
                self.end_passage(passage, Outcome::GivenBack, Some(give_back), now);
            }
            (Exit::Road, End::NotSeenPassing) => {
                self.end_passage(passage, Outcome::NotSeenPassing, None, now);
            }
        }
    }

    /// L3: an arm on its way down by our command is raised again as soon as
    /// the closing inhibit is on, unknown or stale, whatever the state; and
    /// again, until it is seen to have gone up.
    pub(super) fn watch_falling(&mut self, now: Now) {
        let arm = self.arm(now);
        match self.falling {
            Falling::No => {}
            Falling::Down if arm == ArmSeen::Down => {
                // A lowering ends by itself; until then an arm that leaves
                // "down" is still watched.
                if !matches!(self.state, State::Lowering { .. }) {
                    self.falling = Falling::No;
                }
            }
            Falling::Down if self.inhibit_clear(now) => {}
            Falling::Down => self.raise_again(now),
            Falling::Raising { .. } if matches!(arm, ArmSeen::Up | ArmSeen::Down) => {
                self.falling = Falling::No;
            }
            Falling::Raising { pulsed_at, pulses } => {
                let due = now.mono >= pulsed_at + RAISE_PULSE_EVERY;
                if due && pulses < RAISE_PULSES_MAX && !self.inhibit_clear(now) {
                    self.lift(now);
                }
            }
        }
    }

    /// When the next raise pulse is due.
    pub(super) fn raise_due(&self) -> Option<Mono> {
        match self.falling {
            Falling::Raising { pulsed_at, pulses } if pulses < RAISE_PULSES_MAX => {
                Some(pulsed_at + RAISE_PULSE_EVERY)
            }
            Falling::Raising { .. } | Falling::No | Falling::Down => None,
        }
    }

    fn raise_again(&mut self, now: Now) {
        self.lift(now);
        self.tell(Tell::Alarm("raised-again"));
        let State::Lowering { raises, behind, .. } = &self.state else {
            return;
        };
        let raises = raises + 1;
        if raises > RAISES_MAX {
            self.enter_faulted(Cause::RaisedTooOften, true, now);
        } else if *behind == Behind::Secured {
            self.enter_securing(raises, now, "raised-again");
        } else {
            self.enter_passing(raises, now, "raised-again");
        }
    }

    pub(super) fn observe_track(&mut self, inputs: &Inputs, edges: Edges, now: Now) {
        let present = self.sensors.present();
        let (State::Cleared {
            track,
            lifted_at: Some(_),
            ..
        }
        | State::Passing { track, .. }
        | State::Lowering {
            behind: Behind::Passage { track, .. },
            ..
        }) = &mut self.state
        else {
            return;
        };
        if track.observe(inputs, edges, present) {
            let state = self.state.name().to_owned();
            let id = self.state.passage().map(|p| p.id.clone());
            self.note(now, id.as_ref(), vec![TailgateBody { state }.into()]);
            self.tell(Tell::Alarm("tailgate"));
        }
    }
}
