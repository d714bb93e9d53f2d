//! Queues with a limit (law L9), made so that each is seen: how much waits,
//! how much may, how often it was full. The rest of the daemon makes none in
//! any other way; a test walks the sources.
//!
//! Looking costs the queue nothing: depths are read at a scrape, and only a
//! full queue counts anything.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, TryAcquireError};

mod ends;

#[cfg(test)]
mod tests;

pub use ends::{Sender, SyncReceiver, SyncSender, channel, sync_channel};

macro_rules! queues {
    ($($(#[$doc:meta])+ $id:ident = $word:literal;)+) => {
        /// Every queue of the daemon, with what happens when it is full.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Queue {
            $($(#[$doc])+ $id,)+
        }

        impl Queue {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$id),+];
            /// Their words, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The label's value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$id => $word,)+
                }
            }
        }
    };
}

queues! {
    /// Events of a lane's drivers: the driver waits, its bytes stay with the
    /// system.
    LaneEvents = "lane-events";
    /// Answers of store and committer to a lane: never full, a lane has only
    /// a few outstanding.
    LaneAnswers = "lane-answers";
    /// Orders for a lane: more are refused as `lane-busy`.
    LaneCalls = "lane-calls";
    /// What lanes tell the back runtime: the officer gets no answer and asks
    /// again.
    LaneSays = "lane-says";
    /// Records that wait in a lane for the committer: on a full disk more are
    /// left out and the record says how many, else the daemon stops.
    LaneNotes = "lane-notes";
    /// Requests to the committer: the lane faults.
    Committer = "committer";
    /// Requests to the store: the truck holds.
    Store = "store";
    /// Notices of store and committer: logged and lost.
    Notices = "notices";
    /// Notices of the store for the authority's task: the notices wait.
    StoreNotices = "store-notices";
    /// Lanes whose state the authority is to hear: the next change says it.
    LaneChanges = "lane-changes";
    /// Answers to orders of the authority: it asks again.
    OrderAnswers = "order-answers";
    /// Messages to the authority: the oldest goes, records come again.
    AuthorityOut = "authority-out";
    /// Batches of the feed behind a gap: dropped and asked for again.
    FeedWaiting = "feed-waiting";
    /// What was weighed, for the scale drift watch: one is dropped.
    Weighings = "weighings";
    /// Commands to a lane's board: the lane faults.
    BoardCommands = "board-commands";
    /// What a sign is to show: it is told again within seconds.
    SignCommands = "sign-commands";
    /// Messages of a device behind a broker: the broker's reader waits.
    DeviceMessages = "device-messages";
    /// Readings of a device its lane has not taken: the oldest goes, of
    /// weights the latest stays.
    DeviceReadings = "device-readings";
    /// Messages for a broker, not yet looked at: refused.
    MqttCommands = "mqtt-commands";
    /// What a broker sent, for its reader: the socket waits.
    MqttEvents = "mqtt-events";
    /// Packets of a broker's socket: the socket waits.
    MqttPackets = "mqtt-packets";
    /// Messages handed to the broker's client: tried again.
    MqttRequests = "mqtt-requests";
    /// Messages for a broker until it has them: the sender waits.
    MqttOutbox = "mqtt-outbox";
    /// Receipts for a broker: the connection is made anew.
    MqttReceipts = "mqtt-receipts";
    /// Connections to probes and metrics: the next one waits.
    HttpConnections = "http-connections";
    /// Clients of the local socket: turned away with a word.
    SocketClients = "socket-clients";
}

/// Times each queue was full.
static FULL: [AtomicU64; Queue::ALL.len()] = [const { AtomicU64::new(0) }; Queue::ALL.len()];

/// Every queue there is now. One that is gone is forgotten when the next is
/// made.
static LINES: Mutex<Vec<Weak<Line>>> = Mutex::new(Vec::new());

impl Queue {
    /// It was full, and its rule applied.
    pub fn was_full(self) {
        FULL[self as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// One queue: a controller has several of most kinds.
struct Line {
    queue: Queue,
    limit: usize,
    depth: Box<dyn Fn() -> usize + Send + Sync>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.queue.as_str())
    }
}

fn lines() -> std::sync::MutexGuard<'static, Vec<Weak<Line>>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn show(
    queue: Queue,
    limit: usize,
    depth: impl Fn() -> usize + Send + Sync + 'static,
) -> Arc<Line> {
    let line = Arc::new(Line {
        queue,
        limit,
        depth: Box::new(depth),
    });
    let mut lines = lines();
    lines.retain(|line| line.strong_count() > 0);
    lines.push(Arc::downgrade(&line));
    line
}

/// How one kind of queue is; of several queues the one nearest to its limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Depth {
    /// Which.
    pub queue: Queue,
    /// How much waits.
    pub depth: usize,
    /// How much may; 0 while there is no such queue.
    pub limit: usize,
    /// Times it was full, all of them together.
    pub full: u64,
}

/// How every queue is.
#[must_use]
pub fn depths() -> Vec<Depth> {
    let lines: Vec<_> = lines().iter().filter_map(Weak::upgrade).collect();
    let of = |queue: &Queue| {
        let mine = lines.iter().filter(|line| line.queue == *queue);
        let fullest = mine
            .map(|line| ((line.depth)(), line.limit))
            .max_by_key(|(depth, limit)| (depth * 1000 / limit.max(&1), *limit));
        let (depth, limit) = fullest.unwrap_or_default();
        Depth {
            queue: *queue,
            depth,
            limit,
            full: FULL[*queue as usize].load(Ordering::Relaxed),
        }
    };
    Queue::ALL.iter().map(of).collect()
}

/// How much waits in a queue that its owner keeps itself.
#[derive(Debug)]
pub struct Level {
    depth: Arc<AtomicUsize>,
    line: Arc<Line>,
}

impl Level {
    /// Of a queue that may hold `limit`.
    #[must_use]
    pub fn new(queue: Queue, limit: usize) -> Self {
        let depth = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&depth);
        let line = show(queue, limit, move || seen.load(Ordering::Relaxed));
        Self { depth, line }
    }

    /// So much waits now.
    pub fn set(&self, depth: usize) {
        self.depth.store(depth, Ordering::Relaxed);
    }

    /// It was full, and its rule applied.
    pub fn was_full(&self) {
        self.line.queue.was_full();
    }

    fn add(&self) {
        self.depth.fetch_add(1, Ordering::Relaxed);
    }

    fn take(&self) {
        self.depth.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Places for clients, given back when they leave.
#[derive(Debug)]
pub struct Places {
    places: Arc<Semaphore>,
    line: Arc<Line>,
}

impl Places {
    /// So many.
    #[must_use]
    pub fn new(queue: Queue, limit: usize) -> Self {
        let places = Arc::new(Semaphore::new(limit));
        let seen = Arc::clone(&places);
        let line = show(queue, limit, move || limit - seen.available_permits());
        Self { places, line }
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// Never: the places are not closed.
    pub async fn acquire(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        if self.places.available_permits() == 0 {
            self.line.queue.was_full();
        }
        Arc::clone(&self.places).acquire_owned().await
    }

    /// A place, if there is one.
    ///
    /// # Errors
    /// There is none, which is counted.
    pub fn try_acquire(&self) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        if place.is_err() {
            self.line.queue.was_full();
        }
        place
    }
}
