//! Customs' back-end, sans-IO: it sends the feed, keeps every record and
//! checks that none is missing or forged, turns a Hold into a question to an
//! officer and the officer's answer into an order.
//!
//! Written from the message formats alone; nothing here is shared with the
//! controller, so that a misreading cannot cancel out on both sides. Absent:
//! any clock, socket or randomness. Time is what the caller says.
//!
//! Topics, all under `lanegate/<controller>/`:
//!
//! | topic | from | carries |
//! |---|---|---|
//! | `feed` | authority | batches, heartbeats, parts of a snapshot |
//! | `feed/request`, `feed/answer` | controller | where it stands; what became of a batch |
//! | `hello` | controller | its journal and how far that goes |
//! | `records` | controller | one record a message |
//! | `records/ack`, `reconcile` | authority | how far records are held; the ledger, for a replaced disk |
//! | `orders` / `orders/answer` | authority / controller | an officer's order and its answer |
//! | `state`, `lanes/<lane>` | controller | retained states |

mod canonical;
mod desk;
mod feed;
mod journal;
mod ledger;
mod reading;

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::{Value, json};

use crate::Us;
use desk::Desk;
use feed::Feed;
use journal::{Hello, Journal, Kept};
use ledger::Ledger;

/// Lane states not yet taken; the oldest is dropped beyond that.
const LANE_STATES_MAX: usize = 1024;

/// What an authority is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityOptions {
    /// The controller it serves, as in the topics.
    pub controller: String,
    /// The feed's epoch.
    pub epoch: u64,
    /// Unix milliseconds at time zero.
    pub start_wall_ms: i64,
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Topic.
    pub topic: String,
    /// Payload, JSON.
    pub payload: Vec<u8>,
    /// Quality of service.
    pub qos: u8,
    /// Whether the broker keeps it.
    pub retain: bool,
}

/// A Hold was recorded and stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// When the authority heard of it, or asked again.
    pub at: Us,
    /// The lane.
    pub lane: String,
    /// The passage.
    pub passage: String,
    /// Sequence of the verdict's record.
    pub verdict_seq: u64,
    /// The codes of all its reasons.
    pub codes: Vec<String>,
}

/// An officer's answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Let it go.
    Release,
    /// To the bay.
    Inspect,
    /// Reverse out.
    Return,
    /// Judge again with these plates, as seen on the truck.
    Supply {
        /// The plates.
        plates: Vec<String>,
    },
}

/// The simulated authority of one controller.
#[derive(Debug)]
pub struct Authority {
    options: AuthorityOptions,
    feed: Feed,
    journal: Journal,
    ledger: Ledger,
    desk: Desk,
    state: Option<Value>,
    lane_states: VecDeque<(String, Value)>,
    faults: Vec<String>,
    output: VecDeque<Message>,
}

impl Authority {
    /// An authority that holds `items` (feed items), all in force at time zero.
    #[must_use]
    pub fn new(options: AuthorityOptions, items: Vec<Value>) -> Self {
        let mut ledger = Ledger::default();
        ledger.learn(&items);
        Self {
            feed: Feed::new(options.epoch, items),
            options,
            journal: Journal::default(),
            ledger,
            desk: Desk::default(),
            state: None,
            lane_states: VecDeque::new(),
            faults: Vec::new(),
            output: VecDeque::new(),
        }
    }

    /// Time zero was at `wall_ms`.
    pub(crate) fn begins_at(&mut self, wall_ms: i64) {
        self.options.start_wall_ms = wall_ms;
    }

    /// Sends `items` as a live batch (several, if they are too many for one).
    pub fn publish(&mut self, at: Us, items: Vec<Value>) {
        self.ledger.learn(&items);
        let sent_at = self.wall(at);
        for batch in self.feed.publish(items, &sent_at) {
            self.send("feed", &batch);
        }
    }

    /// Heartbeats of the feed up to `to`; a question whose order was not
    /// answered before it expired is asked again.
    pub fn advance(&mut self, to: Us) {
        while let Some(at) = self.feed.heartbeat_due(to) {
            let heartbeat = self.feed.heartbeat(&self.wall(at));
            self.send("feed", &heartbeat);
        }
        self.desk.expire(to);
    }

    /// A message of the controller. Topics that are not the controller's are
    /// ignored, so that the authority may hear its own messages.
    pub fn message(&mut self, at: Us, topic: &str, payload: &[u8]) {
        self.advance(at);
        let Some(tail) = topic
            .strip_prefix("lanegate/")
            .and_then(|t| t.strip_prefix(self.options.controller.as_str()))
            .and_then(|t| t.strip_prefix('/'))
        else {
            return;
        };
        let handler = match tail {
            "feed/request" => Self::feed_request,
            "feed/answer" => Self::feed_answer,
            "hello" => Self::hello,
            "records" => {
                if let Some(record) = self.object(tail, payload, reading::record(payload)) {
                    self.record(at, record, payload);
                }
                return;
            }
            "orders/answer" => Self::order_answer,
            "state" => Self::controller_state,
            lane if lane.starts_with("lanes/") => Self::lane_state,
            _ => return,
        };
        if let Some(value) = self.object(tail, payload, serde_json::from_slice(payload)) {
            handler(self, at, tail, value);
        }
    }

