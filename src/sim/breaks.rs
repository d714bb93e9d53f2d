//! What breaks the daemon itself: its process and its disk. A plan drawn from
//! the seed, one strike after the other, so that the last one heals.
//!
//! ```text
//!  gap --> armed --its point is reached, or at last anyway--> struck --> down --> started again
//!                \--a disk fault--> the disk fails, or has no room for a while
//! ```

use std::collections::{BTreeMap, VecDeque};

use firmware_sim::{Faults, Us};

use super::chance::Chance;

const S: Us = 1_000_000;
const MS: Us = 1_000;
/// The plan's purpose of chance.
const PURPOSE: u64 = 0x6272_6561_6b73;
/// A point that is not reached within this is struck wherever the daemon is.
const REACHED_WITHIN: Us = 40 * S;
/// What leaves all of it out, as `--without` does a kind of the world's faults.
pub const DAEMON_BREAKS: &str = "daemon.breaks";
/// Room that is left above an almost full disk.
pub(super) const FLOOR_BYTES: u64 = 64 << 10;

/// Kinds that come of another's striking, and are counted by themselves.
const COUNTED_APART: [&str; 6] = [
    "process.kill",
    "process.power-cut",
    "process.start-failed",
    "disk.lost-suffix",
    "disk.torn-record",
    "disk.garbage",
];

/// How bad the day is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Severity {
    /// Nothing breaks.
    #[default]
    None,
    /// As in the field: most days nothing, some days one thing.
    Field,
    /// Several a run.
    Hostile,
}

impl Severity {
    /// The same among the world's faults.
    pub(super) const fn level(self) -> Faults {
        match self {
            Self::None => Faults::None,
            Self::Field => Faults::Field,
            Self::Hostile => Faults::Hostile,
        }
    }
}

/// Where in its work the daemon is cut off.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Point {
    /// A commit was asked for, nothing is written.
    Submitted,
    /// While it is being written, or before it is synced.
    Written,
    /// It is durable and nobody was answered.
    Synced,
    /// The lane has asked for a lift, the board has not heard of it.
    LiftOrdered,
    /// The pulse is on the wire.
    LiftSent,
    /// The same for a lower.
    LowerOrdered,
    /// A while after the lane entered this state.
    Starting,
    /// See [`Self::Starting`].
    Securing,
    /// See [`Self::Starting`].
    Gathering,
    /// The arm is on its way up.
    Cleared,
    /// See [`Self::Starting`].
    Passing,
    /// The arm is on its way down.
    Lowering,
    /// See [`Self::Starting`].
    Held,
    /// See [`Self::Starting`].
    Diverting,
    /// A batch of the feed is in the journal, not in the store.
    FeedJournaled,
    /// It is in both and not answered.
    FeedStored,
    /// The authority acknowledged; the outbox has not moved.
    AckHeard,
    /// It has.
    AckTaken,
    /// At any time.
    AnyTime,
}

impl Point {
    const ALL: [Self; 19] = [
        Self::Submitted,
        Self::Written,
        Self::Synced,
        Self::LiftOrdered,
        Self::LiftSent,
        Self::LowerOrdered,
        Self::Starting,
        Self::Securing,
        Self::Gathering,
        Self::Cleared,
        Self::Passing,
        Self::Lowering,
        Self::Held,
        Self::Diverting,
        Self::FeedJournaled,
        Self::FeedStored,
        Self::AckHeard,
        Self::AckTaken,
        Self::AnyTime,
    ];

    /// The point a while after a lane entered `state`.
    pub(super) fn in_state(state: &str) -> Option<Self> {
        let states = [
            ("starting", Self::Starting),
            ("securing", Self::Securing),
            ("gathering", Self::Gathering),
            ("cleared", Self::Cleared),
            ("passing", Self::Passing),
            ("lowering", Self::Lowering),
            ("held", Self::Held),
            ("diverting", Self::Diverting),
        ];
        let found = states.into_iter().find(|(name, _)| *name == state);
        found.map(|(_, point)| point)
    }

    /// Longest wait behind the point, for those that are a state.
    const fn after_us_max(self) -> Us {
        match self {
            Self::Starting => 2500 * MS,
            Self::Securing => 5000 * MS,
            Self::Gathering | Self::Held | Self::Diverting => 3000 * MS,
            Self::Cleared | Self::Lowering => 1000 * MS,
            Self::Passing => 2000 * MS,
            Self::AnyTime => REACHED_WITHIN / 2,
            Self::Submitted
            | Self::Written
            | Self::Synced
            | Self::LiftOrdered
            | Self::LiftSent
            | Self::LowerOrdered
            | Self::FeedJournaled
            | Self::FeedStored
            | Self::AckHeard
            | Self::AckTaken => 0,
        }
    }

