//! A JT709 lock bound to a JT701, which passes its reports on (`WLNET,5`).
//! Source: integration manual V1.7.1, the maker's JT701 library (names of the
//! events), a capture of a master with one lock.
//!
//! | off | len | field |
//! |---|---|---|
//! | 0 | 6 | the master's ddmmyy hhmmss, BCD |
//! | 6 | 11 | the master's position, speed, course |
//! | 17 | 6 | the bound lock's ddmmyy hhmmss, BCD, UTC |
//! | 23 | 5 | its number, shown as hex |
//! | 28 | 1 | its own serial |
//! | 29 | 2 | volts in hundredths |
//! | 31, 32 | 1, 1 | battery %, signal |
//! | 33 | 1 | kind: 4 JT709; others are no locks or not described |
//! | 34 | 2 | event: bit 0 locked; 1, 3, 9 unlocked by Bluetooth, LoRa, card; 2 cover opened; 4 rope cut; 5, 6, 7 woken, by time, charging; 8 rope drawn; 14 not heard; 15 sent again from memory |
//! | 36 | 2 | bit 0 rope out, bit 1 motor unlocked, bit 2 cover open |
//! | 38 | 2 | times locked |
//! | 40 | 1 | the master: bit 0 from memory, bit 1 lock not heard, bit 2 its battery low |
//! | 41 | 4 | card; only firmware from 20230703 on, which alone knows of the cover |

use super::super::super::{Frame, NoiseWhy, SealEvent, SealFrame};
use super::super::fields::{bcd, date};
use super::ack;
use crate::model::{SealAlarm, SealId, SealState};

const KIND_AT: usize = 33;
const LOCK_LEN_MIN: usize = 41;
const TELLS_OF_COVER_LEN: usize = 45;
const JT709: u8 = 4;

// Event.
const LOCKED: u16 = 1;
const UNLOCKED: u16 = 1 << 1 | 1 << 3 | 1 << 9;
const COVER_OPENED: u16 = 1 << 2;
const ROPE_CUT: u16 = 1 << 4;
const ROPE_DRAWN: u16 = 1 << 8;
const LOST: u16 = 1 << 14;
const AGAIN: u16 = 1 << 15;
/// Status: rope out, motor unlocked, cover open.
const OPEN: u16 = 7;
// The master.
const FROM_MEMORY: u8 = 1;
const NOT_HEARD: u8 = 2;
const BATTERY_LOW: u8 = 4;

/// The lock's report; none if `body` is another kind of sensor's.
pub(super) fn report(
    body: &[u8],
    frame_serial: u32,
    own_serial: bool,
) -> Result<Option<Frame>, NoiseWhy> {
    match body.get(KIND_AT) {
        Some(&JT709) => {}
        Some(_) => return Ok(None),
        None => return Err(NoiseWhy::Field),
    }
    if body.len() < LOCK_LEN_MIN || body[31] > 100 {
        return Err(NoiseWhy::Field);
    }
    let event = u16::from_be_bytes([body[34], body[35]]);
    let status = u16::from_be_bytes([body[36], body[37]]);
    let master = body[40];
    let serial = if own_serial {
        u32::from(body[28])
    } else {
        frame_serial
    };
    let id = body[23..28]
        .iter()
        .fold(String::new(), |id, byte| id + &format!("{byte:02X}"));
    Ok(Some(Frame::Seal(SealFrame {
        id: SealId::parse(&id).expect("ten hex digits are a seal number"),
        state: state(event, status, master, body.len() >= TELLS_OF_COVER_LEN),
        event: if event & LOCKED != 0 {
            Some(SealEvent::Locked)
        } else {
            (event & UNLOCKED != 0).then_some(SealEvent::Unlocked)
        },
        alarms: alarms(event, master),
        battery_pct: Some(body[31]),
        charging: false,
        at: bcd(&body[17..23]).and_then(|digits| date(&digits)),
        replay: event & AGAIN != 0 || master & FROM_MEMORY != 0,
        position: None,
        ack: Some(ack(serial)),
    })))
}

/// A lock its master no longer hears, or that does not tell of its cover, is
/// in no known state unless it is open as it is.
const fn state(event: u16, status: u16, master: u8, tells_of_cover: bool) -> SealState {
    let open = status & OPEN != 0 || event & (UNLOCKED | COVER_OPENED | ROPE_DRAWN) != 0;
    let heard = event & LOST == 0 && master & NOT_HEARD == 0;
    if event & ROPE_CUT != 0 {
        SealState::Cut
    } else if open {
        SealState::Open
    } else if heard && tells_of_cover {
        SealState::Sealed
    } else {
        SealState::Unknown
    }
}

fn alarms(event: u16, master: u8) -> Vec<SealAlarm> {
    let bits = [
        (event & ROPE_CUT != 0, SealAlarm::RopeCut),
        (event & COVER_OPENED != 0, SealAlarm::CoverOpened),
        (master & BATTERY_LOW != 0, SealAlarm::LowBattery),
    ];
    let set = bits.into_iter().filter(|(set, _)| *set);
    set.map(|(_, alarm)| alarm).collect()
}
