//! A declaration read for no more than the indexes need. A restart waits until
//! the cache is verified, and reading every declaration whole is most of that.
//! What its checksum vouches for was written whole by this program, and is
//! read whole when it is looked up; what another version wrote is read whole at
//! once, since this one may not be able to.

use lanegate_core::time::Wall;
use serde::Deserialize;

/// What the indexes need. Texts with escapes do not fit here.
#[derive(Deserialize)]
pub(super) struct Skimmed<'a> {
    pub(super) id: &'a str,
    pub(super) valid_until: Wall,
    #[serde(borrow, default)]
    pub(super) vehicles: Vec<Vehicle<'a>>,
    #[serde(borrow, default)]
    pub(super) trailers: Vec<Trailer<'a>>,
    #[serde(borrow, default)]
    pub(super) driver: Option<Driver<'a>>,
    #[serde(borrow, default)]
    pub(super) containers: Vec<Container<'a>>,
    #[serde(borrow, default)]
    pub(super) seals: Vec<&'a str>,
}

#[derive(Deserialize)]
pub(super) struct Vehicle<'a> {
    #[serde(borrow)]
    pub(super) plates: Vec<&'a str>,
    #[serde(default)]
    pub(super) tag: Option<&'a str>,
}

#[derive(Deserialize)]
pub(super) struct Trailer<'a> {
    pub(super) plate: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Driver<'a> {
    pub(super) card: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Container<'a> {
    pub(super) no: &'a str,
    #[serde(borrow, default)]
    pub(super) seals: Vec<&'a str>,
}
