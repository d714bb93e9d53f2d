//! Plate cameras.

mod alive;
pub(super) mod dahua;
mod decimal;
mod fields;
pub(super) mod hikvision;
pub(super) mod json;
mod map;
mod parted;
mod path;
pub(super) mod vzenith;
pub(super) mod vzenith_http;
mod whole;
mod xml;

pub(super) use whole::json as whole_json;
