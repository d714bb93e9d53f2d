//! The memory's file in the state directory: written aside, synced, renamed,
//! and read whole or not at all. It is no evidence, so one that cannot be read
//! is no reason to stop.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use lanegate_core::drift::{KEPT_LEN_MAX, Memory};

/// Its name in the state directory.
pub(super) const NAME: &str = "scale-drift.jsonl";

/// What was kept; nothing where there is no file yet.
pub(super) fn read(file: &Path) -> Result<Memory, String> {
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Memory::default()),
        Err(why) => return Err(why.to_string()),
    };
    let mut text = String::new();
    // One byte more than any memory has: then its checksum cannot be right.
    let mut bounded = opened.take(KEPT_LEN_MAX as u64 + 1);
    let read = bounded.read_to_string(&mut text);
    read.map_err(|why| why.to_string())?;
    Memory::from_text(&text).map_err(|why| why.to_string())
}

/// Puts `text` in its place at once.
pub(super) fn write(file: &Path, text: &str) -> io::Result<()> {
    let aside = file.with_extension("new");
    let mut written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    std::fs::rename(&aside, file)?;
    match file.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}
