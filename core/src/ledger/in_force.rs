//! What is in force: controls, marks of declarations, enterprises, findings,
//! and for every subject the generation at which it last changed.
//!
//! Kept until the end of the window and a day more, by the earlier of the
//! authority's time and ours, so that neither clock alone can make the other's
//! facts be forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::findings::{self, Findings};
use super::sampling::SamplingStates;
use super::selected::Selected;
use super::sharded::{Key, Sharded};
use super::unusable::Unusable;
use crate::model::{
    Act, Buckets, Control, ControlId, DeclarationId, Enterprise, EnterpriseId, Finding, ItemDigest,
    Part, PolicyText, Position, Status, Subject, SubjectKind,
};
use crate::record::{DeclarationMark, FeedBody};
use crate::time::Wall;

/// In-force facts are kept this long after their window.
const KEPT_S: i64 = 24 * 3600;
/// Subjects whose changes are told apart; more, and all count as changed (L9).
const TOUCHED_MAX: usize = 8192;
/// Old facts are looked for once in this time.
const PURGE_MS: i64 = 3_600_000;

/// What the feed said of a declaration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    pub(super) version: u32,
    pub(super) status: Status,
    pub(super) valid_until: Wall,
    pub(super) digest: ItemDigest,
}

/// Stands for a declaration's id: the first eight bytes of its SHA-256. A
/// million ids are then no million texts; two ids that shared a key would each
/// be doubted, since no digest but one fits the mark.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct MarkKey(u64);

impl MarkKey {
    fn of(id: &DeclarationId) -> Self {
        let digest = ItemDigest::of(id.as_str().as_bytes());
        let (first, _) = digest.0.split_first_chunk::<8>().expect("it has 32 bytes");
        Self(u64::from_be_bytes(*first))
    }

    /// [`Buckets::bucket_of`] is the first byte.
    const fn bucket(self) -> u8 {
        self.0.to_be_bytes()[0]
    }
}

impl Key for MarkKey {
    fn spread(&self) -> u32 {
        let [.., a, b, c, d] = self.0.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }
}

/// A control with the generation that brought this version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeldControl {
    pub(super) control: Control,
    pub(super) since: u64,
    at: Wall,
}

/// Parts of a snapshot that has not ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Staged {
    epoch: u64,
    seq: u64,
    next: u32,
    parts: Vec<Arc<FeedBody>>,
}

/// The in-force set.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InForce {
    pub(super) position: Option<Position>,
    /// When the authority sent the last message whose seq is the last applied.
    pub(super) heard_at: Option<Wall>,
    pub(super) generation: u64,
    pub(super) control_unreadable: bool,
    pub(super) purged_until: Wall,
    pub(super) findings: Findings,
    #[serde(default, skip_serializing_if = "SamplingStates::is_empty")]
    pub(super) sampling: SamplingStates,
    #[serde(default, skip_serializing_if = "Selected::is_empty")]
    pub(super) selected: Selected,
    marks: Sharded<MarkKey, Mark>,
    enterprises: Sharded<EnterpriseId, Enterprise>,
    controls: Arc<BTreeMap<ControlId, HeldControl>>,
    pub(super) unusable: Unusable,
    unusable_enterprises: Arc<BTreeSet<EnterpriseId>>,
    staged: Option<Staged>,
    #[serde(skip)]
    buckets: Arc<Buckets>,
    #[serde(skip)]
    by_subject: Arc<BTreeMap<Subject, BTreeSet<ControlId>>>,
    #[serde(skip)]
    touched: Arc<BTreeMap<Subject, u64>>,
    #[serde(skip)]
    touched_all: u64,
}

