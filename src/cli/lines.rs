//! Files of lines that a person hands in, read whole or refused whole.

use std::path::Path;

use lanegate_core::model::{Control, Declaration, Enterprise, HandedIn};

use super::files::{self, FileFault};
use super::{Exit, No};
use crate::store::{parse_csv, parse_json_lines, parse_lines};

/// Largest file read (L9): twice the largest port's declarations.
const FILE_LEN_MAX: u64 = 4 << 30;
/// Longest line of enterprises or controls (L9).
const LINE_LEN_MAX: usize = 64 << 10;

/// Why a file was not read.
pub(crate) enum Unread {
    /// It is not there.
    Missing(FileFault),
    /// What it says cannot be used.
    Faulty(Vec<FileFault>),
}

impl Unread {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Missing(_) => Exit::Io,
            Self::Faulty(_) => Exit::Data,
        }
    }

    pub(crate) fn faults(self) -> Vec<FileFault> {
        match self {
            Self::Missing(fault) => vec![fault],
            Self::Faulty(faults) => faults,
        }
    }

    /// Tells every fault.
    pub(crate) fn refuse(self, then: &str) -> No {
        files::refuse(self.exit(), &self.faults(), then)
    }
}

/// The text of a file.
pub(crate) fn text(file: &Path) -> Result<String, Unread> {
    if !file.is_file() {
        let fault = FileFault::whole(file, "is not there, or is no file");
        return Err(Unread::Missing(fault));
    }
    files::text(file, FILE_LEN_MAX).map_err(|fault| Unread::Faulty(vec![fault]))
}

/// Declarations: CSV if the name ends in .csv, else JSON Lines.
pub(crate) fn declarations(file: &Path) -> Result<Vec<Declaration>, Unread> {
    let text = text(file)?;
    let is_csv = file
        .extension()
        .is_some_and(|ext| ext.eq_ignore_ascii_case("csv"));
    let read = match is_csv {
        true => parse_csv(&text),
        false => parse_json_lines(&text),
    };
    read.map_err(|faults| Unread::Faulty(files::of_lines(file, faults)))
}

/// Enterprises, one a line.
pub(crate) fn enterprises(file: &Path) -> Result<Vec<Enterprise>, Unread> {
    read(file, |e: &Enterprise| Some(e.id.as_str()))
}

/// Controls, one a line.
pub(crate) fn controls(file: &Path) -> Result<Vec<Control>, Unread> {
    read(file, |c: &Control| Some(c.id.as_str()))
}

fn read<T: HandedIn>(file: &Path, id: impl Fn(&T) -> Option<&str>) -> Result<Vec<T>, Unread> {
    let text = text(file)?;
    parse_lines(&text, LINE_LEN_MAX, id)
        .map_err(|faults| Unread::Faulty(files::of_lines(file, faults)))
}
