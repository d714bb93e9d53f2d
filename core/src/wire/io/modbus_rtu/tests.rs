//! Tests of the master side. Bytes are the vendors' (Waveshare, LC-Tech, a
//! clone), or recomputed with the specification's CRC.

use proptest::prelude::*;

use super::*;

const PLAIN: Dialect = Dialect {
    unit: 1,
    on: 0xff00,
    crc_swapped: false,
    echo: false,
};

fn inputs() -> Request {
    Request::read_inputs(PLAIN, 0, 8).unwrap()
}

fn lift() -> Request {
    Request::write_coil(PLAIN, 0, true).unwrap()
}

fn bits(byte: u8) -> Vec<bool> {
    (0..8).map(|i| byte >> i & 1 == 1).collect()
}

fn done(byte: u8) -> Outcome {
    Outcome::Done(Reply::Bits(bits(byte)))
}

const ANSWER: [u8; 6] = [0x01, 0x02, 0x01, 0x20, 0xa0, 0x50];

#[test]
fn questions_are_the_vendors_bytes() {
    let hex = |r: Request| -> String { r.encode().iter().map(|b| format!("{b:02x}")).collect() };
    assert_eq!(hex(lift()), "01050000ff008c3a");
    assert_eq!(
        hex(Request::write_coil(PLAIN, 0, false).unwrap()),
        "010500000000cdca"
    );
    assert_eq!(hex(inputs()), "01020000000879cc");
    let unit = Dialect { unit: 255, ..PLAIN };
    assert_eq!(
        hex(Request::read_inputs(unit, 0, 8).unwrap()),
        "ff02000000086c12"
    );
    let clone = Dialect {
        on: 0x0100,
        ..PLAIN
    };
    assert_eq!(
        hex(Request::write_coil(clone, 1, true).unwrap()),
        "0105000101009d9a"
    );
    // Modbus specification V1.1b3, 6.11: ten coils from 20 on.
    let coils = [0xcd_u8, 0x01].map(bits).concat();
    let many = Request::write_coils(
        Dialect {
            unit: 0x11,
            ..PLAIN
        },
        19,
        coils[..10].to_vec(),
    );
    assert_eq!(hex(many.unwrap()), "110f0013000a02cd01bf0b");
    let flash = Request::flash(PLAIN, 2, 700).unwrap().encode();
    assert_eq!(flash[..6], [1, 5, 2, 2, 0, 7]);
}

#[test]
fn questions_that_would_move_something_else_are_refused() {
    assert_eq!(
        Request::write_coil(PLAIN, 0xff, true),
        Err(RequestFault::Coil(0xff)),
        "coil 00FFh switches all relays"
    );
    assert_eq!(
        Request::write_coil(PLAIN, 0x0200, true),
        Err(RequestFault::Coil(0x0200)),
        "that is a pulse of relay 0"
    );
    assert!(Request::write_coil(PLAIN, 0xfe, true).is_ok());
    assert_eq!(
        Request::write_coils(PLAIN, 0xf8, vec![false; 8]),
        Err(RequestFault::Coil(0xff))
    );
    assert_eq!(Request::flash(PLAIN, 0, 750), Err(RequestFault::Pulse(750)));
    assert_eq!(Request::flash(PLAIN, 0, 0), Err(RequestFault::Pulse(0)));
    assert_eq!(
        Request::flash(PLAIN, 0, 10_100),
        Err(RequestFault::Pulse(10_100))
    );
    assert_eq!(
        Request::read_inputs(PLAIN, 0, 0),
        Err(RequestFault::Count(0))
    );
    assert_eq!(
        Request::read_coils(PLAIN, 0, 65),
        Err(RequestFault::Count(65))
    );
    assert_eq!(
        Request::write_coils(PLAIN, 0, vec![]),
        Err(RequestFault::Count(0))
    );
}

#[test]
fn an_answer_is_matched_byte_by_byte() {
    for (n, need) in [(0, 6), (1, 5), (2, 4), (3, 3), (4, 2), (5, 1)] {
        let outcome = response(&inputs(), &ANSWER[..n]);
        assert_eq!(outcome, Outcome::Need(need), "{n} bytes");
    }
    assert_eq!(response(&inputs(), &ANSWER), done(0x20));
    let five = Request::read_inputs(PLAIN, 0, 5).unwrap();
    let reply = Reply::Bits(bits(0x20)[..5].to_vec());
    assert_eq!(response(&five, &ANSWER), Outcome::Done(reply));
}

