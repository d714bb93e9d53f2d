//! Modbus RTU for lane I/O boards: the master's questions, the matching of
//! answers, and a decoder for whole messages.
//!
//! | bytes | content |
//! |---|---|
//! | 1 | unit, 1..255 (LC-Tech boards leave the factory with 255) |
//! | 1 | function: 01 coils, 02 inputs, 03 and 04 registers, 05 one coil, 06 one register, 15 coils; bit 7 set = failed |
//! | n | data |
//! | 2 | CRC-16/MODBUS over all before it, low byte first (some units: high first) |
//!
//! RTU has no transaction number, so a late answer looks like the next one's:
//! empty the port's input before each question and reopen it after a timeout.
//! An answer to a write equals its echo on an adapter that does not suppress
//! it: read the coil back.

use super::super::checksum::crc16_modbus;
use super::super::settings::{self, Setting, SettingFault, Settings, Values, number, text};
use super::super::{Hint, NoiseWhy};

mod answer;
mod board;
mod decoder;

pub use answer::{Outcome, Reply, response};
pub use board::Modbus;
pub(super) use board::{FIRST, FIRST_INPUT, INPUTS, WRITE};

pub use super::board::BadWhy;
pub(super) use answer::pdu as pdu_answer;
pub(super) use decoder::message as tcp_message;

/// The registry's line.
pub(in crate::wire) use decoder::PROTOCOL;

static SETTINGS: [Setting; 8] = [
    Setting {
        name: "slave",
        default: "1",
        values: Values::Number { min: 1, max: 255 },
        meaning: "the unit the master asks; decode shows every unit",
    },
    Setting {
        name: "on",
        default: "FF00",
        values: Values::Words(&["FF00", "0100"]),
        meaning: "value that switches a coil on; some clones want 0100",
    },
    Setting {
        name: "crc",
        default: "normal",
        values: Values::Words(&["normal", "swapped"]),
        meaning: "order of the two CRC bytes; the other order is then wrong",
    },
    Setting {
        name: "echo",
        default: "no",
        values: Values::Words(&["no", "yes"]),
        meaning: "yes: the RS-485 adapter returns what is sent before the answer",
    },
    board::FIRST,
    board::FIRST_INPUT,
    board::INPUTS,
    board::WRITE,
];

/// Writing this coil switches all relays of common boards at once.
const ALL_RELAYS: u16 = 0x00ff;
/// Coils from here on are board-timed pulses of the relay `n - FLASH_BASE`.
const FLASH_BASE: u16 = 0x0200;
/// Value of a coil that switches it off, in every dialect.
const OFF: u16 = 0x0000;
/// Unit of a board-timed pulse.
const FLASH_UNIT_MS: u32 = 100;
/// Longest pulse a lane needs; a longer one would be a maintained contact.
const FLASH_MS_MAX: u32 = 10_000;
/// Most coils or inputs in one question; lane boards have 8 to 32.
const COUNT_MAX: u16 = 64;
/// The longest question: to write that many coils.
const REQUEST_LEN_MAX: usize = 7 + COUNT_MAX as usize / 8 + 2;

/// How a unit differs from the standard.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Dialect {
    /// The unit's address.
    pub unit: u8,
    /// What switches a coil on.
    pub on: u16,
    /// The high CRC byte comes first.
    pub crc_swapped: bool,
    /// The adapter returns what is sent.
    pub echo: bool,
}

impl Dialect {
    /// From a device's settings.
    ///
    /// # Errors
    /// The first setting that is unknown or cannot be used.
    pub fn of(settings: &Settings) -> Result<Self, SettingFault> {
        if let Some(fault) = settings::faults(&SETTINGS, settings).into_iter().next() {
            return Err(fault);
        }
        Ok(Self::checked(settings))
    }

    fn checked(settings: &Settings) -> Self {
        let set = |name| text(&SETTINGS, settings, name);
        let unit = number(&SETTINGS, settings, "slave");
        Self {
            unit: u8::try_from(unit).expect("the table allows 1 to 255"),
            on: if set("on") == "0100" { 0x0100 } else { 0xff00 },
            crc_swapped: set("crc") == "swapped",
            echo: set("echo") == "yes",
        }
    }

    fn seal(self, mut bytes: Vec<u8>) -> Vec<u8> {
        let crc = crc16_modbus(&bytes);
        bytes.extend(if self.crc_swapped {
            crc.to_be_bytes()
        } else {
            crc.to_le_bytes()
        });
        bytes
    }

