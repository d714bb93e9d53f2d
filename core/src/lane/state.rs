//! The lane's states, each owning its data.
//!
//! P = presence at the stop line, I = closing inhibit; each is "off" only
//! after its clear time. Where two arrows are enabled at once the first in the
//! row wins. Arrows are named after the state they lead to.
//!
//! ```text
//!              +-------------------- arm down, I clear / ended -------------------+
//!              v                                                                  |
//!  start -> Starting --arm up, ours--> Securing --I quiet--> Lowering             |
//!              |  \--arm up otherwise / keep-up / maintenance in force---------> ArmUp
//!              v                                                                  ^
//!   +------> Vacant --close--> Closed --open--> Starting      any of these, arm   |
//!   |          | P on                                         seen up ------------+
//!   |          v
//!   |       Gathering <----- refused{changed}, control-late, supply, rejudge -----+
//!   |          | complete or deadline                                             |
//!   |          v                                                                  |
//!   |       Committing --durable--> Held --------- order ------> Committing       |
//!   |          |   |   \-----------> Diverting, Returning -- order --> Committing |
//!   |          |   \--no answer--> Faulted{journal}            Held --------------+
//!   |          v
//!   |       Cleared --arm up--> Passing --P was off, I clear--> Lowering
//!   |          \------P was off, I clear----------------------> Lowering
//!   |                              ^---- I on, unknown, stale ----/   |
//!   +------------------------- arm down ------------------------------+
//!
//!  any --fault--> Faulted --reset, or lane I/O back with the arm down--> Starting
//! ```

use super::awaited::Awaited;
use super::evidence::{Evidence, Window};
use super::sensors::Track;
use super::{Query, Token, Took};
use crate::model::{Declaration, Inputs, Order, PassageId, SealId, Supply, Verdict};
use crate::time::{Mono, Now, Wall};

use std::collections::BTreeSet;
use std::sync::Arc;

/// One truck's stay.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Passage {
    pub(super) id: PassageId,
    pub(super) window: Window,
    pub(super) arrived_at: Wall,
    /// Pinned when the truck arrives.
    pub(super) policy: Arc<crate::clearance::Policy>,
    pub(super) evidence: Evidence,
    pub(super) supply: Supply,
    /// Declared, to be read by a device that still has time.
    pub(super) awaited: Awaited,
    pub(super) recaptures: u32,
    /// Judged again because the commit was refused.
    pub(super) refused_n: u32,
    /// Judged again because a technical reason changed.
    pub(super) rejudged_n: u32,
    pub(super) lookups: u32,
    /// The last verdict that is durable.
    pub(super) recorded: Option<Recorded>,
    /// Deadlines of gathering count from then: a follower or a truck that
    /// waited at a closed lane is heard only from its passage on.
    pub(super) gather_from: Mono,
    /// A fact changed while the verdict was being made.
    pub(super) facts_changed: bool,
    /// The passage holds a spend that a give-back would return.
    pub(super) spent: bool,
    /// The passage holds a reservation.
    pub(super) reserved: bool,
    /// The bay input came before the lane was done with the truck.
    pub(super) bay_seen: bool,
    /// The scale had been seen empty when the truck came.
    pub(super) seen_empty: bool,
    /// Weights that arrived earlier are not this truck's.
    pub(super) weigh_from: Mono,
}

/// A verdict in the journal.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Recorded {
    pub(super) seq: u64,
    pub(super) verdict: Box<Verdict>,
    pub(super) case: Box<crate::model::Case>,
    pub(super) judged: Now,
}

impl Recorded {
    /// Seals that reported, and those the documents name.
    pub(super) fn seal_ids(&self) -> BTreeSet<SealId> {
        let matched = |d: &&Declaration| self.verdict.declarations.iter().any(|m| m.id == d.id);
        let declared = self.case.facts.candidates.iter().filter(matched);
        let declared = declared.flat_map(|d| d.all_seals().cloned());
        let heard = self.case.seals.iter().map(|seal| seal.id.clone());
        heard.chain(declared).collect()
    }
}

/// Which way a lifted truck goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Exit {
    /// To the road: released.
    Road,
    /// To a bay behind the arm.
    Bay,
}

