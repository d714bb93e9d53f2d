//! The start: cut a torn tail, stop at any other damage, fold the rest.

use lanegate_core::ledger::Ledger;
use lanegate_core::record::{Body, Draft, Link, Record, sha256_hex};

use super::reader::{Segment, Tail, segments, walk};
use super::snapshot::{self, Origin, Snapshot};
use super::{Disk, JournalError, Writer, older};

/// Bytes at the end that were no whole record, now cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Torn {
    /// Which file.
    pub segment: String,
    /// Where it now ends.
    pub offset: u64,
    /// How many bytes were cut.
    pub bytes: u64,
    /// The record that would stand there.
    pub seq: u64,
    /// Why they cannot be what a crash leaves of a record's beginning; none if
    /// they can. A power cut may leave other bytes too, and so may damage to a
    /// record that was answered: nothing here tells the two apart.
    pub damage: Option<&'static str>,
    /// The file that has what was cut, where it is damage.
    pub kept: Option<String>,
}

/// A journal read back.
#[derive(Debug)]
pub struct Recovered {
    /// The fold over its records.
    pub ledger: Ledger,
    /// Goes on where it ended.
    pub writer: Writer,
    /// The tail that was cut.
    pub torn: Option<Torn>,
    /// The snapshot it began from.
    pub snapshot: Option<u64>,
    /// Records folded.
    pub replayed: u64,
    /// The first record of the first segment read: what is before it was only
    /// looked at where segments meet, and is for [`super::read_older`].
    pub read_from: u64,
    /// The first record that is there; above 0 what was before it was archived,
    /// or somebody took it away.
    pub begins: u64,
}

/// Reads the journal on `disk`; none if there is none yet.
///
/// # Errors
/// The disk, or damage that is no torn tail.
pub fn recover<D: Disk>(
    disk: &mut D,
    segment_len_max: u64,
) -> Result<Option<Recovered>, JournalError> {
    let segments = segments(disk)?;
    let Some(last) = segments.last() else {
        return Ok(None);
    };
    let mut replay = None;
    for name in snapshot::names(disk)? {
        let Some(snapshot) = snapshot::read(disk, &name)? else {
            continue;
        };
        let seq = snapshot.origin.seq;
        match Replay::from(snapshot).run(disk, &segments) {
            Ok(done) if done.confirmed => {
                replay = Some((done, Some(seq)));
                break;
            }
            Ok(_) => tracing::warn!(
                snapshot = name,
                "not named by the journal, an older one is tried"
            ),
            Err(why) => {
                tracing::warn!(snapshot = name, %why, "does not fit the journal, an older one is tried")
            }
        }
    }
    let (done, snapshot) = match replay {
        Some(found) => found,
        None => (Replay::whole().run(disk, &segments)?, None),
    };
    older::join_up(disk, &segments, done.begin)?;
    let torn = done.cut(disk, last)?;
    // What a killed process had written and not synced was read like the rest:
    // from now on it counts, so it has to be on the disk, whichever file the
    // next record goes to.
    let synced = disk.sync(&last.name);
    synced.map_err(JournalError::io(&last.name, "synced"))?;
    let Some(link) = done.link else {
        return Ok(None);
    };
    let writer = Writer::resume(last.clone(), done.len, link, segment_len_max);
    Ok(Some(Recovered {
        ledger: done.ledger,
        writer,
        torn,
        snapshot,
        replayed: done.replayed,
        read_from: segments[done.begin].first,
        begins: segments[0].first,
    }))
}

/// A fold on its way through the segments.
struct Replay {
    ledger: Ledger,
    /// What it began from.
    after: Option<Origin>,
    confirmed: bool,
    link: Option<Link>,
    len: u64,
    tail: Option<Tail>,
    replayed: u64,
    /// The segment it began with.
    begin: usize,
}

impl Replay {
    fn whole() -> Self {
        Self {
            ledger: Ledger::default(),
            after: None,
            confirmed: true,
            link: None,
            len: 0,
            tail: None,
            replayed: 0,
            begin: 0,
        }
    }

    fn from(snapshot: Snapshot) -> Self {
        Self {
            ledger: snapshot.ledger,
            after: Some(snapshot.origin),
            confirmed: false,
            ..Self::whole()
        }
    }

    fn run<D: Disk>(mut self, disk: &D, segments: &[Segment]) -> Result<Self, JournalError> {
        let from = self.after.as_ref().map_or(0, |origin| origin.seq);
        let begin = segments.iter().rposition(|s| s.first <= from);
        let first = segments.first().map_or(0, |s| s.first);
        let begin = begin.ok_or(JournalError::Headless { first })?;
        self.begin = begin;
        for (i, segment) in segments.iter().enumerate().skip(begin) {
            let bytes = disk
                .read(&segment.name)
                .map_err(JournalError::io(&segment.name, "read"))?;
            let last = i + 1 == segments.len();
            let link = self.link.take();
            let walked = walk(segment, &bytes, last, link, |record, text| {
                self.fold(record, text)
            })?;
            self.link = walked.link;
            self.len = walked.len;
            self.tail = walked.tail;
        }
        Ok(self)
    }

    fn fold(&mut self, record: &Record, text: &str) -> Result<(), String> {
        if let Some(origin) = &self.after {
            if record.seq < origin.seq {
                return Ok(());
            }
            if record.seq == origin.seq {
                return match origin.is(record, &sha256_hex(text.as_bytes())) {
                    true => Ok(()),
                    false => Err("another record than the snapshot's".to_owned()),
                };
            }
        }
        let draft = record.draft().map_err(|fault| fault.to_string())?;
        if let (Some(origin), Body::Snapshot(body)) = (&self.after, &draft.body) {
            self.confirmed |= origin.is_named_by(body);
        }
        self.apply(record.seq, &draft);
        Ok(())
    }

    fn apply(&mut self, seq: u64, draft: &Draft) {
        self.ledger.apply(seq, draft);
        self.replayed += 1;
    }

    fn cut<D: Disk>(&self, disk: &mut D, last: &Segment) -> Result<Option<Torn>, JournalError> {
        let Some(tail) = &self.tail else {
            return Ok(None);
        };
        // A torn beginning is nobody's; the rest of a record that was answered
        // is evidence, and all but a bit of it may be right.
        let kept = tail.damage.and_then(|_| {
            let kept = keep(disk, last, self.len, tail);
            kept.inspect_err(|why| tracing::warn!(%why, "what is cut from the journal is not kept"))
                .ok()
        });
        let cut = disk.truncate(&last.name, self.len);
        cut.map_err(JournalError::io(&last.name, "cut"))?;
        Ok(Some(Torn {
            segment: last.name.clone(),
            offset: self.len,
            bytes: tail.bytes,
            seq: tail.seq,
            damage: tail.damage,
            kept,
        }))
    }
}

/// Copies what will be cut; behind what was cut at this record before.
fn keep<D: Disk>(
    disk: &mut D,
    last: &Segment,
    offset: u64,
    tail: &Tail,
) -> std::io::Result<String> {
    let name = format!("cut-{:012}.bin", tail.seq);
    let len = usize::try_from(tail.bytes).unwrap_or(usize::MAX);
    let bytes = disk.read_at(&last.name, offset, len)?;
    if !disk.list()?.contains(&name) {
        disk.create(&name)?;
    }
    disk.append(&name, &bytes)?;
    disk.sync(&name)?;
    Ok(name)
}
