//! What a device driver is told: where its bytes come from, which codec reads
//! them, when silence counts. What its evidence is worth is the lane's
//! business (`LaneConfig`).

use std::path::{Path, PathBuf};

use lanegate_core::lane::Role;
use lanegate_core::model::{DeviceId, Kg, WeightUnit};
use lanegate_core::time::Micros;
use lanegate_core::wire::Settings;
use lanegate_core::wire::io::board::{BoardWire, Numbers};
use lanegate_core::wire::scale::StableRule;
use lanegate_core::wire::sign::SignWire;

use super::listen::ListenSource;
use super::pull::PullSource;

/// A device that gives evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceConfig {
    /// Its name, unique in the controller.
    pub id: DeviceId,
    /// What it gives evidence of.
    pub role: Role,
    /// The codec's name, known to the registry.
    pub protocol: String,
    /// The codec's settings, without faults.
    pub settings: Settings,
    /// Where its bytes come from.
    pub source: Source,
    /// What a weighbridge needs besides; of a scale, always there.
    pub scale: Option<ScaleConfig>,
    /// Of a camera: what a read without a time is worth.
    pub undated: Undated,
    /// Silent for this long, it is late.
    pub late: Micros,
    /// Silent for this long, it is lost.
    pub lost: Micros,
}

/// What a reading is worth that does not say when it was taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Undated {
    /// Nothing: what brings it may have kept it.
    Never,
    /// Taken when it arrives, on a line that has been open for a while.
    Arrival,
}

/// What the wire of a weighbridge does not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScaleConfig {
    /// The unit of the values, where the frames do not say it: kg or t.
    pub unit: WeightUnit,
    /// One division.
    pub division: Kg,
    /// A heavier value is an overload.
    pub capacity: Kg,
    /// When values count as stable, for codecs without a flag of their own.
    pub stable: StableRule,
}

/// Where bytes come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// A serial line.
    Serial(SerialLine),
    /// A TCP connection, usually to a serial device server.
    Tcp(TcpAddress),
    /// A TCP connection the device makes.
    Listen(ListenSource),
    /// The answer to a question by HTTP that never ends.
    Pull(PullSource),
    /// Messages of the devices' broker.
    Mqtt(MqttSource),
    /// Posts to the listener of `[push]`.
    Http(HttpSource),
}

/// Where one device posts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpSource {
    /// The first part of its path, its own.
    pub path: String,
    /// File whose first line every post must know; a bare name is a systemd
    /// credential.
    pub secret_file: PathBuf,
}

impl HttpSource {
    /// The first line of the secret's file. A relative one is looked for in
    /// `credentials_dir`, systemd's `$CREDENTIALS_DIRECTORY`.
    ///
    /// # Errors
    /// It cannot be read, or is a credential and there is no directory.
    pub fn secret(&self, credentials_dir: Option<&Path>) -> std::io::Result<String> {
        let file = super::credential(&self.secret_file, credentials_dir)?;
        let text = std::fs::read_to_string(file)?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}

impl Source {
    /// The line its bytes come over; none = they come in messages.
    #[must_use]
    pub fn line(&self) -> Option<Line> {
        match self {
            Self::Serial(line) => Some(Line::Serial(line.clone())),
            Self::Tcp(address) => Some(Line::Tcp(address.clone())),
            Self::Listen(listen) => Some(Line::Listen(listen.clone())),
            Self::Pull(pull) => Some(Line::Pull(pull.clone())),
            Self::Mqtt(_) | Self::Http(_) => None,
        }
    }

    /// The serial line, if it is one.
    #[must_use]
    pub const fn serial(&self) -> Option<&SerialLine> {
        match self {
            Self::Serial(line) => Some(line),
            Self::Tcp(_) | Self::Listen(_) | Self::Pull(_) | Self::Mqtt(_) | Self::Http(_) => None,
        }
    }

    /// The broker's topics, if it is messages.
    #[must_use]
    pub const fn mqtt(&self) -> Option<&MqttSource> {
        match self {
            Self::Mqtt(mqtt) => Some(mqtt),
            Self::Serial(_) | Self::Tcp(_) | Self::Listen(_) | Self::Pull(_) | Self::Http(_) => {
                None
            }
        }
    }

    /// Where it posts, if it does.
    #[must_use]
    pub const fn http(&self) -> Option<&HttpSource> {
        match self {
            Self::Http(http) => Some(http),
            Self::Serial(_) | Self::Tcp(_) | Self::Listen(_) | Self::Pull(_) | Self::Mqtt(_) => {
                None
            }
        }
    }

