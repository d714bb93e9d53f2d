//! What a lane says of itself: one log line a transition, numbers for
//! Prometheus. Labels are configured names and fixed words only.

use std::collections::VecDeque;

use lanegate_core::lane::{Event, Tell};
use lanegate_core::model::{Code, Content, LaneId, OrderId, PassageId, VerdictKind};
use lanegate_core::time::{Micros, Mono};
use tracing::{debug, info, trace, warn};

use super::arm_watch::{ArmSeen, ArmWatch};
use crate::metrics::{self, Metrics};

/// Passages judged and not ended: the one here and those on their way to the
/// bay (L9). Beyond, the oldest ends without a verdict in the numbers.
const JUDGED_MAX: usize = 16;
/// Orders a lane was handed and has not answered (L9): it answers each at the
/// next turn or at the end of one commit.
const ORDERED_MAX: usize = 64;

/// Says what a lane tells.
pub(super) struct Telling {
    lane: LaneId,
    /// The truck of the last transition, if there was one.
    passage: Option<PassageId>,
    metrics: Metrics,
    /// Since when the lane is in its state.
    pub(super) since: Mono,
    /// The last byte of evidence, and whether a truck's verdict rests on it.
    evidence_at: Option<Mono>,
    committing_since: Option<Mono>,
    arm: ArmWatch,
    judged: VecDeque<Judged>,
    ordered: VecDeque<(OrderId, &'static str)>,
}

/// What a passage was last judged.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Judged {
    passage: PassageId,
    verdict: VerdictKind,
    class: String,
    worst: Option<Code>,
}

impl Telling {
    pub(super) const fn new(lane: LaneId, metrics: Metrics) -> Self {
        Self {
            lane,
            passage: None,
            metrics,
            since: Mono(0),
            evidence_at: None,
            committing_since: None,
            arm: ArmWatch::new(),
            judged: VecDeque::new(),
            ordered: VecDeque::new(),
        }
    }

    /// What a driver told: evidence, or how the arm stands.
    pub(super) fn heard(&mut self, event: &Event) {
        let Event::Reading(reading) = event else {
            return;
        };
        match &reading.content {
            Content::Inputs(inputs) => {
                let seen = self.arm.inputs(inputs, reading.arrived);
                self.arm_seen(seen);
            }
            Content::Weight(_)
            | Content::Plates(_)
            | Content::Seal(_)
            | Content::Tag(_)
            | Content::Card(_)
            | Content::Container(_, _) => {
                self.evidence_at = Some(reading.arrived);
            }
        }
    }

    fn arm_seen(&self, seen: Option<ArmSeen>) {
        let lane = [self.lane.as_str()];
        match seen {
            Some(ArmSeen::Up(Some(took))) => {
                self.metrics
                    .observe(&metrics::ARM_LIFT_SECONDS, &lane, took);
            }
            Some(ArmSeen::Down) => self.metrics.count(&metrics::ARM_CYCLES, &lane, 1),
            Some(ArmSeen::Up(None)) | None => {}
        }
    }

    /// An order went to the lane; its answer names it alone.
    pub(super) fn ordered(&mut self, id: &OrderId, kind: &'static str) {
        if self.ordered.len() >= ORDERED_MAX {
            self.ordered.pop_front();
        }
        self.ordered.push_back((id.clone(), kind));
    }

    /// The lane answered it.
    pub(super) fn answered(&mut self, id: &OrderId, accepted: bool) {
        let place = self.ordered.iter().position(|(known, _)| known == id);
        let known = place.and_then(|place| self.ordered.remove(place));
        let kind = known.map_or("other", |(_, kind)| kind);
        count_order(&self.metrics, self.lane.as_str(), kind, accepted);
    }

    pub(super) const fn committing(&mut self, now: Mono) {
        self.committing_since = Some(now);
    }

    pub(super) fn lift(&mut self, now: Mono) {
        let lane = [self.lane.as_str()];
        self.metrics.count(&metrics::LIFTS, &lane, 1);
        self.arm.lifted(now);
        if let Some(at) = self.evidence_at.take() {
            self.metrics
                .observe(&metrics::LIFT_SECONDS, &lane, now.since(at));
        }
    }

