//! Why a device is not well, in words for whoever stands before it: what is
//! wrong and what to check, which differs with the way its messages come.

use lanegate_core::time::Micros;
use lanegate_core::wire::Hint;
use lanegate_core::wire::io::board::BadWhy;

use crate::config::Source;

/// Cameras shut out who fails five times within minutes, for half an hour.
const LOGIN_REST: Micros = Micros::from_s(300);
/// What a camera answers does not change within a second.
const NO_STREAM_REST: Micros = Micros::from_s(5);

/// The way a device's messages come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Via {
    /// A serial line.
    Line,
    /// A TCP connection to this address.
    Tcp(String),
    /// A TCP connection it makes to this address.
    DialsIn(String),
    /// The devices' broker, on these topics; where it is told, if it is.
    Messages(Vec<String>, Option<String>),
    /// Posts to this path.
    Posts(String),
    /// The stream asked for at this address.
    Asked(String),
}

impl Via {
    /// That of a source.
    #[must_use]
    pub fn of(source: &Source) -> Self {
        match source {
            Source::Serial(_) => Self::Line,
            Source::Tcp(address) => Self::Tcp(address.to_string()),
            Source::Listen(listen) => Self::DialsIn(listen.address.to_string()),
            Source::Mqtt(mqtt) => Self::Messages(mqtt.topics.clone(), mqtt.command_topic.clone()),
            Source::Http(http) => Self::Posts(http.path.clone()),
            Source::Pull(pull) => Self::Asked(pull.to_string()),
        }
    }

    fn silent(&self) -> String {
        match self {
            Self::Line => "nothing comes from it: check its power and its cable".to_owned(),
            Self::Tcp(address) => format!(
                "{address} is connected and nothing comes: check the power of the device behind it, \
                 and the server's port"
            ),
            Self::DialsIn(address) => format!(
                "it has not dialled in, or says nothing: check its power, its network, and that it \
                 is set to {address}; lanegate_device_strangers_total counts who was turned away"
            ),
            Self::Messages(topics, _) => format!(
                "no message of it comes from the broker: check its power, the broker it is set to, \
                 and that it publishes to {}",
                listed(topics)
            ),
            Self::Posts(path) => format!(
                "no post of it comes: check its power, and the address, the path /{path} and the \
                 secret it posts with; lanegate_push_refused_total counts by cause what was refused"
            ),
            Self::Asked(url) => format!(
                "{url} is open and nothing comes: check that the address asks for heartbeats more \
                 often than late_ms, and that the camera sends the events it names"
            ),
        }
    }

    fn noise(&self) -> String {
        match self {
            Self::Line => {
                "bytes come but no frame of its protocol: check speed and line settings".to_owned()
            }
            Self::Tcp(address) => format!(
                "bytes come from {address} but no frame of its protocol: check that the device \
                 behind it speaks this protocol, and speed and parity in the device server"
            ),
            Self::DialsIn(address) => format!(
                "bytes come to {address} but no frame of its protocol: check that what dials in is \
                 this device, and its settings"
            ),
            Self::Messages(topics, _) => format!(
                "messages come but none of its protocol: check protocol and settings, and that \
                 nothing else publishes to {}",
                listed(topics)
            ),
            Self::Posts(path) => format!(
                "posts come to /{path} but none of its protocol: check protocol and settings, and \
                 the format the device is set to post"
            ),
            Self::Asked(url) => format!(
                "bytes come from {url} but no frame of its protocol: check that the camera is of \
                 this make, and its settings"
            ),
        }
    }

    fn no_answer(&self) -> String {
        match self {
            Self::Line => "it does not answer: check its power, its address and the bus".to_owned(),
            Self::Tcp(address) => format!(
                "{address} is connected and it does not answer: check its power, its unit number, \
                 and the line behind the device server"
            ),
            Self::Messages(topics, command) => format!(
                "it does not answer by the broker: check its power, that it listens to {} and \
                 publishes to {}",
                command.as_deref().unwrap_or("its command topic"),
                listed(topics)
            ),
            // Never asked.
            Self::DialsIn(_) | Self::Posts(_) | Self::Asked(_) => self.silent(),
        }
    }
}

