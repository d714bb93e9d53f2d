//! Reading a record as the authority keeps it: all of it but the facts a case
//! was judged on, which are most of its bytes and which nobody asks the
//! simulated authority for. Its hash is that of the bytes that came.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Where the facts stand.
const WAY: [&str; 3] = ["body", "case", "facts"];

/// The record in `payload`.
pub(super) fn record(payload: &[u8]) -> serde_json::Result<Value> {
    let mut de = serde_json::Deserializer::from_slice(payload);
    let record = Below(&WAY).deserialize(&mut de)?;
    de.end()?;
    Ok(record)
}

/// A value without what stands at the end of this way.
struct Below(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Below {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, de: D) -> Result<Value, D::Error> {
        de.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Below {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = from.next_key::<String>()? {
            let value = match self.0 {
                [last] if key == *last => {
                    from.next_value::<IgnoredAny>()?;
                    continue;
                }
                [step, rest @ ..] if key == *step => from.next_value_seed(Below(rest))?,
                _ => from.next_value()?,
            };
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = from.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_record_is_kept_but_the_facts_of_its_case() {
        let text = r#"{"body":{"case":{"facts":{"candidates":[{"id":"d"}]},"lane":"L"},"facts":1},
            "facts":[true,null,-1,2,"x",{"facts":{}}],"seq":7}"#;
        let mut whole: Value = serde_json::from_str(text).unwrap();
        let kept = record(text.as_bytes()).unwrap();
        assert_ne!(kept, whole);
        whole["body"]["case"]
            .as_object_mut()
            .unwrap()
            .remove("facts");
        assert_eq!(kept, whole);
        // A body or a case of another type is kept for whoever says so.
        for text in [r#"{"body":[1]}"#, r#"{"body":{"case":"none"}}"#, "7"] {
            let whole: Value = serde_json::from_str(text).unwrap();
            assert_eq!(record(text.as_bytes()).unwrap(), whole);
        }
        assert!(record(b"{} {}").is_err() && record(b"{\"body\":").is_err());
    }
}
