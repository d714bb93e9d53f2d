//! One look at a broker by a guest: does it take us, may we listen and speak,
//! how large may a packet be. MQTT 5 where the broker speaks it, since only
//! that tells a packet limit and whether a publish was allowed; 3.1.1, as the
//! daemon speaks, where it does not.
//!
//! Blocking, for commands. Absent on purpose: a session that stays, retained
//! messages, the daemon's client id (a second one ends the first).

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::v5;
use rumqttc::{ConnectReturnCode, SubscribeReasonCode};

use super::Credentials;
use crate::clock::Stopwatch;

/// An answer takes no longer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Larger packets are not read.
const PACKET_LEN_MAX: usize = 2 << 20;
/// Different topics told of, at most.
const HEARD_MAX: usize = 16;
/// Our questions, by packet number.
const SUBSCRIBED: u16 = 1;
const PUBLISHED: u16 = 2;

/// What to ask.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Unlike any other client's.
    pub client_id: String,
    /// User and password.
    pub credentials: Option<Credentials>,
    /// To listen to.
    pub topics: Vec<String>,
    /// To say once, not retained: topic and payload.
    pub publish: Option<(String, String)>,
    /// How long to listen afterwards.
    pub listen: Duration,
}

/// What was seen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Looked {
    /// It speaks MQTT 5.
    pub tells_limits: bool,
    /// Largest packet it takes; none = any, or not told.
    pub packet_len_max: Option<u32>,
    /// Topics it will not let us listen to.
    pub refused: Vec<String>,
    /// Why it does not let us publish; none = it does, or was not asked.
    pub mute: Option<String>,
    /// Topics something live came on.
    pub heard: Vec<String>,
}

/// Why nothing was seen.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LookFault {
    /// It did not take us.
    #[error("it does not take us: {0}")]
    Turned(String),
    /// No answer.
    #[error("it takes connections and does not answer")]
    Silent,
    /// It hung up.
    #[error("it hangs up without a word")]
    Closed,
    /// The version is none of its.
    #[error("it does not speak MQTT 5")]
    Version,
    /// It is something else.
    #[error("it does not speak MQTT: {0}")]
    Other(String),
}

/// Both versions over one kind of stream.
trait Dialect: Sized {
    fn connect(asked: &Asked) -> Self;
    fn subscribe(asked: &Asked) -> Self;
    fn publish(topic: &str, payload: &str) -> Self;
    fn disconnect() -> Self;
    fn put(&self, out: &mut BytesMut) -> Result<(), String>;
    /// The next packet; none until there is a whole one.
    fn take(bytes: &mut BytesMut) -> Result<Option<Heard>, String>;
}

/// What a packet says, as far as a look needs it.
enum Heard {
    Accepted { packet_len_max: Option<u32> },
    Refused(LookFault),
    Granted(Vec<bool>),
    Published { refused: Option<String> },
    Message { topic: String, retained: bool },
    Else,
}

/// Looks at the broker at the other end of `stream`, in MQTT 5.
///
/// # Errors
/// [`LookFault::Version`] if [`look_plainly`] is to be tried over a new
/// stream; else it is no good.
pub fn look(stream: impl Read + Write, asked: &Asked) -> Result<Looked, LookFault> {
    let looked = converse::<v5::Packet>(stream, asked)?;
    Ok(Looked {
        tells_limits: true,
        ..looked
    })
}

/// The same in MQTT 3.1.1, which tells no limits.
///
/// # Errors
/// It is no good.
pub fn look_plainly(stream: impl Read + Write, asked: &Asked) -> Result<Looked, LookFault> {
    converse::<rumqttc::Packet>(stream, asked)
}

fn converse<D: Dialect>(stream: impl Read + Write, asked: &Asked) -> Result<Looked, LookFault> {
    let mut line = Line {
        stream,
        buffer: BytesMut::new(),
    };
    let mut looked = Looked::default();
    line.say(&D::connect(asked))?;
    looked.packet_len_max = line.until::<D, _>(ANSWER_MAX, |heard| match heard {
        Heard::Accepted { packet_len_max } => Some(Ok(packet_len_max)),
        Heard::Refused(why) => Some(Err(why)),
        Heard::Granted(_) | Heard::Published { .. } | Heard::Message { .. } | Heard::Else => None,
    })??;
    let mut heard_on = Vec::new();
    if !asked.topics.is_empty() {
        line.say(&D::subscribe(asked))?;
        let granted = line.until::<D, _>(ANSWER_MAX, |heard| {
            if let Heard::Granted(granted) = heard {
                return Some(granted);
            }
            note(&mut heard_on, heard)
        })?;
        let refused = asked.topics.iter().enumerate();
        let refused = refused.filter(|(i, _)| !granted.get(*i).copied().unwrap_or(false));
        looked.refused = refused.map(|(_, topic)| topic.clone()).collect();
    }
    if let Some((topic, payload)) = &asked.publish {
        line.say(&D::publish(topic, payload))?;
        looked.mute = line.until::<D, _>(ANSWER_MAX, |heard| {
            if let Heard::Published { refused } = heard {
                return Some(refused);
            }
            note(&mut heard_on, heard)
        })?;
    }
    if !asked.topics.is_empty() && heard_on.is_empty() {
        // Nothing is an answer too.
        let listened = line.until::<D, ()>(asked.listen, |heard| {
            note::<()>(&mut heard_on, heard);
            (!heard_on.is_empty()).then_some(())
        });
        drop(listened);
    }
    looked.heard = heard_on;
    // A guest that does not say goodbye is no fault of the broker.
    drop(line.say(&D::disconnect()));
    Ok(looked)
}

