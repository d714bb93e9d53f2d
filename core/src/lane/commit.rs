//! Committing: a verdict or an order waits to be durable, and what follows.

use super::state::{Cause, Exit, Passage, Pending, Recorded, State, Unproven, Waiting, WhyUp};
use super::{Command, Geometry, Guard, Lane, Lights, RED, Refusal, Sign, Tell, Token, Took};
use crate::model::{
    Case, Lines, OrderId, OrderKind, Outcome, PassageId, Supply, Verdict, VerdictKind,
};
use crate::record::{GiveBackBody, VerdictBody};
use crate::time::Now;

/// Times a refused verdict is judged again before it becomes a Hold.
pub(super) const REFUSED_MAX: u32 = 3;

/// Why what was spent goes back, on record.
const CONTROL_CAME: &str = "a control came before the lift";
pub(super) const TAKEN_BACK: &str = "a device took back what it had said before the lift";

impl Lane {
    pub(super) fn enter_committing_verdict(
        &mut self,
        mut passage: Box<Passage>,
        case: Case,
        verdict: Verdict,
        now: Now,
    ) {
        passage.evidence.judged();
        let verdict = verdict.rendered_under(&passage.policy);
        let id = passage.id.clone();
        let body = VerdictBody {
            case: case.clone(),
            verdict: verdict.clone(),
        };
        let drafts = vec![self.draft(now, Some(id.clone()), body.into())];
        let pending = Pending::Verdict {
            verdict: Box::new(verdict),
            case: Box::new(case),
            judged: now,
        };
        let token = self.next_token(Some(id));
        self.commands.push_back(Command::Commit {
            token: token.clone(),
            drafts,
            guard: Guard::Verdict,
        });
        self.enter_committing(passage, pending, token, now, "judged");
    }

    pub(super) fn enter_committing(
        &mut self,
        passage: Box<Passage>,
        pending: Pending,
        token: Token,
        now: Now,
        why: &'static str,
    ) {
        self.state = State::Committing {
            passage,
            pending,
            token,
            until: now.mono + self.config.commit_max,
            gone: false,
            arm_seen_up: false,
            control_late: false,
            unproven: Unproven::default(),
            answered: None,
        };
        self.show(RED, Sign::Wait);
        self.tell_entered(why);
    }

    pub(super) fn step_committing(&mut self, now: Now) -> bool {
        let (left, up) = (!self.sensors.present(), self.arm_not_down(now));
        let State::Committing {
            gone,
            arm_seen_up,
            until,
            answered,
            ..
        } = &mut self.state
        else {
            return false;
        };
        *gone |= left;
        *arm_seen_up |= up;
        let (late, answered) = (now.mono >= *until, *answered);
        if let Some((seq, took)) = answered
            && self.inputs_fresh(now)
        {
            self.decide(seq, took, now);
            return true;
        }
        if late {
            let cause = if answered.is_some() {
                Cause::LaneIo
            } else {
                Cause::Journal
            };
            self.enter_faulted(cause, false, now);
        }
        late
    }

    fn inputs_fresh(&self, now: Now) -> bool {
        let stale = self.config.io_stale;
        self.sensors.fresh(now.mono, stale).is_some()
    }

    pub(super) fn on_control_late(&mut self, id: &PassageId, now: Now) {
        let not_lifted = matches!(
            &self.state,
            State::Cleared { passage, lifted_at: None, .. } if passage.id == *id
        );
        if not_lifted {
            if let Some(passage) = self.take_passage() {
                self.judge_after(passage, CONTROL_CAME, "control-late", now);
            }
            return;
        }
        if let State::Committing {
            passage,
            control_late,
            ..
        } = &mut self.state
            && passage.id == *id
        {
            *control_late = true;
        } else {
            // The arm has been commanded, or the passage is over: it stays on
            // the record only.
            self.tell(Tell::Stale("control-late"));
        }
    }

    pub(super) fn on_committed(&mut self, token: &Token, seq: u64, took: Took, now: Now) {
        if self.is_lane_order(token) {
            self.on_lane_order_durable(now);
            return;
        }
        if self.orphan.as_ref().is_some_and(|o| o.token == *token) {
            self.end_orphan(now);
            return;
        }
        let fresh = self.inputs_fresh(now);
        if let State::Committing {
            token: awaited,
            answered,
            ..
        } = &mut self.state
            && *awaited == *token
            && answered.is_none()
        {
            *answered = Some((seq, took));
            if fresh {
                self.decide(seq, took, now);
            }
        } else {
            self.tell(Tell::Stale("committed"));
        }
    }

