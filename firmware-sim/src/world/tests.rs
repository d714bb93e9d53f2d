mod gateway;

use serde_json::{Value, json};

use super::*;
use crate::options::{Drivers, Geometry, Mix, Story, Times};
use gateway::{Gateway, Sabotage};

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
        drivers: Drivers::none(),
        plate_read_permille: 1000,
        geometry: Geometry::SideExit,
        officer: true,
        faults: crate::options::FaultOptions::default(),
    }
}

fn hits(g: &Gateway) -> usize {
    g.facts
        .iter()
        .filter(|f| matches!(f, Fact::HitByArm { .. }))
        .count()
}

#[test]
fn an_ideal_gateway_gets_two_hundred_trucks_of_all_stories_through_right() {
    let mut g = Gateway::new(options(200, 7), Sabotage::None);
    g.run();
    let s = g.world.score();
    assert_eq!(s.trucks, 200);
    assert_eq!((s.unfinished, s.held), (0, 0), "{s:?}");
    assert_eq!(s.released, s.must + s.may, "{s:?}");
    assert_eq!(s.inspected, s.must_not, "{s:?}");
    assert!(s.must >= 100 && s.may <= 10 && s.must_not >= 50, "{s:?}");
    assert_eq!(
        (
            s.false_releases,
            s.missed_releases,
            s.wrong_truck_releases,
            s.forced
        ),
        (0, 0, 0, 0)
    );
    assert_eq!(hits(&g), 0);
}

#[test]
fn lively_drivers_follow_tailgate_reverse_and_stall_and_nobody_is_hit_or_lost() {
    let mut notes: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..6 {
        let mut o = options(200, seed);
        o.drivers = Drivers::lively();
        let mut g = Gateway::new(o, Sabotage::None);
        g.run();
        let s = g.world.score();
        assert_eq!(s.released + s.inspected + s.held + s.unfinished, 200);
        assert_eq!(
            (s.false_releases, s.missed_releases, s.wrong_truck_releases),
            (0, 0, 0),
            "{seed} {s:?}"
        );
        assert_eq!(s.unfinished, 0, "{seed} {s:?}");
        let tailgated = g
            .facts
            .iter()
            .filter(|f| matches!(f, Fact::CrossedArm { forced: true, .. }))
            .count();
        assert_eq!(s.forced, tailgated as u64);
        assert_eq!(hits(&g), 0, "seed {seed}");
        for t in g.world.trucks() {
            *notes.entry(t.note.clone()).or_default() += 1;
        }
    }
    for wanted in [
        "followed",
        "tailgated",
        "reversed and came back",
        "halted under the arm",
    ] {
        assert!(
            notes.keys().any(|n| n.contains(wanted)),
            "nobody {wanted}: {notes:?}"
        );
    }
}

