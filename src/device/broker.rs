//! Devices behind a broker: messages of exact topics go to the sans-IO driver
//! of the one device they belong to. A task for each device, so that a slow
//! lane keeps nobody else waiting.
//!
//! A device is lost at once when the broker is, or refuses one of its topics:
//! heartbeats of another topic would only hide that its plates never come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use lanegate_core::model::DeviceId;
use lanegate_core::time::{Micros, Now};
use lanegate_core::wire::sign::Shown;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout};
use tracing::{debug, info, warn};

use super::board::{Board, BoardCommand};
use super::driver::{Driver, Seen};
use super::pictures::Keeper;
use super::port::{Running, Surroundings, next_command, say_state};
use super::recapture::recapture_message;
use super::sign::SignDriver;
use super::stream::Stream;
use super::why::Why;
use crate::clock::Clock;
use crate::config::MqttSource;
use crate::metrics::queues::{self, Queue, Sender};
use crate::mqtt::{Connection, Event, Publication, PublishFault, Quality};
use crate::turns::{Beat, Turns};

/// Messages of one camera not yet looked at.
const INPUTS_MAX: usize = 32;
/// A task turns at least this often, so that its progress mark moves.
const TURN_MAX: Micros = Micros::from_ms(500);
/// At a stop the outputs are off within this, or cannot be reached.
const OFF_MAX: Micros = Micros::from_s(2);
/// What a board or sign is told is void if it cannot be sent within this.
const COMMAND_MAX: Micros = Micros::from_ms(300);
/// A picture not kept within this is not named in the record: a plate does not
/// wait for a disk.
const PICTURES_KEPT_MAX: Duration = Duration::from_millis(250);
/// "Read again" is worth nothing later.
const RECAPTURE_MAX: Micros = Micros::from_s(1);

/// One device behind the broker.
pub struct Camera {
    /// Its driver.
    pub stream: Stream,
    /// Its topics.
    pub source: MqttSource,
    /// Its lane, the clock and the stop.
    pub around: Surroundings,
    /// Keeps its pictures, if they are kept.
    pub pictures: Option<Keeper>,
}

/// A device behind the broker that is told things.
pub enum Outlet {
    /// A lane's board.
    Board(Box<Board>, mpsc::Receiver<BoardCommand>),
    /// A lane's sign.
    Sign(Box<SignDriver>, mpsc::Receiver<Shown>),
}

/// Asks devices to read again.
#[derive(Clone, Debug)]
pub struct Recaptures {
    connection: Connection,
    clock: Clock,
    sources: Arc<BTreeMap<DeviceId, MqttSource>>,
    asked: Arc<AtomicU64>,
}

/// Why a device was not asked to read again.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecaptureFault {
    /// It has no topic for it.
    #[error("device {0} cannot be asked to read again: it has no recapture_topic")]
    Cannot(DeviceId),
    /// The broker's connection did not take it.
    #[error("device {device} was not asked to read again")]
    Publish {
        /// Which.
        device: DeviceId,
        /// Why.
        source: PublishFault,
    },
}

impl Recaptures {
    /// Asks `device` to read again; void if it cannot be sent within a second.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn ask(&self, device: &DeviceId) -> Result<(), RecaptureFault> {
        let Some(source) = self.sources.get(device) else {
            return Err(RecaptureFault::Cannot(device.clone()));
        };
        if source.recapture_topics.is_empty() {
            return Err(RecaptureFault::Cannot(device.clone()));
        }
        let now = self.clock.now();
        let n = self.asked.fetch_add(1, Ordering::Relaxed);
        let sn = source.sn.as_deref().unwrap_or_default();
        let payload = Bytes::from(recapture_message(sn, n, now.wall));
        for topic in &source.recapture_topics {
            let publication = Publication {
                topic: topic.clone(),
                payload: payload.clone(),
                retain: false,
                quality: Quality::AtLeastOnce,
                token: None,
                expires: Some(now.mono + RECAPTURE_MAX),
            };
            let fault = |source| RecaptureFault::Publish {
                device: device.clone(),
                source,
            };
            self.connection.publish(publication).map_err(fault)?;
        }
        Ok(())
    }
}

