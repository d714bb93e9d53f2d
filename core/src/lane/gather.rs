//! Gathering: evidence comes in until it is complete or its time is up, then
//! the store is asked and the rules judge.

use std::collections::BTreeSet;

use super::awaited::Awaited;
use super::commit::REFUSED_MAX;
use super::evidence::{Evidence, Window};
use super::state::{Passage, Phase, State, WhyUp};
use super::{Command, Draws, Lane, Query, RED, Role, Sign, Tell};
use crate::clearance::{judge, look_alike};
use crate::model::{
    Case, CasePlate, CaseWeight, Code, ContainerRead, Content, DeviceId, DeviceState, Facts,
    Outcome, PassageId, Plate, Reading, SealReading, StoreState, Supply, VerdictKind,
};
use crate::time::{Clock, Micros, Mono, Now};

/// The truck before is out of its seals' reach so long after it left. One that
/// reports later is here, whoever declared it.
const SEAL_FADES: Micros = Micros::from_s(30);

/// What a camera is asked it has answered by then, or never.
const ANSWERED: Micros = Micros::from_s(30);

/// Look-ups one verdict may cost when plates keep coming in.
const LOOKUPS_MAX: u32 = 4;

impl Lane {
    pub(super) fn enter_gathering_new(&mut self, now: Now) {
        let id = PassageId::of(&self.config.lane, self.start, self.next_n);
        self.next_n += 1;
        let arrived = self.sensors.present_since();
        let waited_ms = i64::try_from(now.mono.since(arrived).as_ms()).unwrap_or(i64::MAX);
        let passage = Passage {
            id,
            window: Window {
                left_at: self.sensors.left_at(),
                arrived,
            },
            arrived_at: now.wall.plus_ms(-waited_ms),
            policy: self.policy.clone(),
            evidence: Evidence::default(),
            supply: Supply::default(),
            awaited: Awaited::default(),
            recaptures: 0,
            refused_n: 0,
            rejudged_n: 0,
            lookups: 0,
            recorded: None,
            gather_from: now.mono,
            facts_changed: false,
            spent: false,
            reserved: false,
            bay_seen: false,
            // Without an entry signal a follower is on the platform at once; the
            // arm down behind the truck before stands in for an empty scale.
            seen_empty: self.seen_empty || self.config.weigh_after_vacant,
            weigh_from: if self.config.weigh_after_vacant {
                now.mono
            } else {
                arrived
            },
        };
        self.seen_empty = false;
        let mut passage = Box::new(passage);
        passage.evidence.disown(&self.last_events);
        self.enter_gathering(passage, "presence");
        let recent: Vec<Reading> = self.recent.of_next(arrived).cloned().collect();
        for reading in &recent {
            self.offer(reading, now);
        }
    }

    pub(super) fn enter_gathering(&mut self, mut passage: Box<Passage>, why: &'static str) {
        passage.lookups = 0;
        self.state = State::Gathering {
            passage,
            phase: Phase::Collecting {
                recapture_until: None,
            },
        };
        self.show(RED, Sign::Wait);
        self.tell_entered(why);
    }

    /// Offers a reading to the present passage as evidence.
    pub(super) fn offer(&mut self, reading: &Reading, now: Now) {
        let config = self.config.clone();
        let inputs = self.sensors.fresh(now.mono, config.io_stale);
        let whole = inputs.and_then(|i| i.whole);
        let standing = self.sensors.present_now();
        let asked = self.asked.get(&reading.device).copied();
        let last_seals = std::mem::take(&mut self.last_seals);
        let rejected = match self.state.listening() {
            Some(passage) => {
                let window = passage.window;
                // What was asked of the truck before is never this one's, however
                // late it is answered and whatever the camera's clock says.
                let asked_before =
                    asked.is_some_and(|at| at < window.arrived && reading.arrived < at + ANSWERED);
                match &reading.content {
                    Content::Plates(plates) if plates.on_request && asked_before => {
                        Some("asked-of-the-truck-before")
                    }
                    Content::Seal(seal)
                        if last_seals.contains(&seal.id)
                            && is_fading(seal, reading.arrived, window.left_at, now) =>
                    {
                        Some("seal-of-the-truck-before")
                    }
                    Content::Weight(_) if reading.arrived < passage.weigh_from => {
                        Some("weighed-too-early")
                    }
                    // Off the loop, within its clear time: the scale shows
                    // what the truck leaves behind.
                    Content::Weight(_) if !standing => Some("weighed-while-leaving"),
                    Content::Plates(_)
                    | Content::Weight(_)
                    | Content::Seal(_)
                    | Content::Inputs(_)
                    | Content::Tag(_)
                    | Content::Card(_)
                    | Content::Boxes(_) => passage
                        .evidence
                        .admit(&config, window, reading, whole)
                        .err(),
                }
            }
            None => None,
        };
        self.last_seals = last_seals;
        if let Some(why) = rejected {
            self.tell(Tell::Dropped(why));
        }
    }

