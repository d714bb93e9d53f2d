//! Streams in virtual time, with the bytes devices really send.

use std::path::PathBuf;

use lanegate_core::lane::Role;
use lanegate_core::model::{Kg, Reading, SealState, Taken, WeightReading, WeightUnit};
use lanegate_core::time::{Clock, Wall};
use lanegate_core::wire::Settings;
use lanegate_core::wire::scale::StableRule;

use super::*;
use crate::config::{Flow, MqttSource, Parity, ScaleConfig, SerialLine, Source, Undated};

const SETTLE: Micros = Micros::from_ms(2000);
const START: u64 = 3_600_000;

/// The wall clock runs with the monotonic one: 08:00 at `START` ms.
fn now(ms: u64) -> Now {
    Now {
        mono: at(ms),
        wall: wall(ms),
        clock: Clock::Unknown,
    }
}

fn trusted(ms: u64) -> Now {
    Now {
        clock: Clock::Trusted,
        ..now(ms)
    }
}

fn at(ms: u64) -> Mono {
    Mono((START + ms) * 1000)
}

fn wall(ms: u64) -> Wall {
    let eight = Wall::parse("2026-11-24T08:00:00+08:00").unwrap();
    eight.plus_ms(i64::try_from(ms).unwrap())
}

fn serial() -> Source {
    Source::Serial(SerialLine {
        path: PathBuf::from("/dev/null"),
        baud: 9600,
        data_bits: 8,
        parity: Parity::None,
        stop_bits: 1,
        flow: Flow::None,
        turn: None,
    })
}

fn device(protocol: &str, role: Role) -> DeviceConfig {
    DeviceConfig {
        id: DeviceId::parse("dev-1").unwrap(),
        role,
        protocol: protocol.to_owned(),
        settings: Settings::new(),
        source: serial(),
        scale: None,
        undated: Undated::Never,
        late: Micros::from_ms(1000),
        lost: Micros::from_ms(5000),
    }
}

fn scale() -> Stream {
    let mut config = device("yaohua-tf0", Role::Scale);
    config.scale = Some(ScaleConfig {
        unit: WeightUnit::Kg,
        division: Kg(20),
        capacity: Kg(60_000),
        stable: StableRule {
            values_min: 5,
            over: Micros::from_ms(800),
            division: Kg(20),
            gap_max: Micros::from_ms(500),
        },
    });
    opened(config)
}

fn camera() -> Stream {
    let mut config = device("vzenith-mqtt", Role::Camera);
    config.source = Source::Mqtt(MqttSource {
        topics: vec!["up".to_owned()],
        recapture_topics: Vec::new(),
        sn: None,
        command_topic: None,
    });
    config.late = Micros::from_ms(15_000);
    config.lost = Micros::from_ms(45_000);
    opened(config)
}

fn seal() -> Stream {
    opened(device("jt701", Role::SealReader))
}

fn opened(config: DeviceConfig) -> Stream {
    let mut stream = Stream::new(config, SETTLE, at(0)).unwrap();
    stream.opened(at(0));
    stream
}

fn readings(stream: &mut Stream) -> Vec<Reading> {
    let mut readings = Vec::new();
    while let Some(event) = stream.poll_event() {
        if let Event::Reading(reading) = event {
            readings.push(reading);
        }
    }
    readings
}

fn weight(reading: &Reading) -> WeightReading {
    let Content::Weight(weight) = reading.content else {
        panic!("{reading:?}");
    };
    weight
}

/// +038240, checksum 16 (case c35).
const TRUCK: &[u8] = b"\x02+038240016\x03";
const EMPTY: &[u8] = b"\x02+00000001B\x03";
/// +060020: above the capacity.
const HEAVY: &[u8] = b"\x02+06002001F\x03";