    /// Says one thing; true if the status changed with it.
    pub(super) fn tell(&mut self, tell: &Tell, now: Mono) -> bool {
        let lane = self.lane.as_str();
        match tell {
            Tell::Entered {
                state,
                passage,
                why,
            } => {
                self.since = now;
                self.passage.clone_from(passage);
                let passage = passage.as_ref().map(tracing::field::display);
                info!(lane, state, passage, why, "lane");
                self.metrics.lane_state(lane, state);
                self.end_of_commit(state, now);
                return true;
            }
            Tell::Judged {
                passage,
                verdict,
                worst,
                class,
                gather_us,
            } => {
                let code = worst.map_or("-", |code| code.as_str());
                info!(lane, %passage, verdict = verdict.as_str(), code, gather_ms = gather_us / 1000, "verdict");
                let judged = Judged {
                    passage: passage.clone(),
                    verdict: *verdict,
                    class: class.clone(),
                    worst: *worst,
                };
                self.judged(judged, Micros(*gather_us), now);
            }
            Tell::Ended { passage, how } => {
                info!(lane, %passage, how = how.as_str(), "passage ended");
                let labels = [lane, how.as_str()];
                self.metrics.count(&metrics::PASSAGES_ENDED, &labels, 1);
                self.ended(passage);
            }
            Tell::Stale(answer) => {
                debug!(lane, answer, "an answer that names nothing any more");
                self.metrics
                    .count(&metrics::STALE_ANSWERS, &[lane, answer], 1);
            }
            Tell::Dropped(why) => {
                trace!(lane, why, "a reading that is not this truck's");
                self.metrics
                    .count(&metrics::READINGS_DROPPED, &[lane, why], 1);
            }
            Tell::Alarm(alarm) => {
                let passage = self.passage.as_ref().map(tracing::field::display);
                warn!(lane, passage, alarm, "alarm");
                self.metrics.count(&metrics::ALARMS, &[lane, alarm], 1);
            }
        }
        false
    }

    fn judged(&mut self, judged: Judged, gathered: Micros, now: Mono) {
        let lane = self.lane.as_str();
        self.metrics
            .count(&metrics::VERDICTS, &[lane, judged.verdict.as_str()], 1);
        if let Some(code) = judged.worst {
            self.metrics
                .count(&metrics::REASONS, &[lane, code.as_str()], 1);
        }
        self.metrics
            .observe(&metrics::GATHER_SECONDS, &[lane], gathered);
        if let Some(at) = self.evidence_at {
            let took = now.since(at);
            self.metrics
                .observe(&metrics::DECISION_SECONDS, &[lane], took);
        }
        // Judged again: the last verdict counts.
        self.judged.retain(|known| known.passage != judged.passage);
        if self.judged.len() >= JUDGED_MAX {
            self.judged.pop_front();
        }
        self.judged.push_back(judged);
    }

    fn ended(&mut self, passage: &PassageId) {
        let place = self.judged.iter().position(|j| j.passage == *passage);
        let judged = place.and_then(|place| self.judged.remove(place));
        let (verdict, class, code) = judged.as_ref().map_or(("none", "none", "none"), |j| {
            let code = j.worst.map_or("none", |code| code.as_str());
            (j.verdict.as_str(), j.class.as_str(), code)
        });
        let labels = [self.lane.as_str(), verdict, class, code];
        self.metrics.count(&metrics::PASSAGES, &labels, 1);
    }

    fn end_of_commit(&mut self, state: &str, now: Mono) {
        if state == "committing" {
            return;
        }
        if let Some(at) = self.committing_since.take() {
            let lane = [self.lane.as_str()];
            self.metrics
                .observe(&metrics::COMMIT_SECONDS, &lane, now.since(at));
        }
    }
}

/// An order was answered, by its lane or before it got there.
pub(super) fn count_order(metrics: &Metrics, lane: &str, kind: &str, accepted: bool) {
    let answer = if accepted { "accepted" } else { "refused" };
    metrics.count(&metrics::ORDERS, &[lane, kind, answer], 1);
}

#[cfg(test)]
mod tests;
