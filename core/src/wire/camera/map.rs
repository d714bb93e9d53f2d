//! Reads a document by a field map. What is not there is unknown; what is
//! there and wrong makes the message noise.

use serde_json::Value;

use super::super::settings::{Setting, SettingFault, Settings, text};
use super::super::{HeartbeatFrame, NoRead, NoiseWhy, PlateText, PlatesFrame};
use super::decimal::{Decimal, Scale};
use super::path::{Path, scalar};
use crate::time::Wall;

/// Most plates taken from one message; a road train shows fewer.
pub(super) const PLATES_MAX: usize = 8;
/// Longest serial number, event or message name kept.
pub(super) const NAME_LEN_MAX: usize = 64;
/// Longest text of a plate looked at.
const TEXT_LEN_MAX: usize = 200;

/// Directions a frame can say.
const DIRECTIONS: [&str; 10] = [
    "left", "right", "up", "down", "forward", "reverse", "in", "out", "approach", "leave",
];
/// Settings that are paths.
const PATHS: [&str; 15] = [
    "reads",
    "plate",
    "confidence",
    "candidates",
    "candidate_plate",
    "candidate_confidence",
    "event",
    "time",
    "time_fraction",
    "sent",
    "heartbeat_time",
    "direction",
    "replay",
    "id",
    "utc_offset",
];

/// A field map, ready to read with.
#[derive(Debug)]
pub(super) struct Map {
    when: Vec<(Path, Vec<String>)>,
    reads: Path,
    plate: Path,
    separator: String,
    no_plate: Vec<String>,
    confidence: Path,
    scale: Scale,
    candidates: Path,
    candidate_plate: Path,
    candidate_confidence: Path,
    event: Path,
    time: Moment,
    fraction: Path,
    fraction_us: bool,
    sent: Moment,
    heartbeat: Moment,
    direction: Path,
    directions: Vec<(String, &'static str)>,
    replay: Path,
    no_read: Vec<Path>,
    id: Path,
}

/// Where a time lies and how it is written.
#[derive(Clone, Debug)]
struct Moment {
    path: Path,
    unit: Unit,
    offset: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    Ms,
    S,
    Us,
    Text,
}

impl Unit {
    fn of(word: &str) -> Self {
        match word {
            "s" => Self::S,
            "us" => Self::Us,
            "text" => Self::Text,
            _ => Self::Ms,
        }
    }
}

/// What the table cannot tell of these settings.
pub(super) fn agree(settings: &Settings) -> Vec<SettingFault> {
    let why = |name: &str, text: &str| match name {
        "utc_offset" => offset_fault(text),
        "when" => conditions(text).err(),
        "directions" => directions(text).err(),
        "no_read" => paths(text).err(),
        _ if PATHS.contains(&name) => Path::parse(text).err(),
        _ => None,
    };
    let fault = |(name, text): (&String, &String)| {
        let name = name.clone();
        why(&name, text).map(|why| SettingFault { name, why })
    };
    settings.iter().filter_map(fault).collect()
}

fn offset_fault(offset: &str) -> Option<String> {
    let wrong = format!("\"{offset}\" is no offset: write it like \"+08:00\"");
    let time = Wall::parse(&format!("2000-01-01T00:00:00{offset}"));
    time.is_err().then_some(wrong)
}

fn conditions(text: &str) -> Result<Vec<(Path, Vec<String>)>, String> {
    let one = |condition: &str| {
        let wrong = || format!("\"{condition}\" is no condition: write it like \"type=lpr|plate\"");
        let (path, words) = condition.split_once('=').ok_or_else(wrong)?;
        let words = words.split('|').map(str::to_owned).collect();
        Ok((Path::parse(path)?, words))
    };
    text.split_whitespace().map(one).collect()
}

fn directions(text: &str) -> Result<Vec<(String, &'static str)>, String> {
    let one = |pair: &str| {
        let wrong = || {
            let known = DIRECTIONS.join(", ");
            format!("\"{pair}\" is no direction: write it like \"1=left\"; known: {known}")
        };
        let (value, word) = pair.split_once('=').ok_or_else(wrong)?;
        let word = DIRECTIONS.iter().find(|d| **d == word).ok_or_else(wrong)?;
        Ok((value.to_owned(), *word))
    };
    text.split_whitespace().map(one).collect()
}

fn paths(text: &str) -> Result<Vec<Path>, String> {
    text.split_whitespace().map(Path::parse).collect()
}

impl Map {
    /// From settings that [`agree`] has nothing against.
    pub(super) fn new(table: &'static [Setting], settings: &Settings) -> Self {
        let set = |name| text(table, settings, name);
        let path = |name| Path::parse(set(name)).expect("agreed upon");
        let moment = |name, unit| Moment {
            path: path(name),
            unit: Unit::of(set(unit)),
            offset: set("utc_offset").to_owned(),
        };
        Self {
            when: conditions(set("when")).expect("agreed upon"),
            reads: path("reads"),
            plate: path("plate"),
            separator: set("separator").to_owned(),
            no_plate: set("no_plate")
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            confidence: path("confidence"),
            scale: Scale::of(set("confidence_scale")),
            candidates: path("candidates"),
            candidate_plate: path("candidate_plate"),
            candidate_confidence: path("candidate_confidence"),
            event: path("event"),
            time: moment("time", "time_unit"),
            fraction: path("time_fraction"),
            fraction_us: set("time_fraction_unit") == "us",
            sent: moment("sent", "sent_unit"),
            heartbeat: moment("heartbeat_time", "time_unit"),
            direction: path("direction"),
            directions: directions(set("directions")).expect("agreed upon"),
            replay: path("replay"),
            no_read: paths(set("no_read")).expect("agreed upon"),
            id: path("id"),
        }
    }