/// Starts the tasks of all devices of `connection`, within the current
/// runtime. Each message topic belongs to one device.
pub fn start_cameras(
    cameras: Vec<Camera>,
    outlets: Vec<(Outlet, MqttSource, Surroundings)>,
    connection: Connection,
    events: mpsc::Receiver<Event>,
    clock: Clock,
    turns: &Turns,
) -> (Vec<Running>, Recaptures) {
    let mut router = Router::default();
    let mut sources = BTreeMap::new();
    let mut running = Vec::new();
    for camera in cameras {
        let (inputs, from_router) = queues::channel(Queue::DeviceMessages, INPUTS_MAX);
        for topic in &camera.source.topics {
            router.topics.insert(topic.clone(), inputs.clone());
        }
        router.all.push(inputs);
        sources.insert(camera.stream.id().clone(), camera.source.clone());
        let behind = Behind {
            source: camera.source,
            around: camera.around,
            inputs: from_router,
            pictures: camera.pictures,
        };
        running.push(start(camera.stream, None, behind, &connection));
    }
    for (outlet, source, around) in outlets {
        let (inputs, from_router) = queues::channel(Queue::DeviceMessages, INPUTS_MAX);
        for topic in &source.topics {
            router.topics.insert(topic.clone(), inputs.clone());
        }
        router.all.push(inputs);
        let behind = Behind {
            source,
            around,
            inputs: from_router,
            pictures: None,
        };
        running.push(match outlet {
            Outlet::Board(board, commands) => start(*board, Some(commands), behind, &connection),
            Outlet::Sign(sign, shown) => start(*sign, Some(shown), behind, &connection),
        });
    }
    let beat = Beat::of("router", turns, clock.clone());
    tokio::spawn(router.run(events, beat));
    let recaptures = Recaptures {
        connection,
        clock,
        sources: Arc::new(sources),
        asked: Arc::default(),
    };
    (running, recaptures)
}

/// What the router tells a device's task.
#[derive(Clone, Debug)]
enum Input {
    Message { payload: Bytes, retained: bool },
    Granted(String),
    Refused(String),
    Up,
    Down(String),
}

#[derive(Default)]
struct Router {
    topics: BTreeMap<String, Sender<Input>>,
    all: Vec<Sender<Input>>,
}

impl Router {
    async fn run(self, mut events: mpsc::Receiver<Event>, mut beat: Beat) {
        loop {
            beat.turn().await;
            let event = tokio::select! {
                event = events.recv() => event,
                () = beat.due() => continue,
            };
            let Some(event) = event else {
                return;
            };
            // For a device's task, which is watched itself.
            beat.waits();
            match event {
                Event::Message(message) => {
                    let input = Input::Message {
                        payload: message.payload,
                        retained: message.retained,
                    };
                    self.tell(&message.topic, input).await;
                }
                Event::Granted { topic } => {
                    self.tell(&topic, Input::Granted(topic.clone())).await;
                }
                Event::Refused { topic } => {
                    self.tell(&topic, Input::Refused(topic.clone())).await;
                }
                Event::Down { why } => {
                    for inputs in &self.all {
                        inputs.send(Input::Down(why.clone())).await.ok();
                    }
                }
                Event::Up { .. } => {
                    for inputs in &self.all {
                        inputs.send(Input::Up).await.ok();
                    }
                }
                Event::Done(_) | Event::Expired(_) => {}
            }
        }
    }

    async fn tell(&self, topic: &str, input: Input) {
        match self.topics.get(topic) {
            // A task that has ended needs nothing.
            Some(inputs) => drop(inputs.send(input).await),
            None => debug!(topic, "message of a topic nobody asked for"),
        }
    }
}

/// What a device behind the broker is given.
struct Behind {
    source: MqttSource,
    around: Surroundings,
    inputs: mpsc::Receiver<Input>,
    pictures: Option<Keeper>,
}

fn start<D: Driver + Send + 'static>(
    driver: D,
    commands: Option<mpsc::Receiver<D::Command>>,
    behind: Behind,
    connection: &Connection,
) -> Running {
    let Behind {
        source,
        around,
        inputs,
        pictures,
    } = behind;
    let (seen, seen_by) = watch::channel(driver.seen());
    let progress = Arc::new(AtomicU64::new(around.clock.mono().0));
    let device = driver.id().clone();
    let task = Task {
        driver,
        commands,
        command_topic: source.command_topic,
        connection: connection.clone(),
        topics: source.topics.into_iter().collect(),
        granted: BTreeSet::new(),
        refused: BTreeSet::new(),
        around,
        inputs,
        pictures,
        seen,
        progress: progress.clone(),
    };
    Running::task(device, seen_by, progress, tokio::spawn(task.run()))
}

struct Task<D: Driver> {
    driver: D,
    commands: Option<mpsc::Receiver<D::Command>>,
    command_topic: Option<String>,
    connection: Connection,
    topics: BTreeSet<String>,
    granted: BTreeSet<String>,
    refused: BTreeSet<String>,
    around: Surroundings,
    inputs: mpsc::Receiver<Input>,
    pictures: Option<Keeper>,
    seen: watch::Sender<Seen>,
    progress: Arc<AtomicU64>,
}

