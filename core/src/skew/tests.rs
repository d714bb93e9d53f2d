//! Scenario tests: at this time arrives a message of that device time.

use super::*;

/// The scenario begins at this wall time, on a device clock that is right.
const START: Wall = Wall(1_795_478_400_000);
/// We started so long before it.
const BEFORE_MS: i64 = 60_000;

fn at(ms: i64) -> Mono {
    Mono(u64::try_from((BEFORE_MS + ms) * 1000).unwrap())
}

/// What a device whose clock is `off` ms ahead shows at `ms` of the scenario.
fn device(ms: i64, off: i64) -> Wall {
    START.plus_ms(ms + off)
}

/// A device known to be `off` ms ahead, by two heartbeats before our scenario.
fn proven(off: i64) -> Skew {
    let mut skew = Skew::new();
    for ms in [-15_000, -5_000] {
        skew.heartbeat(device(ms, off), at(ms), None);
    }
    skew
}

#[test]
fn two_heartbeats_prove_the_offset_however_far_the_clock_is_off() {
    let mut skew = Skew::new();
    for ms in [5_000, 10_000, 14_900] {
        skew.heartbeat(device(ms, -7_000_000), at(ms), None);
        assert_eq!(skew.taken(device(ms, -7_000_000)), None);
    }
    skew.heartbeat(device(15_000, -7_000_000), at(15_000), None);
    assert_eq!(skew.taken(device(6_500, -7_000_000)), Some(at(6_500)));
    let off = skew.off_ms(at(5_000), START.plus_ms(5_000));
    assert_eq!(off, Some(-7_000_000));
}

/// Field case c01: delivered 190 s late, with a delivery time that looks
/// current; the read belongs to the truck of 190 s ago.
#[test]
fn a_read_delivered_190_s_late_is_placed_190_s_back() {
    let mut skew = Skew::new();
    for s in [1, 6, 11, 16] {
        skew.heartbeat(device(s * 1000, 0), at(s * 1000), None);
    }
    skew.observe(device(20_000, 0), at(210_000), None);
    assert_eq!(skew.taken(device(20_000, 0)), Some(at(20_000)));
}

#[test]
fn late_reads_alone_never_raise_the_estimate_however_many_agree() {
    let mut skew = proven(0);
    skew.heartbeat(device(1_000, 0), at(1_000), None);
    for n in 0..50 {
        let taken_ms = 2_000 + n * 2_000;
        skew.observe(device(taken_ms, 0), at(taken_ms + 190_000), None);
    }
    let placed = skew.taken(device(100_000, 0)).unwrap();
    // Drift may add 200 millionths of the five minutes.
    assert!(placed.since(at(100_000)) <= Micros(60_000), "{placed:?}");
}

/// Field case c01 after a restart: the first thing heard may be the late one.
#[test]
fn the_first_read_after_a_start_is_not_proven_alone() {
    let mut skew = Skew::new();
    skew.observe(device(0, 0), at(190_000), None);
    assert_eq!(skew.taken(device(0, 0)), None);
    skew.observe(device(800, 0), at(190_400), None);
    assert_eq!(skew.taken(device(0, 0)), None, "both may be late together");
    skew.heartbeat(device(191_000, 0), at(191_000), None);
    assert_eq!(skew.taken(device(0, 0)), None, "it may be late as well");
    skew.heartbeat(device(201_000, 0), at(201_000), None);
    assert_eq!(skew.taken(device(0, 0)), Some(at(0)));
}

/// Found by `simulate --seeds 26..27 --passages 20 --faults hostile`: a message
/// of the truck before, kept by the broker over our restart, says when it was
/// sent by a clock nobody knows yet. It was believed to be of that moment.
#[test]
fn what_was_kept_over_our_restart_proves_nothing_by_its_own_sending_time() {
    for wall in [None, Some(START.plus_ms(500))] {
        let mut skew = Skew::new();
        skew.heartbeat(device(-9_000, 30_000), at(500), wall);
        assert_eq!(skew.taken(device(-9_000, 30_000)), None);
        // The next one, in time, shows how late it was.
        skew.heartbeat(device(2_000, 30_000), at(2_000), wall);
        skew.heartbeat(device(12_000, 30_000), at(12_000), wall);
        assert_eq!(skew.taken(device(-9_000, 30_000)), Some(at(-9_000)));
    }
}

