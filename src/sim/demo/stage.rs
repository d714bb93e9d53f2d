//! Everything around the daemon: a directory, a broker, pseudo-terminals for
//! every serial port of the world, and the files it is configured by.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;

use firmware_sim::broker::Broker;
use firmware_sim::pty::Pty;
use firmware_sim::{LaneLayout, World};

use super::daemon::DaemonUnderTest;
use super::mishap::{Mishap, Mishaps};
use crate::sim::setup::{Places, Sampling, lane_toml, policy_text};

/// A set stage: the broker runs, the ports can be opened, nobody plays yet.
#[derive(Debug)]
pub struct Stage {
    dir: PathBuf,
    broker: Broker,
    ptys: BTreeMap<String, Pty>,
    metrics: SocketAddr,
    mishaps: Mishaps,
}

impl Stage {
    /// Sets the stage for `world` in a new directory that only we may read.
    ///
    /// # Errors
    /// If directory, broker, terminals or files cannot be had.
    pub fn set(world: &World) -> io::Result<Self> {
        let dir = new_dir()?;
        Self::set_in(dir.clone(), world).inspect_err(|_| {
            // What was begun is of no use to anybody.
            drop(std::fs::remove_dir_all(&dir));
        })
    }

    /// The same in `dir`, which is made and must not be there yet.
    ///
    /// # Errors
    /// See [`Self::set`].
    pub fn set_at(dir: &Path, world: &World) -> io::Result<Self> {
        let made = make_dir(dir).and_then(|()| dir.canonicalize());
        let named =
            |why: io::Error| io::Error::new(why.kind(), format!("{}: {why}", dir.display()));
        Self::set_in(made.map_err(named)?, world)
    }

    fn set_in(dir: PathBuf, world: &World) -> io::Result<Self> {
        let broker = Broker::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let mut ptys = BTreeMap::new();
        for port in world.lanes().iter().flat_map(ports) {
            ptys.insert(port.to_owned(), Pty::open()?);
        }
        let metrics = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let stage = Self {
            dir,
            broker,
            ptys,
            metrics,
            mishaps: Mishaps::default(),
        };
        stage.write_files(world.lanes())?;
        Ok(stage)
    }

    /// Lets the trucks be drawn for inspection, as the shipped policy does.
    ///
    /// # Errors
    /// If the policy cannot be written.
    pub fn draw(&self) -> io::Result<()> {
        std::fs::write(self.policy(), policy_text(Sampling::AsShipped))
    }

    /// What is heard goes wrong.
    pub fn hear(&mut self, heard: Receiver<Mishap>) {
        self.mishaps = Mishaps::new(Some(heard));
    }

    fn write_files(&self, lanes: &[LaneLayout]) -> io::Result<()> {
        let (state_dir, policy) = (self.state_dir(), self.policy());
        std::fs::create_dir(&state_dir)?;
        std::fs::write(&policy, policy_text(Sampling::Off))?;
        let places = Places {
            state_dir: &state_dir,
            policy: &policy,
            socket: &self.dir.join("lanegate.sock"),
            broker_port: self.broker.addr().port(),
            http_port: self.metrics.port(),
        };
        let path = |port: &str| {
            let pty = &self.ptys[port];
            pty.path().display().to_string()
        };
        std::fs::write(self.config(), lane_toml(lanes, &places, path))
    }

    /// The daemon for this stage, not yet started.
    #[must_use]
    pub fn daemon(&self, program: &Path) -> DaemonUnderTest {
        let log = self.dir.join("lanegate.log");
        DaemonUnderTest::new(program.to_owned(), self.config(), log)
    }

    /// The stage's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The daemon's configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.join("lane.toml")
    }

    /// Where the daemon keeps its journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.state_dir().join("journal")
    }

    /// Where the daemon serves its metrics.
    #[must_use]
    pub const fn metrics(&self) -> SocketAddr {
        self.metrics
    }

    /// Where the broker listens.
    #[must_use]
    pub fn broker(&self) -> SocketAddr {
        self.broker.addr()
    }

    /// The terminals, by logical port; they can be played on once.
    pub(super) fn take_ptys(&mut self) -> BTreeMap<String, Pty> {
        std::mem::take(&mut self.ptys)
    }

    /// What goes wrong; it can be taken once.
    pub(super) fn take_mishaps(&mut self) -> Mishaps {
        std::mem::take(&mut self.mishaps)
    }

    /// Takes everything away, the directory too.
    ///
    /// # Errors
    /// If the directory cannot be removed.
    pub fn strike(self) -> io::Result<()> {
        self.broker.stop();
        std::fs::remove_dir_all(&self.dir)
    }

    fn policy(&self) -> PathBuf {
        self.dir.join("policy.toml")
    }

    fn state_dir(&self) -> PathBuf {
        self.dir.join("state")
    }
}

fn ports(lane: &LaneLayout) -> [&str; 3] {
    [&lane.scale_port, &lane.io_port, &lane.seal_port]
}

fn new_dir() -> io::Result<PathBuf> {
    static STAGES: AtomicU64 = AtomicU64::new(0);
    let stage = STAGES.fetch_add(1, Ordering::Relaxed);
    let name = format!("lanegate-demo-{}-{stage}", std::process::id());
    let dir = std::env::temp_dir().join(name);
    make_dir(&dir)?;
    Ok(dir)
}

fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(dir)
}

/// A port nobody listens on. Another program could take it before the daemon
/// does; the daemon then says so and ends.
fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::sim::world_options;

    #[test]
    fn the_stage_has_a_terminal_for_every_port_named_in_the_configuration_and_leaves_nothing() {
        let world = World::new(world_options(7, 2, 4));
        let mut stage = Stage::set(&world).unwrap();
        let text = std::fs::read_to_string(stage.config()).unwrap();
        let config = Config::parse(&text, stage.dir()).unwrap_or_else(|f| panic!("{f:?}"));
        assert_eq!(config.lanes.len(), 2);
        let ptys = stage.take_ptys();
        assert_eq!(ptys.len(), 6);
        for pty in ptys.values() {
            assert!(text.contains(&format!("\"{}\"", pty.path().display())));
        }
        let dir = stage.dir().to_owned();
        let another = Stage::set(&world).unwrap();
        assert_ne!(another.dir(), dir);
        assert!(Stage::set_at(another.dir(), &world).is_err());
        another.strike().unwrap();
        stage.strike().unwrap();
        assert!(!dir.exists());
    }
}
