//! What a lane is told at start: its geometry, devices and times.

use std::collections::BTreeMap;

use crate::model::{ControllerId, DeviceId, Direction, Kg, LaneId, PortCode};
use crate::time::Micros;

/// Where the inspection bay lies (DESIGN 3, plan view).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Geometry {
    /// The bay leaves before the arm: an inspected truck needs no lift.
    SideExit,
    /// The bay lies behind the arm, and no diverter leads there.
    BehindBarrier,
    /// The bay lies behind the arm and a diverter must report "bay" first.
    DiverterArm,
}

/// What a device gives evidence of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// Plates.
    Camera,
    /// Weight.
    Scale,
    /// Seals.
    SealReader,
    /// Container numbers.
    ContainerReader,
    /// Tags.
    TagReader,
    /// Driver's cards.
    CardReader,
}

/// One device that gives evidence.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct EvidenceDevice {
    /// What of.
    pub role: Role,
    /// How long before presence it may see the truck.
    pub lead: Micros,
    /// How long after presence its evidence is waited for.
    pub evidence: Micros,
    /// `front`, `rear`, … for a camera.
    pub side: Option<String>,
    /// Agreeing reads of one event that make a read count (a camera that
    /// sends every frame needs two).
    pub reads_min: u32,
    /// Whether the gateway can ask it to read again.
    pub can_recapture: bool,
}

/// A lane's configuration. Durations are those of DESIGN 3.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct LaneConfig {
    /// The lane.
    pub lane: LaneId,
    /// The controller.
    pub controller: ControllerId,
    /// The port.
    pub port: PortCode,
    /// Which way it leads.
    pub direction: Direction,
    /// Geometry.
    pub geometry: Geometry,
    /// Devices that give evidence.
    pub devices: BTreeMap<DeviceId, EvidenceDevice>,
    /// The device whose inputs and outputs the lane's are.
    pub lane_io: DeviceId,
    /// A bay input is fitted.
    pub bay_input: bool,
    /// The output `entry` is fitted, so the next truck waits off the platform.
    pub entry_signal: bool,
    /// Read the scale's "seen empty" from Vacant on instead of from P off.
    pub weigh_after_vacant: bool,
    /// The scale's division.
    pub division_kg: Kg,
    /// Inputs older than this are stale.
    pub io_stale: Micros,
    /// Quiet time after a start, fault or reconnect.
    pub settle: Micros,
    /// Presence is off only after this.
    pub presence_clear: Micros,
    /// The closing inhibit is off only after this.
    pub inhibit_clear: Micros,
    /// The arm moves within this.
    pub arm_max: Micros,
    /// A cleared truck passes within this.
    pub pass_max: Micros,
    /// The committer answers within this.
    pub commit_max: Micros,
    /// The store answers within this.
    pub lookup_max: Micros,
    /// Quiet time under an arm that is ours before it is lowered at a start.
    pub secure: Micros,
    /// Evidence is gathered no longer than this, Recapture included.
    pub gather_max: Micros,
    /// Times the camera is asked again before a Hold for an unread plate.
    pub recapture_n_max: u32,
    /// Wait for each of them.
    pub recapture: Micros,
    /// A truck sent to the bay reaches it within this.
    pub bay_max: Micros,
    /// Times a Hold is judged again because its technical reason changed.
    pub rejudge_n_max: u32,
    /// Drain waits this long for the present passage.
    pub drain: Micros,
}
