use super::*;

fn ours() -> Recovery {
    Recovery {
        start: 2,
        ours_up: true,
        ..Recovery::default()
    }
}

fn fresh() -> Recovery {
    Recovery {
        start: 2,
        ..Recovery::default()
    }
}

const UP: Inputs = Inputs {
    arm_up: true,
    arm_down: false,
    ..DOWN
};
const NEITHER: Inputs = Inputs {
    arm_down: false,
    ..DOWN
};

fn start(recovery: Recovery, inputs: Inputs) -> Bench {
    Bench::started(config(Geometry::SideExit), recovery, inputs)
}

#[test]
fn starting_to_vacant_only_after_the_settle_time_with_the_arm_down() {
    let mut b = start(fresh(), DOWN);
    b.run(1900);
    assert_eq!(b.state(), "starting");
    b.run(700);
    assert_eq!(b.state(), "vacant");
    assert_eq!((b.lifts(), b.lowers()), (0, 0), "a start moves nothing");
}

#[test]
fn starting_without_lane_io_waits() {
    let mut b = start(fresh(), DOWN);
    b.polling = false;
    b.run(60_000);
    assert_eq!(b.state(), "starting");
}

#[test]
fn starting_to_securing_when_the_arm_up_is_ours_and_then_lowered_after_quiet() {
    let mut b = start(ours(), UP);
    b.run(2200);
    assert_eq!(b.state(), "securing");
    b.run(4700);
    assert_eq!(b.state(), "securing", "quiet counts from here");
    b.run(300);
    assert_eq!(b.state(), "lowering");
    assert_eq!((b.lifts(), b.lowers()), (0, 1), "no lift is repeated");
    b.arm(false, true);
    b.run(100);
    assert_eq!(b.state(), "vacant");
}

/// Found by `simulate --seeds 6685..6686 --passages 100 --faults hostile`: the
/// time of the next pulse came while the inputs were fresh, and nobody looked
/// again when they went stale. Securing waits for seconds of quiet, so the arm
/// is still on its way up then.
#[test]
fn a_raise_is_pulsed_again_when_the_inputs_go_stale() {
    let mut config = config(Geometry::SideExit);
    config.inhibit_clear = Micros::from_ms(300);
    let mut b = Bench::started(config, ours(), UP);
    b.run(7200);
    assert_eq!((b.state(), b.lifts()), ("lowering", 0));
    b.arm(false, false);
    b.polling = false;
    b.run(600);
    assert_eq!((b.state(), b.lifts()), ("securing", 1));
    b.polling = true;
    b.run(600);
    assert_eq!(b.lifts(), 1, "clear when its time comes");
    b.polling = false;
    b.run(499);
    assert_eq!(b.lifts(), 1, "not stale yet");
    b.run(2);
    assert_eq!((b.state(), b.lifts()), ("securing", 2));
}

#[test]
fn securing_to_vacant_when_the_arm_is_down() {
    let mut b = start(ours(), UP);
    b.run(2200);
    b.arm(false, true);
    b.run(100);
    assert_eq!(b.state(), "vacant");
    assert!(b.kinds().contains(&"arm-down"));
}

#[test]
fn securing_waits_while_a_truck_is_under_the_arm() {
    let mut b = start(
        ours(),
        Inputs {
            inhibit: true,
            ..UP
        },
    );
    b.run(60_000);
    assert_eq!(b.state(), "securing");
    assert_eq!(b.lowers(), 0);
}

#[test]
fn securing_to_faulted_when_the_arm_is_neither_up_nor_down() {
    let mut b = start(ours(), UP);
    b.run(2200);
    b.arm(false, false);
    b.run(5100);
    assert_eq!(b.lane.fault(), Some("arm-position"));
}

#[test]
fn starting_to_arm_up_when_no_record_explains_it() {
    let mut b = start(fresh(), UP);
    b.run(2200);
    assert_eq!(b.state(), "arm-up");
    assert!(b.kinds().contains(&"unpaired-lift"));
    assert!(b.told("unpaired-lift"));
}

#[test]
fn starting_to_faulted_when_the_arm_is_neither_up_nor_down() {
    let mut b = start(fresh(), NEITHER);
    b.run(5200);
    assert_eq!(b.lane.fault(), Some("arm-position"));
    assert!(b.kinds().contains(&"fault"));
}

#[test]
fn starting_to_arm_up_when_keep_up_or_maintenance_is_in_force() {
    for (keep_up, maintenance) in [(true, false), (false, true)] {
        let recovery = Recovery {
            keep_up,
            maintenance,
            ..fresh()
        };
        let b = start(recovery, DOWN);
        assert_eq!(b.state(), "arm-up");
        assert_eq!(b.lifts(), 0, "a restart never lifts");
    }
}

#[test]
fn a_close_outlives_a_restart() {
    let recovery = Recovery {
        closed: true,
        ..fresh()
    };
    let mut b = start(recovery, DOWN);
    b.run(2500);
    assert_eq!(b.state(), "closed");
    b.lane_order("\"open\"");
    b.run(2500);
    assert_eq!(b.state(), "vacant");
}

