//! The laws as checkers that know the truth: they read durable records and
//! what physically happened, never the lane's own opinion of itself.

use std::collections::{BTreeMap, BTreeSet};

use firmware_sim::{Fact, To, Us};
use lanegate_core::model::{
    Binding, Case, DeclarationId, DeviceState, Inputs, LaneId, LaneOrderKind, OrderKind, PassageId,
    StoreState, Verdict, VerdictKind,
};
use lanegate_core::record::{Body, LaneOrderBody, OrderBody, Record};
use lanegate_core::time::Clock;

use super::known::Known;

/// Time an arm may take to move after a command: `settle_ms` of the simulated
/// lanes, which have the default.
const SETTLE_US: Us = 2_000_000;

/// How long a poll of the inputs counts: `io_stale_ms` of the same.
const IO_STALE_US: Us = 500_000;

/// One breach of a law.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    /// Which law.
    pub(crate) law: &'static str,
    /// When, in the world's time.
    pub(crate) at: Us,
    /// What happened.
    pub(crate) what: String,
}

/// What one declaration has had taken, by an independent fold.
#[derive(Default)]
struct Taken {
    trips: i64,
    limit: i64,
}

/// Checks L1, L2, L3, L4 and L7, and that every passage has one outcome.
#[derive(Default)]
pub(crate) struct Laws {
    violations: Vec<Violation>,
    /// Passages whose durable record allows a lift, and where to.
    permits: BTreeMap<PassageId, To>,
    /// Passages for which an arm was lifted.
    used: BTreeSet<PassageId>,
    /// Where whom each lane's arm was last lifted for may go.
    lifted: BTreeMap<usize, Option<To>>,
    /// Lanes whose arm an officer's durable order may lift.
    lane_permits: BTreeSet<String>,
    /// Lanes whose arm was commanded up and has not come up since, and when.
    rising: BTreeMap<usize, Us>,
    /// Lanes whose arm is on its way down by command, since when, and whether
    /// the lane was told that it is not down.
    lowering: BTreeMap<usize, (Us, bool)>,
    /// Lanes that were last told that their arm is not down.
    seen_up: BTreeSet<usize>,
    /// Of those, lanes whose arm has come down and that were not told yet: for
    /// the lane it still comes down.
    rested: BTreeSet<usize>,
    /// What each lane was last told of its inhibit, and when.
    inhibit: BTreeMap<usize, (Us, bool)>,
    /// Lanes whose arm was coming down when the daemon ended: nobody can raise
    /// it any more, and the arm has to see to itself.
    unattended: BTreeSet<usize>,
    taken: BTreeMap<String, Taken>,
    by_passage: BTreeMap<PassageId, Vec<String>>,
    judged: BTreeSet<PassageId>,
    ended: BTreeMap<PassageId, u32>,
    bay_behind_arm: bool,
    known: Known,
}

impl Laws {
    pub(crate) fn new(bay_behind_arm: bool) -> Self {
        Self {
            bay_behind_arm,
            ..Self::default()
        }
    }

    pub(crate) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    pub(crate) fn breach(&mut self, law: &'static str, at: Us, what: String) {
        self.violations.push(Violation { law, at, what });
    }

    /// A record has become durable.
    pub(crate) fn durable(&mut self, at: Us, record: &Record) -> Option<Body> {
        let body = match Body::read(record.kind, &record.body) {
            Ok(body) => body,
            Err(fault) => {
                self.breach("L5", at, format!("record {}: {fault}", record.seq));
                return None;
            }
        };
        let (lane, passage) = (record.lane.as_ref(), record.passage.as_ref());
        match (&body, lane, passage) {
            (Body::LaneOrder(order), Some(lane), _) => self.lane_order(lane, order),
            (Body::Verdict(body), _, Some(passage)) => {
                self.verdict(at, passage, &body.case, &body.verdict);
            }
            (Body::Order(order), _, Some(passage)) => self.order(at, passage, order),
            (Body::GiveBack(_), _, Some(passage)) => {
                self.permits.remove(passage);
                for id in self.by_passage.remove(passage).unwrap_or_default() {
                    self.taken.entry(id).or_default().trips -= 1;
                }
            }
            (Body::Outcome(_), _, Some(passage)) => self.outcome(at, passage),
            (Body::Feed(body), _, _) => self.known.feed(body),
            (
                Body::LaneOrder(_)
                | Body::Verdict(_)
                | Body::Order(_)
                | Body::GiveBack(_)
                | Body::Outcome(_)
                | Body::Genesis(_)
                | Body::Start(_)
                | Body::Stop(_)
                | Body::ArmUp(_)
                | Body::ArmDown(_)
                | Body::Resumed(_)
                | Body::UnpairedLift(_)
                | Body::Tailgate(_)
                | Body::Edge(_)
                | Body::Fault(_)
                | Body::Policy(_)
                | Body::ControlLate(_)
                | Body::Finding(_)
                | Body::Reconciled(_)
                | Body::DrawKey(_)
                | Body::Snapshot(_)
                | Body::Checkpoint(_),
                _,
                _,
            ) => {}
        }
        Some(body)
    }

