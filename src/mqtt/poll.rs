//! The task that only polls. Nothing it awaits depends on the client's own
//! queue, and it is never cancelled between two packets while in use.

use std::path::Path;
use std::time::Duration;

use lanegate_core::time::Micros;
use rumqttc::{
    AsyncClient, ConnectionError, EventLoop, LastWill, MqttOptions, NetworkOptions, QoS, Transport,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{ConnectionConfig, Peer, WINDOW_MAX};
use crate::metrics::queues::{self, Level, Queue, Sender};

/// Events not yet looked at. A slow reader stops the socket, not the memory.
const EVENTS_MAX: usize = 64;
/// Requests handed to the client and not yet looked at by it.
const REQUESTS_MAX: usize = 128;
/// The client's own limit; above our window, so that it never applies.
const INFLIGHT: u16 = 100;
const CONNECT_MAX: Micros = Micros::from_s(5);

/// What one network connection yields.
pub(super) type Polled = Result<rumqttc::Event, ConnectionError>;

/// One network connection with a client of its own. Dropping it closes the
/// socket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) client: AsyncClient,
    /// What the client was handed and has not looked at.
    pub(super) requests: Level,
    pub(super) events: mpsc::Receiver<Polled>,
    poller: JoinHandle<()>,
}

impl Socket {
    /// `through` is the socket of ours that TLS is carried from.
    pub(super) fn open(config: &ConnectionConfig, through: Option<&Path>) -> Self {
        const { assert!(WINDOW_MAX < INFLIGHT as usize) };
        let (client, mut eventloop) = AsyncClient::new(options(config, through), REQUESTS_MAX);
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(CONNECT_MAX.as_ms() / 1000);
        network.set_tcp_nodelay(true);
        eventloop.set_network_options(network);
        let (sender, events) = queues::channel(Queue::MqttPackets, EVENTS_MAX);
        let poller = tokio::spawn(poll(eventloop, sender));
        Self {
            client,
            requests: Level::new(Queue::MqttRequests, REQUESTS_MAX),
            events,
            poller,
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.poller.abort();
    }
}

/// Ends at the first error: what the event loop would carry over a
/// reconnect is not wanted.
async fn poll(mut eventloop: EventLoop, events: Sender<Polled>) {
    while let Ok(room) = events.reserve().await {
        let polled = eventloop.poll().await;
        let ended = polled.is_err();
        room.send(polled);
        if ended {
            break;
        }
    }
}

fn options(config: &ConnectionConfig, through: Option<&Path>) -> MqttOptions {
    let host = match through {
        Some(path) => path.to_string_lossy(),
        None => config.host.as_str().into(),
    };
    let mut options = MqttOptions::new(&config.client_id, host, config.port);
    if through.is_some() {
        options.set_transport(Transport::Unix);
    }
    // The packet size first: its default of 10 KiB loses pictures for ever.
    options
        .set_max_packet_size(config.packet_size_max, config.packet_size_max)
        .set_keep_alive(Duration::from_secs(u64::from(config.keep_alive_s)))
        .set_inflight(INFLIGHT)
        .set_clean_session(config.peer == Peer::Devices)
        .set_manual_acks(config.peer == Peer::Authority);
    if let Some(credentials) = &config.credentials {
        options.set_credentials(&credentials.username, &credentials.password);
    }
    if let Some(will) = &config.will {
        options.set_last_will(LastWill {
            topic: will.topic.clone(),
            message: will.payload.clone(),
            qos: QoS::AtLeastOnce,
            retain: true,
        });
    }
    options
}
