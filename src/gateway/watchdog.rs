//! The service manager's watchdog: patted by the lane loop after a drained
//! tick and by nothing else, and only while every thread with work
//! outstanding moves. What stands still for `stall_s` is not waited for any
//! longer: the manager is asked to act at once, so that a stuck thread ends in
//! a restart within ten seconds, as a stuck lane loop does by its silence.

use lanegate_core::time::{Micros, Mono};
use tracing::error;

use crate::metrics::{self, Metrics};
use crate::systemd::{self, Notice};

/// A thread whose progress is watched.
#[derive(Clone, Copy, Debug)]
struct Mark {
    done: u64,
    moved_at: Mono,
}

/// What the lane loop tells about itself and the others.
pub(super) struct Watchdog {
    every: Option<Micros>,
    stall: Micros,
    patted_at: Mono,
    lanes: Vec<Mono>,
    threads: Vec<(&'static str, Mark)>,
    stalled: Option<&'static str>,
    /// The driver that turned longest ago.
    driver_turned: Option<Mono>,
    metrics: Metrics,
}

impl Watchdog {
    pub(super) fn new(lanes: usize, stall: Micros, metrics: Metrics, now: Mono) -> Self {
        Self {
            every: systemd::watchdog_every(),
            stall,
            patted_at: now,
            lanes: vec![now; lanes],
            threads: Vec::new(),
            stalled: None,
            driver_turned: None,
            metrics,
        }
    }

    /// A driver's thread turned then.
    pub(super) fn driver(&mut self, turned: Mono, now: Mono) {
        let oldest = self.driver_turned.map_or(turned, |at| at.min(turned));
        self.driver_turned = Some(oldest.min(now));
    }

    /// Thread `name` has done so much and has so much outstanding.
    pub(super) fn thread(&mut self, name: &'static str, done: u64, outstanding: u64, now: Mono) {
        let known = self.threads.iter_mut().find(|(n, _)| *n == name);
        let mark = Mark {
            done,
            moved_at: now,
        };
        match known {
            None => self.threads.push((name, mark)),
            Some((_, old)) if old.done != done || outstanding == 0 => *old = mark,
            Some(_) => {}
        }
    }

    /// Lane `n` has drained a tick. Pats if everything moves and it is time.
    pub(super) fn tick(&mut self, n: usize, now: Mono) {
        if let Some(lane) = self.lanes.get_mut(n) {
            *lane = now;
        }
        let stalled = self.stalled_part(now);
        self.driver_turned = None;
        if stalled != self.stalled {
            if let Some(part) = stalled {
                self.metrics.count(&metrics::STALLS, &[part], 1);
                error!(
                    part,
                    "no progress although there is work: a restart is asked for"
                );
                // It need not wait for a watchdog that was patted just now.
                tell(&Notice::Stalled);
            }
            self.stalled = stalled;
        }
        let due = self
            .every
            .is_some_and(|every| now.since(self.patted_at) >= every);
        if due && stalled.is_none() {
            self.patted_at = now;
            tell(&Notice::Watchdog);
        }
    }

    /// What stands still, if anything does.
    pub(super) fn stalled_part(&self, now: Mono) -> Option<&'static str> {
        let late = |at: Mono| now.since(at) > self.stall;
        if self.lanes.iter().any(|at| late(*at)) {
            return Some("lane");
        }
        if self.driver_turned.is_some_and(late) {
            return Some("driver");
        }
        let thread = self.threads.iter().find(|(_, mark)| late(mark.moved_at));
        thread.map(|(name, _)| *name)
    }
}

fn tell(notice: &Notice) {
    if let Err(why) = systemd::notify(notice) {
        error!(%why, ?notice, "the service manager cannot be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::metrics::testing::{scraped, shows};

    fn dog(lanes: usize) -> Watchdog {
        Watchdog::new(lanes, Micros::from_s(8), Metrics::new([], []), at(0))
    }

    /// Counted once each time it begins, by the part.
    #[test]
    fn a_stall_is_counted_by_what_stands_still() {
        let scrape = scraped(|metrics, _| {
            let mut dog = Watchdog::new(1, Micros::from_s(8), metrics.clone(), at(0));
            for s in 0..30 {
                dog.thread("committer", 5, 1, at(s));
                dog.tick(0, at(s));
            }
            dog.thread("committer", 6, 0, at(30));
            dog.tick(0, at(30));
            dog.driver(at(1), at(31));
            dog.tick(0, at(31));
        });
        shows(&scrape, "lanegate_stalls_total{part=\"committer\"} 1");
        shows(&scrape, "lanegate_stalls_total{part=\"driver\"} 1");
        shows(&scrape, "lanegate_stalls_total{part=\"lane\"} 0");
    }

    fn at(s: u64) -> Mono {
        Mono(s * 1_000_000)
    }

    #[test]
    fn a_thread_with_work_that_does_not_move_is_told() {
        let mut dog = dog(1);
        dog.thread("store", 5, 1, at(0));
        dog.tick(0, at(5));
        assert_eq!(dog.stalled_part(at(5)), None);
        dog.thread("store", 5, 1, at(9));
        dog.tick(0, at(9));
        assert_eq!(dog.stalled_part(at(9)), Some("store"));
        dog.thread("store", 6, 1, at(10));
        dog.tick(0, at(10));
        assert_eq!(dog.stalled_part(at(10)), None);
    }

    #[test]
    fn an_idle_thread_does_not_stall_and_a_silent_lane_does() {
        let mut dog = dog(2);
        dog.thread("committer", 5, 0, at(0));
        dog.thread("committer", 5, 0, at(20));
        dog.tick(0, at(20));
        assert_eq!(dog.stalled_part(at(20)), Some("lane"));
        dog.tick(1, at(20));
        assert_eq!(dog.stalled_part(at(20)), None);
    }
}
