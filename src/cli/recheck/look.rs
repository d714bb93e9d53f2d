//! One pass over the journal: releases as they come, and what comes after them.

use std::collections::{BTreeMap, BTreeSet};

use lanegate_core::model::{
    Act, Case, Control, DeclarationId, Fault, Finding, FindingResult, LaneId, OrderKind, Outcome,
    PassageId, Status, Subject, VerdictKind,
};
use lanegate_core::record::{Body, DeclarationMark, FeedBody, OrderBody, Record, VerdictBody};
use lanegate_core::time::Wall;

use super::selection::{Rules, cut_off, subjects};

/// Releases that later records are held against (L9): weeks of a large port.
const RELEASES_MAX: usize = 200_000;
/// Passages whose verdict is kept for an order to come (L9).
const VERDICTS_MAX: usize = 4096;

/// Why a release was selected.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Why {
    /// One word a kind.
    pub(super) word: &'static str,
    /// In full.
    pub(super) says: String,
}

/// A release.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) at: Wall,
    pub(super) lane: Option<LaneId>,
    pub(super) passage: PassageId,
    /// Who, where the rules did not.
    pub(super) officer: Option<String>,
    pub(super) class: String,
    pub(super) declarations: Vec<DeclarationId>,
    /// None = not selected.
    pub(super) why: BTreeSet<Why>,
    versions: BTreeMap<DeclarationId, u32>,
    subjects: BTreeSet<Subject>,
    /// Judged while the line was not known to be up.
    cut_off: bool,
}

impl Entry {
    fn add(&mut self, word: &'static str, says: impl Into<String>) {
        let says = says.into();
        self.why.insert(Why { word, says });
    }
}

/// The pass.
pub(super) struct Look {
    rules: Rules,
    /// By the record that released.
    releases: BTreeMap<u64, Entry>,
    by_passage: BTreeMap<PassageId, u64>,
    by_subject: BTreeMap<Subject, BTreeSet<u64>>,
    /// Verdicts an officer may yet overrule.
    held: BTreeMap<PassageId, (u64, Entry)>,
    selected: Vec<Entry>,
    forgotten: u64,
}

impl Look {
    pub(super) const fn new(rules: Rules) -> Self {
        Self {
            rules,
            releases: BTreeMap::new(),
            by_passage: BTreeMap::new(),
            by_subject: BTreeMap::new(),
            held: BTreeMap::new(),
            selected: Vec::new(),
            forgotten: 0,
        }
    }

    /// Releases that left the memory before the journal ended.
    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// What was selected, in the order of the journal.
    pub(super) fn finish(mut self) -> Vec<Entry> {
        let rest = std::mem::take(&mut self.releases).into_values();
        self.selected
            .extend(rest.filter(|entry| !entry.why.is_empty()));
        self.selected
    }

    /// Looks at one record.
    pub(super) fn at(&mut self, text: &str) -> Result<(), Fault> {
        let record = Record::read(text)?;
        let draft = record.draft()?;
        let passage = draft.passage.as_ref();
        match &draft.body {
            Body::Verdict(body) => self.verdict(&record, body, text),
            Body::Order(body) => self.order(&record, body, text),
            Body::Outcome(body) => self.ended(passage, body.how),
            Body::Feed(body) => self.feed(body),
            Body::Finding(finding) => self.finding(finding),
            Body::ControlLate(body) => {
                let says = format!("control {} came too late to act", body.control);
                self.say_of(passage, "control-late", &says);
            }
            Body::Genesis(_)
            | Body::Start(_)
            | Body::Stop(_)
            | Body::LaneOrder(_)
            | Body::ArmUp(_)
            | Body::ArmDown(_)
            | Body::Resumed(_)
            | Body::GiveBack(_)
            | Body::UnpairedLift(_)
            | Body::Tailgate(_)
            | Body::Edge(_)
            | Body::Fault(_)
            | Body::Policy(_)
            | Body::Reconciled(_)
            | Body::DrawKey(_)
            | Body::Snapshot(_)
            | Body::Checkpoint(_) => {}
        }
        Ok(())
    }

    fn verdict(&mut self, record: &Record, body: &VerdictBody, text: &str) {
        let mut entry = entry_of(record, body);
        if let Some(says) = cut_off(&body.case) {
            entry.cut_off = true;
            entry.add("cut-off", says);
        }
        self.rules
            .select(&body.verdict, &entry.class.clone(), text, |word, says| {
                entry.add(word, says);
            });
        if body.verdict.verdict == VerdictKind::Release {
            return self.release(entry);
        }
        self.held.insert(entry.passage.clone(), (record.seq, entry));
        if self.held.len() > VERDICTS_MAX {
            let oldest = self.held.iter().min_by_key(|(_, (seq, _))| *seq);
            if let Some(passage) = oldest.map(|(passage, _)| passage.clone()) {
                self.held.remove(&passage);
            }
        }
    }

