//! Declarations from a file: JSON Lines or CSV. Refused whole if any line is
//! faulty, with every fault of every line listed (L10).
//!
//! A spreadsheet turns a long number into `5.3452E+17` or puts an apostrophe in
//! front of it. Neither is undone here: which digits were there is not known,
//! and a number guessed right is still a guess.

use std::collections::BTreeMap;

use csv::StringRecord;
use lanegate_core::model::{Declaration, DeclarationId, Fault, parse_json};
use serde_json::{Map, Value, json};

/// Longest line or CSV record read (L9).
const LINE_LEN_MAX: usize = 256 << 10;

/// One fault of a file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct LineFault {
    /// Counted from 1.
    pub line: u64,
    /// Where in the line: a path of the JSON, or a column.
    pub path: String,
    /// What is wrong and what to write instead.
    pub why: String,
}

impl std::fmt::Display for LineFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, path, why } = self;
        if path.is_empty() || path == "." {
            write!(f, "line {line}: {why}")
        } else {
            write!(f, "line {line}: {path}: {why}")
        }
    }
}

/// Reads one declaration a line; empty lines are skipped.
///
/// # Errors
/// Every fault of every line.
pub fn parse_json_lines(text: &str) -> Result<Vec<Declaration>, Vec<LineFault>> {
    let mut file = File::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (line, text) in (1..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        if text.len() > LINE_LEN_MAX {
            file.fault(line, Fault::new("", "longer than 256 KiB"));
            continue;
        }
        match parse_json::<Declaration>(text) {
            Ok(declaration) => file.take(line, declaration),
            Err(fault) => file.fault(line, fault),
        }
    }
    file.finish()
}

/// Columns of a CSV file with where each goes; the first ones are needed.
const COLUMNS_NEEDED: [&str; 14] = [
    "id",
    "form",
    "version",
    "status",
    "direction",
    "port",
    "enterprise",
    "class",
    "plates",
    "tare_kg",
    "load",
    "goods_gross_kg",
    "valid_from",
    "valid_until",
];
const COLUMNS_OPTIONAL: [&str; 13] = [
    "tare_at",
    "tag",
    "trailer",
    "trailer_tare_kg",
    "driver_card",
    "container",
    "container_tare_kg",
    "seals",
    "packages",
    "trips",
    "trips_goods_kg",
    "settle_by",
    "controller",
];

/// Reads a CSV file with a header: one declaration a record, with one vehicle
/// and at most one trailer and one container. `plates` and `seals` are lists
/// separated by `|`; an empty cell is absent; `trips` makes it a consolidated
/// list.
///
/// # Errors
/// Every fault of every record.
pub fn parse_csv(text: &str) -> Result<Vec<Declaration>, Vec<LineFault>> {
    let mut file = File::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => {
            file.fault(1, Fault::new("", error.to_string()));
            return file.finish();
        }
    };
    let complete = check_header(&header, &mut file);
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                file.fault(line, Fault::new("", error.to_string()));
                continue;
            }
        };
        let line = record.position().map_or(1, csv::Position::line);
        let cells: BTreeMap<&str, &str> = header
            .iter()
            .zip(record.iter())
            .filter(|(_, cell)| !cell.is_empty())
            .collect();
        let wrong = id_faults(&cells);
        let usable = complete && wrong.is_empty() && record_fits(&record, line, &mut file);
        wrong.into_iter().for_each(|fault| file.fault(line, fault));
        if usable {
            match parse_json::<Declaration>(&to_json(&cells).to_string()) {
                Ok(declaration) => file.take(line, declaration),
                Err(fault) => file.fault(line, fault),
            }
        }
    }
    file.finish()
}

/// How many ids end in 000: in a file from a spreadsheet many such are a sign
/// of numbers rounded to 15 digits.
#[must_use]
pub fn rounded_looking(declarations: &[Declaration]) -> usize {
    let ids = declarations.iter().map(|d| d.id.as_str());
    ids.filter(|id| id.len() > 15 && id.ends_with("000"))
        .count()
}

fn check_header(header: &StringRecord, file: &mut File) -> bool {
    let faults_before = file.faults.len();
    for name in COLUMNS_NEEDED {
        if !header.iter().any(|column| column == name) {
            file.fault(1, Fault::new(name, "this column is needed"));
        }
    }
    for (i, name) in header.iter().enumerate() {
        if !COLUMNS_NEEDED.contains(&name) && !COLUMNS_OPTIONAL.contains(&name) {
            file.fault(1, Fault::new(name, "no such column"));
        }
        if header.iter().take(i).any(|earlier| earlier == name) {
            file.fault(1, Fault::new(name, "this column occurs twice"));
        }
    }
    file.faults.len() == faults_before
}

fn record_fits(record: &StringRecord, line: u64, file: &mut File) -> bool {
    let fits = record.as_slice().len() <= LINE_LEN_MAX;
    if !fits {
        file.fault(line, Fault::new("", "longer than 256 KiB"));
    }
    fits
}

