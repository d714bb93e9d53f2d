//! One ledger with the authority again, after a replaced disk or a restored
//! backup. That it is needed, and that it was done, are records: a restart
//! forgets neither, and no number the authority holds is given out again.

use std::collections::BTreeMap;

use lanegate_core::ledger::Ledger;
use lanegate_core::model::{Balance, Kg};
use lanegate_core::record::{Body, ReconciledBody, ReconciledEntry, Record};
use lanegate_core::time::Wall;

use super::gatekeeper::Gatekeeper;
use super::open::controllers_own;
use crate::journal::{AppendError, Disk, JournalError};

/// Records read at once.
const PAGE_LEN: usize = 1000;

/// Why the ledgers were not made one.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// What we took ourselves could not be read back; nothing was written.
    #[error("our own records cannot be read back")]
    Read(#[source] JournalError),
    /// It could not be recorded.
    #[error("it cannot be recorded")]
    Append(#[source] AppendError),
}

impl<D: Disk, T> Gatekeeper<D, T> {
    /// On connect the authority says what it holds of this controller. If that
    /// is more than this journal, or of another, that is recorded, and nothing
    /// is taken until it is reconciled, whatever the authority says meanwhile;
    /// returns whether that is so. What waits is to be flushed before.
    ///
    /// # Errors
    /// The journal failed.
    pub fn authority_holds(
        &mut self,
        at: Wall,
        genesis: &str,
        through: u64,
    ) -> Result<bool, AppendError> {
        let link = self.writer.link();
        let is_ours = genesis == link.genesis;
        let last = self.ledger.reconciliation();
        let known = last.is_some_and(|last| last.is_about(genesis, through));
        if (is_ours && through >= link.seq) || (!is_ours && !known) {
            self.record_difference(at, genesis, through)?;
        }
        // Below that, the authority may hold other records under our numbers.
        let theirs = last_theirs(&self.ledger, &self.writer.link().genesis);
        if is_ours && !self.unreconciled && theirs.is_none_or(|last| through > last) {
            self.outbox.acknowledge(through);
        }
        self.publish();
        Ok(self.unreconciled)
    }

    fn record_difference(
        &mut self,
        at: Wall,
        genesis: &str,
        through: u64,
    ) -> Result<(), AppendError> {
        self.unreconciled = true;
        self.publish();
        let body = ReconciledBody {
            genesis: genesis.to_owned(),
            through,
            ledger: Vec::new(),
            open: true,
        };
        match self.append_now(&[controllers_own(at, body.into()).into()]) {
            Ok(()) => Ok(()),
            // Not on record, but true until the end of this run.
            Err(AppendError::Full) => {
                tracing::error!("the disk is too full to record that releases must wait");
                Ok(())
            }
            Err(fatal @ AppendError::Fatal(_)) => Err(fatal),
        }
    }

    /// Records the authority's ledger, with what was taken here and the
    /// authority does not know; releases resume.
    ///
    /// # Errors
    /// Nothing was recorded, or the journal failed.
    pub fn reconcile(&mut self, at: Wall, body: ReconciledBody) -> Result<(), ReconcileError> {
        let own = self.unacknowledged_ledger().map_err(ReconcileError::Read)?;
        let entries = body.ledger.into_iter();
        let mut held: BTreeMap<_, _> = entries.map(|e| (e.declaration, e.balance)).collect();
        for (declaration, taken) in own.balances() {
            add(held.entry(declaration.clone()).or_default(), &taken);
        }
        let entry = |(declaration, balance)| ReconciledEntry {
            declaration,
            balance,
        };
        let body = ReconciledBody {
            ledger: held.into_iter().map(entry).collect(),
            open: false,
            ..body
        };
        let appended = self.append_now(&[controllers_own(at, body.into()).into()]);
        appended.map_err(ReconcileError::Append)?;
        self.unreconciled = false;
        self.publish();
        Ok(())
    }

    /// What the records say that the authority has not acknowledged: it cannot
    /// have counted them. Some it may have; then a trip counts twice, which
    /// holds a truck and never releases one.
    fn unacknowledged_ledger(&mut self) -> Result<Ledger, JournalError> {
        let mut own = Ledger::default();
        let mut next = self.outbox.through().map_or(0, |through| through + 1);
        loop {
            let records = self.records_from(next, PAGE_LEN)?;
            let Some((last, _)) = records.last() else {
                return Ok(own);
            };
            next = last + 1;
            for (seq, text) in &records {
                let read = Record::read(text).and_then(|record| record.draft());
                let draft = read.map_err(|fault| JournalError::Damaged {
                    segment: "unacknowledged part".to_owned(),
                    offset: 0,
                    seq: *seq,
                    why: fault.to_string(),
                })?;
                // The authority's ledger at an earlier time is not our taking.
                if !matches!(draft.body, Body::Reconciled(_)) {
                    own.apply(*seq, &draft);
                }
            }
        }
    }
}

/// The last of our numbers under which the authority may hold other records.
fn last_theirs(ledger: &Ledger, genesis: &str) -> Option<u64> {
    let last = ledger.reconciliation().filter(|r| r.genesis == genesis)?;
    last.next.checked_sub(1)
}

/// The authority's count and what was taken here since. Who holds what is in
/// the account already.
fn add(held: &mut Balance, taken: &Balance) {
    held.issued = held.issued.saturating_add(taken.issued);
    held.passed = held.passed.saturating_add(taken.passed);
    let goods_kg = held
        .goods_kg_issued
        .0
        .saturating_add(taken.goods_kg_issued.0);
    held.goods_kg_issued = Kg(goods_kg);
}
