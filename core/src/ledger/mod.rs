//! The ledger: what has been spent and what is in force, as a fold over the
//! journal's records. The journal is the truth; this is a view of it, and the
//! same records always give the same ledger.
//!
//! Absent: the disk, the clock, threads. The committer asks [`Ledger::check`]
//! before an append and calls [`Ledger::apply`] for every record; the store's
//! thread asks [`Ledger::facts`] of a clone. A clone is cheap: all that can
//! grow is shared and copied on write.

mod account;
mod check;
mod facts;
mod findings;
mod in_force;
mod lanes;
mod passages;
mod sharded;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::lane::Took;
use crate::model::{
    Balance, Buckets, Control, ControlId, ControllerId, DeclarationId, Finding, LaneId, OrderId,
    OrderKind, PassageId, Position, Then, VerdictKind,
};
use crate::record::{
    Body, Draft, FeedBody, OrderBody, OutcomeBody, ReconciledBody, SpendOf, VerdictBody,
};
use crate::time::Wall;

use account::{Account, From, Stage, Taken};
use in_force::InForce;
use lanes::LaneKept;
use passages::{Decided, MatchedTo, Passage};
use sharded::Sharded;

/// Orders whose answers are remembered (L9): more than a day of them.
const ORDERS_MAX: usize = 4096;
/// Accounts are kept this long after their declaration's window: a later
/// version may open it again, and the ledger is keyed by id.
const ACCOUNT_KEPT_S: i64 = 30 * 24 * 3600;

/// What was answered to an order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderAnswer {
    /// Its record.
    pub seq: u64,
    /// Whether it was obeyed.
    pub accepted: bool,
    /// Why not.
    pub why: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Convoy {
    arrived: BTreeSet<String>,
    until: Wall,
}

/// A control that came after the verdict it would have changed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LateControl {
    /// The lane.
    pub lane: Option<LaneId>,
    /// The passage.
    pub passage: PassageId,
    /// The control.
    pub control: ControlId,
    /// The verdict's record.
    pub verdict_seq: u64,
}

/// What has been spent and what is in force.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    controller: Option<ControllerId>,
    /// The last record applied.
    seq: Option<u64>,
    starts: u64,
    accounts: Sharded<DeclarationId, Account>,
    passages: Arc<BTreeMap<PassageId, Passage>>,
    lanes: Arc<BTreeMap<LaneId, LaneKept>>,
    orders: Arc<BTreeMap<OrderId, OrderAnswer>>,
    convoys: Arc<BTreeMap<String, Convoy>>,
    in_force: InForce,
    purged_until: Wall,
}

impl Ledger {
    /// The same ledger, read back from a snapshot, with its indexes rebuilt.
    #[must_use]
    pub fn reindexed(mut self) -> Self {
        self.in_force.reindex();
        self
    }

    /// Folds one record in; says whether it took from a balance or made a
    /// reservation under its passage.
    pub fn apply(&mut self, seq: u64, draft: &Draft) -> Took {
        self.seq = Some(seq);
        if let Some(lane) = &draft.lane {
            Arc::make_mut(&mut self.lanes)
                .entry(lane.clone())
                .or_default()
                .apply(&draft.body);
        }
        let took = match &draft.body {
            Body::Genesis(body) => {
                self.controller = Some(body.controller.clone());
                false
            }
            Body::Start(body) => {
                self.starts = body.start;
                false
            }
            Body::Verdict(body) => self.verdict(seq, body),
            Body::Order(body) => self.order(seq, body, draft),
            Body::LaneOrder(body) => {
                let why = body.why.clone();
                self.answered(seq, &body.order.id, body.accepted, why);
                false
            }
            Body::Resumed(body) => self.resume(draft.passage.as_ref(), &body.resumes),
            Body::GiveBack(_) => {
                self.give_back(draft.passage.as_ref());
                false
            }
            Body::Outcome(body) => {
                self.outcome(draft.passage.as_ref(), body);
                false
            }
            Body::Feed(body) => {
                self.feed(seq, draft.at, body);
                false
            }
            Body::Finding(body) => {
                self.settle_finding(body);
                self.in_force.finding(seq, body);
                false
            }
            Body::Reconciled(body) => {
                self.reconcile(seq, body);
                false
            }
            Body::Stop(_)
            | Body::ArmUp(_)
            | Body::ArmDown(_)
            | Body::UnpairedLift(_)
            | Body::Tailgate(_)
            | Body::Edge(_)
            | Body::Fault(_)
            | Body::Policy(_)
            | Body::ControlLate(_)
            | Body::DrawKey(_)
            | Body::Snapshot(_)
            | Body::Checkpoint(_) => false,
        };
        if took { Took::Spent } else { Took::Nothing }
    }

    fn open(&mut self, id: &PassageId, lane: Option<&LaneId>) {
        if !self.passages.contains_key(id) {
            let passage = Passage::of(lane.cloned());
            Arc::make_mut(&mut self.passages).insert(id.clone(), passage);
        }
    }

    fn passage_mut(&mut self, id: &PassageId) -> Option<&mut Passage> {
        Arc::make_mut(&mut self.passages).get_mut(id)
    }

