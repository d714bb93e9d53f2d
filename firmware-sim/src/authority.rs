//! Customs' back-end, sans-IO: holds the feed, answers the controller, keeps
//! its records, turns holds into questions and answers into orders.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Us;
use crate::wall;

const HEARTBEAT_US: Us = 5_000_000;

/// What an authority is started with.
#[derive(Debug, Clone)]
pub struct AuthorityOptions {
    /// The controller it serves.
    pub controller: String,
    /// The feed's epoch.
    pub epoch: u64,
    /// Unix milliseconds at `t = 0`.
    pub start_wall_ms: i64,
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Vec<u8>,
    /// Quality of service.
    pub qos: u8,
    /// Whether the broker keeps it.
    pub retain: bool,
}

/// A Hold was recorded and stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// When it was heard of.
    pub at: Us,
    /// Lane.
    pub lane: String,
    /// Passage.
    pub passage: String,
    /// Sequence of the verdict's record.
    pub verdict_seq: u64,
    /// Reason codes.
    pub codes: Vec<String>,
}

/// An officer's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Let it go.
    Release,
    /// To the bay.
    Inspect,
    /// Reverse out.
    Return,
    /// These are its plates.
    Supply {
        /// As seen on the truck.
        plates: Vec<String>,
    },
}

/// The simulated authority.
#[derive(Debug)]
pub struct Authority {
    o: AuthorityOptions,
    batches: Vec<Vec<Value>>,
    next_heartbeat: Us,
    orders: u64,
    out: VecDeque<Message>,
    questions: VecDeque<Question>,
    states: VecDeque<(String, Value)>,
    records: Vec<Value>,
    faults: Vec<String>,
    answers: BTreeMap<String, Value>,
}

impl Authority {
    /// An authority that holds `items`, already in force.
    pub fn new(o: AuthorityOptions, items: Vec<Value>) -> Self {
        Authority {
            o,
            batches: vec![items],
            next_heartbeat: HEARTBEAT_US,
            orders: 0,
            out: VecDeque::new(),
            questions: VecDeque::new(),
            states: VecDeque::new(),
            records: Vec::new(),
            faults: Vec::new(),
            answers: BTreeMap::new(),
        }
    }

    /// A live batch, now.
    pub fn publish(&mut self, at: Us, items: Vec<Value>) {
        self.batches.push(items);
        self.send_batch(at, self.batches.len());
    }

    /// When [`Authority::advance`] next has something to do.
    pub fn next_event(&self) -> Option<Us> {
        Some(self.next_heartbeat)
    }

    /// Heartbeats.
    pub fn advance(&mut self, to: Us) {
        while self.next_heartbeat <= to {
            let at = self.next_heartbeat;
            let beat = self.envelope(at, self.batches.len(), &[]);
            self.send("feed", &beat);
            self.next_heartbeat += HEARTBEAT_US;
        }
    }

    /// A message of the controller.
    pub fn message(&mut self, at: Us, topic: &str, payload: &[u8]) {
        let root = format!("lanegate/{}/", self.o.controller);
        let (Some(tail), Ok(value)) = (
            topic.strip_prefix(&root),
            serde_json::from_slice::<Value>(payload),
        ) else {
            return;
        };
        match tail {
            "feed/request" => {
                let have = value["have"].as_u64().unwrap_or(0) as usize;
                for seq in have + 1..=self.batches.len() {
                    self.send_batch(at, seq);
                }
            }
            "hello" => {
                let ack = json!({"genesis": value["genesis"], "through": self.through()});
                self.send("records/ack", &ack);
            }
            "records" => self.record(at, value),
            "orders/answer" => {
                if let Some(id) = value["id"].as_str() {
                    self.answers.insert(id.to_owned(), value.clone());
                }
            }
            _ => {
                if let Some(lane) = tail.strip_prefix("lanes/") {
                    self.states.push_back((lane.to_owned(), value));
                }
            }
        }
    }

    /// The next message to publish.
    pub fn take_output(&mut self) -> Option<Message> {
        self.out.pop_front()
    }

