//! The authority's connection: moves messages between the broker and the
//! [`Session`], and does what the session asks for.

mod feeding;
mod reconciling;
mod saying;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use lanegate_core::model::{JournalState, LaneId, Link};
use lanegate_core::time::{Clock, Wall};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::RunError;
use super::back::Lanes;
use super::devices::{broker_fault, connection_config};
use super::port::Port;
use crate::authority::feed::IgnoreWhy;
use crate::authority::{Ask, Session, SnapshotPlea, Topic, Topics};
use crate::journal::{JournalReader, RealDisk};
use crate::metrics;
use crate::metrics::queues::{self, Level, Queue, Sender};
use crate::mqtt::{Connection, Event, Publication, Will};
use crate::store::StoreNotice;
use crate::turns::Turning;

/// Publications kept while the client's outbox is full (L9); records beyond
/// wait in the journal, since the session has a limit in flight.
const WAITING_MAX: usize = 2048;
/// Answers to orders that wait to be sent.
const ORDER_ANSWERS_MAX: usize = 256;
/// Between two looks at what waits.
const TICK: Duration = Duration::from_millis(500);
/// Names our last word to the broker, which is given this long to take it.
const FAREWELL: u64 = 1;
const FAREWELL_MAX: Duration = Duration::from_millis(400);
/// Store or committer busy: try again after this.
const BUSY: Duration = Duration::from_millis(20);

/// Ends of the channels the authority's task listens to.
pub(super) struct AuthorityEnds {
    pub(super) lanes: Lanes,
    /// Lanes whose state changed.
    pub(super) says: mpsc::Receiver<LaneId>,
    /// What the store says unasked.
    pub(super) told: mpsc::Receiver<StoreNotice>,
}

/// What a Hold for a technical reason may hang on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Believed {
    clock: Clock,
    link: Link,
    age_known: bool,
    journal: JournalState,
}

/// How full the queues are that the task keeps itself.
struct Levels {
    out: Level,
    feed: Level,
}

impl Levels {
    fn new() -> Self {
        Self {
            out: Level::new(Queue::AuthorityOut, WAITING_MAX),
            feed: Level::new(Queue::FeedWaiting, crate::authority::feed::WAITING_MAX),
        }
    }
}

/// The oldest record the authority lacks, with a reader of its own: the one
/// that sends keeps its place.
struct Oldest {
    reader: Option<JournalReader<RealDisk>>,
    seq: Option<u64>,
}

fn made_at(record: &str) -> Option<Wall> {
    let record: serde_json::Value = serde_json::from_str(record).ok()?;
    Wall::parse(record["at"].as_str()?).ok()
}

struct Task {
    port: Port,
    ends: AuthorityEnds,
    session: Session,
    connection: Option<Connection>,
    /// Topics not yet granted since the connection came up.
    ungranted: BTreeSet<String>,
    waiting: VecDeque<Publication>,
    levels: Levels,
    records: Option<JournalReader<RealDisk>>,
    oldest: Oldest,
    believed: Option<Believed>,
    plea: SnapshotPlea,
    /// Told to the watchdog.
    turning: Turning,
    answers: mpsc::Receiver<super::desk::Answer>,
    answer_to: Sender<super::desk::Answer>,
}

/// Runs until `stop`.
pub(super) async fn run(
    port: Port,
    mut ends: AuthorityEnds,
    stop: CancellationToken,
) -> Result<(), RunError> {
    // Until the store has been verified nobody knows from where to ask.
    let first = tokio::select! {
        notice = ends.told.recv() => notice,
        () = stop.cancelled() => return Ok(()),
    };
    let position = match &first {
        Some(StoreNotice::Loaded { position, .. }) => *position,
        Some(StoreNotice::Quarantined { .. }) | None => None,
    };
    let view = port.shared.committer.view();
    let acked = view.acknowledged.map_or(0, |through| through + 1);
    let controller = port.config.controller.id.clone();
    let position = position.min(view.ledger.position());
    let head = view.head_seq + 1;
    let session = Session::new(controller.as_str(), &view.genesis, position, acked, head)
        .remembering(view.reconciliation().cloned())
        .fed_to(view.ledger.position());
    // The connection outlives the task by its goodbye, so that the retained
    // state says "offline".
    let hang_up = CancellationToken::new();
    let (connection, events) = connect(&port, session.topics(), &hang_up)?;
    let hung_up = connection.as_ref().map(Connection::watch_status);
    let (answer_to, answers) = queues::channel(Queue::OrderAnswers, ORDER_ANSWERS_MAX);
    let journal = port.config.controller.state_dir.join("journal");
    let records = RealDisk::beside(&journal).map(JournalReader::new);
    let turning = port.shared.turns.authority.begin(port.shared.clock.clone());
    let mut task = Task {
        port,
        ends,
        session,
        connection,
        ungranted: BTreeSet::new(),
        waiting: VecDeque::new(),
        levels: Levels::new(),
        records: records
            .inspect_err(|why| error!(%why, "records cannot be read"))
            .ok(),
        oldest: Oldest {
            reader: RealDisk::beside(&journal).map(JournalReader::new).ok(),
            seq: None,
        },
        believed: None,
        plea: SnapshotPlea::default(),
        turning,
        answers,
        answer_to,
    };
    if let Some(notice) = first {
        task.on_store(notice).await;
    }
    task.run(events, stop).await;
    hang_up.cancel();
    // The connection ends, and its status with it, once its goodbye is out.
    if let Some(mut status) = hung_up {
        while status.changed().await.is_ok() {}
    }
    Ok(())
}

