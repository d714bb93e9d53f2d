//! A relay and input board on Modbus RTU (Waveshare and clones): slave 1,
//! functions 1, 2, 5 and 15, and the board-timed "flash" at 0200h + n.
//!
//! A frame with a bad checksum or for another slave is answered with silence,
//! an unknown function or address with an exception.

use crc::{CRC_16_MODBUS, Crc};

use crate::options::{MS, Us};

const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_MODBUS);
const SLAVE: u8 = 1;
/// 3.5 characters at 9600 baud are under 4 ms; virtual time allows for a host's scheduling.
const IDLE_US: Us = 20 * MS;
/// Longer than any frame the board knows.
const FRAME_MAX: usize = 64;

const ILLEGAL_FUNCTION: u8 = 1;
const ILLEGAL_ADDRESS: u8 = 2;
const ILLEGAL_VALUE: u8 = 3;

/// The board's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coil {
    ArmUp = 0,
    ArmDown = 1,
    /// Where there is a diverter it is its drive, on = to the bay.
    ArmStop = 2,
    Red = 3,
    Green = 4,
    EntryRed = 5,
    Divert = 6,
    Return = 7,
}

impl Coil {
    pub(crate) const ALL: [Coil; 8] = [
        Coil::ArmUp,
        Coil::ArmDown,
        Coil::ArmStop,
        Coil::Red,
        Coil::Green,
        Coil::EntryRed,
        Coil::Divert,
        Coil::Return,
    ];
}

/// A change of an output that somebody notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switched {
    On { coil: Coil, until: Option<Us> },
    Off { coil: Coil },
}

#[derive(Debug, Clone, Copy, Default)]
struct Output {
    on: bool,
    /// The board turns it off by itself.
    until: Option<Us>,
}

/// The board's state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board {
    coils: [Output; 8],
    buffer: Vec<u8>,
    last_byte_at: Us,
    /// Whether any valid request has come yet.
    pub(crate) polled: bool,
}

impl Board {
    pub(crate) fn coil(&self, coil: Coil, at: Us) -> bool {
        self.is_on(coil as usize, at)
    }

    /// Takes bytes; for every whole request the answer and what it switched.
    /// `inputs` is asked for the input bits, lowest first.
    pub(crate) fn feed(
        &mut self,
        at: Us,
        bytes: &[u8],
        inputs: impl Fn() -> u8,
    ) -> (Vec<Vec<u8>>, Vec<Switched>) {
        if at > self.last_byte_at + IDLE_US {
            self.buffer.clear();
        }
        self.last_byte_at = at;
        self.buffer.extend_from_slice(bytes);
        let (mut answers, mut switched) = (Vec::new(), Vec::new());
        while let Some(len) = self.frame_len() {
            let frame: Vec<u8> = self.buffer.drain(..len).collect();
            if CRC.checksum(&frame[..len - 2])
                != u16::from_le_bytes([frame[len - 2], frame[len - 1]])
            {
                // Out of step: nothing more until the line was idle.
                self.buffer.clear();
                break;
            }
            if frame[0] != SLAVE {
                continue;
            }
            self.polled = true;
            let mut answer = match self.execute(at, &frame[..len - 2], &inputs, &mut switched) {
                Ok(answer) => answer,
                Err(code) => vec![SLAVE, frame[1] | 0x80, code],
            };
            let crc = CRC.checksum(&answer);
            answer.extend(crc.to_le_bytes());
            answers.push(answer);
        }
        if self.buffer.len() > FRAME_MAX {
            self.buffer.clear();
        }
        (answers, switched)
    }

    /// The length of the frame at the head of the buffer, once all of it is there.
    fn frame_len(&self) -> Option<usize> {
        let len = match *self.buffer.get(1)? {
            0x0F | 0x10 => 9 + usize::from(*self.buffer.get(6)?),
            _ => 8,
        };
        (self.buffer.len() >= len).then_some(len)
    }

