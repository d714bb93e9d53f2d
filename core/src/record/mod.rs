//! The journal's records: kinds, bodies, canonical JSON, hash chain
//! (`docs/journal.md`). A record on the wire and in the journal is the same.

mod body;
mod canonical;
mod chain;
mod draw_audit;
mod draw_keys;
mod policy;
mod raw;
mod reconciled;

pub use body::{
    ArmDownBody, ArmUpBody, Body, CheckpointBody, ControlLateBody, DeclarationMark, DrawChain,
    DrawKeyBody, EdgeBody, FaultBody, FeedBody, GenesisBody, GiveBackBody, Kind, LaneOrderBody,
    OpenedKey, OrderBody, OutcomeBody, ReconciledBody, ResumedBody, SnapshotBody, SpendOf,
    StartBody, StopBody, TailgateBody, UnpairedLiftBody, UnusableVehicle, VehiclePlace,
    VerdictBody,
};
pub use canonical::{canonical, sha256_hex};
pub use chain::{Link, NO_PREV, Prepared};
pub use draw_audit::{DrawAudit, DrawReport};
pub use draw_keys::{DrawKeys, Naming};
pub use policy::{PolicyBody, PolicySource, PolicyStanding};
pub use raw::RawBody;
pub use reconciled::ReconciledEntry;

use serde::{Deserialize, Serialize};

use crate::model::{ControllerId, LaneId, PassageId};
use crate::time::Wall;

/// A record before the committer gives it a place in the chain.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Draft {
    /// When it happened, by our clock, trusted or not.
    pub at: Wall,
    /// Which lane; none for the controller's own.
    pub lane: Option<LaneId>,
    /// Which passage, if one.
    pub passage: Option<PassageId>,
    /// What.
    pub body: Body,
}

/// A record in its place (FORMATS 6 "Record out").
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Which controller wrote it.
    pub controller: ControllerId,
    /// Which journal: the SHA-256 of its genesis record's body.
    pub genesis: String,
    /// Dense, from 0 (the genesis).
    pub seq: u64,
    /// SHA-256 of the canonical JSON of the record before; 64 zeros at 0.
    pub prev: String,
    /// Lane.
    pub lane: Option<LaneId>,
    /// Passage.
    pub passage: Option<PassageId>,
    /// Kind.
    pub kind: Kind,
    /// When.
    pub at: Wall,
    /// Body, by kind.
    pub body: RawBody,
}
