//! What others may read of the gatekeeper, as of the last durable append.

use std::sync::{Arc, PoisonError, RwLock};

use lanegate_core::lane::Query;
use lanegate_core::ledger::{Ledger, Reconciliation};
use lanegate_core::model::{ControllerId, Declaration, Facts, JournalState, StoreState};
use lanegate_core::record::{Draft, Link};
use lanegate_core::time::Wall;

use super::open::controllers_own;
use crate::journal::{Disk, JournalError, write_snapshot};

/// The gatekeeper's state, whole and durable.
#[derive(Clone, Debug)]
pub struct View {
    /// What has been spent and what is in force.
    pub ledger: Ledger,
    /// Whether the journal has room for releases.
    pub journal: JournalState,
    /// The last durable record.
    pub head_seq: u64,
    /// Its SHA-256.
    pub head_sha256: String,
    /// Whose journal.
    pub controller: ControllerId,
    /// Which journal.
    pub genesis: String,
    /// The authority has acknowledged up to here.
    pub acknowledged: Option<u64>,
    /// The public key of the checkpoints, in hex.
    pub checkpoint_key: Option<String>,
}

impl View {
    /// The facts for a case; cache age and link are the caller's to fill in.
    #[must_use]
    pub fn facts(&self, found: Vec<Declaration>, store: StoreState, query: &Query) -> Facts {
        let mut facts = self.ledger.facts(found, store, query);
        facts.journal = Some(self.journal).filter(|j| *j != JournalState::Ok);
        facts
    }

    /// Writes a snapshot of this view and hands out the record that names it,
    /// to be noted. With a million declarations it takes a second: not on the
    /// committer's thread, nor on the lanes'.
    ///
    /// # Errors
    /// It could not be written; the journal is not touched.
    pub fn write_snapshot<D: Disk>(&self, disk: &mut D, at: Wall) -> Result<Draft, JournalError> {
        let link = Link {
            controller: self.controller.clone(),
            genesis: self.genesis.clone(),
            seq: self.head_seq + 1,
            prev: self.head_sha256.clone(),
        };
        let body = write_snapshot(disk, &self.ledger, &link)?;
        Ok(controllers_own(at, body.into()))
    }

    /// The last difference with what the authority holds.
    #[must_use]
    pub const fn reconciliation(&self) -> Option<&Reconciliation> {
        self.ledger.reconciliation()
    }

    /// Records the authority has not acknowledged.
    #[must_use]
    pub const fn unacknowledged(&self) -> u64 {
        let next = match self.acknowledged {
            Some(through) => through + 1,
            None => 0,
        };
        (self.head_seq + 1).saturating_sub(next)
    }
}

/// The view, published after every append and never held while one runs.
#[derive(Clone, Debug)]
pub struct Published(Arc<RwLock<Arc<View>>>);

impl Published {
    pub(super) fn new(view: View) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(view))))
    }

    /// The view as of now; it does not change while it is held.
    #[must_use]
    pub fn read(&self) -> Arc<View> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn publish(&self, view: View) {
        let view = Arc::new(view);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = view;
    }
}
