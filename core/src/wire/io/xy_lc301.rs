//! XY-LC-301, the lane controller of Guangdong and Shanxi toll lanes: arm,
//! lamps, alarm, fee display and two loops behind one serial line.
//!
//! Host to controller, A, 24 bytes:
//!
//! | byte | content |
//! |---|---|
//! | 0..2 | 02h, `A`, address `1` |
//! | 3 | bit 0 raise, 1 lower (0 = leave the arm), 2 canopy lamp green, 3 sound alarm, 4 light alarm, 5 lane lamp green |
//! | 4..17 | fee 4, balance 4, entry station 6 characters |
//! | 18, 19 | vehicle class and kind |
//! | 20 | bit 0 **lower by itself behind the vehicle**, 1 show fee, 2 speak, 3 hold the display, 4 display model, 5 exit lane |
//! | 21 | number of the message |
//! | 22, 23 | 03h, XOR of bytes 1..21 |
//!
//! Controller to host, B, 7 bytes, as the answer to every A and at any change:
//!
//! | byte | content |
//! |---|---|
//! | 0..2 | 02h, `B`, address `1` |
//! | 3 | bit 0 canopy green, 1 closing bar shut, 2 foot alarm (0 = alarm), 3 arm up (0 = down), 4 front loop (0 = vehicle), 5 rear loop (0 = vehicle), 6 lane lamp green |
//! | 4 | bit 2 arm fault, 6 canopy lamp fault; the readme itself doubts the sense |
//! | 5, 6 | 03h, XOR of bytes 1..4 |
//!
//! A message that does not fit is answered with `15 45 45 45 45 03 00`.
//!
//! The gateway never sets "lower by itself": it alone decides when the arm
//! comes down (L3). The controller frames by 24 bytes from the first 02h,
//! which may also stand inside a message: that weakness is the device's; a
//! number is chosen so that at least the checksum is none. It has one limit
//! switch. Source: readme and source of firmware 4.1 (jayronjiang/CKQLC).

use std::collections::BTreeMap;

use super::super::checksum::xor;
use super::super::exchange::{ExchangeFrame, Field};
use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{self, Setting, SettingFault, Settings, Values, text};
use super::super::{Decoder, Frame, InputsFrame, NoiseWhy, Protocol, ProtocolKind};
use super::board::{
    Answer, BadWhy, Call, CallFault, Can, Numbers, Question, ReadBack, Speaks, Told,
};
use crate::time::Micros;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "xy-lc301",
    kind: ProtocolKind::Io,
    about: "XY-LC-301 lane controllers of toll lanes (Guangdong, Shanxi): arm, lamps and both loops behind one line, 9600 8N1. Inputs are numbered by the bits of its status: 3 arm up, 4 front loop, 5 rear loop (both 0 = vehicle, so they must be listed in `inverted`); outputs by the bits of its command: 0 raise, 1 lower, 2 canopy lamp green, 5 lane lamp green. It times the pulses itself and has one limit switch: write `arm_down_after_ms` in place of `inputs.arm_down`. Its own \"lower behind the vehicle\" is never switched on. Firmware 4.1 lowers the arm when it is powered up: feed it from the same supply as the barrier. Source: the firmware's readme and source.",
    settings: &SETTINGS,
    ask: None,
    agree: None,
    make,
};

static SETTINGS: [Setting; 2] = [
    Setting {
        name: "place",
        default: "exit",
        values: Values::Words(&["exit", "entry"]),
        meaning: "exit: its display and voice behave as in an exit lane",
    },
    Setting {
        name: "display",
        default: "hold",
        values: Values::Words(&["hold", "clear"]),
        meaning: "clear: its fee display is cleared and red with every message",
    },
];

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const ADDRESS: u8 = b'1';
const A_LEN: usize = 24;
const B_LEN: usize = 7;
static NAK: [u8; 7] = [0x15, b'E', b'E', b'E', b'E', ETX, 0];

