//! Reading TOML tables with every fault at its line, instead of the first.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::model::Kg;

/// Longest text accepted in a policy (L9).
const TEXT_LEN_MAX: usize = 120;

/// Classes, overrides and stops a policy may have (L9).
pub(super) const ENTRIES_MAX: usize = 256;

/// One thing wrong with a policy, and what to write instead.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, serde::Serialize)]
#[error("line {line}: {path}: {why}")]
pub struct PolicyFault {
    /// Line, counted from 1.
    pub line: usize,
    /// Where, like `class[1].weight.over.kg`.
    pub path: String,
    /// What is wrong and what to write.
    pub why: String,
}

/// The faults found so far.
pub(super) struct Faults<'t> {
    text: &'t str,
    pub(super) found: Vec<PolicyFault>,
}

impl<'t> Faults<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self {
            text,
            found: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, offset: usize, path: &str, why: impl Into<String>) {
        let before = self.text.as_bytes().iter().take(offset);
        self.found.push(PolicyFault {
            line: 1 + before.filter(|b| **b == b'\n').count(),
            path: path.to_owned(),
            why: why.into(),
        });
    }
}

/// One table; a key nobody asked for is a fault when it is closed.
pub(super) struct Table<'a, 'i> {
    table: &'a DeTable<'i>,
    path: String,
    offset: usize,
    asked: BTreeSet<&'static str>,
}

type Value<'a, 'i> = &'a Spanned<DeValue<'i>>;

impl<'a, 'i> Table<'a, 'i> {
    pub(super) fn root(table: &'a DeTable<'i>) -> Self {
        Self::new(table, String::new(), 0)
    }

    const fn new(table: &'a DeTable<'i>, path: String, offset: usize) -> Self {
        Self {
            table,
            path,
            offset,
            asked: BTreeSet::new(),
        }
    }

    /// Where this table starts in the text.
    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    /// The full path of `key`.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn ask(&mut self, key: &'static str) -> Option<Value<'a, 'i>> {
        self.asked.insert(key);
        self.table.get(key)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Reports `key` as missing.
    pub(super) fn missing(&self, key: &str, shape: &str, faults: &mut Faults<'_>) {
        let why = format!("is missing: write {key} = {shape}");
        faults.add(self.offset, &self.path(key), why);
    }

    /// The value of `key` as `read` makes it; a fault says `shape`.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        shape: &str,
        faults: &mut Faults<'_>,
        read: impl FnOnce(&DeValue<'i>) -> Option<T>,
    ) -> Option<T> {
        let value = self.ask(key)?;
        let made = read(value.get_ref());
        if made.is_none() {
            let why = format!("write {key} = {shape}");
            faults.add(value.span().start, &self.path(key), why);
        }
        made
    }

    /// Like [`Self::optional`], and its absence is a fault.
    pub(super) fn needed<T>(
        &mut self,
        key: &'static str,
        shape: &str,
        faults: &mut Faults<'_>,
        read: impl FnOnce(&DeValue<'i>) -> Option<T>,
    ) -> Option<T> {
        if !self.has(key) {
            self.missing(key, shape, faults);
        }
        self.optional(key, shape, faults, read)
    }

    /// A table under `key`; anything else there is a fault.
    pub(super) fn table(
        &mut self,
        key: &'static str,
        shape: &str,
        faults: &mut Faults<'_>,
    ) -> Option<Self> {
        let value = self.ask(key)?;
        let (path, start) = (self.path(key), value.span().start);
        let table = value.get_ref().as_table();
        if table.is_none() {
            faults.add(start, &path, format!("write {key} = {shape}"));
        }
        table.map(|table| Self::new(table, path, start))
    }

    /// The tables of an array of tables under `key`.
    pub(super) fn tables(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Vec<Self> {
        let Some(value) = self.ask(key) else {
            return Vec::new();
        };
        let path = self.path(key);
        let Some(array) = value.get_ref().as_array() else {
            faults.add(value.span().start, &path, format!("write [[{path}]]"));
            return Vec::new();
        };
        if array.len() > ENTRIES_MAX {
            let why = format!("at most {ENTRIES_MAX} are accepted");
            faults.add(value.span().start, &path, why);
        }
        let mut tables = Vec::new();
        for (i, item) in array.iter().enumerate() {
            match item.get_ref().as_table() {
                Some(table) => {
                    let path = format!("{path}[{i}]");
                    tables.push(Self::new(table, path, item.span().start));
                }
                None => faults.add(item.span().start, &path, format!("write [[{path}]]")),
            }
        }
        tables
    }

    /// Every key with its text and place, for tables whose keys are data.
    pub(super) fn texts(&self) -> Vec<(String, Option<String>, usize)> {
        let of = |(key, value): (&Spanned<_>, Value<'a, 'i>)| {
            let key: &toml::de::DeString<'i> = key.get_ref();
            let text = text(value.get_ref());
            (key.to_string(), text, value.span().start)
        };
        self.table.iter().map(of).collect()
    }

    /// The table under every key, for tables whose keys are data.
    pub(super) fn tables_by_key(&self, faults: &mut Faults<'_>) -> Vec<(String, Self)> {
        let mut tables = Vec::new();
        for (key, value) in self.table {
            let (key, start) = (key.get_ref().to_string(), value.span().start);
            let path = self.path(&format!("\"{key}\""));
            match value.get_ref().as_table() {
                Some(table) => tables.push((key, Self::new(table, path, start))),
                None => faults.add(start, &path, "write a table [lines.\"plate.unread\"]"),
            }
        }
        tables
    }

    /// Reports the keys nobody asked for.
    pub(super) fn close(self, faults: &mut Faults<'_>) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !self.asked.contains(name) {
                let known: Vec<_> = self.asked.iter().copied().collect();
                let why = format!("is not known here; known are {}", known.join(", "));
                faults.add(key.span().start, &self.path(name), why);
            }
        }
    }
}

/// A text of bounded length without control characters.
pub(super) fn text(value: &DeValue<'_>) -> Option<String> {
    let text = value.as_str()?;
    let fits = !text.trim().is_empty()
        && text.len() <= TEXT_LEN_MAX
        && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// A whole number from `from` to `to`.
pub(super) fn integer(value: &DeValue<'_>, from: i64, to: i64) -> Option<i64> {
    let integer = value.as_integer()?;
    let n = i64::from_str_radix(integer.as_str(), integer.radix()).ok()?;
    (from..=to).contains(&n).then_some(n)
}

/// A whole number from 0 to `to`.
pub(super) fn count<T: TryFrom<i64>>(value: &DeValue<'_>, to: i64) -> Option<T> {
    integer(value, 0, to).and_then(|n| T::try_from(n).ok())
}

/// Kilograms that a tolerance or drift may have.
pub(super) fn kg(value: &DeValue<'_>) -> Option<Kg> {
    integer(value, 0, 100_000).map(Kg)
}

/// A word of one of the published lists.
pub(super) fn word<T: DeserializeOwned>(value: &DeValue<'_>) -> Option<T> {
    let text = value.as_str()?.to_owned();
    serde_json::from_value(serde_json::Value::String(text)).ok()
}
