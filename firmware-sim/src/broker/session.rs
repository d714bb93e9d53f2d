//! One client's session: what it wants, what waits for it, what it has not
//! acknowledged yet.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use rumqttc::{Publish, QoS};

use super::filter;

/// Messages waiting for a client.
const QUEUE_MAX: usize = 16_384;
/// Their bytes.
const QUEUE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Filters of one client: a controller of 32 lanes with cameras of eight topics
/// has half of them.
const FILTERS_MAX: usize = 512;
/// Messages sent and not acknowledged.
const WINDOW: usize = 64;

/// A message on its way to one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) qos: QoS,
    pub(super) retain: bool,
}

#[derive(Debug, Default)]
pub(super) struct Session {
    filters: BTreeMap<String, QoS>,
    queue: VecDeque<Delivery>,
    queue_bytes: usize,
    /// Sent and not acknowledged, in the order of sending.
    unacknowledged: VecDeque<(u16, Delivery)>,
    /// How many of these are yet to be sent again on this connection.
    to_resend: usize,
    last_pkid: u16,
}

impl Session {
    /// Takes a subscription; says the QoS granted, none = refused.
    pub(super) fn subscribe(&mut self, wanted: &str, qos: QoS) -> Option<QoS> {
        let known = self.filters.contains_key(wanted);
        if !filter::is_filter(wanted) || (!known && self.filters.len() == FILTERS_MAX) {
            return None;
        }
        let granted = if qos == QoS::AtMostOnce {
            qos
        } else {
            QoS::AtLeastOnce
        };
        self.filters.insert(wanted.to_owned(), granted);
        Some(granted)
    }

    pub(super) fn unsubscribe(&mut self, filter: &str) {
        self.filters.remove(filter);
    }

    /// The best QoS at which this client wants `topic`; it gets a message
    /// once, however many of its filters match.
    pub(super) fn wants(&self, topic: &str) -> Option<QoS> {
        let matching = self
            .filters
            .iter()
            .filter(|(f, _)| filter::matches(f, topic));
        matching.map(|(_, qos)| *qos).max_by_key(|qos| *qos as u8)
    }

    /// Appends a message; false = the queue is full.
    pub(super) fn push(&mut self, delivery: Delivery) -> bool {
        let size = delivery.payload.len() + delivery.topic.len();
        if self.queue.len() == QUEUE_MAX || self.queue_bytes + size > QUEUE_BYTES_MAX {
            return false;
        }
        self.queue_bytes += size;
        self.queue.push_back(delivery);
        true
    }

    /// A new connection: what was not acknowledged goes out again, first.
    pub(super) fn resume(&mut self) {
        self.to_resend = self.unacknowledged.len();
    }

    /// The next message to send, if the window allows one, and whether it
    /// goes out again.
    pub(super) fn next(&mut self) -> Option<(Publish, bool)> {
        if self.to_resend > 0 {
            let at = self.unacknowledged.len() - self.to_resend;
            self.to_resend -= 1;
            let (pkid, delivery) = &self.unacknowledged[at];
            return Some((publish(delivery, *pkid, true), true));
        }
        let acknowledged = self.queue.front()?.qos != QoS::AtMostOnce;
        if acknowledged && self.unacknowledged.len() >= WINDOW {
            return None;
        }
        let delivery = self.queue.pop_front()?;
        self.queue_bytes -= delivery.payload.len() + delivery.topic.len();
        if !acknowledged {
            return Some((publish(&delivery, 0, false), false));
        }
        let pkid = self.free_pkid();
        let packet = publish(&delivery, pkid, false);
        self.unacknowledged.push_back((pkid, delivery));
        Some((packet, false))
    }

    /// The client has `pkid`; false = nothing was sent under it.
    pub(super) fn acknowledge(&mut self, pkid: u16) -> bool {
        let Some(at) = self.unacknowledged.iter().position(|(p, _)| *p == pkid) else {
            return false;
        };
        // One that was yet to be sent again need not be any more.
        if at >= self.unacknowledged.len() - self.to_resend {
            self.to_resend -= 1;
        }
        self.unacknowledged.remove(at);
        true
    }

