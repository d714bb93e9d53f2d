//! Frames: what a device said, typed, not yet judged.

use serde_json::{Value, json};
use smol_str::SmolStr;

use super::exchange::ExchangeFrame;
use crate::model::{Kg, SealAlarm, SealId, SealState, WeightUnit};
use crate::time::Wall;

/// One whole message of a device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// A weight.
    Weight(WeightFrame),
    /// Plates of one camera event.
    Plates(PlatesFrame),
    /// A seal's report.
    Seal(SealFrame),
    /// A sign of life, with or without a time.
    Heartbeat(HeartbeatFrame),
    /// A tag or a card near a reader.
    Tag(TagFrame),
    /// Discrete inputs.
    Inputs(InputsFrame),
    /// An answer (or, on a tapped bus, a request).
    Reply(ReplyFrame),
    /// What a host and its board or sign say to each other without a frame of
    /// its own above.
    Exchange(ExchangeFrame),
}

/// What a weight figure means.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum WeightMode {
    /// All that stands on the platform.
    Gross,
    /// Less a tare.
    Net,
    /// The tare itself.
    Tare,
}

/// A weight as the indicator sent it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WeightFrame {
    /// Decimal text: sign only if negative, at least one digit before the
    /// point, as many behind it as sent. Never a float. None = the indicator
    /// shows no figure (overload as blanks or letters, an error).
    pub value: Option<SmolStr>,
    /// As the frame says it, or as configured where it does not.
    pub unit: WeightUnit,
    /// What the figure means.
    pub mode: WeightMode,
    /// The device's own flag; none = the format has no flag.
    pub stable: Option<bool>,
    /// Above what the scale can weigh.
    pub overload: bool,
    /// Below zero beyond its range.
    pub underload: bool,
    /// The frame's bytes.
    pub raw: Vec<u8>,
}

impl WeightFrame {
    /// The figure in whole kilograms; none while over- or underloaded, and of
    /// a unit that is not metric.
    #[must_use]
    pub fn kg(&self) -> Option<Kg> {
        let valid = !self.overload && !self.underload;
        let value = self.value.as_ref().filter(|_| valid)?;
        Kg::from_decimal(value, self.unit)
    }

    /// A figure in a metric unit that no scale for vehicles can show: some
    /// indicators say overload by nines.
    #[must_use]
    pub fn is_beyond_any_scale(&self) -> bool {
        let metric = self.unit.per_kg_micro().is_some();
        let shown = |value: &SmolStr| Kg::from_decimal(value, self.unit).is_some();
        metric && self.value.as_ref().is_some_and(|value| !shown(value))
    }
}

/// One text with its confidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlateText {
    /// As sent.
    pub text: String,
    /// 0 to 100.
    pub confidence_pct: u8,
}

/// Why a camera event carries no plate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NoRead {
    /// The camera saw none.
    NoPlate,
    /// The camera takes it for a forgery or a picture.
    Fake,
    /// Encrypted; without the key it is no read.
    Encrypted,
}

impl NoRead {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoPlate => "no-plate",
            Self::Fake => "fake",
            Self::Encrypted => "encrypted",
        }
    }
}

/// Plates of one camera event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlatesFrame {
    /// The texts read; empty = no plate.
    pub reads: Vec<PlateText>,
    /// Why none.
    pub no_read: Option<NoRead>,
    /// Other texts the camera considered for the same event.
    pub candidates: Vec<PlateText>,
    /// The camera's event or track id.
    pub event: Option<String>,
    /// When the picture was taken, by the camera's clock.
    pub at: Option<Wall>,
    /// When the message was sent, by the camera's clock.
    pub sent: Option<Wall>,
    /// From the camera's memory: never evidence.
    pub replay: bool,
    /// It was asked for, and nothing else made the camera take it.
    pub on_request: bool,
    /// Direction of movement in the picture.
    pub direction: Option<&'static str>,
}

/// What happened to a seal, where the message reports an event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SealEvent {
    /// It locked.
    Locked,
    /// It was unlocked by someone with the right to.
    Unlocked,
    /// An unlocking was refused.
    Refused,
}

impl SealEvent {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Unlocked => "unlocked",
            Self::Refused => "refused",
        }
    }
}

/// A position in millionths of a degree, north and east positive.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CoordinateMicrodeg {
    /// Latitude.
    pub lat: i32,
    /// Longitude.
    pub lon: i32,
}

