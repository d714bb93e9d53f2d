//! Jointech JT701 / JT701D lock: binary `$` frames and text `(`…`)` frames on
//! one stream. Source: vendor manual V1.4. No frame has a checksum, so every
//! field that can be checked is.
//!
//! Binary:
//!
//! | off | len | field |
//! |---|---|---|
//! | 0 | 1 | `$` |
//! | 1 | 5 | terminal ID, 10 BCD digits |
//! | 6 | 1 | version: 17h JT701, 19h JT701D |
//! | 7 | 1 | high nibble device type, low: 1 live, 2 alarm, 3 stored, 4 second newest |
//! | 8 | 2 | length from date to serial; whole frame = length + 10 |
//! | 10 | 6 | ddmmyy hhmmss, BCD, UTC |
//! | 16 | 4 | latitude ddmm.mmmm |
//! | 20 | 5 | longitude dddmm.mmmm in 9 nibbles, then bit 2 east, bit 1 north, bit 0 fix |
//! | 36 | 2 | status, high byte first |
//! | 38 | 1 | battery %, FFh = charging |
//! | last | 1 | serial, acknowledged with `(P69,0,serial)` |
//!
//! Text frames are in `text.rs`, what a lock passes on for the locks bound to
//! it in `bound.rs`. A report is answered where its status asks for it (bit 5);
//! unanswered it is sent again and again.

mod bound;
mod text;

use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::{self, Setting, Settings, Values};
use super::super::{
    CoordinateMicrodeg, Decoder, Frame, NoiseWhy, Protocol, ProtocolKind, SealFrame,
};
use super::fields::{bcd, date, microdeg};
use crate::model::{SealAlarm, SealId, SealState};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "jt701",
    kind: ProtocolKind::Seal,
    about: "Jointech JT701 and JT701D locks: binary reports (`$`) and text frames (`(`) on one stream, over TCP or a serial line, with the reports of JT709 locks bound to one (`WLNET,5`). \
Sealed is rope inserted, motor locked and cover closed, with none of their alarms. Reports from memory are marked; a swipe (`P45`) is an event and never the present state. \
No frame has a checksum, so every field that can be checked is. A bound lock whose firmware is older than 20230703 says nothing of its cover: its state is unknown. \
A lock dials a server: `source = { listen = …, from = [ … ] }` is that server for one of them, a reader or a lock of the lane. \
Locks come with the static password 888888: change it. Source: the maker's manual V1.4 and its integration manual of bound locks V1.7.1; captures of public trackers.",
    settings: &SETTINGS,
    ask: None,
    agree: None,
    make,
};

static SETTINGS: [Setting; 2] = [
    Setting {
        name: "ack_17h",
        default: "p69",
        values: Values::Words(&["p69", "p35"]),
        meaning: "what a report of version 17h (JT701) is answered: (P69,0,serial) by the manual, or (P35), as older firmware is said to want",
    },
    Setting {
        name: "ack_bound",
        default: "frame",
        values: Values::Words(&["frame", "lock"]),
        meaning: "which serial number a bound lock's report is acknowledged by: the frame's, or the bound lock's own",
    },
];

/// `$` to the battery.
const BINARY_LEN_MIN: usize = 40;
const BINARY_LEN_MAX: usize = 160;
const TEXT_LEN_MAX: usize = 512;
const HEAD_LEN: usize = 10;
const JT701: u8 = 0x17;
const JT701D: u8 = 0x19;

/// What the settings say.
#[derive(Clone, Copy)]
struct Jt701 {
    /// Version 17h is answered `(P35)`.
    p35: bool,
    /// A bound lock's own serial is acknowledged.
    bound_serial: bool,
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let set = |name| settings::text(&SETTINGS, settings, name);
    Box::new(Framer::new(Jt701 {
        p35: set("ack_17h") == "p35",
        bound_serial: set("ack_bound") == "lock",
    }))
}

impl Grammar for Jt701 {
    const FRAME_LEN_MAX: usize = TEXT_LEN_MAX;

    fn scan(&self, bytes: &[u8]) -> Step {
        match bytes[0] {
            b'$' => self.scan_binary(bytes),
            b'(' => text::scan(*self, bytes),
            _ => Step::drop(NoiseWhy::NoStart),
        }
    }
}

impl Jt701 {
    fn scan_binary(self, bytes: &[u8]) -> Step {
        let len = match binary_len(bytes) {
            Ok(Some(len)) => len,
            Ok(None) => return Step::Need,
            Err(why) => return Step::drop(why),
        };
        let Some(frame) = bytes.get(..len) else {
            return Step::Need;
        };
        // A frame that lost its tail would swallow the head of the next one.
        let next = |from: &[u8]| from[0] == b'$' && matches!(binary_len(from), Ok(Some(_)));
        if frame[1..].windows(HEAD_LEN).any(next) {
            return Step::drop(NoiseWhy::Cut);
        }
        match binary(frame, self.p35) {
            Some(seal) => Step::Frame(len, Frame::Seal(seal)),
            None => Step::drop(NoiseWhy::Field),
        }
    }
}

