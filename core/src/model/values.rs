//! Named values of a reason or a trace: an object of few keys, in their order.
//! A decision writes some forty of them, so their names are not copied and
//! they need no tree.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Most names read from outside (L9); the rules write fewer than twenty.
const NAMES_MAX: usize = 256;

/// An object with its names in order.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Values(Vec<(Cow<'static, str>, Value)>);

impl Values {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// These.
    #[must_use]
    pub fn of<const N: usize>(pairs: [(&'static str, Value); N]) -> Self {
        let mut all = Vec::with_capacity(N);
        all.extend(pairs.map(|(name, value)| (Cow::Borrowed(name), value)));
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Self(all)
    }

    /// Sets `name`; what it was before is gone.
    pub fn insert(&mut self, name: impl Into<Cow<'static, str>>, value: Value) {
        let name = name.into();
        match self.place(&name) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (name, value)),
        }
    }

    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let at = self.place(name).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Whether `name` is there.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Whether none is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(n, _)| n.as_ref().cmp(name))
    }
}

impl From<Values> for Value {
    fn from(values: Values) -> Self {
        let pairs = values.0.into_iter();
        Self::Object(
            pairs
                .map(|(name, value)| (name.into_owned(), value))
                .collect(),
        )
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Named;
        impl<'de> Visitor<'de> for Named {
            type Value = Values;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an object of at most {NAMES_MAX} names")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
                let mut values = Values::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if values.0.len() == NAMES_MAX {
                        return Err(serde::de::Error::invalid_length(NAMES_MAX + 1, &self));
                    }
                    values.insert(name, value);
                }
                Ok(values)
            }
        }
        deserializer.deserialize_map(Named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_order_and_each_once() {
        let mut values = Values::of([("b", 2.into()), ("a", 1.into())]);
        values.insert("c".to_owned(), 3.into());
        values.insert("b", 4.into());
        let text = serde_json::to_string(&values).unwrap();
        assert_eq!(text, r#"{"a":1,"b":4,"c":3}"#);
        assert_eq!(values.get("b"), Some(&Value::from(4)));
        assert_eq!(values.get("d"), None);
        assert!(values.contains_key("a") && !values.contains_key("ab"));
        let read: Values = serde_json::from_str(r#"{"c":3,"a":1,"b":4}"#).unwrap();
        assert_eq!(read, values);
        assert_eq!(
            Value::from(values),
            serde_json::json!({"a": 1, "b": 4, "c": 3})
        );
        assert!(Values::new().is_empty() && !read.is_empty());
    }

    #[test]
    fn an_object_of_too_many_names_is_refused() {
        let of = |n: usize| {
            let pairs: Vec<_> = (0..n).map(|i| format!("\"k{i}\":0")).collect();
            serde_json::from_str::<Values>(&format!("{{{}}}", pairs.join(",")))
        };
        assert!(of(NAMES_MAX).is_ok());
        assert!(
            of(NAMES_MAX + 1)
                .unwrap_err()
                .to_string()
                .contains("at most 256 names")
        );
    }
}
