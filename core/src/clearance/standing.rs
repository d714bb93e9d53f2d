//! What is left of a declaration for this vehicle, and what a passage takes
//! from it (L2).

use super::reads::Reads;
use crate::model::{
    Balance, Binding, Case, Declaration, Finding, Kg, Load, Reservation, Spend, Then, Vehicle,
};

/// How a declaration's balance stands for one vehicle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing<'a> {
    /// There is a trip for it.
    Free,
    /// It was inspected and still holds its trip; with a finding that sends
    /// it back to the lane it may use it.
    Reserved {
        by: &'a Reservation,
        finding: Option<&'a Finding>,
    },
    /// Nobody saw how its last passage ended.
    Unsettled { by: &'a Reservation },
    /// Spent, by whomever.
    Spent,
    /// The list has no trip left.
    TripsOver { issued: u32, trips: u32 },
    /// The list has not enough goods weight left.
    QuantityOver { left: Kg, goods: Kg },
}

impl Standing<'_> {
    /// Whether the balance lets this vehicle go.
    pub(super) const fn allows(self) -> bool {
        match self {
            Self::Free | Self::Reserved { .. } => true,
            Self::Unsettled { .. }
            | Self::Spent
            | Self::TripsOver { .. }
            | Self::QuantityOver { .. } => false,
        }
    }
}

fn bears(vehicle: Option<&Vehicle>, name: &str) -> bool {
    vehicle.is_some_and(|v| v.plates.iter().any(|p| p.as_str() == name))
}

/// How `declaration` stands for `vehicle`, which would take `spend`.
pub(super) fn standing<'a>(
    declaration: &Declaration,
    vehicle: Option<&Vehicle>,
    balance: Option<&'a Balance>,
    findings: &'a [Finding],
    spend: Spend,
) -> Standing<'a> {
    let Some(balance) = balance else {
        return untouched(declaration, spend);
    };
    let mine = |r: &&Reservation| bears(vehicle, &r.vehicle);
    if let Some(by) = balance.unsettled.iter().find(mine) {
        return Standing::Unsettled { by };
    }
    if let Some(by) = balance.reserved.iter().find(mine) {
        let finding = back_to_lane(declaration, vehicle, findings);
        let finding = finding.filter(|f| f.passage == by.passage);
        return Standing::Reserved { by, finding };
    }
    match &declaration.binding {
        Binding::Single {} if balance.issued >= 1 => Standing::Spent,
        Binding::Shared {} if balance.vehicles.iter().any(|v| bears(vehicle, v)) => Standing::Spent,
        Binding::Shared {} if balance.issued as usize >= declaration.vehicles.len() => {
            Standing::Spent
        }
        Binding::Single {} | Binding::Shared {} => Standing::Free,
        Binding::Trips { trips, goods_kg } => list_standing(
            balance.issued,
            balance.goods_kg_issued,
            *trips,
            *goods_kg,
            spend,
        ),
    }
}

/// Nothing was ever taken.
fn untouched<'a>(declaration: &Declaration, spend: Spend) -> Standing<'a> {
    match &declaration.binding {
        Binding::Single {} | Binding::Shared {} => Standing::Free,
        Binding::Trips { trips, goods_kg } => list_standing(0, Kg(0), *trips, *goods_kg, spend),
    }
}

fn list_standing<'a>(
    issued: u32,
    taken: Kg,
    trips: u32,
    goods: Option<Kg>,
    spend: Spend,
) -> Standing<'a> {
    if issued >= trips {
        return Standing::TripsOver { issued, trips };
    }
    let Some(goods) = goods else {
        return Standing::Free;
    };
    let left = Kg(goods.0.saturating_sub(taken.0).max(0));
    if spend.goods_kg > left {
        let goods = spend.goods_kg;
        return Standing::QuantityOver { left, goods };
    }
    Standing::Free
}

/// The finding that sent this vehicle back to the lane, the latest of them.
pub(super) fn back_to_lane<'a>(
    declaration: &Declaration,
    vehicle: Option<&Vehicle>,
    findings: &'a [Finding],
) -> Option<&'a Finding> {
    let latest = findings
        .iter()
        .filter(|f| f.declaration == declaration.id && bears(vehicle, f.vehicle.as_str()))
        .max_by_key(|f| (f.at, f.version));
    latest.filter(|f| f.then == Then::BackToLane)
}

/// What this passage takes from `declaration`: one trip, and the goods weight
/// declared for it. A laden list that carries none takes the measured net,
/// rounded up to the scale's division (DOMAIN 3).
#[must_use]
pub fn spend_of(declaration: &Declaration, case: &Case) -> Spend {
    let laden = !matches!(declaration.load, Load::Empty | Load::EmptyContainer);
    let declared = declaration.goods_gross_kg;
    let goods_kg = if laden && declared.0 == 0 {
        measured_net(declaration, case)
    } else {
        declared
    };
    Spend { trips: 1, goods_kg }
}

fn measured_net(declaration: &Declaration, case: &Case) -> Kg {
    let Some(weight) = &case.weight else {
        return Kg(0);
    };
    let reads = Reads::of(case, 0);
    let vehicle = declaration
        .vehicles
        .iter()
        .find(|v| v.plates.iter().any(|p| reads.sure.contains(p)))
        .or_else(|| declaration.vehicles.first());
    let net = weight.gross_kg.0 - tare(declaration, vehicle).0;
    let division = weight.division_kg.0.max(1);
    Kg((net.max(0) + division - 1) / division * division)
}

/// Vehicle, trailers and containers without goods.
pub(super) fn tare(declaration: &Declaration, vehicle: Option<&Vehicle>) -> Kg {
    let trailers: i64 = declaration.trailers.iter().map(|t| t.tare_kg.0).sum();
    let boxes: i64 = declaration.containers.iter().map(|c| c.tare_kg.0).sum();
    Kg(vehicle.map_or(0, |v| v.tare_kg.0) + trailers + boxes)
}
