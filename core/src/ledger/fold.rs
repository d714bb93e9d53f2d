//! What each kind of record does to the ledger.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::account::{self, Account, From, Stage, Taken};
use super::passages::{Decided, MatchedTo, Passage};
use super::{ACCOUNT_KEPT_S, Convoy, Ledger, ORDERS_MAX, OrderAnswer, Reconciliation};
use crate::clearance::decayed;
use crate::model::{
    DeclarationId, Finding, LaneId, OrderId, OrderKind, PassageId, Spend, Then, VerdictKind,
};
use crate::record::{
    Draft, FeedBody, OrderBody, OutcomeBody, ReconciledBody, SpendOf, VerdictBody,
};
use crate::time::Wall;

/// No controller starts so often; a passage that names more was not ours.
const START_MAX: u64 = 1_000_000_000_000;

impl Ledger {
    fn open(&mut self, id: &PassageId, lane: Option<&LaneId>) {
        if !self.passages.contains_key(id) {
            let passage = Passage::of(lane.cloned());
            Arc::make_mut(&mut self.passages).insert(id.clone(), passage);
        }
    }

    fn passage_mut(&mut self, id: &PassageId) -> Option<&mut Passage> {
        Arc::make_mut(&mut self.passages).get_mut(id)
    }

    pub(super) fn verdict(&mut self, seq: u64, body: &VerdictBody) -> bool {
        let id = &body.verdict.passage;
        self.open(id, Some(&body.case.lane));
        let decided = Arc::new(Decided::of(seq, body));
        let matched = &Arc::clone(&decided).matched;
        if let Some(passage) = self.passage_mut(id) {
            passage.decided = Some(decided);
            passage.released = body.verdict.verdict == VerdictKind::Release;
        }
        self.arrive(matched);
        self.sampled(body, matched);
        let mut took = false;
        for (to, said) in matched.iter().zip(&body.verdict.declarations) {
            took |= match (body.verdict.verdict, said.spend) {
                (VerdictKind::Hold, _) => false,
                (VerdictKind::Release, Some(spend)) => {
                    self.take(id, to, spend, Stage::Open(From::Balance))
                }
                (VerdictKind::Inspect, Some(spend)) => self.take(id, to, spend, Stage::Reserved),
                (VerdictKind::Release, None) => self.use_reservation(id, to),
                (VerdictKind::Inspect, None) => {
                    if let Some(account) = self.accounts.get_mut(&to.id) {
                        account.move_reservation(to.vehicle.as_deref(), id);
                    }
                    false
                }
            };
            if body.verdict.verdict != VerdictKind::Hold {
                self.in_force.findings.use_up(&to.id, &to.plates, id);
            }
        }
        took
    }

    /// Who is selected stays so; a state the rules found too old begins anew.
    fn sampled(&mut self, body: &VerdictBody, matched: &[MatchedTo]) {
        let Some(main) = matched.first() else {
            return;
        };
        self.in_force.selected.note(body, main);
        let mut candidates = body.case.facts.candidates.iter();
        if decayed(&body.verdict)
            && let Some(declaration) = candidates.find(|d| d.id == main.id)
        {
            let judged_on = body.case.facts.sampling.as_ref();
            self.in_force
                .sampling
                .decay(&declaration.enterprise, judged_on);
        }
    }

    /// Convoys count vehicles as they come, whatever the verdict.
    fn arrive(&mut self, matched: &[MatchedTo]) {
        for to in matched {
            let (Some(no), Some(vehicle)) = (&to.convoy, &to.vehicle) else {
                continue;
            };
            let convoys = Arc::make_mut(&mut self.convoys);
            let convoy = convoys.entry(no.clone()).or_insert_with(|| Convoy {
                arrived: BTreeSet::new(),
                until: Wall::default(),
            });
            convoy.arrived.insert(vehicle.clone());
            convoy.until = convoy.until.max(to.valid_until.unwrap_or_default());
        }
    }

    fn take(&mut self, id: &PassageId, to: &MatchedTo, spend: Spend, stage: Stage) -> bool {
        let vehicle = to.vehicle.clone().unwrap_or_default();
        let taken = Taken::new(id.clone(), vehicle, to.plates.clone(), spend, stage);
        let account = self.accounts.entry(&to.id, Account::default);
        account.valid_until = account.valid_until.max(to.valid_until);
        account.take(taken, to.limit.is_some_and(account::Limit::is_shared));
        self.took_from(id, &to.id);
        true
    }

