//! A case: everything the rules look at, and nothing else (FORMATS 3). It is
//! recorded whole, so that the verdict can be repeated (L6).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::declaration::word;
use super::{
    Control, Declaration, DeclarationId, DeviceId, Direction, Enterprise, Finding, FindingId, Kg,
    LaneId, PassageId, PortCode, SealAlarm, SealId, SealState,
};
use crate::time::{Clock, Wall};

/// One plate as the evidence has it. `text` may be raw; the rules normalise.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CasePlate {
    /// The text.
    pub text: String,
    /// Confidence, 0 to 100.
    pub confidence_pct: u8,
    /// `front`, `rear` or what the configuration calls it.
    #[serde(default)]
    pub side: Option<String>,
    /// Which device; an officer's supply has none.
    #[serde(default)]
    pub device: Option<DeviceId>,
    /// When.
    #[serde(default)]
    pub taken_at: Option<Wall>,
    /// Agreeing reads.
    #[serde(default)]
    pub reads: Option<u32>,
    /// Outvoted by other reads of the same event: on the record, neither
    /// identifies nor contradicts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outvoted: bool,
}

/// One seal as the evidence has it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseSeal {
    /// Which.
    pub id: SealId,
    /// What it says of itself.
    pub state: SealState,
    /// Alarms.
    #[serde(default)]
    pub alarms: Vec<SealAlarm>,
    /// Battery.
    #[serde(default)]
    pub battery_pct: Option<u8>,
    /// Its own event time.
    #[serde(default)]
    pub taken_at: Option<Wall>,
    /// Sent from its memory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replay: bool,
}

/// A container number as read; the text may be raw.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerRead {
    /// The text.
    pub no: String,
    /// Confidence, 0 to 100.
    #[serde(default)]
    pub confidence_pct: Option<u8>,
}

/// A vehicle tag as read.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagRead {
    /// The tag.
    pub id: String,
}

/// The weight as the evidence has it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseWeight {
    /// Gross.
    pub gross_kg: Kg,
    /// Stable.
    pub stable: bool,
    /// The scale was seen empty since the truck before left.
    pub seen_empty: bool,
    /// The truck stood wholly on it; unknown where no beams are fitted.
    #[serde(default)]
    pub whole: Option<bool>,
    /// The scale's division.
    pub division_kg: Kg,
    /// The scale said it was overloaded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overload: bool,
}

word! {
    /// A device's state as the rules see it.
    DeviceState {
        /// Fresh.
        Ok = "ok",
        /// Overdue.
        Late = "late",
        /// Given up on.
        Lost = "lost",
    }
}

word! {
    /// The line to the authority, with hysteresis.
    Link {
        /// Up.
        Up = "up",
        /// Down.
        Down = "down",
    }
}

word! {
    /// What the store could answer for this look-up.
    StoreState {
        /// Verified.
        Ok = "ok",
        /// A bucket that was asked has not been verified.
        Unverified = "unverified",
        /// It cannot be asked.
        Unavailable = "unavailable",
    }
}

word! {
    /// Whether the journal has room for releases.
    JournalState {
        /// It has.
        Ok = "ok",
        /// Below the free-space floor.
        Full = "full",
        /// The authority holds more of this controller's spends than the
        /// journal does (a replaced disk): no release until reconciled.
        Unreconciled = "unreconciled",
    }
}

/// A passage that holds part of a balance.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reservation {
    /// The vehicle: its first declared plate.
    pub vehicle: String,
    /// The passage.
    pub passage: PassageId,
}

/// The last passage that took from a declaration: what an officer is told of
/// one that is spent.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastTaken {
    /// The passage.
    pub passage: PassageId,
    /// Its lane.
    #[serde(default)]
    pub lane: Option<LaneId>,
    /// The vehicle: its first declared plate.
    pub vehicle: String,
    /// When it was seen passing, or else when it was decided.
    pub at: Wall,
    /// It was seen passing, or left from the bay.
    pub passed: bool,
}

/// What has been taken from one declaration.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Balance {
    /// Trips issued, at commit.
    #[serde(default)]
    pub issued: u32,
    /// Trips that passed the exit.
    #[serde(default)]
    pub passed: u32,
    /// Goods issued.
    #[serde(default)]
    pub goods_kg_issued: Kg,
    /// Vehicles that have gone on a shared declaration.
    #[serde(default)]
    pub vehicles: Vec<String>,
    /// Inspected trucks that keep their trip until a finding.
    #[serde(default)]
    pub reserved: Vec<Reservation>,
    /// Passages whose end nobody saw.
    #[serde(default)]
    pub unsettled: Vec<Reservation>,
    /// The last passage that took from it; absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastTaken>,
}

