//! Which protocols fit bytes that were heard on a line, and how well. Nothing
//! is guessed: two that fit as well and read different things are said to.
//!
//! A protocol is tried with its defaults, then one setting after the other is
//! changed where that yields more frames, or two where none does. What a frame is worth is tried too:
//! single bits are flipped, and a protocol with a checksum notices each, where
//! one without takes most for another value.

use std::collections::BTreeSet;

use serde_json::Value;

use super::settings::{Settings, Values};
use super::{Frame, Hint, Item, Protocol, protocols};

/// Bytes judged of one line, the latest; more would tell no more.
const HEARD_LEN_MAX: usize = 16 * 1024;
/// Single bits flipped to see whether a protocol notices.
const DAMAGES: usize = 48;
/// Of them so many must be told for the result to count.
const DAMAGES_MIN: usize = 8;
/// Readings kept of a fit, to be compared with a display.
const READINGS_MAX: usize = 5;
/// A protocol that leaves more than this as noise does not fit.
const COVERED_PERMILLE_MIN: usize = 300;
/// Fits that differ by less are as good as each other.
const AS_GOOD_PERMILLE: usize = 100;
/// Frames of a protocol that hardly notices damage before they count.
const WEAK_FRAMES_MIN: usize = 3;
/// Bytes from which parity is told.
const PARITY_LEN_MIN: usize = 24;
/// Words of a protocol's settings up to which two are changed together.
const TOGETHER_MAX: usize = 8;
/// The line's own settings: told by the framing, not tried.
const OF_THE_LINE: [&str; 2] = ["data_bits", "parity"];

/// Bytes of a line read as eight bits without parity, cut where it was silent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Heard {
    bursts: Vec<Vec<u8>>,
    len: usize,
}

/// Data bits and parity, as far as bytes read as 8N1 tell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Framing {
    /// 8N1, or 7 bits whose eighth is always 0.
    EightNone,
    /// 7E1.
    SevenEven,
    /// 7O1.
    SevenOdd,
}

/// One protocol that fits.
#[derive(Clone)]
pub struct Fit {
    /// Which.
    pub protocol: &'static Protocol,
    /// Settings that differ from the defaults.
    pub settings: Settings,
    /// Whole frames.
    pub frames: usize,
    /// Bytes that are in no frame, in thousandths.
    pub noise_permille: usize,
    /// Single damaged bits tried, of those that changed anything.
    pub damages: usize,
    /// Those that cost frames and made no other.
    pub noticed: usize,
    /// What the latest frames say, each as `decode` prints it.
    pub readings: Vec<Value>,
    /// Settings the bytes do not tell, with the words that fit as well.
    pub untold: Vec<(&'static str, Vec<&'static str>)>,
}

impl Fit {
    /// Nearly every damaged bit is noticed: what fits is no accident.
    #[must_use]
    pub const fn is_strong(&self) -> bool {
        self.damages >= DAMAGES_MIN && self.noticed * 10 >= self.damages * 9
    }
}

impl std::fmt::Debug for Fit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fit")
            .field("protocol", &self.protocol.name)
            .field("settings", &self.settings)
            .field("frames", &self.frames)
            .field("noise_permille", &self.noise_permille)
            .field("noticed", &(self.noticed, self.damages))
            .field("readings", &self.readings)
            .finish_non_exhaustive()
    }
}

/// What fits a line.
#[derive(Clone, Debug)]
pub struct Fits {
    /// Data bits and parity.
    pub framing: Framing,
    /// The best first.
    pub fits: Vec<Fit>,
    /// So many of the first fit as well as each other and read different
    /// things; one, or none, is no doubt.
    pub rivals: usize,
}

