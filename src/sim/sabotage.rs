//! Faults put in on purpose, between the world and the shipped code, so that
//! a test shows that the checkers see them.

use std::collections::{BTreeMap, BTreeSet};

use firmware_sim::Faults;
use lanegate_core::lane::{Event, Guard, Query};
use lanegate_core::model::{
    Content, DeviceId, Facts, Kg, Link, Plate, Reading, SealState, Taken, VerdictKind,
};
use lanegate_core::record::{Body, Draft};
use lanegate_core::time::{Micros, Mono, Now};

use super::rig::Rig;

/// So late is a leaving noticed where it is not looked for.
const LEFT_SEEN_AFTER: Micros = Micros::from_s(30);

/// What is done wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Sabotage {
    /// A release is lifted for when it is judged, not when it is durable (L1).
    LiftBeforeDurable,
    /// What was spent is not looked at, neither before nor at the append (L2).
    LedgerForgotten,
    /// The closing inhibit always says "off" (L3).
    IgnoreInhibit,
    /// Controls are not looked at, neither before nor at the append (L4).
    ControlIgnored,
    /// The cache counts as fresh however long nothing was heard (L4).
    StaleCacheAsFresh,
    /// The clock counts as right whatever it did (L4).
    ClockAlwaysTrusted,
    /// Some records are never sent (L5).
    OutboxSkipsARecord,
    /// The record holds another weight than was judged (L6).
    AnotherCaseRecorded,
    /// A camera's last reading of the truck before counts as new (L7).
    OldReadingKept,
    /// What the broker kept counts as said just now (L7).
    RetainedAccepted,
    /// A seal that said it is closed is not heard when it takes that back (L4).
    SealTakenBackIgnored,
    /// The diverter counts as standing where it was sent (L1).
    DiverterUnread,
    /// A truck that has left the stop line counts as standing there still (L7).
    PresenceUnread,
    /// A look-alike of a declared plate counts as that plate (L8).
    LookAlikeAsExact,
    /// Records are sent without waiting for acknowledgements (L9).
    UnboundedOutbox,
    /// A start does not know what was spent before it (L2).
    LedgerNotRebuilt,
    /// Answered before it is synced (L5).
    UnsyncedAnswered,
    /// A start believes that the authority has every record (L5).
    OutboxAhead,
    /// A start takes the last release on record for one that still stands (L1).
    RecoveryLifts,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::LiftBeforeDurable,
        Self::LedgerForgotten,
        Self::IgnoreInhibit,
        Self::ControlIgnored,
        Self::StaleCacheAsFresh,
        Self::ClockAlwaysTrusted,
        Self::OutboxSkipsARecord,
        Self::AnotherCaseRecorded,
        Self::OldReadingKept,
        Self::RetainedAccepted,
        Self::SealTakenBackIgnored,
        Self::DiverterUnread,
        Self::PresenceUnread,
        Self::LookAlikeAsExact,
        Self::UnboundedOutbox,
        Self::LedgerNotRebuilt,
        Self::UnsyncedAnswered,
        Self::OutboxAhead,
        Self::RecoveryLifts,
    ];

    /// Seen only where the daemon ends and starts again.
    pub(super) const fn needs_restarts(self) -> bool {
        match self {
            Self::LedgerNotRebuilt
            | Self::UnsyncedAnswered
            | Self::OutboxAhead
            | Self::RecoveryLifts => true,
            Self::LiftBeforeDurable
            | Self::LedgerForgotten
            | Self::IgnoreInhibit
            | Self::ControlIgnored
            | Self::StaleCacheAsFresh
            | Self::ClockAlwaysTrusted
            | Self::OutboxSkipsARecord
            | Self::AnotherCaseRecorded
            | Self::OldReadingKept
            | Self::RetainedAccepted
            | Self::SealTakenBackIgnored
            | Self::DiverterUnread
            | Self::PresenceUnread
            | Self::LookAlikeAsExact
            | Self::UnboundedOutbox => false,
        }
    }

    /// The law that must be seen broken.
    #[must_use]
    pub const fn law(self) -> &'static str {
        match self {
            Self::LiftBeforeDurable | Self::DiverterUnread => "L1",
            Self::LedgerForgotten => "L2",
            Self::IgnoreInhibit => "L3",
            Self::ControlIgnored
            | Self::StaleCacheAsFresh
            | Self::ClockAlwaysTrusted
            | Self::SealTakenBackIgnored => "L4",
            Self::OutboxSkipsARecord => "L5",
            Self::AnotherCaseRecorded => "L6",
            Self::OldReadingKept | Self::RetainedAccepted | Self::PresenceUnread => "L7",
            Self::LookAlikeAsExact => "L8",
            Self::UnboundedOutbox => "L9",
            Self::LedgerNotRebuilt => "L2",
            Self::UnsyncedAnswered | Self::OutboxAhead => "L5",
            Self::RecoveryLifts => "L1",
        }
    }

    /// Its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LiftBeforeDurable => "lift-before-durable",
            Self::LedgerForgotten => "ledger-forgotten",
            Self::IgnoreInhibit => "ignore-inhibit",
            Self::ControlIgnored => "control-ignored",
            Self::StaleCacheAsFresh => "stale-cache-as-fresh",
            Self::ClockAlwaysTrusted => "clock-always-trusted",
            Self::OutboxSkipsARecord => "outbox-skips-a-record",
            Self::AnotherCaseRecorded => "another-case-recorded",
            Self::OldReadingKept => "old-reading-kept",
            Self::RetainedAccepted => "retained-accepted",
            Self::SealTakenBackIgnored => "seal-taken-back-ignored",
            Self::DiverterUnread => "diverter-unread",
            Self::PresenceUnread => "presence-unread",
            Self::LookAlikeAsExact => "look-alike-as-exact",
            Self::UnboundedOutbox => "unbounded-outbox",
            Self::LedgerNotRebuilt => "ledger-not-rebuilt",
            Self::UnsyncedAnswered => "unsynced-answered",
            Self::OutboxAhead => "outbox-cursor-lost-forward",
            Self::RecoveryLifts => "recovery-lifts",
        }
    }

    /// What it takes before it shows.
    #[must_use]
    pub const fn shows_under(self) -> ShowsUnder {
        let plain = ShowsUnder {
            level: Faults::None,
            plate_read_permille: 1000,
            passages: 20,
            from_seed: 0,
        };
        let hostile = ShowsUnder {
            level: Faults::Hostile,
            ..plain
        };
        match self {
            Self::LiftBeforeDurable
            | Self::LedgerForgotten
            | Self::ControlIgnored
            | Self::OutboxSkipsARecord
            | Self::AnotherCaseRecorded
            | Self::OldReadingKept
            | Self::LedgerNotRebuilt
            | Self::UnsyncedAnswered
            | Self::OutboxAhead
            | Self::RecoveryLifts => plain,
            Self::IgnoreInhibit => ShowsUnder {
                from_seed: 12,
                ..plain
            },
            // One seed in eight has a diverter, and it seldom sticks.
            Self::DiverterUnread => ShowsUnder {
                passages: 100,
                from_seed: 53,
                ..hostile
            },
            Self::LookAlikeAsExact => ShowsUnder {
                plate_read_permille: 800,
                ..plain
            },
            Self::StaleCacheAsFresh | Self::SealTakenBackIgnored => hostile,
            Self::ClockAlwaysTrusted => ShowsUnder {
                from_seed: 13,
                ..hostile
            },
            // Few drive off by themselves once they are judged.
            Self::PresenceUnread => ShowsUnder {
                from_seed: 133,
                ..hostile
            },
            Self::RetainedAccepted => ShowsUnder {
                from_seed: 5,
                ..hostile
            },
            // More records than may be in flight must wait for a line.
            Self::UnboundedOutbox => ShowsUnder {
                passages: 150,
                from_seed: 15,
                ..hostile
            },
        }
    }
}

