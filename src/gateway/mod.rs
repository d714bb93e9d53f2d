//! The daemon: the only module that knows all others. Builds tasks, threads
//! and queues, runs, drains.
//!
//! ```text
//!  port threads --bytes--> lanes' runtime (this thread): drivers, lane machines, actuators
//!                            |  LookUp            |  Commit, Note          | lane state, answers
//!                            v                    v                        v
//!                          store thread        committer thread         back runtime (a thread):
//!                            (sled)             (journal, fdatasync)      authority, http, socket
//! ```
//!
//! Lanes never wait for the disk, a scrape, a broker or sled: every queue is
//! bounded, and each has its rule for when it is full.

mod arm_watch;
mod authority;
mod back;
mod backend;
mod desk;
mod devices;
mod drift_watch;
mod gauges;
mod keeping;
mod lane_task;
mod older;
mod overlay;
mod own_thread;
mod pages;
mod pictures;
mod policy;
mod port;
mod posting;
mod room;
mod sampling;
mod signs;
pub mod socket;
mod status;
mod telling;
mod watchdog;

pub use desk::{Answer, Desk, Intake, Tell};
pub use policy::Files;
pub(crate) use policy::back_to;

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lanegate_core::ledger::Ledger;
use lanegate_core::time::Wall;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::claims::LocalClaims;
use crate::clock::{Clock, ClockConfig, Stopwatch};
use crate::committer::{
    Committer, CommitterHandle, Configured, Gatekeeper, Notice, OpenError, Opened, Options,
};
use crate::config::Config;
use crate::draws::{DayKeys, SeedError};
use crate::journal::{Disk, KeyError, RealDisk, Torn, is_full};
use crate::metrics::queues::{self, Queue, Sender};
use crate::metrics::{InstallError, Metrics, PrometheusHandle};
use crate::store::{DiskOptions, SledMedium, SledStore, StoreHandle, StoreThread};

use overlay::Overlay;
use policy::PolicyDesk;
use port::{Port, PortShared};

/// Requests the committer may have waiting: what its own limit allows.
const COMMITTER_QUEUE_MAX: usize = crate::committer::QUEUE_LEN_MAX;
/// Memory for sled's pages; the indexes are apart.
const STORE_CACHE_BYTES: u64 = 32 << 20;
/// The committer is given this long to take the last request.
const STOP_MAX: Duration = Duration::from_secs(5);
/// Records looked at for the latest time on record.
const LAST_RECORDS: u64 = 64;
/// Set aside for records that a full disk must still take: a truck that is
/// held, leaves and is seen leaving takes about 6 KiB, so more than a thousand
/// of them, with starts, stops and what the arms do. Less than the least floor
/// a configuration may have (16 MiB): giving it back never looks like room.
const RESERVE_BYTES: u64 = 8 << 20;
/// Notices of store and committer that may wait for the back runtime.
const NOTICES_MAX: usize = 1024;

