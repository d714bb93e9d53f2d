//! Readers of tags and cards: the UHFReader families (tests of public drivers
//! have their frames), and Wiegand 26 behind a converter.

use crc::{CRC_16_MCRF4XX, Crc};

static CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_MCRF4XX);

fn framed(rest: &[u8]) -> Vec<u8> {
    let mut frame = vec![u8::try_from(rest.len() + 2).expect("short")];
    frame.extend(rest);
    frame.extend(CRC.checksum(&frame).to_le_bytes());
    frame
}

/// An 18's answer to an inventory; the round goes on if `more`.
pub(crate) fn uhf18(epcs: &[&[u8]], more: bool) -> Vec<u8> {
    let mut rest = vec![0, 0x01, if more { 0x03 } else { 0x01 }];
    rest.push(u8::try_from(epcs.len()).expect("few"));
    for epc in epcs {
        rest.push(u8::try_from(epc.len()).expect("short"));
        rest.extend(*epc);
    }
    framed(&rest)
}

/// A 288's, of one antenna (from 1), each EPC with its strength.
pub(crate) fn uhf288(antenna: u8, epcs: &[(&[u8], u8)], more: bool) -> Vec<u8> {
    let mut rest = vec![0, 0x01, if more { 0x03 } else { 0x01 }];
    rest.push(1 << (antenna - 1));
    rest.push(u8::try_from(epcs.len()).expect("few"));
    for (epc, rssi) in epcs {
        rest.push(u8::try_from(epc.len()).expect("short"));
        rest.extend(*epc);
        rest.push(*rssi);
    }
    framed(&rest)
}

/// Whether these bytes ask a reader of either family for an inventory.
pub(crate) fn is_inventory(bytes: &[u8]) -> bool {
    let Some((len, _)) = bytes.split_first() else {
        return false;
    };
    let whole = bytes.len() == usize::from(*len) + 1 && bytes.len() >= 5;
    whole && bytes[2] == 0x01 && CRC.checksum(bytes) == 0
}

/// A card's 26 bits, as a converter passes them on.
pub(crate) fn wiegand26(facility: u8, card: u16) -> String {
    let data = format!("{facility:08b}{card:016b}");
    let (first, last) = data.split_at(12);
    let odd = |half: &str| half.matches('1').count() % 2;
    format!("{}{data}{}\r\n", odd(first), 1 - odd(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_of_public_drivers_come_out() {
        let epc = [
            0xe2, 0x80, 0x68, 0x94, 0x00, 0x00, 0x40, 0x0a, 0x9d, 0x22, 0xa9, 0xeb,
        ];
        let frame = uhf288(1, &[(&epc, 0x5c)], true);
        assert_eq!(frame[..6], [0x15, 0, 1, 3, 1, 1]);
        assert_eq!(frame[20..], [0x70, 0xd2]);
        let epc = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x03, 0x13];
        assert_eq!(uhf18(&[&epc], true)[18..], [0x3f, 0x39]);
        assert_eq!(wiegand26(90, 324), "00101101000000001010001000\r\n");
    }

    #[test]
    fn an_inventory_is_known_and_a_damaged_one_is_not() {
        let mut asked = framed(&[0xff, 0x01]);
        assert!(is_inventory(&asked));
        asked[1] ^= 1;
        assert!(!is_inventory(&asked) && !is_inventory(&[]));
    }
}
