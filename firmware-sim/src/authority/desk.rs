//! The officers' desk: holds that stand, orders on their way, their answers.
//!
//! A Hold stands until an outcome or another verdict of its passage is
//! recorded. It is asked about once; again if the order was refused or nobody
//! answered it before it expired, at most [`ASKED_MAX`] times.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::{Answer, Question};
use crate::Us;

/// How long an order may be obeyed.
pub(super) const ORDER_TTL_US: Us = 60_000_000;
/// How often one Hold is put to an officer.
const ASKED_MAX: u32 = 3;
const OFFICER: &str = "p-4";

#[derive(Debug, Default)]
pub(super) struct Desk {
    orders_sent: u64,
    /// Holds that stand, by passage.
    holds: BTreeMap<String, Hold>,
    questions: VecDeque<Question>,
    /// Orders about a passage that were not answered yet.
    pending: BTreeMap<String, Pending>,
    answers: BTreeMap<String, Value>,
}

#[derive(Debug)]
struct Hold {
    question: Question,
    asked: u32,
}

#[derive(Debug)]
struct Pending {
    passage: String,
    verdict_seq: u64,
    expires: Us,
}

impl Desk {
    /// Takes a record that may begin or end a Hold.
    pub(super) fn hear(&mut self, at: Us, record: &Value) {
        let Some(passage) = record["passage"].as_str() else {
            return;
        };
        match record["kind"].as_str() {
            Some("outcome") => self.settle(passage),
            Some("verdict") => {
                self.settle(passage);
                if record["body"]["verdict"]["verdict"] == "hold" {
                    self.ask(question(at, passage, record));
                }
            }
            _ => {}
        }
    }

    /// The order that answers `question`, if that still stands.
    pub(super) fn answer(
        &mut self,
        at: Us,
        question: &Question,
        answer: Answer,
        expires: String,
    ) -> Option<Value> {
        self.stands(question)
            .then(|| self.order(at, question, answer, expires))
    }

    /// An order about a passage, whether or not its question stands.
    pub(super) fn order(
        &mut self,
        at: Us,
        question: &Question,
        answer: Answer,
        expires: String,
    ) -> Value {
        let (kind, plates) = match answer {
            Answer::Release => ("release", Vec::new()),
            Answer::Inspect => ("inspect", Vec::new()),
            Answer::Return => ("return", Vec::new()),
            Answer::Supply { plates } => ("supply", plates),
        };
        let id = self.next_id();
        self.pending.insert(
            id.clone(),
            Pending {
                passage: question.passage.clone(),
                verdict_seq: question.verdict_seq,
                expires: at + ORDER_TTL_US,
            },
        );
        json!({
            "id": id, "passage": question.passage, "verdict_seq": question.verdict_seq,
            "kind": kind, "officer": OFFICER, "reason": "seen at the lane",
            "supply": {"plates": plates, "containers": [], "driver_card": null},
            "stops": [], "resumes": null, "expires": expires,
        })
    }

    /// An order about a lane, in the words of `lanegate lane`.
    pub(super) fn lane_order(
        &mut self,
        lane: &str,
        kind: &str,
        reason: &str,
        expires: &str,
    ) -> Value {
        json!({
            "id": self.next_id(), "lane": lane, "kind": kind, "officer": OFFICER,
            "reason": reason, "expires": expires,
        })
    }

    /// Takes the controller's answer to an order.
    pub(super) fn answered(&mut self, at: Us, answer: Value) -> Result<(), String> {
        let (Some(id), Some(accepted)) = (answer["id"].as_str(), answer["accepted"].as_bool())
        else {
            return Err("id or accepted is missing".to_owned());
        };
        let number = id.strip_prefix("o-").and_then(|n| n.parse::<u64>().ok());
        if !number.is_some_and(|n| (1..=self.orders_sent).contains(&n)) {
            return Err(format!("order {id} was never sent"));
        }
        if let Some(first) = self.answers.get(id) {
            // A copy of an order gets the first one's answer (FORMATS 6). What
            // was refused is on no record: after a restart the copy is late.
            let refused = |a: &Value| a["accepted"] == json!(false);
            return if *first == answer || (refused(first) && refused(&answer)) {
                Ok(())
            } else {
                Err(format!("order {id}: two answers"))
            };
        }
        let pending = self.pending.remove(id);
        self.answers.insert(id.to_owned(), answer);
        if let (false, Some(pending)) = (accepted, pending) {
            self.ask_again(at, &pending);
        }
        Ok(())
    }

    /// Orders nobody answered in time: their questions are asked again.
    pub(super) fn expire(&mut self, to: Us) {
        if self.next_expiry().is_none_or(|first| first > to) {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        for (id, order) in pending {
            if order.expires <= to {
                self.ask_again(order.expires, &order);
            } else {
                self.pending.insert(id, order);
            }
        }
    }

    pub(super) fn take_question(&mut self) -> Option<Question> {
        self.questions.pop_front()
    }

    pub(super) fn stands(&self, question: &Question) -> bool {
        self.holds
            .get(&question.passage)
            .is_some_and(|h| h.question.verdict_seq == question.verdict_seq)
    }

    pub(super) fn next_expiry(&self) -> Option<Us> {
        self.pending.values().map(|p| p.expires).min()
    }

    pub(super) fn answers(&self) -> &BTreeMap<String, Value> {
        &self.answers
    }

    fn ask(&mut self, question: Question) {
        self.questions.push_back(question.clone());
        self.holds
            .insert(question.passage.clone(), Hold { question, asked: 1 });
    }

    fn ask_again(&mut self, at: Us, order: &Pending) {
        let Some(hold) = self.holds.get_mut(&order.passage) else {
            return;
        };
        if hold.question.verdict_seq == order.verdict_seq && hold.asked < ASKED_MAX {
            hold.asked += 1;
            hold.question.at = at;
            self.questions.push_back(hold.question.clone());
        }
    }

    /// The passage's Hold no longer stands; nobody need look at it any more.
    fn settle(&mut self, passage: &str) {
        if self.holds.remove(passage).is_some() {
            self.questions.retain(|q| q.passage != passage);
        }
    }

    fn next_id(&mut self) -> String {
        self.orders_sent += 1;
        format!("o-{}", self.orders_sent)
    }
}

fn question(at: Us, passage: &str, record: &Value) -> Question {
    let reasons = record["body"]["verdict"]["reasons"].as_array();
    let codes = reasons.into_iter().flatten();
    Question {
        at,
        lane: record["lane"].as_str().unwrap_or_default().to_owned(),
        passage: passage.to_owned(),
        verdict_seq: record["seq"].as_u64().unwrap_or_default(),
        codes: codes
            .filter_map(|r| r["code"].as_str().map(str::to_owned))
            .collect(),
    }
}
