//! Snapshots: the ledger after one record, for a fast start. Written aside and
//! renamed; believed only if a `snapshot` record behind it names its hash.

use std::io::Write;

use lanegate_core::ledger::Ledger;
use lanegate_core::model::{ControllerId, ItemDigest};
use lanegate_core::record::{Link, Record, SnapshotBody, sha256_hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Disk, JournalError};

const PREFIX: &str = "snapshot-";
const SUFFIX: &str = ".json";
const ASIDE: &str = "snapshot.new";
/// The last one may be bad.
pub(super) const KEPT: usize = 2;
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    controller: &'a ControllerId,
    genesis: &'a str,
    seq: u64,
    sha256: &'a str,
    ledger: &'a Ledger,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadBack {
    v: u32,
    controller: ControllerId,
    genesis: String,
    seq: u64,
    sha256: String,
    ledger: Ledger,
}

/// A snapshot read back.
pub(super) struct Snapshot {
    pub(super) origin: Origin,
    pub(super) ledger: Ledger,
}

/// What a snapshot was taken of.
pub(super) struct Origin {
    controller: ControllerId,
    genesis: String,
    /// The last record folded in.
    pub(super) seq: u64,
    /// That record's SHA-256.
    sha256: String,
    /// The snapshot file's.
    file_sha256: String,
}

impl Origin {
    /// Whether `record`, whose SHA-256 is `sha256`, is the last one folded in.
    pub(super) fn is(&self, record: &Record, sha256: &str) -> bool {
        let same = record.controller == self.controller && record.genesis == self.genesis;
        same && record.seq == self.seq && sha256 == self.sha256
    }

    /// Whether `body` names this snapshot's file.
    pub(super) fn is_named_by(&self, body: &SnapshotBody) -> bool {
        body.seq == self.seq && body.sha256 == self.file_sha256
    }
}

/// Writes the ledger as it is behind the record before `link`, and removes old
/// snapshots; the answer is to be recorded.
///
/// # Errors
/// It could not be written; the journal is not touched.
pub fn write_snapshot<D: Disk>(
    disk: &mut D,
    ledger: &Ledger,
    link: &Link,
) -> Result<SnapshotBody, JournalError> {
    let seq = link
        .seq
        .checked_sub(1)
        .expect("a journal has a genesis record");
    let written = Written {
        v: VERSION,
        controller: &link.controller,
        genesis: &link.genesis,
        seq,
        sha256: &link.prev,
        ledger,
    };
    let name = format!("{PREFIX}{seq:012}{SUFFIX}");
    let listed = disk
        .list()
        .map_err(JournalError::io("directory", "listed"))?;
    if listed.iter().any(|n| n == ASIDE) {
        disk.remove(ASIDE)
            .map_err(JournalError::io(ASIDE, "removed"))?;
    }
    disk.create(ASIDE)
        .map_err(JournalError::io(ASIDE, "made"))?;
    let sha256 = Aside::write(disk, &written).map_err(JournalError::io(ASIDE, "written"))?;
    disk.sync(ASIDE)
        .map_err(JournalError::io(ASIDE, "synced"))?;
    disk.rename(ASIDE, &name)
        .map_err(JournalError::io(&name, "renamed"))?;
    for old in names(disk)?.iter().skip(KEPT) {
        disk.remove(old).map_err(JournalError::io(old, "removed"))?;
    }
    Ok(SnapshotBody { seq, sha256 })
}

/// Bytes written at once: a million declarations are never one buffer.
const CHUNK: usize = 64 << 10;

/// Writes and hashes as it goes.
struct Aside<'a, D> {
    disk: &'a mut D,
    chunk: Vec<u8>,
    hash: Sha256,
}

impl<'a, D: Disk> Aside<'a, D> {
    fn write(disk: &'a mut D, written: &Written<'_>) -> std::io::Result<String> {
        let mut aside = Self {
            disk,
            chunk: Vec::with_capacity(CHUNK),
            hash: Sha256::new(),
        };
        serde_json::to_writer(&mut aside, written)?;
        aside.flush()?;
        let digest: [u8; 32] = aside.hash.finalize().into();
        Ok(ItemDigest(digest).to_string())
    }
}

impl<D: Disk> Write for Aside<'_, D> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.hash.update(&self.chunk);
        self.disk.append(ASIDE, &self.chunk)?;
        self.chunk.clear();
        Ok(())
    }
}

/// Names of snapshots, the newest first.
pub(super) fn names<D: Disk>(disk: &D) -> Result<Vec<String>, JournalError> {
    let names = disk
        .list()
        .map_err(JournalError::io("directory", "listed"))?;
    let is = |n: &String| n.starts_with(PREFIX) && n.ends_with(SUFFIX);
    let mut names: Vec<_> = names.into_iter().filter(is).collect();
    names.sort();
    names.reverse();
    Ok(names)
}

/// The record a snapshot's file is named for.
pub(super) fn seq_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    digits.parse().ok()
}

/// Reads a snapshot; none if it is not a whole one.
pub(super) fn read<D: Disk>(disk: &D, name: &str) -> Result<Option<Snapshot>, JournalError> {
    let bytes = disk.read(name).map_err(JournalError::io(name, "read"))?;
    let Ok(read) = serde_json::from_slice::<ReadBack>(&bytes) else {
        tracing::warn!(snapshot = name, "cannot be read, an older one is tried");
        return Ok(None);
    };
    if read.v != VERSION {
        return Ok(None);
    }
    let origin = Origin {
        controller: read.controller,
        genesis: read.genesis,
        seq: read.seq,
        sha256: read.sha256,
        file_sha256: sha256_hex(&bytes),
    };
    Ok(Some(Snapshot {
        origin,
        ledger: read.ledger.reindexed(),
    }))
}
