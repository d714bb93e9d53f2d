//! Declarations from a file, made into what the journal records and what the
//! store keeps: the same marks in the same order, so that their buckets agree.
//!
//! A file is no message of the feed: the feed's position stays where it is.

use lanegate_core::ledger::Ledger;
use lanegate_core::model::{Declaration, DeclarationId, Enterprise, ItemDigest, Position};
use lanegate_core::record::{DeclarationMark, FeedBody, canonical};
use lanegate_core::time::Wall;
use serde::{Deserialize, Serialize};

use crate::store::FeedApply;

/// Marks of one record (L9): a mark has less than 400 bytes, a record at most
/// 8 MiB.
const MARKS_MAX: usize = 16_384;
/// Enterprises of one record (L9), as bytes of their canonical JSON.
const ENTERPRISES_LEN_MAX: usize = 4 << 20;
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
    // Of a cache that never held anything, nothing is current.
    if kept.is_empty() && (!says_age || position.is_none()) {
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

/// What an import of enterprises did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ImportedEnterprises {
    /// Kept.
    pub kept: usize,
    /// Left because a higher version is known.
    pub stale: usize,
    /// How many are known now.
    pub count: usize,
}

/// What `enterprises` come to: records, and for the store of a feed that never
/// began, where it stands. A file of enterprises says nothing about how
/// current the declarations are: the cache's age stays what it was.
#[must_use]
pub fn hand_in_enterprises(
    ledger: &Ledger,
    enterprises: Vec<Enterprise>,
) -> (HandIn, ImportedEnterprises) {
    let mut imported = ImportedEnterprises::default();
    let mut hand_in = HandIn::default();
    let (position, heard_at) = (ledger.position(), ledger.heard_at());
    let mut part = body(
        position.unwrap_or(NOTHING),
        heard_at.unwrap_or_default(),
        &[],
    );
    let empty = part.clone();
    let mut len = 0;
    for enterprise in enterprises {
        let known = ledger.enterprise(&enterprise.id);
        if known.is_some_and(|known| known.version > enterprise.version) {
            imported.stale += 1;
            continue;
        }
        imported.kept += 1;
        let size = canonical(&enterprise).len() + 1;
        if len + size > ENTERPRISES_LEN_MAX {
            hand_in
                .records
                .push(std::mem::replace(&mut part, empty.clone()));
            len = 0;
        }
        len += size;
        part.enterprises.push(enterprise);
    }
    if !part.enterprises.is_empty() {
        hand_in.records.push(part);
    }
    if position.is_none() && !hand_in.records.is_empty() {
        hand_in.applies.push(FeedApply {
            position: Some(NOTHING),
            ..FeedApply::default()
        });
    }
    (hand_in, imported)
}

fn body(position: Position, sent_at: Wall, declarations: &[Declaration]) -> FeedBody {
    FeedBody {
        declarations: declarations.iter().map(mark).collect(),
        ..FeedBody::heartbeat(position, sent_at)
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
mod tests {
    use lanegate_core::record::{Draft, canonical};

    use super::*;
    use crate::journal::RECORD_LEN_MAX;
    use crate::store::{MemStore, Store as _, parse_json_lines};

    fn wall(text: &str) -> Wall {
        Wall::parse(text).unwrap()
    }

    fn declarations(n: usize) -> Vec<Declaration> {
        let line = |n: usize| {
            // The longest id there may be, so that marks are as long as they get.
            format!(
                "{{\"id\":\"{n:0>96}\",\"form\":\"rmft\",\"version\":4294967295,\
                 \"status\":\"released\",\"direction\":\"export\",\"port\":\"5345\",\
                 \"enterprise\":\"4403161234\",\"class\":\"advanced\",\
                 \"vehicles\":[{{\"plates\":[\"粤ZAB12港\"],\"tare_kg\":8600}}],\
                 \"load\":\"empty\",\"goods_gross_kg\":0,\
                 \"valid_from\":\"2026-11-24T00:00:00+08:00\",\
                 \"valid_until\":\"2026-11-25T00:00:00.001+08:00\",\
                 \"binding\":{{\"kind\":\"single\"}}}}\n"
            )
        };
        let text: String = (0..n).map(line).collect();
        parse_json_lines(&text).unwrap()
    }

    fn take_in(ledger: &mut Ledger, store: &mut MemStore, parts: HandIn, at: Wall) {
        for body in parts.records {
            let draft = Draft {
                at,
                lane: None,
                passage: None,
                body: body.into(),
            };
            ledger.apply(ledger.seq().map_or(0, |seq| seq + 1), &draft);
        }
        for apply in parts.applies {
            store.apply(apply).unwrap();
        }
    }

    #[test]
    fn a_large_file_is_several_records_none_too_long_and_both_sides_agree() {
        let at = wall("2026-11-24T08:00:00+08:00");
        let (mut ledger, mut store) = (Ledger::default(), MemStore::in_memory());
        let many = declarations(MARKS_MAX + 1);
        let parts = hand_in(&ledger, many, Some(at), at, |_| false);
        let lens: Vec<_> = parts.records.iter().map(|r| r.declarations.len()).collect();
        assert_eq!(lens, [MARKS_MAX, 1]);
        // A record has less than 1 KiB around its body.
        let longest = canonical(&parts.records[0]).len();
        assert!(longest + 1024 < RECORD_LEN_MAX, "{longest}");
        take_in(&mut ledger, &mut store, parts, at);
        assert_eq!(store.expect(ledger.buckets()), 0);
        assert_eq!(store.position(), ledger.position());
        assert_eq!(ledger.heard_at(), Some(at));
    }

    #[test]
    fn a_file_with_nothing_in_it_changes_nothing_unless_it_says_how_current_we_are() {
        let at = wall("2026-11-24T08:00:00+08:00");
        let mut ledger = Ledger::default();
        let mut store = MemStore::in_memory();
        let nothing = hand_in(&ledger, Vec::new(), Some(at), at, |_| true);
        assert_eq!(nothing, HandIn::default());
        let first = hand_in(&ledger, declarations(1), None, at, |_| false);
        take_in(&mut ledger, &mut store, first, at);
        let nothing = hand_in(&ledger, Vec::new(), None, at, |_| true);
        assert_eq!(nothing, HandIn::default());
        let says = hand_in(&ledger, Vec::new(), Some(at), at, |_| true);
        assert_eq!(says.records.len(), 1);
        take_in(&mut ledger, &mut store, says, at);
        assert_eq!(ledger.heard_at(), Some(at));
        assert_eq!(store.position(), ledger.position());
        let again = hand_in(&ledger, Vec::new(), Some(at), at, |_| true);
        assert_eq!(again, HandIn::default());
    }

    #[test]
    fn the_day_after_the_window_is_still_taken_in_and_what_ended_before_is_not() {
        let last = wall("2026-11-26T00:00:00.001+08:00");
        let ledger = Ledger::default();
        let kept = hand_in(&ledger, declarations(1), None, last, |_| false);
        assert_eq!((kept.ended, kept.records.len()), (0, 1));
        let late = last.plus_ms(1);
        let ended = hand_in(&ledger, declarations(1), None, late, |_| false);
        assert_eq!((ended.ended, ended.records.len()), (1, 0));
        let held = hand_in(&ledger, declarations(1), None, late, |_| true);
        assert_eq!((held.ended, held.records.len()), (0, 1));
    }
}
