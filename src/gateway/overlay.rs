//! What the journal and the clocks know beside what the store found.

use lanegate_core::lane::{Draws, Query};
use lanegate_core::model::{Declaration, Facts, StoreState};

use super::port::PortShared;
use crate::claims::LocalClaims;

/// Fills in the facts of a case, on the store's thread.
pub(super) struct Overlay {
    shared: PortShared,
    claims: LocalClaims,
}

impl Overlay {
    pub(super) fn new(shared: &PortShared, claims: &LocalClaims) -> Self {
        Self {
            shared: shared.clone(),
            claims: claims.clone(),
        }
    }
}

impl crate::store::Overlay for Overlay {
    fn facts(&self, found: Vec<Declaration>, state: StoreState, query: &Query) -> (Facts, Draws) {
        let view = self.shared.committer.view();
        let mut facts = view.facts(found, state, query);
        // With local claims the rules tell by this name whose a declaration is.
        facts.controller = Some(self.claims.controller().clone());
        let now = self.shared.clock.now();
        self.shared.freshness().fill(&mut facts, now);
        let today = self.shared.draw_day(now);
        let draws = view.ledger.draws(&facts, today.as_ref());
        (facts, draws)
    }
}
