//! A start for which the disk has no room waits until there is some: ending
//! would only have the service manager start it again, for as long as the disk
//! is full. Nothing is opened meanwhile, so nothing moves and nobody is
//! released; the next start goes on by itself. No signal is watched yet: SIGTERM
//! ends it at once, and there is nothing to drain.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use tracing::{error, info};

use super::RunError;
use crate::journal::is_full;
use crate::systemd::{self, Notice};

/// Between two looks at the room.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Once so much can be written the start is tried again; it writes less.
const ENOUGH: usize = 64 << 10;
const PROBE: &str = ".lanegate-room";

/// What `start` comes to once the disk of `state_dir` has room for it.
pub(super) fn awaited<T>(
    state_dir: &Path,
    mut start: impl FnMut() -> Result<T, RunError>,
) -> Result<T, RunError> {
    let mut waited = false;
    loop {
        match start() {
            Err(why) if why.is_full() => {
                if !waited {
                    let why = &why as &dyn std::error::Error;
                    let dir = state_dir.display();
                    error!(why, %dir, "the disk is full: the start waits for room, no lane runs");
                }
                waited = true;
                wait(state_dir);
            }
            result => {
                if waited && result.is_ok() {
                    info!("there is room again: the start goes on");
                    tell(&Notice::Status("starting".to_owned()));
                }
                return result;
            }
        }
    }
}

fn wait(state_dir: &Path) {
    let status = format!(
        "the disk of {} is full: waiting for room, no lane runs; make room",
        state_dir.display()
    );
    loop {
        tell(&Notice::StartWaits(status.clone()));
        std::thread::park_timeout(LOOK_EVERY);
        if has_room(state_dir) {
            return;
        }
    }
}

fn tell(notice: &Notice) {
    if let Err(why) = systemd::notify(notice) {
        error!(%why, "the service manager cannot be told that the start waits");
    }
}

/// Not what the file system says is free: a quota or inodes may be at their end.
/// Whatever else is wrong the start says.
fn has_room(state_dir: &Path) -> bool {
    let dir = state_dir.ancestors().find(|dir| dir.is_dir());
    let probed = dir.map_or(Ok(()), probe);
    probed.map_or_else(|why| !is_full(why.kind()), |()| true)
}

fn probe(dir: &Path) -> io::Result<()> {
    let path = dir.join(PROBE);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)?;
    let written = file.write_all(&[0; ENOUGH]);
    let written = written.and_then(|()| file.sync_data());
    fs::remove_file(&path)?;
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::committer::OpenError;
    use crate::journal::{AppendError, JournalError, KeyError};

    fn dir(name: &str) -> std::path::PathBuf {
        let name = format!("lanegate-room-{name}-{}", std::process::id());
        std::env::temp_dir().join(name)
    }

    fn full() -> io::Error {
        io::ErrorKind::StorageFull.into()
    }

    #[test]
    fn a_start_is_tried_again_when_there_is_room_and_only_for_want_of_it() {
        let (dir, mut tries) = (dir("again"), 0);
        fs::create_dir(&dir).unwrap();
        let started = awaited(&dir.join("state"), || {
            tries += 1;
            match tries {
                1 => Err(RunError::Journal(OpenError::Start(AppendError::Full))),
                2 => Err(RunError::StateDir {
                    path: "state".to_owned(),
                    source: io::ErrorKind::QuotaExceeded.into(),
                }),
                _ => Ok(tries),
            }
        });
        assert_eq!(started.unwrap(), 3);
        let ended: Result<(), _> = awaited(&dir, || Err(RunError::InUse("state".to_owned())));
        assert!(matches!(ended, Err(RunError::InUse(_))));
        let left = fs::read_dir(&dir).unwrap().count();
        fs::remove_dir(&dir).unwrap();
        assert_eq!(left, 0, "no probe is left behind");
    }

    #[test]
    fn a_disk_without_room_is_no_configuration_and_neither_is_one_that_fails() {
        let own = |source: io::Error| {
            RunError::Checkpoint(KeyError::Own {
                path: "checkpoint.key".to_owned(),
                what: "made",
                source,
            })
        };
        assert!(own(full()).is_full());
        let broken = own(io::Error::from_raw_os_error(5));
        assert!(!broken.is_full());
        assert_eq!(broken.exit(), 74);
        let named = |source: io::Error| {
            RunError::Checkpoint(KeyError::Unread {
                path: "/etc/key".to_owned(),
                source,
            })
        };
        assert_eq!(named(io::ErrorKind::NotFound.into()).exit(), 78);
        assert_eq!(named(io::Error::from_raw_os_error(5)).exit(), 74);
        assert_eq!(RunError::Checkpoint(KeyError::NoKey).exit(), 78);
        let chain = RunError::Draw(crate::draws::SeedError::Own {
            path: "draw-chain.json".to_owned(),
            source: io::Error::from_raw_os_error(5),
        });
        assert_eq!(chain.exit(), 74);
        let synced = JournalError::Io {
            name: "journal-000000000000.lgj".to_owned(),
            what: "synced",
            source: full(),
        };
        let synced = RunError::Journal(OpenError::Start(AppendError::Fatal(synced)));
        assert!(
            synced.is_full(),
            "room may be missed as late as at the sync"
        );
    }
}
