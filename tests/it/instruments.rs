//! Seals and readers written from their makers' documents, heard by our
//! codecs: cut anywhere, with noise between, on good days and bad ones.

use std::collections::BTreeSet;

use firmware_sim::bench::{self, Bench, Day, Instrument, Meant};
use lanegate_core::model::SealState;
use lanegate_core::time::Wall;
use lanegate_core::wire::{Decoder, Frame, Item, Settings, protocol};
use proptest::prelude::*;

/// 2026-11-24 08:00:00 at the port.
const START_MS: i64 = 1_795_478_400_000;

const INSTRUMENTS: [(Instrument, &str); 6] = [
    (Instrument::Jt701, "jt701"),
    (Instrument::Jt808, "jt808"),
    (Instrument::Json, "json-seal"),
    (Instrument::Uhf18, "uhfreader18"),
    (Instrument::Uhf288, "uhfreader288"),
    (Instrument::Wiegand26, "wiegand26"),
];
const DAYS: [Day; 4] = [Day::Good, Day::DyingBattery, Day::RopeCut, Day::FromMemory];

fn decoder(bench: &Bench, name: &str) -> Box<dyn Decoder + Send> {
    let own = |(name, word): &(&str, &str)| ((*name).to_owned(), (*word).to_owned());
    let settings: Settings = bench.settings().iter().map(own).collect();
    protocol(name).unwrap().decoder(&settings).unwrap()
}

/// What a frame says, in the bench's words.
fn meant(frame: &Frame) -> Option<Meant> {
    match frame {
        Frame::Seal(seal) => Some(Meant::Seal {
            id: seal.id.as_str().to_owned(),
            sealed: seal.state == SealState::Sealed,
            cut: seal.state == SealState::Cut,
            battery_pct: seal.battery_pct?,
            from_memory: seal.replay,
            at_unix_s: (seal.at? - Wall(0)) / 1000,
        }),
        Frame::Tag(tag) => Some(Meant::Tag {
            id: tag.id.clone(),
            antenna: tag.antenna,
        }),
        Frame::Weight(_)
        | Frame::Plates(_)
        | Frame::Heartbeat(_)
        | Frame::Inputs(_)
        | Frame::Reply(_) => None,
    }
}

/// Pushes `bytes` in pieces that end at `cuts`, then silence.
fn push(decoder: &mut dyn Decoder, bytes: &[u8], cuts: &BTreeSet<usize>, out: &mut Vec<Item>) {
    let mut from = 0;
    for &cut in cuts.iter().filter(|cut| **cut < bytes.len()) {
        decoder.push(&bytes[from..cut], out);
        from = cut;
    }
    decoder.push(&bytes[from..], out);
    decoder.idle(out);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Every whole report is found and says what was meant; noise between
    /// bursts costs none and makes none.
    #[test]
    fn what_an_instrument_meant_is_what_is_read(
        which in 0..INSTRUMENTS.len(), day in 0..DAYS.len(), seed: u64,
        noise in prop::collection::vec(
            prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(any::<u8>(), 1..24)], 30),
        cuts in prop::collection::btree_set(0..400_usize, 0..30),
    ) {
        let (instrument, name) = INSTRUMENTS[which];
        let mut bench = Bench::new(instrument, DAYS[day], seed);
        let mut decoder = decoder(&bench, name);
        let (mut items, mut all) = (Vec::new(), Vec::new());
        for (n, noise) in noise.iter().enumerate() {
            push(decoder.as_mut(), noise, &cuts, &mut items);
            let said = bench.say(START_MS + 60_000 * i64::try_from(n).unwrap());
            push(decoder.as_mut(), &said.bytes, &cuts, &mut items);
            all.extend(said.meant);
        }
        let read: Vec<Meant> = items.iter().filter_map(|item| match item {
            Item::Frame(frame) => meant(frame),
            Item::Noise { .. } => None,
        }).collect();
        prop_assert_eq!(read, all);
    }
}

#[test]
fn a_bad_day_is_told_before_it_stops_a_truck() {
    for (instrument, name) in INSTRUMENTS.into_iter().take(3) {
        let mut bench = Bench::new(instrument, Day::DyingBattery, 7);
        let mut decoder = decoder(&bench, name);
        let mut items = Vec::new();
        for n in 0..70 {
            let said = bench.say(START_MS + n * 60_000);
            push(decoder.as_mut(), &said.bytes, &BTreeSet::new(), &mut items);
        }
        let low = items.iter().any(|item| {
            let json = item.to_json();
            json["alarms"]
                .as_array()
                .is_some_and(|a| a.contains(&"low-battery".into()))
        });
        assert!(low, "{name} says that its battery is low");
    }
}

#[test]
fn a_lock_is_answered_so_that_it_goes_on() {
    let bench = Bench::new(Instrument::Jt808, Day::Good, 7);
    let mut decoder = decoder(&bench, "jt808");
    let mut items = Vec::new();
    push(
        decoder.as_mut(),
        &bench::jt808_heartbeat(97),
        &BTreeSet::new(),
        &mut items,
    );
    let [Item::Frame(Frame::Heartbeat(heartbeat))] = items.as_slice() else {
        panic!("one heartbeat: {items:?}");
    };
    let answer = heartbeat.ack.as_deref().unwrap();
    assert_eq!(bench::jt808_confirmed(answer), Some((97, 0x0002)));
}

#[test]
fn a_reader_knows_our_question_and_we_its_answer() {
    for (instrument, name) in [
        (Instrument::Uhf18, "uhfreader18"),
        (Instrument::Uhf288, "uhfreader288"),
    ] {
        let mut bench = Bench::new(instrument, Day::Good, 7);
        let ask = protocol(name).unwrap().ask.unwrap()(&Settings::new());
        let said = bench
            .hear(&ask.bytes)
            .expect("it takes it for an inventory");
        let mut items = Vec::new();
        push(
            decoder(&bench, name).as_mut(),
            &said.bytes,
            &BTreeSet::new(),
            &mut items,
        );
        assert_eq!(items.len(), said.meant.len(), "{name}");
    }
}
