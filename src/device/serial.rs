//! Serial ports: opening one, and saying why it cannot be opened or used.
//!
//! Each port has a thread with a runtime of its own: closing one may wait for
//! its output to drain, and some adapters never let it. Nothing here flushes:
//! that is `tcdrain`, which blocks.

use std::io;
use std::time::Duration;

use lanegate_core::time::Micros;
use serial2::rs4xx::Rs485Config;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_serial::{
    ClearBuffer, DataBits, ErrorKind, FlowControl, SerialPort as _, SerialPortBuilderExt as _,
    SerialStream, StopBits,
};

use super::why::Why;
use crate::config::{Flow, Parity, SerialLine, Turn};

/// A driver that takes no bytes for this long is gone.
const WRITE_MAX: Duration = Duration::from_secs(1);
/// Read at once; frames are far shorter.
const CHUNK: usize = 512;
/// Shortest and longest wait before a port is opened again: what was plugged in
/// is back within a second, and a try costs next to nothing.
pub(super) const REOPEN: (Micros, Micros) = (Micros::from_ms(250), Micros::from_ms(700));

/// An open port.
pub(super) struct Port {
    stream: SerialStream,
    buffer: Box<[u8; CHUNK]>,
}

impl Port {
    /// Opens the port for us alone and throws away what waits in it: bytes
    /// from before are of no known time.
    pub(super) fn open(line: &SerialLine) -> Result<Self, Why> {
        // Held until ours is open: the last one to close might undo it.
        let _turned = line.turn.map(|turn| turned(line, turn)).transpose()?;
        let path = line.path.to_string_lossy();
        let stream = tokio_serial::new(path, line.baud)
            .data_bits(if line.data_bits == 7 {
                DataBits::Seven
            } else {
                DataBits::Eight
            })
            .parity(match line.parity {
                Parity::None => tokio_serial::Parity::None,
                Parity::Even => tokio_serial::Parity::Even,
                Parity::Odd => tokio_serial::Parity::Odd,
            })
            .stop_bits(if line.stop_bits == 2 {
                StopBits::Two
            } else {
                StopBits::One
            })
            .flow_control(match line.flow {
                Flow::None => FlowControl::None,
                Flow::Hardware => FlowControl::Hardware,
                Flow::Software => FlowControl::Software,
            })
            // Said outright: the default has changed between releases.
            .dtr_on_open(true)
            .open_native_async()
            .map_err(|fault| why_not(&fault))?;
        let port = Self {
            stream,
            buffer: Box::new([0; CHUNK]),
        };
        port.clear().map_err(|_| Why::Gone)?;
        Ok(port)
    }

    /// The next bytes. An unplugged adapter reads as nothing for ever, or as
    /// an error: both are the end.
    pub(super) async fn read(&mut self) -> Result<usize, Why> {
        match self.stream.read(self.buffer.as_mut_slice()).await {
            Ok(0) => Err(Why::Gone),
            Ok(len) => Ok(len),
            Err(fault) => Err(why_gone(&fault)),
        }
    }

    /// The bytes of the last [`Port::read`], which returned `len`.
    pub(super) fn heard(&self, len: usize) -> &[u8] {
        &self.buffer[..len]
    }

    /// Writes all of `bytes`; they are on the line some time later.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Why> {
        match tokio::time::timeout(WRITE_MAX, self.stream.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(fault)) => Err(why_gone(&fault)),
            Err(_) => Err(Why::Port("it takes no bytes".to_owned())),
        }
    }

    /// Throws away what has come and was not read.
    pub(super) fn clear(&self) -> Result<(), Why> {
        self.stream
            .clear(ClearBuffer::Input)
            .map_err(|fault| Why::Port(fault.to_string()))
    }
}

/// Has the kernel turn the direction of the line. tokio-serial has no call for
/// it, so the port is opened once more.
fn turned(line: &SerialLine, turn: Turn) -> Result<serial2::SerialPort, Why> {
    let port = serial2::SerialPort::open(&line.path, serial2::KeepSettings);
    let port = port.map_err(|fault| {
        let kind = ErrorKind::Io(fault.kind());
        why_not(&tokio_serial::Error::new(kind, fault.to_string()))
    })?;
    port.set_rs4xx_mode(mode(turn))
        .map_err(|fault| Why::Turn(fault.to_string()))?;
    Ok(port)
}

fn mode(turn: Turn) -> Rs485Config {
    let mut mode = Rs485Config::new();
    mode.set_invert_rts(!turn.high);
    mode.set_delay_before_send(Duration::from_micros(turn.before.0));
    mode.set_delay_after_send(Duration::from_micros(turn.after.0));
    mode
}

fn why_not(fault: &tokio_serial::Error) -> Why {
    match fault.kind() {
        ErrorKind::Io(io::ErrorKind::NotFound) => Why::Absent,
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => Why::Denied,
        ErrorKind::Io(io::ErrorKind::ResourceBusy) => Why::Busy,
        // "No device" is what both a missing and a locked port come back as.
        ErrorKind::NoDevice if fault.description.to_lowercase().contains("no such") => Why::Absent,
        ErrorKind::NoDevice => Why::Busy,
        ErrorKind::InvalidInput | ErrorKind::Unknown | ErrorKind::Io(_) => {
            Why::Port(fault.to_string())
        }
    }
}

fn why_gone(fault: &io::Error) -> Why {
    // EIO is what a terminal whose other side is gone reads as.
    match fault.raw_os_error() {
        Some(_) => Why::Gone,
        None => Why::Port(fault.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rts_is_high_while_we_send_unless_the_other_way_is_said() {
        for high in [true, false] {
            let asked = mode(Turn {
                high,
                before: Micros::from_ms(1),
                after: Micros::from_ms(2),
            });
            assert_eq!(asked.get_invert_rts(), !high);
            let delays = (asked.get_delay_before_send(), asked.get_delay_after_send());
            assert_eq!(delays, (Duration::from_millis(1), Duration::from_millis(2)));
            assert!(!asked.get_full_duplex(), "what we send is not heard back");
        }
    }
}
