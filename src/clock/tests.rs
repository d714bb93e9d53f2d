use super::*;
use std::fs::File;

const HOLD: Micros = Micros::from_s(86_400);

fn at(s: u64) -> Mono {
    START + Micros::from_s(s)
}

fn wall_at(text: &str) -> Wall {
    Wall::parse(text).unwrap()
}

/// Wall and monotonic time that run together from 08:00.
fn together(s: u64) -> (Mono, Wall) {
    let wall = wall_at("2026-11-24T08:00:00+08:00");
    (at(s), wall.plus_s(i64::try_from(s).unwrap()))
}

fn confirmed() -> Trust {
    let trust = Trust::new(HOLD);
    let (mono, wall) = together(0);
    assert_eq!(trust.heartbeat(wall, mono, wall), Agreement::Agrees);
    trust
}

#[test]
fn a_clock_nobody_confirmed_is_unknown() {
    let (mono, wall) = together(5);
    assert_eq!(Trust::new(HOLD).judge(mono, wall), Trusted::Unknown);
}

#[test]
fn a_heartbeat_confirms_within_two_seconds_and_not_beyond() {
    for (late_ms, agreement) in [
        (2_000, Agreement::Agrees),
        (2_001, Agreement::Behind),
        (-2_000, Agreement::Agrees),
        (-2_001, Agreement::Ahead),
    ] {
        let trust = Trust::new(HOLD);
        let (mono, wall) = together(0);
        let heard = trust.heartbeat(wall.plus_ms(-late_ms), mono, wall);
        assert_eq!(heard, agreement, "{late_ms}");
        let trusted = trust.judge(mono, wall) == Trusted::Trusted;
        assert_eq!(trusted, agreement == Agreement::Agrees, "{late_ms}");
    }
}

/// Found by `simulate --seeds 2434..2435 --passages 20 --faults hostile`: the
/// first heartbeat after a start had waited for as long as the clock was behind.
#[test]
fn the_first_heartbeat_out_of_a_kept_session_confirms_nothing() {
    let trust = Trust::new(HOLD);
    let (mono, wall) = together(0);
    trust.resumed(mono);
    let behind = wall.plus_s(-4);
    assert_eq!(trust.heartbeat(behind, mono, behind), Agreement::Behind);
    assert_eq!(trust.judge(mono, behind), Trusted::Unknown);
    // One in time shows that the clock is behind, and one after that when it
    // was set right.
    let (mono, wall) = together(10);
    let behind = wall.plus_s(-4);
    assert_eq!(trust.heartbeat(wall, mono, behind), Agreement::Ahead);
    let (mono, wall) = together(20);
    assert_eq!(trust.heartbeat(wall, mono, wall), Agreement::Agrees);
    // A long backlog: each was held up for less than the one before.
    let slow = Trust::new(HOLD);
    let (mono, wall) = together(0);
    slow.resumed(mono);
    for s in (0..20).step_by(4) {
        let (mono, wall) = together(s);
        let held_s = 60 - i64::try_from(s * 3).unwrap();
        let behind = wall.plus_s(-held_s);
        assert_eq!(slow.heartbeat(behind, mono, behind), Agreement::Behind);
        assert_eq!(slow.judge(mono, behind), Trusted::Unknown);
    }
    assert_eq!(
        slow.heartbeat(wall.plus_s(30), at(30), wall.plus_s(30)),
        Agreement::Agrees
    );
    // Who knows how late a heartbeat is needs no rest.
    let (mono, wall) = together(20);
    trust.resumed(mono);
    assert_eq!(trust.heartbeat(wall, mono, wall), Agreement::Agrees);
}

#[test]
fn a_heartbeat_that_was_on_its_way_for_long_takes_no_trust_away() {
    let trust = confirmed();
    let (mono, wall) = together(90);
    assert_eq!(
        trust.heartbeat(wall.plus_s(-60), mono, wall),
        Agreement::Behind
    );
    assert_eq!(trust.judge(mono, wall), Trusted::Trusted);
}

/// Found by `simulate --seeds 166..167 --passages 20 --faults hostile`: while the
/// line was cut the clock was set back by 4 s, and a heartbeat kept by the broker
/// for 4 s agreed with it.
#[test]
fn a_late_heartbeat_confirms_no_clock_that_is_behind_by_as_much() {
    let trust = confirmed();
    let (mono, wall) = together(90);
    let set_back = wall.plus_s(-4);
    assert_eq!(trust.judge(mono, set_back), Trusted::Unknown);
    let kept = trust.heartbeat(set_back, mono, set_back);
    assert_eq!(kept, Agreement::Behind);
    assert_eq!(trust.judge(mono, set_back), Trusted::Unknown);
    // A little late it still tells which clock is right, and is no news.
    let (mono, wall) = together(100);
    let late = trust.heartbeat(wall.plus_ms(-2_500), mono, wall.plus_ms(-2_000));
    assert_eq!(late, Agreement::Behind);
    assert_eq!(trust.judge(mono, wall), Trusted::Unknown);
    let (mono, wall) = together(105);
    let now = trust.heartbeat(wall.plus_ms(-20), mono, wall);
    assert_eq!(now, Agreement::Agrees);
    assert_eq!(trust.judge(mono, wall), Trusted::Trusted);
}

