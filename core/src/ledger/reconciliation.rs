//! What the authority held of this controller when it was not this journal,
//! or more of it than there is: a replaced disk, a restored backup. It stands
//! in the journal, so that a restart does not forget that releases must wait.

use serde::{Deserialize, Serialize};

use crate::record::ReconciledBody;

/// The last difference with the authority, settled or not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconciliation {
    /// The journal the authority holds.
    pub genesis: String,
    /// How far it holds that.
    pub through: u64,
    /// Our last record when that became known: it is what we say we have
    /// until the ledgers are one.
    pub ours: Option<u64>,
    /// The first record behind the numbers the authority may hold with other
    /// content; ours from there on are ours alone.
    pub next: u64,
    /// The authority's ledger is not taken over yet: nothing is released.
    pub open: bool,
}

impl Reconciliation {
    /// Whether this is about `genesis`, held through `through`.
    #[must_use]
    pub fn is_about(&self, genesis: &str, through: u64) -> bool {
        self.genesis == genesis && self.through == through
    }

    /// What a `reconciled` record `seq`, behind record `ours`, makes of
    /// `before`.
    pub(super) fn behind(
        before: Option<&Self>,
        ours: Option<u64>,
        seq: u64,
        body: &ReconciledBody,
    ) -> Self {
        // While nothing is settled, what we had stays what we had at first.
        let same = before.filter(|b| b.open && b.genesis == body.genesis);
        Self {
            genesis: body.genesis.clone(),
            through: body.through,
            ours: same.map_or(ours, |b| b.ours),
            next: same.map_or(seq, |b| if body.through < b.next { b.next } else { seq }),
            open: body.open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(through: u64, open: bool) -> ReconciledBody {
        ReconciledBody {
            genesis: "aa".into(),
            through,
            ledger: Vec::new(),
            open,
        }
    }

    #[test]
    fn what_we_had_is_remembered_until_the_ledgers_are_one() {
        let first = Reconciliation::behind(None, Some(85), 92, &body(91, true));
        assert_eq!((first.ours, first.next, first.open), (Some(85), 92, true));
        let more = Reconciliation::behind(Some(&first), Some(93), 96, &body(95, true));
        assert_eq!((more.ours, more.next), (Some(85), 96));
        let done = Reconciliation::behind(Some(&more), Some(97), 98, &body(95, false));
        assert_eq!((done.ours, done.next, done.open), (Some(85), 96, false));
        let another = Reconciliation::behind(Some(&done), Some(200), 301, &body(300, true));
        assert_eq!((another.ours, another.next), (Some(200), 301));
    }
}
