//! One JSON object a line, for whoever collects standard error.

use std::io::Write as _;

use serde_json::{Map, Value, json};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;

use super::line::Line;
use crate::clock::wall_now;

pub(super) struct Json<W>(W);

impl<W> Json<W> {
    pub(super) const fn new(writer: W) -> Self {
        Self(writer)
    }
}

impl<S: Subscriber, W: for<'a> MakeWriter<'a> + 'static> Layer<S> for Json<W> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let text = object(&Line::of(event)).to_string();
        // Nobody is left to be told.
        drop(writeln!(self.0.make_writer(), "{text}"));
    }
}

fn object(line: &Line) -> Value {
    let fields: Map<String, Value> = line
        .fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    json!({
        "at": wall_now().to_string(),
        "level": line.level.as_str().to_lowercase(),
        "message": line.message,
        "id": line.entry.map(|entry| entry.id),
        "message_id": line.entry.map(super::Entry::message_id),
        "target": line.target,
        "fields": fields,
    })
}
