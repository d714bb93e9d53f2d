//! What a line looks like: `{status:2},{mode:2},{weight:5-9}{unit:2}\r\n`.
//!
//! A field has so many characters, or from so many to so many; one of open
//! length reaches to the text behind it, less the fields between.

use super::words::{Slot, bytes};

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Weight,
    /// A weight of digits and a point alone, or of blanks alone.
    Digits,
    Words(Slot),
    Address,
    Skip,
}

/// A part of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Text(Vec<u8>),
    Field {
        kind: Kind,
        len: usize,
    },
    /// Ends `gap` bytes before `text`, the next text of the line.
    Open {
        kind: Kind,
        min: usize,
        max: usize,
        gap: usize,
        text: Vec<u8>,
    },
}

/// A line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Layout {
    pub(super) parts: Vec<Part>,
    /// Nothing tells its beginning but the end of the line before.
    pub(super) unanchored: bool,
    /// The text it ends with.
    pub(super) end: Vec<u8>,
}

/// Longest line in bytes.
pub(super) const LINE_LEN_MAX: usize = 96;
/// Most parts.
const PARTS_MAX: usize = 24;

impl Layout {
    /// From its text; none of an empty one.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, String> {
        if text.is_empty() {
            return Ok(None);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            push_text(&mut parts, before)?;
            let Some((field, after)) = after.split_once('}') else {
                return Err(format!("{{{after}: a brace is not closed"));
            };
            parts.push(field_of(field)?);
            rest = after;
        }
        push_text(&mut parts, rest)?;
        Self::of(parts).map(Some)
    }

    fn of(mut parts: Vec<Part>) -> Result<Self, String> {
        let Some(Part::Text(end)) = parts.last().cloned() else {
            return Err("ends with a field: write what ends the line, like \\r\\n".to_owned());
        };
        if parts.len() > PARTS_MAX {
            return Err(format!("has more than {PARTS_MAX} parts"));
        }
        let weights = parts.iter().filter(|p| is_weight(p));
        if weights.count() > 1 {
            return Err("has two weights: name one, {skip} the other".to_owned());
        }
        for i in 0..parts.len() {
            let (mut reach, mut next) = (0, Vec::new());
            for part in &parts[i + 1..] {
                match part {
                    Part::Text(text) => {
                        next.clone_from(text);
                        break;
                    }
                    Part::Field { len, .. } => reach += len,
                    Part::Open { .. } if matches!(parts[i], Part::Open { .. }) => {
                        return Err("has two fields of open length without a text between".into());
                    }
                    Part::Open { .. } => break,
                }
            }
            if let Part::Open { gap, text, .. } = &mut parts[i] {
                (*gap, *text) = (reach, next);
            }
        }
        let longest: usize = parts.iter().map(longest).sum();
        if longest > LINE_LEN_MAX {
            return Err(format!(
                "may be {longest} bytes long: {LINE_LEN_MAX} is the most"
            ));
        }
        let unanchored = matches!(
            kind(&parts[0]),
            Some(Kind::Skip | Kind::Weight | Kind::Digits)
        );
        Ok(Self {
            parts,
            unanchored,
            end,
        })
    }

    pub(super) fn has_address(&self) -> bool {
        self.parts.iter().any(|p| kind(p) == Some(Kind::Address))
    }

    pub(super) fn has_weight(&self) -> bool {
        self.parts.iter().any(is_weight)
    }
}

const fn kind(part: &Part) -> Option<Kind> {
    match part {
        Part::Text(_) => None,
        Part::Field { kind, .. } | Part::Open { kind, .. } => Some(*kind),
    }
}

const fn is_weight(part: &Part) -> bool {
    matches!(kind(part), Some(Kind::Weight | Kind::Digits))
}

const fn longest(part: &Part) -> usize {
    match part {
        Part::Text(text) => text.len(),
        Part::Field { len, .. } => *len,
        Part::Open { max, .. } => *max,
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) -> Result<(), String> {
    let text = bytes(text, false)?;
    if text.contains(&0) {
        return Err("\\x00 cannot be waited for: it is what a parity error reads as".to_owned());
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(())
}

/// `name:len` or `name:min-max`.
fn field_of(text: &str) -> Result<Part, String> {
    let wrong = || format!("{{{text}}}: write {{name:length}} or {{name:from-to}}");
    let (name, lens) = text.split_once(':').ok_or_else(wrong)?;
    let kind = match name {
        "weight" => Kind::Weight,
        "digits" => Kind::Digits,
        "sign" => Kind::Words(Slot::Signs),
        "status" => Kind::Words(Slot::Status),
        "status2" => Kind::Words(Slot::Status2),
        "mode" => Kind::Words(Slot::Modes),
        "unit" => Kind::Words(Slot::Units),
        "address" => Kind::Address,
        "skip" => Kind::Skip,
        _ => {
            return Err(format!(
                "{{{text}}}: known fields are weight, digits, sign, status, status2, mode, unit, address, skip"
            ));
        }
    };
    let len = |text: &str| {
        let len = text.parse::<usize>().ok();
        len.filter(|len| (1..=LINE_LEN_MAX).contains(len))
            .ok_or_else(wrong)
    };
    match lens.split_once('-') {
        None => Ok(Part::Field {
            kind,
            len: len(lens)?,
        }),
        Some((min, max)) => {
            let (min, max) = (len(min)?, len(max)?);
            let (gap, text) = (0, Vec::new());
            let open = Part::Open {
                kind,
                min,
                max,
                gap,
                text,
            };
            (min < max).then_some(open).ok_or_else(wrong)
        }
    }
}
