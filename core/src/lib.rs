//! The pure core of lanegate: what a lane knows, how bytes become readings,
//! how a case becomes a verdict, and how a lane moves.
//!
//! Absent on purpose: input and output, clocks, threads, async, randomness,
//! sled, environment, logging. Everything here is a function of its arguments,
//! so the shipped code itself is what the simulator drives.

pub mod clearance;
pub mod drift;
pub mod lane;
pub mod ledger;
pub mod model;
pub mod record;
pub mod skew;
pub mod time;
pub mod wire;
