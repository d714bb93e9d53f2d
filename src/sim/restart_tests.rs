use super::*;
use crate::sim::breaks::{Severity, every_point};
use crate::sim::rig::{Outcome, Trace};
use crate::sim::simulate::{Extras, Plan, Summary, simulate_with};
use crate::sim::world_options;

fn run(seeds: std::ops::Range<u64>, severity: Severity) -> Summary {
    let plan = Plan {
        seeds,
        passages: 20,
        lanes: 2,
        plate_read_permille: 1000,
        faults: firmware_sim::FaultOptions::default(),
    };
    let extras = Extras {
        severity,
        ..Extras::default()
    };
    simulate_with(&plan, &extras).expect("nothing is written")
}

/// Twenty trucks on one lane, and these faults.
fn struck(strikes: &[Strike], seed: u64) -> Outcome {
    let mut options = world_options(seed, 1, 20);
    if seed % 2 == 1 {
        options.geometry = firmware_sim::Geometry::BehindBarrier;
    }
    Rig::new(options, None, Trace::Off)
        .breaking(Breaks::only(strikes, seed))
        .run()
}

fn no_law_breaks(outcome: &Outcome, what: &str) {
    let broken = outcome.laws.violations();
    assert!(broken.is_empty(), "{what}: {broken:#?}");
    assert_eq!(outcome.score.false_releases, 0, "{what}");
}

#[test]
fn no_law_breaks_wherever_the_daemon_ends() {
    for (point, counted, after_us) in every_point() {
        let mut reached = 0;
        for seed in 0..10 {
            let power = seed % 4 < 2;
            let crash = |at, after_us| Strike::Process {
                at,
                after_us,
                power,
            };
            // An arm that is up when the daemon starts was up when it ended.
            let before = crash(Point::Passing, 1);
            let strike = crash(point, after_us / 2);
            let outcome = struck(&[before, strike, before, strike], seed);
            no_law_breaks(&outcome, &format!("{point:?}, seed {seed}"));
            reached += outcome.score.faults.get(counted).copied().unwrap_or(0);
            if reached > 2 && seed > 0 {
                break;
            }
        }
        assert!(reached > 0, "{point:?} is never reached");
    }
}

#[test]
fn no_law_breaks_whatever_the_disk_does() {
    for fault in DiskFault::ALL {
        for seed in 0..2 {
            let for_us = 12_000_000;
            let outcome = struck(&[Strike::Disk { fault, for_us }; 3], seed);
            no_law_breaks(&outcome, &format!("{fault:?}, seed {seed}"));
            assert!(outcome.score.faults[fault.counted()] > 0);
        }
    }
}

#[test]
fn no_law_breaks_on_hostile_days_and_most_are_let_go_without_a_person() {
    let summary = run(0..30, Severity::Hostile);
    let score = summary.score();
    assert!(summary.by_law().is_empty(), "{:#?}", summary.failure());
    assert_eq!(score.false_releases, 0, "{score:?}");
    assert!(score.missed_releases * 10 <= score.must * 4, "{score:?}");
    assert!(score.faults["process.power-cut"] > 0 && score.faults["process.kill"] > 0);
}

#[test]
fn a_day_in_the_field_is_mostly_a_day_without_faults_and_the_same_seed_gives_the_same() {
    let field = run(0..8, Severity::Field);
    assert!(field.by_law().is_empty(), "{:#?}", field.failure());
    assert_eq!(field.digest(), run(0..8, Severity::Field).digest());
    assert_ne!(field.digest(), run(0..8, Severity::Hostile).digest());
}

#[test]
fn every_sabotage_of_a_restart_is_caught_by_the_law_it_breaks() {
    let plan = |seed| Plan {
        seeds: seed..seed + 1,
        passages: 20,
        lanes: 2,
        plate_read_permille: 1000,
        faults: firmware_sim::FaultOptions::default(),
    };
    for sabotage in Sabotage::ALL.into_iter().filter(|s| s.needs_restarts()) {
        let extras = Extras {
            sabotage: Some(sabotage),
            ..Extras::default()
        };
        let caught = |seed: &u64| {
            let summary = simulate_with(&plan(*seed), &extras).expect("nothing is written");
            summary.by_law().contains_key(sabotage.law())
        };
        let first = (0..100).find(caught);
        println!("{sabotage:?} is first caught in seed {first:?}");
        assert!(first.is_some(), "{sabotage:?}");
    }
}
