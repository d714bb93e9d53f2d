//! Orders of officers: about the truck, and about the lane.

use super::arm::Falling;
use super::state::{Passage, Pending, State, WhyUp};
use super::{Command, Guard, Lane, LaneConfig, Refusal, Tell, Token};
use crate::clearance::spend_of;
use crate::model::{LaneOrder, LaneOrderKind, Order, OrderKind, Supply, normalise};
use crate::record::{LaneOrderBody, OrderBody, ResumedBody, SpendOf};
use crate::time::{Clock, Mono, Now, Wall};

/// Plates and containers an officer may supply for one truck (L9).
const SUPPLIED_MAX: usize = 16;

/// A lane order waiting to be durable.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct PendingLaneOrder {
    pub(super) token: Token,
    order: Box<LaneOrder>,
    until: Mono,
    /// Answered as unavailable; only what the journal says of a close, keep-up
    /// or maintenance still counts if it turns out durable.
    given_up: bool,
}

/// With an unknown clock nobody can tell whether an order is still meant: one
/// that expires is refused then (L4).
fn expired(expires: Option<Wall>, now: Now) -> Option<&'static str> {
    let until = expires?;
    match now.clock {
        Clock::Unknown => Some("clock-unknown"),
        Clock::Trusted if now.wall >= until => Some("expired"),
        Clock::Trusted => None,
    }
}

impl Lane {
    pub(super) fn on_order(&mut self, order: Order, now: Now) {
        if let Err(why) = self.order_fits(&order, now) {
            self.refuse_order(order, why, now);
            return;
        }
        let Some(from) = self.state.waiting() else {
            self.refuse_order(order, "not-waiting", now);
            return;
        };
        let Some(passage) = self.take_passage() else {
            return;
        };
        let verdict_seq = passage.recorded.as_ref().map_or(0, |r| r.seq);
        let plate_since = plate_since(&passage, &self.config);
        let drafts = self.order_drafts(&order, &passage, now);
        let token = self.next_token(Some(passage.id.clone()));
        self.commands.push_back(Command::Commit {
            token: token.clone(),
            drafts,
            guard: Guard::Order {
                verdict_seq,
                plate_since: plate_since && order.kind == OrderKind::Release,
            },
        });
        let pending = Pending::Order {
            order: Box::new(order),
            from,
        };
        self.enter_committing(passage, pending, token, now, "order");
    }

