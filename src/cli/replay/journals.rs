//! Which journals there are below a directory, and their pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;

use crate::cli::output::chain;
use crate::cli::{Exit, No};
use crate::journal::{JournalError, Pages, RealDisk};

/// Records judged at once.
const PAGE_LEN: usize = 500;
/// Journals in one directory (L9).
const JOURNALS_MAX: usize = 10_000;

/// Records of one journal.
pub(super) struct Page {
    /// Which journal, by the name of its directory.
    pub(super) journal: String,
    pub(super) records: Vec<(u64, String)>,
}

/// The directory itself, the journal in it, or those of its directories.
pub(super) fn below(dir: &Path) -> Result<Vec<PathBuf>, No> {
    let failed = |error: std::io::Error| {
        let why = format!("{}: {error}; name the journal's directory", dir.display());
        No::new(Exit::Io, why)
    };
    if let Some(found) = journal_in(dir).map_err(failed)? {
        return Ok(vec![found]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            found.extend(journal_in(&path).map_err(failed)?);
        }
    }
    found.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    match found.len() {
        0 => Err(No::new(
            Exit::Io,
            format!("{}: no journal is there; name its directory", dir.display()),
        )),
        n if n > JOURNALS_MAX => {
            let why = format!("{}: {n} journals; at most {JOURNALS_MAX}", dir.display());
            Err(No::new(Exit::Io, why))
        }
        _ => Ok(found),
    }
}

fn journal_in(dir: &Path) -> std::io::Result<Option<PathBuf>> {
    let inner = dir.join("journal");
    let dir = if inner.is_dir() {
        inner
    } else {
        dir.to_owned()
    };
    for entry in fs::read_dir(&dir)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("journal-") && name.ends_with(".lgj") {
            return Ok(Some(dir));
        }
    }
    Ok(None)
}

/// Sends every page of every journal, numbered; ends when nobody listens.
pub(super) fn read_all(dirs: &[PathBuf], to: &SyncSender<(usize, Page)>) -> Result<(), No> {
    let mut n = 0;
    for dir in dirs {
        let shown = dir.display();
        let failed = |error: JournalError| {
            let exit = match error {
                JournalError::Io { .. } => Exit::Io,
                JournalError::Damaged { .. }
                | JournalError::Missing { .. }
                | JournalError::Headless { .. }
                | JournalError::ArchivedOther { .. }
                | JournalError::OtherController { .. } => Exit::No,
            };
            No::new(exit, format!("{shown}: {}", chain(&error)))
        };
        let disk = RealDisk::beside(dir);
        let disk = disk.map_err(|e| No::new(Exit::Io, format!("{shown}: {e}")))?;
        let mut pages = Pages::new(disk).map_err(failed)?;
        loop {
            let records = pages.next_page(PAGE_LEN).map_err(failed)?;
            if records.is_empty() {
                break;
            }
            let journal = dir.file_name().unwrap_or(dir.as_os_str());
            let page = Page {
                journal: journal.to_string_lossy().into_owned(),
                records,
            };
            if to.send((n, page)).is_err() {
                return Ok(());
            }
            n += 1;
        }
    }
    Ok(())
}