    /// The records are durable and the inputs fresh.
    fn decide(&mut self, seq: u64, took: Took, now: Now) {
        let State::Committing {
            mut passage,
            pending,
            gone,
            arm_seen_up,
            control_late,
            unproven,
            ..
        } = std::mem::replace(&mut self.state, State::Vacant)
        else {
            unreachable!("only a commit is decided");
        };
        let releases = pending.releases();
        // An officer who sees the truck stands above its devices.
        let taken_back = pending.order_id().is_none() && passage.evidence.is_taken_back();
        passage.spent |= took == Took::Spent && releases;
        passage.reserved |= took == Took::Spent && !releases;
        if let Some(order) = pending.order_id() {
            let refused = None;
            self.commands
                .push_back(Command::AnswerOrder { order, refused });
        }
        let lifts = pending.lifts(self.config.geometry);
        let (pending, kind) = pending.record(&mut passage, seq);
        if arm_seen_up {
            self.state = State::Held { passage };
            self.enter_arm_up(WhyUp::Unpaired, now, "arm-up");
        } else if gone {
            self.end_unlifted(&passage, unproven.clean(), now);
            self.enter_vacant("left");
        } else if control_late && lifts {
            self.judge_after(passage, CONTROL_CAME, "control-late", now);
        } else if taken_back && lifts {
            self.judge_after(passage, TAKEN_BACK, "taken-back", now);
        } else {
            self.enter_decided(passage, pending, kind, now);
        }
    }

    /// Something came before the arm was commanded that speaks against it: what
    /// was spent goes back, and the truck is judged on what is so now.
    pub(super) fn judge_after(
        &mut self,
        mut passage: Box<Passage>,
        why: &str,
        state: &'static str,
        now: Now,
    ) {
        // Devices that go on taking back what they say end in a Hold (L9).
        passage.refused_n += 1;
        if passage.spent {
            let why = why.to_owned();
            let id = passage.id.clone();
            self.note(now, Some(&id), vec![GiveBackBody { why }.into()]);
            passage.spent = false;
        }
        self.enter_gathering(passage, state);
    }

    fn enter_decided(
        &mut self,
        passage: Box<Passage>,
        order: Option<OrderKind>,
        kind: VerdictKind,
        now: Now,
    ) {
        match order {
            Some(OrderKind::Return) => return self.enter_returning(passage),
            Some(OrderKind::Supply) => return self.enter_gathering(passage, "supply"),
            Some(OrderKind::Release | OrderKind::Inspect) | None => {}
        }
        let ordered = order.is_some();
        match (kind, self.config.geometry) {
            (VerdictKind::Release, _) => self.enter_cleared(passage, Exit::Road, ordered, now),
            (VerdictKind::Inspect, Geometry::SideExit) => self.enter_diverting(passage),
            (VerdictKind::Inspect, Geometry::BehindBarrier | Geometry::DiverterArm) => {
                self.enter_cleared(passage, Exit::Bay, ordered, now);
            }
            (VerdictKind::Hold, _) => {
                let changed = passage.facts_changed;
                self.enter_held(passage, "hold");
                if changed {
                    self.on_facts_changed("in-force-changed", None);
                }
            }
        }
    }

    pub(super) fn on_refused(&mut self, token: &Token, why: Refusal, now: Now) {
        if self.is_lane_order(token) {
            self.on_lane_order_refused(why);
            return;
        }
        if self.orphan.as_ref().is_some_and(|o| o.token == *token) {
            self.end_orphan(now);
            return;
        }
        let awaited = matches!(&self.state, State::Committing { token: t, .. } if t == token);
        if !awaited {
            self.tell(Tell::Stale("refused"));
            return;
        }
        let State::Committing {
            passage,
            pending,
            gone,
            arm_seen_up,
            ..
        } = std::mem::replace(&mut self.state, State::Vacant)
        else {
            unreachable!("looked at above");
        };
        if let Some(order) = pending.order_id() {
            let refused = Some(why.as_str().to_owned());
            self.commands
                .push_back(Command::AnswerOrder { order, refused });
        }
        if arm_seen_up {
            self.state = State::Held { passage };
            self.enter_arm_up(WhyUp::Unpaired, now, "arm-up");
        } else if gone {
            self.state = pending.came_from(passage);
            self.leave_waiting(now);
        } else if why == Refusal::Unavailable {
            self.state = State::Held { passage };
            self.enter_faulted(Cause::Journal, false, now);
        } else {
            self.go_back(passage, &pending);
        }
    }

    /// A refused verdict is judged again; a refused order leaves the truck
    /// where it was.
    fn go_back(&mut self, mut passage: Box<Passage>, pending: &Pending) {
        match pending {
            Pending::Verdict { .. } => {
                passage.refused_n += 1;
                self.enter_gathering(passage, "refused");
            }
            Pending::Order { from, .. } => match from {
                Waiting::Held => self.enter_held(passage, "order-refused"),
                Waiting::Returning => self.enter_returning(passage),
                Waiting::Diverting => self.enter_diverting(passage),
            },
        }
    }

