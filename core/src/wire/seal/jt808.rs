//! Locks that speak JT/T 808 by themselves (Jointech JT709), over TCP. Source:
//! the maker's JT709 library; the standard for head, batch and answers.
//!
//! Frame: 7Eh, then head, body and check byte, escaped (7D01h is 7Dh, 7D02h is
//! 7Eh), then 7Eh. The check byte is the XOR of all before it.
//!
//! | off | len | head |
//! |---|---|---|
//! | 0 | 2 | message: 0200h position, 0704h batch, 0002h heartbeat, 0100h registration |
//! | 2 | 2 | bits 0-9 length of the body, 10-12 encryption, 13 in parts |
//! | 4 | 6 | terminal, 12 BCD digits |
//! | 10 | 2 | serial; in parts: 2 how many, 2 which |
//!
//! | off | len | position |
//! |---|---|---|
//! | 0 | 4 | alarm: bit 7 battery low, 16 cover opened, 17 fence entered, 18 left |
//! | 4 | 4 | status: bits 1 and 18 fix, 2 south, 3 west, 7 cover, 20 rope, 21 motor |
//! | 8, 12 | 4, 4 | latitude, longitude in millionths of a degree |
//! | 16 | 6 | height, speed, course |
//! | 22 | 6 | yymmddhhmmss, BCD, in `utc_offset` |
//! | 28 | .. | extras: id, length, value: 0Bh lock event, D4h battery %, others |
//!
//! A batch is 2 how many, 1 kind (1 = from memory), and each position behind
//! its 2 bytes of length. Every message is answered (8001h), or it comes again.

mod position;

use super::super::checksum::xor;
use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{self, Setting, SettingFault, Settings, Values};
use super::super::{Decoder, Frame, HeartbeatFrame, NoiseWhy, Protocol, ProtocolKind};
use super::fields::bcd;
use crate::model::SealId;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "jt808",
    kind: ProtocolKind::Seal,
    about: "Locks that speak JT/T 808 by themselves, as the Jointech JT709 does, over TCP: positions, batches from memory, heartbeats; every message is answered (8001h). \
Sealed is rope in, motor locked and cover closed, without the cover's alarm. The maker's library says that 0 is closed for rope and motor; nothing public says it of the cover, so `cover_closed` must be set, \
from what one lock reports sealed and with its cover off: until then a closed lock's state is unknown. Times are Beijing's by the standard (`utc_offset`). \
A message in parts is a sign of life alone. A lock dials a server: `source = { listen = …, from = [ … ] }` is that server for one of them; a fleet of locks reports to its platform, which passes on JSON ([`json-seal`](#json-seal)). Source: the maker's JT709 library, JT/T 808-2013; no capture of a lock was found.",
    settings: &SETTINGS,
    ask: None,
    agree: Some(agree),
    make,
};

static SETTINGS: [Setting; 4] = [
    Setting {
        name: "utc_offset",
        default: "+08:00",
        values: Values::Text { len_max: 6 },
        meaning: "what the lock's clock is ahead of UTC, like +08:00",
    },
    Setting {
        name: "rope_motor_closed",
        default: "0",
        values: Values::Words(&["0", "1"]),
        meaning: "what status bits 20 and 21 are when rope and motor are closed",
    },
    Setting {
        name: "cover_closed",
        default: "unset",
        values: Values::Words(&["unset", "0", "1"]),
        meaning: "what status bit 7 is when the back cover is closed; unset: not known, so no lock is known to be sealed",
    },
    Setting {
        name: "id_digits",
        default: "12",
        values: Values::Number { min: 6, max: 12 },
        meaning: "how many digits the number on the lock's case has; those sent before them must be 0",
    },
];

/// Head, body of 1,023 and check byte, all escaped, between flags.
const FRAME_LEN_MAX: usize = 2 + 2 * (16 + 1_023 + 1);
const FLAG: u8 = 0x7e;
const ESCAPE: u8 = 0x7d;
const HEAD_LEN: usize = 12;

const POSITION: u16 = 0x0200;
const BATCH: u16 = 0x0704;
const HEARTBEAT: u16 = 0x0002;
const REGISTRATION: u16 = 0x0100;
/// Most positions of one batch; its length allows no more.
const BATCH_MAX: usize = 34;

/// What the settings say.
#[derive(Clone, Copy)]
struct Jt808 {
    offset_s: i64,
    rope_motor_closed: bool,
    cover_closed: Option<bool>,
    id_digits: usize,
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let set = |name| settings::text(&SETTINGS, settings, name);
    let offset = super::fields::offset_s(set("utc_offset"));
    let digits = settings::number(&SETTINGS, settings, "id_digits");
    Box::new(Framer::new(Jt808 {
        offset_s: offset.expect("checked by agree"),
        rope_motor_closed: set("rope_motor_closed") == "1",
        cover_closed: match set("cover_closed") {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        },
        id_digits: usize::try_from(digits).expect("at most 12"),
    }))
}

fn agree(settings: &Settings) -> Vec<SettingFault> {
    let text = settings::text(&SETTINGS, settings, "utc_offset");
    super::fields::offset_fault(text).into_iter().collect()
}

impl Grammar for Jt808 {
    const FRAME_LEN_MAX: usize = FRAME_LEN_MAX;

    fn scan(&self, bytes: &[u8]) -> Step {
        if bytes[0] != FLAG {
            return Step::drop(NoiseWhy::NoStart);
        }
        // A flag is an end and a start at once: what is bad is dropped byte by
        // byte, so that the flag behind it may open a good frame.
        let Some(inside) = bytes[1..].iter().position(|b| *b == FLAG) else {
            return Step::Need;
        };
        match self.message(&bytes[1..=inside]) {
            Ok(frames) => Step::Frames(inside + 2, frames),
            Err(why) => Step::drop(why),
        }
    }
}

