//! Cameras that send one JSON document a message, over MQTT or HTTP. What
//! differs from maker to maker is a field map, so each is data.

use super::super::settings::{Setting, Settings};
use super::super::{Decoder, Frame, NoiseWhy, Protocol, ProtocolKind};
use super::alive;
use super::fields::{Fields, LEN};
use super::map::{Map, agree};
use super::whole::{Document, Whole, json};

/// Largest message with its pictures; a larger one is noise.
pub(super) const SIZE_MAX: usize = 4 << 20;

struct Json {
    map: Map,
    /// As in [`Fields`].
    alive: bool,
}

impl Document for Json {
    fn read(&self, document: &[u8]) -> Result<Frame, NoiseWhy> {
        if self.alive && alive::is_form(document) {
            return alive::form(document).map(Frame::Heartbeat);
        }
        let document = json(document)?;
        if !document.is_object() && !document.is_array() {
            return Err(NoiseWhy::Field);
        }
        let map = &self.map;
        let other = document.get(alive::PLATES).is_none() && !map.has_reads(&document);
        if self.alive && other {
            return alive::object(&document).map(Frame::Heartbeat);
        }
        match map.wants(&document) {
            true => map.plates(&document).map(Frame::Plates),
            false => Ok(Frame::Heartbeat(map.heartbeat(&document))),
        }
    }
}

fn decoder(table: &'static [Setting], settings: &Settings, alive: bool) -> Box<dyn Decoder + Send> {
    let map = Map::new(table, settings);
    Box::new(Whole::new(Json { map, alive }, SIZE_MAX))
}

