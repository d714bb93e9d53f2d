//! Every board asked for the same things. Bytes are the makers' or computed
//! from their tables in the comments beside them.

use super::*;

const FOUR: Numbers = Numbers {
    inputs: 4,
    outputs: 6,
};

fn set(pairs: &[(&str, &str)]) -> Settings {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(pair).collect()
}

fn wire(protocol: &str, pairs: &[(&str, &str)]) -> BoardWire {
    BoardWire::of(protocol, &set(pairs), FOUR).unwrap()
}

fn ask(wire: &BoardWire, call: Call) -> Question {
    wire.ask(call, 7, &BTreeMap::new()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

const UP: Call = Call::Pulse { output: 0, ms: 500 };
const GREEN: Call = Call::Set {
    output: 5,
    on: true,
};

fn bits(byte: u8, count: usize) -> Vec<bool> {
    (0..count).map(|i| byte >> i & 1 == 1).collect()
}

#[test]
fn modbus_boards_are_asked_in_their_own_dialect() {
    let plain = wire("modbus-rtu", &[]);
    assert_eq!(hex(&ask(&plain, Call::Inputs).bytes[..6]), "010200000004");
    assert_eq!(hex(&ask(&plain, Call::Outputs).bytes[..6]), "010100000006");
    assert_eq!(hex(&ask(&plain, GREEN).bytes[..6]), "01050005ff00");
    assert_eq!(hex(&ask(&plain, UP).bytes[..6]), "010502000005");
    // Relays counted from one, on = 0100h: SkyDrive.
    let clone = wire("modbus-rtu", &[("first", "1"), ("on", "0100")]);
    assert_eq!(
        hex(&ask(
            &clone,
            Call::Set {
                output: 0,
                on: true
            }
        )
        .bytes),
        "0105000101009d9a"
    );
    assert_eq!(hex(&ask(&clone, Call::Outputs).bytes[..6]), "010100010006");
    // Relays as registers, inputs one input register each.
    let fc06 = wire(
        "modbus-rtu",
        &[("write", "register"), ("inputs", "input-registers")],
    );
    let on = ask(
        &fc06,
        Call::Set {
            output: 0,
            on: true,
        },
    );
    assert_eq!(hex(&on.bytes), "010600000001480a");
    let off = ask(
        &fc06,
        Call::Set {
            output: 0,
            on: false,
        },
    );
    assert_eq!(hex(&off.bytes), "01060000000089ca");
    assert_eq!(fc06.answer(&off, &off.bytes), Answer::Done(Told::default()));
    let inputs = ask(&fc06, Call::Inputs);
    assert_eq!(hex(&inputs.bytes[..6]), "010400000004");
    let body = [1, 4, 8, 0, 1, 0, 0, 0, 0, 0, 1];
    let crc = crate::wire::checksum::crc16_modbus(&body).to_le_bytes();
    let told = Told {
        inputs: Some(vec![true, false, false, true]),
        outputs: None,
    };
    assert_eq!(
        fc06.answer(&inputs, &[&body[..], &crc].concat()),
        Answer::Done(told)
    );
    assert!(!fc06.can().times_pulses);
    assert_eq!(hex(&ask(&fc06, Call::Outputs).bytes[..6]), "010300000006");
    // LC-Tech from the factory.
    let lc = wire("modbus-rtu", &[("slave", "255")]);
    assert_eq!(hex(&ask(&lc, Call::Inputs).bytes[..6]), "ff0200000004");
}

#[test]
fn a_relay_number_that_means_all_relays_is_never_written() {
    let last = wire("modbus-rtu", &[("first", "64")]);
    for output in 0..=NUMBERS_MAX {
        let question = last.ask(Call::Set { output, on: true }, 0, &BTreeMap::new());
        assert_ne!(question.unwrap().bytes[2..4], [0, 0xff]);
    }
    let beyond = Call::Set {
        output: 0xff - 64,
        on: true,
    };
    assert!(last.ask(beyond, 0, &BTreeMap::new()).is_err());
}

#[test]
fn a_late_answer_over_tcp_is_passed_over_and_never_the_next_ones() {
    let wire = wire("modbus-tcp", &[]);
    let question = ask(&wire, Call::Inputs);
    assert_eq!(hex(&question.bytes), "000700000006010200000004");
    // Transaction 6, presence on; then ours, presence off.
    let late = [0, 6, 0, 0, 0, 4, 1, 2, 1, 0b1001];
    let ours = [0, 7, 0, 0, 0, 4, 1, 2, 1, 0b1000];
    assert_eq!(wire.answer(&question, &late), Answer::Need);
    let told = |byte| Told {
        inputs: Some(bits(byte, 4)),
        outputs: None,
    };
    let both = [late, ours].concat();
    assert_eq!(wire.answer(&question, &both), Answer::Done(told(0b1000)));
    for cut in 10..both.len() {
        assert_eq!(wire.answer(&question, &both[..cut]), Answer::Need, "{cut}");
    }
    assert_eq!(wire.answer(&question, &ours), Answer::Done(told(0b1000)));
    let refused = [0, 7, 0, 0, 0, 3, 1, 0x82, 2];
    assert_eq!(wire.answer(&question, &refused), Answer::Refused(Some(2)));
    let bare = [0, 7, 0, 0, 0, 2, 1, 0x82];
    assert_eq!(wire.answer(&question, &bare), Answer::Refused(None));
    let coils = [0, 7, 0, 0, 0, 4, 1, 1, 1, 0];
    assert_eq!(
        wire.answer(&question, &coils),
        Answer::Bad(BadWhy::OtherQuestion)
    );
    let other = [0, 7, 0, 0, 0, 4, 2, 2, 1, 0];
    assert_eq!(
        wire.answer(&question, &other),
        Answer::Bad(BadWhy::Stranger)
    );
    let stray = [0, 7, 0, 1, 0, 4, 1, 2, 1, 0];
    assert_eq!(
        wire.answer(&question, &stray),
        Answer::Bad(BadWhy::Stranger)
    );
    let write = ask(&wire, GREEN);
    assert_eq!(hex(&write.bytes), "00070000000601050005ff00");
    assert_eq!(
        wire.answer(&write, &write.bytes),
        Answer::Done(Told::default())
    );
    assert!(wire.can().numbered);
}

#[test]
fn an_adam_module_is_asked_as_its_manual_says() {
    let adam = wire("adam4000", &[("module", "4050"), ("address", "33")]);
    let poll = ask(&adam, Call::Inputs);
    assert_eq!(poll.bytes, b"$336\r");
    let told = Told {
        inputs: Some(bits(0x22, 8)),
        outputs: Some(bits(0x11, 8)),
    };
    assert_eq!(adam.answer(&poll, b"!112200\r"), Answer::Done(told.clone()));
    // The adapter returns the question.
    assert_eq!(adam.answer(&poll, b"$336\r!112200\r"), Answer::Done(told));
    for part in [&b""[..], b"$3", b"$336\r", b"!11", b"$336\r!1122"] {
        assert_eq!(adam.answer(&poll, part), Answer::Need, "{part:?}");
    }
    assert_eq!(adam.answer(&poll, b"?33\r"), Answer::Refused(None));
    // Another module's refusal, and the answer to another question.
    for other in [&b"?34\r"[..], b">\r", b"!33400600\r"] {
        assert_eq!(
            adam.answer(&poll, other),
            Answer::Bad(BadWhy::OtherQuestion)
        );
    }
    let on = ask(
        &adam,
        Call::Set {
            output: 3,
            on: true,
        },
    );
    assert_eq!(on.bytes, b"#331301\r");
    assert_eq!(adam.answer(&on, b">\r"), Answer::Done(Told::default()));
    assert_eq!(
        adam.answer(&on, b"!112200\r"),
        Answer::Bad(BadWhy::OtherQuestion)
    );
    let alive = ask(&adam, Call::Outputs);
    assert_eq!(alive.bytes, b"$332\r");
    assert_eq!(
        adam.answer(&alive, b"!33400600\r"),
        Answer::Done(Told::default())
    );
    assert_eq!(
        adam.answer(&alive, b"!112200\r"),
        Answer::Bad(BadWhy::OtherQuestion),
        "a late poll is no sign of life"
    );
    assert!(adam.ask(UP, 0, &BTreeMap::new()).is_err());
    let eighth = Call::Set {
        output: 8,
        on: true,
    };
    assert!(adam.ask(eighth, 0, &BTreeMap::new()).is_err());
}

#[test]
fn an_adam_module_with_checksums_is_believed_only_with_a_right_one() {
    let adam = wire(
        "adam4000",
        &[("module", "4050"), ("address", "33"), ("checksum", "yes")],
    );
    // 24 + 33 + 33 + 36 = C0h.
    let poll = ask(&adam, Call::Inputs);
    assert_eq!(poll.bytes, b"$336C0\r");
    // 21 + 31 + 31 + 32 + 32 + 30 + 30 = 147h.
    assert!(matches!(
        adam.answer(&poll, b"!11220047\r"),
        Answer::Done(_)
    ));
    assert_eq!(
        adam.answer(&poll, b"!11220048\r"),
        Answer::Bad(BadWhy::Checksum)
    );
    assert_eq!(
        adam.answer(&poll, b"!112200\r"),
        Answer::Bad(BadWhy::Checksum)
    );
}

#[test]
fn boards_that_could_not_confirm_a_lift_are_refused_in_words() {
    let refused = |protocol: &str, pairs: &[(&str, &str)]| {
        BoardWire::of(protocol, &set(pairs), FOUR)
            .unwrap_err()
            .to_string()
    };
    let lcus = refused("lcus", &[]);
    assert!(lcus.contains("could not be confirmed"), "{lcus}");
    let words = refused("adam4000", &[]);
    assert!(words.contains("module"), "{words}");
    for module in ["4052", "4053", "4060"] {
        let words = refused("adam4000", &[("module", module)]);
        assert!(words.contains("needs both"), "{words}");
    }
    let many = Numbers {
        inputs: 9,
        outputs: 6,
    };
    let words = BoardWire::of("adam4000", &set(&[("module", "4050")]), many).unwrap_err();
    assert!(words.to_string().contains("0 to 7"), "{words}");
    assert!(refused("modbus-rtu", &[("slave", "0")]).contains("1 to 255"));
    assert!(refused("modbus-tcp", &[("crc", "swapped")]).contains("not known"));
    assert!(refused("adam4000", &[("address", "1")]).contains("hex"));
    assert!(refused("mqtt-io", &[("set", "on")]).contains("$n"));
    assert!(refused("mqtt-io", &[("inputs", "a,,b")]).contains("paths"));
    assert!(refused("yaohua-tf0", &[]).contains("no protocol of a board"));
}

/// A status message: arm up, no vehicle at the front loop, one at the rear.
fn status(one: u8) -> Vec<u8> {
    let sum = b'B' ^ b'1' ^ one;
    vec![2, b'B', b'1', one, 0, 3, sum]
}

#[test]
fn a_toll_lane_controller_is_told_lamps_and_pulses_and_never_to_lower_by_itself() {
    let xy = wire("xy-lc301", &[]);
    let calls = [
        Call::Inputs,
        Call::Outputs,
        UP,
        Call::Pulse { output: 1, ms: 500 },
        GREEN,
        Call::Set {
            output: 2,
            on: true,
        },
        Call::Set {
            output: 0,
            on: false,
        },
    ];
    for call in calls {
        for number in 0..300 {
            let held = BTreeMap::from([(5, number % 2 == 0), (2, number % 3 == 0)]);
            let bytes = xy.ask(call, number, &held).unwrap().bytes;
            assert_eq!(bytes.len(), 24);
            assert_eq!(bytes[20] & 1, 0, "it never lowers by itself");
            assert!(![2, 3].contains(&bytes[23]), "{call:?} {number}");
            let sum = bytes[1..22].iter().fold(0, |sum, b| sum ^ b);
            assert_eq!((bytes[22], bytes[23]), (3, sum));
            let moves = u8::from(call == UP) | u8::from(call == calls[3]) << 1;
            assert_eq!(bytes[3] & 3, moves, "{call:?}");
        }
    }
    let lamps = |call, held: &[(u16, bool)]| {
        let held = held.iter().copied().collect();
        xy.ask(call, 0, &held).unwrap().bytes[3]
    };
    assert_eq!(lamps(Call::Inputs, &[(5, true), (2, false)]), 1 << 5);
    assert_eq!(lamps(UP, &[(5, true)]), 1 << 5 | 1);
    assert_eq!(
        lamps(
            Call::Set {
                output: 5,
                on: false
            },
            &[(5, true)]
        ),
        0
    );
    for fixed in [3, 4, 6] {
        let call = Call::Set {
            output: fixed,
            on: true,
        };
        assert!(xy.ask(call, 0, &BTreeMap::new()).is_err());
    }
    let maintained = Call::Set {
        output: 0,
        on: true,
    };
    assert!(xy.ask(maintained, 0, &BTreeMap::new()).is_err());
}

#[test]
fn a_toll_lane_controller_tells_loops_arm_and_lamps_and_the_newest_counts() {
    let xy = wire("xy-lc301", &[]);
    let poll = ask(&xy, Call::Inputs);
    let Answer::Done(told) = xy.answer(&poll, &status(0b0001_1000)) else {
        panic!("no answer");
    };
    let inputs = told.inputs.unwrap();
    assert!(inputs[3] && inputs[4] && !inputs[5]);
    assert_eq!(told.outputs.unwrap(), vec![false; 6]);
    // It answers a command before it acts: its lamps are the old ones.
    let Answer::Done(told) = xy.answer(&ask(&xy, GREEN), &status(0)) else {
        panic!("no answer");
    };
    assert!(told.inputs.is_some() && told.outputs.is_none());
    let nak = [0x15, 0x45, 0x45, 0x45, 0x45, 3, 0];
    assert_eq!(xy.answer(&poll, &nak), Answer::Refused(None));
    assert_eq!(xy.answer(&poll, &status(0)[..6]), Answer::Need);
    let mut two = status(0b1000);
    two.extend(status(0));
    let last = xy.told(&two).unwrap();
    assert_eq!(last.inputs.unwrap(), vec![false; 16], "the newest counts");
    assert_eq!(xy.told(b"XY-LC-301-V4.1\r\n"), None);
}

#[test]
fn a_board_behind_a_broker_confirms_by_its_state() {
    let io = wire("mqtt-io", &[("first", "1")]);
    let on = ask(&io, GREEN);
    assert_eq!(on.bytes, br#"{"output":6,"on":true}"#);
    assert_eq!(ask(&io, UP).bytes, br#"{"output":1,"pulse_ms":500}"#);
    let state = |green: bool| {
        format!("{{\"inputs\":[0,0,0,1],\"outputs\":[0,0,0,0,0,{green}]}}").into_bytes()
    };
    assert!(matches!(io.answer(&on, &state(false)), Answer::Heard(_)));
    assert!(matches!(io.answer(&on, &state(true)), Answer::Done(_)));
    assert_eq!(io.answer(&on, b"{}"), Answer::Need);
    assert!(io.told(&state(true)).is_some());
    assert!(io.ask(Call::Inputs, 0, &BTreeMap::new()).is_err());
    let own = wire(
        "mqtt-io",
        &[
            ("inputs", "di.0, di.1, di.2, di.3"),
            ("outputs", ""),
            ("set", "{\"DO$n\":$01}"),
            ("pulse", ""),
        ],
    );
    assert_eq!(ask(&own, GREEN).bytes, br#"{"DO5":1}"#);
    let can = own.can();
    assert!(!can.asked && !can.answers_writes && !can.times_pulses);
    assert_eq!(can.read_back, ReadBack::Never);
    assert!(own.ask(UP, 0, &BTreeMap::new()).is_err());
}