/// One connection with a persistent session and a will; none if there is no
/// authority broker, then the cache is filled from files.
fn connect(
    port: &Port,
    topics: &Topics,
    stop: &CancellationToken,
) -> Result<(Option<Connection>, mpsc::Receiver<Event>), RunError> {
    use crate::mqtt::Peer;
    let Some(broker) = &port.config.authority_broker else {
        return Ok((None, queues::channel(Queue::MqttEvents, 1).1));
    };
    let subscriptions = topics.subscriptions().into_iter().collect();
    let mut config = connection_config(
        Peer::Authority,
        broker,
        subscriptions,
        &port.config.socket,
        &port.shared.turns,
    )?;
    // A snapshot's part has up to 1 MiB of items; a record goes out whole,
    // whatever its size.
    config.packet_size_max = crate::journal::RECORD_LEN_MAX + (64 << 10);
    config.outbox.bytes_max = 4 * config.packet_size_max;
    config.will = Some(Will {
        topic: topics.outgoing(Topic::State),
        payload: json!({"state": "offline"}).to_string().into(),
    });
    let clock = port.shared.clock.clone();
    let started = Connection::start(config, clock, stop.clone());
    let (connection, events) = started.map_err(|why| broker_fault(Peer::Authority, why))?;
    port.shared
        .show_link(Peer::Authority, connection.watch_status());
    Ok((Some(connection), events))
}

impl Task {
    async fn run(&mut self, mut events: mpsc::Receiver<Event>, stop: CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        let durable = self.port.shared.durable.clone();
        loop {
            self.turning.turn();
            #[cfg(feature = "sim")]
            crate::stuck::task("authority").await;
            tokio::select! {
                () = stop.cancelled() => break,
                Some(event) = events.recv() => self.on_event(event).await,
                Some(notice) = self.ends.told.recv() => self.on_store(notice).await,
                Some(answer) = self.answers.recv() => {
                    let why = answer.why.as_deref();
                    self.session.answer_order(answer.id.as_str(), why);
                }
                Some(lane) = self.ends.says.recv() => self.say_lane(&lane),
                () = durable.notified() => self.look_at_journal(),
                _ = tick.tick() => {
                    self.look_at_journal();
                    self.compare_beliefs();
                    self.plead();
                    self.look_at_oldest();
                }
            }
            self.work().await;
        }
        if self.session.is_connected() {
            self.say_farewell(&mut events).await;
        }
    }

    /// Asks for a snapshot while something is in force that only one can mend.
    fn plead(&mut self) {
        let shared = &self.port.shared;
        let wanted = shared.committer.view().ledger.wants_snapshot();
        let needed = wanted && self.session.is_connected();
        if self.plea.due(needed, shared.clock.mono()) {
            warn!(
                "something came that cannot be used and that only a snapshot can mend: asking for one"
            );
            shared.metrics.count(&metrics::SNAPSHOTS_ASKED, &[], 1);
            self.session.ask_snapshot();
        }
    }

    /// Does everything the session asks for, and sends what waits.
    async fn work(&mut self) {
        while let Some(ask) = self.session.poll_ask() {
            self.answer(ask).await;
            self.turning.turn();
        }
        self.send_waiting();
        self.levels.out.set(self.waiting.len());
        self.levels.feed.set(self.session.feed_waiting());
        let lag = i64::try_from(self.session.feed_lag()).unwrap_or(i64::MAX);
        self.port.shared.metrics.set(&metrics::FEED_LAG, &[], lag);
    }