    pub(super) fn step_gathering(&mut self, now: Now) -> bool {
        if self.arm_not_down(now) {
            self.enter_arm_up(WhyUp::Unpaired, now, "arm-up");
            return true;
        }
        if !self.sensors.present() {
            self.leave(now);
            return true;
        }
        let State::Gathering { passage, phase } = &self.state else {
            return false;
        };
        match phase {
            Phase::Collecting { recapture_until } => {
                let waiting = recapture_until.is_some_and(|until| now.mono < until)
                    && !passage.evidence.has_plate(&self.config, &passage.policy);
                if waiting && !self.out_of_time(passage, now) {
                    return false;
                }
                let complete = self.evidence_complete(passage, now);
                if !complete && !self.cameras_had_their_time(passage, now) {
                    return false;
                }
                if self.recapture(now) || !complete {
                    return false;
                }
                self.look_up(now);
                false
            }
            Phase::LookingUp { attempt, until, .. } if now.mono >= *until => {
                let (id, attempt) = (passage.id.clone(), *attempt);
                let mut facts = Facts::unknown();
                facts.store = Some(StoreState::Unavailable);
                self.on_candidates(&id, attempt, facts, &Draws::default(), now);
                true
            }
            Phase::LookingUp { .. } => false,
        }
    }

    fn leave(&mut self, now: Now) {
        if let Some(passage) = self.take_passage() {
            let how = match passage.recorded {
                Some(_) => Outcome::Left,
                None => Outcome::LeftBeforeVerdict,
            };
            self.end_passage(&passage, how, None, now);
        }
        self.enter_vacant("left");
    }

    fn out_of_time(&self, passage: &Passage, now: Now) -> bool {
        now.mono.since(passage.gather_from) >= self.config.gather_max
    }

    /// Every device configured to give evidence has given a usable reading
    /// (a reader of seals or boxes all that are declared, once that is known),
    /// is lost, or has used up its own time; it is not "enough to release".
    fn evidence_complete(&self, passage: &Passage, now: Now) -> bool {
        let waited = now.mono.since(passage.gather_from);
        self.out_of_time(passage, now)
            || self.config.devices.iter().all(|(id, device)| {
                passage.heard(id, device.role) || self.is_lost(id) || waited >= device.evidence
            })
    }

    fn is_lost(&self, id: &DeviceId) -> bool {
        self.devices.get(id) == Some(&DeviceState::Lost)
    }

    /// They are asked again then, while other devices still have theirs.
    fn cameras_had_their_time(&self, passage: &Passage, now: Now) -> bool {
        let waited = now.mono.since(passage.gather_from);
        let devices = self.config.devices.iter();
        let mut cameras = devices.filter(|(_, d)| d.role == Role::Camera);
        cameras.all(|(id, camera)| self.is_lost(id) || waited >= camera.evidence)
    }

    /// Asks the cameras again before a Hold for an unread plate.
    fn recapture(&mut self, now: Now) -> bool {
        let config = self.config.clone();
        let lost: BTreeSet<_> = self
            .devices
            .iter()
            .filter(|(_, state)| **state == DeviceState::Lost)
            .map(|(id, _)| id.clone())
            .collect();
        let State::Gathering { passage, phase } = &mut self.state else {
            return false;
        };
        let cameras = config
            .devices
            .iter()
            .filter(|(id, d)| d.role == Role::Camera && d.can_recapture && !lost.contains(*id));
        let wanted = !passage.evidence.has_plate(&config, &passage.policy)
            && passage.supply.plates.is_empty()
            && passage.recorded.is_none()
            && passage.recaptures < config.recapture_n_max
            && now.mono.since(passage.gather_from) < config.gather_max
            && cameras.clone().count() > 0;
        if wanted {
            passage.recaptures += 1;
            *phase = Phase::Collecting {
                recapture_until: Some(now.mono + config.recapture),
            };
            for (device, _) in cameras {
                self.asked.insert(device.clone(), now.mono);
                let device = device.clone();
                self.commands.push_back(Command::Recapture { device });
            }
        }
        wanted
    }

