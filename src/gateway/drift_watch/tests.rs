use std::path::PathBuf;

use lanegate_core::clearance::{Policy, judge};
use lanegate_core::model::Case;
use lanegate_core::record::VerdictBody;
use lanegate_core::time::Wall;
use serde_json::{Value, json};

use super::*;

/// A directory that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        let made = std::process::Command::new("mktemp").arg("-d").output();
        let text = String::from_utf8(made.unwrap().stdout).unwrap();
        Self(PathBuf::from(text.trim()))
    }

    fn file(&self) -> PathBuf {
        self.0.join(NAME)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn lane(n: usize) -> LaneId {
    LaneId::parse(&format!("SZB-X-0{n}")).unwrap()
}

fn at(day: u32) -> Wall {
    Wall::parse(&format!("2026-11-{day:02}T08:00:00+08:00")).unwrap()
}

/// A truck as the rules judged it, `beside` kilograms off its papers.
fn weighing(tractor: usize, day: u32, beside: i64) -> Weighing {
    let base = include_str!("../../../core/tests/decisions/base.json");
    let mut case: Value = serde_json::from_str(base).unwrap();
    let plate = format!("粤ZA{tractor:03}港");
    case["plates"] = json!([{"text": plate, "confidence_pct": 98, "side": "front", "device": "cam-1", "reads": 3}]);
    case["judged_at"] = json!(at(day));
    let declaration = &mut case["facts"]["candidates"][0];
    declaration["vehicles"][0]["plates"] = json!([plate]);
    declaration["valid_from"] = json!("2026-11-01T00:00:00+08:00");
    declaration["valid_until"] = json!("2026-12-01T00:00:00+08:00");
    case["weight"]["gross_kg"] = json!(36_000 + beside);
    let case: Case = serde_json::from_value(case).unwrap();
    let policy = Policy::parse(include_str!("../../../config/policy.toml")).unwrap();
    let verdict = judge(&case, &policy);
    Weighing::of(&VerdictBody { case, verdict }).unwrap()
}

/// Thirty tractors, each with a bias of its own, on three lanes; the third
/// scale reads 300 kg heavy on the last day.
async fn three_lanes(file: PathBuf) -> Keeper {
    let mut keeper = Keeper::open(file).await;
    for tractor in 0..90 {
        let bias = 10 * (i64::try_from(tractor).unwrap() - 45);
        for (day, n) in [(20, 1), (22, 2), (24, 1 + tractor % 3)] {
            let drift = if n == 3 { 300 } else { 0 };
            keeper.note(&lane(n), weighing(tractor, day, bias + drift));
        }
    }
    keeper
}

async fn looked(keeper: &mut Keeper) -> Drifts {
    let (to, seen) = watch::channel(Drifts::default());
    keeper.look(at(24), &to).await;
    let drifts = seen.borrow();
    Arc::clone(&drifts)
}

#[tokio::test]
async fn a_scale_that_drifts_is_told_also_after_a_restart() {
    let dir = Dir::new();
    let mut keeper = three_lanes(dir.file()).await;
    let drifts = looked(&mut keeper).await;
    let of = |n: usize| drifts[&lane(n)];
    assert_eq!(
        (of(1).kg, of(2).kg, of(3).kg),
        (Some(0), Some(0), Some(300))
    );
    assert_eq!(of(3).tractors, 30);
    keeper.write().await;
    let text = std::fs::read_to_string(dir.file()).unwrap();
    assert!(!text.contains("粤"), "a plate is kept");
    assert!(!dir.file().with_extension("new").exists());

    let mut again = Keeper::open(dir.file()).await;
    assert_eq!(looked(&mut again).await, drifts);
}

#[tokio::test]
async fn a_file_that_is_damaged_or_no_file_at_all_is_begun_anew_and_written_over() {
    let dir = Dir::new();
    let mut keeper = three_lanes(dir.file()).await;
    keeper.write().await;
    let mut bytes = std::fs::read(dir.file()).unwrap();
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    std::fs::write(dir.file(), &bytes).unwrap();
    let mut again = Keeper::open(dir.file()).await;
    assert!(again.memory.is_empty());
    again.note(&lane(1), weighing(1, 24, 40));
    again.write().await;
    assert_eq!(Keeper::open(dir.file()).await.memory.len(), 1);

    std::fs::remove_file(dir.file()).unwrap();
    std::fs::create_dir(dir.file()).unwrap();
    assert!(Keeper::open(dir.file()).await.memory.is_empty());
}

/// Said once, tried again, and forgotten as soon as it works.
#[tokio::test]
async fn a_file_that_cannot_be_written_is_tried_again() {
    let dir = Dir::new();
    let mut keeper = three_lanes(dir.0.join("none").join(NAME)).await;
    keeper.write().await;
    assert!(keeper.is_unwritten && keeper.is_failing);
    std::fs::create_dir(dir.0.join("none")).unwrap();
    keeper.write().await;
    assert!(!keeper.is_unwritten && !keeper.is_failing);
}

#[tokio::test]
async fn more_weighings_than_wait_are_dropped_and_no_lane_waits() {
    let (scales, mut weighings) = open();
    let weighing = weighing(1, 24, 40);
    for _ in 0..WEIGHINGS_MAX + 10 {
        scales.weighed(&lane(1), weighing);
    }
    let mut waiting = 0;
    while weighings.from.try_recv().is_ok() {
        waiting += 1;
    }
    assert_eq!(waiting, WEIGHINGS_MAX);
    assert_eq!(scales.drift(&lane(1)), Drift::default());
    let drift = Drift {
        kg: Some(300),
        error_kg: Some(20),
        tractors: 40,
    };
    let shown = BTreeMap::from([(lane(1), drift)]);
    weighings.drifts.send_replace(Arc::new(shown));
    assert_eq!(scales.drift(&lane(1)), drift);
    // The task is gone: said to nobody, and no error.
    drop(weighings);
    scales.weighed(&lane(1), weighing);
}
