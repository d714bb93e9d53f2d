//! Segments in front of the one a start reads from: the snapshot stands for
//! what they hold, so a hole in them changes nothing today and would be missed
//! on the day somebody asks. A start looks whether each ends where the next one
//! begins; every byte of them is read after it, in pieces, by [`read_older`].

use std::io::ErrorKind;

use lanegate_core::record::{Link, sha256_hex};

use super::frame::{self, Found, HEADER_LEN};
use super::reader::{Segment, follow, goes_on, segments, seq_in};
use super::{Disk, JournalError, RECORD_LEN_MAX};

/// Bytes read at once; in tests less than a record has.
const PIECE: usize = if cfg!(test) { 100 } else { 1 << 20 };
/// Enough for the key a record ends with.
const LAST_WORDS: usize = 64;
/// Names the segment in which a reading found damage: the next start looks
/// there before it is ready, and not only behind that.
const SUSPECT: &str = "suspect";

/// What was read and is whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Older {
    /// Segments.
    pub segments: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes read.
    pub bytes: u64,
    /// It was told to stop before the end.
    pub stopped: bool,
}

/// Reads every segment in front of the one that begins with record `until`,
/// and checks each record's frame, checksum and place in the chain up to that
/// one's first. Asks `go_on` behind every piece. The oldest segments may leave
/// for the archive meanwhile.
///
/// # Errors
/// A record that is not whole or not in its place; or a file cannot be read.
pub fn read_older<D: Disk>(
    disk: &D,
    until: u64,
    mut go_on: impl FnMut() -> bool,
) -> Result<Older, JournalError> {
    loop {
        let mut all = segments(disk)?;
        all.retain(|segment| segment.first <= until);
        let mut walk = Walk::new(disk, &mut go_on);
        match walk.through(&all) {
            Err(JournalError::Io { name, source, .. })
                if source.kind() == ErrorKind::NotFound && is_gone_rightly(disk, &name)? => {}
            Err(why) => return Err(why),
            Ok(()) => return Ok(walk.done),
        }
    }
}

/// Only the oldest leave for the archive.
fn is_gone_rightly<D: Disk>(disk: &D, name: &str) -> Result<bool, JournalError> {
    let gone = Segment::parse(name);
    let left = segments(disk)?;
    Ok(gone.is_some_and(|gone| left.iter().all(|s| s.first > gone.first)))
}

/// Notes for the next start that `why` was found. What cannot be noted is
/// found again by the next reading.
///
/// # Errors
/// The disk.
pub fn suspect<D: Disk>(disk: &mut D, why: &JournalError) -> Result<(), JournalError> {
    let Some(segment) = why.segment() else {
        return Ok(());
    };
    let listed = disk
        .list()
        .map_err(JournalError::io("directory", "listed"))?;
    if listed.iter().any(|name| name == SUSPECT) {
        return Ok(());
    }
    disk.create(SUSPECT)
        .and_then(|()| disk.append(SUSPECT, segment.as_bytes()))
        .and_then(|()| disk.sync(SUSPECT))
        .map_err(JournalError::io(SUSPECT, "written"))
}

/// What a start asks of the segments before `begin`, from which on it reads:
/// that each ends where the next begins, and that the one an earlier reading
/// found damaged is whole again.
pub(super) fn join_up<D: Disk>(
    disk: &mut D,
    segments: &[Segment],
    begin: usize,
) -> Result<(), JournalError> {
    for (i, pair) in segments[..=begin].windows(2).enumerate() {
        if let [segment, next] = pair
            && !joins(disk, segment, next)?
        {
            look_closely(disk, &segments[i.saturating_sub(1)..=begin])?;
            return Err(JournalError::Damaged {
                segment: segment.name.clone(),
                offset: 0,
                seq: segment.first,
                why: format!("it does not end where {} begins", next.name),
            });
        }
    }
    let listed = disk
        .list()
        .map_err(JournalError::io("directory", "listed"))?;
    if listed.iter().any(|name| name == SUSPECT) {
        let name = disk.read(SUSPECT);
        let name = name.map_err(JournalError::io(SUSPECT, "read"))?;
        let at = segments.iter().position(|s| s.name.as_bytes() == name);
        if let Some(at) = at.filter(|at| *at <= begin) {
            look_closely(disk, &segments[at.saturating_sub(1)..=(at + 1).min(begin)])?;
        }
        let removed = disk.remove(SUSPECT);
        removed.map_err(JournalError::io(SUSPECT, "removed"))?;
    }
    Ok(())
}

