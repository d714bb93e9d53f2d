//! The chain: a draft gets its place, a record is read back.

use super::{Body, Draft, Record, canonical, sha256_hex};
use crate::model::{ControllerId, Fault, parse_json};

/// `prev` of the first record.
pub const NO_PREV: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A draft with its body already written out, so that the one thread that
/// appends does not do it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prepared {
    draft: Draft,
    body: String,
}

impl Prepared {
    /// The draft.
    #[must_use]
    pub const fn draft(&self) -> &Draft {
        &self.draft
    }

    /// Bytes of its body; the rest of a record is less than 2 KiB.
    #[must_use]
    pub const fn body_len(&self) -> usize {
        self.body.len()
    }

    /// The draft alone.
    #[must_use]
    pub fn into_draft(self) -> Draft {
        self.draft
    }

    /// Every draft of `drafts`.
    #[must_use]
    pub fn all(drafts: Vec<Draft>) -> Vec<Self> {
        drafts.into_iter().map(Self::from).collect()
    }
}

impl From<Draft> for Prepared {
    fn from(draft: Draft) -> Self {
        let body = draft.body.canonical();
        Self { draft, body }
    }
}

/// Where the next record goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// Which controller.
    pub controller: ControllerId,
    /// Which journal.
    pub genesis: String,
    /// The next record's sequence.
    pub seq: u64,
    /// SHA-256 of the record before it.
    pub prev: String,
}

impl Link {
    /// The link before the genesis record `genesis`.
    #[must_use]
    pub fn before(controller: ControllerId, genesis: &Prepared) -> Self {
        Self {
            controller,
            genesis: sha256_hex(genesis.body.as_bytes()),
            seq: 0,
            prev: NO_PREV.to_owned(),
        }
    }

    /// The canonical JSON of `prepared` in this place; the link moves on.
    #[must_use]
    pub fn write(&mut self, prepared: &Prepared) -> String {
        let Prepared { draft, body } = prepared;
        // Keys in the order of their code points, as `canonical` would.
        let text = format!(
            "{{\"at\":{},\"body\":{},\"controller\":{},\"genesis\":{},\"kind\":{},\"lane\":{},\"passage\":{},\"prev\":{},\"seq\":{}}}",
            canonical(&draft.at),
            body,
            canonical(&self.controller),
            canonical(&self.genesis),
            canonical(&draft.body.kind()),
            canonical(&draft.lane),
            canonical(&draft.passage),
            canonical(&self.prev),
            self.seq,
        );
        self.seq += 1;
        self.prev = sha256_hex(text.as_bytes());
        text
    }

    /// The link behind `record`, whose canonical JSON is `text`.
    #[must_use]
    pub fn behind(record: &Record, text: &str) -> Self {
        Self {
            controller: record.controller.clone(),
            genesis: record.genesis.clone(),
            seq: record.seq.saturating_add(1),
            prev: sha256_hex(text.as_bytes()),
        }
    }
}

impl Record {
    /// Reads one record's JSON.
    ///
    /// # Errors
    /// What does not fit, by path.
    pub fn read(text: &str) -> Result<Self, Fault> {
        parse_json(text)
    }

    /// The draft it was made of.
    ///
    /// # Errors
    /// The body does not fit the kind.
    pub fn draft(&self) -> Result<Draft, Fault> {
        Ok(Draft {
            at: self.at,
            lane: self.lane.clone(),
            passage: self.passage.clone(),
            body: Body::read(self.kind, &self.body)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{LaneId, Outcome, PassageId, PortCode};
    use crate::record::{GenesisBody, OutcomeBody};
    use crate::time::Wall;

    fn controller() -> ControllerId {
        ControllerId::parse("SZB-X").unwrap()
    }

    fn genesis() -> Prepared {
        let body = GenesisBody {
            controller: controller(),
            port: PortCode::parse("5345").unwrap(),
            created: Wall::parse("2026-11-24T00:00:00+08:00").unwrap(),
            nonce: "00".into(),
            v: 1,
        };
        Prepared::from(Draft {
            at: body.created,
            lane: None,
            passage: None,
            body: body.into(),
        })
    }

    #[test]
    fn a_record_written_by_hand_is_the_canonical_one_and_reads_back() {
        let first = genesis();
        let mut link = Link::before(controller(), &first);
        let text = link.write(&first);
        let record = Record::read(&text).unwrap();
        assert_eq!(canonical(&record), text);
        assert_eq!(record.prev, NO_PREV);
        assert_eq!(
            record.genesis,
            sha256_hex(canonical(&record.body).as_bytes())
        );
        assert_eq!(record.draft().unwrap(), *first.draft());
        assert_eq!(Link::behind(&record, &text), link);

        let lane = LaneId::parse("SZB-X-01").unwrap();
        let second = Prepared::from(Draft {
            at: Wall(1),
            passage: Some(PassageId::of(&lane, 1, 1)),
            lane: Some(lane),
            body: OutcomeBody {
                how: Outcome::Passed,
            }
            .into(),
        });
        let next = link.write(&second);
        let record = Record::read(&next).unwrap();
        assert_eq!(
            (record.seq, record.prev.as_str()),
            (1, sha256_hex(text.as_bytes()).as_str())
        );
        assert_eq!(canonical(&record), next);
    }
}
