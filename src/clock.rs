//! The only place that reads clocks: a monotonic one for deadlines, the wall
//! clock for windows and records, and whether the wall clock may be believed
//! (DESIGN 3 "Clocks").
//!
//! ```text
//!          heartbeat within 2 s | new mark of the time daemon | rtc = trusted, at start
//! Unknown ---------------------------------------------------------------------------> Trusted
//!    ^                                                                                    |
//!    +--- a step | a heartbeat from our future | confirmation older than `hold` ----------+
//! ```
//! A heartbeat that a broker held up agrees with a clock that is behind by just
//! as much: one that was longer on its way than others of this process, by the
//! monotonic clock, confirms nothing.
//! Behind the last record the clock is unknown too, whatever confirmed it
//! before; only the authority can say that the record was wrong.
//!
//! Absent on purpose: adjtimex. Sandboxes filter it, and virtual machines and
//! containers often say "unsynchronised" for ever.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lanegate_core::skew::Skew;
use lanegate_core::time::{Clock as Trusted, Micros, Mono, Now, Wall};
use tracing::{info, warn};

mod backoff;

pub use backoff::Backoff;

/// The wall clock agrees with the authority's within this.
const AGREE_MS: i64 = 2_000;
/// For so long what a broker kept comes in, on a slow line too.
const KEPT: Micros = Micros::from_s(5);
/// So much quicker than all before, those were held up.
const QUICKER_MS: i64 = 1_000;
/// A change of wall minus monotonic time beyond this is a step. The time
/// daemon steps from 400 ms on and slews below.
const STEP_US: i64 = 250_000;
/// What slewing may add to that, in millionths (the kernel's limit is 500).
const SLEW_PPM: u64 = 1_000;
/// After this long the reference follows what slewing did.
const FOLLOW: Micros = Micros::from_s(60);
/// The two clocks are read within this, or again.
const BRACKET: Micros = Micros::from_ms(20);
/// Readings tried for one that fits the bracket.
const BRACKET_N_MAX: u32 = 4;
/// Monotonic time at the start of the process: a device's event of a moment
/// before our start still has a place on it.
const START: Mono = Mono(3_600_000_000);
/// No confirmation.
const NEVER: u64 = 0;

/// What is configured about time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClockConfig {
    /// The machine has a battery clock that may be believed at start.
    pub rtc_trusted: bool,
    /// The file the time daemon touches when it has set the clock.
    pub mark: Option<PathBuf>,
    /// How long a confirmation holds.
    pub hold: Micros,
}

/// What a heartbeat says about the wall clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Agreement {
    /// Within two seconds: the clock is confirmed.
    Agrees,
    /// Sent longer ago: late, or our clock is ahead, or it may have waited at the
    /// broker; it proves nothing, the age of the cache included.
    Behind,
    /// Sent in our future, which cannot be: trust is withdrawn, as it is by one
    /// that is [`Self::Behind`] and would be ahead.
    Ahead,
}

/// Whether the wall clock may be believed: readings in, an answer out. Reads
/// no clock itself, and may be asked from any thread; asking takes no lock.
#[derive(Debug)]
pub struct Trust {
    hold: Micros,
    /// Wall minus monotonic time when last confirmed or followed.
    reference_us: AtomicI64,
    /// Monotonic time of that.
    reference_at: AtomicU64,
    /// Monotonic time of the last confirmation; [`NEVER`] = none since a step.
    confirmed_at: AtomicU64,
    /// Time of the latest record.
    recorded_ms: AtomicI64,
    /// Steps seen while the clock was trusted.
    steps: AtomicU64,
    /// The authority's clock, by its heartbeats; nobody asks it but they.
    authority: Mutex<Skew>,
    /// Until then what is heard may have waited at the broker for any time.
    kept_until: AtomicU64,
}

/// A heartbeat's way beside the quickest before it; one of both is 0.
struct Way {
    late_ms: i64,
    quicker_ms: i64,
}

impl Trust {
    /// Nothing confirmed yet; a confirmation will hold for `hold`.
    #[must_use]
    pub const fn new(hold: Micros) -> Self {
        Self {
            hold,
            reference_us: AtomicI64::new(0),
            reference_at: AtomicU64::new(0),
            confirmed_at: AtomicU64::new(NEVER),
            recorded_ms: AtomicI64::new(i64::MIN),
            steps: AtomicU64::new(0),
            authority: Mutex::new(Skew::prompt()),
            kept_until: AtomicU64::new(0),
        }
    }

