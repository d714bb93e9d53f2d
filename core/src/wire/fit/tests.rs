//! Fits of bytes devices send, and of bytes that fit two protocols.

use super::super::framer::{Framer, Grammar, Step};
use super::super::{Decoder, NoiseWhy, ProtocolKind, WeightFrame, WeightMode};
use super::*;
use crate::model::WeightUnit;

fn heard(bursts: &[&[u8]]) -> Heard {
    let mut heard = Heard::new();
    for burst in bursts {
        heard.push(burst);
        heard.silent();
    }
    heard
}

fn names(fits: &Fits) -> Vec<&'static str> {
    fits.fits.iter().map(|fit| fit.protocol.name).collect()
}

const WEIGHTS: &[u8] = b"\x02+038240016\x03\x02+00200021B\x03\x02+038240016\x03\x02+038240016\x03";

#[test]
fn frames_with_a_checksum_are_told_from_everything_else() {
    let fits = fits(&heard(&[WEIGHTS]));
    let best = &fits.fits[0];
    assert_eq!((best.protocol.name, best.frames), ("yaohua-tf0", 4));
    assert_eq!((fits.framing.word(), fits.rivals), ("8N1", 1));
    assert!(best.is_strong(), "{best:?}");
    assert_eq!(best.noise_permille, 0);
    assert_eq!(best.readings[1]["value"], "20.00");
    let untold: Vec<_> = best.untold.iter().map(|(name, _)| *name).collect();
    assert_eq!(untold, ["unit", "mode"], "no byte says these");
}

#[test]
fn a_setting_the_bytes_ask_for_is_found() {
    // 1Bh as 31h and 3Bh: 30h + n.
    let plus30 = b"\x02+00200021;\x03".repeat(3);
    let fits = fits(&heard(&[&plus30]));
    let best = &fits.fits[0];
    assert_eq!(best.protocol.name, "yaohua-tf0");
    let settings: Vec<_> = best.settings.iter().collect();
    assert_eq!(settings, [(&"nibbles".to_owned(), &"plus30".to_owned())]);
}

#[test]
fn seven_bits_with_parity_are_told_from_the_bytes() {
    let even = |b: &u8| b | (((b.count_ones() % 2) as u8) << 7);
    let line: Vec<u8> = WEIGHTS.iter().map(even).collect();
    let heard_even = heard(&[&line]);
    let even = fits(&heard_even);
    assert_eq!(even.framing.word(), "7E1");
    assert_eq!(even.fits[0].protocol.name, "yaohua-tf0");
    assert_eq!(even.fits[0].settings["data_bits"], "7");
    assert!(parity_hint(&heard_even).unwrap().contains("even parity"));
    let odd: Vec<u8> = line.iter().map(|b| b ^ 0x80).collect();
    assert_eq!(fits(&heard(&[&odd])).framing.word(), "7O1");
}

#[test]
fn noise_fits_nothing_and_silence_neither() {
    let mut state = 7_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(4000)
    .collect();
    let told = fits(&heard(&[&noise]));
    assert_eq!((names(&told), told.rivals), (Vec::new(), 0));
    assert_eq!(parity_hint(&heard(&[&noise])), None);
    assert!(fits(&Heard::new()).fits.is_empty());
}

#[test]
fn what_is_heard_is_bounded_and_keeps_the_latest() {
    let mut heard = Heard::new();
    for _ in 0..200 {
        heard.push(&[b'x'; 1000]);
        heard.silent();
    }
    heard.push(&WEIGHTS.repeat(200));
    assert_eq!(heard.len(), HEARD_LEN_MAX);
    assert!(heard.bursts.len() < 20);
    assert_eq!(fits(&heard).fits[0].protocol.name, "yaohua-tf0");
}

/// `=` and eight digits, high or low first: what no byte tells apart.
struct Digits {
    reversed: bool,
}

impl Grammar for Digits {
    const FRAME_LEN_MAX: usize = 9;

