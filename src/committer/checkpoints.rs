//! When a signed head of the chain is recorded: after so many records, when
//! asked (by the clock), and at a stop.

use lanegate_core::time::Wall;

use super::gatekeeper::Gatekeeper;
use super::open::controllers_own;
use super::queue::Work;
use crate::journal::{CheckpointKey, Disk};

/// With which key, and how often.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoints {
    /// Signs.
    pub key: CheckpointKey,
    /// After so many records.
    pub every_records: u64,
}

/// What stands since the last one.
#[derive(Debug)]
pub(super) struct Signing {
    checkpoints: Checkpoints,
    /// The record behind the last checkpoint.
    from: u64,
    /// Asked for with the next append.
    asked: Option<Wall>,
}

impl Signing {
    /// The first is due with the first append: a crash may have come before
    /// the last one was.
    pub(super) const fn new(checkpoints: Checkpoints, at: Wall) -> Self {
        Self {
            checkpoints,
            from: 0,
            asked: Some(at),
        }
    }
}

impl<D: Disk, T> Gatekeeper<D, T> {
    /// Asks for a checkpoint with the next flush; none is made if nothing was
    /// recorded since the last.
    pub fn checkpoint(&mut self, at: Wall) {
        let head = self.head().seq;
        if let Some(signing) = &mut self.signing
            && head > signing.from
        {
            signing.asked = Some(at);
        }
    }

    /// Whether a checkpoint waits for a flush.
    pub(super) fn owes_checkpoint(&self) -> bool {
        self.signing.as_ref().is_some_and(|s| s.asked.is_some())
    }

    /// Puts a checkpoint behind what is about to be written, if one is due.
    pub(super) fn sign(&self, work: &mut Work<T>) {
        let Some(signing) = &self.signing else {
            return;
        };
        let link = work.group.link();
        let many = link.seq.saturating_sub(signing.from) >= signing.checkpoints.every_records;
        // Not before what it signs.
        let at = match signing.asked {
            Some(asked) => Some(work.at.map_or(asked, |at| at.max(asked))),
            None => work.at.filter(|_| many),
        };
        let body = signing.checkpoints.key.sign(link);
        let Some((at, body)) = at.zip(body) else {
            return;
        };
        work.push(&controllers_own(at, body.into()).into());
        work.signed = true;
    }

    /// What was written had a checkpoint at its end.
    pub(super) fn signed(&mut self) {
        let head = self.head().seq;
        if let Some(signing) = &mut self.signing {
            signing.from = head;
            signing.asked = None;
        }
    }

    /// The public key of the checkpoints.
    #[must_use]
    pub fn checkpoint_key(&self) -> Option<String> {
        let signing = self.signing.as_ref();
        signing.map(|s| s.checkpoints.key.public())
    }
}
