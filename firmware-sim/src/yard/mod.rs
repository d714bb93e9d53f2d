//! The physical lane: an arm, the trucks in it, what its detectors see.

pub(crate) mod arm;
pub(crate) mod diverter;
pub(crate) mod truck;