    /// The next question to an officer.
    pub fn take_question(&mut self) -> Option<Question> {
        self.questions.pop_front()
    }

    /// Sends the order that answers `q`; says whether it was sent.
    pub fn answer(&mut self, at: Us, q: &Question, a: Answer) -> bool {
        let (kind, plates) = match a {
            Answer::Release => ("release", Vec::new()),
            Answer::Inspect => ("inspect", Vec::new()),
            Answer::Return => ("return", Vec::new()),
            Answer::Supply { plates } => ("supply", plates),
        };
        let order = json!({
            "id": self.order_id(), "passage": q.passage, "verdict_seq": q.verdict_seq, "kind": kind,
            "officer": "p-4", "reason": "seen at the lane",
            "supply": {"plates": plates, "containers": [], "driver_card": null},
            "stops": [], "resumes": null, "expires": self.wall(at + 60_000_000),
        });
        self.send("orders", &order);
        true
    }

    /// An order to a lane.
    pub fn lane_order(&mut self, at: Us, lane: &str, kind: &str, reason: &str) {
        let order = json!({
            "id": self.order_id(), "lane": lane, "kind": kind, "officer": "p-4",
            "reason": reason, "expires": self.wall(at + 60_000_000),
        });
        self.send("orders", &order);
    }

    /// The next lane state the controller published.
    pub fn take_lane_state(&mut self) -> Option<(String, Value)> {
        self.states.pop_front()
    }

    /// All records, in order.
    pub fn records(&self) -> &[Value] {
        &self.records
    }

    /// What the controller did against the protocol.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Answers to orders, by order id.
    pub fn order_answers(&self) -> &BTreeMap<String, Value> {
        &self.answers
    }

    fn record(&mut self, at: Us, record: Value) {
        let seq = record["seq"].as_u64().unwrap_or(0);
        let held = self.records.len() as u64;
        if seq == held {
            self.ask(at, &record);
            self.records.push(record);
        } else if seq > held {
            self.faults.push(format!("gap: {seq} with {held} held"));
        }
        self.send(
            "records/ack",
            &json!({"through": self.through(), "refused": []}),
        );
    }

    fn through(&self) -> Option<usize> {
        self.records.len().checked_sub(1)
    }

    fn ask(&mut self, at: Us, record: &Value) {
        let verdict = &record["body"]["verdict"];
        if record["kind"] != "verdict" || verdict["verdict"] != "hold" {
            return;
        }
        let codes = verdict["reasons"].as_array().into_iter().flatten();
        self.questions.push_back(Question {
            at,
            lane: record["lane"].as_str().unwrap_or_default().to_owned(),
            passage: record["passage"].as_str().unwrap_or_default().to_owned(),
            verdict_seq: record["seq"].as_u64().unwrap_or(0),
            codes: codes
                .filter_map(|r| r["code"].as_str().map(str::to_owned))
                .collect(),
        });
    }

    fn send_batch(&mut self, at: Us, seq: usize) {
        let batch = self.envelope(at, seq, &self.batches[seq - 1]);
        self.send("feed", &batch);
    }

    fn envelope(&self, at: Us, seq: usize, items: &[Value]) -> Value {
        let canonical = Value::from(items.to_vec()).to_string();
        let sha256: String = Sha256::digest(canonical)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        json!({
            "epoch": self.o.epoch, "seq": seq, "sent_at": self.wall(at), "items": items,
            "sha256": sha256, "sig": null,
        })
    }

    fn send(&mut self, tail: &str, payload: &Value) {
        self.out.push_back(Message {
            topic: format!("lanegate/{}/{tail}", self.o.controller),
            payload: payload.to_string().into_bytes(),
            qos: 1,
            retain: false,
        });
    }

    fn order_id(&mut self) -> String {
        self.orders += 1;
        format!("o-{}", self.orders)
    }

    fn wall(&self, at: Us) -> String {
        wall::rfc3339(self.o.start_wall_ms + (at / 1000) as i64)
    }
}
