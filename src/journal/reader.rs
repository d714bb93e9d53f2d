//! Reading segments: which there are, and what they hold.

use lanegate_core::record::{Body, Kind, Link, Record};

use super::frame::{self, Found, HEADER_LEN};
use super::{Disk, JournalError, RECORD_LEN_MAX};

const PREFIX: &str = "journal-";
const SUFFIX: &str = ".lgj";

/// One segment file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Segment {
    pub(super) name: String,
    /// Sequence of its first record.
    pub(super) first: u64,
}

impl Segment {
    pub(super) fn starting(first: u64) -> Self {
        Self {
            name: format!("{PREFIX}{first:012}{SUFFIX}"),
            first,
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        let first = digits.parse().ok().filter(|_| digits.len() == 12)?;
        Some(Self::starting(first))
    }
}

/// The segments, in order.
pub(super) fn segments<D: Disk>(disk: &D) -> Result<Vec<Segment>, JournalError> {
    let names = disk
        .list()
        .map_err(JournalError::io("directory", "listed"))?;
    let mut segments: Vec<_> = names.iter().filter_map(|n| Segment::parse(n)).collect();
    segments.sort_by_key(|s| s.first);
    Ok(segments)
}

/// Checks a record against the link before it and hands out the link behind.
/// Without a link the record begins the walk: only its own place is taken.
pub(super) fn follow(before: Option<&Link>, text: &str) -> Result<(Record, Link), String> {
    let record = Record::read(text).map_err(|fault| fault.to_string())?;
    if let Some(before) = before {
        let said = |what: &str| Err(format!("{what} does not follow the record before"));
        if record.seq != before.seq && !leaves_out(&record, before) {
            return Err(format!(
                "seq {} where {} was expected",
                record.seq, before.seq
            ));
        }
        if record.prev != before.prev {
            return said("prev");
        }
        if record.genesis != before.genesis {
            return said("genesis");
        }
        if record.controller != before.controller {
            return said("controller");
        }
    }
    let link = Link::behind(&record, text);
    Ok((record, link))
}

/// Whether `record` may leave out the numbers between `before` and its own:
/// the authority holds other records under them.
fn leaves_out(record: &Record, before: &Link) -> bool {
    let reconciled = record.kind == Kind::Reconciled && record.seq > before.seq;
    let body = reconciled.then(|| Body::read(record.kind, &record.body));
    let Some(Ok(Body::Reconciled(body))) = body else {
        return false;
    };
    body.genesis == before.genesis && body.through.checked_add(1) == Some(record.seq)
}

/// The sequence a record's text ends with: canonical JSON has it last.
pub(super) fn seq_in(text: &str) -> Option<u64> {
    let (_, seq) = text.rsplit_once("\"seq\":")?;
    seq.strip_suffix('}')?.parse().ok()
}

/// Whether `segment` begins with record `next`, or says itself why not.
pub(super) fn goes_on<D: Disk>(disk: &D, segment: &Segment, next: u64) -> bool {
    if segment.first <= next {
        return segment.first == next;
    }
    let bytes = disk.read_at(&segment.name, 0, HEADER_LEN + RECORD_LEN_MAX);
    let Ok(bytes) = bytes else {
        return false;
    };
    let Found::Record(text, _) = frame::read(&bytes, 0) else {
        return false;
    };
    Record::read(text).is_ok_and(|record| record.kind == Kind::Reconciled)
}

/// How a walk through one segment ended.
pub(super) struct Walked {
    pub(super) link: Option<Link>,
    /// Bytes of whole records.
    pub(super) len: u64,
    /// What is behind them.
    pub(super) tail: Option<Tail>,
}

/// Bytes at the end of the last segment that are no whole record.
pub(super) struct Tail {
    /// The record expected there.
    pub(super) seq: u64,
    /// How many.
    pub(super) bytes: u64,
    /// Why they cannot be a record's beginning; none if they can.
    pub(super) damage: Option<&'static str>,
}

/// Walks one segment. Only in the last segment, and only where no whole record
/// follows, may the end be none; anything else is damage, named exactly.
pub(super) fn walk(
    segment: &Segment,
    bytes: &[u8],
    last: bool,
    mut link: Option<Link>,
    mut each: impl FnMut(&Record, &str) -> Result<(), String>,
) -> Result<Walked, JournalError> {
    let mut at = 0;
    let mut tail = None;
    loop {
        let damaged = |why: String, link: &Option<Link>| JournalError::Damaged {
            segment: segment.name.clone(),
            offset: at as u64,
            seq: link.as_ref().map_or(segment.first, |l| l.seq),
            why,
        };
        match frame::read(bytes, at) {
            Found::End => break,
            Found::Record(text, next) => {
                let (record, behind) =
                    follow(link.as_ref(), text).map_err(|why| damaged(why, &link))?;
                if at == 0 && record.seq != segment.first {
                    let why = format!("the file is named for seq {}", segment.first);
                    return Err(damaged(why, &link));
                }
                each(&record, text).map_err(|why| damaged(why, &link))?;
                link = Some(behind);
                at = next;
            }
            Found::Short(_) | Found::Bad(_) if last && !frame::any_behind(bytes, at) => {
                tail = Some(Tail {
                    seq: link.as_ref().map_or(segment.first, |l| l.seq),
                    bytes: (bytes.len() - at) as u64,
                    damage: frame::cut_short(bytes, at).err(),
                });
                break;
            }
            Found::Short(why) | Found::Bad(why) => return Err(damaged(why.to_owned(), &link)),
        }
    }
    Ok(Walked {
        link,
        len: at as u64,
        tail,
    })
}

/// Reads whole records in order, for the outbox: remembers where it stopped.
#[derive(Debug)]
pub struct JournalReader<D> {
    disk: D,
    at: Cursor,
}

/// Bytes read at once.
const CHUNK: usize = 256 << 10;

impl<D: Disk> JournalReader<D> {
    /// A reader of the journal on `disk`.
    pub const fn new(disk: D) -> Self {
        Self { disk, at: None }
    }

