//! The committer's thread: one gatekeeper, one bounded queue. Whatever waits
//! is taken together, so one sync covers all lanes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::TrySendError;
use std::thread::JoinHandle;

use lanegate_core::lane::{Guard, Refusal, Took};
use lanegate_core::ledger::LateControl;
use lanegate_core::record::{Draft, FeedBody, Prepared, ReconciledBody};
use lanegate_core::time::Wall;

use super::Fatal;
use super::gatekeeper::Gatekeeper;
use super::queue::{Answer, Flushed};
use super::reconcile::ReconcileError;
use super::view::{Published, View};
use crate::journal::{AppendError, Disk};
use crate::metrics::queues::{self, Queue, SyncReceiver, SyncSender};

/// Requests that may wait (L9): 32 lanes with a commit and a few notes each.
pub const QUEUE_LEN_MAX: usize = 1024;
/// Requests taken together.
const GROUP_MAX: u64 = 256;

/// The queue is full or the thread has ended: nothing was asked. A lane waits
/// and then faults; it never releases on this.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the committer's queue is full")]
pub struct Busy;

/// The answer to a commit.
pub type Committed = Result<(u64, Took), Refusal>;

type Reply<T> = Box<dyn FnOnce(T) + Send>;

enum Request {
    Commit(Vec<Prepared>, Guard, Reply<Committed>),
    Note(Vec<Prepared>),
    /// Answered with the generation reached; none = not in force.
    Feed(Wall, Box<FeedBody>, Vec<Prepared>, Reply<Option<u64>>),
    Acknowledged(u64),
    AuthorityHolds(Wall, String, u64, Reply<bool>),
    Reconcile(Wall, Box<ReconciledBody>, Reply<bool>),
    Checkpoint(Wall),
    LookAtSpace,
    Stop(Wall, String),
}

/// Who is answered after a flush.
enum Waits {
    Commit(Reply<Committed>),
    Feed(Reply<Option<u64>>),
}

/// What the committer says unasked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// A control came after a passage was let go: tell its lane at once.
    ControlLate(LateControl),
    /// The journal failed: stop the daemon; nobody is answered any more.
    Fatal(String),
}

/// What is measured around a flush; clocks are the caller's.
pub trait Hooks: Send {
    /// Before what waits is written.
    fn before_flush(&mut self) {}
    /// After it is durable and before anybody is answered.
    fn after_flush(&mut self, flushed: Flushed) {
        let _ = flushed;
    }
}

/// Measures nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {}

/// Work asked and done: the watchdog sees whether the one follows the other.
#[derive(Debug, Default)]
pub struct Progress {
    asked: AtomicU64,
    done: AtomicU64,
    /// The disk is full and as many records wait as may.
    clogged: AtomicBool,
}

impl Progress {
    /// Requests not yet done.
    #[must_use]
    pub fn outstanding(&self) -> u64 {
        let done = self.done.load(Ordering::Acquire);
        self.asked.load(Ordering::Acquire).saturating_sub(done)
    }

    /// Requests done so far; it moves while there is progress.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Acquire)
    }
}

/// Asks the committer.
#[derive(Clone)]
pub struct CommitterHandle {
    requests: SyncSender<Request>,
    published: Published,
    progress: Arc<Progress>,
}

/// The committer's thread.
pub struct Committer {
    thread: JoinHandle<()>,
}

impl Committer {
    /// Starts the thread. `notify` is called on it, so it must not wait.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn spawn<D: Disk + Send + 'static>(
        gatekeeper: Gatekeeper<D, u64>,
        queue_len_max: usize,
        hooks: impl Hooks + 'static,
        notify: impl Fn(Notice) + Send + 'static,
    ) -> std::io::Result<(Self, CommitterHandle)> {
        let (requests, received) = queues::sync_channel(Queue::Committer, queue_len_max);
        let progress = Arc::new(Progress::default());
        let handle = CommitterHandle {
            requests,
            published: gatekeeper.published().clone(),
            progress: Arc::clone(&progress),
        };
        let mut running = Running {
            gatekeeper,
            waits: Vec::new(),
            progress,
            hooks: Box::new(hooks),
            notify: Box::new(notify),
        };
        let thread = std::thread::Builder::new()
            .name("committer".to_owned())
            .spawn(move || running.run(&received))?;
        Ok((Self { thread }, handle))
    }

    /// The thread has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the thread to end, after [`CommitterHandle::stop`] or a
    /// fatal failure.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the committer's thread panicked");
        }
    }
}

impl CommitterHandle {
    fn ask(&self, request: Request) -> Result<(), Busy> {
        self.progress.asked.fetch_add(1, Ordering::AcqRel);
        self.requests.try_send(request).map_err(|error| {
            // Not done: taken back, or a dead thread would seem to move.
            self.progress.asked.fetch_sub(1, Ordering::AcqRel);
            match error {
                TrySendError::Full(_) | TrySendError::Disconnected(_) => Busy,
            }
        })
    }

