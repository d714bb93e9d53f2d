//! Cameras as the makers' side of the simulator speaks them, through our
//! codecs: what was seen is what is read, however the bytes are cut, and
//! whatever lies between messages.

use std::collections::BTreeSet;

use firmware_sim::cameras::{Make, Sight, heartbeat, message};
use lanegate_core::time::Wall;
use lanegate_core::wire::{Decoder, Frame, Item, PlatesFrame, Settings, protocol, push_documents};
use proptest::prelude::*;

const fn name(make: Make) -> &'static str {
    match make {
        Make::HikvisionXml | Make::HikvisionJson => "hikvision-isapi",
        Make::Dahua => "dahua",
        Make::VzenithHttp => "vzenith-http",
        Make::OpenAlprFrame | Make::OpenAlprGroup => "openalpr",
        Make::PlateRecognizer => "plate-recognizer",
        Make::Axis => "axis-ffgroup",
        Make::Frigate => "frigate",
        Make::Verkada => "verkada",
        Make::Trassir => "trassir",
    }
}

fn codec(make: Make) -> Box<dyn Decoder + Send> {
    let protocol = protocol(name(make)).expect("a protocol of the registry");
    protocol.decoder(&Settings::new()).expect("defaults")
}

fn sights(make: Make) -> impl Strategy<Value = Sight> {
    let plates =
        prop::sample::subsequence(vec!["粤ZJ068澳", "MX7742", "12345T"], 0..=make.plates_max());
    let time = 1_700_000_000_000..1_900_000_000_000_i64;
    (plates, time, 1..=100_u8, 1..1_000_000_u64, any::<bool>()).prop_map(
        move |(plates, unix_ms, confidence_pct, vehicle, stored)| Sight {
            unix_ms,
            plates: plates.into_iter().map(str::to_owned).collect(),
            confidence_pct,
            vehicle,
            stored: stored && make.tells_replay(),
        },
    )
}

/// What the frame must say of what was seen.
fn check(make: Make, sight: &Sight, frame: &PlatesFrame) -> Result<(), TestCaseError> {
    let read: Vec<_> = frame.reads.iter().map(|r| r.text.to_uppercase()).collect();
    prop_assert_eq!(&read, &sight.plates);
    prop_assert_eq!(frame.no_read.is_some(), sight.plates.is_empty());
    prop_assert_eq!(frame.at, Some(Wall(sight.unix_ms)));
    prop_assert_eq!(frame.replay, sight.stored);
    for read in &frame.reads {
        // A byte has fewer steps than it is worth; never better than it was.
        let less = u8::from(make == Make::Dahua);
        let least = sight.confidence_pct.saturating_sub(less);
        prop_assert!((least..=sight.confidence_pct).contains(&read.confidence_pct));
    }
    Ok(())
}

fn pushed(decoder: &mut dyn Decoder, bytes: &[u8], cuts: &BTreeSet<usize>) -> Vec<Item> {
    let (mut out, mut from) = (Vec::new(), 0);
    for &cut in cuts.iter().filter(|c| **c < bytes.len()) {
        decoder.push(&bytes[from..cut], &mut out);
        from = cut;
    }
    decoder.push(&bytes[from..], &mut out);
    decoder.idle(&mut out);
    out
}

fn plates(items: &[Item]) -> Vec<&PlatesFrame> {
    let mut all = Vec::new();
    for item in items {
        if let Item::Frame(Frame::Plates(plates)) = item {
            all.push(plates);
        }
    }
    all
}

fn one() -> impl Strategy<Value = (Make, Sight)> {
    prop::sample::select(Make::ALL.to_vec()).prop_flat_map(|make| (Just(make), sights(make)))
}

/// A stream: what was seen, a heartbeat or not, noise in lines or none.
fn stream() -> impl Strategy<Value = (Make, Vec<(Sight, bool, Vec<u8>)>)> {
    let streams: Vec<_> = Make::ALL.into_iter().filter(|m| m.streams()).collect();
    let noise = prop_oneof![
        4 => Just(Vec::new()),
        1 => prop::collection::vec(any::<u8>(), 1..200),
    ];
    prop::sample::select(streams).prop_flat_map(move |make| {
        let part = (sights(make), any::<bool>(), noise.clone());
        (Just(make), prop::collection::vec(part, 1..8))
    })
}

proptest! {
    #[test]
    fn what_any_camera_saw_is_what_is_read(
        (make, sight) in one(), cuts in prop::collection::btree_set(0..3000_usize, 0..30),
    ) {
        let bytes = message(make, &sight);
        let items = pushed(codec(make).as_mut(), &bytes, &cuts);
        let [frame] = plates(&items)[..] else {
            return Err(TestCaseError::fail(format!("{items:?}")));
        };
        check(make, &sight, frame)?;
    }

    /// Noise lies in a gap of the stream, a fifth of its bursts; at the next
    /// whole part everything is as before.
    #[test]
    fn a_stream_cut_anywhere_with_noise_in_its_gaps_loses_nothing(
        (make, parts) in stream(), cuts in prop::collection::btree_set(0..6000_usize, 0..40),
    ) {
        let mut decoder = codec(make);
        let (mut all, mut beats, mut alive) = (Vec::new(), 0, 0);
        for (sight, beat, noise) in &parts {
            pushed(decoder.as_mut(), noise, &cuts);
            let mut bytes = Vec::new();
            if *beat {
                bytes.extend(heartbeat(make, sight.unix_ms).expect("streams have them"));
                beats += 1;
            }
            bytes.extend(message(make, sight));
            let items = pushed(decoder.as_mut(), &bytes, &cuts);
            alive += items.iter().filter(|i| matches!(i, Item::Frame(Frame::Heartbeat(_)))).count();
            all.extend(plates(&items).into_iter().cloned());
        }
        prop_assert_eq!(all.len(), parts.len());
        for (frame, (sight, ..)) in all.iter().zip(&parts) {
            check(make, sight, frame)?;
        }
        prop_assert_eq!(alive, beats);
    }

    /// Several events without a gap, as after a stalled connection.
    #[test]
    fn a_burst_of_events_without_a_gap_is_read_in_order(
        (make, parts) in stream(), cuts in prop::collection::btree_set(0..9000_usize, 0..40),
    ) {
        let bytes: Vec<u8> = parts.iter().flat_map(|(sight, ..)| message(make, sight)).collect();
        let items = pushed(codec(make).as_mut(), &bytes, &cuts);
        let found = plates(&items);
        prop_assert_eq!(found.len(), parts.len());
        for (frame, (sight, ..)) in found.iter().zip(&parts) {
            check(make, sight, frame)?;
        }
    }

    /// Posted within a form, with a picture before it.
    #[test]
    fn a_document_within_a_form_is_found((make, sight) in one()) {
        prop_assume!(!make.streams());
        let protocol = protocol(name(make)).expect("a protocol of the registry");
        let document = message(make, &sight);
        let mut form = b"--f\r\nContent-Disposition: form-data; name=\"upload\"\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff{\"a\":1}\r\n\
            --f\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n".to_vec();
        form.extend_from_slice(&document);
        form.extend_from_slice(b"\r\n--f--\r\n");
        let found = push_documents(protocol, "multipart/form-data; boundary=f", &form);
        prop_assert_eq!(found, vec![document]);
    }
}
