//! A finding: what an inspection found; it settles a reservation.

use serde::{Deserialize, Serialize};

use super::declaration::word;
use super::{DeclarationId, EnterpriseId, FindingId, OfficerId, PassageId, Plate};
use crate::time::Wall;

word! {
    /// What was found.
    FindingResult {
        /// As declared.
        Conforms = "conforms",
        /// Not as declared.
        Nonconforms = "nonconforms",
    }
}

word! {
    /// What became of the truck.
    Then {
        /// Drove on from the bay: passed.
        ReleasedAtBay = "released-at-bay",
        /// Comes back through the lane with the covered reasons as warnings.
        BackToLane = "back-to-lane",
        /// Kept.
        Detained = "detained",
        /// Turned away: given back.
        Refused = "refused",
    }
}

/// A finding (FORMATS 2).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Its number.
    pub id: FindingId,
    /// Version.
    pub version: u32,
    /// The passage inspected.
    pub passage: PassageId,
    /// The declaration.
    pub declaration: DeclarationId,
    /// The enterprise.
    pub enterprise: EnterpriseId,
    /// A plate of the vehicle.
    pub vehicle: Plate,
    /// What was found.
    pub result: FindingResult,
    /// What became of the truck.
    pub then: Then,
    /// Checks, `sampling` and `control:<id>` that it covers.
    #[serde(default)]
    pub covers: Vec<String>,
    /// Who.
    pub officer: OfficerId,
    /// When.
    pub at: Wall,
}
