//! Log lines on standard error: one line a transition, no plates at INFO.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// How much is logged.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    /// A filter like `info,lanegate::device=debug`; none = `LANEGATE_LOG`, else `info`.
    pub filter: Option<String>,
}

/// Sets up logging for the process; a second call does nothing.
///
/// # Errors
/// The filter cannot be read.
pub fn init_logs(logs: &Logs) -> Result<(), ParseError> {
    let text = logs.filter.clone();
    let text = text.or_else(|| std::env::var("LANEGATE_LOG").ok());
    let filter = EnvFilter::try_new(text.as_deref().unwrap_or("info"))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // A second subscriber is refused; the first one stays.
    drop(lines.try_init());
    Ok(())
}
