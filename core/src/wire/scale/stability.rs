//! Stability for formats without a flag of their own: so many values within
//! one division over at least so long, with nothing wrong in between.

use crate::model::Kg;
use crate::time::{Micros, Mono};

/// When a weight counts as stable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StableRule {
    /// Fewest values.
    pub values_min: u32,
    /// Shortest time from the first of them to the last.
    pub over: Micros,
    /// How far apart they may lie: the scale's division.
    pub division: Kg,
    /// Longest pause between two of them; a longer one starts over.
    pub gap_max: Micros,
}

/// The run of equal values so far. Equal frames are new readings: each counts.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Stability {
    rule: StableRule,
    run: Option<Run>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Run {
    first: Mono,
    last: Mono,
    count: u32,
    low: Kg,
    high: Kg,
}

impl Stability {
    /// Nothing seen yet.
    ///
    /// # Panics
    /// The rule asks for less than two values or has a negative division.
    #[must_use]
    pub fn new(rule: StableRule) -> Self {
        assert!(rule.values_min >= 2, "one value cannot show stability");
        assert!(rule.division >= Kg(0), "a division is not negative");
        Self { rule, run: None }
    }

    /// A weight arrived; is it stable with it?
    pub fn weight(&mut self, kg: Kg, at: Mono) -> bool {
        let run = match self.run {
            Some(run) if at.since(run.last) <= self.rule.gap_max => run.with(kg, at),
            Some(_) | None => Run::of(kg, at),
        };
        let steady = run.high.0 - run.low.0 <= self.rule.division.0;
        let run = if steady { run } else { Run::of(kg, at) };
        self.run = Some(run);
        run.count >= self.rule.values_min && run.last.since(run.first) >= self.rule.over
    }

    /// Noise, overload, a reconnect: what was before proves nothing now.
    pub fn reset(&mut self) {
        self.run = None;
    }
}

impl Run {
    const fn of(kg: Kg, at: Mono) -> Self {
        Self {
            first: at,
            last: at,
            count: 1,
            low: kg,
            high: kg,
        }
    }

    fn with(self, kg: Kg, at: Mono) -> Self {
        Self {
            first: self.first,
            last: at,
            count: self.count.saturating_add(1),
            low: self.low.min(kg),
            high: self.high.max(kg),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: StableRule = StableRule {
        values_min: 5,
        over: Micros::from_ms(800),
        division: Kg(20),
        gap_max: Micros::from_ms(1000),
    };

    fn at(ms: u64) -> Mono {
        Mono(ms * 1000)
    }

    /// Feeds (ms, kg) and returns when it was stable.
    fn stable_at(readings: &[(u64, i64)]) -> Vec<u64> {
        let mut stability = Stability::new(RULE);
        let stable = |&&(ms, kg): &&(u64, i64)| stability.weight(Kg(kg), at(ms));
        readings.iter().filter(stable).map(|r| r.0).collect()
    }

    /// Case c35: a source that repeats is alive; equal frames build stability.
    #[test]
    fn equal_frames_count_and_the_fifth_over_800_ms_is_stable() {
        let readings: Vec<_> = (0..8).map(|i| (i * 200, 38_240)).collect();
        assert_eq!(stable_at(&readings), [800, 1000, 1200, 1400]);
    }

    #[test]
    fn many_values_in_too_short_a_time_are_not_stable() {
        let readings: Vec<_> = (0..8).map(|i| (i * 100, 38_240)).collect();
        assert_eq!(stable_at(&readings), Vec::<u64>::new());
    }

    #[test]
    fn jitter_of_one_division_is_stable_and_of_more_is_not() {
        let jitter =
            |size: i64| -> Vec<_> { (0..6).map(|i| (i * 200, (i as i64 % 2) * size)).collect() };
        assert_eq!(stable_at(&jitter(20)), [800, 1000]);
        assert_eq!(stable_at(&jitter(40)), Vec::<u64>::new());
    }

    #[test]
    fn a_slow_creep_is_not_stable_however_small_its_steps() {
        let creep: Vec<_> = (0..20).map(|i| (i * 200, i as i64 * 10)).collect();
        assert_eq!(stable_at(&creep), Vec::<u64>::new());
    }

    #[test]
    fn a_pause_longer_than_the_limit_starts_over() {
        let mut readings: Vec<_> = (0..4).map(|i| (i * 200, 38_240)).collect();
        readings.extend((0..5).map(|i| (1700 + i * 200, 38_240)));
        assert_eq!(stable_at(&readings), [2500]);
    }

    #[test]
    fn noise_starts_over() {
        let mut stability = Stability::new(RULE);
        for ms in [0, 200, 400, 600] {
            stability.weight(Kg(20), at(ms));
        }
        stability.reset();
        assert!(!stability.weight(Kg(20), at(800)));
    }
}