    /// What an officer is told of a spent declaration: who took from it last.
    pub(super) fn note_last(&mut self, draft: &Draft) {
        let Some(id) = &draft.passage else {
            return;
        };
        let took_from = self.passages.get(id).map(|p| p.took_from.clone());
        for declaration in took_from.unwrap_or_default() {
            if let Some(account) = self.accounts.get_mut(&declaration) {
                account.note_last(id, draft.lane.as_ref(), draft.at);
            }
        }
    }

    fn took_from(&mut self, id: &PassageId, declaration: &DeclarationId) {
        if let Some(passage) = self.passage_mut(id) {
            passage.took_from.insert(declaration.clone());
        }
    }

    fn use_reservation(&mut self, id: &PassageId, to: &MatchedTo) -> bool {
        let account = self.accounts.get_mut(&to.id);
        let used = account.is_some_and(|a| a.use_reservation(to.vehicle.as_deref(), id));
        if used {
            self.took_from(id, &to.id);
        }
        used
    }

    pub(super) fn order(&mut self, seq: u64, body: &OrderBody, draft: &Draft) -> bool {
        let (id, lane) = (draft.passage.as_ref(), draft.lane.as_ref());
        self.answered(seq, &body.order.id, body.accepted, body.why.clone());
        let Some(id) = id.filter(|_| body.accepted) else {
            return false;
        };
        self.open(id, lane);
        let none = Vec::new();
        match body.order.kind {
            OrderKind::Release => {
                if let Some(passage) = self.passage_mut(id) {
                    passage.released = true;
                }
                let spends = body.spends.as_ref().unwrap_or(&none);
                let mut took = self.take_all(id, spends, &Stage::Open(From::Balance));
                if body.order.resumes.is_none() {
                    took |= self.use_reservations(id);
                }
                took
            }
            OrderKind::Inspect => {
                let reserves = body.reserves.as_ref().unwrap_or(&none);
                self.take_all(id, reserves, &Stage::Reserved)
            }
            OrderKind::Return | OrderKind::Supply => false,
        }
    }

    fn take_all(&mut self, id: &PassageId, spends: &[SpendOf], stage: &Stage) -> bool {
        for spend in spends {
            let to = self.matched_to(id, spend);
            self.take(id, &to, spend.spend, stage.clone());
        }
        !spends.is_empty()
    }

    fn matched_to(&self, id: &PassageId, spend: &SpendOf) -> MatchedTo {
        let passage = self.passages.get(id);
        let matched = passage.and_then(|p| p.matched(&spend.declaration));
        matched.cloned().unwrap_or_else(|| MatchedTo {
            id: spend.declaration.clone(),
            vehicle: spend.vehicle.clone(),
            plates: spend.vehicle.iter().cloned().collect(),
            limit: None,
            valid_until: None,
            convoy: None,
        })
    }

    /// What the vehicle has reserved goes with it when an officer lets it go.
    fn use_reservations(&mut self, id: &PassageId) -> bool {
        let decided = self.passages.get(id).and_then(|p| p.decided.as_ref());
        let matched = decided.map(|d| d.matched.clone()).unwrap_or_default();
        let mut used = false;
        for to in &matched {
            let open = self.accounts.get(&to.id).is_some_and(|a| a.is_open(id));
            if !open && self.use_reservation(id, to) {
                self.in_force.findings.use_up(&to.id, &to.plates, id);
                used = true;
            }
        }
        used
    }

    pub(super) fn resume(&mut self, id: Option<&PassageId>, old: &PassageId) -> bool {
        let Some(id) = id else {
            return false;
        };
        let unsettled = self.unsettled_by(old);
        for declaration in &unsettled {
            if let Some(account) = self.accounts.get_mut(declaration) {
                account.resume(old, id);
            }
            self.took_from(id, declaration);
        }
        !unsettled.is_empty()
    }