    /// Where it dials in, if it does.
    #[must_use]
    pub const fn listen(&self) -> Option<&ListenSource> {
        match self {
            Self::Listen(listen) => Some(listen),
            Self::Serial(_) | Self::Tcp(_) | Self::Pull(_) | Self::Mqtt(_) | Self::Http(_) => None,
        }
    }

    /// Where its events are asked for, if they are.
    #[must_use]
    pub const fn pull(&self) -> Option<&PullSource> {
        match self {
            Self::Pull(pull) => Some(pull),
            Self::Serial(_) | Self::Tcp(_) | Self::Listen(_) | Self::Mqtt(_) | Self::Http(_) => {
                None
            }
        }
    }

    /// The same, its connections closed when nothing came for `idle`.
    pub(super) fn closed_after(self, idle: Micros) -> Self {
        match self {
            Self::Listen(listen) => Self::Listen(ListenSource { idle, ..listen }),
            Self::Pull(pull) => Self::Pull(PullSource { idle, ..pull }),
            other @ (Self::Serial(_) | Self::Tcp(_) | Self::Mqtt(_) | Self::Http(_)) => other,
        }
    }
}

/// A line that carries bytes one after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Line {
    /// A serial port.
    Serial(SerialLine),
    /// A TCP connection.
    Tcp(TcpAddress),
    /// A TCP connection the device makes.
    Listen(ListenSource),
    /// The answer to a question by HTTP that never ends.
    Pull(PullSource),
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Serial(line) => line.path.display().fmt(f),
            Self::Tcp(address) => address.fmt(f),
            Self::Listen(listen) => listen.address.fmt(f),
            Self::Pull(pull) => pull.fmt(f),
        }
    }
}

/// The other end of a TCP connection.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TcpAddress {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl std::fmt::Display for TcpAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// A serial line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SerialLine {
    /// The port.
    pub path: PathBuf,
    /// Bits a second.
    pub baud: u32,
    /// 7 or 8.
    pub data_bits: u8,
    /// Parity.
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: u8,
    /// Who may hold back the other.
    pub flow: Flow,
    /// How the kernel turns the direction of an RS-485 line; none = it does not,
    /// the adapter does.
    pub turn: Option<Turn>,
}

/// RTS turns the direction of an RS-485 line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Turn {
    /// RTS is high while we send; false = low.
    pub high: bool,
    /// Time from turning to the first bit.
    pub before: Micros,
    /// Time from the last bit to turning back.
    pub after: Micros,
}

/// Flow control of a serial line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Flow {
    /// None: what devices of a lane use.
    None,
    /// RTS and CTS.
    Hardware,
    /// XON and XOFF. 11h and 13h are then no data: never on binary protocols.
    Software,
}

/// Parity of a serial line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Parity {
    /// None.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

impl Parity {
    /// As protocol settings spell it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Even => "even",
            Self::Odd => "odd",
        }
    }
}

/// Topics of one device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MqttSource {
    /// Exact topics it publishes to, no wildcards.
    pub topics: Vec<String>,
    /// Where it can be asked to read again: all of them are told.
    pub recapture_topics: Vec<String>,
    /// Its serial number, where commands must name it.
    pub sn: Option<String>,
    /// Where what it is told is published.
    pub command_topic: Option<String>,
}

/// The lane's inputs and outputs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IoConfig {
    /// The board's name, unique in the controller.
    pub id: DeviceId,
    /// The codec's name.
    pub protocol: String,
    /// How it is spoken to.
    pub wire: BoardWire,
    /// Where its bytes come from.
    pub source: Source,
    /// How the arm is driven.
    pub arm: ArmDrive,
    /// Length of an arm pulse.
    pub pulse: Micros,
    /// Who ends a pulse.
    pub pulse_timed_by: PulseTimer,
    /// Lamps and diverter.
    pub outputs: Outputs,
    /// Detectors and limit switches.
    pub inputs: InputMap,
    /// Time between polls.
    pub poll: Micros,
    /// The board answers within this.
    pub answer_max: Micros,
    /// Unanswered for this long, it is late.
    pub late: Micros,
    /// Unanswered for this long, it is lost.
    pub lost: Micros,
}

/// How the arm is driven: pulses only (L11).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ArmDrive {
    /// A contact each way.
    UpDown {
        /// Coil that lifts.
        up: u16,
        /// Coil that lowers.
        down: u16,
        /// Coil that stops.
        stop: Option<u16>,
    },
    /// One contact whose every pulse does the next thing; a second pulse would
    /// undo the first, so none is ever repeated.
    Impulse {
        /// The coil.
        coil: u16,
    },
}

