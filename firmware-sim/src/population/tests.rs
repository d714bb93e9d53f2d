use super::*;
use crate::options::{Geometry, Must, Times};
use std::collections::BTreeSet;

fn options(trucks: usize, seed: u64) -> WorldOptions {
    WorldOptions {
        seed,
        lanes: 2,
        trucks,
        start_wall_ms: 1_795_478_400_000,
        controller: "c1".into(),
        port: "5345".into(),
        times: Times::default(),
        mix: Mix::demo(),
        drivers: Drivers::lively(),
        plate_read_permille: 1000,
        geometry: Geometry::SideExit,
        officer: true,
        faults: crate::options::FaultOptions::default(),
    }
}

fn declarations(p: &Population) -> BTreeMap<String, Value> {
    p.items
        .iter()
        .filter_map(|i| i.get("declaration"))
        .map(|d| (d["id"].as_str().unwrap().to_owned(), d.clone()))
        .collect()
}

#[test]
fn from_twenty_trucks_on_every_story_occurs_and_most_must_be_released() {
    for (trucks, seed) in [(20, 1), (40, 7), (200, 3)] {
        let p = Population::new(&options(trucks, seed));
        assert_eq!(p.trucks.len(), trucks);
        let stories: BTreeSet<Story> = p.trucks.iter().map(|t| t.story).collect();
        assert_eq!(
            stories.len(),
            Story::ALL.len(),
            "{trucks} trucks: {stories:?}"
        );
        let of = |m| p.trucks.iter().filter(|t| t.story.must() == m).count();
        assert!(of(Must::Release) * 2 >= trucks);
        assert!(of(Must::May) * 20 <= trucks);
    }
}

#[test]
fn drawn_stories_come_to_their_weights_over_many_seeds() {
    let mut counts: BTreeMap<Story, usize> = BTreeMap::new();
    for seed in 0..200 {
        let drawn = WorldOptions {
            mix: Mix::traffic(),
            ..options(20, seed)
        };
        for truck in Population::new(&drawn).trucks {
            *counts.entry(truck.story).or_default() += 1;
        }
    }
    let of = |story| counts.get(&story).copied().unwrap_or(0);
    assert!((2650..3000).contains(&of(Story::Conforming)), "{counts:?}");
    assert!((50..115).contains(&of(Story::Misread)), "{counts:?}");
    assert!((95..180).contains(&of(Story::Overweight)), "{counts:?}");
}

#[test]
fn a_declaration_matches_the_truck_except_where_its_story_says_otherwise() {
    let p = Population::new(&options(200, 11));
    let declared = declarations(&p);
    for t in &p.trucks {
        let Some(id) = &t.declaration else {
            assert_eq!(t.story, Story::NoDeclaration);
            continue;
        };
        let d = &declared[id];
        let plates: Vec<&str> = d["vehicles"][0]["plates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p.as_str().unwrap())
            .collect();
        assert_eq!(plates == t.plates, t.story != Story::WrongPlate);
        assert_eq!(d["port"] == "5345", t.story != Story::WrongPort);
        let theoretical_kg = d["vehicles"][0]["tare_kg"].as_i64().unwrap()
            + d["trailers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|t| t["tare_kg"].as_i64().unwrap())
                .sum::<i64>()
            + d["containers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|c| c["tare_kg"].as_i64().unwrap())
                .sum::<i64>()
            + d["goods_gross_kg"].as_i64().unwrap();
        let off = (t.gross_kg - theoretical_kg).abs();
        assert_eq!(off <= DRIFT_KG_MAX, t.story != Story::Overweight);
        let broken = t.seals.iter().any(|s| s.status != SEALED);
        assert_eq!(broken, t.story == Story::BrokenSeal);
        assert_eq!(t.misread.is_some(), t.story == Story::Misread);
    }
}

#[test]
fn a_second_spender_comes_after_its_original_in_the_same_lane_with_the_same_plates() {
    let p = Population::new(&options(200, 5));
    let clones: Vec<(usize, usize)> = p
        .trucks
        .iter()
        .enumerate()
        .filter_map(|(i, t)| Some((i, t.clone_of?)))
        .collect();
    assert!(!clones.is_empty());
    for (clone, original) in clones {
        assert!(original < clone);
        assert_eq!(p.trucks[original].story, Story::Conforming);
        assert_eq!(p.trucks[original].lane, p.trucks[clone].lane);
        assert_eq!(p.trucks[original].plates, p.trucks[clone].plates);
        assert_eq!(
            declarations(&p)[p.trucks[original].declaration.as_ref().unwrap()]["binding"]["kind"],
            "single"
        );
    }
}

/// Under faults two lanes ask for one trip at about the same time.
#[test]
fn under_faults_some_second_spenders_come_right_behind_in_the_next_lane() {
    let mut o = options(200, 5);
    o.faults.level = Faults::Hostile;
    let p = Population::new(&o);
    let clones = p.trucks.iter().enumerate();
    let clones = clones.filter_map(|(i, t)| Some((i, t.clone_of?)));
    let (mut parted, mut together) = (0, 0);
    for (clone, original) in clones {
        let (clone_of, of) = (&p.trucks[clone], &p.trucks[original]);
        assert_eq!((&clone_of.plates, &clone_of.seals), (&of.plates, &of.seals));
        assert!(original < clone && of.story == Story::Conforming);
        let other_lane = clone_of.lane != of.lane;
        assert_eq!((clone_of.contested, of.contested), (other_lane, other_lane));
        assert!(!other_lane || clone == original + 1);
        if other_lane {
            parted += 1
        } else {
            together += 1
        }
    }
    assert!(parted > 0 && together > 0, "{parted} {together}");
}

#[test]
fn every_control_names_a_truck_of_that_story_and_no_other_one() {
    let p = Population::new(&options(400, 9));
    let declared = declarations(&p);
    let live = p
        .trucks
        .iter()
        .filter_map(|t| t.live_control.as_ref())
        .map(|c| &c.item);
    let controls: Vec<&Value> = p
        .items
        .iter()
        .filter(|i| i.get("control").is_some())
        .chain(live)
        .collect();
    assert_eq!(
        controls.len(),
        p.trucks
            .iter()
            .filter(|t| t.story == Story::UnderControl)
            .count()
    );
    for c in controls {
        let value = c["control"]["subject"]["value"].as_str().unwrap();
        for t in &p.trucks {
            let named = t
                .declaration
                .as_ref()
                .is_some_and(|id| declared[id].to_string().contains(&format!("\"{value}\"")));
            assert!(
                !named || t.story == Story::UnderControl,
                "{value} names {:?}",
                t.plates
            );
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_population_and_another_seed_another() {
    let text = |seed| format!("{:?}", Population::new(&options(60, seed)));
    assert_eq!(text(4), text(4));
    assert_ne!(text(4), text(5));
}
