//! Evidence a class, a load or a form must show: it makes what is compared when
//! it is there into something that must be there. It only ever adds.

use serde::{Deserialize, Serialize};

use super::table::{Faults, Table};

/// A kind of evidence that a policy may require.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// A weight; required of every truck anyway.
    Weight,
    /// Every declared container read; a box load declares one.
    Container,
    /// A seal declared and read, whatever the load.
    Seal,
    /// Every declared trailer's plate read.
    Trailer,
    /// The vehicle's tag declared and read.
    Tag,
    /// A driver's card read.
    Driver,
}

const SHAPE: &str = "[\"container\", \"driver\"] of weight, container, seal, trailer, tag, driver";

/// `evidence = [...]` of a class or an override.
pub(super) fn evidence(t: &mut Table<'_, '_>, faults: &mut Faults<'_>) -> Option<Vec<Evidence>> {
    t.optional("evidence", SHAPE, faults, |value| {
        let mut all = Vec::new();
        for word in value.as_array()? {
            let word = super::table::word::<Evidence>(word.get_ref())?;
            if all.contains(&word) {
                return None;
            }
            all.push(word);
        }
        Some(all)
    })
}
