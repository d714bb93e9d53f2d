//! The authority's side of the topics, with mosquitto's own clients: it says
//! what it holds, takes records and acknowledges them. After a replaced disk or
//! a restored backup it has a ledger to send, once the test lets it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::programs::{Lines, Mosquitto, Owned};

pub(crate) struct Authority {
    process: Owned,
    lines: Lines,
    /// Lines looked at.
    seen: usize,
    /// The journal it holds.
    genesis: Option<String>,
    /// The last hello told of another journal, or of less than it holds.
    pub(crate) differs: bool,
    /// Records under a number that it holds with other content.
    pub(crate) beside: Vec<Value>,
    /// Each record once, by genesis and sequence, as it first came.
    pub(crate) records: BTreeMap<(String, u64), Value>,
    /// In the order of their first arrival.
    pub(crate) arrived: Vec<u64>,
    pub(crate) twice: usize,
    /// Messages on other topics.
    pub(crate) others: Vec<(String, Value)>,
}

impl Authority {
    pub(crate) fn listen(broker: &Mosquitto) -> Self {
        let (process, lines) = broker.subscribe("authority", "lanegate/dev/#");
        Self {
            process,
            lines,
            seen: 0,
            genesis: None,
            differs: false,
            beside: Vec::new(),
            records: BTreeMap::new(),
            arrived: Vec::new(),
            twice: 0,
            others: Vec::new(),
        }
    }

    /// Connects anew to a broker that has forgotten it; says what it holds,
    /// as the controller's hello may have come before.
    pub(crate) fn listen_again(&mut self, broker: &Mosquitto) {
        (self.process, self.lines) = broker.subscribe("authority", "lanegate/dev/#");
        self.seen = 0;
        self.greet(broker);
    }

    fn greet(&self, broker: &Mosquitto) {
        if let Some(genesis) = &self.genesis {
            let held = json!({"genesis": genesis, "through": self.through()});
            broker.publish("lanegate/dev/records/ack", &held.to_string());
        }
    }

    /// Sends the ledger as it holds it.
    pub(crate) fn reconcile(&self, broker: &Mosquitto) {
        assert!(self.differs, "nothing to reconcile");
        let ledger = json!({
            "genesis": self.genesis, "through": self.through(), "ledger": self.ledger(),
        });
        broker.publish("lanegate/dev/reconcile", &ledger.to_string());
    }

    /// What has been spent, by its records: trucks released by the rules that
    /// passed, which is all that happens where this is used.
    fn ledger(&self) -> Vec<Value> {
        let mut trips: BTreeMap<&str, u64> = BTreeMap::new();
        let of = |record: &&Value| record["kind"] == "verdict" && is_release(record);
        for record in self.records.values().filter(of) {
            for spent in list(&record["body"]["verdict"]["declarations"]) {
                let id = spent["id"].as_str().unwrap();
                *trips.entry(id).or_default() += spent["spend"]["trips"].as_u64().unwrap();
            }
        }
        let entry = |(id, n)| {
            json!({
                "declaration": id, "issued": n, "passed": n, "goods_kg_issued": 0,
                "vehicles": [], "reserved": [], "unsettled": [],
            })
        };
        trips.into_iter().map(entry).collect()
    }

    /// The passages of all records it holds.
    pub(crate) fn passages(&self) -> BTreeSet<String> {
        let all = self.records.values().chain(&self.beside);
        all.filter_map(|record| Some(record["passage"].as_str()?.to_owned()))
            .collect()
    }

    /// The last record up to which none is missing.
    pub(crate) fn through(&self) -> Option<u64> {
        let genesis = self.genesis.as_ref()?;
        let held = |seq: &u64| self.records.contains_key(&(genesis.clone(), *seq));
        (0..).take_while(held).last()
    }

    /// Hears messages, and answers them, until `find` finds something.
    #[track_caller]
    pub(crate) fn until<T>(
        &mut self,
        broker: &Mosquitto,
        what: &str,
        find: impl Fn(&Self) -> Option<T>,
    ) -> T {
        loop {
            if let Some(found) = find(self) {
                return found;
            }
            let seen = self.seen;
            let next = |lines: &[String]| {
                lines
                    .get(seen..)
                    .filter(|l| !l.is_empty())
                    .map(<[_]>::to_vec)
            };
            let heard = self.lines.until(what, next);
            self.seen += heard.len();
            self.hear(broker, &heard);
        }
    }

    fn hear(&mut self, broker: &Mosquitto, heard: &[String]) {
        let mut came = false;
        for line in heard {
            let (topic, message) = line.split_once(' ').unwrap();
            let message: Value = serde_json::from_slice(&bytes(message)).unwrap();
            match topic.strip_prefix("lanegate/dev/").unwrap() {
                "hello" => {
                    let genesis = message["genesis"].as_str().unwrap();
                    let held = self.genesis.get_or_insert_with(|| genesis.to_owned());
                    let is_same = held == genesis;
                    self.differs = !is_same || self.through() > message["seq"].as_u64();
                    self.greet(broker);
                }
                "records" => {
                    came = true;
                    self.record(message);
                }
                other => self.others.push((other.to_owned(), message)),
            }
        }
        // One it holds already is answered too: it may have been waited for.
        if came {
            let ack = json!({"through": self.through(), "refused": []});
            broker.publish("lanegate/dev/records/ack", &ack.to_string());
        }
    }

    fn record(&mut self, record: Value) {
        let seq = record["seq"].as_u64().unwrap();
        let genesis = record["genesis"].as_str().unwrap().to_owned();
        // The new journal's first record: from here on it is the one held.
        self.genesis = Some(genesis.clone());
        let id = (genesis, seq);
        match self.records.get(&id) {
            Some(first) if *first == record => self.twice += 1,
            Some(_) => {
                assert!(self.differs, "one id, two records: {record}");
                self.beside.push(record);
            }
            None => {
                self.arrived.push(seq);
                self.records.insert(id, record);
            }
        }
    }

    /// The last record of a kind about a passage or, without one, at all.
    pub(crate) fn last(&self, kind: &str) -> Option<&Value> {
        self.records
            .values()
            .rev()
            .find(|record| record["kind"] == kind)
    }

    pub(crate) fn on_topic(&self, topic: &str) -> Vec<&Value> {
        self.others
            .iter()
            .filter(|(name, _)| name == topic)
            .map(|(_, m)| m)
            .collect()
    }
}

pub(crate) fn is_release(record: &Value) -> bool {
    record["body"]["verdict"]["verdict"] == "release"
}

pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().map(|c| c.to_digit(16).unwrap()).collect();
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}
