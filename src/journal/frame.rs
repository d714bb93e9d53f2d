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
        return Found::Bad("the file ends in a header");
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
        return Found::Bad("the file ends in a record");
    };
    if CRC32C.checksum(payload) != word(4) {
        return Found::Bad("the checksum is wrong");
    }
    match std::str::from_utf8(payload) {
        Ok(text) => Found::Record(text, at + HEADER_LEN + len),
        Err(_) => Found::Bad("the text is not UTF-8"),
    }
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
            assert!(matches!(read(&bytes[..cut], 0), Found::Bad(_)), "{cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(read(&flipped, 0), Found::Bad(_)), "{bit}");
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
