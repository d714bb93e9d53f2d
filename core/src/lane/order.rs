//! Orders of officers: about the truck, and about the lane.

use super::sensors::ArmSeen;
use super::state::{Passage, Pending, State, WhyUp};
use super::{Command, Guard, Lane, Refusal};
use crate::clearance::spend_of;
use crate::model::{
    LaneOrder, LaneOrderKind, Order, OrderKind, Plate, Supply, VerdictKind, normalise,
};
use crate::record::{LaneOrderBody, OrderBody, ResumedBody, SpendOf};
use crate::time::{Clock, Now, Wall};

fn expired(expires: Option<Wall>, now: Now) -> bool {
    now.clock == Clock::Trusted && expires.is_some_and(|until| now.wall >= until)
}

impl Lane {
    pub(super) fn on_order(&mut self, order: Order, now: Now) {
        if let Err(why) = self.order_fits(&order, now) {
            self.refuse_order(order, why, now);
            return;
        }
        if order.kind == OrderKind::Supply {
            self.take_supply(order, now);
            return;
        }
        let Some(from) = self.state.waiting() else {
            self.refuse_order(order, "not-waiting", now);
            return;
        };
        let Some(passage) = self.take_passage() else {
            return;
        };
        let (verdict_seq, plate_since) = match &passage.recorded {
            Some(recorded) => (recorded.seq, plate_since(&passage)),
            None => (0, false),
        };
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
        if expired(order.expires, now) {
            return Err("expired");
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
        if order.kind == OrderKind::Supply && order.supply == Some(Supply::default()) {
            return Err("nothing-supplied");
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

    /// An officer typed what the devices could not read: the rules judge again.
    fn take_supply(&mut self, order: Order, now: Now) {
        let Some(mut passage) = self.take_passage() else {
            return;
        };
        let supply = order.supply.clone().unwrap_or_default();
        passage.supply.plates.extend(supply.plates);
        passage.supply.containers.extend(supply.containers);
        if supply.driver_card.is_some() {
            passage.supply.driver_card = supply.driver_card;
        }
        passage.refused_n = 0;
        let id = order.id.clone();
        let body = OrderBody {
            order,
            accepted: true,
            why: None,
            spends: None,
            reserves: None,
            lifts: false,
        };
        self.note(now, Some(&passage.id.clone()), vec![body.into()]);
        self.commands.push_back(Command::AnswerOrder {
            order: id,
            refused: None,
        });
        self.enter_gathering(passage, "supply");
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
        self.lane_order = Some((token, Box::new(order)));
    }

    fn lane_order_fits(&self, order: &LaneOrder, now: Now) -> Result<(), &'static str> {
        if order.lane != self.config.lane {
            return Err("other-lane");
        }
        if self.lane_order.is_some() {
            return Err("busy");
        }
        if expired(order.expires, now) {
            return Err("expired");
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
        if let Some((_, order)) = self.lane_order.take() {
            self.commands.push_back(Command::AnswerOrder {
                order: order.id,
                refused: Some(why.as_str().to_owned()),
            });
        }
    }

    pub(super) fn on_lane_order_durable(&mut self, now: Now) {
        let Some((_, order)) = self.lane_order.take() else {
            return;
        };
        self.commands.push_back(Command::AnswerOrder {
            order: order.id.clone(),
            refused: None,
        });
        match order.kind {
            LaneOrderKind::Close => self.closed = true,
            LaneOrderKind::Open => self.closed = false,
            LaneOrderKind::Reset => {
                if matches!(self.state, State::Faulted { .. }) {
                    self.enter_starting(now, "reset");
                }
            }
            LaneOrderKind::KeepUp => {
                self.keep_up = true;
                self.abandon_passage(now);
                self.lift();
                self.enter_arm_up(WhyUp::KeepUp, now, "keep-up");
            }
            LaneOrderKind::EndKeepUp => self.keep_up = false,
            LaneOrderKind::Maintenance => {
                self.maintenance = true;
                self.enter_arm_up(WhyUp::Maintenance, now, "maintenance");
            }
            LaneOrderKind::EndMaintenance => self.maintenance = false,
            LaneOrderKind::MoveUp => self.lift(),
            LaneOrderKind::MoveDown => self.move_down(now),
            LaneOrderKind::MoveStop => {
                self.lowering = false;
                self.commands.push_back(Command::StopArm);
            }
        }
    }

    /// The inhibit may have come on while the record was written.
    fn move_down(&mut self, now: Now) {
        if self.inhibit_clear(now) {
            self.lowering = self.arm(now) != ArmSeen::Down;
            self.commands.push_back(Command::LowerArm);
        }
    }
}

/// What an officer's order would take: as the rules would have.
fn takes(passage: &Passage) -> Vec<SpendOf> {
    let Some(recorded) = &passage.recorded else {
        return Vec::new();
    };
    // A reservation or spend this passage already holds is not taken twice.
    let holds = recorded.verdict.verdict != VerdictKind::Hold || passage.spent;
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
fn plate_since(passage: &Passage) -> bool {
    let Some(recorded) = &passage.recorded else {
        return false;
    };
    let known: Vec<String> = recorded
        .case
        .plates
        .iter()
        .map(|p| normalise(&p.text))
        .collect();
    let since = passage.evidence.texts_since(recorded.judged.mono);
    since
        .iter()
        .any(|text| Plate::parse(text).is_ok() && !known.contains(text))
}
