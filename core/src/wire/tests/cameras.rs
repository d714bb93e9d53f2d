//! Cameras: parts and documents cut anywhere, noise between and before them,
//! settings that cannot be used.

use super::*;

/// Cameras whose messages are parts of a stream.
const PARTED: [&str; 2] = ["dahua", "hikvision-isapi"];

/// Golden lines with the default settings that give nothing but frames.
fn good(name: &str) -> Vec<Golden> {
    let all = goldens(name).into_iter();
    all.filter(|g| g.set.is_empty() && g.out.iter().all(|o| o["kind"] != "noise"))
        .collect()
}

fn json(items: &[Item]) -> Vec<Value> {
    items.iter().map(Item::to_json).collect()
}

fn camera() -> impl Strategy<Value = &'static str> {
    let cameras = protocols()
        .iter()
        .filter(|p| p.kind == ProtocolKind::Camera);
    prop::sample::select(cameras.map(|p| p.name).collect::<Vec<_>>())
}

proptest! {
    /// Noise that ends with a line, right before a part or at its end, costs
    /// nothing but itself; noise before a message of its own neither.
    #[test]
    fn noise_between_parts_costs_no_part(
        which in 0..PARTED.len(), samples in prop::collection::vec((0..100_usize, "[ -,.-~]{0,80}"), 1..8),
        cuts in prop::collection::btree_set(0..8000_usize, 0..40),
    ) {
        let protocol = protocol(PARTED[which]).unwrap();
        let parted: Vec<_> = good(protocol.name).into_iter().filter(|g| g.hex.starts_with("2d2d")).collect();
        let (mut all, mut sent) = (Vec::new(), Vec::new());
        for (sample, noise) in samples {
            let golden = &parted[sample % parted.len()];
            all.extend(format!("x{noise}\r\n").into_bytes());
            all.extend(bytes(&golden.hex));
            if !all.ends_with(b"\n") {
                all.extend(b"\r\n");
            }
            // Ends the last part, whatever boundary it has.
            let line = all.windows(2).rposition(|w| w == b"--").unwrap();
            if all[line..].starts_with(b"--\r\n") {
                sent.extend(golden.out.clone());
                continue;
            }
            let name = if PARTED[which] == "dahua" { "--myboundary--\r\n" } else { "--boundary--\r\n" };
            all.extend(name.as_bytes());
            sent.extend(golden.out.clone());
        }
        let items = pushed(made(protocol, &Settings::new()).as_mut(), &all, &cuts);
        let found: Vec<_> = json(&items).into_iter().filter(|o| o["kind"] != "noise").collect();
        prop_assert_eq!(found, sent);
    }

    #[test]
    fn messages_of_any_camera_give_the_same_cut_anywhere_and_one_after_the_other(
        name in camera(), order in prop::collection::vec(0..100_usize, 1..5),
        cuts in prop::collection::btree_set(0..3000_usize, 0..20),
    ) {
        let good = good(name);
        let mut decoder = made(protocol(name).unwrap(), &Settings::new());
        for n in order {
            let golden = &good[n % good.len()];
            let items = pushed(decoder.as_mut(), &bytes(&golden.hex), &cuts);
            prop_assert_eq!(json(&items), golden.out.clone());
        }
    }

    /// A bent document is read or it is noise, and what is behind it is kept.
    #[test]
    fn a_bent_message_costs_itself_alone(
        name in camera(), n in 0..100_usize, at in 0..2000_usize, with: u8,
    ) {
        let good = good(name);
        let golden = &good[n % good.len()];
        let mut bent = bytes(&golden.hex);
        let at = at % bent.len();
        bent[at] = with;
        let mut decoder = made(protocol(name).unwrap(), &Settings::new());
        pushed(decoder.as_mut(), &bent, &BTreeSet::new());
        let items = pushed(decoder.as_mut(), &bytes(&golden.hex), &BTreeSet::new());
        prop_assert_eq!(json(&items), golden.out.clone());
    }
}