/// What a sabotage needs of the world before it shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShowsUnder {
    /// How much goes wrong.
    pub level: Faults,
    /// How often a camera reads a plate right.
    pub plate_read_permille: u32,
    /// Trucks a seed.
    pub passages: usize,
    /// A seed from which on it shows soon.
    pub from_seed: u64,
}

/// What the sabotages remember.
#[derive(Default)]
pub(super) struct Spoils {
    /// The last reading of each camera.
    old: BTreeMap<DeviceId, Reading>,
    /// What comes next of a camera was kept by the broker.
    pub(super) retained: bool,
    records: u64,
    /// Lanes whose diverter was sent to the bay.
    to_bay: BTreeSet<usize>,
    /// When a leaving is noticed.
    left_seen_at: BTreeMap<usize, Mono>,
}

impl Spoils {
    pub(super) fn divert(&mut self, lane: usize, to_bay: bool) {
        if to_bay {
            self.to_bay.insert(lane);
        } else {
            self.to_bay.remove(&lane);
        }
    }

    /// The daemon is gone, and the readings it held.
    pub(super) fn forget(&mut self) {
        self.old.clear();
        self.retained = false;
    }
}

impl Rig {
    fn is(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }

    /// A driver's event on its way to lane `n`.
    pub(super) fn spoil_event(&mut self, n: usize, mut event: Event, now: Now) -> Event {
        if self.sabotage.is_none() {
            return event;
        }
        if self.is(Sabotage::OldReadingKept)
            && let Some(again) = old_reading(&event, &mut self.spoils.old, now)
        {
            self.lanes[n].handle_event(again, now);
        }
        let Event::Reading(reading) = &mut event else {
            return event;
        };
        if self.is(Sabotage::DiverterUnread)
            && let Content::Inputs(inputs) = &mut reading.content
        {
            let to_bay = self.spoils.to_bay.contains(&n);
            inputs.diverter_bay = inputs.diverter_bay.map(|_| to_bay);
        }
        if self.is(Sabotage::PresenceUnread)
            && let Content::Inputs(inputs) = &mut reading.content
        {
            if inputs.presence {
                self.spoils
                    .left_seen_at
                    .insert(n, now.mono + LEFT_SEEN_AFTER);
            }
            let until = self.spoils.left_seen_at.get(&n);
            inputs.presence |= until.is_some_and(|until| now.mono < *until);
        }
        if self.is(Sabotage::SealTakenBackIgnored)
            && let Content::Seal(seal) = &mut reading.content
            && seal.state != SealState::Sealed
        {
            seal.state = SealState::Unknown;
            seal.event = true;
            seal.alarms.clear();
        }
        if let Content::Plates(plates) = &mut reading.content
            && std::mem::take(&mut self.spoils.retained)
        {
            plates.event = None;
            reading.arrived = now.mono;
            reading.taken = Taken::OnArrival;
        }
        event
    }

