//! One declaration's account: what was taken from it and by which passage.
//!
//! ```text
//!            release            passed
//!  (balance) -------> Open ---------------> gone, passed + 1
//!     |  ^             | ^ \--any other end--> Unsettled --resumed--> Open
//!     |  |  give-back  | | give-back goes back to where it came from:
//!     |  +-------------+ +-- the balance, Reserved or Unsettled
//!     |
//!     +--inspect--> Reserved --release of that vehicle--> Open
//!                       |----finding: released at the bay--> gone, passed + 1
//!                       +----finding: refused--> (balance)
//! ```

use serde::{Deserialize, Serialize};

use crate::model::{
    Balance, Binding, Declaration, Kg, LaneId, LastTaken, PassageId, Reservation, Spend,
};
use crate::time::Wall;

/// How much may be taken from a declaration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    trips: u32,
    goods_kg: Option<Kg>,
    /// Each vehicle once.
    shared: bool,
}

impl Limit {
    pub(super) fn of(declaration: &Declaration) -> Self {
        let (trips, goods_kg, shared) = match &declaration.binding {
            Binding::Single {} => (1, None, false),
            Binding::Trips { trips, goods_kg } => (*trips, *goods_kg, false),
            Binding::Shared {} => (declaration.vehicles.len() as u32, None, true),
        };
        Self {
            trips,
            goods_kg,
            shared,
        }
    }

    pub(super) const fn is_shared(self) -> bool {
        self.shared
    }
}

/// Where a give-back returns a spend to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum From {
    /// The balance.
    Balance,
    /// The reservation of this passage.
    Reserved(PassageId),
    /// The unsettled spend of this passage.
    Unsettled(PassageId),
}

/// Where something taken stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stage {
    /// Released; the passage is under way.
    Open(From),
    /// To the bay; kept for the vehicle until a finding.
    Reserved,
    /// Released; nobody saw the end.
    Unsettled,
}

/// Something taken from the balance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Taken {
    pub(super) passage: PassageId,
    /// The vehicle's first declared plate.
    pub(super) vehicle: String,
    /// All its plates: a finding may name any of them.
    pub(super) plates: Vec<String>,
    pub(super) spend: Spend,
    pub(super) stage: Stage,
    /// The trip drawn for; 0 = another journal's, which did not tell.
    #[serde(default)]
    trip: u32,
}