    /// Someone vouches for the wall clock as it reads now.
    pub fn confirm(&self, mono: Mono, wall: Wall) {
        self.reference_us
            .store(offset_us(mono, wall), Ordering::SeqCst);
        self.reference_at.store(mono.0, Ordering::SeqCst);
        self.confirmed_at
            .store(mono.0.max(NEVER + 1), Ordering::SeqCst);
    }

    /// Trust is gone until the next confirmation.
    pub fn withdraw(&self) {
        self.confirmed_at.store(NEVER, Ordering::SeqCst);
    }

    /// The broker kept a session of ours, and hands out now what waited in it.
    /// Where no heartbeat was heard before, none of these tells how late it is.
    pub fn resumed(&self, mono: Mono) {
        if !self.authority().is_known() {
            self.kept_until.store((mono + KEPT).0, Ordering::SeqCst);
        }
    }

    /// A heartbeat of the authority, sent at `sent` by its clock, is here.
    pub fn heartbeat(&self, sent: Wall, mono: Mono, wall: Wall) -> Agreement {
        let kept = mono.0 < self.kept_until.load(Ordering::SeqCst);
        let way = self.way(sent, mono);
        if kept && way.quicker_ms > QUICKER_MS {
            // Those before were held up, so this one may be too.
            self.kept_until.store((mono + KEPT).0, Ordering::SeqCst);
        }
        let held_up = kept || way.late_ms > AGREE_MS;
        // What the authority's clock reads now, at least.
        let ahead_ms = (sent - wall).saturating_add(way.late_ms);
        if ahead_ms > AGREE_MS {
            self.withdraw();
        }
        if held_up || ahead_ms < -AGREE_MS {
            return Agreement::Behind;
        }
        if ahead_ms > AGREE_MS {
            return Agreement::Ahead;
        }
        // The authority knows the time; a record from later was stamped wrongly.
        self.recorded_ms.fetch_min(wall.0, Ordering::SeqCst);
        self.confirm(mono, wall);
        Agreement::Agrees
    }

    /// How long a heartbeat was on its way beside the quickest before it.
    fn way(&self, sent: Wall, mono: Mono) -> Way {
        let mut authority = self.authority();
        let (late, quicker) = (
            authority.later_by(sent, mono),
            authority.quicker_by(sent, mono),
        );
        authority.heartbeat(sent, mono, None);
        let ms = |by: Micros| i64::try_from(by.as_ms()).unwrap_or(i64::MAX);
        Way {
            late_ms: ms(late),
            quicker_ms: ms(quicker),
        }
    }

    fn authority(&self) -> MutexGuard<'_, Skew> {
        self.authority
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A record bears this time; an earlier clock is not to be believed.
    pub fn recorded(&self, at: Wall) {
        self.recorded_ms.fetch_max(at.0, Ordering::SeqCst);
    }

    /// Whether `wall`, read together with `mono`, may be believed. A step is
    /// noticed here.
    pub fn judge(&self, mono: Mono, wall: Wall) -> Trusted {
        let confirmed_at = self.confirmed_at.load(Ordering::SeqCst);
        if confirmed_at == NEVER {
            return Trusted::Unknown;
        }
        let reference_us = self.reference_us.load(Ordering::SeqCst);
        let age = mono.since(Mono(self.reference_at.load(Ordering::SeqCst)));
        let slewed_us = i64::try_from(age.0.min(FOLLOW.0 * 2).saturating_mul(SLEW_PPM) / 1_000_000)
            .unwrap_or(i64::MAX);
        let offset_us = offset_us(mono, wall);
        let moved_us = offset_us.saturating_sub(reference_us).saturating_abs();
        if moved_us > STEP_US.saturating_add(slewed_us) {
            // Only the trust that was looked at is withdrawn: a confirmation
            // that came meanwhile knows of the step.
            let gone = self.confirmed_at.compare_exchange(
                confirmed_at,
                NEVER,
                Ordering::SeqCst,
                Ordering::SeqCst,
            );
            if gone.is_ok() {
                self.steps.fetch_add(1, Ordering::Relaxed);
            }
            return Trusted::Unknown;
        }
        if age > FOLLOW {
            self.follow(reference_us, offset_us, mono);
        }
        let held = mono.since(Mono(confirmed_at)) <= self.hold;
        let after_records = wall.0 >= self.recorded_ms.load(Ordering::SeqCst);
        if held && after_records {
            Trusted::Trusted
        } else {
            Trusted::Unknown
        }
    }

    /// Steps of the wall clock seen while it was trusted.
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    fn follow(&self, was_us: i64, now_us: i64, mono: Mono) {
        let followed =
            self.reference_us
                .compare_exchange(was_us, now_us, Ordering::SeqCst, Ordering::SeqCst);
        if followed.is_ok() {
            self.reference_at.fetch_max(mono.0, Ordering::SeqCst);
        }
    }
}