/// Keeps the topic of a live message.
fn note<T>(heard_on: &mut Vec<String>, heard: Heard) -> Option<T> {
    if let Heard::Message { topic, retained } = heard
        && !retained
        && heard_on.len() < HEARD_MAX
        && !heard_on.contains(&topic)
    {
        heard_on.push(topic);
    }
    None
}

struct Line<S> {
    stream: S,
    buffer: BytesMut,
}

impl<S: Read + Write> Line<S> {
    fn say(&mut self, packet: &impl Dialect) -> Result<(), LookFault> {
        let mut out = BytesMut::new();
        packet.put(&mut out).map_err(LookFault::Other)?;
        let sent = self.stream.write_all(&out);
        sent.and_then(|()| self.stream.flush())
            .map_err(|why| broken(&why))
    }

    /// What `find` finds in the packets that come. The stream's own time-out
    /// bounds a single read.
    fn until<D: Dialect, T>(
        &mut self,
        within: Duration,
        mut find: impl FnMut(Heard) -> Option<T>,
    ) -> Result<T, LookFault> {
        let waiting = Stopwatch::started();
        loop {
            while let Some(heard) = D::take(&mut self.buffer).map_err(LookFault::Other)? {
                if let Some(found) = find(heard) {
                    return Ok(found);
                }
            }
            if waiting.elapsed() >= within {
                return Err(LookFault::Silent);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(LookFault::Closed),
                Ok(len) => self.buffer.extend_from_slice(&bytes[..len]),
                Err(why) if is_timeout(why.kind()) => {}
                Err(why) => return Err(broken(&why)),
            }
        }
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    [
        ErrorKind::WouldBlock,
        ErrorKind::TimedOut,
        ErrorKind::Interrupted,
    ]
    .contains(&kind)
}

fn broken(why: &std::io::Error) -> LookFault {
    let gone = [
        ErrorKind::ConnectionReset,
        ErrorKind::BrokenPipe,
        ErrorKind::ConnectionAborted,
        ErrorKind::UnexpectedEof,
    ];
    match gone.contains(&why.kind()) {
        true => LookFault::Closed,
        false => LookFault::Other(why.to_string()),
    }
}

impl Dialect for v5::Packet {
    fn connect(asked: &Asked) -> Self {
        let login = asked.credentials.as_ref();
        let login = login.map(|c| v5::Login::new(&c.username, &c.password));
        let connect = v5::Connect {
            keep_alive: 30,
            client_id: asked.client_id.clone(),
            clean_start: true,
            properties: None,
        };
        Self::Connect(connect, None, login)
    }

    fn subscribe(asked: &Asked) -> Self {
        let filters = asked.topics.iter();
        let filters = filters.map(|t| v5::Filter::new(t, rumqttc::v5::mqttbytes::QoS::AtLeastOnce));
        let mut subscribe = v5::Subscribe::new_many(filters, None);
        subscribe.pkid = SUBSCRIBED;
        Self::Subscribe(subscribe)
    }

    fn publish(topic: &str, payload: &str) -> Self {
        let qos = rumqttc::v5::mqttbytes::QoS::AtLeastOnce;
        let mut publish = v5::Publish::new(topic, qos, payload.to_owned(), None);
        publish.pkid = PUBLISHED;
        Self::Publish(publish)
    }

    fn disconnect() -> Self {
        Self::Disconnect(v5::Disconnect::new(
            v5::DisconnectReasonCode::NormalDisconnection,
        ))
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), String> {
        let written = self.write(out, None);
        written.map(drop).map_err(|why| why.to_string())
    }

