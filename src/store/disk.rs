//! The cache on disk: sled in a numbered directory, and everything sled is
//! known to do to a process kept inside.
//!
//! ```text
//! <dir>/current   the name of the one in force, replaced by rename
//! <dir>/db-3/     it
//! <dir>/db-4/     one being built aside
//! <dir>/bad-2/    the last one set aside, for study; one is kept
//! ```

use std::fs;
use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::medium::{Changes, Medium, Opened, Page};
use super::{StoreError, names};

/// Where and how large.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DiskOptions {
    /// The directory; made if it is not there.
    pub dir: PathBuf,
    /// Memory for sled's pages, in bytes.
    pub cache_bytes: u64,
}

/// sled behind [`Medium`].
pub struct SledMedium {
    options: DiskOptions,
    present: Option<Numbered>,
    aside: Option<Numbered>,
}

struct Numbered {
    number: u32,
    db: sled::Db,
}

impl SledMedium {
    /// Nothing is opened yet.
    #[must_use]
    pub const fn new(options: DiskOptions) -> Self {
        Self {
            options,
            present: None,
            aside: None,
        }
    }

    fn path(&self, prefix: &str, number: u32) -> PathBuf {
        self.options.dir.join(format!("{prefix}{number}"))
    }

    /// The number in `current`; none if there is none that can be read.
    fn current(&self) -> Option<u32> {
        let text = names::read(&self.options.dir.join("current")).ok()?;
        text.trim_end().strip_prefix("db-")?.parse().ok()
    }

    /// Names `number` as the one in force: after a power cut it is the old or
    /// the new one.
    fn name_current(&self, number: u32) -> Result<(), StoreError> {
        let (dir, aside) = (&self.options.dir, self.options.dir.join("current.new"));
        let named = names::write(&aside, &format!("db-{number}\n"))
            .and_then(|()| names::rename(&aside, &dir.join("current")))
            .and_then(|()| names::sync_dir(dir));
        named.map_err(|source| StoreError::Io {
            what: "named",
            source,
        })
    }

    /// Numbers of all directories with this prefix.
    fn numbers(&self, prefix: &str) -> Vec<u32> {
        let entries = fs::read_dir(&self.options.dir).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut numbers: Vec<u32> = names
            .filter_map(|name| name.strip_prefix(prefix)?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers
    }

    fn next_number(&self) -> u32 {
        let used = self.numbers("db-").into_iter().chain(self.numbers("bad-"));
        used.max().unwrap_or(0).saturating_add(1)
    }

    /// Directories that are not in force are what a crash left behind.
    fn remove_leftovers(&self, in_force: u32) {
        for number in self.numbers("db-") {
            if number != in_force {
                remove(&self.path("db-", number));
            }
        }
    }

    fn open_numbered(&self, number: u32) -> Result<Numbered, StoreError> {
        let config = sled::Config::new()
            .path(self.path("db-", number))
            .cache_capacity(self.options.cache_bytes)
            // Every batch is flushed before it is answered.
            .flush_every_ms(None);
        let db = guarded(|| config.open())?;
        Ok(Numbered { number, db })
    }

    fn db(&self) -> Result<&sled::Db, StoreError> {
        let present = self.present.as_ref().ok_or(StoreError::Unavailable)?;
        Ok(&present.db)
    }

    fn drop_present(&mut self) {
        if let Some(present) = self.present.take() {
            close(present.db);
        }
    }
}

impl Medium for SledMedium {
    fn open(&mut self) -> Result<Opened, StoreError> {
        self.drop_present();
        self.drop_aside();
        fs::create_dir_all(&self.options.dir).map_err(|source| StoreError::Io {
            what: "made",
            source,
        })?;
        let named = self.current();
        let number = named.unwrap_or_else(|| self.next_number());
        let existed = named.is_some() && self.path("db-", number).is_dir();
        if named.is_none() {
            self.name_current(number)?;
        }
        self.present = Some(self.open_numbered(number)?);
        // Only the holder of the lock may clear up.
        self.remove_leftovers(number);
        Ok(if existed {
            Opened::Existing
        } else {
            Opened::New
        })
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let db = self.db()?;
        guarded(|| db.get(key)).map(|found| found.map(|value| value.to_vec()))
    }

