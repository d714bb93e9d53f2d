//! A shadow policy: it judges what the journal holds, after the lanes have
//! acted on it, and counts where its verdict is another. It changes nothing.
//!
//! It reads the journal behind the committer, as the outbox does, so that no
//! lane does anything for it. When it falls too far behind it skips, and the
//! records it did not look at are counted.

use std::collections::BTreeMap;
use std::path::Path;

use lanegate_core::clearance::{Policy, class_of, judge};
use lanegate_core::model::{Code, VerdictKind};
use lanegate_core::record::{Body, Kind, Record, VerdictBody};
use lanegate_core::time::Wall;
use serde_json::{Value, json};
use tracing::warn;

use crate::journal::{JournalReader, RealDisk};

/// Records looked at in one turn.
const TURN_LEN: usize = 512;
/// Further behind than this, it skips (L9).
const BEHIND_MAX: u64 = 50_000;
/// Classes counted apart (L9); the rest together.
const CLASSES_MAX: usize = 32;

/// The verdicts of the two policies on the same cases.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    judged: u64,
    differing: u64,
    /// By class, verdict on record, verdict of the shadow.
    verdicts: BTreeMap<(String, VerdictKind, VerdictKind), u64>,
    /// Cases in which only the one or only the other gives this reason.
    reasons: BTreeMap<Code, (u64, u64)>,
}

impl Counts {
    /// Judges a recorded case by `shadow` too.
    pub(super) fn take(&mut self, body: &VerdictBody, active: &Policy, shadow: &Policy) {
        let theirs = judge(&body.case, shadow);
        let class = class_of(&body.case, active).unwrap_or_else(|| "none".to_owned());
        let class = match self.knows(&class) || self.classes() < CLASSES_MAX {
            true => class,
            false => "other".to_owned(),
        };
        let (ours, theirs_kind) = (body.verdict.verdict, theirs.verdict);
        *self.verdicts.entry((class, ours, theirs_kind)).or_default() += 1;
        self.judged += 1;
        self.differing += u64::from(ours != theirs_kind);
        for code in Code::ALL {
            let says = |reasons: &[lanegate_core::model::Reason]| {
                reasons.iter().any(|reason| reason.code == *code)
            };
            match (says(&body.verdict.reasons), says(&theirs.reasons)) {
                (true, false) => self.reasons.entry(*code).or_default().0 += 1,
                (false, true) => self.reasons.entry(*code).or_default().1 += 1,
                (true, true) | (false, false) => {}
            }
        }
    }

    fn knows(&self, class: &str) -> bool {
        self.verdicts.keys().any(|(known, _, _)| known == class)
    }

    fn classes(&self) -> usize {
        let mut names: Vec<_> = self.verdicts.keys().map(|(class, _, _)| class).collect();
        names.dedup();
        names.len()
    }

    /// Label values and count, for the scrape.
    pub(super) fn rows(&self) -> Vec<(Vec<String>, u64)> {
        let row = |((class, ours, theirs), n): (&(String, VerdictKind, VerdictKind), &u64)| {
            let words = [ours.as_str().to_owned(), theirs.as_str().to_owned()];
            let [ours, theirs] = words;
            (vec![class.clone(), ours, theirs], *n)
        };
        self.verdicts.iter().map(row).collect()
    }

    fn to_json(&self) -> Value {
        let verdicts = self.rows().into_iter().map(|(labels, n)| {
            json!({"class": labels[0], "active": labels[1], "shadow": labels[2], "n": n})
        });
        let reasons = self.reasons.iter().map(|(code, (ours, theirs))| {
            json!({"code": code.as_str(), "only_active": ours, "only_shadow": theirs})
        });
        json!({
            "judged": self.judged,
            "differing": self.differing,
            "verdicts": verdicts.collect::<Vec<_>>(),
            "reasons": reasons.collect::<Vec<_>>(),
        })
    }
}

/// A policy that judges beside the one in force.
pub(super) struct Shadow {
    pub(super) policy: Policy,
    since: Wall,
    /// The next record to look at.
    next: u64,
    reader: Option<JournalReader<RealDisk>>,
    pub(super) counts: Counts,
    skipped: u64,
}

impl Shadow {
    /// Looks at the journal in `dir` from record `next` on.
    pub(super) fn new(policy: Policy, since: Wall, dir: &Path, next: u64) -> Self {
        let reader = RealDisk::beside(dir).map(JournalReader::new);
        Self {
            policy,
            since,
            next,
            reader: reader
                .inspect_err(|why| warn!(%why, "the shadow policy cannot read the journal"))
                .ok(),
            counts: Counts::default(),
            skipped: 0,
        }
    }

    /// Looks at what became durable up to `head`; returns how many records
    /// it had to skip.
    pub(super) fn look(&mut self, head: u64, active: &Policy) -> u64 {
        let skipped = (head + 1).saturating_sub(self.next + BEHIND_MAX);
        self.next += skipped;
        self.skipped += skipped;
        let Some(reader) = &mut self.reader else {
            return skipped;
        };
        match reader.records_from(self.next, head, TURN_LEN) {
            Ok(records) => {
                for (seq, text) in records {
                    self.next = seq + 1;
                    if let Some(body) = verdict_of(&text) {
                        self.counts.take(&body, active, &self.policy);
                    }
                }
            }
            Err(why) => warn!(%why, next = self.next, "the shadow policy cannot read the journal"),
        }
        skipped
    }

    pub(super) fn to_json(&self) -> Value {
        let mut shown = self.counts.to_json();
        shown["version"] = json!(self.policy.version);
        shown["sha256"] = json!(self.policy.sha256);
        shown["since"] = json!(self.since);
        shown["skipped"] = json!(self.skipped);
        shown
    }
}

/// The body of a `verdict` record.
fn verdict_of(text: &str) -> Option<Box<VerdictBody>> {
    // Most records are none, and a feed's may be long.
    if !text.contains("\"kind\":\"verdict\"") {
        return None;
    }
    let record: Record = serde_json::from_str(text).ok()?;
    if record.kind != Kind::Verdict {
        return None;
    }
    match Body::read(record.kind, &record.body) {
        Ok(Body::Verdict(body)) => Some(body),
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
#[path = "shadow_tests.rs"]
mod tests;
