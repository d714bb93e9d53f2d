//! Balances in a file: one JSON object by declaration (FORMATS 3), the list or
//! the whole message of a reconciliation (FORMATS 6), or either a line.

use std::collections::BTreeMap;
use std::path::Path;

use lanegate_core::model::{Balance, DeclarationId, Fault, Kg, LastTaken, Reservation, parse_json};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::cli::files::{FileFault, of_lines};
use crate::cli::lines::{self, Unread};
use crate::store::LineFault;

type Balances = BTreeMap<DeclarationId, Balance>;

/// One declaration's balance, as a reconciliation lists it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    declaration: DeclarationId,
    #[serde(default)]
    issued: u32,
    #[serde(default)]
    passed: u32,
    #[serde(default)]
    goods_kg_issued: Kg,
    #[serde(default)]
    vehicles: Vec<String>,
    #[serde(default)]
    reserved: Vec<Reservation>,
    #[serde(default)]
    unsettled: Vec<Reservation>,
    #[serde(default)]
    last: Option<LastTaken>,
}

impl Entry {
    fn into_pair(self) -> (DeclarationId, Balance) {
        let balance = Balance {
            issued: self.issued,
            passed: self.passed,
            goods_kg_issued: self.goods_kg_issued,
            vehicles: self.vehicles,
            reserved: self.reserved,
            unsettled: self.unsettled,
            last: self.last,
        };
        (self.declaration, balance)
    }
}

/// Every balance, or every fault.
pub(super) fn read(file: &Path) -> Result<Balances, Unread> {
    let text = lines::text(file)?;
    of(&text).map_err(|faults| {
        let faults = of_lines(file, faults);
        let none = || vec![FileFault::whole(file, "no balance is in it")];
        Unread::Faulty(if faults.is_empty() { none() } else { faults })
    })
}

fn of(text: &str) -> Result<Balances, Vec<LineFault>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reading = Reading {
        text,
        balances: Balances::new(),
        faults: Vec::new(),
    };
    let first = text.lines().find(|line| !line.trim().is_empty());
    let is_json = |text: &str| serde_json::from_str::<&RawValue>(text).is_ok();
    match serde_json::from_str::<&RawValue>(text) {
        Ok(whole) => reading.value(whole.get(), ""),
        // Lines, if the first one is complete in itself.
        Err(_) if first.is_some_and(is_json) => {
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                reading.value(line, "");
            }
        }
        Err(error) => reading.faults.push(LineFault {
            line: error.line() as u64,
            path: String::new(),
            why: error.to_string(),
        }),
    }
    if reading.faults.is_empty() {
        return Ok(reading.balances);
    }
    reading.faults.sort();
    Err(reading.faults)
}

struct Reading<'a> {
    text: &'a str,
    balances: Balances,
    faults: Vec<LineFault>,
}

