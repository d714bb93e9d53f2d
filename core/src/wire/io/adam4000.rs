//! Advantech ADAM-4000 digital modules (and ADAM-4100, ICP DAS and others that
//! took over the command set), in printable characters.
//!
//! | said | means |
//! |---|---|
//! | `$AA6` CR | module AA: tell inputs and outputs |
//! | `!` data CR | six hex digits, meaning by the model (below), or another answer |
//! | `$AA2` CR, `!AATTCCFF` CR | its configuration; asked as a sign of life |
//! | `#AA1nvv` CR | output n: 01 on, 00 off |
//! | `>` CR | done |
//! | `?AA` CR | refused |
//!
//! | model | data of `$AA6` |
//! |---|---|
//! | 4050, 4055, 4150 | outputs, inputs, `00` |
//! | 4052 | inputs, `0000` |
//! | 4053 | inputs 15..8, inputs 7..0, `00` |
//! | 4060, 4068 | outputs, `0000` |
//!
//! Two hex digits of checksum before each CR, if it is switched on: the low
//! byte of the sum of all characters before it. Bad syntax, a wrong checksum or
//! a strange address are answered with silence. `!112200` of a 4050 and
//! `!BEDE00` of a 4053 are alike: the model is a setting and never guessed.
//! Source: ADAM-4000 series user's manual, chapter 7.

use std::collections::BTreeMap;

use super::super::exchange::{ExchangeFrame, Field};
use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{self, Setting, SettingFault, Settings, Values, text};
use super::super::{Decoder, Frame, InputsFrame, NoiseWhy, Protocol, ProtocolKind};
use super::board::{
    Answer, BadWhy, BoardFault, Call, CallFault, Can, Numbers, Question, ReadBack, Speaks, Told,
};
use crate::time::Micros;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "adam4000",
    kind: ProtocolKind::Io,
    about: "Advantech ADAM-4050, 4052, 4053, 4055, 4060, 4068, 4150 and modules with the same ASCII commands. What the six digits of an answer mean depends on the model, and two models answer alike, so `module` must say it. A lane's board needs inputs and outputs: 4050, 4055 or 4150. Pulses are ended by the gateway. Source: ADAM-4000 series user's manual, chapter 7.",
    settings: &SETTINGS,
    ask: None,
    agree: Some(agree),
    make,
};

static SETTINGS: [Setting; 3] = [
    Setting {
        name: "address",
        default: "01",
        values: Values::Text { len_max: 2 },
        meaning: "the module asked, two hex digits; decode shows every module",
    },
    Setting {
        name: "module",
        default: "unknown",
        values: Values::Words(&[
            "unknown", "4050", "4052", "4053", "4055", "4060", "4068", "4150",
        ]),
        meaning: "the model, which says what an answer means; unknown: decode shows its digits",
    },
    Setting {
        name: "checksum",
        default: "no",
        values: Values::Words(&["no", "yes"]),
        meaning: "yes: two hex digits of checksum before each CR, as set in the module",
    },
];

const CR: u8 = b'\r';
/// Longest message: a name or version is shorter.
const LEN_MAX: usize = 40;
/// Channels of one module's outputs, and of its inputs.
const OUTPUTS: u16 = 8;
const INPUTS: u16 = 8;
/// The manual gives no longest time; a module that has not answered by then
/// has thrown the command away.
const REST: Micros = Micros::from_ms(300);

/// What the digits mean.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Model {
    Unknown,
    /// Outputs, inputs.
    Both,
    /// Eight inputs.
    Inputs8,
    /// Sixteen inputs.
    Inputs16,
    /// Eight outputs.
    Outputs,
}

/// A module as the lane's driver asks it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Adam {
    address: u8,
    model: Model,
    checksum: bool,
}

impl Adam {
    pub(super) fn of(settings: &Settings, numbers: Numbers) -> Result<Self, BoardFault> {
        let faults = settings::faults(&SETTINGS, settings);
        if let Some(fault) = faults.into_iter().chain(agree(settings)).next() {
            return Err(fault.into());
        }
        let adam = checked(settings);
        match adam.model {
            Model::Unknown => {
                Err(fault("module", "say which module it is: its answers do not tell").into())
            }
            Model::Inputs8 | Model::Inputs16 | Model::Outputs => Err(BoardFault::Cannot(
                "this module has inputs only or outputs only: the lane's board needs both, so \
                 that a lift can be confirmed; use a 4050, 4055 or 4150"
                    .to_owned(),
            )),
            Model::Both if numbers.inputs > INPUTS || numbers.outputs > OUTPUTS => {
                Err(BoardFault::Cannot(format!(
                    "the module has {OUTPUTS} outputs and {INPUTS} inputs: number them 0 to 7"
                )))
            }
            Model::Both => Ok(adam),
        }
    }

