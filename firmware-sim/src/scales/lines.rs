//! Indicators that send lines: A&D, Dini Argeo, Rice Lake, Cardinal, Avery,
//! Rinstrum, Sewha. Each from the page its make names.

use super::Display;

/// Width characters with the sign in front and zeros between, as A&D writes.
fn signed(shown: &Display, width: usize) -> String {
    let text = shown.text();
    let (sign, size) = match text.strip_prefix('-') {
        Some(size) => ('-', size),
        None => ('+', text.as_str()),
    };
    format!("{sign}{size:0>n$}", n = width - 1)
}

const fn header(shown: &Display) -> &'static str {
    match (shown.is_out(), shown.motion) {
        (true, _) => "OL",
        (false, true) => "US",
        (false, false) => "ST",
    }
}

const fn mode(shown: &Display) -> &'static str {
    if shown.net { "NT" } else { "GS" }
}

const fn letter(shown: &Display) -> char {
    if shown.net { 'N' } else { 'G' }
}

const fn polarity(shown: &Display) -> char {
    if shown.digits < 0 { '-' } else { ' ' }
}

fn size(shown: &Display) -> String {
    shown.text().trim_start_matches('-').to_owned()
}

pub(super) fn and(shown: &Display) -> Vec<u8> {
    let (header, figure) = match (shown.is_out(), shown.under) {
        (false, _) => (header(shown), signed(shown, 8)),
        (true, false) => ("OL", format!("{:8}", "+")),
        (true, true) => ("OL", format!("{:8}", "-")),
    };
    format!("{header},{},{figure}kg\r\n", mode(shown)).into_bytes()
}

pub(super) fn and_ek(shown: &Display) -> Vec<u8> {
    let figure = match (shown.over, shown.under) {
        (true, _) => "+999999.9".to_owned(),
        (_, true) => "-999999.9".to_owned(),
        (false, false) => signed(shown, 9),
    };
    format!("{},{figure} kg\r\n", header(shown)).into_bytes()
}

pub(super) fn dini(shown: &Display) -> Vec<u8> {
    let (header, figure) = match (shown.over, shown.under) {
        (true, _) => ("OL", String::new()),
        (_, true) => ("UL", String::new()),
        (false, false) => (header(shown), shown.text()),
    };
    format!("{header},{},{figure:>8},kg\r\n", mode(shown)).into_bytes()
}

pub(super) fn rice_lake(shown: &Display) -> Vec<u8> {
    let figure = if shown.is_out() {
        String::new()
    } else {
        size(shown)
    };
    let status = match (shown.is_out(), shown.not_zeroed, shown.motion) {
        (true, ..) => 'O',
        (_, true, _) => 'I',
        (.., true) => 'M',
        (false, false, false) => ' ',
    };
    let polarity = if shown.under { '-' } else { polarity(shown) };
    format!("\u{2}{polarity}{figure:>7}K{}{status}\r\n", letter(shown)).into_bytes()
}

pub(super) fn sb400(shown: &Display) -> Vec<u8> {
    let code = match (shown.over, shown.under, shown.motion) {
        (true, ..) => "OC",
        (_, true, _) => "BZ",
        (.., true) => "MO",
        (false, false, false) => "  ",
    };
    let width = if shown.decimals == 0 { 6 } else { 7 };
    format!(
        "{}{:0>width$}kg{}{code}\r",
        polarity(shown),
        size(shown),
        letter(shown)
    )
    .into_bytes()
}

pub(super) fn sb200(shown: &Display) -> Vec<u8> {
    let code = match (shown.is_out(), shown.motion) {
        (true, _) => 'o',
        (false, true) => 'm',
        (false, false) => ' ',
    };
    let width = if shown.decimals == 0 { 6 } else { 7 };
    format!(
        "\r{}{:0>width$}{code}kg{}\u{3}",
        polarity(shown),
        size(shown),
        letter(shown)
    )
    .into_bytes()
}

/// It has no status, so out of its range it sends nothing.
pub(super) fn avery(shown: &Display) -> Option<Vec<u8>> {
    let line = format!(
        " {}{}{:>6} kg\r\n",
        letter(shown),
        polarity(shown),
        size(shown)
    );
    (!shown.is_out()).then(|| line.into_bytes())
}

pub(super) fn rinstrum(shown: &Display) -> Vec<u8> {
    let status = match (shown.over, shown.under, shown.not_zeroed, shown.motion) {
        (true, ..) => 'O',
        (_, true, ..) => 'U',
        (.., true, _) => 'E',
        (.., true) => 'M',
        _ => letter(shown),
    };
    let figure = if shown.is_out() {
        "-------".to_owned()
    } else {
        size(shown)
    };
    format!("\u{2}{}{figure:>7}{status}\u{3}", polarity(shown)).into_bytes()
}

/// Here `NT` says that no tare is set.
pub(super) fn sewha(shown: &Display) -> Vec<u8> {
    let mode = if shown.net { "TR" } else { "NT" };
    let sign = if shown.digits < 0 { '-' } else { '+' };
    format!(
        "{},{mode},1@,{sign}{:>7} kg\r\n",
        header(shown),
        size(shown)
    )
    .into_bytes()
}
