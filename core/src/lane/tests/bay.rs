use super::*;

#[test]
fn diverting_to_vacant_to_bay() {
    let mut b = Bench::diverting_with(config(Geometry::SideExit));
    b.inputs.presence = false;
    b.run(800);
    assert_eq!(b.state(), "vacant");
    assert_eq!(b.outcomes(), [Outcome::ToBay]);
    assert_eq!(b.lifts(), 0);
}

#[test]
fn diverting_to_cleared_by_an_order_to_release() {
    let mut b = Bench::diverting_with(config(Geometry::SideExit));
    b.order(OrderKind::Release);
    assert_eq!((b.state(), b.lifts()), ("cleared", 1));
}

#[test]
fn diverting_to_arm_up_when_the_arm_is_seen_up() {
    let mut b = Bench::diverting_with(config(Geometry::SideExit));
    b.arm(true, false);
    assert_eq!(b.state(), "arm-up");
}

fn with_bay_input(geometry: Geometry) -> LaneConfig {
    LaneConfig {
        bay_input: true,
        ..config(geometry)
    }
}

#[test]
fn with_a_bay_input_the_outcome_waits_apart_from_the_lane() {
    let mut b = Bench::diverting_with(with_bay_input(Geometry::SideExit));
    b.inputs.presence = false;
    b.run(800);
    assert_eq!(b.state(), "vacant");
    assert_eq!(b.outcomes(), []);
    b.inputs.bay = Some(true);
    b.run(100);
    assert_eq!(b.outcomes(), [Outcome::ToBay]);
}

#[test]
fn a_truck_that_does_not_reach_the_bay_is_unknown_and_an_alarm() {
    let mut b = Bench::diverting_with(with_bay_input(Geometry::SideExit));
    b.inputs.presence = false;
    b.run(121_000);
    assert_eq!(b.outcomes(), [Outcome::Unknown]);
    assert!(b.told("bay-not-reached"));
}

#[test]
fn behind_barrier_an_inspected_truck_is_lifted_towards_the_bay() {
    let mut b = Bench::diverting_with(with_bay_input(Geometry::BehindBarrier));
    assert_eq!((b.state(), b.lifts()), ("cleared", 1));
    b.arm(true, false);
    let lights = |(_, c): &(u64, Command)| match c {
        Command::SetLights(l) => Some(*l),
        _ => None,
    };
    let last = b.log.iter().filter_map(lights).next_back().unwrap();
    assert!(last.to_bay && last.exit_green);
    b.drive_through();
    b.arm(false, true);
    b.run(100);
    assert_eq!((b.state(), b.outcomes()), ("vacant", vec![]));
    b.inputs.bay = Some(true);
    b.run(100);
    assert_eq!(b.outcomes(), [Outcome::ToBay]);
}

#[test]
fn behind_barrier_a_truck_lost_on_the_way_is_unknown() {
    let mut b = Bench::diverting_with(with_bay_input(Geometry::BehindBarrier));
    b.arm(true, false);
    b.drive_through();
    b.arm(false, true);
    b.run(121_000);
    assert_eq!(b.outcomes(), [Outcome::Unknown]);
}

#[test]
fn diverter_arm_reports_bay_before_the_lift() {
    let mut b = Bench::diverting_with(config(Geometry::DiverterArm));
    assert_eq!((b.state(), b.lifts()), ("cleared", 0));
    let to_bay = |(_, c): &(u64, Command)| matches!(c, Command::Divert { to_bay: true });
    assert!(b.log.iter().any(to_bay));
    b.inputs.diverter_bay = Some(false);
    b.run(500);
    assert_eq!(b.lifts(), 0);
    b.inputs.diverter_bay = Some(true);
    b.run(100);
    assert_eq!(b.lifts(), 1);
}

#[test]
fn diverter_arm_stands_to_the_road_before_a_release_lifts() {
    let mut b = Bench::vacant_with(config(Geometry::DiverterArm));
    b.inputs.diverter_bay = Some(true);
    b.arrive();
    b.run(500);
    assert_eq!((b.state(), b.lifts()), ("cleared", 0));
    b.inputs.diverter_bay = Some(false);
    b.run(100);
    assert_eq!(b.lifts(), 1);
}

#[test]
fn a_diverter_that_does_not_report_faults_the_lane() {
    let mut b = Bench::diverting_with(config(Geometry::DiverterArm));
    b.run(5100);
    assert_eq!(b.lane.fault(), Some("diverter"));
    assert_eq!(b.lifts(), 0);
}

#[test]
fn a_truck_that_leaves_before_the_diverter_stands_is_left() {
    let mut b = Bench::diverting_with(config(Geometry::DiverterArm));
    b.inputs.presence = false;
    b.run(800);
    assert_eq!((b.state(), b.lifts()), ("vacant", 0));
    assert_eq!(b.outcomes(), [Outcome::Left]);
}
