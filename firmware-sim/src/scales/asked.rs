//! Indicators that wait to be asked: Systec, SMA, MT-SICS, SBI, NCI.

use crc::{CRC_16_MODBUS, Crc};

use super::Display;

static CRC16: Crc<u16> = Crc::<u16>::new(&CRC_16_MODBUS);

/// The record of 62 characters of the alibi note.
pub(super) fn systec(shown: &Display) -> Vec<u8> {
    let gross = shown.text();
    if shown.is_out() {
        return b"<12>\r\n".to_vec();
    }
    let head = format!(
        "00{}{}05.06.1813:12{:>4}1",
        u8::from(shown.motion),
        u8::from(shown.digits < 0),
        2
    );
    let size = gross.trim_start_matches('-');
    let mut record = format!("{head}{size:>8}{:>8}{size:>8}kg   {:>3}", 0, 1);
    let sum = CRC16.checksum(record.as_bytes());
    record.push_str(&format!("{sum:>8}"));
    format!("<{record}>\r\n").into_bytes()
}

pub(super) fn sma(shown: &Display) -> Vec<u8> {
    let status = match (shown.over, shown.under, shown.not_zeroed, shown.digits) {
        (true, ..) => 'O',
        (_, true, ..) => 'U',
        (.., true, _) => 'I',
        (.., 0) => 'Z',
        _ => ' ',
    };
    let figure = if shown.is_out() {
        "-".repeat(10)
    } else {
        shown.text()
    };
    let (mode, motion) = (
        if shown.net { 'N' } else { 'G' },
        if shown.motion { 'M' } else { ' ' },
    );
    format!("\n{status}1{mode}{motion} {figure:>10}kg \r").into_bytes()
}

pub(super) fn sics(shown: &Display) -> Vec<u8> {
    let line = match (shown.over, shown.under, shown.motion) {
        (true, ..) => "S +".to_owned(),
        (_, true, _) => "S -".to_owned(),
        (.., motion) => format!(
            "S {} {:>10} kg",
            if motion { 'D' } else { 'S' },
            shown.text()
        ),
    };
    format!("{line}\r\n").into_bytes()
}

pub(super) fn sbi(shown: &Display) -> Vec<u8> {
    let body = match (shown.over, shown.under) {
        (true, _) => format!("Stat  {:>8}{:6}", 'H', ""),
        (_, true) => format!("Stat  {:>8}{:6}", 'L', ""),
        (false, false) => {
            let head = if shown.net { 'N' } else { 'G' };
            let sign = if shown.digits < 0 { '-' } else { '+' };
            let text = shown.text();
            let size = text.trim_start_matches('-');
            let unit = if shown.motion { "" } else { "kg" };
            format!("{head:<6}{sign} {size:>8} {unit:<3}")
        }
    };
    format!("{body}\r\n").into_bytes()
}

pub(super) fn nci(shown: &Display) -> Vec<u8> {
    let first = 0x30 + u8::from(shown.motion) + 2 * u8::from(shown.digits == 0);
    let second = 0x30 + u8::from(shown.under) + 2 * u8::from(shown.over);
    let mut line = b"\n".to_vec();
    if !shown.is_out() {
        let text = shown.text();
        let (sign, size) = match text.strip_prefix('-') {
            Some(size) => ("-", size),
            None => ("", text.as_str()),
        };
        line.extend(format!("{sign}{size:0>6}KG\r\n").into_bytes());
    }
    line.extend([b'S', first, second, b'\r', 0x03]);
    line
}