/// A seal's report of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealFrame {
    /// Which seal.
    pub id: SealId,
    /// Its state. Of an event that does not tell the present state (a swipe,
    /// a lock report) `Unknown`: such a frame is no evidence of a state.
    pub state: SealState,
    /// The event, where the message reports one.
    pub event: Option<SealEvent>,
    /// Alarms, sorted, each once.
    pub alarms: Vec<SealAlarm>,
    /// Battery in percent.
    pub battery_pct: Option<u8>,
    /// On the charger, so that no percentage is known.
    pub charging: bool,
    /// Its own event time; none = impossible or absent.
    pub at: Option<Wall>,
    /// Sent from its memory.
    pub replay: bool,
    /// Where, if it had a fix.
    pub position: Option<CoordinateMicrodeg>,
    /// What to write back so that it does not send this again.
    pub ack: Option<Vec<u8>>,
}

/// A tag or card that a reader names. It names, it proves nothing: tags can be
/// copied, and an antenna hears farther than its lane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TagFrame {
    /// Its number, in the writing set for the reader; hex in capitals.
    pub id: String,
    /// Which antenna heard it, from 1.
    pub antenna: Option<u8>,
    /// How strong, in the reader's own measure; more is stronger.
    pub rssi: Option<u8>,
    /// The two parts of an access card's number.
    pub card: Option<CardNumber>,
}

/// What an access card is numbered by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CardNumber {
    /// Whose card, 0 to 255.
    pub facility: u8,
    /// Which of them.
    pub number: u16,
}

/// A sign of life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeartbeatFrame {
    /// The device's own id.
    pub id: String,
    /// Its time, if sent.
    pub at: Option<Wall>,
    /// The kind of message, where it is more than a heartbeat.
    pub message: Option<String>,
    /// What to write back so that it goes on.
    pub ack: Option<Vec<u8>>,
}

/// Discrete inputs of one unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputsFrame {
    /// Which unit; none where the device has no number.
    pub unit: Option<u8>,
    /// The first input asked for first; padded to whole bytes.
    pub bits: Vec<bool>,
    /// The outputs, where the same message tells them.
    pub outputs: Option<Vec<bool>>,
}

/// An answer of a unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplyFrame {
    /// Which unit.
    pub unit: u8,
    /// Function code, without the exception bit.
    pub function: u8,
    /// What.
    pub content: ReplyContent,
}

/// What a reply says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplyContent {
    /// Coils, padded to whole bytes.
    Coils(Vec<bool>),
    /// Registers.
    Registers(Vec<u16>),
    /// One coil written; `on` none = a value that is neither on nor off.
    CoilWritten {
        /// Which.
        coil: u16,
        /// What.
        on: Option<bool>,
        /// As sent.
        value: u16,
    },
    /// A pulse timed by the board.
    Flash {
        /// Which coil.
        coil: u16,
        /// How long.
        ms: u32,
    },
    /// One register written.
    RegisterWritten {
        /// Which.
        register: u16,
        /// What.
        value: u16,
    },
    /// Several written.
    ManyWritten {
        /// First.
        start: u16,
        /// How many.
        count: u16,
    },
    /// It failed; none = the unit left out the code (malformed exception).
    Exception(Option<u8>),
    /// Nothing but the function: the question itself, returned by an adapter
    /// or heard on a tapped line. No sign of life.
    Question,
    /// The unit says that it cannot or does not understand, in its own word.
    Refused(SmolStr),
    /// Not an answer: the master's question.
    Request {
        /// First.
        start: u16,
        /// How many.
        count: u16,
    },
}

impl Frame {
    /// As `decode` prints it (FORMATS 7).
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Weight(frame) => weight(frame),
            Self::Plates(frame) => plates(frame),
            Self::Seal(frame) => seal(frame),
            Self::Heartbeat(frame) => heartbeat(frame),
            Self::Tag(frame) => tag(frame),
            Self::Inputs(frame) => inputs(frame),
            Self::Reply(frame) => reply(frame),
            Self::Exchange(frame) => frame.to_json(),
        }
    }
}

fn weight(f: &WeightFrame) -> Value {
    let mode = match f.mode {
        WeightMode::Gross => "gross",
        WeightMode::Net => "net",
        WeightMode::Tare => "tare",
    };
    json!({"kind": "weight", "value": f.value, "unit": f.unit.word(), "mode": mode, "stable": f.stable,
        "overload": f.overload, "underload": f.underload, "raw": hex(&f.raw)})
}

