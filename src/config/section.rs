//! Reads one table of the file against its list of keys: what is missing,
//! misspelt or of the wrong shape is a fault with its line, and reading goes
//! on, so that one run lists them all.

use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Sink;
use super::keys::{Key, Rule};

/// One table.
pub(super) struct Section<'t> {
    /// Where it stands, like `lane[0].io`.
    pub(super) path: String,
    line: usize,
    table: Option<&'t DeTable<'t>>,
    keys: &'static [Key],
    sink: &'t Sink,
}

impl<'t> Section<'t> {
    /// The whole file.
    pub(super) fn root(table: &'t DeTable<'t>, keys: &'static [Key], sink: &'t Sink) -> Self {
        let section = Self {
            path: String::new(),
            line: 1,
            table: Some(table),
            keys,
            sink,
        };
        section.report_unknown();
        section
    }

    /// The table `name`; where it is not written all its defaults hold.
    pub(super) fn section(&self, name: &str, keys: &'static [Key]) -> Section<'t> {
        let table = self.value(name).and_then(|value| {
            let table = value.get_ref().as_table();
            if table.is_none() {
                self.fault(name, format!("write a table: [{}]", self.path_of(name)));
            }
            table
        });
        let section = Section {
            path: self.path_of(name),
            line: self.value(name).map_or(self.line, |v| self.line_of(v)),
            table,
            keys,
            sink: self.sink,
        };
        section.report_unknown();
        section
    }

    /// Every table of the list `name`.
    pub(super) fn sections(&self, name: &str, keys: &'static [Key]) -> Vec<Section<'t>> {
        let Some(value) = self.value(name) else {
            return Vec::new();
        };
        let path = self.path_of(name);
        let Some(list) = value.get_ref().as_array() else {
            self.fault(name, format!("write each as its own table: [[{name}]]"));
            return Vec::new();
        };
        let section = |(i, item): (usize, &'t Spanned<DeValue<'t>>)| {
            let (path, line) = (format!("{path}[{i}]"), self.line_of(item));
            self.sink.place(&path, line);
            let section = Section {
                path,
                line,
                table: item.get_ref().as_table(),
                keys,
                sink: self.sink,
            };
            if section.table.is_none() {
                let why = format!("is no table: write [[{name}]]");
                self.sink.fault_at(line, &section.path, why);
            }
            section.report_unknown();
            section
        };
        list.iter().enumerate().map(section).collect()
    }

    /// Whether `name` is written.
    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// A key that is required or has a default. None after a fault.
    pub(super) fn need<T>(
        &self,
        name: &str,
        read: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        match (self.value(name), self.rule(name)) {
            (Some(value), _) => self.read(name, value, read),
            (None, Rule::Default(text)) => {
                let value = DeValue::parse(text).expect("a default is a TOML value");
                Some(read(value.get_ref()).expect("a default can be read"))
            }
            (None, Rule::Required(example)) => {
                self.fault(name, format!("is missing: write {name} = {example}"));
                None
            }
            (None, Rule::Optional) => unreachable!("{name} is optional: use maybe"),
        }
    }

    /// An optional key: None after a fault, Some(None) where it is absent.
    pub(super) fn maybe<T>(
        &self,
        name: &str,
        read: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<Option<T>> {
        match self.value(name) {
            Some(value) => self.read(name, value, read).map(Some),
            None => Some(None),
        }
    }

    /// A fault of one key of this table.
    pub(super) fn fault(&self, name: &str, why: impl Into<String>) {
        let line = self.value(name).map_or(self.line, |v| self.line_of(v));
        self.sink.fault_at(line, &self.path_of(name), why);
    }

    /// The full path of a key.
    pub(super) fn path_of(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    fn read<T>(
        &self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        read: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        read(value.get_ref())
            .map_err(|why| self.fault(name, why))
            .ok()
    }

    fn value(&self, name: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        let value = self.table?.get(name)?;
        self.sink.place(&self.path_of(name), self.line_of(value));
        Some(value)
    }

    fn rule(&self, name: &str) -> Rule {
        let key = self.keys.iter().find(|key| key.name == name);
        key.expect("every key read is in the table of keys").rule
    }

    fn line_of(&self, value: &Spanned<DeValue<'_>>) -> usize {
        self.sink.line_at(value.span().start)
    }

    fn report_unknown(&self) {
        let Some(table) = self.table else { return };
        for name in table.keys() {
            if !self
                .keys
                .iter()
                .any(|key| key.name == name.get_ref().as_ref())
            {
                let known: Vec<_> = self.keys.iter().map(|key| key.name).collect();
                let why = format!("is not known here; known: {}", known.join(", "));
                let line = self.sink.line_at(name.span().start);
                self.sink.fault_at(line, &self.path_of(name.get_ref()), why);
            }
        }
    }
}

/// A text that is not empty.
pub(super) fn text(value: &DeValue<'_>) -> Result<String, String> {
    match value.as_str() {
        Some("") => Err("is empty".to_owned()),
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("is a {}: write a text in quotes", value.type_str())),
    }
}

/// A text that `parse` accepts.
pub(super) fn parsed<T, E: std::fmt::Display>(
    parse: impl Fn(&str) -> Result<T, E>,
) -> impl Fn(&DeValue<'_>) -> Result<T, String> {
    move |value| parse(&text(value)?).map_err(|why| why.to_string())
}

/// A whole number in a range.
pub(super) fn number(range: RangeInclusive<u64>) -> impl Fn(&DeValue<'_>) -> Result<u64, String> {
    move |value| {
        let (least, most) = (range.start(), range.end());
        let wanted = format!("write a whole number from {least} to {most}");
        let Some(integer) = value.as_integer() else {
            return Err(format!("is a {}: {wanted}", value.type_str()));
        };
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(n) if range.contains(&n) => Ok(n),
            Ok(_) | Err(_) => Err(format!("is {}: {wanted}", integer.as_str())),
        }
    }
}

/// true or false.
pub(super) fn flag(value: &DeValue<'_>) -> Result<bool, String> {
    let wrong = || format!("is a {}: write true or false", value.type_str());
    value.as_bool().ok_or_else(wrong)
}

/// One of some words.
pub(super) fn word<T: Copy>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&DeValue<'_>) -> Result<T, String> {
    move |value| {
        let text = text(value)?;
        let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let found = words.iter().find(|(word, _)| *word == text);
        found
            .map(|(_, meaning)| *meaning)
            .ok_or_else(|| format!("\"{text}\" is none of {}", all.join(", ")))
    }
}

/// A list, each item read by `read`.
pub(super) fn list<T>(
    read: impl Fn(&DeValue<'_>) -> Result<T, String>,
) -> impl Fn(&DeValue<'_>) -> Result<Vec<T>, String> {
    move |value| {
        let wrong = || format!("is a {}: write a list in brackets", value.type_str());
        let items = value.as_array().ok_or_else(wrong)?;
        items.iter().map(|item| read(item.get_ref())).collect()
    }
}