#[test]
fn a_write_is_answered_by_its_own_bytes_and_by_nothing_else() {
    assert_eq!(
        response(&lift(), &lift().encode()),
        Outcome::Done(Reply::Written)
    );
    let off = Request::write_coil(PLAIN, 0, false).unwrap().encode();
    let other = Outcome::Bad(BadWhy::OtherQuestion);
    assert_eq!(response(&lift(), &off), other);
    let coil = Request::write_coil(PLAIN, 1, true).unwrap().encode();
    assert_eq!(response(&lift(), &coil), other);
    let many = Request::write_coils(PLAIN, 19, vec![true; 10]).unwrap();
    let taken = PLAIN.seal(vec![1, 15, 0, 19, 0, 10]);
    assert_eq!(response(&many, &taken), Outcome::Done(Reply::Written));
    let fewer = PLAIN.seal(vec![1, 15, 0, 19, 0, 9]);
    assert_eq!(response(&many, &fewer), other);
}

#[test]
fn another_count_is_told_before_the_answer_is_whole() {
    assert_eq!(
        response(&inputs(), &[1, 2, 2]),
        Outcome::Bad(BadWhy::OtherQuestion)
    );
}

#[test]
fn another_units_or_functions_answer_is_no_answer() {
    let stranger = Outcome::Bad(BadWhy::Stranger);
    let other = PLAIN.seal(vec![2, 2, 1, 0x20]);
    assert_eq!(response(&inputs(), &other), stranger);
    let other = PLAIN.seal(vec![9, 1, 1, 0x20]);
    assert_eq!(response(&inputs(), &other), stranger);
}

/// Field case c61 and its kind.
#[test]
fn a_set_high_bit_is_failure_whatever_follows() {
    let ten = Dialect { unit: 10, ..PLAIN };
    let coils = Request::read_coils(ten, 0, 8).unwrap();
    let bare = response(&coils, &[0x0a, 0x81, 0xc7, 0x70]);
    assert_eq!(bare, Outcome::Exception(None));
    let coded = response(&coils, &[0x0a, 0x81, 0x02, 0xb0, 0x53]);
    assert_eq!(coded, Outcome::Exception(Some(2)));
    let damaged = response(&coils, &[0x0a, 0x81, 0x02, 0xb0, 0x54]);
    assert_eq!(damaged, Outcome::Bad(BadWhy::Checksum));
    let whole = PLAIN.seal(vec![1, 0x82, 1, 0x20]);
    assert_eq!(response(&inputs(), &whole), Outcome::Bad(BadWhy::Checksum));
    let refused = PLAIN.seal(vec![1, 0x85, 4]);
    assert_eq!(response(&lift(), &refused), Outcome::Exception(Some(4)));
    assert_eq!(response(&lift(), &refused[..3]), Outcome::Need(2));
}

/// Field case c69 and its kind.
#[test]
fn exchanged_crc_bytes_are_wrong_unless_the_dialect_says_so() {
    let swapped = Dialect {
        crc_swapped: true,
        ..PLAIN
    };
    let exchanged = [0x01, 0x02, 0x01, 0x20, 0x50, 0xa0];
    let bad = Outcome::Bad(BadWhy::CrcSwapped);
    assert_eq!(response(&inputs(), &exchanged), bad);
    let ask = Request::read_inputs(swapped, 0, 8).unwrap();
    assert_eq!(response(&ask, &exchanged), done(0x20));
    assert_eq!(response(&ask, &ANSWER), bad);
    assert_eq!(ask.encode()[6..], [0xcc, 0x79]);
}

#[test]
fn an_echo_of_a_read_is_skipped() {
    let mut bytes = inputs().encode();
    for n in 3..8 {
        assert_eq!(response(&inputs(), &bytes[..n]), Outcome::Need(8 - n));
    }
    assert_eq!(response(&inputs(), &bytes), Outcome::Need(6));
    bytes.extend(ANSWER);
    assert_eq!(response(&inputs(), &bytes), done(0x20));
}

#[test]
fn an_echo_of_a_write_is_no_answer_where_the_adapter_echoes() {
    let echo = Dialect {
        echo: true,
        ..PLAIN
    };
    let lift = Request::write_coil(echo, 0, true).unwrap();
    let mut bytes = lift.encode();
    assert_eq!(response(&lift, &bytes), Outcome::Need(8));
    bytes.extend(lift.encode());
    assert_eq!(response(&lift, &bytes), Outcome::Done(Reply::Written));
}