/// Whether `segment`, by its last words, ends where `next` begins.
fn joins<D: Disk>(disk: &D, segment: &Segment, next: &Segment) -> Result<bool, JournalError> {
    let read = JournalError::io(&segment.name, "read");
    let size = disk.size(&segment.name).map_err(&read)?;
    let from = size.saturating_sub(LAST_WORDS as u64);
    let bytes = disk
        .read_at(&segment.name, from, LAST_WORDS)
        .map_err(&read)?;
    let last = seq_in(&String::from_utf8_lossy(&bytes));
    let following = last.and_then(|last| last.checked_add(1));
    Ok(following.is_some_and(|following| goes_on(disk, next, following)))
}

fn look_closely<D: Disk>(disk: &D, segments: &[Segment]) -> Result<(), JournalError> {
    Walk::new(disk, &mut || true).through(segments)
}

/// Reads segments in pieces, whatever their size.
struct Walk<'a, D, F> {
    disk: &'a D,
    go_on: &'a mut F,
    link: Option<Link>,
    done: Older,
}

impl<'a, D: Disk, F: FnMut() -> bool> Walk<'a, D, F> {
    fn new(disk: &'a D, go_on: &'a mut F) -> Self {
        Self {
            disk,
            go_on,
            link: None,
            done: Older::default(),
        }
    }

    /// All of `segments` but the last, of which only the first record.
    fn through(&mut self, segments: &[Segment]) -> Result<(), JournalError> {
        let Some((last, older)) = segments.split_last() else {
            return Ok(());
        };
        for segment in older {
            self.segment(segment, false)?;
            if self.done.stopped {
                return Ok(());
            }
            self.done.segments += 1;
        }
        if older.is_empty() {
            return Ok(());
        }
        self.segment(last, true)
    }

    fn segment(&mut self, segment: &Segment, only_first: bool) -> Result<(), JournalError> {
        let (mut offset, mut bytes) = (0, Vec::new());
        loop {
            let from = offset + bytes.len() as u64;
            let piece = self.disk.read_at(&segment.name, from, PIECE);
            let piece = piece.map_err(JournalError::io(&segment.name, "read"))?;
            let is_end = piece.is_empty();
            self.done.bytes += piece.len() as u64;
            bytes.extend_from_slice(&piece);
            let mut at = 0;
            loop {
                match frame::read(&bytes, at) {
                    Found::Record(text, behind) => {
                        let here = offset + at as u64;
                        self.record(segment, here, text)?;
                        at = behind;
                        if only_first {
                            return Ok(());
                        }
                    }
                    Found::End => break,
                    Found::Short(_)
                        if !is_end && bytes.len() - at < HEADER_LEN + RECORD_LEN_MAX =>
                    {
                        break;
                    }
                    Found::Short(why) | Found::Bad(why) => {
                        return Err(self.damaged(segment, offset + at as u64, why.to_owned()));
                    }
                }
            }
            if is_end {
                return Ok(());
            }
            bytes.drain(..at);
            offset += at as u64;
            if !(self.go_on)() {
                self.done.stopped = true;
                return Ok(());
            }
        }
    }

    fn record(&mut self, segment: &Segment, offset: u64, text: &str) -> Result<(), JournalError> {
        match &mut self.link {
            // The next one in the chain, as nearly all are: its text ends so.
            Some(link) if ends_behind(text, link) && (offset > 0 || link.seq == segment.first) => {
                link.prev = sha256_hex(text.as_bytes());
                link.seq = link.seq.saturating_add(1);
            }
            link => {
                let followed = follow(link.as_ref(), text);
                let (record, behind) =
                    followed.map_err(|why| self.damaged(segment, offset, why))?;
                if offset == 0 && record.seq != segment.first {
                    let why = format!("the file is named for seq {}", segment.first);
                    return Err(self.damaged(segment, offset, why));
                }
                self.link = Some(behind);
            }
        }
        self.done.records += 1;
        Ok(())
    }

    fn damaged(&self, segment: &Segment, offset: u64, why: String) -> JournalError {
        JournalError::Damaged {
            segment: segment.name.clone(),
            offset,
            seq: self.link.as_ref().map_or(segment.first, |link| link.seq),
            why,
        }
    }
}

/// Whether `text` names the record before it and its own number as `link` does:
/// the two keys that come last in canonical JSON.
fn ends_behind(text: &str, link: &Link) -> bool {
    let ends = || {
        let rest = text.strip_suffix('}')?;
        let rest = rest.strip_suffix(&link.seq.to_string())?;
        let rest = rest.strip_suffix("\",\"seq\":")?.strip_suffix(&link.prev)?;
        rest.strip_suffix(",\"prev\":\"")
    };
    ends().is_some()
}
