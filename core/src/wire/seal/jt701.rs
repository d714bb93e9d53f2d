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
//! Text: `(id,P45,ddmmyy,hhmmss,lat,N,lon,E,A|V,km/h,course,event,verify,card,
//! pwd_ok,pwd_bad,serial[,km…])` reports locking and swipes; `(id,@JT)` is a
//! heartbeat; other messages are signs of life. Inside, 3D15h, 3D14h, 3D11h
//! and 3D00h stand for `(`, `)`, `,` and `=`.

use super::super::framer::{Framer, Grammar, Step};
use super::super::settings::Settings;
use super::super::{
    CoordinateMicrodeg, Decoder, Frame, HeartbeatFrame, NoiseWhy, Protocol, ProtocolKind,
    SealEvent, SealFrame,
};
use crate::model::{SealAlarm, SealId, SealState};
use crate::time::Wall;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "jt701",
    kind: ProtocolKind::Seal,
    about: "Jointech JT701 and JT701D locks: binary reports (`$`) and text frames (`(`) on one stream. Source: the maker's manual V1.4.",
    settings: &[],
    ask: None,
    agree: None,
    make,
};

/// `$` to the battery.
const BINARY_LEN_MIN: usize = 40;
const BINARY_LEN_MAX: usize = 160;
const TEXT_LEN_MAX: usize = 512;
const HEAD_LEN: usize = 10;

struct Jt701;

fn make(_: &Settings) -> Box<dyn Decoder + Send> {
    Box::new(Framer::new(Jt701))
}

impl Grammar for Jt701 {
    const FRAME_LEN_MAX: usize = TEXT_LEN_MAX;

    fn scan(&self, bytes: &[u8]) -> Step {
        match bytes[0] {
            b'$' => scan_binary(bytes),
            b'(' => scan_text(bytes),
            _ => Step::drop(NoiseWhy::NoStart),
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
    let known = matches!(head[6], 0x17 | 0x19) && matches!(head[7] & 0x0f, 1..=4);
    let len = usize::from(u16::from_be_bytes([head[8], head[9]])) + HEAD_LEN;
    if known && (BINARY_LEN_MIN..=BINARY_LEN_MAX).contains(&len) {
        Ok(Some(len))
    } else {
        Err(NoiseWhy::Syntax)
    }
}

fn scan_binary(bytes: &[u8]) -> Step {
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
    match binary(frame) {
        Some(seal) => Step::Frame(len, Frame::Seal(seal)),
        None => Step::drop(NoiseWhy::Field),
    }
}

fn binary(frame: &[u8]) -> Option<SealFrame> {
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
        ack: Some(ack(u32::from(serial))),
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

/// Whole degrees and `mmmmmm`, ten-thousandths of a minute.
fn microdeg(degrees: &str, minutes: &str) -> Option<i32> {
    let degrees: i32 = degrees.parse().ok()?;
    let minutes: i32 = minutes.parse().ok()?;
    // A minute is 1/60 degree: ten-thousandths of it times 100/60, rounded.
    let fraction = (minutes * 10 + 3) / 6;
    (minutes < 600_000).then_some(degrees * 1_000_000 + fraction)
}

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

fn scan_text(bytes: &[u8]) -> Step {
    let mut binary = false;
    for (i, &byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            b')' => return text_frame(&bytes[1..i], i + 1),
            b'(' => return Step::drop(NoiseWhy::Cut),
            0x20..=0x7e => {}
            // Escapes, and the one message that carries raw bytes.
            0 | 0x11 | 0x14 | 0x15 if bytes[i - 1] == b'=' => {}
            _ => {
                binary = binary || bytes[1..i].windows(6).any(|w| w == b"WLNET,");
                if !binary {
                    return Step::drop(NoiseWhy::Syntax);
                }
            }
        }
    }
    Step::Need
}

fn text_frame(inside: &[u8], len: usize) -> Step {
    let fields: Vec<Vec<u8>> = inside.split(|b| *b == b',').map(unescape).collect();
    let id = fields.first().filter(|id| id.len() == 10 && is_digits(id));
    let (Some(id), Some(word)) = (id, fields.get(1)) else {
        return Step::drop(NoiseWhy::Syntax);
    };
    let id = String::from_utf8_lossy(id).into_owned();
    let frame = match word.as_slice() {
        b"P45" => match lock_report(&id, &fields) {
            Some(seal) => Frame::Seal(seal),
            None => return Step::drop(NoiseWhy::Field),
        },
        b"@JT" => heartbeat(id, None),
        b"WLNET" => heartbeat(id, Some("WLNET".to_owned())),
        [b'P', rest @ ..] if rest.len() == 2 && is_digits(rest) => {
            heartbeat(id, Some(String::from_utf8_lossy(word).into_owned()))
        }
        _ => return Step::drop(NoiseWhy::Syntax),
    };
    Step::Frame(len, frame)
}

const fn heartbeat(id: String, message: Option<String>) -> Frame {
    Frame::Heartbeat(HeartbeatFrame {
        id,
        at: None,
        message,
    })
}

/// `=` itself is replaced last: written 3D00, it must not form a new escape.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, more @ ..] = rest {
        let (byte, used) = match (first, more.first()) {
            (b'=', Some(0x15)) => (b'(', 2),
            (b'=', Some(0x14)) => (b')', 2),
            (b'=', Some(0x11)) => (b',', 2),
            (b'=', Some(0x00)) => (b'=', 2),
            (byte, _) => (*byte, 1),
        };
        out.push(byte);
        rest = &rest[used..];
    }
    out
}