/// Whole length of the binary frame that starts here, once its head is in
/// hand; `Err` if no frame starts here.
fn binary_len(bytes: &[u8]) -> Result<Option<usize>, NoiseWhy> {
    let id = &bytes[1..bytes.len().min(6)];
    if bcd(id).is_none() {
        return Err(NoiseWhy::Syntax);
    }
    let Some(head) = bytes.get(..HEAD_LEN) else {
        return Ok(None);
    };
    let known = matches!(head[6], JT701 | JT701D) && matches!(head[7] & 0x0f, 1..=4);
    let len = usize::from(u16::from_be_bytes([head[8], head[9]])) + HEAD_LEN;
    if known && (BINARY_LEN_MIN..=BINARY_LEN_MAX).contains(&len) {
        Ok(Some(len))
    } else {
        Err(NoiseWhy::Syntax)
    }
}

fn binary(frame: &[u8], p35: bool) -> Option<SealFrame> {
    let id = bcd(&frame[1..6])?;
    let (lat, lon) = (bcd(&frame[16..20])?, bcd(&frame[20..24])?);
    let last = frame[24] >> 4;
    let position = position(frame, &lat, &lon, last)?;
    let battery = frame[38];
    if last > 9 || frame[26] > 180 || (battery > 100 && battery != 0xff) {
        return None;
    }
    let status = u16::from_be_bytes([frame[36], frame[37]]);
    let serial = frame[frame.len() - 1];
    Some(SealFrame {
        id: SealId::parse(&id).expect("ten digits are a seal number"),
        state: state(status),
        event: None,
        alarms: alarms(status),
        battery_pct: (battery <= 100).then_some(battery),
        charging: battery == 0xff,
        at: bcd(&frame[10..16]).and_then(|digits| date(&digits)),
        replay: matches!(frame[7] & 0x0f, 3 | 4),
        position,
        ack: (status & ACK_ASKED != 0).then(|| match frame[6] {
            JT701 if p35 => b"(P35)".to_vec(),
            _ => ack(u32::from(serial)),
        }),
    })
}

/// `None`: no coordinate at all; `Some(None)`: well formed, but no fix.
fn position(frame: &[u8], lat: &str, lon: &str, last: u8) -> Option<Option<CoordinateMicrodeg>> {
    let flags = frame[24] & 0x0f;
    let lat = microdeg(&lat[..2], &lat[2..])?;
    let lon = microdeg(&lon[..3], &format!("{}{last}", &lon[3..]))?;
    if lat > 90_000_000 || lon > 180_000_000 {
        return None;
    }
    let fix = flags & 1 != 0;
    Some(fix.then_some(CoordinateMicrodeg {
        lat: if flags & 2 != 0 { lat } else { -lat },
        lon: if flags & 4 != 0 { lon } else { -lon },
    }))
}

const ACK_ASKED: u16 = 1 << 5;
const ROPE_CUT: u16 = 1 << 3;
const ROPE_INSERTED: u16 = 1 << 6;
const LOCKED: u16 = 1 << 7;
const COVER_OPENED: u16 = 1 << 12;
const COVER_CLOSED: u16 = 1 << 13;
const MOTOR_STUCK: u16 = 1 << 14;

/// Sealed only if rope, motor and cover say so and none of them alarms.
const fn state(status: u16) -> SealState {
    let closed = ROPE_INSERTED | LOCKED | COVER_CLOSED;
    if status & ROPE_CUT != 0 {
        SealState::Cut
    } else if status & closed == closed && status & (COVER_OPENED | MOTOR_STUCK) == 0 {
        SealState::Sealed
    } else {
        SealState::Open
    }
}

fn alarms(status: u16) -> Vec<SealAlarm> {
    let bits = [
        (ROPE_CUT, SealAlarm::RopeCut),
        (COVER_OPENED, SealAlarm::CoverOpened),
        (MOTOR_STUCK, SealAlarm::MotorStuck),
        (1 << 8, SealAlarm::LongUnlocked),
        (1 << 9, SealAlarm::WrongPassword),
        (1 << 10, SealAlarm::IllegalCard),
        (1 << 11, SealAlarm::LowBattery),
        (1 << 4, SealAlarm::Vibration),
        (1 << 1, SealAlarm::FenceEnter),
        (1 << 2, SealAlarm::FenceExit),
    ];
    let set = bits.iter().filter(|(bit, _)| status & bit != 0);
    set.map(|(_, alarm)| *alarm).collect()
}

fn ack(serial: u32) -> Vec<u8> {
    format!("(P69,0,{serial})").into_bytes()
}
