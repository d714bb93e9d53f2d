//! Starts the drivers of all lanes: a thread a serial port, a task a camera.

use std::collections::BTreeSet;

use lanegate_core::lane::Event;
use lanegate_core::model::DeviceId;
use lanegate_core::time::Micros;
use tokio_util::sync::CancellationToken;

use super::RunError;
use super::port::Port;
use crate::config::{BrokerConfig, DeviceConfig, LaneSetup, Source};
use crate::device::{
    Board, BoardHandle, Camera, Recaptures, Running, Stream, Surroundings, start_board,
    start_cameras, start_stream,
};
use crate::metrics::queues::Sender;
use crate::mqtt::{Connection, ConnectionConfig, Credentials, OutboxLimits, Peer};

/// Largest message of a device: a picture in base64 comes with the plates.
const PACKET_LEN_MAX: usize = 1 << 20;

/// Credentials of a broker, from its configuration.
fn credentials(peer: Peer, broker: &BrokerConfig) -> Result<Option<Credentials>, RunError> {
    let Some(username) = broker.username.clone() else {
        return Ok(None);
    };
    let dir = std::env::var_os("CREDENTIALS_DIRECTORY").map(std::path::PathBuf::from);
    let password = broker.password(dir.as_deref());
    let password = password.map_err(|why| RunError::Broker {
        peer: peer.as_str(),
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
        credentials: credentials(peer, broker)?,
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

/// A broker's configuration that cannot work.
pub(super) fn broker_fault(peer: Peer, why: impl std::fmt::Display) -> RunError {
    RunError::Broker {
        peer: peer.as_str(),
        why: why.to_string(),
    }
}

pub(super) fn stream(
    device: &DeviceConfig,
    settle: Micros,
    around: &Surroundings,
) -> Result<Stream, RunError> {
    let made = Stream::new(device.clone(), settle, around.clock.mono());
    made.map_err(|why| RunError::Device {
        device: device.id.to_string(),
        why: why.to_string(),
    })
}

/// Starts the threads of one lane's serial ports.
pub(super) fn start_serial(
    setup: &LaneSetup,
    around: &Surroundings,
) -> Result<(Vec<Running>, BoardHandle), RunError> {
    let system = |source| RunError::System {
        what: "a thread for a serial port",
        source,
    };
    let board = Board::new(setup.io.clone(), around.clock.mono());
    let (board, handle) =
        start_board(board, setup.io.line.clone(), around.clone()).map_err(system)?;
    let mut running = vec![board];
    for device in &setup.devices {
        if let Source::Serial(line) = &device.source {
            let stream = stream(device, setup.config.settle, around)?;
            let started = start_stream(stream, line.clone(), around.clone());
            running.push(started.map_err(system)?);
        }
    }
    Ok((running, handle))
}

/// Connects to the devices' broker and starts a task for each device behind
/// it; must run within the lanes' runtime.
pub(super) fn start_behind_broker(
    port: &Port,
    lanes: &[(LaneSetup, Sender<Event>)],
    stop: &CancellationToken,
) -> Result<(Vec<Running>, Option<Recaptures>), RunError> {
    let mut cameras = Vec::new();
    let mut topics = BTreeSet::new();
    for (setup, events) in lanes {
        let around = surroundings(port, events.clone(), stop);
        for device in &setup.devices {
            if let Source::Mqtt(source) = &device.source {
                topics.extend(source.topics.iter().cloned());
                cameras.push(Camera {
                    stream: stream(device, setup.config.settle, &around)?,
                    source: source.clone(),
                    around: around.clone(),
                });
            }
        }
    }
    let Some(broker) = port
        .config
        .device_broker
        .as_ref()
        .filter(|_| !cameras.is_empty())
    else {
        return Ok((Vec::new(), None));
    };
    let config = connection_config(Peer::Devices, broker, topics)?;
    let clock = port.shared.clock.clone();
    let started = Connection::start(config, clock.clone(), stop.clone());
    let (connection, events) = started.map_err(|why| broker_fault(Peer::Devices, why))?;
    port.shared
        .show_link(Peer::Devices, connection.watch_status());
    let (running, recaptures) = start_cameras(cameras, connection, events, clock);
    Ok((running, Some(recaptures)))
}

/// What a driver is given.
pub(super) fn surroundings(
    port: &Port,
    events: Sender<Event>,
    stop: &CancellationToken,
) -> Surroundings {
    Surroundings {
        clock: port.shared.clock.clone(),
        events,
        stop: stop.clone(),
    }
}

/// Whether a device belongs to a lane.
pub(super) fn is_of(setup: &LaneSetup, device: &DeviceId) -> bool {
    setup.devices.iter().any(|d| d.id == *device)
}
