//! TCP connections that carry a device's bytes: serial device servers, boards
//! and panels with a network port.
//!
//! A device server that lost its power says nothing: probes of the kernel find
//! that out within [`DEAD_AFTER_S`] seconds, also where nothing is written.

use std::io;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::why::Why;
use crate::config::TcpAddress;

/// A connection is there within this, or not now.
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// A device that takes no bytes for this long is gone.
const WRITE_MAX: Duration = Duration::from_secs(1);
/// Probes begin after so much silence, come this often, and so many may be
/// lost.
const PROBE_AFTER: Duration = Duration::from_secs(2);
const PROBE_EVERY: Duration = Duration::from_secs(1);
const PROBES: u32 = 3;
/// All of it together.
const DEAD_AFTER_S: u32 = 5;
/// Read at once; frames are far shorter.
const CHUNK: usize = 2048;
/// Bytes thrown away before a question at most: a device that sends faster
/// than that is not waited for.
const CLEAR_MAX: usize = 64 << 10;

/// An open connection.
pub(super) struct Port {
    stream: TcpStream,
    buffer: Box<[u8; CHUNK]>,
}

impl Port {
    /// Connects. What the other end sends before it is read is of no known
    /// time, but a new connection has nothing from before.
    pub(super) async fn open(address: &TcpAddress) -> Result<Self, Why> {
        connect(address).await.map(Self::of)
    }

    /// A connection somebody made.
    pub(super) fn accepted(stream: TcpStream) -> Result<Self, Why> {
        watched(stream).map(Self::of)
    }

    fn of(stream: TcpStream) -> Self {
        Self {
            stream,
            buffer: Box::new([0; CHUNK]),
        }
    }

    /// The next bytes.
    pub(super) async fn read(&mut self) -> Result<usize, Why> {
        loop {
            self.stream.readable().await.map_err(|_| Why::Closed)?;
            match self.stream.try_read(self.buffer.as_mut_slice()) {
                Ok(0) => return Err(Why::Closed),
                Ok(len) => return Ok(len),
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Why::Closed),
            }
        }
    }

    /// The bytes of the last [`Port::read`], which returned `len`.
    pub(super) fn heard(&self, len: usize) -> &[u8] {
        &self.buffer[..len]
    }

    /// Writes all of `bytes`.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Why> {
        use tokio::io::AsyncWriteExt as _;
        match timeout(WRITE_MAX, self.stream.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Why::Closed),
            Err(_) => Err(Why::Port("it takes no bytes".to_owned())),
        }
    }

    /// Throws away what has come and was not read.
    pub(super) fn clear(&mut self) -> Result<(), Why> {
        let mut thrown = 0;
        while thrown < CLEAR_MAX {
            match self.stream.try_read(self.buffer.as_mut_slice()) {
                Ok(0) => return Err(Why::Closed),
                Ok(len) => thrown += len,
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(Why::Closed),
            }
        }
        Ok(())
    }
}

/// A connection to `address`, watched.
pub(super) async fn connect(address: &TcpAddress) -> Result<TcpStream, Why> {
    let to = (address.host.as_str(), address.port);
    match timeout(CONNECT_MAX, TcpStream::connect(to)).await {
        Ok(Ok(stream)) => watched(stream),
        Ok(Err(fault)) => Err(why_not(address, &fault)),
        Err(_) => Err(Why::Unreachable(
            address.to_string(),
            "no answer".to_owned(),
        )),
    }
}

fn watched(stream: TcpStream) -> Result<TcpStream, Why> {
    match watch(&stream) {
        Ok(()) => Ok(stream),
        Err(fault) => Err(Why::Port(fault.to_string())),
    }
}

/// Small frames go out at once, and a dead peer is found.
fn watch(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_tcp_nodelay(stream, true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, PROBE_AFTER)?;
    sockopt::set_tcp_keepintvl(stream, PROBE_EVERY)?;
    sockopt::set_tcp_keepcnt(stream, PROBES)?;
    sockopt::set_tcp_user_timeout(stream, DEAD_AFTER_S * 1000)
}

fn why_not(address: &TcpAddress, fault: &io::Error) -> Why {
    if fault.kind() == io::ErrorKind::ConnectionRefused {
        Why::NotServed(address.to_string())
    } else {
        Why::Unreachable(address.to_string(), fault.to_string())
    }
}
