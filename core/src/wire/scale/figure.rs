//! Figures as indicators write them. No number parser is used, since those
//! take `inf`, `nan` and `1e5`, and none keeps the digits as they were sent.

use smol_str::SmolStr;

/// Most characters of a figure; also what a [`SmolStr`] keeps in place.
const FIGURE_LEN_MAX: usize = 20;

/// What stands where a figure should.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Figure {
    /// A decimal.
    Value(SmolStr),
    /// Blanks, perhaps with a sign and a point: the indicator shows nothing.
    Blank,
    /// Something else.
    NoDecimal,
}

/// Digits with at most one point become a decimal text: leading zeros dropped,
/// decimals kept as sent, a sign only before what is not zero.
pub(super) fn decimal(digits: &[u8], negative: bool) -> Option<SmolStr> {
    let mut text = [0_u8; FIGURE_LEN_MAX + 2];
    let mut len = 0;
    let (mut point, mut zero, mut whole) = (false, true, 0_u32);
    let mut put = |byte: u8, len: &mut usize| {
        text[*len] = byte;
        *len += 1;
    };
    if digits.len() > FIGURE_LEN_MAX || digits.iter().all(|b| *b == b'.') {
        return None;
    }
    if negative {
        put(b'-', &mut len);
    }
    for (i, &byte) in digits.iter().enumerate() {
        match byte {
            b'.' if !point => {
                point = true;
                if whole == 0 {
                    put(b'0', &mut len);
                }
                if i + 1 < digits.len() {
                    put(b'.', &mut len);
                }
            }
            b'0' if !point && whole == 0 => {}
            b'0'..=b'9' => {
                zero &= byte == b'0';
                whole += u32::from(!point);
                put(byte, &mut len);
            }
            _ => return None,
        }
    }
    if !point && whole == 0 {
        put(b'0', &mut len);
    }
    let from = usize::from(negative && zero);
    str::from_utf8(&text[from..len]).ok().map(SmolStr::new)
}

/// A field of a figure: blanks around it, a sign before it, blanks between.
/// `negative` is what another field says of the sign.
pub(super) fn figure(field: &[u8], negative: bool) -> Figure {
    let field = field.trim_ascii();
    let (negative, digits) = match field.split_first() {
        Some((b'-', rest)) => (true, rest.trim_ascii_start()),
        Some((b'+', rest)) => (negative, rest.trim_ascii_start()),
        Some(_) | None => (negative, field),
    };
    if digits.iter().all(|b| matches!(b, b' ' | b'.')) {
        return Figure::Blank;
    }
    decimal(digits, negative).map_or(Figure::NoDecimal, Figure::Value)
}

/// The first byte of `bytes` that stands in no line of text, or that `known`
/// does not take, says why they are no frame. A zero is the driver's mark of a
/// parity error.
pub(super) fn first_odd(
    bytes: &[u8],
    start: u8,
    known: impl Fn(u8) -> bool,
    else_why: super::super::NoiseWhy,
) -> Option<super::super::NoiseWhy> {
    use super::super::NoiseWhy;
    let odd = bytes.iter().copied().find(|&b| !known(b))?;
    Some(match odd {
        0 => NoiseWhy::LineError,
        b if b == start => NoiseWhy::Cut,
        _ => else_why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Figure {
        Figure::Value(SmolStr::new(text))
    }

    #[test]
    fn digits_keep_their_decimals_and_lose_their_leading_zeros() {
        for (sent, shown) in [
            ("0003.000", "3.000"),
            ("000000", "0"),
            ("  20.00", "20.00"),
            ("+ 12.3 ", "12.3"),
            ("-0001.00", "-1.00"),
            ("-000.000", "0.000"),
            ("38240.", "38240"),
            (".5", "0.5"),
            ("00.", "0"),
            ("12345678901234567890", "12345678901234567890"),
        ] {
            assert_eq!(figure(sent.as_bytes(), false), value(shown), "{sent}");
        }
        assert_eq!(figure(b"  20", true), value("-20"));
        assert_eq!(figure(b"0.0", true), value("0.0"));
    }

    #[test]
    fn blanks_are_no_figure_and_letters_no_decimal() {
        for sent in ["", "     ", "+    .  ", "-", "."] {
            assert_eq!(figure(sent.as_bytes(), false), Figure::Blank, "{sent}");
        }
        for sent in [
            "inf",
            "nan",
            "1e5",
            "-0x1F",
            "1.2.3",
            "1 2",
            "--1",
            "+-1",
            "123456789012345678901",
        ] {
            assert_eq!(figure(sent.as_bytes(), false), Figure::NoDecimal, "{sent}");
        }
    }
}