    fn object(
        &mut self,
        tail: &str,
        payload: &[u8],
        read: serde_json::Result<Value>,
    ) -> Option<Value> {
        match read {
            Ok(value) if value.is_object() => return Some(value),
            // An empty retained payload clears a retained state.
            _ if payload.is_empty() => {}
            _ => self.fault(format!("{tail}: not a JSON object")),
        }
        None
    }

    /// Sends an item as a batch of its own without taking it for what is in
    /// force: a version that was overtaken.
    pub fn publish_stale(&mut self, at: Us, item: Value) {
        let sent_at = self.wall(at);
        let batch = self.feed.publish_stale(item, &sent_at);
        self.send("feed", &batch);
    }

    /// The declaration's item in force.
    #[must_use]
    pub fn declaration(&self, id: &str) -> Option<Value> {
        self.feed.item(&format!("declaration/{id}"))
    }

    /// Every declaration's id and version in force.
    pub fn in_force(&self) -> impl Iterator<Item = (&str, u64)> {
        self.feed.items().filter_map(|item| {
            let declaration = &item["declaration"];
            Some((
                declaration["id"].as_str()?,
                declaration["version"].as_u64()?,
            ))
        })
    }

    /// An order about a passage whose question no longer stands.
    pub fn answer_late(&mut self, at: Us, question: &Question, answer: Answer) {
        let expires = self.wall(at + desk::ORDER_TTL_US);
        let order = self.desk.order(at, question, answer, expires);
        self.send("orders", &order);
    }

    /// The officer's answer to `question`, sent as an order now. An answer to
    /// a question that no longer stands is not sent. Says whether it was.
    pub fn answer(&mut self, at: Us, question: &Question, answer: Answer) -> bool {
        let expires = self.wall(at + desk::ORDER_TTL_US);
        match self.desk.answer(at, question, answer, expires) {
            Some(order) => {
                self.send("orders", &order);
                true
            }
            None => false,
        }
    }

    /// An order about a lane; `kind` is a word of `lane …` (`reset`, `close`,
    /// `move up`).
    pub fn lane_order(&mut self, at: Us, lane: &str, kind: &str, reason: &str) {
        let expires = self.wall(at + desk::ORDER_TTL_US);
        let order = self.desk.lane_order(lane, kind, reason, &expires);
        self.send("orders", &order);
    }

    /// The next message to publish.
    pub fn take_output(&mut self) -> Option<Message> {
        self.output.pop_front()
    }

    /// The next question to an officer.
    pub fn take_question(&mut self) -> Option<Question> {
        self.desk.take_question()
    }

    /// The next lane state that the controller published.
    pub fn take_lane_state(&mut self) -> Option<(String, Value)> {
        self.lane_states.pop_front()
    }

    /// When [`Self::advance`] next has something to do.
    #[must_use]
    pub fn next_event(&self) -> Option<Us> {
        let heartbeat = self.feed.next_heartbeat();
        Some(
            self.desk
                .next_expiry()
                .map_or(heartbeat, |e| e.min(heartbeat)),
        )
    }

    /// Every record held, in the order of arrival, of all journals.
    #[must_use]
    pub fn records(&self) -> &[Value] {
        self.journal.records()
    }

    /// What the controller did against the protocol.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// The answers to orders, by order id.
    #[must_use]
    pub fn order_answers(&self) -> &BTreeMap<String, Value> {
        self.desk.answers()
    }

    /// Whether `question` is still to be answered.
    #[must_use]
    pub fn stands(&self, question: &Question) -> bool {
        self.desk.stands(question)
    }

    /// The feed's sequence, and the last one the controller says it applied.
    #[must_use]
    pub fn feed_position(&self) -> (u64, Option<u64>) {
        self.feed.position()
    }

    /// Items the controller could not use, by path and reason.
    #[must_use]
    pub fn unusable(&self) -> &[Value] {
        self.feed.unusable()
    }

    /// How often a journal came back shorter than what is held of it.
    #[must_use]
    pub fn lost_tails(&self) -> u64 {
        self.journal.lost_tails()
    }

    /// The ledger entries a reconcile message would carry now.
    #[must_use]
    pub fn ledger(&self) -> Vec<Value> {
        self.ledger.entries()
    }