    pub(super) fn enter_held(&mut self, passage: Box<Passage>, why: &'static str) {
        self.state = State::Held { passage };
        let lines = self.driver_lines();
        self.show(RED, Sign::Officer(lines));
        self.tell_entered(why);
    }

    pub(super) fn enter_returning(&mut self, passage: Box<Passage>) {
        self.state = State::Returning { passage };
        let lights = Lights {
            reverse_out: true,
            ..RED
        };
        self.show(lights, Sign::ReverseOut);
        self.tell_entered("return");
    }

    pub(super) fn enter_diverting(&mut self, passage: Box<Passage>) {
        self.state = State::Diverting { passage };
        let lights = Lights {
            to_bay: true,
            ..RED
        };
        let lines = self.driver_lines();
        self.show(lights, Sign::ToBay(lines));
        self.tell_entered("inspect");
    }

    pub(super) fn driver_lines(&self) -> Option<Lines> {
        let recorded = self.state.passage()?.recorded.as_ref()?;
        recorded.verdict.reasons.first()?.for_driver.clone()
    }

    /// Held, Returning, Diverting: the truck leaves, or the arm is seen up.
    pub(super) fn step_waiting(&mut self, now: Now) -> bool {
        if !self.sensors.present() {
            self.leave_waiting(now);
            return true;
        }
        if self.arm_not_down(now) {
            self.enter_arm_up(WhyUp::Unpaired, now, "arm-up");
            return true;
        }
        false
    }

    fn leave_waiting(&mut self, now: Now) {
        let diverting = matches!(self.state, State::Diverting { .. });
        let returning = matches!(self.state, State::Returning { .. });
        let Some(passage) = self.take_passage() else {
            return;
        };
        if diverting && self.config.bay_input {
            self.wait_for_bay(&passage, now);
        } else {
            let how = match (diverting, returning, passage.recorded.is_some()) {
                (true, _, _) => Outcome::ToBay,
                (_, true, _) => Outcome::Returned,
                (_, _, true) => Outcome::Left,
                (_, _, false) => Outcome::LeftBeforeVerdict,
            };
            self.end_passage(&passage, how, None, now);
        }
        self.enter_vacant("left");
    }
}

impl Passage {
    /// An officer typed what the devices could not read: the rules judge again.
    fn take_supply(&mut self, more: Supply) {
        self.supply.plates.extend(more.plates);
        self.supply.containers.extend(more.containers);
        if more.driver_card.is_some() {
            self.supply.driver_card = more.driver_card;
        }
        self.refused_n = 0;
    }
}

impl Pending {
    /// Whether it lifts the arm towards the road.
    fn releases(&self) -> bool {
        match self {
            Self::Verdict { verdict, .. } => verdict.verdict == VerdictKind::Release,
            Self::Order { order, .. } => order.kind == OrderKind::Release,
        }
    }

    /// Whether it lifts the arm at all.
    fn lifts(&self, geometry: Geometry) -> bool {
        let inspects = match self {
            Self::Verdict { verdict, .. } => verdict.verdict == VerdictKind::Inspect,
            Self::Order { order, .. } => order.kind == OrderKind::Inspect,
        };
        self.releases() || (inspects && geometry != Geometry::SideExit)
    }

    /// The order it is about.
    pub(super) fn order_id(&self) -> Option<OrderId> {
        match self {
            Self::Verdict { .. } => None,
            Self::Order { order, .. } => Some(order.id.clone()),
        }
    }

    /// The state the truck was in before.
    fn came_from(&self, passage: Box<Passage>) -> State {
        match self {
            Self::Verdict { .. }
            | Self::Order {
                from: Waiting::Held,
                ..
            } => State::Held { passage },
            Self::Order {
                from: Waiting::Returning,
                ..
            } => State::Returning { passage },
            Self::Order {
                from: Waiting::Diverting,
                ..
            } => State::Diverting { passage },
        }
    }

    /// Durable as `seq`: a verdict becomes the passage's recorded one. Returns
    /// the order's kind, and what is decided.
    fn record(self, passage: &mut Passage, seq: u64) -> (Option<OrderKind>, VerdictKind) {
        match self {
            Self::Verdict {
                verdict,
                case,
                judged,
            } => {
                let kind = verdict.verdict;
                passage.recorded = Some(Recorded {
                    seq,
                    verdict,
                    case,
                    judged,
                });
                (None, kind)
            }
            Self::Order { order, .. } => {
                let kind = match order.kind {
                    OrderKind::Supply => {
                        passage.take_supply(order.supply.unwrap_or_default());
                        VerdictKind::Hold
                    }
                    OrderKind::Release => VerdictKind::Release,
                    OrderKind::Inspect => VerdictKind::Inspect,
                    OrderKind::Return => VerdictKind::Hold,
                };
                (Some(order.kind), kind)
            }
        }
    }
}