/// What a pending commit is about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Pending {
    /// A verdict of the rules.
    Verdict {
        verdict: Box<Verdict>,
        case: Box<crate::model::Case>,
        judged: Now,
    },
    /// An officer's order, and the state to go back to if it is refused.
    Order { order: Box<Order>, from: Waiting },
}

/// What was seen since the truck was judged that forbids a give-back: proof
/// that it did not pass needs an arm that stayed down, nothing under it, and
/// inputs without a gap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Unproven {
    pub(super) arm_off_down: bool,
    pub(super) under_arm: bool,
    pub(super) gap: bool,
}

impl Unproven {
    pub(super) const fn observe(&mut self, inputs: &Inputs, gap: bool) {
        self.arm_off_down |= !inputs.arm_down;
        self.under_arm |= inputs.inhibit;
        self.gap |= gap;
    }

    pub(super) const fn clean(self) -> bool {
        !self.arm_off_down && !self.under_arm && !self.gap
    }
}

/// States in which a truck waits for an officer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Waiting {
    Held,
    Returning,
    Diverting,
}

/// Where gathering stands.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Phase {
    /// Waiting for evidence; after a recapture until then at least.
    Collecting { recapture_until: Option<Mono> },
    /// The store was asked.
    LookingUp {
        attempt: u32,
        until: Mono,
        asked: Query,
    },
}

/// Why the arm is up without a passage.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum WhyUp {
    Unpaired,
    KeepUp,
    Maintenance,
}

/// Why a lane faulted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Cause {
    /// The lane I/O board is lost.
    LaneIo,
    /// The journal did not answer or cannot be written.
    Journal,
    /// The arm was not seen up after a lift.
    LiftNotConfirmed,
    /// The arm was not seen down after a lower.
    LowerNotConfirmed,
    /// The arm rests at neither limit.
    ArmPosition,
    /// Both limit switches are on.
    LimitSwitches,
    /// The arm had to be raised again too often.
    RaisedTooOften,
    /// The diverter did not report its position.
    Diverter,
    /// An arm output failed.
    Output,
}

impl Cause {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::LaneIo => "lane-io",
            Self::Journal => "journal",
            Self::LiftNotConfirmed => "lift-not-confirmed",
            Self::LowerNotConfirmed => "lower-not-confirmed",
            Self::ArmPosition => "arm-position",
            Self::LimitSwitches => "limit-switches",
            Self::RaisedTooOften => "raised-too-often",
            Self::Diverter => "diverter",
            Self::Output => "output",
        }
    }
}

/// What is lowered behind.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Behind {
    /// A passage.
    Passage {
        passage: Box<Passage>,
        to: Exit,
        track: Track,
    },
    /// Nothing but an arm that was ours when we started.
    Secured,
}

/// The lane's state.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum State {
    /// Finding out where the arm is; nothing moves.
    Starting { since: Mono },
    /// Our lift of before a restart: waiting for quiet under the arm.
    Securing { since: Mono, raises: u32 },
    /// Free, arm down.
    Vacant,
    /// A truck is there; evidence comes in.
    Gathering { passage: Box<Passage>, phase: Phase },
    /// A verdict or order waits to be durable.
    Committing {
        passage: Box<Passage>,
        pending: Pending,
        token: Token,
        until: Mono,
        gone: bool,
        arm_seen_up: bool,
        control_late: bool,
        unproven: Unproven,
        /// Durable, but the inputs are stale: nothing moves before they are
        /// fresh again.
        answered: Option<(u64, Took)>,
    },
    /// The lift is on the record; the arm is commanded up.
    Cleared {
        passage: Box<Passage>,
        to: Exit,
        /// An officer, who sees the truck, cleared it.
        ordered: bool,
        /// The diverter was commanded then: what was read before says nothing
        /// of it.
        since: Mono,
        track: Track,
        /// None until the diverter stands right.
        lifted_at: Option<Mono>,
        until: Mono,
        unproven: Unproven,
    },
    /// The arm is up; the truck may drive.
    Passing {
        passage: Box<Passage>,
        to: Exit,
        track: Track,
        until: Mono,
        raises: u32,
    },
    /// The arm is commanded down.
    Lowering {
        behind: Behind,
        lowered_at: Mono,
        until: Mono,
        raises: u32,
    },
    /// An officer must decide.
    Held { passage: Box<Passage> },
    /// Told to reverse out.
    Returning { passage: Box<Passage> },
    /// Sent to a bay before the arm.
    Diverting { passage: Box<Passage> },
    /// The arm is up without a passage; nothing lowers by itself.
    ArmUp { why: WhyUp },
    /// Closed by an officer, or draining.
    Closed,
    /// Out of order.
    Faulted {
        cause: Cause,
        /// The arm was, or may have been, up when the fault came.
        arm_was_up: bool,
    },
}

