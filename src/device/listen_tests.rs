//! A device that dials in, played by real TCP clients on loopback.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use lanegate_core::lane::{Event, Role};
use lanegate_core::model::{DeviceId, DeviceState};
use tokio::time::timeout;

use super::*;
use crate::config::{Network, Source};
use crate::device::Seen;
use crate::device::line_bench::{LineBench, PATIENCE, device};

/// A lock's heartbeat (JT701 manual, text frames).
const ALIVE: &[u8] = b"(8000620011,@JT)";

/// A driver that listens.
struct Bench {
    line: LineBench,
    address: SocketAddr,
}

fn bench(from: &str, idle: Micros) -> Bench {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let source = ListenSource {
        address,
        from: vec![Network::parse(from).unwrap()],
        idle,
    };
    let lock = device("seal-1", Role::SealReader, "jt701", Source::Listen(source));
    Bench {
        line: LineBench::start(lock),
        address,
    }
}

impl Bench {
    /// The listener may not be there yet.
    async fn dial(&self) -> TcpStream {
        let dialled = async {
            loop {
                match TcpStream::connect(self.address) {
                    Ok(stream) => return stream,
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        let stream = timeout(PATIENCE, dialled).await.expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    async fn event(&mut self) -> Event {
        self.line.event().await
    }

    async fn seen(&mut self, wanted: impl Fn(&Seen) -> bool) -> Seen {
        self.line.seen(wanted).await
    }

    async fn end(self) {
        self.line.end().await;
    }
}

/// The other side has ended the connection.
fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 16]), Ok(0) | Err(_))
}

fn id() -> DeviceId {
    DeviceId::parse("seal-1").unwrap()
}

#[tokio::test]
async fn a_device_dials_in_hangs_up_and_dials_again() {
    let mut b = bench("127.0.0.1", Micros::from_s(60));
    for dials in 1..=3 {
        let mut lock = b.dial().await;
        lock.write_all(ALIVE).unwrap();
        assert_eq!(b.event().await, Event::DeviceBack(id()));
        let seen = b.seen(|s| s.state == DeviceState::Ok).await;
        assert_eq!((seen.counts.opens, seen.counts.frames), (dials, dials));
        drop(lock);
        assert_eq!(b.event().await, Event::DeviceLost(id()));
        let seen = b.seen(|s| s.state == DeviceState::Lost).await;
        assert_eq!(seen.why, Some(Why::HungUp));
    }
    b.end().await;
}

#[tokio::test]
async fn the_older_connection_stays_and_a_second_is_closed_and_counted() {
    let mut b = bench("127.0.0.0/8", Micros::from_s(60));
    let mut lock = b.dial().await;
    lock.write_all(ALIVE).unwrap();
    assert_eq!(b.event().await, Event::DeviceBack(id()));
    for others in 1..=3 {
        let mut other = b.dial().await;
        assert!(is_closed(&mut other));
        b.seen(|s| s.counts.strangers == others).await;
    }
    lock.write_all(ALIVE).unwrap();
    let seen = b.seen(|s| s.counts.frames == 2).await;
    assert_eq!((seen.state, seen.counts.opens), (DeviceState::Ok, 1));
    b.end().await;
}

#[tokio::test]
async fn nobody_from_elsewhere_is_let_in() {
    let mut b = bench("192.0.2.7", Micros::from_s(60));
    let mut stranger = b.dial().await;
    stranger.write_all(ALIVE).ok();
    assert!(is_closed(&mut stranger));
    let seen = b.seen(|s| s.counts.strangers == 1).await;
    assert_eq!((seen.counts.opens, seen.counts.frames), (0, 0));
    assert_ne!(seen.state, DeviceState::Ok);
    b.end().await;
}

/// Whoever connects and says nothing of the protocol does not keep the device
/// out for ever.
#[tokio::test]
async fn a_connection_without_a_frame_is_closed_and_the_next_is_served() {
    let mut b = bench("127.0.0.1", Micros::from_ms(200));
    let mut idle = b.dial().await;
    idle.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert!(is_closed(&mut idle));
    let seen = b.seen(|s| s.state == DeviceState::Lost).await;
    assert_eq!(seen.why, Some(Why::Idle));
    assert_eq!(b.event().await, Event::DeviceLost(id()));
    let mut lock = b.dial().await;
    lock.write_all(ALIVE).unwrap();
    assert_eq!(b.event().await, Event::DeviceBack(id()));
    b.end().await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_told_and_tried_again() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let source = ListenSource {
        address: taken.local_addr().unwrap(),
        from: vec![Network::parse("127.0.0.1").unwrap()],
        idle: Micros::from_s(1),
    };
    let mut door = Door::new(source, Arc::default());
    let why = door.open().await.err().unwrap();
    assert!(matches!(why, Why::CannotListen(_, _)), "{why}");
    assert!(why.to_string().contains("no other program has the port"));
    drop(taken);
    let port = door.source.address;
    let (guest, _client) = tokio::join!(door.open(), tokio::net::TcpStream::connect(port));
    assert!(guest.is_ok());
}