    /// Keep-up and a maintenance move lift without a passage.
    fn lane_order(&mut self, lane: &LaneId, body: &LaneOrderBody) {
        let kind = body.order.kind;
        if body.accepted && matches!(kind, LaneOrderKind::KeepUp | LaneOrderKind::MoveUp) {
            self.lane_permits.insert(lane.to_string());
        }
    }

    fn order(&mut self, at: Us, passage: &PassageId, body: &OrderBody) {
        if !body.accepted {
            return;
        }
        let kind = body.order.kind;
        if kind == OrderKind::Release {
            self.permits.insert(passage.clone(), To::Road);
        } else if kind == OrderKind::Inspect && self.bay_behind_arm {
            self.permits.insert(passage.clone(), To::Bay);
        } else if kind == OrderKind::Return {
            self.permits.remove(passage);
        }
        for spend in body.spends.iter().chain(&body.reserves).flatten() {
            self.take(at, passage, spend.declaration.as_str());
        }
    }

    fn outcome(&mut self, at: Us, passage: &PassageId) {
        self.permits.remove(passage);
        let n = self.ended.entry(passage.clone()).or_default();
        *n += 1;
        if *n > 1 {
            self.breach("outcome", at, format!("{passage} ended twice"));
        }
    }

    fn verdict(&mut self, at: Us, passage: &PassageId, case: &Case, verdict: &Verdict) {
        self.judged.insert(passage.clone());
        let release = verdict.verdict == VerdictKind::Release;
        if release {
            self.permits.insert(passage.clone(), To::Road);
        } else if verdict.verdict == VerdictKind::Inspect && self.bay_behind_arm {
            self.permits.insert(passage.clone(), To::Bay);
        } else {
            self.permits.remove(passage);
        }
        for declaration in &case.facts.candidates {
            let limit = match &declaration.binding {
                Binding::Single {} => 1,
                Binding::Trips { trips, .. } => i64::from(*trips),
                Binding::Shared {} => i64::try_from(declaration.vehicles.len()).unwrap_or(i64::MAX),
            };
            let id = declaration.id.to_string();
            self.taken.entry(id).or_default().limit = limit;
        }
        for matched in verdict.declarations.iter().filter(|m| m.spend.is_some()) {
            self.take(at, passage, matched.id.as_str());
        }
        if release {
            self.doubt(at, passage, case);
            for why in self.known.against(case, verdict) {
                self.breach("L4", at, format!("{passage} was released on {why}"));
            }
        }
    }

    fn take(&mut self, at: Us, passage: &PassageId, id: &str) {
        let taken = self.taken.entry(id.to_owned()).or_default();
        taken.trips += 1;
        let over = taken.trips > taken.limit;
        self.by_passage
            .entry(passage.clone())
            .or_default()
            .push(id.to_owned());
        if over {
            self.breach(
                "L2",
                at,
                format!("{passage} takes more of {id} than it has"),
            );
        }
    }

    /// L4: none of these may stand in the case of a release.
    fn doubt(&mut self, at: Us, passage: &PassageId, case: &Case) {
        let lost = case.devices.values().any(|s| *s == DeviceState::Lost);
        let doubts = [
            (case.clock == Clock::Unknown, "an unknown clock"),
            (lost, "a lost device"),
            (case.facts.cache_age_s.is_none(), "an unknown cache age"),
            (
                matches!(&case.facts.store, Some(s) if *s != StoreState::Ok),
                "a doubtful store",
            ),
            (case.plates.is_empty(), "no plate"),
        ];
        for (doubtful, what) in doubts {
            if doubtful {
                self.breach("L4", at, format!("{passage} was released on {what}"));
            }
        }
    }

    /// Whether the feed has said of a declaration what nobody could read.
    pub(crate) fn is_unusable(&self, id: &DeclarationId) -> bool {
        self.known.unusable.contains(id)
    }

    /// L7: a case holds a plate of another truck than the one at the stop
    /// line.
    pub(crate) fn wrong_evidence(&mut self, at: Us, passage: &PassageId) {
        let what = format!("{passage} was judged on a plate of another truck");
        self.breach("L7", at, what);
    }

    /// Whether a lift is the first for its passage: another one raises again what
    /// came down too early.
    pub(crate) fn is_first_lift(&self, passage: &PassageId) -> bool {
        !self.used.contains(passage)
    }

