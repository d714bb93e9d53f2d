//! A reading: one device's claim at a time. Drivers make them from frames;
//! the lane decides which of them are evidence (L7).

use super::{DeviceId, Kg, SealAlarm, SealId, SealState};
use crate::time::{Mono, Wall};

/// When the device made the claim, as far as that can be known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Taken {
    /// Its event time, corrected by its measured skew.
    At(Mono),
    /// It carries no event time and arrived on a link proven live.
    OnArrival,
    /// Retained, replayed, or undated so soon after a (re)connect that it may
    /// be old: never evidence.
    Unusable,
}

/// One claim of one device.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reading {
    /// Which device.
    pub device: DeviceId,
    /// When it reached us.
    pub arrived: Mono,
    /// When it was made.
    pub taken: Taken,
    /// The device's own event time as sent, for the record.
    pub at: Option<Wall>,
    /// What it claims.
    pub content: Content,
}

/// What a device can claim.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Content {
    /// Plates seen by a camera.
    Plates(PlatesReading),
    /// A weight.
    Weight(WeightReading),
    /// A seal's report of itself.
    Seal(SealReading),
    /// The lane's inputs, all of them, at one poll.
    Inputs(Inputs),
    /// A vehicle tag.
    Tag(String),
    /// A driver's card.
    Card(String),
    /// Texts a reader takes for container numbers. They may be misread: shape
    /// and check digit tell.
    Boxes(BoxesReading),
}

impl Content {
    /// The event it is part of, by its device's own numbering.
    #[must_use]
    pub const fn event(&self) -> Option<&String> {
        match self {
            Self::Plates(plates) => plates.event.as_ref(),
            Self::Boxes(boxes) => boxes.event.as_ref(),
            Self::Weight(_) | Self::Seal(_) | Self::Inputs(_) | Self::Tag(_) | Self::Card(_) => {
                None
            }
        }
    }
}

/// Container numbers of one message of a reader.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct BoxesReading {
    /// The reader's own event or track id: reads of one event are one vehicle.
    pub event: Option<String>,
    /// Each text with its confidence in percent.
    pub reads: Vec<(String, u8)>,
    /// Digests of the pictures that came with it.
    pub pictures: Vec<String>,
}

/// Plates of one message of a camera.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PlatesReading {
    /// The camera's own event or track id: reads of one event are one vehicle.
    pub event: Option<String>,
    /// What was read; empty = the camera says there is no plate.
    pub reads: Vec<PlateRead>,
    /// SHA-256 of the pictures that came with it, in hex: the names they are
    /// kept under.
    pub pictures: Vec<String>,
    /// It was asked for, and nothing else made the camera read.
    pub on_request: bool,
}

/// One text read.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PlateRead {
    /// As sent.
    pub text: String,
    /// Confidence of the text, 0 to 100.
    pub confidence_pct: u8,
    /// Not what the camera chose, but a look-alike it considered for the same
    /// plate: it can make the choice doubtful, never be evidence by itself.
    pub rival: bool,
}

/// A weight as the platform showed it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct WeightReading {
    /// Gross weight; none while over- or underloaded.
    pub gross: Option<Kg>,
    /// By the device's flag, or by the configured rule of equal values.
    pub stable: bool,
    /// The scale says it is overloaded.
    pub overload: bool,
}

impl WeightReading {
    /// At rest within five divisions of zero: nothing stands on the scale.
    #[must_use]
    pub fn shows_nothing(&self, division: Kg) -> bool {
        let limit = division.0.saturating_mul(5);
        self.stable && self.gross.is_some_and(|kg| kg.0.abs() <= limit)
    }
}

/// A seal's report of itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SealReading {
    /// Which seal.
    pub id: SealId,
    /// What it says.
    pub state: SealState,
    /// An event (a swipe, a lock's answer) that does not tell its present
    /// state and so contradicts none.
    pub event: bool,
    /// Alarms.
    pub alarms: Vec<SealAlarm>,
    /// Battery in percent.
    pub battery_pct: Option<u8>,
    /// Its own event time; none = impossible or absent, so no evidence.
    pub at: Option<Wall>,
    /// Sent from its memory.
    pub replay: bool,
}

/// The lane's inputs. `None` for what the lane does not have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Inputs {
    /// A vehicle at the stop line.
    pub presence: bool,
    /// A vehicle under the arm, or the detector in fault (fail-safe).
    pub inhibit: bool,
    /// The arm's upper limit switch.
    pub arm_up: bool,
    /// The arm's lower limit switch.
    pub arm_down: bool,
    /// A vehicle has reached the bay.
    pub bay: Option<bool>,
    /// The diverter stands towards the bay.
    pub diverter_bay: Option<bool>,
    /// The vehicle stands wholly on the platform.
    pub whole: Option<bool>,
}