/// The first of a device's topics, and how many more.
fn listed(topics: &[String]) -> String {
    match topics {
        [] => "its topic".to_owned(),
        [one] => one.clone(),
        [first, others @ ..] => format!("{first} or {} more of its topics", others.len()),
    }
}

/// Why a device is not well, with what to do about it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Why {
    /// Nothing comes.
    #[error("{}", .0.silent())]
    Silent(Via),
    /// Something comes, but no frame.
    #[error("{}{}", .0.noise(), hint(.1))]
    Noise(Via, Option<Hint>),
    /// A unit does not answer.
    #[error("{}", .0.no_answer())]
    NoAnswer(Via),
    /// A unit answers that it cannot.
    #[error("it refuses the question (exception {}): check its input and output numbers", code(*.0))]
    Exception(Option<u8>),
    /// It answers that it does not understand, or cannot.
    #[error("it refuses the question ({0}): check its protocol and settings")]
    Refuses(String),
    /// It answers, but not what was asked.
    #[error("its answers do not fit: {0}")]
    BadAnswer(BadWhy),
    /// A question that cannot be asked.
    #[error("an input, output or pulse_ms of it cannot be asked for: run `lanegate check`")]
    Numbers,
    /// It told fewer inputs than the lane uses.
    #[error("it tells {0} inputs and the lane uses {1}: check the numbers in lane.io.inputs")]
    Inputs(usize, usize),
    /// The port is not there.
    #[error(
        "its port is not there: is the adapter plugged in? If it vanishes right after it was \
         plugged in, brltty takes it: remove brltty or mask its udev rule"
    )]
    Absent,
    /// The port is in use.
    #[error(
        "another program has its port, usually ModemManager or brltty: \
         install 70-lanegate.rules (ID_MM_DEVICE_IGNORE)"
    )]
    Busy,
    /// The port is ours to see but not to open.
    #[error("no right to open its port: add the daemon's user to the port's group (dialout)")]
    Denied,
    /// The port was taken away while in use.
    #[error(
        "its port went away while in use: unplugged, or taken by another service (brltty, \
         ModemManager)"
    )]
    Gone,
    /// Its port's direction is to be turned, and cannot be.
    #[error(
        "its port cannot turn the direction of the line ({0}): leave rs485 out if the adapter does \
         it by itself, as those on USB do"
    )]
    Turn(String),
    /// Nobody listens at its address.
    #[error(
        "nothing listens at {0}: is the device server on, and its port the right one? Most serve \
         one connection at a time: is another program connected?"
    )]
    NotServed(String),
    /// Its address cannot be reached.
    #[error("{0} cannot be reached ({1}): check the cable, the switch and the address")]
    Unreachable(String, String),
    /// The connection ended while in use.
    #[error(
        "its connection ended while in use: the device server restarted, lost its power or its \
         cable, or gave the connection to another program"
    )]
    Closed,
    /// The device ended its connection.
    #[error(
        "it ended its connection: it restarted, lost its network, or connects only to report; it \
         must be set to stay connected"
    )]
    HungUp,
    /// The device was connected and said nothing.
    #[error(
        "its connection was closed, since nothing of its protocol came for lost_ms: check that it \
         reports or sends heartbeats more often"
    )]
    Idle,
    /// The address cannot be listened on.
    #[error(
        "{0} cannot be listened on ({1}): check that the address is one of this machine's and \
         that no other program has the port"
    )]
    CannotListen(String, String),
    /// A camera does not know who asks for its events.
    #[error(
        "{0} refuses us ({1}): check username and password_file, and that this user may see \
         events; asked again in five minutes, since cameras shut out who fails often"
    )]
    Login(String, String),
    /// A camera answers, but with no stream.
    #[error("{0} gives no stream of events: {1}; check the path in its address")]
    NoStream(String, String),
    /// Something else about the port.
    #[error("its port: {0}")]
    Port(String),
    /// No connection to the broker.
    #[error("no connection to its broker: {0}")]
    Broker(String),
    /// The broker refuses its topic.
    #[error("the broker refuses its topic {0}: check the broker's access list")]
    Refused(String),
    /// Its driver ended unexpectedly.
    #[error("its driver failed: restart the daemon, and report this")]
    Driver,
}

