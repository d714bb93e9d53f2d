//! Orders: what a named officer decides about a passage or a lane (FORMATS 6).

use serde::{Deserialize, Serialize};

use super::declaration::word;
use super::{ContainerNo, LaneId, OfficerId, OrderId, PassageId, Plate, Stop};
use crate::time::Wall;

word! {
    /// What an order about a passage asks for.
    OrderKind {
        /// Let it go.
        Release = "release",
        /// To the bay.
        Inspect = "inspect",
        /// Back out.
        Return = "return",
        /// Facts an officer saw; the rules judge again.
        Supply = "supply",
    }
}

/// Facts an officer supplies.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supply {
    /// Plates.
    #[serde(default)]
    pub plates: Vec<Plate>,
    /// Containers.
    #[serde(default)]
    pub containers: Vec<ContainerNo>,
    /// Driver's card.
    #[serde(default)]
    pub driver_card: Option<String>,
}

/// An order about a passage.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Its number; a copy gets the first one's answer.
    pub id: OrderId,
    /// The passage.
    pub passage: PassageId,
    /// The verdict record it answers.
    #[serde(default)]
    pub verdict_seq: Option<u64>,
    /// What it asks for.
    pub kind: OrderKind,
    /// Who.
    pub officer: OfficerId,
    /// Why.
    pub reason: String,
    /// Facts, for `supply`.
    #[serde(default)]
    pub supply: Option<Supply>,
    /// Inspection stops, for `inspect`.
    #[serde(default)]
    pub stops: Vec<Stop>,
    /// An unsettled passage this release goes on with; nothing is spent again.
    #[serde(default)]
    pub resumes: Option<PassageId>,
    /// Not to be obeyed from then on.
    #[serde(default)]
    pub expires: Option<Wall>,
    /// User id of the local peer that sent it, recorded beside the officer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}

word! {
    /// What an order about a lane asks for: the words of `lanegate lane`.
    LaneOrderKind {
        /// Take no further passages.
        Close = "close",
        /// Take passages again.
        Open = "open",
        /// Leave a fault behind.
        Reset = "reset",
        /// Emergency: arm up and kept up.
        KeepUp = "keep-up",
        /// End of it.
        EndKeepUp = "end-keep-up",
        /// Maintenance: moves by hand are expected.
        Maintenance = "maintenance",
        /// End of it.
        EndMaintenance = "end-maintenance",
        /// Arm up, in maintenance only.
        MoveUp = "move up",
        /// Arm down, in maintenance only.
        MoveDown = "move down",
        /// Arm stop, in maintenance only.
        MoveStop = "move stop",
    }
}

/// An order about a lane.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaneOrder {
    /// Its number.
    pub id: OrderId,
    /// The lane.
    pub lane: LaneId,
    /// What it asks for.
    pub kind: LaneOrderKind,
    /// Who.
    pub officer: OfficerId,
    /// Why.
    pub reason: String,
    /// Not to be obeyed from then on.
    #[serde(default)]
    pub expires: Option<Wall>,
    /// User id of the local peer that sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}