impl<D: Driver> Task<D> {
    async fn run(mut self) {
        loop {
            #[cfg(feature = "sim")]
            crate::stuck::task(self.driver.id().as_str()).await;
            self.send();
            self.turn();
            let clock = &self.around.clock;
            let turn = clock.mono() + TURN_MAX;
            let due = self.driver.poll_timeout().map_or(turn, |at| at.min(turn));
            let until = clock.instant(due).into();
            tokio::select! {
                biased;
                () = self.around.stop.cancelled() => {
                    return self.outputs_off().await;
                }
                command = next_command(&mut self.commands) => {
                    self.driver.command(command, self.around.clock.now());
                }
                input = self.inputs.recv() => match input {
                    Some(input) => {
                        // It came now, however long its picture takes.
                        let now = self.around.clock.now();
                        let pictures = pictures_of(self.pictures.as_ref(), &input).await;
                        self.take(input, pictures, now);
                    }
                    None => return,
                },
                room = self.around.events.clone().reserve_owned(), if self.driver.has_event() => {
                    match (room, self.driver.poll_event()) {
                        (Ok(room), Some(event)) => drop(room.send(event)),
                        (Err(_), _) => return,
                        (Ok(_), None) => {}
                    }
                }
                () = sleep_until(until) => {}
            }
            self.driver.handle_timeout(self.around.clock.now());
        }
    }

    /// Publishes what the driver says. Never kept by the broker, not even for
    /// a device that is away: what comes late would move the arm late.
    fn send(&mut self) {
        let now = self.around.clock.now();
        while let Some(bytes) = self.driver.poll_transmit(now) {
            let Some(topic) = self.command_topic.clone() else {
                continue;
            };
            let publication = Publication {
                topic,
                payload: Bytes::from(bytes),
                retain: false,
                quality: Quality::AtMostOnce,
                token: None,
                expires: Some(now.mono + COMMAND_MAX),
            };
            if let Err(why) = self.connection.publish(publication) {
                self.driver.closed(Why::Broker(why.to_string()), now);
                return;
            }
        }
    }

    /// L11: outputs are off at a stop; the connection outlives its devices.
    async fn outputs_off(&mut self) {
        if !D::HAS_OUTPUTS {
            return;
        }
        self.driver.outputs_off(self.around.clock.now());
        let end = self.around.clock.mono() + OFF_MAX;
        while !self.driver.is_quiet() && self.around.clock.mono() < end {
            self.send();
            self.turn();
            let due = self.driver.poll_timeout().map_or(end, |at| at.min(end));
            let until = self.around.clock.instant(due).into();
            tokio::select! {
                input = self.inputs.recv() => match input {
                    Some(input) => self.take(input, Vec::new(), self.around.clock.now()),
                    None => return,
                },
                () = sleep_until(until) => {}
            }
            self.driver.handle_timeout(self.around.clock.now());
            // Nobody listens any more, but the queue must not fill.
            while self.driver.poll_event().is_some() {}
        }
        self.send();
        if !self.driver.is_quiet() {
            warn!(device = %self.driver.id(), "outputs could not be switched off: the board does not answer");
        }
    }

    fn take(&mut self, input: Input, pictures: Vec<String>, now: Now) {
        match input {
            Input::Message { payload, retained } if self.refused.is_empty() => {
                self.driver.message(&payload, pictures, retained, now);
            }
            Input::Message { .. } => {
                debug!(device = %self.driver.id(), "message while a topic is refused");
            }
            Input::Granted(topic) => {
                self.refused.remove(&topic);
                self.granted.insert(topic);
                if self.granted == self.topics {
                    info!(device = %self.driver.id(), "subscribed");
                    self.driver.opened(now);
                }
            }
            Input::Refused(topic) => {
                self.granted.remove(&topic);
                self.refused.insert(topic.clone());
                self.driver.closed(Why::Refused(topic), now);
            }
            // A device that only listens has nothing to be granted.
            Input::Up if self.topics.is_empty() => self.driver.opened(now),
            Input::Up => {}
            Input::Down(why) => {
                self.granted.clear();
                self.refused.clear();
                self.driver.closed(Why::Broker(why), now);
            }
        }
    }

    fn turn(&mut self) {
        self.progress
            .store(self.around.clock.mono().0, Ordering::Relaxed);
        let now = self.driver.seen();
        let before = self.seen.send_replace(now.clone());
        if before.state != now.state {
            say_state(self.driver.id(), &now);
        }
    }
}

/// Digests of the pictures of a message, kept on a thread that may wait for a
/// disk: one at a time, so that a disk that hangs holds up one message and one
/// thread, and the pictures after it are not kept.
async fn pictures_of(keeper: Option<&Keeper>, input: &Input) -> Vec<String> {
    let Input::Message {
        payload,
        retained: false,
    } = input
    else {
        return Vec::new();
    };
    let Some(keeper) = keeper.cloned() else {
        return Vec::new();
    };
    let Some(turn) = keeper.turn() else {
        return Vec::new();
    };
    let payload = payload.clone();
    let kept = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        keeper.keep(&payload)
    });
    match timeout(PICTURES_KEPT_MAX, kept).await {
        Ok(Ok(digests)) => digests,
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

#[cfg(test)]
#[path = "broker_tests.rs"]
mod tests;