    fn scan(&self, bytes: &[u8]) -> Step {
        let Some(frame) = bytes.get(..9) else {
            return Step::Need;
        };
        if frame[0] != b'=' || !frame[1..].iter().all(u8::is_ascii_digit) {
            return Step::drop(NoiseWhy::Syntax);
        }
        let mut value: String = frame[1..].iter().map(|b| char::from(*b)).collect();
        if self.reversed {
            value = value.chars().rev().collect();
        }
        Step::Frame(
            9,
            Frame::Weight(WeightFrame {
                value: Some(value.into()),
                unit: WeightUnit::Kg,
                mode: WeightMode::Gross,
                stable: None,
                overload: false,
                underload: false,
                raw: frame.to_vec(),
            }),
        )
    }
}

fn digits(reversed: bool) -> Box<dyn Decoder + Send> {
    Box::new(Framer::new(Digits { reversed }))
}

const fn pretended(name: &'static str, make: fn(&Settings) -> Box<dyn Decoder + Send>) -> Protocol {
    Protocol {
        name,
        kind: ProtocolKind::Scale,
        about: "",
        settings: &[],
        ask: None,
        agree: None,
        make,
    }
}

static FORWARD: Protocol = pretended("forward", |_| digits(false));
static REVERSED: Protocol = pretended("reversed", |_| digits(true));
static SAME: Protocol = pretended("same", |_| digits(true));

#[test]
fn two_that_read_different_values_from_the_same_bytes_are_not_guessed_between() {
    let line = b"=00030000=00030000=00030100".as_slice();
    let told = fits_among(&[&FORWARD, &REVERSED], &heard(&[line]));
    assert_eq!(
        (names(&told), told.rivals),
        (vec!["forward", "reversed"], 2)
    );
    assert!(!told.fits[0].is_strong(), "nothing is checked");
    assert_ne!(told.fits[0].readings, told.fits[1].readings);
    let agree = fits_among(&[&REVERSED, &SAME], &heard(&[line]));
    assert_eq!(agree.rivals, 1, "they read the same");
    // A value that reads the same both ways is no agreement.
    let even = fits_among(
        &[&FORWARD, &REVERSED],
        &heard(&[b"=00000000=00000000=00000000"]),
    );
    assert_eq!(even.rivals, 2);
    let few = fits_among(&[&FORWARD], &heard(&[b"=00030000=00030000"]));
    assert!(
        few.fits.is_empty(),
        "two frames without a check are an accident"
    );
}

/// Two settings differ from the defaults, and one alone reads nothing.
#[test]
fn a_mark_behind_the_figure_is_told_with_both_settings() {
    let bursts = [b"543.210=", b"003.000=", b"043.210=", b"143.210="];
    let bursts: Vec<&[u8]> = bursts.iter().map(|burst| burst.as_slice()).collect();
    let told = fits(&heard(&bursts));
    let fit = told
        .fits
        .iter()
        .find(|fit| fit.protocol.name == "yaohua-tf1");
    let fit = fit.unwrap_or_else(|| panic!("{told:?}"));
    let set = [("mark", "after"), ("sign", "none")];
    let own = |(name, word): (&str, &str)| (name.to_owned(), word.to_owned());
    assert_eq!(fit.settings, set.map(own).into());
    assert_eq!((fit.frames, fit.noise_permille), (4, 0));
    assert!(!names(&told).contains(&"yaohua-tf2"), "{told:?}");
}

#[test]
fn yaohuas_two_unchecked_formats_are_never_guessed_between() {
    for line in [
        b"=000.3000=000.3000=000.3100=000.31".as_slice(),
        b"=000.0000=000.0000=000.0000=000.00",
    ] {
        let told = fits(&heard(&[line]));
        let rivals: Vec<_> = names(&told)[..told.rivals].to_vec();
        assert!(
            rivals.contains(&"yaohua-tf1") && rivals.contains(&"yaohua-tf2"),
            "{told:?}"
        );
    }
}