/// The authority's own clock was an hour ahead and is put right: three heartbeats
/// that agree are no late ones.
#[test]
fn an_authority_whose_clock_was_set_back_is_believed_again() {
    let trust = Trust::new(HOLD);
    for s in [0, 5, 10] {
        let (mono, wall) = together(s);
        let ahead = trust.heartbeat(wall.plus_s(3_600), mono, wall);
        assert_eq!(ahead, Agreement::Ahead);
    }
    let agreements = [15, 20, 25, 30].map(|s| {
        let (mono, wall) = together(s);
        trust.heartbeat(wall, mono, wall)
    });
    assert_eq!(agreements[3], Agreement::Agrees, "{agreements:?}");
}

#[test]
fn a_heartbeat_from_our_future_takes_trust_away() {
    let trust = confirmed();
    let (mono, wall) = together(90);
    trust.heartbeat(wall.plus_s(60), mono, wall);
    assert_eq!(trust.judge(mono, wall), Trusted::Unknown);
}

#[test]
fn a_confirmation_holds_for_a_day_of_a_cut_line_and_not_longer() {
    let trust = confirmed();
    let mut s = 0;
    while s <= 86_400 {
        let (mono, wall) = together(s);
        assert_eq!(trust.judge(mono, wall), Trusted::Trusted, "{s}");
        s += 30;
    }
    let (mono, wall) = together(86_401);
    assert_eq!(trust.judge(mono, wall), Trusted::Unknown);
}

/// Case c63: the wall clock steps by +6 h and then back by 0.4 s.
#[test]
fn a_step_in_either_direction_takes_trust_away_until_the_next_confirmation() {
    for step_ms in [6 * 3_600_000, 400, -400, -6 * 3_600_000] {
        let trust = confirmed();
        let (mono, wall) = together(10);
        let stepped = wall.plus_ms(step_ms);
        assert_eq!(trust.judge(mono, stepped), Trusted::Unknown, "{step_ms}");
        let (mono, wall) = together(11);
        assert_eq!(
            trust.judge(mono, wall),
            Trusted::Unknown,
            "stepping back heals nothing"
        );
        assert_eq!(trust.steps(), 1);
        trust.heartbeat(wall, mono, wall);
        assert_eq!(trust.judge(mono, wall), Trusted::Trusted);
    }
}

#[test]
fn slewing_for_hours_is_no_step() {
    let trust = confirmed();
    for minute in 0..600_i64 {
        let (mono, wall) = together(u64::try_from(minute * 60).unwrap());
        // 500 ppm: 30 ms a minute.
        assert_eq!(
            trust.judge(mono, wall.plus_ms(minute * 30)),
            Trusted::Trusted,
            "{minute}"
        );
    }
}

/// Case c49: after a power cut the clock starts two weeks back.
#[test]
fn a_clock_behind_the_last_record_is_unknown_until_the_authority_agrees() {
    let trust = Trust::new(HOLD);
    trust.recorded(wall_at("2026-11-24T07:59:50+08:00"));
    let back = wall_at("2026-11-10T03:17:01+08:00");
    trust.confirm(at(1), back);
    assert_eq!(trust.judge(at(1), back), Trusted::Unknown);
    let (mono, wall) = together(600);
    trust.heartbeat(wall, mono, wall);
    assert_eq!(trust.judge(mono, wall), Trusted::Trusted);
}

#[test]
fn records_stamped_in_a_future_that_was_wrong_do_not_block_the_port_for_ever() {
    let trust = Trust::new(HOLD);
    trust.recorded(wall_at("2031-01-01T00:00:00+08:00"));
    let (mono, wall) = together(0);
    trust.heartbeat(wall, mono, wall);
    assert_eq!(trust.judge(mono, wall), Trusted::Trusted);
}

fn config(mark: Option<PathBuf>, rtc_trusted: bool) -> ClockConfig {
    ClockConfig {
        rtc_trusted,
        mark,
        hold: HOLD,
    }
}

#[test]
fn the_process_clock_goes_forward_and_is_unknown_at_start_unless_the_rtc_is_trusted() {
    let clock = Clock::start(config(None, false), None);
    let first = clock.now();
    assert_eq!(first.clock, Trusted::Unknown);
    assert!(first.mono >= START && clock.now().mono >= first.mono);
    let trusted = Clock::start(config(None, true), None);
    assert_eq!(trusted.now().clock, Trusted::Trusted);
    assert_eq!(trusted.mono_of(trusted.instant(at(7))), at(7));
}

#[test]
fn a_trusted_rtc_behind_the_last_record_is_not_believed() {
    let tomorrow = wall().plus_s(86_400);
    let clock = Clock::start(config(None, true), Some(tomorrow));
    assert_eq!(clock.now().clock, Trusted::Unknown);
}

#[test]
fn the_time_daemons_mark_confirms_once_for_each_time_it_is_touched() {
    let dir = std::env::temp_dir().join(format!("lanegate-clock-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("synchronized");
    let touch = |s: u64| {
        let file = File::create(&path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(s))
            .unwrap();
    };
    let clock = Clock::start(config(Some(path.clone()), false), None);
    assert_eq!(clock.now().clock, Trusted::Unknown, "there is no mark yet");
    touch(1_000);
    clock.check_mark();
    assert_eq!(clock.now().clock, Trusted::Trusted);
    clock.0.trust.withdraw();
    clock.check_mark();
    assert_eq!(clock.now().clock, Trusted::Unknown, "the mark is old");
    touch(2_000);
    clock.check_mark();
    assert_eq!(clock.now().clock, Trusted::Trusted);
    std::fs::remove_dir_all(&dir).unwrap();
}
