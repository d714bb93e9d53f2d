//! What a host and its board or sign say to each other, for `decode`: commands,
//! acknowledgements, refusals. A list of named fields, since every maker has
//! his own.

use serde_json::{Map, Value};

/// One such message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExchangeFrame {
    /// Who speaks.
    pub from: Speaker,
    /// What, in the order of the message.
    pub fields: Vec<(&'static str, Field)>,
}

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Speaker {
    /// The host: a request.
    Host,
    /// The device: a reply.
    Device,
}

/// A field's value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Field {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(u32),
    /// A text.
    Text(String),
    /// Known to be there, but not what it means.
    Unknown,
}

impl ExchangeFrame {
    /// What the host says.
    #[must_use]
    pub const fn host(fields: Vec<(&'static str, Field)>) -> Self {
        let from = Speaker::Host;
        Self { from, fields }
    }

    /// What the device says.
    #[must_use]
    pub const fn device(fields: Vec<(&'static str, Field)>) -> Self {
        let from = Speaker::Device;
        Self { from, fields }
    }

    /// As `decode` prints it (FORMATS 7).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let kind = match self.from {
            Speaker::Host => "request",
            Speaker::Device => "reply",
        };
        let mut json = Map::from_iter([("kind".to_owned(), Value::from(kind))]);
        for (name, field) in &self.fields {
            let value = match field {
                Field::Flag(flag) => Value::from(*flag),
                Field::Number(number) => Value::from(*number),
                Field::Text(text) => Value::from(text.as_str()),
                Field::Unknown => Value::Null,
            };
            json.insert((*name).to_owned(), value);
        }
        Value::Object(json)
    }
}
