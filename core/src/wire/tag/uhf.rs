//! What the UHFReader18 and UHFReader288 families share (Chafon and many
//! others under their own names): the frame, and the answer to an inventory.
//!
//! | off | len | field |
//! |---|---|---|
//! | 0 | 1 | how many bytes follow |
//! | 1 | 1 | address |
//! | 2 | 1 | command: 01h inventory |
//! | 3 | 1 | status: 01h finished, 02h out of time, 03h more follows, 04h reader full, else no tag or a fault |
//! | 4 | 1 | 288 only: antennas, a bit each |
//! | 4 or 5 | 1 | how many tags |
//! | .. | .. | of each: length, EPC, and 288 only: its strength |
//! | last | 2 | CRC-16/MCRF4XX over all before, low byte first |
//!
//! The families differ by two bytes under the same command: which one it is is
//! configured, never guessed, but a frame that fits the other one says so.

use super::super::checksum::crc16_mcrf4xx;
use super::super::framer::{Grammar, Step};
use super::super::{Frame, HeartbeatFrame, Hint, NoiseWhy, TagFrame};

/// Address to CRC of a frame without data.
const LEN_MIN: usize = 5;
const FRAME_LEN_MAX: usize = 256;
const INVENTORY: u8 = 0x01;
/// Longest EPC: 496 bits.
const EPC_LEN_MAX: u8 = 62;

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// No antenna, no strength.
    Reader18,
    /// Both.
    Reader288,
}

impl Family {
    const fn other(self) -> Self {
        match self {
            Self::Reader18 => Self::Reader288,
            Self::Reader288 => Self::Reader18,
        }
    }
}

/// One family's frames, and which of its tags count.
pub(super) struct Uhf {
    pub(super) family: Family,
    /// Only of this antenna.
    pub(super) antenna: Option<u8>,
    /// At least so strong.
    pub(super) rssi_min: u8,
}

impl Grammar for Uhf {
    const FRAME_LEN_MAX: usize = FRAME_LEN_MAX;

    fn scan(&self, bytes: &[u8]) -> Step {
        let len = usize::from(bytes[0]) + 1;
        let inventory = bytes.get(2).is_none_or(|command| *command == INVENTORY);
        if len <= LEN_MIN || !inventory {
            return Step::drop(NoiseWhy::NoStart);
        }
        let Some(frame) = bytes.get(..len) else {
            return Step::Need;
        };
        let (body, crc) = frame.split_at(len - 2);
        if crc16_mcrf4xx(body).to_le_bytes() != crc {
            return Step::drop(NoiseWhy::Checksum);
        }
        let (address, status, data) = (body[1], body[3], &body[4..]);
        match tags(self.family, data) {
            Some(tags) => Step::Frames(len, self.told(address, status, tags)),
            None => {
                let other = tags_of(self.family.other(), data);
                let fits = other.is_some_and(|tags| !tags.is_empty());
                Step::Drop(NoiseWhy::Field, fits.then_some(Hint::UhfFamily))
            }
        }
    }
}

/// An answer without data names no tag.
fn tags(family: Family, data: &[u8]) -> Option<Vec<TagFrame>> {
    if data.is_empty() {
        return Some(Vec::new());
    }
    tags_of(family, data)
}

/// The tags, if they fill the data to its last byte.
fn tags_of(family: Family, data: &[u8]) -> Option<Vec<TagFrame>> {
    let (mask, rest) = match family {
        Family::Reader18 => (None, data),
        Family::Reader288 => data.split_first().map(|(mask, rest)| (Some(*mask), rest))?,
    };
    let (count, mut rest) = rest.split_first()?;
    let mut tags = Vec::new();
    for _ in 0..*count {
        let (len, more) = rest.split_first()?;
        let fits = (1..=EPC_LEN_MAX).contains(len);
        let (epc, more) = more.split_at_checked(usize::from(*len)).filter(|_| fits)?;
        let (rssi, more) = match family {
            Family::Reader18 => (None, more),
            Family::Reader288 => more.split_first().map(|(rssi, more)| (Some(*rssi), more))?,
        };
        let id = epc
            .iter()
            .fold(String::new(), |id, byte| id + &format!("{byte:02X}"));
        tags.push(TagFrame {
            id,
            antenna: mask.and_then(antenna),
            rssi,
            card: None,
        });
        rest = more;
    }
    rest.is_empty().then_some(tags)
}

/// The antenna of a mask with one bit, from 1.
fn antenna(mask: u8) -> Option<u8> {
    let one = u8::try_from(mask.trailing_zeros()).ok()? + 1;
    mask.is_power_of_two().then_some(one)
}

impl Uhf {
    /// The tags that count; if there are none, the reader lives all the same.
    fn told(&self, address: u8, status: u8, tags: Vec<TagFrame>) -> Vec<Frame> {
        let here = |tag: &TagFrame| self.antenna.is_none() || tag.antenna == self.antenna;
        let near = |tag: &TagFrame| tag.rssi.is_none_or(|rssi| rssi >= self.rssi_min);
        let count = tags.into_iter().filter(|tag| here(tag) && near(tag));
        let mut frames: Vec<Frame> = count.map(Frame::Tag).collect();
        if frames.is_empty() {
            let known = matches!(status, 0x01..=0x04);
            frames.push(Frame::Heartbeat(HeartbeatFrame {
                id: format!("{address:02X}"),
                at: None,
                message: (!known).then(|| format!("status {status:02X}")),
                ack: None,
            }));
        }
        frames
    }
}

/// `command` of these bytes with length and CRC.
pub(super) fn command(bytes: &[u8]) -> Vec<u8> {
    let len = u8::try_from(bytes.len() + 2).expect("commands are short");
    let mut frame = vec![len];
    frame.extend(bytes);
    frame.extend(crc16_mcrf4xx(&frame).to_le_bytes());
    frame
}
