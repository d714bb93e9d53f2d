//! A policy that is handed in, and one that is on record.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clearance::{Policy, PolicyFault};
use crate::model::{OfficerId, PolicyRef};
use crate::record::{PolicyBody, PolicySource, PolicyStanding};
use crate::time::Wall;

/// Digits of a SHA-256 that may stand for a version.
const PREFIX_LEN_MIN: usize = 8;

/// Who hands a policy in, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyBy {
    /// From where it came.
    pub source: PolicySource,
    /// The officer who asked for it.
    pub officer: Option<OfficerId>,
    /// The officer's reason.
    pub reason: Option<String>,
    /// User id of the local peer that asked.
    pub uid: Option<u32>,
}

impl PolicyBy {
    /// No person: a file or the feed.
    #[must_use]
    pub const fn itself(source: PolicySource) -> Self {
        Self {
            source,
            officer: None,
            reason: None,
            uid: None,
        }
    }
}

/// A policy somebody hands in; its text has been read without a fault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyOffer {
    /// How records name it.
    pub policy: PolicyRef,
    /// Not to be used before.
    pub effective_from: Wall,
    /// Its text.
    pub text: Arc<str>,
    /// Who hands it in.
    pub by: PolicyBy,
}

impl PolicyOffer {
    /// Reads `text` and offers it.
    ///
    /// # Errors
    /// Every fault of the text.
    pub fn read(text: &str, by: PolicyBy) -> Result<(Policy, Self), Vec<PolicyFault>> {
        let policy = Policy::parse(text)?;
        let offer = Self {
            policy: policy.reference(),
            effective_from: policy.effective_from,
            text: text.into(),
            by,
        };
        Ok((policy, offer))
    }

    pub(super) fn body(&self, standing: PolicyStanding) -> PolicyBody {
        PolicyBody {
            policy: self.policy.clone(),
            standing,
            text: Some(self.text.clone()),
            source: Some(self.by.source),
            effective_from: Some(self.effective_from),
            waited: false,
            officer: self.by.officer.clone(),
            reason: self.by.reason.clone(),
            uid: self.by.uid,
        }
    }
}

/// A policy on record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldPolicy {
    /// How records name it.
    pub policy: PolicyRef,
    /// Its text.
    pub text: Arc<str>,
    /// Not to be used before.
    pub effective_from: Wall,
    /// Who handed it in.
    pub by: PolicyBy,
    /// When its record was made.
    pub since: Wall,
    /// That record.
    pub seq: u64,
}

impl HeldPolicy {
    pub(super) fn body(&self, standing: PolicyStanding, by: &PolicyBy) -> PolicyBody {
        let offer = PolicyOffer {
            policy: self.policy.clone(),
            effective_from: self.effective_from,
            text: self.text.clone(),
            by: by.clone(),
        };
        offer.body(standing)
    }

    pub(super) fn is(&self, sha256: &str) -> bool {
        self.policy.sha256 == sha256
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        let by_digits = name.len() >= PREFIX_LEN_MIN && self.policy.sha256.starts_with(name);
        self.policy.version == name || by_digits
    }
}
