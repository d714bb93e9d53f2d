//! Jointech JT701 e-seals as a reader port passes them on: `$` binary position
//! frames and `(` text (vendor manual V1.4), acknowledged by `(P69,0,serial)`.

use crate::wall;

/// Binary coded decimal of an even number of digits.
fn bcd(digits: &str) -> impl Iterator<Item = u8> + '_ {
    digits
        .as_bytes()
        .chunks(2)
        .map(|d| (d[0] - b'0') << 4 | (d[1] - b'0'))
}

/// A live (or, with an alarm, alarm) position frame of one lock; without a fix
/// its date is all zeros.
pub(crate) fn position(
    id: &str,
    unix_ms: Option<i64>,
    status: u16,
    battery_pct: u8,
    serial: u8,
) -> Vec<u8> {
    let alarm = status & 0x1008 != 0;
    let mut f = Vec::with_capacity(62);
    f.push(0x24);
    f.extend(bcd(id));
    f.push(0x19);
    // High nibble device type, low nibble: 1 live, 2 alarm.
    f.push(if alarm { 0x12 } else { 0x11 });
    f.extend([0x00, 0x34]);
    let date = unix_ms.map(wall::utc).map(|t| {
        format!(
            "{:02}{:02}{:02}{:02}{:02}{:02}",
            t.day(),
            t.month(),
            t.year() % 100,
            t.hour(),
            t.minute(),
            t.second()
        )
    });
    f.extend(bcd(date.as_deref().unwrap_or("000000000000")));
    // 22.30 N 113.57 E with a fix; speed 0, course 0.
    f.extend([
        0x22, 0x30, 0x00, 0x00, 0x11, 0x35, 0x70, 0x00, 0x0F, 0x00, 0x00,
    ]);
    // Kilometres, satellites, vehicle id.
    f.extend([0x00, 0x00, 0x00, 0x2D, 0x06, 0x00, 0x00, 0x00, 0x00]);
    f.extend(status.to_be_bytes());
    f.push(battery_pct);
    // Cell, area, signal, fence; wake source, network, filler where an IMEI may stand, country.
    f.extend([0x10, 0x92, 0x28, 0x66, 0x1F, 0x00, 0x01, 0x00, 0x00]);
    f.extend([0x0F; 8]);
    f.extend([0x00, 0x00, 0x01, 0xCC, 0x01]);
    f.push(serial);
    f
}

/// A P45 report of a lock that was locked by card at `unix_ms`.
pub(crate) fn locked(id: &str, unix_ms: i64, serial: u8) -> Vec<u8> {
    let t = wall::utc(unix_ms);
    format!(
        "({id},P45,{:02}{:02}{:02},{:02}{:02}{:02},22.50000,N,113.95000,E,A,0,0,5,1,0008627839,0,0,{serial},5)",
        t.day(),
        t.month(),
        t.year() % 100,
        t.hour(),
        t.minute(),
        t.second()
    )
    .into_bytes()
}

/// The port's own sign of life.
pub(crate) fn heartbeat(id: &str) -> Vec<u8> {
    format!("({id},@JT)").into_bytes()
}

/// Whether these are the port's own sign of life, whole.
pub(crate) fn is_heartbeat(bytes: &[u8]) -> bool {
    bytes.starts_with(b"(") && bytes.ends_with(b",@JT)")
}

/// Collects `(P69,0,serial)` acknowledgements from bytes in any pieces.
#[derive(Debug, Clone, Default)]
pub(crate) struct Acks {
    buffer: Vec<u8>,
}

impl Acks {
    /// Longer than any command of the manual's this port knows.
    const LEN_MAX: usize = 64;

    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut serials = Vec::new();
        for &b in bytes {
            if b == b'(' {
                self.buffer.clear();
            } else if b == b')' {
                serials.extend(parse_ack(&self.buffer));
                self.buffer.clear();
            } else if self.buffer.len() < Self::LEN_MAX {
                self.buffer.push(b);
            }
        }
        serials
    }
}

fn parse_ack(inside: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(inside).ok()?;
    text.strip_prefix("P69,0,")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_frame_has_the_manuals_length_and_the_fields_at_their_offsets() {
        // 2018-04-21 16:22:59 UTC, the moment of the manual's example.
        let f = position("8000620011", Some(1_524_327_779_000), 0x20E0, 40, 86);
        assert_eq!(f.len(), 62);
        let sample = hex(
            "2480006200111911003418042116225922348310113550543F12980000002D060000000020E028109228661F000100000F0F0F0F0F0F0F0F000001CC0156",
        );
        assert_eq!(f[..6], sample[..6]);
        assert_eq!(f[8..10], sample[8..10]);
        assert_eq!(f[10..16], [0x21, 0x04, 0x18, 0x16, 0x22, 0x59]);
        assert_eq!(f[27..], sample[27..]);
        assert_eq!(f[7], 0x11);
        assert_eq!(position("8000620011", Some(0), 0x20A8, 40, 1)[7], 0x12);
    }

    #[test]
    fn a_lock_report_has_the_event_and_the_serial_where_the_manual_counts_them() {
        let text = String::from_utf8(locked("8000620011", 1_594_951_574_000, 24)).unwrap();
        assert!(text.starts_with("(8000620011,P45,170720,020614,"), "{text}");
        let fields: Vec<&str> = text.trim_matches(['(', ')']).split(',').skip(1).collect();
        assert_eq!((fields[10], fields[15]), ("5", "24"));
    }

    #[test]
    fn acknowledgements_are_found_in_any_pieces_and_noise_is_not_one() {
        let mut acks = Acks::default();
        assert_eq!(acks.feed(b"xx(P69,"), Vec::<u8>::new());
        assert_eq!(
            acks.feed(b"0,86)(P69,1,3)(P69,0,300)(P69,0,7)"),
            vec![86, 7]
        );
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2)
            .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
            .collect()
    }
}
