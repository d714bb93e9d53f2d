//! Against mosquitto, and against a scripted broker for what mosquitto will
//! not do.

use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::testing::{Mosquitto, PATIENCE, Script, clock, config, packet};
use super::*;

fn publication(topic: &str, payload: &[u8], token: u64) -> Publication {
    Publication {
        topic: topic.to_owned(),
        payload: Bytes::copy_from_slice(payload),
        retain: false,
        quality: Quality::AtLeastOnce,
        token: Some(token),
        expires: None,
    }
}

/// A connection with its events.
struct Client {
    connection: Connection,
    events: mpsc::Receiver<Event>,
    stop: CancellationToken,
}

impl Client {
    fn start(config: ConnectionConfig) -> Self {
        let stop = CancellationToken::new();
        let (connection, events) = Connection::start(config, clock(), stop.clone()).unwrap();
        Self {
            connection,
            events,
            stop,
        }
    }

    /// Waits for the first event that `wanted` makes something of.
    async fn until<T>(&mut self, what: &str, wanted: impl Fn(&Event) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the task runs");
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, found)
            .await
            .unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    async fn granted(&mut self) {
        let granted = |e: &Event| matches!(e, Event::Granted { .. }).then_some(());
        self.until("a granted topic", granted).await;
    }

    async fn message(&mut self) -> Message {
        let message = |e: &Event| {
            if let Event::Message(message) = e {
                Some(message.clone())
            } else {
                None
            }
        };
        self.until("a message", message).await
    }

    async fn done(&mut self) -> u64 {
        let done = |e: &Event| {
            if let Event::Done(token) = e {
                Some(*token)
            } else {
                None
            }
        };
        self.until("an acknowledgement", done).await
    }

    async fn down(&mut self) -> String {
        let down = |e: &Event| {
            if let Event::Down { why } = e {
                Some(why.clone())
            } else {
                None
            }
        };
        self.until("the connection's end", down).await
    }
}

#[tokio::test]
async fn a_retained_message_says_so_and_a_live_one_does_not() {
    let broker = Mosquitto::start("retained").await;
    let mut camera = Client::start(config(Peer::Devices, broker.port, "cam", &[]));
    let topic = "device/7a/message/up/ivs_result";
    let old = Publication {
        retain: true,
        ..publication(topic, b"old", 1)
    };
    camera.connection.publish(old).unwrap();
    assert_eq!(camera.done().await, 1);
    let mut gateway = Client::start(config(Peer::Devices, broker.port, "gw", &[topic]));
    let message = gateway.message().await;
    assert_eq!(
        (&message.payload[..], message.retained),
        (&b"old"[..], true)
    );
    assert_eq!(message.receipt, None);
    camera
        .connection
        .publish(publication(topic, b"new", 2))
        .unwrap();
    let message = gateway.message().await;
    assert_eq!(
        (&message.payload[..], message.retained),
        (&b"new"[..], false)
    );
}

#[tokio::test]
async fn a_message_with_a_picture_of_300_kb_passes_and_a_larger_one_is_refused_at_the_door() {
    let broker = Mosquitto::start("large").await;
    let mut gateway = Client::start(config(Peer::Devices, broker.port, "gw", &["big"]));
    gateway.granted().await;
    let large = vec![b'x'; 300 << 10];
    gateway
        .connection
        .publish(publication("big", &large, 1))
        .unwrap();
    assert_eq!(gateway.message().await.payload.len(), large.len());
    let too_large = vec![b'x'; 1 << 20];
    let fault = gateway
        .connection
        .publish(publication("big", &too_large, 2))
        .unwrap_err();
    assert!(matches!(fault, PublishFault::TooLarge { .. }), "{fault}");
    let wild = gateway.connection.publish(publication("a/#", b"", 3));
    assert_eq!(wild, Err(PublishFault::Topic("a/#".to_owned())));
}

#[tokio::test]
async fn what_is_not_acknowledged_by_hand_comes_again_and_what_is_does_not() {
    let broker = Mosquitto::start("acks").await;
    let mut authority = Client::start(config(Peer::Devices, broker.port, "authority", &[]));
    let options = config(Peer::Authority, broker.port, "controller", &["orders"]);
    let mut first = Client::start(options.clone());
    first.granted().await;
    for (token, order) in [(1, b"o-1"), (2, b"o-2")] {
        authority
            .connection
            .publish(publication("orders", order, token))
            .unwrap();
        authority.done().await;
    }
    let o1 = first.message().await;
    assert_eq!(&first.message().await.payload[..], b"o-2");
    first.connection.acknowledge(o1.receipt.unwrap()).unwrap();
    first.stop.cancel();
    // The goodbye is written once the task has ended.
    while first.events.recv().await.is_some() {}
    let mut second = Client::start(options);
    assert_eq!(&second.message().await.payload[..], b"o-2");
}

