//! Text frames of a JT701: `(id,P45,ddmmyy,hhmmss,lat,N,lon,E,A|V,km/h,course,
//! event,verify,card,pwd_ok,pwd_bad,serial[,km…])` reports locking and swipes;
//! `(id,@JT)` is a heartbeat; `(id,version,serial,WLNET,5,kind,…)` carries a
//! bound lock's report; other messages are signs of life.
//!
//! Inside, 3D15h, 3D14h, 3D11h and 3D00h stand for `(`, `)`, `,` and `=`: each
//! is 3Dh and the byte XOR 3Dh. What was escaped never splits a field.

use super::super::super::framer::Step;
use super::super::super::{
    CoordinateMicrodeg, Frame, HeartbeatFrame, NoiseWhy, SealEvent, SealFrame,
};
use super::super::fields::{date, is_digits};
use super::{Jt701, ack, bound};
use crate::model::{SealAlarm, SealId, SealState};

pub(super) fn scan(set: Jt701, bytes: &[u8]) -> Step {
    let mut binary = false;
    for (i, &byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            b')' => return frame(set, &bytes[1..i], i + 1),
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

fn frame(set: Jt701, inside: &[u8], len: usize) -> Step {
    let raw: Vec<&[u8]> = inside.split(|b| *b == b',').collect();
    let fields: Vec<Vec<u8>> = raw.iter().map(|field| unescape(field)).collect();
    let Some(id) = digits(&fields, 0).filter(|id| id.len() == 10) else {
        return Step::drop(NoiseWhy::Syntax);
    };
    let id = id.to_owned();
    let frame = match fields.get(1).map(Vec::as_slice) {
        Some(b"P45") => match lock_report(&id, &fields) {
            Some(seal) => Frame::Seal(seal),
            None => return Step::drop(NoiseWhy::Field),
        },
        Some(b"@JT") => heartbeat(id, None),
        Some(b"WLNET") => heartbeat(id, Some("WLNET".to_owned())),
        Some(word @ [b'P', rest @ ..]) if rest.len() == 2 && is_digits(rest) => {
            heartbeat(id, Some(String::from_utf8_lossy(word).into_owned()))
        }
        Some(_) => match numbered(set, id, &raw, &fields) {
            Ok(frame) => frame,
            Err(why) => return Step::drop(why),
        },
        None => return Step::drop(NoiseWhy::Syntax),
    };
    Step::Frame(len, frame)
}

/// `(id,version,serial,WORD,…)`, the form of the integration manual. Of
/// `WLNET,5,kind` the rest is a bound lock's report, whatever bytes it has.
fn numbered(set: Jt701, id: String, raw: &[&[u8]], fields: &[Vec<u8>]) -> Result<Frame, NoiseWhy> {
    let serial = digits(fields, 2).filter(|serial| serial.len() <= 5);
    let serial: Option<u32> = serial.and_then(|serial| serial.parse().ok());
    let word = fields
        .get(3)
        .and_then(|word| std::str::from_utf8(word).ok());
    let word = word.filter(|w| w.len() <= 12 && w.bytes().all(|b| b.is_ascii_uppercase()));
    let (Some(_), Some(serial), Some(word)) = (digits(fields, 1), serial, word) else {
        return Err(NoiseWhy::Syntax);
    };
    let bound = word == "WLNET" && fields.get(4).is_some_and(|n| n == b"5");
    match (bound, raw.get(6..)) {
        (true, Some(rest)) => {
            let body = unescape(&rest.join(&b','));
            let frame = bound::report(&body, serial, set.bound_serial)?;
            Ok(frame.unwrap_or_else(|| answered(id, "WLNET", serial)))
        }
        (true, None) => Err(NoiseWhy::Field),
        (false, _) => Ok(heartbeat(id, Some(word.to_owned()))),
    }
}

/// What is no lock, but wants its answer like one.
fn answered(id: String, word: &str, serial: u32) -> Frame {
    Frame::Heartbeat(HeartbeatFrame {
        id,
        at: None,
        message: Some(word.to_owned()),
        ack: Some(ack(serial)),
    })
}

fn digits(fields: &[Vec<u8>], n: usize) -> Option<&str> {
    let field = fields.get(n).filter(|field| is_digits(field))?;
    std::str::from_utf8(field).ok()
}

const fn heartbeat(id: String, message: Option<String>) -> Frame {
    Frame::Heartbeat(HeartbeatFrame {
        id,
        at: None,
        message,
        ack: None,
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
