//! Simulation (feature `sim`): the shipped code against simulated firmware,
//! in virtual time ([`simulate`]) and on real wires (`demo`).

mod breaks;
mod chance;
pub mod demo;
mod errors;
mod gate;
mod known;
mod lane;
mod laws;
mod links;
mod orders;
mod restart;
mod rig;
mod sabotage;
mod setup;
mod shrink;
mod simulate;
mod truths;

pub use breaks::{DAEMON_BREAKS, Severity};
pub use demo::{DemoPlan, demo};
pub use sabotage::Sabotage;
pub use simulate::{Extras, Failure, Plan, Summary, simulate, simulate_with};

use firmware_sim::{Drivers, Geometry, Mix, Times, WorldOptions};

/// A world of `lanes` lanes and `trucks` trucks without device faults, with
/// drivers who follow, tailgate, reverse and stall.
pub(crate) fn world_options(seed: u64, lanes: usize, trucks: usize) -> WorldOptions {
    WorldOptions {
        seed,
        lanes,
        trucks,
        start_wall_ms: setup::START_WALL_MS,
        controller: setup::CONTROLLER.to_owned(),
        port: setup::PORT.to_owned(),
        times: Times::default(),
        mix: Mix::demo(),
        drivers: Drivers::lively(),
        plate_read_permille: 1000,
        geometry: Geometry::SideExit,
        officer: true,
        faults: firmware_sim::FaultOptions::default(),
    }
}
