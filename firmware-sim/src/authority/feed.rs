//! The feed: one sequence of batches for all kinds of items, heartbeats, and
//! catching up by the missing batches or by a snapshot in parts.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::canonical;
use crate::Us;

/// Between heartbeats.
const HEARTBEAT_US: Us = 5_000_000;
/// Canonical bytes of items in one message; the limit of a part is 1 MiB.
const ITEMS_BYTES_MAX: usize = 256 * 1024;
/// Batches kept for catching up; whoever is further behind gets a snapshot.
const BATCHES_KEPT: usize = 256;
/// Reports of unusable items kept.
const UNUSABLE_KEPT: usize = 4096;

#[derive(Debug)]
pub(super) struct Feed {
    epoch: u64,
    seq: u64,
    /// The last batches; the newest is `seq`.
    batches: VecDeque<Vec<Value>>,
    /// What is in force, in the order of first mention; withdrawn = null.
    in_force: Vec<Value>,
    places: BTreeMap<String, usize>,
    next_heartbeat: Us,
    applied: Option<u64>,
    unusable: Vec<Value>,
}

impl Feed {
    pub(super) fn new(epoch: u64, items: Vec<Value>) -> Self {
        let mut feed = Self {
            epoch,
            // The state at time zero counts as the first batch; nobody can be
            // behind it within the epoch, so it is never sent as one.
            seq: 1,
            batches: VecDeque::new(),
            in_force: Vec::new(),
            places: BTreeMap::new(),
            next_heartbeat: HEARTBEAT_US,
            applied: None,
            unusable: Vec::new(),
        };
        for item in items {
            feed.put_in_force(item);
        }
        feed
    }

    /// Takes `items` in and returns the messages that say so.
    pub(super) fn publish(&mut self, items: Vec<Value>, sent_at: &str) -> Vec<Value> {
        let mut messages = Vec::new();
        for batch in split(items) {
            if batch.is_empty() {
                continue;
            }
            for item in &batch {
                self.put_in_force(item.clone());
            }
            self.seq += 1;
            messages.push(self.envelope(self.seq, &batch, sent_at));
            self.batches.push_back(batch);
            if self.batches.len() > BATCHES_KEPT {
                self.batches.pop_front();
            }
        }
        messages
    }

    /// A batch with an item that is not, or no longer, in force.
    pub(super) fn publish_stale(&mut self, item: Value, sent_at: &str) -> Value {
        self.seq += 1;
        let batch = vec![item];
        let message = self.envelope(self.seq, &batch, sent_at);
        self.batches.push_back(batch);
        if self.batches.len() > BATCHES_KEPT {
            self.batches.pop_front();
        }
        message
    }

    /// What is in force of a subject.
    pub(super) fn item(&self, subject: &str) -> Option<Value> {
        let place = *self.places.get(subject)?;
        self.in_force.get(place).filter(|i| !i.is_null()).cloned()
    }

    /// All that is in force.
    pub(super) fn items(&self) -> impl Iterator<Item = &Value> {
        self.in_force.iter().filter(|item| !item.is_null())
    }

    /// The time of the next heartbeat, if it is due at `to`; the one after is
    /// planned.
    pub(super) fn heartbeat_due(&mut self, to: Us) -> Option<Us> {
        if self.next_heartbeat > to {
            return None;
        }
        let due = self.next_heartbeat;
        self.next_heartbeat += HEARTBEAT_US;
        Some(due)
    }

    /// What a controller that stands at `have` in `epoch` lacks.
    pub(super) fn catch_up(
        &self,
        epoch: u64,
        have: u64,
        sent_at: &str,
    ) -> Result<Vec<Value>, String> {
        if epoch != self.epoch {
            return Ok(self.snapshot());
        }
        if have > self.seq {
            return Err(format!("have {have}, only {} were sent", self.seq));
        }
        let missing = usize::try_from(self.seq - have).unwrap_or(usize::MAX);
        if missing == 0 {
            return Ok(vec![self.heartbeat(sent_at)]);
        }
        if missing > self.batches.len() {
            return Ok(self.snapshot());
        }
        let batches = self.batches.iter().skip(self.batches.len() - missing);
        Ok((have + 1..)
            .zip(batches)
            .map(|(seq, batch)| self.envelope(seq, batch, sent_at))
            .collect())
    }

