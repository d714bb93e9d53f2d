//! Sessions, retained messages and who gets what: the broker without sockets
//! and clocks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use rumqttc::{
    ConnAck, Connect, ConnectReturnCode, LastWill, Packet, PubAck, Publish, QoS, SubAck, Subscribe,
    SubscribeReasonCode, UnsubAck,
};

use super::Counters;
use super::filter;
use super::session::{Delivery, Session};

const CONNECTIONS_MAX: usize = 256;
const SESSIONS_MAX: usize = 1024;
const RETAINED_MAX: usize = 16_384;

pub(super) type ConnectionId = u64;

/// Why a connection is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// The client said goodbye; no will.
    Goodbye,
    /// It broke the protocol.
    Violation,
    /// CONNECT was refused; the refusal is sent first.
    Refused,
}

#[derive(Debug, Default)]
pub(super) struct Router {
    pub(super) counters: Counters,
    last_id: ConnectionId,
    connections: BTreeMap<ConnectionId, Connection>,
    /// By client id.
    sessions: BTreeMap<String, Session>,
    retained: BTreeMap<String, (Bytes, QoS)>,
    woken: BTreeSet<ConnectionId>,
}

#[derive(Debug, Default)]
struct Connection {
    /// Once connected.
    client: Option<Client>,
    /// Answers, which go out before messages.
    answers: VecDeque<Packet>,
    cut: bool,
}

#[derive(Debug)]
struct Client {
    id: String,
    clean: bool,
    will: Option<LastWill>,
}

impl Router {
    /// A new connection; none = there are too many.
    pub(super) fn accept(&mut self) -> Option<ConnectionId> {
        if self.connections.len() >= CONNECTIONS_MAX {
            self.counters.refused += 1;
            return None;
        }
        self.counters.connections += 1;
        self.last_id += 1;
        self.connections.insert(self.last_id, Connection::default());
        Some(self.last_id)
    }

    /// A packet arrived on `id`.
    pub(super) fn packet(&mut self, id: ConnectionId, packet: Packet) -> Result<(), Close> {
        let client = self.connections.get(&id).and_then(|c| c.client.as_ref());
        let client_id = client.map(|c| c.id.clone());
        let done = match (client_id, packet) {
            (None, Packet::Connect(connect)) => return self.connect(id, connect),
            (Some(client), packet) => self.connected(id, &client, packet),
            (None, _) => Err(Close::Violation),
        };
        if done == Err(Close::Violation) {
            self.counters.violations += 1;
        }
        done
    }

    /// The connection is gone; without a goodbye the will is published.
    pub(super) fn closed(&mut self, id: ConnectionId, goodbye: bool) {
        let client = self.connections.remove(&id).and_then(|c| c.client);
        let Some(client) = client else { return };
        if client.clean {
            self.sessions.remove(&client.id);
        }
        if let (false, Some(will)) = (goodbye, client.will) {
            self.counters.wills += 1;
            self.route(&will.topic, will.message, will.qos, will.retain);
        }
    }

    /// The next packet to send on `id`.
    pub(super) fn poll(&mut self, id: ConnectionId) -> Option<Packet> {
        let connection = self.connections.get_mut(&id)?;
        if let Some(answer) = connection.answers.pop_front() {
            return Some(answer);
        }
        let session = self.sessions.get_mut(&connection.client.as_ref()?.id)?;
        let (publish, again) = session.next()?;
        self.counters.delivered += 1;
        self.counters.redelivered += u64::from(again);
        Some(Packet::Publish(publish))
    }

    /// Whether `id` is to be closed by us.
    pub(super) fn is_cut(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_none_or(|c| c.cut)
    }

