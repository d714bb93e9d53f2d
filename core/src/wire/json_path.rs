//! JSON as devices send it, and paths into it: what a field map is made of.
//! Numbers keep their digits; none ever becomes a float.
//!
//! A path is keys with `.` between them; `[0]` is the first of a list, `[]`
//! each of them: `result.plates[].text`, `[].id`, `a[0].b`. A key stands for
//! itself; one with a `.`, `[` or `]` in it cannot be named.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Deepest nesting read; what lies deeper makes the document unreadable.
const DEPTH_MAX: usize = 24;
/// Most values in one document (L9).
const NODES_MAX: usize = 100_000;
/// Most steps of a path.
const STEPS_MAX: usize = 16;
/// Longest text of a path.
const PATH_LEN_MAX: usize = 128;
/// Most values one path finds.
const FOUND_MAX: usize = 256;
/// Longest number read as one, and its largest exponent.
const NUMBER_LEN_MAX: usize = 40;
const EXPONENT_MAX: u32 = 20;

/// A JSON value whose numbers are still text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// An object, in the order sent.
    Map(Vec<(String, Node)>),
}

/// Why bytes are no document.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NodeFault {
    /// Not UTF-8.
    #[error("not UTF-8")]
    Encoding,
    /// Not JSON, or a key twice in one object.
    #[error("{0}")]
    Syntax(String),
    /// Nested deeper, or more values, than any device sends.
    #[error("nested deeper than {DEPTH_MAX} or more than {NODES_MAX} values")]
    TooLarge,
}

impl Node {
    /// Reads one document, whole.
    ///
    /// # Errors
    /// It is none, or larger than is read.
    pub fn parse(bytes: &[u8]) -> Result<Self, NodeFault> {
        let text = std::str::from_utf8(bytes).map_err(|_| NodeFault::Encoding)?;
        let raw: &RawValue = serde_json::from_str(text).map_err(|e| syntax(&e))?;
        node(raw, 0, &mut 0)
    }

    /// The member `key` of an object.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::List(_) => None,
        }
    }

    /// A text, number or truth value as text; none of anything else.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(Cow::Borrowed(text)),
            Self::Bool(true) => Some(Cow::Borrowed("true")),
            Self::Bool(false) => Some(Cow::Borrowed("false")),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// A number, also one written as a text, times ten to the `places`;
    /// further digits are cut off. `0.719` in two places is 71.
    #[must_use]
    pub fn scaled(&self, places: u8) -> Option<i64> {
        match self {
            Self::Text(text) | Self::Number(text) => scaled(text.trim(), places),
            Self::Null | Self::Bool(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// A whole number, also one written as a text; `2.5` is none, `2.0` is.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        let whole = self.scaled(0)?;
        (self.scaled(6)? == whole.checked_mul(1_000_000)?).then_some(whole)
    }
}

fn syntax(error: &serde_json::Error) -> NodeFault {
    NodeFault::Syntax(error.to_string().chars().take(120).collect())
}

/// An object's members, each still unread.
struct Members<'a>(Vec<(String, &'a RawValue)>);
/// A list's values, each still unread.
struct Values<'a>(Vec<&'a RawValue>);

fn node(raw: &RawValue, depth: usize, nodes: &mut usize) -> Result<Node, NodeFault> {
    *nodes += 1;
    if depth > DEPTH_MAX || *nodes > NODES_MAX {
        return Err(NodeFault::TooLarge);
    }
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text).map_err(|e| syntax(&e))?;
            let read = |(key, raw)| Ok((key, node(raw, depth + 1, nodes)?));
            Ok(Node::Map(
                members.into_iter().map(read).collect::<Result<_, _>>()?,
            ))
        }
        Some(b'[') => {
            let Values(values) = serde_json::from_str(text).map_err(|e| syntax(&e))?;
            let read = |raw| node(raw, depth + 1, nodes);
            Ok(Node::List(
                values.into_iter().map(read).collect::<Result<_, _>>()?,
            ))
        }
        Some(b'"') => serde_json::from_str(text)
            .map(Node::Text)
            .map_err(|e| syntax(&e)),
        Some(b't') => Ok(Node::Bool(true)),
        Some(b'f') => Ok(Node::Bool(false)),
        Some(b'n') => Ok(Node::Null),
        _ => Ok(Node::Number(text.to_owned())),
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Objects;
        impl<'de> Visitor<'de> for Objects {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(String, &RawValue)> = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    if members.len() >= NODES_MAX {
                        return Err(serde::de::Error::custom("too many members"));
                    }
                    members.push((key, map.next_value()?));
                }
                // Two values under one key: which of them holds is a doubt.
                let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
                keys.sort_unstable();
                match keys.windows(2).find(|pair| pair[0] == pair[1]) {
                    Some(_) => Err(serde::de::Error::custom("a key stands twice")),
                    None => Ok(Members(members)),
                }
            }
        }
        from.deserialize_map(Objects)
    }
}

