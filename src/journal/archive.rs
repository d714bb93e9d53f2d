//! Old segments leave the journal's directory: whole ones, older than the
//! days kept, held by the authority, and behind two recorded snapshots, so
//! that a start needs them no more even if the newer snapshot is bad.

use lanegate_core::record::{Body, Kind, Record, sha256_hex};
use lanegate_core::time::Wall;

use super::reader::{Segment, records_from, segments};
use super::{Disk, JournalError, RECORD_LEN_MAX, snapshot};

/// Bytes copied at once.
const CHUNK: usize = 1 << 20;
/// Records read at once while a snapshot's record is looked for.
const PAGE_LEN: usize = 256;
const ASIDE: &str = "segment.new";

/// Up to where the journal may leave its directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leave {
    /// What was recorded before this is old enough.
    pub before: Wall,
    /// The authority holds everything up to there.
    pub acknowledged: u64,
    /// The last durable record.
    pub head: u64,
}

/// Moves every segment that may leave from `live` to `archive`, or removes it
/// where there is none; returns their names. Stopped at any point it goes on
/// the next time.
///
/// # Errors
/// The disks; or the archive holds another segment of the same name.
pub fn archive<L: Disk, A: Disk>(
    live: &mut L,
    mut archive: Option<&mut A>,
    leave: Leave,
) -> Result<Vec<String>, JournalError> {
    let mut gone = Vec::new();
    for segment in leaving(live, leave)? {
        if let Some(archive) = archive.as_deref_mut() {
            keep(live, archive, &segment.name)?;
        }
        let removed = live.remove(&segment.name);
        removed.map_err(JournalError::io(&segment.name, "removed"))?;
        gone.push(segment.name);
    }
    Ok(gone)
}

/// The segments that may leave, the oldest first: none behind one that stays.
fn leaving<D: Disk>(disk: &D, leave: Leave) -> Result<Vec<Segment>, JournalError> {
    let segments = segments(disk)?;
    let mut found = Vec::new();
    let mut until = None;
    for pair in segments.windows(2) {
        let [segment, next] = pair else {
            break;
        };
        let last = next.first.saturating_sub(1);
        let (began, ended) = (begun(disk, segment)?, begun(disk, next)?);
        // A clock that was wrong for a while makes nothing old by itself.
        let old = began
            .zip(ended)
            .is_some_and(|(a, b)| a.max(b) < leave.before);
        if !old || last > leave.acknowledged {
            break;
        }
        if until.is_none() {
            until = Some(needed_from(disk, leave.head)?);
        }
        if until.flatten().is_none_or(|from| next.first > from) {
            break;
        }
        found.push(segment.clone());
    }
    Ok(found)
}

/// When the first record of a segment was made.
fn begun<D: Disk>(disk: &D, segment: &Segment) -> Result<Option<Wall>, JournalError> {
    let read = disk.read_at(&segment.name, 0, RECORD_LEN_MAX);
    let bytes = read.map_err(JournalError::io(&segment.name, "read"))?;
    let super::frame::Found::Record(text, _) = super::frame::read(&bytes, 0) else {
        return Ok(None);
    };
    Ok(Record::read(text).ok().map(|record| record.at))
}

/// A start reads from this record on whichever snapshot it uses; none while
/// there are not two that the journal names.
fn needed_from<D: Disk>(disk: &D, head: u64) -> Result<Option<u64>, JournalError> {
    let mut from: Option<u64> = None;
    let names = snapshot::names(disk)?;
    if names.len() < snapshot::KEPT {
        return Ok(None);
    }
    for name in names {
        let bytes = disk.read(&name).map_err(JournalError::io(&name, "read"))?;
        let Some(seq) = snapshot::seq_of(&name) else {
            return Ok(None);
        };
        if !is_recorded(disk, seq, &sha256_hex(&bytes), head)? {
            return Ok(None);
        }
        from = Some(from.map_or(seq, |from| from.min(seq)));
    }
    Ok(from)
}

fn is_recorded<D: Disk>(disk: &D, seq: u64, sha256: &str, head: u64) -> Result<bool, JournalError> {
    let (mut cursor, mut next) = (None, seq);
    loop {
        let records = records_from(disk, &mut cursor, next, head, PAGE_LEN)?;
        let Some((last, _)) = records.last() else {
            return Ok(false);
        };
        next = last + 1;
        let names = |text: &str| {
            let record = Record::read(text).ok()?;
            let body = Body::read(record.kind, &record.body).ok()?;
            let Body::Snapshot(body) = body else {
                return None;
            };
            Some(body.seq == seq && body.sha256 == sha256)
        };
        let of_kind = format!("\"kind\":\"{}\"", Kind::Snapshot.as_str());
        let mut of_kind = records.iter().filter(|(_, text)| text.contains(&of_kind));
        if of_kind.any(|(_, text)| names(text) == Some(true)) {
            return Ok(true);
        }
    }
}

/// Copies a segment into the archive: whole and durable under its name, or
/// not there.
fn keep<L: Disk, A: Disk>(live: &L, archive: &mut A, name: &str) -> Result<(), JournalError> {
    let listed = archive
        .list()
        .map_err(JournalError::io("archive", "listed"))?;
    if listed.iter().any(|n| n == name) {
        return compare(live, archive, name);
    }
    if listed.iter().any(|n| n == ASIDE) {
        let removed = archive.remove(ASIDE);
        removed.map_err(JournalError::io(ASIDE, "removed"))?;
    }
    let made = archive.create(ASIDE);
    made.map_err(JournalError::io(ASIDE, "made"))?;
    let mut offset = 0;
    loop {
        let read = live.read_at(name, offset, CHUNK);
        let bytes = read.map_err(JournalError::io(name, "read"))?;
        if bytes.is_empty() {
            break;
        }
        let written = archive.append(ASIDE, &bytes);
        written.map_err(JournalError::io(ASIDE, "written"))?;
        offset += bytes.len() as u64;
    }
    let synced = archive.sync(ASIDE);
    synced.map_err(JournalError::io(ASIDE, "synced"))?;
    let renamed = archive.rename(ASIDE, name);
    renamed.map_err(JournalError::io(name, "renamed"))?;
    compare(live, archive, name)
}

/// Nothing is removed here that is not there, byte for byte.
fn compare<L: Disk, A: Disk>(live: &L, archive: &A, name: &str) -> Result<(), JournalError> {
    let mut offset = 0;
    loop {
        let here = live.read_at(name, offset, CHUNK);
        let here = here.map_err(JournalError::io(name, "read"))?;
        let there = archive.read_at(name, offset, CHUNK);
        let there = there.map_err(JournalError::io(name, "read in the archive"))?;
        if here != there {
            return Err(JournalError::ArchivedOther {
                segment: name.to_owned(),
            });
        }
        if here.is_empty() {
            return Ok(());
        }
        offset += here.len() as u64;
    }
}
