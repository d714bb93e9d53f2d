//! The only place that prints: results to standard output, what a person must
//! know to standard error. A closed pipe ends quietly.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};

use crate::clock::wall_now;

/// Prints one line to standard output; false once nobody reads it any more.
pub(crate) fn line(text: impl AsRef<str>) -> bool {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.as_ref()).is_ok()
}

/// Prints what is no line to standard output.
pub(crate) fn bytes(bytes: &[u8]) -> bool {
    io::stdout().lock().write_all(bytes).is_ok()
}

/// Prints `text` in place of what a terminal shows, else below it.
pub(crate) fn screen(text: &str) -> bool {
    let mut out = io::stdout().lock();
    let clear = if out.is_terminal() {
        "\x1b[H\x1b[2J"
    } else {
        ""
    };
    writeln!(out, "{clear}{text}")
        .and_then(|()| out.flush())
        .is_ok()
}

/// Prints one line to standard error.
pub(crate) fn complain(text: impl AsRef<str>) {
    note(format!("lanegate: {}", text.as_ref()));
}

/// Prints one line to standard error as it is.
pub(crate) fn note(text: impl AsRef<str>) {
    // Nobody is left to be told if standard error is closed.
    drop(writeln!(io::stderr().lock(), "{}", text.as_ref()));
}

/// An error with everything that caused it, in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// A new order number: time and process make it unique on this machine.
pub(crate) fn order_id() -> String {
    format!("local-{}-{}", wall_now().0, std::process::id())
}

/// A range `A..B`, B left out.
pub(crate) fn range(text: &str) -> Option<std::ops::Range<u64>> {
    let (from, until) = text.split_once("..")?;
    Some(from.parse().ok()?..until.parse().ok()?)
}
