//! The connection: connects, subscribes, sends what waits, says what came,
//! and starts over with a new client whenever anything is wrong.
//!
//! ```text
//! Waiting --backoff over--> Connecting --CONNACK--> Up --error | no PUBACK | no SUBACK--> Waiting
//! ```
//! The backoff starts over only after a connection has held for a while: one
//! that a poisoned message ends at once must not be retried at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lanegate_core::time::{Micros, Mono};
use rumqttc::{ConnectionError, Outgoing, Packet, Publish, QoS, SubscribeFilter};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::outbox::Outbox;
use super::poll::{Polled, Socket};
use super::relay::Relay;
use super::subscriptions::Subscriptions;
use super::{
    ConfigFault, ConnectionConfig, Event, Message, Peer, Publication, PublishFault, Quality,
    Receipt, Status,
};
use crate::clock::{Backoff, Clock};
use crate::metrics::queues::{self, Level, Queue, Sender};
use crate::turns::Beat;

/// Commands not yet looked at.
const COMMANDS_MAX: usize = 256;
/// Events not yet taken by our reader; it stops the socket.
const EVENTS_MAX: usize = 64;
/// Acknowledges by hand that wait for the client.
const ACKS_MAX: usize = 1024;
/// A connection that held this long was a good one.
const GOOD_AFTER: Micros = Micros::from_s(30);
/// A stop waits this long for the outbox and the goodbye.
const GOODBYE: Micros = Micros::from_s(2);
/// The client's queue was full: look again after this.
const RETRY_CLIENT: Micros = Micros::from_ms(20);
/// Bytes of a publish packet beside topic and payload, at most.
const HEADER_MAX: usize = 16;

enum Command {
    Publish(Publication),
    Acknowledge(Receipt),
}

/// A handle to one connection; its task runs until told to stop.
#[derive(Clone, Debug)]
pub struct Connection {
    commands: Sender<Command>,
    status: watch::Receiver<Status>,
    full: Arc<AtomicU64>,
    packet_size_max: usize,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Publish(_) => "Publish",
            Self::Acknowledge(_) => "Acknowledge",
        })
    }
}

impl Connection {
    /// Connects, within the current runtime, until `stop`.
    ///
    /// # Errors
    /// The first fault of `config`.
    pub fn start(
        config: ConnectionConfig,
        clock: Clock,
        stop: CancellationToken,
    ) -> Result<(Self, mpsc::Receiver<Event>), ConfigFault> {
        if let Some(fault) = config.faults().into_iter().next() {
            return Err(fault);
        }
        let relay = relay(&config)?;
        let (part, turns) = &config.turns;
        let beat = Beat::of(part, turns, clock.clone());
        let (commands, from_handles) = queues::channel(Queue::MqttCommands, COMMANDS_MAX);
        let (to_reader, events) = queues::channel(Queue::MqttEvents, EVENTS_MAX);
        let (status, status_seen) = watch::channel(Status::default());
        let handle = Self {
            commands,
            status: status_seen,
            full: Arc::default(),
            packet_size_max: config.packet_size_max,
        };
        let task = Task {
            levels: Levels::new(&config),
            outbox: Outbox::new(config.outbox),
            subscriptions: Subscriptions::new(config.topics.clone()),
            backoff: Backoff::new(config.retry.0, config.retry.1),
            config,
            clock,
            stop,
            commands: from_handles,
            events: to_reader,
            status,
            acks: VecDeque::new(),
            connection: 0,
            up_since: None,
            received: 0,
            client_full_until: None,
            relay,
            beat,
        };
        tokio::spawn(task.run());
        Ok((handle, events))
    }

    /// Hands a message over for sending; never waits.
    ///
    /// # Errors
    /// It is too large, its topic is none, or too much waits already.
    pub fn publish(&self, publication: Publication) -> Result<(), PublishFault> {
        let len = publication.topic.len() + publication.payload.len() + HEADER_MAX;
        if len > self.packet_size_max {
            return Err(PublishFault::TooLarge {
                topic: publication.topic,
                len,
                max: self.packet_size_max,
            });
        }
        if publication.topic.is_empty() || publication.topic.contains(['+', '#']) {
            return Err(PublishFault::Topic(publication.topic));
        }
        self.send(Command::Publish(publication))
    }

    /// The message is taken care of; the broker may forget it. Of an older
    /// connection it has no effect: the broker sends that message again.
    ///
    /// # Errors
    /// Too much waits already.
    pub fn acknowledge(&self, receipt: Receipt) -> Result<(), PublishFault> {
        self.send(Command::Acknowledge(receipt))
    }

