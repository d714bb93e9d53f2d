//! The diverter behind the arm, and which way the records send each truck.

use super::yard::{PLATES, Spot, Story, Yard};
use super::*;

/// Where the diverter is. On its way it leads nowhere, and goes on turning
/// whoever is there to see it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Rail {
    Road,
    Bay,
    ToRoad,
    ToBay,
}

impl Rail {
    /// Where the first truck does not want it, so that it has to turn.
    pub(super) const fn against(story: Story) -> Self {
        match story {
            Story::Declared | Story::Doubted => Self::Bay,
            Story::Controlled => Self::Road,
        }
    }

    pub(super) const fn turning(self) -> bool {
        self.end_of_turn().is_some()
    }

    pub(super) const fn end_of_turn(self) -> Option<Self> {
        match self {
            Self::ToRoad => Some(Self::Road),
            Self::ToBay => Some(Self::Bay),
            Self::Road | Self::Bay => None,
        }
    }

    const fn sent(self, to_bay: bool) -> Self {
        match (self, to_bay) {
            (Self::Bay, true) | (Self::Road, false) => self,
            (Self::Road | Self::ToRoad | Self::ToBay, true) => Self::ToBay,
            (Self::Bay | Self::ToRoad | Self::ToBay, false) => Self::ToRoad,
        }
    }

    /// The input, a switch at the bay's end: off as soon as it leaves there.
    const fn at_bay(self) -> bool {
        matches!(self, Self::Bay)
    }
}

impl Yard {
    pub(super) fn has_rail(&self) -> bool {
        self.geometry == Geometry::DiverterArm
    }

    pub(super) fn diverter_bay(&self) -> Option<bool> {
        self.has_rail().then(|| self.rail.at_bay())
    }

    pub(super) fn turns(&mut self) -> bool {
        let end = self.rail.end_of_turn();
        self.rail = end.unwrap_or(self.rail);
        end.is_some()
    }

    pub(super) fn divert(&mut self, to_bay: bool) {
        assert!(self.has_rail(), "there is no diverter");
        let under = self.trucks.iter().any(|t| t.under_arm());
        assert!(!under, "the diverter turns under a truck");
        self.rail = self.rail.sent(to_bay);
    }

    /// The arm goes up for a truck that is sent there. One switch tells "bay"
    /// from anything else: for the road it is seen off the bay and was sent
    /// away from it, and a truck waits for the end of the turn.
    pub(super) fn check_rail(&self, to_bay: bool) {
        if !self.has_rail() {
            return;
        }
        assert_eq!(self.shown, Some(to_bay), "L1: lifted, and nobody saw it");
        let stands = if to_bay { Rail::Bay } else { Rail::Road };
        let goes = self.rail.end_of_turn().unwrap_or(self.rail);
        assert_eq!(goes, stands, "L1: lifted, and it leads elsewhere");
        assert!(!to_bay || !self.rail.turning(), "L1: lifted while it turns");
    }

    /// Where a truck under the arm comes out.
    pub(super) fn way_out(&self, truck: usize) -> Spot {
        if !self.has_rail() {
            return Spot::Through;
        }
        let to_bay = self.rail == Rail::Bay;
        self.check_way(truck, to_bay);
        if to_bay { Spot::AtBay } else { Spot::Through }
    }

    /// A truck that was sent somewhere goes there and nowhere else. One that
    /// followed a lamp left green was sent nowhere.
    pub(super) fn check_way(&self, truck: usize, to_bay: bool) {
        if let Some(sent) = self.sent[truck] {
            assert_eq!(to_bay, sent, "truck {truck} went where it was not sent");
        }
    }

    /// What a durable record says about where its truck may go: to the bay or
    /// not; none if it stays.
    pub(super) fn note_way(&mut self, draft: &Draft) {
        let (Some(id), Some(way)) = (&draft.passage, way_of(&draft.body)) else {
            return;
        };
        if let Body::Verdict(body) = &draft.body {
            let read = |p: &str| body.case.plates.iter().any(|read| read.text == p);
            let Some(truck) = PLATES.iter().position(|p| read(p)) else {
                return;
            };
            self.whose.insert(id.clone(), truck);
        }
        if let Some(truck) = self.whose.get(id) {
            self.sent[*truck] = way;
        }
        let lifts = if let Body::Order(body) = &draft.body {
            body.lifts
        } else {
            way != Some(true) || self.geometry != Geometry::SideExit
        };
        match way.filter(|_| lifts) {
            Some(to_bay) => self.permits.insert(id.clone(), to_bay),
            None => self.permits.remove(id),
        };
    }
}

/// What a record decides, if it decides where a truck goes.
fn way_of(body: &Body) -> Option<Option<bool>> {
    if let Body::Verdict(body) = body {
        return Some(match body.verdict.verdict {
            VerdictKind::Release => Some(false),
            VerdictKind::Inspect => Some(true),
            VerdictKind::Hold => None,
        });
    }
    let Body::Order(body) = body else {
        return None;
    };
    let way = match body.order.kind {
        OrderKind::Release => Some(Some(false)),
        OrderKind::Inspect => Some(Some(true)),
        OrderKind::Return => Some(None),
        OrderKind::Supply => None,
    };
    way.filter(|_| body.accepted)
}