    /// An officer's release stands on the verdict it overrules.
    fn order(&mut self, record: &Record, body: &OrderBody, text: &str) {
        let releases = body.accepted && body.order.kind == OrderKind::Release;
        let Some(passage) = record.passage.as_ref().filter(|_| releases) else {
            return;
        };
        let judged = self.held.remove(passage).map(|(_, entry)| entry);
        let mut entry = judged.unwrap_or_else(|| Entry {
            seq: record.seq,
            at: record.at,
            lane: record.lane.clone(),
            passage: passage.clone(),
            officer: None,
            class: "none".to_owned(),
            declarations: Vec::new(),
            why: BTreeSet::new(),
            versions: BTreeMap::new(),
            subjects: BTreeSet::new(),
            cut_off: false,
        });
        entry.seq = record.seq;
        entry.at = record.at;
        entry.officer = Some(body.order.officer.to_string());
        if body.spends.is_none() && body.order.resumes.is_none() {
            let reason = &body.order.reason;
            entry.add(
                "spent-nothing",
                format!("the balance allowed nothing; \"{reason}\""),
            );
        }
        // Drawn by the record that released.
        entry.why.retain(|why| why.word != "sample");
        self.rules.sample(text, |word, says| entry.add(word, says));
        self.release(entry);
    }

    fn release(&mut self, entry: Entry) {
        self.held.remove(&entry.passage);
        self.by_passage.insert(entry.passage.clone(), entry.seq);
        for subject in &entry.subjects {
            self.by_subject
                .entry(subject.clone())
                .or_default()
                .insert(entry.seq);
        }
        self.releases.insert(entry.seq, entry);
        if self.releases.len() > RELEASES_MAX {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((seq, entry)) = self.releases.pop_first() else {
            return;
        };
        self.forgotten += 1;
        if self.by_passage.get(&entry.passage) == Some(&seq) {
            self.by_passage.remove(&entry.passage);
        }
        for subject in &entry.subjects {
            if let Some(seqs) = self.by_subject.get_mut(subject) {
                seqs.remove(&seq);
                if seqs.is_empty() {
                    self.by_subject.remove(subject);
                }
            }
        }
        if !entry.why.is_empty() {
            self.selected.push(entry);
        }
    }

    fn say_of(&mut self, passage: Option<&PassageId>, word: &'static str, says: &str) {
        let seq = passage.and_then(|id| self.by_passage.get(id));
        if let Some(entry) = seq.and_then(|seq| self.releases.get_mut(seq)) {
            entry.add(word, says);
        }
    }

    fn ended(&mut self, passage: Option<&PassageId>, how: Outcome) {
        if let Some(id) = passage {
            self.held.remove(id);
        }
        match how {
            Outcome::NotSeenPassing => {
                let says = "gone, and no sensor saw it pass";
                self.say_of(passage, "not-seen-passing", says);
            }
            Outcome::Unknown => {
                self.say_of(passage, "not-seen-passing", "nobody saw how it ended");
            }
            Outcome::Passed
            | Outcome::LeftBeforeVerdict
            | Outcome::Left
            | Outcome::GivenBack
            | Outcome::ToBay
            | Outcome::Returned => {}
        }
    }

    fn feed(&mut self, body: &FeedBody) {
        for control in &body.controls {
            self.control(control);
        }
        for mark in &body.declarations {
            self.mark(mark);
        }
        for finding in &body.findings {
            self.finding(finding);
        }
    }

    /// A control acts on a release before it if it says that it was in force
    /// then, or if it could have come in time but for the cut line.
    fn control(&mut self, control: &Control) {
        let Ok(subject) = control.subject.canonical() else {
            return;
        };
        if control.withdrawn || control.act == Act::Inform {
            return;
        }
        let seqs = self.by_subject.get(&subject).cloned().unwrap_or_default();
        for seq in seqs {
            let Some(entry) = self.releases.get_mut(&seq) else {
                continue;
            };
            let dated = control.from.is_some() || entry.cut_off;
            if dated && control.in_force(Some(entry.at)) {
                let says = format!(
                    "control {} ({}) on {}",
                    control.id, control.act, subject.kind
                );
                entry.add("control-later", says);
            }
        }
    }

    fn mark(&mut self, mark: &DeclarationMark) {
        if mark.status == Status::Released {
            return;
        }
        let subject = Subject {
            kind: lanegate_core::model::SubjectKind::Declaration,
            value: mark.id.to_string(),
        };
        for seq in self.by_subject.get(&subject).cloned().unwrap_or_default() {
            if let Some(entry) = self.releases.get_mut(&seq)
                && entry
                    .versions
                    .get(&mark.id)
                    .is_some_and(|v| *v < mark.version)
            {
                let says = format!(
                    "declaration {} is {} by version {}",
                    mark.id, mark.status, mark.version
                );
                entry.add("declaration-later", says);
            }
        }
    }

    fn finding(&mut self, finding: &Finding) {
        if finding.result == FindingResult::Nonconforms {
            let says = format!("finding {} does not conform", finding.id);
            self.say_of(Some(&finding.passage), "finding-later", &says);
        }
    }
}

fn entry_of(record: &Record, body: &VerdictBody) -> Entry {
    let matched = &body.verdict.declarations;
    let case: &Case = &body.case;
    Entry {
        seq: record.seq,
        at: record.at,
        lane: record.lane.clone(),
        passage: body.verdict.passage.clone(),
        officer: None,
        class: super::selection::class_of(&body.verdict),
        declarations: matched.iter().map(|m| m.id.clone()).collect(),
        why: BTreeSet::new(),
        versions: matched.iter().map(|m| (m.id.clone(), m.version)).collect(),
        subjects: subjects(case, &body.verdict),
        cut_off: false,
    }
}
