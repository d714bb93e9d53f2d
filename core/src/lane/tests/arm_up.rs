use super::*;

#[test]
fn arm_up_unpaired_to_starting_when_the_arm_is_down_and_nothing_is_under_it() {
    let mut b = Bench::vacant();
    b.arm(true, false);
    b.inputs.inhibit = true;
    b.run(500);
    b.arm(false, true);
    b.run(3000);
    assert_eq!(b.state(), "arm-up", "something is under it");
    b.inputs.inhibit = false;
    b.run(1600);
    assert_eq!(b.state(), "starting");
    assert_eq!((b.lifts(), b.lowers()), (0, 0), "nothing lowers by itself");
}

#[test]
fn every_vehicle_edge_under_an_unpaired_arm_is_a_record() {
    let mut b = Bench::vacant();
    b.arm(true, false);
    b.inputs.presence = true;
    b.run(300);
    b.inputs.inhibit = true;
    b.run(300);
    b.inputs.presence = false;
    b.run(800);
    let edges = b.kinds().iter().filter(|k| **k == "vehicle-edge").count();
    assert_eq!(edges, 3);
}

#[test]
fn gathering_to_arm_up_ends_the_passage_unknown() {
    let mut b = Bench::vacant();
    b.inputs.presence = true;
    b.run(100);
    b.arm(true, false);
    assert_eq!(b.state(), "arm-up");
    assert_eq!(b.outcomes(), [Outcome::Unknown]);
}

#[test]
fn keep_up_lifts_after_its_record_and_stays_until_an_officer_ends_it() {
    let mut b = Bench::vacant();
    b.commits = Commits::Wait;
    b.lane_order("\"keep-up\"");
    assert_eq!(b.lifts(), 0);
    b.durable();
    assert_eq!((b.state(), b.lifts()), ("arm-up", 1));
    b.arm(true, false);
    b.run(60_000);
    assert_eq!((b.state(), b.lowers()), ("arm-up", 0));
    b.commits = Commits::AtOnce;
    b.lane_order("\"end-keep-up\"");
    b.run(2500);
    assert_eq!(b.state(), "securing");
}

#[test]
fn keep_up_ends_the_present_passage_unknown() {
    let mut b = Bench::passing();
    b.lane_order("\"keep-up\"");
    assert_eq!(b.outcomes(), [Outcome::Unknown]);
    assert_eq!(b.state(), "arm-up");
}

#[test]
fn moves_are_for_maintenance_only_and_a_lower_needs_a_clear_inhibit() {
    let mut b = Bench::vacant();
    b.lane_order("\"move up\"");
    assert_eq!(b.answers(), [Some("not-now".to_owned())]);
    b.lane_order("\"maintenance\"");
    b.lane_order("\"move up\"");
    assert_eq!((b.state(), b.lifts()), ("arm-up", 1));
    b.arm(true, false);
    b.inputs.inhibit = true;
    b.run(200);
    b.lane_order("\"move down\"");
    assert_eq!(b.lowers(), 0);
    b.inputs.inhibit = false;
    b.run(1600);
    b.lane_order("\"move down\"");
    assert_eq!(b.lowers(), 1);
    b.inputs.inhibit = true;
    b.run(100);
    assert_eq!(b.lifts(), 2, "the watch holds in maintenance too");
    assert!(!b.kinds().contains(&"unpaired-lift"));
}

#[test]
fn maintenance_is_refused_with_a_truck_in_the_lane_and_ends_in_starting() {
    let mut b = Bench::held();
    b.lane_order("\"maintenance\"");
    assert_eq!(b.answers(), [Some("not-now".to_owned())]);
    let mut b = Bench::vacant();
    b.lane_order("\"maintenance\"");
    b.lane_order("\"end-maintenance\"");
    assert_eq!(b.state(), "starting");
}

#[test]
fn a_lane_order_for_another_lane_is_refused_on_the_record() {
    let mut b = Bench::vacant();
    let text = r#"{"id":"l-1","lane":"SZB-X-02","kind":"keep-up","officer":"p-4","reason":"x"}"#;
    b.event(Event::LaneOrder(parse_json(text).unwrap()));
    assert_eq!(b.answers(), [Some("other-lane".to_owned())]);
    assert_eq!(b.kinds(), ["lane-order"]);
    assert_eq!(b.lifts(), 0);
}