    /// Commits `drafts` together; `reply` is called on the committer's thread
    /// once they are durable or refused.
    ///
    /// # Errors
    /// [`Busy`]: `reply` will not be called.
    pub fn commit(
        &self,
        drafts: Vec<Draft>,
        guard: Guard,
        reply: impl FnOnce(Committed) + Send + 'static,
    ) -> Result<(), Busy> {
        self.ask(Request::Commit(
            Prepared::all(drafts),
            guard,
            Box::new(reply),
        ))
    }

    /// Appends records nobody waits for.
    ///
    /// # Errors
    /// [`Busy`]: keep them and ask again, they may not be lost (L5).
    pub fn note(&self, drafts: Vec<Draft>) -> Result<(), Busy> {
        if self.is_clogged() {
            return Err(Busy);
        }
        self.ask(Request::Note(Prepared::all(drafts)))
    }

    /// The disk is full, and so many records wait for room that no more are
    /// taken until there is some.
    #[must_use]
    pub fn is_clogged(&self) -> bool {
        self.progress.clogged.load(Ordering::Acquire)
    }

    /// Puts a batch of the feed in force; the reply has the generation, or
    /// none if it could not be written.
    ///
    /// # Errors
    /// [`Busy`]: `reply` will not be called.
    pub fn apply_feed(
        &self,
        at: Wall,
        body: FeedBody,
        reply: impl FnOnce(Option<u64>) + Send + 'static,
    ) -> Result<(), Busy> {
        self.apply_feed_with(at, body, Vec::new(), reply)
    }

    /// The same with records that are appended together with it, or not at
    /// all.
    ///
    /// # Errors
    /// [`Busy`]: `reply` will not be called.
    pub fn apply_feed_with(
        &self,
        at: Wall,
        body: FeedBody,
        with: Vec<Draft>,
        reply: impl FnOnce(Option<u64>) + Send + 'static,
    ) -> Result<(), Busy> {
        let with = Prepared::all(with);
        self.ask(Request::Feed(at, Box::new(body), with, Box::new(reply)))
    }

    /// The authority acknowledged everything through `through`.
    ///
    /// # Errors
    /// [`Busy`]: the records will be sent again.
    pub fn acknowledged(&self, through: u64) -> Result<(), Busy> {
        self.ask(Request::Acknowledged(through))
    }

    /// What the authority says it holds; the reply says whether it must be
    /// reconciled.
    ///
    /// # Errors
    /// [`Busy`]: ask again.
    pub fn authority_holds(
        &self,
        at: Wall,
        genesis: String,
        through: u64,
        reply: impl FnOnce(bool) + Send + 'static,
    ) -> Result<(), Busy> {
        let reply = Box::new(reply);
        self.ask(Request::AuthorityHolds(at, genesis, through, reply))
    }

    /// Records the ledger as the authority holds it; the reply says whether it
    /// is durable.
    ///
    /// # Errors
    /// [`Busy`]: ask again.
    pub fn reconcile(
        &self,
        at: Wall,
        body: ReconciledBody,
        reply: impl FnOnce(bool) + Send + 'static,
    ) -> Result<(), Busy> {
        self.ask(Request::Reconcile(at, Box::new(body), Box::new(reply)))
    }

    /// Signs the head of the chain, if anything was recorded since the last.
    ///
    /// # Errors
    /// [`Busy`]: ask again.
    pub fn checkpoint(&self, at: Wall) -> Result<(), Busy> {
        self.ask(Request::Checkpoint(at))
    }

    /// Looks at the room on the disk again. Below the floor every truck waits
    /// and nobody may write anything that would show that room has returned.
    ///
    /// # Errors
    /// [`Busy`]: it is looked at before each write anyway.
    pub fn look_at_space(&self) -> Result<(), Busy> {
        self.ask(Request::LookAtSpace)
    }

    /// Records a stop and ends the thread.
    ///
    /// # Errors
    /// [`Busy`]: ask again.
    pub fn stop(&self, at: Wall, why: &str) -> Result<(), Busy> {
        self.ask(Request::Stop(at, why.to_owned()))
    }

    /// The state as of the last append.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        self.published.read()
    }

    /// What others read the state from.
    #[must_use]
    pub const fn published(&self) -> &Published {
        &self.published
    }

    /// What the watchdog looks at.
    #[must_use]
    pub const fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }
}

struct Running<D> {
    gatekeeper: Gatekeeper<D, u64>,
    /// Who waits, by token.
    waits: Vec<Option<Waits>>,
    progress: Arc<Progress>,
    hooks: Box<dyn Hooks>,
    notify: Box<dyn Fn(Notice) + Send>,
}

/// Whether the thread goes on.
#[derive(PartialEq, Eq)]
enum Then {
    Go,
    End,
}