    /// Whether a message is about plates.
    pub(super) fn wants(&self, document: &Value) -> bool {
        let fits = |(path, words): &(Path, Vec<String>)| {
            let found = path.text(document);
            found.is_some_and(|f| words.iter().any(|w| w.eq_ignore_ascii_case(&f)))
        };
        self.when.iter().all(fits)
    }

    /// Whether the document has a text of a plate, be it empty.
    pub(super) fn mentions(&self, document: &Value) -> bool {
        let has = |read: &Value| self.plate.text(read).is_some();
        self.list(document)
            .is_some_and(|reads| reads.iter().any(has))
    }

    /// Whether there is anything where plates would be.
    pub(super) fn has_reads(&self, document: &Value) -> bool {
        self.reads.find(document).is_some()
    }

    /// A message that is not about plates.
    pub(super) fn heartbeat(&self, document: &Value) -> HeartbeatFrame {
        let kind = self.when.iter().find_map(|(path, _)| path.text(document));
        HeartbeatFrame {
            id: self
                .id
                .text(document)
                .map_or_else(String::new, |id| clipped(&id)),
            at: self.heartbeat.read(document).ok().flatten(),
            message: kind.filter(|k| !k.is_empty()).map(|k| clipped(&k)),
            ack: None,
        }
    }

    /// The plates of a message.
    pub(super) fn plates(&self, document: &Value) -> Result<PlatesFrame, NoiseWhy> {
        let list = self.list(document).ok_or(NoiseWhy::Field)?;
        let (mut reads, mut candidates) = (Vec::new(), Vec::new());
        for read in list {
            self.read(document, read, &mut reads, &mut candidates)?;
        }
        if reads.len() > PLATES_MAX {
            return Err(NoiseWhy::Field);
        }
        let no_read = if self.no_read.iter().any(|path| is_true(path, document)) {
            reads.clear();
            Some(NoRead::Encrypted)
        } else {
            reads.is_empty().then_some(NoRead::NoPlate)
        };
        candidates.retain(|c| reads.iter().all(|r| r.text != c.text));
        candidates.truncate(if reads.is_empty() { 0 } else { PLATES_MAX });
        let event = self.event.text(document);
        Ok(PlatesFrame {
            reads,
            no_read,
            candidates,
            event: event.filter(|e| !matches!(e.as_str(), "" | "0") && e.len() <= NAME_LEN_MAX),
            at: self.taken(document)?,
            sent: self.sent.read(document).ok().flatten(),
            replay: is_true(&self.replay, document),
            on_request: false,
            direction: self.direction_of(document),
        })
    }