    fn order_fits(&self, order: &Order, now: Now) -> Result<(), &'static str> {
        let passage = self.state.passage().filter(|p| p.id == order.passage);
        let Some(passage) = passage else {
            return Err("passage-over");
        };
        if let Some(why) = expired(order.expires, now) {
            return Err(why);
        }
        match (&self.state, order.kind) {
            (State::Cleared { .. } | State::Passing { .. } | State::Lowering { .. }, _) => {
                return Err("already-released");
            }
            (State::Committing { .. } | State::Gathering { .. }, _) => return Err("being-decided"),
            (State::Held { .. }, _) => {}
            (State::Returning { .. } | State::Diverting { .. }, OrderKind::Supply) => {
                return Err("not-held");
            }
            (State::Returning { .. } | State::Diverting { .. }, _) => {}
            _ => return Err("not-waiting"),
        }
        let seq = passage.recorded.as_ref().map(|r| r.seq);
        if order.verdict_seq.is_some() && order.verdict_seq != seq {
            return Err("verdict-changed");
        }
        if order.kind == OrderKind::Supply {
            let supplied = order.supply.as_ref();
            if supplied.is_none_or(|s| *s == Supply::default()) {
                return Err("nothing-supplied");
            }
            let n = supplied.map_or(0, |s| s.plates.len() + s.containers.len());
            let had = passage.supply.plates.len() + passage.supply.containers.len();
            if n + had > SUPPLIED_MAX {
                return Err("too-much-supplied");
            }
        }
        Ok(())
    }

    fn refuse_order(&mut self, order: Order, why: &str, now: Now) {
        let (id, passage) = (order.id.clone(), order.passage.clone());
        let body = OrderBody {
            order,
            accepted: false,
            why: Some(why.to_owned()),
            spends: None,
            reserves: None,
            lifts: false,
        };
        self.note(now, Some(&passage), vec![body.into()]);
        self.commands.push_back(Command::AnswerOrder {
            order: id,
            refused: Some(why.to_owned()),
        });
    }

    fn order_drafts(
        &self,
        order: &Order,
        passage: &Passage,
        now: Now,
    ) -> Vec<crate::record::Draft> {
        let resumes = order.resumes.clone();
        let takes = resumes.is_none().then(|| takes(passage));
        let release = order.kind == OrderKind::Release;
        let inspect = order.kind == OrderKind::Inspect;
        let lifts = release || (inspect && self.config.geometry != super::Geometry::SideExit);
        let body = OrderBody {
            order: order.clone(),
            accepted: true,
            why: None,
            spends: takes.clone().filter(|_| release),
            reserves: takes.filter(|_| inspect),
            lifts,
        };
        let mut drafts = vec![self.draft(now, Some(passage.id.clone()), body.into())];
        if let Some(resumes) = resumes.filter(|_| release) {
            let order = order.id.clone();
            let body = ResumedBody { resumes, order };
            drafts.push(self.draft(now, Some(passage.id.clone()), body.into()));
        }
        drafts
    }

    pub(super) fn on_lane_order(&mut self, order: LaneOrder, now: Now) {
        let fits = self.lane_order_fits(&order, now);
        let body = LaneOrderBody {
            order: order.clone(),
            accepted: fits.is_ok(),
            why: fits.err().map(str::to_owned),
        };
        if let Err(why) = fits {
            self.note(now, None, vec![body.into()]);
            self.commands.push_back(Command::AnswerOrder {
                order: order.id,
                refused: Some(why.to_owned()),
            });
            return;
        }
        let token = self.next_token(None);
        let drafts = vec![self.draft(now, None, body.into())];
        self.commands.push_back(Command::Commit {
            token: token.clone(),
            drafts,
            guard: Guard::Always,
        });
        self.lane_order = Some(PendingLaneOrder {
            token,
            order: Box::new(order),
            until: now.mono + self.config.commit_max,
            given_up: false,
        });
    }

    pub(super) fn is_lane_order(&self, token: &Token) -> bool {
        self.lane_order.as_ref().is_some_and(|p| p.token == *token)
    }

    /// When the pending lane order is given up.
    pub(super) fn lane_order_due(&self) -> Option<Mono> {
        let pending = self.lane_order.as_ref();
        pending.filter(|p| !p.given_up).map(|p| p.until)
    }

    /// The committer has not answered: the officer is told, and may try again.
    pub(super) fn expire_lane_order(&mut self, now: Now) {
        let Some(pending) = &mut self.lane_order else {
            return;
        };
        if pending.given_up || now.mono < pending.until {
            return;
        }
        pending.given_up = true;
        let order = pending.order.id.clone();
        self.commands.push_back(Command::AnswerOrder {
            order,
            refused: Some(Refusal::Unavailable.as_str().to_owned()),
        });
        self.tell(Tell::Alarm("lane-order-unanswered"));
    }

    fn lane_order_fits(&self, order: &LaneOrder, now: Now) -> Result<(), &'static str> {
        if order.lane != self.config.lane {
            return Err("other-lane");
        }
        if self.lane_order.as_ref().is_some_and(|p| !p.given_up) {
            return Err("busy");
        }
        if let Some(why) = expired(order.expires, now) {
            return Err(why);
        }
        let faulted = matches!(self.state, State::Faulted { .. });
        let in_maintenance = matches!(
            self.state,
            State::ArmUp {
                why: WhyUp::Maintenance
            }
        );
        let fits = match order.kind {
            LaneOrderKind::Close | LaneOrderKind::KeepUp => true,
            LaneOrderKind::Open => self.closed,
            LaneOrderKind::Reset => faulted,
            LaneOrderKind::EndKeepUp => self.keep_up,
            LaneOrderKind::Maintenance => self.state.passage().is_none(),
            LaneOrderKind::EndMaintenance => self.maintenance,
            LaneOrderKind::MoveDown => in_maintenance && self.inhibit_clear(now),
            LaneOrderKind::MoveUp | LaneOrderKind::MoveStop => in_maintenance,
        };
        if fits { Ok(()) } else { Err("not-now") }
    }

    pub(super) fn on_lane_order_refused(&mut self, why: Refusal) {
        if let Some(pending) = self.lane_order.take().filter(|p| !p.given_up) {
            self.commands.push_back(Command::AnswerOrder {
                order: pending.order.id,
                refused: Some(why.as_str().to_owned()),
            });
        }
    }

    pub(super) fn on_lane_order_durable(&mut self, now: Now) {
        let Some(pending) = self.lane_order.take() else {
            return;
        };
        let kind = pending.order.kind;
        match kind {
            LaneOrderKind::Close => self.closed = true,
            LaneOrderKind::Open => self.closed = false,
            LaneOrderKind::KeepUp => self.keep_up = true,
            LaneOrderKind::EndKeepUp => self.keep_up = false,
            LaneOrderKind::Maintenance => self.maintenance = true,
            LaneOrderKind::EndMaintenance => self.maintenance = false,
            LaneOrderKind::Reset
            | LaneOrderKind::MoveUp
            | LaneOrderKind::MoveDown
            | LaneOrderKind::MoveStop => {}
        }
        if pending.given_up {
            return;
        }
        let refused = self.act_on_lane_order(kind, now).err();
        self.commands.push_back(Command::AnswerOrder {
            order: pending.order.id,
            refused: refused.map(str::to_owned),
        });
    }

    fn act_on_lane_order(&mut self, kind: LaneOrderKind, now: Now) -> Result<(), &'static str> {
        match kind {
            LaneOrderKind::Close
            | LaneOrderKind::Open
            | LaneOrderKind::EndKeepUp
            | LaneOrderKind::EndMaintenance => {}
            LaneOrderKind::Reset => {
                if matches!(self.state, State::Faulted { .. }) {
                    self.enter_starting(now, "reset");
                }
            }
            LaneOrderKind::KeepUp => {
                self.abandon_passage(now);
                self.lift(now);
                self.enter_arm_up(WhyUp::KeepUp, now, "keep-up");
            }
            LaneOrderKind::Maintenance => {
                self.enter_arm_up(WhyUp::Maintenance, now, "maintenance");
            }
            LaneOrderKind::MoveUp => self.lift(now),
            LaneOrderKind::MoveStop => self.commands.push_back(Command::StopArm),
            LaneOrderKind::MoveDown => {
                // The inhibit may have come on while the record was written.
                if !self.inhibit_clear(now) {
                    return Err("inhibited");
                }
                self.falling = Falling::Down;
                self.commands.push_back(Command::LowerArm);
            }
        }
        Ok(())
    }
}