#[test]
fn a_truck_present_at_the_start_gets_a_passage_of_its_own() {
    let mut b = start(
        fresh(),
        Inputs {
            presence: true,
            ..DOWN
        },
    );
    b.run(2500);
    assert_eq!(b.state(), "gathering");
    assert_eq!(b.lane.passage().unwrap().as_str(), "SZB-X-01-2-1");
    let seen = |(_, c): &(u64, Command)| matches!(c, Command::Recapture { .. });
    b.run(3000);
    assert!(b.log.iter().any(seen), "the camera is asked again");
}

#[test]
fn vehicle_edges_in_starting_are_records() {
    let mut b = start(fresh(), DOWN);
    b.run(200);
    b.inputs.presence = true;
    b.run(200);
    assert!(b.kinds().contains(&"vehicle-edge"));
}

#[test]
fn vacant_to_gathering_when_a_truck_comes() {
    let mut b = Bench::vacant();
    b.inputs.presence = true;
    b.run(100);
    assert_eq!(b.state(), "gathering");
}

#[test]
fn vacant_to_arm_up_when_the_arm_is_seen_up() {
    let mut b = Bench::vacant();
    b.arm(true, false);
    assert_eq!(b.state(), "arm-up");
    assert!(b.kinds().contains(&"unpaired-lift"));
}

#[test]
fn vacant_to_arm_up_when_the_arm_stays_off_down() {
    let mut b = Bench::vacant();
    b.arm(false, false);
    b.run(4900);
    assert_eq!(b.state(), "vacant");
    b.run(200);
    assert_eq!(b.state(), "arm-up");
}

#[test]
fn vacant_to_closed_and_closed_to_arm_up() {
    let mut b = Bench::vacant();
    b.lane_order("\"close\"");
    b.run(100);
    assert_eq!(b.state(), "closed");
    b.arm(true, false);
    assert_eq!(b.state(), "arm-up");
}

#[test]
fn a_close_is_latched_until_vacant() {
    let mut b = Bench::passing();
    b.lane_order("\"close\"");
    assert_eq!(b.state(), "passing");
    b.drive_through();
    b.arm(false, true);
    b.run(200);
    assert_eq!(b.state(), "closed");
    assert_eq!(b.outcomes(), [Outcome::Passed]);
}

#[test]
fn faulted_to_starting_when_lane_io_was_lost_with_the_arm_down() {
    let mut b = Bench::vacant();
    b.polling = false;
    b.run(1000);
    b.event(Event::DeviceLost(DeviceId::parse("io-1").unwrap()));
    assert_eq!(b.lane.fault(), Some("lane-io"));
    b.polling = true;
    b.run(6000);
    assert_eq!(b.state(), "vacant");
}

#[test]
fn lost_io_with_the_arm_up_stays_up_and_waits_for_an_officer() {
    let mut b = Bench::passing();
    b.polling = false;
    b.event(Event::DeviceLost(DeviceId::parse("io-1").unwrap()));
    assert_eq!(b.lane.fault(), Some("lane-io"));
    assert_eq!(b.outcomes(), [Outcome::Unknown]);
    b.polling = true;
    b.run(60_000);
    assert_eq!(b.state(), "faulted");
    assert_eq!(b.lowers(), 0, "the arm stays up");
    b.lane_order("\"reset\"");
    b.run(2500);
    assert_eq!(b.state(), "securing", "the arm up is ours");
}

#[test]
fn any_other_fault_waits_for_an_officers_reset() {
    let mut b = Bench::cleared();
    b.run(5100);
    assert_eq!(b.lane.fault(), Some("lift-not-confirmed"));
    b.run(60_000);
    assert_eq!(b.state(), "faulted");
    b.lane_order("\"reset\"");
    assert_eq!(b.state(), "starting");
}

#[test]
fn a_drain_takes_no_new_passages() {
    let mut b = Bench::vacant();
    b.event(Event::Drain);
    assert_eq!(b.state(), "closed");
    b.inputs.presence = true;
    b.run(3000);
    assert_eq!(b.state(), "closed");
    assert!(b.lane.at_rest());
}

#[test]
fn a_drain_lets_the_present_passage_end() {
    let mut b = Bench::passing();
    b.event(Event::Drain);
    assert!(!b.lane.at_rest());
    b.drive_through();
    b.arm(false, true);
    b.run(200);
    assert!(b.lane.at_rest());
    assert_eq!(b.outcomes(), [Outcome::Passed]);
}

/// Case c43: a relay board that restarts gets its lights again, never a lift.
#[test]
fn after_an_output_mismatch_lights_are_set_again_and_a_lift_never() {
    let mut b = Bench::vacant();
    b.event(Event::OutputFailed {
        what: "lights".into(),
    });
    let lights = |(_, c): &(u64, Command)| matches!(c, Command::SetLights(_));
    assert!(b.log.iter().any(lights));
    assert_eq!(b.lifts(), 0);
    assert!(b.told("output-failed"));
}
