//! Seals and seal platforms that send JSON of any shape: the settings say
//! where each value stands and what its words mean. One message is one
//! document, one document one report or several.
//!
//! Sealed is a rule: the state's word must be one that is set for it, and no
//! alarm may contradict it; a word or an alarm nobody set means no known
//! state, never a sealed one.

mod map;

use super::super::json_path::Node;
use super::super::settings::{Setting, Settings, Values};
use super::super::{Decoder, Frame, HeartbeatFrame, Item, NoiseWhy, Protocol, ProtocolKind};
use super::super::{SealEvent, SealFrame};
use crate::model::{SealAlarm, SealId, SealState};
use map::Map;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "json-seal",
    kind: ProtocolKind::Seal,
    about: "Any seal, reader or seal platform that sends JSON: the settings are a map from its fields. A path is keys with `.` between them, `[0]` for one of a list, `[]` for each, like `data[].lock.id`; \
an empty path means that there is no such field. Where a message has several reports, `reports` says where each of them stands, and the other paths begin there. \
A state or an alarm with a word that is not in the settings makes the state unknown: it never counts as sealed. Numbers may be written as texts.",
    settings: &SETTINGS,
    ask: None,
    agree: Some(map::agree),
    make,
};

const PATH: Values = Values::Text { len_max: 128 };
const WORDS: Values = Values::Text { len_max: 256 };

const fn setting(
    name: &'static str,
    default: &'static str,
    values: Values,
    meaning: &'static str,
) -> Setting {
    Setting {
        name,
        default,
        values,
        meaning,
    }
}

static SETTINGS: [Setting; 18] = [
    setting(
        "reports",
        "",
        PATH,
        "where each report stands; empty: the document is one",
    ),
    setting("id", "id", PATH, "the seal's number"),
    setting("state", "state", PATH, "its state"),
    setting(
        "sealed",
        "sealed",
        WORDS,
        "words of the state that mean closed and whole, with commas between",
    ),
    setting("open", "open", WORDS, "words that mean open"),
    setting("cut", "cut", WORDS, "words that mean cut"),
    setting(
        "time",
        "time",
        PATH,
        "when the seal was so, by its own clock; without a time no report is evidence",
    ),
    setting(
        "time_unit",
        "rfc3339",
        Values::Words(&["rfc3339", "s", "ms", "local"]),
        "how the time is written: with its offset; Unix seconds or milliseconds; or 2026-11-24 08:00:00 in utc_offset",
    ),
    setting(
        "utc_offset",
        "+08:00",
        Values::Text { len_max: 6 },
        "what a local time is ahead of UTC",
    ),
    setting("battery", "", PATH, "its battery"),
    setting(
        "battery_unit",
        "percent",
        Values::Words(&["percent", "fraction"]),
        "0 to 100, or 0 to 1",
    ),
    setting("alarms", "", PATH, "its alarms, each a word, like alarms[]"),
    setting(
        "alarm_words",
        "",
        WORDS,
        "what each alarm's word means, like CUT=rope-cut,NONE=-; - means nothing",
    ),
    setting(
        "alarm_flags",
        "",
        WORDS,
        "alarms that are fields of their own, set if true or not 0, like flags.cut=rope-cut",
    ),
    setting(
        "replay",
        "",
        PATH,
        "says that the report is from the seal's memory; where it is absent the report is live",
    ),
    setting("replay_words", "true,1", WORDS, "words of it that mean so"),
    setting(
        "heartbeat",
        "",
        PATH,
        "a field only signs of life have: its value is the sender's name",
    ),
    setting(
        "framing",
        "message",
        Values::Words(&["message", "lines"]),
        "message: a document ends with its message or silence; lines: each line is one",
    ),
];

/// Largest message; seals send no pictures.
const MESSAGE_LEN_MAX: usize = 64 * 1024;
/// Most reports of one message.
const REPORTS_MAX: usize = 64;

struct JsonSeal {
    map: Map,
    lines: bool,
    /// The message so far, at most its greatest length.
    message: Vec<u8>,
    /// Bytes of it beyond that.
    excess: usize,
}

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let set = |name| super::super::settings::text(&SETTINGS, settings, name);
    Box::new(JsonSeal {
        map: Map::read(settings).expect("checked by agree"),
        lines: set("framing") == "lines",
        message: Vec::new(),
        excess: 0,
    })
}

impl Decoder for JsonSeal {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Item>) {
        if !self.lines {
            return self.keep(bytes);
        }
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            self.keep(piece);
            if piece.ends_with(b"\n") {
                self.end(out);
            }
        }
    }

    fn idle(&mut self, out: &mut Vec<Item>) {
        self.end(out);
    }
}

impl JsonSeal {
    fn keep(&mut self, bytes: &[u8]) {
        let room = MESSAGE_LEN_MAX - self.message.len();
        let (kept, beyond) = bytes.split_at(bytes.len().min(room));
        self.message.extend_from_slice(kept);
        self.excess += beyond.len();
    }

    fn end(&mut self, out: &mut Vec<Item>) {
        let message = std::mem::take(&mut self.message);
        let excess = std::mem::take(&mut self.excess);
        if message.is_empty() {
            return;
        }
        let read = match excess {
            0 => self.read(&message),
            _ => Err(NoiseWhy::TooLong),
        };
        match read {
            Ok(frames) => out.extend(frames.into_iter().map(Item::Frame)),
            Err(why) => out.push(Item::Noise {
                len: message.len() + excess,
                why,
                hint: None,
            }),
        }
    }

    fn read(&self, message: &[u8]) -> Result<Vec<Frame>, NoiseWhy> {
        let document = Node::parse(message).map_err(|fault| match fault {
            super::super::json_path::NodeFault::Encoding => NoiseWhy::Encoding,
            super::super::json_path::NodeFault::Syntax(_) => NoiseWhy::Syntax,
            super::super::json_path::NodeFault::TooLarge => NoiseWhy::TooLong,
        })?;
        if let Some(id) = self.map.sender(&document) {
            let heartbeat = HeartbeatFrame {
                id,
                at: None,
                message: None,
                ack: None,
            };
            return Ok(vec![Frame::Heartbeat(heartbeat)]);
        }
        let reports = self.map.reports(&document);
        if reports.is_empty() || reports.len() > REPORTS_MAX {
            return Err(NoiseWhy::Field);
        }
        let seal = |report| self.map.seal(report).map(Frame::Seal);
        let seals: Option<Vec<Frame>> = reports.into_iter().map(seal).collect();
        seals.ok_or(NoiseWhy::Field)
    }
}

/// What a word and the alarms make of a state.
fn judged(word: SealState, alarms: &[SealAlarm], strange_alarm: bool) -> SealState {
    let has = |alarm| alarms.contains(&alarm);
    match word {
        SealState::Sealed | SealState::Unknown if has(SealAlarm::RopeCut) => SealState::Cut,
        SealState::Sealed if has(SealAlarm::CoverOpened) || has(SealAlarm::MotorStuck) => {
            SealState::Open
        }
        SealState::Sealed if strange_alarm => SealState::Unknown,
        SealState::Sealed | SealState::Open | SealState::Cut | SealState::Unknown => word,
    }
}

/// A report as a frame.
fn frame(
    id: SealId,
    state: SealState,
    alarms: Vec<SealAlarm>,
    battery_pct: Option<u8>,
    at: Option<crate::time::Wall>,
    replay: bool,
) -> SealFrame {
    SealFrame {
        id,
        state,
        event: None::<SealEvent>,
        alarms,
        battery_pct,
        charging: false,
        at,
        replay,
        position: None,
        ack: None,
    }
}
