//! `lane.toml`: what a controller is told about itself, its lanes and their
//! devices. Parsed as a whole: every fault is listed with its line, and a file
//! with one fault is not used at all (law L10).
//!
//! Absent on purpose: defaults for whatever decides about the barrier and
//! differs from site to site; reading ports, brokers or the policy, which is
//! for those who open them.

mod controller;
mod device;
mod draw;
mod evidence;
mod fault;
mod io;
mod journal;
mod keys;
mod lane;
mod listen;
mod ports;
mod pull;
mod push;
mod sanity;
mod section;
mod sign;
mod source;
mod tunnel;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lanegate_core::lane::LaneConfig;
use lanegate_core::model::{ControllerId, DeviceId, PortCode};
use lanegate_core::time::Micros;
use toml::de::DeTable;

pub use device::{
    ArmDown, ArmDrive, DeviceConfig, Flow, HttpSource, InputBit, InputMap, IoConfig, Language,
    Line, MqttSource, Outputs, Parity, PulseTimer, ScaleConfig, SerialLine, SignConfig, Source,
    TcpAddress, Turn, Undated,
};
pub use draw::DrawConfig;
pub use fault::ConfigFault;
pub use journal::JournalConfig;
pub use listen::{ListenSource, Network};
pub use ports::port_warnings;
pub use pull::{Login, PullSource};
pub use push::{PicturesConfig, PushConfig};
pub use tunnel::{Secured, TunnelConfig};

use fault::Sink;

/// Largest file read; a controller of 32 lanes needs a twentieth of it.
const FILE_LEN_MAX: u64 = 1 << 20;

/// The whole of `lane.toml`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// The machine.
    pub controller: ControllerConfig,
    /// When wall time is believed.
    pub clock: ClockConfig,
    /// The devices' broker; always there if a device's source is messages.
    pub device_broker: Option<BrokerConfig>,
    /// The authority's broker; without one the cache is filled from files.
    pub authority_broker: Option<BrokerConfig>,
    /// Probes and metrics.
    pub http: HttpConfig,
    /// The listener for posts; always there if a device posts.
    pub push: Option<PushConfig>,
    /// Where pictures of cameras are kept; none = nowhere.
    pub pictures: Option<PicturesConfig>,
    /// The local socket of `lanegate status`, `order`, `lane`.
    pub socket: PathBuf,
    /// The journal.
    pub journal: JournalConfig,
    /// A chain of draw keys that is handed in; without one the controller
    /// draws its own.
    pub draw: Option<DrawConfig>,
    /// 1 to 32 lanes.
    pub lanes: Vec<LaneSetup>,
    /// What works but is likely to hurt later.
    pub warnings: Vec<ConfigFault>,
}

/// The machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ControllerConfig {
    /// Its name, part of every record's identity.
    pub id: ControllerId,
    /// The port it stands at.
    pub port: PortCode,
    /// Where journal and store live.
    pub state_dir: PathBuf,
    /// The policy to start with.
    pub policy: PathBuf,
    /// A policy that judges beside it and only counts.
    pub shadow_policy: Option<PathBuf>,
    /// How long a stop waits for passages under way.
    pub drain: Micros,
    /// A thread with work that makes no progress for this long stops the
    /// watchdog.
    pub stall: Micros,
}

/// When wall time is believed (DESIGN 3, clocks).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClockConfig {
    /// The machine's clock chip is believed after a start.
    pub rtc_trusted: bool,
    /// The file a time daemon leaves once it has synchronised.
    pub mark: PathBuf,
    /// How long a confirmation holds.
    pub hold: Micros,
}

/// An MQTT broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerConfig {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Our name there, unlike any other client's.
    pub client_id: String,
    /// User, if the broker asks for one.
    pub username: Option<String>,
    /// File whose first line is the password; a bare name is a systemd
    /// credential.
    pub password_file: Option<PathBuf>,
    /// Who carries its TLS, if it has some.
    pub secured: Secured,
}

/// Probes and metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HttpConfig {
    /// Address to listen on.
    pub listen: SocketAddr,
}

/// One lane: the state machine's configuration and its drivers'.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LaneSetup {
    /// For the lane itself.
    pub config: LaneConfig,
    /// For the drivers of devices that give evidence.
    pub devices: Vec<DeviceConfig>,
    /// For the driver of the lane's inputs and outputs.
    pub io: IoConfig,
    /// For the driver of its sign, if it has one.
    pub sign: Option<SignConfig>,
}

