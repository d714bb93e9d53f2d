//! The store's thread: one owner, one bounded queue, answers by call-back.
//!
//! Lanes never wait for it: a full queue answers at once that it is full, and
//! the lane holds its truck (L4). While the cache is being verified after a
//! start, look-ups are answered "unavailable" and everything else waits.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, TryRecvError, TrySendError};
use std::thread::JoinHandle;
use std::time::Duration;

use lanegate_core::lane::{Draws, Query};
use lanegate_core::model::{
    BUCKETS, Buckets, Declaration, DeclarationId, Facts, Position, StoreState,
};
use lanegate_core::time::Wall;

use super::{Applied, Candidates, FeedApply, Store, StoreError, Upkeep};
use crate::metrics::queues::{self, Queue, SyncReceiver, SyncSender};

/// Requests that may wait (L9): 32 lanes, each with a few look-ups, and the
/// feed.
pub const QUEUE_LEN_MAX: usize = 256;

/// How long an idle thread waits before it looks after a store that could not
/// be opened.
const IDLE_MS: u64 = 1000;

/// What the journal's view adds to what was found.
pub trait Overlay: Send {
    /// The facts for a case: declarations corrected by what is in force, with
    /// controls, enterprises, balances and generation; and what sampling knows
    /// of each of them.
    fn facts(&self, found: Vec<Declaration>, state: StoreState, query: &Query) -> (Facts, Draws);
}

/// What the store has to say unasked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreNotice {
    /// It is open and verified in itself: tell it what to
    /// [expect](StoreHandle::expect) and fetch the feed from here.
    Loaded {
        /// How far the feed is applied in it.
        position: Option<Position>,
        /// How many declarations it holds.
        count: usize,
    },
    /// It was set aside and is empty: fill it again.
    Quarantined {
        /// Why.
        why: String,
    },
}

/// The queue is full or the thread has ended: nothing was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the store's queue is full")]
pub struct Busy;

type Reply<T> = Box<dyn FnOnce(T) + Send>;
type Notify = Box<dyn Fn(StoreNotice) + Send>;

enum Request {
    LookUp(Box<Query>, Reply<(Facts, Draws)>),
    Apply(FeedApply, Reply<Result<Applied, StoreError>>),
    Expect(Buckets, Reply<usize>),
    Get(
        DeclarationId,
        Reply<Result<Option<Declaration>, StoreError>>,
    ),
    Export(
        Option<DeclarationId>,
        usize,
        Reply<Result<Vec<Declaration>, StoreError>>,
    ),
    Count(Reply<usize>),
    Purge(Wall, Reply<Result<usize, StoreError>>),
    Stop,
}

/// How far the thread has come, for the watchdog: `done` must move while it is
/// behind `asked`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Requests taken into the queue.
    pub asked: u64,
    /// Requests answered, and slices of upkeep done.
    pub done: u64,
    /// Requests answered.
    pub answered: u64,
}

/// How the cache is, for metrics and `status`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shown {
    /// `loading`, `ready` or `unavailable`.
    pub state: &'static str,
    /// Declarations held.
    pub count: u64,
    /// Buckets in which a miss is not believed.
    pub unverified_buckets: u64,
}

/// Words of [`Shown::state`], by number.
const STATES: [&str; 3] = ["loading", "ready", "unavailable"];

#[derive(Default)]
struct Marks {
    state: AtomicUsize,
    held: AtomicU64,
    unverified: AtomicU64,
    asked: AtomicU64,
    answered: AtomicU64,
    slices: AtomicU64,
    refused: AtomicU64,
}

/// Asks the store's thread. Cheap to clone.
#[derive(Clone)]
pub struct StoreHandle {
    queue: SyncSender<Request>,
    marks: Arc<Marks>,
}

/// Ends the thread.
pub struct StoreThread {
    queue: SyncSender<Request>,
    thread: JoinHandle<()>,
}

