//! Declarations from a file: JSON Lines or CSV. Refused whole if any line is
//! faulty, with every fault of every line listed (L10).
//!
//! A spreadsheet turns a long number into `5.3452E+17` or puts an apostrophe in
//! front of it. Neither is undone here: which digits were there is not known,
//! and a number guessed right is still a guess.

use std::collections::BTreeMap;

use csv::StringRecord;
use lanegate_core::model::{Declaration, Fault, parse_handed_in};
use serde_json::{Map, Value, json};

use super::lines::{LINE_LEN_MAX, LineFault, Lines, parse_lines};

/// Reads one declaration a line; empty lines are skipped.
///
/// # Errors
/// Every fault of every line.
pub fn parse_json_lines(text: &str) -> Result<Vec<Declaration>, Vec<LineFault>> {
    parse_lines(text, LINE_LEN_MAX, |d: &Declaration| Some(d.id.as_str()))
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
/// and at most one trailer. An empty cell is absent; `trips` makes it a
/// consolidated list. `plates` and `seals` are lists separated by `|`; several
/// boxes are separated by `;` in `container`, `container_tare_kg` and `seals`
/// alike, so that `8000620011|8000620012;` is two seals on the first box and
/// none on the second. Without a box the seals are the truck's.
///
/// # Errors
/// Every fault of every record.
pub fn parse_csv(text: &str) -> Result<Vec<Declaration>, Vec<LineFault>> {
    let mut file = Lines::new();
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
                file.fault(line, Fault::new("", ragged(&error)));
                continue;
            }
        };
        let line = record.position().map_or(1, csv::Position::line);
        if record.as_slice().len() > LINE_LEN_MAX {
            file.fault(line, Fault::new("", "longer than 256 KiB"));
            continue;
        }
        take_record(&header, &record, line, complete, &mut file);
    }
    file.finish()
}

fn take_record(
    header: &StringRecord,
    record: &StringRecord,
    line: u64,
    complete: bool,
    file: &mut Lines<Declaration>,
) {
    let cells: BTreeMap<&str, &str> = header
        .iter()
        .zip(record.iter())
        .filter(|(_, cell)| !cell.is_empty())
        .collect();
    let mut wrong = id_faults(&cells);
    wrong.extend(box_faults(&cells));
    let named: Vec<String> = wrong.iter().map(|fault| fault.path.clone()).collect();
    wrong.into_iter().for_each(|fault| file.fault(line, fault));
    if !complete {
        return;
    }
    let read = parse_handed_in::<Declaration>(&to_json(&cells).to_string());
    match read {
        Ok(declaration) if named.is_empty() => {
            let id = declaration.id.clone();
            file.take(line, Some(id.as_str()), declaration);
        }
        Ok(declaration) => file.named(line, Some(declaration.id.as_str())),
        Err(faults) => faults
            .into_iter()
            .filter(|fault| !named.iter().any(|column| stands_in(column, &fault.path)))
            .for_each(|fault| file.fault(line, fault)),
    }
}

/// Whether what `path` names was made of `column`, whose fault is told already.
fn stands_in(column: &str, path: &str) -> bool {
    match column {
        "driver_card" => path.starts_with("driver"),
        "tag" => path.ends_with(".tag"),
        "seals" => path.contains("seals"),
        "container" => path.starts_with("containers"),
        "container_tare_kg" => path.starts_with("containers") && path.ends_with(".tare_kg"),
        column => path == column,
    }
}

fn ragged(error: &csv::Error) -> String {
    if let csv::ErrorKind::UnequalLengths {
        expected_len, len, ..
    } = error.kind()
    {
        return format!(
            "{len} cells where the header has {expected_len}; a cell with a comma is quoted"
        );
    }
    error.to_string()
}

/// How many ids end in 000: in a file from a spreadsheet many such are a sign
/// of numbers rounded to 15 digits.
#[must_use]
pub fn rounded_looking(declarations: &[Declaration]) -> usize {
    let ids = declarations.iter().map(|d| d.id.as_str());
    ids.filter(|id| id.len() > 15 && id.ends_with("000"))
        .count()
}

fn check_header(header: &StringRecord, file: &mut Lines<Declaration>) -> bool {
    let faults_before = file.fault_count();
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
    file.fault_count() == faults_before
}

/// Columns of numbers that are no amounts.
const NUMBERS_OF_THINGS: [&str; 7] = [
    "id",
    "enterprise",
    "driver_card",
    "tag",
    "seals",
    "container",
    "controller",
];

/// What spreadsheets do to numbers of documents and of other things.
fn id_faults(cells: &BTreeMap<&str, &str>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for name in NUMBERS_OF_THINGS {
        let cell = cells.get(name).copied().unwrap_or_default();
        let mut parts = cell.split(['|', ';']).map(str::trim);
        if parts.clone().any(|part| part.starts_with('\'')) {
            let why = "leading apostrophe: export the column as text without one";
            faults.push(Fault::new(name, why));
        } else if parts.any(is_spreadsheet_number) {
            let why = "spreadsheet number format: the digits are lost; export the column as text";
            faults.push(Fault::new(name, why));
        }
    }
    let id = cells.get("id").copied().unwrap_or_default();
    let named = faults.iter().any(|fault| fault.path == "id");
    if id.is_empty() {
        faults.push(Fault::new("id", "may not be empty"));
    } else if !named && cells.get("form") == Some(&"bill") && !is_bill_number(id) {
        let why = "wrong kind of document: a bill (报关单) has 18 digits";
        faults.push(Fault::new("id", why));
    }
    faults
}

/// As many tares as boxes, and seals for none that is not there.
fn box_faults(cells: &BTreeMap<&str, &str>) -> Vec<Fault> {
    let count = |name: &str| cells.get(name).map_or(0, |cell| cell.split(';').count());
    let boxes = count("container");
    let mut faults = Vec::new();
    let tares = count("container_tare_kg");
    if tares != boxes {
        let why = format!("{tares} tares for {boxes} boxes; separate both by \";\"");
        faults.push(Fault::new("container_tare_kg", why));
    }
    let seals = count("seals");
    if seals > boxes.max(1) || (boxes > 1 && seals > 0 && seals < boxes) {
        let why = format!(
            "seals of {seals} boxes for {boxes}; \";\" separates boxes, \"|\" the seals of one"
        );
        faults.push(Fault::new("seals", why));
    }
    faults
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
    let list = |name: &str| cells.get(name).map(|cell| parts(cell));
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
    match boxes(cells) {
        boxes if boxes.is_empty() => put(&mut object, "seals", list("seals")),
        boxes => put(&mut object, "containers", Some(json!(boxes))),
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

/// The boxes, each with its tare and its seals.
fn boxes(cells: &BTreeMap<&str, &str>) -> Vec<Value> {
    let column = |name: &str| cells.get(name).copied().unwrap_or_default().split(';');
    let mut tares = column("container_tare_kg");
    let mut seals = column("seals");
    let no = column("container").map(str::trim);
    let one = |no: &str| {
        let tare = as_number(tares.next().unwrap_or_default().trim());
        let on = seals.next().unwrap_or_default();
        json!({"no": no, "tare_kg": tare, "seals": parts(on)})
    };
    match cells.contains_key("container") {
        true => no.map(one).collect(),
        false => Vec::new(),
    }
}

fn parts(cell: &str) -> Value {
    let parts = cell.split('|').map(str::trim);
    json!(parts.filter(|part| !part.is_empty()).collect::<Vec<_>>())
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

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