    fn line(&self, command: &str) -> Vec<u8> {
        let mut line = command.as_bytes().to_vec();
        if self.checksum {
            line.extend(sum(&line));
        }
        line.push(CR);
        line
    }
}

fn checked(settings: &Settings) -> Adam {
    let set = |name| text(&SETTINGS, settings, name);
    Adam {
        address: address(set("address")).unwrap_or(1),
        model: match set("module") {
            "4050" | "4055" | "4150" => Model::Both,
            "4052" => Model::Inputs8,
            "4053" => Model::Inputs16,
            "4060" | "4068" => Model::Outputs,
            _ => Model::Unknown,
        },
        checksum: set("checksum") == "yes",
    }
}

fn agree(settings: &Settings) -> Vec<SettingFault> {
    match address(text(&SETTINGS, settings, "address")) {
        Some(_) => Vec::new(),
        None => vec![fault(
            "address",
            "write two hex digits, like \"0A\", as set in the module",
        )],
    }
}

fn fault(name: &str, why: &str) -> SettingFault {
    SettingFault {
        name: name.to_owned(),
        why: why.to_owned(),
    }
}

fn address(text: &str) -> Option<u8> {
    let [high, low] = text.as_bytes() else {
        return None;
    };
    hex(*high, *low)
}

/// Two hex digits, upper or lower case.
fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

fn sum(line: &[u8]) -> [u8; 2] {
    let sum = line.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    let digit = |n: u8| b"0123456789ABCDEF"[usize::from(n)];
    [digit(sum >> 4), digit(sum & 15)]
}

/// A line without CR and checksum; none = the checksum does not fit.
fn bare(line: &[u8], checksum: bool) -> Option<&[u8]> {
    if !checksum {
        return Some(line);
    }
    let (text, digits) = line.split_last_chunk::<2>()?;
    digits.eq_ignore_ascii_case(&sum(text)).then_some(text)
}

/// The six digits of an answer.
fn data(text: &[u8]) -> Option<[u8; 3]> {
    let [b'!', a, b, c, d, e, f] = text else {
        return None;
    };
    Some([hex(*a, *b)?, hex(*c, *d)?, hex(*e, *f)?])
}

fn bits(bytes: &[u8]) -> Vec<bool> {
    let bit = |byte: &u8| {
        let byte = *byte;
        (0..8).map(move |i| byte & 1 << i != 0)
    };
    bytes.iter().flat_map(bit).collect()
}

/// What the digits mean on this model; none = they mean nothing on it.
fn meaning(model: Model, data: [u8; 3]) -> Option<Told> {
    let told = |inputs: Option<&[u8]>, outputs: Option<&[u8]>| Told {
        inputs: inputs.map(bits),
        outputs: outputs.map(bits),
    };
    match (model, data) {
        (Model::Both, [outputs, inputs, 0]) => Some(told(Some(&[inputs]), Some(&[outputs]))),
        (Model::Inputs8, [inputs, 0, 0]) => Some(told(Some(&[inputs]), None)),
        (Model::Inputs16, [high, low, 0]) => Some(told(Some(&[low, high]), None)),
        (Model::Outputs, [outputs, 0, 0]) => Some(told(None, Some(&[outputs]))),
        (Model::Both | Model::Inputs8 | Model::Inputs16 | Model::Outputs | Model::Unknown, _) => {
            None
        }
    }
}

impl Speaks for Adam {
    fn can(&self) -> Can {
        Can {
            asked: true,
            speaks: false,
            read_back: ReadBack::WithInputs,
            answers_writes: true,
            times_pulses: false,
            numbered: false,
            asks_outputs: true,
            rest: REST,
        }
    }

    fn ask(
        &self,
        call: Call,
        _: u16,
        _: Numbers,
        _: &BTreeMap<u16, bool>,
    ) -> Result<Vec<u8>, CallFault> {
        let a = self.address;
        match call {
            Call::Inputs => Ok(self.line(&format!("${a:02X}6"))),
            Call::Outputs => Ok(self.line(&format!("${a:02X}2"))),
            Call::Set { output, on } if output < OUTPUTS => {
                Ok(self.line(&format!("#{a:02X}1{output}{:02}", u8::from(on))))
            }
            Call::Set { output, .. } => Err(CallFault(format!(
                "the module has no output {output}: number them 0 to 7"
            ))),
            Call::Pulse { .. } => Err(CallFault(
                "the module does not end a pulse by itself: write pulse_timed_by = \"gateway\""
                    .to_owned(),
            )),
        }
    }