#[test]
fn a_heartbeat_near_the_trusted_wall_clock_is_proven_alone() {
    let mut skew = Skew::new();
    skew.heartbeat(device(400, 0), at(900), Some(START.plus_ms(900)));
    assert_eq!(skew.taken(device(900, 0)), Some(at(900)));
    // Ahead of it a clock cannot be by the way of a message.
    skew.heartbeat(device(1_500, 700), at(1_600), Some(START.plus_ms(1_600)));
    assert_eq!(skew.taken(device(2_000, 700)), Some(at(2_100)));
}

/// Found by `simulate --seeds 1342..1343 --passages 20 --faults hostile`: the
/// first read after a start, of the truck before and 1.9 s late, was near enough
/// to the wall clock to be believed, and was placed at its arrival.
#[test]
fn the_first_read_after_a_start_is_not_placed_later_than_the_wall_clock_has_it() {
    let mut skew = Skew::new();
    let wall = |ms| Some(START.plus_ms(ms));
    skew.observe(device(0, 0), at(1_900), wall(1_900));
    assert_eq!(skew.taken(device(0, 0)), Some(at(0)));
    // A clock 1.9 s behind would look the same, until messages agree.
    let behind = |ms| device(ms, -1_900);
    let mut skew = Skew::new();
    for ms in [0, 5_000, 30_000, 59_000] {
        skew.observe(behind(ms), at(ms), wall(ms));
        assert_eq!(skew.taken(behind(ms)), Some(at(ms - 1_900)));
    }
    skew.observe(behind(60_000), at(60_000), wall(60_000));
    assert_eq!(skew.taken(behind(60_000)), Some(at(60_000)));
}

#[test]
fn two_reads_ten_seconds_apart_that_agree_prove_the_offset() {
    let mut skew = Skew::new();
    skew.observe(device(1_000, 0), at(1_300), None);
    skew.observe(device(10_500, 0), at(10_800), None);
    assert_eq!(skew.taken(device(10_500, 0)), None);
    skew.observe(device(11_100, 0), at(11_400), None);
    assert_eq!(skew.taken(device(11_100, 0)), Some(at(11_400)));
}

#[test]
fn two_reads_that_disagree_prove_nothing() {
    let mut skew = Skew::new();
    skew.observe(device(0, 0), at(190_000), None);
    skew.observe(device(230_000, 0), at(231_000), None);
    assert_eq!(skew.taken(device(230_000, 0)), None);
}

#[test]
fn a_read_near_the_trusted_wall_clock_is_proven_alone_and_another_is_not() {
    let mut skew = Skew::new();
    let wall = |ms| START.plus_ms(ms);
    skew.observe(device(0, 0), at(190_000), Some(wall(190_000)));
    assert_eq!(skew.taken(device(0, 0)), None);
    skew.observe(device(195_000, 0), at(195_400), Some(wall(195_400)));
    assert_eq!(skew.taken(device(195_000, 0)), Some(at(195_000)));
    assert_eq!(skew.taken(device(0, 0)), Some(at(0)));
}

/// Found by `simulate --seeds 4182..4183 --passages 20 --faults hostile`: the
/// first message of a clock set forward was two seconds late, and so the read of
/// the truck before was placed after its leaving.
#[test]
fn a_clock_set_forward_is_followed_when_messages_agree_for_a_minute() {
    let mut skew = proven(0);
    skew.heartbeat(device(1_000, 0), at(1_000), None);
    let ahead = |ms| device(ms, 3_600_000);
    skew.observe(ahead(6_000), at(8_200), None);
    assert_eq!(skew.taken(ahead(6_000)), None, "it may be late");
    for ms in [8_000, 18_000, 40_000, 67_900] {
        skew.heartbeat(ahead(ms), at(ms), None);
        assert_eq!(skew.taken(ahead(6_000)), None);
    }
    skew.heartbeat(ahead(68_200), at(68_200), None);
    assert_eq!(skew.taken(ahead(6_000)), Some(at(6_000)));
}

/// Right is what a second message finds right.
#[test]
fn a_clock_set_right_forward_is_placed_by_the_wall_clock_from_the_second_message_on() {
    let mut skew = proven(-60_000);
    let wall = |ms| Some(START.plus_ms(ms));
    skew.observe(device(6_001, 1_900), at(7_901), wall(7_901));
    assert_eq!(skew.taken(device(6_001, 1_900)), None);
    skew.observe(device(9_001, 1_900), at(9_101), wall(9_101));
    assert_eq!(skew.taken(device(6_001, 1_900)), Some(at(6_101)));
}

