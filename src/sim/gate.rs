//! The committer of the simulated port: the shipped gatekeeper over a disk in
//! memory, flushed after a simulated `fdatasync`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;

use firmware_sim::Us;
use jiff::ToSpan as _;
use lanegate_core::clearance::{DayKey, KeyChain};
use lanegate_core::lane::{Draws, Event, Geometry, Guard, Query, Recovery, Token};
use lanegate_core::ledger::{OrderAnswer, PolicyOffer, Reconciliation};
use lanegate_core::model::{
    Balance, Buckets, ControllerId, Declaration, DeclarationId, Facts, LaneId, OrderId, PassageId,
    PortCode, Position, StoreState,
};
use lanegate_core::record::{Draft, FeedBody, Prepared, ReconciledBody, Record};
use lanegate_core::time::{Now, Wall};

use super::breaks::FLOOR_BYTES;
use crate::committer::{Answer, Configured, Fatal, Gatekeeper, OpenError, Options, SnapshotError};
use crate::config::LaneSetup;
use crate::draws::DayKeys;
use crate::gateway::recorded_at;
use crate::journal::{AppendError, MemDisk};

/// Days a simulated port may draw on.
const DRAW_DAYS: i32 = 366;

/// The same keys in every simulation.
fn key_chain(now: Now) -> KeyChain {
    let first = now.wall.date().expect("a simulation begins in our time");
    let last = first.checked_add(DRAW_DAYS.days());
    let last = last.expect("a year later is in the calendar");
    KeyChain::new(last, DayKey::new([0x5a; 32]))
}

/// How long a simulated `fdatasync` takes.
const SYNC_US: Us = 2_000;

/// Who asked.
#[derive(Clone, Debug)]
enum Asked {
    Lane(usize, Token),
    Feed,
}

/// What a flush has to say.
pub(super) enum Heard {
    /// To a lane by number.
    Lane(usize, Event),
    /// To a lane by name: a control came late.
    Late { lane: LaneId, event: Event },
}

/// Segments are small once a daemon has started again, so that there are many.
const SEGMENT_LEN: u64 = 96 << 10;

/// The gatekeeper with its simulated disk.
pub(super) struct Gate {
    keeper: Gatekeeper<MemDisk, Asked>,
    options: Options,
    keys: KeyChain,
    flush_at: Option<Us>,
    /// The last batch of the feed found no room.
    feed_refused: bool,
    /// Every durable record as read back once from the disk; its place is its
    /// sequence. One reader finds its place again at once, two would search the
    /// segment in turn.
    texts: Vec<Arc<str>>,
    durable: VecDeque<(Arc<str>, Record)>,
    draws: DayKeys,
}

impl Gate {
    pub(super) fn open(controller: &str, port: &str, policy: &PolicyOffer, now: Now) -> Self {
        let mut options = Options::new(
            ControllerId::parse(controller).expect("a name of ours"),
            PortCode::parse(port).expect("a code of ours"),
            now.wall,
            "simulation".to_owned(),
            env!("CARGO_PKG_VERSION").to_owned(),
            policy.policy.clone(),
        );
        // A kept journal can judge its cases again.
        options.configured = Some(Configured {
            policy: policy.clone(),
            shadow: None,
            clock: now.clock,
        });
        options.free_floor_bytes = FLOOR_BYTES;
        let (keeper, _) = Gatekeeper::open(MemDisk::new(), options.clone())
            .expect("an empty disk has room for a start");
        let keys = key_chain(now);
        let mut gate = Self {
            keeper,
            options,
            flush_at: None,
            feed_refused: false,
            texts: Vec::new(),
            durable: VecDeque::new(),
            draws: DayKeys::fixed(keys.clone()),
            keys,
        };
        gate.read_durable();
        gate
    }

    /// The daemon is gone, and what waited in it.
    pub(super) fn forget(&mut self) {
        self.flush_at = None;
        self.feed_refused = false;
    }