    fn look_up(&mut self, now: Now) {
        self.attempt += 1;
        let attempt = self.attempt;
        let config = self.config.clone();
        let State::Gathering { passage, phase } = &mut self.state else {
            return;
        };
        passage.lookups += 1;
        let asked = query(passage, &config);
        *phase = Phase::LookingUp {
            attempt,
            until: now.mono + config.lookup_max,
            asked: asked.clone(),
        };
        let passage = passage.id.clone();
        self.commands.push_back(Command::LookUp {
            passage,
            attempt,
            query: Box::new(asked),
        });
    }

    pub(super) fn on_candidates(
        &mut self,
        id: &PassageId,
        attempt: u32,
        facts: Facts,
        draws: &Draws,
        now: Now,
    ) {
        let awaited = if let State::Gathering {
            passage,
            phase:
                Phase::LookingUp {
                    attempt: asked_as,
                    asked,
                    ..
                },
        } = &self.state
            && passage.id == *id
            && *asked_as == attempt
        {
            let unasked = query(passage, &self.config) != *asked;
            Some((unasked, passage.lookups < LOOKUPS_MAX))
        } else {
            None
        };
        match awaited {
            None => self.tell(Tell::Stale("candidates")),
            // A plate came in while the store was answering: ask for it too.
            Some((true, true)) => self.look_up(now),
            Some((false, true)) if self.await_declared(&facts, now) => {}
            Some((unasked, _)) => self.judge_present(facts, draws, unasked, now),
        }
    }

    /// `unasked`: plates keep coming in faster than the store answers, so
    /// the facts are not about all of them.
    fn judge_present(&mut self, mut facts: Facts, draws: &Draws, unasked: bool, now: Now) {
        let Some(mut passage) = self.take_passage() else {
            return;
        };
        self.take_in_declared_seals(&mut passage, &facts);
        passage.facts_changed = false;
        facts.contended = passage.refused_n > REFUSED_MAX || unasked;
        let mut case = self.case(&passage, facts, now);
        draws.put(&mut case, &passage.policy);
        let verdict = judge(&case, &passage.policy);
        let worst = verdict.reasons.first().map(|r| r.code);
        self.tell(Tell::Judged {
            passage: passage.id.clone(),
            verdict: verdict.verdict,
            worst,
            class: verdict.class().to_owned(),
            gather_us: now.mono.since(passage.window.arrived).0,
        });
        self.enter_committing_verdict(passage, case, verdict, now);
    }

    fn case(&self, passage: &Passage, facts: Facts, now: Now) -> Case {
        let mut plates = passage.evidence.plates(&self.config);
        outvote_misreads(&mut plates, &passage.supply.plates);
        plates.extend(passage.supply.plates.iter().map(supplied_plate));
        let card = passage.supply.driver_card.as_deref();
        let card = card.or_else(|| passage.evidence.card());
        let pictures = passage.evidence.pictures(&self.config);
        let mut ext = serde_json::Map::new();
        if !pictures.is_empty() {
            ext.insert("pictures".to_owned(), pictures.into());
        }
        Case {
            v: None,
            passage: passage.id.clone(),
            lane: self.config.lane.clone(),
            port: self.config.port.clone(),
            direction: self.config.direction,
            arrived_at: passage.arrived_at,
            judged_at: now.wall,
            clock: now.clock,
            plates,
            seals: passage.evidence.seals(),
            containers: containers(passage),
            tags: passage.evidence.tags(),
            driver_card: card.map(str::to_owned),
            weight: self.case_weight(passage),
            devices: self.devices.clone(),
            facts,
            ext,
        }
    }

    fn case_weight(&self, passage: &Passage) -> Option<CaseWeight> {
        let (weight, whole) = passage.evidence.weight()?;
        let gross_kg = weight
            .gross
            .or(weight.overload.then_some(crate::model::Kg(0)))?;
        Some(CaseWeight {
            gross_kg,
            stable: weight.stable,
            seen_empty: passage.seen_empty,
            whole,
            division_kg: self.config.division_kg,
            overload: weight.overload,
        })
    }