/// One protocol a line of data: its table of settings is its field map.
macro_rules! maps {
    ($($(#[$doc:meta])* $id:ident = $name:literal, $about:literal, $fields:expr;)+) => {
        $(
            $(#[$doc])*
            pub(in crate::wire) static $id: Protocol = {
                static TABLE: [Setting; LEN] = $fields.settings();
                Protocol {
                    name: $name,
                    kind: ProtocolKind::Camera,
                    about: $about,
                    settings: &TABLE,
                    ask: None,
                    agree: Some(agree),
                    make: |settings| decoder(&TABLE, settings, $fields.alive),
                }
            };
        )+
    };
}

maps! {
    /// The integrator's own.
    JSON_CAMERA = "json-camera",
        "Any camera that sends one JSON document a message, over MQTT or HTTP push: name its fields. \
         A read without a time is no evidence unless the device says `undated = \"arrival\"`. Source: the camera's own manual.",
        Fields::PLAIN;

    /// One message a frame of video, and one a vehicle.
    OPENALPR = "openalpr",
        "OpenALPR and Rekor Scout agents: `alpr_results` comes for every frame (about 50 a vehicle), so set \
         `reads_min = 3` or so; `alpr_group` up to 10 s after the vehicle has left, and is placed by its own time. \
         Neither numbers vehicles: reads of one passage agree or are outvoted. A candidate that looks like the text \
         and scores as high makes the read ambiguous, since the region's template may have promoted a misread. \
         Source: the maker's web hook documentation.",
        Fields {
            when: "data_type=alpr_results|alpr_group",
            reads: "results,.",
            plate: "plate,best_plate_number",
            confidence: "confidence,best_confidence",
            candidates: "candidates",
            time: "epoch_time,epoch_start",
            heartbeat_time: "timestamp",
            id: "agent_uid,camera_id",
            ..Fields::PLAIN
        };

    /// Lower-case texts, two scores.
    PLATE_RECOGNIZER = "plate-recognizer",
        "Plate Recognizer Stream and Snapshot web hooks (the `json` field of a form, or JSON): texts in lower case, \
         `score` is of the text, `dscore` of the box and not used. Snapshot writes `timestamp` without an offset, in UTC. \
         Source: the maker's web hook documentation.",
        Fields {
            reads: "data.results,results",
            confidence: "score",
            confidence_scale: "0-1",
            candidates: "candidates",
            candidate_confidence: "score",
            time: "data.timestamp,timestamp",
            time_unit: "text",
            id: "data.camera_id,camera_id",
            ..Fields::PLAIN
        };

    /// One car, several messages.
    AXIS_FFGROUP = "axis-ffgroup",
        "Axis cameras with the FF Group (CAPP, License Plate Verifier) application: `carState` new, update, lost are \
         messages of one `carID`, and the plate may change between them; the text most of them agree on counts. \
         `datetime` is local time and not used. Source: the Axis developer documentation.",
        Fields {
            plate: "plateUTF8,plateText",
            confidence: "plateConfidence",
            confidence_scale: "0-1",
            event: "carID",
            time: "capture_timestamp",
            direction: "carMoveDirection",
            id: "camera_info.SerialNumber,sensorProviderID",
            ..Fields::PLAIN
        };

    /// Objects that are tracked.
    FRIGATE = "frigate",
        "Frigate over MQTT, topic `frigate/tracked_object_update`, type `lpr`: `id` is the tracked object, so the same \
         vehicle later has another. Messages may be minutes late; `timestamp` says so. Source: Frigate's MQTT documentation.",
        Fields {
            when: "type=lpr",
            confidence: "score",
            confidence_scale: "0-1",
            event: "id",
            time: "timestamp",
            time_unit: "s",
            id: "camera",
            ..Fields::PLAIN
        };

    /// Vzenith's fields over HTTP.
    QIANYI = "qianyi",
        "Qianyi and others that post Vzenith's fields (`AlarmInfoPlate`) by HTTP, texts in UTF-8: several plates are \
         joined by a bar. Whatever says nothing of plates (heartbeats as an object or a form, inputs) is a sign of life. The camera takes `info: ok` in the answer as an order to open; it never gets it. \
         Source: the makers' integration documents.",
        Fields {
            reads: "AlarmInfoPlate.result.PlateResult",
            plate: "license",
            separator: "|",
            event: "AlarmInfoPlate.result.PlateResult.plateid",
            candidates: "plates",
            candidate_plate: "license",
            time: "AlarmInfoPlate.result.PlateResult.timeStamp.Timeval.sec",
            time_unit: "s",
            time_fraction: "AlarmInfoPlate.result.PlateResult.timeStamp.Timeval.usec",
            time_fraction_unit: "us",
            direction: "AlarmInfoPlate.result.PlateResult.direction",
            directions: "1=left 2=right 3=up 4=down",
            replay: "AlarmInfoPlate.result.PlateResult.isoffline",
            no_read: "AlarmInfoPlate.result.PlateResult.is_encrypted AlarmInfoPlate.result.PlateResult.is_fake_plate",
            id: "AlarmInfoPlate.serialno",
            alive: true,
            ..Fields::PLAIN
        };

    /// Pictures with some characters unread.
    TRASSIR = "trassir",
        "Trassir: `?` stands for a character that was not read, so such a text is no plate; `best_guess` is one \
         candidate and never evidence. Times in microseconds. The name of the time's field is not in the public \
         documents we have: set `time` if yours differs. Source: the maker's integration notes.",
        Fields {
            confidence: "quality",
            candidates: "best_guess",
            time: "time,timestamp",
            time_unit: "us",
            direction: "direction",
            ..Fields::PLAIN
        };

    /// A cloud's web hook.
    VERKADA = "verkada",
        "Verkada's web hook `lpr`: `detected` is when the plate was seen, `created_at` when the hook was made. It comes \
         by way of a cloud, so it may be late. Source: apidocs.verkada.com.",
        Fields {
            when: "webhook_type=lpr",
            reads: "data",
            plate: "license_plate_number",
            confidence_scale: "0-1",
            time: "data.detected",
            sent: "created_at",
            sent_unit: "s",
            id: "data.camera_id",
            ..Fields::PLAIN
        };
}
