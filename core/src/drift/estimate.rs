//! From weighings to each scale's drift.
//!
//! A *cell* is one lane's last day, or the same lane before. A residual is its
//! tractor's own bias, plus the effect of its cell, plus noise. What a tractor
//! shows in one cell is compared with the middle of what it shows in others,
//! each freed of that cell's effect; the middle over all tractors is the cell's
//! effect, found again and again until it rests (a median polish without the
//! tractor's own cell). Medians throughout: a smuggler, a swapped trailer, one
//! other lane that drifts as well move nothing.
//!
//! That leaves one number open, what "right" is. It is settled by what faults
//! are like: scales fail one by one, while goods declared by another rule, a
//! tank filled up, or snow make trucks heavier on every scale on the same day.
//!
//! | seen | said |
//! |---|---|
//! | one lane of several moved, today or weeks ago | that lane, by its distance from the middle of all |
//! | every lane moved by the same | nobody: the trucks did |
//! | the only lane moved since the days before | that lane |
//! | two lanes differ, and have since the memory begins | each by half: one of them, nobody can tell which |
//!
//! Lanes that share too few tractors (import and export, an empties' lane) are
//! not compared with one another. Drift is stated in kilograms at the weights
//! that come over the lane: a scale whose span is off reads laden trucks further
//! off than empty ones.

use smallvec::SmallVec;

use super::{LANES_MAX, Past, WEIGHINGS_MAX};

/// Fewer tractors with something to be compared with say nothing; as many as
/// two lanes must share to be compared.
pub const TRACTORS_MIN: u32 = 20;
/// Nothing is said while chance alone would move it further than this (one
/// standard error): where trucks scatter more, it takes more of them.
pub const ERROR_KG_MAX: i64 = 50;
/// What counts as now: a day has every shift and both temperatures.
const RECENT_HOURS: u32 = 24;
/// Effects of lanes that share many tractors rest after three or four.
const ROUNDS_MAX: usize = 16;
/// It rests.
const RESTS_KG: i64 = 1;
/// From a median's distance to the standard error of a median of many, in
/// hundredths: 1.4826 times the square root of pi / 2.
const ERROR_HUNDREDTHS: i64 = 186;

/// The variance of a median beside that of a mean: pi / 2, in hundredths.
const MEDIAN_HUNDREDTHS: i64 = 157;

/// How a scale reads beside the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Drift {
    /// Kilograms too many, negative for too few; none while it cannot be said.
    pub kg: Option<i64>,
    /// One standard error of it.
    pub error_kg: Option<i64>,
    /// Tractors it rests on.
    pub tractors: u32,
}

/// One lane, recent or before.
type Cell = usize;

const fn recent(lane: usize) -> Cell {
    lane * 2
}

const fn before(lane: usize) -> Cell {
    lane * 2 + 1
}

/// What one tractor showed.
type Shown = SmallVec<[(Cell, i64); WEIGHINGS_MAX]>;
type Few = SmallVec<[i64; WEIGHINGS_MAX]>;

/// Of each lane in order.
pub(super) fn drifts<'a>(
    lanes: usize,
    pasts: impl Iterator<Item = &'a Vec<Past>>,
    hour: u32,
) -> Vec<Drift> {
    assert!(lanes <= LANES_MAX, "lanes are bounded where they come in");
    let shown: Vec<Shown> = pasts.map(|pasts| shown(pasts, hour)).collect();
    let groups = groups(lanes, &shown);
    let mut fit = Fit::new(lanes, &shown, &groups);
    fit.rest();
    let all = (0..lanes).map(|lane| fit.drift(lane));
    all.collect()
}

/// What lies ahead of `hour` is not compared.
fn shown(pasts: &[Past], hour: u32) -> Shown {
    let known = pasts.iter().filter(|past| past.hour <= hour);
    known
        .map(|past| {
            let lane = usize::from(past.lane);
            let is_recent = hour - past.hour < RECENT_HOURS;
            let cell = if is_recent {
                recent(lane)
            } else {
                before(lane)
            };
            (cell, i64::from(past.kg))
        })
        .collect()
}

/// For each lane the first of those it is compared with, over others or
/// directly.
fn groups(lanes: usize, shown: &[Shown]) -> Vec<usize> {
    let mut shared = vec![0_u32; lanes * lanes];
    for pasts in shown {
        let mut on: SmallVec<[usize; WEIGHINGS_MAX]> =
            pasts.iter().map(|(cell, _)| cell / 2).collect();
        on.sort_unstable();
        on.dedup();
        for (n, a) in on.iter().enumerate() {
            on[n + 1..].iter().for_each(|b| shared[a * lanes + b] += 1);
        }
    }
    let mut groups: Vec<usize> = (0..lanes).collect();
    for a in 0..lanes {
        for b in a + 1..lanes {
            if shared[a * lanes + b] >= TRACTORS_MIN {
                let (to, from) = (groups[a].min(groups[b]), groups[a].max(groups[b]));
                groups
                    .iter_mut()
                    .filter(|g| **g == from)
                    .for_each(|g| *g = to);
            }
        }
    }
    groups
}