    /// The lane handed a lift to the actuator.
    pub(crate) fn lift(&mut self, at: Us, lane: usize, name: &str, passage: Option<&PassageId>) {
        let to = passage.and_then(|p| self.permits.get(p)).copied();
        self.lifted.insert(lane, to);
        self.rising.insert(lane, at);
        let raises = self.lowering.contains_key(&lane);
        let allowed = raises
            || passage.is_some_and(|p| self.permits.contains_key(p))
            || (passage.is_none() && self.lane_permits.contains(name));
        if !allowed {
            self.breach(
                "L1",
                at,
                format!("lane {name}: a lift without a durable record ({passage:?})"),
            );
        }
        self.used.extend(passage.cloned());
    }

    /// The daemon ended, with this lane's arm on its way down or not.
    pub(crate) fn died(&mut self, lane: usize, lowering: bool) {
        self.lowering.remove(&lane);
        if lowering {
            self.unattended.insert(lane);
        }
    }

    /// The daemon has started: nothing on record allows it a lift.
    pub(crate) fn restarted(&mut self) {
        self.permits.clear();
        self.inhibit.clear();
        self.lifted.clear();
        self.lane_permits.clear();
    }

    /// The lane handed a lower to the actuator; a raise is allowed until the
    /// arm has come to rest. One that was commanded up just before and has not
    /// moved yet may still rise: for the lane it comes down.
    pub(crate) fn lower(&mut self, at: Us, lane: usize, arm_permille: u16) {
        self.unattended.remove(&lane);
        let clear = |(told, on): &(Us, bool)| !on && at <= *told + IO_STALE_US;
        if !self.inhibit.get(&lane).is_some_and(clear) {
            let what = format!("lane {lane}: a lower while the inhibit is on or unknown");
            self.breach("L3", at, what);
        }
        let lifted_at = self.rising.remove(&lane);
        let rises = lifted_at.is_some_and(|lifted| at < lifted + SETTLE_US);
        if arm_permille > 0 || rises {
            let moved = self.seen_up.contains(&lane);
            self.lowering.insert(lane, (at, moved));
            if arm_permille > 0 {
                self.rested.remove(&lane);
            }
        }
    }

    /// A lane was told how its arm stands. Both switches at once tell nothing,
    /// and an arm on its way down is raised until something does (L3). One that
    /// it has not been told to have left "down" may still be about to rise, and
    /// is not known to be down before it had time to.
    pub(crate) fn told(&mut self, at: Us, lane: usize, inputs: &Inputs) {
        self.inhibit.insert(lane, (at, inputs.inhibit));
        if inputs.arm_down {
            self.seen_up.remove(&lane);
        } else {
            self.seen_up.insert(lane);
        }
        let Some((since, moved)) = self.lowering.get_mut(&lane) else {
            return;
        };
        *moved |= !inputs.arm_down;
        let settled = *moved || at >= *since + SETTLE_US;
        if inputs.arm_down != inputs.arm_up && self.rested.contains(&lane) && settled {
            self.lowering.remove(&lane);
        }
    }

    /// Something physical happened.
    pub(crate) fn fact(&mut self, fact: &Fact) {
        match fact {
            Fact::HitByArm {
                at,
                lane,
                truck,
                permille,
            } if !self.unattended.contains(lane) => {
                let what = format!("lane {lane}: the arm met truck {truck} at {permille} permille");
                self.breach("L3", *at, what);
            }
            Fact::ArmMoved {
                lane, permille, to, ..
            } => {
                let rests = permille == to && matches!(*permille, 0 | 1000);
                // One that has come up although it was commanded down has yet to
                // turn.
                if rests && *to == 0 {
                    self.rested.insert(*lane);
                } else {
                    self.rested.remove(lane);
                }
                if rests {
                    self.unattended.remove(lane);
                }
                if rests && *to == 1000 {
                    self.rising.remove(lane);
                }
            }
            Fact::CrossedArm {
                at,
                lane,
                truck,
                to: To::Road,
                forced: false,
            } => {
                if self.lifted.get(lane) == Some(&Some(To::Bay)) {
                    let what = format!(
                        "lane {lane}: truck {truck} was sent to the bay and went to the road"
                    );
                    self.breach("L1", *at, what);
                }
            }
            Fact::HitByArm { .. }
            | Fact::Arrived { .. }
            | Fact::ReachedStopLine { .. }
            | Fact::CrossedArm { .. }
            | Fact::WentToBay { .. }
            | Fact::ReversedOut { .. } => {}
        }
    }

    /// At the end of a run: every judged passage but those still open ended.
    pub(crate) fn finish(&mut self, at: Us, open: &BTreeSet<PassageId>) {
        let missing: Vec<_> = self
            .judged
            .iter()
            .filter(|p| !self.ended.contains_key(*p) && !open.contains(*p))
            .cloned()
            .collect();
        for passage in missing {
            self.breach(
                "outcome",
                at,
                format!("{passage} was judged and never ended"),
            );
        }
    }
}

#[cfg(test)]
#[path = "laws_tests.rs"]
mod tests;
