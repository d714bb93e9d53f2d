//! The checks, one file each. All of them run on every case, in this order;
//! a new one is one file and one line here.

mod cache;
mod claim;
mod class;
mod clock;
mod container;
mod control;
mod convoy;
mod declaration;
mod device;
mod driver;
mod enterprise;
mod journal;
mod list;
mod plate;
pub(super) mod sampling;
mod seal;
mod store;
mod tag;
mod trailer;
mod weight;

use super::sheet::{Sheet, Trace};
use super::view::View;

/// One check.
pub(super) struct Check {
    /// Its name in the trace, and the word by which a finding covers it.
    pub(super) name: &'static str,
    /// Whether an officer's finding can cover it.
    pub(super) coverable: bool,
    /// Notes reasons, says how it ended.
    pub(super) run: for<'v, 's, 'a> fn(&'v View<'a>, &'s mut Sheet<'a>) -> Trace,
}

macro_rules! checks {
    ($($module:ident $coverable:literal)+) => {
        /// Every check in its fixed order.
        pub(super) const CHECKS: &[Check] = &[
            $(Check { name: stringify!($module), coverable: $coverable, run: $module::check }),+
        ];
    };
}

checks! {
    plate true
    declaration false
    list false
    claim false
    control true
    class false
    enterprise true
    seal true
    container true
    trailer true
    tag true
    driver true
    weight true
    sampling true
    convoy true
    cache false
    clock false
    store false
    journal false
    device false
}