    /// Takes the controller's answer to a batch or snapshot.
    pub(super) fn answered(&mut self, answer: &Value) -> Result<(), String> {
        let (Some(epoch), Some(seq), Some(applied)) = (
            answer["epoch"].as_u64(),
            answer["seq"].as_u64(),
            answer["applied"].as_bool(),
        ) else {
            return Err("epoch, seq or applied is missing".to_owned());
        };
        if epoch != self.epoch {
            return Err(format!("epoch {epoch} was never sent"));
        }
        if seq > self.seq {
            return Err(format!("seq {seq} was never sent"));
        }
        if applied {
            self.applied = self.applied.max(Some(seq));
        }
        for item in answer["unusable"].as_array().into_iter().flatten() {
            if self.unusable.len() < UNUSABLE_KEPT {
                self.unusable.push(item.clone());
            }
        }
        Ok(())
    }

    /// Empty items under the current sequence.
    pub(super) fn heartbeat(&self, sent_at: &str) -> Value {
        self.envelope(self.seq, &[], sent_at)
    }

    pub(super) fn next_heartbeat(&self) -> Us {
        self.next_heartbeat
    }

    pub(super) fn position(&self) -> (u64, Option<u64>) {
        (self.seq, self.applied)
    }

    pub(super) fn unusable(&self) -> &[Value] {
        &self.unusable
    }

    /// Keeps the newest version of each subject; a withdrawn control is gone.
    fn put_in_force(&mut self, item: Value) {
        let next = self.in_force.len();
        let place = *self.places.entry(subject(&item, next)).or_insert(next);
        let item = if item["control"]["withdrawn"] == true {
            Value::Null
        } else {
            item
        };
        match self.in_force.get_mut(place) {
            Some(held) => *held = item,
            None => self.in_force.push(item),
        }
    }

    fn snapshot(&self) -> Vec<Value> {
        let items = self.in_force.iter().filter(|i| !i.is_null()).cloned();
        let chunks = split(items.collect());
        let parts = chunks.len();
        (1..)
            .zip(chunks)
            .map(|(part, items): (u64, Vec<Value>)| {
                let items = Value::from(items);
                json!({
                    "epoch": self.epoch, "snapshot": self.seq, "part": part, "parts": parts,
                    "sha256": canonical::sha256_hex(&items), "items": items,
                })
            })
            .collect()
    }

    fn envelope(&self, seq: u64, items: &[Value], sent_at: &str) -> Value {
        let items = Value::from(items.to_vec());
        json!({
            "epoch": self.epoch, "seq": seq, "sent_at": sent_at,
            "sha256": canonical::sha256_hex(&items), "items": items, "sig": null,
        })
    }
}

/// Kind and id, or something unique where the item has none.
fn subject(item: &Value, place: usize) -> String {
    let named = item.as_object().and_then(|kinds| {
        let (kind, body) = kinds.iter().next()?;
        let id = body["id"].as_str().or_else(|| body["version"].as_str())?;
        Some(format!("{kind}/{id}"))
    });
    named.unwrap_or_else(|| format!("#{place}"))
}

/// Chunks of at most [`ITEMS_BYTES_MAX`]; one empty chunk if there is nothing.
fn split(items: Vec<Value>) -> Vec<Vec<Value>> {
    let mut chunks = vec![Vec::new()];
    let mut size = 0;
    for item in items {
        let item_size = canonical::bytes(&item).len() + 1;
        if size > 0 && size + item_size > ITEMS_BYTES_MAX {
            chunks.push(Vec::new());
            size = 0;
        }
        size += item_size;
        chunks
            .last_mut()
            .expect("there is always a chunk")
            .push(item);
    }
    chunks
}
