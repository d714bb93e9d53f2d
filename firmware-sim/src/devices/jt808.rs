//! A JT709 lock that speaks for itself: JT/T 808 frames (JT/T 808-2013 for the
//! head and the escapes, the maker's library for the lock's bits).

use crate::wall;

/// What a lock says in one position.
pub(crate) struct Position {
    pub(crate) rope_open: bool,
    pub(crate) motor_open: bool,
    pub(crate) cover_on: bool,
    pub(crate) alarm: u32,
    pub(crate) battery_pct: u8,
    pub(crate) unix_ms: i64,
}

impl Position {
    fn body(&self) -> Vec<u8> {
        // Located; the lock's three bits.
        let status = 1_u32 << 1
            | u32::from(self.cover_on) << 7
            | u32::from(self.rope_open) << 20
            | u32::from(self.motor_open) << 21;
        let mut body = self.alarm.to_be_bytes().to_vec();
        body.extend(status.to_be_bytes());
        body.extend(22_641_900_u32.to_be_bytes());
        body.extend(114_065_066_u32.to_be_bytes());
        // Height, speed, course.
        body.extend([0; 6]);
        let t = wall::local(self.unix_ms);
        let year = u8::try_from(t.year() % 100).expect("two digits");
        let parts = [t.month(), t.day(), t.hour(), t.minute(), t.second()];
        let parts = parts.map(|part| u8::try_from(part).expect("never negative"));
        let bcd = |n: u8| n / 10 * 16 + n % 10;
        body.push(bcd(year));
        body.extend(parts.map(bcd));
        // Battery, volts, signal, satellites.
        body.extend([0xd4, 1, self.battery_pct, 0xd5, 2, 0x01, 0x72]);
        body.extend([0x30, 1, 24, 0x31, 1, 9]);
        body
    }
}

/// A live position (0200h).
pub(crate) fn position(terminal: &str, serial: u16, position: &Position) -> Vec<u8> {
    frame(0x0200, terminal, serial, &position.body())
}

/// Positions from memory (0704h, kind 1).
pub(crate) fn stored(terminal: &str, serial: u16, positions: &[Position]) -> Vec<u8> {
    let count = u16::try_from(positions.len()).expect("a batch is short");
    let mut body = count.to_be_bytes().to_vec();
    body.push(1);
    for position in positions {
        let item = position.body();
        let len = u16::try_from(item.len()).expect("a position is short");
        body.extend(len.to_be_bytes());
        body.extend(item);
    }
    frame(0x0704, terminal, serial, &body)
}

/// A heartbeat (0002h).
pub(crate) fn heartbeat(terminal: &str, serial: u16) -> Vec<u8> {
    frame(0x0002, terminal, serial, &[])
}

fn frame(message: u16, terminal: &str, serial: u16, body: &[u8]) -> Vec<u8> {
    let mut plain = message.to_be_bytes().to_vec();
    plain.extend(u16::try_from(body.len()).expect("short").to_be_bytes());
    let digits = terminal.as_bytes().chunks(2);
    plain.extend(digits.map(|d| (d[0] - b'0') * 16 + (d[1] - b'0')));
    plain.extend(serial.to_be_bytes());
    plain.extend(body);
    let check = plain.iter().fold(0, |sum, byte| sum ^ byte);
    plain.push(check);
    let mut out = vec![0x7e];
    for byte in plain {
        match byte {
            0x7e => out.extend([0x7d, 0x02]),
            0x7d => out.extend([0x7d, 0x01]),
            other => out.push(other),
        }
    }
    out.push(0x7e);
    out
}

/// The serial and message that a general answer (8001h) confirms.
pub(crate) fn confirmed(answer: &[u8]) -> Option<(u16, u16)> {
    let inside = answer.strip_prefix(&[0x7e])?.strip_suffix(&[0x7e])?;
    let mut plain = Vec::new();
    let mut bytes = inside.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            0x7d if *bytes.next()? == 0x01 => 0x7d,
            0x7d => 0x7e,
            other => other,
        });
    }
    let whole = plain.len() == 18 && plain.iter().fold(0, |sum, byte| sum ^ byte) == 0;
    let word = |at: usize| u16::from_be_bytes([plain[at], plain[at + 1]]);
    let done = whole && word(0) == 0x8001 && plain[16] == 0;
    done.then(|| (word(12), word(14)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two bytes that cannot stand in a frame are escaped, check byte and
    /// all: 7Eh as 7D02h, 7Dh as 7D01h.
    #[test]
    fn a_frame_has_its_flags_at_its_ends_alone() {
        // Serials 97 and 98 give check bytes 7Dh and 7Eh.
        let ends = |serial| heartbeat("013900001234", serial);
        assert_eq!(ends(97)[13..], [0x7d, 0x01, 0x7e]);
        assert_eq!(ends(98)[13..], [0x7d, 0x02, 0x7e]);
    }

    #[test]
    fn an_answer_is_read_and_a_damaged_one_is_none() {
        let mut body = vec![0x80, 0x01, 0x00, 0x05, 0x01, 0x39, 0, 0, 0x12, 0x34, 0, 1];
        body.extend([0x00, 0x7e, 0x02, 0x00, 0x00]);
        let check = body.iter().fold(0, |sum, byte| sum ^ byte);
        body.push(check);
        let mut answer = vec![0x7e];
        for byte in body {
            match byte {
                0x7e => answer.extend([0x7d, 0x02]),
                0x7d => answer.extend([0x7d, 0x01]),
                other => answer.push(other),
            }
        }
        answer.push(0x7e);
        assert_eq!(confirmed(&answer), Some((0x7e, 0x0200)));
        answer[5] ^= 1;
        assert_eq!(confirmed(&answer), None);
    }
}
