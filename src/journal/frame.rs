//! One record on the disk.
//!
//! ```text
//! 0        4        8
//! +--------+--------+----------------------------+
//! | length | crc32c | canonical JSON, UTF-8      |   both little endian;
//! +--------+--------+----------------------------+   crc32c of the JSON
//! ```

use crc::{CRC_32_ISCSI, Crc, Table};

/// CRC-32C (Castagnoli), RFC 3720 appendix B.4.
const CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

pub(super) const HEADER_LEN: usize = 8;

/// Longest record (L9).
pub const RECORD_LEN_MAX: usize = 8 << 20;

/// Every record begins so: its first key is `at`.
const BEGINS: &[u8] = b"{\"at\":\"";

/// What lies at an offset.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Found<'a> {
    /// A whole frame with its text, and the offset behind it.
    Record(&'a str, usize),
    /// Nothing: the end.
    End,
    /// What there is may be the beginning of a frame, and where it ends.
    Short(&'static str),
    /// No whole frame, and why.
    Bad(&'static str),
}

/// Appends `text` as a frame to `out`.
pub(super) fn write(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let len = u32::try_from(bytes.len()).expect("a record is at most 8 MiB");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&CRC32C.checksum(bytes).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// What lies at `at` in `bytes`.
pub(super) fn read(bytes: &[u8], at: usize) -> Found<'_> {
    let rest = &bytes[at.min(bytes.len())..];
    if rest.is_empty() {
        return Found::End;
    }
    let Some((header, rest)) = rest.split_at_checked(HEADER_LEN) else {
        return Found::Short("the file ends in a header");
    };
    let word = |i: usize| {
        let bytes: [u8; 4] = header[i..i + 4].try_into().expect("four bytes");
        u32::from_le_bytes(bytes)
    };
    let len = word(0) as usize;
    if len == 0 || len > RECORD_LEN_MAX {
        return Found::Bad("the length is impossible");
    }
    let Some(payload) = rest.get(..len) else {
        return Found::Short("the file ends in a record");
    };
    if CRC32C.checksum(payload) != word(4) {
        return Found::Bad("the checksum is wrong");
    }
    match std::str::from_utf8(payload) {
        Ok(text) => Found::Record(text, at + HEADER_LEN + len),
        Err(_) => Found::Bad("the text is not UTF-8"),
    }
}

/// What is wrong with what lies at `at` and is no whole frame; none where it
/// may be the beginning of one that the end of the file cuts short. What was
/// whole and is damaged is told from that by its length, by how every record
/// begins and ends, and by bytes that are in none.
pub(super) fn cut_short(bytes: &[u8], at: usize) -> Result<(), &'static str> {
    let rest = &bytes[at.min(bytes.len())..];
    if let Found::Bad(why) = read(rest, 0) {
        return Err(why);
    }
    // Of a length that is cut itself the higher bytes may be anything, but a
    // third one that leaves it at zero makes it too long or nothing.
    let mut low = [0; 4];
    let known = rest.len().min(low.len());
    low[..known].copy_from_slice(&rest[..known]);
    let len = u32::from_le_bytes(low) as usize;
    if len > RECORD_LEN_MAX || len == 0 && known > 2 {
        return Err("the length is impossible");
    }
    let payload = rest.get(HEADER_LEN..).unwrap_or_default();
    let alike = payload.len().min(BEGINS.len());
    if payload[..alike] != BEGINS[..alike] {
        return Err("it does not begin as a record does");
    }
    if payload.iter().any(|byte| *byte < b' ') {
        return Err("it has bytes that are in no record");
    }
    match ends_a_record(payload) {
        true => Err("the length is not the record's"),
        false => Ok(()),
    }
}

/// Whether `payload` ends with the two keys that come last in a record.
fn ends_a_record(payload: &[u8]) -> bool {
    let ends = |payload: &[u8]| {
        let rest = payload.strip_suffix(b"}")?;
        let digits = rest.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let rest = rest[..rest.len() - digits].strip_suffix(b"\",\"seq\":")?;
        let (_, hash) = rest.split_last_chunk::<64>()?;
        Some(digits > 0 && hash.iter().all(u8::is_ascii_hexdigit))
    };
    ends(payload) == Some(true)
}

/// Whether a whole record lies anywhere behind `at`: then what is bad at `at`
/// is no torn tail.
pub(super) fn any_behind(bytes: &[u8], at: usize) -> bool {
    let from = at + 1 + HEADER_LEN;
    let rest = bytes.get(from..).unwrap_or_default();
    let mut starts = rest.windows(BEGINS.len()).enumerate();
    starts.any(|(i, window)| {
        window == BEGINS && matches!(read(bytes, from + i - HEADER_LEN), Found::Record(..))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_one() {
        // RFC 3720 appendix B.4: 32 bytes of zeros.
        assert_eq!(CRC32C.checksum(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn a_frame_is_read_back_and_every_flipped_bit_and_cut_is_seen() {
        let text = "{\"at\":\"x\"}";
        let mut bytes = Vec::new();
        write(text, &mut bytes);
        assert_eq!(read(&bytes, 0), Found::Record(text, bytes.len()));
        assert_eq!(read(&bytes, bytes.len()), Found::End);
        for cut in 1..bytes.len() {
            assert!(matches!(read(&bytes[..cut], 0), Found::Short(_)), "{cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let found = read(&flipped, 0);
            assert!(
                matches!(found, Found::Bad(_) | Found::Short(_)),
                "{bit}: {found:?}"
            );
        }
    }

    fn record() -> Vec<u8> {
        let mut bytes = Vec::new();
        let prev = "0a".repeat(32);
        let text = format!("{{\"at\":\"北\",\"prev\":\"{prev}\",\"seq\":7}}");
        write(&text, &mut bytes);
        bytes
    }

    #[test]
    fn a_record_cut_anywhere_may_be_a_beginning_and_one_with_any_bit_flipped_is_none() {
        let whole = record();
        for cut in 1..whole.len() {
            assert_eq!(cut_short(&whole[..cut], 0), Ok(()), "{cut}");
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(cut_short(&flipped, 0).is_err(), "{bit}");
        }
    }

    #[test]
    fn zeros_and_rubbish_are_no_beginning_of_a_record() {
        let cut = record()[..30].to_vec();
        for zeros in 1..600 {
            assert_eq!(cut_short(&vec![0; zeros], 0).is_ok(), zeros < 3, "{zeros}");
            let padded = [&cut[..], &vec![0; zeros]].concat();
            assert!(cut_short(&padded, 0).is_err(), "{zeros}");
        }
        for rubbish in [&b"garbage"[..], b"\x40\0\0\0abcd{\"seq\"", &[0xff; 9]] {
            assert!(cut_short(rubbish, 0).is_err(), "{rubbish:?}");
        }
    }

    #[test]
    fn a_record_behind_a_hole_is_found() {
        let mut bytes = vec![0; 100];
        assert!(!any_behind(&bytes, 0));
        write("{\"at\":\"x\"}", &mut bytes);
        assert!(any_behind(&bytes, 0));
        assert!(!any_behind(&bytes, 100));
    }
}
