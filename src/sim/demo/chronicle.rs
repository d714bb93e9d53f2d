//! What became of each truck, put together from what happened in the yard and
//! from the records that reached the authority.
//!
//! A record's passage is the truck's that had come last into the lane when the
//! passage was first heard of.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use firmware_sim::{Fact, LaneLayout, Us};
use lanegate_core::time::Wall;
use serde_json::Value;

use crate::sim::setup::EVIDENCE_MS_MAX;

/// Ends of evidence remembered for a lane; at five weights a second, seconds
/// more than any commit takes.
const EVIDENCE_MAX: usize = 128;
/// Bits on the wire for a byte, and how many go in a second (9600 8N1).
const US_PER_BYTE: u64 = 10 * 1_000_000 / 9600;

/// One truck, as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TruckLog {
    /// On the presence loop for the first time.
    pub arrived: Option<Us>,
    /// Standing at the stop line for the first time.
    pub at_line: Option<Us>,
    /// The arm began to rise for it.
    pub lifted: Option<Us>,
    /// Gone.
    pub ended: Option<Us>,
    /// Its last verdict: release, inspect or hold.
    pub verdict: Option<String>,
    /// The codes of that verdict's reasons, the worst first.
    pub codes: Vec<String>,
    /// When that verdict was judged.
    pub judged: Option<Us>,
    /// The evidence's time was up.
    pub(super) time_up: Option<Us>,
    /// An officer gave an order about it.
    pub by_officer: bool,
    /// It was selected by sampling.
    pub selected: bool,
    /// From the last byte of evidence, or the end of its time, to the arm
    /// rising, microseconds; only of a release by the rules.
    pub latency_us: Option<Us>,
    /// Ends of evidence before the arm rose.
    pub(super) evidence: Vec<Us>,
}

/// An arm that began to rise from its rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lift {
    /// The lane, by its place.
    pub lane: usize,
    /// When.
    pub at: Us,
}

/// All trucks of a run.
#[derive(Debug)]
pub struct Chronicle {
    lanes: BTreeMap<String, usize>,
    cameras: BTreeMap<String, usize>,
    trucks: Vec<TruckLog>,
    /// The truck that came last into each lane.
    present: Vec<Option<usize>>,
    passages: BTreeMap<String, usize>,
    lifts: Vec<Lift>,
    /// Passages with a verdict and no outcome.
    open: BTreeSet<String>,
    evidence: Vec<VecDeque<Us>>,
    /// Records read so far.
    read: usize,
    /// The wall clock at the world's zero.
    zero: Wall,
}

impl Chronicle {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(lanes: &[LaneLayout], trucks: usize, zero: Wall) -> Self {
        let number = |name: fn(&LaneLayout) -> &String| {
            let of = |(i, lane)| (name(lane).clone(), i);
            lanes.iter().enumerate().map(of).collect()
        };
        Self {
            lanes: number(|l| &l.lane),
            cameras: number(|l| &l.camera_sn),
            trucks: vec![TruckLog::default(); trucks],
            present: vec![None; lanes.len()],
            passages: BTreeMap::new(),
            lifts: Vec::new(),
            open: BTreeSet::new(),
            evidence: vec![VecDeque::new(); lanes.len()],
            read: 0,
            zero,
        }
    }

    /// The world's zero was at this wall time.
    pub const fn begins(&mut self, zero: Wall) {
        self.zero = zero;
    }

    /// Trucks, in order of their ids.
    #[must_use]
    pub fn trucks(&self) -> &[TruckLog] {
        &self.trucks
    }

    /// Every lift, in order.
    #[must_use]
    pub fn lifts(&self) -> &[Lift] {
        &self.lifts
    }