/// Nothing late may raise it: neither what looks right, nor what was stamped as
/// it was sent.
#[test]
fn an_estimate_begun_anew_is_not_raised_by_a_late_message_near_the_wall_clock() {
    let mut skew = proven(3_000);
    skew.observe(device(1_001, 3_000), at(1_101), Some(START.plus_ms(1_101)));
    let ahead = |ms| device(ms, 3_800);
    let wall = |ms| Some(START.plus_ms(ms));
    skew.observe(ahead(6_001), at(6_101), wall(6_101));
    skew.observe(ahead(8_001), at(11_001), wall(11_001));
    let placed = skew.taken(ahead(8_001));
    assert!(
        placed.is_none_or(|placed| placed <= at(8_101)),
        "{placed:?}"
    );
}

/// What is placed by the wall clock is held against that.
#[test]
fn a_right_clock_stays_so_whatever_its_first_message_took() {
    let mut skew = Skew::new();
    let wall = |ms| Some(START.plus_ms(ms));
    skew.observe(device(1, 0), at(1_001), wall(1_001));
    skew.observe(device(120_001, 0), at(120_501), None);
    assert_eq!(skew.taken(device(120_001, 0)), Some(at(120_501)));
}

/// By less than a second ahead, as late as the message was.
#[test]
fn a_clock_set_forward_by_as_much_as_its_message_is_late_is_no_quick_message() {
    let mut skew = proven(0);
    skew.heartbeat(device(1_001, 0), at(1_051), None);
    let ahead = |ms| device(ms, 3_000);
    skew.observe(ahead(6_001), at(8_601), None);
    assert_eq!(skew.taken(ahead(6_001)), None);
    // Heartbeats in whole seconds may all have been a second early.
    let mut skew = proven(0);
    skew.observe(device(6_801, 0), at(5_901), None);
    assert_eq!(skew.taken(device(6_801, 0)), Some(at(5_901)));
}

/// Found by `simulate --seeds 60..61 --passages 20 --faults field`: a clock 3.8 s
/// ahead, on a line two seconds slow, looked right and was placed by that.
#[test]
fn a_late_message_near_the_wall_clock_makes_no_clock_right_that_messages_agree_is_ahead() {
    let ahead = |ms| device(ms, 3_800);
    let mut skew = Skew::new();
    skew.heartbeat(device(4_000, 3_000), at(4_061), None);
    skew.observe(ahead(4_300), at(4_400), None);
    skew.observe(ahead(7_500), at(9_754), Some(START.plus_ms(9_754)));
    let placed = skew.taken(ahead(7_500)).unwrap();
    assert!(placed.since(at(7_500)) <= Micros(100_000), "{placed:?}");
}

/// Heartbeats of a clock that was set back by ten minutes at 0, these seconds
/// after it; whether it is followed then.
fn is_followed(mut skew: Skew, seconds: &[i64]) -> bool {
    let set_back = |s: i64| device(s * 1000, -600_000);
    for &s in seconds {
        skew.heartbeat(set_back(s), at(s * 1000), None);
    }
    skew.taken(set_back(100)) == Some(at(100_000))
}

#[test]
fn a_clock_set_back_is_followed_after_five_heartbeats_and_a_minute_that_agree() {
    assert!(!is_followed(proven(0), &[0, 30, 60, 90]), "four");
    assert!(!is_followed(proven(0), &[0, 5, 10, 15, 20, 59]), "59 s");
    assert!(!is_followed(proven(0), &[0, 20, 40, 60, 60]), "one twice");
    assert!(is_followed(proven(0), &[0, 15, 30, 45, 60]));
    let mut prompt = Skew::prompt();
    prompt.heartbeat(device(-15_000, 0), at(-15_000), None);
    prompt.heartbeat(device(-5_000, 0), at(-5_000), None);
    assert!(!is_followed(prompt.clone(), &[0, 10]), "two");
    assert!(!is_followed(prompt.clone(), &[0, 5, 9]), "9 s");
    assert!(is_followed(prompt, &[0, 5, 10]));
}

