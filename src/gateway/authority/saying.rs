//! What goes out to the authority: states, records, our last word; and what
//! waits while the line takes nothing.

use lanegate_core::model::LaneId;
use serde_json::json;
use tokio::sync::mpsc;
use tracing::{debug, error};

use super::{FAREWELL, FAREWELL_MAX, Task, WAITING_MAX, made_at};
use crate::authority::Topic;
use crate::mqtt::{Event, Publication, PublishFault, Quality};

impl Task {
    /// When the first record was made that the authority has not
    /// acknowledged; read again only when that is another one.
    pub(super) fn look_at_oldest(&mut self) {
        let shared = &self.port.shared;
        let view = shared.committer.view();
        let first = view.acknowledged.map_or(0, |through| through + 1);
        if self.oldest.seq == Some(first) || first > view.head_seq {
            return;
        }
        let read = self.oldest.reader.as_mut();
        let read = read.and_then(|r| r.records_from(first, view.head_seq, 1).ok());
        let record = read.and_then(|records| records.into_iter().next());
        let at = record.and_then(|(_, json)| made_at(&json));
        self.oldest.seq = at.map(|_| first);
        shared.sample_outbox(at);
    }

    /// The last word is waited for, so that the broker keeps it.
    pub(super) async fn say_farewell(&mut self, events: &mut mpsc::Receiver<Event>) {
        self.say_state("offline");
        if let Some(last) = self.waiting.back_mut() {
            last.token = Some(FAREWELL);
        }
        self.send_waiting();
        let taken = async {
            while let Some(event) = events.recv().await {
                if event == Event::Done(FAREWELL) {
                    break;
                }
            }
        };
        if tokio::time::timeout(FAREWELL_MAX, taken).await.is_err() {
            debug!("the broker did not take our goodbye; its will says it");
        }
    }

    pub(super) fn say_state(&mut self, state: &str) {
        let topic = self.session.topics().outgoing(Topic::State);
        self.queue(topic, json!({ "state": state }).to_string(), true);
    }

    pub(super) fn say_lane(&mut self, lane: &LaneId) {
        if let Some(status) = self.ends.lanes.status_of(lane) {
            self.session.lane_state(lane.as_str(), &status);
        }
    }

    pub(super) fn read(&mut self, from: u64, max: u64) {
        let durable = self.port.shared.committer.view().head_seq;
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let read = self
            .records
            .as_mut()
            .map(|reader| reader.records_from(from, durable, max));
        match read {
            Some(Ok(records)) => self.session.records(records),
            Some(Err(why)) => {
                error!(%why, from, "records cannot be read for the authority");
                self.session.records(Vec::new());
            }
            None => self.session.records(Vec::new()),
        }
    }

    pub(super) fn queue(&mut self, topic: String, payload: String, retain: bool) {
        if self.connection.is_none() {
            return;
        }
        if self.waiting.len() >= WAITING_MAX {
            self.levels.out.was_full();
            self.waiting.pop_front();
        }
        self.waiting.push_back(Publication {
            topic,
            payload: payload.into(),
            retain,
            quality: Quality::AtLeastOnce,
            token: None,
            expires: None,
        });
    }

    pub(super) fn send_waiting(&mut self) {
        let Some(connection) = &self.connection else {
            return;
        };
        while let Some(publication) = self.waiting.pop_front() {
            match connection.publish(publication.clone()) {
                Ok(()) => {}
                Err(PublishFault::Full) => {
                    self.waiting.push_front(publication);
                    return;
                }
                Err(why) => {
                    error!(%why, "a message to the authority cannot be sent");
                }
            }
        }
    }
}
