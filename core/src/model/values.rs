//! Named values of a reason or a trace: an object of few keys, in their order.
//! A decision writes some sixty of them, most of one or two short values:
//! names are not copied, and they are put in order where they are read.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;
use smol_str::SmolStr;

use super::datum::Datum;

/// Most names read from outside (L9); the rules write fewer than twenty.
const NAMES_MAX: usize = 256;

/// Names that are put in order without allocating.
const SORTED_IN_PLACE: usize = 8;

/// An object; each name is there once.
#[derive(Clone, Debug, Default)]
pub struct Values(SmallVec<[(SmolStr, Datum); 1]>);

impl Values {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(SmallVec::new_const())
    }

    /// These.
    #[must_use]
    pub fn of<const N: usize>(pairs: [(&'static str, Datum); N]) -> Self {
        let mut values = Self(SmallVec::with_capacity(N));
        for (name, datum) in pairs {
            values.0.push((SmolStr::new_static(name), datum));
        }
        debug_assert!(values.names_differ(), "a name twice: {values:?}");
        values
    }

    /// These, without what is not known.
    #[must_use]
    pub fn known<const N: usize>(pairs: [(&'static str, Datum); N]) -> Self {
        let mut values = Self(SmallVec::with_capacity(N));
        for (name, datum) in pairs {
            if !matches!(datum, Datum::Null) {
                values.0.push((SmolStr::new_static(name), datum));
            }
        }
        values
    }

    fn names_differ(&self) -> bool {
        let all = self.sorted();
        all.windows(2).all(|pair| pair[0].0 != pair[1].0)
    }

    /// Sets `name`; what it was before is gone.
    pub fn insert(&mut self, name: &'static str, datum: Datum) {
        self.set(SmolStr::new_static(name), datum);
    }

    /// None yet, with room for so many.
    #[must_use]
    pub fn with_capacity(names: usize) -> Self {
        Self(SmallVec::with_capacity(names))
    }

    fn set(&mut self, name: SmolStr, datum: Datum) {
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some((_, present)) => *present = datum,
            None => self.0.push((name, datum)),
        }
    }

    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Datum> {
        let found = self.0.iter().find(|(n, _)| n == name);
        found.map(|(_, datum)| datum)
    }

    /// Whether `name` is there.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Datum)> {
        self.sorted().into_iter()
    }

    fn sorted(&self) -> SmallVec<[(&str, &Datum); SORTED_IN_PLACE]> {
        let pairs = self.0.iter().map(|(name, datum)| (name.as_str(), datum));
        let mut all: SmallVec<_> = pairs.collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }
}

/// The order of writing is nobody's.
impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.sorted() == other.sorted()
    }
}

impl Eq for Values {}

impl Hash for Values {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sorted().hash(state);
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
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Values, A::Error> {
                Values::read(map)
            }
        }
        deserializer.deserialize_map(Named)
    }
}

impl Values {
    /// Reads an object; a name that comes twice has its last value.
    pub(super) fn read<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut values = Self::new();
        while let Some((name, datum)) = map.next_entry::<SmolStr, Datum>()? {
            if values.0.len() == NAMES_MAX {
                let most = format!("an object of at most {NAMES_MAX} names");
                return Err(serde::de::Error::invalid_length(
                    NAMES_MAX + 1,
                    &most.as_str(),
                ));
            }
            values.set(name, datum);
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_order_and_each_once() {
        let mut values = Values::of([("b", 2.into()), ("a", 1.into())]);
        values.insert("c", 3.into());
        values.insert("b", 4.into());
        let text = serde_json::to_string(&values).unwrap();
        assert_eq!(text, r#"{"a":1,"b":4,"c":3}"#);
        assert_eq!(values.get("b"), Some(&Datum::from(4)));
        assert_eq!(values.get("d"), None);
        assert!(values.contains_key("a") && !values.contains_key("ab"));
        let read: Values = serde_json::from_str(r#"{"c":3,"a":1,"b":4}"#).unwrap();
        assert_eq!(read, values);
        assert_ne!(read, Values::of([("a", 1.into()), ("b", 4.into())]));
        let other = [("a", 1.into()), ("b", 4.into()), ("d", 3.into())];
        assert_ne!(read, Values::of(other));
        assert!(Values::new().is_empty() && !read.is_empty());
    }

    #[test]
    fn more_than_lie_in_place_are_kept_too() {
        let pairs = ["f", "e", "d", "c", "b", "a"].map(|name| (name, Datum::from(name)));
        let values = Values::of(pairs);
        let names: Vec<_> = values.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b", "c", "d", "e", "f"]);
        let text = serde_json::to_string(&values).unwrap();
        assert_eq!(serde_json::from_str::<Values>(&text).unwrap(), values);
    }

    #[test]
    fn what_is_not_known_is_left_out_where_asked() {
        let pairs = || [("b", Datum::Null), ("a", 1.into()), ("c", false.into())];
        let known = serde_json::to_string(&Values::known(pairs())).unwrap();
        assert_eq!(known, r#"{"a":1,"c":false}"#);
        let all = serde_json::to_string(&Values::of(pairs())).unwrap();
        assert_eq!(all, r#"{"a":1,"b":null,"c":false}"#);
    }

    #[test]
    fn an_object_of_too_many_names_is_refused() {
        let of = |n: usize| {
            let pairs: Vec<_> = (0..n).map(|i| format!("\"k{i}\":0")).collect();
            serde_json::from_str::<Values>(&format!("{{{}}}", pairs.join(",")))
        };
        assert!(of(NAMES_MAX).is_ok());
        let refused = of(NAMES_MAX + 1).unwrap_err().to_string();
        assert!(refused.contains("at most 256 names"), "{refused}");
    }
}
