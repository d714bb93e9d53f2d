//! Threads that move bytes between a line and a sans-IO driver: a serial port or
//! a TCP connection, with one supervision for both.
//!
//! ```text
//!            bytes                     events, waiting for room
//!  port ---------------> Stream/Board ---------------------------> the lane
//!       <---------------              <--------------------------- (commands)
//!        write, cleared
//! ```
//! A port that cannot be opened is tried again with backoff; its device is
//! lost meanwhile, and no other one is disturbed. The driver waits for the
//! lane when the lane is slow: bytes then stay in the kernel.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use lanegate_core::lane::Event;
use lanegate_core::model::{DeviceId, DeviceState};
use lanegate_core::time::{Micros, Mono};
use lanegate_core::wire::sign::Shown;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::board::{Board, BoardCommand};
use super::driver::{Driver, Seen};
use super::link::{Link, Opener};
use super::serial::REOPEN;
use super::sign::SignDriver;
use super::stream::Stream;
use super::why::Why;
use crate::clock::{Backoff, Clock};
use crate::config::Line;
use crate::metrics::queues::{self, Queue, Sender};

/// Commands that wait for the board: a lane gives a handful at a time.
const COMMANDS_MAX: usize = 64;
/// A port that worked this long was a good one.
const GOOD_AFTER: Micros = Micros::from_s(10);
/// The thread turns at least this often, so that its progress mark moves.
const TURN_MAX: Micros = Micros::from_ms(500);
/// At a stop the outputs are off within this, or cannot be reached.
const OFF_MAX: Micros = Micros::from_s(2);

/// A running driver.
#[derive(Debug)]
pub struct Running {
    /// Which device.
    pub device: DeviceId,
    /// How it is.
    pub seen: watch::Receiver<Seen>,
    /// Monotonic time of its last turn in microseconds, for the watchdog.
    pub progress: Arc<AtomicU64>,
    worker: RunsOn,
}

/// What a driver runs on.
#[derive(Debug)]
enum RunsOn {
    Thread(JoinHandle<()>),
    Task(tokio::task::JoinHandle<()>),
}

impl Running {
    pub(super) const fn task(
        device: DeviceId,
        seen: watch::Receiver<Seen>,
        progress: Arc<AtomicU64>,
        task: tokio::task::JoinHandle<()>,
    ) -> Self {
        Self {
            device,
            seen,
            progress,
            worker: RunsOn::Task(task),
        }
    }

    /// Waits for the driver to end; tell it to stop first. A thread that ends
    /// has switched its outputs off, or said that it could not.
    pub async fn ended(self) {
        let ended = match self.worker {
            RunsOn::Thread(thread) => tokio::task::spawn_blocking(move || thread.join())
                .await
                .is_ok_and(|joined| joined.is_ok()),
            RunsOn::Task(task) => task.await.is_ok(),
        };
        if !ended {
            error!(device = %self.device, "the driver panicked");
        }
    }

    /// The driver has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        match &self.worker {
            RunsOn::Thread(thread) => thread.is_finished(),
            RunsOn::Task(task) => task.is_finished(),
        }
    }
}

/// What every driver is given.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The clock.
    pub clock: Clock,
    /// The lane's events.
    pub events: Sender<Event>,
    /// Cancelled to stop.
    pub stop: CancellationToken,
}

/// Where commands to a board are handed in.
#[derive(Clone, Debug)]
pub struct BoardHandle(Sender<BoardCommand>);

impl BoardHandle {
    /// Hands in a command; never waits. False: the board's driver does not
    /// take any (it has ended, or is stuck), so nothing will move.
    #[must_use]
    pub fn command(&self, command: BoardCommand) -> bool {
        self.0.try_send(command).is_ok()
    }
}

/// Where a lane's sign is told what to show.
#[derive(Clone, Debug)]
pub struct SignHandle(Sender<Shown>);

impl SignHandle {
    /// Hands in what is to be shown; never waits. False: its driver takes
    /// nothing.
    #[must_use]
    pub fn show(&self, shown: Shown) -> bool {
        self.0.try_send(shown).is_ok()
    }
}

/// A board's handle, and where its driver takes the commands.
#[must_use]
pub fn board_handle() -> (BoardHandle, mpsc::Receiver<BoardCommand>) {
    let (commands, from_lane) = queues::channel(Queue::BoardCommands, COMMANDS_MAX);
    (BoardHandle(commands), from_lane)
}

/// A sign's handle, and where its driver takes what to show.
#[must_use]
pub fn sign_handle() -> (SignHandle, mpsc::Receiver<Shown>) {
    let (shown, from_lane) = queues::channel(Queue::SignCommands, COMMANDS_MAX);
    (SignHandle(shown), from_lane)
}

/// Starts the thread of a device on a line.
///
/// # Errors
/// The system gives no thread.
pub fn start_stream(stream: Stream, line: Line, around: Surroundings) -> std::io::Result<Running> {
    start(stream, line, around, None)
}