struct Fit<'a> {
    shown: &'a [Shown],
    groups: &'a [usize],
    /// Tractors that have something in each cell.
    members: Vec<Vec<usize>>,
    effects: Vec<i64>,
    /// What each cell's last look was made of.
    found: Vec<Vec<i64>>,
}

impl<'a> Fit<'a> {
    fn new(lanes: usize, shown: &'a [Shown], groups: &'a [usize]) -> Self {
        let cells = lanes * 2;
        let mut members = vec![Vec::new(); cells];
        for (n, pasts) in shown.iter().enumerate() {
            for (cell, _) in pasts {
                if members[*cell].last() != Some(&n) {
                    members[*cell].push(n);
                }
            }
        }
        Self {
            shown,
            groups,
            members,
            effects: vec![0; cells],
            found: vec![Vec::new(); cells],
        }
    }

    /// Until no effect moves. The present first: so the days before stay
    /// where they are, as far as they can.
    fn rest(&mut self) {
        let cells = self.effects.len();
        for _ in 0..ROUNDS_MAX {
            let mut moved = 0;
            for cell in (0..cells).step_by(2).chain((1..cells).step_by(2)) {
                let mut found = self.look(cell);
                if let Some(effect) = median(&mut found) {
                    moved = moved.max((effect - self.effects[cell]).abs());
                    self.effects[cell] = effect;
                }
                self.found[cell] = found;
            }
            if moved <= RESTS_KG {
                break;
            }
        }
    }

    /// Of each tractor, how far it shows beside itself elsewhere.
    fn look(&self, cell: Cell) -> Vec<i64> {
        let group = self.groups[cell / 2];
        let beside = |n: &usize| {
            let (mut here, mut elsewhere) = (Few::new(), Few::new());
            for (at, kg) in &self.shown[*n] {
                if *at == cell {
                    here.push(*kg);
                } else if self.groups[at / 2] == group {
                    elsewhere.push(kg - self.effects[*at]);
                }
            }
            Some(median(&mut here)? - median(&mut elsewhere)?)
        };
        self.members[cell].iter().filter_map(beside).collect()
    }

    fn tractors(&self, cell: Cell) -> u32 {
        u32::try_from(self.found[cell].len()).unwrap_or(u32::MAX)
    }

    fn drift(&self, lane: usize) -> Drift {
        let cell = recent(lane);
        let tractors = self.tractors(cell);
        let enough = tractors >= TRACTORS_MIN;
        let right = self.right(self.groups[lane]).filter(|_| enough);
        let said = right.and_then(|right| {
            let error = with_error_of(right.voices, self.error(cell)?);
            let kg = self.effects[cell] - right.effect;
            (error <= ERROR_KG_MAX).then_some((kg, error))
        });
        let (kg, error_kg) = said.unzip();
        Drift {
            kg,
            error_kg,
            tractors,
        }
    }

    /// What a scale of this group that reads right has as its effect now.
    fn right(&self, group: usize) -> Option<Right> {
        let sure = |cell: Cell| {
            let enough = self.tractors(cell) >= TRACTORS_MIN;
            enough.then(|| self.effects[cell])
        };
        let lanes = || (0..self.groups.len()).filter(|lane| self.groups[*lane] == group);
        let mut now: Vec<i64> = lanes().filter_map(|lane| sure(recent(lane))).collect();
        let mut then: Vec<i64> = lanes().filter_map(|lane| sure(before(lane))).collect();
        let voices = now.len();
        let Some(then) = median(&mut then) else {
            // Nothing before: one alone is beside nobody.
            let effect = median(&mut now).filter(|_| voices > 1);
            return effect.map(|effect| Right { effect, voices });
        };
        // That nothing moved is one voice among them, and decides a tie.
        now.push(then);
        now.sort_unstable();
        let (low, high) = (now[voices / 2], now[voices.div_ceil(2)]);
        let effect = then.clamp(low, high);
        Some(Right { effect, voices })
    }

    /// One standard error of a cell's effect.
    fn error(&self, cell: Cell) -> Option<i64> {
        let effect = self.effects[cell];
        let found = &self.found[cell];
        let mut off: Vec<i64> = found.iter().map(|kg| (kg - effect).abs()).collect();
        let spread = median(&mut off)?;
        // The root in hundredths, which the factor is in as well.
        let root = (found.len() as u64 * 10_000).isqrt();
        Some(spread * ERROR_HUNDREDTHS / i64::try_from(root).ok()?.max(1))
    }
}

/// The effect of a scale that reads right, found from so many lanes.
struct Right {
    effect: i64,
    voices: usize,
}

/// What is compared with the middle of several shares that middle's error; a
/// lane alone was compared tractor by tractor.
fn with_error_of(voices: usize, error: i64) -> i64 {
    let voices = i64::try_from(voices).unwrap_or(i64::MAX);
    if voices < 2 {
        return error;
    }
    (error * error * (100 + MEDIAN_HUNDREDTHS / voices) / 100).isqrt()
}

/// The middle of them, or of the two in the middle.
fn median(of: &mut [i64]) -> Option<i64> {
    let n = of.len();
    if n == 0 {
        return None;
    }
    let (low, high, _) = of.select_nth_unstable(n / 2);
    let high = *high;
    if n % 2 == 1 {
        return Some(high);
    }
    low.iter().max().map(|low| i64::midpoint(*low, high))
}
