//! A port whose truth is known in closed form: tractors with a bias of their
//! own, lanes with a drift from a day on, noise. What is said is held against
//! what was put in.

mod bounds;

use super::*;
use crate::clearance::{Policy, judge};
use crate::model::Case;

const DAYS: i64 = 10;
/// Midnight of day 0.
const START: Wall = Wall(1_795_478_400_000);

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    /// From `-to` to `to`.
    fn within(&mut self, to: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let high = i64::try_from(self.0 >> 33).unwrap();
        high % (2 * to + 1) - to
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.within(1_000_000) + 1_000_000).unwrap() % n
    }

    /// Twelve dice of 100 kg: a bell of some 100 kg as its standard deviation,
    /// `wide` times as wide.
    fn noise(&mut self, wide: i64) -> i64 {
        let sum: i64 = (0..12).map(|_| self.within(50)).sum();
        sum * wide
    }
}

/// What is done to a truck's weight, beside bias and noise: (lane, day, number
/// of the truck).
type Truth<'a> = &'a dyn Fn(usize, i64, usize) -> i64;

/// A port of `lanes` lanes and `trucks` tractors, each once a day.
struct Yard {
    lanes: usize,
    trucks: usize,
    /// How much wider trucks scatter than 100 kg.
    wide: i64,
}

impl Yard {
    fn days(&self, from: i64, truth: Truth<'_>) -> Memory {
        let mut memory = Memory::default();
        let mut chance = Chance(7);
        let biases: Vec<i64> = (0..self.trucks).map(|_| chance.within(1000)).collect();
        for day in from..DAYS {
            for (n, bias) in biases.iter().enumerate() {
                let lane = chance.below(self.lanes);
                let kg = bias + chance.noise(self.wide) + truth(lane, day, n);
                note(&mut memory, n, lane, hours(day * 24 + 8), kg);
            }
        }
        memory
    }

    fn drifts(&self, from: i64, truth: Truth<'_>) -> Vec<Drift> {
        said(&self.days(from, truth))
    }
}

fn hours(n: i64) -> Wall {
    START.plus_s(n * 3600)
}

/// The evening of the last day.
fn now() -> Wall {
    hours((DAYS - 1) * 24 + 20)
}

fn lane(n: usize) -> LaneId {
    LaneId::parse(&format!("SZB-X-{n:02}")).unwrap()
}

fn note(memory: &mut Memory, tractor: usize, at_lane: usize, at: Wall, kg: i64) -> bool {
    let weighing = Weighing::new(Tractor(tractor as u64), at, kg).unwrap();
    memory.note(&lane(at_lane), weighing)
}

/// In the order of the lanes.
fn said(memory: &Memory) -> Vec<Drift> {
    memory.drifts(now()).into_values().collect()
}

/// Each lane reads what it was made to read, within four of the errors it
/// states: so 200 kg cannot be chance.
#[track_caller]
fn reads(drifts: &[Drift], truth: &[i64]) {
    assert_eq!(drifts.len(), truth.len(), "{drifts:?}");
    for (drift, truth) in drifts.iter().zip(truth) {
        let (kg, error) = (drift.kg.unwrap(), drift.error_kg.unwrap());
        assert!(error > 0 && error <= ERROR_KG_MAX, "{drifts:?}");
        assert!((kg - truth).abs() <= 4 * error, "{truth}: {drifts:?}");
    }
}

const FOUR: Yard = Yard {
    lanes: 4,
    trucks: 200,
    wide: 1,
};
const ALONE: Yard = Yard { lanes: 1, ..FOUR };
const TWO: Yard = Yard { lanes: 2, ..FOUR };

const fn today(day: i64) -> bool {
    day == DAYS - 1
}

#[test]
fn a_scale_that_drifts_today_is_named_and_the_others_are_not() {
    let drifts = FOUR.drifts(0, &|lane, day, _| {
        if lane == 2 && today(day) { 300 } else { 0 }
    });
    reads(&drifts, &[0, 0, 300, 0]);
    assert!(drifts.iter().all(|d| d.tractors >= 30), "{drifts:?}");
    let drifts = FOUR.drifts(0, &|lane, day, _| {
        if lane == 1 && today(day) { -300 } else { 0 }
    });
    reads(&drifts, &[0, -300, 0, 0]);
}

