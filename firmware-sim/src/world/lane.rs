//! The state of one lane and of one truck, without behaviour.

use std::collections::{BTreeSet, VecDeque};

use super::view::{LaneLayout, Phase, To};
use crate::devices::board::Board;
use crate::devices::camera::Camera;
use crate::devices::seal::Acks;
use crate::options::{MS, Must, Us, WorldOptions};
use crate::population::{Driver, Profile};
use crate::rng::Rng;
use crate::yard::arm::Arm;
use crate::yard::diverter::Diverter;
use crate::yard::truck::{Body, ENTRY_MM, Segment};

/// Why a truck reverses out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The sign told it to.
    Returned,
    /// It waited too long.
    Abandoned,
    /// The driver wanted to; comes back next.
    Whim,
}

/// What the controller last said about a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Fine,
    Faulted,
    /// The arm is up and nobody told it so.
    ArmUpUnpaired,
}

#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) layout: LaneLayout,
    pub(crate) rng: Rng,
    pub(crate) board: Board,
    pub(crate) arm: Arm,
    pub(crate) diverter: Diverter,
    pub(crate) camera: Camera,
    pub(crate) acks: Acks,
    pub(crate) seal_serial: u8,
    /// Reports not acknowledged yet.
    pub(crate) unacked: BTreeSet<u8>,
    /// Trucks still to come, by index.
    pub(crate) queue: VecDeque<usize>,
    /// Trucks between the entry and the far side of the inhibit loop.
    pub(crate) present: Vec<usize>,
    /// Trucks come from the first poll of the board on.
    pub(crate) open: bool,
    pub(crate) opening: bool,
    /// Rises whenever a truck sets off, so that an older intention is void.
    pub(crate) ticket: u32,
    /// The ticket whose truck will give up if the entry stays red.
    pub(crate) may_turn_away: Option<u32>,
    /// The next truck is about to set off.
    pub(crate) coming: bool,
    pub(crate) bay_until: Us,
    pub(crate) last_crossed: Option<usize>,
    /// When a rear last left the presence loop, driving on.
    pub(crate) line_left_at: Option<Us>,
    /// When a truck last came onto the presence loop.
    pub(crate) last_arrival: Us,
    /// Locks spoke of a tailgater that no loop told from the truck before.
    pub(crate) stray_seals: bool,
    /// When a lock was last heard with nobody on the presence loop, or of a truck
    /// no loop told from the one before.
    pub(crate) stray_at: Option<Us>,
    pub(crate) mood: Mood,
    /// An officer is on the way to see to the mood.
    pub(crate) officer_called: bool,
}

impl Lane {
    pub(crate) fn new(o: &WorldOptions, index: usize) -> Lane {
        let name = format!("SZB-X-{:02}", index + 1);
        let camera = Camera::new(index);
        Lane {
            layout: LaneLayout {
                scale_port: format!("{name}/scale"),
                io_port: format!("{name}/io"),
                seal_port: format!("{name}/seal"),
                camera_sn: camera.sn.clone(),
                geometry: o.geometry,
                direction: "export",
                lane: name,
            },
            rng: Rng::new(o.seed, 0x4c41_4e45_0000 + index as u64),
            board: Board::default(),
            diverter: Diverter::default(),
            arm: Arm::new(Us::from(o.times.arm_ms) * MS),
            camera,
            acks: Acks::default(),
            seal_serial: 0,
            unacked: BTreeSet::new(),
            queue: VecDeque::new(),
            present: Vec::new(),
            open: false,
            opening: false,
            ticket: 0,
            may_turn_away: None,
            coming: false,
            bay_until: 0,
            last_crossed: None,
            line_left_at: None,
            last_arrival: 0,
            stray_seals: false,
            stray_at: None,
            mood: Mood::Fine,
            officer_called: false,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Truck {
    pub(crate) profile: Profile,
    pub(crate) driver: Driver,
    pub(crate) body: Body,
    pub(crate) rng: Rng,
    pub(crate) must: Must,
    pub(crate) phase: Phase,
    /// Rises with every arrival at the stop line.
    pub(crate) visit: u32,
    /// When this visit's presence began.
    pub(crate) arrived_at: Us,
    /// When that of its first visit began.
    pub(crate) came_at: Option<Us>,
    /// Goes only once the arm has been down this often: a lift for the truck
    /// before is not for this one.
    pub(crate) downs_needed: u64,
    /// Has made up its mind and is about to act.
    pub(crate) deciding: bool,
    pub(crate) reversing: Why,
    pub(crate) to: To,
    /// Drives through behind another.
    pub(crate) forced: bool,
    /// Passed the arm on a release of its own.
    pub(crate) spent: bool,
    /// A hold was recorded for it.
    pub(crate) held: bool,
    /// The camera sent something other than its plates.
    pub(crate) misread: bool,
    /// Feed sequence of the control issued while trucks were coming.
    pub(crate) control_seq: Option<u64>,
    /// When the controller said that it had applied it.
    pub(crate) control_known_at: Option<Us>,
    /// The presence loop said something untrue between the truck before and
    /// this one: a gateway may take them for one.
    pub(crate) swapped: bool,
    /// Came so close behind the truck before that two loops cannot tell them
    /// apart.
    pub(crate) close: bool,
    /// Drove through so close that two loops took it for the truck before.
    pub(crate) merged: bool,
    /// Whether the first picture of it showed its first plate.
    pub(crate) first_read: Option<bool>,
    /// When it left.
    pub(crate) over_at: Us,
}

impl Truck {
    pub(crate) fn new(profile: Profile, seed: u64, index: usize) -> Truck {
        Truck {
            driver: profile.driver,
            body: Body {
                length_mm: profile.length_mm,
                gross_kg: profile.gross_kg,
                segment: Segment::standing(0, ENTRY_MM),
                plan: 0,
                sideways: None,
                gap: None,
            },
            rng: Rng::new(seed, 0x5452_5543_0000_0000 + index as u64),
            must: match profile.contested {
                true => Must::May,
                false => profile.story.must(),
            },
            phase: Phase::Queued,
            visit: 0,
            arrived_at: 0,
            came_at: None,
            downs_needed: 0,
            deciding: false,
            reversing: Why::Whim,
            to: To::Road,
            forced: false,
            spent: false,
            held: false,
            misread: profile.misread.is_some(),
            control_seq: None,
            control_known_at: None,
            swapped: false,
            close: false,
            merged: false,
            first_read: None,
            over_at: 0,
            profile,
        }
    }
}
