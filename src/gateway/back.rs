//! The back runtime: authority and socket. Nothing here is on a lane's
//! way; a lane waits for none of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lanegate_core::model::LaneId;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::authority::{self, AuthorityEnds};
use super::backend::PortBackend;
use super::desk::{Answer, Desk, Intake, Tell};
use super::keeping::Keeping;
use super::pages::{self, PortPages};
use super::port::{LaneCall, LaneEnd, LaneEnds, LaneSays, Port};
use super::sampling::SamplingTold;
use super::telling::count_order;
use super::{RunError, Told, drift_watch, older, policy, socket};
use crate::committer::Notice;
use crate::metrics::queues::{self, Queue, Sender};
use crate::metrics::{Metrics, PrometheusHandle};
use crate::turns::{Beat, Turns};

/// Lanes whose state the authority's task has not yet looked at.
const LANE_CHANGES_MAX: usize = 256;
/// Notices of the store the authority's task has not yet looked at.
const STORE_NOTICES_MAX: usize = 64;
/// The authority's task says its last word within this once the lanes rest.
const AUTHORITY_WITHIN: Duration = Duration::from_secs(3);
/// The watchdog hears of this runtime so often.
const TURN_EVERY: Duration = Duration::from_millis(500);
/// Probes, socket and answers under way end within this.
const SERVERS_WITHIN: Duration = Duration::from_secs(1);

/// The lanes as the back runtime sees them: where their calls go.
#[derive(Clone)]
pub(super) struct Lanes {
    ends: Arc<Vec<LaneEnd>>,
    desk: Arc<Mutex<Desk>>,
    metrics: Metrics,
}

impl Lanes {
    /// The lane of `passage` (`<lane>-<start>-<n>`).
    fn of_passage(&self, passage: &str) -> Option<&LaneEnd> {
        let mut parts = passage.rsplitn(3, '-');
        let lane = parts.nth(2)?;
        self.by_name(lane)
    }

    fn by_name(&self, lane: &str) -> Option<&LaneEnd> {
        self.ends.iter().find(|end| end.lane.as_str() == lane)
    }

    /// Status of every lane.
    pub(super) fn status(&self) -> Vec<Value> {
        self.ends
            .iter()
            .map(|end| end.status.borrow().clone())
            .collect()
    }

    /// Status of one lane.
    pub(super) fn status_of(&self, lane: &LaneId) -> Option<Value> {
        let found = self.ends.iter().find(|end| end.lane == *lane);
        found.map(|end| end.status.borrow().clone())
    }

    fn desk(&self) -> std::sync::MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands an order to its lane; a copy gets the first one's answer.
    pub(super) fn order(&self, order: lanegate_core::model::Order, tell: Tell) {
        let id = order.id.clone();
        let kind = order.kind.as_str();
        let to = self.of_passage(order.passage.as_str());
        self.forward(&id, kind, to, LaneCall::Order(Box::new(order)), tell);
    }

    /// The same for an order about a lane.
    pub(super) fn lane_order(&self, order: lanegate_core::model::LaneOrder, tell: Tell) {
        let id = order.id.clone();
        let kind = order.kind.as_str();
        let to = self.by_name(order.lane.as_str());
        self.forward(&id, kind, to, LaneCall::LaneOrder(Box::new(order)), tell);
    }

    fn forward(
        &self,
        id: &lanegate_core::model::OrderId,
        kind: &str,
        to: Option<&LaneEnd>,
        call: LaneCall,
        tell: Tell,
    ) {
        let mut desk = self.desk();
        if desk.take_in(id, tell) == Intake::Copy {
            return;
        }
        let refused = match to {
            None => Some("no-such-lane"),
            Some(to) => to.calls.try_send(call).is_err().then_some("lane-busy"),
        };
        if let Some(why) = refused {
            let lane = to.map_or("other", |end| end.lane.as_str());
            count_order(&self.metrics, lane, kind, false);
            desk.answer(Answer::refused(id, why));
        }
    }

    fn answered(&self, answer: Answer) {
        self.desk().answer(answer);
    }

    /// Tells all lanes that facts changed.
    pub(super) fn facts_changed(&self, generation: u64) {
        for end in self.ends.iter() {
            let event = lanegate_core::lane::Event::InForceChanged { generation };
            // A lane that is busy judges on fresh facts anyway.
            drop(end.calls.try_send(LaneCall::Event(Box::new(event))));
        }
    }

