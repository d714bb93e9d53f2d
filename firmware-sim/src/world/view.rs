//! What a world shows and takes: bytes, messages, facts, the state of trucks.

use crate::options::{Geometry, Must, Story, Us};

/// What a device or the authority sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Bytes on a serial port.
    Serial {
        /// The port's logical name.
        port: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// An MQTT message to the broker.
    Publish {
        /// Topic.
        topic: String,
        /// Payload.
        payload: Vec<u8>,
        /// Whether the broker keeps it.
        retain: bool,
        /// Quality of service.
        qos: u8,
    },
    /// A message the broker kept, as it hands it to a new subscriber.
    Retained {
        /// Topic.
        topic: String,
        /// Payload.
        payload: Vec<u8>,
    },
    /// A serial port vanishes, or is there again.
    Port {
        /// The port's logical name.
        port: String,
        /// It is there.
        open: bool,
    },
    /// A broker is gone, or there again.
    Link {
        /// Which one.
        link: Link,
        /// It is there.
        up: bool,
    },
}

/// A connection of the gateway's to a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// The devices' broker.
    Devices,
    /// The authority's broker.
    Authority,
}

/// What the gateway sends to a device or the authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Bytes on a serial port.
    Serial {
        /// The port's logical name.
        port: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// An MQTT message.
    Message {
        /// Topic.
        topic: String,
        /// Payload.
        payload: Vec<u8>,
    },
}

/// The names a lane's devices go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneLayout {
    /// The lane's name, e.g. `SZB-X-01`.
    pub lane: String,
    /// Logical name of the scale's port.
    pub scale_port: String,
    /// Logical name of the I/O board's port.
    pub io_port: String,
    /// Logical name of the seal reader's port.
    pub seal_port: String,
    /// The camera's serial number, part of its topics.
    pub camera_sn: String,
    /// Where the bay lies.
    pub geometry: Geometry,
    /// `export` or `import`.
    pub direction: &'static str,
}

/// Where a truck is in its stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Waits before the lane.
    Queued,
    /// Drives up.
    Approaching,
    /// Stands at the stop line.
    AtStopLine,
    /// Drives under the arm.
    Crossing,
    /// On its way to the bay.
    ToBay,
    /// Reverses out.
    Reversing,
    /// Gone to the road.
    Released,
    /// In the bay.
    Inspected,
    /// Gone after a hold or a return.
    Held,
    /// Gave up waiting.
    Unfinished,
}

impl Phase {
    /// Whether nothing more happens to the truck.
    pub fn is_over(self) -> bool {
        match self {
            Phase::Released | Phase::Inspected | Phase::Held | Phase::Unfinished => true,
            Phase::Queued
            | Phase::Approaching
            | Phase::AtStopLine
            | Phase::Crossing
            | Phase::ToBay
            | Phase::Reversing => false,
        }
    }
}

/// A truck as the live table shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruckView {
    /// Number in order of arrival, from 1.
    pub id: u32,
    /// The lane it comes to.
    pub lane: String,
    /// Its story.
    pub story: Story,
    /// What ought to become of it; may change with what happens, e.g. once
    /// the camera has misread it.
    pub must: Must,
    /// The plates it bears.
    pub plates: Vec<String>,
    /// Where it is.
    pub phase: Phase,
    /// What is odd about it, in a few words.
    pub note: String,
}

/// Ground truth about a lane, at the world's present moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Physical {
    /// 0 = down, 1000 = up.
    pub arm_permille: u16,
    /// The arm is on its way down.
    pub arm_lowering: bool,
    /// The truck under the arm.
    pub under_arm: Option<u32>,
    /// What the inhibit loop sees; it may miss the gap between tractor and trailer.
    pub on_inhibit: bool,
    /// The truck standing at the stop line.
    pub at_stop_line: Option<u32>,
    /// The truck whose rear passed the arm last.
    pub last_crossed: Option<u32>,
}

/// Where a truck went that passed the arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum To {
    /// Out of the port.
    Road,
    /// To the bay behind the barrier.
    Bay,
}

/// Something that happened in the yard. Lanes are indices, trucks ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The truck's front is on the presence loop.
    Arrived {
        /// When.
        at: Us,
        /// Where.
        lane: usize,
        /// Who.
        truck: u32,
    },
    /// The truck stands at the stop line.
    ReachedStopLine {
        /// When.
        at: Us,
        /// Where.
        lane: usize,
        /// Who.
        truck: u32,
    },
    /// The arm was sent somewhere or has come to rest.
    ArmMoved {
        /// When.
        at: Us,
        /// Where.
        lane: usize,
        /// Its position at that moment.
        permille: u16,
        /// Where it is going; equal to `permille` at rest.
        to: u16,
    },
    /// The truck's rear has passed the arm.
    CrossedArm {
        /// When.
        at: Us,
        /// Where.
        lane: usize,
        /// Who.
        truck: u32,
        /// Where to.
        to: To,
        /// It drove through behind another truck.
        forced: bool,
    },
    /// The truck has reached the bay.
    WentToBay {
        /// When.
        at: Us,
        /// Where.
        lane: usize,
        /// Who.
        truck: u32,
    },
    /// The truck has reversed out of the lane.
    ReversedOut {
        /// When.
        at: Us,
        /// Where.
        lane: usize,
        /// Who.
        truck: u32,
    },
    /// The arm was lowered onto the truck, or met it half raised.
    HitByArm {
        /// When.
        at: Us,
        /// Where.
        lane: usize,
        /// Who.
        truck: u32,
        /// The arm's position.
        permille: u16,
    },
}
