//! Matching a line against its layouts.

use super::super::super::framer::{Grammar, Step};
use super::super::super::{Frame, NoiseWhy, WeightMode};
use super::super::figure::{Figure, figure};
use super::super::setup::Shown;
use super::layout::{Kind, LINE_LEN_MAX, Layout, Part};
use super::words::{Meaning, Slot, TABLES, Words};
use crate::model::WeightUnit;

/// A make, ready to read.
pub(super) struct Line {
    pub(super) layouts: Vec<Layout>,
    pub(super) words: [Words; TABLES.len()],
    /// Empty = every address.
    pub(super) address: Vec<u8>,
    pub(super) blank_is_over: bool,
    pub(super) unit: WeightUnit,
    pub(super) mode: WeightMode,
}

/// What a layout makes of the bytes at hand.
enum Met<'a> {
    Whole(Read<'a>),
    /// More bytes decide.
    Open,
    /// It is no such line; seen at this byte.
    Missed(usize, NoiseWhy),
}

/// The fields of a line.
#[derive(Clone, Copy)]
struct Read<'a> {
    len: usize,
    meaning: Meaning,
    weight: Option<&'a [u8]>,
    unit_named: bool,
}

impl Grammar for Line {
    const FRAME_LEN_MAX: usize = LINE_LEN_MAX + 1;

    /// The shortest line that fits, so that the answer does not depend on how
    /// many bytes have come; of misses the one that came furthest is told.
    fn scan(&self, bytes: &[u8]) -> Step {
        let (mut whole, mut open) = (None::<(usize, Frame)>, false);
        let mut missed = (0, NoiseWhy::NoStart);
        for layout in &self.layouts {
            let (at, why) = match self.meet(layout, bytes) {
                Met::Open => {
                    open = true;
                    continue;
                }
                Met::Whole(read) => match self.frame(&read, &bytes[..read.len]) {
                    Ok(frame) if whole.as_ref().is_none_or(|(len, _)| read.len < *len) => {
                        whole = Some((read.len, frame));
                        continue;
                    }
                    Ok(_) => continue,
                    Err(missed) => missed,
                },
                Met::Missed(at, why) => (at, why),
            };
            if at > missed.0 {
                missed = (at, why);
            }
        }
        match whole {
            Some((len, frame)) => Step::Frame(len, frame),
            None if open => Step::Need,
            None => self.miss(bytes, missed.1),
        }
    }
}

