//! The play: the world by the real clock on the stage's wires, the daemon
//! beside it, a spectator who sees every step and may act on the daemon.
//!
//! ```text
//! the world listens --> the daemon is started --> trucks pass --> SIGTERM --> the daemon has ended
//!                                                      |             ^
//!                                                      +-- a signal, a failure
//! ```
//! The world goes on while the daemon drains: it has outputs to switch off.

use std::cell::Cell;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use firmware_sim::realtime::{self, Arrived, RealtimeWorld, Sent};
use firmware_sim::{Us, World};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::chronicle::Chronicle;
use super::daemon::{DaemonUnderTest, Stopped};
use super::mishap::Mishaps;
use super::stage::Stage;
use crate::clock::{Stopwatch, wall_now};

/// After the last truck is gone, the records of how passages ended may take
/// this long to arrive.
const SETTLE_US: Us = 10_000_000;
/// Between two looks whether the daemon still runs.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A daemon that was told to stop has this long.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// A world with its chronicle.
pub struct Played {
    world: World,
    chronicle: Chronicle,
    mishaps: Mishaps,
    begun: bool,
    now: Us,
    /// Since when every truck is gone.
    over: Option<Us>,
}

/// Sees every step of a play.
pub trait Spectator {
    /// A step is done.
    ///
    /// # Errors
    /// Ends the play.
    fn see(&mut self, played: &Played, daemon: &mut DaemonUnderTest) -> io::Result<()>;

    /// The daemon has ended by itself; whether that was to be and the play
    /// goes on, with a daemon started again.
    ///
    /// # Errors
    /// Ends the play.
    fn ended(&mut self, _status: ExitStatus, _daemon: &mut DaemonUnderTest) -> io::Result<bool> {
        Ok(false)
    }
}

/// How a play ended.
#[derive(Debug)]
pub enum End {
    /// Every truck is gone.
    Over,
    /// The daemon ended, which nobody had asked it to.
    DaemonEnded(ExitStatus),
    /// A signal to us.
    Interrupted,
    /// The spectator or a wire failed.
    Failed(io::Error),
}

/// A play that is over.
pub struct Ended {
    /// The world as it was left.
    pub played: Played,
    /// How it ended.
    pub end: End,
    /// How the daemon did when it was told to stop.
    pub stopped: Stopped,
}

impl Played {
    fn new(world: World, mishaps: Mishaps) -> Self {
        let chronicle = Chronicle::new(world.lanes(), world.trucks().len(), wall_now());
        Self {
            world,
            chronicle,
            mishaps,
            begun: false,
            now: 0,
            over: None,
        }
    }

    /// The world.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// What became of each truck.
    #[must_use]
    pub const fn chronicle(&self) -> &Chronicle {
        &self.chronicle
    }

    /// The world's present moment.
    #[must_use]
    pub const fn now(&self) -> Us {
        self.now
    }

    /// Whether the last truck is gone and the records say how every passage
    /// ended, or have had their time.
    fn is_over(&self) -> bool {
        let waited = self.over.map(|since| self.now.saturating_sub(since));
        waited.is_some_and(|waited| self.chronicle.is_settled() || waited > SETTLE_US)
    }

    fn look(&mut self) {
        while let Some(fact) = self.world.take_fact() {
            self.chronicle.fact(&fact);
        }
        self.chronicle.follow(self.world.authority().records());
        if self.over.is_none() && self.world.finished() {
            self.over = Some(self.now);
        }
    }
}

impl RealtimeWorld for Played {
    fn next_event(&self) -> Option<Us> {
        RealtimeWorld::next_event(&self.world)
    }

    fn advance(&mut self, to: Us) {
        self.now = to;
        if !self.begun {
            self.begun = true;
            let ms = i64::try_from(to / 1000).unwrap_or(i64::MAX);
            let begun = wall_now().plus_ms(-ms);
            self.chronicle.begins(begun);
            // Setting the stage may have taken longer than clocks may differ.
            self.world.begins_at(begun.0);
        }
        RealtimeWorld::advance(&mut self.world, to);
        self.mishaps.happen(&mut self.world);
        self.look();
    }

