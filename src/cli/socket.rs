//! The client side of the daemon's local socket
//! ([`crate::gateway::socket`]).

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{Exit, No};

/// Longest answer read (L9).
const ANSWER_LEN_MAX: u64 = 256 << 20;
/// Longer than the daemon itself waits for anything but an import.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The same, for what moves many declarations.
const BULK_WITHIN: Duration = Duration::from_secs(180);

/// A connection to the daemon.
pub(crate) struct Client {
    reader: BufReader<UnixStream>,
    shown: String,
}

/// Why there is no connection.
pub(crate) enum Unreachable {
    /// Nobody listens there.
    Nobody(No),
    /// Somebody may, but not to us.
    Refused(No),
}

impl Unreachable {
    pub(crate) fn no(self) -> No {
        match self {
            Self::Nobody(no) | Self::Refused(no) => no,
        }
    }
}

impl Client {
    /// Connects to the daemon at `socket`.
    pub(crate) fn connect(socket: &Path) -> Result<Self, Unreachable> {
        let shown = socket.display().to_string();
        let stream = UnixStream::connect(socket).map_err(|error| {
            let no = |then: &str| No::new(Exit::Io, format!("{shown}: {error}; {then}"));
            let nobody = [ErrorKind::NotFound, ErrorKind::ConnectionRefused];
            if nobody.contains(&error.kind()) {
                Unreachable::Nobody(no("no daemon listens there: start it \
                     (systemctl start lanegate), or name its socket with --socket"))
            } else if error.kind() == ErrorKind::PermissionDenied {
                Unreachable::Refused(no(
                    "the daemon answers members of the group lanegate-officers only",
                ))
            } else {
                Unreachable::Refused(no("check the path given with --socket"))
            }
        })?;
        Ok(Self {
            reader: BufReader::new(stream),
            shown,
        })
    }

    /// Sends `request` and returns the answer's `data`.
    pub(crate) fn ask(&mut self, request: &Value) -> Result<Value, No> {
        self.ask_within(request, ANSWER_WITHIN)
    }

    /// The same for what moves many declarations.
    pub(crate) fn ask_bulk(&mut self, request: &Value) -> Result<Value, No> {
        self.ask_within(request, BULK_WITHIN)
    }

    fn ask_within(&mut self, request: &Value, limit: Duration) -> Result<Value, No> {
        let text = self.exchange(request, limit).map_err(|error| {
            let silent = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
            let why = if silent.contains(&error.kind()) {
                format!("no answer within {} s", limit.as_secs())
            } else {
                error.to_string()
            };
            self.lost(&why)
        })?;
        let mut answer: Value =
            serde_json::from_str(&text).map_err(|_| self.lost("closed without an answer"))?;
        if answer["ok"] == true {
            return Ok(answer["data"].take());
        }
        let exit = match answer["exit"].as_u64() {
            Some(1) => Exit::No,
            Some(64) => Exit::Usage,
            Some(65) => Exit::Data,
            Some(78) => Exit::Config,
            _ => Exit::Io,
        };
        let why = answer["why"].as_str().unwrap_or("refused without a reason");
        Err(No::new(exit, why))
    }

    fn exchange(&mut self, request: &Value, limit: Duration) -> io::Result<String> {
        let stream = self.reader.get_mut();
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
        let mut line = request.to_string();
        line.push('\n');
        // A daemon that turns us away has said why before it closed: read on.
        let written = stream.write_all(line.as_bytes());
        let mut answer = String::new();
        let read = (&mut self.reader)
            .take(ANSWER_LEN_MAX)
            .read_line(&mut answer);
        match (read, written) {
            (Ok(len), _) if len > 0 => Ok(answer),
            (_, Err(error)) | (Err(error), Ok(())) => Err(error),
            (Ok(_), Ok(())) => Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                "closed without an answer",
            )),
        }
    }

    fn lost(&self, why: &str) -> No {
        let why = format!(
            "{}: the daemon was asked, but {why}; whether it did what was asked is not known: \
             look at `lanegate status` before you ask again",
            self.shown
        );
        No::new(Exit::Io, why)
    }
}

/// One question to the daemon at `socket`.
pub(crate) fn ask(socket: &Path, request: &Value) -> Result<Value, No> {
    let mut client = Client::connect(socket).map_err(Unreachable::no)?;
    client.ask(request)
}