    /// A packet id that no unacknowledged message bears; the window is far
    /// smaller than their number.
    fn free_pkid(&mut self) -> u16 {
        loop {
            self.last_pkid = self.last_pkid.checked_add(1).unwrap_or(1);
            if !self
                .unacknowledged
                .iter()
                .any(|(p, _)| *p == self.last_pkid)
            {
                return self.last_pkid;
            }
        }
    }
}

fn publish(delivery: &Delivery, pkid: u16, dup: bool) -> Publish {
    Publish {
        dup,
        qos: delivery.qos,
        retain: delivery.retain,
        topic: delivery.topic.clone(),
        pkid,
        payload: delivery.payload.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(n: usize, qos: QoS) -> Delivery {
        let payload = Bytes::from(n.to_string());
        Delivery {
            topic: "a".to_owned(),
            payload,
            qos,
            retain: false,
        }
    }

    #[test]
    fn the_window_holds_back_what_the_client_has_not_acknowledged() {
        let mut s = Session::default();
        for n in 0..=WINDOW {
            assert!(s.push(delivery(n, QoS::AtLeastOnce)));
        }
        let sent: Vec<u16> = std::iter::from_fn(|| s.next())
            .map(|(p, _)| p.pkid)
            .collect();
        assert_eq!(sent.len(), WINDOW);
        assert!(!s.acknowledge(9999));
        assert!(s.acknowledge(sent[0]));
        let (next, again) = s.next().unwrap();
        assert_eq!(
            (next.payload, again),
            (Bytes::from(WINDOW.to_string()), false)
        );
        assert!(s.next().is_none());
    }

    #[test]
    fn a_resumed_session_sends_the_unacknowledged_again_first_and_as_duplicates() {
        let mut s = Session::default();
        for n in 0..4 {
            s.push(delivery(n, QoS::AtLeastOnce));
        }
        let pkids: Vec<u16> = (0..3)
            .filter_map(|_| s.next())
            .map(|(p, _)| p.pkid)
            .collect();
        s.acknowledge(pkids[1]);
        s.resume();
        // Acknowledged late, before it went out again.
        s.acknowledge(pkids[2]);
        let sent: Vec<(u16, bool, Bytes)> = std::iter::from_fn(|| s.next())
            .map(|(p, _)| (p.pkid, p.dup, p.payload))
            .collect();
        assert_eq!(sent[0], (pkids[0], true, Bytes::from("0")));
        assert_eq!((sent[1].1, sent[1].2.as_ref()), (false, &b"3"[..]));
        assert_eq!(sent.len(), 2);
    }

    #[test]
    fn a_full_queue_and_one_filter_too_many_are_refused() {
        let mut s = Session::default();
        for n in 0..QUEUE_MAX {
            assert!(s.push(delivery(n, QoS::AtMostOnce)));
        }
        assert!(!s.push(delivery(0, QoS::AtMostOnce)));
        for n in 0..FILTERS_MAX {
            assert!(s.subscribe(&format!("f/{n}"), QoS::AtMostOnce).is_some());
        }
        assert_eq!(s.subscribe("one/more", QoS::AtMostOnce), None);
        assert_eq!(s.subscribe("f/3", QoS::ExactlyOnce), Some(QoS::AtLeastOnce));
        assert_eq!(s.subscribe("a#", QoS::AtMostOnce), None);
    }

    #[test]
    fn packet_ids_never_repeat_while_in_use_and_are_never_zero() {
        let mut s = Session {
            last_pkid: u16::MAX - 1,
            ..Session::default()
        };
        s.unacknowledged
            .push_back((1, delivery(0, QoS::AtLeastOnce)));
        let ids = [s.free_pkid(), s.free_pkid()];
        assert_eq!(ids, [u16::MAX, 2]);
    }
}