    /// Opens the same disk as the next start does. Says what was durable and
    /// is not there any more.
    pub(super) fn reopen(&mut self, now: Now) -> Result<Vec<String>, OpenError> {
        self.options.at = now.wall;
        self.options.segment_len_max = SEGMENT_LEN;
        let (keeper, _) = Gatekeeper::open(self.disk(), self.options.clone())?;
        self.keeper = keeper;
        self.draws = DayKeys::fixed(self.keys.clone());
        let mut known = std::mem::take(&mut self.texts);
        // What was taken before is not news.
        let taken = known.len() - self.durable.len();
        self.durable.clear();
        self.read_again(&known[..taken]);
        let lost = known.drain(..).enumerate();
        let lost = lost.filter(|(seq, text)| self.texts.get(*seq) != Some(text));
        Ok(lost
            .map(|(seq, text)| format!("record {seq} was durable and is lost: {text}"))
            .collect())
    }

    pub(super) fn recovery(&self, lane: &LaneId, geometry: Geometry) -> Recovery {
        self.keeper.ledger().recovery(lane, geometry)
    }

    pub(super) fn recovery_of(&self, setup: &LaneSetup) -> Recovery {
        self.recovery(&setup.config.lane, setup.config.geometry)
    }

    /// How far the journal has taken the feed.
    pub(super) fn position(&self) -> Option<Position> {
        self.keeper.ledger().position()
    }

    /// Answers to orders on record, oldest first.
    pub(super) fn order_answers(&self) -> Vec<(OrderId, OrderAnswer)> {
        self.keeper.ledger().order_answers()
    }

    /// The latest time on the last records.
    pub(super) fn recorded_at(&mut self) -> Option<Wall> {
        recorded_at(&mut self.keeper)
    }

    pub(super) fn look_at_space(&mut self) {
        self.keeper.look_at_space();
    }

    /// The last difference with what the authority holds.
    pub(super) fn starts(&self) -> u64 {
        self.keeper.ledger().starts()
    }

    pub(super) fn reconciliation(&self) -> Option<Reconciliation> {
        self.keeper.ledger().reconciliation().cloned()
    }

    /// Notes what the authority holds of us; false: the journal failed over it.
    pub(super) fn authority_holds(&mut self, at: Wall, genesis: &str, through: u64) -> bool {
        let noted = self.keeper.authority_holds(at, genesis, through);
        self.read_durable();
        noted.is_ok()
    }

    /// Takes the authority's ledger over; false: it is not durable.
    pub(super) fn reconcile(&mut self, at: Wall, body: ReconciledBody) -> bool {
        let taken = self.keeper.reconcile(at, body);
        self.read_durable();
        taken.is_ok()
    }

    pub(super) fn heard_at(&self) -> Option<Wall> {
        self.keeper.ledger().heard_at()
    }

    pub(super) fn balances(&self) -> BTreeMap<DeclarationId, Balance> {
        let balances = self.keeper.ledger().balances();
        balances.map(|(id, b)| (id.clone(), b)).collect()
    }

    /// Records below are acknowledged, as far as the disk knows.
    pub(super) fn acknowledged_below(&self) -> u64 {
        let through = self.keeper.published().read().acknowledged;
        through.map_or(0, |through| through + 1)
    }

    pub(super) fn acknowledged(&mut self, through: u64) {
        self.keeper.acknowledged(through);
    }

    /// Takes a snapshot; false: the journal failed over it.
    pub(super) fn snapshot(&mut self, at: Wall) -> bool {
        let taken = self.keeper.snapshot(at);
        self.read_durable();
        match taken {
            Ok(())
            | Err(SnapshotError::NotWritten(_) | SnapshotError::Append(AppendError::Full)) => true,
            Err(SnapshotError::Append(AppendError::Fatal(_))) => false,
        }
    }

    /// Whether the last batch of the feed found no room, once.
    pub(super) const fn take_feed_refused(&mut self) -> bool {
        std::mem::replace(&mut self.feed_refused, false)
    }

    pub(super) fn genesis(&self) -> &str {
        &self.keeper.head().genesis
    }

    /// Records below are durable.
    pub(super) const fn head(&self) -> u64 {
        self.keeper.head().seq
    }

    pub(super) fn generation(&self) -> u64 {
        self.keeper.ledger().generation()
    }

    pub(super) fn buckets(&self) -> Buckets {
        self.keeper.ledger().buckets().clone()
    }

