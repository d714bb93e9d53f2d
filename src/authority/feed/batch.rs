//! The envelope of a feed message and what it holds.

use std::collections::BTreeMap;

use lanegate_core::model::{
    Control, Declaration, DeclarationId, Enterprise, EnterpriseId, Fault, Finding, ItemDigest,
    Part, PolicyText, Position,
};
use lanegate_core::record::{DeclarationMark, FeedBody, UnusableVehicle, canonical, sha256_hex};
use lanegate_core::time::Wall;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::canonical::canonical_list;
use super::item::{self, BadSubject, Item};
use crate::store::FeedApply;

/// Longest message read (L9): parts have at most 1 MiB of items, a batch is
/// allowed four.
pub const PAYLOAD_LEN_MAX: usize = 4 << 20;

/// Most items of one message (L9).
pub const ITEMS_MAX: usize = 20_000;

/// Faults of one item that are told (L9): one bad item must not make the
/// record of its batch too long.
const ITEM_FAULTS_MAX: usize = 8;
/// Characters of each (L9).
const WHY_LEN_MAX: usize = 300;

/// Most parts of one snapshot (L9).
pub const PARTS_MAX: u32 = 100_000;

/// Why a message is refused whole.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeFault {
    /// Longer than [`PAYLOAD_LEN_MAX`].
    #[error("a feed message may have at most {PAYLOAD_LEN_MAX} bytes, this one has {0}")]
    TooLong(usize),
    /// No JSON, or an envelope's field is wrong.
    #[error("the feed message cannot be read: {0}")]
    Unreadable(Fault),
    /// Neither `seq` nor `snapshot` with its parts, or both.
    #[error("a feed message has either seq, or snapshot with part and parts")]
    NeitherBatchNorPart,
    /// Part numbers that make no sense.
    #[error("part {part} of {parts}: parts count from 1 to at most {PARTS_MAX}")]
    BadPart {
        /// The part.
        part: u32,
        /// Of how many.
        parts: u32,
    },
    /// More than [`ITEMS_MAX`].
    #[error("a feed message may have at most {ITEMS_MAX} items, this one has {0}")]
    TooManyItems(usize),
    /// The items are not those that were hashed.
    #[error("sha256 is {named}, the canonical items have {found}")]
    Digest {
        /// What the message says.
        named: String,
        /// What its items have.
        found: String,
    },
}

/// One item that cannot be used, as the answer names it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Unusable {
    /// Where, like `items[3].declaration.port`.
    pub path: String,
    /// Why.
    pub why: String,
}

/// A message of the feed, read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Batch {
    /// Epoch.
    pub epoch: u64,
    /// Sequence reached when this is applied (all of it, for a snapshot).
    pub seq: u64,
    /// When the authority sent it; none = not said.
    pub sent_at: Option<Wall>,
    /// Which part of a snapshot; none = a batch of changes or a heartbeat.
    pub part: Option<Part>,
    /// Declarations.
    pub declarations: Vec<Declaration>,
    /// Enterprises.
    pub enterprises: Vec<Enterprise>,
    /// Controls, with the holding ones that stand for unusable controls.
    pub controls: Vec<Control>,
    /// Findings.
    pub findings: Vec<Finding>,
    /// Policies.
    pub policies: Vec<PolicyText>,
    /// Which items they were.
    pub policy_items: Vec<usize>,
    /// What cannot be used, in the order of the items.
    pub unusable: Vec<Unusable>,
    /// Declarations among them whose id could be read.
    pub unusable_ids: Vec<DeclarationId>,
    /// Plates among them that could be read, with their declaration.
    pub unusable_vehicles: Vec<UnusableVehicle>,
    /// Enterprises among them whose id could be read.
    pub unusable_enterprises: Vec<EnterpriseId>,
    /// A control among them whose subject could not be read.
    pub control_unreadable: bool,
    /// Items it came with.
    pub item_count: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(default)]
    v: Option<u8>,
    epoch: u64,
    #[serde(default)]
    seq: Option<u64>,
    #[serde(default)]
    snapshot: Option<u64>,
    #[serde(default)]
    part: Option<u32>,
    #[serde(default)]
    parts: Option<u32>,
    #[serde(default)]
    sent_at: Option<Wall>,
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
    #[serde(default)]
    sha256: Option<String>,
    /// A signature's scheme is the transport's business.
    #[serde(default, borrow, rename = "sig")]
    _sig: Option<&'a RawValue>,
    #[serde(default, borrow, rename = "ext")]
    _ext: Option<&'a RawValue>,
}

