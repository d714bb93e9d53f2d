//! Mettler-Toledo continuous output, from the WildCat manual 6-4 and 6-5.

use super::Display;

const OUT_OF_RANGE: u8 = 1 << 2;

pub(super) fn mt(shown: &Display, long: bool, checked: bool) -> Vec<u8> {
    // 010 is no decimals; each further one counts up. X1 increment, bit 5 on.
    let a = 0x20 | 0x08 | (2 + shown.decimals);
    let b = 0x20
        | 0x10
        | u8::from(shown.net)
        | u8::from(shown.digits < 0) << 1
        | if shown.is_out() { OUT_OF_RANGE } else { 0 }
        | u8::from(shown.motion) << 3
        | u8::from(shown.not_zeroed) << 6;
    let figure = if shown.is_out() {
        String::new()
    } else {
        let size = shown.digits.unsigned_abs();
        // Zeros before the first digit of the figure are blanks, those behind
        // the point are not.
        format!("{size:0n$}", n = usize::from(shown.decimals) + 1)
    };
    let mut frame = vec![0x02, a, b, 0x20];
    frame.extend(format!("{figure:>6}").into_bytes());
    if long {
        frame.extend(b"     0");
    }
    frame.push(b'\r');
    if checked {
        let sum: u32 = frame.iter().map(|b| u32::from(b & 0x7f)).sum();
        frame.push(((128 - sum % 128) % 128) as u8);
    }
    frame
}
