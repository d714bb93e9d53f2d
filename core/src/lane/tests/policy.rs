//! Another policy comes into force: the truck in the lane keeps the one it
//! arrived under, the next gets the new one, and each verdict names its own.

use super::*;
use crate::model::PolicyRef;

/// The bench's policy with another version, and no tolerance at all.
fn strict() -> Arc<Policy> {
    let shipped = include_str!("../../../../config/policy.toml");
    let lines = shipped.lines().map(|line| match line.split_once(" = ") {
        Some(("weight", _)) => {
            "weight = { over = { kg = 0, permille = 0 }, under = { kg = 0, permille = 0 } }\n"
                .to_owned()
        }
        Some(("version", _)) => "version = \"strict\"\n".to_owned(),
        Some(_) | None => format!("{line}\n"),
    });
    Arc::new(Policy::parse(&lines.collect::<String>()).unwrap())
}

/// Verdicts committed with the policy each names.
fn named(bench: &Bench) -> Vec<(VerdictKind, PolicyRef)> {
    let of = |(_, c): &(u64, Command)| match c {
        Command::Commit { drafts, .. } => match &drafts.first()?.body {
            Body::Verdict(v) => Some((v.verdict.verdict, v.verdict.policy.clone())),
            _ => None,
        },
        _ => None,
    };
    bench.log.iter().filter_map(of).collect()
}

/// 400 kg too heavy: within the shipped tolerance, and beyond none.
fn arrive_heavy(bench: &mut Bench) {
    bench.inputs.presence = true;
    bench.poll();
    bench.read("粤B12345", 98);
    bench.weigh(9000);
}

#[test]
fn the_truck_in_the_lane_keeps_its_policy_and_the_next_gets_the_new_one() {
    let (old, new) = (policy(), strict());
    let mut bench = Bench::vacant();
    // It stands there, not yet judged, when the policy changes.
    bench.inputs.presence = true;
    bench.poll();
    bench.read("粤B12345", 98);
    bench.run(200);
    assert_eq!(bench.state(), "gathering");
    bench.event(Event::PolicyChanged(new.clone()));
    bench.weigh(9000);
    bench.run(200);
    assert_eq!(named(&bench), [(VerdictKind::Release, old.reference())]);
    assert_eq!(bench.state(), "cleared");
    bench.arm(true, false);
    bench.drive_through();
    bench.arm(false, true);
    bench.run(300);
    bench.weigh(0);
    assert_eq!(bench.state(), "vacant");

    arrive_heavy(&mut bench);
    bench.run(200);
    let second = (VerdictKind::Inspect, new.reference());
    assert_eq!(named(&bench)[1..], [second]);
    assert!(
        bench.codes().contains(&"weight.whole-truck-over"),
        "{:?}",
        bench.codes()
    );
}

#[test]
fn a_truck_that_is_judged_again_is_judged_by_the_policy_it_arrived_under() {
    let old = policy();
    let mut bench = Bench::vacant();
    bench.facts.cache_age_s = Some(1_000_000);
    arrive_heavy(&mut bench);
    bench.run(200);
    assert_eq!(bench.state(), "held");
    bench.event(Event::PolicyChanged(strict()));
    bench.facts.cache_age_s = Some(5);
    bench.facts.generation += 1;
    let generation = bench.facts.generation;
    bench.event(Event::InForceChanged { generation });
    bench.run(500);
    let named = named(&bench);
    assert_eq!(named.len(), 2, "{named:?}");
    assert_eq!(named[0], (VerdictKind::Hold, old.reference()));
    assert_eq!(named[1], (VerdictKind::Release, old.reference()));
}

/// After a replaced disk or a restored backup: the next truck's passage bears
/// the new number, the present one keeps its own, and no number comes back.
#[test]
fn a_lane_renumbered_gives_no_passage_a_name_that_was_given_before() {
    let mut bench = Bench::vacant();
    let named = |bench: &Bench| bench.lane.passage().unwrap().to_string();
    bench.inputs.presence = true;
    bench.poll();
    let first = named(&bench);
    assert!(first.ends_with("-1-1"), "{first}");
    bench.event(Event::Renumbered { start: 13 });
    bench.event(Event::Renumbered { start: 7 });
    assert_eq!(named(&bench), first);
    for n in 1..=2 {
        bench.inputs.presence = false;
        bench.run(2_000);
        assert_eq!(bench.state(), "vacant");
        bench.inputs.presence = true;
        bench.run(200);
        assert!(named(&bench).ends_with(&format!("-13-{n}")));
        bench.event(Event::Renumbered { start: 13 });
    }
}