    /// Whether every passage that was judged has ended.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.open.is_empty()
    }

    /// Wall time of a moment of the world.
    #[must_use]
    pub fn wall(&self, at: Us) -> Wall {
        let ms = i64::try_from(at / 1000).unwrap_or(i64::MAX);
        self.zero.plus_ms(ms)
    }

    /// A device sent `bytes` from `at` on.
    pub fn serial(&mut self, at: Us, port: &str, bytes: &[u8]) {
        let Some((lane, device)) = port.split_once('/') else {
            return;
        };
        // A reader's heartbeat and a board's inputs say nothing about a truck.
        let says_nothing = device == "io" || bytes.ends_with(b"@JT)");
        if let (Some(&lane), false) = (self.lanes.get(lane), says_nothing) {
            let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.note_evidence(lane, at.saturating_add(len.saturating_mul(US_PER_BYTE)));
        }
    }

    /// A device published on `topic`.
    pub fn published(&mut self, at: Us, topic: &str) {
        let mut parts = topic.split('/');
        let camera = parts.nth(1).and_then(|sn| self.cameras.get(sn));
        if let (Some(&lane), Some("ivs_result")) = (camera, parts.next_back()) {
            self.note_evidence(lane, at);
        }
    }

    fn note_evidence(&mut self, lane: usize, end: Us) {
        let ends = &mut self.evidence[lane];
        if ends.len() == EVIDENCE_MAX {
            ends.pop_front();
        }
        ends.push_back(end);
    }

    /// Something happened in the yard.
    pub fn fact(&mut self, fact: &Fact) {
        match *fact {
            Fact::Arrived { at, lane, truck } => {
                let truck = index(truck);
                self.present[lane] = Some(truck);
                self.trucks[truck].arrived.get_or_insert(at);
            }
            Fact::ReachedStopLine { at, truck, .. } => {
                self.trucks[index(truck)].at_line.get_or_insert(at);
            }
            Fact::ArmMoved {
                at,
                lane,
                permille: 0,
                to: 1..,
            } => self.rises(at, lane),
            Fact::CrossedArm { at, truck, .. }
            | Fact::WentToBay { at, truck, .. }
            | Fact::ReversedOut { at, truck, .. } => {
                self.trucks[index(truck)].ended = Some(at);
            }
            Fact::ArmMoved { .. } | Fact::HitByArm { .. } => {}
        }
    }

    fn rises(&mut self, at: Us, lane: usize) {
        self.lifts.push(Lift { lane, at });
        let Some(truck) = self.present[lane] else {
            return;
        };
        let before = self.evidence[lane].iter().filter(|end| **end <= at);
        let truck = &mut self.trucks[truck];
        truck.lifted = Some(at);
        truck.evidence = before.copied().collect();
        truck.measure();
    }

    /// Reads the records that have come since.
    pub fn follow(&mut self, records: &[Value]) {
        let from = self.read.min(records.len());
        for record in &records[from..] {
            self.record(record);
        }
        self.read = records.len();
    }

    fn record(&mut self, record: &Value) {
        let (Some(passage), Some(lane)) = (record["passage"].as_str(), record["lane"].as_str())
        else {
            return;
        };
        let Some(truck) = self.truck_of(passage, lane) else {
            return;
        };
        match record["kind"].as_str() {
            Some("verdict") => {
                self.open.insert(passage.to_owned());
                let case = &record["body"]["case"];
                let (came, judged) = (
                    self.moment(&case["arrived_at"]),
                    self.moment(&case["judged_at"]),
                );
                let log = &mut self.trucks[truck];
                log.time_up = came.map(|at| at + EVIDENCE_MS_MAX * 1000);
                log.judged(judged, &record["body"]["verdict"]);
            }
            Some("order") if record["body"]["accepted"] == true => {
                self.trucks[truck].by_officer = true;
            }
            Some("outcome") => {
                self.open.remove(passage);
            }
            Some(_) | None => {}
        }
    }

    /// A record's time as a moment of the world.
    fn moment(&self, at: &Value) -> Option<Us> {
        let at = Wall::parse(at.as_str()?).ok()?;
        Us::try_from((at - self.zero) * 1000).ok()
    }

    fn truck_of(&mut self, passage: &str, lane: &str) -> Option<usize> {
        if let Some(&truck) = self.passages.get(passage) {
            return Some(truck);
        }
        let truck = self.present[*self.lanes.get(lane)?]?;
        self.passages.insert(passage.to_owned(), truck);
        Some(truck)
    }
}

impl TruckLog {
    fn judged(&mut self, at: Option<Us>, verdict: &Value) {
        let word = verdict["verdict"].as_str().unwrap_or_default();
        let codes = verdict["reasons"].as_array().into_iter().flatten();
        let codes = codes.filter_map(|reason| reason["code"].as_str());
        self.codes = codes.map(str::to_owned).collect();
        self.selected |= self.codes.iter().any(|code| code == "sampling.selected");
        self.verdict = Some(word.to_owned());
        self.judged = at;
        self.measure();
    }

    /// Known once both the record and the rising arm are. What came in after
    /// the case was judged was not its evidence; where a device has nothing
    /// to say (no e-seal on the truck), the end of its time is what counts.
    fn measure(&mut self) {
        let (Some(judged), Some(lifted)) = (self.judged, self.lifted) else {
            return;
        };
        if self.by_officer || self.verdict.as_deref() != Some("release") {
            return;
        }
        // A record's time has whole milliseconds: the one begun counts.
        let ends = self.evidence.iter().copied().chain(self.time_up);
        let complete = ends.filter(|end| *end <= judged + 999).max();
        if let Some(complete) = complete.filter(|_| judged <= lifted) {
            self.latency_us = lifted.checked_sub(complete);
        }
    }
}