/// Reads one message of the feed. Every item is read on its own; a `sha256`,
/// where one is given, must be that of the canonical items.
///
/// # Errors
/// The envelope is bad: nothing of the message may be used.
pub fn parse(payload: &[u8]) -> Result<Batch, EnvelopeFault> {
    if payload.len() > PAYLOAD_LEN_MAX {
        return Err(EnvelopeFault::TooLong(payload.len()));
    }
    let unreadable = |why: String| EnvelopeFault::Unreadable(Fault::new("", why));
    let text = std::str::from_utf8(payload).map_err(|e| unreadable(e.to_string()))?;
    let envelope: Envelope<'_> =
        serde_json::from_str(text).map_err(|e| unreadable(e.to_string()))?;
    if envelope.v.is_some_and(|v| v != 1) {
        return Err(unreadable("v: only version 1 is known".to_owned()));
    }
    if envelope.items.len() > ITEMS_MAX {
        return Err(EnvelopeFault::TooManyItems(envelope.items.len()));
    }
    let (seq, part) = place(&envelope)?;
    check_digest(&envelope)?;
    let mut batch = Batch {
        epoch: envelope.epoch,
        seq,
        part,
        sent_at: envelope.sent_at,
        item_count: envelope.items.len(),
        ..Batch::default()
    };
    for (i, raw) in envelope.items.iter().enumerate() {
        batch.take(i, item::read(raw));
    }
    Ok(batch)
}

fn place(envelope: &Envelope<'_>) -> Result<(u64, Option<Part>), EnvelopeFault> {
    match (
        envelope.seq,
        envelope.snapshot,
        envelope.part,
        envelope.parts,
    ) {
        (Some(seq), None, None, None) => Ok((seq, None)),
        (None, Some(seq), Some(part), Some(parts)) => {
            if part == 0 || part > parts || parts > PARTS_MAX {
                return Err(EnvelopeFault::BadPart { part, parts });
            }
            Ok((seq, Some(Part { part, parts })))
        }
        _ => Err(EnvelopeFault::NeitherBatchNorPart),
    }
}

fn check_digest(envelope: &Envelope<'_>) -> Result<(), EnvelopeFault> {
    let Some(named) = &envelope.sha256 else {
        return Ok(());
    };
    let items = canonical_list(&envelope.items).map_err(EnvelopeFault::Unreadable)?;
    let found = sha256_hex(items.as_bytes());
    if named.eq_ignore_ascii_case(&found) {
        return Ok(());
    }
    Err(EnvelopeFault::Digest {
        named: named.chars().take(64).collect(),
        found,
    })
}

impl Batch {
    fn take(&mut self, i: usize, item: Item) {
        match item {
            Item::Declaration(declaration) => {
                self.unusable_ids.retain(|id| *id != declaration.id);
                let mended = Some(&declaration.id);
                self.unusable_vehicles
                    .retain(|v| v.declaration.as_ref() != mended);
                self.declarations.push(*declaration);
            }
            Item::Enterprise(enterprise) => {
                self.unusable_enterprises.retain(|id| *id != enterprise.id);
                self.enterprises.push(enterprise);
            }
            Item::Control(control) => self.controls.push(control),
            Item::Finding(finding) => self.findings.push(*finding),
            Item::Policy(policy) => {
                self.policies.push(policy);
                self.policy_items.push(i);
            }
            Item::Bad(faults, who) => self.take_bad(i, faults, who),
        }
    }

    fn take_bad(&mut self, i: usize, faults: Vec<Fault>, who: BadSubject) {
        let more = faults.len().saturating_sub(ITEM_FAULTS_MAX);
        for fault in faults.into_iter().take(ITEM_FAULTS_MAX) {
            let path = match fault.path.as_str() {
                "" | "." => format!("items[{i}]"),
                path => format!("items[{i}].{path}"),
            };
            self.unusable.push(Unusable {
                path,
                why: fault.why.chars().take(WHY_LEN_MAX).collect(),
            });
        }
        if more > 0 {
            self.unusable.push(Unusable {
                path: format!("items[{i}]"),
                why: format!("and {more} more faults"),
            });
        }
        match who {
            BadSubject::Nobody => {}
            BadSubject::Vehicle(vehicle) => {
                self.unusable_ids.extend(vehicle.declaration.clone());
                if !vehicle.plates.is_empty() {
                    self.unusable_vehicles.push(vehicle);
                }
            }
            BadSubject::Enterprise(id) => self.unusable_enterprises.push(id),
            BadSubject::Control(control) => self.controls.push(*control),
            BadSubject::UnreadableControl => self.control_unreadable = true,
        }
    }

