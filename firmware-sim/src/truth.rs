//! What ought to have happened against what happened: the yard's own count,
//! from its population, the bytes it sent and the trucks it saw cross.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::options::{Must, Us};
use crate::wall;

/// Why a person had to act for a truck that no verdict stopped: the lane itself
/// wanted a hand, or the driver left.
pub const NO_VERDICT: &str = "no-verdict";

/// The count of a run; every truck that has left is in exactly one of
/// `released`, `inspected`, `held` and `unfinished`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Score {
    /// Trucks of the population.
    pub trucks: u64,
    /// Crossed the arm to the road.
    pub released: u64,
    /// Went to the bay.
    pub inspected: u64,
    /// Sent back, or gone after a hold nobody resolved.
    pub held: u64,
    /// Gave up waiting without an answer.
    pub unfinished: u64,
    /// Trucks that must be released.
    pub must: u64,
    /// Trucks that may be.
    pub may: u64,
    /// Trucks that must not be.
    pub must_not: u64,
    /// Must-not trucks that crossed to the road, not on an officer's word and
    /// not behind another truck.
    pub false_releases: u64,
    /// Must trucks that left otherwise than over the road and were not
    /// selected by sampling.
    pub missed_releases: u64,
    /// Trucks that crossed on another truck's declaration.
    pub wrong_truck_releases: u64,
    /// Crossings nobody released.
    pub forced: u64,
    /// Conforming or misread trucks for which an officer had to act.
    pub needed_person: u64,
    /// Must trucks that came while something could go wrong (all of them
    /// without faults), and those of them that left over the road.
    pub must_under_faults: u64,
    /// See `must_under_faults`.
    pub must_released: u64,
    /// Trucks that conform, and those of them for which a person had to act:
    /// an officer answered, or they left otherwise than over the road.
    pub conforming: u64,
    /// See `conforming`.
    pub conforming_person: u64,
    /// The same if a gateway compared the first picture's first plate with the
    /// declared one and nothing else.
    pub conforming_person_plain: u64,
    /// Those of `conforming_person` by why: the first reason of the first
    /// verdict that stopped them, [`NO_VERDICT`] where none did.
    pub conforming_person_by: BTreeMap<String, u64>,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
}

/// A truck that passed the arm to the road.
#[derive(Debug, Clone)]
pub(crate) struct Crossing {
    pub(crate) lane: usize,
    pub(crate) truck: usize,
    pub(crate) wall_ms: i64,
    /// The truth at that moment.
    pub(crate) must: Must,
    pub(crate) forced: bool,
    /// The declaration the truck is entitled to.
    pub(crate) own: Option<String>,
    /// A camera sent another text than its plates, or a loop hid where one
    /// truck ended and the next began.
    pub(crate) misread: bool,
    /// What forbids it came while trucks were coming, and was not known to the
    /// controller before this moment; none = it was known from the beginning.
    pub(crate) unheard_until: Option<Us>,
}

/// Why an arm was lifted, by the controller's records.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Permit {
    wall_ms: i64,
    /// When its record was durable, where somebody saw it.
    durable_at: Option<Us>,
    by_officer: bool,
    declarations: Vec<String>,
}

/// A verdict that was no release.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stop {
    wall_ms: i64,
    /// Its first reason that is more than a warning.
    reason: String,
}

/// What a crossing amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    Right,
    Forced,
    False,
    WrongTruck,
}

/// Follows the controller's records.
#[derive(Debug, Default)]
pub(crate) struct Records {
    read: usize,
    permits: BTreeMap<String, Vec<Permit>>,
    stops: BTreeMap<String, Vec<Stop>>,
    selected: BTreeSet<String>,
    /// When each record was durable, by the port's own clock: the stamps in
    /// the records are the controller's, whose clock may be wrong.
    durable: BTreeMap<u64, Us>,
    start_wall_ms: i64,
}

impl Records {
    /// Reads the records that have come since.
    pub(crate) fn follow(&mut self, records: &[Value]) {
        for record in records.get(self.read..).unwrap_or_default() {
            self.read_one(record);
        }
        self.read = records.len();
    }

    /// Records whose moments are told by [`Self::became_durable`].
    pub(crate) fn new(start_wall_ms: i64) -> Self {
        Self {
            start_wall_ms,
            ..Self::default()
        }
    }

    /// Time zero was at `wall_ms`.
    pub(crate) fn begin_at(&mut self, wall_ms: i64) {
        self.start_wall_ms = wall_ms;
    }

    /// The record `seq` is durable since `at`.
    pub(crate) fn became_durable(&mut self, at: Us, seq: u64) {
        self.durable.insert(seq, at);
    }

    /// Whether one of the truck's verdicts was a selection by sampling.
    pub(crate) fn selected(&self, declaration: Option<&String>) -> bool {
        declaration.is_some_and(|id| self.selected.contains(id))
    }

