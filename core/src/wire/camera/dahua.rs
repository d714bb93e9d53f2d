//! Dahua traffic cameras (CGI `eventManager`, `snapManager`): parts of text
//! among pictures. Source: the maker's HTTP API, captured streams.
//!
//! ```text
//! Code=TrafficJunction;action=Pulse;index=0;data={
//!    "TrafficCar" : { "PlateNumber" : "…" }, "Object" : { "Text" : "…", "Confidence" : 247 },
//!    "UTC" : 1706625295, "UTCMS" : 305, "RealUTC" : 1706600095, "GroupID" : 175706653
//! }
//! ```
//! `Heartbeat` stands alone. A length says nothing (it is 0 at times); texts
//! may contain `=`, pictures `data={`. `UTC` is local time on some firmware,
//! so `RealUTC` goes first, and whatever is left is measured as a wrong clock.

use serde_json::Value;

use super::super::settings::{Setting, Settings};
use super::super::{Decoder, Frame, HeartbeatFrame, Item, NoiseWhy, Protocol, ProtocolKind};
use super::fields::{Fields, LEN};
use super::map::{Map, NAME_LEN_MAX, agree};
use super::parted::{Parted, Texts};
use super::whole::{item, why};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "dahua",
    kind: ProtocolKind::Camera,
    about: "Dahua traffic cameras: the stream of `eventManager` or `snapManager`, as it is or posted. \
            Whether `Object.Confidence` runs to 255 or to 100 differs; `0-255` is the cautious reading, set \
            `confidence_scale = \"0-100\"` where a sure read shows as 97. Letters of other alphabets that look \
            Latin are kept as sent and folded where plates are compared. Source: the maker's HTTP API, captures.",
    settings: &SETTINGS,
    ask: None,
    agree: Some(agree),
    make,
};

static SETTINGS: [Setting; LEN] = Fields {
    plate: "TrafficCar.PlateNumber,Object.Text",
    confidence: "Object.Confidence",
    confidence_scale: "0-255",
    // Where the two differ, neither is sure.
    candidates: "Object.Text",
    event: "GroupID,TrafficCar.GroupID",
    time: "RealUTC,UTC",
    time_unit: "s",
    time_fraction: "UTCMS",
    direction: "TrafficCar.DrivingDirection.0",
    id: "TrafficCar.MachineName",
    ..Fields::PLAIN
}
.settings();

/// Events of one part; a camera sends one.
const EVENTS_MAX: usize = 32;

struct Dahua(Map);

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    Box::new(Parted::new(Dahua(Map::new(&SETTINGS, settings))))
}

impl Texts for Dahua {
    fn begins(first: u8) -> bool {
        matches!(first, b'C' | b'H')
    }

    fn read(&self, text: &[u8], out: &mut Vec<Item>) {
        let mut rest = text.trim_ascii();
        if rest.is_empty() {
            let len = text.len().max(1);
            return out.push(item(Err(NoiseWhy::Cut), len));
        }
        for _ in 0..EVENTS_MAX {
            if rest.is_empty() {
                return;
            }
            let (read, len) = self.one(rest);
            out.push(item(read, len));
            rest = rest[len..].trim_ascii_start();
        }
        if !rest.is_empty() {
            out.push(item(Err(NoiseWhy::TooLong), rest.len()));
        }
    }
}

impl Dahua {
    /// The event that begins here, and its length.
    fn one(&self, text: &[u8]) -> (Result<Frame, NoiseWhy>, usize) {
        let end = text.iter().position(|b| *b == b'\n');
        let line_len = end.map_or(text.len(), |n| n + 1);
        let line = text[..line_len].trim_ascii();
        if line == b"Heartbeat" {
            return (
                Ok(Frame::Heartbeat(sign_of_life(String::new(), None))),
                line_len,
            );
        }
        if !line.starts_with(b"Code=") {
            return (Err(NoiseWhy::Syntax), line_len);
        }
        let Some(data) = find(line, b"data=") else {
            return (event(line, None, self), line_len);
        };
        let at = data + b"data=".len();
        let mut values = serde_json::Deserializer::from_slice(&text[at..]).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                let len = at + values.byte_offset();
                (event(&line[..data], Some(&value), self), len)
            }
            // What was cut may be followed by a whole one.
            Some(Err(fault)) => {
                let next = find(&text[1..], b"\nCode=").map_or(text.len(), |n| n + 2);
                (Err(why(&fault)), next)
            }
            None => (Err(NoiseWhy::Cut), line_len),
        }
    }
}

/// `Code=…;action=…;index=…`, and its data.
fn event(head: &[u8], data: Option<&Value>, dahua: &Dahua) -> Result<Frame, NoiseWhy> {
    let head = str::from_utf8(head).map_err(|_| NoiseWhy::Encoding)?;
    let field = |name: &str| {
        let pairs = head.split(';').filter_map(|pair| pair.split_once('='));
        pairs
            .into_iter()
            .find(|(n, _)| n.trim() == name)
            .map(|(_, v)| v.trim())
    };
    let code = field("Code").filter(|c| !c.is_empty() && c.len() <= NAME_LEN_MAX);
    let code = code.ok_or(NoiseWhy::Field)?;
    let action = field("action").unwrap_or_default();
    let began = action == "Pulse" || action == "Start";
    match data {
        Some(data) if began && dahua.0.mentions(data) => dahua.0.plates(data).map(Frame::Plates),
        _ => Ok(Frame::Heartbeat(sign_of_life(
            data.map_or_else(String::new, |data| dahua.0.heartbeat(data).id),
            Some(code.to_owned()),
        ))),
    }
}

const fn sign_of_life(id: String, message: Option<String>) -> HeartbeatFrame {
    HeartbeatFrame {
        id,
        at: None,
        message,
        ack: None,
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}
