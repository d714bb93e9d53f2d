//! Scenarios: a timeline in, what was commanded out. One test an arrow of the
//! design's table, named after it.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test picks the commands it is about out of all of them"
)]

mod alike;
mod arm_up;
mod bay;
mod boxes;
mod committing;
mod crashes;
mod evidence;
mod gaps;
mod held;
mod orders;
mod passing;
mod policy;
mod rail;
mod recapture;
mod sampling;
mod seals;
mod start;
mod steps;
mod tags;
mod taken_back;
mod yard;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::*;
use crate::model::{
    Content, Declaration, Direction, Facts, Inputs, Kg, LaneId, Link, Order, OrderKind, Outcome,
    PlateRead, PlatesReading, PortCode, Reading, SealReading, SealState, Taken, VerdictKind,
    WeightReading, parse_json,
};
use crate::record::{Body, OutcomeBody};
use crate::time::{Clock, Wall};

/// Mono is zero at this wall time.
const WALL_0: &str = "2026-11-24T08:00:00+08:00";

/// An empty truck whose plate, port, window and weight fit.
const DECLARATION: &str = r#"{"id":"5345202600012345","form":"vehicle-only","version":1,"status":"released",
 "direction":"export","port":"5345","enterprise":"4403161234","class":"advanced",
 "vehicles":[{"plates":["粤B12345"],"tare_kg":8600}],"load":"empty","goods_gross_kg":0,
 "valid_from":"2026-11-24T00:00:00+08:00","valid_until":"2026-11-25T00:00:00+08:00",
 "binding":{"kind":"trips","trips":20}}"#;

const ENTERPRISE: &str = r#"{"id":"4403161234","version":1,"class":"advanced","state":"normal"}"#;

/// How the bench answers commits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Commits {
    /// Durable at once.
    AtOnce,
    /// Not before the test says so.
    Wait,
}

struct Bench {
    lane: Lane,
    ms: u64,
    inputs: Inputs,
    /// The board is read every 100 ms.
    polling: bool,
    facts: Facts,
    draws: Draws,
    commits: Commits,
    answers_lookups: bool,
    seq: u64,
    waiting: VecDeque<(Token, Vec<Draft>)>,
    /// Everything commanded, with its time.
    log: Vec<(u64, Command)>,
    cam_reads: bool,
    clock: Clock,
}

fn config(geometry: Geometry) -> LaneConfig {
    let camera = EvidenceDevice {
        role: Role::Camera,
        lead: Micros::from_ms(3000),
        evidence: Micros::from_ms(1500),
        side: Some("front".into()),
        reads_min: 1,
        can_recapture: true,
    };
    let scale = EvidenceDevice {
        role: Role::Scale,
        lead: Micros(0),
        evidence: Micros::from_ms(2000),
        side: None,
        reads_min: 1,
        can_recapture: false,
    };
    let id = |s: &str| DeviceId::parse(s).unwrap();
    LaneConfig {
        lane: LaneId::parse("SZB-X-01").unwrap(),
        controller: crate::model::ControllerId::parse("szb-1").unwrap(),
        port: PortCode::parse("5345").unwrap(),
        direction: Direction::Export,
        geometry,
        devices: BTreeMap::from([(id("cam-1"), camera), (id("scale-1"), scale)]),
        lane_io: id("io-1"),
        bay_input: false,
        entry_signal: true,
        weigh_after_vacant: false,
        division_kg: Kg(20),
        io_stale: Micros::from_ms(500),
        settle: Micros::from_ms(2000),
        presence_clear: Micros::from_ms(600),
        inhibit_clear: Micros::from_ms(1500),
        arm_max: Micros::from_ms(5000),
        pass_max: Micros::from_ms(60_000),
        commit_max: Micros::from_ms(2000),
        lookup_max: Micros::from_ms(1000),
        secure: Micros::from_ms(5000),
        gather_max: Micros::from_ms(5000),
        recapture_n_max: 2,
        recapture: Micros::from_ms(800),
        bay_max: Micros::from_ms(120_000),
        rejudge_n_max: 10,
        drain: Micros::from_s(20),
    }
}

