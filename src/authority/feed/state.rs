//! The order of the feed: what to apply, what to wait for, what to ask for.
//!
//! ```text
//! Following  --seq + 1--> apply, and what waited behind it   --gap--> ask, later batches wait
//! Assembling --next part--> apply   --last part--> Following   --a part is missing--> ask again
//! ```
//!
//! Nothing here has a timer: the authority's heartbeats are the clock of
//! repeated requests.

use std::collections::BTreeMap;

use lanegate_core::model::{Part, Position};
use lanegate_core::record::canonical;
use lanegate_core::time::Wall;

use super::Batch;

/// Most batches that wait behind a gap or a snapshot (L9). What comes on top
/// is dropped, counted by [`IgnoreWhy::WaitingFull`] and asked for later.
pub const WAITING_MAX: usize = 32;

/// What to do with the feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FeedStep {
    /// Apply it: journal first, then store; then tell [`FeedState::applied`].
    Apply(Box<Batch>),
    /// Applied before: answer again, apply nothing.
    AnswerAgain(Box<Batch>),
    /// Ask the authority for what is missing.
    Ask(Request),
    /// The authority is there and everything it sent is applied: this instant
    /// is what the cache's age counts from.
    Current {
        /// Its time; none = not said, then it says nothing about the clock.
        sent_at: Option<Wall>,
    },
    /// Nothing to do; counted.
    Ignore(IgnoreWhy),
}

/// Why a message was ignored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum IgnoreWhy {
    /// Retained by the broker: the past, not the feed (L7's rule for messages).
    Retained,
    /// Of an epoch before ours.
    OldEpoch,
    /// A snapshot of less than is applied, or a part that was applied.
    OldPart,
    /// Waits until what comes before it is there.
    Waiting,
    /// As many wait as may.
    WaitingFull,
    /// A heartbeat of what is not applied yet.
    NotCurrent,
}

impl IgnoreWhy {
    /// The word in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retained => "retained",
            Self::OldEpoch => "old-epoch",
            Self::OldPart => "old-part",
            Self::Waiting => "waiting",
            Self::WaitingFull => "waiting-full",
            Self::NotCurrent => "not-current",
        }
    }
}

/// A catch-up request: `{"epoch":7,"have":8810}`. Zeros: nothing at all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Request {
    /// Our epoch.
    pub epoch: u64,
    /// The last batch we have of it.
    pub have: u64,
}

impl Request {
    /// The message.
    #[must_use]
    pub fn to_json(self) -> String {
        canonical(&serde_json::json!({"epoch": self.epoch, "have": self.have}))
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Assembly {
    of: Position,
    parts: u32,
    next: u32,
}

/// Where the feed stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedState {
    /// Handed out by [`FeedStep::Apply`]; zeros = nothing.
    taken: Position,
    /// The furthest that ever was, whatever became of it: a snapshot of less
    /// would take back what is on record since.
    floor: Position,
    /// Durable.
    applied: Position,
    /// The furthest the authority has said it is.
    heard: Position,
    assembly: Option<Assembly>,
    waiting: BTreeMap<Position, Batch>,
    /// Something was asked for and is not all there yet.
    asked: bool,
    /// Something came, or was asked for, since the last heartbeat.
    progressed: bool,
}

const NOTHING: Position = Position { epoch: 0, seq: 0 };

impl FeedState {
    /// A feed of which `position` is applied; none = nothing.
    #[must_use]
    pub fn new(position: Option<Position>) -> Self {
        let at = position.unwrap_or(NOTHING);
        Self {
            taken: at,
            floor: at,
            applied: at,
            heard: at,
            assembly: None,
            waiting: BTreeMap::new(),
            asked: false,
            progressed: false,
        }
    }

    /// The same, where the journal has more than journal and store together.
    #[must_use]
    pub fn on_record(mut self, position: Option<Position>) -> Self {
        self.floor = self.floor.max(position.unwrap_or(NOTHING));
        self
    }

    /// The connection to the authority is up: ask for what was missed. A
    /// snapshot that was under way starts again.
    pub fn connected(&mut self) -> FeedStep {
        self.assembly = None;
        self.ask()
    }

    /// Everything up to `position` is durable in journal and store.
    pub fn applied(&mut self, position: Position) {
        self.applied = self.applied.max(position);
    }

    /// Applying failed, or the store began again with nothing: only what is at
    /// `position` counts. Ask with [`Self::connected`].
    pub fn restart(&mut self, position: Option<Position>) {
        let (heard, floor) = (self.heard, self.floor);
        *self = Self::new(position).on_record(Some(floor));
        self.heard = heard;
    }

    /// A message came. Retained messages are the past and never count.
    pub fn message(&mut self, batch: Batch, retained: bool) -> Vec<FeedStep> {
        if retained {
            return vec![FeedStep::Ignore(IgnoreWhy::Retained)];
        }
        if batch.epoch < self.taken.epoch {
            return vec![FeedStep::Ignore(IgnoreWhy::OldEpoch)];
        }
        self.heard = self.heard.max(batch.position());
        match batch.part {
            Some(part) => self.part(batch, part),
            None if batch.is_heartbeat() => vec![self.heartbeat(&batch)],
            None => self.changes(batch),
        }
    }

