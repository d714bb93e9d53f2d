//! Vzenith-compatible plate cameras over MQTT: one message, one JSON document.
//! Source: the vendor's open MQTT document.
//!
//! | path | content |
//! |---|---|
//! | `name` | `ivs_result` (a plate), `keep_alive`, others are signs of life |
//! | `sn`, `timestamp` | serial number; seconds, when sent |
//! | `payload.AlarmInfoPlate.result.PlateResult` | the result, with: |
//! | `.license` | base64 of UTF-8; several plates joined by a bar; `_无_` = none |
//! | `.confidence` | 0..100, one for all plates of the event |
//! | `.plateid` | one per vehicle event |
//! | `.timeStamp.Timeval.{sec,usec}` | UTC, when taken |
//! | `.isoffline` | 1 = from the camera's own memory |
//! | `.triggerType` | what made it read, a sum: 1 itself, 2 its input, 4 a command, 8 a line in the picture |
//! | `.is_fake_plate`, `.is_encrypted`, `.enable_encrypt` | not 0 = no read |
//! | `.direction` | 0 unknown, 1 left, 2 right, 3 up, 4 down |
//! | `.plates[]` | other texts of the same event |

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

use super::super::settings::{Setting, Settings, Values, number, text};
use super::super::{
    Decoder, Frame, HeartbeatFrame, NoRead, NoiseWhy, PlateText, PlatesFrame, Protocol,
    ProtocolKind,
};
use super::map::{NAME_LEN_MAX, PLATES_MAX, is_no_plate};
use super::whole::{Document, Whole, why};
use crate::time::Wall;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "vzenith-mqtt",
    kind: ProtocolKind::Camera,
    about: "Vzenith and compatible cameras over MQTT: `ivs_result`, `keep_alive` and more. Source: open.vzicloud.com/doc/mqtt.",
    settings: &SETTINGS,
    ask: None,
    agree: None,
    make,
};

static SETTINGS: [Setting; 2] = [
    Setting {
        name: "license",
        default: "base64",
        values: Values::Words(&["base64", "plain"]),
        meaning: "how the plate's text is written; over MQTT cameras use base64",
    },
    Setting {
        name: "size_kib_max",
        default: "1024",
        values: Values::Number { min: 1, max: 4096 },
        meaning: "largest message with its pictures; a larger one is noise",
    },
];

/// How the plate's text is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum License {
    Base64,
    Plain,
}

impl License {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "plain" => Self::Plain,
            _ => Self::Base64,
        }
    }
}

pub(super) struct Vzenith {
    license: License,
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let kib = number(&SETTINGS, settings, "size_kib_max");
    let license = License::of(text(&SETTINGS, settings, "license"));
    Box::new(Whole::new(Vzenith::new(license), kib as usize * 1024))
}

/// Nothing but a command made the camera read.
const BY_COMMAND: i64 = 4;

#[derive(Deserialize)]
struct Head {
    name: Option<String>,
    sn: Option<String>,
    timestamp: Option<i64>,
    #[serde(rename = "AlarmInfoPlate", default)]
    alarm: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Message {
    payload: Option<Payload>,
    #[serde(rename = "AlarmInfoPlate")]
    alarm: Option<Alarm>,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "AlarmInfoPlate")]
    alarm: Alarm,
}

#[derive(Deserialize)]
struct Alarm {
    result: ResultBody,
}

#[derive(Deserialize)]
struct ResultBody {
    #[serde(rename = "PlateResult")]
    plate: PlateResult,
}

#[derive(Deserialize)]
struct PlateResult {
    license: String,
    confidence: i64,
    plateid: Option<EventId>,
    #[serde(rename = "timeStamp")]
    time_stamp: Option<TimeStamp>,
    #[serde(default)]
    isoffline: Flag,
    /// A number; of another shape it says nothing.
    #[serde(rename = "triggerType")]
    trigger_type: Option<serde_json::Value>,
    #[serde(default)]
    is_fake_plate: Flag,
    #[serde(default)]
    is_encrypted: Flag,
    #[serde(default)]
    enable_encrypt: Flag,
    direction: Option<i64>,
    #[serde(default)]
    plates: Vec<Candidate>,
}

#[derive(Deserialize)]
struct Candidate {
    license: Option<String>,
    confidence: Option<i64>,
}

#[derive(Deserialize)]
struct TimeStamp {
    #[serde(rename = "Timeval")]
    timeval: Timeval,
}