    fn list<'v>(&self, document: &'v Value) -> Option<&'v [Value]> {
        let found = self.reads.find(document)?;
        let list = found.as_array().map(Vec::as_slice);
        Some(list.unwrap_or(std::slice::from_ref(found)))
    }

    fn read(
        &self,
        document: &Value,
        read: &Value,
        reads: &mut Vec<PlateText>,
        candidates: &mut Vec<PlateText>,
    ) -> Result<(), NoiseWhy> {
        let text = self.plate.text(read).ok_or(NoiseWhy::Field)?;
        if text.len() > TEXT_LEN_MAX {
            return Err(NoiseWhy::Field);
        }
        let confidence = self.confidence.text(read);
        let confidence = confidence.or_else(|| self.confidence.text(document));
        let confidence_pct = match confidence {
            Some(text) => self.scale.percent(&text).ok_or(NoiseWhy::Field)?,
            None => 0,
        };
        let texts: Vec<&str> = match self.separator.as_str() {
            "" => vec![&text],
            separator => text.split(separator).map(str::trim).collect(),
        };
        for text in texts.into_iter().filter(|t| !self.is_no_plate(t)) {
            reads.push(PlateText {
                text: text.to_owned(),
                confidence_pct,
            });
        }
        self.candidates(read, confidence_pct, candidates);
        Ok(())
    }

    /// A candidate that cannot be read cannot harm: it is left out. One
    /// without a confidence is as good as its read.
    fn candidates(&self, read: &Value, confidence_pct: u8, out: &mut Vec<PlateText>) {
        let found = self.candidates.find(read);
        let list = match found {
            Some(Value::Array(list)) => list.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => return,
        };
        for candidate in list.iter().take(PLATES_MAX) {
            let text = self.candidate_plate.text(candidate);
            let Some(text) = text.or_else(|| scalar(candidate)) else {
                continue;
            };
            let own = self.candidate_confidence.text(candidate);
            let own = own.map(|c| self.scale.percent(&c));
            let pct = own.unwrap_or(Some(confidence_pct));
            let news = out.iter().all(|c| c.text != text) && out.len() < 4 * PLATES_MAX;
            if let Some(confidence_pct) = pct
                && news
                && !self.is_no_plate(&text)
                && text.len() <= TEXT_LEN_MAX
            {
                out.push(PlateText {
                    text,
                    confidence_pct,
                });
            }
        }
    }

    fn is_no_plate(&self, text: &str) -> bool {
        is_no_plate(text) || self.no_plate.iter().any(|w| w.eq_ignore_ascii_case(text))
    }

    fn taken(&self, document: &Value) -> Result<Option<Wall>, NoiseWhy> {
        let Some(at) = self.time.read(document)? else {
            return Ok(None);
        };
        let Some(fraction) = self.fraction.text(document) else {
            return Ok(Some(at));
        };
        let over = if self.fraction_us { 1000 } else { 1 };
        let ms = Decimal::parse(&fraction).and_then(|f| f.scaled(1, over));
        let ms = ms
            .filter(|ms| (0..1000).contains(ms))
            .ok_or(NoiseWhy::Field)?;
        Ok(Some(at.plus_ms(ms)))
    }

    fn direction_of(&self, document: &Value) -> Option<&'static str> {
        let said = self.direction.text(document)?;
        let known = self.directions.iter().find(|(value, _)| *value == said);
        known.map(|(_, word)| *word).or_else(|| {
            let same = |word: &&&str| word.eq_ignore_ascii_case(&said);
            DIRECTIONS.iter().find(same).copied()
        })
    }
}

impl Moment {
    /// None if it is not sent, or 0, as cameras without a time write.
    fn read(&self, document: &Value) -> Result<Option<Wall>, NoiseWhy> {
        let Some(said) = self.path.text(document).filter(|t| !t.is_empty()) else {
            return Ok(None);
        };
        let (by, over) = match self.unit {
            Unit::Text => {
                let bare = || Wall::parse(&format!("{said}{}", self.offset));
                let time = Wall::parse(&said).or_else(|_| bare());
                return time.map(Some).map_err(|_| NoiseWhy::Field);
            }
            Unit::Ms => (1, 1),
            Unit::S => (1000, 1),
            Unit::Us => (1, 1000),
        };
        let ms = Decimal::parse(&said).and_then(|d| d.scaled(by, over));
        let ms = ms.ok_or(NoiseWhy::Field)?;
        Ok((ms > 0).then_some(Wall(ms)))
    }
}

/// What cameras write where there is no plate.
pub(super) fn is_no_plate(text: &str) -> bool {
    let none = ["", "_无_", "无牌车", "无牌", "无", "?", "未识别", "-"];
    let words = [
        "unknown",
        "unlicensed",
        "no plate",
        "noplate",
        "none",
        "null",
    ];
    none.contains(&text) || words.iter().any(|w| w.eq_ignore_ascii_case(text))
}

fn is_true(path: &Path, document: &Value) -> bool {
    let said = path.text(document);
    said.is_some_and(|s| {
        !matches!(s.as_str(), "" | "0" | "0.0") && !s.eq_ignore_ascii_case("false")
    })
}

fn clipped(text: &str) -> String {
    text.chars().take(NAME_LEN_MAX).collect()
}