    /// What is durable.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        (self.applied != NOTHING).then_some(self.applied)
    }

    /// Batches the authority has and we do not, as far as it has said.
    #[must_use]
    pub const fn lag(&self) -> u64 {
        if self.heard.epoch == self.applied.epoch {
            self.heard.seq.saturating_sub(self.applied.seq)
        } else {
            self.heard.seq
        }
    }

    /// Batches that wait behind a gap or a snapshot.
    #[must_use]
    pub fn waiting_len(&self) -> usize {
        self.waiting.len()
    }

    fn heartbeat(&mut self, batch: &Batch) -> FeedStep {
        let at = batch.position();
        if self.assembly.is_none() && at == self.taken && at >= self.floor {
            self.asked = false;
            return if self.applied == at {
                FeedStep::Current {
                    sent_at: batch.sent_at,
                }
            } else {
                FeedStep::Ignore(IgnoreWhy::NotCurrent)
            };
        }
        if at < self.taken {
            return FeedStep::Ignore(IgnoreWhy::NotCurrent);
        }
        // A heartbeat later and nothing came: the request or its answer is lost.
        if self.asked && std::mem::take(&mut self.progressed) {
            return FeedStep::Ignore(IgnoreWhy::NotCurrent);
        }
        self.assembly = None;
        self.ask()
    }

    fn changes(&mut self, batch: Batch) -> Vec<FeedStep> {
        let at = batch.position();
        if at.epoch == self.taken.epoch && at.seq <= self.taken.seq {
            return vec![FeedStep::AnswerAgain(Box::new(batch))];
        }
        if self.assembly.is_none() && self.follows(at) {
            let mut steps = vec![self.take(batch)];
            steps.extend(self.take_waiting());
            return steps;
        }
        let mut steps = vec![FeedStep::Ignore(self.wait(batch))];
        if self.assembly.is_none() && !self.asked {
            steps.push(self.ask());
        }
        steps
    }

    /// The first batch of an epoch follows nothing; else each follows the one
    /// before in its epoch.
    fn follows(&self, at: Position) -> bool {
        let begins = self.taken == NOTHING && at.seq == 1;
        begins || (at.epoch == self.taken.epoch && at.seq == self.taken.seq.saturating_add(1))
    }

    fn wait(&mut self, batch: Batch) -> IgnoreWhy {
        if self.waiting.len() >= WAITING_MAX && !self.waiting.contains_key(&batch.position()) {
            return IgnoreWhy::WaitingFull;
        }
        self.waiting.insert(batch.position(), batch);
        IgnoreWhy::Waiting
    }

    fn take(&mut self, batch: Batch) -> FeedStep {
        self.taken = batch.position();
        self.floor = self.floor.max(self.taken);
        self.progressed = true;
        FeedStep::Apply(Box::new(batch))
    }

    /// What waited and now follows; what waited and is behind is dropped.
    fn take_waiting(&mut self) -> Vec<FeedStep> {
        let mut steps = Vec::new();
        while let Some((&at, _)) = self.waiting.first_key_value() {
            let behind = at <= self.taken;
            if !behind && !self.follows(at) {
                break;
            }
            let (_, batch) = self.waiting.pop_first().expect("it was just looked at");
            if !behind {
                steps.push(self.take(batch));
            }
        }
        self.asked = !self.waiting.is_empty() && self.asked;
        steps
    }

    fn part(&mut self, batch: Batch, part: Part) -> Vec<FeedStep> {
        let of = batch.position();
        if part.is_first() && of >= self.taken.max(self.floor) {
            self.assembly = Some(Assembly {
                of,
                parts: part.parts,
                next: 1,
            });
        }
        let Some(assembly) = self.assembly.as_mut() else {
            return vec![FeedStep::Ignore(IgnoreWhy::OldPart)];
        };
        if assembly.of != of || assembly.parts != part.parts || part.part > assembly.next {
            self.assembly = None;
            return vec![self.ask()];
        }
        if part.part < assembly.next {
            return vec![FeedStep::Ignore(IgnoreWhy::OldPart)];
        }
        assembly.next += 1;
        self.progressed = true;
        if !part.is_last() {
            return vec![FeedStep::Apply(Box::new(batch))];
        }
        self.assembly = None;
        let mut steps = vec![self.take(batch)];
        steps.extend(self.take_waiting());
        if !self.waiting.is_empty() {
            steps.push(self.ask());
        }
        steps
    }

    fn ask(&mut self) -> FeedStep {
        self.asked = true;
        self.progressed = true; // one heartbeat's grace for the answer
        FeedStep::Ask(Request {
            epoch: self.taken.epoch,
            have: self.taken.seq,
        })
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
