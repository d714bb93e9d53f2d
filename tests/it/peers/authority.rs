//! The authority's side of the topics, with mosquitto's own clients: it says
//! what it holds, takes records and acknowledges them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::programs::{Lines, Mosquitto, Owned};

pub(crate) struct Authority {
    process: Owned,
    lines: Lines,
    /// Lines looked at.
    seen: usize,
    genesis: Option<String>,
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
        let before = self.through();
        for line in heard {
            let (topic, message) = line.split_once(' ').unwrap();
            let message: Value = serde_json::from_slice(&bytes(message)).unwrap();
            match topic.strip_prefix("lanegate/dev/").unwrap() {
                "hello" => {
                    let genesis = message["genesis"].as_str().unwrap().to_owned();
                    self.genesis = Some(genesis);
                    self.greet(broker);
                }
                "records" => self.record(message),
                other => self.others.push((other.to_owned(), message)),
            }
        }
        if self.through() != before {
            let ack = json!({"through": self.through(), "refused": []});
            broker.publish("lanegate/dev/records/ack", &ack.to_string());
        }
    }

    fn record(&mut self, record: Value) {
        let seq = record["seq"].as_u64().unwrap();
        let id = (record["genesis"].as_str().unwrap().to_owned(), seq);
        match self.records.get(&id) {
            Some(first) => {
                assert_eq!(*first, record, "one id, two records");
                self.twice += 1;
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

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().map(|c| c.to_digit(16).unwrap()).collect();
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}
