//! What a lane asks for, in the imperative. One queue, so the order of
//! effects is the lane's.

use crate::model::{Code, DeviceId, Lines, OrderId, PassageId, VerdictKind};
use crate::record::Draft;

use super::{Query, Token};

/// What to do.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Command {
    /// Ask the store what may be this truck's.
    LookUp {
        /// Which passage.
        passage: PassageId,
        /// Which attempt.
        attempt: u32,
        /// What to look for.
        query: Box<Query>,
    },
    /// Append these records together; answer when durable.
    Commit {
        /// To be named in the answer.
        token: Token,
        /// The records.
        drafts: Vec<Draft>,
        /// What must still hold at the append.
        guard: Guard,
    },
    /// Append these records in order; nobody waits.
    Note(Vec<Draft>),
    /// Lift the arm: one pulse, ahead of everything else on the bus.
    LiftArm {
        /// For which passage; none for a raise, keep-up or maintenance move
        /// without one.
        passage: Option<PassageId>,
    },
    /// Lower the arm: one pulse.
    LowerArm,
    /// Stop the arm.
    StopArm,
    /// Point the diverter to the bay or to the road.
    Divert {
        /// To the bay.
        to_bay: bool,
    },
    /// Set the lights.
    SetLights(Lights),
    /// Show this on the sign.
    ShowSign(Sign),
    /// Ask a camera to read again.
    Recapture {
        /// Which.
        device: DeviceId,
    },
    /// Answer an order.
    AnswerOrder {
        /// Which.
        order: OrderId,
        /// None = accepted; else why not.
        refused: Option<String>,
    },
    /// Say that the state changed, a number rose, or something odd was seen.
    Tell(Tell),
}

/// What must hold when the records are appended.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Guard {
    /// Nothing.
    Always,
    /// The first draft is a verdict; nothing about its case's subjects is
    /// newer than its generation, and no declaration to be spent has moved.
    Verdict,
    /// The first draft is an order that answers the verdict record `verdict_seq`.
    Order {
        /// That record.
        verdict_seq: u64,
        /// A plate read since then contradicts.
        plate_since: bool,
    },
}

/// The lights of a lane.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Lights {
    /// Exit lamp green (else red).
    pub exit_green: bool,
    /// Entry lamp red (else green).
    pub entry_red: bool,
    /// "To the bay".
    pub to_bay: bool,
    /// "Reverse out".
    pub reverse_out: bool,
}

/// What the sign shows.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Sign {
    /// Nothing to say: the lane is free.
    Welcome,
    /// "Stop".
    Stop,
    /// "Wait": the truck is being judged.
    Wait,
    /// Drive on.
    Go,
    /// To the bay, with the reason.
    ToBay(Option<Lines>),
    /// Wait for an officer, with the reason.
    Officer(Option<Lines>),
    /// Reverse out.
    ReverseOut,
    /// The lane is closed.
    Closed,
    /// The lane is worked by hand.
    Manual,
}

/// What the shell counts and logs.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Tell {
    /// One transition, one line.
    Entered {
        /// The state's name.
        state: &'static str,
        /// The passage, if one.
        passage: Option<PassageId>,
        /// Why: the event's or timer's name.
        why: &'static str,
    },
    /// A verdict was made.
    Judged {
        /// Passage.
        passage: PassageId,
        /// Verdict.
        verdict: VerdictKind,
        /// The worst reason.
        worst: Option<Code>,
        /// The class judged under, as the policy names it; `none`, `unknown`.
        class: String,
        /// Presence to verdict.
        gather_us: u64,
    },
    /// A passage ended.
    Ended {
        /// Passage.
        passage: PassageId,
        /// How.
        how: crate::model::Outcome,
    },
    /// An event that answers nothing (any more).
    Stale(&'static str),
    /// Evidence dropped, and why: `late-read`, `old-read`, `undated`, `no-plate-shape`, …
    Dropped(&'static str),
    /// Something to wake a person for.
    Alarm(&'static str),
}