impl<'de> Deserialize<'de> for Values<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Lists;
        impl<'de> Visitor<'de> for Lists {
            type Value = Values<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = seq.next_element()? {
                    if values.len() >= NODES_MAX {
                        return Err(serde::de::Error::custom("too many values"));
                    }
                    values.push(value);
                }
                Ok(Values(values))
            }
        }
        from.deserialize_seq(Lists)
    }
}

/// Decimal text times ten to the `places`, cut off towards zero.
fn scaled(text: &str, places: u8) -> Option<i64> {
    if text.len() > NUMBER_LEN_MAX {
        return None;
    }
    let (minus, digits) = text.strip_prefix('-').map_or((false, text), |t| (true, t));
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let dangling = mantissa.ends_with('.');
    if whole.is_empty() || dangling || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    if exponent.unsigned_abs() > EXPONENT_MAX {
        return None;
    }
    // The point moves right by so many digits; zeros are put where none are.
    let point = i32::try_from(whole.len()).ok()? + exponent + i32::from(places);
    let digits = format!("{whole}{fraction}");
    let kept: String = match usize::try_from(point) {
        Ok(point) => digits
            .chars()
            .chain(std::iter::repeat('0'))
            .take(point)
            .collect(),
        Err(_) => String::new(),
    };
    let kept = kept.trim_start_matches('0');
    let size: i64 = if kept.is_empty() {
        0
    } else {
        kept.parse().ok()?
    };
    Some(if minus { -size } else { size })
}

/// One step of a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Step {
    /// The member of that key.
    Key(String),
    /// The value at that place of a list, from 0.
    At(usize),
    /// Every value of a list.
    Each,
}

/// A way into a document.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct JsonPath(Vec<Step>);

/// A text that is no path.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "\"{0}\" is no path: write keys with . between them, [0] for one of a list, [] for each, like result.plates[].text"
)]
pub struct PathFault(String);

impl JsonPath {
    /// Reads a path.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, PathFault> {
        let fault = || PathFault(text.chars().take(PATH_LEN_MAX).collect());
        let steps = steps(text).filter(|steps| (1..=STEPS_MAX).contains(&steps.len()));
        steps
            .filter(|_| text.len() <= PATH_LEN_MAX)
            .map(Self)
            .ok_or_else(fault)
    }

    /// What it leads to, in the order of the document: at most one value
    /// unless the path has a `[]`. What is not there is left out.
    #[must_use]
    pub fn all<'a>(&self, root: &'a Node) -> Vec<&'a Node> {
        let mut at = vec![root];
        for step in &self.0 {
            let mut next = Vec::new();
            for node in at {
                match (step, node) {
                    (Step::Key(key), node) => next.extend(node.member(key)),
                    (Step::At(n), Node::List(list)) => next.extend(list.get(*n)),
                    (Step::Each, Node::List(list)) => next.extend(list),
                    (Step::At(_) | Step::Each, _) => {}
                }
            }
            next.truncate(FOUND_MAX);
            at = next;
        }
        at
    }

    /// The first it leads to; `null` is as good as absent.
    #[must_use]
    pub fn first<'a>(&self, root: &'a Node) -> Option<&'a Node> {
        self.all(root).into_iter().find(|node| **node != Node::Null)
    }

    /// It can lead to more than one value.
    #[must_use]
    pub fn is_many(&self) -> bool {
        self.0.contains(&Step::Each)
    }

    /// The way to each value of the last list on the path, and from there to
    /// the end: `a[].b.c` is `a[]` and `b.c`. None without a `[]`, or if
    /// nothing follows it.
    #[must_use]
    pub fn split_each(&self) -> Option<(Self, Self)> {
        let last = self.0.iter().rposition(|step| *step == Step::Each)?;
        let (head, tail) = self.0.split_at(last + 1);
        (!tail.is_empty()).then(|| (Self(head.to_vec()), Self(tail.to_vec())))
    }
}

fn steps(text: &str) -> Option<Vec<Step>> {
    let (mut steps, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (number, more) = inside.split_once(']')?;
            steps.push(match number {
                "" => Step::Each,
                number if number.bytes().all(|b| b.is_ascii_digit()) => {
                    Step::At(number.parse().ok()?)
                }
                _ => return None,
            });
            rest = more;
        } else {
            let key = match steps.is_empty() {
                true => rest,
                false => rest.strip_prefix('.')?,
            };
            let end = key.find(['.', '[', ']']).unwrap_or(key.len());
            if end == 0 {
                return None;
            }
            steps.push(Step::Key(key[..end].to_owned()));
            rest = &key[end..];
        }
    }
    Some(steps)
}

#[cfg(test)]
mod tests;