/// Longer than the memory: the days before are no better, the other lanes are.
#[test]
fn a_scale_that_has_drifted_for_weeks_is_named_by_the_other_lanes() {
    let drifts = FOUR.drifts(0, &|lane, _, _| if lane == 3 { 300 } else { 0 });
    reads(&drifts, &[0, 0, 0, 300]);
}

/// A memory that begins today knows no days before: each tractor comes twice.
#[test]
fn the_first_day_is_enough_where_tractors_come_twice() {
    let mut memory = Memory::default();
    let mut chance = Chance(11);
    for n in 0..400 {
        let bias = chance.within(1000);
        for hour in [8, 14] {
            let lane = chance.below(4);
            let drift = if lane == 0 { 300 } else { 0 };
            let kg = bias + chance.noise(1) + drift;
            note(&mut memory, n, lane, hours((DAYS - 1) * 24 + hour), kg);
        }
    }
    reads(&said(&memory), &[300, 0, 0, 0]);
}

#[test]
fn a_lane_alone_is_compared_with_its_days_before() {
    reads(&ALONE.drifts(0, &|_, _, _| 0), &[0]);
    let drifted = ALONE.drifts(0, &|_, day, _| if today(day) { 300 } else { 0 });
    reads(&drifted, &[300]);
    // Nothing before and nobody beside it: nothing to say.
    let first = ALONE.drifts(DAYS - 1, &|_, _, _| 300);
    assert_eq!(first, [Drift::default()]);
}

#[test]
fn of_two_lanes_the_one_that_moved_is_named_and_one_that_always_did_by_half_each() {
    let moved = TWO.drifts(0, &|lane, day, _| {
        if lane == 1 && today(day) { 300 } else { 0 }
    });
    reads(&moved, &[0, 300]);
    let always = TWO.drifts(0, &|lane, _, _| if lane == 1 { 300 } else { 0 });
    reads(&always, &[-150, 150]);
}

#[test]
fn trucks_that_are_heavy_on_every_scale_name_nobody() {
    reads(&FOUR.drifts(0, &|_, _, _| 1000), &[0; 4]);
    // Since this morning: snow, or goods declared by another rule.
    let snow = |_, day, _| if today(day) { 400 } else { 0 };
    reads(&FOUR.drifts(0, &snow), &[0; 4]);
    reads(&TWO.drifts(0, &snow), &[0; 2]);
    let eight = Yard {
        lanes: 8,
        trucks: 400,
        ..FOUR
    };
    reads(&eight.drifts(0, &snow), &[0; 8]);
}

/// One truck in five on one lane carries two tonnes nobody declared.
#[test]
fn smugglers_who_prefer_one_lane_do_not_move_it() {
    let drifts = FOUR.drifts(0, &|lane, _, n| {
        if lane == 1 && n % 5 == 0 { 2000 } else { 0 }
    });
    for (n, drift) in drifts.iter().enumerate() {
        // The middle of a lane where a fifth lies far off is a quarter of the
        // noise to one side: 100 kg at most, where a mean would show 400.
        assert!(drift.kg.unwrap().abs() < 100, "lane {n}: {drifts:?}");
    }
}

#[test]
fn two_of_five_scales_may_drift_each_its_own_way() {
    let five = Yard {
        lanes: 5,
        trucks: 300,
        ..FOUR
    };
    let truth = [0, 300, 0, -400, 0];
    let drifts = five.drifts(0, &|lane, day, _| if today(day) { truth[lane] } else { 0 });
    reads(&drifts, &truth);
}

/// Import and export share no tractor going one way: each half is right by
/// itself, whatever its goods are declared like.
#[test]
fn lanes_that_share_no_tractors_are_not_compared() {
    let mut memory = TWO.days(0, &|lane, day, _| {
        if lane == 1 && today(day) { 300 } else { 0 }
    });
    let mut chance = Chance(3);
    for n in 0..200 {
        let bias = 700 + chance.within(1000);
        for day in 0..DAYS {
            let lane = 2 + chance.below(3);
            let kg = bias + chance.noise(1);
            note(&mut memory, 1000 + n, lane, hours(day * 24 + 8), kg);
        }
    }
    reads(&said(&memory), &[0, 300, 0, 0, 0]);
}