    pub(crate) fn judge(&self, lane: &str, c: &Crossing) -> Judgement {
        if c.forced {
            return Judgement::Forced;
        }
        let permit = self.permit_before(lane, c.wall_ms);
        if permit.is_some_and(|p| p.by_officer) {
            return Judgement::Right;
        }
        let durable_at = permit.and_then(|p| p.durable_at);
        if let (Some(unheard), Some(durable)) = (c.unheard_until, durable_at)
            && durable <= unheard
            && c.must == Must::Not
        {
            // Released on what the controller had been told by then. At the same
            // moment is one sync for both, the verdict written first: one that
            // comes behind the news is refused.
            return Judgement::Right;
        }
        let drawn = permit.map_or(&[][..], |p| &p.declarations);
        let own = c.own.as_ref().is_some_and(|id| drawn.contains(id));
        match c.must {
            // The bytes sent named another truck's declaration.
            Must::Not | Must::May if c.misread && !own && !drawn.is_empty() => {
                Judgement::WrongTruck
            }
            Must::Not => Judgement::False,
            Must::Release | Must::May if !own && !drawn.is_empty() => Judgement::WrongTruck,
            Must::Release | Must::May => Judgement::Right,
        }
    }

    /// An officer let the truck go and nothing of `declaration` was spent: the
    /// order names nothing, so who comes with it later has it still.
    pub(crate) fn let_go_unspent(&self, lane: &str, c: &Crossing, declaration: &str) -> bool {
        let permit = self.permit_before(lane, c.wall_ms);
        permit.is_some_and(|p| p.by_officer && !p.declarations.iter().any(|d| d == declaration))
    }

    /// The first reason why a truck that stood in the lane then was stopped.
    pub(crate) fn stopped(&self, lane: &str, from_ms: i64, to_ms: i64) -> Option<&str> {
        let stops = self.stops.get(lane)?;
        let first = stops.partition_point(|s| s.wall_ms < from_ms);
        let stop = stops.get(first).filter(|s| s.wall_ms <= to_ms)?;
        Some(&stop.reason)
    }

    fn permit_before(&self, lane: &str, wall_ms: i64) -> Option<&Permit> {
        let permits = self.permits.get(lane)?;
        let after = permits.partition_point(|p| p.wall_ms <= wall_ms);
        permits.get(after.checked_sub(1)?)
    }

    fn read_one(&mut self, record: &Value) {
        let seq = record["seq"].as_u64();
        let durable_at = seq.and_then(|seq| self.durable.get(&seq).copied());
        let stamped = || record["at"].as_str().and_then(wall::parse_rfc3339);
        let wall_ms = match durable_at {
            Some(at) => Some(self.start_wall_ms + (at / 1000) as i64),
            None => stamped(),
        };
        let (Some(lane), Some(wall_ms)) = (record["lane"].as_str(), wall_ms) else {
            return;
        };
        let body = &record["body"];
        let named = array(&body["verdict"]["declarations"]).map(|d| &d["id"]);
        let spent = array(&body["spends"]).map(|d| &d["declaration"]);
        let declarations: Vec<String> = named
            .chain(spent)
            .filter_map(|id| id.as_str().map(str::to_owned))
            .collect();
        let by_officer = record["kind"] == "order";
        let released = match record["kind"].as_str() {
            Some("verdict") => {
                if array(&body["verdict"]["reasons"]).any(|r| r["code"] == "sampling.selected") {
                    self.selected.extend(declarations.iter().cloned());
                }
                let released = body["verdict"]["verdict"] == "release";
                if !released {
                    self.stopped_at(lane, wall_ms, &body["verdict"]["reasons"]);
                }
                released
            }
            // The order stands in the body, or is it.
            // A refused one is on the record too.
            Some("order") => {
                let kind = body.get("order").unwrap_or(body).get("kind");
                body["accepted"] != false && kind.is_some_and(|k| k == "release")
            }
            Some(_) | None => false,
        };
        if released {
            self.permits
                .entry(lane.to_owned())
                .or_default()
                .push(Permit {
                    wall_ms,
                    durable_at,
                    by_officer,
                    declarations,
                });
        }
    }

    fn stopped_at(&mut self, lane: &str, wall_ms: i64, reasons: &Value) {
        let weighty = array(reasons).find(|r| r["severity"] != "warn");
        let reason = weighty.and_then(|r| r["code"].as_str()).unwrap_or_default();
        let reason = reason.to_owned();
        let stops = self.stops.entry(lane.to_owned()).or_default();
        stops.push(Stop { wall_ms, reason });
    }
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const AT: i64 = 1_795_478_400_000;

    fn verdict(second: u8, verdict: &str, id: &str) -> Value {
        json!({"lane": "L", "kind": "verdict", "at": format!("2026-11-24T08:00:{second:02}+08:00"),
               "body": {"verdict": {"verdict": verdict, "declarations": [{"id": id}], "reasons": []}}})
    }