    /// A fact changed: a Hold for a technical reason is judged again. A device
    /// that is back is heard first, from `listen_from` on.
    pub(super) fn on_facts_changed(&mut self, why: &'static str, listen_from: Option<Mono>) {
        let limit = self.config.rejudge_n_max;
        if let Some(passage) = self.state.listening() {
            passage.facts_changed = true;
        }
        let State::Held { passage } = &self.state else {
            return;
        };
        let technical = passage.recorded.as_ref().is_some_and(|r| {
            let mut reasons = r.verdict.reasons.iter();
            r.verdict.verdict == VerdictKind::Hold && reasons.any(|r| technical(r.code))
        });
        if !technical || passage.rejudged_n >= limit {
            return;
        }
        if let Some(mut passage) = self.take_passage() {
            passage.rejudged_n += 1;
            passage.refused_n = 0;
            passage.gather_from = listen_from.unwrap_or(passage.gather_from);
            self.enter_gathering(passage, why);
        }
    }

    /// Deadlines of the gathering phase.
    pub(super) fn gathering_deadlines(&self) -> Vec<Mono> {
        let State::Gathering { passage, phase } = &self.state else {
            return Vec::new();
        };
        match phase {
            Phase::LookingUp { until, .. } => vec![*until],
            Phase::Collecting { recapture_until } => {
                let arrived = passage.gather_from;
                let devices = self.config.devices.values().map(|d| arrived + d.evidence);
                let mut all: Vec<Mono> = devices.collect();
                all.push(arrived + self.config.gather_max);
                all.extend(*recapture_until);
                all
            }
        }
    }
}

/// Reasons whose cause can go away while the truck waits.
const fn technical(code: Code) -> bool {
    matches!(
        code,
        Code::CacheStale
            | Code::ClockUnknown
            | Code::DeviceLost
            | Code::StoreUnavailable
            | Code::StoreUnverified
            | Code::JournalUnavailable
            | Code::ClaimUnavailable
            | Code::ClaimTaken
            | Code::DeclarationHeld
            | Code::DeclarationUnusable
            | Code::DeclarationNotYet
            | Code::ConvoyIncomplete
    )
}

/// The officer has seen the plate: what a camera made of the same one is on
/// the record and contradicts nothing. A text that is no look-alike of it is
/// another plate, and still does.
fn outvote_misreads(read: &mut [CasePlate], supplied: &[Plate]) {
    for one in read {
        if let Ok(plate) = Plate::parse(&one.text)
            && !supplied.contains(&plate)
            && supplied.iter().any(|s| look_alike(s, &plate))
        {
            one.outvoted = true;
        }
    }
}

fn supplied_plate(plate: &Plate) -> CasePlate {
    CasePlate {
        text: plate.as_str().to_owned(),
        confidence_pct: 100,
        side: None,
        device: None,
        taken_at: None,
        reads: None,
        outvoted: false,
    }
}

pub(super) fn query(passage: &Passage, config: &super::LaneConfig) -> Query {
    let mut plates = passage.evidence.plates(config);
    plates.extend(passage.supply.plates.iter().map(supplied_plate));
    let card = passage.supply.driver_card.as_deref();
    Query::of(
        &plates,
        passage.evidence.seal_ids().iter(),
        &containers(passage),
        &passage.evidence.tags(),
        card.or_else(|| passage.evidence.card()),
    )
}

/// As read, then as an officer typed them.
fn containers(passage: &Passage) -> Vec<ContainerRead> {
    let typed = passage.supply.containers.iter().map(|no| ContainerRead {
        no: no.as_str().to_owned(),
        confidence_pct: Some(100),
    });
    let read = passage.evidence.containers().into_iter();
    read.chain(typed).collect()
}

/// Whether a seal's report may be that of a truck that left then: by the time
/// the seal gives, however long the message took; where no clock can be
/// compared with it, by its arrival.
fn is_fading(seal: &SealReading, arrived: Mono, left_at: Mono, now: Now) -> bool {
    match (now.clock, seal.at) {
        (Clock::Trusted, Some(at)) => {
            let faded_ms = now.mono.0 as i64 / 1000 - (left_at + SEAL_FADES).0 as i64 / 1000;
            at < now.wall.plus_ms(-faded_ms)
        }
        (Clock::Trusted | Clock::Unknown, _) => arrived < left_at + SEAL_FADES,
    }
}