impl LaneSetup {
    /// Every device with its place in the file and where its bytes come from.
    pub fn sources(&self) -> impl Iterator<Item = (&DeviceId, String, &Source)> {
        let io = (&self.io.id, "io".to_owned(), &self.io.source);
        let sign = self.sign.iter();
        let sign = sign.map(|sign| (&sign.id, "sign".to_owned(), &sign.source));
        let devices = self.devices.iter().enumerate();
        let devices = devices.map(|(n, d)| (&d.id, format!("device[{n}]"), &d.source));
        std::iter::once(io).chain(sign).chain(devices)
    }
}

impl Config {
    /// Reads a file. Relative paths in it count from its directory.
    ///
    /// # Errors
    /// Every fault, in the order of lines.
    pub fn load(path: &Path) -> Result<Self, Vec<ConfigFault>> {
        let text = read(path).map_err(|why| {
            vec![ConfigFault {
                line: 0,
                path: String::new(),
                why,
            }]
        })?;
        let base = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, base)
    }

    /// Reads a text; relative paths in it count from `base`.
    ///
    /// # Errors
    /// Every fault, in the order of lines.
    pub fn parse(text: &str, base: &Path) -> Result<Self, Vec<ConfigFault>> {
        let sink = Sink::new(text);
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let line = error.span().map_or(1, |span| sink.line_at(span.start));
            sink.fault_at(line, "", format!("is no TOML: {}", error.message()));
        }
        // What is half read would be faulted a second time for what is missing.
        let config = match errors.is_empty() {
            true => controller::config(table.get_ref(), &sink, base),
            false => None,
        };
        let (faults, warnings) = sink.into_parts();
        match config {
            Some(config) if faults.is_empty() => Ok(Self { warnings, ..config }),
            Some(_) | None => {
                assert!(
                    !faults.is_empty(),
                    "a file without faults gives a configuration"
                );
                Err(faults)
            }
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let wrong = |why: std::io::Error| format!("{} cannot be read: {why}", path.display());
    let len = std::fs::metadata(path).map_err(wrong)?.len();
    if len > FILE_LEN_MAX {
        return Err(format!(
            "{} is larger than {FILE_LEN_MAX} bytes",
            path.display()
        ));
    }
    std::fs::read_to_string(path).map_err(wrong)
}

impl BrokerConfig {
    /// The password: none if none is configured. A relative `password_file` is
    /// looked for in `credentials_dir`, systemd's `$CREDENTIALS_DIRECTORY`.
    ///
    /// # Errors
    /// The file cannot be read or is empty, or is a credential and there is no
    /// directory.
    pub fn password(&self, credentials_dir: Option<&Path>) -> std::io::Result<Option<String>> {
        let file = self.password_file.as_deref();
        file.map(|file| password(file, credentials_dir)).transpose()
    }
}

/// The first line of a password's file.
fn password(file: &Path, credentials_dir: Option<&Path>) -> std::io::Result<String> {
    let path = credential(file, credentials_dir)?;
    let text = std::fs::read_to_string(&path)?;
    match text.lines().next() {
        Some(password) if !password.is_empty() => Ok(password.to_owned()),
        Some(_) | None => Err(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            format!(
                "{} is empty: its first line is the password",
                path.display()
            ),
        )),
    }
}

/// Where systemd put the credentials it passed, if it passed any.
#[must_use]
pub fn credentials_dir() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// Where a credential's file lies: a bare name among those systemd passed.
fn credential(file: &Path, credentials_dir: Option<&Path>) -> std::io::Result<PathBuf> {
    let (name, bare) = (file.display(), is_credential(file));
    match (bare, credentials_dir) {
        (true, Some(dir)) => Ok(dir.join(file)),
        (true, None) => Err(std::io::Error::new(
            std::io::ErrorKind::NotFound,
            format!(
                "{name} is a credential, but no credentials were passed: write \
                 LoadCredential={name}:/path/to/its/file in the unit (`systemctl edit lanegate`), \
                 or a path that begins with / here"
            ),
        )),
        (false, _) if file.is_absolute() => Ok(file.to_owned()),
        (false, _) => Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            format!(
                "{name} is neither the bare name of a credential nor a path that begins with /: \
                 write one of them"
            ),
        )),
    }
}

/// Whether a file that the configuration names could not be read for what
/// stands in the configuration, not for a disk that fails.
#[must_use]
pub fn is_mistake(why: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    let named = [
        ErrorKind::NotFound,
        ErrorKind::PermissionDenied,
        ErrorKind::IsADirectory,
        ErrorKind::NotADirectory,
        ErrorKind::InvalidInput,
        ErrorKind::InvalidData,
    ];
    named.contains(&why.kind())
}

/// A name without a `/` is one that the service manager hands over.
#[must_use]
pub fn is_credential(file: &Path) -> bool {
    !file.as_os_str().as_encoded_bytes().contains(&b'/')
}