impl Line {
    fn meet<'a>(&self, layout: &Layout, bytes: &'a [u8]) -> Met<'a> {
        let mut read = Read {
            len: 0,
            meaning: Meaning::default(),
            weight: None,
            unit_named: false,
        };
        for part in &layout.parts {
            let at = read.len;
            let (kind, len) = match part {
                Part::Text(text) => match starts(&bytes[at..], text) {
                    Starts::With => {
                        read.len += text.len();
                        continue;
                    }
                    Starts::Cut => return Met::Open,
                    Starts::Otherwise(i) => return Met::Missed(at + i, told(bytes[at + i])),
                },
                Part::Field { kind, len } => (*kind, *len),
                Part::Open { .. } => match reach(part, &bytes[at..]) {
                    Ok(Some((kind, len))) => (kind, len),
                    Ok(None) => return Met::Open,
                    Err((i, why)) => return Met::Missed(at + i, why),
                },
            };
            let Some(field) = bytes.get(at..at + len) else {
                return odd(&bytes[at..]).map_or(Met::Open, |why| Met::Missed(at, why));
            };
            if let Some(why) = self.take(kind, field, &mut read) {
                return Met::Missed(at, why);
            }
            read.len += len;
        }
        Met::Whole(read)
    }

    /// One field; says why it is none.
    fn take<'a>(&self, kind: Kind, field: &'a [u8], read: &mut Read<'a>) -> Option<NoiseWhy> {
        if let Some(why) = odd(field) {
            return Some(why);
        }
        match kind {
            Kind::Skip => {}
            Kind::Address => {
                let wanted = self.address.is_empty() || self.address == field;
                if !wanted || !field.iter().all(u8::is_ascii_digit) {
                    return Some(NoiseWhy::Field);
                }
            }
            Kind::Weight => read.weight = Some(field),
            Kind::Digits => {
                let blank = field.iter().all(|b| *b == b' ');
                let number = |b: &u8| matches!(b, b'0'..=b'9' | b'.');
                if !blank && !field.iter().all(number) {
                    return Some(NoiseWhy::NotDecimal);
                }
                read.weight = Some(field);
            }
            Kind::Words(slot) => match (slot, self.words[slot.index()].say(field)) {
                (_, Some(meaning)) => {
                    read.unit_named |= slot == Slot::Units;
                    read.meaning = read.meaning.with(meaning);
                }
                (Slot::Units, None) => return unlisted_unit(field, read),
                _ => return Some(NoiseWhy::Field),
            },
        }
        None
    }

    /// A whole line as a frame, or where and why it is none.
    fn frame(&self, read: &Read<'_>, raw: &[u8]) -> Result<Frame, (usize, NoiseWhy)> {
        let said = read.meaning;
        let field = read.weight.unwrap_or_default();
        let word = self.words[Slot::Figures.index()].say(field);
        let said = said.with(word.unwrap_or_default());
        let figure = match figure(field, said.negative) {
            _ if word.is_some() => Figure::Blank,
            // Letters in the place of a figure that the status calls invalid.
            Figure::NoDecimal if said.invalid => Figure::Blank,
            figure => figure,
        };
        // Dashes in place of a figure are no sign.
        let minus = matches!(figure, Figure::Value(_) | Figure::Blank) && word.is_none();
        let minus = minus && field.trim_ascii_start().starts_with(b"-");
        let negative = said.negative || minus;
        let mut shown = Shown {
            unit: match (said.unit, read.unit_named) {
                (Some(unit), _) => unit,
                (None, true) => WeightUnit::Unknown,
                (None, false) => self.unit,
            },
            mode: said.mode.unwrap_or(self.mode),
            stable: None,
            overload: said.over || said.out && !negative,
            underload: said.under || said.out && negative,
        };
        // A line that leaves the weight out shows nothing that counts.
        let left_out = read.weight.is_none() && !shown.overload && !shown.underload;
        if said.motion || said.invalid || left_out {
            shown.stable = Some(false);
        } else if said.stable {
            shown.stable = Some(true);
        }
        let explained = shown.overload || shown.underload || shown.stable == Some(false);
        if figure == Figure::Blank && !explained && !self.blank_is_over {
            return Err((read.len, NoiseWhy::NotDecimal));
        }
        let frame = shown.frame(figure, raw);
        frame.ok_or((read.len, NoiseWhy::NotDecimal))
    }

    /// What is no line: one byte of it is dropped, or all of it where nothing
    /// but its end tells where the next one begins.
    fn miss(&self, bytes: &[u8], why: NoiseWhy) -> Step {
        let seen = &bytes[..bytes.len().min(LINE_LEN_MAX)];
        let line = |layout: &Layout| {
            let end = &layout.end;
            let at = seen.windows(end.len()).position(|found| found == end);
            at.map(|at| at + end.len())
        };
        let mut unanchored = self.layouts.iter().filter(|layout| layout.unanchored);
        match unanchored.clone().filter_map(line).min() {
            Some(len) => Step::Skip(len, why),
            None if unanchored.next().is_some() && seen.len() < LINE_LEN_MAX => Step::Need,
            None => Step::drop(why),
        }
    }
}

/// Why bytes that stand in no text are in no field.
fn odd(field: &[u8]) -> Option<NoiseWhy> {
    let odd = field.iter().find(|b| !matches!(b, b' '..=b'~'))?;
    Some(match odd {
        0 => NoiseWhy::LineError,
        0x7f.. => NoiseWhy::Field,
        _ => NoiseWhy::Cut,
    })
}

/// A unit that is in no table: letters are one that is not known, so that its
/// figure never counts; blanks are none.
fn unlisted_unit(field: &[u8], read: &mut Read<'_>) -> Option<NoiseWhy> {
    let word = field.trim_ascii();
    let letters = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b'/' | b'%');
    if !word.iter().all(letters) {
        return Some(NoiseWhy::Field);
    }
    read.unit_named |= !word.is_empty();
    None
}

/// Whether bytes start with a text.
enum Starts {
    With,
    /// As far as they go.
    Cut,
    /// Not from this byte on.
    Otherwise(usize),
}

fn starts(bytes: &[u8], text: &[u8]) -> Starts {
    match bytes.iter().zip(text).position(|(a, b)| a != b) {
        Some(at) => Starts::Otherwise(at),
        None if bytes.len() < text.len() => Starts::Cut,
        None => Starts::With,
    }
}

/// How far a field of open length goes; none = more bytes tell.
fn reach(part: &Part, bytes: &[u8]) -> Result<Option<(Kind, usize)>, (usize, NoiseWhy)> {
    let Part::Open {
        kind,
        min,
        max,
        gap,
        text,
    } = part
    else {
        unreachable!("asked of fields of open length");
    };
    for at in 0..=max + gap {
        match starts(bytes.get(at..).unwrap_or_default(), text) {
            Starts::With if at >= min + gap => return Ok(Some((*kind, at - gap))),
            Starts::Cut => return Ok(None),
            Starts::With | Starts::Otherwise(_) => {}
        }
        if !matches!(bytes[at], b' '..=b'~') {
            return Err((at, told(bytes[at])));
        }
    }
    Err((max + gap, NoiseWhy::Terminator))
}

/// Why a byte that does not fit is no frame's.
const fn told(byte: u8) -> NoiseWhy {
    match byte {
        0 => NoiseWhy::LineError,
        b' '..=b'~' => NoiseWhy::Field,
        _ => NoiseWhy::Terminator,
    }
}