/// Found by `simulate --seeds 902..903 --passages 100 --faults hostile`: on a
/// line that holds up one message of three, none of a minute agreed.
#[test]
fn late_messages_between_them_do_not_keep_a_clock_that_was_set_back_from_being_followed() {
    let mut skew = proven(0);
    let set_back = |ms| device(ms, -600_000);
    for s in 0..13 {
        let ms = s * 5_000;
        let late = if s % 3 == 1 { 3_000 } else { 0 };
        skew.heartbeat(set_back(ms), at(ms + late), None);
    }
    assert_eq!(skew.taken(set_back(60_000)), Some(at(60_000)));
}

/// A device's clock that was `off` ms ahead is right from 0 on; whether it is
/// followed after heartbeats at these seconds.
fn is_right(off: i64, seconds: &[i64]) -> bool {
    let mut skew = proven(off);
    for &s in seconds {
        skew.heartbeat(
            device(s * 1000, 0),
            at(s * 1000),
            Some(START.plus_ms(s * 1000)),
        );
    }
    skew.taken(device(100_000, 0)) == Some(at(100_000))
}

#[test]
fn a_clock_that_was_far_ahead_and_is_set_right_is_followed_after_three_heartbeats() {
    assert!(!is_right(600_000, &[0, 10]), "two");
    assert!(!is_right(600_000, &[0, 5, 9]), "9 s");
    assert!(is_right(600_000, &[0, 5, 10]));
    assert!(!is_right(9_000, &[0, 5, 10]), "a line may be as slow");
}

/// A camera a little ahead, on a line as slow for half a minute: what is near
/// the wall clock is not set right.
#[test]
fn a_slow_line_makes_a_clock_that_is_ahead_look_right_and_is_no_step() {
    let mut skew = proven(1_600);
    for (n, late) in (0..).zip([3_925, 3_600, 3_850, 4_106, 3_365, 3_829, 3_500, 3_700]) {
        let ms = 1_000 + 5_000 * n;
        let wall = START.plus_ms(ms + late);
        skew.heartbeat(device(ms, 1_600), at(ms + late), Some(wall));
        let placed = skew.taken(device(ms, 1_600)).unwrap();
        assert!(placed.since(at(ms)) <= Micros(10_000), "{placed:?}");
    }
}

/// After a start nothing quick has come yet: the wall clock holds for a minute
/// against a line that is slow each time.
#[test]
fn a_slow_line_after_a_start_places_reads_no_later_than_the_wall_clock() {
    let mut skew = Skew::new();
    for (n, late) in (0..).zip([3_925, 3_600, 3_950, 4_100, 3_400, 3_800]) {
        let ms = 1_000 + 10_000 * n;
        skew.heartbeat(device(ms, 0), at(ms + late), Some(START.plus_ms(ms + late)));
        let placed = skew.taken(device(ms, 0)).unwrap();
        assert!(placed.since(at(ms)) <= Micros(10_000), "{placed:?}");
    }
}

/// Found by `simulate --seeds 9861..9862 --passages 100 --faults hostile`: a
/// camera late for a while on a slow broker passed for one whose clock had been
/// set back, and its read of the truck before for one of the next.
#[test]
fn a_line_that_is_as_slow_for_half_a_minute_is_no_clock_set_back() {
    let mut skew = proven(0);
    for (n, late) in [3_925, 3_600, 3_850, 4_106, 3_365, 3_829]
        .into_iter()
        .enumerate()
    {
        let ms = 1_000 + 5_000 * i64::try_from(n).unwrap();
        let wall = START.plus_ms(ms + late);
        skew.heartbeat(device(ms, 0), at(ms + late), Some(wall));
        let placed = skew.taken(device(ms, 0)).unwrap();
        assert!(placed.since(at(ms)) <= Micros(10_000), "{placed:?}");
    }
}

#[test]
fn a_backlog_of_heartbeats_that_arrives_at_once_is_no_step() {
    let mut skew = proven(0);
    skew.heartbeat(device(1_000, 0), at(1_000), None);
    for n in 1..40 {
        skew.heartbeat(device(1_000 + n * 5_000, 0), at(201_000 + n), None);
    }
    let placed = skew.taken(device(100_000, 0)).unwrap();
    assert!(placed.since(at(100_000)) <= Micros(60_000), "{placed:?}");
}

