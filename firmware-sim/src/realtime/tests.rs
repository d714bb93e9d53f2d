use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;

use rumqttc::{Client, Connection};

use super::*;
use crate::broker::Broker;

const DEADLINE: Duration = Duration::from_secs(10);

/// A device that answers a request 5 ms later, and a camera that reports at
/// 20 ms; finished once the controller has said hello.
#[derive(Default)]
struct Toy {
    now: Us,
    heard: Vec<u8>,
    answer_at: Option<Us>,
    reported: bool,
    output: Vec<Sent>,
    hello: bool,
}

impl RealtimeWorld for Toy {
    fn next_event(&self) -> Option<Us> {
        let report = (!self.reported).then_some(20_000);
        report.into_iter().chain(self.answer_at).min()
    }

    fn advance(&mut self, to: Us) {
        assert!(to >= self.now, "time went back");
        self.now = to;
        if !self.reported && to >= 20_000 {
            self.reported = true;
            self.output.push(Sent::Publish {
                topic: "device/sn1/message/up/ivs_result".to_owned(),
                payload: b"plate".to_vec(),
                retain: false,
                qos: 1,
            });
        }
        if self.answer_at.is_some_and(|at| at <= to) {
            self.answer_at = None;
            let bytes = self.heard.iter().rev().copied().collect();
            self.output.push(Sent::Serial {
                port: "X/io".to_owned(),
                bytes,
            });
        }
    }

    fn take_output(&mut self) -> Option<Sent> {
        self.output.pop()
    }

    fn input(&mut self, at: Us, arrived: Arrived) {
        self.advance(at);
        match arrived {
            Arrived::Serial { port, bytes } => {
                assert_eq!(port, "X/io");
                self.heard.extend(bytes);
                if self.heard.len() == 4 {
                    self.answer_at = Some(at + 5_000);
                }
            }
            Arrived::Message { topic, payload } => {
                self.hello |= topic == "lanegate/c/hello" && payload == b"{}";
            }
        }
    }

    fn finished(&self) -> bool {
        self.hello
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// A client subscribed to what the cameras send.
fn gateway(broker: &Broker) -> (Client, Connection) {
    let options = MqttOptions::new("gateway", "127.0.0.1", broker.addr().port());
    let (client, mut connection) = Client::new(options, 16);
    client.subscribe("device/#", QoS::AtLeastOnce).unwrap();
    wait(&mut connection, |p| matches!(p, Packet::SubAck(_)));
    (client, connection)
}

fn wait(connection: &mut Connection, wanted: impl Fn(&Packet) -> bool) -> Packet {
    loop {
        match connection.recv_timeout(DEADLINE).unwrap().unwrap() {
            Event::Incoming(packet) if wanted(&packet) => return packet,
            Event::Incoming(_) | Event::Outgoing(_) => {}
        }
    }
}

#[test]
fn a_world_hears_and_answers_on_its_lines_and_through_the_broker() {
    let broker = Broker::start((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let pty = Pty::open().unwrap();
    let mut port = File::options()
        .read(true)
        .write(true)
        .open(pty.path())
        .unwrap();
    let (client, mut connection) = gateway(&broker);
    let other_side = std::thread::spawn(move || {
        let reported = wait(&mut connection, |p| matches!(p, Packet::Publish(_)));
        port.write_all(b"abcd").unwrap();
        let mut answer = [0; 4];
        port.read_exact(&mut answer).unwrap();
        client
            .publish("lanegate/c/hello", QoS::AtLeastOnce, false, "{}")
            .unwrap();
        wait(&mut connection, |p| matches!(p, Packet::PubAck(_)));
        (reported, answer)
    });
    let (_keep, stop) = watch::channel(false);
    let mut steps = 0;
    let ptys = BTreeMap::from([("X/io".to_owned(), pty)]);
    let world = runtime()
        .block_on(run(
            Toy::default(),
            ptys,
            broker.addr(),
            |_| steps += 1,
            stop,
        ))
        .unwrap();
    let (reported, answer) = other_side.join().unwrap();
    assert!(world.hello && steps > 2);
    assert_eq!(&answer, b"dcba");
    let plate = matches!(reported, Packet::Publish(p) if p.payload.as_ref() == b"plate");
    assert!(plate);
}

#[test]
fn a_world_is_handed_back_when_told_to_stop_or_when_nobody_can_tell_it() {
    let broker = Broker::start((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    for say_so in [true, false] {
        let (teller, stop) = watch::channel(false);
        let mut teller = Some(teller);
        let tell = |world: &Toy| {
            if world.reported
                && let Some(teller) = teller.take()
                && say_so
            {
                teller.send_replace(true);
            }
        };
        let world = run(Toy::default(), BTreeMap::new(), broker.addr(), tell, stop);
        let world = runtime().block_on(world).unwrap();
        assert!(!world.finished());
    }
}

#[test]
fn a_world_without_a_broker_does_not_begin() {
    let broker = Broker::start((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let addr = broker.addr();
    broker.stop();
    let wires = Wires::connect(BTreeMap::new(), addr, Duration::from_millis(300));
    let why = runtime().block_on(wires).err().map(|e| e.kind());
    assert_eq!(why, Some(io::ErrorKind::TimedOut));
}

#[test]
fn a_world_survives_a_broker_that_cuts_it_off_and_forgets_it() {
    let broker = Broker::start((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let (_client, mut connection) = gateway(&broker);
    let addr = broker.addr();
    let (_keep, stop) = watch::channel(false);
    let world = std::thread::spawn(move || {
        runtime().block_on(run(Toy::default(), BTreeMap::new(), addr, |_| {}, stop))
    });
    wait(&mut connection, |p| matches!(p, Packet::Publish(_)));
    broker.kill_sessions();
    // Cut off ourselves: now the world is, too.
    while connection.recv_timeout(DEADLINE).unwrap().is_ok() {}
    // Retained, so that it also reaches a world that subscribes later.
    let (client, mut connection) = gateway(&broker);
    client
        .publish("lanegate/c/hello", QoS::AtLeastOnce, true, "{}")
        .unwrap();
    wait(&mut connection, |p| matches!(p, Packet::PubAck(_)));
    assert!(world.join().unwrap().unwrap().hello);
}
