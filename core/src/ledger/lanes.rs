//! What the journal knows of a lane at start.

use serde::{Deserialize, Serialize};

use super::Ledger;
use crate::lane::{Geometry, Recovery};
use crate::model::{LaneId, LaneOrderKind, OrderKind, PassageId, VerdictKind};
use crate::record::{Body, LaneOrderBody};

/// Of one lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LaneKept {
    /// A record that lifts has no arm-down or unpaired-lift after it.
    lifted: bool,
    /// The same for an Inspect, which lifts only where the bay lies behind
    /// the arm.
    lifted_if_bay_behind: bool,
    closed: bool,
    keep_up: bool,
    maintenance: bool,
}

impl LaneKept {
    pub(super) fn apply(&mut self, body: &Body) {
        match body {
            Body::Verdict(body) => match body.verdict.verdict {
                VerdictKind::Release => self.lifted = true,
                VerdictKind::Inspect => self.lifted_if_bay_behind = true,
                VerdictKind::Hold => {}
            },
            Body::Order(body) => {
                let kind = body.order.kind;
                let asks = matches!(kind, OrderKind::Release | OrderKind::Inspect);
                self.lifted |= body.accepted && body.lifts && asks;
            }
            Body::LaneOrder(body) => self.order(body),
            Body::ArmDown(_) | Body::UnpairedLift(_) => {
                self.lifted = false;
                self.lifted_if_bay_behind = false;
            }
            Body::Genesis(_)
            | Body::Start(_)
            | Body::Stop(_)
            | Body::Outcome(_)
            | Body::ArmUp(_)
            | Body::Resumed(_)
            | Body::GiveBack(_)
            | Body::Tailgate(_)
            | Body::Edge(_)
            | Body::Fault(_)
            | Body::Feed(_)
            | Body::Policy(_)
            | Body::ControlLate(_)
            | Body::Finding(_)
            | Body::Reconciled(_)
            | Body::DrawKey(_)
            | Body::Snapshot(_)
            | Body::Checkpoint(_) => {}
        }
    }

    fn order(&mut self, body: &LaneOrderBody) {
        if !body.accepted {
            return;
        }
        match body.order.kind {
            LaneOrderKind::Close => self.closed = true,
            LaneOrderKind::Open => self.closed = false,
            LaneOrderKind::KeepUp => {
                self.keep_up = true;
                self.lifted = true;
            }
            LaneOrderKind::EndKeepUp => self.keep_up = false,
            LaneOrderKind::Maintenance => self.maintenance = true,
            LaneOrderKind::EndMaintenance => self.maintenance = false,
            LaneOrderKind::MoveUp => self.lifted = true,
            LaneOrderKind::Reset | LaneOrderKind::MoveDown | LaneOrderKind::MoveStop => {}
        }
    }
}

impl Ledger {
    /// What a lane is told at start.
    #[must_use]
    pub fn recovery(&self, lane: &LaneId, geometry: Geometry) -> Recovery {
        let kept = self.lanes.get(lane).copied().unwrap_or_default();
        let bay_behind = match geometry {
            Geometry::SideExit => false,
            Geometry::BehindBarrier | Geometry::DiverterArm => true,
        };
        Recovery {
            start: self.starts,
            ours_up: kept.lifted || (bay_behind && kept.lifted_if_bay_behind),
            closed: kept.closed,
            keep_up: kept.keep_up,
            maintenance: kept.maintenance,
        }
    }

    /// Passages of `lane` without an outcome.
    #[must_use]
    pub fn open_on(&self, lane: &LaneId) -> Vec<PassageId> {
        let open = self.open_passages().filter(|(_, l)| *l == Some(lane));
        open.map(|(id, _)| id.clone()).collect()
    }
}
