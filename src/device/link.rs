//! An open line of a device, whatever carries it: one supervision for all.

use super::why::Why;
use super::{serial, tcp};
use crate::config::Line;

/// An open line.
pub(super) enum Link {
    Serial(serial::Port),
    Tcp(tcp::Port),
}

impl Link {
    pub(super) async fn open(line: &Line) -> Result<Self, Why> {
        match line {
            Line::Serial(line) => serial::Port::open(line).map(Self::Serial),
            Line::Tcp(address) => tcp::Port::open(address).await.map(Self::Tcp),
        }
    }

    /// The next bytes; an error is the end. Loses none when cancelled.
    pub(super) async fn read(&mut self) -> Result<usize, Why> {
        match self {
            Self::Serial(port) => port.read().await,
            Self::Tcp(port) => port.read().await,
        }
    }

    /// The bytes of the last [`Link::read`], which returned `len`.
    pub(super) fn heard(&self, len: usize) -> &[u8] {
        match self {
            Self::Serial(port) => port.heard(len),
            Self::Tcp(port) => port.heard(len),
        }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Why> {
        match self {
            Self::Serial(port) => port.write(bytes).await,
            Self::Tcp(port) => port.write(bytes).await,
        }
    }

    /// Throws away what has come and was not read.
    pub(super) fn clear(&mut self) -> Result<(), Why> {
        match self {
            Self::Serial(port) => port.clear(),
            Self::Tcp(port) => port.clear(),
        }
    }
}
