//! One task a lane: drivers and lane machine in one loop, on the lanes'
//! runtime. It waits for nothing but its own inputs.

mod news;
mod notes;
mod starting;

pub(super) use starting::{prepare, run};

use std::cell::RefCell;
use std::sync::Arc;

use lanegate_core::clearance::Policy;
use lanegate_core::lane::{Command, Draws, Event, Guard, Lane, Refusal, Sign, Token};
use lanegate_core::model::{DeviceId, Facts, LaneId, PassageId, StoreState};
use lanegate_core::record::Draft;
use lanegate_core::time::{Micros, Mono, Now};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

use super::RunError;
use super::desk::Answer;
use super::devices;
use super::drift_watch::ScaleWatch;
use super::port::{LaneCall, LaneEnd, LaneSays, Port};
use super::signs::words;
use super::status::LaneStatus;
use super::telling::Telling;
use super::watchdog::Watchdog;
use crate::config::LaneSetup;
use crate::device::{BoardCommand, Recaptures, Running};
use crate::metrics;
use crate::metrics::queues::{self, Queue, Sender};
use news::DeviceNews;
use notes::Notes;

/// Events of drivers that may wait; the driver waits beyond.
const EVENTS_MAX: usize = 256;
/// Answers of store and committer: at most a few are ever outstanding.
const ANSWERS_MAX: usize = 64;
/// Orders that may wait; more are refused.
const CALLS_MAX: usize = 64;
/// What lanes may have said and the back runtime not yet heard.
const SAYS_MAX: usize = 1024;
/// Device counts are said this often.
const STATUS_EVERY: Micros = Micros::from_ms(1000);

/// A lane before its loop begins.
pub(super) struct LaneTask {
    n: usize,
    setup: LaneSetup,
    lane: Lane,
    handles: devices::Handles,
    running: Vec<Running>,
    events: mpsc::Receiver<Event>,
    events_to: Sender<Event>,
    answers: mpsc::Receiver<Event>,
    answer_to: Sender<Event>,
    calls: mpsc::Receiver<LaneCall>,
    /// The policy for trucks that arrive from now on.
    policy: watch::Receiver<Arc<Policy>>,
    /// The start passages are numbered by.
    starts: watch::Receiver<u64>,
    says: Sender<LaneSays>,
    status: watch::Sender<Value>,
    telling: Telling,
    notes: Notes,
    recaptures: Option<Recaptures>,
    draining: Option<Mono>,
    status_at: Option<Mono>,
    news: DeviceNews,
}

impl LaneTask {
    fn new(
        port: &Port,
        n: usize,
        setup: &LaneSetup,
        says: Sender<LaneSays>,
        scales: ScaleWatch,
    ) -> Result<(Self, LaneEnd), RunError> {
        let now = port.shared.clock.now();
        let lane_id = setup.config.lane.clone();
        let view = port.shared.committer.view();
        let recovery = view.ledger.recovery(&lane_id, setup.config.geometry);
        let (events_to, events) = queues::channel(Queue::LaneEvents, EVENTS_MAX);
        let (answer_to, answers) = queues::channel(Queue::LaneAnswers, ANSWERS_MAX);
        let (calls_to, calls) = queues::channel(Queue::LaneCalls, CALLS_MAX);
        let (status, status_seen) = watch::channel(Value::Null);
        let config = Arc::new(setup.config.clone());
        let mut policy = port.policy.watch();
        let in_force = policy.borrow_and_update().clone();
        let task = Self {
            n,
            setup: setup.clone(),
            lane: Lane::new(config, in_force, recovery, now),
            handles: devices::Handles::default(),
            running: Vec::new(),
            events,
            events_to,
            answers,
            answer_to,
            calls,
            policy,
            starts: port.shared.watch_starts(),
            says,
            status,
            telling: Telling::new(lane_id.clone(), port.shared.metrics.clone(), scales),
            notes: Notes::new(setup.config.lane.clone()),
            recaptures: None,
            draining: None,
            status_at: None,
            news: DeviceNews::default(),
        };
        let end = LaneEnd {
            lane: lane_id,
            calls: calls_to,
            status: status_seen,
        };
        Ok((task, end))
    }

    const fn id(&self) -> &LaneId {
        &self.setup.config.lane
    }

