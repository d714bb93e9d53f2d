//! The offset that messages have shown, and what stands behind it.

use super::Stamp;
use crate::time::Mono;

/// Drift allowed between two quartz clocks, in millionths.
const DRIFT_PPM: u64 = 200;
/// A message may be quicker by this than all before it; what is stamped in whole
/// seconds is up to one second early.
pub(super) const QUICKER_US: i64 = 300_000;
const WHOLE_SECOND_US: i64 = 1_000_000;

/// `arrival - device time` in microseconds, at most.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Bound {
    pub(super) offset_us: i64,
    /// When it was last confirmed; it grows with drift from here.
    pub(super) since: Mono,
    /// Since when messages agree on it.
    pub(super) first: Mono,
    pub(super) proof: Proof,
    /// A message stamped as it was sent agrees.
    pub(super) fresh: bool,
    /// No stamp to the millisecond says so too.
    pub(super) whole: bool,
    /// When a message last agreed on it.
    pub(super) heard: Mono,
    /// A proven one was left behind for it.
    pub(super) again: bool,
}

impl Bound {
    /// Of one message alone.
    pub(super) const fn of(stamp: Stamp) -> Self {
        let Stamp {
            offset_us, arrived, ..
        } = stamp;
        Self {
            offset_us,
            since: arrived,
            first: arrived,
            proof: stamp.proof(),
            fresh: stamp.fresh,
            whole: stamp.whole,
            heard: arrived,
            again: false,
        }
    }

    /// The proven estimate is void: how late this message is cannot be told
    /// from it alone, however it stands to the wall clock.
    pub(super) const fn left_for(self, stamp: Stamp) -> Self {
        Self {
            proof: Proof::None,
            fresh: stamp.fresh || self.fresh,
            again: true,
            ..Self::of(stamp)
        }
    }

    /// What it may have grown to by now.
    pub(super) fn limit_us(&self, now: Mono) -> i64 {
        self.offset_us.saturating_add(drift_us(self.since, now))
    }

    /// The offset events are placed by: never later than they were.
    pub(super) fn placing_us(&self) -> Option<i64> {
        match self.proof {
            Proof::None => None,
            Proof::Right { wall_us } => Some(self.offset_us.min(wall_us)),
            Proof::Agreed => Some(self.offset_us),
        }
    }

    /// Whether a stamp is so far ahead of what is proven that the device's
    /// clock was set forward, or all messages before were slow.
    pub(super) fn is_left_behind(&self, offset_us: i64, now: Mono) -> bool {
        // Nor is one that has not agreed for a minute known any better.
        let loose = self.whole || self.proof != Proof::Agreed;
        let early_us = if loose { WHOLE_SECOND_US } else { 0 };
        let quicker_us = QUICKER_US + early_us + drift_us(self.heard, now);
        let proven = self.placing_us();
        proven.is_some_and(|proven| proven.saturating_sub(offset_us) > quicker_us)
    }
}

fn drift_us(since: Mono, now: Mono) -> i64 {
    let drift_us = now.since(since).0.saturating_mul(DRIFT_PPM) / 1_000_000;
    i64::try_from(drift_us).unwrap_or(0)
}

/// What stands behind a bound.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Proof {
    /// Nothing yet.
    None,
    /// The device's clock is near the trusted wall clock; right as that is, the
    /// offset would be this.
    Right { wall_us: i64 },
    /// Messages far apart agree, or the device's clock was set.
    Agreed,
}
