//! When parts without a queue of their own last turned, for the watchdog.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lanegate_core::time::Mono;

use crate::clock::Clock;

/// Not running, or waiting for a part that is watched itself.
const NOT_WATCHED: u64 = 0;

/// One part's mark. It is not watched before its first turn, nor after the
/// last clone that was [`begun`](Self::begin) is dropped.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<AtomicU64>);

impl Turns {
    /// The part's own end.
    pub(super) fn begin(&self, clock: Clock) -> Turning {
        let turning = Turning {
            mark: self.clone(),
            clock,
        };
        turning.turn();
        turning
    }

    /// When it last turned, while it is to turn.
    pub(super) fn last(&self) -> Option<Mono> {
        let at = self.0.load(Ordering::Acquire);
        (at != NOT_WATCHED).then_some(Mono(at))
    }
}

/// Held by the part while it runs.
#[derive(Debug)]
pub(super) struct Turning {
    mark: Turns,
    clock: Clock,
}

impl Turning {
    /// A turn.
    pub(super) fn turn(&self) {
        self.mark.0.store(self.clock.mono().0, Ordering::Release);
    }

    /// From here to the next turn it waits for a part that is watched itself.
    pub(super) fn waits(&self) {
        self.mark.0.store(NOT_WATCHED, Ordering::Release);
    }
}

impl Drop for Turning {
    fn drop(&mut self) {
        self.waits();
    }
}

/// The marks of what works behind the lanes.
#[derive(Clone, Debug, Default)]
pub(super) struct BackTurns {
    /// The runtime's thread.
    pub(super) back: Turns,
    /// The authority's task on it.
    pub(super) authority: Turns,
    /// The thread of probes and metrics.
    pub(super) pages: Turns,
}

#[cfg(test)]
mod tests {
    use lanegate_core::time::Micros;

    use super::*;
    use crate::clock::ClockConfig;

    #[test]
    fn a_part_is_watched_from_its_first_turn_to_its_end_but_not_while_it_waits_for_another() {
        let config = ClockConfig {
            rtc_trusted: false,
            mark: None,
            hold: Micros::from_s(1),
        };
        let clock = Clock::start(config, None);
        let turns = Turns::default();
        assert_eq!(turns.last(), None);
        let before = clock.mono();
        let turning = turns.begin(clock);
        assert!(turns.last() >= Some(before));
        turning.waits();
        assert_eq!(turns.last(), None);
        turning.turn();
        assert!(turns.last() >= Some(before));
        drop(turning);
        assert_eq!(turns.last(), None);
    }
}