fn offset_us(mono: Mono, wall: Wall) -> i64 {
    let mono_us = i64::try_from(mono.0).unwrap_or(i64::MAX);
    wall.0.saturating_mul(1000).saturating_sub(mono_us)
}

/// The process's clocks; clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    started: Instant,
    trust: Trust,
    mark: Option<PathBuf>,
    /// When the mark was last touched, as far as looked at. Not on a lane's path.
    marked: Mutex<Option<SystemTime>>,
}

impl Clock {
    /// Starts to count. `last_record` is the time of the journal's last record.
    #[must_use]
    pub fn start(config: ClockConfig, last_record: Option<Wall>) -> Self {
        let clock = Self(Arc::new(Inner {
            started: instant(),
            trust: Trust::new(config.hold),
            mark: config.mark,
            marked: Mutex::new(None),
        }));
        if let Some(at) = last_record {
            clock.0.trust.recorded(at);
        }
        if config.rtc_trusted {
            let (mono, wall) = clock.read();
            clock.0.trust.confirm(mono, wall);
        }
        clock.check_mark();
        clock
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Now {
        let (mono, wall) = self.read();
        let clock = self.0.trust.judge(mono, wall);
        Now { mono, wall, clock }
    }

    /// The monotonic clock alone.
    #[must_use]
    pub fn mono(&self) -> Mono {
        self.mono_of(instant())
    }

    /// `at` for the runtime's timers.
    #[must_use]
    pub fn instant(&self, at: Mono) -> Instant {
        self.0.started + Duration::from_micros(at.since(START).0)
    }

    /// A heartbeat of the authority, sent at `sent` by its clock, is here.
    pub fn heartbeat(&self, sent: Wall) -> Agreement {
        let (mono, wall) = self.read();
        let was = self.0.trust.judge(mono, wall);
        let agreement = self.0.trust.heartbeat(sent, mono, wall);
        match agreement {
            Agreement::Agrees if was == Trusted::Unknown => {
                info!("the authority confirms the wall clock");
            }
            Agreement::Ahead => warn!(
                ours = %wall, authority = %sent,
                "the wall clock is behind the authority's: windows are unknown until they agree"
            ),
            Agreement::Agrees | Agreement::Behind => {}
        }
        agreement
    }

    /// The authority's broker kept a session of ours.
    pub fn resumed(&self) {
        self.0.trust.resumed(self.read().0);
    }

    /// A record bears this time.
    pub fn recorded(&self, at: Wall) {
        self.0.trust.recorded(at);
    }

    /// Looks whether the time daemon has touched its mark since the last
    /// look. To be called about once a minute; reads the file system.
    pub fn check_mark(&self) {
        let Some(path) = &self.0.mark else {
            return;
        };
        let Ok(touched) = std::fs::metadata(path).and_then(|m| m.modified()) else {
            return;
        };
        let mut marked = self.0.marked.lock().unwrap_or_else(PoisonError::into_inner);
        // A mark from before a step says nothing about the time after it.
        if marked.replace(touched) != Some(touched) {
            let (mono, wall) = self.read();
            self.0.trust.confirm(mono, wall);
        }
    }

    /// Steps of the wall clock seen while it was trusted.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.0.trust.steps()
    }

    /// Both clocks at one moment: a pause between the two reads would look
    /// like a step.
    fn read(&self) -> (Mono, Wall) {
        let mut before = instant();
        let mut wall = wall();
        for _ in 1..BRACKET_N_MAX {
            let after = instant();
            if after.duration_since(before) <= Duration::from_micros(BRACKET.0) {
                break;
            }
            before = after;
            wall = self::wall();
        }
        (self.mono_of(before), wall)
    }

    fn mono_of(&self, at: Instant) -> Mono {
        let passed = at.saturating_duration_since(self.0.started).as_micros();
        START + Micros(u64::try_from(passed).unwrap_or(u64::MAX))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is clock.rs")]
fn instant() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "this is clock.rs")]
fn wall() -> Wall {
    let ms = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    };
    Wall(ms)
}

#[cfg(test)]
mod tests;

/// The wall clock, believed or not: for numbers of orders and for simulated
/// devices, never for a deadline or a window.
#[must_use]
pub fn wall_now() -> Wall {
    wall()
}

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this module reads the clocks")]
    pub fn started() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The time a processor has worked for this thread: what else the machine does
/// is not in it.
#[must_use]
pub fn worked() -> Duration {
    let at = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(at).unwrap_or_default()
}
