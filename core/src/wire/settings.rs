//! What a protocol lets the operator set, as texts, each checked against a
//! table that also documents it.

use std::collections::BTreeMap;

/// Settings as configured, name to text.
pub type Settings = BTreeMap<String, String>;

/// One setting of a protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What holds if it is not set.
    pub default: &'static str,
    /// What may be set.
    pub values: Values,
    /// What it means.
    pub meaning: &'static str,
}

/// What may be set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Values {
    /// One of these words.
    Words(&'static [&'static str]),
    /// A whole number.
    Number {
        /// Smallest.
        min: u32,
        /// Largest.
        max: u32,
    },
    /// Any text of up to so many characters; what it must say beyond that the
    /// protocol checks itself.
    Text {
        /// Most characters.
        len_max: usize,
    },
}

/// A setting that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("setting {name}: {why}")]
pub struct SettingFault {
    /// Which.
    pub name: String,
    /// What is wrong and what to write instead.
    pub why: String,
}

impl Values {
    fn fault(self, text: &str) -> Option<String> {
        match self {
            Self::Words(words) if words.contains(&text) => None,
            Self::Words(words) => Some(format!("\"{text}\" is none of {}", words.join(", "))),
            Self::Number { min, max } => match text.parse::<u32>() {
                Ok(n) if (min..=max).contains(&n) => None,
                Ok(_) | Err(_) => Some(format!("\"{text}\" is no number from {min} to {max}")),
            },
            Self::Text { len_max } if text.chars().count() <= len_max => None,
            Self::Text { len_max } => Some(format!("longer than {len_max} characters")),
        }
    }
}

/// All faults of `settings` against `table`, in the order of names.
pub(super) fn faults(table: &[Setting], settings: &Settings) -> Vec<SettingFault> {
    let fault = |name: &String, text: &String| match table.iter().find(|s| s.name == name) {
        Some(setting) => setting.values.fault(text),
        None => Some(format!("not known here; known: {}", names(table))),
    };
    settings
        .iter()
        .filter_map(|(name, text)| {
            let why = fault(name, text)?;
            let name = name.clone();
            Some(SettingFault { name, why })
        })
        .collect()
}

fn names(table: &[Setting]) -> String {
    let names: Vec<_> = table.iter().map(|s| s.name).collect();
    names.join(", ")
}

/// The text set for `name`, or the table's default. Call after [`faults`].
pub(super) fn text<'a>(table: &[Setting], settings: &'a Settings, name: &str) -> &'a str {
    let default = table.iter().find(|s| s.name == name).map(|s| s.default);
    match settings.get(name) {
        Some(text) => text,
        None => default.expect("only settings of the table are asked for"),
    }
}

/// The number set for `name`. Call after [`faults`].
pub(super) fn number(table: &[Setting], settings: &Settings, name: &str) -> u32 {
    let text = text(table, settings, name);
    text.parse().expect("checked against the table")
}