    fn take(bytes: &mut BytesMut) -> Result<Option<Heard>, String> {
        let limit = u32::try_from(PACKET_LEN_MAX).ok();
        let packet = match Self::read(bytes, limit) {
            Ok(packet) => packet,
            Err(rumqttc::v5::mqttbytes::Error::InsufficientBytes(_)) => return Ok(None),
            Err(why) => return Err(why.to_string()),
        };
        Ok(Some(match packet {
            Self::ConnAck(ack) => v5_taken(&ack),
            Self::SubAck(ack) => {
                let granted = ack.return_codes.iter();
                let granted = granted.map(|c| matches!(c, v5::SubscribeReasonCode::Success(_)));
                Heard::Granted(granted.collect())
            }
            Self::PubAck(ack) => {
                let fine = [
                    v5::PubAckReason::Success,
                    v5::PubAckReason::NoMatchingSubscribers,
                ];
                let refused = !fine.contains(&ack.reason);
                let refused = refused.then(|| format!("{:?}", ack.reason));
                Heard::Published { refused }
            }
            Self::Publish(message) => Heard::Message {
                topic: String::from_utf8_lossy(&message.topic).into_owned(),
                retained: message.retain,
            },
            Self::Disconnect(why) => {
                Heard::Refused(LookFault::Turned(format!("{:?}", why.reason_code)))
            }
            Self::Connect(..)
            | Self::PubRec(_)
            | Self::PubRel(_)
            | Self::PubComp(_)
            | Self::Subscribe(_)
            | Self::Unsubscribe(_)
            | Self::UnsubAck(_)
            | Self::PingReq(_)
            | Self::PingResp(_)
            | Self::Auth(_) => Heard::Else,
        }))
    }
}

fn v5_taken(ack: &v5::ConnAck) -> Heard {
    use v5::ConnectReturnCode as Code;
    let code = ack.code;
    if code == Code::Success {
        let packet_len_max = ack.properties.as_ref().and_then(|p| p.max_packet_size);
        return Heard::Accepted { packet_len_max };
    }
    let version = [
        Code::UnsupportedProtocolVersion,
        Code::RefusedProtocolVersion,
    ];
    Heard::Refused(match version.contains(&code) {
        true => LookFault::Version,
        false => LookFault::Turned(format!("{code:?}")),
    })
}

impl Dialect for rumqttc::Packet {
    fn connect(asked: &Asked) -> Self {
        let mut connect = rumqttc::Connect::new(&asked.client_id);
        connect.keep_alive = 30;
        connect.clean_session = true;
        if let Some(credentials) = &asked.credentials {
            connect.set_login(&credentials.username, &credentials.password);
        }
        Self::Connect(connect)
    }

    fn subscribe(asked: &Asked) -> Self {
        let filters = asked.topics.iter();
        let filters = filters
            .map(|topic| rumqttc::SubscribeFilter::new(topic.clone(), rumqttc::QoS::AtLeastOnce));
        let mut subscribe = rumqttc::Subscribe::new_many(filters);
        subscribe.pkid = SUBSCRIBED;
        Self::Subscribe(subscribe)
    }

    fn publish(topic: &str, payload: &str) -> Self {
        let mut publish =
            rumqttc::Publish::new(topic, rumqttc::QoS::AtLeastOnce, payload.to_owned());
        publish.pkid = PUBLISHED;
        Self::Publish(publish)
    }

    fn disconnect() -> Self {
        Self::Disconnect
    }

    fn put(&self, out: &mut BytesMut) -> Result<(), String> {
        let written = self.write(out, PACKET_LEN_MAX);
        written.map(drop).map_err(|why| why.to_string())
    }

    fn take(bytes: &mut BytesMut) -> Result<Option<Heard>, String> {
        let packet = match Self::read(bytes, PACKET_LEN_MAX) {
            Ok(packet) => packet,
            Err(rumqttc::mqttbytes::Error::InsufficientBytes(_)) => return Ok(None),
            Err(why) => return Err(why.to_string()),
        };
        Ok(Some(match packet {
            Self::ConnAck(ack) if ack.code == ConnectReturnCode::Success => Heard::Accepted {
                packet_len_max: None,
            },
            Self::ConnAck(ack) => Heard::Refused(LookFault::Turned(format!("{:?}", ack.code))),
            Self::SubAck(ack) => {
                let granted = ack.return_codes.iter();
                let granted = granted.map(|c| matches!(c, SubscribeReasonCode::Success(_)));
                Heard::Granted(granted.collect())
            }
            Self::PubAck(_) => Heard::Published { refused: None },
            Self::Publish(message) => Heard::Message {
                retained: message.retain,
                topic: message.topic,
            },
            Self::Connect(_)
            | Self::PubRec(_)
            | Self::PubRel(_)
            | Self::PubComp(_)
            | Self::Subscribe(_)
            | Self::Unsubscribe(_)
            | Self::UnsubAck(_)
            | Self::PingReq
            | Self::PingResp
            | Self::Disconnect => Heard::Else,
        }))
    }
}
