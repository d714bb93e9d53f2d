//! Whatever the shipped code logs as an error fails a run: an ERROR line wakes
//! somebody, and in a simulation nothing happens that should.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Errors kept of one run.
const KEPT_MAX: usize = 16;

/// Hears ERROR lines and nothing else.
#[derive(Clone, Default)]
pub(super) struct Errors(Arc<Mutex<Vec<String>>>);

impl Errors {
    /// Runs `what` and says what it logged as errors.
    pub(super) fn of<T>(what: impl FnOnce() -> T) -> (T, Vec<String>) {
        let errors = Self::default();
        let done = tracing::subscriber::with_default(errors.clone(), what);
        let mut heard = errors.0.lock().unwrap_or_else(PoisonError::into_inner);
        (done, std::mem::take(&mut *heard))
    }
}

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).expect("writing to a String cannot fail");
    }
}

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::ERROR)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() < KEPT_MAX {
            heard.push(words.0);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_line_is_heard_and_a_warning_is_not() {
        let (done, heard) = Errors::of(|| {
            tracing::warn!("the line is down");
            tracing::error!(why = "full", "the disk");
            7
        });
        assert_eq!(done, 7);
        assert_eq!(heard.len(), 1);
        assert!(heard[0].contains("the disk") && heard[0].contains("full"));
    }
}
