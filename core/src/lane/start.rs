//! States without a truck to decide about: Starting, Securing, Vacant,
//! ArmUp, Closed, Faulted.

use super::arm::Falling;
use super::sensors::ArmSeen;
use super::state::{Behind, Cause, State, WhyUp};
use super::{Command, Lane, Lights, Orphan, RED, Sign, Tell};
use crate::model::Outcome;
use crate::record::{ArmDownBody, ArmUpBody, FaultBody, UnpairedLiftBody};
use crate::time::{Mono, Now};

impl Lane {
    pub(super) fn enter_starting(&mut self, now: Now, why: &'static str) {
        self.state = State::Starting { since: now.mono };
        self.sensors.restart(now.mono);
        self.show(RED, Sign::Stop);
        self.tell_entered(why);
    }

    pub(super) fn step_starting(&mut self, since: Mono, now: Now) -> bool {
        if self.keep_up || self.maintenance {
            let why = if self.keep_up {
                WhyUp::KeepUp
            } else {
                WhyUp::Maintenance
            };
            self.enter_arm_up(why, now, "in-force");
            return true;
        }
        // Whatever was seen before the lane began anew does not count.
        let fresh_for = self.sensors.fresh_for(now.mono).min(now.mono.since(since));
        match self.arm(now) {
            ArmSeen::Unknown => false,
            ArmSeen::Down if fresh_for >= self.config.settle => {
                self.enter_vacant("arm-down");
                true
            }
            ArmSeen::Up if fresh_for >= self.config.settle => {
                if self.ours_up {
                    self.enter_securing(0, now, "arm-up-ours");
                } else {
                    self.enter_arm_up(WhyUp::Unpaired, now, "arm-up");
                }
                true
            }
            ArmSeen::Between | ArmSeen::Both => self.fault_if_arm_lost(since, now),
            ArmSeen::Down | ArmSeen::Up => false,
        }
    }

    fn fault_if_arm_lost(&mut self, since: Mono, now: Now) -> bool {
        let lost_for = self.sensors.arm_for(now.mono).min(now.mono.since(since));
        if lost_for < self.config.arm_max {
            return false;
        }
        let cause = match self.arm(now) {
            ArmSeen::Both => Cause::LimitSwitches,
            ArmSeen::Between | ArmSeen::Up | ArmSeen::Down | ArmSeen::Unknown => Cause::ArmPosition,
        };
        self.enter_faulted(cause, true, now);
        true
    }

    pub(super) fn enter_securing(&mut self, raises: u32, now: Now, why: &'static str) {
        self.state = State::Securing {
            since: now.mono,
            raises,
        };
        self.show(RED, Sign::Stop);
        self.tell_entered(why);
    }

    pub(super) fn step_securing(&mut self, since: Mono, now: Now) -> bool {
        match self.arm(now) {
            ArmSeen::Down => {
                self.enter_vacant("arm-down");
                return true;
            }
            ArmSeen::Between | ArmSeen::Both => return self.fault_if_arm_lost(since, now),
            ArmSeen::Unknown => return false,
            ArmSeen::Up => {}
        }
        let (stale, quiet) = (self.config.io_stale, self.config.secure);
        let waited = now.mono.since(since) >= quiet;
        if waited && self.sensors.inhibit_quiet(now.mono, stale, quiet) {
            let raises = if let State::Securing { raises, .. } = &self.state {
                *raises
            } else {
                0
            };
            self.enter_lowering(Behind::Secured, raises, now, "quiet");
            return true;
        }
        false
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
        let pending = if let State::Committing {
            token,
            pending,
            answered: None,
            ..
        } = &self.state
        {
            Some((token.clone(), pending.order_id()))
        } else {
            None
        };
        let Some(passage) = self.take_passage() else {
            return;
        };
        let Some((token, order)) = pending else {
            self.end_passage(&passage, Outcome::Unknown, None, now);
            return;
        };
        self.end_orphan(now);
        self.orphan = Some(Orphan {
            token,
            passage,
            order,
        });
    }

    /// Heard, or given up, after its passage was: nothing lifts, what was
    /// spent is kept, unsettled.
    pub(super) fn end_orphan(&mut self, now: Now) {
        if let Some(orphan) = self.orphan.take() {
            self.end_passage(&orphan.passage, Outcome::Unknown, None, now);
            if let Some(order) = orphan.order {
                self.commands.push_back(Command::AnswerOrder {
                    order,
                    refused: Some("not-carried-out".to_owned()),
                });
            }
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
        self.note_unpaired_in_fault(now);
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

    /// An arm raised by hand in a faulted lane is a record, and an officer
    /// has to look.
    fn note_unpaired_in_fault(&mut self, now: Now) {
        let seen_up = self.arm(now) == ArmSeen::Up && !self.ours_up;
        let State::Faulted { arm_was_up, .. } = &mut self.state else {
            return;
        };
        if seen_up && !*arm_was_up {
            *arm_was_up = true;
            let state = self.state.name().to_owned();
            self.note(now, None, vec![UnpairedLiftBody { state }.into()]);
            self.tell(Tell::Alarm("unpaired-lift"));
        }
    }

    /// The arm went where it was sent: the records say so. Down counts only
    /// once it has moved since the lift, or a slow arm would seem to be down
    /// again before it rose.
    pub(super) fn note_arm(&mut self, now: Now) {
        if !self.ours_up {
            return;
        }
        let took_ms = Some(now.mono.since(self.lifted_at).as_ms());
        let arm = self.arm(now);
        if arm == ArmSeen::Up && !self.arm_up_noted {
            self.arm_up_noted = true;
            let id = self.state.passage().map(|p| p.id.clone());
            self.note(now, id.as_ref(), vec![ArmUpBody { took_ms }.into()]);
        }
        let lowering_records_it = matches!(
            self.state,
            State::Cleared { .. } | State::Passing { .. } | State::Lowering { .. }
        );
        let moved = self.sensors.arm_since() > self.lifted_at;
        if arm == ArmSeen::Down && moved && !lowering_records_it {
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
            _ => self.say_lights_again(now),
        }
    }

    /// Puts the lift pulse on the queue; only called behind a durable record
    /// or to raise an arm that was being lowered (L1).
    pub(super) fn lift(&mut self, now: Now) {
        let passage = self.state.passage().map(|p| p.id.clone());
        if !self.ours_up {
            self.arm_up_noted = false;
        }
        self.ours_up = true;
        self.lifted_at = now.mono;
        self.falling = match self.falling {
            Falling::No => Falling::No,
            Falling::Down => Falling::Raising {
                pulsed_at: now.mono,
                pulses: 1,
            },
            Falling::Raising { pulses, .. } => Falling::Raising {
                pulsed_at: now.mono,
                pulses: pulses + 1,
            },
        };
        self.commands.push_back(Command::LiftArm { passage });
    }
}
