//! Declarations from a file, made into what the journal records and what the
//! store keeps: the same marks in the same order, so that their buckets agree.
//!
//! A file is no message of the feed: the feed's position stays where it is.

use std::collections::BTreeMap;

use lanegate_core::ledger::Ledger;
use lanegate_core::model::{Declaration, DeclarationId, ItemDigest, Position};
use lanegate_core::record::{DeclarationMark, FeedBody, canonical};
use lanegate_core::time::Wall;
use serde::{Deserialize, Serialize};

use crate::store::FeedApply;

/// Marks of one record (L9): a mark has less than 400 bytes, a record at most
/// 8 MiB.
const MARKS_MAX: usize = 16_384;
/// Where a feed stands that never began.
const NOTHING: Position = Position { epoch: 0, seq: 0 };
/// What the ledger forgets, by the end of the window.
const KEPT_S: i64 = 24 * 3600;

/// What an import did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Imported {
    /// Kept.
    pub kept: usize,
    /// Left because a higher version is held.
    pub stale: usize,
    /// Left because its window ended more than a day ago.
    pub ended: usize,
    /// How many are held now.
    pub count: usize,
}

/// What to append, in this order and with one flush, and then to apply.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HandIn {
    /// For the gatekeeper.
    pub records: Vec<FeedBody>,
    /// For the store.
    pub applies: Vec<FeedApply>,
    /// Left out because they ended.
    pub ended: usize,
}

/// What `declarations` come to. `as_of` is how old the file is; without it the
/// cache's age stays what it was, and unknown stays unknown (for ever ago).
///
/// What ended more than a day before `at` is left out unless it `is_held`: the
/// ledger is about to forget it, but a held version may not outlive it.
#[must_use]
pub fn hand_in(
    ledger: &Ledger,
    declarations: Vec<Declaration>,
    as_of: Option<Wall>,
    at: Wall,
    mut is_held: impl FnMut(&DeclarationId) -> bool,
) -> HandIn {
    let forgotten = at.plus_s(-KEPT_S).max(ledger.purged_until());
    let named = declarations.len();
    let mut kept = declarations;
    kept.retain(|d| d.valid_until >= forgotten || is_held(&d.id));
    let position = ledger.position();
    let heard_at = ledger.heard_at();
    let mut hand_in = HandIn {
        ended: named - kept.len(),
        ..HandIn::default()
    };
    let says_age = as_of.is_some_and(|at| heard_at.is_none_or(|heard| at > heard));
    if kept.is_empty() && !says_age {
        return hand_in;
    }
    let sent_at = as_of.max(heard_at).unwrap_or_default();
    let mut parts: Vec<Vec<Declaration>> = Vec::new();
    while kept.len() > MARKS_MAX {
        let rest = kept.split_off(MARKS_MAX);
        parts.push(std::mem::replace(&mut kept, rest));
    }
    parts.push(kept);
    for part in parts {
        let record = body(position.unwrap_or(NOTHING), sent_at, &part);
        hand_in.records.push(record);
        hand_in.applies.push(FeedApply {
            // A feed that never began stands at nothing in both.
            position: position.is_none().then_some(NOTHING),
            upserts: part,
            ..FeedApply::default()
        });
    }
    hand_in
}

fn body(position: Position, sent_at: Wall, declarations: &[Declaration]) -> FeedBody {
    FeedBody {
        epoch: position.epoch,
        seq: position.seq,
        sent_at,
        snapshot: false,
        part: None,
        declarations: declarations.iter().map(mark).collect(),
        enterprises: Vec::new(),
        controls: Vec::new(),
        findings: Vec::new(),
        unusable: BTreeMap::new(),
        unusable_ids: Vec::new(),
        unusable_enterprises: Vec::new(),
        policies: Vec::new(),
        control_unreadable: false,
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