#[test]
fn too_few_tractors_or_too_wide_a_scatter_say_nothing() {
    let few = Yard {
        lanes: 1,
        trucks: 19,
        wide: 1,
    };
    let drifts = few.drifts(0, &|_, day, _| if today(day) { 300 } else { 0 });
    assert_eq!((drifts[0].kg, drifts[0].tractors), (None, 19));
    let enough = Yard { trucks: 20, ..few };
    assert!(enough.drifts(0, &|_, _, _| 0)[0].kg.is_some());
    let wide = Yard { wide: 4, ..enough };
    assert_eq!(wide.drifts(0, &|_, _, _| 0)[0].kg, None);
    // Where trucks scatter more, more of them say it all the same.
    let more = Yard {
        trucks: 400,
        ..wide
    };
    reads(
        &more.drifts(0, &|_, day, _| if today(day) { 300 } else { 0 }),
        &[300],
    );
}

/// Zeroed at noon, it is well within a day.
#[test]
fn a_scale_that_was_put_right_is_right_a_day_later() {
    let drifts = FOUR.drifts(0, &|lane, day, _| {
        if lane == 2 && day == DAYS - 2 { 300 } else { 0 }
    });
    reads(&drifts, &[0; 4]);
}

#[test]
fn what_is_old_or_of_a_clock_ahead_is_forgotten() {
    let mut memory = FOUR.days(0, &|_, _, _| 0);
    note(&mut memory, 5000, 0, hours(10_000), 0);
    memory.forget(now());
    assert_eq!(memory.len(), FOUR.trucks);
    memory.forget(hours(DAYS * 24 + i64::from(KEEP_HOURS)));
    assert!(memory.is_empty());
    assert!(said(&memory).iter().all(|drift| *drift == Drift::default()));
}

fn judged(bend: impl FnOnce(&mut serde_json::Value)) -> VerdictBody {
    let policy = Policy::parse(include_str!("../../../config/policy.toml")).unwrap();
    let base = include_str!("../../tests/decisions/base.json");
    let mut case = serde_json::from_str(base).unwrap();
    bend(&mut case);
    let case: Case = serde_json::from_value(case).unwrap();
    let verdict = judge(&case, &policy);
    VerdictBody { case, verdict }
}

#[test]
fn only_a_weight_that_was_compared_is_one() {
    let weighing = Weighing::of(&judged(|_| ())).unwrap();
    assert_eq!(weighing.kg, 40);
    // Too heavy for the rules is as good as any: so is a scale that drifts.
    let heavy = Weighing::of(&judged(|case| case["weight"]["gross_kg"] = 39_000.into()));
    assert_eq!(heavy.unwrap().kg, 3000);
    type Bend = fn(&mut serde_json::Value);
    let bends: [(&str, Bend); 8] = [
        ("stable", |case| case["weight"]["stable"] = false.into()),
        ("from zero", |case| {
            case["weight"]["seen_empty"] = false.into()
        }),
        ("whole", |case| case["weight"]["whole"] = false.into()),
        ("weighed", |case| case["weight"] = serde_json::Value::Null),
        ("clock", |case| case["clock"] = "unknown".into()),
        ("known", |case| {
            case["facts"]["candidates"] = serde_json::json!([])
        }),
        ("goods declared", |case| {
            let list = &mut case["facts"]["candidates"][0];
            list["binding"] = serde_json::json!({"kind": "trips", "trips": 9});
            list["goods_gross_kg"] = 0.into();
        }),
        ("papers whole", |case| {
            case["facts"]["candidates"][0]["covers"] = serde_json::json!(["another"]);
        }),
    ];
    for (what, bend) in bends {
        assert_eq!(Weighing::of(&judged(bend)), None, "{what}");
    }
}

#[test]
fn a_tractor_is_the_same_whatever_its_papers_name_first_and_another_the_other_way() {
    let of = |bend: fn(&mut serde_json::Value)| Weighing::of(&judged(bend)).unwrap().tractor;
    let it = of(|_| ());
    let turned = of(|case| {
        case["facts"]["candidates"][0]["vehicles"][0]["plates"] =
            serde_json::json!(["AB1234", "粤ZAB12港"]);
    });
    assert_eq!(it, turned);
    let back = of(|case| {
        case["direction"] = "import".into();
        case["facts"]["candidates"][0]["direction"] = "import".into();
    });
    assert_ne!(it, back);
}