    fn answer(&self, question: &Question, _: Numbers, bytes: &[u8]) -> Answer {
        // An RS-485 adapter may return the question: it begins unlike any
        // answer.
        let rest = bytes.strip_prefix(question.bytes.as_slice());
        let rest = rest.unwrap_or(bytes);
        if rest.is_empty() || question.bytes.starts_with(bytes) {
            return Answer::Need;
        }
        let Some(end) = rest.iter().position(|b| *b == CR) else {
            return match rest.len() {
                ..=LEN_MAX => Answer::Need,
                _ => Answer::Bad(BadWhy::Stranger),
            };
        };
        let Some(text) = bare(&rest[..end], self.checksum) else {
            return Answer::Bad(BadWhy::Checksum);
        };
        match (question.call, text) {
            (_, [b'?', high, low]) if hex(*high, *low) == Some(self.address) => {
                Answer::Refused(None)
            }
            (Call::Inputs, text) => match data(text).and_then(|d| meaning(self.model, d)) {
                Some(told) => Answer::Done(told),
                None => Answer::Bad(BadWhy::OtherQuestion),
            },
            (Call::Outputs, [b'!', high, low, _, _, _, _, _, _])
                if hex(*high, *low) == Some(self.address) =>
            {
                Answer::Done(Told::default())
            }
            (Call::Set { .. } | Call::Pulse { .. }, [b'>']) => Answer::Done(Told::default()),
            (Call::Outputs | Call::Set { .. } | Call::Pulse { .. }, _) => {
                Answer::Bad(BadWhy::OtherQuestion)
            }
        }
    }

    fn told(&self, _: &[u8]) -> Option<Told> {
        None
    }
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    Box::new(Framer::new(Lines(checked(settings))))
}

struct Lines(Adam);

impl Grammar for Lines {
    const FRAME_LEN_MAX: usize = LEN_MAX;

    fn scan(&self, bytes: &[u8]) -> Step {
        if !b"!?>$#%@".contains(&bytes[0]) {
            return Step::drop(NoiseWhy::NoStart);
        }
        let end = bytes.iter().position(|b| !(0x20..0x7f).contains(b));
        let Some(end) = end else {
            return Step::Need;
        };
        match bytes[end] {
            CR => {}
            0 => return Step::drop(NoiseWhy::LineError),
            _ => return Step::drop(NoiseWhy::Terminator),
        }
        match bare(&bytes[..end], self.0.checksum) {
            None => Step::drop(NoiseWhy::Checksum),
            Some(text) => match self.frame(text) {
                Some(frame) => Step::Frame(end + 1, frame),
                None => Step::drop(NoiseWhy::Syntax),
            },
        }
    }
}

impl Lines {
    fn frame(&self, text: &[u8]) -> Option<Frame> {
        let (start, rest) = text.split_first()?;
        let rest = std::str::from_utf8(rest).ok()?;
        let unit = |unit: u8| ("unit", Field::Number(u32::from(unit)));
        let number = address(rest.get(..2).unwrap_or_default());
        let told = data(text).and_then(|data| meaning(self.0.model, data));
        Some(match (start, told) {
            (b'!', Some(told)) => inputs(told),
            (b'!', None) => Frame::Exchange(ExchangeFrame::device(vec![
                ("ok", Field::Flag(true)),
                ("data", Field::Text(rest.to_owned())),
            ])),
            (b'>', _) => Frame::Exchange(ExchangeFrame::device(vec![("ok", Field::Flag(true))])),
            (b'?', _) => Frame::Exchange(ExchangeFrame::device(vec![
                unit(number?),
                ("ok", Field::Flag(false)),
            ])),
            (_, _) => Frame::Exchange(ExchangeFrame::host(vec![
                unit(number?),
                (
                    "command",
                    Field::Text(String::from_utf8(text.to_vec()).ok()?),
                ),
            ])),
        })
    }
}

fn inputs(told: Told) -> Frame {
    Frame::Inputs(InputsFrame {
        unit: None,
        // A module of outputs alone has none.
        bits: told.inputs.unwrap_or_default(),
        outputs: told.outputs,
    })
}
