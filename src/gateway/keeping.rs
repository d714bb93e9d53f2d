//! Upkeep of the journal, off every thread that matters: snapshots,
//! checkpoints by the clock, old segments.

use lanegate_core::model::JournalState;
use lanegate_core::time::{Clock, Wall};
use tracing::{error, info, warn};

use super::port::Port;
use crate::committer::Checkpoints;
use crate::config::Config;
use crate::journal::{CheckpointKey, JournalError, KeyError, Leave, RealDisk, archive};

/// Records after which a snapshot is worth its time.
const SNAPSHOT_EVERY: u64 = 5_000;
/// Turns of a minute between two looks for old segments.
const ARCHIVE_MINUTES: u64 = 60;
const DAY_S: i64 = 24 * 3600;

/// The key and the pace the configuration names.
pub(super) fn checkpoints(config: &Config) -> Result<Checkpoints, KeyError> {
    let dir = crate::config::credentials_dir();
    let journal = &config.journal;
    let file = journal.key_file(dir.as_deref());
    let file = file.map_err(|source| KeyError::Unread {
        path: "journal.checkpoint_key".to_owned(),
        source,
    })?;
    let key = match file {
        Some(file) => CheckpointKey::read(&file)?,
        None => CheckpointKey::own(&config.controller.state_dir)?,
    };
    Ok(Checkpoints {
        key,
        every_records: journal.checkpoint_records,
    })
}

/// What is done once a minute.
pub(super) struct Keeping {
    snapshot_at: u64,
    minutes: u64,
}

impl Keeping {
    pub(super) fn new(port: &Port) -> Self {
        Self {
            snapshot_at: port.snapshot.unwrap_or(0),
            minutes: 0,
        }
    }

    /// A start that had much to read leaves less to the next one, which may
    /// come before a minute is over.
    pub(super) async fn start(&mut self, port: &Port) {
        self.snapshot_if_due(port).await;
    }

    async fn snapshot_if_due(&mut self, port: &Port) {
        let view = port.shared.committer.view();
        // What room is left is for records.
        if view.journal == JournalState::Full {
            return;
        }
        let head = view.head_seq;
        if head.saturating_sub(self.snapshot_at) >= SNAPSHOT_EVERY {
            self.snapshot_at = head;
            take_snapshot(port).await;
        }
    }

    pub(super) async fn minute(&mut self, port: &Port) {
        self.minutes += 1;
        let journal = &port.config.journal;
        if self.minutes.is_multiple_of(journal.checkpoint_minutes) {
            let at = port.shared.clock.now().wall;
            // Busy: the next turn asks again, and a stop signs in any case.
            port.shared.committer.checkpoint(at).ok();
        }
        self.snapshot_if_due(port).await;
        if self.minutes % ARCHIVE_MINUTES == 1 {
            let_go(port).await;
        }
    }
}

fn opened(dir: &std::path::Path) -> Result<RealDisk, JournalError> {
    RealDisk::beside(dir).map_err(|source| JournalError::Io {
        name: dir.display().to_string(),
        what: "opened",
        source,
    })
}

/// Written beside the journal, so that the next start is fast; its record
/// names its digest.
async fn take_snapshot(port: &Port) {
    let view = port.shared.committer.view();
    let dir = port.config.controller.state_dir.join("journal");
    let at = port.shared.clock.now().wall;
    let written = tokio::task::spawn_blocking(move || view.write_snapshot(&mut opened(&dir)?, at));
    match written.await {
        Ok(Ok(draft)) => {
            if port.shared.committer.note(vec![draft]).is_err() {
                warn!("a snapshot was written and not recorded: the committer is busy");
            }
        }
        Ok(Err(why)) => warn!(%why, "no snapshot was written: the next start reads more records"),
        Err(why) => error!(%why, "writing a snapshot broke off"),
    }
}

/// Moves segments that are old enough out of the journal, or removes them. A
/// clock that is not believed makes nothing old.
async fn let_go(port: &Port) {
    let journal = &port.config.journal;
    let now = port.shared.clock.now();
    let view = port.shared.committer.view();
    let (Some(days), Clock::Trusted) = (journal.keep_days, now.clock) else {
        return;
    };
    let Some(acknowledged) = view.acknowledged else {
        return;
    };
    let leave = Leave {
        before: days_before(now.wall, days),
        acknowledged,
        head: view.head_seq,
    };
    let dir = port.config.controller.state_dir.join("journal");
    let to = journal.archive_dir.clone();
    let moved = tokio::task::spawn_blocking(move || {
        let mut live = opened(&dir)?;
        let Some(to) = to else {
            return archive::<_, RealDisk>(&mut live, None, leave);
        };
        std::fs::create_dir_all(&to).map_err(|source| JournalError::Io {
            name: to.display().to_string(),
            what: "made",
            source,
        })?;
        archive(&mut live, Some(&mut opened(&to)?), leave)
    });
    match moved.await {
        Ok(Ok(gone)) if gone.is_empty() => {}
        Ok(Ok(gone)) => info!(segments = ?gone, "old segments left the journal"),
        Ok(Err(why)) => {
            let why = &why as &dyn std::error::Error;
            warn!(why, "old segments stay in the journal");
        }
        Err(why) => error!(%why, "moving old segments broke off"),
    }
}

fn days_before(now: Wall, days: u64) -> Wall {
    let days = i64::try_from(days).unwrap_or(i64::MAX / DAY_S);
    now.plus_s(-days.saturating_mul(DAY_S))
}
