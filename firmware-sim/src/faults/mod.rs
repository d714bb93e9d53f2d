//! What goes wrong in a run, and when: drawn from the run's seed by a stream
//! of chance of its own, so that a world without faults stays what it is.
//!
//! ```text
//! seed -> mix (which kinds, how much) -> next moment of each kind -> World::strike -> until heal()
//! ```
//!
//! Pure: nothing here acts on the world. [`line`] bends the bytes of a serial
//! line, the world does everything else.

mod kind;
pub(crate) mod line;

use std::collections::BTreeMap;

pub(crate) use kind::{KINDS, Kind, TABLE};
use line::Line;

use crate::options::{FaultOptions, Faults, MS, Us};
use crate::rng::Rng;

/// The names of all kinds of faults, in the order of the table.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.name)
}

/// How a run's mix may weigh a kind, in halves; twice absent, so that runs
/// differ in what they have at all.
const WEIGHTS: [u32; 6] = [0, 0, 1, 2, 3, 6];
/// Runs whose line to the authority may be cut for an hour: nothing but polls
/// happens then, and they take as long as hundreds of trucks.
const HOUR_CUT_PERMILLE: u32 = 200;

/// Until when each kind is at work, in one lane or for the port.
#[derive(Debug, Clone)]
pub(crate) struct Spells([Us; KINDS]);

impl Default for Spells {
    fn default() -> Spells {
        Spells([0; KINDS])
    }
}

impl Spells {
    pub(crate) fn has(&self, kind: Kind, at: Us) -> bool {
        at < self.0[kind.place()]
    }

    pub(crate) fn begin(&mut self, kind: Kind, until: Us) {
        let place = &mut self.0[kind.place()];
        *place = until.max(*place);
    }
}

/// The faults of a lane.
#[derive(Debug, Clone, Default)]
pub(crate) struct LaneFaults {
    pub(crate) spells: Spells,
    /// Scale, I/O board, seal reader.
    pub(crate) lines: [Line; 3],
    /// The camera is silent until then; its answers are late until then.
    pub(crate) camera_lost: Us,
    pub(crate) camera_late: Us,
    /// The camera's clock minus the true one.
    pub(crate) camera_off_us: i64,
    /// When it was last set.
    pub(crate) camera_set_at: Option<Us>,
    /// The next reading is misread, or told twice.
    pub(crate) misread_next: bool,
    pub(crate) doubled_next: bool,
    /// The next motion of the arm stops on its way, for so long.
    pub(crate) jam_next: Option<Us>,
    /// The arm stands on its way until then.
    pub(crate) jammed_until: Us,
    /// Where it goes when it is free.
    pub(crate) jam_target: i64,
    /// The presence loop last said something untrue at this moment.
    pub(crate) presence_lied_at: Option<Us>,
    /// What the camera said of a truck before, and a lock.
    pub(crate) old_plate: Option<(String, Vec<u8>)>,
    pub(crate) old_seal: Option<Vec<u8>>,
    /// What the next answer of an officer goes along with.
    pub(crate) order_race: bool,
    pub(crate) order_contradict: bool,
}

/// The faults of a run.
#[derive(Debug)]
pub(crate) struct FaultPlan {
    /// Mean time between two of each kind; none = not in this run.
    means: [Option<Us>; KINDS],
    pub(crate) rng: Rng,
    pub(crate) lanes: Vec<LaneFaults>,
    pub(crate) port: Spells,
    pub(crate) gap_next: bool,
    pub(crate) duplicate_next: bool,
    pub(crate) order_double: bool,
    counts: [u64; KINDS],
    level: Faults,
    healed: bool,
}

impl FaultPlan {
    /// Draws the run's mix.
    pub(crate) fn new(o: &FaultOptions, seed: u64, lanes: usize) -> FaultPlan {
        let mut rng = Rng::new(seed, 0x4641_554C_5453);
        let mut means = [None; KINDS];
        for (mean, row) in means.iter_mut().zip(&TABLE) {
            let weight = rng.pick(&WEIGHTS);
            let an_hour = match o.level {
                Faults::None => 0,
                Faults::Field => row.field,
                Faults::Hostile => row.hostile,
            };
            let off = o.without.contains(row.name);
            *mean = (weight > 0 && an_hour > 0 && !off)
                .then(|| kind::mean_us(an_hour) * 2 / Us::from(weight));
        }
        // Its own stream: other faults strike as they would.
        if !Rng::new(seed, 0x484F_5552).chance(HOUR_CUT_PERMILLE) {
            means[Kind::AuthorityCutHour as usize] = None;
        }
        let off = means[Kind::CameraClockOff.place()].is_some();
        let mut clocks = Rng::new(seed, 0x434C_4F43_4B53);
        let mut lane = |_| LaneFaults {
            camera_off_us: if off { a_little_off(&mut clocks) } else { 0 },
            ..LaneFaults::default()
        };
        FaultPlan {
            means,
            rng,
            lanes: (0..lanes).map(&mut lane).collect(),
            port: Spells::default(),
            gap_next: false,
            duplicate_next: false,
            order_double: false,
            counts: [0; KINDS],
            level: o.level,
            healed: o.level == Faults::None,
        }
    }