impl State {
    /// The state as one in which a truck waits for an officer.
    pub(super) const fn waiting(&self) -> Option<Waiting> {
        match self {
            Self::Held { .. } => Some(Waiting::Held),
            Self::Returning { .. } => Some(Waiting::Returning),
            Self::Diverting { .. } => Some(Waiting::Diverting),
            Self::Starting { .. }
            | Self::Securing { .. }
            | Self::Vacant
            | Self::Gathering { .. }
            | Self::Committing { .. }
            | Self::Cleared { .. }
            | Self::Passing { .. }
            | Self::Lowering { .. }
            | Self::ArmUp { .. }
            | Self::Closed
            | Self::Faulted { .. } => None,
        }
    }

    /// The state's name, for records, logs and metrics.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Starting { .. } => "starting",
            Self::Securing { .. } => "securing",
            Self::Vacant => "vacant",
            Self::Gathering { .. } => "gathering",
            Self::Committing { .. } => "committing",
            Self::Cleared { .. } => "cleared",
            Self::Passing { .. } => "passing",
            Self::Lowering { .. } => "lowering",
            Self::Held { .. } => "held",
            Self::Returning { .. } => "returning",
            Self::Diverting { .. } => "diverting",
            Self::ArmUp { .. } => "arm-up",
            Self::Closed => "closed",
            Self::Faulted { .. } => "faulted",
        }
    }

    /// The present truck's passage.
    pub(super) const fn passage(&self) -> Option<&Passage> {
        match self {
            Self::Gathering { passage, .. }
            | Self::Committing { passage, .. }
            | Self::Cleared { passage, .. }
            | Self::Passing { passage, .. }
            | Self::Lowering {
                behind: Behind::Passage { passage, .. },
                ..
            }
            | Self::Held { passage }
            | Self::Returning { passage }
            | Self::Diverting { passage } => Some(passage),
            Self::Starting { .. }
            | Self::Securing { .. }
            | Self::Vacant
            | Self::Lowering {
                behind: Behind::Secured,
                ..
            }
            | Self::ArmUp { .. }
            | Self::Closed
            | Self::Faulted { .. } => None,
        }
    }

    /// The passage of a truck on its way to a bay.
    pub(super) const fn bound_for_bay(&mut self) -> Option<&mut Box<Passage>> {
        if let Self::Cleared {
            passage,
            to: Exit::Bay,
            ..
        }
        | Self::Passing {
            passage,
            to: Exit::Bay,
            ..
        }
        | Self::Lowering {
            behind:
                Behind::Passage {
                    passage,
                    to: Exit::Bay,
                    ..
                },
            ..
        }
        | Self::Diverting { passage } = self
        {
            Some(passage)
        } else {
            None
        }
    }

    /// Cleared, and the arm not yet commanded.
    pub(super) const fn is_unlifted(&self) -> bool {
        matches!(
            self,
            Self::Cleared {
                lifted_at: None,
                ..
            }
        )
    }

    /// The passage that readings may be evidence of: not once the lift was
    /// commanded, since a follower is read from then on.
    pub(super) const fn listening(&mut self) -> Option<&mut Box<Passage>> {
        if let Self::Gathering { passage, .. }
        | Self::Committing { passage, .. }
        | Self::Cleared {
            passage,
            lifted_at: None,
            ..
        }
        | Self::Held { passage }
        | Self::Returning { passage }
        | Self::Diverting { passage } = self
        {
            Some(passage)
        } else {
            None
        }
    }
}
