//! Log lines: one a transition, no plates at INFO. On a terminal as text; to
//! journald as fields of their own (lane, passage, code, message id), so that
//! one passage's story is one `journalctl` line; as JSON when asked.
//!
//! Absent on purpose: waiting. A line that journald cannot take at once is
//! counted and left out, since a lane's loop writes it; `tracing-journald`
//! would wait.

mod catalogue;
mod json;
mod line;
mod native;

use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd;
use std::os::linux::fs::MetadataExt as _;
use std::path::PathBuf;

use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

pub use catalogue::{CATALOGUE, Entry, markdown};

use json::Json;
use native::Native;

/// Where journald listens.
const JOURNAL_SOCKET: &str = "/run/systemd/journal/socket";

/// How lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// Native where standard error is journald's, else text.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One JSON object a line, on standard error.
    Json,
    /// Fields of their own, to journald's socket.
    Journald,
}

/// How much is logged, and how.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    /// A filter like `info,lanegate=debug`; none = `LANEGATE_LOG`, else `info`.
    pub filter: Option<String>,
    /// How lines look.
    pub format: Format,
    /// Where journald listens, if elsewhere.
    pub journal_socket: Option<PathBuf>,
}

/// Why there are no log lines.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter.
    #[error("LANEGATE_LOG: {0}; write something like info,lanegate=debug")]
    Filter(#[from] ParseError),
    /// The system refuses a socket.
    #[error("no socket for journald: {0}; choose another --log-format")]
    Socket(#[from] io::Error),
}

/// Sets up logging for the process; a second call does nothing.
///
/// # Errors
/// The filter cannot be read, or journald's socket not be had.
pub fn init_logs(logs: &Logs) -> Result<(), LogError> {
    let text = logs.filter.clone();
    let text = text.or_else(|| std::env::var("LANEGATE_LOG").ok());
    let filter = EnvFilter::try_new(text.as_deref().unwrap_or("info"))?;
    let lines = lines(logs)?;
    // A second subscriber is refused; the first one stays.
    drop(
        Registry::default()
            .with(lines.with_filter(filter))
            .try_init(),
    );
    Ok(())
}

fn lines(logs: &Logs) -> Result<Box<dyn Layer<Registry> + Send + Sync>, LogError> {
    let format = match logs.format {
        Format::Auto if is_journals(io::stderr()) => Format::Journald,
        Format::Auto => Format::Text,
        Format::Text => Format::Text,
        Format::Json => Format::Json,
        Format::Journald => Format::Journald,
    };
    Ok(match format {
        Format::Journald => {
            let socket = logs.journal_socket.clone();
            Native::open(socket.unwrap_or_else(|| JOURNAL_SOCKET.into()))?.boxed()
        }
        Format::Json => Json::new(io::stderr).boxed(),
        Format::Auto | Format::Text => tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .boxed(),
    })
}

/// Whether the service manager connected this to journald: `$JOURNAL_STREAM`
/// names the socket by device and inode.
fn is_journals(stream: impl AsFd) -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let file = stream.as_fd().try_clone_to_owned().map(std::fs::File::from);
    let metadata = file.and_then(|file| file.metadata());
    metadata.is_ok_and(|m| named == format!("{}:{}", m.st_dev(), m.st_ino()))
}

#[cfg(test)]
mod tests;