impl Jt808 {
    fn message(&self, escaped: &[u8]) -> Result<Vec<Frame>, NoiseWhy> {
        if escaped.is_empty() {
            return Err(NoiseWhy::Cut);
        }
        let bytes = unescape(escaped).ok_or(NoiseWhy::Syntax)?;
        let (check, message) = bytes.split_last().expect("it is not empty");
        if xor(message) != *check {
            return Err(NoiseWhy::Checksum);
        }
        let head = Head::read(message).ok_or(NoiseWhy::Syntax)?;
        let body = &message[head.len..];
        let ack = Some(head.answer());
        match head.message {
            _ if head.in_parts => Ok(vec![self.heartbeat(&head, ack)?]),
            POSITION => {
                let mut seal = self.position(&self.id(&head)?, body)?;
                seal.ack = ack;
                Ok(vec![Frame::Seal(seal)])
            }
            BATCH => self.batch(&self.id(&head)?, body, ack),
            _ => Ok(vec![self.heartbeat(&head, ack)?]),
        }
    }

    /// The number on the case.
    fn id(&self, head: &Head) -> Result<SealId, NoiseWhy> {
        let (zeros, id) = head.terminal.split_at(head.terminal.len() - self.id_digits);
        let id = SealId::parse(id).map_err(|_| NoiseWhy::Field)?;
        match zeros.bytes().all(|b| b == b'0') {
            true => Ok(id),
            false => Err(NoiseWhy::Field),
        }
    }

    fn heartbeat(&self, head: &Head, ack: Option<Vec<u8>>) -> Result<Frame, NoiseWhy> {
        let known = head.message == HEARTBEAT;
        Ok(Frame::Heartbeat(HeartbeatFrame {
            id: self.id(head)?.as_str().to_owned(),
            at: None,
            message: (!known).then(|| format!("{:04X}", head.message)),
            ack,
        }))
    }

    /// The first of a batch carries the one answer.
    fn batch(
        &self,
        id: &SealId,
        body: &[u8],
        ack: Option<Vec<u8>>,
    ) -> Result<Vec<Frame>, NoiseWhy> {
        let (head, mut rest) = body.split_at_checked(3).ok_or(NoiseWhy::Field)?;
        let count = usize::from(u16::from_be_bytes([head[0], head[1]]));
        let from_memory = head[2] != 0;
        let mut frames = Vec::new();
        while let Some((len, more)) = rest.split_at_checked(2) {
            let len = usize::from(u16::from_be_bytes([len[0], len[1]]));
            let (item, more) = more.split_at_checked(len).ok_or(NoiseWhy::Field)?;
            let mut seal = self.position(id, item)?;
            seal.replay = from_memory;
            seal.ack = ack.clone().filter(|_| frames.is_empty());
            frames.push(Frame::Seal(seal));
            rest = more;
        }
        let whole = rest.is_empty() && frames.len() == count && count <= BATCH_MAX;
        (whole && count > 0)
            .then_some(frames)
            .ok_or(NoiseWhy::Field)
    }
}

/// A message's head.
struct Head {
    message: u16,
    terminal: String,
    raw_terminal: [u8; 6],
    serial: [u8; 2],
    in_parts: bool,
    len: usize,
}

impl Head {
    /// None unless its length is the message's, nothing is encrypted and the
    /// terminal is a number.
    fn read(message: &[u8]) -> Option<Self> {
        let head = message.get(..HEAD_LEN)?;
        let attributes = u16::from_be_bytes([head[2], head[3]]);
        let in_parts = attributes & 0x2000 != 0;
        let len = HEAD_LEN + if in_parts { 4 } else { 0 };
        let fits = message.len() == len + usize::from(attributes & 0x03ff);
        let plain = attributes & 0xdc00 == 0;
        Some(Self {
            message: u16::from_be_bytes([head[0], head[1]]),
            terminal: bcd(&head[4..10]).filter(|_| fits && plain)?,
            raw_terminal: head[4..10].try_into().ok()?,
            serial: [head[10], head[11]],
            in_parts,
            len,
        })
    }

    /// The general answer 8001h "done", of a registration 8100h with the
    /// terminal's number as its code. Our serial is the message's own.
    fn answer(&self) -> Vec<u8> {
        let mut body = self.serial.to_vec();
        let name: u16 = if self.message == REGISTRATION {
            body.push(0);
            body.extend(self.terminal.bytes());
            0x8100
        } else {
            body.extend(self.message.to_be_bytes());
            body.push(0);
            0x8001
        };
        let len = u16::try_from(body.len()).expect("a few bytes");
        let mut message = name.to_be_bytes().to_vec();
        message.extend(len.to_be_bytes());
        message.extend(self.raw_terminal);
        message.extend(self.serial);
        message.extend(body);
        message.push(xor(&message));
        let mut framed = vec![FLAG];
        for byte in message {
            match byte {
                FLAG => framed.extend([ESCAPE, 2]),
                ESCAPE => framed.extend([ESCAPE, 1]),
                byte => framed.push(byte),
            }
        }
        framed.push(FLAG);
        framed
    }
}

/// Everything between the flags, check byte included.
fn unescape(escaped: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(escaped.len());
    let mut rest = escaped.iter();
    while let Some(&byte) = rest.next() {
        out.push(match byte {
            ESCAPE => match rest.next()? {
                1 => ESCAPE,
                2 => FLAG,
                _ => return None,
            },
            byte => byte,
        });
    }
    Some(out)
}
