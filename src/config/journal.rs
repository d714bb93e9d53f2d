//! `[journal]`: sizes, the key that signs checkpoints, and how long segments
//! stay.

use std::path::{Path, PathBuf};

use super::controller::path_from;
use super::section::{Section, number, text};

const MIB: u64 = 1 << 20;

/// The journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalConfig {
    /// A new segment file is begun at this size.
    pub segment_bytes: u64,
    /// Below this much free space every verdict is Hold.
    pub free_space_floor_bytes: u64,
    /// File whose first line is the secret key in hex; a bare name is a
    /// systemd credential. None = the controller makes one of its own.
    pub checkpoint_key: Option<PathBuf>,
    /// A checkpoint after so many records.
    pub checkpoint_records: u64,
    /// A checkpoint after so many minutes with records.
    pub checkpoint_minutes: u64,
    /// Segments older than this leave the journal's directory; none = none
    /// does.
    pub keep_days: Option<u64>,
    /// Where they go; none = they are removed.
    pub archive_dir: Option<PathBuf>,
}

impl JournalConfig {
    /// Where the key is. A relative one is looked for in `credentials_dir`,
    /// systemd's `$CREDENTIALS_DIRECTORY`; none = it is the controller's own.
    ///
    /// # Errors
    /// It is a credential and there is no directory.
    pub fn key_file(&self, credentials_dir: Option<&Path>) -> std::io::Result<Option<PathBuf>> {
        let file = self.checkpoint_key.as_deref();
        file.map(|file| super::credential(file, credentials_dir))
            .transpose()
    }
}

pub(super) fn journal(s: &Section<'_>, base: &Path) -> Option<JournalConfig> {
    let segment = s.need("segment_mib", number(1..=1024));
    let floor = s.need("free_space_floor_mib", number(16..=1_048_576));
    // Joined to no directory: a bare name is a credential.
    let key = s.maybe("checkpoint_key", text);
    let records = s.need("checkpoint_records", number(1..=100_000));
    let minutes = s.need("checkpoint_minutes", number(1..=1440));
    let keep = s.maybe("keep_days", number(30..=36_500));
    let archive = s.maybe("archive_dir", path_from(base));
    let (keep, archive) = (keep?, archive?);
    if archive.is_some() && keep.is_none() {
        s.fault(
            "archive_dir",
            "is never used: write keep_days, or nothing leaves the journal",
        );
    }
    Some(JournalConfig {
        segment_bytes: segment? * MIB,
        free_space_floor_bytes: floor? * MIB,
        checkpoint_key: key?.map(PathBuf::from),
        checkpoint_records: records?,
        checkpoint_minutes: minutes?,
        keep_days: keep,
        archive_dir: archive,
    })
}
