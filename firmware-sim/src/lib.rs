//! Simulated lane hardware, trucks and authority: the vendors' side of every
//! wire and the yard itself. Imports nothing of the gateway, so that a misread
//! protocol cannot cancel out on both sides.
//!
//! [`World`] is sans-IO and deterministic from a seed.

mod devices;
mod faults;
mod options;
mod population;
mod rng;
mod truth;
mod wall;
mod world;
mod yard;

pub use devices::boards;
pub use faults::kinds;
pub use options::{
    Drivers, FaultOptions, Faults, Geometry, Mix, Must, Story, Times, Us, WorldOptions,
};
pub use truth::{NO_VERDICT, Score};
pub use world::{Fact, Input, LaneLayout, Link, Output, Phase, Physical, To, TruckView, World};

pub mod authority;
pub mod bench;
pub mod broker;
pub mod cameras;
pub mod pty;
pub mod realtime;
mod realtime_world;
pub mod scales;
