//! Numbers of documents, boxes, seals and enterprises, in their right shapes.

use crate::rng::Rng;

/// A container number with its ISO 6346 check digit.
pub(crate) fn container(rng: &mut Rng, serial: u32) -> String {
    let owner = rng.pick(&["CSQU", "TCLU", "MSKU", "OOLU", "CBHU"]);
    let body = format!("{owner}{:06}", serial % 1_000_000);
    let digit = check_digit(&body);
    format!("{body}{digit}")
}

/// A JT701 terminal number, ten digits.
pub(crate) fn seal(serial: u32) -> String {
    format!("80{:08}", serial % 100_000_000)
}

/// A declaration's id: port, year, eight digits.
pub(crate) fn declaration(port: &str, year: i16, serial: u32) -> String {
    format!("{port}{year:04}{:08}", serial % 100_000_000)
}

/// A ten-character customs code of an enterprise.
pub(crate) fn enterprise(serial: u32) -> String {
    format!("44031{:05}", serial % 100_000)
}

/// ISO 6346: letters from A = 10 skipping multiples of 11; sum of value times
/// 2^i, modulo 11, 10 counts as 0.
fn check_digit(body: &str) -> u32 {
    let sum: u32 = body.bytes().enumerate().map(|(i, b)| value(b) << i).sum();
    sum % 11 % 10
}

fn value(b: u8) -> u32 {
    if b.is_ascii_digit() {
        return u32::from(b - b'0');
    }
    let n = u32::from(b - b'A');
    // 11, 22 and 33 are left out: one skip before B, another before L, a third before V.
    10 + n + u32::from(b >= b'B') + u32::from(b >= b'L') + u32::from(b >= b'V')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_the_one_on_known_boxes() {
        // Widely published numbers with their check digits.
        assert_eq!(check_digit("CSQU305438"), 3);
        assert_eq!(check_digit("TOLU473478"), 7);
        assert_eq!(check_digit("MSKU907032"), 3);
    }

    #[test]
    fn ids_have_their_lengths() {
        let mut rng = Rng::new(1, 1);
        assert_eq!(container(&mut rng, 305_438).len(), 11);
        assert_eq!(seal(620_011), "8000620011");
        assert_eq!(declaration("5345", 2026, 12345), "5345202600012345");
        assert_eq!(enterprise(7), "4403100007");
    }
}