/// What spreadsheets do to numbers of documents.
fn id_faults(cells: &BTreeMap<&str, &str>) -> Vec<Fault> {
    let id = cells.get("id").copied().unwrap_or_default();
    let why = if id.is_empty() {
        "may not be empty"
    } else if id.starts_with('\'') {
        "leading apostrophe: export the column as text without one"
    } else if is_spreadsheet_number(id) {
        "spreadsheet number format: the digits are lost; export the column as text"
    } else if cells.get("form") == Some(&"bill") && !is_bill_number(id) {
        "wrong kind of document: a bill (报关单) has 18 digits"
    } else {
        return Vec::new();
    };
    vec![Fault::new("id", why)]
}

/// One digit, a fraction and an exponent, as in `5.3452E+17`.
fn is_spreadsheet_number(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.trim_start_matches(['+', '-']);
    whole.len() == 1 && digits(whole) && digits(fraction) && digits(exponent)
}

/// 报关单: customs 4, year 4, import or export 1, sequence 9.
fn is_bill_number(id: &str) -> bool {
    id.len() == 18 && id.bytes().all(|b| b.is_ascii_digit())
}

fn to_json(cells: &BTreeMap<&str, &str>) -> Value {
    let text = |name: &str| cells.get(name).map(|cell| json!(cell));
    let number = |name: &str| cells.get(name).map(|cell| as_number(cell));
    let list = |name: &str| {
        let cell = cells.get(name)?;
        let parts: Vec<&str> = cell.split('|').map(str::trim).collect();
        Some(json!(parts))
    };
    let mut object = Map::new();
    for name in [
        "id",
        "form",
        "status",
        "direction",
        "port",
        "enterprise",
        "class",
        "load",
        "valid_from",
        "valid_until",
        "settle_by",
        "controller",
    ] {
        put(&mut object, name, text(name));
    }
    for name in ["version", "goods_gross_kg", "packages"] {
        put(&mut object, name, number(name));
    }
    let mut vehicle = Map::new();
    put(&mut vehicle, "plates", list("plates"));
    put(&mut vehicle, "tare_kg", number("tare_kg"));
    put(&mut vehicle, "tare_at", text("tare_at"));
    put(&mut vehicle, "tag", text("tag"));
    put(&mut object, "vehicles", Some(json!([vehicle])));
    let mut trailer = Map::new();
    put(&mut trailer, "plate", text("trailer"));
    put(&mut trailer, "tare_kg", number("trailer_tare_kg"));
    put(
        &mut object,
        "trailers",
        (!trailer.is_empty()).then(|| json!([trailer])),
    );
    let card = text("driver_card").map(|card| json!({"card": card}));
    put(&mut object, "driver", card);
    let mut container = Map::new();
    put(&mut container, "no", text("container"));
    put(&mut container, "tare_kg", number("container_tare_kg"));
    if container.is_empty() {
        put(&mut object, "seals", list("seals"));
    } else {
        put(&mut container, "seals", list("seals"));
        put(&mut object, "containers", Some(json!([container])));
    }
    let mut binding = Map::new();
    put(&mut binding, "trips", number("trips"));
    put(&mut binding, "goods_kg", number("trips_goods_kg"));
    let kind = if binding.is_empty() {
        "single"
    } else {
        "trips"
    };
    put(&mut binding, "kind", Some(json!(kind)));
    put(&mut object, "binding", Some(Value::Object(binding)));
    Value::Object(object)
}

fn put(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value);
    }
}

/// Whole numbers alone; anything else stays a text and is a fault of type.
fn as_number(cell: &str) -> Value {
    let whole = cell.len() <= 9 && cell.bytes().all(|b| b.is_ascii_digit());
    match cell.parse::<u32>() {
        Ok(number) if whole => json!(number),
        Ok(_) | Err(_) => json!(cell),
    }
}

/// A file as far as it was read.
#[derive(Default)]
struct File {
    declarations: Vec<Declaration>,
    faults: Vec<LineFault>,
    lines: BTreeMap<DeclarationId, u64>,
}

impl File {
    fn fault(&mut self, line: u64, fault: Fault) {
        self.faults.push(LineFault {
            line,
            path: fault.path,
            why: fault.why,
        });
    }

    fn take(&mut self, line: u64, declaration: Declaration) {
        for fault in declaration.faults() {
            self.fault(line, fault);
        }
        if let Some(first) = self.lines.get(&declaration.id) {
            let why = format!("the same declaration is on line {first}");
            self.fault(line, Fault::new("id", why));
            return;
        }
        self.lines.insert(declaration.id.clone(), line);
        self.declarations.push(declaration);
    }

    fn finish(mut self) -> Result<Vec<Declaration>, Vec<LineFault>> {
        if self.faults.is_empty() {
            return Ok(self.declarations);
        }
        self.faults.sort();
        Err(self.faults)
    }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
