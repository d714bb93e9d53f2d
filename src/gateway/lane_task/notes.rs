//! A lane's records that nobody waits for, while the committer takes none.

use std::collections::VecDeque;

use lanegate_core::model::LaneId;
use lanegate_core::record::{Draft, FaultBody};
use lanegate_core::time::Wall;
use tracing::{error, warn};

use crate::committer::Busy;
use crate::metrics::queues::{Level, Queue};

/// Records kept here (L9). On a disk that stays full more are left out, and a
/// record says how many; for any other cause the daemon stops.
const NOTES_MAX: usize = 256;

pub(super) struct Notes {
    lane: LaneId,
    waiting: VecDeque<Vec<Draft>>,
    level: Level,
    /// The disk is full: how many were left out since. Ends when all that
    /// waited is on its way.
    clogged: Option<u64>,
}

impl Notes {
    pub(super) fn new(lane: LaneId) -> Self {
        Self {
            lane,
            waiting: VecDeque::new(),
            level: Level::new(Queue::LaneNotes, NOTES_MAX),
            clogged: None,
        }
    }

    /// Keeps records for the committer. Where no more can be kept they are left
    /// out: to end would lose all that wait.
    pub(super) fn push(&mut self, drafts: Vec<Draft>) {
        if self.waiting.len() < NOTES_MAX {
            return self.waiting.push_back(drafts);
        }
        let left_out = self.clogged.get_or_insert(0);
        if *left_out == 0 {
            error!(lane = %self.lane, "the disk is full and too many records wait: more are left out until there is room");
        }
        *left_out += drafts.len() as u64;
    }

    /// Hands over what the committer takes; `clogged` says whether it takes none
    /// because its disk is full.
    pub(super) fn send(
        &mut self,
        clogged: bool,
        at: Wall,
        mut take: impl FnMut(Vec<Draft>) -> Result<(), Busy>,
    ) {
        if clogged {
            self.clogged.get_or_insert(0);
        }
        while let Some(drafts) = self.waiting.front() {
            if take(drafts.clone()).is_err() {
                return self.refused();
            }
            self.waiting.pop_front();
            self.level.set(self.waiting.len());
        }
        if clogged {
            return;
        }
        if let Some(left_out @ 1..) = self.clogged.take() {
            warn!(lane = %self.lane, left_out, "there is room again, and records of this lane are missing");
            let gap = self.gap(left_out, at);
            self.waiting.push_back(vec![gap]);
        }
    }

    fn refused(&self) {
        self.level.set(self.waiting.len());
        if self.waiting.len() < NOTES_MAX {
            return;
        }
        self.level.was_full();
        assert!(
            self.clogged.is_some(),
            "the journal has not taken a record for too long: records may not be lost, so the daemon stops"
        );
    }

    /// What is not on record is.
    fn gap(&self, left_out: u64, at: Wall) -> Draft {
        let body = FaultBody {
            cause: "journal".to_owned(),
            state: format!("{left_out} records were left out: the disk was full"),
        };
        Draft {
            at,
            lane: Some(self.lane.clone()),
            passage: None,
            body: body.into(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use lanegate_core::record::Body;

    use super::*;

    const AT: Wall = Wall(1_800_000_000_000);

    fn notes() -> Notes {
        Notes::new(LaneId::parse("L1").unwrap())
    }

    fn note(notes: &Notes, n: usize) -> Vec<Draft> {
        let n = u64::try_from(n).unwrap();
        vec![notes.gap(n, AT)]
    }

    fn said(drafts: &[Draft]) -> String {
        let [draft] = drafts else {
            panic!("{drafts:?}")
        };
        let Body::Fault(body) = &draft.body else {
            panic!("{draft:?}")
        };
        body.state.clone()
    }

    /// Bounded, in order, and what is missing is told.
    #[test]
    fn on_a_full_disk_no_more_is_kept_than_may_be_and_the_record_says_what_is_missing() {
        let mut notes = notes();
        for n in 0..NOTES_MAX + 3 {
            notes.push(note(&notes, n));
            notes.send(true, AT, |_| Err(Busy));
        }
        assert_eq!(notes.waiting.len(), NOTES_MAX);
        // There is room; the committer takes half at once, as do other lanes'.
        let mut taken = Vec::new();
        let mut room = NOTES_MAX / 2;
        let mut take = |drafts: Vec<Draft>| {
            room = room.checked_sub(1).ok_or(Busy)?;
            taken.push(said(&drafts));
            Ok(())
        };
        notes.send(false, AT, &mut take);
        assert!(!notes.is_empty());
        room = NOTES_MAX;
        let mut take = |drafts: Vec<Draft>| {
            taken.push(said(&drafts));
            Ok(())
        };
        notes.send(false, AT, &mut take);
        notes.send(false, AT, &mut take);
        assert!(notes.is_empty() && room > 0);
        let before = |n| said(&note(&self::notes(), n));
        let mut expected: Vec<String> = (0..NOTES_MAX).map(before).collect();
        expected.push("3 records were left out: the disk was full".to_owned());
        assert_eq!(taken, expected);
    }

    #[test]
    #[should_panic(expected = "records may not be lost")]
    fn a_committer_that_takes_nothing_for_another_cause_ends_the_daemon() {
        let mut notes = notes();
        for n in 0..NOTES_MAX {
            notes.push(note(&notes, n));
            notes.send(false, AT, |_| Err(Busy));
        }
    }
}
