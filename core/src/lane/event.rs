//! What happens to a lane, in the past tense. Every answer names the passage
//! and the attempt it answers; a stale one is dropped and counted.

use std::sync::Arc;

use super::Draws;
use crate::clearance::Policy;
use crate::model::{ControlId, DeviceId, Facts, LaneOrder, Order, PassageId, Reading};

/// What happened.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// A device made a claim.
    Reading(Reading),
    /// The store answered a [`LookUp`](super::Command::LookUp).
    Candidates {
        /// Which passage.
        passage: PassageId,
        /// Which attempt.
        attempt: u32,
        /// What was found.
        facts: Box<Facts>,
        /// What sampling knows of each candidate.
        draws: Draws,
    },
    /// A [`Commit`](super::Command::Commit) is durable.
    Committed {
        /// Which token.
        token: Token,
        /// Sequence of its first record.
        seq: u64,
        /// What was taken (an order's spends are settled by the committer).
        took: Took,
    },
    /// A commit was not appended.
    Refused {
        /// Which token.
        token: Token,
        /// Why.
        why: Refusal,
    },
    /// A control came into force after the append of this passage's verdict.
    ControlLate {
        /// Which passage.
        passage: PassageId,
        /// Which control.
        control: ControlId,
    },
    /// The in-force set, the feed's position, the link or the clock's trust
    /// changed: a Hold for a technical reason may be worth judging again.
    InForceChanged {
        /// The generation reached.
        generation: u64,
    },
    /// An officer's order about the present passage.
    Order(Order),
    /// An officer's order about the lane.
    LaneOrder(LaneOrder),
    /// An output could not be set or did not read back.
    OutputFailed {
        /// What was commanded.
        what: String,
    },
    /// A device is overdue.
    DeviceLate(DeviceId),
    /// A device was given up on.
    DeviceLost(DeviceId),
    /// A device is back.
    DeviceBack(DeviceId),
    /// Another policy is in force for passages from now on.
    PolicyChanged(Arc<Policy>),
    /// Passages that arrive from now on are of this start: the authority may
    /// hold others under the numbers of the one before.
    Renumbered {
        /// The start's number.
        start: u64,
    },
    /// Take no new passages; finish the present one (SIGTERM).
    Drain,
}

/// Which commit an answer is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Token {
    /// The passage; none for a lane order without one.
    pub passage: Option<PassageId>,
    /// Counts the commits of this lane.
    pub attempt: u32,
}

/// What a durable commit took.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Took {
    /// Nothing.
    Nothing,
    /// Trips and goods were spent or reserved under this passage.
    Spent,
}

/// Why a commit was not appended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Refusal {
    /// Something about this case's subjects is newer than the facts judged on.
    Changed,
    /// A control on the passage's subjects is younger than the verdict.
    ControlSince,
    /// A contradicting plate is younger than the verdict.
    PlateSince,
    /// The passage an officer's release resumes is not unsettled, or another
    /// truck's.
    NotUnsettled,
    /// The authority holds more of this controller's spends than this journal:
    /// nothing is taken until they are reconciled.
    NotReconciled,
    /// The journal cannot be written.
    Unavailable,
}

impl Refusal {
    /// The word used in an order's answer.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::ControlSince => "control-since",
            Self::PlateSince => "plate-since",
            Self::NotUnsettled => "not-unsettled",
            Self::NotReconciled => "not-reconciled",
            Self::Unavailable => "journal-unavailable",
        }
    }
}