impl Heard {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of the same burst.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.bursts.is_empty() {
            self.bursts.push(Vec::new());
        }
        let burst = self.bursts.last_mut().expect("one was put there");
        burst.extend_from_slice(bytes);
        self.len += bytes.len();
        // Whole bursts go first; of a single endless one its beginning.
        while self.len > HEARD_LEN_MAX {
            let over = self.len - HEARD_LEN_MAX;
            let first = &mut self.bursts[0];
            let gone = over.min(first.len());
            first.drain(..gone);
            self.len -= gone;
            if first.is_empty() && self.bursts.len() > 1 {
                self.bursts.remove(0);
            }
        }
    }

    /// The line fell silent.
    pub fn silent(&mut self) {
        if self.bursts.last().is_some_and(|burst| !burst.is_empty()) {
            self.bursts.push(Vec::new());
        }
    }

    /// Bytes kept.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Nothing was heard.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        self.bursts.iter().flatten().copied()
    }

    /// Every byte with the same parity, some with bit 7 set, and text but for
    /// it: what a line of 7 bits with parity looks like.
    fn framing(&self) -> Framing {
        let text = |b: u8| matches!(b & 0x7f, 2 | 3 | b'\r' | b'\n' | 0x20..=0x7e);
        let text = self.bytes().filter(|b| text(*b)).count();
        let high = self.bytes().filter(|b| b & 0x80 != 0).count();
        let odd = self.bytes().filter(|b| b.count_ones() % 2 == 1).count();
        let regular = self.len >= PARITY_LEN_MIN && high > 0 && text * 20 >= self.len * 19;
        match odd {
            odd if regular && odd * 20 <= self.len => Framing::SevenEven,
            odd if regular && odd * 20 >= self.len * 19 => Framing::SevenOdd,
            _ => Framing::EightNone,
        }
    }

    fn masked(&self) -> Self {
        let mask = |burst: &Vec<u8>| burst.iter().map(|b| b & 0x7f).collect();
        Self {
            bursts: self.bursts.iter().map(mask).collect(),
            len: self.len,
        }
    }

    fn flipped(&self, at: usize, bit: u32) -> Self {
        let mut flipped = self.clone();
        let mut bytes = flipped.bursts.iter_mut().flatten();
        if let Some(byte) = bytes.nth(at) {
            *byte ^= 1 << bit;
        }
        flipped
    }
}

impl Framing {
    /// As `lane.toml` writes it behind the speed.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::EightNone => "8N1",
            Self::SevenEven => "7E1",
            Self::SevenOdd => "7O1",
        }
    }

    /// What a codec is told of it.
    const fn settings(self) -> [(&'static str, &'static str); 2] {
        match self {
            Self::EightNone => [("data_bits", "8"), ("parity", "none")],
            Self::SevenEven => [("data_bits", "7"), ("parity", "even")],
            Self::SevenOdd => [("data_bits", "7"), ("parity", "odd")],
        }
    }
}

/// What of all protocols fits `heard`.
#[must_use]
pub fn fits(heard: &Heard) -> Fits {
    fits_among(protocols(), heard)
}

