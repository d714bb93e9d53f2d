//! Faults put in on purpose, between the world and the shipped code, so that
//! a test shows that the checkers see them.

use lanegate_core::lane::Event;
use lanegate_core::model::{Content, DeviceId, Reading, Taken};
use lanegate_core::time::Now;

use std::collections::BTreeMap;

/// What is done wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Sabotage {
    /// A release is lifted for when it is judged, not when it is durable (L1).
    LiftBeforeDurable,
    /// What was spent is not looked at, neither before nor at the append (L2).
    LedgerForgotten,
    /// The closing inhibit always says "off" (L3).
    IgnoreInhibit,
    /// A camera's last reading of the truck before counts as new (L7).
    OldReadingKept,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::LiftBeforeDurable,
        Self::LedgerForgotten,
        Self::IgnoreInhibit,
        Self::OldReadingKept,
    ];

    /// The law that must be seen broken.
    #[must_use]
    pub const fn law(self) -> &'static str {
        match self {
            Self::LiftBeforeDurable => "L1",
            Self::LedgerForgotten => "L2",
            Self::IgnoreInhibit => "L3",
            Self::OldReadingKept => "L7",
        }
    }

    /// Its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LiftBeforeDurable => "lift-before-durable",
            Self::LedgerForgotten => "ledger-forgotten",
            Self::IgnoreInhibit => "ignore-inhibit",
            Self::OldReadingKept => "old-reading-kept",
        }
    }
}

/// The last reading of each camera.
pub(super) type OldReadings = BTreeMap<DeviceId, Reading>;

/// The reading of the truck before, once more, as if it had come just now.
pub(super) fn old_reading(event: &Event, old: &mut OldReadings, now: Now) -> Option<Event> {
    let Event::Reading(reading) = event else {
        return None;
    };
    let Content::Plates(_) = &reading.content else {
        return None;
    };
    let before = old.insert(reading.device.clone(), reading.clone())?;
    let mut again = before;
    again.arrived = now.mono;
    again.taken = Taken::OnArrival;
    if let Content::Plates(plates) = &mut again.content {
        plates.event = None;
    }
    Some(Event::Reading(again))
}

/// A `lane.toml` whose closing inhibit is an input nothing is wired to: the
/// lane and the driver that would refuse to lower are blind alike.
pub(super) fn without_inhibit(lane_toml: &str) -> String {
    lane_toml.replace("inhibit = 1\n", "inhibit = 5\n")
}