/// A truck's id is its place plus one.
fn index(id: u32) -> usize {
    usize::try_from(id).map_or(0, |id| id.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::world_options;
    use firmware_sim::World;
    use serde_json::json;

    const LANE: &str = "SZB-X-01";

    fn chronicle() -> Chronicle {
        let world = World::new(world_options(7, 1, 3));
        let zero = Wall::parse("2026-11-24T08:00:00+08:00").unwrap();
        Chronicle::new(world.lanes(), 3, zero)
    }

    fn verdict(passage: &str, at: &str, verdict: &str, codes: &[&str]) -> Value {
        let reasons: Vec<_> = codes.iter().map(|c| json!({"code": c})).collect();
        json!({"lane": LANE, "passage": passage, "kind": "verdict", "body": {
            "case": {"judged_at": at}, "verdict": {"verdict": verdict, "reasons": reasons}}})
    }

    fn arrives(c: &mut Chronicle, at: Us, truck: u32) {
        c.fact(&Fact::Arrived { at, lane: 0, truck });
        let at = at + 500_000;
        c.fact(&Fact::ReachedStopLine { at, lane: 0, truck });
    }

    fn rises(c: &mut Chronicle, at: Us) {
        let (lane, permille, to) = (0, 0, 1000);
        c.fact(&Fact::ArmMoved {
            at,
            lane,
            permille,
            to,
        });
    }

    #[test]
    fn the_latency_runs_from_the_last_byte_before_the_judgement_to_the_rising_arm() {
        let mut c = chronicle();
        arrives(&mut c, 1_000_000, 1);
        // 12 bytes take 12.5 ms, less what is rounded away.
        c.serial(2_000_000, "SZB-X-01/scale", &[0; 12]);
        // No evidence: inputs, a heartbeat, a keep-alive.
        c.serial(2_015_000, "SZB-X-01/io", &[0; 6]);
        c.serial(2_015_000, "SZB-X-01/seal", b"(8000620011,@JT)");
        // Came in after the case was judged.
        c.serial(2_020_000, "SZB-X-01/scale", &[0; 4]);
        rises(&mut c, 2_030_000);
        c.follow(&[verdict(
            "p-1",
            "2026-11-24T08:00:02.016+08:00",
            "release",
            &[],
        )]);
        assert_eq!(c.trucks()[0].latency_us, Some(30_000 - 12 * US_PER_BYTE));
    }

    #[test]
    fn a_camera_result_is_evidence_and_its_keep_alive_is_not() {
        let mut c = chronicle();
        let sn = c.cameras.keys().next().unwrap().clone();
        arrives(&mut c, 1_000_000, 1);
        c.published(1_500_000, &format!("device/{sn}/message/up/ivs_result"));
        c.published(1_600_000, &format!("device/{sn}/message/up/keep_alive"));
        c.follow(&[verdict(
            "p-1",
            "2026-11-24T08:00:01.700+08:00",
            "release",
            &[],
        )]);
        rises(&mut c, 1_700_999);
        assert_eq!(c.trucks()[0].latency_us, Some(200_999));
    }

    #[test]
    fn where_a_device_has_nothing_to_say_the_end_of_its_time_counts() {
        let mut c = chronicle();
        arrives(&mut c, 1_000_000, 1);
        c.serial(3_200_000, "SZB-X-01/scale", &[0; 12]);
        let mut record = verdict("p-1", "2026-11-24T08:00:03.301+08:00", "release", &[]);
        record["body"]["case"]["arrived_at"] = json!("2026-11-24T08:00:01+08:00");
        c.follow(&[record]);
        rises(&mut c, 3_320_000);
        assert_eq!(c.trucks()[0].latency_us, Some(20_000));
    }

    #[test]
    fn a_lift_on_an_officers_word_has_no_latency() {
        let mut c = chronicle();
        arrives(&mut c, 1_000_000, 1);
        c.serial(2_000_000, "SZB-X-01/scale", &[0; 12]);
        let order =
            json!({"lane": LANE, "passage": "p-1", "kind": "order", "body": {"accepted": true}});
        c.follow(&[
            verdict(
                "p-1",
                "2026-11-24T08:00:02.016+08:00",
                "hold",
                &["plate.unread"],
            ),
            order,
        ]);
        rises(&mut c, 5_000_000);
        let truck = &c.trucks()[0];
        assert_eq!((truck.latency_us, truck.by_officer), (None, true));
        assert_eq!(truck.codes, ["plate.unread"]);
    }

    #[test]
    fn a_passage_stays_with_its_truck_when_the_next_one_has_come() {
        let mut c = chronicle();
        arrives(&mut c, 1_000_000, 1);
        c.follow(&[verdict(
            "p-1",
            "2026-11-24T08:00:02+08:00",
            "inspect",
            &["declaration.none"],
        )]);
        assert!(!c.is_settled());
        arrives(&mut c, 3_000_000, 2);
        let outcome =
            json!({"lane": LANE, "passage": "p-1", "kind": "outcome", "body": {"how": "to-bay"}});
        let mut records = vec![Value::Null, outcome];
        c.follow(&records);
        assert!(c.is_settled());
        records.push(verdict("p-2", "2026-11-24T08:00:04+08:00", "release", &[]));
        c.follow(&records);
        let verdicts: Vec<_> = c.trucks().iter().map(|t| t.verdict.as_deref()).collect();
        assert_eq!(verdicts, [Some("inspect"), Some("release"), None]);
    }
}
