//! What every board of lane inputs and outputs can be asked, whatever it
//! speaks: the driver is written once, over [`BoardWire`].
//!
//! | call | means |
//! |---|---|
//! | [`Call::Inputs`] | tell your inputs |
//! | [`Call::Outputs`] | tell your outputs; a board that tells them with its inputs is asked for a sign of life |
//! | [`Call::Set`] | one output on or off, and so it stays |
//! | [`Call::Pulse`] | one output on for a while, timed by the board |
//!
//! Inputs and outputs count from 0 here, whatever the board calls its first.

use std::collections::BTreeMap;

use super::super::settings::{SettingFault, Settings};
use super::adam4000::Adam;
use super::modbus_rtu::Modbus;
use super::mqtt_io::MqttIo;
use super::xy_lc301::XyLc301;
use crate::time::Micros;

/// The highest number of an input or output, plus one.
pub const NUMBERS_MAX: u16 = 64;

/// What a board is asked or told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// Tell your inputs.
    Inputs,
    /// Tell your outputs.
    Outputs,
    /// An output on or off.
    Set {
        /// Which.
        output: u16,
        /// On.
        on: bool,
    },
    /// An output on for a while.
    Pulse {
        /// Which.
        output: u16,
        /// How long.
        ms: u32,
    },
}

impl Call {
    /// Whether it may move or switch something.
    #[must_use]
    pub const fn writes(self) -> bool {
        match self {
            Self::Inputs | Self::Outputs => false,
            Self::Set { .. } | Self::Pulse { .. } => true,
        }
    }
}

/// What a board can.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Can {
    /// It must be asked for its inputs; else it tells them by itself.
    pub asked: bool,
    /// It may speak without being asked.
    pub speaks: bool,
    /// How its outputs are read back.
    pub read_back: ReadBack,
    /// It answers a write, or shows that it took it.
    pub answers_writes: bool,
    /// It ends a pulse by itself.
    pub times_pulses: bool,
    /// Its answers name their question: a late one passes for no other.
    pub numbered: bool,
    /// It can be asked for its outputs, or for a sign of life in their place,
    /// and the answer looks unlike one about inputs.
    pub asks_outputs: bool,
    /// After a time-out, an answer later than this never comes.
    pub rest: Micros,
}

/// How outputs are read back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReadBack {
    /// By a question of its own.
    Apart,
    /// They come with the inputs.
    WithInputs,
    /// Not at all.
    Never,
}

/// A question on its way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Question {
    /// What was asked.
    pub call: Call,
    /// Its number, where the protocol has one.
    pub number: u16,
    /// As written.
    pub bytes: Vec<u8>,
}

/// What a board said of itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Told {
    /// Its inputs.
    pub inputs: Option<Vec<bool>>,
    /// Its outputs.
    pub outputs: Option<Vec<bool>>,
}

/// What the bytes received so far make of the question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// More bytes are needed.
    Need,
    /// It told something that is no answer yet.
    Heard(Told),
    /// Answered.
    Done(Told),
    /// The board refused; none = it did not say why.
    Refused(Option<u8>),
    /// No answer to this question.
    Bad(BadWhy),
}

/// Why bytes are no answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
pub enum BadWhy {
    /// From another unit, to another function, or no message at all.
    #[error("the bytes are no answer of this unit to this function")]
    Stranger,
    /// The answer is to another question.
    #[error("the answer is to another question (count, coil or value differ)")]
    OtherQuestion,
    /// Damaged.
    #[error("the checksum does not fit")]
    Checksum,
    /// The CRC bytes are exchanged against the dialect.
    #[error("the CRC bytes are exchanged: change the setting crc (normal, swapped)")]
    CrcSwapped,
}

/// A board that cannot do what a lane needs.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BoardFault {
    /// One of its settings.
    #[error(transparent)]
    Setting(#[from] SettingFault),
    /// The board itself.
    #[error("{0}")]
    Cannot(String),
}

/// A call that cannot be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct CallFault(pub(super) String);

/// How many inputs and outputs a lane uses: those up to the highest number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Numbers {
    /// Inputs.
    pub inputs: u16,
    /// Outputs.
    pub outputs: u16,
}

/// The master's side of one protocol.
pub(super) trait Speaks {
    fn can(&self) -> Can;

    /// The bytes of a question. `held` are the outputs as last told: some
    /// boards are told all of them every time.
    fn ask(
        &self,
        call: Call,
        number: u16,
        numbers: Numbers,
        held: &BTreeMap<u16, bool>,
    ) -> Result<Vec<u8>, CallFault>;

    /// Looks at all bytes received since `question` was sent.
    fn answer(&self, question: &Question, numbers: Numbers, bytes: &[u8]) -> Answer;

    /// What a board that speaks by itself said.
    fn told(&self, bytes: &[u8]) -> Option<Told>;

    /// Inputs that read 0 when what they report is so, always.
    fn active_low(&self) -> &'static [u16] {
        &[]
    }
}

/// How one board is spoken to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct BoardWire {
    codec: Codec,
    numbers: Numbers,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Codec {
    Modbus(Modbus),
    Adam(Adam),
    Xy(XyLc301),
    Mqtt(MqttIo),
}

impl BoardWire {
    /// From a board's protocol and settings.
    ///
    /// # Errors
    /// A setting is wrong, or the board cannot carry a lane.
    pub fn of(protocol: &str, settings: &Settings, numbers: Numbers) -> Result<Self, BoardFault> {
        let codec = match protocol {
            "modbus-rtu" => Codec::Modbus(Modbus::rtu(settings)?),
            "modbus-tcp" => Codec::Modbus(Modbus::tcp(settings)?),
            "adam4000" => Codec::Adam(Adam::of(settings, numbers)?),
            "xy-lc301" => Codec::Xy(XyLc301::of(settings)?),
            "mqtt-io" => Codec::Mqtt(MqttIo::of(settings)?),
            "lcus" => return Err(BoardFault::Cannot(super::lcus::CANNOT.to_owned())),
            other => {
                return Err(BoardFault::Cannot(format!(
                    "\"{other}\" is no protocol of a board"
                )));
            }
        };
        Ok(Self { codec, numbers })
    }

    fn codec(&self) -> &dyn Speaks {
        match &self.codec {
            Codec::Modbus(codec) => codec,
            Codec::Adam(codec) => codec,
            Codec::Xy(codec) => codec,
            Codec::Mqtt(codec) => codec,
        }
    }

    /// What it can.
    #[must_use]
    pub fn can(&self) -> Can {
        self.codec().can()
    }

    /// The question for `call`.
    ///
    /// # Errors
    /// The board has no such output, or cannot do that with it.
    pub fn ask(
        &self,
        call: Call,
        number: u16,
        held: &BTreeMap<u16, bool>,
    ) -> Result<Question, CallFault> {
        let bytes = self.codec().ask(call, number, self.numbers, held)?;
        Ok(Question {
            call,
            number,
            bytes,
        })
    }

    /// Looks at all bytes received since `question` was sent.
    #[must_use]
    pub fn answer(&self, question: &Question, bytes: &[u8]) -> Answer {
        self.codec().answer(question, self.numbers, bytes)
    }

    /// What a board that speaks by itself said; none = no message of it.
    #[must_use]
    pub fn told(&self, bytes: &[u8]) -> Option<Told> {
        self.codec().told(bytes)
    }

    /// Inputs that read 0 when what they report is so, by the protocol.
    #[must_use]
    pub fn active_low(&self) -> &'static [u16] {
        self.codec().active_low()
    }
}

#[cfg(test)]
mod tests;