/// Found by `simulate --seeds 2904..2905 --passages 20 --faults hostile`: copies
/// of messages came two seconds and more behind them, three of them passed for a
/// clock set back, and a read of the truck before for one of the next.
#[test]
fn late_copies_between_messages_in_time_are_no_clock_set_back() {
    let mut skew = proven(0);
    for ms in [1_000, 6_000, 11_000, 16_000] {
        // In whole seconds: up to one early.
        skew.observe(device(ms, 0), at(ms + 900), None);
        skew.heartbeat(
            device(ms, 0),
            at(ms + 2_700),
            Some(START.plus_ms(ms + 2_700)),
        );
    }
    let placed = skew.taken(device(16_000, 0)).unwrap();
    assert!(placed.since(at(16_000)) <= Micros(10_000), "{placed:?}");
}

#[test]
fn a_line_that_is_slow_for_a_few_seconds_is_no_clock_set_back() {
    let mut skew = proven(0);
    for ms in [1_000, 4_000, 7_000, 10_900] {
        skew.heartbeat(device(ms, 0), at(ms + 2_800), None);
    }
    let placed = skew.taken(device(10_900, 0)).unwrap();
    assert!(placed.since(at(10_900)) <= Micros(10_000), "{placed:?}");
}

#[test]
fn how_long_a_message_was_held_up_is_told_by_the_quickest_before_it() {
    let mut skew = Skew::new();
    assert_eq!(skew.later_by(device(0, 0), at(9_000)), Micros(0));
    skew.heartbeat(device(0, 0), at(200), None);
    assert_eq!(skew.later_by(device(4_000, 0), at(4_150)), Micros(0));
    let later = skew.later_by(device(5_000, 0), at(8_200));
    // Less the drift two clocks may have had meanwhile.
    assert!((2_998_000..=3_000_000).contains(&later.0), "{later:?}");
}

#[test]
fn a_slow_quartz_is_followed_over_a_day() {
    let mut skew = Skew::new();
    // 100 millionths slow: 8.64 s a day.
    let shown = |ms: i64| device(ms - ms / 10_000, 0);
    for n in 0..(24 * 60) {
        let ms = n * 60_000;
        skew.heartbeat(shown(ms), at(ms), None);
    }
    let ms = 23 * 3_600_000 + 59 * 60_000;
    let placed = skew.taken(shown(ms)).unwrap();
    assert!(placed.since(at(ms)) <= Micros(50_000) && at(ms).since(placed) <= Micros(50_000));
}

#[test]
fn an_event_before_our_start_has_no_place() {
    let mut skew = proven(0);
    skew.heartbeat(device(1_000, 0), at(1_000), None);
    assert_eq!(skew.taken(device(-BEFORE_MS - 1, 0)), None);
    skew.reset();
    assert_eq!(skew.taken(device(1_000, 0)), None);
}

/// Field case c29 and its kind: one era, two eras, and what is neither.
#[test]
fn a_clock_off_by_whole_gps_eras_is_named() {
    let sent = Wall::parse("2007-04-10T00:00:00Z").unwrap();
    let now = Wall::parse("2026-11-24T08:00:00+08:00").unwrap();
    let fault = ClockFault::of(sent - now);
    assert_eq!(fault, Some(ClockFault::GpsWeekRollover { days: -7_168 }));
    assert!(fault.unwrap().to_string().starts_with("GPS week rollover"));
    let eras = |n: i64, slack_ms: i64| ClockFault::of(-n * 7_168 * 86_400_000 + slack_ms);
    assert_eq!(
        eras(2, 5_000),
        Some(ClockFault::GpsWeekRollover { days: -14_336 })
    );
    assert_eq!(
        eras(-1, -86_400_000),
        Some(ClockFault::GpsWeekRollover { days: 7_168 })
    );
    assert_eq!(
        eras(1, 2 * 86_400_000),
        Some(ClockFault::Off { s: -7_166 * 86_400 })
    );
    assert_eq!(ClockFault::of(-60_000), None);
    assert_eq!(ClockFault::of(60_001), Some(ClockFault::Off { s: 60 }));
}

#[test]
fn times_at_the_end_of_their_range_do_not_panic() {
    let mut skew = Skew::new();
    for event in [Wall(i64::MIN), Wall(i64::MAX), Wall(0)] {
        for arrived in [Mono(0), Mono(u64::MAX)] {
            skew.heartbeat(event, arrived, None);
            skew.observe(event, arrived, Some(Wall(i64::MAX)));
            skew.observe(event, arrived, Some(Wall(i64::MIN)));
            let _ = (skew.taken(event), skew.off_ms(arrived, event));
        }
    }
    let _ = (ClockFault::of(i64::MIN), ClockFault::of(i64::MAX));
}
