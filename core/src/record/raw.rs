//! A record's body as it stands in the record's text: most who read a record
//! want its kind alone, or the body as its kind's type, and a tree in between
//! costs as much again.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// The JSON of a record's body.
#[derive(Clone)]
pub struct RawBody(Box<RawValue>);

impl RawBody {
    /// The text, as it was read.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// A tree of it, to look up what any kind may have.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str(self.text()).expect("it was read as JSON")
    }
}

impl PartialEq for RawBody {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text() || self.value() == other.value()
    }
}

impl Eq for RawBody {}

/// Its size alone: plates and documents stand in it.
impl fmt::Debug for RawBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawBody({} bytes)", self.text().len())
    }
}

/// Through a tree, so that what writes it may put its keys in order.
impl Serialize for RawBody {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(s)
    }
}

impl<'de> Deserialize<'de> for RawBody {
    fn deserialize<D: Deserializer<'de>>(de: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(de).map(Self)
    }
}