    const fn counted(self) -> &'static str {
        match self {
            Self::Submitted => "process.submitted",
            Self::Written => "process.written",
            Self::Synced => "process.synced",
            Self::LiftOrdered => "process.lift-ordered",
            Self::LiftSent => "process.lift-sent",
            Self::LowerOrdered => "process.lower-ordered",
            Self::Starting => "process.starting",
            Self::Securing => "process.securing",
            Self::Gathering => "process.gathering",
            Self::Cleared => "process.cleared",
            Self::Passing => "process.passing",
            Self::Lowering => "process.lowering",
            Self::Held => "process.held",
            Self::Diverting => "process.diverting",
            Self::FeedJournaled => "process.feed-journaled",
            Self::FeedStored => "process.feed-stored",
            Self::AckHeard => "process.ack-heard",
            Self::AckTaken => "process.ack-taken",
            Self::AnyTime => "process.any-time",
        }
    }
}

/// What the disk does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum DiskFault {
    /// A write fails, nothing is written.
    Write,
    /// A write fails in the middle.
    ShortWrite,
    /// A sync fails.
    Sync,
    /// The process ends, and what the next start reads fails.
    Read,
    /// Less room than the floor for a while.
    BelowFloor,
    /// No room at all for a while.
    Full,
    /// The store's writes fail for a while; the journal's do not.
    StoreWrite,
}

impl DiskFault {
    pub(super) const ALL: [Self; 7] = [
        Self::Write,
        Self::ShortWrite,
        Self::Sync,
        Self::Read,
        Self::BelowFloor,
        Self::Full,
        Self::StoreWrite,
    ];

    pub(super) const fn counted(self) -> &'static str {
        match self {
            Self::Write => "disk.write",
            Self::ShortWrite => "disk.short-write",
            Self::Sync => "disk.fsync",
            Self::Read => "disk.read",
            Self::BelowFloor => "disk.below-floor",
            Self::Full => "disk.full",
            Self::StoreWrite => "store.write",
        }
    }
}

/// One thing that is going to break.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Strike {
    /// The process.
    Process {
        at: Point,
        after_us: Us,
        /// The machine goes with it.
        power: bool,
    },
    /// The disk.
    Disk { fault: DiskFault, for_us: Us },
}

/// How the daemon ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Death {
    /// What was not synced may be lost.
    pub(super) power: bool,
}

/// The plan, and how far it is.
#[derive(Clone, Debug)]
pub(super) struct Breaks {
    pub(super) chance: Chance,
    /// Each with the quiet before it.
    planned: VecDeque<(Us, Strike)>,
    arms_at: Option<Us>,
    armed: Option<Strike>,
    /// The armed one strikes then, wherever the daemon is.
    due_at: Option<Us>,
    /// Its point was reached; it strikes a while later.
    reached: bool,
    /// The disk has room again then.
    pub(super) room_at: Option<Us>,
    struck: Option<Death>,
    pub(super) down_until: Option<Us>,
    counts: BTreeMap<&'static str, u64>,
}

impl Breaks {
    /// Nothing breaks.
    pub(super) const fn none() -> Self {
        Self {
            chance: Chance::new(0, PURPOSE),
            planned: VecDeque::new(),
            arms_at: None,
            armed: None,
            due_at: None,
            reached: false,
            room_at: None,
            struck: None,
            down_until: None,
            counts: BTreeMap::new(),
        }
    }

    /// The plan of a seed.
    pub(super) fn drawn(severity: Severity, seed: u64) -> Self {
        let mut chance = Chance::new(seed, PURPOSE);
        let strikes = match severity {
            Severity::None => 0,
            Severity::Field => u64::from(chance.permille(300)),
            Severity::Hostile => chance.between(2, 7),
        };
        let planned: VecDeque<_> = (0..strikes)
            .map(|_| (chance.between(1, 20) * S, strike(&mut chance)))
            .collect();
        let mut breaks = Self {
            chance,
            planned,
            ..Self::none()
        };
        breaks.plan_next(0);
        breaks
    }

    /// These strikes, five seconds apart: what a test of one point needs.
    #[cfg(test)]
    pub(super) fn only(strikes: &[Strike], seed: u64) -> Self {
        let mut breaks = Self::none();
        breaks.chance = Chance::new(seed, PURPOSE);
        breaks.planned = strikes.iter().map(|strike| (5 * S, *strike)).collect();
        breaks.plan_next(0);
        breaks
    }

    fn plan_next(&mut self, now: Us) {
        if self.is_down() {
            return;
        }
        self.arms_at = self.planned.front().map(|(gap, _)| now + gap);
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// How often each kind struck, by name.
    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts: BTreeMap<_, _> = Self::kinds().map(|kind| (kind, 0)).collect();
        counts.extend(&self.counts);
        counts
    }

