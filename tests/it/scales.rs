//! Every scale codec against indicators that know nothing of it
//! (`firmware_sim::scales`, written from the vendors' pages): what is on the
//! display is what is read, however the bytes are cut, with noise between.

use std::collections::BTreeSet;

use firmware_sim::scales::{ALL, BadDay, Display, Indicator, Make};
use lanegate_core::model::Kg;
use lanegate_core::wire::{
    Decoder, Frame, Item, ProtocolKind, Settings, WeightFrame, WeightMode, protocol, protocols,
};
use proptest::prelude::*;

/// The codec of a make, and its settings.
fn codec(make: Make) -> (&'static str, &'static [(&'static str, &'static str)]) {
    match make {
        Make::YaohuaTf0 => ("yaohua-tf0", &[]),
        Make::YaohuaTf1 => ("yaohua-tf1", &[]),
        Make::YaohuaBare => ("yaohua-tf1", &[("sign", "none")]),
        Make::YaohuaBareBehind => ("yaohua-tf1", &[("sign", "none"), ("mark", "after")]),
        Make::YaohuaTf2 => ("yaohua-tf2", &[]),
        Make::YaohuaA12 => ("yaohua-a12", &[]),
        Make::YaohuaA12e => ("yaohua-a12e", &[]),
        Make::YaohuaCommand => ("yaohua-command", &[]),
        Make::MtLong | Make::MtShort => ("mt-continuous", &[]),
        Make::MtChecked => ("mt-continuous", &[("checksum", "yes")]),
        Make::Systec => ("systec", &[]),
        Make::Sma => ("sma", &[]),
        Make::MtSics => ("mt-sics", &[]),
        Make::Sbi => ("sbi", &[]),
        Make::And | Make::AndEk => ("and", &[]),
        Make::DiniArgeo => ("dini-argeo", &[]),
        Make::RiceLake => ("rice-lake", &[]),
        Make::CardinalSb400 => ("cardinal-sb400", &[]),
        Make::CardinalSb200 => ("cardinal-sb200", &[]),
        Make::AveryStream => ("avery-stream", &[]),
        Make::Rinstrum => ("rinstrum", &[]),
        Make::Nci => ("nci", &[]),
        Make::Sewha => (
            "ascii-line",
            &[
                (
                    "layout",
                    r"{status:2},{mode:2},{skip:2},{weight:8} {unit:2}\r\n",
                ),
                ("status", "ST=stable US=motion OL=out"),
                ("modes", "GS=gross NT=gross TR=net"),
            ],
        ),
    }
}

fn decoder(make: Make) -> Box<dyn Decoder + Send> {
    let (name, set) = codec(make);
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let set: Settings = set.iter().map(text).collect();
    protocol(name).unwrap().decoder(&set).unwrap()
}

const fn is_out(shown: &Display) -> bool {
    shown.over || shown.under
}

/// What a make's frames say of motion and of a scale that was not zeroed.
fn stable(make: Make, shown: &Display) -> Option<bool> {
    let out = is_out(shown);
    match make {
        Make::YaohuaTf0
        | Make::YaohuaTf1
        | Make::YaohuaBare
        | Make::YaohuaBareBehind
        | Make::YaohuaTf2
        | Make::YaohuaA12
        | Make::YaohuaA12e
        | Make::YaohuaCommand
        | Make::AveryStream => None,
        Make::MtLong | Make::MtChecked | Make::MtShort | Make::Sma => {
            Some(!shown.motion && !shown.not_zeroed)
        }
        Make::RiceLake | Make::Rinstrum => (!out).then_some(!shown.motion && !shown.not_zeroed),
        Make::Systec | Make::Nci => Some(!shown.motion),
        Make::MtSics | Make::Sbi => Some(!shown.motion && !out),
        Make::And
        | Make::AndEk
        | Make::DiniArgeo
        | Make::CardinalSb400
        | Make::CardinalSb200
        | Make::Sewha => (!out).then_some(!shown.motion),
    }
}

