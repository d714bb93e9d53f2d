//! The devices' broker: one connection for all lanes, exact topics only, each
//! message to the lanes that listen to it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lanegate_core::time::Micros;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::RunError;
use super::port::Port;
use crate::config::{BrokerConfig, Source};
use crate::mqtt::{Connection, ConnectionConfig, Credentials, Event, OutboxLimits, Peer};

/// Largest message of a device: a picture in base64 comes with the plates.
const PACKET_LEN_MAX: usize = 1 << 20;

/// A message or a change of a topic, for a lane.
#[derive(Clone, Debug)]
pub(super) enum Heard {
    /// The broker granted the topic: the device's line is open.
    Granted(String),
    /// It refused it, or the connection is gone: nothing comes from it.
    Gone(String),
    /// A message.
    Message {
        topic: String,
        payload: Bytes,
        retained: bool,
    },
}

/// Which lanes listen to which topic.
#[derive(Default)]
pub(super) struct Routes(BTreeMap<String, Vec<mpsc::Sender<Heard>>>);

impl Routes {
    pub(super) fn add(&mut self, topic: &str, lane: &mpsc::Sender<Heard>) {
        self.0.entry(topic.to_owned()).or_default().push(lane.clone());
    }

    async fn tell(&self, topic: &str, heard: &Heard) {
        for lane in self.0.get(topic).into_iter().flatten() {
            // The driver waits: a lane that does not listen is stuck, and the
            // watchdog sees that.
            if lane.send(heard.clone()).await.is_err() {
                return;
            }
        }
    }

    async fn tell_all(&self, heard: impl Fn(String) -> Heard) {
        for topic in self.0.keys() {
            self.tell(topic, &heard(topic.clone())).await;
        }
    }
}

/// Credentials of a broker, from its configuration.
pub(super) fn credentials(
    peer: &'static str,
    broker: &BrokerConfig,
) -> Result<Option<Credentials>, RunError> {
    let Some(username) = broker.username.clone() else {
        return Ok(None);
    };
    let dir = std::env::var_os("CREDENTIALS_DIRECTORY").map(std::path::PathBuf::from);
    let password = broker.password(dir.as_deref());
    let password = password.map_err(|why| RunError::Broker {
        peer,
        why: why.to_string(),
    })?;
    Ok(Some(Credentials {
        username,
        password: password.unwrap_or_default(),
    }))
}

/// What both connections have in common.
pub(super) fn connection_config(
    peer: Peer,
    broker: &BrokerConfig,
    topics: BTreeSet<String>,
) -> Result<ConnectionConfig, RunError> {
    Ok(ConnectionConfig {
        peer,
        host: broker.host.clone(),
        port: broker.port,
        client_id: broker.client_id.clone(),
        credentials: credentials(peer.as_str(), broker)?,
        keep_alive_s: 5,
        packet_size_max: PACKET_LEN_MAX,
        topics,
        will: None,
        outbox: OutboxLimits {
            len_max: 1024,
            bytes_max: 16 << 20,
            window: 32,
        },
        ack_max: Micros::from_s(10),
        retry: (Micros::from_ms(200), Micros::from_s(10)),
    })
}

/// Connects to the devices' broker, if a device's source is messages.
pub(super) fn connect(
    port: &Port,
    routes: Routes,
) -> Result<Option<Connection>, RunError> {
    let Some(broker) = &port.config.device_broker else {
        return Ok(None);
    };
    let topics: BTreeSet<String> = routes.0.keys().cloned().collect();
    if topics.is_empty() {
        return Ok(None);
    }
    let config = connection_config(Peer::Devices, broker, topics)?;
    let started = Connection::start(config, port.shared.clock.clone(), port.stop.clone());
    let (connection, events) = started.map_err(|why| RunError::Broker {
        peer: Peer::Devices.as_str(),
        why: why.to_string(),
    })?;
    tokio::spawn(route(routes, events));
    Ok(Some(connection))
}

async fn route(routes: Routes, mut events: mpsc::Receiver<Event>) {
    while let Some(event) = events.recv().await {
        match event {
            Event::Up { .. } => info!("connected to the devices' broker"),
            Event::Down { why } => {
                warn!(%why, "the devices' broker is gone");
                routes.tell_all(Heard::Gone).await;
            }
            Event::Granted { topic } => {
                let heard = Heard::Granted(topic.clone());
                routes.tell(&topic, &heard).await;
            }
            Event::Refused { topic } => {
                warn!(%topic, "the broker refuses this topic: check its access list");
                let heard = Heard::Gone(topic.clone());
                routes.tell(&topic, &heard).await;
            }
            Event::Message(message) => {
                let heard = Heard::Message {
                    topic: message.topic.clone(),
                    payload: message.payload,
                    retained: message.retained,
                };
                routes.tell(&message.topic, &heard).await;
            }
            Event::Done(_) | Event::Expired(_) => {}
        }
    }
}

/// The topics a device's messages come on.
pub(super) fn topics(source: &Source) -> &[String] {
    match source {
        Source::Mqtt(mqtt) => &mqtt.topics,
        Source::Serial(_) => &[],
    }
}