impl InForce {
    /// Rebuilds what a snapshot leaves out.
    pub(super) fn reindex(&mut self) {
        self.touched_all = self.generation;
        self.touched = Arc::default();
        self.unusable.reindex();
        let mut buckets = Buckets::default();
        for (key, mark) in self.marks.iter() {
            buckets.toggle_in(key.bucket(), &mark.digest);
        }
        self.buckets = Arc::new(buckets);
        let mut by_subject: BTreeMap<Subject, BTreeSet<ControlId>> = BTreeMap::new();
        for (id, held) in self.controls.iter() {
            let subject = canonical_subject(&held.control);
            by_subject.entry(subject).or_default().insert(id.clone());
        }
        self.by_subject = Arc::new(by_subject);
    }

    pub(super) fn apply_feed(&mut self, seq: u64, at: Wall, body: &FeedBody) {
        match body.part {
            Some(part) => self.apply_part(seq, at, body, part.part, part.is_last()),
            None => self.apply_batch(seq, at, body),
        }
        self.purge(body.sent_at.min(at));
    }

    fn apply_batch(&mut self, seq: u64, at: Wall, body: &FeedBody) {
        self.staged = None;
        for mark in newest(&body.declarations) {
            self.mark(seq, mark);
        }
        for enterprise in &body.enterprises {
            self.enterprise(seq, Some(body.sent_at), enterprise);
        }
        for control in &body.controls {
            self.control(seq, at, control);
        }
        for finding in &body.findings {
            self.finding(seq, finding);
        }
        self.take_unusable(seq, at, body);
        self.reach(body);
    }

    /// Controls tighten at once; everything else is in force with the last
    /// part, and what no part names is gone.
    fn apply_part(&mut self, seq: u64, at: Wall, body: &FeedBody, part: u32, last: bool) {
        for control in body.controls.iter().filter(|c| !c.withdrawn) {
            self.control(seq, at, control);
        }
        let place = Position {
            epoch: body.epoch,
            seq: body.seq,
        };
        if !self.follows(place, part) {
            // Ends in nothing: the store refuses it too, and asks again.
            self.staged = None;
            return;
        }
        let mut parts = self
            .staged
            .take()
            .filter(|_| part > 1)
            .map_or_else(Vec::new, |s| s.parts);
        parts.push(Arc::new(body.clone()));
        if last {
            self.replace(seq, at, &parts);
            self.reach(body);
            return;
        }
        self.staged = Some(Staged {
            epoch: body.epoch,
            seq: body.seq,
            next: part + 1,
            parts,
        });
    }

    fn follows(&self, at: Position, part: u32) -> bool {
        let staged = self.staged.as_ref();
        part == 1
            || staged.is_some_and(|s| s.next == part && s.epoch == at.epoch && s.seq == at.seq)
    }

    /// A snapshot's policies come with its last part.
    pub(super) fn policies_of(
        &self,
        part: Option<Part>,
        at: Position,
        own: &[PolicyText],
    ) -> Vec<PolicyText> {
        let Some(earlier) = self.earlier(part, at) else {
            return Vec::new();
        };
        let all = earlier.iter().flat_map(|part| &part.policies);
        all.chain(own).cloned().collect()
    }

    /// The findings that come into force with `body`: its own, and with a
    /// snapshot's last part those of all its parts.
    pub(super) fn findings_of(&self, body: &FeedBody) -> Vec<Finding> {
        let at = Position {
            epoch: body.epoch,
            seq: body.seq,
        };
        let Some(earlier) = self.earlier(body.part, at) else {
            return Vec::new();
        };
        let all = earlier.iter().flat_map(|part| &part.findings);
        all.chain(&body.findings).cloned().collect()
    }

    /// The parts before a message that puts something in force; none where it
    /// does not: a snapshot does with its last part, if all came in order.
    fn earlier(&self, part: Option<Part>, at: Position) -> Option<&[Arc<FeedBody>]> {
        let Some(part) = part else {
            return Some(&[]);
        };
        if !part.is_last() || !self.follows(at, part.part) {
            return None;
        }
        let staged = self.staged.as_ref().filter(|_| !part.is_first());
        Some(staged.map_or(&[], |s| &s.parts))
    }