    /// Declarations `passage` left something unsettled on.
    pub(super) fn unsettled_by(&self, passage: &PassageId) -> Vec<DeclarationId> {
        let accounts = self
            .accounts
            .iter()
            .filter(|(_, a)| a.is_unsettled(passage));
        accounts.map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn give_back(&mut self, id: Option<&PassageId>) {
        let Some((id, passage)) = id.and_then(|id| Some((id, self.passages.get(id)?))) else {
            return;
        };
        for declaration in passage.took_from.clone() {
            if let Some(account) = self.accounts.get_mut(&declaration) {
                account.give_back(id);
            }
            self.in_force.findings.restore(&declaration, id);
        }
        let id = id.clone();
        if let Some(passage) = self.passage_mut(&id) {
            passage.released = false;
        }
    }

    pub(super) fn outcome(&mut self, id: Option<&PassageId>, body: &OutcomeBody, at: Wall) {
        let ended = id.and_then(|id| Arc::make_mut(&mut self.passages).remove(id));
        let (Some(id), Some(passage)) = (id, ended) else {
            return;
        };
        let passed = body.how == crate::model::Outcome::Passed;
        for declaration in &passage.took_from {
            if let Some(account) = self.accounts.get_mut(declaration) {
                account.end(id, passed);
                if passed {
                    account.note_passed(id, at);
                }
            }
        }
    }

    pub(super) fn answered(&mut self, seq: u64, id: &OrderId, accepted: bool, why: Option<String>) {
        let orders = Arc::make_mut(&mut self.orders);
        let answer = OrderAnswer { seq, accepted, why };
        orders.entry(id.clone()).or_insert(answer);
        if orders.len() > ORDERS_MAX {
            let oldest = orders
                .iter()
                .min_by_key(|(_, a)| a.seq)
                .map(|(id, _)| id.clone());
            oldest.map(|id| orders.remove(&id));
        }
    }

    pub(super) fn feed(&mut self, seq: u64, at: Wall, body: &FeedBody) {
        for finding in &self.in_force.findings_of(body) {
            self.settle_finding(finding);
        }
        for mark in &body.declarations {
            if let Some(account) = self.accounts.get_mut(&mark.id) {
                account.valid_until = account.valid_until.max(Some(mark.valid_until));
            }
        }
        self.in_force.apply_feed(seq, at, body);
        self.purge();
    }

    /// Before the finding itself is known, so that a copy settles nothing.
    pub(super) fn settle_finding(&mut self, finding: &Finding) {
        let passed = match finding.then {
            Then::ReleasedAtBay => true,
            Then::Refused => false,
            Then::BackToLane | Then::Detained => return,
        };
        if self.in_force.findings.knows(finding) {
            return;
        }
        if let Some(account) = self.accounts.get_mut(&finding.declaration) {
            account.settle_finding(&finding.passage, finding.vehicle.as_str(), passed);
            if passed {
                account.note_passed(&finding.passage, finding.at);
            }
        }
    }

    pub(super) fn reconcile(&mut self, seq: u64, before: Option<u64>, body: &ReconciledBody) {
        let last = self.reconciliation.take();
        for entry in &body.ledger {
            let account = self.accounts.entry(&entry.declaration, Account::default);
            account.raise_to(&entry.balance);
        }
        self.leave_out_starts(last.as_ref(), body);
        self.reconciliation = Some(Reconciliation::behind(last.as_ref(), before, seq, body));
        self.in_force.touch_all(seq);
    }

    /// No start number the authority may have seen is given out again, or a
    /// truck would go by the passage of another. Each start is a record, so
    /// behind the last one we know of there are no more than it holds records,
    /// whatever its journal or a lost part of ours began to count from.
    fn leave_out_starts(&mut self, last: Option<&Reconciliation>, body: &ReconciledBody) {
        let held = body.ledger.iter().map(|entry| &entry.balance);
        let held = held.flat_map(|b| b.reserved.iter().chain(&b.unsettled));
        let named = held.filter_map(|r| r.passage.start());
        let named = named.filter(|start| *start <= START_MAX).max();
        let known = self.starts.max(named.unwrap_or_default());
        let left_out = last.filter(|before| before.genesis == body.genesis);
        let more = match left_out {
            Some(before) => body.through.saturating_sub(before.through),
            None => body.through.saturating_add(1),
        };
        self.starts = known.saturating_add(more.min(START_MAX));
    }

    fn purge(&mut self) {
        let until = self.in_force.purged_until;
        if until <= self.purged_until {
            return;
        }
        self.purged_until = until;
        let oldest = until.plus_s(-ACCOUNT_KEPT_S);
        let kept = |_: &DeclarationId, a: &Account| a.valid_until.is_none_or(|v| v >= oldest);
        self.accounts.retain(kept, |_, _| {});
        self.in_force.selected.purge(oldest);
        if self.convoys.values().any(|c| c.until < until) {
            Arc::make_mut(&mut self.convoys).retain(|_, c| c.until >= until);
        }
    }
}
