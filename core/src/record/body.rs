//! The kinds of records and what each carries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{PolicyBody, ReconciledEntry};
use crate::model::{
    Case, Control, ControlId, ControllerId, DeclarationId, Enterprise, EnterpriseId, Finding,
    LaneOrder, Order, OrderId, Outcome, Part, PassageId, Plate, PolicyRef, PolicyText, PortCode,
    Position, Spend, Status, Verdict,
};
use crate::time::Wall;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident($body:ty) = $text:literal;)+) => {
        /// The kinds of records.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub enum Kind { $($(#[$doc])* #[serde(rename = $text)] $variant),+ }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The word in the record.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        /// A record's kind with its body.
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        pub enum Body { $($(#[$doc])* $variant(Box<$body>)),+ }

        impl Body {
            /// Its kind.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$variant(_) => Kind::$variant),+ }
            }
            /// Its canonical JSON.
            #[must_use]
            pub fn canonical(&self) -> String {
                match self { $(Self::$variant(b) => super::canonical(b.as_ref())),+ }
            }
            /// Reads the body of a record of `kind`.
            ///
            /// # Errors
            /// Where the body does not fit its kind.
            pub fn read(kind: Kind, body: &super::RawBody) -> Result<Self, crate::model::Fault> {
                match kind {
                    $(Kind::$variant => crate::model::parse_json::<$body>(body.text())
                        .map(|b| Self::$variant(Box::new(b)))
                        .map_err(|fault| crate::model::Fault::new(
                            format!("body.{}", fault.path), fault.why))),+
                }
            }
        }

        $(impl From<$body> for Body {
            fn from(body: $body) -> Self {
                Self::$variant(Box::new(body))
            }
        })+
    };
}

kinds! {
    /// The first record; names the journal.
    Genesis(GenesisBody) = "genesis";
    /// The daemon started.
    Start(StartBody) = "start";
    /// The daemon stopped in good order.
    Stop(StopBody) = "stop";
    /// A verdict with its case.
    Verdict(VerdictBody) = "verdict";
    /// An officer's order about a passage.
    Order(OrderBody) = "order";
    /// An officer's order about a lane.
    LaneOrder(LaneOrderBody) = "lane-order";
    /// How a passage ended.
    Outcome(OutcomeBody) = "outcome";
    /// The arm was confirmed up.
    ArmUp(ArmUpBody) = "arm-up";
    /// The arm was confirmed down.
    ArmDown(ArmDownBody) = "arm-down";
    /// A passage goes on with what an unsettled one spent.
    Resumed(ResumedBody) = "resumed";
    /// A spend returned, with proof that the truck did not pass.
    GiveBack(GiveBackBody) = "give-back";
    /// An arm seen up that no record explains.
    UnpairedLift(UnpairedLiftBody) = "unpaired-lift";
    /// A vehicle drove through behind a cleared one.
    Tailgate(TailgateBody) = "tailgate";
    /// A vehicle came or went where nobody decides about it.
    Edge(EdgeBody) = "vehicle-edge";
    /// A lane's fault.
    Fault(FaultBody) = "fault";
    /// A batch of the authority's feed.
    Feed(FeedBody) = "feed";
    /// A policy came into force, waits for its time, or only counts.
    Policy(PolicyBody) = "policy";
    /// A control came after the verdict it would have changed.
    ControlLate(ControlLateBody) = "control-late";
    /// An inspection's finding.
    Finding(Finding) = "finding";
    /// The ledger as the authority holds it, after a replaced disk.
    Reconciled(ReconciledBody) = "reconciled";
    /// A day's draw key.
    DrawKey(DrawKeyBody) = "draw-key";
    /// A snapshot was written.
    Snapshot(SnapshotBody) = "snapshot";
    /// A signed head of the chain.
    Checkpoint(CheckpointBody) = "checkpoint";
}

macro_rules! body {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident : $ty:ty),* $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$fdoc])* pub $field: $ty),* }
    )+};
}