    /// Cuts every connection.
    pub(super) fn cut_connections(&mut self) {
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            self.cut(id);
        }
    }

    /// Cuts every connection and forgets every session.
    pub(super) fn kill_sessions(&mut self) {
        self.cut_connections();
        self.sessions.clear();
    }

    /// Connections that have something to do.
    pub(super) fn take_woken(&mut self) -> BTreeSet<ConnectionId> {
        std::mem::take(&mut self.woken)
    }

    fn connect(&mut self, id: ConnectionId, mut connect: Connect) -> Result<(), Close> {
        let will_is_right = |w: &LastWill| filter::is_topic(&w.topic) && w.qos != QoS::ExactlyOnce;
        if !connect.last_will.as_ref().is_none_or(will_is_right) {
            self.counters.violations += 1;
            return Err(Close::Violation);
        }
        if connect.client_id.is_empty() {
            if !connect.clean_session {
                return self.refuse(id, ConnectReturnCode::BadClientId);
            }
            connect.client_id = format!("\0{id}");
        }
        self.take_over(&connect.client_id);
        if connect.clean_session {
            self.sessions.remove(&connect.client_id);
        }
        let present = self.sessions.contains_key(&connect.client_id);
        if !present && self.sessions.len() >= SESSIONS_MAX {
            return self.refuse(id, ConnectReturnCode::ServiceUnavailable);
        }
        self.sessions
            .entry(connect.client_id.clone())
            .or_default()
            .resume();
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.client = Some(Client {
                id: connect.client_id,
                clean: connect.clean_session,
                will: connect.last_will,
            });
        }
        let ack = ConnAck::new(ConnectReturnCode::Success, present);
        self.answer(id, Packet::ConnAck(ack));
        Ok(())
    }

    fn refuse(&mut self, id: ConnectionId, code: ConnectReturnCode) -> Result<(), Close> {
        self.answer(id, Packet::ConnAck(ConnAck::new(code, false)));
        Err(Close::Refused)
    }

    /// A client id belongs to the connection that named it last (3.1.4).
    fn take_over(&mut self, client: &str) {
        let holds = |c: &Connection| c.client.as_ref().is_some_and(|c| c.id == client);
        let old = self.connections.iter().find(|(_, c)| holds(c));
        if let Some((&id, _)) = old {
            self.counters.takeovers += 1;
            self.cut(id);
        }
    }

    fn cut(&mut self, id: ConnectionId) {
        self.closed(id, false);
        let gone = Connection {
            cut: true,
            ..Connection::default()
        };
        self.connections.insert(id, gone);
        self.woken.insert(id);
    }

    fn connected(&mut self, id: ConnectionId, client: &str, packet: Packet) -> Result<(), Close> {
        match packet {
            Packet::Publish(publish) => self.published(id, publish)?,
            Packet::PubAck(ack) => {
                let session = self.sessions.get_mut(client);
                if !session.is_some_and(|s| s.acknowledge(ack.pkid)) {
                    self.counters.stray_acks += 1;
                }
                self.woken.insert(id);
            }
            Packet::Subscribe(subscribe) => self.subscribe(id, client, &subscribe),
            Packet::Unsubscribe(unsubscribe) => {
                if let Some(session) = self.sessions.get_mut(client) {
                    for topic in &unsubscribe.topics {
                        session.unsubscribe(topic);
                    }
                }
                self.answer(id, Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid)));
            }
            Packet::PingReq => self.answer(id, Packet::PingResp),
            Packet::Disconnect => return Err(Close::Goodbye),
            // QoS 2 is not offered, a second CONNECT is a breach (3.1.0), the
            // rest only a server may send.
            Packet::PubRec(_)
            | Packet::PubRel(_)
            | Packet::PubComp(_)
            | Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::SubAck(_)
            | Packet::UnsubAck(_)
            | Packet::PingResp => return Err(Close::Violation),
        }
        Ok(())
    }

    fn published(&mut self, id: ConnectionId, publish: Publish) -> Result<(), Close> {
        if publish.qos == QoS::ExactlyOnce || !filter::is_topic(&publish.topic) {
            return Err(Close::Violation);
        }
        self.counters.published += 1;
        if publish.qos == QoS::AtLeastOnce {
            self.answer(id, Packet::PubAck(PubAck::new(publish.pkid)));
        }
        self.route(&publish.topic, publish.payload, publish.qos, publish.retain);
        Ok(())
    }

    fn subscribe(&mut self, id: ConnectionId, client: &str, subscribe: &Subscribe) {
        let Some(session) = self.sessions.get_mut(client) else {
            return;
        };
        let mut codes = Vec::with_capacity(subscribe.filters.len());
        for wanted in &subscribe.filters {
            let Some(granted) = session.subscribe(&wanted.path, wanted.qos) else {
                codes.push(SubscribeReasonCode::Failure);
                continue;
            };
            codes.push(SubscribeReasonCode::Success(granted));
            // Retained messages go out on every SUBSCRIBE (3.8.4).
            let matching = self
                .retained
                .iter()
                .filter(|(t, _)| filter::matches(&wanted.path, t));
            for (topic, (payload, qos)) in matching {
                let delivery = Delivery {
                    topic: topic.clone(),
                    payload: payload.clone(),
                    qos: lesser(*qos, granted),
                    retain: true,
                };
                self.counters.dropped += u64::from(!session.push(delivery));
            }
        }
        self.answer(id, Packet::SubAck(SubAck::new(subscribe.pkid, codes)));
    }

    fn route(&mut self, topic: &str, payload: Bytes, qos: QoS, retain: bool) {
        if retain {
            self.retain(topic, &payload, qos);
        }
        let connected: BTreeMap<&str, ConnectionId> = self
            .connections
            .iter()
            .filter_map(|(id, c)| Some((c.client.as_ref()?.id.as_str(), *id)))
            .collect();
        for (client, session) in &mut self.sessions {
            let Some(wanted) = session.wants(topic) else {
                continue;
            };
            let connection = connected.get(client.as_str());
            let qos = lesser(qos, wanted);
            // QoS 0 is for those who are there.
            if connection.is_none() && qos == QoS::AtMostOnce {
                continue;
            }
            let delivery = Delivery {
                topic: topic.to_owned(),
                payload: payload.clone(),
                qos,
                retain: false,
            };
            self.counters.dropped += u64::from(!session.push(delivery));
            self.woken.extend(connection);
        }
    }

    /// An empty message clears what was retained (3.3.1.3).
    fn retain(&mut self, topic: &str, payload: &Bytes, qos: QoS) {
        if payload.is_empty() {
            self.retained.remove(topic);
        } else if self.retained.len() < RETAINED_MAX || self.retained.contains_key(topic) {
            self.retained
                .insert(topic.to_owned(), (payload.clone(), qos));
        } else {
            self.counters.retained_refused += 1;
        }
    }

    fn answer(&mut self, id: ConnectionId, packet: Packet) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.answers.push_back(packet);
            self.woken.insert(id);
        }
    }
}

fn lesser(a: QoS, b: QoS) -> QoS {
    if (a as u8) < (b as u8) { a } else { b }
}
