//! Officers who race, repeat and contradict themselves, and a feed with gaps,
//! copies, old versions, bad items and news about a truck already in the lane.

use serde_json::{Value, json};

use super::view::{Output, Phase};
use super::{Event, World};
use crate::authority::{Answer, Question};
use crate::faults::Kind;
use crate::options::{Must, Story};

impl World {
    // ---- people

    /// Somebody answers at once, before the officer who was asked.
    pub(super) fn race(&mut self, question: &Question) {
        let Some(lane) = self.lane_of(&question.lane) else {
            return;
        };
        self.wires.last_question[lane] = Some(question.clone());
        if std::mem::take(&mut self.faults.lanes[lane].order_race) {
            self.faults.count(Kind::OrderRace);
            let question = question.clone();
            self.schedule(self.now, Event::Answer { question });
        }
    }

    /// A second officer does not agree.
    pub(super) fn contradict(&mut self, truck: usize, question: &Question, other: Answer) {
        let lane = self.trucks[truck].profile.lane;
        if !std::mem::take(&mut self.faults.lanes[lane].order_contradict) {
            return;
        }
        if self.authority.answer(self.now, question, other) {
            self.faults.count(Kind::OrderContradict);
            if self.trucks[truck].must == Must::Release {
                // Either word is an officer's.
                self.set_must(truck, Must::May);
            }
        }
    }

    /// An order is sent twice.
    pub(super) fn emit_twice_if_doubled(&mut self, output: Output) {
        let order = matches!(&output, Output::Publish { topic, .. } if topic.ends_with("/orders"));
        if order && std::mem::take(&mut self.faults.order_double) {
            self.faults.count(Kind::OrderDouble);
            self.emit(output.clone());
        }
        self.emit(output);
    }

    /// An order about a passage that is over.
    pub(super) fn order_for_the_gone(&mut self, lane: usize) {
        let Some(question) = self.wires.last_question[lane].take() else {
            return;
        };
        if self.authority.stands(&question) {
            self.wires.last_question[lane] = Some(question);
            return;
        }
        self.faults.count(Kind::OrderGone);
        self.authority
            .answer_late(self.now, &question, Answer::Release);
        self.settle_authority();
    }

    fn lane_of(&self, name: &str) -> Option<usize> {
        self.lanes.iter().position(|l| l.layout.lane == name)
    }

    // ---- the feed

    /// The truck coming to the stop line or standing there that conforms and
    /// has papers of its own, of which nothing was said yet.
    fn in_lane(&self, lane: usize) -> Option<(usize, String)> {
        let present = self.lanes[lane].present.iter().copied();
        present
            .filter(|&truck| {
                let t = &self.trucks[truck];
                let waits = matches!(t.phase, Phase::Approaching | Phase::AtStopLine);
                let shared = |o: &super::Truck| o.profile.clone_of == Some(truck);
                waits
                    && t.profile.story == Story::Conforming
                    && t.control_seq.is_none()
                    && !self.is_last(truck)
                    && !self.trucks.iter().any(shared)
            })
            .find_map(|truck| Some((truck, self.trucks[truck].profile.declaration.clone()?)))
    }

    /// The item in force, one version on.
    fn next_version(&self, id: &str) -> Option<Value> {
        let mut item = self.authority.declaration(id)?;
        let version = item["declaration"]["version"].as_u64()?;
        item["declaration"]["version"] = json!(version + 1);
        Some(item)
    }

    pub(super) fn revoke_in_lane(&mut self, lane: usize) {
        let Some((truck, id)) = self.in_lane(lane) else {
            return;
        };
        let Some(mut item) = self.next_version(&id) else {
            return;
        };
        self.faults.count(Kind::FeedRevoked);
        self.wires.stale.push(self.authority.declaration(&id));
        item["declaration"]["status"] = json!("revoked");
        self.forbid(truck, item);
    }

    pub(super) fn control_in_lane(&mut self, lane: usize) {
        let Some((truck, id)) = self.in_lane(lane) else {
            return;
        };
        self.faults.count(Kind::FeedControlLate);
        let plate = self.trucks[truck].profile.plates[0].clone();
        let (kind, value) = if self.faults.rng.chance(500) {
            ("vehicle", plate)
        } else {
            ("declaration", id)
        };
        let name = format!("c-late-{truck}");
        let item = crate::population::control(&name, kind, &value, "inspect");
        self.forbid(truck, item);
    }

    /// From when the controller has applied it the truck must not be released.
    fn forbid(&mut self, truck: usize, item: Value) {
        self.issue(truck, item);
        self.set_must(truck, Must::Not);
    }

    pub(super) fn send_bad_item(&mut self, lane: usize) {
        let Some((truck, id)) = self.in_lane(lane) else {
            return;
        };
        let Some(mut item) = self.next_version(&id) else {
            return;
        };
        self.faults.count(Kind::FeedBadItem);
        item["declaration"]["direction"] = json!("sideways");
        self.settle_authority();
        self.authority.publish(self.now, vec![item]);
        self.settle_authority();
        if self.trucks[truck].must == Must::Release {
            self.set_must(truck, Must::May);
        }
    }

    /// An item that was overtaken comes after the one that overtook it.
    pub(super) fn send_stale_version(&mut self) {
        let Some(item) = self.wires.stale.pop().flatten() else {
            return;
        };
        self.faults.count(Kind::FeedStaleVersion);
        self.authority.publish_stale(self.now, item);
        self.settle_authority();
    }
}
