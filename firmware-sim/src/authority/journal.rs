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
    /// The controller said it knows no further than this: what it writes
    /// beyond may differ from what is held.
    forks_after: Option<u64>,
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
                chain.forks_after = Some(seq);
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

    /// Checks and keeps a record.
    pub(super) fn keep(&mut self, record: Value) -> Kept {
        let (Some(genesis), Some(seq)) = (record["genesis"].as_str(), record["seq"].as_u64())
        else {
            return Kept::Stranger("genesis or seq is missing");
        };
        // Who never said hello is taken at its first record's word.
        if self.current.get_or_insert_with(|| genesis.to_owned()) != genesis {
            return Kept::Stranger("not of the journal that said hello");
        }
        let digest = canonical::sha256(&record);
        let chain = self.chains.entry(genesis.to_owned()).or_default();
        let index = usize::try_from(seq).unwrap_or(usize::MAX);
        if let Some(held) = chain.digests.get(index) {
            if *held == digest {
                return Kept::Again;
            }
            match chain.forks_after {
                Some(known) if seq > known => {
                    chain.digests.truncate(index);
                    chain.forks_after = None;
                }
                _ => return Kept::Refused("other content under a held seq"),
            }
        }
        if index > chain.digests.len() {
            return Kept::Gap(format!("gap: {} is missing", chain.digests.len()));
        }
        let expected = match index.checked_sub(1) {
            Some(before) => canonical::hex(&chain.digests[before]),
            None => "0".repeat(64),
        };
        chain.digests.push(digest);
        let wrong = if record["prev"] != expected.as_str() {
            Some("prev is not the hash of the record before")
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
    fn through(&self) -> Option<u64> {
        let last = self.digests.len().checked_sub(1)?;
        u64::try_from(last).ok()
    }
}

fn shape_is_right(record: &Value) -> bool {
    record["kind"].is_string() && record["at"].is_string() && record["body"].is_object()
}
