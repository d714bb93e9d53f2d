//! A field map: which field of a document means what. Each is data, written
//! as the defaults of a table of settings, so that whoever meets a firmware
//! that differs changes one setting and no program.

use super::super::settings::{Setting, Values};
use super::decimal::Scale;

/// Longest path, list of words or condition.
const TEXT: Values = Values::Text { len_max: 200 };

/// How many settings a map has.
pub(super) const LEN: usize = 24;

/// The defaults of one protocol; empty = not sent.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    pub(super) when: &'static str,
    pub(super) reads: &'static str,
    pub(super) plate: &'static str,
    pub(super) separator: &'static str,
    pub(super) no_plate: &'static str,
    pub(super) confidence: &'static str,
    pub(super) confidence_scale: &'static str,
    pub(super) candidates: &'static str,
    pub(super) candidate_plate: &'static str,
    pub(super) candidate_confidence: &'static str,
    pub(super) event: &'static str,
    pub(super) time: &'static str,
    pub(super) time_unit: &'static str,
    pub(super) time_fraction: &'static str,
    pub(super) time_fraction_unit: &'static str,
    pub(super) sent: &'static str,
    pub(super) sent_unit: &'static str,
    pub(super) heartbeat_time: &'static str,
    pub(super) direction: &'static str,
    pub(super) directions: &'static str,
    pub(super) replay: &'static str,
    pub(super) no_read: &'static str,
    pub(super) id: &'static str,
}

impl Fields {
    /// A plate and how sure the camera is, nothing else.
    pub(super) const PLAIN: Self = Self {
        when: "",
        reads: ".",
        plate: "plate",
        separator: "",
        no_plate: "",
        confidence: "confidence",
        confidence_scale: "0-100",
        candidates: "",
        candidate_plate: "plate",
        candidate_confidence: "confidence",
        event: "",
        time: "",
        time_unit: "ms",
        time_fraction: "",
        time_fraction_unit: "ms",
        sent: "",
        sent_unit: "ms",
        heartbeat_time: "",
        direction: "",
        directions: "",
        replay: "",
        no_read: "",
        id: "",
    };

    /// The table of settings with these defaults.
    pub(super) const fn settings(self) -> [Setting; LEN] {
        let defaults = self.defaults();
        let mut table = SHAPE;
        let mut n = 0;
        while n < LEN {
            table[n].default = defaults[n];
            n += 1;
        }
        table
    }

    /// In the order of [`SHAPE`].
    const fn defaults(self) -> [&'static str; LEN] {
        [
            self.when,
            self.reads,
            self.plate,
            self.separator,
            self.no_plate,
            self.confidence,
            self.confidence_scale,
            self.candidates,
            self.candidate_plate,
            self.candidate_confidence,
            self.event,
            self.time,
            self.time_unit,
            self.time_fraction,
            self.time_fraction_unit,
            "+00:00",
            self.sent,
            self.sent_unit,
            self.heartbeat_time,
            self.direction,
            self.directions,
            self.replay,
            self.no_read,
            self.id,
        ]
    }
}

const UNITS: Values = Values::Words(&["ms", "s", "us", "text"]);

/// Names, what may be set, and what it means, without defaults.
const SHAPE: [Setting; LEN] = [
    set(
        "when",
        TEXT,
        "what a message with plates says, like \"type=lpr|plate state=active\"; any other is a sign of life",
    ),
    set(
        "reads",
        TEXT,
        "path of the list of plates; a point = the message is one",
    ),
    set("plate", TEXT, "path of the text, within a read"),
    set(
        "separator",
        Values::Text { len_max: 4 },
        "what parts several plates of one text",
    ),
    set(
        "no_plate",
        TEXT,
        "further words that mean no plate, parted by blanks; usual ones are known",
    ),
    set(
        "confidence",
        TEXT,
        "path of the confidence, within a read or the message; a read without one has 0 and never counts",
    ),
    set(
        "confidence_scale",
        Values::Words(Scale::WORDS),
        "how the confidence is written",
    ),
    set(
        "candidates",
        TEXT,
        "path of other texts considered, within a read",
    ),
    set(
        "candidate_plate",
        TEXT,
        "path of the text, within a candidate",
    ),
    set("candidate_confidence", TEXT, "path of its confidence"),
    set(
        "event",
        TEXT,
        "path of the camera's number of this vehicle; empty if it numbers pictures, not vehicles",
    ),
    set("time", TEXT, "path of when the picture was taken"),
    set(
        "time_unit",
        UNITS,
        "its unit since 1970; text = written out (RFC 3339)",
    ),
    set("time_fraction", TEXT, "path of what is to be added to it"),
    set(
        "time_fraction_unit",
        Values::Words(&["ms", "us"]),
        "unit of that",
    ),
    set(
        "utc_offset",
        Values::Text { len_max: 6 },
        "offset of times written out without one; a wrong one is measured as a wrong clock",
    ),
    set("sent", TEXT, "path of when the message was sent"),
    set("sent_unit", UNITS, "its unit"),
    set(
        "heartbeat_time",
        TEXT,
        "path of when a sign of life was sent, in time_unit",
    ),
    set("direction", TEXT, "path of the direction of travel"),
    set(
        "directions",
        TEXT,
        "what its values mean, like \"1=left 2=right\"",
    ),
    set(
        "replay",
        TEXT,
        "path that is true or not 0 when the message comes from the camera's memory",
    ),
    set(
        "no_read",
        TEXT,
        "paths that are true or not 0 when the text is forged or encrypted, parted by blanks",
    ),
    set("id", TEXT, "path of the camera's own name"),
];

const fn set(name: &'static str, values: Values, meaning: &'static str) -> Setting {
    Setting {
        name,
        default: "",
        values,
        meaning,
    }
}
