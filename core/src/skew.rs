//! How far a device's clock is from ours, learned from what it sends, so that
//! its event times can be placed on the monotonic clock (L7).
//!
//! A message arrives after the moment it speaks of, never before. So every
//! one gives an upper bound of `arrival - device time`, and the smallest is
//! nearest to the truth: a read delivered three minutes late does not move the
//! estimate, and is placed three minutes back.
//!
//! ```text
//!           a message            a second one that agrees, 10 s apart
//!  Nothing ------------> Unproven ---------------------------------> Agreed
//!                         |  taken() = None                          ^ |  ^
//!                         +- about the trusted wall clock --> Right -+ |  |
//!                                       smaller bound: at once --------+  |
//!                larger, alike for a minute, of messages made as sent ----+
//!
//!  smaller than any message is quicker: proves nothing, and begins anew
//! ```
//! Then the device's clock was set forward, or every message so far was slow,
//! and this one may be late itself. (A clock that places no reads is followed at
//! once.)
//!
//! About the wall clock is at most two seconds ahead of it or thirty behind: the
//! device's clock may be behind, or the message on its way for a while. Until
//! messages have agreed for a minute nobody can tell which, and events are placed
//! as if it was the message: a read placed too early is asked for again, one
//! placed too late would be the next truck's.
//!
//! No single message proves anything by itself, not even one stamped as it was
//! sent: the first one after our start may have waited in a broker for minutes.
//! What proved an offset is not left for less: the one begun anew needs a minute.
//! The bound may grow only with the drift two clocks have, or when messages
//! that were stamped as they were sent agree on it (the device's clock was
//! set back). Late reads alone never make it grow.
//!
//! Absent: any clock, and any correction of the device's time as recorded.

mod bound;
mod clock_fault;

pub use clock_fault::ClockFault;

use crate::time::{Micros, Mono, Wall};
use bound::{Bound, Proof, QUICKER_US};

/// Bounds this near to one another agree.
const AGREE_US: i64 = 1_000_000;
/// Two messages prove an offset only if this far apart: what arrives
/// together may be late together.
const APART: Micros = Micros::from_s(10);
/// The same of stamps about the wall clock, which says otherwise: a line can be
/// as slow each time for half a minute.
const SURE: Micros = Micros::from_s(60);
/// Agreeing stamps that show that the device's clock was set back, and the time
/// they must cover. A backlog arrives at once and does not agree; a line that is
/// slow for a while is not as slow each time for a minute.
const STEP_AWAY: (u32, Micros) = (5, Micros::from_s(60));
/// The same of a clock that was far from the trusted wall clock and is near it
/// now: it was set right, and events are placed by the wall clock then.
const STEP_TO_RIGHT: (u32, Micros) = (3, Micros::from_s(10));
/// Further than any line is slow for long.
const FAR_US: u64 = 10_000_000;
/// A stamp so little beyond the bound, in whole seconds or a little late, is as
/// the device's clock was: it was not set back.
const AS_BEFORE_US: i64 = 2_000_000;
/// A device clock this near to the trusted wall clock is right.
const WALL_TOLERANCE_MS: i64 = 2_000;
/// One behind it by no more than this may be right, and its messages late.
const BEHIND_MS_MAX: i64 = 30_000;

/// The estimate for one device. Starts anew with each (re)start of the device.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Skew {
    bound: Option<Bound>,
    step: Option<Step>,
    /// It places no reads: a step is followed sooner.
    prompt: bool,
}

/// Stamps that agree on a larger offset.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Step {
    least_us: i64,
    first: Mono,
    last: Mono,
    count: u32,
    /// All of them were near the wall clock.
    right: bool,
}

/// What one message says.
#[derive(Clone, Copy)]
struct Stamp {
    offset_us: i64,
    arrived: Mono,
    whole: bool,
    /// Made as it was sent, or near the wall clock: of no old event.
    fresh: bool,
    /// Near the trusted wall clock.
    near: bool,
    /// About the trusted wall clock, `arrival - wall`.
    wall_us: Option<i64>,
}

