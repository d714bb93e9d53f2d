//! Plays a world by the real clock: one virtual microsecond is one real one,
//! serial ports are pseudo-terminals, messages go through an MQTT broker.
//!
//! ```text
//!  Pty --read--> arrivals --> world.input                 broker
//!  Pty <-paced-- writer   <-- world.take_output --> publisher --^ |
//!                             arrivals <------------ poller <-----+
//! ```
//!
//! Every queue is bounded: arrivals wait (a gateway that floods us is slowed
//! down), bytes and messages to a full queue are dropped with a warning, as a
//! device drops what its line cannot carry.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS, SubscribeFilter};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Us;
use crate::pty::{Line, Pty};

const ARRIVALS_MAX: usize = 4096;
const PUBLISHES_MAX: usize = 8192;
/// Frames waiting for one line.
const FRAMES_MAX: usize = 64;
const PACKET_BYTES_MAX: usize = 2 * 1024 * 1024;
const SUBSCRIBED_WITHIN: Duration = Duration::from_secs(10);
/// Between attempts to reach the broker.
const RECONNECT_AFTER: Duration = Duration::from_millis(200);
/// Commands to the cameras, and everything the controller says.
const FILTERS: [&str; 2] = ["device/+/message/down/#", "lanegate/#"];

/// What a world sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Bytes of a device on its serial line.
    Serial {
        /// The port's logical name.
        port: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// An MQTT message.
    Publish {
        /// Topic.
        topic: String,
        /// Payload.
        payload: Vec<u8>,
        /// Whether the broker keeps it.
        retain: bool,
        /// Quality of service, 0 or 1.
        qos: u8,
    },
}

/// What reaches a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrived {
    /// Bytes of the gateway on a serial line.
    Serial {
        /// The port's logical name.
        port: String,
        /// The bytes, cut anywhere.
        bytes: Vec<u8>,
    },
    /// An MQTT message; the world's own come back too.
    Message {
        /// Topic.
        topic: String,
        /// Payload.
        payload: Vec<u8>,
    },
}

/// A world that can be played by the real clock.
pub trait RealtimeWorld {
    /// When [`Self::advance`] next has something to do by itself.
    fn next_event(&self) -> Option<Us>;
    /// Runs everything up to `to`.
    fn advance(&mut self, to: Us);
    /// The next thing it sends.
    fn take_output(&mut self) -> Option<Sent>;
    /// Something arrived at `at`.
    fn input(&mut self, at: Us, arrived: Arrived);
    /// Whether there is nothing more to come.
    fn finished(&self) -> bool;
}

/// Plays `world` until it is finished or `stop` says so (or is dropped), and
/// hands it back. Time zero is when the broker has taken the subscriptions,
/// so that nothing the gateway says from then on is missed. `observer` sees
/// the world after every step, which may be many a second.
///
/// # Errors
/// If the broker cannot be reached at the start or a terminal fails.
pub async fn run<W: RealtimeWorld>(
    mut world: W,
    ptys: BTreeMap<String, Pty>,
    broker: SocketAddr,
    mut observer: impl FnMut(&W),
    mut stop: watch::Receiver<bool>,
) -> io::Result<W> {
    let mut wires = Wires::connect(ptys, broker, SUBSCRIBED_WITHIN).await?;
    let start = Instant::now();
    loop {
        let now = elapsed_us(start);
        world.advance(now);
        wires.carry(&mut world);
        observer(&world);
        if world.finished() || *stop.borrow() {
            return Ok(world);
        }
        tokio::select! {
            arrived = wires.arrivals.recv() => {
                let mut next = arrived;
                // Taken together, so that a burst is one step.
                while let Some(arrived) = next {
                    world.input(elapsed_us(start), arrived);
                    next = wires.arrivals.try_recv().ok();
                }
            }
            () = sleep_until(start, world.next_event()) => {}
            changed = stop.changed() => {
                if changed.is_err() {
                    return Ok(world);
                }
            }
            Some(ended) = wires.tasks.join_next() => {
                return Err(match ended {
                    Ok(Ok(())) => io::Error::other("a wire was closed"),
                    Ok(Err(why)) => why,
                    Err(why) => io::Error::other(why),
                });
            }
        }
    }
}

/// The tasks around a world and the queues to and from them. Dropping it ends
/// them.
struct Wires {
    arrivals: mpsc::Receiver<Arrived>,
    writers: BTreeMap<String, mpsc::Sender<Vec<u8>>>,
    publisher: mpsc::Sender<Publication>,
    tasks: JoinSet<io::Result<()>>,
}

struct Publication {
    topic: String,
    payload: Vec<u8>,
    retain: bool,
    qos: QoS,
}

