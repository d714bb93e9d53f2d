//! One position of a lock that speaks JT/T 808, and its lock event.

use super::super::super::{CoordinateMicrodeg, NoiseWhy, SealEvent, SealFrame};
use super::super::fields::{bcd, local};
use super::Jt808;
use crate::model::{SealAlarm, SealId, SealState};

const FIXED_LEN: usize = 28;

// Alarms.
const LOW_BATTERY: u32 = 1 << 7;
const COVER_OPENED: u32 = 1 << 16;
const FENCE_ENTER: u32 = 1 << 17;
const FENCE_EXIT: u32 = 1 << 18;
// Status.
const FIX: u32 = 1 << 1 | 1 << 18;
const SOUTH: u32 = 1 << 2;
const WEST: u32 = 1 << 3;
const COVER: u32 = 1 << 7;
const ROPE: u32 = 1 << 20;
const MOTOR: u32 = 1 << 21;

impl Jt808 {
    pub(super) fn position(&self, id: &SealId, body: &[u8]) -> Result<SealFrame, NoiseWhy> {
        let (fixed, extras) = body.split_at_checked(FIXED_LEN).ok_or(NoiseWhy::Field)?;
        let long = |at: usize| u32::from_be_bytes(fixed[at..at + 4].try_into().expect("four"));
        let (alarm, status) = (long(0), long(4));
        let extras = Extras::read(extras).ok_or(NoiseWhy::Field)?;
        let at = bcd(&fixed[22..28]).and_then(|digits| local(&digits, self.offset_s));
        Ok(SealFrame {
            id: id.clone(),
            state: self.state(alarm, status),
            event: extras.event,
            alarms: alarms(alarm, extras.illegal_card),
            battery_pct: extras.battery_pct,
            charging: false,
            at,
            replay: false,
            position: place(status, long(8), long(12))?,
            ack: None,
        })
    }

    /// Open as soon as one of the three says so; sealed only if all of them
    /// are known to say the opposite.
    fn state(&self, alarm: u32, status: u32) -> SealState {
        let closed = |bit: u32| (status & bit != 0) == self.rope_motor_closed;
        let cover = self
            .cover_closed
            .map(|level| (status & COVER != 0) == level);
        if !closed(ROPE) || !closed(MOTOR) || alarm & COVER_OPENED != 0 {
            return SealState::Open;
        }
        match cover {
            Some(true) => SealState::Sealed,
            Some(false) => SealState::Open,
            None => SealState::Unknown,
        }
    }
}

fn alarms(alarm: u32, illegal_card: bool) -> Vec<SealAlarm> {
    let bits = [
        (alarm & COVER_OPENED != 0, SealAlarm::CoverOpened),
        (illegal_card, SealAlarm::IllegalCard),
        (alarm & LOW_BATTERY != 0, SealAlarm::LowBattery),
        (alarm & FENCE_ENTER != 0, SealAlarm::FenceEnter),
        (alarm & FENCE_EXIT != 0, SealAlarm::FenceExit),
    ];
    let set = bits.into_iter().filter(|(set, _)| *set);
    set.map(|(_, alarm)| alarm).collect()
}

/// `Some` only with a fix.
fn place(status: u32, lat: u32, lon: u32) -> Result<Option<CoordinateMicrodeg>, NoiseWhy> {
    let side = |microdeg: u32, max: u32, minus: u32| {
        let size = i32::try_from(microdeg).ok().filter(|_| microdeg <= max)?;
        Some(if status & minus != 0 { -size } else { size })
    };
    let lat = side(lat, 90_000_000, SOUTH).ok_or(NoiseWhy::Field)?;
    let lon = side(lon, 180_000_000, WEST).ok_or(NoiseWhy::Field)?;
    Ok((status & FIX != 0).then_some(CoordinateMicrodeg { lat, lon }))
}

/// What of the extras is a seal's business.
#[derive(Default)]
struct Extras {
    event: Option<SealEvent>,
    illegal_card: bool,
    battery_pct: Option<u8>,
}

impl Extras {
    /// None if an extra reaches beyond the message, or says what cannot be.
    fn read(mut rest: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        while let [id, len, more @ ..] = rest {
            let (value, more) = more.split_at_checked(usize::from(*len))?;
            match id {
                0x0b => found.lock_event(value),
                0xd4 => {
                    let battery = value.first().copied().filter(|pct| *pct <= 100);
                    found.battery_pct = Some(battery?);
                }
                _ => {}
            }
            rest = more;
        }
        rest.is_empty().then_some(found)
    }

    /// The first byte is the kind, then a card of four bytes or a password of
    /// six, then FFh = refused. Kinds nobody describes tell nothing.
    fn lock_event(&mut self, value: &[u8]) {
        let verdict = |at: usize| match value.get(at) {
            Some(0xff) => SealEvent::Refused,
            Some(_) | None => SealEvent::Unlocked,
        };
        self.event = match value.first() {
            Some(0x22) if value.len() >= 5 => Some(verdict(5)),
            Some(0x01 | 0x02 | 0x03 | 0x05 | 0x1e | 0x1f) if value.len() >= 8 => Some(verdict(7)),
            Some(0x06 | 0x07 | 0x08 | 0x10 | 0x11 | 0x18 | 0x19 | 0x20 | 0x28 | 0x29) => {
                Some(SealEvent::Refused)
            }
            Some(_) | None => self.event,
        };
        // A card that was refused is one without the right.
        let card = value.first() == Some(&0x22);
        self.illegal_card |= card && self.event == Some(SealEvent::Refused);
    }
}
