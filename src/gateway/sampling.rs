//! What is said of sampling states that moved: numbers, and one line for all
//! that moved since the last. Whose they are stands in the journal alone.

use lanegate_core::ledger::SamplingMoves;
use tracing::info;

use super::port::Port;
use crate::metrics;

/// What was told of so far.
pub(super) struct SamplingTold(SamplingMoves);

impl SamplingTold {
    /// What moved before the start is not told again.
    pub(super) fn new(port: &Port) -> Self {
        Self(port.shared.committer.view().ledger.sampling_moves())
    }

    /// Counts and tells what moved since.
    pub(super) fn tell(&mut self, port: &Port) {
        let now = port.shared.committer.view().ledger.sampling_moves();
        let before = std::mem::replace(&mut self.0, now);
        if before == now {
            return;
        }
        let since = [
            ("conforms", now.conforms - before.conforms),
            ("nonconforms", now.nonconforms - before.nonconforms),
            ("undone", now.undone - before.undone),
            ("vetoed", now.vetoed - before.vetoed),
            ("brought", now.brought - before.brought),
            ("decayed", now.decayed - before.decayed),
        ];
        for (by, n) in since {
            port.shared
                .metrics
                .count(&metrics::SAMPLING_MOVES, &[by], n);
        }
        let [conforms, nonconforms, undone, vetoed, brought, decayed] = since.map(|(_, n)| n);
        info!(
            conforms,
            nonconforms, undone, vetoed, brought, decayed, "sampling states moved"
        );
    }
}