    async fn run(mut self, port: &Port, dog: &RefCell<Watchdog>) -> Vec<Running> {
        let clock = port.shared.clock.clone();
        loop {
            #[cfg(feature = "sim")]
            {
                crate::stuck::thread("lanes");
                crate::stuck::task(self.id().as_str()).await;
            }
            let now = clock.now();
            self.turn(port, now);
            self.say_status(now);
            self.pat(port, dog, now.mono);
            if self.is_done(now.mono) {
                break;
            }
            let wake = clock.instant(self.next(now.mono));
            tokio::select! {
                biased;
                Some(event) = self.answers.recv() => self.lane.handle_event(event, clock.now()),
                Ok(()) = self.policy.changed() => {
                    let policy = self.policy.borrow_and_update().clone();
                    self.lane.handle_event(Event::PolicyChanged(policy), clock.now());
                }
                Ok(()) = self.starts.changed() => {
                    let start = *self.starts.borrow_and_update();
                    self.lane.handle_event(Event::Renumbered { start }, clock.now());
                }
                Some(event) = self.events.recv() => self.hear(event, clock.now()),
                Some(call) = self.calls.recv() => self.call(call, clock.now()),
                () = port.stop.cancelled(), if self.draining.is_none() => self.drain(port, clock.now()),
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
        info!(lane = %self.id(), state = self.lane.state_name(), "lane stopped");
        self.running
    }

    fn hear(&mut self, event: Event, now: Now) {
        self.telling.heard(&event);
        self.lane.handle_event(event, now);
    }

    fn next(&self, now: Mono) -> Mono {
        let lane = self.lane.poll_timeout().map(|(at, _)| at);
        let all = [lane, self.draining];
        let next = all.into_iter().flatten().min();
        let tick = now + STATUS_EVERY;
        next.map_or(tick, |at| at.min(tick))
    }

    fn call(&mut self, call: LaneCall, now: Now) {
        let event = match call {
            LaneCall::Order(order) => {
                self.telling.ordered(&order.id, order.kind.as_str());
                Event::Order(*order)
            }
            LaneCall::LaneOrder(order) => {
                self.telling.ordered(&order.id, order.kind.as_str());
                Event::LaneOrder(*order)
            }
            LaneCall::Event(event) => *event,
        };
        self.lane.handle_event(event, now);
    }

    /// Lets time pass and does everything there is to do.
    fn turn(&mut self, port: &Port, now: Now) {
        if self
            .lane
            .poll_timeout()
            .is_some_and(|(at, _)| at <= now.mono)
        {
            self.lane.handle_timeout(now);
        }
        self.send_notes(port, now);
        while let Some(command) = self.lane.poll_command() {
            self.obey(port, command, now);
        }
    }

    /// Hands a command to the board's driver. One that takes none cannot move
    /// anything, and the lane is told so.
    fn set_output(&mut self, command: BoardCommand, what: &str, now: Now) {
        let board = self.handles.board.as_ref();
        let taken = board.is_some_and(|b| b.command(command));
        if !taken {
            let what = what.to_owned();
            self.lane.handle_event(Event::OutputFailed { what }, now);
        }
    }

    fn obey(&mut self, port: &Port, command: Command, now: Now) {
        match command {
            Command::LookUp {
                passage,
                attempt,
                query,
            } => {
                let to = self.answer_to.clone();
                let id = passage.clone();
                let (clock, metrics) = (port.shared.clock.clone(), port.shared.metrics.clone());
                let reply = move |(facts, draws)| {
                    answer(&to, candidates(id, attempt, facts, draws));
                    // Told first: the lane does not wait for a number.
                    let took = clock.mono().since(now.mono);
                    metrics.observe(&metrics::STORE_LOOK_UP_SECONDS, &[], took);
                };
                if port.store.look_up(*query, reply).is_err() {
                    let mut facts = Facts::unknown();
                    facts.store = Some(StoreState::Unavailable);
                    let none = Draws::default();
                    answer(&self.answer_to, candidates(passage, attempt, facts, none));
                }
            }
            Command::Commit {
                token,
                drafts,
                guard,
            } => self.commit(port, token, drafts, guard, now),
            Command::Note(drafts) => {
                self.notes.push(drafts);
                self.send_notes(port, now);
            }
            Command::LiftArm { .. } => {
                self.telling.lift(now.mono);
                self.set_output(BoardCommand::Lift, "arm-up", now);
            }
            Command::LowerArm => self.set_output(BoardCommand::Lower, "arm-down", now),
            Command::StopArm => self.set_output(BoardCommand::Stop, "arm-stop", now),
            Command::Divert { to_bay } => {
                self.set_output(BoardCommand::Divert(to_bay), "divert", now);
            }
            Command::SetLights(lights) => {
                self.set_output(BoardCommand::Lights(lights), "lights", now);
            }
            Command::ShowSign(sign) => {
                self.status_at = None;
                self.show(&sign);
            }
            Command::Recapture { device } => self.recapture(&device),
            Command::AnswerOrder { order, refused } => {
                self.telling.answered(&order, refused.is_none());
                let answer = Answer {
                    id: order,
                    accepted: refused.is_none(),
                    why: refused,
                };
                self.say(LaneSays::Answer(answer));
            }
            Command::Tell(tell) => {
                if self.telling.tell(&tell, now.mono) {
                    self.status_at = None;
                }
            }
        }
    }

    /// A sign shows; it decides nothing, so a lane waits for none.
    fn show(&self, sign: &Sign) {
        let Some((config, handle)) = self.setup.sign.as_ref().zip(self.handles.sign.as_ref())
        else {
            return;
        };
        if !handle.show(words(sign, &config.languages)) {
            warn!(lane = %self.id(), device = %config.id, "the sign's driver takes nothing");
        }
    }

    fn commit(&mut self, port: &Port, token: Token, drafts: Vec<Draft>, guard: Guard, now: Now) {
        self.send_notes(port, now);
        self.telling.committing(&drafts, now.mono);
        let to = self.answer_to.clone();
        let named = token.clone();
        let reply = move |committed: Result<_, Refusal>| {
            let event = match committed {
                Ok((seq, took)) => Event::Committed {
                    token: named,
                    seq,
                    took,
                },
                Err(why) => Event::Refused { token: named, why },
            };
            answer(&to, event);
        };
        // Records keep their order: behind notes that wait, nothing is written.
        let waits = !self.notes.is_empty();
        if waits || port.shared.committer.commit(drafts, guard, reply).is_err() {
            let why = Refusal::Unavailable;
            self.lane.handle_event(Event::Refused { token, why }, now);
        }
    }

    fn send_notes(&mut self, port: &Port, now: Now) {
        let committer = &port.shared.committer;
        let take = |drafts| committer.note(drafts);
        self.notes.send(committer.is_clogged(), now.wall, take);
    }

    fn recapture(&self, device: &DeviceId) {
        let Some(recaptures) = &self.recaptures else {
            return;
        };
        if let Err(why) = recaptures.ask(device) {
            warn!(lane = %self.id(), %device, %why, "the camera cannot be asked to read again");
        }
    }

    fn say(&self, says: LaneSays) {
        if self.says.try_send(says).is_err() {
            error!(lane = %self.id(), "an answer to an officer was lost: too much waits");
        }
    }

    fn say_status(&mut self, now: Now) {
        let due = self
            .status_at
            .is_none_or(|at| now.mono.since(at) >= STATUS_EVERY);
        if !due {
            return;
        }
        let changed = self.status_at.replace(now.mono).is_none();
        let devices = self
            .running
            .iter()
            .map(|r| (&r.device, r.seen.borrow().clone()));
        let devices: Vec<_> = devices.map(|(id, seen)| (id.clone(), seen)).collect();
        let status = LaneStatus::of(&self.lane, &self.setup, &self.telling, &devices, now);
        self.status.send_replace(status.to_json());
        let states: Vec<_> = devices.iter().map(|(_, seen)| seen.state).collect();
        if changed || self.news.is_due(&states, now.mono) {
            self.news.told(states, !changed, now.mono);
            self.say(LaneSays::Changed(self.id().clone()));
        }
    }

    fn pat(&self, port: &Port, dog: &RefCell<Watchdog>, now: Mono) {
        let mut dog = dog.borrow_mut();
        let store = port.store.progress();
        dog.thread(
            "store",
            store.done,
            store.asked.saturating_sub(store.answered),
            now,
        );
        let committer = port.shared.committer.progress();
        dog.thread("committer", committer.done(), committer.outstanding(), now);
        for driver in &self.running {
            let turned = Mono(driver.progress.load(std::sync::atomic::Ordering::Acquire));
            dog.turned("driver", turned);
        }
        for (name, turns) in port.shared.turns.all() {
            if let Some(turned) = turns.last() {
                dog.turned(name, turned);
            }
        }
        dog.tick(self.n, now);
    }

    fn drain(&mut self, port: &Port, now: Now) {
        self.draining = Some(now.mono + port.config.controller.drain);
        self.lane.handle_event(Event::Drain, now);
    }

    /// Draining, and the present truck is gone or its time is up.
    /// Not while the arm is coming down by our command (L3) or records wait
    /// (L5), for as long as an arm may take.
    fn is_done(&self, now: Mono) -> bool {
        let Some(until) = self.draining else {
            return false;
        };
        let busy = self.lane.is_lowering() || !self.notes.is_empty();
        if now >= until + self.setup.config.arm_max {
            return true;
        }
        !busy && (self.lane.at_rest() || now >= until)
    }
}

fn candidates(passage: PassageId, attempt: u32, facts: Facts, draws: Draws) -> Event {
    Event::Candidates {
        passage,
        attempt,
        facts: Box::new(facts),
        draws,
    }
}

/// A lane has only a few answers outstanding, so there is room; a lane that
/// has ended hears nothing.
fn answer(to: &Sender<Event>, event: Event) {
    if let Err(mpsc::error::TrySendError::Full(_)) = to.try_send(event) {
        error!("an answer to a lane was lost: more were outstanding than a lane can ask for");
    }
}
