//! The scale drift watch: the same tractors across lanes and days tell a
//! drifting scale from heavy trucks (DOMAIN 3).
//!
//! What is kept of a tractor is its last few *residuals*, measured gross minus
//! theoretical total, with lane and hour. A tractor with a full tank, a wrong
//! tare or a driver's fridge is beside its papers on every scale; a drifting
//! scale puts every tractor beside what *that tractor* shows elsewhere. So each
//! is compared with itself alone, and the middle of many is taken
//! (`estimate.rs`): no declared weight, no smuggler and no heavy trade counts.
//!
//! The memory is a convenience and no evidence: it survives a restart in a file
//! (`kept.rs`), and an unreadable one is begun anew. Whether anything is lost is
//! asked of the journal, which has every weight (L5); no verdict ever depends on
//! what is here.
//!
//! Everything is bounded, the oldest goes (L9). Absent: any clock, any file, and
//! any plate: a tractor is known by eight bytes of a digest. That keeps plates
//! out of a file meant for no reader; it hides nothing from who holds the disk,
//! where the journal has them.

mod estimate;
mod kept;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::model::{CheckTrace, Declaration, DeclarationId, Direction, LaneId, Load, Vehicle};
use crate::record::VerdictBody;
use crate::time::{Clock, Wall};

pub use estimate::{Drift, ERROR_KG_MAX, TRACTORS_MIN};
pub use kept::{KEPT_LEN_MAX, KeptError};

/// Tractors remembered; beyond, the one not seen for longest goes. The trucks
/// of a busy crossing, once laden and once empty.
pub const TRACTORS_MAX: usize = 16_384;
/// Weighings kept of each; beyond, the oldest goes.
pub const WEIGHINGS_MAX: usize = 8;
/// Lanes remembered: a controller's 32, and as many that were renamed.
pub const LANES_MAX: usize = 64;
/// A weighing this old is forgotten: a tractor's own bias moves too.
pub const KEEP_HOURS: u32 = 30 * 24;
/// A residual beyond any truck's weight is no weighing.
const RESIDUAL_KG_MAX: i64 = 100_000;
const HOUR_MS: i64 = 3_600_000;

/// A tractor going one way, laden or not: a load that is declared by rule of
/// thumb is wrong by the same on every scale, and only like is compared with
/// like.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tractor(u64);

impl Tractor {
    fn of(vehicle: &Vehicle, direction: Direction, load: Load) -> Option<Self> {
        // Documents need not name its plates in the same order.
        let plate = vehicle.plates.iter().map(|p| p.as_str()).min()?;
        let laden = match load {
            Load::Empty | Load::EmptyContainer => "empty",
            Load::Container | Load::Bulk | Load::BreakBulk => "laden",
        };
        let named = ["lanegate tractor", plate, direction.as_str(), laden].join("\n");
        let digest = Sha256::digest(named.as_bytes());
        let first: [u8; 8] = digest.first_chunk().copied()?;
        Some(Self(u64::from_be_bytes(first)))
    }
}

/// A weight that was compared with what the papers say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weighing {
    tractor: Tractor,
    hour: u32,
    kg: i32,
}

impl Weighing {
    /// Of `residual_kg` beside the papers at `at`; none where the time or the
    /// weight cannot be one.
    fn new(tractor: Tractor, at: Wall, residual_kg: i64) -> Option<Self> {
        let hour = hour_of(at)?;
        let within = residual_kg.abs() <= RESIDUAL_KG_MAX;
        let kg = i32::try_from(residual_kg).ok().filter(|_| within)?;
        Some(Self { tractor, hour, kg })
    }

    /// What a judged truck tells of the scale. None unless its weight was
    /// compared (stable, from zero, of the whole truck), the goods of all its
    /// documents are declared, it is known which tractor it was, and the clock is
    /// believed.
    #[must_use]
    pub fn of(body: &VerdictBody) -> Option<Self> {
        let (case, verdict) = (&body.case, &body.verdict);
        let residual_kg = residual(verdict.checks.iter().find(|c| c.check == "weight")?)?;
        let of = |id: &DeclarationId, version| {
            let mut known = case.facts.candidates.iter();
            known.find(|d| d.id == *id && d.version == version)
        };
        let declarations = verdict.declarations.iter().map(|m| of(&m.id, m.version));
        let declarations: Vec<&Declaration> = declarations.collect::<Option<_>>()?;
        let has = |id: &DeclarationId| declarations.iter().any(|d| d.id == *id);
        let is_whole = |d: &&Declaration| !d.leaves_goods_open() && d.covers.iter().all(has);
        if case.clock != Clock::Trusted || !declarations.iter().all(is_whole) {
            return None;
        }
        let (main, matched) = (declarations.first()?, verdict.declarations.first()?);
        let first = matched.vehicle.as_deref()?;
        let is_it = |v: &&Vehicle| v.plates.first().is_some_and(|p| p.as_str() == first);
        let vehicle = main.vehicles.iter().find(is_it)?;
        let tractor = Tractor::of(vehicle, case.direction, main.load)?;
        Self::new(tractor, case.judged_at, residual_kg)
    }
}

