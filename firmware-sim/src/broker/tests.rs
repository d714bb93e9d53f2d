use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{
    ConnAck, Connect, ConnectReturnCode, LastWill, Packet, PubAck, Publish, Subscribe,
    SubscribeReasonCode, Unsubscribe,
};
use rumqttc::mqttbytes::{Error, QoS};

use super::*;

/// Nothing on the loopback takes that long.
const DEADLINE: Duration = Duration::from_secs(10);

fn broker() -> Broker {
    Broker::start((Ipv4Addr::LOCALHOST, 0).into()).unwrap()
}

/// A client of which every packet is seen.
struct Raw {
    stream: TcpStream,
    input: BytesMut,
}

impl Raw {
    fn open(broker: &Broker) -> Self {
        let stream = TcpStream::connect(broker.addr()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self {
            stream,
            input: BytesMut::new(),
        }
    }

    fn connect(broker: &Broker, id: &str, clean: bool) -> (Self, ConnAck) {
        let mut connect = Connect::new(id);
        connect.clean_session = clean;
        Self::connect_as(broker, connect)
    }

    fn connect_as(broker: &Broker, connect: Connect) -> (Self, ConnAck) {
        let mut raw = Self::open(broker);
        raw.send(Packet::Connect(connect));
        match raw.receive() {
            Some(Packet::ConnAck(ack)) => (raw, ack),
            other => panic!("{other:?} instead of CONNACK"),
        }
    }

    fn send(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, usize::MAX).unwrap();
        self.stream.write_all(&bytes).unwrap();
    }

