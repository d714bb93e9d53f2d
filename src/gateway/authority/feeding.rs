//! A batch of the feed on its way: journal first, then store, then the answer.

use lanegate_core::record::{Draft, FeedBody, canonical};
use lanegate_core::time::Wall;
use tokio::sync::oneshot;
use tracing::{debug, error, warn};

use super::super::policy;
use super::{BUSY, Task};
use crate::authority::feed::Batch;
use crate::clock::Agreement;
use crate::committer::BODY_LEN_MAX;
use crate::metrics;

impl Task {
    /// Tells the store what the journal expects of it.
    pub(super) async fn expect(&self) {
        self.turning.waits();
        let view = self.port.shared.committer.view();
        let (purged, buckets) = (view.ledger.purged_until(), view.ledger.buckets().clone());
        // What the journal has forgotten the cache forgets first, or the two
        // would differ.
        if self.port.store.purge(purged, |_| {}).is_err() {
            debug!("the store is busy: purged at the next batch");
        }
        let (to, differing) = oneshot::channel();
        let reply = move |n: usize| {
            to.send(n).ok();
        };
        if self.port.store.expect(buckets, reply).is_err() {
            return;
        }
        if let Ok(n) = differing.await {
            debug!(buckets = n, "differ from what the journal expects");
        }
    }

    /// Journal first, then store, then the answer.
    pub(super) async fn apply(&mut self, batch: Batch) {
        let mut batch = batch;
        let now = self.port.shared.clock.now();
        let position = self.session.position();
        let body_len = canonical(&batch.feed_body(now.wall)).len();
        if body_len >= BODY_LEN_MAX {
            let why = format!(
                "its record would have {body_len} bytes, at most {BODY_LEN_MAX} are written: send it in smaller batches"
            );
            error!(seq = batch.seq, %why, "a batch of the feed is refused");
            let say = &self.port.shared.metrics;
            say.count(&metrics::FEED_BATCHES, &["too-long"], 1);
            self.session.refused(&batch, position, &why);
            return;
        }
        let desk = self.port.policy.clone();
        let turn = policy::turn(&desk).await;
        let policies = policy::fed(&self.port, &mut batch, now);
        let in_force = self.put_in_force(now.wall, &batch, policies).await;
        policy::publish(&self.port);
        drop(turn);
        if !in_force {
            error!("a batch of the feed could not be written to the journal");
            let say = &self.port.shared.metrics;
            say.count(&metrics::FEED_BATCHES, &["not-written"], 1);
            self.session.not_applied(&batch, position);
            return;
        }
        let stored = self.put_in_store(batch.clone()).await;
        self.expect().await;
        let say = &self.port.shared.metrics;
        say.count(&metrics::FEED_BATCHES, &["applied"], 1);
        for (kind, n) in batch.unusable_kinds() {
            say.count(&metrics::FEED_UNUSABLE, &[kind], n);
        }
        for item in &batch.unusable {
            // Its why may quote a plate: the answer and the record have it.
            warn!(path = %item.path, seq = batch.seq, "an item of the feed cannot be used: its subject holds");
        }
        if stored {
            self.session.applied(&batch);
        } else {
            error!("a batch of the feed could not be kept in the cache: it is asked for again");
            self.session.not_applied(&batch, position);
        }
        self.tell_facts_changed();
    }

    pub(super) async fn put_in_force(&self, at: Wall, batch: &Batch, policies: Vec<Draft>) -> bool {
        loop {
            let (to, applied) = oneshot::channel();
            let reply = move |generation: Option<u64>| {
                to.send(generation).ok();
            };
            let (body, with) = (batch.feed_body(at), policies.clone());
            let committer = &self.port.shared.committer;
            let asked = committer.apply_feed_with(at, body, with, reply);
            if asked.is_ok() {
                return matches!(applied.await, Ok(Some(_)));
            }
            if self.port.stop.is_cancelled() {
                return false;
            }
            tokio::time::sleep(BUSY).await;
        }
    }

    pub(super) async fn put_in_store(&self, batch: Batch) -> bool {
        loop {
            let (to, applied) = oneshot::channel();
            let reply = move |result| {
                to.send(result).ok();
            };
            let asked = self.port.store.apply(batch.clone().into_apply(), reply);
            if asked.is_ok() {
                return match applied.await {
                    Ok(Ok(_)) => true,
                    Ok(Err(why)) => {
                        error!(%why, "the cache of declarations");
                        false
                    }
                    Err(_) => false,
                };
            }
            if self.port.stop.is_cancelled() {
                return false;
            }
            tokio::time::sleep(BUSY).await;
        }
    }

    pub(super) async fn current(&mut self, sent_at: Option<Wall>) {
        let shared = self.port.shared.clone();
        let agreement = sent_at.map(|sent_at| shared.clock.heartbeat(sent_at));
        let now = shared.clock.now();
        if let (Some(Agreement::Behind), Some(sent_at)) = (agreement, sent_at) {
            // Waited at the broker while we or the line were away: it says how
            // things were then, not that they are so now.
            shared.freshness().heard(sent_at);
            self.compare_beliefs();
            return;
        }
        let due = shared.freshness().current(now.mono);
        shared
            .metrics
            .count(&metrics::FEED_BATCHES, &["heartbeat"], 1);
        if let (true, Some(position), Some(sent_at)) = (due, self.session.position(), sent_at) {
            let body = FeedBody::heartbeat(position, sent_at);
            // On record once a minute; a busy committer gets the next one.
            let told = shared.committer.apply_feed(now.wall, body, |_| {});
            told.ok();
        }
        self.compare_beliefs();
    }
}