    fn crossing(second: i64, must: Must) -> Crossing {
        Crossing {
            lane: 0,
            truck: 0,
            wall_ms: AT + second * 1000,
            must,
            forced: false,
            own: Some("own".into()),
            misread: false,
            unheard_until: None,
        }
    }

    #[test]
    fn a_must_not_truck_that_crossed_on_a_verdict_is_false_and_on_an_officers_order_right() {
        let mut r = Records::default();
        r.follow(&[verdict(1, "release", "own")]);
        assert_eq!(r.judge("L", &crossing(5, Must::Not)), Judgement::False);
        let order = json!({"lane": "L", "kind": "order", "at": "2026-11-24T08:00:08+08:00", "body": {"kind": "release"}});
        r.follow(&[verdict(1, "release", "own"), order]);
        assert_eq!(r.judge("L", &crossing(9, Must::Not)), Judgement::Right);
        assert_eq!(r.judge("L", &crossing(7, Must::Not)), Judgement::False);
    }

    #[test]
    fn only_an_officers_order_that_names_no_trip_leaves_the_trip_to_the_next() {
        let order = |spends: Value| {
            json!({"lane": "L", "kind": "order", "at": "2026-11-24T08:00:02+08:00",
                   "body": {"kind": "release", "spends": spends}})
        };
        let unspent = |record: Value| {
            let mut r = Records::default();
            r.follow(&[record]);
            r.let_go_unspent("L", &crossing(5, Must::Release), "own")
        };
        assert!(unspent(order(json!([]))) && unspent(order(json!(null))));
        assert!(unspent(order(json!([{"declaration": "another"}]))));
        assert!(!unspent(order(json!([{"declaration": "own"}]))));
        assert!(!unspent(verdict(1, "release", "own")));
        assert!(!unspent(verdict(1, "release", "another")));
    }

    #[test]
    fn crossing_on_another_trucks_declaration_is_told_from_a_false_release() {
        let mut r = Records::default();
        r.follow(&[verdict(1, "release", "another")]);
        assert_eq!(
            r.judge("L", &crossing(5, Must::Release)),
            Judgement::WrongTruck
        );
        // Nothing the yard sent named the other truck: the gateway was wrong, not the camera.
        assert_eq!(r.judge("L", &crossing(5, Must::Not)), Judgement::False);
        let misread = Crossing {
            misread: true,
            ..crossing(5, Must::Not)
        };
        assert_eq!(r.judge("L", &misread), Judgement::WrongTruck);
    }

    #[test]
    fn what_the_controller_heard_only_after_its_verdict_makes_no_release_false() {
        let judged = |unheard_until: Us| {
            let mut r = Records::new(AT);
            r.became_durable(2_000_000, 7);
            let mut record = verdict(1, "release", "own");
            record["seq"] = json!(7);
            r.follow(&[record]);
            let crossing = Crossing {
                unheard_until: Some(unheard_until),
                ..crossing(5, Must::Not)
            };
            r.judge("L", &crossing)
        };
        assert_eq!(judged(1_999_999), Judgement::False);
        assert_eq!(judged(2_000_000), Judgement::Right);
        assert_eq!(judged(2_000_001), Judgement::Right);
    }

    #[test]
    fn a_truck_was_stopped_by_the_first_weighty_reason_of_its_own_time_and_lane() {
        let mut r = Records::default();
        let stop = |second, verdict_is: &str, codes: Value| {
            let mut v = verdict(second, verdict_is, "own");
            v["body"]["verdict"]["reasons"] = codes;
            v
        };
        let warned = json!([{"code": "plate.extra", "severity": "warn"}, {"code": "plate.unread"}]);
        r.follow(&[
            stop(1, "hold", json!([{"code": "cache.stale"}])),
            stop(3, "release", json!([{"code": "seal.battery-low"}])),
            stop(5, "hold", warned),
            stop(6, "inspect", json!([{"code": "seal.open"}])),
        ]);
        let stopped = |lane, from: i64, to: i64| r.stopped(lane, AT + from * 1000, AT + to * 1000);
        assert_eq!(stopped("L", 2, 9), Some("plate.unread"));
        assert_eq!(stopped("L", 0, 9), Some("cache.stale"));
        assert_eq!(stopped("L", 2, 4), None);
        assert_eq!(stopped("M", 0, 9), None);
    }

    #[test]
    fn a_selection_by_sampling_is_remembered_by_declaration() {
        let mut r = Records::default();
        let mut v = verdict(1, "inspect", "own");
        v["body"]["verdict"]["reasons"] = json!([{"code": "sampling.selected"}]);
        r.follow(&[v]);
        assert!(
            r.selected(Some(&"own".to_owned()))
                && !r.selected(Some(&"other".to_owned()))
                && !r.selected(None)
        );
    }
}
