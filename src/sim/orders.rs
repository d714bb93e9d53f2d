//! Orders on their way to the lanes, as the daemon takes them: by their id, a
//! copy gets the first one's answer.

use std::sync::{Arc, Mutex, PoisonError};

use lanegate_core::lane::Event;
use lanegate_core::ledger::OrderAnswer;
use lanegate_core::model::{LaneOrder, Order, OrderId};

use super::rig::Rig;
use crate::gateway::{Answer, Desk, Intake, Tell};

/// The desk and what it says.
#[derive(Default)]
pub(super) struct Orders {
    desk: Desk,
    told: Arc<Mutex<Vec<Answer>>>,
}

impl Orders {
    /// After a start: the answers the journal holds.
    pub(super) fn remembering(answers: Vec<(OrderId, OrderAnswer)>) -> Self {
        let answers = answers.into_iter().map(|(id, answer)| Answer {
            id,
            accepted: answer.accepted,
            why: answer.why,
        });
        Self {
            desk: Desk::remembering(answers),
            told: Arc::default(),
        }
    }

    fn take_in(&mut self, id: &OrderId) -> Intake {
        let told = self.told.clone();
        let tell: Tell = Box::new(move |answer| {
            told.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(answer);
        });
        self.desk.take_in(id, tell)
    }
}

impl Rig {
    pub(super) fn order(&mut self, order: Order) {
        if self.orders.take_in(&order.id) == Intake::Forward {
            let passage = order.passage.as_str();
            let lane = self.lanes.iter().position(|l| {
                let tail = passage.strip_prefix(l.name.as_str());
                tail.is_some_and(|t| t.starts_with('-'))
            });
            let id = order.id.clone();
            self.forward(lane, &id, Event::Order(order));
        }
        self.send_answers();
    }

    pub(super) fn lane_order(&mut self, order: LaneOrder) {
        if self.orders.take_in(&order.id) == Intake::Forward {
            let named = |l: &super::lane::SimLane| l.name == order.lane.as_str();
            let lane = self.lanes.iter().position(named);
            let id = order.id.clone();
            self.forward(lane, &id, Event::LaneOrder(order));
        }
        self.send_answers();
    }

    fn forward(&mut self, lane: Option<usize>, id: &OrderId, event: Event) {
        let now = self.now();
        match lane {
            Some(n) => self.lanes[n].handle_event(event, now),
            None => self.orders.desk.answer(Answer::refused(id, "no-such-lane")),
        }
    }

    /// A lane answered an order.
    pub(super) fn answer_order(&mut self, id: OrderId, refused: Option<String>) {
        self.orders.desk.answer(Answer {
            id,
            accepted: refused.is_none(),
            why: refused,
        });
        self.send_answers();
    }

    fn send_answers(&mut self) {
        let told = std::mem::take(
            &mut *self
                .orders
                .told
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for answer in told {
            self.session
                .answer_order(answer.id.as_str(), answer.why.as_deref());
        }
    }
}
