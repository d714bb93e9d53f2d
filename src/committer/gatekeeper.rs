//! Commit, then lift: check everything that waits, append it with one sync,
//! then answer. What is answered is durable; what is not durable is not
//! answered, and nothing of it can be read in the view.

use std::collections::VecDeque;

use lanegate_core::lane::{Guard, Refusal, Took};
use lanegate_core::ledger::Ledger;
use lanegate_core::model::{JournalState, OrderKind, VerdictKind};
use lanegate_core::record::{Body, Draft, FeedBody, Link, Prepared, StopBody};
use lanegate_core::time::Wall;

use super::Fatal;
use super::checkpoints::Signing;
use super::open::controllers_own;
use super::outbox::Outbox;
use super::queue::{Answer, Entry, Flushed, Work};
use super::view::{Published, View};
use crate::journal::{AppendError, Disk, JournalError, RECORD_LEN_MAX, Writer, records_from};

/// What a record has beside its body, at most.
const FRAME_LEN: usize = 4096;
/// Bytes of a record's body, canonical JSON: a longer one is not appended.
pub const BODY_LEN_MAX: usize = RECORD_LEN_MAX - FRAME_LEN;
/// Records that wait, unanswered, for a full disk to have room (L9): beyond,
/// [`Gatekeeper::takes_notes`] says no.
const NOTES_MAX: usize = 10_000;
/// Nobody who asks first gets here: what was on its way is less.
const NOTES_ROOM: usize = 2 * NOTES_MAX;

