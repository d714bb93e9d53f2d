//! A whole journal read from its first record to its last, a page at a time,
//! in bounded memory: for who looks back over months. The chain of hashes is
//! the verifier's business; a frame that is damaged ends the reading.

use std::collections::VecDeque;

use super::frame::{self, Found};
use super::reader::{Segment, goes_on, segments, seq_in};
use super::{Disk, JournalError};

/// Pages of a journal.
pub struct Pages<D> {
    disk: D,
    segments: VecDeque<Segment>,
    open: Option<Open>,
}

/// A segment being read: at most `SEGMENT_LEN_MAX` and a record.
struct Open {
    segment: Segment,
    bytes: Vec<u8>,
    at: usize,
    next: u64,
}

impl<D: Disk> Pages<D> {
    /// From the first record on that is there.
    ///
    /// # Errors
    /// The directory cannot be read, or holds no journal.
    pub fn new(disk: D) -> Result<Self, JournalError> {
        let segments: VecDeque<_> = segments(&disk)?.into();
        if segments.is_empty() {
            return Err(JournalError::Missing { seq: 0 });
        }
        Ok(Self {
            disk,
            segments,
            open: None,
        })
    }

    /// Up to `max` records with their sequences, as written; none is left
    /// behind an empty page. What at the end of the last file is no whole
    /// record is left out; whether it is torn or damaged, the verifier tells.
    ///
    /// # Errors
    /// They cannot be read, or are damaged.
    pub fn next_page(&mut self, max: usize) -> Result<Vec<(u64, String)>, JournalError> {
        let mut page = Vec::new();
        while page.len() < max {
            let Some(mut open) = self.next_open()? else {
                break;
            };
            match frame::read(&open.bytes, open.at) {
                Found::Record(text, behind) => {
                    let seq = seq_in(text).unwrap_or(open.next);
                    page.push((seq, text.to_owned()));
                    open.at = behind;
                    open.next = seq.saturating_add(1);
                    self.open = Some(open);
                }
                Found::End => self.end_of(&open)?,
                Found::Short(_) | Found::Bad(_)
                    if self.segments.is_empty() && !frame::any_behind(&open.bytes, open.at) => {}
                Found::Short(why) | Found::Bad(why) => {
                    return Err(JournalError::Damaged {
                        segment: open.segment.name,
                        offset: open.at as u64,
                        seq: open.next,
                        why: why.to_owned(),
                    });
                }
            }
        }
        Ok(page)
    }

    fn next_open(&mut self) -> Result<Option<Open>, JournalError> {
        if let Some(open) = self.open.take() {
            return Ok(Some(open));
        }
        let Some(segment) = self.segments.pop_front() else {
            return Ok(None);
        };
        let bytes = self.disk.read(&segment.name);
        let bytes = bytes.map_err(JournalError::io(&segment.name, "read"))?;
        Ok(Some(Open {
            next: segment.first,
            at: 0,
            bytes,
            segment,
        }))
    }

    /// The next file must go on where this one ends.
    fn end_of(&self, open: &Open) -> Result<(), JournalError> {
        match self.segments.front() {
            Some(next) if !goes_on(&self.disk, next, open.next) => {
                Err(JournalError::Missing { seq: open.next })
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::MemDisk;
    use crate::journal::reader::Segment;

    fn disk(files: &[(u64, &[u8])]) -> MemDisk {
        let mut disk = MemDisk::default();
        for (first, bytes) in files {
            let name = Segment::starting(*first).name;
            disk.create(&name).unwrap();
            disk.append(&name, bytes).unwrap();
            disk.sync(&name).unwrap();
        }
        disk
    }

    fn frames(seqs: std::ops::Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for seq in seqs {
            frame::write(&format!("{{\"at\":\"\",\"seq\":{seq}}}"), &mut bytes);
        }
        bytes
    }

    fn all(disk: MemDisk) -> Result<Vec<u64>, JournalError> {
        let mut pages = Pages::new(disk)?;
        let mut seqs = Vec::new();
        loop {
            let page = pages.next_page(2)?;
            if page.is_empty() {
                return Ok(seqs);
            }
            seqs.extend(page.iter().map(|(seq, _)| *seq));
        }
    }

    #[test]
    fn every_record_comes_once_across_files_and_a_torn_end_is_none() {
        let torn = [frames(3..5), vec![9, 0, 0]].concat();
        let read = all(disk(&[(0, &frames(0..3)), (3, &torn)])).unwrap();
        assert_eq!(read, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_gap_and_damage_are_said() {
        let gap = all(disk(&[(0, &frames(0..3)), (4, &frames(4..5))]));
        assert!(matches!(gap, Err(JournalError::Missing { seq: 3 })));
        assert_eq!(all(disk(&[(4, &frames(4..5))])).unwrap(), [4], "archived");
        assert!(matches!(
            all(MemDisk::default()),
            Err(JournalError::Missing { seq: 0 })
        ));
        let mut bad = frames(0..3);
        bad[12] ^= 1;
        let found = all(disk(&[(0, &bad)]));
        assert!(matches!(found, Err(JournalError::Damaged { seq: 0, .. })));
    }
}