    /// Whether anything may still go wrong.
    pub(crate) const fn is_over(&self) -> bool {
        self.healed
    }

    /// Whether this run has faults at all.
    pub(crate) fn is_none(&self) -> bool {
        self.level == Faults::None
    }

    /// The first moments of each kind: kind, lane, when.
    pub(crate) fn first(&mut self) -> Vec<(Kind, usize, Us)> {
        let mut first = Vec::new();
        if self.healed {
            return first;
        }
        for row in &TABLE {
            let lanes = if row.kind.is_shared() {
                1
            } else {
                self.lanes.len()
            };
            for lane in 0..lanes {
                if let Some(at) = self.next(row.kind, 0) {
                    first.push((row.kind, lane, at));
                }
            }
        }
        first
    }

    /// When `kind` strikes next after `now`: waits drawn from a geometric
    /// distribution, whose integers are the same on every machine.
    pub(crate) fn next(&mut self, kind: Kind, now: Us) -> Option<Us> {
        let mean = self.means[kind.place()].filter(|_| !self.healed)?;
        let step = (mean / 32).max(1);
        let mut wait = self.rng.below(step) + 1;
        while self.rng.below(32) != 0 {
            wait += step;
        }
        Some(now + wait)
    }

    /// How long `kind` lasts this time.
    pub(crate) fn lasts(&mut self, kind: Kind) -> Us {
        let (low, high) = TABLE[kind.place()].last_ms;
        // Most are short, some are long.
        let share = self.rng.below(1000) * self.rng.below(1000) / 1000;
        (low + (high - low) * share / 1000) * MS
    }

    /// The camera's clock of `lane` is set, mostly to something near the truth.
    pub(crate) fn set_camera_clock(&mut self, lane: usize, at: Us) {
        self.count(Kind::CameraClockOff);
        let rng = &mut self.rng;
        let off_us = match rng.below(10) {
            0..=2 => 0,
            3..=6 => a_little_off(rng),
            7 | 8 => either(rng, 120_000_000),
            _ => either(rng, 3 * 86_400_000_000),
        };
        self.lanes[lane].camera_off_us = off_us;
        self.lanes[lane].camera_set_at = Some(at);
    }

    /// One of `kind` happened.
    pub(crate) fn count(&mut self, kind: Kind) {
        self.counts[kind.place()] += 1;
    }

    /// How often each kind happened, by name; none at all without faults.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        if self.is_none() {
            return BTreeMap::new();
        }
        TABLE
            .iter()
            .map(|row| (row.name, self.counts[row.kind.place()]))
            .collect()
    }

    /// Everything is well from now on.
    pub(crate) fn heal(&mut self) {
        self.healed = true;
        self.port = Spells::default();
        self.gap_next = false;
        self.duplicate_next = false;
        self.order_double = false;
        for lane in &mut self.lanes {
            *lane = LaneFaults {
                presence_lied_at: lane.presence_lied_at,
                // Nobody has set it.
                camera_off_us: lane.camera_off_us,
                camera_set_at: lane.camera_set_at,
                ..LaneFaults::default()
            };
        }
    }
}

/// As a camera is whose clock nobody looks after.
fn a_little_off(rng: &mut Rng) -> i64 {
    either(rng, 4_000_000)
}

fn either(rng: &mut Rng, us_max: i64) -> i64 {
    rng.range(-us_max, us_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(level: Faults, seed: u64) -> FaultPlan {
        let o = FaultOptions {
            level,
            ..FaultOptions::default()
        };
        FaultPlan::new(&o, seed, 2)
    }

    #[test]
    fn a_seed_has_its_own_mix_and_always_the_same_one() {
        let mix = |seed| plan(Faults::Hostile, seed).first();
        assert_eq!(mix(3), mix(3));
        assert_ne!(mix(3), mix(4));
        assert!(plan(Faults::None, 3).first().is_empty());
        let kinds: std::collections::BTreeSet<_> =
            (0..40).flat_map(mix).map(|(kind, _, _)| kind).collect();
        assert_eq!(kinds.len(), KINDS);
    }

    #[test]
    fn waits_have_the_mean_of_the_table_and_end_when_all_is_healed() {
        let mut p = plan(Faults::Hostile, 1);
        p.means[0] = Some(1_000_000);
        let n = 4000;
        let sum: Us = (0..n).map(|_| p.next(Kind::SerialNoise, 0).unwrap()).sum();
        assert!((900_000..1_100_000).contains(&(sum / n)), "{}", sum / n);
        p.heal();
        assert_eq!(p.next(Kind::SerialNoise, 0), None);
    }

    #[test]
    fn a_kind_switched_off_never_strikes_and_leaves_the_others_alone() {
        let o = FaultOptions {
            level: Faults::Hostile,
            without: ["clock.back".to_owned()].into(),
        };
        let (with, without) = (plan(Faults::Hostile, 9), FaultPlan::new(&o, 9, 2));
        assert_eq!(without.means[Kind::ClockBack.place()], None);
        for row in TABLE.iter().filter(|r| r.kind != Kind::ClockBack) {
            let place = row.kind.place();
            assert_eq!(with.means[place], without.means[place]);
        }
    }
}
