//! Cameras behind mosquitto, and behind a broker that refuses.

use std::time::Duration;

use lanegate_core::lane::{Event as LaneEvent, Role};
use lanegate_core::model::{Content, Reading, Taken};
use lanegate_core::wire::Settings;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::{DeviceConfig, Source};
use crate::mqtt::testing::{Mosquitto, PATIENCE, Script, clock, config, packet};
use crate::mqtt::{Message, Peer};
use crate::turns::Turns;

const RESULT: &str = "device/7a/message/up/ivs_result";
const ALIVE: &str = "device/7a/message/up/keep_alive";
const TRIGGER: &str = "device/7a/message/down/ivs_trigger";
/// Of a camera whose firmware has the other order of levels.
const OTHER_TRIGGER: &str = "7a/device/message/down/ivs_trigger";

fn source() -> MqttSource {
    MqttSource {
        topics: vec![RESULT.to_owned(), ALIVE.to_owned()],
        recapture_topics: vec![TRIGGER.to_owned(), OTHER_TRIGGER.to_owned()],
        sn: Some("7a".to_owned()),
        command_topic: None,
    }
}

/// A gateway with one camera.
struct Gateway {
    running: Running,
    recaptures: Recaptures,
    events: mpsc::Receiver<LaneEvent>,
    _stop: CancellationToken,
}

fn gateway(port: u16) -> Gateway {
    let (clock, stop) = (clock(), CancellationToken::new());
    let options = config(Peer::Devices, port, "gateway", &[RESULT, ALIVE]);
    let (connection, from_broker) =
        Connection::start(options, clock.clone(), stop.clone()).unwrap();
    let (events, from_camera) =
        crate::metrics::queues::channel(crate::metrics::queues::Queue::LaneEvents, 64);
    let device = DeviceConfig {
        id: DeviceId::parse("cam-1").unwrap(),
        role: Role::Camera,
        protocol: "vzenith-mqtt".to_owned(),
        settings: Settings::new(),
        source: Source::Mqtt(source()),
        scale: None,
        undated: crate::config::Undated::Never,
        late: Micros::from_s(30),
        lost: Micros::from_s(60),
    };
    let camera = Camera {
        stream: Stream::new(device, Micros::from_ms(100), clock.mono()).unwrap(),
        source: source(),
        around: Surroundings {
            clock: clock.clone(),
            events,
            stop: stop.clone(),
        },
        pictures: None,
    };
    let (mut running, recaptures) = start_cameras(
        vec![camera],
        Vec::new(),
        connection,
        from_broker,
        clock,
        &Turns::default(),
    );
    Gateway {
        running: running.pop().unwrap(),
        recaptures,
        events: from_camera,
        _stop: stop,
    }
}

impl Gateway {
    async fn until<T>(&mut self, what: &str, wanted: impl Fn(&LaneEvent) -> Option<T>) -> T {
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

    async fn back(&mut self) {
        let back = |e: &LaneEvent| matches!(e, LaneEvent::DeviceBack(_)).then_some(());
        self.until("the camera", back).await;
    }

    async fn lost(&mut self) -> Why {
        let lost = |e: &LaneEvent| matches!(e, LaneEvent::DeviceLost(_)).then_some(());
        self.until("the loss", lost).await;
        let mut seen = self.running.seen.clone();
        let found = timeout(PATIENCE, seen.wait_for(|s| s.why.is_some())).await;
        let seen = found.expect("a reason is shown").unwrap();
        seen.why.clone().unwrap()
    }

    async fn plates(&mut self) -> Reading {
        let plates = |e: &LaneEvent| {
            let LaneEvent::Reading(reading) = e else {
                return None;
            };
            matches!(reading.content, Content::Plates(_)).then(|| reading.clone())
        };
        self.until("plates", plates).await
    }

    async fn subscribed(&mut self) {
        let mut seen = self.running.seen.clone();
        timeout(PATIENCE, seen.wait_for(|s| s.counts.opens > 0))
            .await
            .expect("all topics are granted")
            .unwrap();
    }
}

/// A vendor's camera with a client of its own.
struct Vendor {
    connection: Connection,
    events: mpsc::Receiver<Event>,
    _stop: CancellationToken,
}

fn vendor(port: u16) -> Vendor {
    vendor_of(port, TRIGGER)
}

fn vendor_of(port: u16, trigger: &str) -> Vendor {
    let stop = CancellationToken::new();
    let options = config(Peer::Devices, port, "camera", &[trigger]);
    let (connection, events) = Connection::start(options, clock(), stop.clone()).unwrap();
    Vendor {
        connection,
        events,
        _stop: stop,
    }
}

impl Vendor {
    fn publish(&self, topic: &str, payload: String, retain: bool) {
        let publication = Publication {
            topic: topic.to_owned(),
            payload: Bytes::from(payload),
            retain,
            quality: Quality::AtLeastOnce,
            token: Some(1),
            expires: None,
        };
        self.connection.publish(publication).unwrap();
    }

    async fn done(&mut self) {
        self.until(|e| matches!(e, Event::Done(_)).then_some(()))
            .await;
    }