    /// Tells one lane that a control came late.
    pub(super) fn control_late(&self, late: lanegate_core::ledger::LateControl) {
        let Some(lane) = &late.lane else {
            return;
        };
        let event = lanegate_core::lane::Event::ControlLate {
            passage: late.passage,
            control: late.control,
        };
        if let Some(to) = self.by_name(lane.as_str())
            && to.calls.try_send(LaneCall::Event(Box::new(event))).is_err()
        {
            error!(%lane, "a lane could not be told of a control that came late");
        }
    }
}

/// Runs until `stop`, after the lanes have come to rest.
pub(super) async fn run(
    port: Port,
    ends: LaneEnds,
    scrape: PrometheusHandle,
    told: mpsc::Receiver<Told>,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let result = serve(&port, ends, scrape, told, &stop).await;
    if result.is_err() {
        // Without probes and socket nobody could see or steer the lanes.
        port.stop.cancel();
    }
    result
}

async fn serve(
    port: &Port,
    ends: LaneEnds,
    scrape: PrometheusHandle,
    told: mpsc::Receiver<Told>,
    stop: &CancellationToken,
) -> Result<(), RunError> {
    let remembered = port.shared.committer.view().ledger.order_answers();
    let desk = Desk::remembering(remembered.into_iter().map(|(id, answer)| Answer {
        id,
        accepted: answer.accepted,
        why: answer.why,
    }));
    let statuses = ends.lanes.iter().map(|end| end.status.clone()).collect();
    let lanes = Lanes {
        ends: Arc::new(ends.lanes),
        desk: Arc::new(Mutex::new(desk)),
        metrics: port.shared.metrics.clone(),
    };
    let mut servers = JoinSet::new();
    let pages = PortPages {
        port: port.clone(),
        scrape: scrape.clone(),
        lanes: statuses,
    };
    let paging = pages::serve(pages, stop)?;
    servers.spawn(async { drop(paging.await) });
    let listener = socket::Listener::bind(&port.config.socket).map_err(RunError::Socket)?;
    let backend = Arc::new(PortBackend::new(port.clone(), lanes.clone()));
    let (turns, clock) = (&port.shared.turns, &port.shared.clock);
    let beat = Beat::of("socket", &turns.socket, clock.clone());
    servers.spawn(socket::serve(listener, backend, beat, stop.clone()));
    let (to_authority, from_lanes) = queues::channel(Queue::LaneChanges, LANE_CHANGES_MAX);
    let ends_for_authority = AuthorityEnds {
        lanes: lanes.clone(),
        says: from_lanes,
        told: watch_told(port, told, &lanes, stop),
    };
    let authority = authority::run(port.clone(), ends_for_authority, stop.clone());
    let authority = tokio::spawn(authority);
    let beat = Beat::of("says", &turns.says, clock.clone());
    servers.spawn(hear_lanes(ends.says, lanes, to_authority, beat));
    // From here on SIGHUP is a question, not the end.
    let hangup = signal(SignalKind::hangup())
        .inspect_err(|why| error!(%why, "SIGHUP cannot be watched: no reload"))
        .ok();
    tokio::spawn(policy::keep(port.clone(), hangup, stop.clone()));
    let weighing = drift_watch::spawn(port, ends.weighings, stop);
    tokio::spawn(upkeep(scrape, port.clone(), stop.clone()));
    let turns = port.shared.turns.back.clone();
    tokio::spawn(keep_turning("back", turns, port.clone(), stop.clone()));
    // Whoever waits for readiness is told only now.
    if ends.ready.send(()).is_err() {
        warn!("the lanes ended before the daemon was ready");
    }
    let reading = older::begin(port);
    end_authority(port, authority, stop).await?;
    stop.cancelled().await;
    end_servers(servers).await;
    drift_watch::ended(weighing).await;
    older::ended(reading).await
}

/// Waits for the authority's task: it ends by itself after the stop, when the
/// broker has its last word.
async fn end_authority(
    port: &Port,
    mut authority: JoinHandle<Result<(), RunError>>,
    stop: &CancellationToken,
) -> Result<(), RunError> {
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(AUTHORITY_WITHIN).await;
    };
    tokio::select! {
        joined = &mut authority => match joined {
            Ok(result) => result,
            Err(why) => {
                // No feed, no records, no orders: the next start recovers.
                error!(%why, "the authority's task broke off: stopping");
                port.stop.cancel();
                Ok(())
            }
        },
        () = overdue => {
            warn!("the authority's broker does not take our goodbye; its will says it");
            authority.abort();
            Ok(())
        }
    }
}