    fn page(&self, after: &[u8], limit: usize) -> Result<Page, StoreError> {
        let db = self.db()?;
        let range = (Bound::Excluded(after.to_vec()), Bound::Unbounded);
        guarded(|| {
            let entries = db.range::<Vec<u8>, _>(range).take(limit);
            entries
                .map(|entry| entry.map(|(k, v)| (k.to_vec(), v.to_vec())))
                .collect()
        })
    }

    fn write(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let db = self.db()?;
        guarded(|| {
            db.apply_batch(batch(changes))?;
            db.flush().map(drop)
        })
    }

    fn begin_aside(&mut self) -> Result<(), StoreError> {
        self.drop_aside();
        self.aside = Some(self.open_numbered(self.next_number())?);
        Ok(())
    }

    fn write_aside(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let aside = self.aside.as_ref().ok_or(StoreError::Unavailable)?;
        guarded(|| aside.db.apply_batch(batch(changes)))
    }

    fn swap(&mut self) -> Result<(), StoreError> {
        let aside = self.aside.as_ref().ok_or(StoreError::Unavailable)?;
        guarded(|| aside.db.flush().map(drop))?;
        self.name_current(aside.number)?;
        let old = std::mem::replace(&mut self.present, self.aside.take());
        if let Some(old) = old {
            close(old.db);
            remove(&self.path("db-", old.number));
        }
        Ok(())
    }

    fn drop_aside(&mut self) {
        if let Some(aside) = self.aside.take() {
            close(aside.db);
            remove(&self.path("db-", aside.number));
        }
    }

    fn quarantine(&mut self) -> Result<(), StoreError> {
        self.drop_aside();
        self.drop_present();
        let next = self.next_number();
        if let Some(number) = self.current() {
            let older = self.numbers("bad-");
            let bad = self.path("bad-", number);
            // What cannot be moved is left for `open` to clear away.
            if names::rename(&self.path("db-", number), &bad).is_ok() {
                older
                    .iter()
                    .for_each(|&old| remove(&self.path("bad-", old)));
            }
        }
        self.name_current(next)?;
        self.open().map(drop)
    }

    fn disk_bytes(&self) -> u64 {
        let present = self.present.as_ref();
        present.map_or(0, |present| tree_bytes(&self.path("db-", present.number)))
    }
}

fn batch(changes: &Changes) -> sled::Batch {
    let mut batch = sled::Batch::default();
    for (key, value) in changes {
        match value {
            Some(value) => batch.insert(key.as_slice(), value.as_slice()),
            None => batch.remove(key.as_slice()),
        }
    }
    batch
}

/// Runs one call of sled; a panic inside is damage, not the end of the process.
fn guarded<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(meaning(error)),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("a panic without words");
            // sled unwraps some of its write errors.
            if text.contains("StorageFull") || text.contains("No space left") {
                let source = io::Error::from(ErrorKind::StorageFull);
                return Err(StoreError::Io {
                    what: "written",
                    source,
                });
            }
            let text: String = text.chars().take(200).collect();
            Err(StoreError::Damaged(format!("sled panicked: {text}")))
        }
    }
}

/// A full disk or a missing right is no damage: setting the cache aside would
/// lose it for nothing.
fn meaning(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(source) => {
            let text = source.to_string();
            if text.contains("could not acquire lock") {
                return StoreError::InUse(text);
            }
            let environment = matches!(
                source.kind(),
                ErrorKind::StorageFull
                    | ErrorKind::PermissionDenied
                    | ErrorKind::ReadOnlyFilesystem
                    | ErrorKind::QuotaExceeded
                    | ErrorKind::OutOfMemory
            );
            if environment {
                let what = "opened, read or written";
                return StoreError::Io { what, source };
            }
            StoreError::Damaged(text)
        }
        sled::Error::Corruption { .. }
        | sled::Error::CollectionNotFound(_)
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_) => StoreError::Damaged(error.to_string()),
    }
}

/// Closing flushes, and may panic on a damaged file.
fn close(db: sled::Db) {
    let closed = catch_unwind(AssertUnwindSafe(|| drop(db)));
    if closed.is_err() {
        // Nothing of it is used any more, whatever state it is in.
        tracing::debug!("sled panicked while closing a cache that is no longer used");
    }
}

fn remove(path: &Path) {
    if let Err(error) = names::remove_dir(path)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a directory of the declaration cache that is no longer used cannot be removed; remove it by hand");
    }
}

fn tree_bytes(path: &Path) -> u64 {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => tree_bytes(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