    /// How the connection is.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Times a message or acknowledgement was not taken because too much
    /// waited already.
    #[must_use]
    pub fn full(&self) -> u64 {
        self.full.load(Ordering::Relaxed)
    }

    /// Wakes when [`Connection::status`] changes.
    #[must_use]
    pub fn watch_status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    fn send(&self, command: Command) -> Result<(), PublishFault> {
        self.commands
            .try_send(command)
            .map_err(|fault| match fault {
                mpsc::error::TrySendError::Full(_) => {
                    self.full.fetch_add(1, Ordering::Relaxed);
                    PublishFault::Full
                }
                mpsc::error::TrySendError::Closed(_) => PublishFault::Ended,
            })
    }
}

/// Within the runtime that will carry it.
fn relay(config: &ConnectionConfig) -> Result<Option<Relay>, ConfigFault> {
    let Some(end) = &config.tls else {
        return Ok(None);
    };
    let started = Relay::start(end, &config.host, config.port);
    let fault =
        |why: std::io::Error| ConfigFault::Relay(end.dir.display().to_string(), why.to_string());
    started.map(Some).map_err(fault)
}

/// How full the queues are that the task keeps itself.
struct Levels {
    receipts: Level,
    outbox: Level,
    /// It was full when last looked at.
    outbox_full: bool,
}

impl Levels {
    fn new(config: &ConnectionConfig) -> Self {
        Self {
            receipts: Level::new(Queue::MqttReceipts, ACKS_MAX),
            outbox: Level::new(Queue::MqttOutbox, config.outbox.len_max),
            outbox_full: false,
        }
    }
}

/// Why a connection is over.
enum Over {
    Lost(String),
    Stopped,
}

struct Task {
    config: ConnectionConfig,
    clock: Clock,
    stop: CancellationToken,
    commands: mpsc::Receiver<Command>,
    events: Sender<Event>,
    status: watch::Sender<Status>,
    outbox: Outbox,
    levels: Levels,
    subscriptions: Subscriptions,
    backoff: Backoff,
    acks: VecDeque<u16>,
    /// Counts the connections, so that an old receipt is known.
    connection: u64,
    up_since: Option<Mono>,
    /// Messages received.
    received: u64,
    client_full_until: Option<Mono>,
    /// Carries TLS.
    relay: Option<Relay>,
    beat: Beat,
}

impl Task {
    async fn run(mut self) {
        while !self.stop.is_cancelled() {
            let Over::Lost(why) = self.connect().await else {
                break;
            };
            // For whoever reads, and for the time of the next try.
            self.beat.waits();
            self.lost(why).await;
            self.wait().await;
        }
        self.beat.waits();
        if let Some(relay) = self.relay.take() {
            relay.finish().await;
        }
        self.status.send_modify(|s| s.up = false);
    }