impl StoreHandle {
    /// Starts the thread. `make` runs on it, so opening blocks nobody.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn spawn<S: Store + 'static>(
        make: impl FnOnce() -> S + Send + 'static,
        overlay: Box<dyn Overlay>,
        notify: impl Fn(StoreNotice) + Send + 'static,
    ) -> std::io::Result<(Self, StoreThread)> {
        let (queue, requests) = queues::sync_channel(Queue::Store, QUEUE_LEN_MAX);
        let marks = Arc::new(Marks::default());
        // Nothing is believed before the journal was asked.
        marks.unverified.store(BUCKETS as u64, Ordering::Relaxed);
        let keeper_marks = Arc::clone(&marks);
        let run = move || {
            let mut keeper = Keeper {
                store: make(),
                overlay,
                notify: Box::new(notify),
                marks: keeper_marks,
                waiting: VecDeque::new(),
                was_ready: false,
            };
            keeper.run(&requests);
        };
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(run)?;
        let handle = Self {
            queue: queue.clone(),
            marks,
        };
        Ok((handle, StoreThread { queue, thread }))
    }

    /// Asks what may be the truck's; the answer comes with the journal's facts.
    ///
    /// # Errors
    /// Not asked: the lane goes on as if the store were unavailable.
    pub fn look_up(
        &self,
        query: Query,
        reply: impl FnOnce((Facts, Draws)) + Send + 'static,
    ) -> Result<(), Busy> {
        self.ask(Request::LookUp(Box::new(query), Box::new(reply)))
    }

    /// Applies a batch; answers when it is durable.
    ///
    /// # Errors
    /// Not asked: try again when something was answered.
    pub fn apply(
        &self,
        batch: FeedApply,
        reply: impl FnOnce(Result<Applied, StoreError>) + Send + 'static,
    ) -> Result<(), Busy> {
        self.ask(Request::Apply(batch, Box::new(reply)))
    }

    /// Says what the journal expects; answers how many buckets differ.
    ///
    /// # Errors
    /// Not asked.
    pub fn expect(
        &self,
        expected: Buckets,
        reply: impl FnOnce(usize) + Send + 'static,
    ) -> Result<(), Busy> {
        self.ask(Request::Expect(expected, Box::new(reply)))
    }

    /// One declaration.
    ///
    /// # Errors
    /// Not asked.
    pub fn get(
        &self,
        id: DeclarationId,
        reply: impl FnOnce(Result<Option<Declaration>, StoreError>) + Send + 'static,
    ) -> Result<(), Busy> {
        self.ask(Request::Get(id, Box::new(reply)))
    }

    /// A page of declarations by id.
    ///
    /// # Errors
    /// Not asked.
    pub fn export(
        &self,
        after: Option<DeclarationId>,
        limit: usize,
        reply: impl FnOnce(Result<Vec<Declaration>, StoreError>) + Send + 'static,
    ) -> Result<(), Busy> {
        self.ask(Request::Export(after, limit, Box::new(reply)))
    }

    /// How many declarations are held.
    ///
    /// # Errors
    /// Not asked.
    pub fn count(&self, reply: impl FnOnce(usize) + Send + 'static) -> Result<(), Busy> {
        self.ask(Request::Count(Box::new(reply)))
    }

    /// Forgets declarations whose window ended before `ended_before`, a slice;
    /// answers how many.
    ///
    /// # Errors
    /// Not asked.
    pub fn purge(
        &self,
        ended_before: Wall,
        reply: impl FnOnce(Result<usize, StoreError>) + Send + 'static,
    ) -> Result<(), Busy> {
        self.ask(Request::Purge(ended_before, Box::new(reply)))
    }

    /// How far the thread has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let answered = self.marks.answered.load(Ordering::Acquire);
        Progress {
            asked: self.marks.asked.load(Ordering::Acquire),
            answered,
            done: answered + self.marks.slices.load(Ordering::Acquire),
        }
    }

    /// How the cache is; asks nobody.
    #[must_use]
    pub fn shown(&self) -> Shown {
        let state = self.marks.state.load(Ordering::Relaxed);
        Shown {
            state: STATES[state],
            count: self.marks.held.load(Ordering::Relaxed),
            unverified_buckets: self.marks.unverified.load(Ordering::Relaxed),
        }
    }

    /// Requests refused because the queue was full.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.marks.refused.load(Ordering::Relaxed)
    }

    fn ask(&self, request: Request) -> Result<(), Busy> {
        // Counted first, so that the thread is never ahead of what was asked.
        self.marks.asked.fetch_add(1, Ordering::AcqRel);
        match self.queue.try_send(request) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.marks.asked.fetch_sub(1, Ordering::AcqRel);
                self.marks.refused.fetch_add(1, Ordering::Relaxed);
                Err(Busy)
            }
        }
    }
}

impl StoreThread {
    /// Answers what is in the queue, then ends. True if it ended in good order.
    #[must_use]
    pub fn stop(self) -> bool {
        // A thread that is gone takes no message; joining tells.
        let told = self.queue.send(Request::Stop);
        self.thread.join().is_ok() && told.is_ok()
    }
}

struct Keeper<S> {
    store: S,
    overlay: Box<dyn Overlay>,
    notify: Notify,
    marks: Arc<Marks>,
    /// What waits for a store that is being verified.
    waiting: VecDeque<Request>,
    was_ready: bool,
}

impl<S: Store> Keeper<S> {
    fn run(&mut self, requests: &SyncReceiver<Request>) {
        let mut more = true;
        loop {
            #[cfg(feature = "sim")]
            crate::stuck::thread("store");
            match next(requests, more, self.waiting.len()) {
                Next::Request(Request::Stop) | Next::Ended => break,
                Next::Request(request) => self.handle(request),
                Next::Nothing => {}
            }
            more = self.tend();
        }
        while let Some(request) = self.waiting.pop_front() {
            self.answer(request);
        }
    }

