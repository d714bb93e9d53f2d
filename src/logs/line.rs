//! One line with its fields, as whoever writes it needs them.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Debug;

use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::catalogue::{self, Entry};

/// Fields of a line; the rest is left out (L9).
const FIELDS_MAX: usize = 24;
/// Bytes of a value; the rest is cut.
pub(super) const VALUE_LEN_MAX: usize = 4096;

pub(super) struct Line {
    pub(super) level: Level,
    pub(super) target: &'static str,
    /// The fixed words.
    pub(super) message: String,
    pub(super) fields: BTreeMap<&'static str, String>,
    /// What the catalogue says of these words.
    pub(super) entry: Option<&'static Entry>,
}

impl Line {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut line = Self {
            level: *metadata.level(),
            target: metadata.target(),
            message: String::new(),
            fields: BTreeMap::new(),
            entry: None,
        };
        event.record(&mut line);
        line.entry = catalogue::by_text(&line.message);
        line
    }

    /// As a person reads it: the words, then the fields.
    pub(super) fn text(&self) -> String {
        let mut text = self.message.clone();
        for (name, value) in &self.fields {
            text.push_str(&format!(" {name}={value}"));
        }
        cut(text)
    }

    fn put(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = cut(value),
            name if self.fields.len() < FIELDS_MAX => drop(self.fields.insert(name, cut(value))),
            _ => {}
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            text.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        self.put(field, text);
    }
}

fn cut(mut text: String) -> String {
    if text.len() > VALUE_LEN_MAX {
        let end = (0..=VALUE_LEN_MAX)
            .rev()
            .find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
    }
    text
}
