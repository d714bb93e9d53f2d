//! The state directory without a daemon: under the daemon's own lock, so that
//! there is one owner at any time (field case c56).

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use lanegate_core::clearance::Policy;
use lanegate_core::ledger::Ledger;
use lanegate_core::model::{Declaration, DeclarationId, Enterprise, PolicyRef};
use lanegate_core::record::FeedBody;
use lanegate_core::time::Wall;

use super::output::{chain, complain};
use super::{Exit, No, holders};
use crate::clock::wall_now;
use crate::committer::{Answer, Configured, Gatekeeper, Options};
use crate::config::Config;
use crate::gateway::socket::{HandIn, Imported, ImportedEnterprises, hand_in, hand_in_enterprises};
use crate::journal::{RealDisk, recover};
use crate::store::{DiskOptions, SledMedium, SledStore, Store as _, StoreError};

/// Memory for the store's pages: a command has no lanes to answer.
const CACHE_BYTES: u64 = 64 << 20;

/// The state directory, ours while this lives.
pub(crate) struct Offline {
    disk: RealDisk,
    store: SledStore,
    dir: PathBuf,
}

impl Offline {
    /// Takes the state directory of `config`, which must exist.
    pub(crate) fn take(config: &Config) -> Result<Self, No> {
        let dir = &config.controller.state_dir;
        if !dir.is_dir() {
            let why = format!(
                "{} is not there; check state_dir in the configuration (the daemon makes it \
                 at its first start)",
                dir.display()
            );
            return Err(No::new(Exit::Io, why));
        }
        Self::take_or_make(config)
    }

    /// The same, made if it is absent.
    pub(crate) fn take_or_make(config: &Config) -> Result<Self, No> {
        let dir = config.controller.state_dir.clone();
        let journal = dir.join("journal");
        let disk = lock(config, &journal)?;
        let options = DiskOptions {
            dir: dir.join("store"),
            cache_bytes: CACHE_BYTES,
        };
        let mut store = SledStore::new(SledMedium::new(options));
        store.load();
        let shown = dir.join("store");
        if let Some(why) = store.take_quarantined() {
            complain(format!(
                "the declaration cache in {} was damaged ({why}) and is set aside; \
                 it is empty until the authority or an import fills it",
                shown.display()
            ));
        }
        if !store.is_ready() {
            let why = format!(
                "the declaration cache in {} cannot be opened; look at its rights and at the \
                 space on its disk",
                shown.display()
            );
            return Err(No::new(Exit::Io, why));
        }
        Ok(Self { disk, store, dir })
    }

    /// The store.
    pub(crate) const fn store(&mut self) -> &mut SledStore {
        &mut self.store
    }

    /// Takes declarations in: on the record, then in the store.
    pub(crate) fn import(
        self,
        config: &Config,
        policy: &Policy,
        declarations: Vec<Declaration>,
        as_of: Option<Wall>,
    ) -> Result<Imported, No> {
        let Self {
            disk,
            mut store,
            dir,
        } = self;
        let now = wall_now();
        let mut gatekeeper = open_journal(disk, config, policy, now)?;
        let held = |id: &DeclarationId| !matches!(store.get(id), Ok(None));
        let HandIn {
            records,
            applies,
            ended,
        } = hand_in(gatekeeper.ledger(), declarations, as_of, now, held);
        record(&mut gatekeeper, &dir, now, records)?;
        let mut imported = Imported {
            ended,
            ..Imported::default()
        };
        for apply in applies {
            let applied = store
                .apply(apply)
                .map_err(|error| half_done(&dir, &error))?;
            imported.kept += applied.kept;
            imported.stale += applied.stale;
        }
        imported.count = store.count();
        let unverified = store.expect(gatekeeper.ledger().buckets());
        if unverified > 0 {
            complain(format!(
                "{unverified} of 256 parts of the cache are not what the journal says; trucks \
                 that are not found there are held until the authority sends a snapshot"
            ));
        }
        let stopped = gatekeeper.stop(wall_now(), "declarations import");
        stopped.map_err(|e| No::new(Exit::Io, chain(&e)))?;
        Ok(imported)
    }

    /// Takes enterprises in: on the record, where they live.
    pub(crate) fn import_enterprises(
        self,
        config: &Config,
        policy: &Policy,
        enterprises: Vec<Enterprise>,
    ) -> Result<ImportedEnterprises, No> {
        let Self {
            disk,
            mut store,
            dir,
        } = self;
        let now = wall_now();
        let mut gatekeeper = open_journal(disk, config, policy, now)?;
        let (parts, mut imported) = hand_in_enterprises(gatekeeper.ledger(), enterprises);
        record(&mut gatekeeper, &dir, now, parts.records)?;
        for apply in parts.applies {
            let applied = store.apply(apply);
            applied.map_err(|error| half_done(&dir, &error))?;
        }
        imported.count = gatekeeper.ledger().enterprise_count();
        let stopped = gatekeeper.stop(wall_now(), "enterprises import");
        stopped.map_err(|e| No::new(Exit::Io, chain(&e)))?;
        Ok(imported)
    }
}

