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
mod fold;
mod given;
mod in_force;
mod lanes;
mod passages;
mod policies;
mod reconciliation;
mod sampling;
mod selected;
mod sharded;
mod unusable;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::lane::Took;
use crate::model::{
    Balance, Buckets, Control, ControlId, ControllerId, DeclarationId, Enterprise, EnterpriseId,
    LaneId, OrderId, Part, PassageId, PolicyText, Position, Sampling,
};
use crate::record::{Body, Draft, DrawKeyBody};
use crate::time::Wall;

pub use reconciliation::Reconciliation;
pub use sampling::SamplingMoves;

use account::Account;
use in_force::InForce;
use lanes::LaneKept;
use passages::Passage;
use sharded::Sharded;

pub use policies::{HeldPolicy, Policies, PolicyBy, PolicyOffer, PolicyRefusal};

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
    #[serde(default)]
    policies: Arc<Policies>,
    purged_until: Wall,
    /// The last day's key that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    draw_key: Option<DrawKeyBody>,
    /// The last difference with what the authority holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reconciliation: Option<Reconciliation>,
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
        let before = self.seq.replace(seq);
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
                self.outcome(draft.passage.as_ref(), body, draft.at);
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
            Body::DrawKey(body) => {
                self.draw_key = Some(body.as_ref().clone());
                false
            }
            Body::Reconciled(body) => {
                self.reconcile(seq, before, body);
                false
            }
            Body::Policy(body) => {
                Arc::make_mut(&mut self.policies).apply(seq, draft.at, body);
                false
            }
            Body::Stop(_)
            | Body::ArmUp(_)
            | Body::ArmDown(_)
            | Body::UnpairedLift(_)
            | Body::Tailgate(_)
            | Body::Edge(_)
            | Body::Fault(_)
            | Body::ControlLate(_)
            | Body::Snapshot(_)
            | Body::Checkpoint(_) => false,
        };
        if took {
            self.note_last(draft);
        }
        if took { Took::Spent } else { Took::Nothing }
    }

    /// The last record applied.
    #[must_use]
    pub const fn seq(&self) -> Option<u64> {
        self.seq
    }

    /// Which policies are in force, wait and were in force before.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// The policies that come with a message of the feed that brings `own`:
    /// those of a batch, or with a snapshot's last part those of all its parts.
    #[must_use]
    pub fn policies_of(
        &self,
        part: Option<Part>,
        at: Position,
        own: &[PolicyText],
    ) -> Vec<PolicyText> {
        self.in_force.policies_of(part, at, own)
    }

    /// A control came whose subject cannot be read, or more items that cannot
    /// be used than are kept: the port holds.
    #[must_use]
    pub const fn is_control_unreadable(&self) -> bool {
        self.in_force.holds_port()
    }

    /// Something came that only a snapshot of the feed can mend.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        self.in_force.control_unreadable || self.in_force.unusable.wants_snapshot()
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

    /// An enterprise as it is in force; none too where the last version sent
    /// cannot be used.
    #[must_use]
    pub fn enterprise(&self, id: &EnterpriseId) -> Option<&Enterprise> {
        self.in_force.enterprise_of(id)
    }

    /// How many enterprises are known.
    #[must_use]
    pub const fn enterprise_count(&self) -> usize {
        self.in_force.enterprise_count()
    }

    /// The balance of `id`, if anything was ever taken.
    #[must_use]
    pub fn balance(&self, id: &DeclarationId) -> Option<Balance> {
        self.accounts.get(id).map(Account::balance)
    }

    /// The last draw key that was named.
    #[must_use]
    pub const fn draw_key(&self) -> Option<&DrawKeyBody> {
        self.draw_key.as_ref()
    }

    /// The last difference with what the authority holds, settled or not.
    #[must_use]
    pub const fn reconciliation(&self) -> Option<&Reconciliation> {
        self.reconciliation.as_ref()
    }

    /// Whether the authority's ledger is still to be taken over.
    #[must_use]
    pub fn is_unreconciled(&self) -> bool {
        self.reconciliation.as_ref().is_some_and(|r| r.open)
    }

    /// Where an enterprise stands in its sampling plan.
    #[must_use]
    pub fn sampling(&self, id: &EnterpriseId) -> Option<&Sampling> {
        self.in_force.sampling.state_of(id)
    }

    /// How often sampling states moved.
    #[must_use]
    pub const fn sampling_moves(&self) -> SamplingMoves {
        self.in_force.sampling.moves()
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

    /// Every order remembered with its answer, the oldest first.
    #[must_use]
    pub fn order_answers(&self) -> Vec<(OrderId, OrderAnswer)> {
        let orders = self.orders.iter();
        let mut all: Vec<_> = orders.map(|(id, a)| (id.clone(), a.clone())).collect();
        all.sort_by_key(|(_, answer)| answer.seq);
        all
    }

    /// Passages without an outcome, with their lanes.
    pub fn open_passages(&self) -> impl Iterator<Item = (&PassageId, Option<&LaneId>)> {
        self.passages.iter().map(|(id, p)| (id, p.lane.as_ref()))
    }
}

#[cfg(test)]
mod tests;
