//! What the evidence of a truck asks the cache for. One way for the lane, which
//! asks before there is a case, and for whoever has a case and no lane.

use std::collections::BTreeSet;

use crate::model::{Case, CasePlate, ContainerNo, ContainerRead, Plate, SealId, TagRead};

/// What to look for.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Query {
    /// Normalised texts of the plates read, and of those supplied.
    pub plates: Vec<String>,
    /// Seals read.
    pub seals: Vec<String>,
    /// Container numbers read.
    pub containers: Vec<String>,
    /// Tags read.
    pub tags: Vec<String>,
    /// Driver's card.
    pub driver_card: Option<String>,
}

impl Query {
    /// Plates that were outvoted and texts without the shape of a plate ask
    /// for nothing.
    pub(super) fn of<'a>(
        plates: &[CasePlate],
        seals: impl Iterator<Item = &'a SealId>,
        containers: &[ContainerRead],
        tags: &[TagRead],
        driver_card: Option<&str>,
    ) -> Self {
        let counted = plates.iter().filter(|plate| !plate.outvoted);
        let parsed = counted.filter_map(|plate| Plate::parse(&plate.text).ok());
        let plates: BTreeSet<String> = parsed.map(String::from).collect();
        // One that is no number finds nothing, and is still said.
        let no = |read: &ContainerRead| {
            ContainerNo::parse(&read.no).map_or_else(|_| read.no.clone(), String::from)
        };
        let containers: BTreeSet<String> = containers.iter().map(no).collect();
        Self {
            plates: plates.into_iter().collect(),
            seals: seals.map(|seal| seal.as_str().to_owned()).collect(),
            containers: containers.into_iter().collect(),
            tags: tags.iter().map(|tag| tag.id.clone()).collect(),
            driver_card: driver_card.map(str::to_owned),
        }
    }

    /// What the evidence of `case` asks for.
    #[must_use]
    pub fn of_case(case: &Case) -> Self {
        Self::of(
            &case.plates,
            case.seals.iter().map(|seal| &seal.id),
            &case.containers,
            &case.tags,
            case.driver_card.as_deref(),
        )
    }
}
