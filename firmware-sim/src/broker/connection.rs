//! One client's TCP connection: bytes to packets and back, keep alive.

use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::{Error, v4::Packet};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Hub;
use super::router::{Close, ConnectionId};

const PACKET_BYTES_MAX: usize = 2 * 1024 * 1024;
/// No more packets are made ready, and none read, while this much waits to be
/// written: a client that does not read is not read either.
const WRITE_BYTES_HIGH: usize = 256 * 1024;
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Without keep alive: as good as never.
const NO_KEEP_ALIVE: Duration = Duration::from_secs(365 * 24 * 3600);

/// Serves `stream` in a task of its own.
pub(super) fn spawn(stream: TcpStream, hub: &Rc<Hub>) {
    let Some(id) = hub.with(super::Router::accept) else {
        return;
    };
    let waker = Rc::new(Notify::new());
    hub.wakers.borrow_mut().insert(id, Rc::clone(&waker));
    let hub = Rc::clone(hub);
    tokio::task::spawn_local(async move {
        let goodbye = Serving::new(id, stream, &hub).run(&waker).await;
        hub.wakers.borrow_mut().remove(&id);
        hub.with(|router| router.closed(id, goodbye));
    });
}

struct Serving<'a> {
    id: ConnectionId,
    stream: TcpStream,
    hub: &'a Hub,
    input: BytesMut,
    output: BytesMut,
    /// How long the client may be silent, and since when it is.
    patience: Duration,
    heard: Instant,
}

impl<'a> Serving<'a> {
    fn new(id: ConnectionId, stream: TcpStream, hub: &'a Hub) -> Self {
        Self {
            id,
            stream,
            hub,
            input: BytesMut::with_capacity(8192),
            output: BytesMut::new(),
            patience: CONNECT_WITHIN,
            heard: Instant::now(),
        }
    }

    /// Until the connection ends; says whether the client said goodbye.
    async fn run(mut self, waker: &Notify) -> bool {
        if let Err(why) = self.stream.set_nodelay(true) {
            tracing::debug!(%why, "nodelay");
        }
        loop {
            self.fill();
            if self.hub.with(|router| router.is_cut(self.id)) {
                return false;
            }
            let (mut reader, mut writer) = self.stream.split();
            tokio::select! {
                read = reader.read_buf(&mut self.input), if self.output.len() < WRITE_BYTES_HIGH => {
                    if !matches!(read, Ok(1..)) {
                        return false;
                    }
                    self.heard = Instant::now();
                    if let Err(close) = self.take_packets() {
                        return self.end(close).await;
                    }
                }
                written = writer.write_buf(&mut self.output), if !self.output.is_empty() => {
                    if !matches!(written, Ok(1..)) {
                        return false;
                    }
                }
                () = waker.notified() => {}
                () = tokio::time::sleep_until(self.heard + self.patience) => {
                    self.hub.with(|router| router.counters.silent += 1);
                    return false;
                }
            }
        }
    }

    /// Makes packets ready to be written.
    fn fill(&mut self) {
        while self.output.len() < WRITE_BYTES_HIGH {
            let Some(packet) = self.hub.with(|router| router.poll(self.id)) else {
                return;
            };
            if let Err(why) = packet.write(&mut self.output, usize::MAX) {
                tracing::warn!(%why, "a packet cannot be written");
            }
        }
    }

    fn take_packets(&mut self) -> Result<(), Close> {
        loop {
            let packet = match Packet::read(&mut self.input, PACKET_BYTES_MAX) {
                Ok(packet) => packet,
                Err(Error::InsufficientBytes(_)) => return Ok(()),
                Err(why) => {
                    tracing::debug!(%why, "no MQTT packet");
                    self.hub.with(|router| router.counters.violations += 1);
                    return Err(Close::Violation);
                }
            };
            if let Packet::Connect(connect) = &packet {
                self.patience = match connect.keep_alive {
                    0 => NO_KEEP_ALIVE,
                    // One and a half times what was agreed (3.1.2.10).
                    s => Duration::from_millis(u64::from(s) * 1500),
                };
            }
            self.hub.with(|router| router.packet(self.id, packet))?;
        }
    }

    /// Ends the connection for `close`; says whether that was a goodbye.
    async fn end(&mut self, close: Close) -> bool {
        match close {
            Close::Goodbye => true,
            Close::Refused => {
                self.fill();
                let write = self.stream.write_all_buf(&mut self.output);
                if tokio::time::timeout(CONNECT_WITHIN, write).await.is_err() {
                    tracing::debug!("the refused client does not read");
                }
                false
            }
            Close::Violation => false,
        }
    }
}
