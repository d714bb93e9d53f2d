//! Whatever the shipped code logs as an error fails a run: an ERROR line wakes
//! somebody, and in a simulation nothing happens that should.

use std::cell::Cell;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use firmware_sim::Us;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Errors kept of one run.
const KEPT_MAX: usize = 16;

thread_local! {
    /// The moment of the run that is played on this thread.
    static NOW: Cell<Us> = const { Cell::new(0) };
}

/// The run on this thread has come to `at`.
pub(super) fn come_to(at: Us) {
    NOW.set(at);
}

/// How far it came.
pub(super) fn came_to() -> Us {
    NOW.get()
}

/// Hears ERROR lines and nothing else.
#[derive(Clone, Default)]
pub(super) struct Errors(Arc<Mutex<Vec<(Us, String)>>>);

impl Errors {
    /// Runs `what` and says what it logged as errors, and when.
    pub(super) fn of<T>(what: impl FnOnce() -> T) -> (T, Vec<(Us, String)>) {
        come_to(0);
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
            heard.push((came_to(), words.0));
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
            come_to(5);
            tracing::error!(why = "full", "the disk");
            7
        });
        assert_eq!(done, 7);
        assert_eq!(heard.len(), 1);
        let (at, words) = &heard[0];
        assert!(*at == 5 && words.contains("the disk") && words.contains("full"));
    }
}