    async fn message(&mut self) -> Message {
        let message = |e: &Event| {
            if let Event::Message(message) = e {
                Some(message.clone())
            } else {
                None
            }
        };
        self.until(message).await
    }

    async fn until<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the task runs");
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, found).await.expect("the broker works")
    }
}

fn keep_alive(unix_s: i64) -> String {
    format!(r#"{{"name":"keep_alive","sn":"7a","timestamp":{unix_s},"payload":{{}}}}"#)
}

fn result(unix_s: i64) -> String {
    format!(
        r#"{{"name":"ivs_result","sn":"7a","timestamp":{unix_s},"payload":{{"AlarmInfoPlate":{{"result":{{"PlateResult":{{"license":"57KkWkFCMTLmuK8=","confidence":98,"plateid":7,"timeStamp":{{"Timeval":{{"sec":{unix_s},"usec":0}}}}}}}}}}}}}}"#
    )
}

#[tokio::test]
async fn a_live_plate_is_a_dated_reading_and_a_retained_one_no_evidence() {
    let broker = Mosquitto::start("camera").await;
    let unix_s = clock().now().wall.0 / 1000;
    let mut camera = vendor(broker.port);
    camera.publish(RESULT, result(unix_s - 300), true);
    camera.done().await;
    let mut gateway = gateway(broker.port);
    assert_eq!(gateway.plates().await.taken, Taken::Unusable);
    gateway.subscribed().await;
    camera.publish(ALIVE, keep_alive(unix_s), false);
    gateway.back().await;
    camera.publish(RESULT, result(unix_s), false);
    let reading = gateway.plates().await;
    assert!(matches!(reading.taken, Taken::At(_)), "{reading:?}");
    assert_eq!(reading.at.map(|at| at.0), Some(unix_s * 1000));
}

#[tokio::test]
async fn a_camera_is_lost_with_its_broker_and_back_with_it() {
    let broker = Mosquitto::start("gone").await;
    let port = broker.port;
    let mut gateway = gateway(port);
    gateway.subscribed().await;
    let camera = vendor(port);
    camera.publish(ALIVE, keep_alive(1_795_000_000), false);
    gateway.back().await;
    drop(broker);
    let why = gateway.lost().await;
    assert!(matches!(why, Why::Broker(_)), "{why}");
    let _broker = Mosquitto::start_at("gone-again", port).await;
    let until_granted = |s: &Seen| s.counts.opens > 1;
    let mut seen = gateway.running.seen.clone();
    timeout(PATIENCE, seen.wait_for(until_granted))
        .await
        .expect("subscribed again")
        .unwrap();
    camera.publish(ALIVE, keep_alive(1_795_000_010), false);
    gateway.back().await;
}

#[tokio::test]
async fn a_recapture_is_the_vendors_trigger_on_the_cameras_topic_whichever_order_it_uses() {
    for topic in [TRIGGER, OTHER_TRIGGER] {
        is_heard_on(topic).await;
    }
}

async fn is_heard_on(topic: &str) {
    let broker = Mosquitto::start("trigger").await;
    let mut camera = vendor_of(broker.port, topic);
    camera
        .until(|e| matches!(e, Event::Granted { .. }).then_some(()))
        .await;
    let mut gateway = gateway(broker.port);
    gateway.subscribed().await;
    let id = DeviceId::parse("cam-1").unwrap();
    gateway.recaptures.ask(&id).unwrap();
    let message = camera.message().await;
    assert_eq!(message.topic, topic);
    let json: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!(
        (&json["name"], &json["sn"], &json["payload"]["type"]),
        (&"ivs_trigger".into(), &"7a".into(), &"ivs_trigger".into())
    );
    let other = DeviceId::parse("cam-2").unwrap();
    assert_eq!(
        gateway.recaptures.ask(&other),
        Err(RecaptureFault::Cannot(other))
    );
}

/// Case c25: heartbeats of a granted topic do not hide a refused one.
#[tokio::test]
async fn a_camera_whose_topic_is_refused_is_lost_at_once_and_stays_so() {
    let (script, port) = Script::new().await;
    let mut gateway = gateway(port);
    let mut socket = script.accept().await;
    let subscribe = packet(&mut socket).await.unwrap();
    // Topics are asked for in their order: ivs_result, keep_alive.
    let suback = [0x90, 0x04, subscribe[2], subscribe[3], 0x80, 0x01];
    socket.write_all(&suback).await.unwrap();
    assert_eq!(gateway.lost().await, Why::Refused(RESULT.to_owned()));
    let payload = keep_alive(1_795_000_000);
    let len = u8::try_from(2 + ALIVE.len() + payload.len()).unwrap();
    assert!(len < 0x80, "one byte of length");
    let topic = u8::try_from(ALIVE.len()).unwrap();
    let publish = [&[0x30, len, 0, topic], ALIVE.as_bytes(), payload.as_bytes()].concat();
    socket.write_all(&publish).await.unwrap();
    let more = timeout(Duration::from_millis(300), gateway.events.recv()).await;
    assert!(more.is_err(), "{more:?}");
}