    fn checks(self, frame: &[u8]) -> Crc {
        let Some((body, sum)) = frame.split_last_chunk::<2>() else {
            return Crc::Wrong;
        };
        let crc = crc16_modbus(body);
        let (low, high) = (crc.to_le_bytes() == *sum, crc.to_be_bytes() == *sum);
        match (self.crc_swapped, low, high) {
            (false, true, _) | (true, _, true) => Crc::Right,
            (false, false, true) | (true, true, false) => Crc::Swapped,
            (false | true, false, false) => Crc::Wrong,
        }
    }
}

/// What a checksum says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Crc {
    Right,
    Swapped,
    Wrong,
}

impl Crc {
    const fn why(self) -> (NoiseWhy, Option<Hint>) {
        match self {
            Self::Swapped => (NoiseWhy::Checksum, Some(Hint::CrcSwapped)),
            Self::Right | Self::Wrong => (NoiseWhy::Checksum, None),
        }
    }
}

/// A question that cannot be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RequestFault {
    /// None or too many.
    #[error("{0} coils or inputs in one question: ask for 1 to {COUNT_MAX}")]
    Count(usize),
    /// A coil whose number means something else on common boards.
    #[error("coil {0:#06x} is not a single relay on common boards: number coils below 0x00ff")]
    Coil(u16),
    /// A pulse a board cannot time or a lane does not need.
    #[error("a pulse of {0} ms: use a multiple of 100 from 100 to {FLASH_MS_MAX}")]
    Pulse(u32),
}

/// One question of the master.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Request {
    dialect: Dialect,
    call: Call,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Call {
    /// FC01
    ReadCoils { start: u16, count: u16 },
    /// FC02
    ReadInputs { start: u16, count: u16 },
    /// FC03
    ReadRegisters { start: u16, count: u16 },
    /// FC04
    ReadInputRegisters { start: u16, count: u16 },
    /// FC05
    WriteCoil { coil: u16, value: u16 },
    /// FC06
    WriteRegister { register: u16, value: u16 },
    /// FC15
    WriteCoils { start: u16, on: Vec<bool> },
}

impl Request {
    /// FC01: `count` coils from `start` on.
    ///
    /// # Errors
    /// [`RequestFault::Count`]
    pub fn read_coils(dialect: Dialect, start: u16, count: u16) -> Result<Self, RequestFault> {
        counted(usize::from(count))?;
        let call = Call::ReadCoils { start, count };
        Ok(Self { dialect, call })
    }

    /// FC02: `count` inputs from `start` on.
    ///
    /// # Errors
    /// [`RequestFault::Count`]
    pub fn read_inputs(dialect: Dialect, start: u16, count: u16) -> Result<Self, RequestFault> {
        counted(usize::from(count))?;
        let call = Call::ReadInputs { start, count };
        Ok(Self { dialect, call })
    }

    /// FC03: `count` registers from `start` on.
    ///
    /// # Errors
    /// [`RequestFault::Count`]
    pub fn read_registers(dialect: Dialect, start: u16, count: u16) -> Result<Self, RequestFault> {
        counted(usize::from(count))?;
        let call = Call::ReadRegisters { start, count };
        Ok(Self { dialect, call })
    }

    /// FC04: `count` input registers from `start` on.
    ///
    /// # Errors
    /// [`RequestFault::Count`]
    pub fn read_input_registers(
        dialect: Dialect,
        start: u16,
        count: u16,
    ) -> Result<Self, RequestFault> {
        counted(usize::from(count))?;
        let call = Call::ReadInputRegisters { start, count };
        Ok(Self { dialect, call })
    }

    /// FC06: one relay of a board that has registers in place of coils.
    ///
    /// # Errors
    /// [`RequestFault::Coil`]
    pub fn write_register(dialect: Dialect, register: u16, on: bool) -> Result<Self, RequestFault> {
        let register = single(register)?;
        let value = u16::from(on);
        let call = Call::WriteRegister { register, value };
        Ok(Self { dialect, call })
    }

    /// FC05: one coil on or off.
    ///
    /// # Errors
    /// [`RequestFault::Coil`]
    pub fn write_coil(dialect: Dialect, coil: u16, on: bool) -> Result<Self, RequestFault> {
        let coil = single(coil)?;
        let value = if on { dialect.on } else { OFF };
        let call = Call::WriteCoil { coil, value };
        Ok(Self { dialect, call })
    }

