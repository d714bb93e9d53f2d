//! Hikvision ISAPI event notifications: `EventNotificationAlert` as XML or
//! JSON, bare or as parts of a multipart body, posted by the camera or read
//! from its `alertStream`. Source: the maker's ISAPI documents.
//!
//! | field (local name) | content |
//! |---|---|
//! | `eventType` | `ANPR`; others are signs of life |
//! | `eventState` | `inactive` = a heartbeat, whatever the type |
//! | `dateTime` | when, with an offset |
//! | `isDataRetransmission` | true = sent again from the camera's memory |
//! | `UUID` | one an event, where sent |
//! | `ANPR.licensePlate` | in the document's characters: as XML declares, else UTF-8; `unknown` = none |
//! | `ANPR.confidenceLevel` | 0..100 |
//! | `ANPR.direction` | `forward`, `reverse`, `unknown` |

use serde_json::Value;

use super::super::settings::{Setting, Settings};
use super::super::{Decoder, Frame, Item, NoiseWhy, Protocol, ProtocolKind};
use super::fields::{Fields, LEN};
use super::map::{Map, agree};
use super::parted::{Parted, Texts};
use super::whole::{item, why};
use super::xml;

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "hikvision-isapi",
    kind: ProtocolKind::Camera,
    about: "Hikvision cameras (ISAPI): `EventNotificationAlert` in XML (either namespace) or JSON, bare or multipart \
            with pictures. `eventState` inactive is a heartbeat; `isDataRetransmission` is a replay and never evidence. \
            Source: the maker's ISAPI documents.",
    settings: &SETTINGS,
    ask: None,
    agree: Some(agree),
    make,
};

static SETTINGS: [Setting; LEN] = Fields {
    when: "eventState=active eventType=ANPR|vehicleMatchResult",
    plate: "ANPR.licensePlate",
    confidence: "ANPR.confidenceLevel",
    event: "UUID,uuid",
    time: "dateTime",
    time_unit: "text",
    heartbeat_time: "dateTime",
    direction: "ANPR.direction",
    replay: "isDataRetransmission",
    id: "macAddress,deviceID,ipAddress",
    ..Fields::PLAIN
}
.settings();

/// The root of a notification.
const ROOT: &str = "EventNotificationAlert";

struct Hikvision(Map);

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    Box::new(Parted::new(Hikvision(Map::new(&SETTINGS, settings))))
}

impl Texts for Hikvision {
    fn begins(first: u8) -> bool {
        // The last is the first byte of a mark of UTF-8.
        matches!(first, b'<' | b'{' | 0xef)
    }

    fn read(&self, text: &[u8], out: &mut Vec<Item>) {
        let read = self.notification(text);
        out.push(item(read, text.len().max(1)));
    }
}

impl Hikvision {
    fn notification(&self, text: &[u8]) -> Result<Frame, NoiseWhy> {
        let text = xml::text(text)?;
        let text = text.trim_start_matches('\u{feff}').trim();
        let said = if text.starts_with('<') {
            let (root, said) = xml::tree(text)?;
            if root != ROOT {
                return Err(NoiseWhy::Field);
            }
            said
        } else {
            let said: Value = serde_json::from_str(text).map_err(|e| why(&e))?;
            said.get(ROOT).cloned().unwrap_or(said)
        };
        if !said.is_object() {
            return Err(NoiseWhy::Field);
        }
        // Without its state nobody knows what a notification is.
        if said.get("eventType").is_none() {
            return Err(NoiseWhy::Field);
        }
        match self.0.wants(&said) {
            true => self.0.plates(&said).map(Frame::Plates),
            false => Ok(Frame::Heartbeat(self.heartbeat(&said))),
        }
    }

    fn heartbeat(&self, said: &Value) -> super::super::HeartbeatFrame {
        let kind = said.get("eventType").and_then(Value::as_str);
        super::super::HeartbeatFrame {
            message: kind.map(|k| k.chars().take(64).collect()),
            ..self.0.heartbeat(said)
        }
    }
}