    fn replace(&mut self, seq: u64, at: Wall, parts: &[Arc<FeedBody>]) {
        self.marks = Sharded::default();
        self.enterprises = Sharded::default();
        let held = std::mem::take(&mut self.controls);
        self.unusable = Unusable::default();
        self.unusable_enterprises = Arc::default();
        self.control_unreadable = false;
        let mut seen = BTreeSet::new();
        for part in parts {
            for mark in newest(&part.declarations) {
                // Named by two parts: the first counts, as in the store.
                if seen.insert(mark.id.clone()) {
                    self.mark(seq, mark);
                }
            }
            for enterprise in &part.enterprises {
                self.enterprise(seq, Some(part.sent_at), enterprise);
            }
            for control in &part.controls {
                self.control(seq, at, control);
            }
            for finding in &part.findings {
                self.finding(seq, finding);
            }
            self.take_unusable(seq, at, part);
        }
        // The same version as before is no younger for being said again.
        for (id, control) in Arc::make_mut(&mut self.controls) {
            if let Some(old) = held.get(id).filter(|o| o.control == control.control) {
                control.since = old.since;
            }
        }
        self.generation = seq;
        self.reindex();
    }

    fn take_unusable(&mut self, seq: u64, at: Wall, body: &FeedBody) {
        for id in &body.unusable_ids {
            self.unusable.put(id, at);
            self.touch_named(seq, SubjectKind::Declaration, id.as_str());
        }
        for vehicle in &body.unusable_vehicles {
            self.unusable.put_vehicle(vehicle, at);
            for plate in &vehicle.plates {
                self.touch_named(seq, SubjectKind::Vehicle, plate.as_str());
            }
        }
        for id in &body.unusable_enterprises {
            Arc::make_mut(&mut self.unusable_enterprises).insert(id.clone());
            self.touch_named(seq, SubjectKind::Enterprise, id.as_str());
        }
        self.control_unreadable |= body.control_unreadable;
        if self.holds_port() {
            self.touch_all(seq);
        }
    }

    /// A heartbeat for another seq than the last applied tells of a gap, not of
    /// a fresh cache.
    fn reach(&mut self, body: &FeedBody) {
        let at = Position {
            epoch: body.epoch,
            seq: body.seq,
        };
        if body.is_heartbeat() && self.position != Some(at) {
            return;
        }
        self.position = Some(at);
        self.heard_at = Some(body.sent_at);
    }

    fn mark(&mut self, seq: u64, mark: &DeclarationMark) {
        let key = MarkKey::of(&mark.id);
        let old = self.marks.get(&key).copied();
        let new = Mark {
            version: mark.version,
            status: mark.status,
            valid_until: mark.valid_until,
            digest: ItemDigest::parse(&mark.digest).unwrap_or(ItemDigest::ZERO),
        };
        // What was in force before, said again, stands for nothing that came since
        // and could not be read.
        if old.is_some_and(|old| old.version > new.version || old == new) {
            return;
        }
        self.unusable.mend(&mark.id);
        let buckets = Arc::make_mut(&mut self.buckets);
        if let Some(old) = old {
            buckets.toggle_in(key.bucket(), &old.digest);
        }
        buckets.toggle_in(key.bucket(), &new.digest);
        self.marks.insert(key, new);
        self.touch_named(seq, SubjectKind::Declaration, mark.id.as_str());
    }

    /// `sent_at`: none where a file says how things stand now.
    pub(super) fn enterprise(&mut self, seq: u64, sent_at: Option<Wall>, enterprise: &Enterprise) {
        let held = self.enterprises.get(&enterprise.id);
        if held.is_some_and(|h| h.version > enterprise.version) {
            return;
        }
        let same = held == Some(enterprise);
        if self.sampling.bring(enterprise, sent_at) {
            self.touch_named(seq, SubjectKind::Enterprise, enterprise.id.as_str());
        }
        // As of a declaration.
        if same {
            return;
        }
        if self.unusable_enterprises.contains(&enterprise.id) {
            Arc::make_mut(&mut self.unusable_enterprises).remove(&enterprise.id);
        }
        self.enterprises
            .insert(enterprise.id.clone(), enterprise.clone());
        self.touch_named(seq, SubjectKind::Enterprise, enterprise.id.as_str());
    }

