//! The conversation with the authority, sans-IO: what to publish, what to
//! apply, which records to send, for every message and every durable step.
//!
//! ```text
//! connected -> hello, feed request            ack {genesis, through} -> ours: send from there
//! feed -> Apply -> applied() -> answer                                 not ours: Blocked until reconcile
//! records: at most IN_FLIGHT_MAX beyond the acknowledgement, in order, again from there after a reconnect
//! ```
//!
//! Absent: sockets, files, clocks. The outbox is a position in the journal.

use std::collections::VecDeque;

use lanegate_core::ledger::Reconciliation;
use lanegate_core::model::{Fault, LaneOrder, Order, Position, parse_json};
use lanegate_core::record::{ReconciledBody, canonical};
use lanegate_core::time::Wall;
use serde::Deserialize;
use serde_json::{Value, json};

use super::feed::{self, Batch, FeedState, FeedStep, Request};
use super::topics::{Topic, Topics};

/// Records sent and not yet acknowledged (L9): beyond it the journal waits.
pub const IN_FLIGHT_MAX: u64 = 256;

/// No journal has records beyond this: its segments' names have 12 digits.
/// Taken at its word, a higher one would leave no number for the next record.
const THROUGH_MAX: u64 = 100_000_000_000;
const NO_SUCH_NUMBER: &str = "no journal has so many records";

/// Longest id an unreadable order is answered under.
const ORDER_ID_LEN_MAX: usize = 256;

/// What the shell is asked to do.
#[derive(Debug, PartialEq)]
pub enum Ask {
    /// Publish with quality of service 1.
    Publish {
        /// Topic.
        topic: String,
        /// Payload.
        payload: String,
        /// Kept by the broker.
        retain: bool,
    },
    /// Journal first, then store; then [`Session::applied`].
    Apply(Box<Batch>),
    /// The authority is there and we are current: the cache's age counts from
    /// now; its time says whether our clock agrees.
    Current {
        /// The authority's time.
        sent_at: Option<Wall>,
    },
    /// Read records from there and hand them to [`Session::records`].
    Read {
        /// First sequence.
        from: u64,
        /// At most so many.
        max: u64,
    },
    /// The authority holds everything up to there.
    Acknowledged(u64),
    /// The authority knows another journal, or more of ours than we have: no
    /// release until reconciled; none = reconciled.
    Blocked(Option<Held>),
    /// The ledger as the authority holds it: to be recorded, then
    /// [`Session::reconciled`].
    Reconcile(Box<ReconciledBody>),
    /// An order about a passage.
    Order(Box<Order>),
    /// An order about a lane.
    LaneOrder(Box<LaneOrder>),
    /// To be counted and logged: what came and cannot be used.
    Odd {
        /// What kind of message.
        what: &'static str,
        /// Why.
        why: String,
    },
}