impl Wires {
    async fn connect(
        ptys: BTreeMap<String, Pty>,
        broker: SocketAddr,
        within: Duration,
    ) -> io::Result<Self> {
        let mut tasks = JoinSet::new();
        let (arrived, arrivals) = mpsc::channel(ARRIVALS_MAX);
        let mut writers = BTreeMap::new();
        for (port, pty) in ptys {
            let line = Arc::new(pty.attach()?);
            let (frames, waiting) = mpsc::channel(FRAMES_MAX);
            writers.insert(port.clone(), frames);
            tasks.spawn(read_line(port, Arc::clone(&line), arrived.clone()));
            tasks.spawn(write_line(line, waiting));
        }
        let (client, events) = AsyncClient::new(options(broker), PUBLISHES_MAX);
        let (subscribed, mut is_subscribed) = watch::channel(false);
        let (publisher, publications) = mpsc::channel(PUBLISHES_MAX);
        tasks.spawn(poll(client.clone(), events, arrived, subscribed));
        tasks.spawn(publish(client, publications));
        let subscribed = is_subscribed.wait_for(|yes| *yes);
        match tokio::time::timeout(within, subscribed).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return Err(io::Error::other("the broker refuses the subscriptions")),
            Err(_) => {
                let what = format!("no subscription at {broker} within {within:?}");
                return Err(io::Error::new(io::ErrorKind::TimedOut, what));
            }
        }
        Ok(Self {
            arrivals,
            writers,
            publisher,
            tasks,
        })
    }

    /// Hands on everything the world has to send.
    fn carry<W: RealtimeWorld>(&mut self, world: &mut W) {
        while let Some(sent) = world.take_output() {
            match sent {
                Sent::Serial { port, bytes } => match self.writers.get(&port) {
                    Some(writer) => {
                        if writer.try_send(bytes).is_err() {
                            tracing::warn!(%port, "the line is full; a frame is lost");
                        }
                    }
                    None => tracing::warn!(%port, "no such line; a frame is lost"),
                },
                Sent::Publish {
                    topic,
                    payload,
                    retain,
                    qos,
                } => {
                    let qos = if qos == 0 {
                        QoS::AtMostOnce
                    } else {
                        QoS::AtLeastOnce
                    };
                    let publication = Publication {
                        topic,
                        payload,
                        retain,
                        qos,
                    };
                    if let Err(why) = self.publisher.try_send(publication) {
                        tracing::warn!(%why, "a message is lost");
                    }
                }
            }
        }
    }
}

async fn read_line(
    port: String,
    line: Arc<Line>,
    arrived: mpsc::Sender<Arrived>,
) -> io::Result<()> {
    let mut buffer = [0; 512];
    loop {
        let n = line.read(&mut buffer).await?;
        let bytes = buffer[..n].to_vec();
        let port = port.clone();
        if arrived.send(Arrived::Serial { port, bytes }).await.is_err() {
            return Ok(());
        }
    }
}

async fn write_line(line: Arc<Line>, mut frames: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    let mut free_at = Instant::now();
    while let Some(frame) = frames.recv().await {
        free_at = line.write_paced(&frame, free_at).await?;
    }
    Ok(())
}

/// Publishes apart from the poller: a poller that waits for room in the queue
/// it drains itself would stand still for ever.
async fn publish(
    client: AsyncClient,
    mut publications: mpsc::Receiver<Publication>,
) -> io::Result<()> {
    while let Some(p) = publications.recv().await {
        client
            .publish(p.topic, p.qos, p.retain, p.payload)
            .await
            .map_err(io::Error::other)?;
    }
    Ok(())
}

async fn poll(
    client: AsyncClient,
    mut events: EventLoop,
    arrived: mpsc::Sender<Arrived>,
    subscribed: watch::Sender<bool>,
) -> io::Result<()> {
    loop {
        match events.poll().await {
            // The client never subscribes again by itself.
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                let filters = FILTERS.map(|f| SubscribeFilter::new(f.to_owned(), QoS::AtLeastOnce));
                client
                    .try_subscribe_many(filters)
                    .map_err(io::Error::other)?;
            }
            Ok(Event::Incoming(Packet::SubAck(_))) => {
                subscribed.send_replace(true);
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let message = Arrived::Message {
                    topic: publish.topic,
                    payload: publish.payload.to_vec(),
                };
                if arrived.send(message).await.is_err() {
                    return Ok(());
                }
            }
            Ok(Event::Incoming(_) | Event::Outgoing(_)) => {}
            Err(why) => {
                tracing::debug!(%why, "the broker is away");
                tokio::time::sleep(RECONNECT_AFTER).await;
            }
        }
    }
}

fn options(broker: SocketAddr) -> MqttOptions {
    // A name per run: a session left behind by another world, with messages
    // meant for that one, is not ours.
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let id = format!("firmware-sim-{}-{run}", std::process::id());
    let mut options = MqttOptions::new(id, broker.ip().to_string(), broker.port());
    options
        .set_clean_session(false)
        .set_keep_alive(Duration::from_secs(10))
        .set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
    options
}

fn elapsed_us(start: Instant) -> Us {
    Us::try_from(start.elapsed().as_micros()).unwrap_or(Us::MAX)
}

async fn sleep_until(start: Instant, at: Option<Us>) {
    match at {
        Some(at) => tokio::time::sleep_until(start + Duration::from_micros(at)).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