#[test]
fn a_setting_that_is_no_path_condition_direction_or_offset_is_refused() {
    let fault = |key: &str, value: &str| {
        let set = Settings::from([(key.to_owned(), value.to_owned())]);
        let fault = protocol("json-camera").unwrap().decoder(&set).err();
        fault.expect("the setting is wrong").to_string()
    };
    assert!(fault("plate", "a..b").contains("write up to 8 names"));
    assert!(fault("when", "lpr").contains("write it like \"type=lpr|plate\""));
    assert!(fault("directions", "1=north").contains("known: left, right"));
    assert!(fault("utc_offset", "8h").contains("write it like \"+08:00\""));
    assert!(fault("no_read", "a..b").contains("is no path"));
    assert!(fault("confidence_scale", "0-10").contains("none of 0-100, 0-1"));
}

/// Three seconds of film are not kept to find one event.
#[test]
fn a_document_that_never_ends_is_noise_and_the_next_is_read() {
    let golden = &good("hikvision-isapi")[0];
    let mut decoder = made(protocol("hikvision-isapi").unwrap(), &Settings::new());
    let mut out = Vec::new();
    decoder.push(b"--boundary\r\nContent-Type: text/xml\r\n\r\n", &mut out);
    for _ in 0..300 {
        decoder.push(&[b'x'; 1024], &mut out);
    }
    decoder.push(b"\r\n", &mut out);
    decoder.push(&bytes(&golden.hex), &mut out);
    decoder.idle(&mut out);
    let [
        Item::Noise {
            len: 307_202,
            why: NoiseWhy::TooLong,
            ..
        },
        rest @ ..,
    ] = out.as_slice()
    else {
        panic!("{:?}", json(&out));
    };
    assert_eq!(json(rest), golden.out);
}

/// A camera that is broken, or somebody's: megabytes that are JSON or parts and
/// nothing else cost no more than their reading, and are one run of noise.
#[test]
fn a_post_full_of_values_or_of_boundaries_is_one_run_of_noise() {
    let values = format!("[{}]", vec![r#"{"plate":"A"}"#; 140_000].join(","));
    let boundaries = "--x\n".repeat(500_000);
    let all = [
        ("json-camera", &values),
        (
            "vzenith-http",
            &values
                .replace("plate", "x")
                .replacen('[', r#"{"a":["#, 1)
                .replacen(']', "]}", 1),
        ),
        ("hikvision-isapi", &boundaries),
        ("dahua", &boundaries),
    ];
    for (name, post) in all {
        let known = crate::wire::protocol(name).unwrap();
        let settings = match name {
            "json-camera" => [("plate", "plate")]
                .map(|(n, v)| (n.into(), v.into()))
                .into(),
            _ => crate::wire::Settings::new(),
        };
        let mut decoder = known.decoder(&settings).unwrap();
        let mut items = Vec::new();
        decoder.push(post.as_bytes(), &mut items);
        decoder.idle(&mut items);
        assert!(items.len() <= 2, "{name}: {} items", items.len());
        assert!(
            items.iter().all(|i| matches!(i, Item::Noise { .. })),
            "{name}"
        );
    }
}

/// A stream of a camera that is asked may stand still anywhere: a short silence
/// ends only what is whole by its own words.
#[test]
fn a_part_is_whole_at_its_length_or_where_a_document_ends() {
    let beat = "--b\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nHeartbeat";
    let event = "--b\r\nContent-Length: 0\r\n\r\nCode=TrafficJunction;action=Pulse;index=0;data={\n \"A\" : 1\n}";
    let notice = "--b\r\nContent-Type: application/xml\r\n\r\n<a>\r\n<b>1</b></a>\r\n";
    for (text, ends) in [(beat, 1), (event, 1), (notice, 4)] {
        let mut decoder = protocol("dahua")
            .unwrap()
            .decoder(&Settings::new())
            .unwrap();
        let mut whole = 0;
        for byte in text.as_bytes() {
            decoder.push(&[*byte], &mut Vec::new());
            whole += usize::from(decoder.is_whole() && !byte.is_ascii_whitespace());
        }
        assert!(decoder.is_whole(), "{text}");
        assert_eq!(whole, ends, "{text}");
    }
}