#[tokio::test]
async fn what_was_handed_over_while_the_broker_was_away_arrives_in_order_when_it_is_back() {
    let broker = Mosquitto::start("away").await;
    let port = broker.port;
    let mut gateway = Client::start(config(Peer::Authority, port, "controller", &["records"]));
    gateway.granted().await;
    drop(broker);
    gateway.down().await;
    for token in 1..=40 {
        gateway
            .connection
            .publish(publication("records", &[token as u8], token))
            .unwrap();
    }
    assert!(!gateway.connection.status().up);
    let _broker = Mosquitto::start_at("away-again", port).await;
    let mut done = Vec::new();
    while done.len() < 40 {
        done.push(gateway.done().await);
    }
    assert_eq!(done, (1..=40).collect::<Vec<_>>());
    assert!(gateway.connection.status().up);
}

/// Case c25: SUBACK `90 04 pid 01 80`.
#[tokio::test]
async fn a_refused_subscription_is_known_by_its_position_and_the_connection_stays() {
    let (script, port) = Script::new().await;
    let topics = ["device/a/up", "device/b/up"];
    let mut gateway = Client::start(config(Peer::Devices, port, "gw", &topics));
    let mut socket = script.accept().await;
    let subscribe = packet(&mut socket).await.unwrap();
    assert_eq!(subscribe[0], 0x82);
    let suback = [0x90, 0x04, subscribe[2], subscribe[3], 0x01, 0x80];
    socket.write_all(&suback).await.unwrap();
    let refused = |e: &Event| {
        if let Event::Refused { topic } = e {
            Some(topic.clone())
        } else {
            None
        }
    };
    let refused = gateway.until("a refusal", refused).await;
    assert_eq!(refused, "device/b/up");
    let status = gateway.connection.status();
    assert!(status.up && status.refused.contains("device/b/up"));
    let publish = [&[0x30, 13, 0, 11][..], b"device/a/up"].concat();
    socket.write_all(&publish).await.unwrap();
    assert_eq!(gateway.message().await.topic, "device/a/up");
}

/// Case c32: a retained message whose topic is no UTF-8, on every connection.
#[tokio::test]
async fn a_poisoned_message_ends_each_connection_and_the_tries_back_off() {
    const POISON: &[u8] = b"\x31\x23\x00\x1fdevice/\xff\xfe/message/up/keep_alive{}";
    let (script, port) = Script::new().await;
    let clock = clock();
    let mut gateway = Client::start(config(Peer::Devices, port, "gw", &[]));
    let start = clock.mono();
    for _ in 0..5 {
        let mut socket = script.accept().await;
        socket.write_all(POISON).await.unwrap();
        let why = gateway.down().await;
        assert!(why.to_lowercase().contains("topic"), "{why}");
    }
    // Four waits of at least half of 50, 100, 200 and 400 ms.
    assert!(clock.mono().since(start) >= Micros::from_ms(375));
}

#[tokio::test]
async fn a_broker_that_acknowledges_nothing_is_left_and_the_message_sent_again() {
    let (script, port) = Script::new().await;
    let mut options = config(Peer::Authority, port, "controller", &[]);
    options.ack_max = Micros::from_ms(200);
    let mut gateway = Client::start(options);
    gateway
        .connection
        .publish(publication("r", b"91", 7))
        .unwrap();
    let mut deaf = script.accept().await;
    let first = packet(&mut deaf).await.unwrap();
    assert_eq!((first[0], &first[2..5]), (0x32, &b"\x00\x01r"[..]));
    let why = gateway.down().await;
    assert!(why.contains("acknowledged nothing"), "{why}");
    let mut hearing = script.accept().await;
    let again = packet(&mut hearing).await.unwrap();
    assert_eq!(again[7..], first[7..]);
    let puback = [0x40, 0x02, again[5], again[6]];
    hearing.write_all(&puback).await.unwrap();
    assert_eq!(gateway.done().await, 7);
}

#[tokio::test]
async fn a_stop_sends_what_waits_and_says_goodbye() {
    let (script, port) = Script::new().await;
    let mut gateway = Client::start(config(Peer::Authority, port, "controller", &[]));
    let mut socket = script.accept().await;
    let up = |e: &Event| matches!(e, Event::Up { .. }).then_some(());
    gateway.until("the connection", up).await;
    let last = Publication {
        quality: Quality::AtMostOnce,
        ..publication("state", b"stopped", 1)
    };
    gateway.connection.publish(last).unwrap();
    gateway.stop.cancel();
    assert_eq!(packet(&mut socket).await.unwrap()[0], 0x30);
    assert_eq!(packet(&mut socket).await.unwrap(), [0xe0, 0x00]);
    assert_eq!(packet(&mut socket).await, None);
}

#[test]
fn every_fault_of_a_configuration_is_listed() {
    let mut bad = config(Peer::Devices, 1883, "", &["device/+/up", "device/a/up"]);
    bad.keep_alive_s = 0;
    bad.outbox.window = 0;
    bad.retry = (Micros(2), Micros(1));
    assert_eq!(
        bad.faults(),
        [
            ConfigFault::ClientId,
            ConfigFault::KeepAlive,
            ConfigFault::Wildcard("device/+/up".to_owned()),
            ConfigFault::Window(0),
            ConfigFault::Retry,
        ]
    );
    let feed = config(Peer::Authority, 1883, "c", &["lanegate/c/#"]);
    assert_eq!(feed.faults(), []);
}