/// A P45 report. It tells what happened, not how the seal is now: a lock
/// report has the state `Unknown`, an unlocking has `Open`.
fn lock_report(id: &str, fields: &[Vec<u8>]) -> Option<SealFrame> {
    let field = |n: usize| std::str::from_utf8(fields.get(n)?).ok();
    let number = |n: usize| {
        field(n)
            .filter(|t| is_digits(t.as_bytes()))?
            .parse::<u32>()
            .ok()
    };
    let (day, time) = (field(2)?, field(3)?);
    if !is_digits(day.as_bytes()) || !is_digits(time.as_bytes()) || day.len() + time.len() != 12 {
        return None;
    }
    let position = match field(8)? {
        "A" => Some(CoordinateMicrodeg {
            lat: signed(field(4)?, field(5)?, "N", "S", 90)?,
            lon: signed(field(6)?, field(7)?, "E", "W", 180)?,
        }),
        "V" => None,
        _ => return None,
    };
    let (event, verify, serial) = (number(11)?, number(12)?, number(16)?);
    let (event, state, alarms) = swipe(event, verify)?;
    Some(SealFrame {
        id: SealId::parse(id).ok()?,
        state,
        event: Some(event),
        alarms,
        battery_pct: None,
        charging: false,
        at: date(&format!("{day}{time}")),
        replay: false,
        position,
        ack: Some(ack(serial)),
    })
}

/// Manual, events of P45: 1 authorised card, 2 illegal card, 3 vehicle card,
/// 4 and 6 password, 5 locked, 7 Bluetooth; verify 0 and 99 are refusals.
fn swipe(event: u32, verify: u32) -> Option<(SealEvent, SealState, Vec<SealAlarm>)> {
    match (event, verify) {
        (5, _) => Some((SealEvent::Locked, SealState::Unknown, Vec::new())),
        (2, _) => {
            let alarms = vec![SealAlarm::IllegalCard];
            Some((SealEvent::Refused, SealState::Unknown, alarms))
        }
        (1 | 3 | 4 | 6 | 7, 1..=98) => Some((SealEvent::Unlocked, SealState::Open, Vec::new())),
        (1 | 3 | 4 | 6 | 7, _) => Some((SealEvent::Refused, SealState::Unknown, Vec::new())),
        _ => None,
    }
}

/// Decimal degrees with a letter for the side, as millionths.
fn signed(text: &str, side: &str, plus: &str, minus: &str, max: i32) -> Option<i32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !is_digits(whole.as_bytes()) || fraction.len() > 6 {
        return None;
    }
    if !fraction.is_empty() && !is_digits(fraction.as_bytes()) {
        return None;
    }
    let whole: i32 = whole.parse().ok().filter(|whole| *whole <= max)?;
    let fraction: i32 = format!("{fraction:0<6}").parse().ok()?;
    let microdeg = whole * 1_000_000 + fraction;
    match side {
        side if side == plus => Some(microdeg),
        side if side == minus => Some(-microdeg),
        _ => None,
    }
}

fn ack(serial: u32) -> Vec<u8> {
    format!("(P69,0,{serial})").into_bytes()
}

/// `ddmmyyhhmmss` in UTC; an impossible date is an unknown date.
fn date(digits: &str) -> Option<Wall> {
    let part = |n: usize| &digits[2 * n..2 * n + 2];
    let (day, month, year) = (part(0), part(1), part(2));
    let (hour, minute, second) = (part(3), part(4), part(5));
    Wall::parse(&format!("20{year}-{month}-{day}T{hour}:{minute}:{second}Z")).ok()
}

fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// BCD as a text of digits.
fn bcd(bytes: &[u8]) -> Option<String> {
    let nibbles = bytes.iter().flat_map(|b| [b >> 4, b & 0x0f]);
    nibbles
        .map(|n| (n <= 9).then(|| char::from(b'0' + n)))
        .collect()
}
