//! What sampling knows of every candidate of a look-up. Which of them is the
//! truck's the rules say only when its case is made; the one they choose then
//! puts its draw and its enterprise's state among the facts.

use std::collections::{BTreeMap, BTreeSet};

use crate::clearance::{Policy, chosen};
use crate::model::{Case, DeclarationId, Draw, Sampling};

/// Draws by candidate; as many as there are candidates, which is bounded.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Draws(BTreeMap<DeclarationId, CandidateDraws>);

/// What sampling knows of one candidate.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct CandidateDraws {
    /// Where its enterprise stands.
    pub sampling: Option<Sampling>,
    /// The draw for the next trip; none while the clock is not believed.
    pub next: Option<Draw>,
    /// Draws of trips that vehicles hold, by their first declared plates.
    pub held: BTreeMap<String, Draw>,
    /// Vehicles that were selected and not inspected yet; none = whichever
    /// comes.
    pub selected: BTreeSet<Option<String>>,
}

impl FromIterator<(DeclarationId, CandidateDraws)> for Draws {
    fn from_iter<T: IntoIterator<Item = (DeclarationId, CandidateDraws)>>(all: T) -> Self {
        Self(all.into_iter().collect())
    }
}

impl Draws {
    /// What is known of one candidate.
    #[must_use]
    pub fn of(&self, declaration: &DeclarationId) -> Option<&CandidateDraws> {
        self.0.get(declaration)
    }

    /// Puts the draw and the sampling state of the declaration that the rules
    /// will choose among the facts of `case`.
    pub(super) fn put(&self, case: &mut Case, policy: &Policy) {
        let found = chosen(case, policy);
        let of = found.as_ref().and_then(|f| self.0.get(&f.declaration));
        case.facts.sampling = of.and_then(|of| of.sampling.clone());
        let vehicle = found.as_ref().and_then(|f| f.vehicle.as_deref());
        case.facts.draw = of.and_then(|of| of.draw_of(vehicle));
    }
}

impl CandidateDraws {
    /// The draw where `vehicle`, named by its first declared plate, comes with
    /// the declaration.
    #[must_use]
    pub fn draw_of(&self, vehicle: Option<&str>) -> Option<Draw> {
        let held = vehicle.and_then(|v| self.held.get(v));
        let mut draw = held.or(self.next.as_ref())?.clone();
        let stays = |of: &Option<String>| match (of, vehicle) {
            (Some(of), Some(vehicle)) => of == vehicle,
            // Whoever comes is meant, or nobody knows who came (L4).
            (None, _) | (_, None) => true,
        };
        draw.selected = self.selected.iter().any(stays).then_some(true);
        Some(draw)
    }
}
