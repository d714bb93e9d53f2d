//! What waits, what a flush makes of it, and what is answered.

use std::collections::VecDeque;

use lanegate_core::lane::{Guard, Refusal, Took};
use lanegate_core::ledger::{LateControl, Ledger};
use lanegate_core::record::{ControlLateBody, Draft, FeedBody, Prepared};
use lanegate_core::time::Wall;

use super::open::controllers_own;
use crate::journal::Group;

/// What waits for the next flush.
pub(super) enum Entry<T> {
    Commit {
        token: T,
        drafts: Vec<Prepared>,
        guard: Guard,
    },
    Note(Vec<Prepared>),
    Feed {
        token: T,
        at: Wall,
        body: Box<FeedBody>,
        /// Records that go with it or not at all.
        with: Vec<Prepared>,
    },
}

/// What is answered after a flush, in the order of asking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer<T> {
    /// The commit is durable.
    Committed {
        /// Who asked.
        token: T,
        /// Sequence of its first record.
        seq: u64,
        /// What was taken.
        took: Took,
    },
    /// The commit was not appended.
    Refused {
        /// Who asked.
        token: T,
        /// Why.
        why: Refusal,
    },
    /// The batch of the feed is durable and in force.
    Applied {
        /// Who asked.
        token: T,
        /// Its record.
        seq: u64,
        /// The generation reached.
        generation: u64,
    },
    /// The batch could not be written: it is not in force, ask again.
    NotApplied {
        /// Who asked.
        token: T,
    },
    /// A control came after the verdict of a passage that was let go.
    ControlLate(LateControl),
}

/// What a flush wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flushed {
    /// Records.
    pub records: usize,
    /// Bytes.
    pub bytes: usize,
    /// Commits refused.
    pub refused: usize,
    /// The disk was full.
    pub full: bool,
}

/// What a flush is about to write.
pub(super) struct Work<T> {
    pub(super) ledger: Ledger,
    pub(super) group: Group,
    pub(super) answers: Vec<Answer<T>>,
    /// To be asked again if the disk turns out to be full.
    pub(super) notes: VecDeque<Entry<T>>,
    pub(super) refused: usize,
    /// When the last of its records was made.
    pub(super) at: Option<Wall>,
    /// It ends with a checkpoint.
    pub(super) signed: bool,
}

impl<T> Work<T> {
    pub(super) const fn on(ledger: Ledger, group: Group) -> Self {
        Self {
            ledger,
            group,
            answers: Vec::new(),
            notes: VecDeque::new(),
            refused: 0,
            at: None,
            signed: false,
        }
    }

    pub(super) fn push(&mut self, prepared: &Prepared) -> Option<(u64, Took)> {
        let Some(seq) = self.group.push(prepared) else {
            tracing::error!(
                kind = prepared.draft().body.kind().as_str(),
                "a record is too long"
            );
            return None;
        };
        self.at = Some(prepared.draft().at);
        Some((seq, self.ledger.apply(seq, prepared.draft())))
    }

    pub(super) fn feed(&mut self, token: T, at: Wall, body: FeedBody, with: &[Prepared]) {
        let late = self.ledger.late(&body);
        let draft = controllers_own(at, body.into());
        let Some((seq, _)) = self.push(&draft.into()) else {
            self.answers.push(Answer::NotApplied { token });
            return;
        };
        for draft in with {
            self.push(draft);
        }
        self.answers.push(Answer::Applied {
            token,
            seq,
            generation: self.ledger.generation(),
        });
        for late in late {
            let body = ControlLateBody {
                control: late.control.clone(),
                verdict_seq: late.verdict_seq,
            };
            let draft = Draft {
                at,
                lane: late.lane.clone(),
                passage: Some(late.passage.clone()),
                body: body.into(),
            };
            self.push(&draft.into());
            self.answers.push(Answer::ControlLate(late));
        }
    }
}