/// Starts the thread of a lane's I/O board. At a stop it opens every contact.
///
/// # Errors
/// The system gives no thread.
pub fn start_board(
    board: Board,
    line: Line,
    around: Surroundings,
) -> std::io::Result<(Running, BoardHandle)> {
    let (handle, from_lane) = board_handle();
    let running = start(board, line, around, Some(from_lane))?;
    Ok((running, handle))
}

/// Starts the thread of a lane's sign.
///
/// # Errors
/// The system gives no thread.
pub fn start_sign(
    sign: SignDriver,
    line: Line,
    around: Surroundings,
) -> std::io::Result<(Running, SignHandle)> {
    let (handle, from_lane) = sign_handle();
    let running = start(sign, line, around, Some(from_lane))?;
    Ok((running, handle))
}

fn start<D: Driver + Send + 'static>(
    driver: D,
    line: Line,
    around: Surroundings,
    commands: Option<mpsc::Receiver<D::Command>>,
) -> std::io::Result<Running> {
    let device = driver.id().clone();
    let (seen, seen_by) = watch::channel(driver.seen());
    let progress = Arc::new(AtomicU64::new(around.clock.mono().0));
    let worker = Worker {
        driver,
        line,
        clock: around.clock,
        events: around.events.clone(),
        stop: around.stop,
        commands,
        backoff: Backoff::new(REOPEN.0, REOPEN.1),
        seen,
        progress: progress.clone(),
        refused: Arc::default(),
        port_said: None,
    };
    let (name, lost) = (device.clone(), device.clone());
    let thread = std::thread::Builder::new()
        .name(format!("port {device}"))
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let ran = runtime.map(|runtime| {
                let work = AssertUnwindSafe(|| runtime.block_on(worker.run()));
                std::panic::catch_unwind(work)
            });
            if !matches!(ran, Ok(Ok(()))) {
                // Nobody else would notice: its age is counted in here.
                error!(device = %name, why = %Why::Driver, "the driver ended: the device is lost");
                around.events.blocking_send(Event::DeviceLost(lost)).ok();
            }
        })?;
    Ok(Running {
        device,
        seen: seen_by,
        progress,
        worker: RunsOn::Thread(thread),
    })
}

/// Why a port is not used any more.
enum Over {
    Lost(Why),
    /// The driver wants it opened anew.
    Reopen,
    Stopped,
}

struct Worker<D: Driver> {
    driver: D,
    line: Line,
    clock: Clock,
    events: Sender<Event>,
    stop: CancellationToken,
    commands: Option<mpsc::Receiver<D::Command>>,
    backoff: Backoff,
    seen: watch::Sender<Seen>,
    progress: Arc<AtomicU64>,
    /// Connections not let in, where the device dials in.
    refused: Arc<AtomicU64>,
    /// What was last logged about the port.
    port_said: Option<Why>,
}

