//! What the parts of the daemon share, and the channels between them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lanegate_core::clearance::DrawDay;
use lanegate_core::lane::Event;
use lanegate_core::ledger::Ledger;
use lanegate_core::model::{DeviceId, LaneId, LaneOrder, Order};
use lanegate_core::time::{Now, Wall};
use serde_json::Value;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::desk::Answer;
use super::drift_watch::Weighings;
use super::policy::PolicyDesk;
use crate::authority::Freshness;
use crate::clock::Clock;
use crate::committer::CommitterHandle;
use crate::config::Config;
use crate::device::Seen;
use crate::draws::DayKeys;
use crate::journal::Usage;
use crate::metrics::Metrics;
use crate::metrics::queues::Sender;
use crate::mqtt::{Peer, Status};
use crate::store::StoreHandle;
use crate::turns::BackTurns;

/// What is looked at every few seconds, off every thread that matters.
#[derive(Clone, Copy, Debug, Default)]
struct Sampled {
    journal: Option<Usage>,
    outbox_oldest: Option<Wall>,
}

/// Shared by all threads. Nothing in it is waited for by a lane.
#[derive(Clone)]
pub(crate) struct PortShared {
    pub(crate) clock: Clock,
    pub(crate) committer: CommitterHandle,
    pub(crate) metrics: Metrics,
    /// Written by the authority's task, read by the store's thread.
    freshness: Arc<Mutex<Freshness>>,
    /// Records have become durable.
    pub(crate) durable: Arc<Notify>,
    /// Keys of the draw.
    draws: Arc<DayKeys>,
    /// How each device is.
    devices: Arc<Mutex<BTreeMap<DeviceId, watch::Receiver<Seen>>>>,
    /// The start whose numbers passages bear from now on.
    starts: Arc<watch::Sender<u64>>,
    /// When the back runtime last turned.
    pub(super) turns: BackTurns,
    /// Looked at now and then.
    sampled: Arc<Mutex<Sampled>>,
    /// How each connection is.
    links: Arc<Mutex<BTreeMap<&'static str, watch::Receiver<Status>>>>,
}

impl PortShared {
    pub(crate) fn new(
        clock: Clock,
        committer: CommitterHandle,
        metrics: Metrics,
        durable: Arc<Notify>,
        draws: DayKeys,
        ledger: &Ledger,
    ) -> Self {
        Self {
            clock,
            committer,
            metrics,
            freshness: Arc::new(Mutex::new(Freshness::new(ledger.heard_at()))),
            durable,
            draws: Arc::new(draws),
            devices: Arc::default(),
            starts: Arc::new(watch::Sender::new(ledger.starts())),
            turns: BackTurns::default(),
            sampled: Arc::default(),
            links: Arc::default(),
        }
    }

    /// Tells the lanes under which start passages are numbered, if that is
    /// another one now.
    pub(super) fn tell_starts(&self) {
        let starts = self.committer.view().ledger.starts();
        self.starts
            .send_if_modified(|told| std::mem::replace(told, starts) != starts);
    }

    /// The same, heard.
    pub(super) fn watch_starts(&self) -> watch::Receiver<u64> {
        self.starts.subscribe()
    }

    /// The day to draw on, its key named on the record before any draw is.
    pub(crate) fn draw_day(&self, now: Now) -> Option<DrawDay> {
        let note = |draft| self.committer.note(vec![draft]);
        self.draws.today(now, note)
    }

    /// Names the day's key on the record, whether anything is drawn or not.
    pub(crate) fn name_draw_key(&self) {
        let _today = self.draw_day(self.clock.now());
    }

    /// A connection's status is shown from now on.
    pub(crate) fn show_link(&self, peer: Peer, status: watch::Receiver<Status>) {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.insert(peer.as_str(), status);
    }

    /// A device's driver is shown from now on.
    pub(crate) fn show_device(&self, id: DeviceId, seen: watch::Receiver<Seen>) {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices.insert(id, seen);
    }

    /// How each device is.
    pub(crate) fn devices(&self) -> Vec<(DeviceId, Seen)> {
        let devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = devices.iter();
        seen.map(|(id, seen)| (id.clone(), seen.borrow().clone()))
            .collect()
    }

    fn sampled(&self) -> MutexGuard<'_, Sampled> {
        self.sampled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The journal's directory was looked at; none = it could not be.
    pub(crate) fn sample_journal(&self, usage: Option<Usage>) {
        self.sampled().journal = usage;
    }

    /// The journal's directory when it was last looked at.
    pub(crate) fn journal_usage(&self) -> Option<Usage> {
        self.sampled().journal
    }

    /// When the oldest record was made that the authority lacks.
    pub(crate) fn sample_outbox(&self, oldest: Option<Wall>) {
        self.sampled().outbox_oldest = oldest;
    }

    /// The same.
    pub(crate) fn outbox_oldest(&self) -> Option<Wall> {
        self.sampled().outbox_oldest
    }

    /// How each connection is.
    pub(crate) fn links(&self) -> Vec<(&'static str, Status)> {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links
            .iter()
            .map(|(peer, s)| (*peer, s.borrow().clone()))
            .collect()
    }

    pub(crate) fn freshness(&self) -> MutexGuard<'_, Freshness> {
        self.freshness
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The daemon's parts, cheap to clone.
#[derive(Clone)]
pub(crate) struct Port {
    pub(crate) config: Arc<Config>,
    pub(crate) policy: Arc<PolicyDesk>,
    pub(crate) shared: PortShared,
    pub(crate) store: StoreHandle,
    /// The snapshot of the journal this start began from.
    pub(crate) snapshot: Option<u64>,
    /// The first record of the journal this start read.
    pub(crate) read_from: u64,
    /// SIGTERM, SIGINT or a failed journal: drain.
    pub(crate) stop: CancellationToken,
}

/// An officer's order on its way to a lane.
#[derive(Debug)]
pub(crate) enum LaneCall {
    /// About a truck.
    Order(Box<Order>),
    /// About the lane.
    LaneOrder(Box<LaneOrder>),
    /// Something all lanes hear.
    Event(Box<Event>),
}

/// What a lane says to the back runtime.
#[derive(Debug)]
pub(crate) enum LaneSays {
    /// An order was answered.
    Answer(Answer),
    /// The lane's state changed; the status has it whole.
    Changed(LaneId),
}

/// The back runtime's ends of the lanes.
pub(crate) struct LaneEnd {
    pub(crate) lane: LaneId,
    pub(crate) calls: Sender<LaneCall>,
    pub(crate) status: watch::Receiver<Value>,
}

/// All of them, and what they say.
pub(crate) struct LaneEnds {
    pub(crate) lanes: Vec<LaneEnd>,
    pub(crate) says: mpsc::Receiver<LaneSays>,
    /// What was weighed.
    pub(crate) weighings: Weighings,
    /// Told when probes and socket answer.
    pub(crate) ready: tokio::sync::oneshot::Sender<()>,
}