    fn take_output(&mut self) -> Option<Sent> {
        let sent = loop {
            let sent = RealtimeWorld::take_output(&mut self.world)?;
            if !self.mishaps.swallow(&sent) {
                break sent;
            }
        };
        match &sent {
            Sent::Serial { port, bytes } => self.chronicle.serial(self.now, port, bytes),
            Sent::Publish { topic, .. } => self.chronicle.published(self.now, topic),
        }
        Some(sent)
    }

    fn input(&mut self, at: Us, arrived: Arrived) {
        self.now = at;
        RealtimeWorld::input(&mut self.world, at, arrived);
        self.look();
    }

    /// Whoever directs the play ends it: the daemon comes first.
    fn finished(&self) -> bool {
        false
    }
}

/// Plays `world` on `stage`. The daemon is started once the world listens to
/// the broker, so that its first word is heard, and stopped at the end.
///
/// # Errors
/// If the wires cannot be connected at the start, or break.
pub async fn play(
    world: World,
    stage: &mut Stage,
    daemon: &mut DaemonUnderTest,
    spectator: &mut impl Spectator,
) -> io::Result<Ended> {
    let (stop, stopped) = watch::channel(false);
    let interrupted = Cell::new(false);
    let mut director = Director {
        daemon,
        spectator,
        looked: Stopwatch::started(),
        stage: Act::Before,
        end: End::Over,
        stopped: Stopped::NotRunning,
    };
    let mut signals = Signals::listen()?;
    let played = {
        let observer = |played: &Played| {
            if !director.step(played, interrupted.get()) {
                stop.send_replace(true);
            }
        };
        let (ptys, broker) = (stage.take_ptys(), stage.broker());
        let played = Played::new(world, stage.take_mishaps());
        let run = realtime::run(played, ptys, broker, observer, stopped);
        let mut run = std::pin::pin!(run);
        loop {
            tokio::select! {
                played = &mut run => break played?,
                () = signals.any() => interrupted.set(true),
            }
        }
    };
    Ok(Ended {
        played,
        end: director.end,
        stopped: director.stopped,
    })
}

/// How far the play is.
enum Act {
    Before,
    Plays,
    /// The daemon was told to stop.
    Stops(Stopwatch),
    Over,
}

/// Starts the daemon, sees that it runs, lets the spectator look, stops it.
struct Director<'a, S> {
    daemon: &'a mut DaemonUnderTest,
    spectator: &'a mut S,
    looked: Stopwatch,
    stage: Act,
    end: End,
    stopped: Stopped,
}

impl<S: Spectator> Director<'_, S> {
    /// Whether the world goes on.
    fn step(&mut self, played: &Played, interrupted: bool) -> bool {
        match self.act(played, interrupted) {
            Ok(()) => {}
            Err(why) => {
                self.end = End::Failed(why);
                self.stage = Act::Over;
            }
        }
        !matches!(self.stage, Act::Over)
    }

    fn act(&mut self, played: &Played, interrupted: bool) -> io::Result<()> {
        match &self.stage {
            Act::Before => {
                self.daemon.start()?;
                self.stage = Act::Plays;
            }
            Act::Plays if interrupted => self.stop(End::Interrupted)?,
            Act::Plays if played.is_over() => self.stop(End::Over)?,
            Act::Plays => self.plays(played)?,
            Act::Stops(since) if since.elapsed() > STOP_WITHIN => {
                self.daemon.kill()?;
                self.stopped = Stopped::Killed;
                self.stage = Act::Over;
            }
            Act::Stops(_) => {
                if let Some(status) = self.look()? {
                    self.stopped = Stopped::Ended(status);
                    self.stage = Act::Over;
                }
            }
            Act::Over => {}
        }
        Ok(())
    }

    fn plays(&mut self, played: &Played) -> io::Result<()> {
        if let Some(status) = self.look()?
            && !self.spectator.ended(status, self.daemon)?
        {
            self.end = End::DaemonEnded(status);
            self.stage = Act::Over;
            return Ok(());
        }
        if let Err(why) = self.spectator.see(played, self.daemon) {
            self.stop(End::Failed(why))?;
        }
        Ok(())
    }

    fn stop(&mut self, end: End) -> io::Result<()> {
        self.end = end;
        self.daemon.terminate()?;
        self.stage = Act::Stops(Stopwatch::started());
        Ok(())
    }

    fn look(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.looked.elapsed() < LOOK_EVERY {
            return Ok(None);
        }
        self.looked = Stopwatch::started();
        self.daemon.ended()
    }
}

/// Signals that end a play.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