impl<D: Driver> Worker<D> {
    async fn run(mut self) {
        let mut opener = Opener::new(&self.line, self.refused.clone());
        loop {
            let over = match self.meanwhile(opener.open()).await {
                None => return,
                Some(Ok(link)) => self.serve(link).await,
                Some(Err(why)) => Over::Lost(why),
            };
            match over {
                Over::Stopped => return,
                // It was closed before it is opened again.
                Over::Reopen => {}
                Over::Lost(why) => {
                    self.say_lost(&why);
                    let wait = self.backoff.wait().max(why.rest());
                    self.driver.closed(why, self.clock.now());
                    let end = self.clock.mono() + wait;
                    let rest = sleep_until(self.clock.instant(end).into());
                    if self.meanwhile(rest).await.is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// One open port, until it is gone.
    async fn serve(&mut self, mut port: Link) -> Over {
        let opened = self.clock.mono();
        self.driver.opened(self.clock.now());
        self.port_said = None;
        loop {
            if let Err(why) = self.write(&mut port).await {
                return Over::Lost(why);
            }
            self.turn();
            if self.driver.take_reopen() {
                return Over::Reopen;
            }
            if self.clock.mono().since(opened) >= GOOD_AFTER {
                self.backoff.reset();
            }
            if self.is_idle(&port, opened) {
                return Over::Lost(Why::Idle);
            }
            let until = self.clock.instant(self.deadline()).into();
            let waits = self.driver.crowded();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    self.outputs_off(&mut port).await;
                    return Over::Stopped;
                }
                command = next_command(&mut self.commands) => {
                    self.driver.command(command, self.clock.now());
                }
                read = port.read(), if !waits => match read {
                    Ok(len) => self.driver.bytes(port.heard(len), self.clock.now()),
                    Err(why) => return Over::Lost(why),
                },
                room = self.events.clone().reserve_owned(), if self.driver.has_event() => {
                    if let (Ok(room), Some(event)) = (room, self.driver.poll_event()) {
                        room.send(event);
                    } else if self.events.is_closed() {
                        // Nobody decides about this lane any more.
                        self.outputs_off(&mut port).await;
                        return Over::Stopped;
                    }
                }
                () = sleep_until(until) => {}
            }
            self.driver.handle_timeout(self.clock.now());
        }
    }

    /// The device dialled in and says nothing of its protocol.
    fn is_idle(&self, port: &Link, opened: Mono) -> bool {
        let heard = self.seen.borrow().last_frame.unwrap_or(opened).max(opened);
        port.idle()
            .is_some_and(|idle| self.clock.mono().since(heard) >= idle)
    }

    /// Without a line: commands are void, events still go out. None: stop.
    async fn meanwhile<T>(&mut self, over: impl Future<Output = T>) -> Option<T> {
        let mut over = std::pin::pin!(over);
        loop {
            self.turn();
            let until = self.clock.instant(self.deadline()).into();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                done = &mut over => return Some(done),
                command = next_command(&mut self.commands) => {
                    self.driver.command(command, self.clock.now());
                }
                room = self.events.clone().reserve_owned(), if self.driver.has_event() => {
                    if let (Ok(room), Some(event)) = (room, self.driver.poll_event()) {
                        room.send(event);
                    } else if self.events.is_closed() {
                        return None;
                    }
                }
                () = sleep_until(until) => {}
            }
            self.driver.handle_timeout(self.clock.now());
        }
    }

    async fn write(&mut self, port: &mut Link) -> Result<(), Why> {
        while let Some(bytes) = self.driver.poll_transmit(self.clock.now()) {
            if self.driver.clears() {
                port.clear()?;
            }
            port.write(&bytes).await?;
        }
        Ok(())
    }

    /// L11: outputs are off at a stop.
    async fn outputs_off(&mut self, port: &mut Link) {
        if !D::HAS_OUTPUTS {
            return;
        }
        self.driver.outputs_off(self.clock.now());
        let end = self.clock.mono() + OFF_MAX;
        while !self.driver.is_quiet() && self.clock.mono() < end {
            if self.write(port).await.is_err() {
                return;
            }
            self.turn();
            let until = self.clock.instant(self.deadline().min(end)).into();
            tokio::select! {
                read = port.read() => match read {
                    Ok(len) => self.driver.bytes(port.heard(len), self.clock.now()),
                    Err(_) => return,
                },
                () = sleep_until(until) => {}
            }
            self.driver.handle_timeout(self.clock.now());
            // Nobody listens any more, but the queue must not fill.
            while self.driver.poll_event().is_some() {}
        }
        if !self.driver.is_quiet() {
            warn!(device = %self.driver.id(), "outputs could not be switched off: the board does not answer");
        }
    }

    fn deadline(&self) -> Mono {
        let turn = self.clock.mono() + TURN_MAX;
        self.driver.poll_timeout().map_or(turn, |at| at.min(turn))
    }

    /// One turn of the thread: marks its progress and shows how it is.
    fn turn(&mut self) {
        #[cfg(feature = "sim")]
        crate::stuck::thread(self.driver.id().as_str());
        self.progress.store(self.clock.mono().0, Ordering::Relaxed);
        let mut now = self.driver.seen();
        now.counts.strangers = self.refused.load(Ordering::Relaxed);
        let mut before = None;
        self.seen.send_if_modified(|seen| {
            let changed = *seen != now;
            if changed {
                before = Some(seen.state);
                *seen = now.clone();
            }
            changed
        });
        if before.is_some_and(|state| state != now.state) {
            say_state(self.driver.id(), &now);
        }
    }

    /// One line per change, not per try.
    fn say_lost(&mut self, why: &Why) {
        if self.port_said.as_ref() != Some(why) {
            let (device, port) = (self.driver.id(), &self.line);
            warn!(%device, %port, %why, "no port");
            self.port_said = Some(why.clone());
        }
    }
}

/// One line for each change of a device's state.
pub(super) fn say_state(device: &DeviceId, seen: &Seen) {
    match seen.state {
        DeviceState::Ok => info!(%device, "device ok"),
        DeviceState::Late => warn!(%device, why = words(seen), "device late"),
        DeviceState::Lost => warn!(%device, why = words(seen), "device lost"),
    }
}

fn words(seen: &Seen) -> String {
    seen.why.as_ref().map(Why::to_string).unwrap_or_default()
}

/// The next command; for ever pending where there are none.
pub(super) async fn next_command<C>(commands: &mut Option<mpsc::Receiver<C>>) -> C {
    let received = match commands {
        Some(commands) => commands.recv().await,
        None => None,
    };
    match received {
        Some(command) => command,
        None => {
            // The lane is gone: the stop that follows says so.
            *commands = None;
            std::future::pending().await
        }
    }
}

#[cfg(test)]
mod tests;