impl<'a> Reading<'a> {
    /// A slice of the text that is one JSON value.
    fn value(&mut self, value: &'a str, path: &str) {
        match value.trim_start().as_bytes().first() {
            Some(b'[') => match serde_json::from_str::<Vec<&'a RawValue>>(value) {
                Ok(list) => {
                    for (i, entry) in list.into_iter().enumerate() {
                        self.entry(entry.get(), &format!("{path}[{i}]"));
                    }
                }
                Err(error) => self.fault(value, path, error.to_string()),
            },
            Some(b'{') => match serde_json::from_str::<Pairs<'a>>(value) {
                Ok(Pairs(pairs)) => self.object(value, pairs, path),
                Err(error) => self.fault(value, path, error.to_string()),
            },
            Some(_) | None => {
                let why = "an object of balances by declaration, or a list of them, is expected";
                self.fault(value, path, why);
            }
        }
    }

    fn object(&mut self, value: &'a str, pairs: Vec<(String, &'a RawValue)>, path: &str) {
        if pairs.iter().any(|(key, _)| key == "declaration") {
            return self.entry(value, path);
        }
        if pairs.iter().any(|(key, _)| key == "ledger") {
            for (key, raw) in pairs {
                match key.as_str() {
                    "ledger" => self.value(raw.get(), "ledger"),
                    "genesis" | "through" => {}
                    other => {
                        let why = "unknown field; beside ledger only genesis and through";
                        self.fault(raw.get(), other, why);
                    }
                }
            }
            return;
        }
        for (key, raw) in pairs {
            match DeclarationId::parse(&key) {
                Err(error) => self.fault(raw.get(), &key, error.to_string()),
                Ok(id) => match parse_json::<Balance>(raw.get()) {
                    Ok(balance) => self.take(raw.get(), &key, id, balance),
                    Err(fault) => self.fault_within(raw.get(), &key, &fault),
                },
            }
        }
    }

    fn entry(&mut self, value: &'a str, path: &str) {
        match parse_json::<Entry>(value) {
            Ok(entry) => {
                let (id, balance) = entry.into_pair();
                self.take(value, path, id, balance);
            }
            Err(fault) => self.fault_within(value, path, &fault),
        }
    }

    fn take(&mut self, value: &'a str, path: &str, id: DeclarationId, balance: Balance) {
        if balance.passed > balance.issued {
            let fault = Fault::new("passed", "more than issued");
            self.fault_within(value, path, &fault);
        }
        if balance.goods_kg_issued.0 < 0 {
            let fault = Fault::new("goods_kg_issued", "may not be negative");
            self.fault_within(value, path, &fault);
        }
        if self.balances.contains_key(&id) {
            self.fault(value, path, format!("declaration {id} comes twice"));
        }
        self.balances.insert(id, balance);
    }

    fn fault_within(&mut self, value: &'a str, path: &str, fault: &Fault) {
        let path = match (path, fault.path.as_str()) {
            (_, "" | ".") => path.to_owned(),
            ("", inner) => inner.to_owned(),
            (outer, inner) => format!("{outer}.{inner}"),
        };
        self.fault(value, &path, fault.why.clone());
    }

    /// `value` is a slice of the text: its place says the line.
    fn fault(&mut self, value: &'a str, path: &str, why: impl Into<String>) {
        let offset = value
            .as_ptr()
            .addr()
            .saturating_sub(self.text.as_ptr().addr());
        let before = self.text.as_bytes().iter().take(offset);
        self.faults.push(LineFault {
            line: 1 + before.filter(|byte| **byte == b'\n').count() as u64,
            path: path.to_owned(),
            why: why.into(),
        });
    }
}

/// The fields of an object in their order, also those named twice.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        d.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BALANCE: &str = "\"issued\":3,\"passed\":2,\"goods_kg_issued\":54000";

    #[test]
    fn every_shape_of_a_ledger_says_the_same() {
        let by_id = format!("{{\"D-1\":{{{BALANCE}}},\n \"D-2\":{{}}}}");
        let entries = [
            format!("{{\"declaration\":\"D-1\",{BALANCE}}}"),
            "{\"declaration\":\"D-2\"}".to_owned(),
        ];
        let list = format!("[{}]", entries.join(",\n"));
        let message = format!("{{\"genesis\":\"00\",\"through\":91,\"ledger\":{list}}}");
        let lines = format!("{{\"D-1\":{{{BALANCE}}}}}\n{}\n", entries[1]);
        let due = of(&by_id).unwrap();
        assert_eq!(due.len(), 2);
        for text in [list, message, lines, entries.join("\n")] {
            assert_eq!(of(&text).unwrap(), due, "{text}");
        }
        assert_eq!(of("{}").unwrap(), Balances::new());
    }

    #[test]
    fn every_fault_is_named_by_line_and_path() {
        let text = "{\"D-1\":{\"issued\":-1},\n\"a b\":{},\n\"D-2\":{\"passed\":2,\n\"issued\":1},\"D-2\":{}}";
        let faults = of(text).unwrap_err();
        let places: Vec<_> = faults.iter().map(|f| (f.line, f.path.as_str())).collect();
        let due = [(1, "D-1.issued"), (2, "a b"), (3, "D-2.passed"), (4, "D-2")];
        assert_eq!(places, due, "{faults:?}");
        for text in ["1", "{", "[1]", "{\"ledger\":[],\"more\":1}", ""] {
            assert_eq!(of(text).unwrap_err().len(), 1, "{text}");
        }
    }
}
