//! Which topics the broker has granted: asked on every connection, each
//! filter of each answer checked by its position, refused ones asked again
//! later. Sans-IO.

use std::collections::{BTreeSet, VecDeque};

use lanegate_core::time::{Micros, Mono};

/// Topics in one packet, so that it stays small.
const CHUNK: usize = 64;
/// The broker answers within this, or the connection is no good.
const ANSWER_MAX: Micros = Micros::from_s(10);
/// A refused topic is asked for again after this.
const RETRY: Micros = Micros::from_s(30);

#[derive(Debug)]
pub(super) struct Subscriptions {
    topics: BTreeSet<String>,
    to_ask: VecDeque<String>,
    asked: Option<(Vec<String>, Mono)>,
    refused: BTreeSet<String>,
    retry_at: Option<Mono>,
}

/// What an answer changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Answered {
    pub(super) granted: Vec<String>,
    pub(super) refused: Vec<String>,
}

impl Subscriptions {
    pub(super) fn new(topics: BTreeSet<String>) -> Self {
        Self {
            topics,
            to_ask: VecDeque::new(),
            asked: None,
            refused: BTreeSet::new(),
            retry_at: None,
        }
    }

    /// A new connection: everything is asked for, whatever the session says
    /// it still has.
    pub(super) fn connected(&mut self) {
        self.to_ask = self.topics.iter().cloned().collect();
        self.asked = None;
        self.retry_at = None;
    }

    /// The topics to ask for now, one question at a time.
    pub(super) fn next(&mut self, now: Mono) -> Option<Vec<String>> {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            self.to_ask.extend(self.refused.iter().cloned());
        }
        if self.asked.is_some() || self.to_ask.is_empty() {
            return None;
        }
        let chunk = self.to_ask.len().min(CHUNK);
        Some(self.to_ask.iter().take(chunk).cloned().collect())
    }

    /// The question of [`Subscriptions::next`] was sent.
    pub(super) fn asked(&mut self, topics: Vec<String>, now: Mono) {
        self.to_ask.drain(..topics.len().min(self.to_ask.len()));
        self.asked = Some((topics, now));
    }

    /// The answer: one verdict a topic, in the order asked. A missing one is
    /// a refusal.
    pub(super) fn answered(&mut self, granted: &[bool], now: Mono) -> Answered {
        let Some((topics, _)) = self.asked.take() else {
            return Answered::default();
        };
        let mut answered = Answered::default();
        for (i, topic) in topics.into_iter().enumerate() {
            if granted.get(i).copied().unwrap_or(false) {
                self.refused.remove(&topic);
                answered.granted.push(topic);
            } else {
                self.refused.insert(topic.clone());
                answered.refused.push(topic);
            }
        }
        if !self.refused.is_empty() {
            self.retry_at = Some(now + RETRY);
        }
        answered
    }

    /// The broker owes an answer since too long.
    pub(super) fn overdue(&self, now: Mono) -> bool {
        let asked_at = self.asked.as_ref().map(|(_, at)| *at);
        asked_at.is_some_and(|at| now.since(at) >= ANSWER_MAX)
    }

    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Mono> {
        let answer = self.asked.as_ref().map(|(_, at)| *at + ANSWER_MAX);
        answer.into_iter().chain(self.retry_at).min()
    }

    /// Topics refused so far and not granted since.
    pub(super) const fn refused(&self) -> &BTreeSet<String> {
        &self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(n: usize) -> BTreeSet<String> {
        (0..n).map(|i| format!("device/{i:03}")).collect()
    }

    /// Case c25: the second of two filters is refused.
    #[test]
    fn each_filter_of_an_answer_counts_by_its_position() {
        let mut subs = Subscriptions::new(topics(2));
        subs.connected();
        let asked = subs.next(Mono(0)).unwrap();
        assert_eq!(asked, ["device/000", "device/001"]);
        subs.asked(asked, Mono(0));
        assert_eq!(subs.next(Mono(0)), None, "one question at a time");
        let answered = subs.answered(&[true, false], Mono(5));
        assert_eq!(answered.granted, ["device/000"]);
        assert_eq!(answered.refused, ["device/001"]);
        assert_eq!(subs.next(Mono(5)), None, "not before the retry is due");
        let again = subs.next(Mono(5) + RETRY).unwrap();
        assert_eq!(again, ["device/001"]);
        subs.asked(again, Mono(5) + RETRY);
        assert_eq!(
            subs.answered(&[true], Mono(6) + RETRY).granted,
            ["device/001"]
        );
        assert!(subs.refused().is_empty());
    }

    #[test]
    fn an_answer_that_is_too_short_refuses_the_rest() {
        let mut subs = Subscriptions::new(topics(3));
        subs.connected();
        let asked = subs.next(Mono(0)).unwrap();
        subs.asked(asked, Mono(0));
        let answered = subs.answered(&[true], Mono(1));
        assert_eq!(answered.refused, ["device/001", "device/002"]);
    }

    #[test]
    fn many_topics_are_asked_for_in_several_packets_and_none_is_left_out() {
        let mut subs = Subscriptions::new(topics(150));
        subs.connected();
        let mut granted = 0;
        while let Some(asked) = subs.next(Mono(0)) {
            assert!(asked.len() <= CHUNK);
            let n = asked.len();
            subs.asked(asked, Mono(0));
            granted += subs.answered(&vec![true; n], Mono(0)).granted.len();
        }
        assert_eq!(granted, 150);
    }

    #[test]
    fn a_broker_that_does_not_answer_is_noticed() {
        let mut subs = Subscriptions::new(topics(1));
        subs.connected();
        let asked = subs.next(Mono(0)).unwrap();
        subs.asked(asked, Mono(0));
        assert_eq!(subs.deadline(), Some(Mono(0) + ANSWER_MAX));
        assert!(!subs.overdue(Mono(ANSWER_MAX.0 - 1)));
        assert!(subs.overdue(Mono(ANSWER_MAX.0)));
    }
}
