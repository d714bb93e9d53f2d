//! What is to be published, in order, until the broker has it. Kept outside
//! of the client, which loses its queue with its session; sans-IO.
//!
//! ```text
//! push --> waiting --(window has room)--> handed --(packet id known)--> flying --PUBACK--> done
//!             ^                              |                            |
//!             +------------- connection lost, in the order pushed --------+
//! ```

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use lanegate_core::time::Mono;

use super::Publication;

/// How much the outbox holds (L9).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutboxLimits {
    /// Messages.
    pub len_max: usize,
    /// Their payloads together, in bytes.
    pub bytes_max: usize,
    /// Messages handed to the client and not yet acknowledged.
    pub window: usize,
}

/// One message on its way out.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Item {
    serial: u64,
    publication: Publication,
    handed_at: Mono,
}

/// The outbox.
#[derive(Debug)]
pub(super) struct Outbox {
    limits: OutboxLimits,
    waiting: VecDeque<Item>,
    handed: VecDeque<Item>,
    flying: BTreeMap<u16, Item>,
    bytes: usize,
    pushed: u64,
}

/// There is no room; try again when something was acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the outbox is full; messages are published as fast as the broker takes them")]
pub struct OutboxFull;

impl Outbox {
    pub(super) const fn new(limits: OutboxLimits) -> Self {
        Self {
            limits,
            waiting: VecDeque::new(),
            handed: VecDeque::new(),
            flying: BTreeMap::new(),
            bytes: 0,
            pushed: 0,
        }
    }

    /// Takes a message. A retained one replaces an unsent one for the same
    /// topic: only the last counts.
    pub(super) fn push(&mut self, publication: Publication) -> Result<Option<u64>, OutboxFull> {
        if publication.retain {
            let same =
                |i: &&mut Item| i.publication.retain && i.publication.topic == publication.topic;
            if let Some(old) = self.waiting.iter_mut().find(same) {
                self.bytes = self.bytes - old.publication.payload.len() + publication.payload.len();
                let replaced = std::mem::replace(&mut old.publication, publication);
                return Ok(replaced.token);
            }
        }
        let bytes = self.bytes + publication.payload.len();
        if self.len() >= self.limits.len_max || bytes > self.limits.bytes_max {
            return Err(OutboxFull);
        }
        self.bytes = bytes;
        self.pushed += 1;
        self.waiting.push_back(Item {
            serial: self.pushed,
            publication,
            handed_at: Mono(0),
        });
        Ok(None)
    }

    /// Drops what has expired unsent; returns their tokens.
    pub(super) fn expire(&mut self, now: Mono) -> Vec<u64> {
        let expired = |i: &Item| i.publication.expires.is_some_and(|at| at <= now);
        let tokens = self.waiting.iter().filter(|i| expired(i));
        let tokens = tokens.filter_map(|i| i.publication.token).collect();
        self.waiting.retain(|i| !expired(i));
        self.count_bytes();
        tokens
    }

    /// The next message to hand to the client, if the window has room.
    pub(super) fn next(&self) -> Option<&Publication> {
        let room = self.handed.len() + self.flying.len() < self.limits.window;
        self.waiting
            .front()
            .filter(|_| room)
            .map(|i| &i.publication)
    }

    /// Messages the client was handed and has not put on the wire.
    pub(super) fn handed_len(&self) -> usize {
        self.handed.len()
    }

    /// The client took [`Outbox::next`].
    pub(super) fn handed(&mut self, now: Mono) {
        if let Some(item) = self.waiting.pop_front() {
            self.handed.push_back(Item {
                handed_at: now,
                ..item
            });
        }
    }

    /// The client put the oldest handed message on the wire as `packet`
    /// (0 = nobody will acknowledge it); a token that is done with it.
    pub(super) fn on_wire(&mut self, packet: u16) -> Option<u64> {
        let item = self.handed.pop_front()?;
        if packet == 0 {
            return self.done(&item);
        }
        // A packet id in use twice: the first will never be acknowledged apart.
        let before = self.flying.insert(packet, item)?;
        self.done(&before)
    }

    /// The broker has `packet`; the token that is done with it.
    pub(super) fn acknowledged(&mut self, packet: u16) -> Option<u64> {
        let item = self.flying.remove(&packet)?;
        self.done(&item)
    }

    /// The connection is gone: what is not acknowledged waits again, in the
    /// order it was pushed.
    pub(super) fn lost(&mut self) {
        let mut again: Vec<Item> = std::mem::take(&mut self.flying).into_values().collect();
        again.extend(self.handed.drain(..));
        again.sort_by_key(|i| i.serial);
        for item in again.into_iter().rev() {
            self.waiting.push_front(item);
        }
    }

    /// When the oldest message not yet acknowledged was handed to the client.
    pub(super) fn handed_since(&self) -> Option<Mono> {
        let flying = self.flying.values().map(|i| i.handed_at).min();
        let handed = self.handed.front().map(|i| i.handed_at);
        flying.into_iter().chain(handed).min()
    }

