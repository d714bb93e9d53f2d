//! Reads the journal in front of what this start needed, once the daemon is
//! ready: a start may not take as long as months of records do. Damage found
//! there is damage: the daemon drains, ends as a start that finds it does, and
//! the next start stops at that place.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::RunError;
use super::port::Port;
use crate::clock::Stopwatch;
use crate::journal::{JournalError, Older, RealDisk, read_older, suspect};

/// Between two pieces of a mebibyte: whoever else wants the disk or the
/// processor goes first.
const PAUSE: Duration = Duration::from_millis(20);
/// A disk that hangs does not hold the end.
const ENDS_WITHIN: Duration = Duration::from_secs(1);

/// The reading under way.
pub(super) struct Reading {
    /// Dropped, it stops.
    go_on: SyncSender<()>,
    found: oneshot::Receiver<Result<Older, JournalError>>,
}

/// Begins on a thread of its own; none where nothing was left unread.
pub(super) fn begin(port: &Port) -> Option<Reading> {
    if port.read_from == 0 {
        return None;
    }
    let (go_on, stopped) = sync_channel(0);
    let (tell, found) = oneshot::channel();
    let dir = port.config.controller.state_dir.join("journal");
    let until = port.read_from;
    let stop = port.stop.clone();
    let thread = std::thread::Builder::new().name("older-journal".to_owned());
    let spawned = thread.spawn(move || {
        let read = read(dir, until, &stopped, &stop);
        // At the end of the daemon nobody may be there to hear it.
        drop(tell.send(read));
    });
    if let Err(why) = spawned {
        warn!(%why, "the journal's older segments are not being read: damage in them would be missed");
        return None;
    }
    Some(Reading { go_on, found })
}

/// Ends it; damage that was found is how the daemon ends.
pub(super) async fn ended(reading: Option<Reading>) -> Result<(), RunError> {
    let Some(Reading { go_on, found }) = reading else {
        return Ok(());
    };
    drop(go_on);
    match tokio::time::timeout(ENDS_WITHIN, found).await {
        Ok(Ok(Err(why))) => Err(RunError::JournalDamaged(why)),
        // Whole as far as it came; or it hangs, or broke off with a panic.
        Ok(Ok(Ok(_)) | Err(_)) | Err(_) => Ok(()),
    }
}

fn read(
    dir: PathBuf,
    until: u64,
    stopped: &Receiver<()>,
    stop: &CancellationToken,
) -> Result<Older, JournalError> {
    let watch = Stopwatch::started();
    let go_on = || stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout);
    let mut disk = RealDisk::beside(&dir).map_err(|source| JournalError::Io {
        name: dir.display().to_string(),
        what: "opened",
        source,
    })?;
    let read = read_older(&disk, until, go_on);
    match &read {
        Ok(older) if older.stopped || older.segments == 0 => {}
        Ok(older) => info!(
            segments = older.segments,
            records = older.records,
            bytes = older.bytes,
            took_ms = watch.elapsed().as_millis(),
            "the journal's older segments are whole"
        ),
        Err(why) => {
            error!(%why, "the journal is damaged before the records this start needed: stopping after the trucks under way; the next start stops at it");
            if let Err(why) = suspect(&mut disk, why) {
                warn!(%why, "the next start will not know at once that the journal is damaged");
            }
            stop.cancel();
        }
    }
    read
}