    async fn connect(&mut self) -> Over {
        self.connection += 1;
        self.acks.clear();
        let through = self.relay.as_ref().map(Relay::path);
        let mut socket = Socket::open(&self.config, through);
        loop {
            self.beat.turn().await;
            self.pump(&socket);
            self.show_levels(&socket);
            let deadline = self.clock.instant(self.deadline()).into();
            let over = tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    self.say_goodbye(&mut socket).await;
                    return Over::Stopped;
                }
                Some(command) = self.commands.recv(), if self.outbox.has_room(self.config.packet_size_max) => {
                    self.obey(command).await
                }
                polled = socket.events.recv() => self.polled(polled).await,
                () = sleep_until(deadline) => self.check_deadlines().await,
                () = self.beat.due() => Ok(()),
            };
            if let Err(why) = over {
                return Over::Lost(why);
            }
        }
    }

    /// Hands the client whatever it may have now; never waits.
    fn pump(&mut self, socket: &Socket) {
        if self.up_since.is_none() {
            return;
        }
        let now = self.clock.mono();
        self.client_full_until = None;
        let all = self.pump_acks(socket)
            && self.pump_topics(socket, now)
            && self.pump_outbox(socket, now);
        if !all {
            socket.requests.was_full();
            self.client_full_until = Some(now + RETRY_CLIENT);
        }
    }

    fn show_levels(&mut self, socket: &Socket) {
        socket.requests.set(self.outbox.handed_len());
        let levels = &mut self.levels;
        levels.receipts.set(self.acks.len());
        levels.outbox.set(self.outbox.len());
        let full = !self.outbox.has_room(self.config.packet_size_max);
        if full && !levels.outbox_full {
            levels.outbox.was_full();
        }
        levels.outbox_full = full;
    }

    fn pump_acks(&mut self, socket: &Socket) -> bool {
        while let Some(packet) = self.acks.front() {
            let mut publish = Publish::new("", QoS::AtLeastOnce, Vec::new());
            publish.pkid = *packet;
            if socket.client.try_ack(&publish).is_err() {
                return false;
            }
            self.acks.pop_front();
        }
        true
    }

    fn pump_topics(&mut self, socket: &Socket, now: Mono) -> bool {
        let Some(topics) = self.subscriptions.next(now) else {
            return true;
        };
        let filter = |t: &String| SubscribeFilter::new(t.clone(), QoS::AtLeastOnce);
        let asked = socket.client.try_subscribe_many(topics.iter().map(filter));
        if asked.is_ok() {
            self.subscriptions.asked(topics, now);
        }
        asked.is_ok()
    }

    fn pump_outbox(&mut self, socket: &Socket, now: Mono) -> bool {
        while let Some(next) = self.outbox.next() {
            let quality = match next.quality {
                Quality::AtMostOnce => QoS::AtMostOnce,
                Quality::AtLeastOnce => QoS::AtLeastOnce,
            };
            let payload = next.payload.to_vec();
            let handed =
                socket
                    .client
                    .try_publish(next.topic.clone(), quality, next.retain, payload);
            if handed.is_err() {
                return false;
            }
            self.outbox.handed(now);
        }
        true
    }

    async fn polled(&mut self, polled: Option<Polled>) -> Result<(), String> {
        match polled {
            Some(Ok(rumqttc::Event::Incoming(packet))) => self.incoming(packet).await,
            Some(Ok(rumqttc::Event::Outgoing(Outgoing::Publish(packet)))) => {
                let done = self.outbox.on_wire(packet);
                self.done(done).await;
                Ok(())
            }
            Some(Ok(rumqttc::Event::Outgoing(_))) => Ok(()),
            Some(Err(why)) => Err(words(&why)),
            None => Err("the polling task ended".to_owned()),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rumqttc's packets; a client needs no others"
    )]
    async fn incoming(&mut self, packet: Packet) -> Result<(), String> {
        match packet {
            Packet::ConnAck(ack) => self.up(ack.session_present).await,
            Packet::Publish(publish) => self.message(publish).await,
            Packet::PubAck(ack) => {
                let done = self.outbox.acknowledged(ack.pkid);
                self.done(done).await;
            }
            Packet::SubAck(ack) => {
                let granted = |c: &rumqttc::SubscribeReasonCode| {
                    matches!(c, rumqttc::SubscribeReasonCode::Success(_))
                };
                let granted: Vec<bool> = ack.return_codes.iter().map(granted).collect();
                self.subscribed(&granted).await;
            }
            _ => {}
        }
        Ok(())
    }

    async fn up(&mut self, session_present: bool) {
        info!(
            peer = self.config.peer.as_str(),
            session_present, "connected to the broker"
        );
        self.up_since = Some(self.clock.mono());
        self.subscriptions.connected();
        self.status.send_modify(|s| {
            s.up = true;
            s.connects += 1;
            s.why_down = None;
        });
        self.tell(Event::Up { session_present }).await;
    }

    async fn message(&mut self, publish: Publish) {
        let by_hand = self.config.peer == Peer::Authority && publish.qos == QoS::AtLeastOnce;
        let receipt = by_hand.then_some(Receipt {
            connection: self.connection,
            packet: publish.pkid,
        });
        self.received += 1;
        self.tell(Event::Message(Message {
            topic: publish.topic,
            payload: publish.payload,
            retained: publish.retain,
            receipt,
        }))
        .await;
    }

    async fn subscribed(&mut self, granted: &[bool]) {
        let answered = self.subscriptions.answered(granted, self.clock.mono());
        for topic in answered.granted {
            self.tell(Event::Granted { topic }).await;
        }
        for topic in answered.refused {
            warn!(
                peer = self.config.peer.as_str(),
                topic, "the broker refuses the subscription: check its access list"
            );
            self.tell(Event::Refused { topic }).await;
        }
        let refused = self.subscriptions.refused().clone();
        self.status.send_modify(|s| s.refused = refused);
    }

    async fn obey(&mut self, command: Command) -> Result<(), String> {
        match command {
            Command::Publish(publication) => {
                let token = publication.token;
                match self.outbox.push(publication) {
                    Ok(replaced) => self.done(replaced).await,
                    // Only a payload larger than what is left gets here: it
                    // is said to be expired rather than lost in silence.
                    Err(full) => {
                        warn!(peer = self.config.peer.as_str(), %full, "message dropped");
                        if let Some(token) = token {
                            self.tell(Event::Expired(token)).await;
                        }
                    }
                }
            }
            Command::Acknowledge(receipt) if receipt.connection == self.connection => {
                self.acks.push_back(receipt.packet);
                if self.acks.len() > ACKS_MAX {
                    self.levels.receipts.was_full();
                    return Err("too many acknowledges wait for the client".to_owned());
                }
            }
            Command::Acknowledge(_) => debug!("receipt of an older connection"),
        }
        Ok(())
    }

    async fn check_deadlines(&mut self) -> Result<(), String> {
        let now = self.clock.mono();
        for token in self.outbox.expire(now) {
            self.tell(Event::Expired(token)).await;
        }
        let good = self.up_since.is_some_and(|s| now.since(s) >= GOOD_AFTER);
        if good {
            self.backoff.reset();
        }
        if self.subscriptions.overdue(now) {
            return Err("the broker does not answer a subscription".to_owned());
        }
        let unacknowledged = self.outbox.handed_since();
        if unacknowledged.is_some_and(|at| now.since(at) >= self.config.ack_max) {
            return Err(format!(
                "the broker acknowledged nothing for {} s",
                self.config.ack_max.as_ms() / 1000
            ));
        }
        Ok(())
    }

    /// When something is due; at least once a second, for what expires.
    fn deadline(&self) -> Mono {
        let second = self.clock.mono() + Micros::from_s(1);
        let ack = self
            .outbox
            .handed_since()
            .map(|at| at + self.config.ack_max);
        [self.client_full_until, self.subscriptions.deadline(), ack]
            .into_iter()
            .flatten()
            .fold(second, Mono::min)
    }

    async fn lost(&mut self, why: String) {
        // The client saw no more than that its socket was closed.
        let why = self.relay.as_ref().and_then(Relay::why).unwrap_or(why);
        let peer = self.config.peer.as_str();
        warn!(
            peer,
            why,
            tries = self.backoff.tries(),
            "no connection to the broker"
        );
        self.up_since = None;
        self.outbox.lost();
        let said = why.clone();
        self.status.send_modify(|s| {
            s.up = false;
            s.why_down = Some(said);
        });
        self.tell(Event::Down { why }).await;
    }

    /// Between two tries messages are still taken, as far as there is room.
    async fn wait(&mut self) {
        let until = self.clock.mono() + self.backoff.wait();
        loop {
            let at = self.clock.instant(until).into();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = sleep_until(at) => break,
                Some(command) = self.commands.recv(), if self.outbox.has_room(self.config.packet_size_max) => {
                    // An acknowledge is of the connection that is gone.
                    if let Err(why) = self.obey(command).await {
                        debug!(why, "while not connected");
                    }
                }
            }
        }
        for token in self.outbox.expire(self.clock.mono()) {
            self.tell(Event::Expired(token)).await;
        }
    }

    /// Sends what still waits, says goodbye (the will is then not published)
    /// and waits until the client has written it.
    async fn say_goodbye(&mut self, socket: &mut Socket) {
        let until = self.clock.instant(self.clock.mono() + GOODBYE).into();
        let mut left = false;
        while self.up_since.is_some() {
            while let Ok(command) = self.commands.try_recv() {
                if self.obey(command).await.is_err() {
                    return;
                }
            }
            self.pump(socket);
            if !left && self.outbox.len() == 0 && self.acks.is_empty() {
                left = socket.client.try_disconnect().is_ok();
            }
            let polled = tokio::select! {
                polled = socket.events.recv() => polled,
                () = sleep_until(until) => return,
            };
            if self.polled(polled).await.is_err() {
                return;
            }
        }
    }

    async fn done(&mut self, token: Option<u64>) {
        if let Some(token) = token {
            self.tell(Event::Done(token)).await;
        }
    }

    /// A reader that is gone needs nothing any more.
    async fn tell(&mut self, event: Event) {
        let (outbox, received) = (self.outbox.len(), self.received);
        self.status.send_if_modified(|s| {
            let changed = s.outbox != outbox;
            s.outbox = outbox;
            s.received = received;
            changed
        });
        self.beat.waits();
        if self.events.send(event).await.is_err() {
            debug!(
                peer = self.config.peer.as_str(),
                "nobody reads the connection's events"
            );
        }
    }
}

fn words(why: &ConnectionError) -> String {
    let text = why.to_string();
    text.chars().take(200).collect()
}
