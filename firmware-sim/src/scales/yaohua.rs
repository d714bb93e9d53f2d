//! Yaohua XK3190, from the A26, A23p, DS3 and A12E manuals.

use super::Display;

/// Six digits without sign and point; none if they do not fit.
fn six(shown: &Display) -> Option<String> {
    let text = format!("{:06}", shown.digits.unsigned_abs());
    (text.len() == 6 && !shown.is_out()).then_some(text)
}

/// Seven characters with the point in its place, high digit first.
fn seven(shown: &Display) -> Option<String> {
    let text = shown.text();
    let text = text.trim_start_matches('-');
    (text.len() <= 7 && !shown.is_out()).then(|| format!("{text:0>7}"))
}

/// XOR, high nibble first; 0-9 add 30h, A-F add 37h.
fn xor(body: &[u8]) -> [u8; 2] {
    let sum = body.iter().fold(0, |sum, byte| sum ^ byte);
    [sum >> 4, sum & 15].map(|n| if n < 10 { 0x30 + n } else { 0x37 + n })
}

fn wrapped(body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x02];
    frame.extend(body);
    frame.extend(xor(body));
    frame.push(0x03);
    frame
}

fn sign(shown: &Display, plus: char) -> char {
    if shown.digits < 0 { '-' } else { plus }
}

pub(super) fn tf0(shown: &Display) -> Option<Vec<u8>> {
    let body = format!("{}{}{}", sign(shown, '+'), six(shown)?, shown.decimals);
    Some(wrapped(body.as_bytes()))
}

pub(super) fn tf1(shown: &Display) -> Option<Vec<u8>> {
    let reversed: String = seven(shown)?.chars().rev().collect();
    Some(format!("={reversed}{}", sign(shown, '0')).into_bytes())
}

pub(super) fn bare(shown: &Display) -> Option<Vec<u8>> {
    let reversed: String = seven(shown)?.chars().rev().collect();
    (shown.digits >= 0).then(|| format!("={reversed}").into_bytes())
}

pub(super) fn bare_behind(shown: &Display) -> Option<Vec<u8>> {
    let reversed: String = seven(shown)?.chars().rev().collect();
    (shown.digits >= 0).then(|| format!("{reversed}=").into_bytes())
}

pub(super) fn tf2(shown: &Display) -> Option<Vec<u8>> {
    Some(format!("={}{}", sign(shown, '0'), seven(shown)?).into_bytes())
}

pub(super) fn a12(shown: &Display) -> Option<Vec<u8>> {
    let mode = if shown.net { 'n' } else { 'w' };
    let mut figure = seven(shown)?;
    if shown.digits < 0 {
        figure.insert(0, '-');
    }
    Some(format!("w{mode}{figure}kg").into_bytes())
}

pub(super) fn a12e(shown: &Display) -> Vec<u8> {
    let text = shown.text();
    let figure = match text.strip_prefix('-') {
        Some(size) => format!("-{size:0>6}"),
        None if shown.decimals == 0 => format!("{text:0>6} "),
        None => format!("{text:0>7}"),
    };
    let mode = if shown.net { 'N' } else { 'G' };
    let body = match (shown.over, shown.under) {
        (true, _) => format!("{:9}OL", ""),
        (false, true) => format!("{:9}LO", ""),
        (false, false) => format!("W{mode}{figure}kg"),
    };
    let mut frame = body.clone().into_bytes();
    frame.extend(xor(body.as_bytes()));
    frame.extend(b"\r\n");
    frame
}

pub(super) fn command(shown: &Display) -> Option<Vec<u8>> {
    let body = format!("AB{}{}{}", sign(shown, '+'), six(shown)?, shown.decimals);
    Some(wrapped(body.as_bytes()))
}