    /// Up to `max` records from `seq` on that are not behind `durable`, with
    /// their sequences, as written. Where the beginning was archived, from the
    /// first one that is still there.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn records_from(
        &mut self,
        seq: u64,
        durable: u64,
        max: usize,
    ) -> Result<Vec<(u64, String)>, JournalError> {
        records_from(&self.disk, &mut self.at, seq, durable, max)
    }
}

/// Where a reader stopped: segment, offset in it, sequence there.
pub(crate) type Cursor = Option<(Segment, u64, u64)>;

pub(crate) fn records_from<D: Disk>(
    disk: &D,
    cursor: &mut Cursor,
    seq: u64,
    durable: u64,
    max: usize,
) -> Result<Vec<(u64, String)>, JournalError> {
    let mut records = Vec::new();
    if seq > durable || max == 0 {
        return Ok(records);
    }
    let (mut segment, mut offset, mut next) = match cursor.take() {
        Some(at) if at.2 <= seq => at,
        Some(_) | None => {
            let segments = segments(disk)?;
            let found = segments.iter().rfind(|s| s.first <= seq);
            let segment = found.or(segments.first()).cloned();
            let segment = segment.ok_or(JournalError::Missing { seq })?;
            (segment.clone(), 0, segment.first)
        }
    };
    let mut want = CHUNK;
    while records.len() < max && next <= durable {
        let read = disk.read_at(&segment.name, offset, want);
        let bytes = read.map_err(JournalError::io(&segment.name, "read"))?;
        let mut at = 0;
        while let Found::Record(text, behind) = frame::read(&bytes, at) {
            let here = seq_in(text).unwrap_or(next);
            if records.len() >= max || here > durable {
                break;
            }
            if here >= seq {
                records.push((here, text.to_owned()));
            }
            (at, next) = (behind, here.saturating_add(1));
        }
        offset += at as u64;
        if at > 0 {
            want = CHUNK;
        } else if bytes.len() == want && want < RECORD_LEN_MAX + HEADER_LEN {
            want = RECORD_LEN_MAX + HEADER_LEN;
        } else {
            let mut following = segments(disk)?.into_iter();
            let following = following.find(|s| s.first > segment.first);
            let following = following.filter(|s| bytes.is_empty() && goes_on(disk, s, next));
            segment = following.ok_or(JournalError::Missing { seq: next })?;
            offset = 0;
        }
    }
    *cursor = Some((segment, offset, next));
    Ok(records)
}