    fn execute(
        &mut self,
        at: Us,
        frame: &[u8],
        inputs: &impl Fn() -> u8,
        switched: &mut Vec<Switched>,
    ) -> Result<Vec<u8>, u8> {
        let address = u16::from_be_bytes([frame[2], frame[3]]);
        let value = u16::from_be_bytes([frame[4], frame[5]]);
        match frame[1] {
            0x01 => {
                let bits = (0..8).fold(0, |b, i| b | u8::from(self.is_on(i, at)) << i);
                read_bits(0x01, address, value, bits)
            }
            0x02 => read_bits(0x02, address, value, inputs()),
            0x05 => {
                self.write_single(at, address, value, switched)?;
                Ok(frame.to_vec())
            }
            0x0F => {
                let count = value;
                if count == 0 || count > 8 || frame[6] != 1 || frame.len() != 8 {
                    return Err(ILLEGAL_VALUE);
                }
                if address + count > 8 {
                    return Err(ILLEGAL_ADDRESS);
                }
                for i in 0..count {
                    let on = frame[7] >> i & 1 == 1;
                    self.set(at, usize::from(address + i), on, None, switched);
                }
                Ok(frame[..6].to_vec())
            }
            _ => Err(ILLEGAL_FUNCTION),
        }
    }

    fn write_single(
        &mut self,
        at: Us,
        address: u16,
        value: u16,
        switched: &mut Vec<Switched>,
    ) -> Result<(), u8> {
        let on = || match value {
            0xFF00 => Ok(true),
            0x0000 => Ok(false),
            _ => Err(ILLEGAL_VALUE),
        };
        match address {
            0x0000..=0x0007 => {
                let on = on()?;
                self.set(at, usize::from(address), on, None, switched);
            }
            // The vendor's trap: 00FFh is all relays at once.
            0x00FF => {
                let on = on()?;
                for i in 0..8 {
                    self.set(at, i, on, None, switched);
                }
            }
            0x0200..=0x0207 if value == 0 => return Err(ILLEGAL_VALUE),
            0x0200..=0x0207 => {
                let until = at + Us::from(value) * 100 * MS;
                self.set(
                    at,
                    usize::from(address - 0x0200),
                    true,
                    Some(until),
                    switched,
                );
            }
            _ => return Err(ILLEGAL_ADDRESS),
        }
        Ok(())
    }

    fn set(&mut self, at: Us, i: usize, on: bool, until: Option<Us>, switched: &mut Vec<Switched>) {
        let coil = Coil::ALL[i];
        let was = self.is_on(i, at);
        self.coils[i] = Output { on, until };
        if on && (!was || until.is_some()) {
            switched.push(Switched::On { coil, until });
        } else if was && !on {
            switched.push(Switched::Off { coil });
        }
    }

    fn is_on(&self, i: usize, at: Us) -> bool {
        let output = self.coils[i];
        output.on && output.until.is_none_or(|u| at < u)
    }
}

