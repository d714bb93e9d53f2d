//! What a lane says of itself: one log line a transition, numbers for
//! Prometheus. Labels are configured names and fixed words only.

use lanegate_core::lane::{Event, Tell};
use lanegate_core::model::{Content, DeviceId, DeviceState, LaneId};
use lanegate_core::time::{Micros, Mono};
use tracing::{debug, info, trace, warn};

use crate::device::Seen;
use crate::metrics::{self, Metrics};

/// Says what a lane tells.
pub(super) struct Telling {
    lane: LaneId,
    metrics: Metrics,
    /// Since when the lane is in its state.
    pub(super) since: Mono,
    /// The last byte of evidence, and whether a truck's verdict rests on it.
    evidence_at: Option<Mono>,
    committing_since: Option<Mono>,
}

impl Telling {
    pub(super) const fn new(lane: LaneId, metrics: Metrics) -> Self {
        Self {
            lane,
            metrics,
            since: Mono(0),
            evidence_at: None,
            committing_since: None,
        }
    }

    /// Evidence came; inputs are none.
    pub(super) const fn evidence(&mut self, event: &Event, now: Mono) {
        if let Event::Reading(reading) = event
            && !matches!(reading.content, Content::Inputs(_))
        {
            self.evidence_at = Some(now);
        }
    }

    pub(super) const fn committing(&mut self, now: Mono) {
        self.committing_since = Some(now);
    }

    pub(super) fn lift(&mut self, now: Mono) {
        let lane = [self.lane.as_str()];
        self.metrics.count(&metrics::LIFTS, &lane, 1);
        if let Some(at) = self.evidence_at.take() {
            self.metrics
                .observe(&metrics::LIFT_SECONDS, &lane, now.since(at));
        }
    }

    pub(super) fn order(&self, kind: &str, accepted: bool) {
        let answer = if accepted { "accepted" } else { "refused" };
        let labels = [self.lane.as_str(), kind, answer];
        self.metrics.count(&metrics::ORDERS, &labels, 1);
    }

    pub(super) fn queue_full(&self, queue: &str) {
        self.metrics.count(&metrics::QUEUE_FULL, &[queue], 1);
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
                gather_us,
            } => {
                let code = worst.map_or("-", |code| code.as_str());
                info!(lane, %passage, verdict = verdict.as_str(), code, gather_ms = gather_us / 1000, "verdict");
                self.metrics
                    .count(&metrics::VERDICTS, &[lane, verdict.as_str()], 1);
                if let Some(code) = worst {
                    self.metrics
                        .count(&metrics::REASONS, &[lane, code.as_str()], 1);
                }
                let took = Micros(*gather_us);
                self.metrics
                    .observe(&metrics::GATHER_SECONDS, &[lane], took);
                if let Some(at) = self.evidence_at {
                    let took = now.since(at);
                    self.metrics
                        .observe(&metrics::DECISION_SECONDS, &[lane], took);
                }
            }
            Tell::Ended { passage, how } => {
                info!(lane, %passage, how = how.as_str(), "passage ended");
                let labels = [lane, how.as_str()];
                self.metrics.count(&metrics::PASSAGES_ENDED, &labels, 1);
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
                warn!(lane, alarm, "alarm");
                self.metrics.count(&metrics::ALARMS, &[lane, alarm], 1);
            }
        }
        false
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

    /// Devices' counts, as they are now.
    pub(super) fn devices(&self, devices: &[(DeviceId, Seen)]) {
        for (id, seen) in devices {
            let device = [id.as_str()];
            let state = match seen.state {
                DeviceState::Ok => 0,
                DeviceState::Late => 1,
                DeviceState::Lost => 2,
            };
            self.metrics.set(&metrics::DEVICE_STATE, &device, state);
            let counts = seen.counts;
            let totals = [
                (&metrics::DEVICE_FRAMES, counts.frames),
                (&metrics::DEVICE_NOISE_BYTES, counts.noise_bytes),
                (&metrics::DEVICE_BYTES, counts.bytes),
                (&metrics::DEVICE_TIMEOUTS, counts.timeouts),
                (&metrics::DEVICE_OPENS, counts.opens),
            ];
            for (metric, total) in totals {
                self.metrics.total(metric, &device, total);
            }
        }
    }
}
