//! MQTT 3.1.1: one type, two connections. That to the devices has a clean
//! session and exact topics; that to the authority a persistent session and
//! acknowledges by hand.
//!
//! rumqttc 0.25 is used as a codec with a socket, and no more: every network
//! connection gets a client of its own, so that nothing it keeps over a
//! reconnect (packets in flight, a collision, a queue it clears) matters.
//! What is to be sent waits in our own outbox, and one task does nothing but
//! poll.
//!
//! | what | limit | beyond it |
//! |---|---|---|
//! | a packet, in or out | `packet_size_max` | in: the connection is closed; out: refused when handed in |
//! | outbox | [`OutboxLimits`] | `publish` says [`PublishFault::Full`] |
//! | messages not yet taken | 64 | reading stops; after 1.5 keep-alives the broker closes |
//! | acknowledges by hand | 1,024 | the connection is made anew |
//! | tries to connect | backoff with jitter | - |
//!
//! Absent on purpose: QoS 2, wildcards on the devices' connection, meaning of
//! topics.

mod connection;
mod look;
mod outbox;
mod poll;
mod relay;
mod subscriptions;

use std::collections::BTreeSet;

use crate::turns::Turns;
use bytes::Bytes;
use lanegate_core::time::{Micros, Mono};

pub use connection::Connection;
pub use look::{Asked, LookFault, Looked, look, look_plainly};
pub use outbox::{OutboxFull, OutboxLimits};
pub use relay::TlsEnd;

/// Who is connected to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    /// The broker of cameras and other devices: clean session, exact topics.
    Devices,
    /// The authority: persistent session, acknowledges by hand.
    Authority,
}

impl Peer {
    /// The metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Authority => "authority",
        }
    }
}

/// How to connect.
#[derive(Clone, Debug)]
pub struct ConnectionConfig {
    /// Who to.
    pub peer: Peer,
    /// The broker's host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// TLS to it; none = in the clear.
    pub tls: Option<TlsEnd>,
    /// The same over restarts, or a persistent session is lost.
    pub client_id: String,
    /// User and password.
    pub credentials: Option<Credentials>,
    /// A dead peer is found within twice this.
    pub keep_alive_s: u16,
    /// Largest packet either way, in bytes.
    pub packet_size_max: usize,
    /// Topics to subscribe to.
    pub topics: BTreeSet<String>,
    /// What the broker says when we are gone.
    pub will: Option<Will>,
    /// How much may wait to be sent.
    pub outbox: OutboxLimits,
    /// A publish is acknowledged within this, or the connection is made anew.
    pub ack_max: Micros,
    /// Shortest and longest wait between tries.
    pub retry: (Micros, Micros),
    /// What its task is called, and its mark for the watchdog.
    pub turns: (&'static str, Turns),
}

/// User and password; not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User.
    pub username: String,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

/// What the broker says when the connection breaks without a goodbye.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Will {
    /// Where.
    pub topic: String,
    /// What; it is retained.
    pub payload: Bytes,
}

/// Whether the broker confirms a publish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quality {
    /// QoS 0.
    AtMostOnce,
    /// QoS 1.
    AtLeastOnce,
}

/// One message to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publication {
    /// Where, without wildcards.
    pub topic: String,
    /// What.
    pub payload: Bytes,
    /// The broker keeps it; an unsent one for the same topic is replaced.
    pub retain: bool,
    /// Whether it is confirmed.
    pub quality: Quality,
    /// Named when it is done with.
    pub token: Option<u64>,
    /// Not sent any more from then on.
    pub expires: Option<Mono>,
}

/// Which message is acknowledged by hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    connection: u64,
    packet: u16,
}

/// One message received.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Where.
    pub topic: String,
    /// What.
    pub payload: Bytes,
    /// Kept by the broker from earlier: never a live event.
    pub retained: bool,
    /// To be given back once the message is taken care of; none where nobody
    /// waits for it.
    pub receipt: Option<Receipt>,
}

/// What happened to a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The broker took us. Nothing is subscribed yet.
    Up {
        /// It kept our session.
        session_present: bool,
    },
    /// The connection is gone; it will be tried again.
    Down {
        /// Why, in words.
        why: String,
    },
    /// The broker granted a topic.
    Granted {
        /// Which.
        topic: String,
    },
    /// The broker refused a topic: nothing will come from it. It is asked
    /// for again from time to time.
    Refused {
        /// Which.
        topic: String,
    },
    /// A message.
    Message(Message),
    /// The broker has the publication with this token, or a newer retained
    /// one took its place.
    Done(u64),
    /// The publication with this token expired unsent.
    Expired(u64),
}

/// How a connection is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Status {
    /// The broker took us.
    pub up: bool,
    /// Times it did.
    pub connects: u64,
    /// Why not, in words.
    pub why_down: Option<String>,
    /// Topics the broker refuses.
    pub refused: BTreeSet<String>,
    /// Messages that wait to be sent or acknowledged.
    pub outbox: usize,
    /// Messages received.
    pub received: u64,
}

/// Why a message was not taken for sending.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PublishFault {
    /// Too much waits already.
    #[error("the outbox is full; try again when something was acknowledged")]
    Full,
    /// Larger than the broker takes.
    #[error("{len} bytes for {topic}: the limit is {max}")]
    TooLarge {
        /// Where to.
        topic: String,
        /// Its size.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// A topic that cannot be published to.
    #[error("\"{0}\" is no topic to publish to: it may not be empty or contain + or #")]
    Topic(String),
    /// The connection's task has ended.
    #[error("the connection is being shut down")]
    Ended,
}

/// A configuration that cannot work.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConfigFault {
    /// No client id.
    #[error("client_id is empty: a broker cannot keep a session without one")]
    ClientId,
    /// Keep-alive off.
    #[error("keep_alive_s is 0: a dead broker would never be noticed; write 5")]
    KeepAlive,
    /// A wildcard where every topic is known.
    #[error(
        "topic \"{0}\" has a wildcard: what others publish could cut the lane off; \
         name the devices' exact topics"
    )]
    Wildcard(String),
    /// No window.
    #[error("the outbox's window is {0}: write 1 to 64")]
    Window(usize),
    /// TLS needs a socket of ours.
    #[error("{0}: no socket for TLS can be made there: {1}")]
    Relay(String, String),
    /// Waits that are no waits.
    #[error("retry: the shortest wait must be more than 0 and not above the longest")]
    Retry,
}

impl ConnectionConfig {
    /// Everything wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        if self.client_id.is_empty() {
            faults.push(ConfigFault::ClientId);
        }
        if self.keep_alive_s == 0 {
            faults.push(ConfigFault::KeepAlive);
        }
        if self.peer == Peer::Devices {
            let wild = self.topics.iter().filter(|t| t.contains(['+', '#']));
            faults.extend(wild.cloned().map(ConfigFault::Wildcard));
        }
        if !(1..=WINDOW_MAX).contains(&self.outbox.window) {
            faults.push(ConfigFault::Window(self.outbox.window));
        }
        if self.retry.0 == Micros(0) || self.retry.0 > self.retry.1 {
            faults.push(ConfigFault::Retry);
        }
        faults
    }
}

/// Most publishes in flight. Below the client's own limit, or it would stop
/// reading requests, acknowledges included.
const WINDOW_MAX: usize = 64;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
