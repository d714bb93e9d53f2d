//! Vzenith-compatible cameras over HTTP: the camera posts what it also sends
//! over MQTT (see [`vzenith`](super::vzenith)), with texts in UTF-8 and without
//! the envelope. What is no plate (inputs, serial data, heartbeats, forms) is a
//! sign of life.
//!
//! What it is answered opens or does not open its gate output; see
//! [`answer`](crate::wire::push_answer).

use serde_json::Value;

use super::super::settings::{Setting, Settings, Values, number, text};
use super::super::{Decoder, Frame, HeartbeatFrame, NoiseWhy, Protocol, ProtocolKind};
use super::map::NAME_LEN_MAX;
use super::path::scalar;
use super::vzenith::{License, Vzenith};
use super::whole::{Document, Whole, json};

/// The registry's line.
pub(in crate::wire) static PROTOCOL: Protocol = Protocol {
    name: "vzenith-http",
    kind: ProtocolKind::Camera,
    about: "Vzenith and compatible cameras (Alphadigi, Qianyi and others) over HTTP push: `AlarmInfoPlate` with texts in \
            UTF-8. The answer can open the camera's own gate output, so it always says `info: no`; it also says \
            `retransfer_stop`, or some firmware repeats the post. Empty the camera's own white list: it opens without \
            the gateway. Source: the makers' HTTP documents.",
    settings: &SETTINGS,
    ask: None,
    agree: None,
    make,
};

static SETTINGS: [Setting; 2] = [
    Setting {
        name: "license",
        default: "plain",
        values: Values::Words(&["base64", "plain"]),
        meaning: "how the plate's text is written; over HTTP cameras use plain UTF-8",
    },
    Setting {
        name: "size_kib_max",
        default: "2048",
        values: Values::Number { min: 1, max: 4096 },
        meaning: "largest post with its pictures; a larger one is noise",
    },
];

struct Http(Vzenith);

fn make(settings: &Settings) -> Box<dyn Decoder + Send> {
    let kib = number(&SETTINGS, settings, "size_kib_max");
    let license = License::of(text(&SETTINGS, settings, "license"));
    Box::new(Whole::new(Http(Vzenith::new(license)), kib as usize * 1024))
}

impl Document for Http {
    fn read(&self, post: &[u8]) -> Result<Frame, NoiseWhy> {
        if post.trim_ascii_start().first() != Some(&b'{') {
            return form(post).map(Frame::Heartbeat);
        }
        let said = json(post)?;
        if said.get("AlarmInfoPlate").is_some() {
            return self.0.read(post);
        }
        let (name, content) = said
            .as_object()
            .and_then(|map| map.iter().next())
            .ok_or(NoiseWhy::Field)?;
        let serial = |v: &Value| v.get("serialno").and_then(scalar);
        let id = serial(content)
            .or_else(|| serial(&said))
            .unwrap_or_default();
        sign_of_life(&id, Some(name)).map(Frame::Heartbeat)
    }
}

/// `device_name=…&serialno=…`: a heartbeat.
fn form(post: &[u8]) -> Result<HeartbeatFrame, NoiseWhy> {
    let text = str::from_utf8(post).map_err(|_| NoiseWhy::Encoding)?;
    let value = |name: &str| {
        let mut pairs = text
            .trim()
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs.find(|(n, _)| *n == name).map(|(_, value)| value)
    };
    let id = value("serialno").or_else(|| value("device_name"));
    sign_of_life(id.ok_or(NoiseWhy::Syntax)?, None)
}

fn sign_of_life(id: &str, message: Option<&str>) -> Result<HeartbeatFrame, NoiseWhy> {
    let long = |text: &str| text.len() > NAME_LEN_MAX;
    if long(id) || message.is_some_and(long) {
        return Err(NoiseWhy::Field);
    }
    Ok(HeartbeatFrame {
        id: id.to_owned(),
        at: None,
        message: message.map(str::to_owned),
        ack: None,
    })
}
