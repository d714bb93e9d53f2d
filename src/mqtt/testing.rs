//! Brokers for tests: mosquitto, and one that does as the test says.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lanegate_core::time::Micros;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::{ConnectionConfig, OutboxLimits, Peer};
use crate::clock::{Clock, ClockConfig};
use crate::turns::Turns;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn clock() -> Clock {
    let config = ClockConfig {
        rtc_trusted: true,
        mark: None,
        hold: Micros::from_s(60),
    };
    Clock::start(config, None)
}

pub(crate) fn config(peer: Peer, port: u16, client_id: &str, topics: &[&str]) -> ConnectionConfig {
    ConnectionConfig {
        peer,
        host: Ipv4Addr::LOCALHOST.to_string(),
        port,
        tls: None,
        client_id: client_id.to_owned(),
        credentials: None,
        keep_alive_s: 5,
        packet_size_max: 1 << 20,
        topics: topics.iter().map(|t| (*t).to_owned()).collect(),
        will: None,
        outbox: OutboxLimits {
            len_max: 100,
            bytes_max: 1 << 20,
            window: 16,
        },
        ack_max: Micros::from_s(10),
        retry: (Micros::from_ms(50), Micros::from_ms(400)),
        turns: ("line", Turns::default()),
    }
}

/// A mosquitto on a free loopback port, ended when dropped.
pub(crate) struct Mosquitto {
    child: Child,
    pub(crate) port: u16,
    dir: PathBuf,
}

fn free_port() -> u16 {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

impl Mosquitto {
    pub(crate) async fn start(name: &str) -> Self {
        Self::start_at(name, free_port()).await
    }

    pub(crate) async fn start_at(name: &str, port: u16) -> Self {
        let id = std::process::id();
        let dir = std::env::temp_dir().join(format!("lanegate-mqtt-{name}-{id}"));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("mosquitto.conf");
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\nlog_type none\n");
        std::fs::write(&file, text).unwrap();
        let child = Command::new("/usr/sbin/mosquitto")
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto is installed");
        let up = async {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .await
                .is_err()
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, up).await.expect("mosquitto listens");
        Self { child, port, dir }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        std::fs::remove_dir_all(&self.dir).ok();
    }
}

/// A broker that does as the test says.
pub(crate) struct Script {
    listener: TcpListener,
}

const CONNACK: [u8; 4] = [0x20, 0x02, 0x00, 0x00];

impl Script {
    pub(crate) async fn new() -> (Self, u16) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (Self { listener }, port)
    }

    /// Takes the next connection and says CONNACK.
    pub(crate) async fn accept(&self) -> TcpStream {
        let (mut socket, _) = timeout(PATIENCE, self.listener.accept())
            .await
            .expect("a connection comes")
            .unwrap();
        let connect = packet(&mut socket).await.expect("CONNECT");
        assert_eq!(connect[0], 0x10);
        socket.write_all(&CONNACK).await.unwrap();
        socket
    }
}

/// The next packet with its header, if the other side is still there.
pub(crate) async fn packet(socket: &mut TcpStream) -> Option<Vec<u8>> {
    let read = async {
        let mut head = [0; 2];
        socket.read_exact(&mut head).await.ok()?;
        assert!(head[1] < 0x80, "scripts use short packets");
        let mut rest = vec![0; usize::from(head[1])];
        socket.read_exact(&mut rest).await.ok()?;
        Some([&head[..], &rest].concat())
    };
    timeout(PATIENCE, read).await.expect("a packet or the end")
}