    /// The names of all that may strike.
    pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
        let points = Point::ALL.into_iter().map(Point::counted);
        let faults = DiskFault::ALL.into_iter().map(DiskFault::counted);
        points.chain(faults).chain(COUNTED_APART)
    }

    /// When something is to be done by itself.
    pub(super) fn next(&self) -> Option<Us> {
        let all = [self.arms_at, self.due_at, self.room_at, self.down_until];
        all.into_iter().flatten().min()
    }

    /// Everything planned is over and the daemon is up.
    pub(super) fn is_healed(&self) -> bool {
        let idle = self.planned.is_empty() && self.armed.is_none() && self.room_at.is_none();
        idle && self.struck.is_none() && self.down_until.is_none()
    }

    pub(super) const fn is_down(&self) -> bool {
        self.down_until.is_some()
    }

    /// The daemon is gone as of now; nothing more may leave it.
    pub(super) const fn is_struck(&self) -> bool {
        self.struck.is_some()
    }

    pub(super) const fn take_struck(&mut self) -> Option<Death> {
        self.struck.take()
    }

    pub(super) const fn strike(&mut self, death: Death) {
        self.disarm();
        self.struck = Some(death);
    }

    /// The next of the plan is armed, if it is time; the fault of a disk is
    /// handed out to be done at once.
    pub(super) fn arm(&mut self, now: Us) -> Option<Strike> {
        if self.is_down() || self.arms_at.is_none_or(|at| at > now) {
            return None;
        }
        let (_, strike) = self.planned.pop_front()?;
        self.arms_at = None;
        self.armed = Some(strike);
        self.due_at = match strike {
            Strike::Process {
                at: Point::AnyTime,
                after_us,
                ..
            } => Some(now + after_us),
            Strike::Process { .. } | Strike::Disk { .. } => Some(now + REACHED_WITHIN),
        };
        Some(strike)
    }

    /// What is armed is over without an end of the daemon.
    pub(super) fn done(&mut self, now: Us) {
        self.disarm();
        self.plan_next(now);
    }

    /// Nothing more breaks, and what is away comes back.
    pub(super) fn end(&mut self, now: Us) {
        self.planned.clear();
        self.arms_at = None;
        self.disarm();
        self.room_at = self.room_at.map(|at| at.min(now));
    }

    const fn disarm(&mut self) {
        self.armed = None;
        self.due_at = None;
        self.reached = false;
    }

    /// The daemon is down from now on.
    pub(super) fn go_down(&mut self, now: Us) {
        let quick = self.chance.permille(700);
        let (low, high) = if quick { (200, 3_000) } else { (3_000, 25_000) };
        self.down_until = Some(now + self.chance.between(low, high) * MS);
        // The next one is planned from the next start on.
        self.arms_at = None;
    }

    /// The daemon has started again.
    pub(super) fn up_again(&mut self, now: Us) {
        self.down_until = None;
        self.plan_next(now);
        if let Some((_, Strike::Process { at, .. })) = self.planned.front()
            && matches!(at, Point::Starting | Point::Securing)
        {
            // It is now or never.
            self.arms_at = Some(now);
            self.arm(now);
        }
    }

    /// The armed one strikes now, wherever the daemon is.
    pub(super) fn fall_due(&mut self, now: Us) {
        if self.due_at.is_none_or(|at| at > now) {
            return;
        }
        if let Some(Strike::Process { power, at, .. }) = self.armed {
            let place = if self.reached { at } else { Point::AnyTime };
            self.count(place.counted());
            self.strike(Death { power });
        } else {
            self.done(now);
        }
    }

    /// The daemon has come to `point`: it ends here if that is armed.
    pub(super) fn reach(&mut self, point: Point, now: Us) {
        if self.is_struck() {
            return;
        }
        if let Some(Strike::Process {
            at,
            after_us,
            power,
        }) = self.armed
            && at == point
        {
            if after_us > 0 {
                let due = now + after_us;
                self.due_at = Some(self.due_at.map_or(due, |at| at.min(due)));
                self.reached = true;
                return;
            }
            self.count(point.counted());
            self.strike(Death { power });
        }
    }

    /// Whether the end is to come while something is written.
    pub(super) const fn ends_in_write(&self) -> Option<bool> {
        match self.armed {
            Some(Strike::Process {
                at: Point::Written,
                power,
                ..
            }) => Some(power),
            Some(Strike::Process { .. } | Strike::Disk { .. }) | None => None,
        }
    }
}

fn strike(chance: &mut Chance) -> Strike {
    if chance.permille(350) {
        return Strike::Disk {
            fault: chance.of(&DiskFault::ALL),
            for_us: chance.between(3, 30) * S,
        };
    }
    let at = chance.of(&Point::ALL);
    Strike::Process {
        at,
        after_us: match at.after_us_max() {
            0 => 0,
            most => chance.between(1, most),
        },
        power: chance.permille(500),
    }
}

/// Every point with the name it is counted under and its longest wait.
#[cfg(test)]
pub(super) fn every_point() -> impl Iterator<Item = (Point, &'static str, Us)> {
    let all = Point::ALL.into_iter();
    all.map(|point| (point, point.counted(), point.after_us_max()))
}
