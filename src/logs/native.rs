//! journald's native protocol: one datagram a line, `KEY=value` and a line
//! feed for each field; a value with line breaks as `KEY`, line feed, length
//! in eight little-endian bytes, value, line feed
//! (systemd.io/JOURNAL_NATIVE_PROTOCOL).

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::line::Line;

/// Before the name of each of our own fields.
const PREFIX: &str = "LANEGATE_";

pub(super) struct Native {
    socket: UnixDatagram,
    path: PathBuf,
    /// Lines journald could not take since the last that it took.
    lost: AtomicU64,
}

impl Native {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        // Nobody waits for journald, least of all a lane.
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            path,
            lost: AtomicU64::new(0),
        })
    }

    fn send(&self, line: &Line) {
        // Taken by this line alone, or two threads would report them twice.
        let lost = self.lost.swap(0, Ordering::Relaxed);
        // Not connected: a journald that was restarted is found by its path.
        // While it is away nobody reads standard error either, which leads
        // there too and would hold the writer once it is full.
        if self
            .socket
            .send_to(&datagram(line, lost), &self.path)
            .is_err()
        {
            self.lost.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }
}

impl<S: Subscriber> Layer<S> for Native {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.send(&Line::of(event));
    }
}

fn datagram(line: &Line, lost: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    put(&mut out, "MESSAGE", &line.text());
    put(&mut out, "PRIORITY", priority(line.level));
    put(&mut out, "SYSLOG_IDENTIFIER", "lanegate");
    put(&mut out, "LANEGATE_TARGET", line.target);
    if let Some(entry) = line.entry {
        put(&mut out, "MESSAGE_ID", &entry.message_id());
        put(&mut out, "LANEGATE_MESSAGE", entry.id);
    }
    if lost > 0 {
        put(&mut out, "LANEGATE_LINES_LOST", &lost.to_string());
    }
    for (name, value) in &line.fields {
        put(&mut out, &key(name), value);
    }
    out
}

/// As syslog counts: 3 an error, 7 debugging.
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        Level::DEBUG | Level::TRACE => "7",
    }
}

/// Capital letters, digits and underscores, at most 64, none in front.
fn key(name: &str) -> String {
    let letter = |c: char| match c.to_ascii_uppercase() {
        c @ ('A'..='Z' | '0'..='9') => c,
        _ => '_',
    };
    let name: String = name.chars().map(letter).collect();
    format!("{PREFIX}{name}").chars().take(64).collect()
}

fn put(out: &mut Vec<u8>, key: &str, value: &str) {
    out.extend_from_slice(key.as_bytes());
    if value.contains('\n') {
        out.push(b'\n');
        out.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        out.push(b'=');
    }
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}
