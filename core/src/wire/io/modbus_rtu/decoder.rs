//! Whole messages on the bus, questions and answers alike, for `decode` and
//! `probe`. A message is told by its length and its CRC together.

use super::super::super::framer::{Framer, Grammar, Step};
use super::super::super::settings::Settings;
use super::super::super::{
    Decoder, Frame, InputsFrame, NoiseWhy, Protocol, ProtocolKind, ReplyContent, ReplyFrame,
};
use super::{Crc, Dialect, FLASH_BASE, FLASH_UNIT_MS, OFF, SETTINGS, unpack};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "modbus-rtu",
    kind: ProtocolKind::Io,
    about: "Relay and input boards that speak Modbus RTU, on a serial line or through a serial device server (`tcp`): Waveshare and clones, LC-Tech (slave 255), boards whose relays are registers (`write = \"register\"`, `inputs = \"input-registers\"`), clones that want 0100h for on. Coil 00FFh switches all relays of common boards and is never written. RTU has no transaction number: after a time-out the line rests, the input is emptied and the port reopened. Source: Modbus over serial line V1.02 and the boards' manuals.",
    settings: &SETTINGS,
    ask: None,
    agree: None,
    make,
};

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    Box::new(Framer::new(Messages(Dialect::checked(settings))))
}

struct Messages(Dialect);

/// What a message may be, judged by its function code.
#[derive(Clone, Copy)]
enum Form {
    Exception,
    BareException,
    Answer,
    Question,
}

impl Grammar for Messages {
    const FRAME_LEN_MAX: usize = 256;

    fn scan(&self, bytes: &[u8]) -> Step {
        if bytes[0] == 0 {
            return Step::drop(NoiseWhy::NoStart);
        }
        let Some(&function) = bytes.get(1) else {
            return Step::Need;
        };
        let forms = forms(function);
        if forms.is_empty() {
            return Step::drop(NoiseWhy::NoStart);
        }
        let (mut why, mut short) = ((NoiseWhy::Checksum, None), false);
        for form in forms {
            let Some(len) = len(*form, bytes) else {
                continue;
            };
            let Some(message) = bytes.get(..len) else {
                short = true;
                continue;
            };
            match self.0.checks(message) {
                Crc::Right => return Step::Frame(len, self.frame(*form, message)),
                Crc::Swapped => why = Crc::Swapped.why(),
                Crc::Wrong => {}
            }
        }
        // Exchanged CRC bytes are as sure a sign of the end as right ones.
        match why {
            (why, hint @ Some(_)) => Step::Drop(why, hint),
            (_, None) if short => Step::Need,
            (why, None) => Step::Drop(why, None),
        }
    }
}

/// What `body` (unit, function, data) is where the line has told its length.
/// The dialect says what switches on.
pub(in crate::wire::io) fn message(dialect: Dialect, body: &[u8]) -> Option<Frame> {
    let sealed = [body, &[0; 2]].concat();
    let function = *body.get(1)?;
    let form = forms(function)
        .iter()
        .find(|f| len(**f, &sealed) == Some(sealed.len()))?;
    Some(Messages(dialect).frame(*form, &sealed))
}

/// What a message with this function code may be.
const fn forms(function: u8) -> &'static [Form] {
    match (function & 0x7f, function & 0x80 != 0) {
        (1..=6 | 15 | 16, true) => &[Form::BareException, Form::Exception],
        (5 | 6, false) => &[Form::Answer],
        (1..=4 | 15 | 16, false) => &[Form::Answer, Form::Question],
        _ => &[],
    }
}

/// The length of the whole message that starts here, if one does, whoever it
/// is from and for.
pub(super) fn whole_len(dialect: Dialect, bytes: &[u8]) -> Option<usize> {
    let lens = forms(*bytes.get(1)?).iter().filter_map(|f| len(*f, bytes));
    lens.into_iter().find(|len| {
        bytes
            .get(..*len)
            .is_some_and(|m| dialect.checks(m) == Crc::Right)
    })
}

/// Length of the message if it has this form. None: it cannot have it. A
/// length that is not in hand yet counts as one byte more than there is.
fn len(form: Form, bytes: &[u8]) -> Option<usize> {
    let at = |n: usize| bytes.get(n).map(|b| usize::from(*b));
    match (form, bytes[1]) {
        (Form::BareException, _) => Some(4),
        (Form::Exception, _) => Some(5),
        (Form::Answer, 1..=4) => match at(2) {
            None => Some(bytes.len() + 1),
            Some(n @ 1..=250) => Some(5 + n),
            Some(_) => None,
        },
        (Form::Question, 15 | 16) => match at(6) {
            None => Some(bytes.len() + 1),
            Some(n @ 1..=246) => Some(9 + n),
            Some(_) => None,
        },
        (Form::Answer | Form::Question, _) => Some(8),
    }
}

impl Messages {
    fn frame(&self, form: Form, message: &[u8]) -> Frame {
        let (unit, function) = (message[0], message[1] & 0x7f);
        let body = &message[2..message.len() - 2];
        let content = match (form, function) {
            (Form::BareException, _) => ReplyContent::Exception(None),
            (Form::Exception, _) => ReplyContent::Exception(Some(body[0])),
            (Form::Question, _) => ReplyContent::Request {
                start: word(body, 0),
                count: word(body, 2),
            },
            (Form::Answer, 2) => {
                let bits = unpack(&body[1..]);
                return Frame::Inputs(InputsFrame {
                    unit: Some(unit),
                    bits,
                    outputs: None,
                });
            }
            (Form::Answer, 1) => ReplyContent::Coils(unpack(&body[1..])),
            (Form::Answer, 3 | 4) => {
                let words = body[1..].chunks_exact(2);
                ReplyContent::Registers(words.map(|w| word(w, 0)).collect())
            }
            (Form::Answer, 5) => self.coil(word(body, 0), word(body, 2)),
            (Form::Answer, 6) => ReplyContent::RegisterWritten {
                register: word(body, 0),
                value: word(body, 2),
            },
            (Form::Answer, _) => ReplyContent::ManyWritten {
                start: word(body, 0),
                count: word(body, 2),
            },
        };
        Frame::Reply(ReplyFrame {
            unit,
            function,
            content,
        })
    }

    fn coil(&self, coil: u16, value: u16) -> ReplyContent {
        let pulse = (FLASH_BASE..FLASH_BASE + 0x100).contains(&coil);
        if pulse && value != self.0.on && value != OFF {
            return ReplyContent::Flash {
                coil: coil - FLASH_BASE,
                ms: u32::from(value) * FLASH_UNIT_MS,
            };
        }
        let on = match value {
            OFF => Some(false),
            value if value == self.0.on => Some(true),
            _ => None,
        };
        ReplyContent::CoilWritten { coil, on, value }
    }
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}