fn plates(f: &PlatesFrame) -> Value {
    let texts = |texts: &[PlateText]| -> Vec<Value> {
        let one = |p: &PlateText| json!({"text": p.text, "confidence_pct": p.confidence_pct, "region": null});
        texts.iter().map(one).collect()
    };
    let mut json = json!({"kind": "plates", "plates": texts(&f.reads), "at": f.at,
        "replay": f.replay, "direction": f.direction, "event": f.event});
    if let Some(why) = f.no_read {
        json["no_read"] = why.word().into();
    }
    if f.on_request {
        json["on_request"] = true.into();
    }
    if !f.candidates.is_empty() {
        json["candidates"] = texts(&f.candidates).into();
    }
    json
}

fn seal(f: &SealFrame) -> Value {
    let sealed = match f.state {
        SealState::Sealed => Some(true),
        SealState::Open | SealState::Cut => Some(false),
        SealState::Unknown => None,
    };
    let mut json = json!({"kind": "seal", "id": f.id, "state": f.state, "sealed": sealed,
        "battery_pct": f.battery_pct, "at": f.at, "alarms": f.alarms, "replay": f.replay});
    if let Some(event) = f.event {
        json["event"] = event.word().into();
    }
    if let Some(at) = f.position {
        json["lat"] = degrees(at.lat).into();
        json["lon"] = degrees(at.lon).into();
    }
    if let Some(ack) = &f.ack {
        json["ack"] = written(ack).into();
    }
    json
}

/// Bytes as text where they are text, as hex where they are not.
fn written(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).ok();
    let plain = text.filter(|t| t.bytes().all(|b| (0x20..0x7f).contains(&b)));
    plain.map_or_else(|| hex(bytes), str::to_owned)
}

fn heartbeat(f: &HeartbeatFrame) -> Value {
    let mut json = json!({"kind": "heartbeat", "id": f.id, "at": f.at, "message": f.message});
    if let Some(ack) = &f.ack {
        json["ack"] = written(ack).into();
    }
    json
}

fn tag(f: &TagFrame) -> Value {
    let mut json = json!({"kind": "tag", "id": f.id, "antenna": f.antenna, "rssi": f.rssi});
    if let Some(card) = f.card {
        json["facility"] = card.facility.into();
        json["card"] = card.number.into();
    }
    json
}

fn inputs(f: &InputsFrame) -> Value {
    let mut json = json!({"kind": "inputs", "inputs": f.bits});
    if let Some(unit) = f.unit {
        json["unit"] = unit.into();
    }
    if let Some(outputs) = &f.outputs {
        json["outputs"] = json!(outputs);
    }
    json
}

fn reply(f: &ReplyFrame) -> Value {
    let mut json = json!({"kind": "reply", "unit": f.unit, "function": f.function});
    let more = match &f.content {
        ReplyContent::Coils(bits) => json!({"ok": true, "coils": bits}),
        ReplyContent::Registers(words) => json!({"ok": true, "registers": words}),
        ReplyContent::CoilWritten { coil, on, value } => {
            json!({"ok": true, "coil": coil, "on": on, "value": value})
        }
        ReplyContent::Flash { coil, ms } => json!({"ok": true, "coil": coil, "flash_ms": ms}),
        ReplyContent::RegisterWritten { register, value } => {
            json!({"ok": true, "register": register, "value": value})
        }
        ReplyContent::ManyWritten { start, count } => {
            json!({"ok": true, "start": start, "count": count})
        }
        ReplyContent::Exception(Some(code)) => json!({"ok": false, "exception": code}),
        ReplyContent::Exception(None) => {
            json!({"ok": false, "exception": null, "why": "malformed exception: it has no code"})
        }
        ReplyContent::Question => json!({"kind": "request"}),
        ReplyContent::Refused(word) => json!({"ok": false, "why": word}),
        ReplyContent::Request { start, count } => {
            json!({"kind": "request", "start": start, "count": count})
        }
    };
    let (Value::Object(json_map), Value::Object(more)) = (&mut json, more) else {
        unreachable!("both are objects");
    };
    json_map.extend(more);
    json
}

/// Millionths of a degree as a decimal text.
fn degrees(microdeg: i32) -> String {
    let sign = if microdeg < 0 { "-" } else { "" };
    let size = microdeg.unsigned_abs();
    format!("{sign}{}.{:06}", size / 1_000_000, size % 1_000_000)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, b| {
        write!(text, "{b:02x}").expect("writing to a String cannot fail");
        text
    })
}