impl Taken {
    pub(super) const fn new(
        passage: PassageId,
        vehicle: String,
        plates: Vec<String>,
        spend: Spend,
        stage: Stage,
    ) -> Self {
        Self {
            passage,
            vehicle,
            plates,
            spend,
            stage,
            trip: 0,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
const fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// A declaration's account.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    issued: u32,
    passed: u32,
    goods_kg: Kg,
    /// Trips given back: their numbers are not drawn for again, or a truck
    /// that turned round could tell the next one how its draw comes out.
    #[serde(default, skip_serializing_if = "is_zero")]
    returned: u32,
    /// Vehicles that went, for a shared declaration.
    vehicles: Vec<String>,
    taken: Vec<Taken>,
    /// The last passage that took from it and did not give back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<LastTaken>,
    /// End of the longest window known.
    pub(super) valid_until: Option<Wall>,
}

impl Account {
    /// Whether `spend` for `vehicle` fits what is left under `limit`.
    pub(super) fn allows(&self, limit: Limit, spend: Spend, vehicle: Option<&str>) -> bool {
        let trips = self.issued.saturating_add(spend.trips) <= limit.trips;
        let goods_kg = Kg(self.goods_kg.0.saturating_add(spend.goods_kg.0));
        let goods = limit.goods_kg.is_none_or(|most| goods_kg <= most);
        let once = !limit.shared
            || vehicle.is_some_and(|vehicle| !self.vehicles.iter().any(|v| v == vehicle));
        trips && goods && once && spend.goods_kg.0 >= 0 && spend.trips > 0
    }

    pub(super) fn take(&mut self, taken: Taken, shared: bool) {
        let trip = self.next_trip();
        let taken = Taken { trip, ..taken };
        self.issued = self.issued.saturating_add(taken.spend.trips);
        self.goods_kg.0 = self.goods_kg.0.saturating_add(taken.spend.goods_kg.0);
        if shared && !self.vehicles.contains(&taken.vehicle) {
            self.vehicles.push(taken.vehicle.clone());
        }
        self.taken.push(taken);
    }

    /// The number of the next trip: how many were ever taken, and one.
    pub(super) const fn next_trip(&self) -> u32 {
        self.issued.saturating_add(self.returned).saturating_add(1)
    }

    /// Vehicles that hold a trip until a finding, with the number of it.
    pub(super) fn reserved_trips(&self) -> impl Iterator<Item = (&str, u32)> {
        let reserved = self.taken.iter().filter(|t| t.stage == Stage::Reserved);
        reserved.map(|t| (t.vehicle.as_str(), t.trip))
    }

    /// The reservation `vehicle` or `passage` itself holds.
    pub(super) fn reservation_of(
        &self,
        vehicle: Option<&str>,
        passage: &PassageId,
    ) -> Option<&Taken> {
        let reserved = self.taken.iter().filter(|t| t.stage == Stage::Reserved);
        let mut fitting =
            reserved.filter(|t| t.passage == *passage || Some(t.vehicle.as_str()) == vehicle);
        fitting.next()
    }

    /// The vehicle's reservation becomes this passage's spend.
    pub(super) fn use_reservation(&mut self, vehicle: Option<&str>, passage: &PassageId) -> bool {
        let reserved = self.taken.iter_mut().find(|t| {
            t.stage == Stage::Reserved
                && (t.passage == *passage || Some(t.vehicle.as_str()) == vehicle)
        });
        let Some(taken) = reserved else {
            return false;
        };
        let from = From::Reserved(std::mem::replace(&mut taken.passage, passage.clone()));
        taken.stage = Stage::Open(from);
        true
    }

    /// A vehicle with a reservation was sent to the bay again: the reservation
    /// is now this passage's.
    pub(super) fn move_reservation(&mut self, vehicle: Option<&str>, passage: &PassageId) {
        let reserved = self
            .taken
            .iter_mut()
            .find(|t| t.stage == Stage::Reserved && Some(t.vehicle.as_str()) == vehicle);
        if let Some(taken) = reserved {
            taken.passage = passage.clone();
        }
    }

    /// What `old` left unsettled becomes this passage's spend.
    pub(super) fn resume(&mut self, old: &PassageId, passage: &PassageId) {
        for taken in &mut self.taken {
            if taken.stage == Stage::Unsettled && taken.passage == *old {
                taken.stage = Stage::Open(From::Unsettled(old.clone()));
                taken.passage = passage.clone();
            }
        }
    }

    /// Whether `passage` left something unsettled here.
    pub(super) fn is_unsettled(&self, passage: &PassageId) -> bool {
        let mut taken = self.taken.iter();
        taken.any(|t| t.stage == Stage::Unsettled && t.passage == *passage)
    }

    /// Whether `passage` holds an open spend here.
    pub(super) fn is_open(&self, passage: &PassageId) -> bool {
        let mut taken = self.taken.iter();
        taken.any(|t| matches!(t.stage, Stage::Open(_)) && t.passage == *passage)
    }

    /// `passage` has just taken something: it is the last one that did.
    pub(super) fn note_last(&mut self, passage: &PassageId, lane: Option<&LaneId>, at: Wall) {
        if let Some(taken) = self.taken.iter().find(|t| t.passage == *passage) {
            self.last = Some(LastTaken {
                passage: passage.clone(),
                lane: lane.cloned(),
                vehicle: taken.vehicle.clone(),
                at,
                passed: false,
            });
        }
    }

    /// `passage` ended on the road at `at`.
    pub(super) fn note_passed(&mut self, passage: &PassageId, at: Wall) {
        if let Some(last) = self.last.as_mut().filter(|l| l.passage == *passage) {
            last.at = at;
            last.passed = true;
        }
    }

    fn forget_last(&mut self, passage: &PassageId) {
        self.last.take_if(|last| last.passage == *passage);
    }

    /// Proof came that the truck did not pass.
    pub(super) fn give_back(&mut self, passage: &PassageId) {
        self.forget_last(passage);
        let mut kept = Vec::with_capacity(self.taken.len());
        for mut taken in std::mem::take(&mut self.taken) {
            let from = match &taken.stage {
                Stage::Open(from) if taken.passage == *passage => from.clone(),
                Stage::Open(_) | Stage::Reserved | Stage::Unsettled => {
                    kept.push(taken);
                    continue;
                }
            };
            match from {
                From::Balance => {
                    self.untake(&taken);
                    continue;
                }
                From::Reserved(old) => {
                    taken.passage = old;
                    taken.stage = Stage::Reserved;
                }
                From::Unsettled(old) => {
                    taken.passage = old;
                    taken.stage = Stage::Unsettled;
                }
            }
            kept.push(taken);
        }
        self.taken = kept;
    }

    fn untake(&mut self, taken: &Taken) {
        self.issued = self.issued.saturating_sub(taken.spend.trips);
        self.returned = self.returned.saturating_add(taken.spend.trips);
        self.goods_kg.0 = self.goods_kg.0.saturating_sub(taken.spend.goods_kg.0);
        self.vehicles.retain(|v| *v != taken.vehicle);
    }

    /// The passage ended: seen passing, or its spends are unsettled.
    pub(super) fn end(&mut self, passage: &PassageId, passed: bool) {
        for taken in &mut self.taken {
            if matches!(taken.stage, Stage::Open(_)) && taken.passage == *passage {
                taken.stage = Stage::Unsettled;
            }
        }
        if passed {
            self.settle(|t| t.stage == Stage::Unsettled && t.passage == *passage);
        }
    }

    /// What `which` picks has passed.
    fn settle(&mut self, which: impl Fn(&Taken) -> bool) {
        let trips: u32 = self
            .taken
            .iter()
            .filter(|t| which(t))
            .map(|t| t.spend.trips)
            .sum();
        self.passed = self.passed.saturating_add(trips);
        self.taken.retain(|t| !which(t));
    }

    /// A finding about `passage` or the vehicle with `plate` says that the
    /// truck drove on from the bay, or was turned away.
    pub(super) fn settle_finding(&mut self, passage: &PassageId, plate: &str, passed: bool) {
        let named = |t: &Taken| {
            matches!(t.stage, Stage::Reserved | Stage::Unsettled) && t.passage == *passage
        };
        let by_passage = self.taken.iter().any(named);
        let by_plate =
            |t: &Taken| t.stage == Stage::Reserved && t.plates.iter().any(|p| p == plate);
        let which = |t: &Taken| if by_passage { named(t) } else { by_plate(t) };
        if passed {
            self.settle(which);
            return;
        }
        let (back, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.taken).into_iter().partition(which);
        self.taken = kept;
        for taken in &back {
            self.untake(taken);
            self.forget_last(&taken.passage);
        }
    }

    /// What the authority holds where that is more: a replaced disk forgets
    /// nothing that was spent.
    pub(super) fn raise_to(&mut self, held: &Balance) {
        self.issued = self.issued.max(held.issued);
        self.passed = self.passed.max(held.passed);
        self.goods_kg = self.goods_kg.max(held.goods_kg_issued);
        for vehicle in &held.vehicles {
            if !self.vehicles.contains(vehicle) {
                self.vehicles.push(vehicle.clone());
            }
        }
        if self.last.is_none() {
            self.last.clone_from(&held.last);
        }
        let stages = [
            (&held.reserved, Stage::Reserved),
            (&held.unsettled, Stage::Unsettled),
        ];
        for (reservations, stage) in stages {
            for reservation in reservations {
                self.adopt(reservation, stage.clone());
            }
        }
    }

    /// Its goods weight is not told, so a give-back returns the trip alone.
    fn adopt(&mut self, reservation: &Reservation, stage: Stage) {
        if self.taken.iter().any(|t| t.passage == reservation.passage) {
            return;
        }
        let spend = Spend {
            trips: 1,
            goods_kg: Kg(0),
        };
        self.taken.push(Taken::new(
            reservation.passage.clone(),
            reservation.vehicle.clone(),
            vec![reservation.vehicle.clone()],
            spend,
            stage,
        ));
    }

    /// The balance as the rules and the authority see it.
    pub(super) fn balance(&self) -> Balance {
        let of = |stage: &Stage| {
            let taken = self.taken.iter().filter(|t| t.stage == *stage);
            taken
                .map(|t| Reservation {
                    vehicle: t.vehicle.clone(),
                    passage: t.passage.clone(),
                })
                .collect()
        };
        Balance {
            issued: self.issued,
            passed: self.passed,
            goods_kg_issued: self.goods_kg,
            vehicles: self.vehicles.clone(),
            reserved: of(&Stage::Reserved),
            unsettled: of(&Stage::Unsettled),
            last: self.last.clone(),
        }
    }
}