    async fn on_event(&mut self, event: Event) {
        match event {
            Event::Up { session_present } => {
                info!(session_present, "connected to the authority's broker");
                let topics = self.session.topics().subscriptions();
                self.ungranted = topics.into_iter().collect();
                if session_present {
                    self.ungranted.clear();
                    self.port.shared.clock.resumed();
                }
                self.begin_if_granted();
            }
            Event::Down { why } => {
                if self.session.is_connected() {
                    warn!(%why, "the line to the authority is down; deciding goes on");
                }
                self.session.disconnected();
                self.waiting.clear();
                self.port.shared.freshness().disconnected();
                self.compare_beliefs();
            }
            Event::Granted { topic } => {
                if self.ungranted.remove(&topic) {
                    self.begin_if_granted();
                }
            }
            Event::Refused { topic } => {
                error!(%topic, "the authority's broker refuses this topic: check its access list");
            }
            Event::Message(message) => {
                self.session
                    .message(&message.topic, &message.payload, message.retained);
                self.work().await;
                // Taken care of: only now may the broker forget it.
                if let (Some(receipt), Some(connection)) = (message.receipt, &self.connection)
                    && connection.acknowledge(receipt).is_err()
                {
                    debug!("an acknowledgement was not sent; the message comes again");
                }
            }
            Event::Done(_) | Event::Expired(_) => {}
        }
    }

    fn begin_if_granted(&mut self) {
        if self.ungranted.is_empty() {
            self.session.connected();
            self.say_state("online");
            for status in self.ends.lanes.status() {
                if let Some(lane) = status["lane"].as_str() {
                    self.session.lane_state(lane, &status);
                }
            }
        }
    }

    fn look_at_journal(&mut self) {
        let view = self.port.shared.committer.view();
        self.session.durable(view.head_seq + 1);
    }

    /// A Hold for a technical reason is judged again when what it hung on
    /// changed, not at every heartbeat.
    fn compare_beliefs(&mut self) {
        let shared = &self.port.shared;
        let now = shared.clock.now();
        let journal = shared.committer.view().journal;
        if journal == JournalState::Full && shared.committer.look_at_space().is_err() {
            debug!("the committer is busy: it looks at the room before it writes");
        }
        let believed = {
            let freshness = shared.freshness();
            Believed {
                clock: now.clock,
                link: freshness.link(now.mono),
                age_known: freshness.age_s(now).is_some(),
                journal,
            }
        };
        if self.believed.replace(believed) != Some(believed) {
            self.tell_facts_changed();
        }
    }

    fn tell_facts_changed(&self) {
        let generation = self.port.shared.committer.view().ledger.generation();
        self.ends.lanes.facts_changed(generation);
    }

    async fn on_store(&mut self, notice: StoreNotice) {
        match notice {
            StoreNotice::Loaded { position, count } => {
                info!(count, "the cache of declarations is verified");
                self.expect().await;
                if position < self.session.position() {
                    self.session.refill(position);
                }
                self.tell_facts_changed();
            }
            StoreNotice::Quarantined { why } => {
                error!(%why, "the cache of declarations was set aside and is filled again");
                let say = &self.port.shared.metrics;
                say.count(&metrics::STORE_QUARANTINES, &[], 1);
                self.session.refill(None);
            }
        }
    }

    async fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Publish {
                topic,
                payload,
                retain,
            } => self.queue(topic, payload, retain),
            Ask::Apply(batch) => {
                self.turning.waits();
                self.apply(*batch).await;
            }
            Ask::Current { sent_at } => self.current(sent_at).await,
            Ask::Read { from, max } => self.read(from, max),
            Ask::Acknowledged(below) => {
                if let Some(through) = below.checked_sub(1) {
                    // Busy: the records are sent again after a restart, no more.
                    let told = self.port.shared.committer.acknowledged(through);
                    told.ok();
                }
            }
            Ask::Blocked(held) => self.blocked(held).await,
            Ask::Reconcile(body) => self.reconcile(*body).await,
            Ask::Order(order) => {
                let to = self.answer_to.clone();
                let tell = Box::new(move |answer| drop(to.try_send(answer)));
                self.ends.lanes.order(*order, tell);
            }
            Ask::LaneOrder(order) => {
                let to = self.answer_to.clone();
                let tell = Box::new(move |answer| drop(to.try_send(answer)));
                self.ends.lanes.lane_order(*order, tell);
            }
            Ask::Odd { what, why } => {
                let say = &self.port.shared.metrics;
                match what {
                    "feed" => say.count(&metrics::FEED_BATCHES, &["envelope"], 1),
                    "feed-ignored" => {
                        if why == IgnoreWhy::WaitingFull.as_str() {
                            self.levels.feed.was_full();
                        }
                        say.count(&metrics::FEED_BATCHES, &[&why], 1);
                    }
                    "record-refused" => say.count(&metrics::ACKS_REFUSED, &[], 1),
                    _ => {}
                }
                if what == "feed-ignored" {
                    debug!(what, %why, "from the authority");
                } else {
                    warn!(what, %why, "from the authority: cannot be used");
                }
            }
        }
    }
}