/// Whether a net figure can be told from a gross one.
fn says_mode(make: Make, shown: &Display) -> bool {
    match make {
        Make::YaohuaA12
        | Make::YaohuaA12e
        | Make::MtLong
        | Make::MtChecked
        | Make::MtShort
        | Make::Sma
        | Make::Sbi
        | Make::And
        | Make::DiniArgeo
        | Make::RiceLake
        | Make::CardinalSb400
        | Make::CardinalSb200
        | Make::AveryStream
        | Make::Sewha => true,
        // Its letter says either that or that it moves.
        Make::Rinstrum => !shown.motion && !shown.not_zeroed,
        Make::YaohuaTf0
        | Make::YaohuaTf1
        | Make::YaohuaBare
        | Make::YaohuaBareBehind
        | Make::YaohuaTf2
        | Make::YaohuaCommand
        | Make::Systec
        | Make::MtSics
        | Make::AndEk
        | Make::Nci => false,
    }
}

/// Fails unless `read` is what the display shows.
fn agrees(make: Make, shown: &Display, read: &WeightFrame) {
    assert_eq!(
        read.overload || read.underload,
        is_out(shown),
        "{make:?} {shown:?} {read:?}"
    );
    if is_out(shown) {
        assert_eq!(read.kg(), None, "{make:?}");
        return;
    }
    assert_eq!(
        read.value.as_deref(),
        Some(shown.text().as_str()),
        "{make:?}"
    );
    assert_eq!(read.unit.word(), Some("kg"), "{make:?}");
    assert_eq!(read.stable, stable(make, shown), "{make:?} {shown:?}");
    let net = shown.net && says_mode(make, shown);
    assert_eq!(read.mode == WeightMode::Net, net, "{make:?} {shown:?}");
}

/// A display a vehicle scale may have: what all makes have room for.
fn display() -> impl Strategy<Value = Display> {
    let range =
        prop_oneof![8 => Just((false, false)), 1 => Just((true, false)), 1 => Just((false, true))];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (-9_999_i64..100_000, 0_u8..=1, range, flags).prop_map(
        |(digits, decimals, (over, under), (net, motion, not_zeroed))| Display {
            digits: if under {
                -digits.abs()
            } else if over {
                digits.abs()
            } else {
                digits
            },
            decimals,
            net,
            motion,
            over,
            under,
            not_zeroed,
        },
    )
}

/// Displays, each with noise before it, and where the bytes are cut.
type Line = (Make, Vec<(Vec<u8>, Display)>, BTreeSet<usize>);

/// A frame of some fifteen bytes, and for each a fifth of that in noise.
fn line() -> impl Strategy<Value = Line> {
    let make = prop::sample::select(ALL.to_vec());
    let noise = prop::collection::vec(any::<u8>(), 0..6);
    let parts = prop::collection::vec((noise, display()), 1..12);
    let cuts = prop::collection::btree_set(0..1500_usize, 0..60);
    (make, parts, cuts)
}

fn weights(make: Make, bytes: &[u8], cuts: &BTreeSet<usize>) -> Vec<WeightFrame> {
    let (mut decoder, mut items, mut from) = (decoder(make), Vec::new(), 0);
    for &cut in cuts.iter().filter(|cut| **cut < bytes.len()) {
        decoder.push(&bytes[from..cut], &mut items);
        from = cut;
    }
    decoder.push(&bytes[from..], &mut items);
    decoder.idle(&mut items);
    let weight = |item| match item {
        Item::Frame(Frame::Weight(weight)) => Some(weight),
        Item::Frame(_) | Item::Noise { .. } => None,
    };
    items.into_iter().filter_map(weight).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_on_the_display_is_what_is_read((make, parts, cuts) in line()) {
        let frames: Vec<_> = parts.iter().filter_map(|(_, shown)| Some((shown, make.frame(shown)?))).collect();
        let bytes: Vec<u8> = frames.iter().flat_map(|(_, frame)| frame.clone()).collect();
        let read = weights(make, &bytes, &cuts);
        // An answer that it cannot, of Systec's, is no weight.
        let shown = frames.iter().map(|(shown, _)| **shown).filter(|d| make != Make::Systec || !is_out(d));
        let shown: Vec<Display> = shown.collect();
        prop_assert_eq!(read.len(), shown.len(), "{:?}: {:?}", make, read);
        for (shown, read) in shown.iter().zip(&read) {
            agrees(make, shown, read);
        }
    }

    /// Noise, then the same frame twice: the first of them is found, since
    /// what follows it is no noise, and nothing is found that was not sent.
    #[test]
    fn after_noise_the_next_whole_frame_is_found((make, parts, cuts) in line()) {
        let (mut bytes, mut sent) = (Vec::new(), Vec::<Display>::new());
        for (noise, shown) in &parts {
            // One after the other they are told apart.
            let same = |last: &Display| if is_out(last) { is_out(shown) } else { !is_out(shown) && last.text() == shown.text() };
            if sent.last().is_some_and(same) || make == Make::Systec && is_out(shown) {
                continue;
            }
            let Some(frame) = make.frame(shown) else { continue };
            bytes.extend(noise);
            bytes.extend(frame.repeat(2));
            sent.push(*shown);
        }
        let read = weights(make, &bytes, &cuts);
        let value = |read: &WeightFrame| (read.value.clone(), read.overload, read.underload);
        let (mut at, mut missed) = (0, Vec::new());
        for shown in &sent {
            let fits = |read: &WeightFrame| {
                let out = read.overload || read.underload;
                out == is_out(shown) && (out || read.value.as_deref() == Some(&shown.text()))
            };
            let found = read[at..].iter().take_while(|read| fits(read)).take(2).count();
            if found == 0 {
                missed.push(*shown);
            }
            at += found;
        }
        prop_assert!(missed.is_empty(), "{:?}: {:?} of {:?}", make, missed, read);
        prop_assert_eq!(at, read.len(), "{:?}: {:?}", make, read.iter().map(value).collect::<Vec<_>>());
    }
}