/// Bits of the command.
const RAISE: u16 = 0;
const LOWER: u16 = 1;
const CANOPY_GREEN: u16 = 2;
const LANE_GREEN: u16 = 5;
/// The first bit of A's second control byte; never set by us.
const BY_ITSELF: u8 = 1;
const HOLD_DISPLAY: u8 = 1 << 3;
const EXIT_LANE: u8 = 1 << 5;
/// Bits of the status.
const STATUS_CANOPY: usize = 0;
const STATUS_LANE_LAMP: usize = 6;
/// The controller answers before it acts; what it has not answered by then it
/// has not heard.
const REST: Micros = Micros::from_ms(300);

/// The controller as the lane's driver asks it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct XyLc301 {
    control: u8,
}

impl XyLc301 {
    pub(super) fn of(settings: &Settings) -> Result<Self, SettingFault> {
        if let Some(fault) = settings::faults(&SETTINGS, settings).into_iter().next() {
            return Err(fault);
        }
        let set = |name, word, bit: u8| match text(&SETTINGS, settings, name) == word {
            true => bit,
            false => 0,
        };
        Ok(Self {
            control: set("place", "exit", EXIT_LANE) | set("display", "hold", HOLD_DISPLAY),
        })
    }

    /// An A message with these bits of the first control byte.
    fn message(&self, bits: u8, number: u16) -> Vec<u8> {
        let mut message = vec![STX, b'A', ADDRESS, bits];
        message.extend([b'0'; 14]);
        message.extend([b'0', b'0', self.control & !BY_ITSELF]);
        let sum = xor(&message[1..]);
        // 02h and 03h as a checksum would look like a start or an end.
        let digits = (0..10).map(|n| b'0' + ((number + n) % 10) as u8);
        let fits = |digit: &u8| ![STX, ETX].contains(&(sum ^ digit));
        let digit = digits.clone().find(fits).unwrap_or(b'0');
        message.extend([digit, ETX, sum ^ digit]);
        message
    }
}

/// A status message at the start of `bytes`.
fn status(bytes: &[u8]) -> Option<[u8; 2]> {
    match bytes.first_chunk::<B_LEN>()? {
        [STX, b'B', ADDRESS, one, two, ETX, sum] => {
            (xor(&[b'B', ADDRESS, *one, *two]) == *sum).then_some([*one, *two])
        }
        _ => None,
    }
}

fn bits(bytes: [u8; 2]) -> Vec<bool> {
    let word = u16::from_le_bytes(bytes);
    (0..16).map(|i| word & 1 << i != 0).collect()
}

/// The outputs, as far as the status tells them: lamps. Contacts of the arm
/// are pulses the controller ends itself.
fn told(bytes: [u8; 2]) -> Told {
    let inputs = bits(bytes);
    let mut outputs = vec![false; 6];
    outputs[usize::from(CANOPY_GREEN)] = inputs[STATUS_CANOPY];
    outputs[usize::from(LANE_GREEN)] = inputs[STATUS_LANE_LAMP];
    Told {
        inputs: Some(inputs),
        outputs: Some(outputs),
    }
}

impl Speaks for XyLc301 {
    fn can(&self) -> Can {
        Can {
            asked: true,
            speaks: true,
            read_back: ReadBack::WithInputs,
            answers_writes: true,
            times_pulses: true,
            numbered: false,
            asks_outputs: false,
            rest: REST,
        }
    }

    fn ask(
        &self,
        call: Call,
        number: u16,
        _: Numbers,
        held: &BTreeMap<u16, bool>,
    ) -> Result<Vec<u8>, CallFault> {
        let lamp = |output: u16| u8::from(held.get(&output) == Some(&true)) << output;
        let lamps = lamp(CANOPY_GREEN) | lamp(LANE_GREEN);
        let bits = match call {
            Call::Inputs | Call::Outputs => lamps,
            Call::Set { output, on } if [CANOPY_GREEN, LANE_GREEN].contains(&output) => {
                lamps & !(1 << output) | u8::from(on) << output
            }
            // The contact opens by itself; saying nothing leaves the arm.
            Call::Set {
                output: RAISE | LOWER,
                on: false,
            } => lamps,
            Call::Pulse { output, .. } if [RAISE, LOWER].contains(&output) => lamps | 1 << output,
            Call::Set { output, .. } | Call::Pulse { output, .. } => {
                return Err(CallFault(format!(
                    "output {output} of an XY-LC-301 is not free: 0 raises, 1 lowers (both timed \
                     by the board), 2 and 5 are lamps"
                )));
            }
        };
        Ok(self.message(bits, number))
    }