    /// FC05 at 0200h + `coil` (Waveshare and clones): on for `ms`, timed by
    /// the board, so that a dead daemon cannot hold the contact.
    ///
    /// # Errors
    /// [`RequestFault::Coil`], [`RequestFault::Pulse`]
    pub fn flash(dialect: Dialect, coil: u16, ms: u32) -> Result<Self, RequestFault> {
        let coil = single(coil)? + FLASH_BASE;
        if ms == 0 || ms > FLASH_MS_MAX || !ms.is_multiple_of(FLASH_UNIT_MS) {
            return Err(RequestFault::Pulse(ms));
        }
        let value = u16::try_from(ms / FLASH_UNIT_MS).expect("at most 100 units");
        let call = Call::WriteCoil { coil, value };
        Ok(Self { dialect, call })
    }

    /// FC15: coils from `start` on.
    ///
    /// # Errors
    /// [`RequestFault::Count`], [`RequestFault::Coil`]
    pub fn write_coils(dialect: Dialect, start: u16, on: Vec<bool>) -> Result<Self, RequestFault> {
        let count = counted(on.len())?;
        single(start.saturating_add(count - 1))?;
        let call = Call::WriteCoils { start, on };
        Ok(Self { dialect, call })
    }

    /// The bytes to write.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.dialect.seal(self.body())
    }

    /// Unit, function and data, without what a line adds.
    pub(in crate::wire::io) fn body(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(REQUEST_LEN_MAX);
        bytes.extend([self.dialect.unit, self.function()]);
        let mut words = |words: [u16; 2]| bytes.extend(words.iter().flat_map(|w| w.to_be_bytes()));
        match &self.call {
            Call::ReadCoils { start, count }
            | Call::ReadInputs { start, count }
            | Call::ReadRegisters { start, count }
            | Call::ReadInputRegisters { start, count } => words([*start, *count]),
            Call::WriteCoil { coil, value } => words([*coil, *value]),
            Call::WriteRegister { register, value } => words([*register, *value]),
            Call::WriteCoils { start, on } => {
                words([*start, counted(on.len()).expect("checked when made")]);
                let packed = pack(on);
                bytes.push(u8::try_from(packed.len()).expect("at most 64 coils"));
                bytes.extend(packed);
            }
        }
        bytes
    }

    /// Whether it may move or switch something.
    #[must_use]
    pub const fn writes(&self) -> bool {
        match self.call {
            Call::ReadCoils { .. }
            | Call::ReadInputs { .. }
            | Call::ReadRegisters { .. }
            | Call::ReadInputRegisters { .. } => false,
            Call::WriteCoil { .. } | Call::WriteRegister { .. } | Call::WriteCoils { .. } => true,
        }
    }

    const fn function(&self) -> u8 {
        match self.call {
            Call::ReadCoils { .. } => 1,
            Call::ReadInputs { .. } => 2,
            Call::ReadRegisters { .. } => 3,
            Call::ReadInputRegisters { .. } => 4,
            Call::WriteCoil { .. } => 5,
            Call::WriteRegister { .. } => 6,
            Call::WriteCoils { .. } => 15,
        }
    }
}

fn counted(count: usize) -> Result<u16, RequestFault> {
    match u16::try_from(count) {
        Ok(n @ 1..=COUNT_MAX) => Ok(n),
        Ok(_) | Err(_) => Err(RequestFault::Count(count)),
    }
}

const fn single(coil: u16) -> Result<u16, RequestFault> {
    if coil < ALL_RELAYS {
        Ok(coil)
    } else {
        Err(RequestFault::Coil(coil))
    }
}

/// Eight to a byte, the first in bit 0.
fn pack(bits: &[bool]) -> Vec<u8> {
    let byte = |bits: &[bool]| {
        let set = bits.iter().enumerate().filter(|(_, on)| **on);
        set.fold(0, |byte, (i, _)| byte | 1 << i)
    };
    bits.chunks(8).map(byte).collect()
}

fn unpack(bytes: &[u8]) -> Vec<bool> {
    let bits = bytes
        .iter()
        .flat_map(|b| (0..8).map(move |i| b & 1 << i != 0));
    bits.collect()
}

#[cfg(test)]
mod tests;