impl<D: Disk> Running<D> {
    fn run(&mut self, requests: &SyncReceiver<Request>) {
        while let Ok(first) = requests.recv() {
            #[cfg(feature = "sim")]
            crate::stuck::thread("committer");
            let mut taken = 0_u64;
            let mut then = Then::Go;
            let mut next = Some(first);
            while let Some(request) = next.take() {
                taken += 1;
                match self.take(request) {
                    Ok(Then::Go) => {}
                    Ok(Then::End) => then = Then::End,
                    Err(fatal) => return self.fail(&fatal),
                }
                if then == Then::End || taken >= GROUP_MAX {
                    break;
                }
                next = requests.try_recv().ok();
            }
            if let Err(fatal) = self.flush() {
                return self.fail(&fatal);
            }
            let clogged = !self.gatekeeper.takes_notes();
            self.progress.clogged.store(clogged, Ordering::Release);
            self.progress.done.fetch_add(taken, Ordering::AcqRel);
            if then == Then::End {
                return;
            }
        }
        self.gatekeeper.keep_outbox();
    }

    fn take(&mut self, request: Request) -> Result<Then, Fatal> {
        match request {
            Request::Commit(drafts, guard, reply) => {
                let token = self.waits(Waits::Commit(reply));
                self.gatekeeper.submit(token, drafts, guard);
            }
            Request::Note(drafts) => self.gatekeeper.note(drafts),
            Request::Feed(at, body, with, reply) => {
                let token = self.waits(Waits::Feed(reply));
                self.gatekeeper.apply_feed_with(token, at, *body, with);
            }
            Request::Acknowledged(through) => self.gatekeeper.acknowledged(through),
            Request::LookAtSpace => self.gatekeeper.look_at_space(),
            Request::AuthorityHolds(at, genesis, through, reply) => {
                self.flush()?;
                let holds = self.gatekeeper.authority_holds(at, &genesis, through);
                reply(holds.map_err(Fatal)?);
            }
            Request::Reconcile(at, body, reply) => {
                self.flush()?;
                match self.gatekeeper.reconcile(at, *body) {
                    Ok(()) => reply(true),
                    Err(ReconcileError::Append(fatal @ AppendError::Fatal(_))) => {
                        return Err(Fatal(fatal));
                    }
                    Err(why @ (ReconcileError::Append(_) | ReconcileError::Read(_))) => {
                        tracing::error!(error = &why as &dyn std::error::Error, "not reconciled");
                        reply(false);
                    }
                }
            }
            Request::Checkpoint(at) => self.gatekeeper.checkpoint(at),
            Request::Stop(at, why) => {
                self.flush()?;
                let answers = self.gatekeeper.stop(at, &why)?;
                self.answer(answers);
                return Ok(Then::End);
            }
        }
        Ok(Then::Go)
    }

    fn waits(&mut self, who: Waits) -> u64 {
        self.waits.push(Some(who));
        self.waits.len() as u64 - 1
    }

    fn flush(&mut self) -> Result<(), Fatal> {
        if self.gatekeeper.is_idle() {
            return Ok(());
        }
        self.hooks.before_flush();
        let answers = self.gatekeeper.flush()?;
        self.hooks.after_flush(self.gatekeeper.last_flush());
        self.answer(answers);
        Ok(())
    }

    fn answer(&mut self, answers: Vec<Answer<u64>>) {
        let mut waits = std::mem::take(&mut self.waits);
        let mut who = |token: u64| {
            let index = usize::try_from(token).ok()?;
            waits.get_mut(index)?.take()
        };
        for answer in answers {
            match answer {
                Answer::Committed { token, seq, took } => reply_commit(who(token), Ok((seq, took))),
                Answer::Refused { token, why } => reply_commit(who(token), Err(why)),
                Answer::Applied {
                    token, generation, ..
                } => reply_feed(who(token), Some(generation)),
                Answer::NotApplied { token } => reply_feed(who(token), None),
                Answer::ControlLate(late) => (self.notify)(Notice::ControlLate(late)),
            }
        }
    }

    fn fail(&self, fatal: &Fatal) {
        let why = std::error::Error::source(fatal);
        let why = why.map_or_else(|| fatal.to_string(), ToString::to_string);
        (self.notify)(Notice::Fatal(why));
    }
}

fn reply_commit(who: Option<Waits>, answer: Committed) {
    match who {
        Some(Waits::Commit(reply)) => reply(answer),
        Some(Waits::Feed(_)) | None => unreachable!("a commit's token is a commit's"),
    }
}

fn reply_feed(who: Option<Waits>, answer: Option<u64>) {
    match who {
        Some(Waits::Feed(reply)) => reply(answer),
        Some(Waits::Commit(_)) | None => unreachable!("a batch's token is a batch's"),
    }
}
