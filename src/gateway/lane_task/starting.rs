//! All lanes of the controller: made, started, and waited for until each has
//! drained and its outputs are off.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use lanegate_core::lane::Event;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::super::port::{LaneEnds, Port};
use super::super::watchdog::Watchdog;
use super::super::{RunError, devices, drift_watch, pictures, posting};
use super::{LaneTask, SAYS_MAX};
use crate::config::LaneSetup;
use crate::device::Running;
use crate::metrics::queues::{self, Queue, Sender};
use crate::systemd::{self, Notice};

/// The lanes and what the back runtime needs of them.
pub(in crate::gateway) struct Prepared {
    pub(in crate::gateway) tasks: Vec<LaneTask>,
    pub(in crate::gateway) ready: oneshot::Receiver<()>,
    /// SIGTERM and SIGINT, watched before anybody can be answered.
    signals: io::Result<[Signal; 2]>,
}

/// Makes every lane; nothing is opened yet. Within the lanes' runtime.
pub(in crate::gateway) fn prepare(port: &Port) -> Result<(Prepared, LaneEnds), RunError> {
    let (says, said) = queues::channel(Queue::LaneSays, SAYS_MAX);
    let (ready, is_ready) = oneshot::channel();
    let (scales, weighings) = drift_watch::open();
    let mut tasks = Vec::new();
    let mut ends = Vec::new();
    for (n, setup) in port.config.lanes.iter().enumerate() {
        let (task, end) = LaneTask::new(port, n, setup, says.clone(), scales.clone())?;
        tasks.push(task);
        ends.push(end);
    }
    let ends = LaneEnds {
        lanes: ends,
        says: said,
        weighings,
        ready,
    };
    let prepared = Prepared {
        tasks,
        ready: is_ready,
        signals: end_signals(),
    };
    Ok((prepared, ends))
}

/// Runs all lanes on this thread until each has drained and its outputs are
/// off.
pub(in crate::gateway) async fn run(port: &Port, prepared: Prepared) -> Result<(), RunError> {
    let Prepared {
        mut tasks,
        ready,
        signals,
    } = prepared;
    let drivers_stop = CancellationToken::new();
    let set = LocalSet::new();
    let now = port.shared.clock.mono();
    let stall = port.config.controller.stall;
    let metrics = port.shared.metrics.clone();
    let dog = Watchdog::new(tasks.len(), stall, metrics, now);
    let dog = Rc::new(RefCell::new(dog));
    let lanes: Vec<_> = tasks
        .iter()
        .map(|t| (t.setup.clone(), t.events_to.clone()))
        .collect();
    let (mut behind, mut messengers) = start_messengers(port, &lanes, &drivers_stop)?;
    let mut ends = Vec::new();
    for mut task in tasks.drain(..) {
        let around = devices::surroundings(port, task.events_to.clone(), &drivers_stop);
        task.handles = behind.handles.remove(&task.n).unwrap_or_default();
        task.running = devices::start_lines(&task.setup, &around, &mut task.handles)?;
        task.recaptures.clone_from(&behind.recaptures);
        for _ in 0..messengers.len() {
            match messengers.pop_front() {
                Some(r) if devices::is_of(&task.setup, &r.device) => task.running.push(r),
                Some(r) => messengers.push_back(r),
                None => {}
            }
        }
        for driver in &task.running {
            let (device, seen) = (driver.device.clone(), driver.seen.clone());
            port.shared.show_device(device, seen);
        }
        let (port, dog) = (port.clone(), Rc::clone(&dog));
        ends.push(set.spawn_local(async move { task.run(&port, &dog).await }));
    }
    set.spawn_local(watch_signals(port.clone(), signals));
    set.spawn_local(say_ready(ready));
    let broken = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (was_broken, broken_stop) = (Arc::clone(&broken), port.stop.clone());
    let running = set
        .run_until(async move {
            let mut running = Vec::new();
            for end in ends {
                match end.await {
                    Ok(drivers) => running.extend(drivers),
                    Err(why) => {
                        error!(%why, "a lane's loop broke off: stopping, the next start recovers");
                        broken_stop.cancel();
                        broken.store(true, std::sync::atomic::Ordering::SeqCst);
                    }
                }
            }
            running
        })
        .await;
    // Every lane is at rest: boards open their contacts and end.
    drivers_stop.cancel();
    for driver in running {
        driver.ended().await;
    }
    behind.stop.cancel();
    if was_broken.load(std::sync::atomic::Ordering::SeqCst) {
        return Err(RunError::LaneBroke);
    }
    Ok(())
}

/// Starts the devices that come in messages and posts, and opens the folder of
/// their pictures.
fn start_messengers(
    port: &Port,
    lanes: &[(LaneSetup, Sender<Event>)],
    stop: &CancellationToken,
) -> Result<(devices::BehindBroker, VecDeque<Running>), RunError> {
    let pictures = pictures::folder(port)?;
    let mut behind = devices::start_behind_broker(port, lanes, pictures.as_ref(), stop)?;
    let mut running = VecDeque::from(std::mem::take(&mut behind.running));
    running.extend(posting::start(port, lanes, pictures.as_ref(), stop)?);
    Ok((behind, running))
}

async fn say_ready(ready: oneshot::Receiver<()>) {
    if ready.await.is_ok()
        && let Err(why) = systemd::notify(&Notice::Ready)
    {
        error!(%why, "the service manager cannot be told that we are ready");
    }
}

fn end_signals() -> io::Result<[Signal; 2]> {
    Ok([
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    ])
}

/// SIGTERM and SIGINT drain.
async fn watch_signals(port: Port, signals: io::Result<[Signal; 2]>) {
    let [mut term, mut int] = match signals {
        Ok(signals) => signals,
        Err(why) => {
            error!(%why, "signals cannot be watched: the daemon can only be killed");
            return;
        }
    };
    tokio::select! {
        _ = term.recv() => info!("SIGTERM: draining"),
        _ = int.recv() => info!("SIGINT: draining"),
        () = port.stop.cancelled() => {}
    }
    port.stop.cancel();
    if let Err(why) = systemd::notify(&Notice::Stopping) {
        error!(%why, "the service manager cannot be told that we stop");
    }
}
