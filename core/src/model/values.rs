//! Named values of a reason or a trace: an object of few keys, in their order.
//! A decision writes some sixty of them and most hold one or two short values,
//! so they lie in place: names are not copied, nothing is allocated.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;
use smol_str::SmolStr;

use super::datum::Datum;

/// Most names read from outside (L9); the rules write fewer than twenty.
const NAMES_MAX: usize = 256;

/// Values that lie in place; more of them are allocated.
const IN_PLACE: usize = 4;

/// An object with its names in order.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Values(SmallVec<[(SmolStr, Datum); IN_PLACE]>);

impl Values {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(SmallVec::new_const())
    }

    /// These.
    #[must_use]
    pub fn of<const N: usize>(mut pairs: [(&'static str, Datum); N]) -> Self {
        sort(&mut pairs);
        Self::sorted(pairs.into_iter())
    }

    fn sorted(pairs: impl Iterator<Item = (&'static str, Datum)>) -> Self {
        Self(
            pairs
                .map(|(name, datum)| (SmolStr::new_static(name), datum))
                .collect(),
        )
    }

    /// These, without what is not known.
    #[must_use]
    pub fn known<const N: usize>(mut pairs: [(&'static str, Datum); N]) -> Self {
        sort(&mut pairs);
        let known = |(_, datum): &(&str, Datum)| !matches!(datum, Datum::Null);
        Self::sorted(pairs.into_iter().filter(known))
    }

    /// Sets `name`; what it was before is gone.
    pub fn insert(&mut self, name: &'static str, datum: Datum) {
        self.set(SmolStr::new_static(name), datum);
    }

    fn set(&mut self, name: SmolStr, datum: Datum) {
        match self.place(&name) {
            Ok(at) => self.0[at].1 = datum,
            Err(at) => self.0.insert(at, (name, datum)),
        }
    }

    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Datum> {
        let at = self.place(name).ok()?;
        self.0.get(at).map(|(_, datum)| datum)
    }

    /// Whether `name` is there.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Datum)> {
        self.0.iter().map(|(name, datum)| (name.as_str(), datum))
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(n, _)| n.as_str().cmp(name))
    }
}

/// Few, and mostly in order already: insertion beats a general sort.
fn sort(pairs: &mut [(&'static str, Datum)]) {
    for end in 1..pairs.len() {
        let mut at = end;
        while at > 0 && pairs[at].0 < pairs[at - 1].0 {
            pairs.swap(at, at - 1);
            at -= 1;
        }
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
