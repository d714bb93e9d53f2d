//! States without a truck to decide about: Starting, Securing, Vacant,
//! ArmUp, Closed, Faulted.

use super::sensors::ArmSeen;
use super::state::{Behind, Cause, State, WhyUp};
use super::{Command, Lane, Lights, RED, Sign, Tell};
use crate::model::Outcome;
use crate::record::{ArmDownBody, FaultBody, UnpairedLiftBody};
use crate::time::Now;

impl Lane {
    pub(super) fn enter_starting(&mut self, _now: Now, why: &'static str) {
        self.state = State::Starting;
        self.show(RED, Sign::Stop);
        self.tell_entered(why);
    }

    pub(super) fn step_starting(&mut self, now: Now) -> bool {
        if self.keep_up || self.maintenance {
            let why = if self.keep_up {
                WhyUp::KeepUp
            } else {
                WhyUp::Maintenance
            };
            self.enter_arm_up(why, now, "in-force");
            return true;
        }
        let fresh_for = self.sensors.fresh_for(now.mono);
        match self.arm(now) {
            ArmSeen::Unknown => false,
            ArmSeen::Down if fresh_for >= self.config.settle => {
                self.enter_vacant("arm-down");
                true
            }
            ArmSeen::Up if fresh_for >= self.config.settle => {
                if self.ours_up {
                    self.enter_securing("arm-up-ours");
                } else {
                    self.enter_arm_up(WhyUp::Unpaired, now, "arm-up");
                }
                true
            }
            ArmSeen::Between | ArmSeen::Both => self.fault_if_arm_lost(now),
            ArmSeen::Down | ArmSeen::Up => false,
        }
    }

    fn fault_if_arm_lost(&mut self, now: Now) -> bool {
        if self.sensors.arm_for(now.mono) < self.config.arm_max {
            return false;
        }
        let cause = match self.arm(now) {
            ArmSeen::Both => Cause::LimitSwitches,
            ArmSeen::Between | ArmSeen::Up | ArmSeen::Down | ArmSeen::Unknown => Cause::ArmPosition,
        };
        self.enter_faulted(cause, true, now);
        true
    }

    fn enter_securing(&mut self, why: &'static str) {
        self.state = State::Securing;
        self.show(RED, Sign::Stop);
        self.tell_entered(why);
    }

    pub(super) fn step_securing(&mut self, now: Now) -> bool {
        match self.arm(now) {
            ArmSeen::Down => {
                self.enter_vacant("arm-down");
                return true;
            }
            ArmSeen::Between | ArmSeen::Both => return self.fault_if_arm_lost(now),
            ArmSeen::Unknown => return false,
            ArmSeen::Up => {}
        }
        let (stale, quiet) = (self.config.io_stale, self.config.secure);
        if self.sensors.inhibit_quiet(now.mono, stale, quiet) {
            self.enter_lowering(Behind::Secured, 0, now, "quiet");
            return true;
        }
        false
    }

    pub(super) fn enter_securing_after_raise(&mut self) {
        self.enter_securing("raised-again");
    }

    pub(super) fn enter_vacant(&mut self, why: &'static str) {
        self.state = State::Vacant;
        let lights = Lights {
            entry_red: false,
            ..RED
        };
        self.show(lights, Sign::Welcome);
        self.tell_entered(why);
    }

    pub(super) fn step_vacant(&mut self, now: Now) -> bool {
        if self.arm_not_down(now) {
            self.enter_arm_up(WhyUp::Unpaired, now, "arm-up");
            return true;
        }
        if self.closed || self.draining {
            self.enter_closed("close-in-force");
            return true;
        }
        if self.sensors.present() {
            self.enter_gathering_new(now);
            return true;
        }
        false
    }

    fn enter_closed(&mut self, why: &'static str) {
        self.state = State::Closed;
        self.show(RED, Sign::Closed);
        self.tell_entered(why);
    }

    pub(super) fn step_closed(&mut self, now: Now) -> bool {
        if !self.closed && !self.draining {
            self.enter_starting(now, "opened");
            return true;
        }
        if self.arm_not_down(now) {
            self.enter_arm_up(WhyUp::Unpaired, now, "arm-up");
            return true;
        }
        false
    }

