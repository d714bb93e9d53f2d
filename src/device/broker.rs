//! Devices behind a broker: messages of exact topics go to the sans-IO driver
//! of the one device they belong to. A task for each device, so that a slow
//! lane keeps nobody else waiting.
//!
//! A device is lost at once when the broker is, or refuses one of its topics:
//! heartbeats of another topic would only hide that its plates never come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use lanegate_core::model::DeviceId;
use lanegate_core::time::Micros;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;
use tracing::{debug, info};

use super::driver::{Driver as _, Seen};
use super::health::Why;
use super::port::{Running, Surroundings, say_state};
use super::recapture::recapture_message;
use super::stream::Stream;
use crate::clock::Clock;
use crate::config::MqttSource;
use crate::metrics::queues::{self, Queue, Sender};
use crate::mqtt::{Connection, Event, Publication, PublishFault, Quality};

/// Messages of one camera not yet looked at.
const INPUTS_MAX: usize = 32;
/// A task turns at least this often, so that its progress mark moves.
const TURN_MAX: Micros = Micros::from_ms(500);
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
        let source = self.sources.get(device);
        let topic = source.and_then(|s| s.recapture_topic.clone());
        let Some(topic) = topic else {
            return Err(RecaptureFault::Cannot(device.clone()));
        };
        let sn = source.and_then(|s| s.sn.as_deref()).unwrap_or_default();
        let now = self.clock.now();
        let n = self.asked.fetch_add(1, Ordering::Relaxed);
        let publication = Publication {
            topic,
            payload: Bytes::from(recapture_message(sn, n, now.wall)),
            retain: false,
            quality: Quality::AtLeastOnce,
            token: None,
            expires: Some(now.mono + RECAPTURE_MAX),
        };
        let fault = |source| RecaptureFault::Publish {
            device: device.clone(),
            source,
        };
        self.connection.publish(publication).map_err(fault)
    }
}

/// Starts the tasks of all devices of `connection`, within the current
/// runtime. Each message topic belongs to one device.
pub fn start_cameras(
    cameras: Vec<Camera>,
    connection: Connection,
    events: mpsc::Receiver<Event>,
    clock: Clock,
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
        running.push(start(camera, from_router));
    }
    tokio::spawn(router.run(events));
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
    Down(String),
}

#[derive(Default)]
struct Router {
    topics: BTreeMap<String, Sender<Input>>,
    all: Vec<Sender<Input>>,
}

impl Router {
    async fn run(self, mut events: mpsc::Receiver<Event>) {
        while let Some(event) = events.recv().await {
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
                Event::Up { .. } | Event::Done(_) | Event::Expired(_) => {}
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

fn start(camera: Camera, inputs: mpsc::Receiver<Input>) -> Running {
    let (seen, seen_by) = watch::channel(camera.stream.seen());
    let progress = Arc::new(AtomicU64::new(camera.around.clock.mono().0));
    let device = camera.stream.id().clone();
    let task = Task {
        stream: camera.stream,
        topics: camera.source.topics.into_iter().collect(),
        granted: BTreeSet::new(),
        refused: BTreeSet::new(),
        around: camera.around,
        inputs,
        seen,
        progress: progress.clone(),
    };
    Running::task(device, seen_by, progress, tokio::spawn(task.run()))
}

struct Task {
    stream: Stream,
    topics: BTreeSet<String>,
    granted: BTreeSet<String>,
    refused: BTreeSet<String>,
    around: Surroundings,
    inputs: mpsc::Receiver<Input>,
    seen: watch::Sender<Seen>,
    progress: Arc<AtomicU64>,
}

impl Task {
    async fn run(mut self) {
        loop {
            #[cfg(feature = "sim")]
            crate::stuck::task(self.stream.id().as_str()).await;
            self.turn();
            let clock = &self.around.clock;
            let turn = clock.mono() + TURN_MAX;
            let due = self.stream.poll_timeout().map_or(turn, |at| at.min(turn));
            let until = clock.instant(due).into();
            tokio::select! {
                biased;
                () = self.around.stop.cancelled() => return,
                input = self.inputs.recv() => match input {
                    Some(input) => self.take(input),
                    None => return,
                },
                room = self.around.events.clone().reserve_owned(), if self.stream.has_event() => {
                    match (room, self.stream.poll_event()) {
                        (Ok(room), Some(event)) => drop(room.send(event)),
                        (Err(_), _) => return,
                        (Ok(_), None) => {}
                    }
                }
                () = sleep_until(until) => {}
            }
            self.stream.handle_timeout(self.around.clock.now());
        }
    }

    fn take(&mut self, input: Input) {
        let now = self.around.clock.now();
        match input {
            Input::Message { payload, retained } if self.refused.is_empty() => {
                self.stream.message(&payload, retained, now);
            }
            Input::Message { .. } => {
                debug!(device = %self.stream.id(), "message while a topic is refused");
            }
            Input::Granted(topic) => {
                self.refused.remove(&topic);
                self.granted.insert(topic);
                if self.granted == self.topics {
                    info!(device = %self.stream.id(), "subscribed");
                    self.stream.opened(now.mono);
                }
            }
            Input::Refused(topic) => {
                self.granted.remove(&topic);
                self.refused.insert(topic.clone());
                self.stream.closed(Why::Refused(topic), now);
            }
            Input::Down(why) => {
                self.granted.clear();
                self.refused.clear();
                self.stream.closed(Why::Broker(why), now);
            }
        }
    }

    fn turn(&mut self) {
        self.progress
            .store(self.around.clock.mono().0, Ordering::Relaxed);
        let now = self.stream.seen();
        let before = self.seen.send_replace(now.clone());
        if before.state != now.state {
            say_state(self.stream.id(), &now);
        }
    }
}

#[cfg(test)]
#[path = "broker_tests.rs"]
mod tests;