/// Where an enterprise's sampling plan stands.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// `csp1`, `fixed`, `all` or `none`.
    pub plan: String,
    /// `screening` or `fraction`, for CSP-1; `start` where nobody brought a
    /// state and no finding has moved one yet.
    #[serde(default)]
    pub phase: Option<String>,
    /// Conforming trucks in a row.
    #[serde(default)]
    pub run: u32,
    /// The finding that moved it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_by: Option<FindingId>,
    /// When it was moved or brought last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_at: Option<Wall>,
    /// Where it would stand had no officer vetoed a move: a plan that allows no
    /// veto goes by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unvetoed: Option<SamplingTrack>,
}

/// A phase and its run.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplingTrack {
    /// As [`Sampling::phase`].
    pub phase: Option<String>,
    /// Conforming trucks in a row.
    pub run: u32,
    /// The finding that moved it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_by: Option<FindingId>,
}

/// The keyed random selection.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draw {
    /// The day whose key was used.
    pub day: String,
    /// The trip drawn for.
    pub trip: u32,
    /// HMAC-SHA-256, lower-case hex.
    pub value: String,
    /// Whether it is selected; among the facts `true` where it was selected
    /// before and no finding has come since, else absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected: Option<bool>,
}

/// Which trucks of a convoy have come.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvoySeen {
    /// The batch number.
    pub no: String,
    /// First plates of the vehicles that arrived.
    pub arrived: Vec<String>,
}

/// What the cache and the ledger knew.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The cache's age; none = unknown.
    #[serde(default)]
    pub cache_age_s: Option<u32>,
    /// The line to the authority; none = unknown.
    #[serde(default)]
    pub link: Option<Link>,
    /// The generation of the in-force set these facts were read at.
    #[serde(default)]
    pub generation: u64,
    /// Declarations that may be this truck's.
    #[serde(default)]
    pub candidates: Vec<Declaration>,
    /// Controls on any of the case's subjects.
    #[serde(default)]
    pub controls: Vec<Control>,
    /// Enterprises of the candidates.
    #[serde(default)]
    pub enterprises: Vec<Enterprise>,
    /// Findings about the candidates.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Convoy.
    #[serde(default)]
    pub convoy: Option<ConvoySeen>,
    /// Balances of the candidates; absent = nothing taken.
    #[serde(default)]
    pub ledger: BTreeMap<DeclarationId, Balance>,
    /// Sampling state of the enterprise.
    #[serde(default)]
    pub sampling: Option<Sampling>,
    /// The draw, if a key was there.
    #[serde(default)]
    pub draw: Option<Draw>,
    /// What the store could answer; absent = verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreState>,
    /// Declarations the feed sent in a shape that cannot be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unusable: Vec<DeclarationId>,
    /// Plates of this truck on an item of the feed that cannot be used and
    /// does not say which document it is about: it may be any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unusable_plates: Vec<super::Plate>,
    /// A control came whose subject cannot be read: the port holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub control_unreadable: bool,
    /// The facts moved under this case time and again while it was being
    /// committed: somebody else keeps taking from the same balance.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub contended: bool,
    /// Whether the journal has room; absent = it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<JournalState>,
    /// This controller, for `controller` of a declaration; absent = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<super::ControllerId>,
}

impl Facts {
    /// Facts of a controller that knows nothing: an unknown age, no link.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            cache_age_s: None,
            link: None,
            generation: 0,
            candidates: Vec::new(),
            controls: Vec::new(),
            enterprises: Vec::new(),
            findings: Vec::new(),
            convoy: None,
            ledger: BTreeMap::new(),
            sampling: None,
            draw: None,
            store: None,
            unusable: Vec::new(),
            unusable_plates: Vec::new(),
            control_unreadable: false,
            contended: false,
            journal: None,
            controller: None,
        }
    }
}

/// Everything the rules look at (FORMATS 3).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Format version; 1 may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v: Option<u8>,
    /// The passage.
    pub passage: PassageId,
    /// The lane.
    pub lane: LaneId,
    /// The port.
    pub port: PortCode,
    /// Which way this lane leads.
    pub direction: Direction,
    /// When the truck came.
    pub arrived_at: Wall,
    /// When it is judged.
    pub judged_at: Wall,
    /// Whether these times are to be believed.
    pub clock: Clock,
    /// Plates.
    pub plates: Vec<CasePlate>,
    /// Seals.
    #[serde(default)]
    pub seals: Vec<CaseSeal>,
    /// Container numbers.
    #[serde(default)]
    pub containers: Vec<ContainerRead>,
    /// Vehicle tags.
    #[serde(default)]
    pub tags: Vec<TagRead>,
    /// Driver's card.
    #[serde(default)]
    pub driver_card: Option<String>,
    /// Weight.
    #[serde(default)]
    pub weight: Option<CaseWeight>,
    /// Devices configured to give evidence, and how they are.
    #[serde(default)]
    pub devices: BTreeMap<DeviceId, DeviceState>,
    /// What the cache and the ledger knew.
    #[serde(default = "Facts::unknown")]
    pub facts: Facts,
    /// Free for the sender.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub ext: Map<String, Value>,
}
