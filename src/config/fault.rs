//! What is wrong with a configuration, and in which line.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

/// One fault or warning.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ConfigFault {
    /// Line in the file, from 1.
    pub line: usize,
    /// Which key, like `lane[0].io.pulse_ms`; empty for the file as a whole.
    pub path: String,
    /// What is wrong and what to write instead.
    pub why: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.why),
            path => write!(f, "line {}: {path}: {}", self.line, self.why),
        }
    }
}

/// Collects what is found on the way and knows the lines.
pub(super) struct Sink {
    /// Offsets of the first byte of every line.
    starts: Vec<usize>,
    /// Where every key was found.
    places: RefCell<BTreeMap<String, usize>>,
    faults: RefCell<Vec<ConfigFault>>,
    warnings: RefCell<Vec<ConfigFault>>,
}

impl Sink {
    pub(super) fn new(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        Self {
            starts: std::iter::once(0)
                .chain(breaks.map(|(i, _)| i + 1))
                .collect(),
            places: RefCell::default(),
            faults: RefCell::default(),
            warnings: RefCell::default(),
        }
    }

    /// The line of a byte offset, from 1.
    pub(super) fn line_at(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// Remembers where a key stands.
    pub(super) fn place(&self, path: &str, line: usize) {
        self.places.borrow_mut().insert(path.to_owned(), line);
    }

    /// A fault of a key at a known line.
    pub(super) fn fault_at(&self, line: usize, path: &str, why: impl Into<String>) {
        self.faults.borrow_mut().push(ConfigFault {
            line,
            path: path.to_owned(),
            why: why.into(),
        });
    }

    /// A fault of a key, or of the nearest section around it that was found.
    pub(super) fn fault(&self, path: &str, why: impl Into<String>) {
        self.fault_at(self.line_of(path), path, why);
    }

    /// Something that works but is likely to hurt later.
    pub(super) fn warn(&self, path: &str, why: impl Into<String>) {
        self.warnings.borrow_mut().push(ConfigFault {
            line: self.line_of(path),
            path: path.to_owned(),
            why: why.into(),
        });
    }

    fn line_of(&self, path: &str) -> usize {
        let places = self.places.borrow();
        let mut path = path;
        loop {
            match (places.get(path), path.rfind('.')) {
                (Some(line), _) => return *line,
                (None, Some(dot)) => path = &path[..dot],
                (None, None) => return 1,
            }
        }
    }

    /// Faults and warnings in the order of lines, each once.
    pub(super) fn into_parts(self) -> (Vec<ConfigFault>, Vec<ConfigFault>) {
        let sorted = |mut list: Vec<ConfigFault>| {
            list.sort();
            list.dedup();
            list
        };
        (
            sorted(self.faults.into_inner()),
            sorted(self.warnings.into_inner()),
        )
    }
}
