//! An enterprise: its credit class rules what measures apply (分类通关).

use serde::{Deserialize, Serialize};

use super::declaration::word;
use super::{EnterpriseId, Fault, Sampling};

word! {
    /// Whether it may use automatic release at all.
    EnterpriseState {
        /// Yes.
        Normal = "normal",
        /// No.
        Suspended = "suspended",
    }
}

/// An enterprise (FORMATS 2).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enterprise {
    /// Its code.
    pub id: EnterpriseId,
    /// Version; a lower one than known is stale.
    pub version: u32,
    /// Its class code, covered by a class of the policy or `class.unknown`.
    pub class: String,
    /// Whether it may use automatic release.
    pub state: EnterpriseState,
    /// Papers due after release that are overdue.
    #[serde(default)]
    pub papers_overdue: u32,
    /// Consolidated lists whose settling is overdue.
    #[serde(default)]
    pub settlements_overdue: u32,
    /// Where its sampling plan stands.
    #[serde(default)]
    pub sampling: Option<Sampling>,
}

impl Enterprise {
    /// Every fault beyond shape and type.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.version == 0 {
            faults.push(Fault::new("version", "counts from 1"));
        }
        if self.class.is_empty() {
            faults.push(Fault::new("class", "may not be empty"));
        }
        faults
    }
}
