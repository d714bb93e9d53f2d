//! Modbus TCP for lane I/O boards with a network port.
//!
//! | bytes | content |
//! |---|---|
//! | 2 | transaction, high byte first; the answer has the question's |
//! | 2 | 0000: Modbus |
//! | 2 | how many bytes follow |
//! | 1 | unit |
//! | 1 | function, as in [`modbus_rtu`](super::modbus_rtu) |
//! | n | data; no checksum, TCP has its own |
//!
//! Source: Modbus messaging on TCP/IP V1.0b, 3.1. The transaction number is
//! what RTU lacks: a late answer is never taken for the next one's.

use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{self, Setting, SettingFault, Settings, Values, number, text};
use super::super::{Decoder, NoiseWhy, Protocol, ProtocolKind};
use super::board::BadWhy;
use super::modbus_rtu::{
    Dialect, FIRST, FIRST_INPUT, INPUTS, Outcome, Request, WRITE, pdu_answer, tcp_message,
};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "modbus-tcp",
    kind: ProtocolKind::Io,
    about: "Relay and input boards with a network port of their own that speak Modbus TCP (a serial board behind a device server is `modbus-rtu` with a `tcp` source). The transaction number tells a late answer from the next one's. Source: Modbus messaging on TCP/IP V1.0b.",
    settings: &SETTINGS,
    ask: None,
    agree: None,
    make,
};

pub(super) static SETTINGS: [Setting; 6] = [
    Setting {
        name: "slave",
        default: "1",
        values: Values::Number { min: 0, max: 255 },
        meaning: "the unit; boards that do not care answer with what they were asked",
    },
    Setting {
        name: "on",
        default: "FF00",
        values: Values::Words(&["FF00", "0100"]),
        meaning: "value that switches a coil on; some clones want 0100",
    },
    FIRST,
    FIRST_INPUT,
    INPUTS,
    WRITE,
];

/// Transaction, protocol, length.
const HEAD_LEN: usize = 6;
/// Unit and a message of Modbus.
const BODY_LEN_MAX: usize = 254;

pub(super) fn dialect(settings: &Settings) -> Result<Dialect, SettingFault> {
    match settings::faults(&SETTINGS, settings).into_iter().next() {
        Some(fault) => Err(fault),
        None => Ok(checked(settings)),
    }
}

fn checked(settings: &Settings) -> Dialect {
    let unit = number(&SETTINGS, settings, "slave");
    let on = text(&SETTINGS, settings, "on");
    Dialect {
        unit: u8::try_from(unit).expect("the table allows 0 to 255"),
        on: if on == "0100" { 0x0100 } else { 0xff00 },
        crc_swapped: false,
        echo: false,
    }
}

/// The bytes of a question.
#[must_use]
pub fn encode(request: &Request, transaction: u16) -> Vec<u8> {
    let body = request.body();
    let len = u16::try_from(body.len()).expect("a question is far shorter");
    let head = [transaction, 0, len];
    let head = head.iter().flat_map(|word| word.to_be_bytes());
    head.chain(body.iter().copied()).collect()
}

/// Looks at all bytes received since `request` was sent as `transaction`.
/// Whole answers of other transactions are late ones, and passed over.
#[must_use]
pub fn response(request: &Request, transaction: u16, bytes: &[u8]) -> Outcome {
    let mut rest = bytes;
    loop {
        match head(rest) {
            Head::Need => return Outcome::Need(1),
            Head::Wrong => return Outcome::Bad(BadWhy::Stranger),
            Head::Whole(number, body, _) if number == transaction => {
                return pdu_answer(request, body);
            }
            Head::Whole(_, _, beyond) => rest = beyond,
        }
    }
}

enum Head<'a> {
    Need,
    Wrong,
    /// Transaction, unit and message, what follows.
    Whole(u16, &'a [u8], &'a [u8]),
}

fn head(bytes: &[u8]) -> Head<'_> {
    let word = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    match (word(2), word(4)) {
        (Some(1..), _) => Head::Wrong,
        (Some(0), Some(len)) => match usize::from(len) {
            len @ 2..=BODY_LEN_MAX => {
                let Some(body) = bytes.get(HEAD_LEN..HEAD_LEN + len) else {
                    return Head::Need;
                };
                let transaction = word(0).expect("there are more than two bytes");
                Head::Whole(transaction, body, &bytes[HEAD_LEN + len..])
            }
            _ => Head::Wrong,
        },
        (None | Some(0), _) => Head::Need,
    }
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    Box::new(Framer::new(Messages(checked(settings))))
}

struct Messages(Dialect);

impl Grammar for Messages {
    const FRAME_LEN_MAX: usize = HEAD_LEN + BODY_LEN_MAX;

    fn scan(&self, bytes: &[u8]) -> Step {
        match head(bytes) {
            Head::Need => Step::Need,
            Head::Wrong => Step::drop(NoiseWhy::NoStart),
            Head::Whole(_, body, _) => match tcp_message(self.0, body) {
                Some(frame) => Step::Frame(HEAD_LEN + body.len(), frame),
                None => Step::drop(NoiseWhy::Syntax),
            },
        }
    }
}