    /// Look-ups are answered at once, the rest when the store is ready. Once
    /// something waits, what comes after waits too, so that order is kept.
    fn handle(&mut self, request: Request) {
        let look_up = matches!(request, Request::LookUp(..));
        if look_up || (self.store.is_ready() && self.waiting.is_empty()) {
            self.answer(request);
        } else {
            self.waiting.push_back(request);
        }
    }

    /// Returns whether to come back at once.
    fn tend(&mut self) -> bool {
        let tended = catch_unwind(AssertUnwindSafe(|| self.store.tend()));
        self.marks.slices.fetch_add(1, Ordering::AcqRel);
        let upkeep = tended.unwrap_or(Upkeep::Idle);
        if let Some(why) = self.store.take_quarantined() {
            self.was_ready = false;
            self.marks
                .unverified
                .store(BUCKETS as u64, Ordering::Relaxed);
            (self.notify)(StoreNotice::Quarantined { why });
        }
        let ready = self.store.is_ready();
        if ready && !self.was_ready {
            (self.notify)(StoreNotice::Loaded {
                position: self.store.position(),
                count: self.store.count(),
            });
        }
        self.was_ready = ready;
        // A store that cannot be opened may not keep its callers waiting.
        let stuck = !ready && upkeep == Upkeep::Idle;
        self.show(ready, stuck);
        if ready || stuck {
            while let Some(request) = self.waiting.pop_front() {
                self.answer(request);
            }
        }
        upkeep == Upkeep::More
    }

    fn show(&self, ready: bool, stuck: bool) {
        let state = usize::from(ready) + 2 * usize::from(stuck);
        self.marks.state.store(state, Ordering::Relaxed);
        let held = self.store.count() as u64;
        self.marks.held.store(held, Ordering::Relaxed);
    }

    fn expect(&mut self, expected: &Buckets) -> usize {
        let differing = self.guarded(|store| Ok(store.expect(expected)));
        let differing = differing.unwrap_or(usize::MAX);
        let shown = differing.min(BUCKETS) as u64;
        self.marks.unverified.store(shown, Ordering::Relaxed);
        differing
    }

    fn answer(&mut self, request: Request) {
        // Counted first: who was answered may ask for the progress at once.
        self.marks.answered.fetch_add(1, Ordering::AcqRel);
        match request {
            Request::LookUp(query, reply) => reply(self.look_up(&query)),
            Request::Apply(batch, reply) => {
                reply(self.guarded(|store| store.apply(batch)));
            }
            Request::Expect(expected, reply) => reply(self.expect(&expected)),
            Request::Get(id, reply) => reply(self.guarded(|store| store.get(&id))),
            Request::Export(after, limit, reply) => {
                reply(self.guarded(|store| store.export(after.as_ref(), limit)));
            }
            Request::Count(reply) => reply(self.store.count()),
            Request::Purge(at, reply) => reply(self.guarded(|store| store.purge(at))),
            Request::Stop => {}
        }
    }

    /// The store keeps sled's panics in; one that still comes through is ours,
    /// and the request it hit is answered as one that failed.
    fn guarded<T>(
        &mut self,
        call: impl FnOnce(&mut S) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        catch_unwind(AssertUnwindSafe(|| call(&mut self.store)))
            .unwrap_or(Err(StoreError::Unavailable))
    }

    fn look_up(&mut self, query: &Query) -> (Facts, Draws) {
        let found = catch_unwind(AssertUnwindSafe(|| self.store.candidates(query)));
        let Candidates {
            declarations,
            state,
        } = found.unwrap_or(Candidates {
            declarations: Vec::new(),
            state: StoreState::Unavailable,
        });
        let overlay = &self.overlay;
        let facts = AssertUnwindSafe(|| overlay.facts(declarations, state, query));
        catch_unwind(facts).unwrap_or_else(|_| {
            let facts = Facts {
                store: Some(StoreState::Unavailable),
                ..Facts::unknown()
            };
            (facts, Draws::default())
        })
    }
}

enum Next {
    Request(Request),
    Nothing,
    Ended,
}

/// The next request; while there is upkeep to do nobody waits for one, and
/// while too much waits none is taken, so that the queue in front fills.
fn next(requests: &SyncReceiver<Request>, more: bool, waiting: usize) -> Next {
    if more && waiting >= QUEUE_LEN_MAX {
        return Next::Nothing;
    }
    if more {
        return match requests.try_recv() {
            Ok(request) => Next::Request(request),
            Err(TryRecvError::Empty) => Next::Nothing,
            Err(TryRecvError::Disconnected) => Next::Ended,
        };
    }
    match requests.recv_timeout(Duration::from_millis(IDLE_MS)) {
        Ok(request) => Next::Request(request),
        Err(RecvTimeoutError::Timeout) => Next::Nothing,
        Err(RecvTimeoutError::Disconnected) => Next::Ended,
    }
}

#[cfg(test)]
#[path = "thread_tests.rs"]
mod tests;
