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
    /// Whatever says nothing of plates is a sign of life, forms too; no
    /// setting, since it is the same for every firmware of the makers.
    pub(super) alive: bool,
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
        alive: false,
    };

    /// The table of settings with these defaults.
    pub(super) const fn settings(self) -> [Setting; LEN] {
        let defaults = self.defaults();
        let mut settings = ROWS;
        let mut i = 0;
        while i < LEN {
            settings[i].default = defaults[i];
            i += 1;
        }
        settings
    }

    /// In the order of the rows.
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

/// The settings without their defaults.
const ROWS: [Setting; LEN] = [
    row(
        "when",
        TEXT,
        "what a message with plates says, like \"type=lpr|plate state=active\"; any other is a sign of life",
    ),
    row(
        "reads",
        TEXT,
        "path of the list of plates; a point = the message is one",
    ),
    row("plate", TEXT, "path of the text, within a read"),
    row(
        "separator",
        Values::Text { len_max: 4 },
        "what parts several plates of one text",
    ),
    row(
        "no_plate",
        TEXT,
        "further words that mean no plate, parted by blanks; usual ones are known",
    ),
    row(
        "confidence",
        TEXT,
        "path of the confidence, within a read or the message; a read without one has 0 and never counts",
    ),
    row(
        "confidence_scale",
        Values::Words(Scale::WORDS),
        "how the confidence is written",
    ),
    row(
        "candidates",
        TEXT,
        "path of other texts considered, within a read",
    ),
    row(
        "candidate_plate",
        TEXT,
        "path of the text, within a candidate",
    ),
    row("candidate_confidence", TEXT, "path of its confidence"),
    row(
        "event",
        TEXT,
        "path of the camera's number of this vehicle; empty if it numbers pictures, not vehicles",
    ),
    row("time", TEXT, "path of when the picture was taken"),
    row(
        "time_unit",
        UNITS,
        "its unit since 1970; text = written out (RFC 3339)",
    ),
    row("time_fraction", TEXT, "path of what is to be added to it"),
    row(
        "time_fraction_unit",
        Values::Words(&["ms", "us"]),
        "unit of that",
    ),
    row(
        "utc_offset",
        Values::Text { len_max: 6 },
        "offset of times written out without one; a wrong one is measured as a wrong clock",
    ),
    row("sent", TEXT, "path of when the message was sent"),
    row("sent_unit", UNITS, "its unit"),
    row(
        "heartbeat_time",
        TEXT,
        "path of when a sign of life was sent, in time_unit",
    ),
    row("direction", TEXT, "path of the direction of travel"),
    row(
        "directions",
        TEXT,
        "what its values mean, like \"1=left 2=right\"",
    ),
    row(
        "replay",
        TEXT,
        "path that is true or not 0 when the message comes from the camera's memory",
    ),
    row(
        "no_read",
        TEXT,
        "paths that are true or not 0 when the text is forged or encrypted, parted by blanks",
    ),
    row("id", TEXT, "path of the camera's own name"),
];

const fn row(name: &'static str, values: Values, meaning: &'static str) -> Setting {
    Setting {
        name,
        default: "",
        values,
        meaning,
    }
}