    /// The last state the controller (or its will) published.
    #[must_use]
    pub fn last_state(&self) -> Option<&Value> {
        self.state.as_ref()
    }

    fn feed_request(&mut self, at: Us, _tail: &str, request: Value) {
        let (Some(epoch), Some(have)) = (request["epoch"].as_u64(), request["have"].as_u64())
        else {
            self.fault("feed/request: epoch or have is missing".to_owned());
            return;
        };
        let sent_at = self.wall(at);
        match self.feed.catch_up(epoch, have, &sent_at) {
            Ok(messages) => {
                for message in messages {
                    self.send("feed", &message);
                }
            }
            Err(why) => self.fault(format!("feed/request: {why}")),
        }
    }

    fn feed_answer(&mut self, _at: Us, _tail: &str, answer: Value) {
        if let Err(why) = self.feed.answered(&answer) {
            self.fault(format!("feed/answer: {why}"));
        }
    }

    fn hello(&mut self, _at: Us, _tail: &str, hello: Value) {
        if hello["controller"] != self.options.controller.as_str() {
            self.fault(format!("hello: controller {}", hello["controller"]));
        }
        let (Some(genesis), Some(seq)) = (hello["genesis"].as_str(), hello["seq"].as_u64()) else {
            self.fault("hello: genesis or seq is missing".to_owned());
            return;
        };
        match self.journal.hello(genesis, seq) {
            Hello::Known { through } => self.send_held(genesis, through),
            Hello::Reconcile { genesis, through } => {
                self.send_held(&genesis, Some(through));
                let reconcile = json!({
                    "genesis": genesis, "through": through, "ledger": self.ledger.entries(),
                });
                self.send("reconcile", &reconcile);
            }
        }
    }

    fn record(&mut self, at: Us, record: Value, payload: &[u8]) {
        if record["controller"] != self.options.controller.as_str() {
            self.fault(format!("record: controller {}", record["controller"]));
            return;
        }
        let seq = record["seq"].clone();
        let refused = match self.journal.keep(record, payload) {
            Kept::New(index) | Kept::Beside(index) => {
                let record = &self.journal.records()[index];
                self.ledger.apply(record);
                self.desk.hear(at, record);
                None
            }
            Kept::Again => None,
            Kept::NewButWrong(index, why) => {
                self.faults.push(format!("record {seq}: {why}"));
                let record = &self.journal.records()[index];
                self.ledger.apply(record);
                self.desk.hear(at, record);
                Some(why)
            }
            Kept::Refused(why) => {
                self.fault(format!("record {seq}: {why}"));
                Some(why)
            }
            Kept::Gap(why) => {
                self.fault(format!("record {seq}: {why}"));
                None
            }
            Kept::Stranger(why) => {
                self.fault(format!("record {seq}: {why}"));
                return;
            }
        };
        let refused: Vec<Value> = refused
            .into_iter()
            .map(|why| json!({"seq": seq, "why": why}))
            .collect();
        let ack = json!({"through": self.journal.through(), "refused": refused});
        self.send("records/ack", &ack);
    }

    fn order_answer(&mut self, at: Us, _tail: &str, answer: Value) {
        if let Err(why) = self.desk.answered(at, answer) {
            self.fault(format!("orders/answer: {why}"));
        }
    }

    fn controller_state(&mut self, _at: Us, _tail: &str, state: Value) {
        self.state = Some(state);
    }

    fn lane_state(&mut self, _at: Us, tail: &str, state: Value) {
        if self.lane_states.len() == LANE_STATES_MAX {
            self.lane_states.pop_front();
        }
        let lane = tail.trim_start_matches("lanes/").to_owned();
        self.lane_states.push_back((lane, state));
    }

    /// Says how far `genesis` is held; null = not a single record of it.
    fn send_held(&mut self, genesis: &str, through: Option<u64>) {
        self.send(
            "records/ack",
            &json!({"genesis": genesis, "through": through}),
        );
    }

    fn send(&mut self, tail: &str, payload: &Value) {
        self.output.push_back(Message {
            topic: format!("lanegate/{}/{tail}", self.options.controller),
            payload: canonical::bytes(payload),
            qos: 1,
            retain: false,
        });
    }

    fn fault(&mut self, what: String) {
        self.faults.push(what);
    }

    /// RFC 3339 at the port's offset.
    fn wall(&self, at: Us) -> String {
        let ms = i64::try_from(at / 1000).unwrap_or(i64::MAX);
        let ms = self.options.start_wall_ms.saturating_add(ms);
        let time = Timestamp::from_millisecond(ms)
            .expect("a simulated run lies within the calendar's years");
        time.display_with_offset(Offset::constant(8)).to_string()
    }
}

#[cfg(test)]
mod tests;
