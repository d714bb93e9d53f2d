//! One value of a trace: what JSON can say, laid out so that the short ones the
//! rules write need no allocation.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::{SmolStr, format_smolstr};

use super::Values;
use crate::time::Wall;

/// Most values of a list read from outside (L9).
const LIST_MAX: usize = 65_536;

/// A value. The formats have no fractions, so there are none here. A time is
/// the text it is written as, and equal to it.
#[derive(Clone, Debug, Default)]
pub enum Datum {
    /// Not there, or not known.
    #[default]
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text; up to 23 bytes lie in place.
    Text(SmolStr),
    /// A time, not written out yet; what is read is a text.
    At(Wall),
    /// A list.
    List(Box<[Datum]>),
    /// An object.
    Named(Box<Values>),
}

impl Datum {
    /// A word of the program, not copied.
    pub(crate) const fn word(word: &'static str) -> Self {
        Self::Text(SmolStr::new_static(word))
    }

    /// The text, if it is one that is written out.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null
            | Self::Bool(_)
            | Self::Int(_)
            | Self::At(_)
            | Self::List(_)
            | Self::Named(_) => None,
        }
    }

    /// The whole number, if it is one.
    #[must_use]
    pub const fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            Self::Null
            | Self::Bool(_)
            | Self::Text(_)
            | Self::At(_)
            | Self::List(_)
            | Self::Named(_) => None,
        }
    }

    /// Yes or no, if it is that.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(yes) => Some(*yes),
            Self::Null
            | Self::Int(_)
            | Self::Text(_)
            | Self::At(_)
            | Self::List(_)
            | Self::Named(_) => None,
        }
    }
}

impl PartialEq for Datum {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::At(a), Self::At(b)) => a == b,
            (Self::At(at), Self::Text(text)) | (Self::Text(text), Self::At(at)) => {
                *text == written(*at)
            }
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Named(a), Self::Named(b)) => a == b,
            (
                Self::Null
                | Self::Bool(_)
                | Self::Int(_)
                | Self::Text(_)
                | Self::At(_)
                | Self::List(_)
                | Self::Named(_),
                _,
            ) => false,
        }
    }
}

impl Eq for Datum {}

impl Hash for Datum {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Null => 0u8.hash(state),
            Self::Bool(yes) => (1u8, yes).hash(state),
            Self::Int(n) => (2u8, n).hash(state),
            Self::Text(text) => (3u8, text).hash(state),
            Self::At(at) => (3u8, written(*at)).hash(state),
            Self::List(list) => (4u8, list).hash(state),
            Self::Named(values) => (5u8, values).hash(state),
        }
    }
}

fn written(at: Wall) -> SmolStr {
    match at.stamp() {
        Some(stamp) => stamp.as_str().into(),
        None => format_smolstr!("{at}"),
    }
}

impl From<()> for Datum {
    fn from((): ()) -> Self {
        Self::Null
    }
}

impl From<bool> for Datum {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

macro_rules! whole {
    ($($from:ty),+) => {$(
        impl From<$from> for Datum {
            fn from(n: $from) -> Self {
                Self::Int(i64::from(n))
            }
        }
    )+};
}
whole!(u8, u16, u32, i32, i64);

/// Counts of what is in memory.
impl From<usize> for Datum {
    fn from(n: usize) -> Self {
        Self::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl From<&str> for Datum {
    fn from(text: &str) -> Self {
        Self::Text(SmolStr::new(text))
    }
}

impl From<String> for Datum {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<SmolStr> for Datum {
    fn from(text: SmolStr) -> Self {
        Self::Text(text)
    }
}

impl From<Wall> for Datum {
    fn from(at: Wall) -> Self {
        Self::At(at)
    }
}

impl From<Values> for Datum {
    fn from(values: Values) -> Self {
        Self::Named(Box::new(values))
    }
}

impl<T: Into<Self>> From<Option<T>> for Datum {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Datum {
    fn from(list: Vec<T>) -> Self {
        list.into_iter().collect()
    }
}

impl<T: Into<Self>> FromIterator<T> for Datum {
    fn from_iter<I: IntoIterator<Item = T>>(list: I) -> Self {
        Self::List(list.into_iter().map(Into::into).collect())
    }
}

/// As JSON writes it.
impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl Serialize for Datum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(yes) => serializer.serialize_bool(*yes),
            Self::Int(n) => serializer.serialize_i64(*n),
            Self::Text(text) => serializer.serialize_str(text),
            Self::At(at) => serializer.serialize_str(&written(*at)),
            Self::List(list) => serializer.collect_seq(list),
            Self::Named(values) => values.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Datum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyDatum)
    }
}

struct AnyDatum;

impl<'de> Visitor<'de> for AnyDatum {
    type Value = Datum;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a boolean, a whole number, a text, a list or an object")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Datum, E> {
        Ok(Datum::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, yes: bool) -> Result<Datum, E> {
        Ok(Datum::Bool(yes))
    }