    fn verdict(&mut self, seq: u64, body: &VerdictBody) -> bool {
        let id = &body.verdict.passage;
        self.open(id, Some(&body.case.lane));
        let decided = Arc::new(Decided::of(seq, body));
        let matched = &Arc::clone(&decided).matched;
        if let Some(passage) = self.passage_mut(id) {
            passage.decided = Some(decided);
            passage.released = body.verdict.verdict == VerdictKind::Release;
        }
        self.arrive(matched);
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

    fn take(
        &mut self,
        id: &PassageId,
        to: &MatchedTo,
        spend: crate::model::Spend,
        stage: Stage,
    ) -> bool {
        let taken = Taken {
            passage: id.clone(),
            vehicle: to.vehicle.clone().unwrap_or_default(),
            plates: to.plates.clone(),
            spend,
            stage,
        };
        let account = self.accounts.entry(&to.id, Account::default);
        account.valid_until = account.valid_until.max(to.valid_until);
        account.take(taken, to.limit.is_some_and(account::Limit::is_shared));
        self.took_from(id, &to.id);
        true
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

    fn order(&mut self, seq: u64, body: &OrderBody, draft: &Draft) -> bool {
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

    fn resume(&mut self, id: Option<&PassageId>, old: &PassageId) -> bool {
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
    fn unsettled_by(&self, passage: &PassageId) -> Vec<DeclarationId> {
        let accounts = self
            .accounts
            .iter()
            .filter(|(_, a)| a.is_unsettled(passage));
        accounts.map(|(id, _)| id.clone()).collect()
    }

    fn give_back(&mut self, id: Option<&PassageId>) {
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

    fn outcome(&mut self, id: Option<&PassageId>, body: &OutcomeBody) {
        let ended = id.and_then(|id| Arc::make_mut(&mut self.passages).remove(id));
        let (Some(id), Some(passage)) = (id, ended) else {
            return;
        };
        let passed = body.how == crate::model::Outcome::Passed;
        for declaration in &passage.took_from {
            if let Some(account) = self.accounts.get_mut(declaration) {
                account.end(id, passed);
            }
        }
    }

    fn answered(&mut self, seq: u64, id: &OrderId, accepted: bool, why: Option<String>) {
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

    fn feed(&mut self, seq: u64, at: Wall, body: &FeedBody) {
        let in_force = body.part.is_none_or(crate::model::Part::is_last);
        if in_force {
            for finding in &body.findings {
                self.settle_finding(finding);
            }
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
    fn settle_finding(&mut self, finding: &Finding) {
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
        }
    }

    fn reconcile(&mut self, seq: u64, body: &ReconciledBody) {
        for entry in &body.ledger {
            let account = self.accounts.entry(&entry.declaration, Account::default);
            account.raise_to(&entry.balance);
        }
        self.in_force.touch_all(seq);
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
        if self.convoys.values().any(|c| c.until < until) {
            Arc::make_mut(&mut self.convoys).retain(|_, c| c.until >= until);
        }
    }

    /// The last record applied.
    #[must_use]
    pub const fn seq(&self) -> Option<u64> {
        self.seq
    }

    /// Starts so far.
    #[must_use]
    pub const fn starts(&self) -> u64 {
        self.starts
    }

    /// The record that last changed anything in force; part of every case.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.in_force.generation
    }

    /// How far the feed is applied.
    #[must_use]
    pub const fn position(&self) -> Option<Position> {
        self.in_force.position
    }

    /// When the authority sent the last message whose seq is the last applied.
    #[must_use]
    pub const fn heard_at(&self) -> Option<Wall> {
        self.in_force.heard_at
    }

    /// Declarations whose window ended before this are forgotten; the store is
    /// to forget the same before it compares its digests.
    #[must_use]
    pub const fn purged_until(&self) -> Wall {
        self.in_force.purged_until
    }

    /// Digests of the declarations the feed has sent, by bucket.
    #[must_use]
    pub fn buckets(&self) -> &Buckets {
        self.in_force.buckets()
    }

    /// How many declarations the feed has sent and not forgotten.
    #[must_use]
    pub const fn declaration_count(&self) -> usize {
        self.in_force.mark_count()
    }

    /// Controls that are not withdrawn, by id.
    pub fn controls(&self) -> impl Iterator<Item = &Control> {
        self.in_force.all_controls()
    }

    /// The balance of `id`, if anything was ever taken.
    #[must_use]
    pub fn balance(&self, id: &DeclarationId) -> Option<Balance> {
        self.accounts.get(id).map(Account::balance)
    }

    /// Every balance.
    pub fn balances(&self) -> impl Iterator<Item = (&DeclarationId, Balance)> {
        self.accounts
            .iter()
            .map(|(id, account)| (id, account.balance()))
    }

    /// What an order was answered, if it is remembered.
    #[must_use]
    pub fn order_answer(&self, id: &OrderId) -> Option<&OrderAnswer> {
        self.orders.get(id)
    }

    /// Passages without an outcome, with their lanes.
    pub fn open_passages(&self) -> impl Iterator<Item = (&PassageId, Option<&LaneId>)> {
        self.passages.iter().map(|(id, p)| (id, p.lane.as_ref()))
    }
}

#[cfg(test)]
mod tests;