    /// What the rules are told.
    pub(super) fn spoil_facts(&self, facts: &mut Facts, query: &Query) {
        if self.is(Sabotage::LedgerForgotten) {
            facts.ledger.clear();
        }
        let unknown = &self.life.not_rebuilt;
        facts.ledger.retain(|id, b| unknown.get(id) != Some(b));
        if self.is(Sabotage::ControlIgnored) {
            facts.controls.clear();
        }
        if self.is(Sabotage::StaleCacheAsFresh) {
            facts.cache_age_s = Some(0);
            facts.link = Some(Link::Up);
        }
        if self.is(Sabotage::LookAlikeAsExact) {
            let vehicles = facts.candidates.iter_mut().flat_map(|d| &mut d.vehicles);
            for plate in vehicles.flat_map(|v| &mut v.plates) {
                let alike = |read: &&String| folded(read) == folded(plate.as_str());
                let read = query.plates.iter().find(alike);
                if let Some(read) = read.and_then(|text| Plate::parse(text).ok()) {
                    *plate = read;
                }
            }
        }
    }

    /// What is handed to the committer, and on what condition.
    pub(super) fn spoil_commit(&self, drafts: &mut [Draft], guard: Guard) -> Guard {
        if self.is(Sabotage::AnotherCaseRecorded) {
            for draft in drafts {
                if let Body::Verdict(body) = &mut draft.body
                    && body.verdict.verdict == VerdictKind::Release
                    && let Some(weight) = &mut body.case.weight
                {
                    weight.gross_kg = Kg(weight.gross_kg.0 + 20_000);
                }
            }
        }
        let blind = self.is(Sabotage::LedgerForgotten)
            || self.is(Sabotage::ControlIgnored)
            || self.is(Sabotage::LookAlikeAsExact)
            || !self.life.not_rebuilt.is_empty();
        if blind { Guard::Always } else { guard }
    }

    /// Whether a message to the authority is lost on purpose.
    pub(super) fn spoil_publish(&mut self, topic: &str) -> bool {
        if !self.is(Sabotage::OutboxSkipsARecord) || !topic.ends_with("/records") {
            return false;
        }
        self.spoils.records += 1;
        self.spoils.records.is_multiple_of(40)
    }
}

/// One text for all its look-alikes.
fn folded(plate: &str) -> String {
    let one = |c: char| match c {
        'O' | 'D' | 'Q' => '0',
        'I' | 'L' => '1',
        'Z' => '2',
        'S' => '5',
        'B' => '8',
        'G' => '6',
        other => other,
    };
    plate.chars().map(one).collect()
}

/// The reading of the truck before, once more, as if it had come just now.
fn old_reading(event: &Event, old: &mut BTreeMap<DeviceId, Reading>, now: Now) -> Option<Event> {
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
    lane_toml.replace("inhibit = 1\n", "inhibit = 6\n")
}