#[test]
fn with_the_bay_behind_the_barrier_inspected_trucks_cross_the_arm_to_it() {
    let mut o = options(60, 3);
    o.geometry = Geometry::BehindBarrier;
    let mut g = Gateway::new(o, Sabotage::None);
    g.run();
    let s = g.world.score();
    assert_eq!(
        (s.released, s.inspected, s.false_releases),
        (s.must + s.may, s.must_not, 0),
        "{s:?}"
    );
    let to_bay = g
        .facts
        .iter()
        .filter(|f| matches!(f, Fact::CrossedArm { to: To::Bay, .. }))
        .count();
    let in_bay = g
        .facts
        .iter()
        .filter(|f| matches!(f, Fact::WentToBay { .. }))
        .count();
    assert_eq!((to_bay as u64, in_bay as u64), (s.inspected, s.inspected));
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_facts_and_another_seed_others() {
    let transcript = |seed| {
        let mut o = options(40, seed);
        o.drivers = Drivers::lively();
        o.plate_read_permille = 900;
        let mut g = Gateway::new(o, Sabotage::None);
        g.run();
        g.transcript
    };
    let first = transcript(5);
    assert!(first == transcript(5));
    assert!(first != transcript(6));
}

#[test]
fn how_far_the_world_is_advanced_at_a_time_does_not_change_what_it_sends() {
    let sent = |step: Us| {
        let mut world = World::new(options(4, 2));
        let mut out = Vec::new();
        for at in (0..).map(|n| n * step).take_while(|&at| at <= 100_000 * MS) {
            world.advance(at);
            while let Some(o) = world.take_output() {
                out.push(o);
            }
        }
        out
    };
    let fine = sent(MS);
    assert!(fine.len() > 500);
    assert_eq!(fine, sent(50_000 * MS));
}

#[test]
fn a_gateway_that_lowers_onto_trucks_is_found_out() {
    let mut g = Gateway::new(options(10, 1), Sabotage::LowersOntoTruck);
    g.run();
    assert!(hits(&g) > 0);
    assert_eq!(g.world.score().faults["yard.hit-by-arm"], hits(&g) as u64);
}

#[test]
fn releasing_one_truck_that_must_not_be_is_one_false_release() {
    let mut o = options(20, 4);
    o.mix = Mix {
        overweight: 50,
        conforming: 950,
        ..Mix::only(Story::Conforming)
    };
    let mut g = Gateway::new(o, Sabotage::Releases(Story::Overweight));
    g.run();
    let s = g.world.score();
    assert_eq!(
        (s.must_not, s.false_releases, s.inspected),
        (1, 1, 0),
        "{s:?}"
    );
}

#[test]
fn a_second_spender_is_a_false_release_only_once_the_first_has_gone() {
    let mut o = options(30, 4);
    o.mix = Mix {
        spent_twice: 300,
        conforming: 700,
        ..Mix::only(Story::Conforming)
    };
    let mut g = Gateway::new(o.clone(), Sabotage::Releases(Story::SpentTwice));
    g.run();
    let s = g.world.score();
    assert!(s.must_not > 5);
    assert_eq!(s.false_releases, s.must_not, "{s:?}");
    // Nobody released: then nobody has spent, and the second may have the papers.
    let mut g = Gateway::new(o, Sabotage::ReturnsAll);
    g.run();
    let s = g.world.score();
    assert_eq!((s.must_not, s.held), (0, 30), "{s:?}");
    assert_eq!(s.missed_releases, s.must);
}

#[test]
fn trucks_nobody_answers_leave_after_ninety_seconds_unfinished() {
    let mut o = options(2, 4);
    o.mix = Mix::only(Story::Conforming);
    let mut g = Gateway::new(o, Sabotage::NeverAnswers);
    g.run();
    let s = g.world.score();
    assert_eq!((s.unfinished, s.missed_releases), (2, 2), "{s:?}");
    let in_lane_one = |fact: &Fact| {
        if let Fact::ReachedStopLine { at, lane: 0, .. } | Fact::ReversedOut { at, lane: 0, .. } =
            fact
        {
            Some(*at)
        } else {
            None
        }
    };
    let times: Vec<Us> = g.facts.iter().filter_map(in_lane_one).collect();
    assert_eq!(times[1] - times[0], 91_500 * MS);
}

fn record(seq: u64, kind: &str, at: &str, body: Value) -> Value {
    json!({"controller": "c1", "genesis": "g", "seq": seq, "prev": "0".repeat(64), "lane": "SZB-X-01",
           "passage": "SZB-X-01-1-1", "kind": kind, "at": at, "body": body})
}

fn hold(codes: &[&str]) -> Value {
    let reasons: Vec<Value> = codes
        .iter()
        .map(|c| json!({"code": c, "severity": "hold"}))
        .collect();
    json!({"case": {}, "verdict": {"verdict": "hold", "declarations": [], "reasons": reasons}})
}

fn orders(g: &Gateway) -> Vec<(Us, Value)> {
    let of = |(at, topic, payload): &(Us, String, Vec<u8>)| {
        (topic == "lanegate/c1/orders").then(|| (*at, serde_json::from_slice(payload).unwrap()))
    };
    g.published.iter().filter_map(of).collect()
}

/// A world whose only truck stands at the line of lane 1 and gets no answer.
fn standing(story: Story) -> Gateway {
    let mut o = options(1, 8);
    o.lanes = 1;
    o.mix = Mix::only(story);
    let mut g = Gateway::new(o, Sabotage::NeverAnswers);
    while g.world.physical(0).at_stop_line.is_none() {
        assert!(g.now < 60_000 * MS);
        g.poll();
    }
    g
}

#[test]
fn the_officer_supplies_the_plates_of_a_held_truck_two_seconds_later_and_is_counted() {
    let mut g = standing(Story::Misread);
    let asked = g.now;
    g.send(
        "lanegate/c1/records",
        &record(
            0,
            "verdict",
            "2026-11-24T08:00:08+08:00",
            hold(&["plate.unread"]),
        ),
    );
    g.wait(3_000 * MS);
    let sent = orders(&g);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].0 - asked, 2_000 * MS);
    let plates: Vec<&str> = sent[0].1["supply"]["plates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p.as_str().unwrap())
        .collect();
    assert_eq!(sent[0].1["kind"], "supply");
    assert_eq!(plates, g.world.trucks()[0].plates);
    assert_eq!(g.world.score().needed_person, 1);
}

