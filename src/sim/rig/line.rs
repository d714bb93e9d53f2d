//! The line to the simulated authority: what the session asks for is done.

use firmware_sim::Input;
use lanegate_core::lane::Event;

use super::super::breaks::Point;
use super::super::sabotage::Sabotage;
use super::Rig;
use crate::authority::Ask;
use crate::authority::feed::Batch;
use crate::store::Store;

impl Rig {
    pub(super) fn run_session(&mut self) -> bool {
        let mut moved = false;
        while !self.life.breaks.is_struck()
            && let Some(ask) = self.session.poll_ask()
        {
            moved = true;
            self.answer(ask);
        }
        moved
    }

    pub(super) fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Publish { topic, .. } if self.spoil_publish(&topic) => {}
            Ask::Publish { topic, payload, .. } => {
                let payload = payload.into_bytes();
                self.world
                    .input(self.now_us, Input::Message { topic, payload });
            }
            Ask::Apply(batch) => self.apply(&batch),
            Ask::Current { sent_at } => self.current(sent_at),
            Ask::Read { from, max } => {
                let endless = self.sabotage == Some(Sabotage::UnboundedOutbox);
                let max = if endless { u64::MAX } else { max };
                let records = self.gate.records(from, max);
                self.session.records(records);
            }
            Ask::Acknowledged(below) => {
                self.reach(Point::AckHeard);
                if let (Some(through), false) = (below.checked_sub(1), self.life.breaks.is_struck())
                {
                    self.gate.acknowledged(through);
                    self.reach(Point::AckTaken);
                }
            }
            Ask::Blocked(held) => self.blocked(held),
            Ask::Reconcile(body) => self.reconcile(*body),
            Ask::Order(order) => self.order(*order),
            Ask::LaneOrder(order) => self.lane_order(*order),
            Ask::Odd { what, why } => self.say(|| format!("odd {what}: {why}")),
        }
    }

    /// Journal first, then store, then the answer.
    pub(super) fn apply(&mut self, batch: &Batch) {
        let at = self.now().wall;
        self.gate.feed(at, batch.feed_body(at), self.now_us);
        self.flush_all();
        self.reach(Point::FeedJournaled);
        if self.life.breaks.is_struck() {
            return;
        }
        if self.gate.take_feed_refused() {
            self.session.not_applied(batch, self.session.position());
            return;
        }
        let applied = self.store.apply(batch.clone().into_apply());
        self.store.expect(&self.gate.buckets());
        self.reach(Point::FeedStored);
        if self.life.breaks.is_struck() {
            return;
        }
        match applied {
            Ok(_) => self.session.applied(batch),
            Err(_) => self.session.not_applied(batch, self.store.position()),
        }
        self.tell_changed();
    }

    pub(in crate::sim) fn tell_changed(&mut self) {
        let (now, generation) = (self.now(), self.gate.generation());
        for lane in &mut self.lanes {
            lane.handle_event(Event::InForceChanged { generation }, now);
        }
    }

    pub(in crate::sim) fn tell_starts(&mut self) {
        let (now, start) = (self.now(), self.gate.starts());
        for lane in &mut self.lanes {
            lane.handle_event(Event::Renumbered { start }, now);
        }
    }
}
