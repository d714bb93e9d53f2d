//! Which readings are this truck's (L7), and what they say together.
//!
//! A position-bound reading counts if it was taken after the truck before
//! left the stop line and at most its device's lead before this one came. What
//! a camera shows a moment after the leaving is the truck before all the same:
//! its reads are placed late by the shortest way its messages ever take. A
//! seal's own report counts by its own time, which the rules judge; here it
//! only matters whose it can be.

mod boxes;
mod seals;
mod told;
mod weighed;

use std::collections::{BTreeMap, BTreeSet};

use super::LaneConfig;
use crate::clearance::{Policy, identify};
use crate::model::{
    CasePlate, Content, DeviceId, PlatesReading, Reading, SealId, SealReading, SealState, Taken,
    WeightReading, normalise,
};
use crate::time::{Micros, Mono, Wall};
use boxes::BoxRead;
use told::{has_rival, usable};

/// Reads kept of one camera or reader in one passage.
const READS_MAX: usize = 64;
/// Pictures named of one read.
const PICTURES_MAX: usize = 4;
/// Reads whose pictures a case names.
const PICTURED_MAX: usize = 8;
/// The shortest way of a camera's messages, at most: recognising, sending. From
/// the messages alone it cannot be told from a clock that is behind.
const CAMERA_LAG: Micros = Micros::from_ms(250);
/// The same of a read that does not say when it was taken: it is placed late by
/// its whole way.
const UNDATED_LAG: Micros = Micros::from_ms(750);
/// Seals kept in one passage.
const SEALS_MAX: usize = 32;

/// When this truck may have been seen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Window {
    /// The truck before left the stop line.
    pub(super) left_at: Mono,
    /// This truck came.
    pub(super) arrived: Mono,
}

/// One text read by one camera in one event.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Read {
    event: Option<String>,
    /// Normalised.
    text: String,
    raw: String,
    confidence_pct: u8,
    rival: bool,
    /// Of its most confident read.
    pictures: Vec<String>,
    at: Option<Wall>,
    /// When the last of them arrived.
    arrived: Mono,
    /// How often it was read.
    n: u32,
}

/// How often each text was read, with its most confident read.
type Texts<'a> = BTreeMap<&'a str, (u32, &'a Read)>;

/// The evidence of one passage.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Evidence {
    reads: BTreeMap<DeviceId, Vec<Read>>,
    /// Camera events of the passage before.
    disowned: BTreeSet<(DeviceId, String)>,
    /// Camera events heard of in this passage that are not this truck's.
    foreign_events: BTreeSet<(DeviceId, String)>,
    /// The weight, and whether the truck stood wholly on the scale then.
    weight: Option<(WeightReading, Option<bool>)>,
    seals: BTreeMap<SealId, SealReading>,
    boxes: Vec<BoxRead>,
    tags: BTreeSet<String>,
    card: Option<String>,
    /// Devices that have given a usable reading.
    gave: BTreeSet<DeviceId>,
    /// Something was taken back since the last case was made of it.
    taken_back: bool,
}

/// Why a reading is not this truck's evidence.
pub(super) type Rejected = &'static str;

impl Evidence {
    /// Takes in `reading` if it is this truck's.
    pub(super) fn admit(
        &mut self,
        config: &LaneConfig,
        window: Window,
        reading: &Reading,
        whole: Option<bool>,
    ) -> Result<(), Rejected> {
        let device = config
            .devices
            .get(&reading.device)
            .ok_or("unknown-device")?;
        if let Content::Seal(seal) = &reading.content {
            return self.admit_seal(&reading.device, window, reading.arrived, seal);
        }
        let taken = match reading.taken {
            Taken::At(taken) => taken,
            Taken::OnArrival => reading.arrived,
            Taken::Unusable => return Err("undated"),
        };
        if taken > reading.arrived {
            return Err("from-the-future");
        }
        let late = taken <= window.left_at + lag(reading);
        let early = taken < window.arrived.back(device.lead);
        if late || early {
            self.note_foreign(&reading.device, reading.content.event());
            return Err(if late { "late-read" } else { "old-read" });
        }
        match &reading.content {
            Content::Plates(plates) => self.admit_plates(reading, plates, device.reads_min),
            Content::Weight(weight) => {
                self.admit_weight(&reading.device, *weight, whole, config.division_kg)
            }
            Content::Boxes(boxes) => self.admit_boxes(&reading.device, boxes, device.reads_min),
            Content::Tag(tag) => {
                if self.tags.len() < READS_MAX {
                    self.tags.insert(tag.clone());
                }
                self.gave.insert(reading.device.clone());
                Ok(())
            }
            Content::Card(card) => {
                self.card = Some(card.clone());
                self.gave.insert(reading.device.clone());
                Ok(())
            }
            Content::Seal(_) | Content::Inputs(_) => Err("not-evidence"),
        }
    }

    /// An event that began before the window is the truck before's, whatever
    /// its later reads say.
    fn note_foreign(&mut self, device: &DeviceId, event: Option<&String>) {
        if let Some(event) = event
            && self.foreign_events.len() < READS_MAX
        {
            self.foreign_events.insert((device.clone(), event.clone()));
        }
    }