/// All durable with one flush, or none in force.
fn record(
    gatekeeper: &mut Gatekeeper<RealDisk, ()>,
    dir: &Path,
    now: Wall,
    records: Vec<FeedBody>,
) -> Result<(), No> {
    for body in records {
        gatekeeper.apply_feed((), now, body);
    }
    let failed = |why: String| {
        let why = format!("{}: {why}; nothing was imported", dir.display());
        No::new(Exit::Io, why)
    };
    let answers = gatekeeper.flush().map_err(|e| failed(chain(&e)))?;
    let full = |answer: &Answer<()>| matches!(answer, Answer::NotApplied { .. });
    if answers.iter().any(full) {
        return Err(failed("the disk is full; free some space".to_owned()));
    }
    Ok(())
}

/// What the journal says is in force, under the lock.
pub(crate) fn ledger(config: &Config) -> Result<Ledger, No> {
    let journal = config.controller.state_dir.join("journal");
    if !journal.is_dir() {
        let why = format!(
            "{} is not there; check state_dir in the configuration (the daemon makes it at its \
             first start)",
            journal.display()
        );
        return Err(No::new(Exit::Io, why));
    }
    let mut disk = lock(config, &journal)?;
    let recovered = recover(&mut disk, config.journal.segment_bytes);
    let recovered = recovered.map_err(|e| No::new(Exit::Io, chain(&e)))?;
    Ok(recovered.map(|r| r.ledger).unwrap_or_default())
}

/// On the record but not in the store: safe, since a miss is then a Hold.
fn half_done(dir: &Path, error: &StoreError) -> No {
    let why = format!(
        "{}: the import is on the record, but {}; trucks it names are held until you import \
         the file again",
        dir.display(),
        chain(error)
    );
    No::new(Exit::Io, why)
}

/// The journal of `config`, as a start of the daemon would find it: what its
/// policy files say that is new goes on record first.
pub(crate) fn journal(
    config: &Config,
    configured: Configured,
    now: Wall,
) -> Result<Gatekeeper<RealDisk, ()>, No> {
    let dir = config.controller.state_dir.join("journal");
    let disk = lock(config, &dir)?;
    let reference = configured.policy.policy.clone();
    open(disk, config, reference, Some(configured), now)
}

fn open_journal(
    disk: RealDisk,
    config: &Config,
    policy: &Policy,
    now: Wall,
) -> Result<Gatekeeper<RealDisk, ()>, No> {
    open(disk, config, policy.reference(), None, now)
}

fn lock(config: &Config, journal: &Path) -> Result<RealDisk, No> {
    RealDisk::lock(journal).map_err(|error| {
        if error.kind() == ErrorKind::WouldBlock {
            return in_use(journal, config);
        }
        No::new(Exit::Io, format!("{}: {error}", journal.display()))
    })
}

fn open(
    disk: RealDisk,
    config: &Config,
    policy: PolicyRef,
    configured: Option<Configured>,
    now: Wall,
) -> Result<Gatekeeper<RealDisk, ()>, No> {
    let io = |why: String| No::new(Exit::Io, why);
    let nonce = nonce().map_err(|e| io(format!("/dev/urandom: {e}")))?;
    let options = Options {
        segment_len_max: config.journal.segment_bytes,
        free_floor_bytes: config.journal.free_space_floor_bytes,
        configured,
        ..Options::new(
            config.controller.id.clone(),
            config.controller.port.clone(),
            now,
            nonce,
            env!("CARGO_PKG_VERSION").to_owned(),
            policy,
        )
    };
    let (gatekeeper, opened) = Gatekeeper::open(disk, options).map_err(|e| io(chain(&e)))?;
    if let Some(torn) = opened.torn {
        let what = match torn.damage {
            None => "a record's beginning (a crash leaves that)",
            Some(_) => {
                "no record and no beginning of one (a power cut may leave that, and so may damage \
                 to a record that was answered: the authority's last checkpoint tells)"
            }
        };
        complain(format!(
            "{}, byte {}: {} bytes in place of record {} were {what}, and were cut",
            torn.segment, torn.offset, torn.bytes, torn.seq
        ));
        if let Some(kept) = torn.kept {
            complain(format!("{kept}, beside it, has what was cut"));
        }
    }
    Ok(gatekeeper)
}

/// What tells a new journal from any other.
fn nonce() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn in_use(journal: &Path, config: &Config) -> No {
    let holder = holders::locked_by(&journal.join("lock"));
    let holder = holder.map_or("another process".to_owned(), |holder| holder.to_string());
    let why = format!(
        "{} is in use by {holder}; if that is the daemon it does not answer on {}: ask it with \
         --socket PATH, or stop it first (systemctl stop lanegate)",
        config.controller.state_dir.display(),
        config.socket.display()
    );
    No::new(Exit::Io, why)
}