impl Why {
    /// Not to be tried again for so long, whatever else is known.
    #[must_use]
    pub const fn rest(&self) -> Micros {
        match self {
            Self::Login(_, _) => LOGIN_REST,
            Self::NoStream(_, _) => NO_STREAM_REST,
            Self::Silent(_)
            | Self::Noise(_, _)
            | Self::NoAnswer(_)
            | Self::Exception(_)
            | Self::Refuses(_)
            | Self::BadAnswer(_)
            | Self::Numbers
            | Self::Inputs(_, _)
            | Self::Absent
            | Self::Busy
            | Self::Denied
            | Self::Gone
            | Self::Turn(_)
            | Self::NotServed(_)
            | Self::Unreachable(_, _)
            | Self::Closed
            | Self::HungUp
            | Self::Idle
            | Self::CannotListen(_, _)
            | Self::Port(_)
            | Self::Broker(_)
            | Self::Refused(_)
            | Self::Driver => Micros(0),
        }
    }
}

fn hint(hint: &Option<Hint>) -> String {
    hint.map(|h| format!("; {}", h.words())).unwrap_or_default()
}

fn code(code: Option<u8>) -> String {
    code.map_or("without a code".to_owned(), |c| c.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case c68: the usual thieves of a port are named with the cure.
    #[test]
    fn a_port_that_comes_and_goes_is_told_with_its_usual_causes() {
        for why in [Why::Absent, Why::Busy, Why::Gone] {
            assert!(why.to_string().contains("brltty"), "{why}");
        }
        assert!(Why::Busy.to_string().contains("ID_MM_DEVICE_IGNORE"));
    }

    /// Nobody is sent to a cable, a speed or a bus that a device does not have.
    #[test]
    fn a_device_that_has_no_line_is_not_blamed_on_one() {
        let topics = vec!["device/7a/message/up/keep_alive".to_owned(), "b".to_owned()];
        let ways = [
            (Via::Posts("cam-1".to_owned()), vec!["/cam-1"]),
            (
                Via::Messages(topics, Some("lane/1/set".to_owned())),
                vec!["device/7a/message/up/keep_alive or 1 more"],
            ),
            (
                Via::DialsIn("192.0.2.1:7701".to_owned()),
                vec!["192.0.2.1:7701"],
            ),
            (
                Via::Tcp("192.0.2.7:4001".to_owned()),
                vec!["192.0.2.7:4001"],
            ),
            (
                Via::Asked("http://192.0.2.7:80/x".to_owned()),
                vec!["http://192.0.2.7:80/x"],
            ),
        ];
        for (via, named) in ways {
            let all = [
                Why::Silent(via.clone()),
                Why::Noise(via.clone(), None),
                Why::NoAnswer(via.clone()),
            ];
            for why in all.map(|why| why.to_string()) {
                for no in ["cable", "line settings", "the bus"] {
                    assert!(!why.contains(no), "{why}");
                }
                for name in &named {
                    assert!(why.contains(name), "{why}");
                }
            }
        }
        let posts = Why::Silent(Via::Posts("cam-1".to_owned())).to_string();
        for check in ["address", "path", "secret", "lanegate_push_refused_total"] {
            assert!(posts.contains(check), "{posts}");
        }
        let told = Why::NoAnswer(Via::Messages(Vec::new(), Some("lane/1/set".to_owned())));
        assert!(told.to_string().contains("listens to lane/1/set"), "{told}");
    }

    #[test]
    fn a_line_is_blamed_on_its_cable_and_its_settings() {
        assert!(Why::Silent(Via::Line).to_string().contains("cable"));
        let noise = Why::Noise(Via::Line, Some(Hint::SevenEven)).to_string();
        assert!(
            noise.contains("check speed and line settings; the line is 7"),
            "{noise}"
        );
    }
}