/// What the authority says it holds of this controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// Which journal.
    pub genesis: String,
    /// Up to where.
    pub through: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ack {
    #[serde(default)]
    genesis: Option<String>,
    through: Option<u64>,
    #[serde(default)]
    refused: Vec<RefusedRecord>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusedRecord {
    seq: u64,
    why: String,
}

/// The conversation.
#[derive(Debug)]
pub struct Session {
    topics: Topics,
    controller: String,
    genesis: String,
    feed: FeedState,
    connected: bool,
    /// The authority has said what it holds since we connected.
    greeted: bool,
    blocked: bool,
    /// The last difference with what the authority holds.
    reconciliation: Option<Reconciliation>,
    /// Records below are acknowledged.
    acked: u64,
    /// The next record to send.
    next: u64,
    /// Records below exist.
    head: u64,
    reading: bool,
    asks: VecDeque<Ask>,
}

impl Session {
    /// A conversation not yet begun; `position` of the feed and `acked`
    /// records are known from before.
    #[must_use]
    pub fn new(
        controller: &str,
        genesis: &str,
        position: Option<Position>,
        acked: u64,
        head: u64,
    ) -> Self {
        Self {
            topics: Topics::of(controller),
            controller: controller.to_owned(),
            genesis: genesis.to_owned(),
            feed: FeedState::new(position),
            connected: false,
            greeted: false,
            blocked: false,
            reconciliation: None,
            acked,
            next: acked,
            head,
            reading: false,
            asks: VecDeque::new(),
        }
    }

    /// The same, after what the journal tells of an earlier difference with
    /// the authority: one that is still open blocks from the start.
    #[must_use]
    pub fn remembering(mut self, reconciliation: Option<Reconciliation>) -> Self {
        self.blocked = reconciliation.as_ref().is_some_and(|r| r.open);
        self.reconciliation = reconciliation;
        self
    }

    /// The same, where the feed is on record as far as `position`, whatever the
    /// store has of it.
    #[must_use]
    pub fn fed_to(mut self, position: Option<Position>) -> Self {
        self.feed = self.feed.on_record(position);
        self
    }

    /// The topics of this controller.
    #[must_use]
    pub const fn topics(&self) -> &Topics {
        &self.topics
    }

    /// The next thing to do.
    pub fn poll_ask(&mut self) -> Option<Ask> {
        self.asks.pop_front()
    }

    /// The connection is up and subscribed.
    pub fn connected(&mut self) {
        self.connected = true;
        self.greeted = false;
        self.reading = false;
        self.next = self.acked;
        let hello = json!({
            "controller": self.controller,
            "genesis": self.genesis,
            "seq": self.seq_to_say(),
        });
        self.publish(Topic::Hello, canonical(&hello), false);
        let step = self.feed.connected();
        self.follow(step);
    }

    /// What we have. What was written since the authority was found to hold
    /// more does not count, or it would think us level with it.
    fn seq_to_say(&self) -> u64 {
        let last = self.reconciliation.as_ref().filter(|_| self.blocked);
        let last = last.filter(|r| r.genesis == self.genesis);
        let ours = last.and_then(|r| r.ours);
        ours.unwrap_or_else(|| self.head.saturating_sub(1))
    }

    /// The connection is gone.
    pub const fn disconnected(&mut self) {
        self.connected = false;
        self.greeted = false;
        self.reading = false;
    }

    /// A message came on `topic`.
    pub fn message(&mut self, topic: &str, payload: &[u8], retained: bool) {
        match self.topics.incoming(topic) {
            Some(Topic::Feed) => self.on_feed(payload, retained),
            // Retained acknowledgements and orders are the past.
            Some(_) if retained => self.odd("retained", "only the feed's sender keeps nothing"),
            Some(Topic::RecordsAck) => self.on_ack(payload),
            Some(Topic::Reconcile) => self.on_reconcile(payload),
            Some(Topic::Orders) => self.on_order(payload),
            Some(_) | None => self.odd("topic", "nothing is expected here"),
        }
    }

    /// `batch` is durable in journal and store.
    pub fn applied(&mut self, batch: &Batch) {
        self.feed.applied(batch.position());
        self.publish(Topic::FeedAnswer, batch.answer(true), false);
    }

    /// Journal or store could not take `batch`: what they hold counts. A full
    /// disk is still full when the same comes back, so it is not asked for at
    /// once; the next heartbeat or batch asks.
    pub fn not_applied(&mut self, batch: &Batch, position: Option<Position>) {
        self.publish(Topic::FeedAnswer, batch.answer(false), false);
        self.step_back(position);
    }

    /// `batch` can never be applied here: the authority is told why and has to
    /// send it in another form. Not asked for at once either.
    pub fn refused(&mut self, batch: &Batch, position: Option<Position>, why: &str) {
        self.publish(Topic::FeedAnswer, batch.refusal(why), false);
        self.step_back(position);
    }

    /// What was to follow what failed may not be applied in its place.
    fn step_back(&mut self, position: Option<Position>) {
        self.asks.retain(|ask| !matches!(ask, Ask::Apply(_)));
        self.feed.restart(position);
    }

    /// Asks for everything that is in force, whatever is applied: a control
    /// that cannot be read is lifted by nothing else.
    pub fn ask_snapshot(&mut self) {
        let nothing = Request { epoch: 0, have: 0 };
        self.publish(Topic::FeedRequest, nothing.to_json(), false);
    }

    /// The store began again: ask for what is missing from `position` on.
    pub fn refill(&mut self, position: Option<Position>) {
        self.step_back(position);
        if self.connected {
            let step = self.feed.connected();
            self.follow(step);
        }
    }

    /// Records below `head` are durable.
    pub fn durable(&mut self, head: u64) {
        self.head = self.head.max(head);
        self.pump();
    }

    /// Records read for [`Ask::Read`], in order from where it asked.
    pub fn records(&mut self, records: Vec<(u64, String)>) {
        self.reading = false;
        if records.is_empty() {
            // They could not be read: the next record or tick asks again.
            return;
        }
        for (seq, json) in records {
            if seq >= self.next && self.connected && self.greeted {
                self.publish(Topic::Records, json, false);
                self.next = seq + 1;
            }
        }
        self.pump();
    }

    /// What the authority holds is on record; its ledger still is not.
    pub fn marked(&mut self, reconciliation: Option<Reconciliation>) {
        self.reconciliation = reconciliation;
    }

    /// The reconciled ledger is durable: releases resume.
    pub fn reconciled(&mut self, reconciliation: Option<Reconciliation>) {
        let last = reconciliation.as_ref();
        if last.is_none_or(|r| r.genesis != self.genesis) {
            // It holds nothing of this journal.
            self.acked = 0;
        }
        self.reconciliation = reconciliation;
        self.blocked = false;
        self.asks.push_back(Ask::Blocked(None));
        self.greeted = true;
        self.next = self.acked;
        self.pump();
    }

    /// The first record under whose number the authority can hold no other:
    /// what it says of those before tells nothing of ours.
    fn ours_alone_from(&self) -> u64 {
        let last = self.reconciliation.as_ref();
        let last = last.filter(|r| r.genesis == self.genesis);
        last.map_or(0, |r| r.next)
    }

    /// Answers an order.
    pub fn answer_order(&mut self, id: &str, refused: Option<&str>) {
        let answer = json!({"id": id, "accepted": refused.is_none(), "why": refused});
        self.publish(Topic::OrdersAnswer, canonical(&answer), false);
    }

    /// Publishes a lane's state, kept by the broker.
    pub fn lane_state(&mut self, lane: &str, state: &Value) {
        let topic = self.topics.lane(lane);
        self.asks.push_back(Ask::Publish {
            topic,
            payload: canonical(state),
            retain: true,
        });
    }

    /// The connection is up.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.connected
    }

    /// How far the feed is applied.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.feed.position()
    }

    /// Batches of the feed the authority has and we do not.
    #[must_use]
    pub const fn feed_lag(&self) -> u64 {
        self.feed.lag()
    }

    /// Batches of the feed that wait behind a gap or a snapshot.
    #[must_use]
    pub fn feed_waiting(&self) -> usize {
        self.feed.waiting_len()
    }

    /// Records sent and not acknowledged.
    #[must_use]
    pub const fn in_flight(&self) -> u64 {
        self.next.saturating_sub(self.acked)
    }

    /// Records durable and not acknowledged.
    #[must_use]
    pub const fn outbox_depth(&self) -> u64 {
        self.head.saturating_sub(self.acked)
    }

    fn on_feed(&mut self, payload: &[u8], retained: bool) {
        match feed::parse(payload) {
            Ok(batch) => {
                for step in self.feed.message(batch, retained) {
                    self.follow(step);
                }
            }
            Err(fault) => self.odd("feed", &fault.to_string()),
        }
    }

    fn follow(&mut self, step: FeedStep) {
        match step {
            FeedStep::Apply(batch) => self.asks.push_back(Ask::Apply(batch)),
            FeedStep::AnswerAgain(batch) => {
                self.publish(Topic::FeedAnswer, batch.answer(true), false);
            }
            FeedStep::Ask(request) => self.publish(Topic::FeedRequest, request.to_json(), false),
            FeedStep::Current { sent_at } => self.asks.push_back(Ask::Current { sent_at }),
            FeedStep::Ignore(why) => self.odd("feed-ignored", why.as_str()),
        }
    }

    fn on_ack(&mut self, payload: &[u8]) {
        let ack: Ack = match read(payload) {
            Ok(ack) => ack,
            Err(fault) => return self.odd("records-ack", &fault.to_string()),
        };
        for refused in &ack.refused {
            let why = format!("record {}: {}", refused.seq, refused.why);
            self.odd("record-refused", &why);
        }
        let through = ack.through;
        match ack.genesis {
            Some(genesis) => self.on_held(genesis, through),
            None if through.is_some_and(|t| t >= self.head) => {
                self.odd("records-ack", "acknowledges records that do not exist");
            }
            None => {
                if let Some(through) = through {
                    self.acknowledged(through);
                }
                self.pump();
            }
        }
    }

    /// What it holds, in answer to our hello.
    fn on_held(&mut self, genesis: String, through: Option<u64>) {
        if through.is_some_and(|t| t > THROUGH_MAX) {
            return self.odd("records-ack", NO_SUCH_NUMBER);
        }
        self.greeted = true;
        let is_ours = genesis == self.genesis;
        let last = self.reconciliation.as_ref();
        let known = |t| last.is_some_and(|r| r.is_about(&genesis, t));
        let ahead = through.filter(|t| match is_ours {
            true => *t >= self.head,
            false => !known(*t),
        });
        if let Some(through) = ahead {
            self.blocked = true;
            let held = Held { genesis, through };
            self.asks.push_back(Ask::Blocked(Some(held)));
            return;
        }
        let says_of_ours = |t: &u64| is_ours && *t >= self.ours_alone_from();
        if let Some(through) = through.filter(says_of_ours) {
            self.acknowledged(through);
        }
        self.pump();
    }

    /// Below [`Self::ours_alone_from`] an acknowledgement is of what was sent
    /// last, whatever number it names.
    fn acknowledged(&mut self, through: u64) {
        let sent = match through < self.ours_alone_from() {
            true => self.next.min(through + 1),
            false => through + 1,
        };
        self.acked = self.acked.max(sent);
        self.next = self.next.max(self.acked);
        self.asks.push_back(Ask::Acknowledged(self.acked));
    }

    fn on_reconcile(&mut self, payload: &[u8]) {
        match read::<ReconciledBody>(payload) {
            Ok(body) if body.through > THROUGH_MAX => self.odd("reconcile", NO_SUCH_NUMBER),
            Ok(body) if self.blocked && !body.open => {
                self.asks.push_back(Ask::Reconcile(Box::new(body)));
            }
            Ok(_) => self.odd("reconcile", "nothing is to be reconciled"),
            Err(fault) => self.odd("reconcile", &fault.to_string()),
        }
    }

    fn on_order(&mut self, payload: &[u8]) {
        let about_lane = serde_json::from_slice::<Value>(payload)
            .is_ok_and(|order| order.get("passage").is_none() && order.get("lane").is_some());
        let parsed = if about_lane {
            lane_order(payload)
        } else {
            order(payload)
        };
        match parsed {
            Ok(ask) => self.asks.push_back(ask),
            Err(why) => self.refuse_order(payload, &why),
        }
    }

    /// An order nobody can take is still answered if it says which it is.
    fn refuse_order(&mut self, payload: &[u8], why: &str) {
        self.odd("order", why);
        let order: Value = serde_json::from_slice(payload).unwrap_or_default();
        if let Some(id) = order["id"]
            .as_str()
            .filter(|id| id.len() <= ORDER_ID_LEN_MAX)
        {
            self.answer_order(id, Some(why));
        }
    }

    /// Asks for records while there are any and the limit in flight allows.
    fn pump(&mut self) {
        let in_flight = self.next - self.acked.min(self.next);
        let most = match self.next < self.ours_alone_from() {
            // One by one: only so is it known what an acknowledgement is of.
            true => 1,
            false => IN_FLIGHT_MAX,
        };
        let room = most.saturating_sub(in_flight);
        let max = room.min(self.head.saturating_sub(self.next));
        if self.connected && self.greeted && !self.blocked && !self.reading && max > 0 {
            self.reading = true;
            self.asks.push_back(Ask::Read {
                from: self.next,
                max,
            });
        }
    }

    fn publish(&mut self, topic: Topic, payload: String, retain: bool) {
        if !self.connected {
            return;
        }
        let topic = self.topics.outgoing(topic);
        self.asks.push_back(Ask::Publish {
            topic,
            payload,
            retain,
        });
    }

    fn odd(&mut self, what: &'static str, why: &str) {
        let why = why.chars().take(300).collect();
        self.asks.push_back(Ask::Odd { what, why });
    }
}

/// Why an order cannot be taken, in the words of its answer.
fn unreadable(fault: &Fault) -> String {
    format!("unreadable: {fault}")
}

fn too_long(fault: &Fault) -> String {
    format!("too-long: {fault}")
}

fn order(payload: &[u8]) -> Result<Ask, String> {
    let order: Order = read(payload).map_err(|fault| unreadable(&fault))?;
    match order.too_long() {
        Some(fault) => Err(too_long(&fault)),
        None => Ok(Ask::Order(Box::new(order))),
    }
}

fn lane_order(payload: &[u8]) -> Result<Ask, String> {
    let order: LaneOrder = read(payload).map_err(|fault| unreadable(&fault))?;
    match order.too_long() {
        Some(fault) => Err(too_long(&fault)),
        None => Ok(Ask::LaneOrder(Box::new(order))),
    }
}

fn read<T: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<T, Fault> {
    let text = std::str::from_utf8(payload).map_err(|_| Fault::new("", "is not UTF-8"))?;
    parse_json(text)
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