#[derive(Deserialize)]
struct Timeval {
    sec: i64,
    #[serde(default)]
    usec: i64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum EventId {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Bool(bool),
    Number(i64),
}

impl Default for Flag {
    fn default() -> Self {
        Self::Bool(false)
    }
}

impl Flag {
    const fn is_set(&self) -> bool {
        match *self {
            Self::Bool(set) => set,
            Self::Number(n) => n != 0,
        }
    }
}

impl Document for Vzenith {
    fn read(&self, message: &[u8]) -> Result<Frame, NoiseWhy> {
        let head: Head = serde_json::from_slice(message).map_err(|e| why(&e))?;
        let is_result = head.alarm.is_some() || head.name.as_deref() == Some("ivs_result");
        let sent = head.timestamp.and_then(seconds);
        if is_result {
            let body: Message = serde_json::from_slice(message).map_err(|e| why(&e))?;
            let alarm = body.alarm.or(body.payload.map(|p| p.alarm));
            let alarm = alarm.ok_or(NoiseWhy::Field)?;
            return self.plates(alarm.result.plate, sent).map(Frame::Plates);
        }
        let name = head.name.ok_or(NoiseWhy::Field)?;
        let id = head.sn.ok_or(NoiseWhy::Field)?;
        if id.is_empty() || id.len() > NAME_LEN_MAX || name.len() > NAME_LEN_MAX {
            return Err(NoiseWhy::Field);
        }
        let message = (name != "keep_alive").then_some(name);
        Ok(Frame::Heartbeat(HeartbeatFrame {
            id,
            at: sent,
            message,
            ack: None,
        }))
    }
}

impl Vzenith {
    pub(super) const fn new(license: License) -> Self {
        Self { license }
    }

    fn plates(&self, result: PlateResult, sent: Option<Wall>) -> Result<PlatesFrame, NoiseWhy> {
        let (reads, no_read) = self.reads(&result)?;
        let candidates = match no_read {
            None => self.candidates(&result.plates, &reads),
            Some(_) => Vec::new(),
        };
        Ok(PlatesFrame {
            reads,
            no_read,
            candidates,
            event: result.plateid.and_then(event),
            at: result.time_stamp.and_then(|t| taken(&t.timeval)),
            sent,
            replay: result.isoffline.is_set(),
            on_request: result.trigger_type == Some(BY_COMMAND.into()),
            direction: match result.direction {
                Some(1) => Some("left"),
                Some(2) => Some("right"),
                Some(3) => Some("up"),
                Some(4) => Some("down"),
                Some(_) | None => None,
            },
        })
    }

    fn reads(&self, result: &PlateResult) -> Result<(Vec<PlateText>, Option<NoRead>), NoiseWhy> {
        if result.is_encrypted.is_set() || result.enable_encrypt.is_set() {
            return Ok((Vec::new(), Some(NoRead::Encrypted)));
        }
        if result.is_fake_plate.is_set() {
            return Ok((Vec::new(), Some(NoRead::Fake)));
        }
        let confidence_pct = percent(result.confidence).ok_or(NoiseWhy::Field)?;
        let license = self.license(&result.license)?;
        let plate = |text: &str| PlateText {
            text: text.to_owned(),
            confidence_pct,
        };
        let texts = license.split('|').map(str::trim);
        let reads: Vec<_> = texts.filter(|text| !is_no_plate(text)).map(plate).collect();
        match reads.len() {
            0 => Ok((reads, Some(NoRead::NoPlate))),
            1..=PLATES_MAX => Ok((reads, None)),
            _ => Err(NoiseWhy::Field),
        }
    }

    fn license(&self, text: &str) -> Result<String, NoiseWhy> {
        if self.license == License::Plain {
            return Ok(text.to_owned());
        }
        let bytes = BASE64.decode(text.trim()).map_err(|_| NoiseWhy::Encoding)?;
        String::from_utf8(bytes).map_err(|_| NoiseWhy::Encoding)
    }

    /// A candidate that cannot be read cannot harm: it is left out.
    fn candidates(&self, plates: &[Candidate], reads: &[PlateText]) -> Vec<PlateText> {
        let one = |candidate: &Candidate| {
            let text = self.license(candidate.license.as_deref()?).ok()?;
            let confidence_pct = percent(candidate.confidence.unwrap_or(0))?;
            let news = !is_no_plate(&text) && reads.iter().all(|r| r.text != text);
            news.then_some(PlateText {
                text,
                confidence_pct,
            })
        };
        plates.iter().filter_map(one).take(PLATES_MAX).collect()
    }
}

fn event(id: EventId) -> Option<String> {
    match id {
        EventId::Number(n) => Some(n.to_string()),
        EventId::Text(text) => (1..=NAME_LEN_MAX).contains(&text.len()).then_some(text),
    }
}

fn percent(n: i64) -> Option<u8> {
    u8::try_from(n).ok().filter(|n| *n <= 100)
}

/// A camera that has no time sends 0.
fn seconds(sec: i64) -> Option<Wall> {
    (sec > 0).then(|| sec.checked_mul(1000).map(Wall)).flatten()
}

fn taken(time: &Timeval) -> Option<Wall> {
    let ms = (0..1_000_000)
        .contains(&time.usec)
        .then_some(time.usec / 1000)?;
    seconds(time.sec).map(|at| at.plus_ms(ms))
}
