//! JSON Lines that a person hands in: refused whole if any line is faulty, with
//! every fault of every line listed (L10).

use std::collections::BTreeMap;

use lanegate_core::model::{Fault, HandedIn, id_of, parse_handed_in};

/// Longest line or CSV record read (L9).
pub(super) const LINE_LEN_MAX: usize = 256 << 10;

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

/// A file as far as it was read.
pub(super) struct Lines<T> {
    items: Vec<T>,
    faults: Vec<LineFault>,
    lines: BTreeMap<String, u64>,
}

impl<T> Lines<T> {
    pub(super) const fn new() -> Self {
        Self {
            items: Vec::new(),
            faults: Vec::new(),
            lines: BTreeMap::new(),
        }
    }

    pub(super) fn fault(&mut self, line: u64, fault: Fault) {
        self.faults.push(LineFault {
            line,
            path: fault.path,
            why: fault.why,
        });
    }

    pub(super) const fn fault_count(&self) -> usize {
        self.faults.len()
    }

    /// Keeps `item`.
    pub(super) fn take(&mut self, line: u64, id: Option<&str>, item: T) {
        self.named(line, id);
        self.items.push(item);
    }

    /// The id of another line is a fault, also of what is faulty otherwise.
    pub(super) fn named(&mut self, line: u64, id: Option<&str>) {
        let Some(id) = id else {
            return;
        };
        if let Some(first) = self.lines.get(id) {
            let why = format!("the same id is on line {first}");
            self.fault(line, Fault::new("id", why));
        } else {
            self.lines.insert(id.to_owned(), line);
        }
    }

    pub(super) fn finish(mut self) -> Result<Vec<T>, Vec<LineFault>> {
        if self.faults.is_empty() {
            return Ok(self.items);
        }
        self.faults.sort();
        Err(self.faults)
    }
}

/// Reads one `T` a line of at most `line_len_max` bytes; empty lines are
/// skipped. Where `id` names one, no two lines may have the same.
///
/// # Errors
/// Every fault of every line.
pub fn parse_lines<T: HandedIn>(
    text: &str,
    line_len_max: usize,
    id: impl Fn(&T) -> Option<&str>,
) -> Result<Vec<T>, Vec<LineFault>> {
    let mut lines = Lines::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (line, text) in (1..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        if text.len() > line_len_max {
            let why = format!("longer than {} KiB", line_len_max >> 10);
            lines.fault(line, Fault::new("", why));
            continue;
        }
        match parse_handed_in::<T>(text) {
            Ok(item) => {
                let named = id(&item).map(str::to_owned);
                lines.take(line, named.as_deref(), item);
            }
            Err(faults) => {
                lines.named(line, id_of(text).as_deref());
                for fault in faults {
                    lines.fault(line, in_one_line(fault));
                }
            }
        }
    }
    lines.finish()
}

/// A text of one line has no other.
fn in_one_line(fault: Fault) -> Fault {
    let why = fault.why.replace(" at line 1 column ", " at column ");
    Fault::new(fault.path, why)
}