/// Why the daemon did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The state directory is another process's, or cannot be used.
    #[error("the state directory {path} cannot be used")]
    StateDir {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another daemon holds it.
    #[error(
        "the state directory {0} is in use by another lanegate; ask that one (lanegate status), or stop it first"
    )]
    InUse(String),
    /// The journal.
    #[error("the journal cannot be opened")]
    Journal(#[source] OpenError),
    /// The journal failed while running.
    #[error("the journal failed: {0}; the next start recovers")]
    JournalFailed(String),
    /// Damage in front of what the start needed, found while running.
    #[error("the journal is damaged before the records this start needed")]
    JournalDamaged(#[source] crate::journal::JournalError),
    /// A thread or a runtime.
    #[error("the system refuses {what}")]
    System {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A lane's loop ended where it must not.
    #[error("a lane's loop broke off, see the log; outputs are off, the next start recovers")]
    LaneBroke,
    /// Metrics.
    #[error("metrics cannot be set up")]
    Metrics(#[source] InstallError),
    /// The probes' address.
    #[error("probes and metrics")]
    Http(#[source] crate::http::HttpError),
    /// The folder of pictures.
    #[error("the pictures of cameras cannot be kept in {path} (pictures.dir)")]
    Pictures {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The listener for posts.
    #[error("devices that post")]
    Push(#[source] crate::http::HttpError),
    /// The local socket.
    #[error("the local socket")]
    Socket(#[source] socket::SocketError),
    /// A broker's configuration.
    #[error("broker of {peer}: {why}")]
    Broker {
        /// Which.
        peer: &'static str,
        /// Why.
        why: String,
    },
    /// The policy on record.
    #[error(
        "the policy in force ({version}) cannot be read by this program: {faults}; put another in force: lanegate policy activate FILE --config CONFIG"
    )]
    Policy {
        /// Which.
        version: String,
        /// Every fault.
        faults: String,
    },
    /// The checkpoints' key.
    #[error("the key that signs checkpoints")]
    Checkpoint(#[source] KeyError),
    /// The draw's keys.
    #[error("the keys of the random draw")]
    Draw(#[source] SeedError),
    /// A device's configuration.
    #[error("device {device}: {why}")]
    Device {
        /// Which.
        device: String,
        /// Why.
        why: String,
    },
}

impl RunError {
    /// The exit code that says it (FORMATS 1).
    #[must_use]
    pub fn exit(&self) -> u8 {
        let code = |mistake| if mistake { 78 } else { 74 };
        match self {
            Self::Broker { .. } | Self::Device { .. } | Self::Policy { .. } => 78,
            Self::Draw(why) => code(why.is_mistake()),
            Self::Checkpoint(why) => code(why.is_mistake()),
            Self::StateDir { .. }
            | Self::InUse(_)
            | Self::Journal(_)
            | Self::JournalFailed(_)
            | Self::JournalDamaged(_)
            | Self::LaneBroke
            | Self::System { .. }
            | Self::Metrics(_)
            | Self::Socket(_)
            | Self::Http(_)
            | Self::Pictures { .. }
            | Self::Push(_) => 74,
        }
    }

    /// Whether the start only lacks room on a disk.
    fn is_full(&self) -> bool {
        match self {
            Self::StateDir { source, .. }
            | Self::Pictures { source, .. }
            | Self::Checkpoint(KeyError::Own { source, .. }) => is_full(source.kind()),
            Self::Journal(why) => why.is_full(),
            Self::Broker { .. }
            | Self::Device { .. }
            | Self::Policy { .. }
            | Self::Draw(_)
            | Self::Checkpoint(KeyError::Unread { .. } | KeyError::NoKey)
            | Self::InUse(_)
            | Self::JournalFailed(_)
            | Self::JournalDamaged(_)
            | Self::LaneBroke
            | Self::System { .. }
            | Self::Metrics(_)
            | Self::Socket(_)
            | Self::Http(_)
            | Self::Push(_) => false,
        }
    }
}

/// What the threads tell the back runtime.
#[derive(Debug)]
pub(crate) enum Told {
    Store(crate::store::StoreNotice),
    Committer(Notice),
}

/// Runs the daemon until SIGTERM or SIGINT, then drains.
///
/// # Errors
/// See [`RunError`]; nothing was moved if it could not start.
pub fn run(config: Config, files: Files) -> Result<(), RunError> {
    let (metrics, scrape) = install_metrics(&config)?;
    let clock = Clock::start(clock_config(&config), None);
    let (mut gatekeeper, opened) = room::awaited(&config.controller.state_dir, || {
        // One owner per state directory, taken before anything else is touched.
        let disk = own(&config.controller.state_dir.join("journal"))?;
        make_folder(&config)?;
        open_journal(disk, &config, &files, &clock)
    })?;
    if let Some(at) = recorded_at(&mut gatekeeper) {
        clock.recorded(at);
    }
    say_opened(&opened, config.journal.keep_days);
    let (told, tells) = queues::channel(Queue::Notices, NOTICES_MAX);
    let ledger = gatekeeper.ledger().clone();
    let policy = Arc::new(PolicyDesk::new(files, ledger.policies(), clock.now())?);
    metrics.classes(policy.classes());
    let draws = open_draws(&config, &ledger)?;
    let failed = Arc::new(AtomicBool::new(false));
    let durable = Arc::new(Notify::new());
    let hooks = status::CommitHooks::new(metrics.clone(), clock.clone(), durable.clone());
    let (committer, handle) = spawn_committer(gatekeeper, hooks, told.clone(), &failed)?;
    let shared = PortShared::new(clock, handle, metrics, durable, draws, &ledger);
    let claims = LocalClaims::new(config.controller.id.clone());
    let (store, store_thread) = spawn_store(&config, &shared, &claims, told)?;
    let port = Port {
        config: Arc::new(config),
        policy,
        shared,
        store,
        snapshot: opened.snapshot,
        read_from: opened.read_from,
        stop: CancellationToken::new(),
    };
    let result = run_port(&port, scrape, tells);
    stop_threads(&port, committer, store_thread);
    match result {
        Ok(()) if failed.load(Ordering::SeqCst) => {
            Err(RunError::JournalFailed("see the log".to_owned()))
        }
        other => other,
    }
}

fn open_draws(config: &Config, ledger: &Ledger) -> Result<DayKeys, RunError> {
    let state_dir = &config.controller.state_dir;
    DayKeys::open(config.draw.as_ref(), state_dir, ledger.draw_key()).map_err(RunError::Draw)
}

fn own(dir: &std::path::Path) -> Result<RealDisk, RunError> {
    let path = dir.display().to_string();
    std::fs::create_dir_all(dir).map_err(|source| RunError::StateDir {
        path: path.clone(),
        source,
    })?;
    RealDisk::lock(dir).map_err(|source| {
        if source.kind() == std::io::ErrorKind::WouldBlock {
            RunError::InUse(path)
        } else {
            RunError::StateDir { path, source }
        }
    })
}

/// The folder of pictures, while a disk without room can be waited for.
fn make_folder(config: &Config) -> Result<(), RunError> {
    let Some(pictures) = &config.pictures else {
        return Ok(());
    };
    crate::device::Pictures::make(&pictures.dir).map_err(|source| RunError::Pictures {
        path: pictures.dir.display().to_string(),
        source,
    })
}

fn install_metrics(config: &Config) -> Result<(Metrics, PrometheusHandle), RunError> {
    let lanes = config
        .lanes
        .iter()
        .map(|l| l.config.lane.as_str().to_owned());
    let devices = config.lanes.iter().flat_map(|l| {
        let own = l.devices.iter().map(|d| d.id.as_str().to_owned());
        own.chain([l.io.id.as_str().to_owned()])
    });
    let (metrics, handle) = crate::metrics::install(lanes, devices).map_err(RunError::Metrics)?;
    let started = crate::clock::wall_now().0;
    metrics.set_thousandths(&crate::metrics::PROCESS_START, &[], started);
    Ok((metrics, handle))
}

/// When this controller believes its wall clock.
pub(crate) fn clock_config(config: &Config) -> ClockConfig {
    ClockConfig {
        rtc_trusted: config.clock.rtc_trusted,
        mark: Some(config.clock.mark.clone()),
        hold: config.clock.hold,
    }
}

fn open_journal(
    disk: RealDisk,
    config: &Config,
    files: &Files,
    clock: &Clock,
) -> Result<(Gatekeeper<RealDisk, u64>, Opened), RunError> {
    let now = clock.now();
    let nonce = random_nonce().map_err(|source| RunError::System {
        what: "random bytes for a journal's name",
        source,
    })?;
    let mut options = Options::new(
        config.controller.id.clone(),
        config.controller.port.clone(),
        now.wall,
        nonce,
        env!("CARGO_PKG_VERSION").to_owned(),
        files.policy.policy.clone(),
    );
    options.configured = Some(Configured {
        policy: files.policy.clone(),
        shadow: files.shadow.clone(),
        clock: now.clock,
    });
    options.segment_len_max = config.journal.segment_bytes;
    options.free_floor_bytes = config.journal.free_space_floor_bytes;
    options.reserve_bytes = RESERVE_BYTES;
    options.checkpoints = Some(keeping::checkpoints(config).map_err(RunError::Checkpoint)?);
    Gatekeeper::open(disk, options).map_err(RunError::Journal)
}

/// Tells a new journal from any other of this controller.
fn random_nonce() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

/// Of a record, when it was made.
#[derive(serde::Deserialize)]
struct Recorded {
    at: Wall,
}

/// The latest time on record: a wall clock behind it is not to be trusted.
pub(crate) fn recorded_at<D: Disk, T>(gatekeeper: &mut Gatekeeper<D, T>) -> Option<Wall> {
    let head = gatekeeper.head().seq;
    let from = head.saturating_sub(LAST_RECORDS);
    let records = gatekeeper.records_from(from, usize::MAX).ok()?;
    let times = records.iter().filter_map(|(_, json)| {
        let Recorded { at } = serde_json::from_str(json).ok()?;
        Some(at)
    });
    times.max()
}

fn say_opened(opened: &Opened, keep_days: Option<u64>) {
    info!(
        start = opened.start,
        new = opened.is_new,
        replayed = opened.replayed,
        snapshot = opened.snapshot,
        ended_unknown = opened.ended_unknown.len(),
        "the journal is open"
    );
    if opened.begins > 0 && keep_days.is_none() {
        tracing::warn!(
            begins = opened.begins,
            "the journal's first records are not here, and nothing is configured to move them"
        );
    }
    if let Some(torn) = &opened.torn {
        let Torn {
            segment,
            offset,
            bytes,
            seq,
            damage,
            kept,
        } = torn;
        match damage {
            None => tracing::warn!(
                segment,
                offset,
                bytes,
                seq,
                "the journal's last record was torn by the last stop and is cut"
            ),
            Some(why) => tracing::warn!(
                segment,
                offset,
                bytes,
                seq,
                why,
                kept,
                "the journal ended in bytes that are no beginning of a record: they are cut"
            ),
        }
    }
}

fn spawn_committer(
    gatekeeper: Gatekeeper<RealDisk, u64>,
    hooks: status::CommitHooks,
    told: Sender<Told>,
    failed: &Arc<AtomicBool>,
) -> Result<(Committer, CommitterHandle), RunError> {
    let failed = Arc::clone(failed);
    let notify = move |notice: Notice| {
        if let Notice::Fatal(why) = &notice {
            failed.store(true, Ordering::SeqCst);
            error!(%why, "the journal failed: stopping, outputs off; the next start recovers");
        }
        if told.try_send(Told::Committer(notice)).is_err() {
            error!("a notice of the committer was lost: too many wait");
        }
    };
    Committer::spawn(gatekeeper, COMMITTER_QUEUE_MAX, hooks, notify).map_err(|source| {
        RunError::System {
            what: "the committer's thread",
            source,
        }
    })
}

fn spawn_store(
    config: &Config,
    shared: &PortShared,
    claims: &LocalClaims,
    told: Sender<Told>,
) -> Result<(StoreHandle, StoreThread), RunError> {
    let options = DiskOptions {
        dir: config.controller.state_dir.join("store"),
        cache_bytes: STORE_CACHE_BYTES,
    };
    let make = move || SledStore::new(SledMedium::new(options));
    let notify = move |notice| {
        if told.try_send(Told::Store(notice)).is_err() {
            error!("a notice of the store was lost: too many wait");
        }
    };
    let overlay = Box::new(Overlay::new(shared, claims));
    StoreHandle::spawn(make, overlay, notify).map_err(|source| RunError::System {
        what: "the store's thread",
        source,
    })
}

/// Both runtimes, until everything has drained.
fn run_port(
    port: &Port,
    scrape: PrometheusHandle,
    tells: mpsc::Receiver<Told>,
) -> Result<(), RunError> {
    let system = |what| move |source| RunError::System { what, source };
    let lanes = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system("the lanes' runtime"))?;
    let back = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_name("back")
        .build()
        .map_err(system("the back runtime"))?;
    let (prepared, ends) = {
        let _within = lanes.enter();
        lane_task::prepare(port)?
    };
    let back_port = port.clone();
    let stop_all = CancellationToken::new();
    let back_stop = stop_all.clone();
    let back_thread = std::thread::Builder::new()
        .name("back".to_owned())
        .spawn(move || back.block_on(back::run(back_port, ends, scrape, tells, back_stop)))
        .map_err(system("the back thread"))?;
    let ran = lanes.block_on(lane_task::run(port, prepared));
    // Lanes are at rest and outputs off: what is left may go.
    stop_all.cancel();
    // A picture may wait for a disk that hangs.
    lanes.shutdown_background();
    let served = back_thread.join().unwrap_or_else(|_| {
        error!("the back thread panicked");
        Ok(())
    });
    ran.and(served)
}

fn stop_threads(port: &Port, committer: Committer, store: StoreThread) {
    let at = port.shared.clock.now().wall;
    let watch = Stopwatch::started();
    // What was accepted is written; a committer that has failed takes nothing.
    let mut told = port.shared.committer.stop(at, "stopped in good order");
    while told.is_err() && watch.elapsed() < STOP_MAX && !committer.is_finished() {
        std::thread::park_timeout(Duration::from_millis(5));
        told = port.shared.committer.stop(at, "stopped in good order");
    }
    if told.is_ok() || committer.is_finished() {
        committer.join();
    } else {
        error!("the committer does not stop: its last records may not be written");
    }
    if !store.stop() {
        error!("the store's thread did not end in good order");
    }
    info!("stopped");
}