    /// The present passage, if one, ends unknown: its spend is kept. A commit
    /// under way is remembered, since its answer may still come.
    pub(super) fn abandon_passage(&mut self, now: Now) {
        let pending = if let State::Committing { token, .. } = &self.state {
            Some(token.clone())
        } else {
            None
        };
        let Some(passage) = self.take_passage() else {
            return;
        };
        match pending {
            Some(token) => self.orphan = Some((token, passage)),
            None => self.end_passage(&passage, Outcome::Unknown, None, now),
        }
    }

    pub(super) fn enter_arm_up(&mut self, why: WhyUp, now: Now, cause: &'static str) {
        if why == WhyUp::Unpaired {
            let state = self.state.name().to_owned();
            let passage = self.state.passage().map(|p| p.id.clone());
            let body = UnpairedLiftBody { state };
            self.note(now, passage.as_ref(), vec![body.into()]);
            self.tell(Tell::Alarm("unpaired-lift"));
            self.ours_up = false;
        }
        self.abandon_passage(now);
        self.state = State::ArmUp { why };
        self.show(RED, Sign::Manual);
        self.tell_entered(cause);
    }

    pub(super) fn step_arm_up(&mut self, why: WhyUp, now: Now) -> bool {
        let over = match why {
            WhyUp::Unpaired => self.arm(now) == ArmSeen::Down && self.inhibit_clear(now),
            WhyUp::KeepUp => !self.keep_up,
            WhyUp::Maintenance => !self.maintenance,
        };
        if over {
            self.enter_starting(now, "arm-up-over");
        }
        over
    }

    pub(super) fn enter_faulted(&mut self, cause: Cause, arm_was_up: bool, now: Now) {
        let state = self.state.name().to_owned();
        let passage = self.state.passage().map(|p| p.id.clone());
        let body = FaultBody {
            cause: cause.as_str().to_owned(),
            state,
        };
        self.note(now, passage.as_ref(), vec![body.into()]);
        self.abandon_passage(now);
        self.state = State::Faulted { cause, arm_was_up };
        self.show(RED, Sign::Manual);
        self.tell(Tell::Alarm(cause.as_str()));
        self.tell_entered(cause.as_str());
    }

    /// Only a lost board with the arm down heals by itself; every other cause
    /// waits for an officer.
    pub(super) fn step_faulted(&mut self, now: Now) -> bool {
        let State::Faulted {
            cause: Cause::LaneIo,
            arm_was_up: false,
        } = self.state
        else {
            return false;
        };
        let (stale, settle) = (self.config.io_stale, self.config.settle);
        let healed = self.arm(now) == ArmSeen::Down
            && self.sensors.fresh_for(now.mono) >= settle
            && self.sensors.inhibit_quiet(now.mono, stale, settle);
        if healed {
            self.enter_starting(now, "lane-io-back");
        }
        healed
    }

    /// Our arm is down again outside of a lowering: the record says so.
    pub(super) fn note_arm_down(&mut self, now: Now) {
        let lowering_records_it = matches!(
            self.state,
            State::Cleared { .. } | State::Passing { .. } | State::Lowering { .. }
        );
        if self.ours_up && !lowering_records_it && self.arm(now) == ArmSeen::Down {
            self.ours_up = false;
            self.note(now, None, vec![ArmDownBody { took_ms: None }.into()]);
        }
    }

    pub(super) fn on_output_failed(&mut self, what: &str, now: Now) {
        self.tell(Tell::Alarm("output-failed"));
        match what {
            "arm-up" | "arm-down" | "arm-stop" => {
                let in_hand = matches!(
                    self.state,
                    State::Faulted { .. }
                        | State::ArmUp {
                            why: WhyUp::KeepUp | WhyUp::Maintenance
                        }
                );
                if !in_hand {
                    self.enter_faulted(Cause::Output, true, now);
                }
            }
            "divert" => {
                if matches!(
                    self.state,
                    State::Cleared {
                        lifted_at: None,
                        ..
                    }
                ) {
                    self.enter_faulted(Cause::Diverter, false, now);
                }
            }
            // Lights: set again, and let the next read-back tell.
            _ => self.say_lights_again(),
        }
    }

    /// Puts the lift pulse on the queue; only called behind a durable record
    /// or to raise an arm that was being lowered (L1).
    pub(super) fn lift(&mut self) {
        let passage = self.state.passage().map(|p| p.id.clone());
        self.ours_up = true;
        self.lowering = false;
        self.commands.push_back(Command::LiftArm { passage });
    }
}
