//! The controller's records as they arrive: dense, chained by SHA-256, each
//! kept once however often it is sent.
//!
//! A record's stable id is controller + genesis + seq. `prev` is the SHA-256
//! of the canonical JSON of the record before, 64 zeros in the first (seq 0).

use std::collections::BTreeMap;

use serde_json::Value;

use super::canonical;

/// The journals of one controller; a replaced disk begins another.
#[derive(Debug, Default)]
pub(super) struct Journal {
    records: Vec<Value>,
    chains: BTreeMap<String, Chain>,
    current: Option<String>,
    lost_tails: u64,
}

/// What is held of one journal.
#[derive(Debug, Default)]
struct Chain {
    /// SHA-256 of the record at each seq.
    digests: Vec<[u8; 32]>,
    /// The controller once knew less than is held: until it was told, it wrote
    /// records under numbers that are held with other content. They happened,
    /// and are kept beside.
    strays: BTreeMap<u64, Vec<[u8; 32]>>,
    was_behind: bool,
}

/// What to answer to a hello.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hello {
    /// It is the journal held, or the first one; null = nothing held of it.
    Known { through: Option<u64> },
    /// What is held is another journal, or reaches further than the
    /// controller's own.
    Reconcile { genesis: String, through: u64 },
}

/// What became of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Kept, at this index of all records.
    New(usize),
    /// Kept, but there is something wrong with it.
    NewButWrong(usize, &'static str),
    /// Kept, at this index of all records, beside another of its number.
    Beside(usize),
    /// Held already, with the same content.
    Again,
    /// Not kept, and not wanted again.
    Refused(&'static str),
    /// Not kept: one before it is missing.
    Gap(String),
    /// Not kept: it belongs to no journal that could be acknowledged.
    Stranger(&'static str),
}

impl Journal {
    /// The controller connects with the journal `genesis` that ends at `seq`.
    pub(super) fn hello(&mut self, genesis: &str, seq: u64) -> Hello {
        let before = self.current.replace(genesis.to_owned());
        if let Some(through) = self.chains.get(genesis).and_then(Chain::through) {
            if through <= seq {
                return Hello::Known {
                    through: Some(through),
                };
            }
            self.lost_tails += 1;
            if let Some(chain) = self.chains.get_mut(genesis) {
                chain.was_behind = true;
            }
            let genesis = genesis.to_owned();
            return Hello::Reconcile { genesis, through };
        }
        let held = before.and_then(|genesis| {
            let through = self.chains.get(&genesis)?.through()?;
            Some((genesis, through))
        });
        // A journal that said hello and sent nothing does not hide the one
        // before it: the latest one with records is what is held.
        let held = held.or_else(|| self.latest_with_records());
        match held {
            Some((genesis, through)) => Hello::Reconcile { genesis, through },
            None => Hello::Known { through: None },
        }
    }

    /// Checks and keeps a record that came as `payload`, which is canonical or
    /// will not fit the next one.
    pub(super) fn keep(&mut self, record: Value, payload: &[u8]) -> Kept {
        let (Some(genesis), Some(seq)) = (record["genesis"].as_str(), record["seq"].as_u64())
        else {
            return Kept::Stranger("genesis or seq is missing");
        };
        // Who never said hello is taken at its first record's word.
        if self.current.get_or_insert_with(|| genesis.to_owned()) != genesis {
            return Kept::Stranger("not of the journal that said hello");
        }
        let digest = canonical::digest(payload);
        let chain = self.chains.entry(genesis.to_owned()).or_default();
        let index = usize::try_from(seq).unwrap_or(usize::MAX);
        if let Some(held) = chain.digests.get(index) {
            if *held == digest {
                return Kept::Again;
            }
            if !chain.was_behind {
                return Kept::Refused("other content under a held seq");
            }
            let strays = chain.strays.entry(seq).or_default();
            if strays.contains(&digest) {
                return Kept::Again;
            }
            strays.push(digest);
            self.records.push(record);
            return Kept::Beside(self.records.len() - 1);
        }
        if index > chain.digests.len() {
            return Kept::Gap(format!("gap: {} is missing", chain.digests.len()));
        }
        let expected = match index.checked_sub(1) {
            Some(before) => canonical::hex(&chain.digests[before]),
            None => "0".repeat(64),
        };
        let follows = record["prev"] == expected.as_str() || chain.resumes(&record, genesis);
        let head_is_false = record["kind"] == "checkpoint" && !chain.knows(&record["body"]);
        chain.digests.push(digest);
        let wrong = if !follows {
            Some("prev is not the hash of the record before")
        } else if head_is_false {
            Some("a checkpoint of another head than is held")
        } else if !shape_is_right(&record) {
            Some("kind, at or body is missing")
        } else {
            None
        };
        self.records.push(record);
        let place = self.records.len() - 1;
        wrong.map_or(Kept::New(place), |why| Kept::NewButWrong(place, why))
    }

    /// Up to where the present journal is held without a hole.
    pub(super) fn through(&self) -> Option<u64> {
        let current = self.current.as_ref()?;
        self.chains.get(current)?.through()
    }

    pub(super) fn records(&self) -> &[Value] {
        &self.records
    }

    pub(super) fn lost_tails(&self) -> u64 {
        self.lost_tails
    }

    fn latest_with_records(&self) -> Option<(String, u64)> {
        let genesis = self.records.last()?["genesis"].as_str()?;
        Some((genesis.to_owned(), self.chains.get(genesis)?.through()?))
    }
}

impl Chain {
    /// Whether `record` goes on behind what the controller had lost: it says
    /// through where that is held, and follows one of the controller's own.
    fn resumes(&self, record: &Value, genesis: &str) -> bool {
        let (body, seq) = (&record["body"], record["seq"].as_u64());
        let resumes = record["kind"] == "reconciled"
            && body["genesis"] == genesis
            && body["through"].as_u64().map(|t| t + 1) == seq;
        let own = self.digests.iter().chain(self.strays.values().flatten());
        resumes && own.into_iter().any(|d| record["prev"] == canonical::hex(d))
    }

    /// Whether a checkpoint names a record as it is held.
    fn knows(&self, body: &Value) -> bool {
        let Some(seq) = body["seq"].as_u64() else {
            return false;
        };
        let held = usize::try_from(seq).ok().and_then(|i| self.digests.get(i));
        let beside = self.strays.get(&seq).into_iter().flatten();
        held.into_iter()
            .chain(beside)
            .any(|d| body["sha256"] == canonical::hex(d))
    }

    fn through(&self) -> Option<u64> {
        let last = self.digests.len().checked_sub(1)?;
        u64::try_from(last).ok()
    }
}

fn shape_is_right(record: &Value) -> bool {
    record["kind"].is_string() && record["at"].is_string() && record["body"].is_object()
}
