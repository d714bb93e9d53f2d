//! A camera is asked again before a Hold for an unread plate.

use super::*;

fn asked_at(b: &Bench) -> Vec<u64> {
    let asked = |(at, c): &(u64, Command)| matches!(c, Command::Recapture { .. }).then_some(*at);
    b.log.iter().filter_map(asked).collect()
}

#[test]
fn recapture_asks_the_camera_twice_before_a_hold_for_an_unread_plate() {
    let b = Bench::held();
    assert_eq!(asked_at(&b).len(), 2);
    assert_eq!(b.codes(), ["plate.unread"]);
}

#[test]
fn a_plate_read_on_recapture_releases() {
    let mut b = Bench::vacant();
    b.cam_reads = false;
    b.arrive();
    b.run(2200);
    b.read("粤B12345", 95);
    b.run(100);
    assert_eq!(b.verdicts(), [VerdictKind::Release]);
}

/// What a command made the camera read just now.
fn answer(b: &mut Bench, text: &str) {
    let content = Content::Plates(PlatesReading {
        event: Some(format!("answer at {}", b.ms)),
        reads: vec![PlateRead {
            text: text.to_owned(),
            confidence_pct: 95,
            rival: false,
        }],
        pictures: Vec::new(),
        on_request: true,
    });
    b.event(reading(
        "cam-1",
        b.ms,
        Taken::At(Mono(b.ms * 1000)),
        content,
    ));
}

/// Found by `simulate --seeds 550..551 --passages 100 --faults hostile`: a camera's
/// clock was set forward by as much as its line was slow, so what it had been asked
/// of the truck before seemed taken when the next had come.
#[test]
fn what_a_camera_was_asked_of_the_truck_before_is_not_the_next_ones() {
    let mut b = Bench::held();
    assert_eq!(asked_at(&b).len(), 2);
    b.inputs.presence = false;
    b.run(900);
    assert_eq!(b.state(), "vacant");
    b.weigh(0);
    b.arrive();
    b.run(1000);
    answer(&mut b, "粤B99999");
    assert_eq!(b.dropped("asked-of-the-truck-before"), 1);
    b.run(700);
    assert_eq!((asked_at(&b).len(), b.verdicts().len()), (3, 1));
    answer(&mut b, "粤B12345");
    b.run(1000);
    assert_eq!(b.verdicts(), [VerdictKind::Hold, VerdictKind::Release]);
}

/// Whether what a camera read on command counts at once, so long after the start.
fn counts_unasked(config: LaneConfig, after_ms: u64) -> bool {
    let mut b = Bench::vacant_with(config);
    b.cam_reads = false;
    b.run(after_ms);
    b.arrive();
    b.run(500);
    answer(&mut b, "粤B12345");
    b.run(600);
    b.verdicts() == [VerdictKind::Release]
}

/// Other software may trigger it for each truck.
#[test]
fn what_others_made_a_camera_read_counts_unless_we_may_have() {
    let config = config(Geometry::SideExit);
    assert!(!counts_unasked(config.clone(), 0), "asked before the start");
    assert!(counts_unasked(config.clone(), 30_000));
    let mut never = config.clone();
    never.recapture_n_max = 0;
    assert!(counts_unasked(never, 0), "we never ask");
    let mut cannot = config;
    let camera = DeviceId::parse("cam-1").unwrap();
    cannot.devices.get_mut(&camera).unwrap().can_recapture = false;
    assert!(counts_unasked(cannot, 0), "we cannot ask");
}

/// Nor is it once that truck may have been exchanged for another while nobody
/// looked; whoever is there now is asked for anew.
#[test]
fn what_was_asked_before_a_gap_is_not_of_whoever_stands_there_behind_it() {
    let mut b = Bench::vacant();
    b.cam_reads = false;
    b.arrive();
    b.run(2350);
    assert_eq!(asked_at(&b).len(), 2);
    b.polling = false;
    b.run(650);
    b.polling = true;
    b.run(700);
    assert_eq!(b.dropped("inputs-gap"), 1);
    answer(&mut b, "粤B99999");
    b.run(1000);
    assert_eq!(b.dropped("asked-of-the-truck-before"), 1);
    assert_eq!((asked_at(&b).len(), b.verdicts().len()), (3, 0));
    answer(&mut b, "粤B12345");
    b.weigh(8600);
    b.run(200);
    assert_eq!(b.verdicts(), [VerdictKind::Release]);
}

/// A scale that takes longer than the camera leaves no time to ask it behind it.
#[test]
fn a_camera_that_had_its_time_is_asked_again_while_the_scale_still_has_its_own() {
    let mut config = config(Geometry::SideExit);
    let scale = DeviceId::parse("scale-1").unwrap();
    config.devices.get_mut(&scale).unwrap().evidence = Micros::from_ms(4800);
    // Between two polls: nothing else wakes the lane then.
    let camera = DeviceId::parse("cam-1").unwrap();
    config.devices.get_mut(&camera).unwrap().evidence = Micros::from_ms(1550);
    let mut b = Bench::vacant_with(config);
    b.inputs.presence = true;
    b.poll();
    let came = b.ms;
    b.run(3000);
    assert_eq!(asked_at(&b), [came + 1550, came + 2350]);
    b.read("粤B12345", 95);
    b.run(1000);
    assert_eq!((b.state(), b.verdicts().len()), ("gathering", 0));
    b.weigh(8600);
    b.run(100);
    assert_eq!(b.verdicts(), [VerdictKind::Release]);
}

/// What the rules call unread is asked for again, though it has a plate's shape.
#[test]
fn a_camera_whose_read_is_weak_is_asked_again() {
    let mut b = Bench::vacant();
    b.inputs.presence = true;
    b.poll();
    let came = b.ms;
    b.read("粤B12345", 40);
    b.run(1400);
    assert_eq!(asked_at(&b), [0; 0]);
    b.run(200);
    assert_eq!(asked_at(&b), [came + 1500]);
}

#[test]
fn a_lost_camera_keeps_none_waiting() {
    let mut config = config(Geometry::SideExit);
    let rear = DeviceId::parse("cam-2").unwrap();
    let mut camera = config.devices[&DeviceId::parse("cam-1").unwrap()].clone();
    camera.evidence = Micros::from_ms(3550);
    config.devices.insert(rear.clone(), camera);
    let asked_for = |lost: bool| {
        let mut b = Bench::vacant_with(config.clone());
        if lost {
            b.event(Event::DeviceLost(rear.clone()));
        }
        b.inputs.presence = true;
        b.poll();
        let came = b.ms;
        b.run(3600);
        let asked = asked_at(&b);
        asked.first().map(|at| at - came)
    };
    assert_eq!(asked_for(true), Some(1500));
    assert_eq!(asked_for(false), Some(3550));
}