fn policy() -> Arc<Policy> {
    let text = include_str!("../../../../config/policy.toml");
    let text = text.replace("csp1", "none");
    Arc::new(
        Policy::parse(&text).unwrap_or_else(|_| {
            Policy::parse(include_str!("../../../../config/policy.toml")).unwrap()
        }),
    )
}

/// Facts under which the truck of [`DECLARATION`] is released.
fn good_facts() -> Facts {
    Facts {
        cache_age_s: Some(5),
        link: Some(Link::Up),
        generation: 7,
        candidates: vec![parse_json(DECLARATION).unwrap()],
        enterprises: vec![parse_json(ENTERPRISE).unwrap()],
        ..Facts::unknown()
    }
}

const DOWN: Inputs = Inputs {
    presence: false,
    inhibit: false,
    arm_up: false,
    arm_down: true,
    bay: None,
    diverter_bay: None,
    whole: None,
};

impl Bench {
    /// A lane that has just been started with the arm as in `inputs`.
    fn started(config: LaneConfig, recovery: Recovery, inputs: Inputs) -> Self {
        let ms = 10_000;
        let now = now_at(ms, Clock::Trusted);
        let mut bench = Self {
            lane: Lane::new(Arc::new(config), policy(), recovery, now),
            ms,
            inputs,
            polling: true,
            facts: good_facts(),
            draws: Draws::default(),
            commits: Commits::AtOnce,
            answers_lookups: true,
            seq: 100,
            waiting: VecDeque::new(),
            log: Vec::new(),
            cam_reads: true,
            clock: Clock::Trusted,
        };
        bench.pump();
        bench
    }

    /// A vacant lane whose scale has been seen empty.
    fn vacant_with(config: LaneConfig) -> Self {
        let recovery = Recovery {
            start: 1,
            ..Recovery::default()
        };
        let mut bench = Self::started(config, recovery, DOWN);
        bench.run(2500);
        bench.weigh(0);
        assert_eq!(bench.state(), "vacant");
        bench.log.clear();
        bench
    }

    fn vacant() -> Self {
        Self::vacant_with(config(Geometry::SideExit))
    }

    /// A truck at the stop line, released, the arm commanded up.
    fn cleared() -> Self {
        let mut bench = Self::vacant();
        bench.arrive();
        bench.run(200);
        assert_eq!(bench.state(), "cleared");
        bench
    }

    /// The same with the arm up.
    fn passing() -> Self {
        let mut bench = Self::cleared();
        bench.arm(true, false);
        bench.run(100);
        assert_eq!(bench.state(), "passing");
        bench
    }

    /// A truck on Hold because its plate could not be read.
    fn held() -> Self {
        let mut bench = Self::vacant();
        bench.cam_reads = false;
        bench.arrive();
        bench.run(6000);
        assert_eq!(bench.state(), "held");
        bench
    }

    /// The truck of [`DECLARATION`] on Hold for a stale cache.
    fn held_for_stale_cache() -> Self {
        let mut bench = Self::vacant();
        bench.facts.cache_age_s = Some(1_000_000);
        bench.arrive();
        bench.run(200);
        assert_eq!(bench.state(), "held");
        bench
    }

    /// A truck sent to the bay: nobody declared it.
    fn diverting_with(config: LaneConfig) -> Self {
        let mut bench = Self::vacant_with(config);
        bench.facts.candidates.clear();
        bench.arrive();
        bench.run(200);
        bench
    }

    /// The truck comes, is read and weighed.
    fn arrive(&mut self) {
        self.inputs.presence = true;
        self.poll();
        if self.cam_reads {
            self.read("粤B12345", 98);
        }
        self.weigh(8600);
    }

    fn now(&self) -> Now {
        now_at(self.ms, self.clock)
    }