    /// Whether an event may be this truck's.
    fn own(&mut self, device: &DeviceId, event: Option<&String>) -> Result<(), Rejected> {
        let Some(event) = event else {
            return Ok(());
        };
        let event = (device.clone(), event.clone());
        let disowned = self.disowned.contains(&event);
        // Once no more foreign events can be kept, an event is not known to be
        // ours.
        let full = self.foreign_events.len().max(self.disowned.len()) >= READS_MAX;
        if full || disowned || self.foreign_events.contains(&event) {
            // Still spoken of, so the next truck must not own it either.
            if disowned && self.foreign_events.len() < READS_MAX {
                self.foreign_events.insert(event);
            }
            return Err("old-event");
        }
        Ok(())
    }

    fn admit_plates(
        &mut self,
        reading: &Reading,
        plates: &PlatesReading,
        reads_min: u32,
    ) -> Result<(), Rejected> {
        self.own(&reading.device, plates.event.as_ref())?;
        let reads = self.reads.entry(reading.device.clone()).or_default();
        for read in &plates.reads {
            let text = normalise(&read.text);
            let same =
                |r: &&mut Read| r.event == plates.event && r.text == text && r.rival == read.rival;
            if let Some(known) = reads.iter_mut().find(same) {
                known.n += 1;
                known.arrived = reading.arrived;
                let pct = read.confidence_pct.min(100);
                if pct >= known.confidence_pct && !plates.pictures.is_empty() {
                    known.pictures = pictures(&plates.pictures);
                }
                known.confidence_pct = known.confidence_pct.max(pct);
                continue;
            }
            // Half the room is for what cameras choose.
            if read.rival && reads.len() >= READS_MAX / 2 {
                continue;
            }
            if reads.len() >= READS_MAX {
                return Err("too-many-reads");
            }
            reads.push(Read {
                event: plates.event.clone(),
                text: text.into(),
                raw: read.text.chars().take(64).collect(),
                confidence_pct: read.confidence_pct.min(100),
                rival: read.rival,
                pictures: pictures(&plates.pictures),
                at: reading.at,
                arrived: reading.arrived,
                n: 1,
            });
        }
        let device = &reading.device;
        // A text that its own candidates put in doubt is waited out: the next
        // frames may settle it.
        let doubted = self.reads[device].iter().any(|r| r.rival);
        let plates = self.plates_of(device, reads_min, None);
        let settled = |p: &&CasePlate| usable(p) && !(doubted && has_rival(p, &plates));
        if plates.iter().any(|p| settled(&p)) {
            self.gave.insert(device.clone());
        }
        Ok(())
    }

    fn admit_seal(
        &mut self,
        device: &DeviceId,
        window: Window,
        arrived: Mono,
        seal: &SealReading,
    ) -> Result<(), Rejected> {
        if arrived <= window.left_at {
            return Err("late-read");
        }
        self.put_seal(seal);
        self.gave.insert(device.clone());
        Ok(())
    }

    pub(super) fn has(&self, device: &DeviceId) -> bool {
        self.gave.contains(device)
    }

    pub(super) const fn weight(&self) -> Option<(WeightReading, Option<bool>)> {
        self.weight
    }

    /// The truck may have been exchanged while nobody looked.
    pub(super) fn forget(&mut self) {
        let foreign_events = std::mem::take(&mut self.foreign_events);
        let disowned = std::mem::take(&mut self.disowned);
        let own = std::mem::take(self).events();
        *self = Self {
            disowned,
            foreign_events,
            ..Self::default()
        };
        self.disown(&own);
    }

    /// Camera events heard of in this passage, its own and foreign ones; not
    /// those of the passage before that are heard of no more, or the list would
    /// grow with every truck until nothing could be told from an old event.
    pub(super) fn events(&self) -> BTreeSet<(DeviceId, String)> {
        let own = self.reads.iter().flat_map(|(device, reads)| {
            let events = reads.iter().filter_map(|r| r.event.clone());
            events.map(|event| (device.clone(), event))
        });
        let own = own.chain(self.box_events());
        own.chain(self.foreign_events.iter().cloned()).collect()
    }

    /// Events of the truck before are never this one's.
    pub(super) fn disown(&mut self, events: &BTreeSet<(DeviceId, String)>) {
        let room = READS_MAX.saturating_sub(self.disowned.len());
        self.disowned.extend(events.iter().take(room).cloned());
    }

    /// Its state has been reported: a swipe alone does not say it.
    pub(super) fn knows_seal(&self, id: &SealId) -> bool {
        let known = self.seals.get(id);
        known.is_some_and(|seal| seal.state != SealState::Unknown)
    }

    pub(super) fn seal_ids(&self) -> BTreeSet<SealId> {
        self.seals.keys().cloned().collect()
    }

    /// A text with the shape of a plate that its camera's reads agree on.
    pub(super) fn has_plate(&self, config: &LaneConfig, policy: &Policy) -> bool {
        let min = policy.defaults.plate_confidence_pct_min;
        identify(&self.plates(config), min)
    }
}

/// How much later than it was taken a reading may be placed at least.
const fn lag(reading: &Reading) -> Micros {
    match reading.content {
        Content::Plates(_) | Content::Boxes(_) => match reading.taken {
            Taken::At(_) => CAMERA_LAG,
            Taken::OnArrival | Taken::Unusable => UNDATED_LAG,
        },
        Content::Weight(_)
        | Content::Seal(_)
        | Content::Tag(_)
        | Content::Card(_)
        | Content::Inputs(_) => Micros(0),
    }
}

fn pictures(all: &[String]) -> Vec<String> {
    all.iter().take(PICTURES_MAX).cloned().collect()
}