#[test]
fn the_officer_sends_a_held_truck_that_must_not_go_to_inspection_and_is_not_counted() {
    let mut g = standing(Story::Overweight);
    g.send(
        "lanegate/c1/records",
        &record(
            0,
            "verdict",
            "2026-11-24T08:00:08+08:00",
            hold(&["weight.unstable"]),
        ),
    );
    g.wait(3_000 * MS);
    assert_eq!(orders(&g)[0].1["kind"], "inspect");
    assert_eq!(g.world.score().needed_person, 0);
    // The hold stands: giving up after it counts as held, not as unfinished.
    g.run();
    let s = g.world.score();
    assert_eq!((s.held, s.unfinished), (1, 0), "{s:?}");
}

#[test]
fn a_faulted_lane_is_reset_by_the_officer_until_it_is_well() {
    let mut g = standing(Story::Conforming);
    g.send(
        "lanegate/c1/lanes/SZB-X-01",
        &json!({"state": "faulted", "cause": "io"}),
    );
    g.wait(9_000 * MS);
    let kinds: Vec<Value> = orders(&g)
        .into_iter()
        .map(|o| o.1["kind"].clone())
        .collect();
    assert_eq!(kinds, ["reset", "reset"]);
    g.send("lanegate/c1/lanes/SZB-X-01", &json!({"state": "starting"}));
    g.wait(20_000 * MS);
    assert_eq!(orders(&g).len(), 2);
    assert_eq!(g.world.score().faults["officer.reset"], 2);
}

#[test]
fn a_camera_asked_again_answers_and_takes_a_new_picture_of_the_truck_at_the_line() {
    let mut g = standing(Story::Conforming);
    let sn = g.world.lanes()[0].camera_sn.clone();
    g.wait(1_000 * MS);
    g.published.clear();
    let asked = g.now;
    let trigger = json!({"id": "t-1", "sn": sn, "name": "ivs_trigger", "version": "1.0", "timestamp": 0,
                         "payload": {"type": "ivs_trigger", "body": {}}});
    g.send(&format!("device/{sn}/message/down/ivs_trigger"), &trigger);
    g.wait(1_000 * MS);
    let find = |tail: &str| {
        g.published
            .iter()
            .find(|p| p.1 == format!("device/{sn}/message/{tail}"))
    };
    let reply: Value = serde_json::from_slice(&find("down/ivs_trigger/reply").unwrap().2).unwrap();
    assert_eq!(reply["id"], "t-1");
    let (at, _, payload) = find("up/ivs_result").unwrap();
    assert!(
        (300 * MS..=600 * MS).contains(&(at - asked)),
        "{}",
        at - asked
    );
    let shot: Value = serde_json::from_slice(payload).unwrap();
    assert_eq!(
        shot["payload"]["AlarmInfoPlate"]["result"]["PlateResult"]["triggerType"],
        4
    );
}

#[test]
fn controls_issued_late_reach_the_controller_before_their_truck_and_count_once_applied() {
    let mut o = options(12, 21);
    o.mix = Mix::only(Story::UnderControl);
    let run = |answers: bool| {
        let mut g = Gateway::new(o.clone(), Sabotage::Releases(Story::UnderControl));
        let mut answered = 0;
        while !g.world.finished() {
            g.poll();
            let feeds: Vec<Value> = g
                .published
                .iter()
                .filter(|p| p.1.ends_with("/feed"))
                .map(|p| serde_json::from_slice(&p.2).unwrap())
                .collect();
            for feed in feeds.iter().skip(answered).filter(|_| answers) {
                g.send(
                    "lanegate/c1/feed/answer",
                    &json!({"epoch": 7, "seq": feed["seq"], "applied": true, "unusable": []}),
                );
            }
            answered = feeds.len();
        }
        g.world.score()
    };
    let heard = run(true);
    assert_eq!(
        (heard.must_not, heard.false_releases),
        (12, 12),
        "{heard:?}"
    );
    let unheard = run(false);
    assert!(unheard.may > 0 && unheard.must_not > 0, "{unheard:?}");
    assert_eq!(unheard.false_releases, unheard.must_not);
}

#[test]
fn a_misreading_camera_turns_must_into_may() {
    let mut o = options(60, 2);
    o.mix = Mix::only(Story::Conforming);
    o.plate_read_permille = 700;
    let mut g = Gateway::new(o, Sabotage::None);
    g.run();
    let s = g.world.score();
    assert!((20..50).contains(&s.may), "{s:?}");
    assert_eq!(s.must + s.may, 60);
}

