//! The play: the world by the real clock on the stage's wires, the daemon
//! beside it, a spectator who sees every step and may act on the daemon.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use firmware_sim::realtime::{self, Arrived, RealtimeWorld, Sent};
use firmware_sim::{Us, World};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::chronicle::Chronicle;
use super::daemon::DaemonUnderTest;
use super::stage::Stage;
use crate::clock::{Stopwatch, wall_now};

/// After the last truck is gone, the records of how passages ended may take
/// this long to arrive.
const SETTLE_US: Us = 10_000_000;
/// Between two looks whether the daemon still runs.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A world with its chronicle.
pub struct Played {
    world: World,
    chronicle: Chronicle,
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

impl Played {
    fn new(world: World) -> Self {
        let chronicle = Chronicle::new(world.lanes(), world.trucks().len(), wall_now());
        Self {
            world,
            chronicle,
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
            self.chronicle.begins(wall_now().plus_ms(-ms));
        }
        RealtimeWorld::advance(&mut self.world, to);
        self.look();
    }

    fn take_output(&mut self) -> Option<Sent> {
        let sent = RealtimeWorld::take_output(&mut self.world)?;
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

    /// A world is done when the last truck is gone and the records say how
    /// every passage ended, or have had their time.
    fn finished(&self) -> bool {
        let waited = self.over.map(|since| self.now.saturating_sub(since));
        waited.is_some_and(|waited| self.chronicle.is_settled() || waited > SETTLE_US)
    }
}

/// Plays `world` on `stage`. The daemon is started once the world listens to
/// the broker, so that its first word is heard; it is left running.
///
/// # Errors
/// If the wires cannot be connected at the start, or break.
pub async fn play(
    world: World,
    stage: &mut Stage,
    daemon: &mut DaemonUnderTest,
    spectator: &mut impl Spectator,
) -> io::Result<(Played, End)> {
    let (stop, stopped) = watch::channel(false);
    let mut director = Director {
        daemon,
        spectator,
        looked: Stopwatch::started(),
        begun: false,
        end: End::Over,
    };
    let mut signals = Signals::listen()?;
    let played = Played::new(world);
    let (ptys, broker) = (stage.take_ptys(), stage.broker());
    let observer = |played: &Played| {
        if !director.step(played) {
            stop.send_replace(true);
        }
    };
    let mut interrupted = false;
    let played = {
        let run = realtime::run(played, ptys, broker, observer, stopped);
        let mut run = std::pin::pin!(run);
        tokio::select! {
            played = &mut run => played?,
            () = signals.any() => {
                interrupted = true;
                stop.send_replace(true);
                run.await?
            }
        }
    };
    let end = if interrupted {
        End::Interrupted
    } else {
        director.end
    };
    Ok((played, end))
}

/// Starts the daemon, sees that it runs, lets the spectator look.
struct Director<'a, S> {
    daemon: &'a mut DaemonUnderTest,
    spectator: &'a mut S,
    looked: Stopwatch,
    begun: bool,
    end: End,
}

impl<S: Spectator> Director<'_, S> {
    /// Whether to go on.
    fn step(&mut self, played: &Played) -> bool {
        match self.act(played) {
            Ok(None) => true,
            Ok(Some(status)) => self.ends(End::DaemonEnded(status)),
            Err(why) => self.ends(End::Failed(why)),
        }
    }

    fn act(&mut self, played: &Played) -> io::Result<Option<ExitStatus>> {
        if !self.begun {
            self.begun = true;
            self.daemon.start()?;
        }
        if self.looked.elapsed() > LOOK_EVERY {
            self.looked = Stopwatch::started();
            if let Some(status) = self.daemon.ended()?
                && !self.spectator.ended(status, self.daemon)?
            {
                return Ok(Some(status));
            }
        }
        self.spectator.see(played, self.daemon)?;
        Ok(None)
    }

    /// The first reason is the one that is kept.
    fn ends(&mut self, end: End) -> bool {
        if matches!(self.end, End::Over) {
            self.end = end;
        }
        false
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