    /// Where `policy` stands in this message, for an answer that refuses it.
    #[must_use]
    pub fn path_of_policy(&self, policy: &PolicyText) -> String {
        let here = self.policies.iter().position(|p| p == policy);
        let item = here.and_then(|n| self.policy_items.get(n));
        item.map_or_else(
            || format!("policy {} of an earlier part", policy.version),
            |i| format!("items[{i}].policy"),
        )
    }

    /// Items that cannot be used, counted by kind; `other` has no known kind.
    #[must_use]
    pub fn unusable_kinds(&self) -> BTreeMap<&'static str, u64> {
        let kinds = ["declaration", "enterprise", "control", "finding", "policy"];
        // `items[3].declaration.port`: one item may have several faults.
        let mut items = BTreeMap::new();
        for unusable in &self.unusable {
            let mut parts = unusable.path.split('.');
            let item = parts.next().unwrap_or_default();
            let named = parts
                .next()
                .and_then(|word| kinds.iter().find(|k| **k == word));
            let kind = items.entry(item).or_insert("other");
            *kind = named.copied().unwrap_or(*kind);
        }
        let mut counts = BTreeMap::new();
        for kind in items.into_values() {
            *counts.entry(kind).or_default() += 1;
        }
        counts
    }

    /// Where the feed stands when this is applied.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position {
            epoch: self.epoch,
            seq: self.seq,
        }
    }

    /// No items: it only says where the feed stands.
    #[must_use]
    pub const fn is_heartbeat(&self) -> bool {
        self.item_count == 0 && self.part.is_none()
    }

    /// The body of its `feed` record. A message that does not say when it was
    /// sent is recorded with `arrived`.
    #[must_use]
    pub fn feed_body(&self, arrived: Wall) -> FeedBody {
        let why = |u: &Unusable| (u.path.clone(), u.why.clone());
        FeedBody {
            epoch: self.epoch,
            seq: self.seq,
            sent_at: self.sent_at.unwrap_or(arrived),
            snapshot: self.part.is_some_and(Part::is_last),
            part: self.part,
            declarations: self.declarations.iter().map(mark).collect(),
            enterprises: self.enterprises.clone(),
            controls: self.controls.clone(),
            findings: self.findings.clone(),
            unusable: self.unusable.iter().map(why).collect::<BTreeMap<_, _>>(),
            unusable_ids: self.unusable_ids.clone(),
            unusable_vehicles: self.unusable_vehicles.clone(),
            unusable_enterprises: self.unusable_enterprises.clone(),
            policies: self.policies.clone(),
            control_unreadable: self.control_unreadable,
        }
    }

    /// What of it goes to the store.
    #[must_use]
    pub fn into_apply(self) -> FeedApply {
        FeedApply {
            position: Some(self.position()),
            part: self.part,
            upserts: self.declarations,
            removals: Vec::new(),
        }
    }

    /// The answer for the authority if it can never be applied as it is.
    #[must_use]
    pub fn refusal(&self, why: &str) -> String {
        canonical(&serde_json::json!({
            "epoch": self.epoch, "seq": self.seq, "applied": false, "unusable": [], "why": why,
        }))
    }

    /// The answer for the authority once it is durable.
    #[must_use]
    pub fn answer(&self, applied: bool) -> String {
        canonical(&serde_json::json!({
            "epoch": self.epoch, "seq": self.seq, "applied": applied, "unusable": self.unusable,
        }))
    }
}

fn mark(declaration: &Declaration) -> DeclarationMark {
    DeclarationMark {
        id: declaration.id.clone(),
        version: declaration.version,
        status: declaration.status,
        valid_until: declaration.valid_until,
        digest: ItemDigest::of(canonical(declaration).as_bytes()).to_string(),
    }
}

#[cfg(test)]
mod tests;