    pub(super) fn control(&mut self, seq: u64, at: Wall, control: &Control) {
        if !self.is_new(control) {
            return;
        }
        let subject = canonical_subject(control);
        let held = HeldControl {
            control: control.clone(),
            since: seq,
            at,
        };
        let old = Arc::make_mut(&mut self.controls).insert(control.id.clone(), held);
        let by_subject = Arc::make_mut(&mut self.by_subject);
        if let Some(old) = old {
            let before = canonical_subject(&old.control);
            if before != subject {
                drop_control(by_subject, &before, &control.id);
                self.touch(seq, before);
            }
        }
        let by_subject = Arc::make_mut(&mut self.by_subject);
        by_subject
            .entry(subject.clone())
            .or_default()
            .insert(control.id.clone());
        self.touch(seq, subject);
    }

    pub(super) fn finding(&mut self, seq: u64, finding: &crate::model::Finding) {
        let before = self.findings.held(finding).cloned();
        if !self.findings.put(finding) {
            return;
        }
        self.touch_named(seq, SubjectKind::Declaration, finding.declaration.as_str());
        self.touch_named(seq, SubjectKind::Vehicle, finding.vehicle.as_str());
        self.selected.settle(finding);
        // One so old may have been counted and forgotten: a snapshot of the
        // feed may bring it again.
        let forgotten = finding.at < self.purged_until.plus_s(-findings::KEPT_S);
        if !forgotten && self.sampling.find(finding, before.as_ref()) {
            self.touch_named(seq, SubjectKind::Enterprise, finding.enterprise.as_str());
        }
    }

    fn touch_named(&mut self, seq: u64, kind: SubjectKind, value: &str) {
        let value = value.to_owned();
        self.touch(seq, Subject { kind, value });
    }

    fn touch(&mut self, seq: u64, subject: Subject) {
        self.generation = seq;
        if self.touched.len() >= TOUCHED_MAX {
            self.touch_all(seq);
        }
        Arc::make_mut(&mut self.touched).insert(subject, seq);
    }

    /// Everything counts as changed.
    pub(super) fn touch_all(&mut self, seq: u64) {
        self.generation = seq;
        self.touched_all = seq;
        self.touched = Arc::default();
    }

    fn purge(&mut self, now: Wall) {
        let hour = Wall(now.0 - now.0.rem_euclid(PURGE_MS));
        let until = hour.plus_s(-KEPT_S);
        if until <= self.purged_until {
            return;
        }
        self.purged_until = until;
        let buckets = Arc::make_mut(&mut self.buckets);
        self.marks.retain(
            |_, mark| mark.valid_until >= until,
            |key, mark| buckets.toggle_in(key.bucket(), &mark.digest),
        );
        let over = |h: &HeldControl| {
            h.control.expires.is_some_and(|e| e < until) || (h.control.withdrawn && h.at < until)
        };
        let gone = self.controls.iter().filter(|(_, h)| over(h));
        let gone: Vec<_> = gone
            .map(|(id, h)| (id.clone(), canonical_subject(&h.control)))
            .collect();
        for (id, subject) in gone {
            Arc::make_mut(&mut self.controls).remove(&id);
            drop_control(Arc::make_mut(&mut self.by_subject), &subject, &id);
        }
        self.findings.purge(until);
        let marks = &self.marks;
        let in_force = |id: &DeclarationId| marks.get(&MarkKey::of(id)).is_some();
        self.unusable.purge(until, in_force);
        let enterprises = &self.enterprises;
        let kept_until = until.plus_s(-findings::KEPT_S);
        self.sampling
            .purge(kept_until, |id| enterprises.get(id).is_some());
    }