/// A weight that is no weight has no tolerance in its trace.
fn residual(check: &CheckTrace) -> Option<i64> {
    check.threshold.get("over_kg")?.as_i64()?;
    let expected = check.threshold.get("kg")?.as_i64()?;
    let observed = check.inputs.get("kg")?.as_i64()?;
    (expected > 0).then_some(observed - expected)
}

/// Hours since 1970, which is fine enough and small.
fn hour_of(at: Wall) -> Option<u32> {
    u32::try_from(at.0.div_euclid(HOUR_MS)).ok()
}

/// One weighing of a tractor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Past {
    /// Its place in [`Memory::lanes`].
    lane: u8,
    hour: u32,
    kg: i32,
}

/// The last weighings of each tractor.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Memory {
    lanes: Vec<LaneId>,
    /// Of each tractor in the order they came.
    tractors: BTreeMap<Tractor, Vec<Past>>,
}

impl Memory {
    /// Takes one in; false if there is no room for another lane.
    pub fn note(&mut self, lane: &LaneId, weighing: Weighing) -> bool {
        let Some(lane) = self.place_of(lane) else {
            return false;
        };
        let Weighing { tractor, hour, kg } = weighing;
        if !self.tractors.contains_key(&tractor) && self.tractors.len() >= TRACTORS_MAX {
            self.forget_one();
        }
        let pasts = self.tractors.entry(tractor).or_default();
        if pasts.len() >= WEIGHINGS_MAX {
            pasts.remove(0);
        }
        pasts.push(Past { lane, hour, kg });
        true
    }

    /// Drops what is too old at `now`, and what lies ahead of it: a clock was
    /// wrong then.
    pub fn forget(&mut self, now: Wall) {
        let Some(hour) = hour_of(now) else {
            return;
        };
        let fits = |past: &Past| past.hour <= hour && hour - past.hour <= KEEP_HOURS;
        self.tractors.retain(|_, pasts| {
            pasts.retain(fits);
            !pasts.is_empty()
        });
    }

    /// How each lane's scale reads beside the others and the days before.
    #[must_use]
    pub fn drifts(&self, now: Wall) -> BTreeMap<LaneId, Drift> {
        let Some(hour) = hour_of(now) else {
            return BTreeMap::new();
        };
        let drifts = estimate::drifts(self.lanes.len(), self.tractors.values(), hour);
        self.lanes.iter().cloned().zip(drifts).collect()
    }

    /// Tractors it remembers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tractors.len()
    }

    /// It remembers nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tractors.is_empty()
    }

    /// The lane's place; one that no weighing names any more makes room.
    fn place_of(&mut self, lane: &LaneId) -> Option<u8> {
        let known = self.lanes.iter().position(|known| known == lane);
        let place = known.or_else(|| {
            if self.lanes.len() < LANES_MAX {
                self.lanes.push(lane.clone());
                return Some(self.lanes.len() - 1);
            }
            let place = self.idle_lane()?;
            self.lanes[place] = lane.clone();
            Some(place)
        });
        u8::try_from(place?).ok()
    }

    fn idle_lane(&self) -> Option<usize> {
        let mut named = [false; LANES_MAX];
        for past in self.tractors.values().flatten() {
            named[usize::from(past.lane)] = true;
        }
        named.iter().position(|named| !named)
    }

    /// The tractor that was not seen for longest.
    fn forget_one(&mut self) {
        let seen = |pasts: &Vec<Past>| pasts.last().map(|past| past.hour);
        let oldest = self.tractors.iter().min_by_key(|(_, pasts)| seen(pasts));
        if let Some(tractor) = oldest.map(|(tractor, _)| *tractor) {
            self.tractors.remove(&tractor);
        }
    }
}