    fn state(&self) -> &'static str {
        self.lane.state_name()
    }

    /// Lets `ms` pass in polls of 100 ms, timers on their instant. Nothing else
    /// wakes the lane.
    fn run(&mut self, ms: u64) {
        let end = self.ms + ms;
        while self.ms < end {
            let next_poll = (self.ms / 100 + 1) * 100;
            let timer = self.lane.poll_timeout().map(|(at, _)| at.0.div_ceil(1000));
            let next = timer.map_or(next_poll, |t| t.clamp(self.ms, next_poll));
            self.ms = next.min(end);
            let is_poll = self.ms == next_poll && self.polling;
            if is_poll {
                self.poll();
            }
            if is_poll || timer.is_some_and(|t| t <= self.ms) {
                let now = self.now();
                self.lane.handle_timeout(now);
                self.pump();
            }
        }
    }

    fn poll(&mut self) {
        let content = Content::Inputs(self.inputs);
        self.event(reading("io-1", self.ms, Taken::OnArrival, content));
    }

    fn event(&mut self, event: Event) {
        let now = self.now();
        self.lane.handle_event(event, now);
        self.pump();
    }

    fn read(&mut self, text: &str, confidence_pct: u8) {
        self.read_event(None, text, confidence_pct, Taken::OnArrival);
    }

    fn read_event(&mut self, event: Option<&str>, text: &str, confidence_pct: u8, taken: Taken) {
        let content = Content::Plates(PlatesReading {
            event: event.map(str::to_owned),
            reads: vec![PlateRead {
                text: text.to_owned(),
                confidence_pct,
                rival: false,
            }],
            pictures: Vec::new(),
            on_request: false,
        });
        self.event(reading("cam-1", self.ms, taken, content));
    }

    fn weigh(&mut self, kg: i64) {
        let content = Content::Weight(WeightReading {
            gross: Some(Kg(kg)),
            stable: true,
            overload: false,
        });
        self.event(reading("scale-1", self.ms, Taken::OnArrival, content));
    }

    fn arm(&mut self, up: bool, down: bool) {
        self.inputs.arm_up = up;
        self.inputs.arm_down = down;
        self.poll();
    }

    /// The truck drives off under the arm and away.
    fn drive_through(&mut self) {
        self.inputs.inhibit = true;
        self.run(300);
        self.inputs.presence = false;
        self.run(200);
        self.inputs.inhibit = false;
        self.run(1700);
    }

    /// Answers what the lane asks for, as the bench is set.
    fn pump(&mut self) {
        while let Some(command) = self.lane.poll_command() {
            self.log.push((self.ms, command.clone()));
            match command {
                Command::LookUp {
                    passage, attempt, ..
                } if self.answers_lookups => {
                    let facts = Box::new(self.facts.clone());
                    let now = self.now();
                    let event = Event::Candidates {
                        passage,
                        attempt,
                        facts,
                        draws: self.draws.clone(),
                    };
                    self.lane.handle_event(event, now);
                }
                Command::Commit { token, drafts, .. } => {
                    self.waiting.push_back((token, drafts));
                    if self.commits == Commits::AtOnce {
                        self.durable_quietly();
                    }
                }
                _ => {}
            }
        }
    }

    fn durable_quietly(&mut self) {
        let (token, drafts) = self.waiting.pop_front().expect("a commit waits");
        let took = if drafts.iter().any(|d| spends(&d.body)) {
            Took::Spent
        } else {
            Took::Nothing
        };
        self.seq += 1;
        let (seq, now) = (self.seq, self.now());
        self.lane
            .handle_event(Event::Committed { token, seq, took }, now);
    }

    fn durable(&mut self) {
        self.durable_quietly();
        self.pump();
    }

    fn refuse(&mut self, why: Refusal) {
        let (token, _) = self.waiting.pop_front().expect("a commit waits");
        self.event(Event::Refused { token, why });
    }

    fn order(&mut self, kind: OrderKind) {
        let order = self.order_of(kind);
        self.event(Event::Order(order));
    }

    fn order_of(&self, kind: OrderKind) -> Order {
        let passage = self.lane.passage().expect("a truck is there").as_str();
        let kind = kind.as_str();
        let supply = r#"{"plates":["粤B12345"],"containers":[],"driver_card":null}"#;
        let text = format!(
            r#"{{"id":"o-{}","passage":"{passage}","kind":"{kind}","officer":"p-4","reason":"seen","supply":{}}}"#,
            self.ms,
            if kind == "supply" { supply } else { "null" }
        );
        parse_json(&text).unwrap()
    }

    fn lane_order(&mut self, kind: &str) {
        let text = format!(
            r#"{{"id":"l-{}-{}","lane":"SZB-X-01","kind":{kind},"officer":"p-4","reason":"seen"}}"#,
            self.ms,
            self.log.len()
        );
        self.event(Event::LaneOrder(parse_json(&text).unwrap()));
    }

    fn lifts(&self) -> usize {
        let lift = |(_, c): &&(u64, Command)| matches!(c, Command::LiftArm { .. });
        self.log.iter().filter(lift).count()
    }

    fn lowers(&self) -> usize {
        let lower = |(_, c): &&(u64, Command)| matches!(c, Command::LowerArm);
        self.log.iter().filter(lower).count()
    }

    /// Outcomes recorded, in order.
    fn outcomes(&self) -> Vec<Outcome> {
        let of = |body: &Body| match body {
            Body::Outcome(o) => Some(o.how),
            _ => None,
        };
        self.noted().iter().filter_map(|d| of(&d.body)).collect()
    }

    fn noted(&self) -> Vec<Draft> {
        let drafts = |(_, c): &(u64, Command)| match c {
            Command::Note(drafts) => drafts.clone(),
            _ => Vec::new(),
        };
        self.log.iter().flat_map(drafts).collect()
    }

    /// Kinds of records noted or committed, in order.
    fn kinds(&self) -> Vec<&'static str> {
        let of = |(_, c): &(u64, Command)| match c {
            Command::Note(drafts) | Command::Commit { drafts, .. } => drafts.clone(),
            _ => Vec::new(),
        };
        let drafts = self.log.iter().flat_map(of);
        drafts.map(|d| d.body.kind().as_str()).collect()
    }

    fn verdicts(&self) -> Vec<VerdictKind> {
        let of = |(_, c): &(u64, Command)| match c {
            Command::Tell(Tell::Judged { verdict, .. }) => Some(*verdict),
            _ => None,
        };
        self.log.iter().filter_map(of).collect()
    }

    /// Reason codes of the last verdict committed.
    fn codes(&self) -> Vec<&'static str> {
        let of = |(_, c): &(u64, Command)| match c {
            Command::Commit { drafts, .. } => match &drafts.first()?.body {
                Body::Verdict(v) => Some(v.verdict.clone()),
                _ => None,
            },
            _ => None,
        };
        let last = self.log.iter().filter_map(of).next_back();
        let reasons = last.map(|v| v.reasons).unwrap_or_default();
        reasons.iter().map(|r| r.code.as_str()).collect()
    }

    fn answers(&self) -> Vec<Option<String>> {
        let of = |(_, c): &(u64, Command)| match c {
            Command::AnswerOrder { refused, .. } => Some(refused.clone()),
            _ => None,
        };
        self.log.iter().filter_map(of).collect()
    }

    fn told(&self, alarm: &str) -> bool {
        let is =
            |(_, c): &(u64, Command)| matches!(c, Command::Tell(Tell::Alarm(a)) if *a == alarm);
        self.log.iter().any(is)
    }

    fn dropped(&self, why: &str) -> usize {
        let is =
            |(_, c): &&(u64, Command)| matches!(c, Command::Tell(Tell::Dropped(w)) if *w == why);
        self.log.iter().filter(is).count()
    }
}

fn now_at(ms: u64, clock: Clock) -> Now {
    let since = i64::try_from(ms).unwrap();
    Now {
        mono: Mono(ms * 1000),
        wall: Wall::parse(WALL_0).unwrap().plus_ms(since),
        clock,
    }
}

fn reading(device: &str, ms: u64, taken: Taken, content: Content) -> Event {
    Event::Reading(Reading {
        device: DeviceId::parse(device).unwrap(),
        arrived: Mono(ms * 1000),
        taken,
        at: None,
        content,
    })
}

/// What the committer would say was taken.
fn spends(body: &Body) -> bool {
    match body {
        Body::Verdict(v) => v.verdict.declarations.iter().any(|d| d.spend.is_some()),
        Body::Order(o) => o.spends.as_ref().is_some_and(|s| !s.is_empty()),
        _ => false,
    }
}

fn declaration() -> Declaration {
    parse_json(DECLARATION).unwrap()
}
