//! How old the cache is and whether the line to the authority is up (DESIGN 3
//! "Clocks"): sans-IO, filled into the facts of every case.
//!
//! The age is monotonic time since the last heartbeat of what is applied; a
//! gap in the feed ages the cache although heartbeats come. The line has
//! hysteresis: down at once when the connection is lost or silent, up again
//! only after a run of heartbeats.

use lanegate_core::model::{Facts, Link};
use lanegate_core::time::{Clock, Micros, Mono, Now, Wall};

/// Without a heartbeat for this long the line counts as down; the authority
/// sends one every 5 s.
const SILENT: Micros = Micros::from_s(16);
/// Heartbeats in a row after which it counts as up.
const RUN: u32 = 2;
/// A `feed` record at least this often while heartbeats come, so that the age
/// is known after a restart.
const RECORD_EVERY: Micros = Micros::from_s(60);

/// What is known of the cache's freshness.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Freshness {
    /// When the last heartbeat of what is applied came.
    current_at: Option<Mono>,
    /// The authority's time of the last one before this start.
    heard_before: Option<Wall>,
    run: u32,
    connected: bool,
    recorded_at: Option<Mono>,
}

impl Freshness {
    /// After a start: the last heartbeat on record, if any.
    #[must_use]
    pub const fn new(heard_before: Option<Wall>) -> Self {
        Self {
            current_at: None,
            heard_before,
            run: 0,
            connected: false,
            recorded_at: None,
        }
    }

    /// A heartbeat of what is applied came. True: put it on record.
    pub fn current(&mut self, now: Mono) -> bool {
        let silent = self.current_at.is_none_or(|at| now.since(at) > SILENT);
        self.connected = true;
        self.run = if silent {
            1
        } else {
            self.run.saturating_add(1)
        };
        self.current_at = Some(now);
        let due = self
            .recorded_at
            .is_none_or(|at| now.since(at) >= RECORD_EVERY);
        if due {
            self.recorded_at = Some(now);
        }
        due
    }

    /// A file was brought in that was right at `as_of`.
    pub fn heard(&mut self, as_of: Wall) {
        self.heard_before = self.heard_before.max(Some(as_of));
    }

    /// The connection is lost.
    pub const fn disconnected(&mut self) {
        self.connected = false;
        self.run = 0;
    }

    /// Whether the line is up.
    #[must_use]
    pub fn link(&self, now: Mono) -> Link {
        let heard = self.current_at.is_some_and(|at| now.since(at) <= SILENT);
        if self.connected && heard && self.run >= RUN {
            Link::Up
        } else {
            Link::Down
        }
    }

    /// The cache's age in seconds; none = unknown.
    #[must_use]
    pub fn age_s(&self, now: Now) -> Option<u32> {
        if let Some(at) = self.current_at {
            let s = now.mono.since(at).as_ms() / 1000;
            return Some(u32::try_from(s).unwrap_or(u32::MAX));
        }
        let heard = self.heard_before.filter(|_| now.clock == Clock::Trusted)?;
        // A heartbeat from our future proves nothing about the age.
        let ms = u64::try_from(now.wall - heard).ok()?;
        Some(u32::try_from(ms / 1000).unwrap_or(u32::MAX))
    }

    /// Fills age and line into `facts`.
    pub fn fill(&self, facts: &mut Facts, now: Now) {
        facts.cache_age_s = self.age_s(now);
        facts.link = Some(self.link(now.mono));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(s: u64, clock: Clock) -> Now {
        Now {
            mono: Mono(s * 1_000_000),
            wall: Wall(1_000_000_000_000 + i64::try_from(s).unwrap() * 1000),
            clock,
        }
    }

    #[test]
    fn the_age_counts_from_the_last_heartbeat_on_the_monotonic_clock() {
        let mut f = Freshness::new(None);
        assert_eq!(f.age_s(now(5, Clock::Trusted)), None);
        f.current(Mono(5_000_000));
        let mut late = now(65, Clock::Unknown);
        late.wall = Wall(0);
        assert_eq!(f.age_s(late), Some(60));
    }

    #[test]
    fn after_a_start_the_age_needs_a_trusted_clock() {
        let before = now(0, Clock::Trusted).wall.plus_s(-100);
        let f = Freshness::new(Some(before));
        assert_eq!(f.age_s(now(20, Clock::Trusted)), Some(120));
        assert_eq!(f.age_s(now(20, Clock::Unknown)), None);
        let ahead = Freshness::new(Some(now(50, Clock::Trusted).wall));
        assert_eq!(ahead.age_s(now(20, Clock::Trusted)), None);
    }

    #[test]
    fn the_line_goes_down_at_once_and_up_after_a_run() {
        let mut f = Freshness::new(None);
        f.current(Mono(0));
        assert_eq!(f.link(Mono(0)), Link::Down);
        f.current(Mono(5_000_000));
        assert_eq!(f.link(Mono(5_000_000)), Link::Up);
        assert_eq!(f.link(Mono(22_000_000)), Link::Down);
        f.current(Mono(30_000_000));
        assert_eq!(f.link(Mono(30_000_000)), Link::Down);
        f.current(Mono(35_000_000));
        assert_eq!(f.link(Mono(35_000_000)), Link::Up);
        f.disconnected();
        assert_eq!(f.link(Mono(35_000_001)), Link::Down);
    }

    #[test]
    fn a_heartbeat_is_put_on_record_once_a_minute() {
        let mut f = Freshness::new(None);
        let recorded = (0..60).filter(|n| f.current(Mono(n * 5_000_000))).count();
        assert_eq!(recorded, 5);
    }
}