/// Each bad day, as far as a format can say it, is no weight that counts.
#[test]
fn a_bad_day_of_an_indicator_is_seen_where_its_format_tells() {
    for make in ALL {
        let mut scale = Indicator::new(make, 60_000, 20, 7);
        let question = make.question();
        let mut read = |day: BadDay, kg, settled| {
            scale.have(day);
            let bytes = match question {
                Some(question) => scale.answer(question, kg, settled),
                None => scale.send(kg, settled),
            };
            weights(make, &bytes.unwrap_or_default(), &BTreeSet::new()).pop()
        };
        let good = read(BadDay::default(), 38_240, true).unwrap();
        assert_eq!(good.kg(), Some(Kg(38_240)), "{make:?}");
        for kg in [60_200, -500] {
            let out = read(BadDay::default(), kg, true);
            assert_eq!(out.and_then(|out| out.kg()), None, "{make:?}");
        }
        let cold = BadDay {
            not_zeroed: true,
            ..BadDay::default()
        };
        let cold = read(cold, 38_240, true).unwrap();
        let tells = matches!(
            make,
            Make::MtLong
                | Make::MtChecked
                | Make::MtShort
                | Make::Sma
                | Make::RiceLake
                | Make::Rinstrum
        );
        assert_eq!(cold.stable == Some(false), tells, "{make:?}");
    }
}

/// `T` tares and `Z` zeroes, on every scale that takes commands at all.
#[test]
fn no_question_of_any_protocol_tares_or_zeroes() {
    let mut asked = BTreeSet::new();
    for protocol in protocols() {
        let Some(ask) = protocol.ask else { continue };
        // Every word of every setting, one after the other.
        let mut all = vec![Settings::new()];
        for setting in protocol.settings {
            if let lanegate_core::wire::Values::Words(words) = setting.values {
                all.extend(
                    words.iter().map(|word| {
                        Settings::from([(setting.name.to_owned(), (*word).to_owned())])
                    }),
                );
            }
        }
        for set in all {
            let question = ask(&set).bytes;
            assert!(!question.is_empty(), "{}", protocol.name);
            if protocol.kind == ProtocolKind::Scale {
                let forbidden = |b: &u8| matches!(b, b'T' | b't' | b'Z' | b'z');
                assert!(
                    !question.iter().any(forbidden),
                    "{}: {question:?}",
                    protocol.name
                );
            }
        }
        asked.insert(protocol.name);
    }
    for name in ["mt-sics", "nci", "sbi", "sma", "systec", "yaohua-command"] {
        assert!(asked.contains(name), "{name}");
    }
}

/// What the gateway sends by itself is what the indicator waits for.
#[test]
fn a_simulated_indicator_takes_the_gateways_question_for_one() {
    for make in ALL {
        let (name, set) = codec(make);
        assert!(set.is_empty() || make.question().is_none());
        let ask = protocol(name)
            .unwrap()
            .ask
            .map(|ask| ask(&Settings::new()).bytes);
        assert_eq!(ask.as_deref(), make.question(), "{make:?}");
    }
}