/// Case c35.
#[test]
fn equal_frames_are_new_readings_and_a_standing_truck_is_stable_within_a_second() {
    let mut s = scale();
    let mut first_stable = None;
    let mut last = at(0);
    for tick in 0..60 {
        let ms = tick * 200 + 50;
        s.bytes(TRUCK, now(ms));
        for reading in readings(&mut s) {
            assert!(reading.arrived.since(last) <= Micros::from_ms(250));
            last = reading.arrived;
            if weight(&reading).stable && first_stable.is_none() {
                first_stable = Some(reading.arrived);
            }
        }
        s.handle_timeout(now(ms + 100));
        assert_eq!(s.state().0, DeviceState::Ok, "never late");
    }
    assert!(first_stable.unwrap() <= at(1000), "{first_stable:?}");
}

#[test]
fn weights_right_after_a_connect_are_no_evidence_and_later_ones_are() {
    let mut s = scale();
    s.bytes(TRUCK, now(1999));
    s.handle_timeout(now(1999));
    assert_eq!(readings(&mut s)[0].taken, Taken::Unusable);
    s.bytes(TRUCK, now(2000));
    assert_eq!(readings(&mut s)[0].taken, Taken::OnArrival);
}

#[test]
fn a_scale_that_was_lost_and_speaks_again_must_settle_like_after_a_connect() {
    let mut s = scale();
    s.bytes(TRUCK, now(3000));
    assert_eq!(readings(&mut s)[0].taken, Taken::OnArrival);
    s.handle_timeout(now(4000));
    s.handle_timeout(now(8000));
    assert_eq!(s.state().0, DeviceState::Lost);
    s.bytes(TRUCK, now(9000));
    assert_eq!(readings(&mut s)[0].taken, Taken::Unusable);
    s.bytes(TRUCK, now(11_000));
    assert_eq!(readings(&mut s)[0].taken, Taken::OnArrival);
}

#[test]
fn noise_between_equal_weights_starts_stability_over() {
    let mut s = scale();
    for tick in 0..4 {
        s.bytes(TRUCK, now(3000 + tick * 200));
    }
    s.bytes(b"\x02+03824", now(3700));
    s.bytes(TRUCK, now(3800));
    let all = readings(&mut s);
    assert!(!weight(all.last().unwrap()).stable);
    assert!(s.counts().noise_bytes > 0);
}

#[test]
fn more_than_the_scale_can_weigh_is_an_overload_and_no_weight() {
    let mut s = scale();
    s.bytes(HEAVY, now(3000));
    let heavy = weight(&readings(&mut s)[0]);
    assert_eq!(
        (heavy.gross, heavy.overload, heavy.stable),
        (None, true, false)
    );
}

/// Case c16's kind: what is not gross is never taken for it.
#[test]
fn a_net_figure_is_no_gross_weight() {
    let mut config = device("yaohua-tf0", Role::Scale);
    config.scale = scale().config.scale;
    config.settings.insert("mode".to_owned(), "net".to_owned());
    let mut s = opened(config);
    for tick in 0..10 {
        s.bytes(TRUCK, now(3000 + tick * 200));
    }
    let all = readings(&mut s);
    assert!(
        all.iter()
            .all(|r| weight(r).gross.is_none() && !weight(r).stable)
    );
}

#[test]
fn of_weights_nobody_fetched_the_latest_is_kept_and_no_change_of_health_is_lost() {
    let mut s = scale();
    for tick in 0..500 {
        s.bytes(EMPTY, now(3000 + tick * 200));
    }
    s.bytes(TRUCK, now(103_000));
    assert_eq!(s.poll_event(), Some(Event::DeviceBack(s.id().clone())));
    let all = readings(&mut s);
    assert_eq!(all.len(), 1);
    assert_eq!(weight(&all[0]).gross, Some(Kg(38_240)));
    assert_eq!((s.superseded(), s.dropped()), (500, 0));
}

