//! Orders by their own id: a copy, however late, gets the first one's answer
//! (at-least-once delivery has no other cure; the DUP flag is not reliable).

use std::collections::{BTreeMap, VecDeque};

use lanegate_core::model::OrderId;
use serde::Serialize;

/// Answers remembered (L9): far longer than any redelivery.
const ANSWERS_MAX: usize = 4096;
/// Copies that may wait for one answer.
const WAITERS_MAX: usize = 16;

/// How an order was answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Answer {
    /// Which order.
    pub id: OrderId,
    /// Whether it was obeyed.
    pub accepted: bool,
    /// Why not.
    pub why: Option<String>,
}

impl Answer {
    /// An answer that says no.
    pub fn refused(id: &OrderId, why: impl Into<String>) -> Self {
        Self {
            id: id.clone(),
            accepted: false,
            why: Some(why.into()),
        }
    }
}

/// Who is told an answer.
pub type Tell = Box<dyn FnOnce(Answer) + Send>;

/// What to do with an order that came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Intake {
    /// New: hand it to its lane.
    Forward,
    /// A copy: answered, or waiting for the same answer.
    Copy,
}

/// The desk of orders.
#[derive(Default)]
pub struct Desk {
    answers: BTreeMap<OrderId, Answer>,
    order: VecDeque<OrderId>,
    waiting: BTreeMap<OrderId, Vec<Tell>>,
}

impl Desk {
    /// A desk that remembers the answers the journal holds, oldest first.
    #[must_use]
    pub fn remembering(answers: impl IntoIterator<Item = Answer>) -> Self {
        let mut desk = Self::default();
        for answer in answers {
            desk.remember(answer);
        }
        desk
    }

    /// An order `id` came in; `tell` hears its answer.
    pub fn take_in(&mut self, id: &OrderId, tell: Tell) -> Intake {
        if let Some(answer) = self.answers.get(id) {
            tell(answer.clone());
            return Intake::Copy;
        }
        if let Some(waiters) = self.waiting.get_mut(id) {
            if waiters.len() < WAITERS_MAX {
                waiters.push(tell);
            }
            return Intake::Copy;
        }
        if self.waiting.len() >= ANSWERS_MAX {
            tell(Answer::refused(id, "too-many-orders"));
            return Intake::Copy;
        }
        self.waiting.insert(id.clone(), vec![tell]);
        Intake::Forward
    }

    /// A lane answered.
    pub fn answer(&mut self, answer: Answer) {
        for tell in self.waiting.remove(&answer.id).unwrap_or_default() {
            tell(answer.clone());
        }
        self.remember(answer);
    }

    fn remember(&mut self, answer: Answer) {
        if self.answers.len() >= ANSWERS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
        if self
            .answers
            .insert(answer.id.clone(), answer.clone())
            .is_none()
        {
            self.order.push_back(answer.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, sync_channel};

    fn id(n: usize) -> OrderId {
        OrderId::parse(&format!("o-{n}")).unwrap()
    }

    fn yes(n: usize) -> Answer {
        Answer {
            id: id(n),
            accepted: true,
            why: None,
        }
    }

    fn come_in(desk: &mut Desk, n: usize) -> (Intake, Receiver<Answer>) {
        let (sender, receiver) = sync_channel(1);
        let tell = Box::new(move |answer| sender.send(answer).unwrap());
        (desk.take_in(&id(n), tell), receiver)
    }

    /// Case c39: three copies, one order, one answer for each.
    #[test]
    fn every_copy_of_an_order_gets_the_first_ones_answer() {
        let mut desk = Desk::default();
        let (first, a) = come_in(&mut desk, 9);
        let (second, b) = come_in(&mut desk, 9);
        assert_eq!((first, second), (Intake::Forward, Intake::Copy));
        desk.answer(yes(9));
        let (third, c) = come_in(&mut desk, 9);
        assert_eq!(third, Intake::Copy);
        for answer in [a, b, c] {
            assert_eq!(answer.try_recv().unwrap(), yes(9));
        }
    }

    #[test]
    fn what_the_journal_remembers_is_not_asked_again() {
        let mut desk = Desk::remembering([yes(1)]);
        let (intake, answer) = come_in(&mut desk, 1);
        assert_eq!(intake, Intake::Copy);
        assert_eq!(answer.try_recv().unwrap(), yes(1));
    }

    #[test]
    fn the_oldest_answers_are_forgotten_first_and_no_more_are_kept() {
        let mut desk = Desk::remembering((0..ANSWERS_MAX + 10).map(yes));
        assert_eq!(desk.answers.len(), ANSWERS_MAX);
        assert_eq!(come_in(&mut desk, 3).0, Intake::Forward);
        assert_eq!(come_in(&mut desk, ANSWERS_MAX).0, Intake::Copy);
    }
}