/// What an officer's order would take: as the rules would have.
fn takes(passage: &Passage) -> Vec<SpendOf> {
    let Some(recorded) = &passage.recorded else {
        return Vec::new();
    };
    // A reservation or spend this passage already holds is not taken twice.
    let holds = passage.spent || passage.reserved;
    let mut takes = Vec::new();
    for matched in recorded.verdict.declarations.iter().filter(|_| !holds) {
        let candidates = &recorded.case.facts.candidates;
        if let Some(declaration) = candidates.iter().find(|d| d.id == matched.id) {
            takes.push(SpendOf {
                declaration: matched.id.clone(),
                spend: spend_of(declaration, &recorded.case),
                vehicle: matched.vehicle.clone(),
            });
        }
    }
    takes
}

/// A plate read since the verdict that it did not look at.
fn plate_since(passage: &Passage, config: &LaneConfig) -> bool {
    let Some(recorded) = &passage.recorded else {
        return false;
    };
    let known: Vec<_> = recorded
        .case
        .plates
        .iter()
        .map(|p| normalise(&p.text))
        .collect();
    let pct = passage.policy.plate_confidence_pct_min();
    let since = passage
        .evidence
        .plates_since(config, recorded.judged.mono, pct);
    since.iter().any(|text| !known.iter().any(|k| k == text))
}
