//! What a `policy` record says: whence a policy came and how it stands.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{OfficerId, PolicyRef};
use crate::time::Wall;

/// Who or what handed a policy in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicySource {
    /// The configured file, found changed at a start.
    Start,
    /// The configured file, read again while running.
    File,
    /// A named officer.
    Officer,
    /// The authority's feed.
    Feed,
    /// A named officer went back to the one before.
    Rollback,
}

impl PolicySource {
    /// The word in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::File => "file",
            Self::Officer => "officer",
            Self::Feed => "feed",
            Self::Rollback => "rollback",
        }
    }

    /// Whether the configured file is meant.
    #[must_use]
    pub const fn is_file(self) -> bool {
        match self {
            Self::Start | Self::File => true,
            Self::Officer | Self::Feed | Self::Rollback => false,
        }
    }
}

/// How a policy stands from its record on.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyStanding {
    /// Trucks that arrive are judged by it.
    #[default]
    Active,
    /// It comes into force when a trusted clock reaches its time.
    Waiting,
    /// It waited and will not come into force.
    Withdrawn,
    /// It judges beside the active one and only counts.
    Shadow,
    /// It judges beside no more.
    ShadowEnded,
}

impl PolicyStanding {
    /// The word in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Waiting => "waiting",
            Self::Withdrawn => "withdrawn",
            Self::Shadow => "shadow",
            Self::ShadowEnded => "shadow-ended",
        }
    }
}

/// Body of a `policy` record. The text travels in it, so that the journal
/// alone can judge its cases again (L6).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyBody {
    /// Which.
    pub policy: PolicyRef,
    /// How it stands from now on.
    #[serde(default)]
    pub standing: PolicyStanding,
    /// Its text, whose SHA-256 the reference names; none in records of the
    /// first days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Arc<str>>,
    /// Who or what handed it in; none in records of the first days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PolicySource>,
    /// Not to be used before, as the text says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Wall>,
    /// It waited, and its time has come.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waited: bool,
    /// The officer, where one asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<OfficerId>,
    /// The officer's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// User id of the local peer that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}
