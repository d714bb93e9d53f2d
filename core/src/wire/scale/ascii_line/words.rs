//! Tables of words: `ST=stable US=motion OL=over`. A word stands as it is sent,
//! a blank in it as `_`, a byte as `\xHH`; a field of blanks alone is the word
//! `_`, and other fields are compared without the blanks around them.

use crate::model::WeightUnit;
use crate::wire::WeightMode;

/// Names of the tables, in the order of [`Slot`].
pub(super) const TABLES: [&str; 6] = ["signs", "status", "status2", "modes", "units", "figures"];

/// Which table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slot {
    Signs,
    Status,
    Status2,
    Modes,
    Units,
    Figures,
}

impl Slot {
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

/// Most words of a table.
const WORDS_MAX: usize = 64;

/// What words say, put together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Meaning {
    pub(super) stable: bool,
    pub(super) motion: bool,
    pub(super) over: bool,
    pub(super) under: bool,
    pub(super) invalid: bool,
    /// Over or under, as the sign says.
    pub(super) out: bool,
    pub(super) negative: bool,
    pub(super) mode: Option<WeightMode>,
    pub(super) unit: Option<WeightUnit>,
}

impl Meaning {
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            stable: self.stable || other.stable,
            motion: self.motion || other.motion,
            over: self.over || other.over,
            under: self.under || other.under,
            invalid: self.invalid || other.invalid,
            out: self.out || other.out,
            negative: self.negative || other.negative,
            mode: other.mode.or(self.mode),
            unit: other.unit.or(self.unit),
        }
    }

    fn add(&mut self, word: &str) -> Result<(), String> {
        match word {
            "ok" | "plus" => {}
            "stable" => self.stable = true,
            "motion" => self.motion = true,
            "over" => self.over = true,
            "under" => self.under = true,
            "out" => self.out = true,
            "invalid" => self.invalid = true,
            "minus" => self.negative = true,
            "gross" => self.mode = Some(WeightMode::Gross),
            "net" => self.mode = Some(WeightMode::Net),
            "tare" => self.mode = Some(WeightMode::Tare),
            "unknown" => self.unit = Some(WeightUnit::Unknown),
            _ if WeightUnit::of_word(word) != WeightUnit::Unknown => {
                self.unit = Some(WeightUnit::of_word(word));
            }
            _ => {
                return Err(format!(
                    "\"{word}\" means nothing here; known: ok, stable, motion, over, under, out, \
                     invalid, plus, minus, gross, net, tare, kg, t, g, lb, unknown"
                ));
            }
        }
        Ok(())
    }
}

/// One table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Words(Vec<(Vec<u8>, Meaning)>);

impl Words {
    /// From its text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut words: Vec<(Vec<u8>, Meaning)> = Vec::new();
        for pair in text.split_ascii_whitespace() {
            let Some((word, meanings)) = pair.rsplit_once('=') else {
                return Err(format!("\"{pair}\": write WORD=meaning, like ST=stable"));
            };
            let mut meaning = Meaning::default();
            for one in meanings.split('+') {
                meaning.add(one)?;
            }
            let word = bytes(word, true)?;
            if word.is_empty() || words.iter().any(|(known, _)| *known == word) {
                return Err(format!("\"{pair}\": an empty word, or one twice"));
            }
            words.push((word, meaning));
        }
        if words.len() > WORDS_MAX {
            return Err(format!("has more than {WORDS_MAX} words"));
        }
        Ok(Self(words))
    }

    /// What a field says.
    pub(super) fn say(&self, field: &[u8]) -> Option<Meaning> {
        let word = match field.trim_ascii() {
            [] => b" ".as_slice(),
            word => word,
        };
        let found = self.0.iter().find(|(known, _)| known == word);
        found.map(|(_, meaning)| *meaning)
    }
}

/// A text with `\r`, `\n`, `\t`, `\\` and `\xHH`; in a word `_` is a blank.
pub(super) fn bytes(text: &str, underscore_is_blank: bool) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '_' if underscore_is_blank => b' ',
            '\\' => escape(&mut chars)?,
            _ => u8::try_from(c)
                .ok()
                .filter(u8::is_ascii)
                .ok_or_else(|| format!("'{c}' is no ASCII character; write bytes as \\xHH"))?,
        });
    }
    Ok(out)
}

fn escape(chars: &mut std::str::Chars<'_>) -> Result<u8, String> {
    let known = "\\r, \\n, \\t, \\\\ or \\xHH";
    match chars.next() {
        Some('r') => Ok(b'\r'),
        Some('n') => Ok(b'\n'),
        Some('t') => Ok(b'\t'),
        Some('\\') => Ok(b'\\'),
        Some('x') => {
            let digits = [chars.next(), chars.next()];
            let [Some(high), Some(low)] = digits.map(|c| c.and_then(|c| c.to_digit(16))) else {
                return Err(format!("\\x wants two hex digits; known: {known}"));
            };
            u8::try_from(high << 4 | low).map_err(|_| "no byte".to_owned())
        }
        Some(c) => Err(format!("\\{c} is not known; write {known}")),
        None => Err(format!("a \\ at the end; write {known}")),
    }
}
