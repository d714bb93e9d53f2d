//! What a lane says of itself: one log line a transition, numbers for
//! Prometheus. Labels are configured names and fixed words only.

use std::collections::VecDeque;

use lanegate_core::drift::Drift;
use lanegate_core::lane::{Event, Tell};
use lanegate_core::model::{Code, Content, LaneId, OrderId, PassageId};
use lanegate_core::record::{Body, Draft};
use lanegate_core::time::{Micros, Mono};
use tracing::{debug, info, trace, warn};

use self::underway::{Judged, Traced, Underway};
use super::arm_watch::{ArmSeen, ArmWatch};
use super::drift_watch::ScaleWatch;
use crate::metrics::{self, Metrics};

mod underway;

/// Orders a lane was handed and has not answered (L9): it answers each at the
/// next turn or at the end of one commit.
const ORDERED_MAX: usize = 64;

/// Says what a lane tells.
pub(super) struct Telling {
    lane: LaneId,
    /// The truck of the last transition, if there was one.
    passage: Option<PassageId>,
    metrics: Metrics,
    /// The state the lane is in.
    state: &'static str,
    /// Since when.
    pub(super) since: Mono,
    /// The last byte of evidence, and whether a truck's verdict rests on it.
    evidence_at: Option<Mono>,
    committing_since: Option<Mono>,
    arm: ArmWatch,
    underway: Underway,
    scales: ScaleWatch,
    ordered: VecDeque<(OrderId, &'static str)>,
}

impl Telling {
    pub(super) fn new(lane: LaneId, metrics: Metrics, scales: ScaleWatch) -> Self {
        Self {
            lane,
            passage: None,
            metrics,
            state: "starting",
            since: Mono(0),
            evidence_at: None,
            committing_since: None,
            arm: ArmWatch::new(),
            underway: Underway::default(),
            scales,
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
            Content::Seal(_)
            | Content::Weight(_)
            | Content::Plates(_)
            | Content::Tag(_)
            | Content::Card(_)
            | Content::Boxes(_) => {
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

    /// These are on their way to the journal.
    pub(super) fn committing(&mut self, drafts: &[Draft], now: Mono) {
        self.committing_since = Some(now);
        for draft in drafts {
            if let Body::Verdict(body) = &draft.body {
                self.underway.traced(body);
            }
        }
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
                self.passage.clone_from(passage);
                let shown = passage.as_ref().map(tracing::field::display);
                info!(lane, state, passage = shown, why, "lane");
                self.entered(state, passage.as_ref(), why, now);
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
                    verdict: *verdict,
                    class: class.clone(),
                    worst: *worst,
                };
                self.judged(passage, judged, Micros(*gather_us), now);
            }
            Tell::Ended { passage, how } => {
                info!(lane, %passage, how = how.as_str(), "passage ended");
                let labels = [lane, how.as_str()];
                self.metrics.count(&metrics::PASSAGES_ENDED, &labels, 1);
                self.ended(passage, now);
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

    fn entered(&mut self, state: &'static str, passage: Option<&PassageId>, why: &str, now: Mono) {
        let lane = self.lane.as_str();
        if metrics::PHASES.contains(&self.state) {
            let took = now.since(self.since);
            self.metrics
                .observe(&metrics::PHASE_SECONDS, &[lane, self.state], took);
        }
        (self.state, self.since) = (state, now);
        self.metrics.lane_state(lane, state);
        let cause = (state == "faulted").then_some(why);
        self.metrics.lane_fault(lane, cause);
        if let Some(passage) = passage.filter(|_| state == "gathering") {
            self.underway.arrived(passage, now);
        }
        self.end_of_commit(state, now);
    }

    fn judged(&mut self, passage: &PassageId, judged: Judged, gathered: Micros, now: Mono) {
        let lane = self.lane.as_str();
        self.metrics
            .count(&metrics::VERDICTS, &[lane, judged.verdict.as_str()], 1);
        if let Some(code) = judged.worst {
            self.metrics
                .count(&metrics::REASONS, &[lane, code.as_str()], 1);
        }
        if let Some(at) = self.evidence_at {
            let took = now.since(at);
            self.metrics
                .observe(&metrics::DECISION_SECONDS, &[lane], took);
        }
        // Judged again, it waited for a person; the last verdict counts.
        if self.underway.judged(passage, judged, gathered, now) {
            self.metrics
                .observe(&metrics::GATHER_SECONDS, &[lane], gathered);
        }
    }

    fn ended(&mut self, passage: &PassageId, now: Mono) {
        let lane = self.lane.as_str();
        let truck = self.underway.ended(passage, now);
        let judged = truck.as_ref().and_then(|(truck, _)| truck.judged.as_ref());
        let (verdict, class, code) = judged.map_or(("none", "none", "none"), |j| {
            let code = j.worst.map_or("none", Code::as_str);
            (j.verdict.as_str(), j.class.as_str(), code)
        });
        self.metrics
            .count(&metrics::PASSAGES, &[lane, verdict, class, code], 1);
        if let Some((truck, here)) = &truck {
            self.metrics
                .observe(&metrics::PASSAGE_SECONDS, &[lane], *here);
            self.tell_traced(&truck.traced, class);
        }
    }

    /// How the lane's scale reads.
    pub(super) fn drift(&self) -> Drift {
        self.scales.drift(&self.lane)
    }

    fn tell_traced(&self, traced: &Traced, class: &str) {
        if let Some(weighing) = traced.weighing {
            self.scales.weighed(&self.lane, weighing);
        }
        if let Some(ratio) = traced.weight {
            let lane = [self.lane.as_str()];
            self.metrics
                .observe_millionths(&metrics::WEIGHT_RATIO, &lane, ratio);
        }
        if let Some((rate, selected)) = traced.sampled {
            self.metrics
                .observe_millionths(&metrics::SAMPLING_RATE, &[class], rate);
            let n = u64::from(selected);
            self.metrics.count(&metrics::SAMPLING_SELECTED, &[class], n);
        }
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
