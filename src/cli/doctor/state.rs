//! The state directory: writable, nobody else's, the journal's own words.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::Around;
use super::finding::{Area, Findings};
use crate::cli::holders::{self, Holder};
use crate::journal::usage;

/// Levels below the store's directory where sled keeps the file it locks.
const STORE_DEPTH: u32 = 3;

/// Who has the journal's lock.
pub(super) fn owner(state_dir: &Path) -> Option<Holder> {
    holders::locked_by(&state_dir.join("journal/lock"))
}

pub(super) fn look(around: &Around<'_>, findings: &mut Findings) {
    let dir = &around.config.controller.state_dir;
    let shown = dir.display();
    let place = existing(dir);
    let allowed = around
        .identity
        .may(&place, Access::WRITE_OK | Access::EXEC_OK);
    if !allowed.is_ok_and(|allowed| allowed) {
        let what = format!(
            "{} may not write in {}",
            around.identity.name,
            place.display()
        );
        let then = format!(
            "chown -R {} {shown}, and chmod 0700 it",
            around.identity.name
        );
        return findings.fault(Area::State, shown, what, then);
    }
    if let Some((file, holder)) = stranger(around, dir) {
        let what = format!(
            "{} is locked by {holder}, which is no daemon of this configuration",
            file.display()
        );
        let then = "two owners would spend twice, so nothing starts: stop it, or mend state_dir \
                    or socket.path if both controllers are wanted";
        return findings.fault(Area::State, shown, what, then);
    }
    match &around.daemon {
        Some(status) => {
            let state = status["journal"]["state"].as_str().unwrap_or("unknown");
            match state {
                "ok" => findings.good(Area::State, shown, "in use by the daemon, journal ok"),
                other => {
                    let what =
                        format!("the daemon says its journal is {other}: nothing is released");
                    let then = "journalctl -u lanegate -p err; then restart it, which recovers";
                    findings.fault(Area::State, shown, what, then);
                }
            }
        }
        None => at_rest(dir, findings),
    }
}

fn at_rest(dir: &Path, findings: &mut Findings) {
    let (shown, journal) = (dir.display(), dir.join("journal"));
    if !journal.is_dir() {
        return findings.good(
            Area::State,
            shown,
            "no journal yet: the first start makes it",
        );
    }
    match usage(&journal) {
        Ok(usage) => {
            let what = format!(
                "free, {} journal segments, {} bytes; `lanegate journal verify {}` proves them",
                usage.segments,
                usage.bytes,
                journal.display()
            );
            findings.good(Area::State, shown, what);
        }
        Err(why) => {
            let what = format!("the journal cannot be looked at: {why}");
            let then = "look at the rights of the directory, and at the disk (dmesg)";
            findings.fault(Area::State, shown, what, then);
        }
    }
}

/// A lock on journal or store that the daemon of this configuration does not
/// hold.
fn stranger(around: &Around<'_>, dir: &Path) -> Option<(PathBuf, Holder)> {
    let mut files = vec![dir.join("journal/lock")];
    locks_of_store(&dir.join("store"), STORE_DEPTH, &mut files);
    files.into_iter().find_map(|file| {
        let holder = holders::locked_by(&file)?;
        (Some(holder.pid) != around.daemon_pid).then_some((file, holder))
    })
}

fn locks_of_store(dir: &Path, depth: u32, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.file_name().is_some_and(|name| name == "db") && path.is_file() {
            files.push(path);
        } else if depth > 0 && path.is_dir() {
            locks_of_store(&path, depth - 1, files);
        }
    }
}

/// The directory itself, or the nearest above it that is there: the first
/// start makes the rest.
pub(super) fn existing(dir: &Path) -> PathBuf {
    let found = dir.ancestors().find(|above| above.is_dir());
    found.unwrap_or(Path::new(".")).to_owned()
}