/// Bytes are dropped one by one, so a good answer in the same read counts
/// however much comes before it.
#[test]
fn stray_bytes_before_an_answer_are_skipped_however_many() {
    for stray in [0x00, 0x01, 0x02, 0xff] {
        for strays in 1..=64 {
            let bytes = [vec![stray; strays], ANSWER.to_vec()].concat();
            let outcome = response(&inputs(), &bytes);
            assert_eq!(outcome, done(0x20), "{strays} times {stray:02x}");
        }
    }
    let false_start = [vec![1, 2, 1, 7, 7, 7, 7], ANSWER.to_vec()].concat();
    assert_eq!(response(&inputs(), &false_start), done(0x20));
    let cut = [&ANSWER[..4], &ANSWER].concat();
    assert_eq!(response(&inputs(), &cut[..6]), Outcome::Need(4));
    assert_eq!(response(&inputs(), &cut), done(0x20));
    let stranger = Outcome::Bad(BadWhy::Stranger);
    assert_eq!(response(&inputs(), &[0; 5]), stranger);
}

/// L3: what a read-back is taken from answers the question under way. A
/// message for somebody else is skipped whole, whatever its data look like.
#[test]
fn an_answer_inside_another_message_is_none_and_the_one_behind_it_is() {
    let coils = Request::read_coils(PLAIN, 0, 8).unwrap();
    let inside = PLAIN.seal(vec![1, 1, 1, 0x01]);
    let carries = |unit: u8, function: u8| {
        let len = u8::try_from(inside.len()).unwrap();
        PLAIN.seal([vec![unit, function, len], inside.clone()].concat())
    };
    for other in [carries(1, 4), carries(1, 1), carries(9, 3)] {
        let alone = response(&coils, &other);
        assert!(matches!(alone, Outcome::Bad(_)), "{alone:?}");
        let ours = [other, PLAIN.seal(vec![1, 1, 1, 0x02])].concat();
        assert_eq!(response(&coils, &ours), done(0x02));
    }
}

#[test]
fn an_echo_behind_stray_bytes_is_still_no_answer() {
    let echo = Dialect {
        echo: true,
        ..PLAIN
    };
    let lift = Request::write_coil(echo, 0, true).unwrap();
    let mut bytes = [vec![0xff], lift.encode()].concat();
    for n in 4..9 {
        assert_eq!(response(&lift, &bytes[..n]), Outcome::Need(9 - n));
    }
    assert_eq!(response(&lift, &bytes), Outcome::Need(8));
    bytes.extend(lift.encode());
    assert_eq!(response(&lift, &bytes), Outcome::Done(Reply::Written));
    let mut bytes = [vec![0; 9], inputs().encode()].concat();
    assert_eq!(response(&inputs(), &bytes), Outcome::Need(6));
    bytes.extend(ANSWER);
    assert_eq!(response(&inputs(), &bytes), done(0x20));
}

#[test]
fn settings_make_the_dialect() {
    let set = |pairs: &[(&str, &str)]| -> Settings {
        let pair = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        pairs.iter().map(pair).collect()
    };
    assert_eq!(Dialect::of(&set(&[])), Ok(PLAIN));
    let all = set(&[
        ("slave", "255"),
        ("on", "0100"),
        ("crc", "swapped"),
        ("echo", "yes"),
    ]);
    let dialect = Dialect {
        unit: 255,
        on: 0x0100,
        crc_swapped: true,
        echo: true,
    };
    assert_eq!(Dialect::of(&all), Ok(dialect));
    assert!(Dialect::of(&set(&[("slave", "256")])).is_err());
    assert!(Dialect::of(&set(&[("on", "ff00")])).is_err());
}

proptest! {
    /// Whatever a damaged line returns, only an undamaged answer is one.
    #[test]
    fn one_damaged_byte_is_never_an_answer(at in 0..6_usize, with: u8, byte: u8) {
        let mut bytes = PLAIN.seal(vec![1, 2, 1, byte]);
        prop_assume!(bytes[at] != with);
        bytes[at] = with;
        let outcome = response(&inputs(), &bytes);
        prop_assert!(!matches!(outcome, Outcome::Done(_)), "{:?}", outcome);
    }

    /// Whatever came before, an answer at the end of what was read is found.
    #[test]
    fn a_good_answer_is_found_behind_any_bytes(before in prop::collection::vec(any::<u8>(), 0..60), byte: u8) {
        let bytes = [before, PLAIN.seal(vec![1, 2, 1, byte])].concat();
        prop_assert_eq!(response(&inputs(), &bytes), done(byte));
    }

    #[test]
    fn any_bytes_are_matched_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), echo: bool) {
        let dialect = Dialect { echo, ..PLAIN };
        for request in [
            Request::read_inputs(dialect, 0, 12).unwrap(),
            Request::write_coil(dialect, 3, true).unwrap(),
        ] {
            if let Outcome::Need(n) = response(&request, &bytes) {
                prop_assert!((1..=16).contains(&n));
            }
        }
    }
}