    /// The next packet; none = the broker closed the connection.
    fn receive(&mut self) -> Option<Packet> {
        loop {
            match Packet::read(&mut self.input, usize::MAX) {
                Ok(packet) => return Some(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(why) => panic!("{why}"),
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(n) => self.input.extend_from_slice(&chunk[..n]),
                Err(why) if why.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(why) => panic!("nothing came: {why}"),
            }
        }
    }

    fn receive_publish(&mut self) -> Publish {
        match self.receive() {
            Some(Packet::Publish(publish)) => publish,
            other => panic!("{other:?} instead of PUBLISH"),
        }
    }

    /// Publishes and waits for the acknowledgement.
    fn publish(&mut self, topic: &str, payload: &str, retain: bool) {
        let mut publish = Publish::new(topic, QoS::AtLeastOnce, payload);
        publish.pkid = 7;
        publish.retain = retain;
        self.send(Packet::Publish(publish));
        assert_eq!(self.receive(), Some(Packet::PubAck(PubAck::new(7))));
    }

    fn subscribe(&mut self, filter: &str, qos: QoS) -> Vec<SubscribeReasonCode> {
        let mut subscribe = Subscribe::new(filter, qos);
        subscribe.pkid = 3;
        self.send(Packet::Subscribe(subscribe));
        match self.receive() {
            Some(Packet::SubAck(ack)) if ack.pkid == 3 => ack.return_codes,
            other => panic!("{other:?} instead of SUBACK"),
        }
    }

    /// The broker has taken all that was sent, and sends nothing else.
    fn expect_silence(&mut self) {
        self.send(Packet::PingReq);
        assert_eq!(self.receive(), Some(Packet::PingResp));
    }
}

fn will(retain: bool) -> Option<LastWill> {
    Some(LastWill::new("state", "offline", QoS::AtLeastOnce, retain))
}

#[test]
fn a_retained_message_reaches_a_later_subscriber_marked_and_a_live_one_unmarked() {
    let broker = broker();
    let (mut publisher, _) = Raw::connect(&broker, "a", true);
    publisher.publish("lanes/1", "old", true);
    publisher.publish("lanes/1", "vacant", true);
    publisher.publish("lanes/2", "not kept", false);
    let (mut subscriber, _) = Raw::connect(&broker, "b", true);
    let granted = subscriber.subscribe("lanes/+", QoS::ExactlyOnce);
    assert_eq!(granted, [SubscribeReasonCode::Success(QoS::AtLeastOnce)]);
    let kept = subscriber.receive_publish();
    assert_eq!(
        (kept.topic.as_str(), kept.payload.as_ref()),
        ("lanes/1", &b"vacant"[..])
    );
    assert!(kept.retain);
    publisher.publish("lanes/1", "held", true);
    let live = subscriber.receive_publish();
    assert_eq!((live.retain, live.payload.as_ref()), (false, &b"held"[..]));
    publisher.publish("lanes/1", "", true);
    assert_eq!(subscriber.receive_publish().payload.len(), 0);
    let (mut late, _) = Raw::connect(&broker, "c", true);
    late.subscribe("#", QoS::AtMostOnce);
    late.expect_silence();
}

#[test]
fn a_will_is_published_when_a_client_vanishes_and_not_when_it_says_goodbye() {
    let broker = broker();
    let (mut watcher, _) = Raw::connect(&broker, "watcher", true);
    watcher.subscribe("#", QoS::AtLeastOnce);
    let connect = |id: &str| {
        let mut connect = Connect::new(id);
        connect.last_will = will(true);
        Raw::connect_as(&broker, connect).0
    };
    let mut polite = connect("polite");
    polite.send(Packet::Disconnect);
    assert_eq!(polite.receive(), None);
    watcher.expect_silence();
    drop(connect("gone"));
    let heard = watcher.receive_publish();
    assert_eq!(
        (heard.topic.as_str(), heard.payload.as_ref()),
        ("state", &b"offline"[..])
    );
    let (mut late, _) = Raw::connect(&broker, "late", true);
    late.subscribe("state", QoS::AtLeastOnce);
    assert!(late.receive_publish().retain);
    assert_eq!(broker.counters().wills, 1);
}

#[test]
fn a_silent_client_is_closed_after_one_and_a_half_keep_alives_and_leaves_its_will() {
    let broker = broker();
    let (mut watcher, _) = Raw::connect(&broker, "watcher", true);
    watcher.subscribe("state", QoS::AtMostOnce);
    let mut connect = Connect::new("mute");
    connect.keep_alive = 1;
    connect.last_will = will(false);
    let (mut mute, _) = Raw::connect_as(&broker, connect);
    assert_eq!(mute.receive(), None);
    assert_eq!(watcher.receive_publish().payload.as_ref(), b"offline");
    assert_eq!(broker.counters().silent, 1);
}

#[test]
fn a_persistent_session_keeps_filters_and_messages_while_its_client_is_away() {
    let broker = broker();
    let (mut away, ack) = Raw::connect(&broker, "away", false);
    assert_eq!(ack, ConnAck::new(ConnectReturnCode::Success, false));
    away.subscribe("feed", QoS::AtLeastOnce);
    away.send(Packet::Disconnect);
    assert_eq!(away.receive(), None);
    let (mut publisher, _) = Raw::connect(&broker, "p", true);
    for n in 0..100 {
        publisher.publish("feed", &n.to_string(), false);
    }
    let (mut back, ack) = Raw::connect(&broker, "away", false);
    assert!(ack.session_present);
    // More than the window: the rest comes as it is acknowledged.
    for n in 0..100 {
        let publish = back.receive_publish();
        assert_eq!(
            (publish.dup, publish.payload.as_ref()),
            (false, n.to_string().as_bytes())
        );
        back.send(Packet::PubAck(PubAck::new(publish.pkid)));
    }
    back.expect_silence();
}

#[test]
fn what_was_not_acknowledged_comes_again_as_a_duplicate_under_the_same_id() {
    let broker = broker();
    let (mut client, _) = Raw::connect(&broker, "c", false);
    client.subscribe("orders", QoS::AtLeastOnce);
    let (mut publisher, _) = Raw::connect(&broker, "p", true);
    publisher.publish("orders", "1", false);
    publisher.publish("orders", "2", false);
    let first = client.receive_publish();
    let second = client.receive_publish();
    client.send(Packet::PubAck(PubAck::new(first.pkid)));
    client.expect_silence();
    drop(client);
    let (mut again, ack) = Raw::connect(&broker, "c", false);
    assert!(ack.session_present);
    let repeated = again.receive_publish();
    assert_eq!(
        repeated,
        Publish {
            dup: true,
            ..second
        }
    );
    again.expect_silence();
    assert_eq!(broker.counters().redelivered, 1);
}

#[test]
fn a_clean_connect_forgets_the_session_and_so_does_a_broker_that_kills_it() {
    let broker = broker();
    let (mut client, _) = Raw::connect(&broker, "c", false);
    client.subscribe("a", QoS::AtLeastOnce);
    drop(client);
    let (clean, ack) = Raw::connect(&broker, "c", true);
    assert!(!ack.session_present);
    drop(clean);
    let (mut client, ack) = Raw::connect(&broker, "c", false);
    assert!(!ack.session_present);
    broker.cut_connections();
    assert_eq!(client.receive(), None);
    let (mut client, ack) = Raw::connect(&broker, "c", false);
    assert!(ack.session_present);
    broker.kill_sessions();
    assert_eq!(client.receive(), None);
    let (_client, ack) = Raw::connect(&broker, "c", false);
    assert!(!ack.session_present);
}

#[test]
fn a_client_id_belongs_to_the_connection_that_named_it_last() {
    let broker = broker();
    let mut connect = Connect::new("c");
    connect.clean_session = false;
    connect.last_will = will(false);
    let (mut old, _) = Raw::connect_as(&broker, connect.clone());
    old.subscribe("state", QoS::AtLeastOnce);
    let (mut new, ack) = Raw::connect_as(&broker, connect);
    assert!(ack.session_present);
    assert_eq!(old.receive(), None);
    // The old connection's will, to the session that lives on.
    assert_eq!(new.receive_publish().payload.as_ref(), b"offline");
    let counters = broker.counters();
    assert_eq!((counters.takeovers, counters.wills), (1, 1));
}

#[test]
fn overlapping_filters_deliver_once_and_an_unsubscribed_one_not_at_all() {
    let broker = broker();
    let (mut client, _) = Raw::connect(&broker, "c", true);
    client.subscribe("a/#", QoS::AtMostOnce);
    client.subscribe("a/+", QoS::AtLeastOnce);
    let (mut publisher, _) = Raw::connect(&broker, "p", true);
    publisher.publish("a/b", "1", false);
    assert_eq!(client.receive_publish().qos, QoS::AtLeastOnce);
    client.expect_silence();
    for filter in ["a/+", "a/#"] {
        client.send(Packet::Unsubscribe(Unsubscribe::new(filter)));
        assert!(matches!(client.receive(), Some(Packet::UnsubAck(_))));
    }
    publisher.publish("a/b", "2", false);
    client.expect_silence();
    assert_eq!(
        client.subscribe("a#", QoS::AtMostOnce),
        [SubscribeReasonCode::Failure]
    );
}

#[test]
fn a_breach_of_the_protocol_ends_the_connection_and_is_counted() {
    let broker = broker();
    let mut early = Raw::open(&broker);
    early.send(Packet::PingReq);
    assert_eq!(early.receive(), None);

    let (mut exact, _) = Raw::connect(&broker, "exact", true);
    let mut publish = Publish::new("a", QoS::ExactlyOnce, "x");
    publish.pkid = 1;
    exact.send(Packet::Publish(publish));
    assert_eq!(exact.receive(), None);

    let (mut wild, _) = Raw::connect(&broker, "wild", true);
    wild.send(Packet::Publish(Publish::new("a/+", QoS::AtMostOnce, "x")));
    assert_eq!(wild.receive(), None);

    let mut noise = Raw::open(&broker);
    // Packet type 15 is reserved.
    noise.stream.write_all(&[0xf0, 0x00]).unwrap();
    assert_eq!(noise.receive(), None);

    // PUBLISH of 4 MiB, announced only.
    let (mut huge, _) = Raw::connect(&broker, "huge", true);
    huge.stream
        .write_all(&[0x30, 0x80, 0x80, 0x80, 0x02])
        .unwrap();
    assert_eq!(huge.receive(), None);
    assert_eq!(broker.counters().violations, 5);
}

#[test]
fn a_persistent_session_needs_a_name() {
    let broker = broker();
    let (mut nameless, ack) = Raw::connect(&broker, "", false);
    assert_eq!(ack.code, ConnectReturnCode::BadClientId);
    assert_eq!(nameless.receive(), None);
    let (_, ack) = Raw::connect(&broker, "", true);
    assert_eq!(ack.code, ConnectReturnCode::Success);
}

#[test]
fn a_stopped_broker_closes_its_clients_and_frees_its_address() {
    let broker = broker();
    let addr = broker.addr();
    let (mut client, _) = Raw::connect(&broker, "c", true);
    broker.stop();
    assert_eq!(client.receive(), None);
    let again = Broker::start(addr).unwrap();
    let (_, ack) = Raw::connect(&again, "c", true);
    assert_eq!(ack.code, ConnectReturnCode::Success);
}

#[test]
fn an_ordinary_client_library_gets_along_with_it() {
    use rumqttc::{Client, Event, MqttOptions};
    let broker = broker();
    let mut options = MqttOptions::new("library", "127.0.0.1", broker.addr().port());
    options.set_clean_session(false);
    options.set_max_packet_size(2 * 1024 * 1024, 2 * 1024 * 1024);
    let (client, mut connection) = Client::new(options, 16);
    client.subscribe("big/#", QoS::AtLeastOnce).unwrap();
    let payload = vec![b'x'; 1024 * 1024];
    client
        .publish("big/粤", QoS::AtLeastOnce, false, payload.clone())
        .unwrap();
    let (mut received, mut acknowledged) = (false, false);
    while !(received && acknowledged) {
        match connection.recv_timeout(DEADLINE).unwrap().unwrap() {
            Event::Incoming(Packet::Publish(publish)) => {
                assert_eq!(publish.topic, "big/粤");
                assert!(publish.payload == payload);
                received = true;
            }
            Event::Incoming(Packet::PubAck(_)) => acknowledged = true,
            Event::Incoming(_) | Event::Outgoing(_) => {}
        }
    }
    let counters = broker.counters();
    assert_eq!(
        (counters.published, counters.delivered, counters.violations),
        (1, 1, 0)
    );
}
