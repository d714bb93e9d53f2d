//! An open line of a device, whatever carries it: one supervision for all.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use lanegate_core::time::Micros;

use super::listen::{Door, Guest};
use super::why::Why;
use super::{pulled, serial, tcp};
use crate::config::{Line, PullSource, SerialLine, TcpAddress};

/// What opens a line, again and again.
pub(super) enum Opener {
    Serial(SerialLine),
    Tcp(TcpAddress),
    Listen(Door),
    Pull(PullSource),
}

impl Opener {
    /// Counts in `refused` the connections it does not take.
    pub(super) fn new(line: &Line, refused: Arc<AtomicU64>) -> Self {
        match line {
            Line::Serial(line) => Self::Serial(line.clone()),
            Line::Tcp(address) => Self::Tcp(address.clone()),
            Line::Listen(source) => Self::Listen(Door::new(source.clone(), refused)),
            Line::Pull(source) => Self::Pull(source.clone()),
        }
    }

    pub(super) async fn open(&mut self) -> Result<Link, Why> {
        match self {
            Self::Serial(line) => serial::Port::open(line).map(Link::Serial),
            Self::Tcp(address) => tcp::Port::open(address).await.map(Link::Tcp),
            Self::Listen(door) => door.open().await.map(Link::Guest),
            Self::Pull(source) => pulled::Port::open(source).await.map(Link::Pulled),
        }
    }
}

/// An open line.
pub(super) enum Link {
    Serial(serial::Port),
    Tcp(tcp::Port),
    Guest(Guest),
    Pulled(pulled::Port),
}

impl Link {
    /// Without a frame for this long it is closed; none = never.
    pub(super) const fn idle(&self) -> Option<Micros> {
        match self {
            Self::Serial(_) | Self::Tcp(_) => None,
            Self::Guest(guest) => Some(guest.idle()),
            Self::Pulled(port) => Some(port.idle()),
        }
    }

    /// The next bytes; an error is the end. Loses none when cancelled.
    pub(super) async fn read(&mut self) -> Result<usize, Why> {
        match self {
            Self::Serial(port) => port.read().await,
            Self::Tcp(port) => port.read().await,
            Self::Guest(port) => port.read().await,
            Self::Pulled(port) => port.read().await,
        }
    }

    /// The bytes of the last [`Link::read`], which returned `len`.
    pub(super) fn heard(&self, len: usize) -> &[u8] {
        match self {
            Self::Serial(port) => port.heard(len),
            Self::Tcp(port) => port.heard(len),
            Self::Guest(port) => port.heard(len),
            Self::Pulled(port) => port.heard(len),
        }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Why> {
        match self {
            Self::Serial(port) => port.write(bytes).await,
            Self::Tcp(port) => port.write(bytes).await,
            Self::Guest(port) => port.write(bytes).await,
            // No protocol that is asked this way is told anything.
            Self::Pulled(_) => Ok(()),
        }
    }

    /// Throws away what has come and was not read.
    pub(super) fn clear(&mut self) -> Result<(), Why> {
        match self {
            Self::Serial(port) => port.clear(),
            Self::Tcp(port) => port.clear(),
            Self::Guest(port) => port.clear(),
            Self::Pulled(_) => Ok(()),
        }
    }
}
