//! A Modbus board as the lane's driver asks it, on a serial line or over TCP.

use std::collections::BTreeMap;

use super::super::super::settings::{Setting, SettingFault, Settings, Values, number, text};
use super::super::board::{
    Answer, Call, CallFault, Can, Numbers, Question, ReadBack, Speaks, Told,
};
use super::super::modbus_tcp;
use super::{Dialect, Outcome, Reply, Request, RequestFault, SETTINGS, response};
use crate::time::Micros;

pub(in crate::wire::io) const FIRST: Setting = Setting {
    name: "first",
    default: "0",
    values: Values::Number { min: 0, max: 64 },
    meaning: "address of the first relay: 0, or 1 on boards that count from one",
};

pub(in crate::wire::io) const FIRST_INPUT: Setting = Setting {
    name: "first_input",
    default: "0",
    values: Values::Number {
        min: 0,
        max: 65_000,
    },
    meaning: "address of the first input",
};

pub(in crate::wire::io) const INPUTS: Setting = Setting {
    name: "inputs",
    default: "discrete",
    values: Values::Words(&["discrete", "input-registers", "registers", "coils"]),
    meaning: "where the inputs are: discrete inputs (FC02), one input register each (FC04), one \
              register each (FC03), or coils (FC01)",
};

pub(in crate::wire::io) const WRITE: Setting = Setting {
    name: "write",
    default: "coil",
    values: Values::Words(&["coil", "register"]),
    meaning: "what a relay is: a coil (FC05, read back by FC01), or a register (FC06, by FC03)",
};

/// An answer that is later than this after its time-out never comes.
const REST: Micros = Micros::from_ms(1000);

/// Where the inputs are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum InputsBy {
    Discrete,
    InputRegisters,
    Registers,
    Coils,
}

/// What the messages travel in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Framing {
    Rtu,
    Tcp,
}

/// A Modbus board.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Modbus {
    dialect: Dialect,
    framing: Framing,
    first: u16,
    first_input: u16,
    inputs: InputsBy,
    registers: bool,
}

impl Modbus {
    pub(in crate::wire::io) fn rtu(settings: &Settings) -> Result<Self, SettingFault> {
        let dialect = Dialect::of(settings)?;
        Ok(Self::over(Framing::Rtu, dialect, &SETTINGS, settings))
    }

    pub(in crate::wire::io) fn tcp(settings: &Settings) -> Result<Self, SettingFault> {
        let dialect = modbus_tcp::dialect(settings)?;
        let table = &modbus_tcp::SETTINGS;
        Ok(Self::over(Framing::Tcp, dialect, table, settings))
    }

    fn over(framing: Framing, dialect: Dialect, table: &[Setting], settings: &Settings) -> Self {
        let address =
            |name| u16::try_from(number(table, settings, name)).expect("the table's range");
        Self {
            dialect,
            framing,
            first: address("first"),
            first_input: address("first_input"),
            inputs: match text(table, settings, "inputs") {
                "input-registers" => InputsBy::InputRegisters,
                "registers" => InputsBy::Registers,
                "coils" => InputsBy::Coils,
                _ => InputsBy::Discrete,
            },
            registers: text(table, settings, "write") == "register",
        }
    }

    fn request(&self, call: Call, numbers: Numbers) -> Result<Request, RequestFault> {
        let (dialect, from) = (self.dialect, self.first_input);
        match call {
            Call::Inputs => match self.inputs {
                InputsBy::Discrete => Request::read_inputs(dialect, from, numbers.inputs),
                InputsBy::Coils => Request::read_coils(dialect, from, numbers.inputs),
                InputsBy::Registers => Request::read_registers(dialect, from, numbers.inputs),
                InputsBy::InputRegisters => {
                    Request::read_input_registers(dialect, from, numbers.inputs)
                }
            },
            Call::Outputs if self.registers => {
                Request::read_registers(dialect, self.first, numbers.outputs)
            }
            Call::Outputs => Request::read_coils(dialect, self.first, numbers.outputs),
            Call::Set { output, on } if self.registers => {
                Request::write_register(dialect, self.first + output, on)
            }
            Call::Set { output, on } => Request::write_coil(dialect, self.first + output, on),
            Call::Pulse { output, ms } => Request::flash(dialect, self.first + output, ms),
        }
    }
}

impl Speaks for Modbus {
    fn can(&self) -> Can {
        Can {
            asked: true,
            speaks: false,
            read_back: ReadBack::Apart,
            answers_writes: true,
            times_pulses: !self.registers,
            numbered: self.framing == Framing::Tcp,
            asks_outputs: true,
            rest: REST,
        }
    }

    fn ask(
        &self,
        call: Call,
        number: u16,
        numbers: Numbers,
        _: &BTreeMap<u16, bool>,
    ) -> Result<Vec<u8>, CallFault> {
        let request = self.request(call, numbers);
        let request = request.map_err(|why| CallFault(why.to_string()))?;
        Ok(match self.framing {
            Framing::Rtu => request.encode(),
            Framing::Tcp => modbus_tcp::encode(&request, number),
        })
    }

    fn answer(&self, question: &Question, numbers: Numbers, bytes: &[u8]) -> Answer {
        let Ok(request) = self.request(question.call, numbers) else {
            return Answer::Need;
        };
        let outcome = match self.framing {
            Framing::Rtu => response(&request, bytes),
            Framing::Tcp => modbus_tcp::response(&request, question.number, bytes),
        };
        match outcome {
            Outcome::Need(_) => Answer::Need,
            Outcome::Exception(code) => Answer::Refused(code),
            Outcome::Bad(why) => Answer::Bad(why),
            Outcome::Done(reply) => Answer::Done(told(question.call, reply)),
        }
    }

    fn told(&self, _: &[u8]) -> Option<Told> {
        None
    }
}

fn told(call: Call, reply: Reply) -> Told {
    let bits = match reply {
        Reply::Bits(bits) => Some(bits),
        // A register of an input or relay is 0 or not.
        Reply::Registers(words) => Some(words.iter().map(|w| *w != 0).collect()),
        Reply::Written => None,
    };
    let (inputs, outputs) = match call {
        Call::Inputs => (bits, None),
        Call::Outputs => (None, bits),
        Call::Set { .. } | Call::Pulse { .. } => (None, None),
    };
    Told { inputs, outputs }
}
