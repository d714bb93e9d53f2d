//! What a demonstration came to: every truck's end against the truth.

use firmware_sim::{Score, Us};
use serde_json::{Value, json};

use super::chronicle::{Chronicle, TruckLog};

/// Times of many trucks, in microseconds, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Times(Vec<Us>);

impl Times {
    fn of(times: impl Iterator<Item = Us>) -> Self {
        let mut times: Vec<Us> = times.collect();
        times.sort_unstable();
        Self(times)
    }

    /// The smallest time that `permille` of all do not exceed.
    fn rank(&self, permille: usize) -> Option<Us> {
        let n = (self.0.len() * permille).div_ceil(1000).max(1);
        self.0.get(n - 1).copied()
    }

    fn ms(&self, permille: usize) -> Option<Us> {
        self.rank(permille).map(|us| us.div_ceil(1000))
    }

    fn to_json(&self) -> Value {
        json!({
            "n": self.0.len(),
            "p50": self.ms(500),
            "p99": self.ms(990),
            "max": self.ms(1000),
        })
    }

    fn to_line(&self) -> String {
        let ms = |permille| self.ms(permille).unwrap_or(0);
        format!(
            "{} trucks, p50 {} ms, p99 {} ms, max {} ms",
            self.0.len(),
            ms(500),
            ms(990),
            ms(1000)
        )
    }
}

/// The count of a demonstration.
#[derive(Debug)]
pub(super) struct Summary {
    seed: u64,
    score: Score,
    selected: usize,
    /// From the last byte of evidence, or the end of its time, to the arm rising.
    latency: Times,
    /// From standing at the stop line to the arm rising.
    waited: Times,
}

impl Summary {
    pub(super) fn new(seed: u64, mut score: Score, chronicle: &Chronicle) -> Self {
        let trucks = chronicle.trucks();
        // A run that was broken off leaves trucks that never got an end.
        let ended = score.released + score.inspected + score.held;
        score.unfinished = score.trucks.saturating_sub(ended);
        let waited = |log: &TruckLog| {
            let lifted = log.latency_us.and(log.lifted)?;
            lifted.checked_sub(log.at_line?)
        };
        Self {
            seed,
            score,
            selected: trucks.iter().filter(|log| log.selected).count(),
            latency: Times::of(trucks.iter().filter_map(|log| log.latency_us)),
            waited: Times::of(trucks.iter().filter_map(waited)),
        }
    }

    /// Whether nothing was released or missed wrongly and every truck is gone.
    pub(super) const fn is_good(&self) -> bool {
        let s = &self.score;
        s.false_releases == 0 && s.missed_releases == 0 && s.unfinished == 0
    }

    /// The object of FORMATS 7.
    pub(super) fn to_json(&self) -> Value {
        let s = &self.score;
        json!({
            "seed": self.seed,
            "trucks": s.trucks,
            "released": s.released,
            "inspected": s.inspected,
            "held": s.held,
            "selected": self.selected,
            "unfinished": s.unfinished,
            "must": s.must,
            "may": s.may,
            "must_not": s.must_not,
            "false_releases": s.false_releases,
            "missed_releases": s.missed_releases,
            "wrong_truck_releases": s.wrong_truck_releases,
            "forced": s.forced,
            "needed_person": s.needed_person,
            "faults": s.faults,
            "latency_ms": self.latency.to_json(),
        })
    }

    /// The same for a person.
    pub(super) fn to_lines(&self) -> Vec<String> {
        let s = &self.score;
        let mut lines = vec![
            format!(
                "{} trucks: {} released, {} inspected, {} sent back, {} unfinished",
                s.trucks, s.released, s.inspected, s.held, s.unfinished
            ),
            format!(
                "the truth: {} must be released, {} may be, {} must not be",
                s.must, s.may, s.must_not
            ),
            format!(
                "against it: {} false releases, {} missed, {} on another truck's papers; {} drove through behind another, {} conforming trucks needed a person",
                s.false_releases,
                s.missed_releases,
                s.wrong_truck_releases,
                s.forced,
                s.needed_person
            ),
            format!(
                "evidence complete or its time up, to the arm rising: {}",
                self.latency.to_line()
            ),
            format!(
                "standing at the stop line, to the arm rising: {}",
                self.waited.to_line()
            ),
        ];
        for (kind, n) in &s.faults {
            lines.push(format!("fault {kind}: {n}"));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::world_options;
    use firmware_sim::World;
    use lanegate_core::time::Wall;

    fn summary(score: Score) -> Summary {
        let world = World::new(world_options(7, 1, 1));
        let chronicle = Chronicle::new(world.lanes(), 0, Wall(0));
        Summary::new(7, score, &chronicle)
    }

    #[test]
    fn ranks_are_times_that_occurred_and_milliseconds_are_rounded_up() {
        let times = Times::of((1..=200).rev().map(|n| n * 1000 - 1));
        assert_eq!(
            times.to_json(),
            json!({"n": 200, "p50": 100, "p99": 198, "max": 200})
        );
        let one = Times::of([41_000].into_iter());
        assert_eq!(
            one.to_json(),
            json!({"n": 1, "p50": 41, "p99": 41, "max": 41})
        );
        let none = Times::default().to_json();
        assert_eq!(none, json!({"n": 0, "p50": null, "p99": null, "max": null}));
    }

    #[test]
    fn trucks_without_an_end_are_unfinished_and_no_demonstration_is_good_with_them() {
        let score = Score {
            trucks: 5,
            released: 3,
            inspected: 1,
            ..Score::default()
        };
        let broken_off = summary(score.clone());
        assert_eq!(broken_off.to_json()["unfinished"], 1);
        assert!(!broken_off.is_good());
        let whole = Score { held: 1, ..score };
        assert!(summary(whole.clone()).is_good());
        let wrong = Score {
            false_releases: 1,
            ..whole.clone()
        };
        assert!(!summary(wrong).is_good());
        let missed = Score {
            missed_releases: 1,
            ..whole
        };
        assert!(!summary(missed).is_good());
    }

    #[test]
    fn the_object_has_the_fields_of_the_published_format_and_no_other() {
        let expected = [
            "false_releases",
            "faults",
            "forced",
            "held",
            "inspected",
            "latency_ms",
            "may",
            "missed_releases",
            "must",
            "must_not",
            "needed_person",
            "released",
            "seed",
            "selected",
            "trucks",
            "unfinished",
            "wrong_truck_releases",
        ];
        let json = summary(Score::default()).to_json();
        let mut keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        keys.sort_unstable();
        assert_eq!(keys, expected);
    }
}