/// What of `known` fits `heard`; for instance the one that was asked.
#[must_use]
pub fn fits_among(known: &[&'static Protocol], heard: &Heard) -> Fits {
    let framing = heard.framing();
    let heard = match framing {
        Framing::EightNone => heard.clone(),
        Framing::SevenEven | Framing::SevenOdd => heard.masked(),
    };
    let fit = |protocol: &&'static Protocol| fit(protocol, framing, &heard);
    let mut fits: Vec<Fit> = known.iter().filter_map(fit).collect();
    fits.sort_by_key(|fit| {
        let weak = !fit.is_strong();
        let fewest = (fit.settings.len(), fit.protocol.name);
        (
            weak,
            fit.noise_permille,
            std::cmp::Reverse(fit.frames),
            fewest,
        )
    });
    let rivals = rivals(&fits);
    Fits {
        framing,
        fits,
        rivals,
    }
}

/// How many of the first fit as well as each other, if they are not known to
/// read the same.
fn rivals(fits: &[Fit]) -> usize {
    let Some(best) = fits.first() else {
        return 0;
    };
    let as_good = fits.iter().take_while(|fit| {
        fit.is_strong() == best.is_strong()
            && fit.noise_permille <= best.noise_permille + AS_GOOD_PERMILLE
    });
    let as_good: Vec<&Fit> = as_good.collect();
    let differ = as_good.iter().any(|fit| fit.readings != best.readings);
    // An empty scale reads the same in any order of digits.
    let told_apart = best.is_strong() || best.readings.iter().any(|r| *r != best.readings[0]);
    match differ || !told_apart {
        true => as_good.len(),
        false => 1,
    }
}

/// What a decoder makes of what was heard.
struct Decoded {
    frames: Vec<Frame>,
    noise: usize,
}

impl Decoded {
    /// More frames, or as many with less noise.
    fn better_than(&self, other: &Self) -> bool {
        let (a, b) = (self.frames.len(), other.frames.len());
        a > b || (a == b && self.noise < other.noise)
    }
}

fn decoded(protocol: &Protocol, settings: &Settings, heard: &Heard) -> Option<Decoded> {
    let mut decoder = protocol.decoder(settings).ok()?;
    let mut items = Vec::new();
    for burst in heard.bursts.iter().filter(|burst| !burst.is_empty()) {
        decoder.push(burst, &mut items);
        decoder.idle(&mut items);
    }
    let mut told = Decoded {
        frames: Vec::new(),
        noise: 0,
    };
    for item in items {
        match item {
            Item::Frame(frame) => told.frames.push(frame),
            Item::Noise { len, .. } => told.noise += len,
        }
    }
    Some(told)
}

fn fit(protocol: &'static Protocol, framing: Framing, heard: &Heard) -> Option<Fit> {
    let has = |name: &str| protocol.settings.iter().any(|s| s.name == name);
    let of_the_line = framing.settings().into_iter().filter(|(name, _)| has(name));
    let mut settings: Settings = of_the_line
        .map(|(name, word)| (name.to_owned(), word.to_owned()))
        .collect();
    let mut best = decoded(protocol, &settings, heard)?;
    improve(protocol, heard, &mut settings, &mut best);
    if best.frames.is_empty() {
        improve_from_another(protocol, heard, &mut settings, &mut best);
    }
    let covered = heard.len.saturating_sub(best.noise);
    if best.frames.is_empty() || covered * 1000 < heard.len * COVERED_PERMILLE_MIN {
        return None;
    }
    let (damages, noticed) = noticed(protocol, &settings, heard, &best);
    let mut fit = Fit {
        protocol,
        frames: best.frames.len(),
        noise_permille: best.noise * 1000 / heard.len.max(1),
        damages,
        noticed,
        readings: readings(&best.frames),
        untold: untold(protocol, &settings, heard, &best),
        settings,
    };
    let counts = fit.is_strong() || fit.frames >= WEAK_FRAMES_MIN;
    let default = |name: &str, word: &str| {
        let mut known = protocol.settings.iter();
        known.any(|s| s.name == name && s.default == word)
    };
    fit.settings.retain(|name, word| !default(name, word));
    counts.then_some(fit)
}

/// Changes one setting after the other where that yields more.
fn improve(protocol: &Protocol, heard: &Heard, settings: &mut Settings, best: &mut Decoded) {
    for (name, words) in choices(protocol) {
        for word in words {
            let mut tried = settings.clone();
            tried.insert(name.to_owned(), (*word).to_owned());
            let other = decoded(protocol, &tried, heard);
            if let Some(other) = other.filter(|other| other.better_than(best)) {
                (*best, *settings) = (other, tried);
            }
        }
    }
}

/// No single change yields a frame: two may, where there are few to try.
fn improve_from_another(
    protocol: &Protocol,
    heard: &Heard,
    settings: &mut Settings,
    best: &mut Decoded,
) {
    let all = || choices(protocol).flat_map(|(name, words)| words.iter().map(move |w| (name, *w)));
    if all().count() > TOGETHER_MAX {
        return;
    }
    for (name, word) in all() {
        let mut from = settings.clone();
        from.insert(name.to_owned(), word.to_owned());
        let Some(mut found) = decoded(protocol, &from, heard) else {
            continue;
        };
        improve(protocol, heard, &mut from, &mut found);
        if found.better_than(best) {
            (*best, *settings) = (found, from);
        }
    }
}

/// Settings that are a choice of words, but for the line's own.
fn choices(
    protocol: &Protocol,
) -> impl Iterator<Item = (&'static str, &'static [&'static str])> + use<> {
    protocol.settings.iter().filter_map(|s| match s.values {
        Values::Words(words) if !OF_THE_LINE.contains(&s.name) => Some((s.name, words)),
        Values::Words(_) | Values::Number { .. } | Values::Text { .. } => None,
    })
}

/// What a frame says, without the bytes it said it by.
fn said(frame: &Frame) -> Value {
    let mut json = frame.to_json();
    if let Some(object) = json.as_object_mut() {
        object.remove("raw");
    }
    json
}

fn readings(frames: &[Frame]) -> Vec<Value> {
    let latest = frames.len().saturating_sub(READINGS_MAX);
    frames[latest..].iter().map(said).collect()
}

/// Bits flipped one at a time: how many of them made a difference, and how
/// many of those were noticed: frames went missing and none came that was not
/// sent.
fn noticed(
    protocol: &Protocol,
    settings: &Settings,
    heard: &Heard,
    whole: &Decoded,
) -> (usize, usize) {
    let texts = |frames: &[Frame]| -> Vec<String> {
        frames
            .iter()
            .map(|frame| frame.to_json().to_string())
            .collect()
    };
    let sent = texts(&whole.frames);
    let known: BTreeSet<&String> = sent.iter().collect();
    let (mut damages, mut noticed) = (0, 0);
    for n in 0..DAMAGES.min(heard.len) {
        let at = n * heard.len / DAMAGES.min(heard.len);
        let bit = u32::try_from(n % 7).expect("below 7");
        let Some(told) = decoded(protocol, settings, &heard.flipped(at, bit)) else {
            continue;
        };
        let told = texts(&told.frames);
        if told != sent {
            damages += 1;
            noticed += usize::from(told.iter().all(|text| known.contains(text)));
        }
    }
    (damages, noticed)
}

/// Settings whose other words yield as many frames that say something else.
fn untold(
    protocol: &Protocol,
    settings: &Settings,
    heard: &Heard,
    best: &Decoded,
) -> Vec<(&'static str, Vec<&'static str>)> {
    let readings = readings(&best.frames);
    let fits_too = |name: &str, word: &str| {
        let mut tried = settings.clone();
        tried.insert(name.to_owned(), word.to_owned());
        let other = decoded(protocol, &tried, heard);
        other.is_some_and(|other| {
            other.frames.len() == best.frames.len() && self::readings(&other.frames) != readings
        })
    };
    let of = |(name, words): (&'static str, &'static [&'static str])| {
        let other: Vec<&str> = words
            .iter()
            .copied()
            .filter(|w| fits_too(name, w))
            .collect();
        (!other.is_empty()).then_some((name, other))
    };
    choices(protocol).filter_map(of).collect()
}

/// What is wrong in words, where bytes that fit nothing tell: the first hint
/// of any protocol about parity.
#[must_use]
pub fn parity_hint(heard: &Heard) -> Option<&'static str> {
    match heard.framing() {
        Framing::EightNone => None,
        Framing::SevenEven => Some(Hint::SevenEven.words()),
        Framing::SevenOdd => Some(Hint::SevenOdd.words()),
    }
}

#[cfg(test)]
mod tests;