/// Who ends a pulse.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PulseTimer {
    /// The board ("flash"): a dead gateway cannot hold a contact.
    Board,
    /// The gateway, with a second write.
    Gateway,
}

/// Coils of lamps and diverter; what is not there is not fitted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Outputs {
    /// Exit lamp red.
    pub exit_red: Option<u16>,
    /// Exit lamp green.
    pub exit_green: Option<u16>,
    /// Entry lamp red.
    pub entry_red: Option<u16>,
    /// "To the bay".
    pub to_bay: Option<u16>,
    /// "Reverse out".
    pub reverse_out: Option<u16>,
    /// The diverter, on = to the bay.
    pub divert: Option<u16>,
}

/// Numbers of the inputs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct InputMap {
    /// A vehicle at the stop line.
    pub presence: InputBit,
    /// A vehicle under the arm.
    pub inhibit: InputBit,
    /// Upper limit switch.
    pub arm_up: InputBit,
    /// How the arm is known to be down.
    pub arm_down: ArmDown,
    /// A vehicle in the bay.
    pub bay: Option<InputBit>,
    /// The diverter stands towards the bay.
    pub diverter_bay: Option<InputBit>,
    /// The vehicle stands wholly on the platform.
    pub whole: Option<InputBit>,
}

/// How the arm is known to be down.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ArmDown {
    /// A lower limit switch.
    Input(InputBit),
    /// There is none: down is "off the upper switch for this long, and not
    /// told to go up since".
    OffUpFor(Micros),
}

/// One input.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct InputBit {
    /// Its number, from 0.
    pub number: u16,
    /// It reads 0 when what it reports is so, as fail-safe contacts do.
    pub inverted: bool,
}

impl InputMap {
    /// All inputs fitted, with their names in `lane.toml`.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, InputBit)> {
        [
            ("presence", Some(self.presence)),
            ("inhibit", Some(self.inhibit)),
            ("arm_up", Some(self.arm_up)),
            ("arm_down", self.arm_down.input()),
            ("bay", self.bay),
            ("diverter_bay", self.diverter_bay),
            ("whole", self.whole),
        ]
        .into_iter()
        .filter_map(|(name, bit)| Some((name, bit?)))
    }

    /// How many inputs one poll must read.
    #[must_use]
    pub fn count(&self) -> u16 {
        let most = self.all().map(|(_, bit)| bit.number).max();
        most.map_or(0, |n| n + 1)
    }
}

impl ArmDown {
    /// The input, if it is one.
    #[must_use]
    pub const fn input(self) -> Option<InputBit> {
        match self {
            Self::Input(bit) => Some(bit),
            Self::OffUpFor(_) => None,
        }
    }
}

impl IoConfig {
    /// How many inputs and outputs are used, up to the highest number.
    #[must_use]
    pub fn numbers(&self) -> Numbers {
        let outputs = self.coils().map(|(_, coil)| coil + 1).max();
        Numbers {
            inputs: self.inputs.count(),
            outputs: outputs.unwrap_or(0),
        }
    }

    /// All coils used, with their names in `lane.toml`.
    pub fn coils(&self) -> impl Iterator<Item = (&'static str, u16)> {
        let arm = match self.arm {
            ArmDrive::UpDown { up, down, stop } => [
                ("arm_up", Some(up)),
                ("arm_down", Some(down)),
                ("arm_stop", stop),
            ],
            ArmDrive::Impulse { coil } => [
                ("arm_impulse", Some(coil)),
                ("arm_down", None),
                ("arm_stop", None),
            ],
        };
        let o = self.outputs;
        let lamps = [
            ("exit_red", o.exit_red),
            ("exit_green", o.exit_green),
            ("entry_red", o.entry_red),
            ("to_bay", o.to_bay),
            ("reverse_out", o.reverse_out),
            ("divert", o.divert),
        ];
        arm.into_iter()
            .chain(lamps)
            .filter_map(|(name, coil)| Some((name, coil?)))
    }
}

/// A sign that drivers read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignConfig {
    /// Its name, unique in the controller.
    pub id: DeviceId,
    /// The codec's name.
    pub protocol: String,
    /// How it is spoken to.
    pub wire: SignWire,
    /// Where it is told.
    pub source: Source,
    /// The languages shown, one line each.
    pub languages: Vec<Language>,
    /// It is told again this often, since it may have restarted.
    pub repeat: Micros,
}

/// A language drivers read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Language {
    /// 简体
    ZhHans,
    /// 繁體
    ZhHant,
    /// English
    En,
}
