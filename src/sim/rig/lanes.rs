//! The lanes' side of the simulated port: what a lane says is done, and what
//! came of it is handed back.

use firmware_sim::Input;
use lanegate_core::lane::{Command, Event, Guard, Query, Tell, Token};
use lanegate_core::model::{Content, PassageId, VerdictKind};
use lanegate_core::record::{Body, Draft};
use lanegate_core::time::Now;
use serde_json::json;
use sha2::Digest as _;

use super::super::breaks::Point;
use super::super::sabotage::Sabotage;
use super::Rig;
use crate::device::BoardCommand;
use crate::store::Store;

impl Rig {
    pub(super) fn run_lanes(&mut self) -> bool {
        let mut moved = false;
        for n in 0..self.lanes.len() {
            while self.lanes[n].stirred() && !self.life.breaks.is_struck() {
                let now = self.now();
                if let Some(event) = self.lanes[n].poll_event() {
                    self.hand_in(n, event, now);
                } else if let Some(command) = self.lanes[n].poll_command() {
                    self.obey(n, command);
                } else if let Some((port, bytes)) = self.lanes[n].poll_sent() {
                    self.world.input(self.now_us, Input::Serial { port, bytes });
                    if std::mem::take(&mut self.life.lifting) {
                        self.reach(Point::LiftSent);
                    }
                } else {
                    self.lanes[n].rests();
                    break;
                }
                moved = true;
            }
        }
        moved
    }

    pub(super) fn hand_in(&mut self, n: usize, event: Event, now: Now) {
        if let Event::Reading(reading) = &event
            && let Content::Inputs(inputs) = &reading.content
        {
            self.laws.told(self.now_us, n, inputs);
        }
        let event = self.spoil_event(n, event, now);
        self.lanes[n].handle_event(event, now);
    }

    pub(in crate::sim) fn lift(&mut self, n: usize, passage: Option<&PassageId>) {
        let name = self.lanes[n].name.clone();
        self.say(|| format!("{name} lift {passage:?}"));
        self.hash.update(self.now_us.to_le_bytes());
        if let Some(passage) = passage
            && self.laws.is_first_lift(passage)
        {
            self.check_lift(n, passage);
        }
        self.laws.lift(self.now_us, n, &name, passage);
        let now = self.now();
        self.lanes[n].command(BoardCommand::Lift, now);
    }

    pub(super) fn look_up(&mut self, n: usize, passage: PassageId, attempt: u32, query: &Query) {
        let now = self.now();
        let found = self.store.candidates(query);
        let mut facts = self.gate.facts(found.declarations, found.state, query);
        self.freshness.fill(&mut facts, now);
        self.spoil_facts(&mut facts, query);
        let draws = self.gate.draws(&facts, now, self.now_us);
        let event = Event::Candidates {
            passage,
            attempt,
            facts: Box::new(facts),
            draws,
        };
        self.lanes[n].handle_event(event, now);
    }

    pub(super) fn commit(&mut self, n: usize, token: Token, drafts: Vec<Draft>, guard: Guard) {
        let mut drafts = drafts;
        let guard = self.spoil_commit(&mut drafts, guard);
        if self.sabotage == Some(Sabotage::LiftBeforeDurable) && drafts.iter().any(releases) {
            self.lift(n, token.passage.as_ref());
        }
        self.gate.submit(n, token, drafts, guard, self.now_us);
        self.reach(Point::Submitted);
    }

    pub(super) fn obey(&mut self, n: usize, command: Command) {
        let now = self.now();
        match command {
            Command::LookUp {
                passage,
                attempt,
                query,
            } => self.look_up(n, passage, attempt, &query),
            Command::Commit {
                token,
                drafts,
                guard,
            } => self.commit(n, token, drafts, guard),
            Command::Note(drafts) => self.gate.note(drafts, self.now_us),
            Command::LiftArm { passage } => {
                self.reach(Point::LiftOrdered);
                if !self.life.breaks.is_struck() {
                    self.lift(n, passage.as_ref());
                    self.life.lifting = true;
                }
            }
            Command::LowerArm => {
                self.reach(Point::LowerOrdered);
                if self.life.breaks.is_struck() {
                    return;
                }
                let arm = self.world.physical(n).arm_permille;
                self.laws.lower(self.now_us, n, arm);
                self.lanes[n].command(BoardCommand::Lower, now);
            }
            Command::StopArm => self.lanes[n].command(BoardCommand::Stop, now),
            Command::Divert { to_bay } => {
                self.spoils.divert(n, to_bay);
                self.lanes[n].command(BoardCommand::Divert(to_bay), now);
            }
            Command::SetLights(lights) => {
                self.lanes[n].command(BoardCommand::Lights(lights), now);
            }
            Command::ShowSign(_) => {}
            Command::Recapture { device } => self.recapture(n, &device),
            Command::AnswerOrder { order, refused } => self.answer_order(order, refused),
            Command::Tell(tell) => self.hear(n, tell),
        }
    }

    pub(super) fn recapture(&mut self, n: usize, device: &lanegate_core::model::DeviceId) {
        let Some((topics, sn)) = self.lanes[n].recapture(device) else {
            return;
        };
        let message = crate::device::recapture_message(&sn, self.now_us, self.now().wall);
        for topic in topics {
            let payload = message.clone().into_bytes();
            self.world
                .input(self.now_us, Input::Message { topic, payload });
        }
    }

    pub(super) fn hear(&mut self, n: usize, tell: Tell) {
        let name = self.lanes[n].name.clone();
        self.say(|| format!("{name} {tell:?}"));
        match tell {
            Tell::Entered { state, .. } => {
                if let Some(point) = Point::in_state(state) {
                    self.reach(point);
                }
                let fault = self.lanes[n].fault();
                let state = match fault {
                    Some(cause) => format!("{state}:{cause}"),
                    None => state.to_owned(),
                };
                let state = json!({"lane": name, "state": state});
                self.session.lane_state(&name, &state);
                self.lane_states.insert(name, state);
            }
            Tell::Judged { gather_us, .. } => {
                *self.gathered_ms.entry(gather_us / 1000).or_default() += 1;
            }
            Tell::Ended { .. } | Tell::Stale(_) | Tell::Dropped(_) | Tell::Alarm(_) => {}
        }
    }
}

fn releases(draft: &Draft) -> bool {
    if let Body::Verdict(body) = &draft.body {
        body.verdict.verdict == VerdictKind::Release
    } else {
        false
    }
}
