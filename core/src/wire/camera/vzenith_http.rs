//! Vzenith-compatible cameras over HTTP: the camera posts what it also sends
//! over MQTT (see [`vzenith`](super::vzenith)), with texts in UTF-8 and without
//! the envelope. What is no plate (inputs, serial data, heartbeats, forms) is a
//! sign of life.
//!
//! What it is answered opens or does not open its gate output; see
//! [`answer`](crate::wire::push_answer).

use super::super::settings::{Setting, Settings, Values, number, text};
use super::super::{Decoder, Frame, NoiseWhy, Protocol, ProtocolKind};
use super::alive;
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
        if alive::is_form(post) {
            return alive::form(post).map(Frame::Heartbeat);
        }
        let said = json(post)?;
        match said.get(alive::PLATES) {
            Some(_) => self.0.read(post),
            None => alive::object(&said).map(Frame::Heartbeat),
        }
    }
}