/// Waits until whoever is being answered has been, or has had the time.
async fn end_servers(mut servers: JoinSet<()>) {
    let ended = async { while servers.join_next().await.is_some() {} };
    if tokio::time::timeout(SERVERS_WITHIN, ended).await.is_err() {
        warn!("a client of the probes or the socket was still being answered at the stop");
    }
}

/// Store notices go on to the authority's task, which refills the cache;
/// those of the committer are acted on here.
fn watch_told(
    port: &Port,
    mut told: mpsc::Receiver<Told>,
    lanes: &Lanes,
    stop: &CancellationToken,
) -> mpsc::Receiver<crate::store::StoreNotice> {
    let (to, notices) = queues::channel(Queue::StoreNotices, STORE_NOTICES_MAX);
    let (port, lanes, stop) = (port.clone(), lanes.clone(), stop.clone());
    let mut beat = Beat::of("told", &port.shared.turns.told, port.shared.clock.clone());
    tokio::spawn(async move {
        loop {
            beat.turn().await;
            let told = tokio::select! {
                told = told.recv() => told,
                () = beat.due() => continue,
                () = stop.cancelled() => return,
            };
            match told {
                Some(Told::Store(notice)) => {
                    beat.waits();
                    if to.send(notice).await.is_err() {
                        return;
                    }
                }
                Some(Told::Committer(Notice::ControlLate(late))) => lanes.control_late(late),
                Some(Told::Committer(Notice::Fatal(_))) => port.stop.cancel(),
                None => return,
            }
        }
    });
    notices
}

async fn hear_lanes(
    mut says: mpsc::Receiver<LaneSays>,
    lanes: Lanes,
    to: Sender<LaneId>,
    mut beat: Beat,
) {
    loop {
        beat.turn().await;
        let said = tokio::select! {
            said = says.recv() => said,
            () = beat.due() => continue,
        };
        let Some(said) = said else {
            return;
        };
        match said {
            LaneSays::Answer(answer) => lanes.answered(answer),
            // The next change carries the latest state.
            LaneSays::Changed(lane) => drop(to.try_send(lane)),
        }
    }
}

/// Shows that this thread turns: a task that blocks it stops it.
pub(super) async fn keep_turning(
    part: &'static str,
    turns: Turns,
    port: Port,
    stop: CancellationToken,
) {
    let turning = turns.begin(port.shared.clock.clone());
    let mut every = tokio::time::interval(TURN_EVERY);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = stop.cancelled() => return,
        }
        #[cfg(feature = "sim")]
        crate::stuck::thread(part);
        #[cfg(not(feature = "sim"))]
        let _ = part;
        turning.turn();
    }
}

async fn upkeep(scrape: PrometheusHandle, port: Port, stop: CancellationToken) {
    let mut every = tokio::time::interval(std::time::Duration::from_secs(5));
    let mut turns = 0_u64;
    let marks = &port.shared.turns;
    let mut beat = Beat::of("upkeep", &marks.upkeep, port.shared.clock.clone());
    let mut moved = SamplingTold::new(&port);
    let mut keeping = Keeping::new(&port);
    beat.waits();
    keeping.start(&port).await;
    loop {
        beat.turn().await;
        tokio::select! {
            _ = every.tick() => {}
            () = beat.due() => continue,
            () = stop.cancelled() => return,
        }
        // For threads that may copy files for minutes, and for the committer.
        beat.waits();
        scrape.run_upkeep();
        look_at_disk(&port).await;
        // Also while nobody writes and the line is down. Busy: it looks anyway.
        port.shared.committer.look_at_space().ok();
        // The key of the day before is opened although no truck comes.
        port.shared.name_draw_key();
        moved.tell(&port);
        turns += 1;
        if turns.is_multiple_of(12) {
            port.shared.clock.check_mark();
            keeping.minute(&port).await;
        }
    }
}

/// Files are looked at on a thread that may block.
async fn look_at_disk(port: &Port) {
    let dir = port.config.controller.state_dir.join("journal");
    let looked = tokio::task::spawn_blocking(move || crate::journal::usage(&dir)).await;
    let usage = match looked {
        Ok(Ok(usage)) => Some(usage),
        Ok(Err(why)) => {
            warn!(%why, "the journal's directory cannot be looked at");
            None
        }
        Err(why) => {
            error!(%why, "looking at the journal's directory broke off");
            None
        }
    };
    port.shared.sample_journal(usage);
}