body! {
    /// Names the journal: its SHA-256 is the `genesis` of every record.
    GenesisBody {
        /// The controller.
        controller: ControllerId,
        /// The port.
        port: PortCode,
        /// When the journal was begun.
        created: Wall,
        /// Random, so that two journals of one controller differ.
        nonce: String,
        /// Format version of the journal.
        v: u32,
    }
    /// The daemon started.
    StartBody {
        /// Counts the starts of this journal from 1; part of passage ids.
        start: u64,
        /// Version of the program.
        program: String,
        /// The policy in force.
        policy: PolicyRef,
    }
    /// The daemon stopped in good order.
    StopBody {
        /// Why.
        why: String,
    }
    /// A verdict with its case.
    VerdictBody {
        /// What was looked at.
        case: Case,
        /// What was decided.
        verdict: Verdict,
    }
    /// A spend of one declaration.
    SpendOf {
        /// Which.
        declaration: DeclarationId,
        /// How much.
        spend: Spend,
        /// The vehicle: its first declared plate.
        vehicle: Option<String>,
    }
    /// An officer's order about a passage.
    OrderBody {
        /// The order.
        order: Order,
        /// Whether it was obeyed.
        accepted: bool,
        /// Why not.
        why: Option<String>,
        /// What a release took; none = the balance did not allow it, flagged.
        spends: Option<Vec<SpendOf>>,
        /// What an inspect order reserves.
        reserves: Option<Vec<SpendOf>>,
        /// Whether the arm is lifted on this order.
        lifts: bool,
    }
    /// An officer's order about a lane.
    LaneOrderBody {
        /// The order.
        order: LaneOrder,
        /// Whether it was obeyed.
        accepted: bool,
        /// Why not.
        why: Option<String>,
    }
    /// How a passage ended.
    OutcomeBody {
        /// How.
        how: Outcome,
    }
    /// The arm was confirmed up.
    ArmUpBody {
        /// From the lift command to the limit switch.
        took_ms: Option<u64>,
    }
    /// The arm was confirmed down.
    ArmDownBody {
        /// From the lower command to the limit switch.
        took_ms: Option<u64>,
    }
    /// A passage goes on with what an unsettled one spent.
    ResumedBody {
        /// The unsettled passage.
        resumes: PassageId,
        /// The order that says so.
        order: OrderId,
    }
    /// A spend returned.
    GiveBackBody {
        /// Why, as proof that the truck did not pass.
        why: String,
    }
    /// An arm seen up that no record explains.
    UnpairedLiftBody {
        /// The state the lane was in.
        state: String,
    }
    /// A vehicle drove through behind a cleared one.
    TailgateBody {
        /// The state the lane was in.
        state: String,
    }
    /// A vehicle came or went where nobody decides about it.
    EdgeBody {
        /// Which detector.
        place: VehiclePlace,
        /// Came or went.
        on: bool,
        /// The state the lane was in.
        state: String,
    }
    /// A lane's fault.
    FaultBody {
        /// What failed.
        cause: String,
        /// The state the lane was in.
        state: String,
    }
    /// Of a declaration, what the feed record keeps.
    DeclarationMark {
        /// Which.
        id: DeclarationId,
        /// Version.
        version: u32,
        /// Status.
        status: Status,
        /// End of its window.
        valid_until: Wall,
        /// SHA-256 of its canonical JSON.
        digest: String,
    }
    /// What could be read of a declaration that cannot be used.
    UnusableVehicle {
        /// Which declaration; none = its number could not be read.
        declaration: Option<DeclarationId>,
        /// Plates of its vehicles.
        plates: Vec<Plate>,
    }
    /// A batch of the authority's feed: controls, enterprises and findings
    /// whole, of declarations a mark.
    FeedBody {
        /// Epoch.
        epoch: u64,
        /// Sequence reached.
        seq: u64,
        /// When the authority sent it.
        sent_at: Wall,
        /// Whether this is the last part of a snapshot: what it does not name
        /// is gone.
        snapshot: bool,
        /// Which part of a snapshot this is; none = a batch of changes. `seq`
        /// is reached with the last part only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<Part>,
        /// Declarations.
        declarations: Vec<DeclarationMark>,
        /// Enterprises.
        enterprises: Vec<Enterprise>,
        /// Controls.
        controls: Vec<Control>,
        /// Findings.
        findings: Vec<Finding>,
        /// Items that cannot be used, by path, and why.
        unusable: BTreeMap<String, String>,
        /// Declarations among them whose id could be read.
        unusable_ids: Vec<DeclarationId>,
        /// Plates among them that could be read, item by item.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unusable_vehicles: Vec<UnusableVehicle>,
        /// Enterprises among them whose id could be read: what was known of
        /// them may not be relied on until a usable version comes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unusable_enterprises: Vec<EnterpriseId>,
        /// Policies, by their text.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        policies: Vec<PolicyText>,
        /// A control among them whose subject could not be read.
        control_unreadable: bool,
    }
    /// A control came after the verdict it would have changed.
    ControlLateBody {
        /// The control.
        control: ControlId,
        /// The verdict's record.
        verdict_seq: u64,
    }
    /// The ledger as the authority holds it.
    ReconciledBody {
        /// The journal the authority knew.
        genesis: String,
        /// Up to where.
        through: u64,
        /// Balances.
        ledger: Vec<ReconciledEntry>,
        /// Only what the authority holds is known, its ledger is not: nothing
        /// is reconciled yet. Absent = it is.
        #[serde(default, skip_serializing_if = "is_false")]
        open: bool,
    }
    /// A day's draw key.
    DrawKeyBody {
        /// The day.
        day: String,
        /// SHA-256 of the key, which is the key of the day before.
        sha256: String,
        /// A new chain of keys begins with this day; none = the chain goes on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chain: Option<DrawChain>,
    }
    /// A chain of day keys, named before any of them is used.
    DrawChain {
        /// The day of the anchor, before the first day drawn.
        anchor_day: String,
        /// That day's key: every later day's, hashed so many times, gives it.
        anchor: String,
        /// The last day it has a key for.
        last_day: String,
        /// Of the chain it follows, the key of a day that is over, so that all
        /// its draws can be opened; none = there is none, or it is lost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        closes: Option<OpenedKey>,
    }
    /// A key whose day is over.
    OpenedKey {
        /// The day.
        day: String,
        /// Its key.
        key: String,
    }
    /// A snapshot was written.
    SnapshotBody {
        /// State after this record's sequence.
        seq: u64,
        /// SHA-256 of the file.
        sha256: String,
    }
    /// A signed head of the chain.
    CheckpointBody {
        /// Up to where.
        seq: u64,
        /// SHA-256 of that record.
        sha256: String,
        /// Ed25519 signature, lower-case hex.
        signature: String,
        /// The public key, lower-case hex.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Which detector saw a vehicle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VehiclePlace {
    /// The presence detector.
    StopLine,
    /// The closing inhibit.
    UnderArm,
}

impl FeedBody {
    /// A batch that says nothing but where the feed stands.
    #[must_use]
    pub const fn heartbeat(position: Position, sent_at: Wall) -> Self {
        Self {
            epoch: position.epoch,
            seq: position.seq,
            sent_at,
            snapshot: false,
            part: None,
            declarations: Vec::new(),
            enterprises: Vec::new(),
            controls: Vec::new(),
            findings: Vec::new(),
            unusable: BTreeMap::new(),
            unusable_ids: Vec::new(),
            unusable_vehicles: Vec::new(),
            unusable_enterprises: Vec::new(),
            policies: Vec::new(),
            control_unreadable: false,
        }
    }

    /// Whether it says nothing but where the feed stands.
    #[must_use]
    pub fn is_heartbeat(&self) -> bool {
        self.part.is_none()
            && self.declarations.is_empty()
            && self.enterprises.is_empty()
            && self.controls.is_empty()
            && self.findings.is_empty()
            && self.policies.is_empty()
            && self.unusable.is_empty()
            && self.unusable_ids.is_empty()
            && self.unusable_vehicles.is_empty()
            && self.unusable_enterprises.is_empty()
            && !self.control_unreadable
    }
}
