//! A Yaohua XK3190 indicator in continuous mode tF=0: twelve bytes five times
//! a second, no stability, overload or unit flag (XK3190-A26 manual, page 12).

/// The frame of a weight in kilograms without decimals.
pub(crate) fn frame(kg: i64) -> [u8; 12] {
    let mut frame = [0u8; 12];
    frame[0] = 0x02;
    frame[1] = if kg < 0 { b'-' } else { b'+' };
    let mut rest = kg.unsigned_abs().min(999_999);
    for digit in frame[2..8].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    frame[8] = b'0';
    let xor = frame[1..9].iter().fold(0, |x, b| x ^ b);
    frame[9] = nibble(xor >> 4);
    frame[10] = nibble(xor & 0x0F);
    frame[11] = 0x03;
    frame
}

/// Rounds to a division.
pub(crate) fn round(kg: i64, division_kg: i64) -> i64 {
    (kg + division_kg / 2).div_euclid(division_kg) * division_kg
}

/// 0-9 add 30h, A-F add 37h.
fn nibble(n: u8) -> u8 {
    if n < 10 { 0x30 + n } else { 0x37 + n }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_the_layout_and_checksum_of_the_manuals_example() {
        // The documented +20.00 is 02 2B 30 30 32 30 30 30 32 31 42 03; ours
        // differ in the decimals byte, hence in the checksum by the same bits.
        assert_eq!(&frame(2000), b"\x02+002000019\x03");
        assert_eq!(&frame(0), b"\x02+00000001B\x03");
        assert_eq!(&frame(-20), b"\x02-00002001F\x03");
    }

    #[test]
    fn rounding_goes_to_the_nearest_division() {
        assert_eq!(
            [round(29, 20), round(30, 20), round(-9, 20), round(0, 20)],
            [20, 40, 0, 0]
        );
    }
}
