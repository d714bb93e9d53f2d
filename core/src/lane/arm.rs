//! States in which the arm is ours: Cleared, Passing, Lowering; and the watch
//! that never lets it come down onto a truck (L3).

use super::sensors::{ArmSeen, Edges, Track};
use super::state::{Behind, Cause, Exit, Passage, State};
use super::{Command, Geometry, Lane, Lights, RED, Sign, Tell};
use crate::model::{Inputs, Outcome};
use crate::record::{ArmDownBody, ArmUpBody, TailgateBody};
use crate::time::{Mono, Now};

/// Times an arm is raised again before the lane faults.
const RAISES_MAX: u32 = 3;

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
    pub(super) fn enter_cleared(&mut self, passage: Box<Passage>, to: Exit, now: Now) {
        let waits_for_diverter = self.config.geometry == Geometry::DiverterArm;
        self.state = State::Cleared {
            passage,
            to,
            track: Track::default(),
            lifted_at: None,
            until: now.mono + self.config.arm_max,
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
        self.lift();
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
            ..
        } = &self.state
        else {
            return false;
        };
        let (to, late) = (*to, now.mono >= *until);
        let Some(lifted_at) = *lifted_at else {
            return self.step_diverter(to, late, now);
        };
        if track.left && clear {
            self.lower_behind_passage(now, "left");
            return true;
        }
        if arm == ArmSeen::Up {
            self.enter_passing_lifted(lifted_at, now);
            return true;
        }
        if late {
            self.enter_faulted(Cause::LiftNotConfirmed, true, now);
        }
        late
    }

    fn step_diverter(&mut self, to: Exit, late: bool, now: Now) -> bool {
        let wanted = to == Exit::Bay;
        let stands = self
            .sensors
            .fresh(now.mono, self.config.io_stale)
            .and_then(|i| i.diverter_bay);
        if !self.sensors.present() {
            // The truck backed out before anything moved.
            if let Some(passage) = self.take_passage() {
                self.end_passage(&passage, Outcome::Left, Some("left before the lift"), now);
            }
            self.enter_vacant("left");
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

    fn enter_passing_lifted(&mut self, lifted_at: Mono, now: Now) {
        let took_ms = Some(now.mono.since(lifted_at).as_ms());
        let id = self.state.passage().map(|p| p.id.clone());
        self.note(now, id.as_ref(), vec![ArmUpBody { took_ms }.into()]);
        self.enter_passing(0, now, "arm-up");
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
        }) = std::mem::replace(&mut self.state, State::Starting)
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
        self.tell_entered(why);
    }

    pub(super) fn step_passing(&mut self, now: Now) -> bool {
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
        }) = std::mem::replace(&mut self.state, State::Starting)
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
        self.lowering = true;
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
        self.lowering = false;
        self.ours_up = false;
        let id = self.state.passage().map(|p| p.id.clone());
        self.note(now, id.as_ref(), vec![ArmDownBody { took_ms }.into()]);
        if let State::Lowering {
            behind: Behind::Passage { passage, to, track },
            ..
        } = std::mem::replace(&mut self.state, State::Starting)
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
    /// the closing inhibit is on, unknown or stale, whatever the state.
    pub(super) fn watch_lowering(&mut self, now: Now) {
        if !self.lowering {
            return;
        }
        if !matches!(self.state, State::Lowering { .. }) && self.arm(now) == ArmSeen::Down {
            self.lowering = false;
            return;
        }
        if self.inhibit_clear(now) {
            return;
        }
        let State::Lowering { raises, behind, .. } = &self.state else {
            self.lift();
            self.tell(Tell::Alarm("raised-again"));
            return;
        };
        let raises = raises + 1;
        let secured = *behind == Behind::Secured;
        self.lift();
        self.tell(Tell::Alarm("raised-again"));
        if raises > RAISES_MAX {
            self.enter_faulted(Cause::RaisedTooOften, true, now);
        } else if secured {
            self.enter_securing_after_raise();
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
        let before = track.tailgated;
        track.observe(inputs, edges, present);
        if track.tailgated && !before {
            let state = self.state.name().to_owned();
            let id = self.state.passage().map(|p| p.id.clone());
            self.note(now, id.as_ref(), vec![TailgateBody { state }.into()]);
            self.tell(Tell::Alarm("tailgate"));
        }
    }
}
