//! Tests over all protocols: golden bytes (`tests/frames/`), arbitrary
//! chunking, noise.

use std::collections::BTreeSet;
use std::path::PathBuf;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::*;

mod cameras;
mod document;

/// One line of a golden file: bytes of one message or burst, then silence.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    source: String,
    #[serde(default)]
    set: Settings,
    hex: String,
    out: Vec<Value>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/frames")
}

fn goldens(name: &str) -> Vec<Golden> {
    let path = folder().join(format!("{name}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn made(protocol: &Protocol, set: &Settings) -> Box<dyn Decoder + Send> {
    protocol.decoder(set).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// Decodes `bytes`, pushed in pieces that end at `cuts`, then silence.
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

fn frame(item: &Item) -> Option<&Frame> {
    match item {
        Item::Frame(frame) => Some(frame),
        Item::Noise { .. } => None,
    }
}

fn frames(items: &[Item]) -> Vec<&Frame> {
    items.iter().filter_map(frame).collect()
}

#[test]
fn every_protocol_has_a_golden_file_and_every_golden_file_a_protocol() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "jsonl"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let names: BTreeSet<String> = protocols().iter().map(|p| p.name.to_owned()).collect();
    assert_eq!(files, names);
    assert!(protocols().is_sorted_by_key(|p| p.name));
}

/// What the golden files ask for and `decode` does not give, all of it.
fn misread(decode: impl Fn(&mut dyn Decoder, &Golden) -> Vec<Item>) -> Vec<String> {
    let mut wrong = Vec::new();
    for protocol in protocols() {
        for golden in goldens(protocol.name) {
            let items = decode(made(protocol, &golden.set).as_mut(), &golden);
            let json: Vec<Value> = items.iter().map(Item::to_json).collect();
            if json != golden.out {
                let (found, asked) = (Value::from(json), Value::from(golden.out));
                wrong.push(format!(
                    "{}: {}\n  {found}\n  {asked}",
                    protocol.name, golden.source
                ));
            }
        }
    }
    wrong
}

#[test]
fn golden_bytes_decode_to_what_is_written_beside_them() {
    let wrong = misread(|decoder, golden| decode_line(decoder, &golden.hex).unwrap());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn golden_bytes_give_the_same_one_byte_at_a_time() {
    let wrong = misread(|decoder, golden| {
        let bytes = bytes(&golden.hex);
        pushed(decoder, &bytes, &(1..bytes.len()).collect())
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every byte is in a frame or counted as noise: none is lost unseen.
#[test]
fn noise_and_weights_account_for_every_byte() {
    for golden in goldens("yaohua-tf0") {
        let mut decoder = made(protocol("yaohua-tf0").unwrap(), &golden.set);
        let items = decode_line(decoder.as_mut(), &golden.hex).unwrap();
        let len = |item: &Item| match item {
            Item::Frame(_) => 12,
            Item::Noise { len, .. } => *len,
        };
        let total: usize = items.iter().map(len).sum();
        assert_eq!(total, golden.hex.len() / 2, "{}", golden.source);
    }
}

#[test]
fn the_gross_weight_of_a_frame_is_whole_kilograms() {
    let mut decoder = made(protocol("yaohua-tf0").unwrap(), &Settings::new());
    let items = decode_line(decoder.as_mut(), "022b30333832343030313603").unwrap();
    let [Item::Frame(Frame::Weight(weight))] = items.as_slice() else {
        panic!("one weight expected: {items:?}");
    };
    assert_eq!(weight.kg(), Some(crate::model::Kg(38_240)));
    let overloaded = WeightFrame {
        overload: true,
        ..weight.clone()
    };
    assert_eq!(overloaded.kg(), None);
}

#[test]
fn a_setting_that_is_unknown_or_out_of_its_range_is_refused_with_what_to_write() {
    let fault = |name: &str, key: &str, value: &str| {
        let set = Settings::from([(key.to_owned(), value.to_owned())]);
        let fault = protocol(name).unwrap().decoder(&set).err();
        fault.expect("the setting is wrong").to_string()
    };
    assert_eq!(
        fault("yaohua-tf0", "nibbles", "HEX"),
        "setting nibbles: \"HEX\" is none of hex, plus30"
    );
    assert_eq!(
        fault("yaohua-tf0", "baud", "9600"),
        "setting baud: not known here; known: nibbles, unit, mode, data_bits, parity"
    );
    assert_eq!(
        fault("modbus-rtu", "slave", "0"),
        "setting slave: \"0\" is no number from 1 to 255"
    );
    assert!(protocol("yaohua").is_none());
}

#[test]
fn every_default_is_a_value_that_may_be_set() {
    for protocol in protocols() {
        for setting in protocol.settings {
            let set = Settings::from([(setting.name.to_owned(), setting.default.to_owned())]);
            assert_eq!(protocol.faults(&set), [], "{}", protocol.name);
        }
    }
}

#[test]
fn a_line_that_is_no_hex_is_refused_with_the_place() {
    let mut decoder = made(protocol("jt701").unwrap(), &Settings::new());
    let fault = decode_line(decoder.as_mut(), "24 8x").unwrap_err();
    assert_eq!(fault, HexFault::Character { at: 5, found: 'x' });
    let fault = decode_line(decoder.as_mut(), "248").unwrap_err();
    assert_eq!(fault, HexFault::Odd(3));
    assert_eq!(decode_line(decoder.as_mut(), " \t").unwrap(), []);
}

/// A line of pure noise is reported before it ends, in bounded memory.
#[test]
fn endless_noise_is_reported_as_it_comes() {
    let mut decoder = made(protocol("yaohua-tf0").unwrap(), &Settings::new());
    let mut out = Vec::new();
    decoder.push(&[b'x'; 5000], &mut out);
    let noise = |len| Item::Noise {
        len,
        why: NoiseWhy::NoStart,
        hint: None,
    };
    assert_eq!(out, vec![noise(1024); 4]);
    decoder.idle(&mut out);
    assert_eq!(out.last(), Some(&noise(904)));
}

/// The stream protocols whose good frames are told from noise: by a checksum,
/// or by fields that fit.
const STREAMS: [(&str, &[&str]); 7] = [
    (
        "yaohua-tf0",
        &["022b30333832343030313603", "022b30303230303032314203"],
    ),
    (
        "jt701",
        &[
            "2480006200111911003418042116225922348310113550543f12980000002d060000000020e028109228661f000100000f0f0f0f0f0f0f0f000001cc0156",
            "28383030303632303031312c404a5429",
        ],
    ),
    ("modbus-rtu", &["01020120a050", "01050000ff008c3a"]),
    (
        "jt808",
        &[
            "7e0002000001390000123400617d017e",
            "7e0200001f0139000012340030000000000030000201597d010206cc43d00000000000000704100800003101095d7e",
        ],
    ),
    (
        "uhfreader18",
        &["13000103010c0000000000000000000003133f39", "050001012765"],
    ),
    (
        "uhfreader288",
        &[
            "1500010301010ce28068940000400a9d22a9eb5c70d2",
            "050001012765",
        ],
    ),
    (
        "wiegand26",
        &[
            "30303130313130313030303030303030313031303030313030300d0a",
            "3131313131313131313131313131313131313131313131313131",
        ],
    ),
];

/// Which protocol; which sample after which noise; where the bytes are cut.
type Stream = (usize, Vec<(usize, Vec<u8>)>, BTreeSet<usize>);

/// Good frames with noise between; each piece of noise lies in silence, as
/// far as the decoder is told, or runs into the frame behind it.
fn stream() -> impl Strategy<Value = Stream> {
    let noise = prop_oneof![
        4 => Just(Vec::new()),
        1 => prop::collection::vec(any::<u8>(), 1..20),
    ];
    let part = (0..2_usize, noise);
    let cuts = prop::collection::btree_set(0..2000_usize, 0..40);
    (0..STREAMS.len(), prop::collection::vec(part, 1..20), cuts)
}

proptest! {
    #[test]
    fn the_same_bytes_cut_anywhere_give_the_same_items((which, parts, cuts) in stream()) {
        let (name, samples) = STREAMS[which];
        let mut all = Vec::new();
        for (sample, noise) in parts {
            all.extend(noise);
            all.extend(bytes(samples[sample]));
        }
        let protocol = protocol(name).unwrap();
        let whole = pushed(made(protocol, &Settings::new()).as_mut(), &all, &BTreeSet::new());
        let pieces = pushed(made(protocol, &Settings::new()).as_mut(), &all, &cuts);
        prop_assert_eq!(whole, pieces);
    }

    /// Of every protocol, with every line of its golden file and its settings.
    #[test]
    fn a_golden_line_in_noise_gives_the_same_items_however_it_is_cut(
        which in 0..protocols().len(), line: prop::sample::Index,
        noise in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 3),
        cuts in prop::collection::btree_set(0..300_usize, 0..30),
    ) {
        let protocol = protocols()[which];
        let lines = goldens(protocol.name);
        let golden = line.get(&lines);
        let frame = bytes(&golden.hex);
        let all = [&noise[0], &frame, &noise[1], &frame, &noise[2]].map(Vec::as_slice).concat();
        let decode = |cuts: &BTreeSet<usize>| {
            pushed(made(protocol, &golden.set).as_mut(), &all, cuts)
        };
        prop_assert_eq!(decode(&BTreeSet::new()), decode(&cuts), "{}", protocol.name);
    }

    /// Noise costs no frame that follows it in its own burst, and makes none.
    #[test]
    fn a_fifth_of_noise_between_bursts_costs_no_good_frame((which, parts, cuts) in stream()) {
        let (name, samples) = STREAMS[which];
        let protocol = protocol(name).unwrap();
        let mut decoder = made(protocol, &Settings::new());
        let (mut items, mut sent) = (Vec::new(), Vec::new());
        for (sample, noise) in parts {
            items.extend(pushed(decoder.as_mut(), &noise, &cuts));
            let good = bytes(samples[sample]);
            sent.extend(decode_line(made(protocol, &Settings::new()).as_mut(), samples[sample]).unwrap());
            items.extend(pushed(decoder.as_mut(), &good, &cuts));
        }
        let sent = frames(&sent);
        prop_assert_eq!(frames(&items), sent);
    }

    /// Yaohua frames are found behind any noise without a start byte, also
    /// when nothing separates the two.
    #[test]
    fn a_weight_right_behind_noise_is_kept(
        noise in prop::collection::vec(prop::num::u8::ANY.prop_filter("no start", |b| *b != 2), 0..40),
        digits in 0..1_000_000_u32, decimals in 0..5_u8, minus: bool,
    ) {
        let body = format!("{}{digits:06}{decimals}", if minus { '-' } else { '+' });
        let sum = body.bytes().fold(0, |s, b| s ^ b);
        let mut all = noise.clone();
        all.extend(format!("\u{2}{body}{sum:02X}\u{3}").into_bytes());
        let items = pushed(made(protocol("yaohua-tf0").unwrap(), &Settings::new()).as_mut(), &all, &BTreeSet::new());
        let found = frames(&items);
        let [Frame::Weight(weight)] = found.as_slice() else {
            panic!("one weight expected: {items:?}");
        };
        let scale = 10_u32.pow(u32::from(decimals));
        let width = usize::from(decimals);
        let mut value = (digits / scale).to_string();
        if decimals > 0 {
            value.push_str(&format!(".{:0width$}", digits % scale));
        }
        if minus && digits > 0 {
            value.insert(0, '-');
        }
        prop_assert_eq!(weight.value.as_deref(), Some(value.as_str()));
    }

    /// One damaged byte in a burst of weights costs at most the frame it is
    /// in and never makes a weight that was not sent.
    #[test]
    fn a_damaged_byte_never_makes_another_weight(at in 0..36_usize, with: u8) {
        let good = bytes("022b30333832343030313603");
        let mut all = good.repeat(3);
        let changed = all[at] != with;
        all[at] = with;
        let items = pushed(made(protocol("yaohua-tf0").unwrap(), &Settings::new()).as_mut(), &all, &BTreeSet::new());
        let found = frames(&items);
        prop_assert_eq!(found.len(), if changed { 2 } else { 3 });
        for frame in found {
            let Frame::Weight(weight) = frame else { panic!("a weight") };
            prop_assert_eq!(&weight.raw, &good);
        }
    }

    #[test]
    fn any_bytes_are_decoded_without_a_panic(
        which in 0..protocols().len(), pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6),
    ) {
        let mut decoder = made(protocols()[which], &Settings::new());
        let mut out = Vec::new();
        for piece in &pieces {
            decoder.push(piece, &mut out);
        }
        decoder.idle(&mut out);
        let sent: usize = pieces.iter().map(Vec::len).sum();
        prop_assert_eq!(out.is_empty(), sent == 0);
    }
}
