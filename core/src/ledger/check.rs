//! Commit, then lift: what must hold at the append.

use super::passages::{MatchedTo, Passage, subjects_of_case};
use super::{LateControl, Ledger};
use crate::lane::{Guard, Refusal};
use crate::model::{Balance, Matched, OrderKind, Status, Subject, VerdictKind};
use crate::record::{Body, Draft, FeedBody, OrderBody, SpendOf, VerdictBody};

impl Ledger {
    /// Whether drafts that begin with `first` may be appended now. Nothing is refused because of
    /// what happened elsewhere: only a change about this case's subjects, or
    /// of a balance it was judged on, counts. A Hold is never refused.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, first: &Draft, guard: &Guard) -> Result<(), Refusal> {
        match (guard, &first.body) {
            (Guard::Always, _) => Ok(()),
            (Guard::Verdict, Body::Verdict(body)) => self.check_verdict(body),
            (
                Guard::Order {
                    verdict_seq,
                    plate_since,
                },
                Body::Order(body),
            ) => self.check_order(body, *verdict_seq, *plate_since),
            (Guard::Verdict | Guard::Order { .. }, _) => {
                panic!("a guard stands before the record it guards")
            }
        }
    }

    fn check_verdict(&self, body: &VerdictBody) -> Result<(), Refusal> {
        let verdict = &body.verdict;
        if verdict.verdict == VerdictKind::Hold {
            return Ok(());
        }
        let subjects = subjects_of_case(&body.case);
        if self.in_force.newer(&subjects, body.case.facts.generation) {
            return Err(Refusal::Changed);
        }
        let release = verdict.verdict == VerdictKind::Release;
        if release && self.in_force.holds_port() {
            return Err(Refusal::Changed);
        }
        for matched in &verdict.declarations {
            let to = MatchedTo::of(matched, &body.case);
            let fits = (!release || self.is_in_force(matched))
                && self.is_ours(body, matched)
                && self.is_covered(body, matched, &to, release);
            if !fits {
                return Err(Refusal::Changed);
            }
        }
        Ok(())
    }

    /// No other controller is named to spend it.
    fn is_ours(&self, body: &VerdictBody, matched: &Matched) -> bool {
        let mut candidates = body.case.facts.candidates.iter();
        let found = candidates.find(|d| d.id == matched.id);
        let named = found.and_then(|d| d.controller.as_ref());
        matched.spend.is_none() || named.is_none() || named == self.controller.as_ref()
    }

    /// The version matched is the one in force and released.
    fn is_in_force(&self, matched: &Matched) -> bool {
        let mark = self.in_force.mark_of(&matched.id);
        let current = match mark {
            Some(mark) => mark.version == matched.version && mark.status == Status::Released,
            None => self.in_force.position.is_none(),
        };
        current && !self.in_force.unusable.has(&matched.id)
    }

    /// What the verdict takes is there, and is what it was judged on.
    fn is_covered(
        &self,
        body: &VerdictBody,
        matched: &Matched,
        to: &MatchedTo,
        release: bool,
    ) -> bool {
        let held = self.accounts.get(&matched.id);
        let Some(spend) = matched.spend else {
            let passage = &body.verdict.passage;
            let reserved =
                held.is_some_and(|a| a.reservation_of(to.vehicle.as_deref(), passage).is_some());
            return reserved || !release;
        };
        let judged = body.case.facts.ledger.get(&matched.id);
        let now = held.map(super::Account::balance);
        let allows = match (held, to.limit) {
            (_, None) => false,
            (None, Some(limit)) => {
                super::Account::default().allows(limit, spend, to.vehicle.as_deref())
            }
            (Some(account), Some(limit)) => account.allows(limit, spend, to.vehicle.as_deref()),
        };
        allows && same_issue(judged, now.as_ref())
    }

    fn check_order(
        &self,
        body: &OrderBody,
        verdict_seq: u64,
        plate_since: bool,
    ) -> Result<(), Refusal> {
        let passage = self.passages.get(&body.order.passage);
        let decided = passage.and_then(|p| p.decided.as_ref());
        if decided.is_some_and(|d| d.seq != verdict_seq) {
            return Err(Refusal::Changed);
        }
        if body.order.kind != OrderKind::Release {
            return Ok(());
        }
        if plate_since {
            return Err(Refusal::PlateSince);
        }
        if let Some(decided) = decided
            && self
                .in_force
                .stops_since(decided.subjects.iter(), decided.generation)
        {
            return Err(Refusal::ControlSince);
        }
        self.check_resumes(body, passage)
    }

    /// What is resumed must be unsettled, and this truck's.
    fn check_resumes(&self, body: &OrderBody, passage: Option<&Passage>) -> Result<(), Refusal> {
        let Some(old) = &body.order.resumes else {
            return Ok(());
        };
        let unsettled = self.unsettled_by(old);
        let decided = passage.and_then(|p| p.decided.as_ref());
        let matched = decided.map_or(&[][..], |d| &d.matched[..]);
        let ours = matched.is_empty() || matched.iter().any(|m| unsettled.contains(&m.id));
        if unsettled.is_empty() || !ours {
            return Err(Refusal::NotUnsettled);
        }
        Ok(())
    }

    /// Settles what an officer's order takes, just before its append: it takes
    /// what the balance allows and never overdraws. A declaration the vehicle
    /// has reserved is not taken again. Returns the order as it is to be
    /// written, where that differs.
    #[must_use]
    pub fn settle(&self, first: &Draft) -> Option<Draft> {
        let Body::Order(asked) = &first.body else {
            return None;
        };
        let mut body = asked.clone();
        if !body.accepted || !self.settle_order(&mut body) {
            return None;
        }
        Some(Draft {
            body: Body::Order(body),
            ..first.clone()
        })
    }

    fn settle_order(&self, body: &mut OrderBody) -> bool {
        let asked = match body.order.kind {
            OrderKind::Release => &mut body.spends,
            OrderKind::Inspect => &mut body.reserves,
            OrderKind::Return | OrderKind::Supply => return false,
        };
        let Some(takes) = asked.take() else {
            return false;
        };
        let passage = self.passages.get(&body.order.passage);
        let (mut settled, mut short) = (Vec::new(), false);
        for take in &takes {
            match self.settle_one(passage, &body.order.passage, take) {
                Settled::Takes => settled.push(take.clone()),
                Settled::Reserved => {}
                Settled::Short => short = true,
            }
        }
        let changed = settled.len() != takes.len();
        *asked = (!short || !settled.is_empty()).then_some(settled);
        changed
    }

    fn settle_one(
        &self,
        passage: Option<&Passage>,
        id: &crate::model::PassageId,
        take: &SpendOf,
    ) -> Settled {
        let none = super::Account::default();
        let account = self.accounts.get(&take.declaration).unwrap_or(&none);
        let vehicle = take.vehicle.as_deref();
        if account.reservation_of(vehicle, id).is_some() {
            return Settled::Reserved;
        }
        let limit = passage
            .and_then(|p| p.matched(&take.declaration))
            .and_then(|m| m.limit);
        if limit.is_some_and(|limit| account.allows(limit, take.spend, vehicle)) {
            Settled::Takes
        } else {
            Settled::Short
        }
    }

    /// Controls of `body` that come too late for a passage already let go.
    #[must_use]
    pub fn late(&self, body: &FeedBody) -> Vec<LateControl> {
        let stops = |c: &&crate::model::Control| {
            !c.withdrawn && c.act != crate::model::Act::Inform && self.in_force.is_new(c)
        };
        let mut late = Vec::new();
        for control in body.controls.iter().filter(stops) {
            let subject = super::in_force::canonical_subject(control);
            let on = |p: &Passage| p.concerns(&subject);
            for (id, passage) in self.passages.iter().filter(|(_, p)| p.released && on(p)) {
                late.push(LateControl {
                    lane: passage.lane.clone(),
                    passage: id.clone(),
                    control: control.id.clone(),
                    verdict_seq: passage.decided.as_ref().map_or(0, |d| d.seq),
                });
            }
        }
        late
    }
}

impl Passage {
    fn concerns(&self, subject: &Subject) -> bool {
        let decided = self.decided.as_ref();
        decided.is_some_and(|d| d.subjects.contains(subject))
    }
}

enum Settled {
    /// The balance allows it.
    Takes,
    /// The vehicle's reservation is used instead.
    Reserved,
    /// The balance does not allow it.
    Short,
}

/// Whether what was issued is still what the verdict was judged on.
fn same_issue(judged: Option<&Balance>, now: Option<&Balance>) -> bool {
    let none = Balance::default();
    let (judged, now) = (judged.unwrap_or(&none), now.unwrap_or(&none));
    judged.issued == now.issued
        && judged.goods_kg_issued == now.goods_kg_issued
        && judged.vehicles == now.vehicles
        && judged.reserved == now.reserved
        && judged.unsettled == now.unsettled
}