    /// Messages of every stage.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.handed.len() + self.flying.len()
    }

    /// Whether a message of `len` bytes fits.
    pub(super) fn has_room(&self, len: usize) -> bool {
        self.len() < self.limits.len_max && self.bytes.saturating_add(len) <= self.limits.bytes_max
    }

    fn done(&mut self, item: &Item) -> Option<u64> {
        self.bytes -= item.publication.payload.len();
        item.publication.token
    }

    fn count_bytes(&mut self) {
        let len = |p: &Bytes| p.len();
        let all = self.waiting.iter().chain(&self.handed);
        let all = all.chain(self.flying.values());
        self.bytes = all.map(|i| len(&i.publication.payload)).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::Quality;

    const LIMITS: OutboxLimits = OutboxLimits {
        len_max: 5,
        bytes_max: 100,
        window: 3,
    };

    fn message(token: u64) -> Publication {
        Publication {
            topic: "t".to_owned(),
            payload: Bytes::from(vec![0; 10]),
            retain: false,
            quality: Quality::AtLeastOnce,
            token: Some(token),
            expires: None,
        }
    }

    /// Hands out whatever the window allows and returns the tokens.
    fn hand(outbox: &mut Outbox, now: Mono) -> Vec<u64> {
        let mut tokens = Vec::new();
        while let Some(token) = outbox.next().map(|p| p.token.unwrap()) {
            outbox.handed(now);
            tokens.push(token);
        }
        tokens
    }

    #[test]
    fn after_a_lost_connection_everything_unacknowledged_goes_again_in_order() {
        let mut outbox = Outbox::new(LIMITS);
        for token in 1..=5 {
            outbox.push(message(token)).unwrap();
        }
        assert_eq!(hand(&mut outbox, Mono(1)), [1, 2, 3]);
        for packet in [11, 12, 13] {
            assert_eq!(outbox.on_wire(packet), None);
        }
        assert_eq!(outbox.acknowledged(12), Some(2));
        assert_eq!(hand(&mut outbox, Mono(2)), [4]);
        outbox.lost();
        assert_eq!(hand(&mut outbox, Mono(3)), [1, 3, 4]);
        assert_eq!(outbox.acknowledged(13), None, "an id of the old connection");
    }

    #[test]
    fn a_full_outbox_refuses_and_has_room_again_after_an_acknowledgement() {
        let mut outbox = Outbox::new(LIMITS);
        for token in 1..=5 {
            outbox.push(message(token)).unwrap();
        }
        assert_eq!(outbox.push(message(6)), Err(OutboxFull));
        hand(&mut outbox, Mono(1));
        outbox.on_wire(1);
        outbox.acknowledged(1);
        assert_eq!(outbox.push(message(6)), Ok(None));
    }

    #[test]
    fn payloads_are_bounded_in_bytes_too() {
        let mut outbox = Outbox::new(LIMITS);
        let mut large = message(1);
        large.payload = Bytes::from(vec![0; 95]);
        outbox.push(large).unwrap();
        assert_eq!(outbox.push(message(2)), Err(OutboxFull));
    }

    #[test]
    fn a_retained_message_replaces_an_unsent_one_for_its_topic_alone() {
        let mut outbox = Outbox::new(LIMITS);
        let state = |token, topic: &str| Publication {
            retain: true,
            topic: topic.to_owned(),
            ..message(token)
        };
        outbox.push(state(1, "lane-1")).unwrap();
        outbox.push(state(2, "lane-2")).unwrap();
        assert_eq!(outbox.push(state(3, "lane-1")), Ok(Some(1)));
        assert_eq!(hand(&mut outbox, Mono(1)), [3, 2]);
    }

    #[test]
    fn what_expired_before_it_was_sent_is_never_sent() {
        let mut outbox = Outbox::new(LIMITS);
        let mut recapture = message(1);
        recapture.expires = Some(Mono(10));
        outbox.push(recapture).unwrap();
        outbox.push(message(2)).unwrap();
        assert!(outbox.expire(Mono(9)).is_empty());
        assert_eq!(outbox.expire(Mono(10)), [1]);
        assert_eq!(hand(&mut outbox, Mono(11)), [2]);
    }

    #[test]
    fn the_age_of_the_oldest_unacknowledged_message_is_known() {
        let mut outbox = Outbox::new(LIMITS);
        assert_eq!(outbox.handed_since(), None);
        outbox.push(message(1)).unwrap();
        outbox.push(message(2)).unwrap();
        hand(&mut outbox, Mono(5));
        outbox.on_wire(1);
        assert_eq!(outbox.handed_since(), Some(Mono(5)));
        outbox.acknowledged(1);
        assert_eq!(outbox.handed_since(), Some(Mono(5)));
        outbox.on_wire(0);
        assert_eq!(outbox.handed_since(), None);
    }
}