    pub(super) fn open_passages(&self) -> BTreeSet<PassageId> {
        let open = self.keeper.ledger().open_passages();
        open.map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn facts(&self, found: Vec<Declaration>, store: StoreState, query: &Query) -> Facts {
        self.keeper.published().read().facts(found, store, query)
    }

    /// What sampling knows of the candidates among `facts`.
    pub(super) fn draws(&mut self, facts: &Facts, now: Now, now_us: Us) -> Draws {
        let mut drafts = Vec::new();
        let today = self.draws.today(now, |draft| {
            drafts.push(draft);
            Ok::<(), Infallible>(())
        });
        if !drafts.is_empty() {
            self.note(drafts, now_us);
        }
        let view = self.keeper.published().read();
        view.ledger.draws(facts, today.as_ref())
    }

    pub(super) fn submit(
        &mut self,
        lane: usize,
        token: Token,
        drafts: Vec<Draft>,
        guard: Guard,
        now: Us,
    ) {
        let asked = Asked::Lane(lane, token);
        self.keeper.submit(asked, Prepared::all(drafts), guard);
        self.flush_at.get_or_insert(now + SYNC_US);
    }

    pub(super) fn note(&mut self, drafts: Vec<Draft>, now: Us) {
        self.keeper.note(Prepared::all(drafts));
        self.flush_at.get_or_insert(now + SYNC_US);
    }

    pub(super) fn feed(&mut self, at: Wall, body: FeedBody, now: Us) {
        self.keeper.apply_feed(Asked::Feed, at, body);
        self.flush_at.get_or_insert(now + SYNC_US);
    }

    /// When what waits will be durable.
    pub(super) const fn flush_at(&self) -> Option<Us> {
        self.flush_at
    }

    /// # Errors
    /// The journal failed: the daemon must end.
    pub(super) fn flush(&mut self) -> Result<Vec<Heard>, Fatal> {
        self.flush_at = None;
        let answers = self.keeper.flush()?;
        self.read_durable();
        Ok(answers.into_iter().filter_map(|a| self.heard(a)).collect())
    }

    fn heard(&mut self, answer: Answer<Asked>) -> Option<Heard> {
        match answer {
            Answer::Committed {
                token: Asked::Lane(n, token),
                seq,
                took,
            } => Some(Heard::Lane(n, Event::Committed { token, seq, took })),
            Answer::Refused {
                token: Asked::Lane(n, token),
                why,
            } => Some(Heard::Lane(n, Event::Refused { token, why })),
            Answer::ControlLate(late) => Some(Heard::Late {
                lane: late.lane?,
                event: Event::ControlLate {
                    passage: late.passage,
                    control: late.control,
                },
            }),
            Answer::NotApplied { .. } => {
                self.feed_refused = true;
                None
            }
            Answer::Applied { .. }
            | Answer::Committed {
                token: Asked::Feed, ..
            }
            | Answer::Refused {
                token: Asked::Feed, ..
            } => None,
        }
    }

    /// The disk the journal is on.
    pub(super) fn disk(&self) -> MemDisk {
        self.keeper.disk().clone()
    }

    fn read_durable(&mut self) {
        self.read_again(&[]);
    }

    /// Reads what is durable and not read yet; what was `taken` before is no
    /// news.
    fn read_again(&mut self, taken: &[Arc<str>]) {
        loop {
            let from = self.texts.len() as u64;
            let read = self.keeper.records_from(from, 256);
            let records = read.expect("what was just written can be read");
            if records.is_empty() {
                return;
            }
            for (_, json) in records {
                if let Some(taken) = taken.get(self.texts.len()) {
                    let same = **taken == *json;
                    let text = if same { taken.clone() } else { json.into() };
                    self.texts.push(text);
                    continue;
                }
                let record = serde_json::from_str(&json).expect("a record of ours is one");
                let json: Arc<str> = json.into();
                self.texts.push(json.clone());
                self.durable.push_back((json, record));
            }
        }
    }

    /// Records that became durable since the last time asked.
    pub(super) fn take_durable(&mut self) -> Vec<(Arc<str>, Record)> {
        self.durable.drain(..).collect()
    }

    /// Durable records from `from` on, for the authority.
    pub(super) fn records(&self, from: u64, max: u64) -> Vec<(u64, String)> {
        let skipped = usize::try_from(from).unwrap_or(usize::MAX);
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let texts = self.texts.iter().skip(skipped).take(max);
        (from..).zip(texts.map(|text| text.to_string())).collect()
    }
}