    fn visit_i64<E: serde::de::Error>(self, n: i64) -> Result<Datum, E> {
        Ok(Datum::Int(n))
    }

    fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<Datum, E> {
        let far = |_| E::invalid_value(serde::de::Unexpected::Unsigned(n), &self);
        i64::try_from(n).map(Datum::Int).map_err(far)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Datum, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Datum, A::Error> {
        let mut list: Vec<Datum> = Vec::new();
        while let Some(datum) = seq.next_element()? {
            if list.len() == LIST_MAX {
                return Err(serde::de::Error::invalid_length(LIST_MAX + 1, &self));
            }
            list.push(datum);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Datum, A::Error> {
        Values::read(map).map(Datum::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_says_comes_back_the_same() {
        let text =
            r#"{"a":null,"b":[true,-3,"short",["a text of more than 23 bytes"]],"c":{"d":0}}"#;
        let datum: Datum = serde_json::from_str(text).unwrap();
        assert_eq!(datum.to_string(), text);
    }

    /// A text in place, a static one and an allocated one are one value.
    #[test]
    fn how_a_text_is_kept_makes_no_difference() {
        let word = "a text of more than 23 bytes";
        let kept = Datum::Text(SmolStr::new_static(word));
        assert_eq!(kept, Datum::from(word));
        assert_eq!(Datum::from("ok"), Datum::Text(SmolStr::new_static("ok")));
    }

    /// A record that was read back is what was judged (law L6).
    #[test]
    fn a_time_is_the_text_it_is_written_as() {
        let digest = |d: &Datum| {
            let mut hasher = std::hash::DefaultHasher::new();
            d.hash(&mut hasher);
            hasher.finish()
        };
        for text in [
            "2026-11-24T08:00:00+08:00",
            "2026-11-24T08:00:00.125+08:00",
            "1970-01-01T08:00:00+08:00",
        ] {
            let at = Datum::from(Wall::parse(text).unwrap());
            let read: Datum = serde_json::from_str(&at.to_string()).unwrap();
            assert_eq!(read.as_str(), Some(text));
            assert_eq!((&read, &at), (&at, &read));
            assert_eq!(digest(&read), digest(&at));
            assert_ne!(at, Datum::from("2026-11-24T08:00:01+08:00"));
        }
    }

    #[test]
    fn fractions_and_numbers_beyond_64_bits_are_refused() {
        for text in ["1.5", "18446744073709551615"] {
            assert!(serde_json::from_str::<Datum>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_datum_is_as_small_as_a_text() {
        assert_eq!(size_of::<Datum>(), size_of::<String>());
    }

    #[test]
    fn each_kind_answers_for_itself_alone() {
        let all = [
            Datum::Null,
            true.into(),
            7.into(),
            "x".into(),
            vec![1].into(),
            Values::new().into(),
        ];
        let told = |d: &Datum| (d.as_bool(), d.as_i64(), d.as_str().map(str::to_owned));
        let told: Vec<_> = all.iter().map(told).collect();
        let none = (None, None, None);
        let expected = [
            none.clone(),
            (Some(true), None, None),
            (None, Some(7), None),
            (None, None, Some("x".to_owned())),
            none.clone(),
            none,
        ];
        assert_eq!(told, expected);
    }
}
