//! The scale drift watch at work: lanes hand over what was weighed, a task of
//! the back runtime remembers it (`lanegate_core::drift`), looks once a minute,
//! and shows each lane how its scale reads. No lane waits for it, and no verdict
//! asks it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lanegate_core::drift::{Drift, Memory, Weighing};
use lanegate_core::model::LaneId;
use lanegate_core::time::Clock;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use self::file::{NAME, read, write};
use super::port::Port;
use crate::metrics::queues::{self, Queue, Sender};
use crate::turns::Beat;

mod file;

/// Weighings that wait for the task; one more is dropped and counted, since a
/// convenience must not hold up a lane.
const WEIGHINGS_MAX: usize = 256;
/// A full memory, 131,072 weighings on 32 lanes, took 2 s to look at in a build
/// without optimisation, on a thread of its own.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Looks between two writings: what a crash forgets is a quarter of an hour.
const WRITE_EVERY: u32 = 15;
/// The file is given this long at a stop.
const LAST_WRITE_MAX: Duration = Duration::from_secs(3);

type Drifts = Arc<BTreeMap<LaneId, Drift>>;
type Weighed = (LaneId, Weighing);

/// A lane's end of it.
#[derive(Clone, Debug)]
pub(crate) struct ScaleWatch {
    to: Sender<Weighed>,
    drifts: watch::Receiver<Drifts>,
}

/// The task's end.
pub(crate) struct Weighings {
    from: mpsc::Receiver<Weighed>,
    drifts: watch::Sender<Drifts>,
}

/// Both.
pub(super) fn open() -> (ScaleWatch, Weighings) {
    let (to, from) = queues::channel(Queue::Weighings, WEIGHINGS_MAX);
    let (shown, drifts) = watch::channel(Drifts::default());
    let weighings = Weighings {
        from,
        drifts: shown,
    };
    (ScaleWatch { to, drifts }, weighings)
}

impl ScaleWatch {
    /// A truck that is gone was weighed.
    pub(super) fn weighed(&self, lane: &LaneId, weighing: Weighing) {
        // Full is counted where it is full; at the stop nobody reads any more.
        drop(self.to.try_send((lane.clone(), weighing)));
    }

    /// How the lane's scale reads, as of the last look.
    pub(super) fn drift(&self, lane: &LaneId) -> Drift {
        let drifts = self.drifts.borrow();
        drifts.get(lane).copied().unwrap_or_default()
    }
}

/// The memory and what became of it since it was last looked at and written.
struct Keeper {
    file: PathBuf,
    memory: Memory,
    /// Something came since the last look.
    is_fresh: bool,
    /// Something came since the file was written.
    is_unwritten: bool,
    /// It could not be written, and that was said.
    is_failing: bool,
    looks: u32,
    /// The hour of the last look: with it the present becomes the past.
    hour: i64,
}

/// Remembers until `stop`, and what lanes said until then.
pub(super) fn spawn(port: &Port, from: Weighings, stop: &CancellationToken) -> JoinHandle<()> {
    tokio::spawn(keep(port.clone(), from, stop.clone()))
}

/// Waits for the last writing.
pub(super) async fn ended(keeping: JoinHandle<()>) {
    if tokio::time::timeout(LAST_WRITE_MAX, keeping).await.is_err() {
        warn!("the memory of the scale drift watch was not written at the stop: the disk is slow");
    }
}

async fn keep(port: Port, mut weighings: Weighings, stop: CancellationToken) {
    let file = port.config.controller.state_dir.join(NAME);
    let mut keeper = Keeper::open(file).await;
    let mut every = tokio::time::interval(LOOK_EVERY);
    let mut beat = Beat::of("drift", &port.shared.turns.drift, port.shared.clock.clone());
    loop {
        beat.turn().await;
        tokio::select! {
            () = beat.due() => {}
            _ = every.tick() => {
                // For a thread that writes.
                beat.waits();
                let now = port.shared.clock.now();
                // What is old and what is ahead cannot be told without a clock.
                if now.clock == Clock::Trusted {
                    keeper.look(now.wall, &weighings.drifts).await;
                }
            }
            Some((lane, weighing)) = weighings.from.recv() => keeper.note(&lane, weighing),
            () = stop.cancelled() => break,
        }
    }
    while let Ok((lane, weighing)) = weighings.from.try_recv() {
        keeper.note(&lane, weighing);
    }
    keeper.write().await;
}

impl Keeper {
    async fn open(file: PathBuf) -> Self {
        let from = file.clone();
        let memory = off_thread(move || read_or_begin(&from)).await;
        Self {
            file,
            memory: memory.unwrap_or_default(),
            is_fresh: true,
            is_unwritten: false,
            is_failing: false,
            looks: 0,
            hour: 0,
        }
    }

    fn note(&mut self, lane: &LaneId, weighing: Weighing) {
        if self.memory.note(lane, weighing) {
            (self.is_fresh, self.is_unwritten) = (true, true);
        } else {
            // Within the month that the lanes of before are remembered.
            tracing::debug!(%lane, "no room for another lane's weighings");
        }
    }

    async fn look(&mut self, now: lanegate_core::time::Wall, to: &watch::Sender<Drifts>) {
        self.looks += 1;
        let hour = now.0 / 3_600_000;
        if self.is_fresh || hour != self.hour {
            (self.is_fresh, self.hour) = (false, hour);
            let mut memory = std::mem::take(&mut self.memory);
            let looked = off_thread(move || {
                memory.forget(now);
                let drifts = memory.drifts(now);
                (memory, drifts)
            });
            if let Some((memory, drifts)) = looked.await {
                self.memory = memory;
                to.send_replace(Arc::new(drifts));
            }
        }
        if self.looks.is_multiple_of(WRITE_EVERY) {
            self.write().await;
        }
    }

    async fn write(&mut self) {
        if !self.is_unwritten {
            return;
        }
        let (file, text) = (self.file.clone(), self.memory.to_text());
        let Some(written) = off_thread(move || write(&file, &text)).await else {
            return;
        };
        self.is_unwritten = written.is_err();
        if let Err(why) = &written
            && !self.is_failing
        {
            let file = self.file.display();
            warn!(%file, %why, "the memory of the scale drift watch is not written: a restart forgets it");
        }
        self.is_failing = written.is_err();
    }
}

fn read_or_begin(file: &Path) -> Memory {
    read(file).unwrap_or_else(|why| {
        let file = file.display();
        warn!(%file, why, "the memory of the scale drift watch cannot be read: it begins anew");
        Memory::default()
    })
}

/// On a thread that may block and take its time.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(why) => {
            error!(%why, "the scale drift watch broke off: it begins anew");
            None
        }
    }
}

#[cfg(test)]
mod tests;