/// Why no snapshot was taken.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file; the journal is as it was.
    #[error("the snapshot was not written")]
    NotWritten(#[source] JournalError),
    /// Its record.
    #[error("the snapshot was not recorded")]
    Append(#[source] AppendError),
}

/// The gatekeeper over a disk; `T` names who asked.
pub struct Gatekeeper<D, T> {
    disk: D,
    pub(super) writer: Writer,
    pub(super) ledger: Ledger,
    queue: VecDeque<Entry<T>>,
    published: Published,
    pub(super) outbox: Outbox,
    cursor: crate::journal::Cursor,
    free_floor_bytes: u64,
    full: bool,
    /// The authority holds what we do not; the journal says so too unless the
    /// disk was too full to take it.
    pub(super) unreconciled: bool,
    last: Flushed,
    pub(super) signing: Option<Signing>,
}

impl<D: Disk, T> Gatekeeper<D, T> {
    pub(super) fn with(
        disk: D,
        writer: Writer,
        ledger: Ledger,
        outbox: Outbox,
        free_floor_bytes: u64,
    ) -> Self {
        let unreconciled = ledger.is_unreconciled();
        let state = match unreconciled {
            true => JournalState::Unreconciled,
            false => JournalState::Ok,
        };
        let view = view_of(&writer, &ledger, &outbox, state);
        Self {
            disk,
            writer,
            ledger,
            queue: VecDeque::new(),
            published: Published::new(view),
            outbox,
            cursor: None,
            free_floor_bytes,
            full: false,
            unreconciled,
            last: Flushed::default(),
            signing: None,
        }
    }

    /// Queues a commit: appended together, or refused, at the next flush.
    pub fn submit(&mut self, token: T, drafts: Vec<Prepared>, guard: Guard) {
        self.queue.push_back(Entry::Commit {
            token,
            drafts,
            guard,
        });
    }

    /// Queues records nobody waits for; they keep their place in the order.
    pub fn note(&mut self, drafts: Vec<Prepared>) {
        if !drafts.is_empty() {
            self.queue.push_back(Entry::Note(drafts));
        }
    }

    /// Queues a batch of the feed.
    pub fn apply_feed(&mut self, token: T, at: Wall, body: FeedBody) {
        self.apply_feed_with(token, at, body, Vec::new());
    }

    /// The same with records that are appended together with it.
    pub fn apply_feed_with(&mut self, token: T, at: Wall, body: FeedBody, with: Vec<Prepared>) {
        let body = Box::new(body);
        self.queue.push_back(Entry::Feed {
            token,
            at,
            body,
            with,
        });
    }

    /// Checks all that waits in its order, appends what passes with one sync,
    /// and answers.
    ///
    /// # Errors
    /// The journal failed: nobody is answered, and nothing may be done but
    /// stop.
    pub fn flush(&mut self) -> Result<Vec<Answer<T>>, Fatal> {
        self.measure();
        let mut work = Work::on(self.ledger.clone(), self.writer.group());
        let queue = std::mem::take(&mut self.queue);
        for entry in queue {
            match entry {
                Entry::Commit {
                    token,
                    drafts,
                    guard,
                } => self.commit(&mut work, token, drafts, &guard),
                Entry::Note(drafts) => {
                    for draft in &drafts {
                        work.push(draft);
                    }
                    work.notes.push_back(Entry::Note(drafts));
                }
                Entry::Feed {
                    token,
                    at,
                    body,
                    with,
                } if self.spares_the_reserve() => {
                    drop((at, body, with));
                    work.answers.push(Answer::NotApplied { token });
                }
                Entry::Feed {
                    token,
                    at,
                    body,
                    with,
                } => work.feed(token, at, *body, &with),
            }
        }
        self.sign(&mut work);
        self.write(work)
    }

    fn commit(&self, work: &mut Work<T>, token: T, drafts: Vec<Prepared>, guard: &Guard) {
        let mut drafts = drafts;
        let first = drafts.first().map(Prepared::draft);
        // All or nothing: a lift without its verdict would break L1.
        let fits = drafts.iter().all(|d| d.body_len() < BODY_LEN_MAX);
        let checked = first.map_or(Ok(()), |first| {
            if !fits {
                return Err(Refusal::Unavailable);
            }
            self.check_journal(first)?;
            work.ledger.check(first, guard)
        });
        if let Err(why) = checked {
            work.refused += 1;
            work.answers.push(Answer::Refused { token, why });
            return;
        }
        if let Some(settled) = first.and_then(|first| work.ledger.settle(first)) {
            drafts[0] = settled.into();
        }
        let mut took = Took::Nothing;
        let mut first = None;
        for draft in &drafts {
            let Some((seq, took_here)) = work.push(draft) else {
                continue;
            };
            first.get_or_insert(seq);
            took = took.max(took_here);
        }
        let answer = match first {
            Some(seq) => Answer::Committed { token, seq, took },
            None => Answer::Refused {
                token,
                why: Refusal::Unavailable,
            },
        };
        work.answers.push(answer);
    }

    /// Below the floor a verdict is a Hold and what is left is for records of
    /// what happens anyway; while the authority knows of spends we do not,
    /// nothing is taken at all.
    fn check_journal(&self, first: &Draft) -> Result<(), Refusal> {
        if let Body::Verdict(body) = &first.body {
            let kind = body.verdict.verdict;
            if self.unreconciled && kind != VerdictKind::Hold {
                return Err(Refusal::NotReconciled);
            }
            if self.full && kind == VerdictKind::Release {
                return Err(Refusal::Changed);
            }
        }
        if let Body::Order(body) = &first.body
            && self.unreconciled
        {
            return match body.order.kind {
                OrderKind::Release | OrderKind::Inspect => Err(Refusal::NotReconciled),
                OrderKind::Return | OrderKind::Supply => Ok(()),
            };
        }
        Ok(())
    }

    fn write(&mut self, work: Work<T>) -> Result<Vec<Answer<T>>, Fatal> {
        let Work {
            ledger,
            group,
            answers,
            notes,
            refused,
            at: _,
            signed,
        } = work;
        let (records, bytes) = (group.len(), group.bytes_len());
        self.last = Flushed {
            records,
            bytes,
            refused,
            full: false,
        };
        if records == 0 {
            return Ok(answers);
        }
        match self.writer.append(&mut self.disk, group) {
            Ok(()) => {
                self.ledger = ledger;
                if signed {
                    self.signed();
                }
                self.publish();
                Ok(answers)
            }
            Err(AppendError::Full) => self.refuse_all(answers, notes),
            Err(fatal @ AppendError::Fatal(_)) => Err(Fatal(fatal)),
        }
    }

    /// Nothing was written: commits are refused, notes wait for room.
    fn refuse_all(
        &mut self,
        answers: Vec<Answer<T>>,
        notes: VecDeque<Entry<T>>,
    ) -> Result<Vec<Answer<T>>, Fatal> {
        if notes.len() > NOTES_ROOM {
            return Err(Fatal(AppendError::Full));
        }
        self.queue = notes;
        self.full = true;
        self.last = Flushed {
            full: true,
            refused: answers.len(),
            ..Flushed::default()
        };
        self.publish();
        let why = Refusal::Unavailable;
        let refused = answers.into_iter().filter_map(|answer| match answer {
            Answer::Committed { token, .. } | Answer::Refused { token, .. } => {
                Some(Answer::Refused { token, why })
            }
            Answer::Applied { token, .. } | Answer::NotApplied { token } => {
                Some(Answer::NotApplied { token })
            }
            Answer::ControlLate(_) => None,
        });
        Ok(refused.collect())
    }

    /// Appends records of the controller's own, durable when it returns.
    pub(super) fn append_now(&mut self, drafts: &[Prepared]) -> Result<(), AppendError> {
        let mut ledger = self.ledger.clone();
        let mut group = self.writer.group();
        for draft in drafts {
            if let Some(seq) = group.push(draft) {
                ledger.apply(seq, draft.draft());
            }
        }
        self.writer.append(&mut self.disk, group)?;
        self.ledger = ledger;
        self.measure();
        self.publish();
        Ok(())
    }

    /// Looks whether there is room for releases, and makes the reserve again
    /// where there is more: while nobody waits for a flush.
    pub fn look_at_space(&mut self) {
        let free = self.measure();
        let floor = self.free_floor_bytes;
        match self.writer.restock(&mut self.disk, free, floor) {
            Ok(true) => tracing::info!("room is set aside for a full disk"),
            Ok(false) => {}
            Err(why) => tracing::warn!(%why, "no room could be set aside for a full disk"),
        }
    }

    /// Bytes that are free; below the floor nothing is released.
    fn measure(&mut self) -> u64 {
        let free = self.disk.free_bytes().unwrap_or(0);
        let full = free < self.free_floor_bytes;
        if full != self.full {
            self.full = full;
            self.publish();
        }
        free
    }

    /// Only what tells of trucks may use what is left of the reserve.
    const fn spares_the_reserve(&self) -> bool {
        self.full && self.writer.reserve().is_short()
    }

    pub(super) fn publish(&self) {
        let view = view_of(
            &self.writer,
            &self.ledger,
            &self.outbox,
            self.journal_state(),
        );
        self.published.publish(View {
            checkpoint_key: self.checkpoint_key(),
            ..view
        });
    }

    const fn journal_state(&self) -> JournalState {
        if self.unreconciled {
            JournalState::Unreconciled
        } else if self.full {
            JournalState::Full
        } else {
            JournalState::Ok
        }
    }

    /// The authority acknowledged everything through `through`.
    pub fn acknowledged(&mut self, through: u64) {
        let through = through.min(self.head().seq.saturating_sub(1));
        if self.outbox.acknowledge(through) {
            self.keep_outbox();
        }
        self.publish();
    }

    /// Writes down how far the authority has acknowledged.
    pub fn keep_outbox(&mut self) {
        if self.outbox.is_dirty()
            && let Err(why) = self
                .outbox
                .keep(&mut self.disk, &self.writer.link().genesis)
        {
            tracing::warn!(%why, "the outbox position was not kept; records will be sent again");
        }
    }

    /// Writes a snapshot of what is durable and appends its record; with a
    /// thread, [`View::write_snapshot`] does it beside.
    ///
    /// # Errors
    /// The snapshot could not be written (the journal is as it was), or the
    /// journal failed.
    pub fn snapshot(&mut self, at: Wall) -> Result<(), SnapshotError> {
        let view = self.published.read();
        let written = view.write_snapshot(&mut self.disk, at);
        let draft = written.map_err(SnapshotError::NotWritten)?;
        let appended = self.append_now(&[draft.into()]);
        appended.map_err(SnapshotError::Append)
    }

    /// Records a stop in good order: what waits is written first.
    ///
    /// # Errors
    /// The journal failed.
    pub fn stop(&mut self, at: Wall, why: &str) -> Result<Vec<Answer<T>>, Fatal> {
        let body = StopBody {
            why: why.to_owned(),
        };
        self.note(vec![controllers_own(at, body.into()).into()]);
        let mut answers = self.flush()?;
        // The last word is signed.
        self.checkpoint(at);
        answers.extend(self.flush()?);
        if !self.queue.is_empty() {
            let waiting = self.queue.len();
            tracing::error!(
                waiting,
                "the disk is full: what waited for room is not on the record"
            );
        }
        self.keep_outbox();
        Ok(answers)
    }

    /// Up to `max` durable records from `seq` on, as written.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn records_from(
        &mut self,
        seq: u64,
        max: usize,
    ) -> Result<Vec<(u64, String)>, JournalError> {
        let Some(durable) = self.head().seq.checked_sub(1) else {
            return Ok(Vec::new());
        };
        records_from(&self.disk, &mut self.cursor, seq, durable, max)
    }

    /// Whether anything waits for a flush.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && !self.owes_checkpoint()
    }

    /// How many entries wait for a flush.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Whether records nobody waits for may be handed in: on a full disk so
    /// many wait and no more.
    #[must_use]
    pub fn takes_notes(&self) -> bool {
        self.queue.len() < NOTES_MAX
    }

    /// Where the next record goes.
    #[must_use]
    pub const fn head(&self) -> &Link {
        self.writer.link()
    }

    /// What has been spent and what is in force, as of the last append.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The view others read.
    #[must_use]
    pub const fn published(&self) -> &Published {
        &self.published
    }

    /// What the last flush wrote.
    #[must_use]
    pub const fn last_flush(&self) -> Flushed {
        self.last
    }

    /// The disk.
    #[must_use]
    pub const fn disk(&self) -> &D {
        &self.disk
    }
}

fn view_of(writer: &Writer, ledger: &Ledger, outbox: &Outbox, journal: JournalState) -> View {
    let link = writer.link();
    View {
        ledger: ledger.clone(),
        journal,
        head_seq: link.seq.saturating_sub(1),
        head_sha256: link.prev.clone(),
        controller: link.controller.clone(),
        genesis: link.genesis.clone(),
        acknowledged: outbox.through(),
        checkpoint_key: None,
    }
}