#[test]
fn a_red_entry_keeps_the_next_truck_away_until_its_driver_gives_up() {
    let mut o = options(1, 2);
    o.lanes = 1;
    let mut world = World::new(o);
    let port = world.lanes()[0].io_port.clone();
    // FC05 coil 5 on.
    let bytes = vec![0x01, 0x05, 0x00, 0x05, 0xFF, 0x00, 0x9C, 0x3B];
    world.input(0, Input::Serial { port, bytes });
    world.advance(60_000 * MS);
    assert_eq!(world.trucks()[0].phase, Phase::Queued);
    world.advance(120_000 * MS);
    assert_eq!((world.finished(), world.score().unfinished), (true, 1));
}

#[test]
fn sealed_trucks_report_until_acknowledged_and_three_times_at_most() {
    let reports = |acknowledge: bool| {
        let mut g = standing(Story::BrokenSeal);
        let mut count = 0;
        let until = g.now + 30_000 * MS;
        while g.now < until {
            let at = g.now + 10 * MS;
            g.world.advance(at);
            g.now = at;
            while let Some(o) = g.world.take_output() {
                let Output::Serial { port, bytes } = o else {
                    continue;
                };
                if port.ends_with("/seal") && bytes[0] == b'$' {
                    count += 1;
                    for frame in bytes.chunks(62).filter(|_| acknowledge) {
                        let bytes = format!("(P69,0,{})", frame[61]).into_bytes();
                        let port = port.clone();
                        g.world.input(at, Input::Serial { port, bytes });
                    }
                }
            }
        }
        count
    };
    let (once, thrice) = (reports(true), reports(false));
    assert!(once > 0);
    assert!(thrice > once && thrice <= 3 * (once + 1), "{once} {thrice}");
}

#[test]
fn around_an_arrival_camera_and_scale_speak_of_the_truck_that_comes() {
    let mut o = options(1, 12);
    o.lanes = 1;
    o.mix = Mix::only(Story::Conforming);
    let mut g = Gateway::new(o, Sabotage::NeverAnswers);
    while g.world.physical(0).at_stop_line.is_none() {
        g.poll();
    }
    let presence = g
        .facts
        .iter()
        .find_map(|f| {
            if let Fact::Arrived { at, .. } = f {
                Some(*at)
            } else {
                None
            }
        })
        .unwrap();
    g.wait(1_000 * MS);
    let shot = g
        .published
        .iter()
        .find(|p| p.1.ends_with("up/ivs_result"))
        .unwrap();
    let v: Value = serde_json::from_slice(&shot.2).unwrap();
    let time = &v["payload"]["AlarmInfoPlate"]["result"]["PlateResult"]["timeStamp"]["Timeval"];
    let taken = time["sec"].as_u64().unwrap() * 1_000_000 + time["usec"].as_u64().unwrap()
        - 1_795_478_400_000_000;
    assert!(taken + 900 * MS >= presence && taken <= presence + 600 * MS);
    assert!(shot.0 > taken && shot.0 <= taken + 180 * MS);
    // Standing, the indicator shows the truck's weight to the division, frame after frame.
    let gross_kg = g.world.trucks[0].profile.gross_kg;
    let frame = crate::devices::scale::frame(crate::devices::scale::round(gross_kg, 20));
    let text = format!("bytes: {:?} }}", frame.to_vec());
    let before = String::from_utf8(std::mem::take(&mut g.transcript)).unwrap();
    assert!(
        before.contains("bytes: [2, 43, 48, 48, 48, 48, 48, 48, 48, 49, 66, 3]"),
        "never seen empty"
    );
    g.wait(1_000 * MS);
    let after = String::from_utf8(std::mem::take(&mut g.transcript)).unwrap();
    assert_eq!(after.matches(&text).count(), 5, "{after}");
}

#[test]
fn a_conforming_truck_that_tailgates_another_into_the_bay_is_not_the_gateways_miss() {
    let mut o = options(60, 1010);
    o.lanes = 3;
    o.drivers = Drivers::lively();
    o.geometry = Geometry::BehindBarrier;
    let mut g = Gateway::new(o, Sabotage::None);
    g.run();
    let into_bay = |f: &&Fact| {
        matches!(
            f,
            Fact::CrossedArm {
                to: To::Bay,
                forced: true,
                ..
            }
        )
    };
    assert_eq!(g.facts.iter().filter(into_bay).count(), 1);
    assert_eq!(g.world.score().missed_releases, 0);
}
