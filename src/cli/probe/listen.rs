//! The port while it is probed: one speed and parity after the other, and
//! what was heard, cut where the line was silent.

use std::io;
use std::path::Path;
use std::time::Duration;

use lanegate_core::wire::fit::Heard;
use tokio_serial::{ClearBuffer, DataBits, SerialPort, StopBits};

use crate::clock::Stopwatch;

/// Silence that ends a message, as the drivers take it.
const SILENCE: Duration = Duration::from_millis(60);
/// Longest wait for bytes before the time is looked at.
const WAIT: Duration = Duration::from_millis(20);
/// Bytes after which what was heard is first judged; then at twice as many.
const JUDGED_FIRST: usize = 256;
/// Most bytes of one answer.
const ANSWER_LEN_MAX: usize = 4_096;

/// Parity of a line with eight data bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Parity {
    None,
    Even,
    Odd,
}

/// How the port is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Line {
    pub(super) baud: u32,
    pub(super) parity: Parity,
}

pub(super) struct Listener {
    port: Box<dyn SerialPort>,
}

impl Listener {
    /// Opens the port for us alone; nothing is sent.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let port = tokio_serial::new(path.to_string_lossy(), 9_600)
            .data_bits(DataBits::Eight)
            .stop_bits(StopBits::One)
            .timeout(WAIT)
            // A device that takes its power from the line lives by this.
            .dtr_on_open(true)
            .open();
        port.map(|port| Self { port }).map_err(|why| {
            format!(
                "{shown}: cannot be opened: {why}; `lanegate doctor` says who may, and who holds it"
            )
        })
    }

    fn set(&mut self, line: Line) -> Result<(), String> {
        let parity = match line.parity {
            Parity::None => tokio_serial::Parity::None,
            Parity::Even => tokio_serial::Parity::Even,
            Parity::Odd => tokio_serial::Parity::Odd,
        };
        let port = &mut self.port;
        port.set_baud_rate(line.baud)
            .and_then(|()| port.set_parity(parity))
            .and_then(|()| port.clear(ClearBuffer::Input))
            .map_err(|why| format!("the port refuses {} baud: {why}", line.baud))
    }

    /// Listens for `time`, or until `enough` says so.
    pub(super) fn listen(
        &mut self,
        line: Line,
        time: Duration,
        enough: fn(&Heard) -> bool,
    ) -> Result<Heard, String> {
        self.set(line)?;
        let clock = Stopwatch::started();
        let mut heard = Heard::new();
        let mut quiet = Stopwatch::started();
        let (mut bytes_heard, mut judged_at) = (0, JUDGED_FIRST);
        while clock.elapsed() < time {
            let bytes = self.read()?;
            if !bytes.is_empty() {
                heard.push(&bytes);
                bytes_heard += bytes.len();
                quiet = Stopwatch::started();
            } else if quiet.elapsed() >= SILENCE {
                heard.silent();
            }
            if bytes_heard >= judged_at {
                judged_at = 2 * bytes_heard;
                if enough(&heard) {
                    break;
                }
            }
        }
        Ok(heard)
    }

    /// Sends a question and takes what comes until the line is silent again.
    pub(super) fn ask(
        &mut self,
        line: Line,
        question: &[u8],
        wait: Duration,
    ) -> Result<Vec<u8>, String> {
        self.set(line)?;
        let sent = self.port.write_all(question);
        sent.map_err(|why| format!("the port takes no bytes: {why}"))?;
        let (clock, mut answer) = (Stopwatch::started(), Vec::new());
        let mut quiet = Stopwatch::started();
        loop {
            let bytes = self.read()?;
            if !bytes.is_empty() {
                answer.extend(bytes);
                quiet = Stopwatch::started();
            }
            let over = match answer.is_empty() {
                true => clock.elapsed() >= wait,
                false => quiet.elapsed() >= SILENCE,
            };
            if over || answer.len() >= ANSWER_LEN_MAX {
                return Ok(answer);
            }
        }
    }

    /// What came within [`WAIT`].
    fn read(&mut self) -> Result<Vec<u8>, String> {
        let mut buffer = [0; 512];
        match self.port.read(&mut buffer) {
            Ok(0) => Err("the port is gone: unplugged?".to_owned()),
            Ok(len) => Ok(buffer[..len].to_vec()),
            Err(why) if why.kind() == io::ErrorKind::TimedOut => Ok(Vec::new()),
            Err(why) if why.kind() == io::ErrorKind::Interrupted => Ok(Vec::new()),
            Err(why) => Err(format!("the port failed: {why}")),
        }
    }
}