    fn answer(&self, question: &Question, _: Numbers, bytes: &[u8]) -> Answer {
        for at in 0..bytes.len() {
            let rest = &bytes[at..];
            if let Some(found) = status(rest) {
                let mut told = told(found);
                if question.call.writes() {
                    // It answers first and acts then: its lamps are the old ones.
                    told.outputs = None;
                }
                return Answer::Done(told);
            }
            if rest.starts_with(&NAK) {
                return Answer::Refused(None);
            }
        }
        // A version text at its start, an echo of ours and an answer.
        match bytes.len() {
            ..=64 => Answer::Need,
            _ => Answer::Bad(BadWhy::Stranger),
        }
    }

    fn told(&self, bytes: &[u8]) -> Option<Told> {
        let starts = (0..bytes.len()).rev();
        let mut found = starts.filter_map(|at| status(&bytes[at..]));
        found.next().map(told)
    }

    fn active_low(&self) -> &'static [u16] {
        &[2, 4, 5]
    }
}

struct Messages;

fn make(_: &Settings) -> Box<dyn Decoder + Send> {
    Box::new(Framer::new(Messages))
}

impl Grammar for Messages {
    const FRAME_LEN_MAX: usize = A_LEN;

    fn scan(&self, bytes: &[u8]) -> Step {
        match bytes {
            [STX, b'A', ..] => command(bytes),
            [STX, b'B', ..] => {
                if bytes.len() < B_LEN {
                    return Step::Need;
                }
                if bytes[5] != ETX {
                    return Step::drop(NoiseWhy::Terminator);
                }
                match status(bytes) {
                    Some(found) => Step::Frame(B_LEN, state(found)),
                    None => Step::drop(NoiseWhy::Checksum),
                }
            }
            [STX] => Step::Need,
            bytes if bytes.starts_with(&NAK) => {
                let refused = vec![("ok", Field::Flag(false))];
                Step::Frame(NAK.len(), Frame::Exchange(ExchangeFrame::device(refused)))
            }
            bytes if NAK.starts_with(bytes) => Step::Need,
            _ => Step::drop(NoiseWhy::NoStart),
        }
    }
}

fn state(bytes: [u8; 2]) -> Frame {
    Frame::Inputs(InputsFrame {
        unit: Some(ADDRESS - b'0'),
        bits: bits(bytes),
        outputs: told(bytes).outputs,
    })
}

fn command(bytes: &[u8]) -> Step {
    let Some(message) = bytes.first_chunk::<A_LEN>() else {
        return Step::Need;
    };
    if message[22] != ETX {
        return Step::drop(NoiseWhy::Terminator);
    }
    if xor(&message[1..22]) != message[23] {
        return Step::drop(NoiseWhy::Checksum);
    }
    let bit = |byte: usize, n: u8| Field::Flag(message[byte] & 1 << n != 0);
    let text = |from: usize, to: usize| {
        let text = message[from..to].iter().map(|b| match b {
            0x20..=0x7e => char::from(*b),
            _ => '?',
        });
        Field::Text(text.collect())
    };
    let fields = vec![
        (
            "unit",
            Field::Number(u32::from(message[2].wrapping_sub(b'0'))),
        ),
        ("raise", bit(3, 0)),
        ("lower", bit(3, 1)),
        ("canopy_green", bit(3, 2)),
        ("sound_alarm", bit(3, 3)),
        ("light_alarm", bit(3, 4)),
        ("lane_green", bit(3, 5)),
        ("fee", text(4, 8)),
        ("balance", text(8, 12)),
        ("entry", text(12, 18)),
        ("class", text(18, 19)),
        ("vehicle", text(19, 20)),
        ("lower_by_itself", bit(20, 0)),
        ("show_fee", bit(20, 1)),
        ("speak", bit(20, 2)),
        ("hold_display", bit(20, 3)),
        ("exit_lane", bit(20, 5)),
        ("number", text(21, 22)),
    ];
    Step::Frame(A_LEN, Frame::Exchange(ExchangeFrame::host(fields)))
}