fn read_bits(function: u8, address: u16, count: u16, bits: u8) -> Result<Vec<u8>, u8> {
    if count == 0 || count > 2000 {
        return Err(ILLEGAL_VALUE);
    }
    if u32::from(address) + u32::from(count) > 8 {
        return Err(ILLEGAL_ADDRESS);
    }
    let mask = ((1u16 << count) - 1) as u8;
    Ok(vec![SLAVE, function, 1, (bits >> address) & mask])
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ_INPUTS: [u8; 8] = [0x01, 0x02, 0x00, 0x00, 0x00, 0x08, 0x79, 0xCC];

    fn with_crc(body: &[u8]) -> Vec<u8> {
        let mut f = body.to_vec();
        f.extend(CRC.checksum(body).to_le_bytes());
        f
    }

    #[test]
    fn the_vendors_sample_requests_get_the_vendors_sample_answers() {
        let mut b = Board::default();
        let (answers, _) = b.feed(0, &READ_INPUTS, || 0x01);
        assert_eq!(answers, vec![vec![0x01, 0x02, 0x01, 0x01, 0x60, 0x48]]);
        let on = [0x01, 0x05, 0x00, 0x00, 0xFF, 0x00, 0x8C, 0x3A];
        let (answers, switched) = b.feed(1, &on, || 0);
        assert_eq!(answers, vec![on.to_vec()]);
        assert_eq!(
            switched,
            vec![Switched::On {
                coil: Coil::ArmUp,
                until: None
            }]
        );
        let off = [0x01, 0x05, 0x00, 0x00, 0x00, 0x00, 0xCD, 0xCA];
        assert_eq!(
            b.feed(2, &off, || 0).1,
            vec![Switched::Off { coil: Coil::ArmUp }]
        );
    }

    #[test]
    fn a_request_may_come_in_pieces_but_not_across_an_idle_line() {
        let mut b = Board::default();
        assert!(b.feed(0, &READ_INPUTS[..3], || 0).0.is_empty());
        assert_eq!(b.feed(5 * MS, &READ_INPUTS[3..], || 0).0.len(), 1);
        assert!(b.feed(100 * MS, &READ_INPUTS[..3], || 0).0.is_empty());
        assert!(b.feed(200 * MS, &READ_INPUTS[3..], || 0).0.is_empty());
        assert_eq!(b.feed(300 * MS, &READ_INPUTS, || 0).0.len(), 1);
    }

    #[test]
    fn a_bad_checksum_and_another_slave_are_met_with_silence() {
        let mut b = Board::default();
        let mut bad = READ_INPUTS;
        bad[7] ^= 1;
        assert!(b.feed(0, &bad, || 0).0.is_empty());
        assert!(
            b.feed(100 * MS, &with_crc(&[2, 2, 0, 0, 0, 8]), || 0)
                .0
                .is_empty()
        );
        assert!(!b.polled);
        assert_eq!(b.feed(200 * MS, &READ_INPUTS, || 0).0.len(), 1);
    }

    #[test]
    fn unknown_functions_addresses_and_values_are_exceptions() {
        let mut b = Board::default();
        let mut ask = |body: &[u8]| b.feed(0, &with_crc(body), || 0).0.remove(0)[..3].to_vec();
        assert_eq!(ask(&[1, 3, 0, 0, 0, 1]), [1, 0x83, ILLEGAL_FUNCTION]);
        assert_eq!(ask(&[1, 2, 0, 4, 0, 5]), [1, 0x82, ILLEGAL_ADDRESS]);
        assert_eq!(ask(&[1, 5, 0, 9, 0xFF, 0]), [1, 0x85, ILLEGAL_ADDRESS]);
        assert_eq!(ask(&[1, 5, 0, 1, 0x01, 0]), [1, 0x85, ILLEGAL_VALUE]);
        assert_eq!(ask(&[1, 15, 0, 4, 0, 5, 1, 3]), [1, 0x8F, ILLEGAL_ADDRESS]);
    }

    #[test]
    fn a_flash_is_on_for_its_time_and_then_off_by_itself() {
        let mut b = Board::default();
        let (_, switched) = b.feed(0, &with_crc(&[1, 5, 0x02, 0x01, 0x00, 0x05]), || 0);
        assert_eq!(
            switched,
            vec![Switched::On {
                coil: Coil::ArmDown,
                until: Some(500 * MS)
            }]
        );
        assert!(b.coil(Coil::ArmDown, 499 * MS) && !b.coil(Coil::ArmDown, 500 * MS));
        // A second flash is a second pulse.
        assert_eq!(
            b.feed(100 * MS, &with_crc(&[1, 5, 0x02, 0x01, 0x00, 0x05]), || 0)
                .1
                .len(),
            1
        );
    }

    #[test]
    fn several_coils_are_written_and_read_back_at_once() {
        let mut b = Board::default();
        let (answers, switched) = b.feed(0, &with_crc(&[1, 15, 0, 3, 0, 3, 1, 0b101]), || 0);
        assert_eq!(answers, vec![with_crc(&[1, 15, 0, 3, 0, 3])]);
        assert_eq!(switched.len(), 2);
        let (answers, _) = b.feed(0, &with_crc(&[1, 1, 0, 0, 0, 8]), || 0);
        assert_eq!(answers, vec![with_crc(&[1, 1, 1, 0b0010_1000])]);
    }
}
