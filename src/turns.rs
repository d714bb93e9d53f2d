//! When parts without a queue of their own last turned, for the watchdog.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lanegate_core::time::Mono;
use tokio::time::{Interval, interval};

use crate::clock::Clock;

/// A part turns at least this often.
const EVERY: Duration = Duration::from_millis(500);
/// Not running, or waiting for a part that is watched itself.
const NOT_WATCHED: u64 = 0;

/// One part's mark. It is not watched before its first turn, nor after the
/// last clone that was [`begun`](Self::begin) is dropped.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<AtomicU64>);

impl Turns {
    /// The part's own end.
    #[must_use]
    pub fn begin(&self, clock: Clock) -> Turning {
        let turning = Turning {
            mark: self.clone(),
            clock,
        };
        turning.turn();
        turning
    }

    /// When it last turned, while it is to turn.
    #[must_use]
    pub fn last(&self) -> Option<Mono> {
        let at = self.0.load(Ordering::Acquire);
        (at != NOT_WATCHED).then_some(Mono(at))
    }
}

/// Held by the part while it runs.
#[derive(Debug)]
pub struct Turning {
    mark: Turns,
    clock: Clock,
}

impl Turning {
    /// A turn.
    pub fn turn(&self) {
        self.mark.0.store(self.clock.mono().0, Ordering::Release);
    }

    /// From here to the next turn it waits for a part that is watched itself.
    pub fn waits(&self) {
        self.mark.0.store(NOT_WATCHED, Ordering::Release);
    }
}

impl Drop for Turning {
    fn drop(&mut self) {
        self.waits();
    }
}

/// A task's turns: its loop begins with [`turn`](Self::turn), and waits for
/// [`due`](Self::due) beside whatever it waits for.
#[derive(Debug)]
pub struct Beat {
    #[cfg(feature = "sim")]
    part: &'static str,
    turning: Turning,
    every: Interval,
}

impl Beat {
    /// Of the task `part`; must be made within its runtime.
    #[must_use]
    pub fn of(part: &'static str, turns: &Turns, clock: Clock) -> Self {
        #[cfg(not(feature = "sim"))]
        let _ = part;
        Self {
            #[cfg(feature = "sim")]
            part,
            turning: turns.begin(clock),
            every: interval(EVERY),
        }
    }

    /// A turn begins.
    pub async fn turn(&self) {
        self.turning.turn();
        #[cfg(feature = "sim")]
        crate::stuck::task(self.part).await;
    }

    /// It is time for the next one.
    pub async fn due(&mut self) {
        self.every.tick().await;
    }

    /// From here to the next turn it waits for a part that is watched itself.
    pub fn waits(&self) {
        self.turning.waits();
    }
}

/// The marks of what works behind the lanes.
#[derive(Clone, Debug, Default)]
pub struct BackTurns {
    /// The runtime's thread.
    pub back: Turns,
    /// The authority's task on it.
    pub authority: Turns,
    /// The thread of probes and metrics.
    pub pages: Turns,
    /// The thread of devices that post.
    pub push: Turns,
    /// What hands on the notices of store and committer.
    pub told: Turns,
    /// What hears the lanes.
    pub says: Turns,
    /// What keeps the policies.
    pub policy: Turns,
    /// What looks at the disk.
    pub upkeep: Turns,
    /// What watches the scales' drift.
    pub drift: Turns,
    /// The local socket.
    pub socket: Turns,
    /// The connection to the authority's broker.
    pub line: Turns,
    /// The connection to the devices' broker.
    pub devices: Turns,
    /// What hands on the messages of devices behind it.
    pub router: Turns,
}

impl BackTurns {
    /// All of them, by name.
    #[must_use]
    pub const fn all(&self) -> [(&'static str, &Turns); 13] {
        [
            ("back", &self.back),
            ("authority", &self.authority),
            ("pages", &self.pages),
            ("push", &self.push),
            ("told", &self.told),
            ("says", &self.says),
            ("policy", &self.policy),
            ("upkeep", &self.upkeep),
            ("drift", &self.drift),
            ("socket", &self.socket),
            ("line", &self.line),
            ("devices", &self.devices),
            ("router", &self.router),
        ]
    }
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
