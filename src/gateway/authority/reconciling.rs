//! A replaced disk or a restored backup: what the authority holds goes on
//! record, then its ledger.

use lanegate_core::record::ReconciledBody;
use tokio::sync::oneshot;
use tracing::{error, info};

use super::{BUSY, Task};
use crate::authority::Held;

impl Task {
    pub(super) async fn blocked(&mut self, held: Option<Held>) {
        self.turning.waits();
        let Some(Held { genesis, through }) = held else {
            info!("reconciled with the authority: releases resume");
            return;
        };
        error!(
            %genesis,
            through,
            "the authority holds another journal of this controller, or more of this one: \
             no release until reconciled"
        );
        let committer = self.port.shared.committer.clone();
        loop {
            let (to, recorded) = oneshot::channel();
            let reply = move |unreconciled: bool| {
                to.send(unreconciled).ok();
            };
            let at = self.port.shared.clock.now().wall;
            let asked = committer.authority_holds(at, genesis.clone(), through, reply);
            if asked.is_ok() {
                // Not answered: the committer has ended, and the daemon stops.
                recorded.await.ok();
                break;
            }
            if self.port.stop.is_cancelled() {
                return;
            }
            tokio::time::sleep(BUSY).await;
        }
        self.port.shared.tell_starts();
        self.session
            .marked(committer.view().reconciliation().cloned());
        self.tell_facts_changed();
    }

    pub(super) async fn reconcile(&mut self, body: ReconciledBody) {
        self.turning.waits();
        let at = self.port.shared.clock.now().wall;
        let (to, durable) = oneshot::channel();
        let reply = move |durable: bool| {
            to.send(durable).ok();
        };
        let committer = self.port.shared.committer.clone();
        let asked = committer.reconcile(at, body, reply);
        if asked.is_ok() && durable.await == Ok(true) {
            self.port.shared.tell_starts();
            self.session
                .reconciled(committer.view().reconciliation().cloned());
            self.tell_facts_changed();
        } else {
            error!("the reconciled ledger could not be written; the authority sends it again");
        }
    }
}
