//! The service manager's watchdog: patted by the lane loop after a drained
//! tick and by nothing else, and only while every thread with work
//! outstanding moves. What stands still for `stall_s` is not waited for any
//! longer: the manager is asked to act at once, so that a stuck thread ends in
//! a restart within ten seconds, as a stuck lane loop does by its silence.
//!
//! Every task that loops has its mark (`src/turns.rs`). One that waits for another
//! part is not watched meanwhile, since that one is; nor is a thread that copies
//! files, reads old segments or a socket's client, for whom nobody waits; nor what
//! reads a broker's packets, since its connection is lost then, and made anew.

use lanegate_core::time::{Micros, Mono};
use tracing::error;

use crate::metrics::{self, Metrics};
use crate::systemd::{self, Notice};

/// A lane ticks every second at least; nobody ticking for so long means that
/// the whole thread, and most likely the whole process, stood still.
const SELF_LATE: Micros = Micros::from_s(4);

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
    /// Of what turns all the time, who turned longest ago.
    turned: Vec<(&'static str, Mono)>,
    ticked_at: Mono,
    /// Nobody is late by what passed before: this very thread stood still.
    excused_until: Mono,
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
            turned: Vec::new(),
            ticked_at: now,
            excused_until: now,
            metrics,
        }
    }

    /// What turns all the time, work or not, turned last then: a driver, the
    /// back runtime. To be told before each tick.
    pub(super) fn turned(&mut self, name: &'static str, at: Mono) {
        match self.turned.iter_mut().find(|(n, _)| *n == name) {
            Some((_, oldest)) => *oldest = at.min(*oldest),
            None => self.turned.push((name, at)),
        }
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
        // A process that was stopped as a whole finds everything late.
        if now.since(self.ticked_at) >= SELF_LATE {
            self.excused_until = now;
        }
        self.ticked_at = now;
        let stalled = self.stalled_part(now);
        self.turned.clear();
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
        let late = |at: Mono| now.since(at.max(self.excused_until)) > self.stall;
        if self.lanes.iter().any(|at| late(*at)) {
            return Some("lane");
        }
        if let Some((name, _)) = self.turned.iter().find(|(_, at)| late(*at)) {
            return Some(name);
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
                dog.turned("back", at(s));
                dog.tick(0, at(s));
            }
            dog.thread("committer", 6, 0, at(30));
            dog.tick(0, at(30));
            dog.turned("driver", at(22));
            dog.tick(0, at(31));
        });
        shows(&scrape, "lanegate_stalls_total{part=\"committer\"} 1");
        shows(&scrape, "lanegate_stalls_total{part=\"driver\"} 1");
        shows(&scrape, "lanegate_stalls_total{part=\"lane\"} 0");
        shows(&scrape, "lanegate_stalls_total{part=\"back\"} 0");
    }

    fn at(s: u64) -> Mono {
        Mono(s * 1_000_000)
    }

    #[test]
    fn a_thread_with_work_that_does_not_move_is_told() {
        let mut dog = dog(1);
        for s in 0..=8 {
            dog.thread("store", 5, 1, at(s));
            dog.tick(0, at(s));
            assert_eq!(dog.stalled_part(at(s)), None);
        }
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
        for s in 0..=20 {
            dog.thread("committer", 5, 0, at(s));
            dog.tick(0, at(s));
        }
        assert_eq!(dog.stalled_part(at(20)), Some("lane"));
        dog.tick(1, at(20));
        assert_eq!(dog.stalled_part(at(20)), None);
    }

    #[test]
    fn of_two_drivers_the_slower_one_counts() {
        let mut dog = dog(1);
        for s in 0..=9 {
            dog.tick(0, at(s));
        }
        dog.turned("driver", at(0));
        dog.turned("driver", at(9));
        assert_eq!(dog.stalled_part(at(9)), Some("driver"));
    }

    /// The machine slept, or a debugger held the process: nothing follows
    /// from that about a part, but the next `stall_s` count.
    #[test]
    fn a_process_that_stood_still_as_a_whole_is_given_the_time_again() {
        let mut dog = dog(1);
        dog.thread("store", 5, 1, at(0));
        dog.tick(0, at(0));
        for s in 60..=68 {
            dog.thread("store", 5, 1, at(s));
            dog.turned("driver", at(0));
            dog.tick(0, at(s));
            assert_eq!(dog.stalled, None, "{s}");
        }
        dog.thread("store", 5, 1, at(69));
        dog.turned("driver", at(0));
        dog.tick(0, at(69));
        assert_eq!(dog.stalled, Some("driver"));
    }
}