impl Stamp {
    /// A wall clock that is not trusted proves nothing.
    fn of(stamp: Wall, arrived: Mono, wall: Option<Wall>, sent: bool) -> Self {
        let ahead_ms = wall.map(|wall| stamp.0.saturating_sub(wall.0));
        let within = |behind_max: i64| {
            ahead_ms.is_some_and(|ms| (-behind_max..=WALL_TOLERANCE_MS).contains(&ms))
        };
        let near = within(WALL_TOLERANCE_MS);
        Self {
            offset_us: offset_us(arrived, stamp),
            arrived,
            whole: stamp.0 % 1000 == 0,
            fresh: sent || near,
            near,
            wall_us: wall
                .filter(|_| within(BEHIND_MS_MAX))
                .map(|wall| offset_us(arrived, wall)),
        }
    }

    /// What it proves by itself.
    const fn proof(self) -> Proof {
        match self.wall_us {
            Some(wall_us) => Proof::Right { wall_us },
            None => Proof::None,
        }
    }
}

impl Skew {
    /// Nothing seen yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bound: None,
            step: None,
            prompt: false,
        }
    }

    /// The same of a clock that places no reads: set back, it is followed after
    /// three stamps.
    #[must_use]
    pub const fn prompt() -> Self {
        Self {
            bound: None,
            step: None,
            prompt: true,
        }
    }

    /// A message that speaks of an `event` arrived, while the trusted wall
    /// clock, if it is trusted, read `wall`. Not for replays.
    pub fn observe(&mut self, event: Wall, arrived: Mono, wall: Option<Wall>) {
        self.take(Stamp::of(event, arrived, wall, false));
    }

    /// The same of a message stamped as it was sent: a heartbeat, or the
    /// sending time of any message.
    pub fn heartbeat(&mut self, sent: Wall, arrived: Mono, wall: Option<Wall>) {
        self.take(Stamp::of(sent, arrived, wall, true));
    }

    /// The device restarted or was changed: what was learned is void.
    pub fn reset(&mut self) {
        *self = Self {
            prompt: self.prompt,
            ..Self::default()
        };
    }

    /// Whether anything was heard.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.bound.is_some()
    }

    /// How much longer a message of `stamp` that has `arrived` was on its way
    /// than the quickest before it, at least; nothing if it is the first.
    #[must_use]
    pub fn later_by(&self, stamp: Wall, arrived: Mono) -> Micros {
        let later = self.bound.map_or(0, |bound| {
            offset_us(arrived, stamp).saturating_sub(bound.limit_us(arrived))
        });
        Micros(u64::try_from(later).unwrap_or(0))
    }

    /// How much less; nothing if it is the first.
    #[must_use]
    pub fn quicker_by(&self, stamp: Wall, arrived: Mono) -> Micros {
        let quicker = self.bound.map_or(0, |bound| {
            bound.offset_us.saturating_sub(offset_us(arrived, stamp))
        });
        Micros(u64::try_from(quicker).unwrap_or(0))
    }

    /// When `event` was, on our clock; none until that is proven, or if it
    /// lies before our start.
    #[must_use]
    pub fn taken(&self, event: Wall) -> Option<Mono> {
        let at = micros(event).checked_add(self.bound?.placing_us()?)?;
        u64::try_from(at).ok().map(Mono)
    }

    /// The device's clock minus the trusted `wall` clock read at `now`, in
    /// milliseconds, as far as proven.
    #[must_use]
    pub fn off_ms(&self, now: Mono, wall: Wall) -> Option<i64> {
        let device_us = i64::try_from(now.0)
            .ok()?
            .checked_sub(self.bound?.placing_us()?)?;
        Some(Wall(device_us / 1000) - wall)
    }

    fn take(&mut self, stamp: Stamp) {
        let Stamp {
            offset_us, arrived, ..
        } = stamp;
        let Some(bound) = self.bound else {
            self.bound = Some(Bound::of(stamp));
            return;
        };
        if bound.is_left_behind(offset_us, arrived) && !self.prompt {
            self.step = None;
            self.bound = Some(bound.left_for(stamp));
            return;
        }
        let later_us = offset_us.saturating_sub(bound.offset_us);
        let agrees = later_us.saturating_abs() <= AGREE_US;
        let first = if agrees { bound.first } else { arrived };
        let proof = proven(bound, stamp.proof(), arrived.since(first));
        let fresh = stamp.fresh || (agrees && bound.fresh);
        if offset_us <= bound.limit_us(arrived) {
            self.step = None;
            self.bound = Some(Bound {
                offset_us,
                since: arrived,
                first,
                proof,
                fresh,
                whole: stamp.whole,
                heard: arrived,
                again: bound.again,
            });
            return;
        }
        let kept = Bound {
            proof,
            fresh: bound.fresh || (agrees && stamp.fresh),
            // A stamp to the millisecond says so too: it is not early.
            whole: bound.whole && (stamp.whole || later_us > QUICKER_US),
            heard: if agrees { arrived } else { bound.heard },
            ..bound
        };
        if bound.proof != Proof::None
            && offset_us.saturating_sub(AS_BEFORE_US) <= bound.limit_us(arrived)
        {
            self.step = None;
            self.bound = Some(kept);
            return;
        }
        // Only an event was seen so far, perhaps ahead of its time: the first
        // fresh stamp is worth more.
        let first_fresh = bound.proof == Proof::None && !bound.fresh && !agrees;
        self.bound = Some(match stamp.fresh {
            true if first_fresh => Bound::of(stamp),
            true => self.stepped(stamp, bound).unwrap_or(kept),
            false => kept,
        });
    }

    /// Counts fresh stamps that agree on a larger offset than `bound`, one of a
    /// message.
    fn stepped(&mut self, stamp: Stamp, bound: Bound) -> Option<Bound> {
        let Stamp {
            offset_us, arrived, ..
        } = stamp;
        let later_us = |s: &Step| offset_us.saturating_sub(s.least_us);
        // One that was later than those before says nothing against them.
        if self.step.as_ref().is_some_and(|s| later_us(s) > AGREE_US) {
            return None;
        }
        let agrees = |s: &Step| later_us(s) >= -AGREE_US;
        let step = match self.step.filter(agrees) {
            Some(step) => Step {
                least_us: step.least_us.min(offset_us),
                last: arrived,
                count: step.count + u32::from(step.last != arrived),
                right: step.right && stamp.near,
                ..step
            },
            None => Step {
                least_us: offset_us,
                first: arrived,
                last: arrived,
                count: 1,
                right: stamp.near,
            },
        };
        let was_far = |wall_us: i64| wall_us.abs_diff(bound.offset_us) >= FAR_US;
        let to_right = step.right && stamp.wall_us.is_some_and(was_far);
        let (count, over) = match to_right || self.prompt {
            true => STEP_TO_RIGHT,
            false => STEP_AWAY,
        };
        let shown = step.count >= count && arrived.since(step.first) >= over;
        self.step = (!shown).then_some(step);
        let (first, proof) = match stamp.proof() {
            Proof::None | Proof::Agreed => (step.first, Proof::Agreed),
            // A line that has become slow looks the same as a clock set back by
            // so little.
            right @ Proof::Right { .. } => (arrived, right),
        };
        shown.then_some(Bound {
            offset_us: step.least_us,
            since: arrived,
            first,
            proof,
            fresh: true,
            // The least of a few: the next one may be quicker.
            whole: true,
            heard: arrived,
            again: false,
        })
    }
}

/// What is proven of an offset on which messages have agreed for so long.
fn proven(bound: Bound, new: Proof, agreed: Micros) -> Proof {
    let apart = if bound.again { SURE } else { APART };
    match (bound.proof, new) {
        (Proof::Agreed, _) => Proof::Agreed,
        (Proof::None, Proof::None) if agreed >= apart => Proof::Agreed,
        (Proof::Right { .. }, _) | (_, Proof::Right { .. }) if agreed >= SURE => Proof::Agreed,
        (known, Proof::None) => known,
        (Proof::None | Proof::Right { .. }, new) => new,
    }
}

const fn micros(at: Wall) -> i64 {
    at.0.saturating_mul(1000)
}

/// `arrival - clock`.
fn offset_us(arrived: Mono, clock: Wall) -> i64 {
    let arrived_us = i64::try_from(arrived.0).unwrap_or(i64::MAX);
    arrived_us.saturating_sub(micros(clock))
}

#[cfg(test)]
mod tests;
