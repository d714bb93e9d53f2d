//! A device that dials in: a listener for it alone, and one connection at a
//! time.
//!
//! ```text
//! dial --> from an address it may have? --no--> closed, counted
//!              | yes
//!              v
//!          one is open already? --yes--> the new one is closed, counted
//!              | no
//!              v
//!            served like a line we opened, until it ends or is idle
//! ```
//! The older connection stays, so that nobody can cut off a device that is
//! speaking by dialling in beside it. One whose peer is gone without a word is
//! found out by the kernel's probes in 5 s, one that says nothing of its
//! protocol for the device's `lost_ms` is closed: then the next dial is served.
//!
//! The listener stays open between connections; what dials meanwhile waits in
//! its backlog, and what it says is undated until the line has settled.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lanegate_core::time::Micros;
use tokio::net::TcpListener;

use super::tcp;
use super::why::Why;
use crate::config::ListenSource;

/// Where one device dials in.
pub(super) struct Door {
    source: ListenSource,
    listener: Option<Arc<TcpListener>>,
    refused: Arc<AtomicU64>,
}

/// An open connection of a device that dialled in.
pub(super) struct Guest {
    port: tcp::Port,
    listener: Arc<TcpListener>,
    refused: Arc<AtomicU64>,
    idle: Micros,
}

impl Door {
    /// Counts in `refused` what it does not let in.
    pub(super) const fn new(source: ListenSource, refused: Arc<AtomicU64>) -> Self {
        Self {
            source,
            listener: None,
            refused,
        }
    }

    /// Waits for the device.
    pub(super) async fn open(&mut self) -> Result<Guest, Why> {
        let address = self.source.address;
        let cannot =
            |fault: std::io::Error| Why::CannotListen(address.to_string(), fault.to_string());
        let listener = match &self.listener {
            Some(listener) => listener.clone(),
            None => {
                let bound = TcpListener::bind(address).await.map_err(cannot)?;
                self.listener.insert(Arc::new(bound)).clone()
            }
        };
        loop {
            let (stream, peer) = listener.accept().await.map_err(cannot)?;
            if self.source.admits(peer.ip()) {
                return Ok(Guest {
                    port: tcp::Port::accepted(stream)?,
                    listener,
                    refused: self.refused.clone(),
                    idle: self.source.idle,
                });
            }
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Guest {
    /// The next bytes; whoever else dials is turned away.
    pub(super) async fn read(&mut self) -> Result<usize, Why> {
        tokio::select! {
            biased;
            read = self.port.read() => read.map_err(|_| Why::HungUp),
            never = turn_away(&self.listener, &self.refused) => match never {},
        }
    }

    /// The bytes of the last [`Guest::read`], which returned `len`.
    pub(super) fn heard(&self, len: usize) -> &[u8] {
        self.port.heard(len)
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Why> {
        self.port.write(bytes).await
    }

    pub(super) fn clear(&mut self) -> Result<(), Why> {
        self.port.clear()
    }

    /// Without a frame for this long it is closed.
    pub(super) const fn idle(&self) -> Micros {
        self.idle
    }
}

async fn turn_away(listener: &TcpListener, refused: &AtomicU64) -> Infallible {
    // A fault here is met again where the next one is waited for.
    while let Ok((stream, _)) = listener.accept().await {
        drop(stream);
        refused.fetch_add(1, Ordering::Relaxed);
    }
    std::future::pending().await
}

#[cfg(test)]
#[path = "listen_tests.rs"]
mod tests;