/// Case c46.
#[test]
fn a_line_of_seven_bits_read_as_eight_is_lost_with_words_that_say_so() {
    let mut s = scale();
    let line = b"\x53\xd4\xac\x47\x53\xac\x2b\x30\x33\xb8\xb2\xb4\x30\xeb\xe7\x8d\x0a";
    let mut ms = 0;
    while ms < 6000 {
        s.bytes(line, now(ms));
        s.handle_timeout(now(ms + 100));
        ms += 200;
    }
    assert!(readings(&mut s).is_empty());
    assert_eq!(s.state().0, DeviceState::Lost);
    let why = s.why().unwrap().to_string();
    assert!(why.contains("7 data bits, even parity"), "{why}");
    assert_eq!(s.noise_permille(), 1000);
    assert!(s.counts().noise_runs > 10, "{:?}", s.counts());
}

fn keep_alive(sent: Wall) -> Vec<u8> {
    let s = sent.0.div_euclid(1000);
    format!(r#"{{"name":"keep_alive","sn":"7a","timestamp":{s},"payload":{{}}}}"#).into_bytes()
}

fn result(taken: Wall, sent: Wall, event: u64, replay: bool) -> Vec<u8> {
    let (sec, usec) = (taken.0.div_euclid(1000), taken.0.rem_euclid(1000) * 1000);
    let (sent, offline) = (sent.0.div_euclid(1000), u8::from(replay));
    // 粤ZAB12港
    format!(
        r#"{{"name":"ivs_result","sn":"7a","timestamp":{sent},"payload":{{"AlarmInfoPlate":{{"result":{{"PlateResult":{{"license":"57KkWkFCMTLmuK8=","confidence":98,"plateid":{event},"isoffline":{offline},"timeStamp":{{"Timeval":{{"sec":{sec},"usec":{usec}}}}}}}}}}}}}}}"#
    )
    .into_bytes()
}

fn taken_ms(reading: &Reading) -> Option<i64> {
    match reading.taken {
        Taken::At(at) => Some(at.0 as i64 / 1000 - START as i64),
        Taken::OnArrival | Taken::Unusable => None,
    }
}

/// A camera whose clock is half an hour ahead has lived with us for a minute.
fn known_camera() -> (Stream, i64) {
    let ahead_ms = 1_800_000;
    let mut s = camera();
    for beat in 0..13 {
        let ms = beat * 5_000 + 40;
        s.message(&keep_alive(wall(ms - 40).plus_ms(ahead_ms)), false, now(ms));
    }
    let taken = wall(62_000).plus_ms(ahead_ms);
    s.message(&result(taken, taken, 1, false), false, now(62_150));
    readings(&mut s);
    (s, ahead_ms)
}

#[test]
fn how_far_a_clock_is_off_is_shown_while_ours_is_believed() {
    let (mut s, ahead_ms) = known_camera();
    assert_eq!(s.clock_off_ms(), None, "ours is unknown");
    let sent = |ms: u64| keep_alive(wall(ms).plus_ms(ahead_ms));
    s.message(&sent(70_000), false, trusted(70_040));
    let off = s.clock_off_ms().unwrap();
    assert!((off - ahead_ms).abs() <= 1_000, "{off}");
    s.message(&sent(75_000), false, now(75_040));
    assert_eq!(s.clock_off_ms(), None);
}

/// Case c01: the truck is 190 s gone when its plate arrives.
#[test]
fn a_plate_that_is_delivered_late_is_placed_when_it_was_read() {
    let (mut s, ahead_ms) = known_camera();
    let taken = wall(100_000).plus_ms(ahead_ms);
    let sent = wall(290_000).plus_ms(ahead_ms);
    s.message(&result(taken, sent, 2, false), false, now(290_100));
    let late = taken_ms(&readings(&mut s)[0]).unwrap();
    assert!((100_000..=100_300).contains(&late), "{late}");
}

#[test]
fn stamps_in_whole_seconds_do_not_make_the_estimate_worse() {
    let (mut s, ahead_ms) = known_camera();
    for beat in 0..40 {
        // Each sent late within its second.
        let ms = 65_000 + beat * 5_000 + 900;
        s.message(&keep_alive(wall(ms).plus_ms(ahead_ms)), false, now(ms + 50));
    }
    let taken = wall(300_000).plus_ms(ahead_ms);
    s.message(&result(taken, taken, 3, false), false, now(300_400));
    let placed = taken_ms(&readings(&mut s)[0]).unwrap();
    assert!((300_000..=300_300).contains(&placed), "{placed}");
}

#[test]
fn a_first_plate_without_anything_that_proves_the_clock_is_no_evidence() {
    let mut s = camera();
    s.message(
        &result(wall(9_000), wall(9_000), 1, false),
        false,
        now(9_200),
    );
    // Its own time of sending is the proof the next one rests on.
    let first = readings(&mut s);
    assert_eq!(first.len(), 1);
    let mut undated = camera();
    let payload = String::from_utf8(result(wall(9_000), wall(9_000), 1, false)).unwrap();
    let payload = payload.replace("timestamp", "ts");
    undated.message(payload.as_bytes(), false, now(9_200));
    assert_eq!(readings(&mut undated)[0].taken, Taken::Unusable);
}

/// Whoever may keep a message may bring it late: without a time it proves
/// nothing, unless the site says that nobody keeps any. Then it is as new as it
/// comes, or as it says that it was sent.
#[test]
fn a_plate_without_a_time_is_evidence_only_where_the_site_says_so() {
    let text = |sent: &str| format!(r#"{{"plate":"粤B12345"{sent}}}"#);
    let taken = |undated: Undated, sent: &str, open_ms: u64| {
        let mut config = device("json-camera", Role::Camera);
        config.undated = undated;
        config.settings = Settings::from(
            [("plate", "plate"), ("sent", "sent"), ("sent_unit", "ms")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let mut s = Stream::new(config, SETTLE, at(START)).unwrap();
        s.opened(at(START));
        let arrived = START + open_ms;
        // It proves its clock.
        s.message(
            text(&format!(r#","sent":{}"#, wall(arrived - 100).0)).as_bytes(),
            false,
            trusted(arrived - 100),
        );
        readings(&mut s);
        s.message(text(sent).as_bytes(), false, trusted(arrived));
        readings(&mut s)[0].taken
    };
    for sent in ["", r#","sent":1"#] {
        assert_eq!(taken(Undated::Never, sent, 9000), Taken::Unusable);
    }
    assert_eq!(taken(Undated::Arrival, "", 9000), Taken::OnArrival);
    assert_eq!(taken(Undated::Arrival, "", 500), Taken::Unusable);
    let long_ago = wall(START + 9000 - 13_000).0;
    let then = taken(Undated::Arrival, &format!(r#","sent":{long_ago}"#), 9000);
    assert_eq!(then, Taken::At(at(START + 9000 - 13_000)));
}

#[test]
fn retained_and_replayed_plates_are_no_evidence_and_prove_no_life() {
    let (mut s, ahead_ms) = known_camera();
    let at_now = wall(70_000).plus_ms(ahead_ms);
    s.message(&result(at_now, at_now, 4, true), false, now(70_100));
    assert_eq!(readings(&mut s)[0].taken, Taken::Unusable);
    let mut fresh = camera();
    fresh.message(
        &result(wall(5_000), wall(5_000), 5, false),
        true,
        now(5_100),
    );
    assert_eq!(readings(&mut fresh)[0].taken, Taken::Unusable);
    assert_eq!(fresh.state().0, DeviceState::Late, "never heard live");
}

/// Case c59: health follows what comes, and "online" alone is nothing.
#[test]
fn a_camera_is_ok_while_it_speaks_and_late_then_lost_when_it_does_not() {
    let mut s = camera();
    s.message(&keep_alive(wall(1_000)), false, now(1_000));
    assert_eq!(s.state().0, DeviceState::Ok);
    s.handle_timeout(now(15_999));
    assert_eq!(s.state().0, DeviceState::Ok);
    s.handle_timeout(now(16_000));
    assert_eq!(s.state().0, DeviceState::Late);
    s.handle_timeout(now(46_000));
    assert_eq!(s.state().0, DeviceState::Lost);
    s.message(&keep_alive(wall(47_000)), false, now(47_000));
    assert_eq!(s.state().0, DeviceState::Ok);
}

/// The manual's frame, in hex (JT701 V1.4).
const POSITION: &str = "2480006200111911003418042116225922348310113550543F12980000002D060000000020E028109228661F000100000F0F0F0F0F0F0F0F000001CC0156";

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

#[test]
fn a_seals_report_is_a_reading_and_is_acknowledged() {
    let mut s = seal();
    let position = bytes(POSITION);
    s.bytes(&position[..20], now(100));
    s.bytes(&position[20..], now(110));
    let all = readings(&mut s);
    let Content::Seal(report) = &all[0].content else {
        panic!("{all:?}");
    };
    assert_eq!(report.id.as_str(), "8000620011");
    assert_eq!(report.state, SealState::Sealed);
    assert_eq!(s.poll_transmit().as_deref(), Some(&b"(P69,0,86)"[..]));
    assert_eq!(s.poll_transmit(), None);
}

/// A report that does not tell it leaves it, one from memory is another day's.
#[test]
fn the_charge_of_the_seal_that_told_it_last_is_shown() {
    let mut s = seal();
    assert_eq!(s.battery_pct(), None);
    s.bytes(&bytes(POSITION), now(100));
    let told = s.battery_pct();
    assert!(told.is_some());
    s.bytes(
        b"(8000990017,P45,000000,000000,0.00000,N,0.00000,E,V,0,0,5,0,0000000000,0,0,7,0)",
        now(200),
    );
    assert_eq!((s.battery_pct(), readings(&mut s).len()), (told, 2));
    let mut retained = seal();
    retained.message(&bytes(POSITION), true, now(100));
    assert_eq!(readings(&mut retained).len(), 1);
    assert_eq!(retained.battery_pct(), None);
}

/// Case c42: an impossible date is an unknown date.
#[test]
fn a_seal_report_of_no_known_time_is_acknowledged_and_no_evidence() {
    let mut s = seal();
    let zeros = b"(8000990017,P45,000000,000000,0.00000,N,0.00000,E,V,0,0,5,0,0000000000,0,0,7,0)";
    s.bytes(zeros, now(100));
    let all = readings(&mut s);
    assert_eq!((all[0].taken, all[0].at), (Taken::Unusable, None));
    assert_eq!(s.poll_transmit().as_deref(), Some(&b"(P69,0,7)"[..]));
}

/// Case c29: 7,168 days off is named, and an old event is not.
#[test]
fn a_seal_clock_that_rolled_over_is_named_and_an_old_event_is_no_clock_fault() {
    let p45 = |date: &str| {
        format!("(8000990017,P45,{date},000000,22.6,N,114.0,E,A,0,0,5,0,0000000000,0,0,7,0)")
    };
    let mut s = seal();
    s.bytes(p45("100407").as_bytes(), trusted(100));
    let fault = s.clock_fault().unwrap().to_string();
    assert!(fault.contains("GPS week rollover"), "{fault}");
    let mut old = seal();
    old.bytes(p45("201126").as_bytes(), trusted(100));
    assert_eq!(old.clock_fault(), None);
}

/// Case c50: every message of a lock that speaks JT/T 808 is answered.
#[test]
fn a_heartbeat_that_wants_an_answer_gets_it() {
    let mut s = opened(device("jt808", Role::SealReader));
    s.bytes(
        &bytes("7e0002000001390000123400617d017e7e0002000001390000123400627d027e"),
        now(100),
    );
    assert!(readings(&mut s).is_empty());
    let answers: Vec<_> = std::iter::from_fn(|| s.poll_transmit()).collect();
    assert_eq!(
        answers,
        [
            bytes("7e8001000501390000123400610061000200987e"),
            bytes("7e8001000501390000123400620062000200987e"),
        ]
    );
}

/// Case c23: two stored positions in one message are two readings, no
/// evidence, and one answer.
#[test]
fn a_batch_from_memory_is_answered_once_and_no_evidence() {
    let mut s = opened(device("jt808", Role::SealReader));
    let batch = "7e0704003f0139000012340033000201001c000000000030000201597d010206cc43d0000000000000261124031500001c000000000030000201597d010206cc43d00000000000002611240318001f7e";
    s.bytes(&bytes(batch), trusted(100));
    let all = readings(&mut s);
    let replays: Vec<_> = all.iter().map(|r| (r.taken, r.at)).collect();
    let time = |t: &str| Some(Wall::parse(t).unwrap());
    assert_eq!(
        replays,
        [
            (Taken::Unusable, time("2026-11-23T19:15:00Z")),
            (Taken::Unusable, time("2026-11-23T19:18:00Z")),
        ]
    );
    assert!(s.poll_transmit().is_some());
    assert_eq!(s.poll_transmit(), None);
}

const EPC: &str = "1500010301010ce28068940000400a9d22a9eb5c70d2";

#[test]
fn a_tag_counts_by_its_arrival_and_not_right_after_a_reconnect() {
    let mut s = opened(device("uhfreader288", Role::TagReader));
    let tag = Content::Tag("E28068940000400A9D22A9EB".to_owned());
    s.bytes(&bytes(EPC), now(100));
    let early = readings(&mut s);
    assert_eq!((early[0].taken, &early[0].content), (Taken::Unusable, &tag));
    // It is asked again; what nobody asks for is not taken.
    s.handle_timeout(now(2490));
    s.bytes(&bytes(EPC), now(2500));
    let live = readings(&mut s);
    assert_eq!((live[0].taken, &live[0].content), (Taken::OnArrival, &tag));
    assert_eq!((live[0].arrived, live[0].at), (at(2500), None));
}

#[test]
fn an_empty_inventory_is_a_sign_of_life_and_no_reading() {
    let mut s = opened(device("uhfreader288", Role::TagReader));
    s.bytes(&bytes("0700010101001e4b"), now(2500));
    assert_eq!(s.counts().frames, 1);
    assert!(readings(&mut s).is_empty());
    assert_eq!(s.state().0, DeviceState::Ok);
}

#[test]
fn a_swipe_is_the_drivers_card_once() {
    let mut config = device("wiegand26", Role::CardReader);
    config.settings = Settings::from([("number".to_owned(), "decimal".to_owned())]);
    let mut s = opened(config);
    s.bytes(b"00101101000000001010001000\r\n", now(2500));
    let all = readings(&mut s);
    let card = Content::Card("0005898564".to_owned());
    assert_eq!((all.len(), &all[0].content), (1, &card));
    s.handle_timeout(now(4000));
    assert!(readings(&mut s).is_empty(), "a swipe is no state");
}

/// Between two swipes there may be hours; the first one after them counts.
#[test]
fn a_card_reader_is_not_lost_by_its_silence_but_by_its_line() {
    let mut s = opened(device("wiegand26", Role::CardReader));
    s.handle_timeout(now(7_200_000));
    assert_eq!(s.state().0, DeviceState::Ok);
    s.bytes(b"00101101000000001010001000\r\n", now(7_200_100));
    assert_eq!(readings(&mut s)[0].taken, Taken::OnArrival);
    s.closed(Why::Gone, now(7_300_000));
    assert_eq!(s.state().0, DeviceState::Lost);
    s.opened(at(7_301_000));
    s.bytes(b"00101101000000001010001000\r\n", now(7_301_100));
    assert_eq!(readings(&mut s)[0].taken, Taken::Unusable, "it may be old");
}

#[test]
fn a_closed_line_is_lost_at_once_and_half_a_frame_from_before_never_becomes_whole() {
    let mut s = scale();
    s.bytes(TRUCK, now(3000));
    s.bytes(&TRUCK[..6], now(3200));
    s.closed(Why::Gone, now(3210));
    assert_eq!(s.state().0, DeviceState::Lost);
    assert_eq!(s.why(), Some(&Why::Gone));
    readings(&mut s);
    s.opened(at(4000));
    s.bytes(&TRUCK[6..], now(4010));
    s.handle_timeout(now(4200));
    assert!(readings(&mut s).is_empty());
}

#[path = "asked_tests.rs"]
mod asked;
