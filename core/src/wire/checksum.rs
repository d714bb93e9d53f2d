//! Checksums of device protocols.

use crc::{CRC_16_MCRF4XX, CRC_16_MODBUS, Crc};

static MODBUS: Crc<u16> = Crc::<u16>::new(&CRC_16_MODBUS);
static MCRF4XX: Crc<u16> = Crc::<u16>::new(&CRC_16_MCRF4XX);

/// Exclusive or of all bytes (Yaohua XK3190, BlueBox, lane controllers).
#[must_use]
pub fn xor(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

/// CRC-16/MODBUS; on the wire the low byte comes first.
#[must_use]
pub fn crc16_modbus(bytes: &[u8]) -> u16 {
    MODBUS.checksum(bytes)
}

/// CRC-16/MCRF4XX (UHF readers); on the wire the low byte comes first.
#[must_use]
pub fn crc16_mcrf4xx(bytes: &[u8]) -> u16 {
    MCRF4XX.checksum(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crcs_of_the_catalogues_check_text_are_the_published_ones() {
        assert_eq!(crc16_modbus(b"123456789"), 0x4b37);
        assert_eq!(crc16_mcrf4xx(b"123456789"), 0x6f91);
    }

    #[test]
    fn xor_of_a_yaohua_body_is_the_manuals() {
        assert_eq!(xor(b"+0020002"), 0x1b);
    }
}