    /// Whether `control` is not known in this or a later version.
    pub(super) fn is_new(&self, control: &Control) -> bool {
        let held = self.controls.get(&control.id);
        held.is_none_or(|h| h.control.version <= control.version && h.control != *control)
    }

    /// Whether anything about `subjects` is younger than `generation`.
    pub(super) fn newer(&self, subjects: &BTreeSet<Subject>, generation: u64) -> bool {
        let changed = |s: &Subject| self.touched.get(s).is_some_and(|&at| at > generation);
        self.touched_all > generation || subjects.iter().any(changed)
    }

    /// Controls that stop somebody on any of `subjects`, younger than
    /// `generation`.
    pub(super) fn stops_since<'a>(
        &'a self,
        subjects: impl Iterator<Item = &'a Subject>,
        generation: u64,
    ) -> bool {
        let mut on = subjects.flat_map(|s| self.on(s));
        on.any(|h| h.since > generation && !h.control.withdrawn && h.control.act != Act::Inform)
    }

    fn on(&self, subject: &Subject) -> impl Iterator<Item = &HeldControl> {
        let ids = self.by_subject.get(subject).into_iter().flatten();
        ids.filter_map(|id| self.controls.get(id))
    }

    /// Controls on any of `subjects` that are not withdrawn, by id.
    pub(super) fn controls_on(&self, subjects: &BTreeSet<Subject>) -> Vec<Control> {
        let held = subjects.iter().flat_map(|s| self.on(s));
        let active = held.filter(|h| !h.control.withdrawn);
        let by_id: BTreeMap<_, _> = active.map(|h| (&h.control.id, &h.control)).collect();
        by_id.into_values().cloned().collect()
    }

    /// Every control that is not withdrawn, by id.
    pub(super) fn all_controls(&self) -> impl Iterator<Item = &Control> {
        let held = self.controls.values().map(|h| &h.control);
        held.filter(|c| !c.withdrawn)
    }

    pub(super) fn mark_of(&self, id: &DeclarationId) -> Option<&Mark> {
        self.marks.get(&MarkKey::of(id))
    }

    /// None too where the last version sent cannot be used.
    pub(super) fn enterprise_of(&self, id: &EnterpriseId) -> Option<&Enterprise> {
        let doubted = self.unusable_enterprises.contains(id);
        self.enterprises.get(id).filter(|_| !doubted)
    }

    /// Something on we know not whom is in force: every truck may be meant.
    pub(super) const fn holds_port(&self) -> bool {
        self.control_unreadable || self.unusable.full
    }

    pub(super) fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    pub(super) const fn enterprise_count(&self) -> usize {
        self.enterprises.len()
    }

    pub(super) const fn mark_count(&self) -> usize {
        self.marks.len()
    }
}

fn drop_control(
    by_subject: &mut BTreeMap<Subject, BTreeSet<ControlId>>,
    subject: &Subject,
    id: &ControlId,
) {
    if let Some(ids) = by_subject.get_mut(subject) {
        ids.remove(id);
        if ids.is_empty() {
            by_subject.remove(subject);
        }
    }
}

/// What cannot be normalised is kept as it came; the feed refuses it before.
pub(super) fn canonical_subject(control: &Control) -> Subject {
    let canonical = control.subject.canonical();
    canonical.unwrap_or_else(|_| control.subject.clone())
}

/// Of marks of one declaration in one batch the higher version counts, then
/// the later, as in the store.
fn newest(marks: &[DeclarationMark]) -> impl Iterator<Item = &DeclarationMark> {
    let mut newest: BTreeMap<&DeclarationId, &DeclarationMark> = BTreeMap::new();
    for mark in marks {
        let held = newest.get(&mark.id);
        if held.is_none_or(|held| held.version <= mark.version) {
            newest.insert(&mark.id, mark);
        }
    }
    newest.into_values()
}
