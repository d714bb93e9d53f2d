//! Starts the drivers of all lanes: a thread a serial port, a task a camera.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use lanegate_core::lane::Event;
use lanegate_core::model::DeviceId;
use lanegate_core::time::Micros;
use tokio_util::sync::CancellationToken;

use super::RunError;
use super::pictures::keeper;
use super::port::Port;
use crate::config::{BrokerConfig, DeviceConfig, LaneSetup, MqttSource, Secured};
use crate::device::{
    Board, BoardHandle, Camera, Outlet, Pictures, Recaptures, Running, SignDriver, SignHandle,
    Stream, Surroundings, board_handle, sign_handle, start_board, start_cameras, start_sign,
    start_stream,
};
use crate::metrics::queues::Sender;
use crate::mqtt::{Connection, ConnectionConfig, Credentials, OutboxLimits, Peer, TlsEnd};
use crate::turns::BackTurns;

/// Largest message of a device: a picture in base64 comes with the plates.
const PACKET_LEN_MAX: usize = 1 << 20;

/// Credentials of a broker, from its configuration.
fn credentials(peer: Peer, broker: &BrokerConfig) -> Result<Option<Credentials>, RunError> {
    let Some(username) = broker.username.clone() else {
        return Ok(None);
    };
    let dir = crate::config::credentials_dir();
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
    socket: &Path,
    turns: &BackTurns,
) -> Result<ConnectionConfig, RunError> {
    let turns = match peer {
        Peer::Authority => ("line", turns.line.clone()),
        Peer::Devices => ("devices", turns.devices.clone()),
    };
    Ok(ConnectionConfig {
        peer,
        host: broker.host.clone(),
        port: broker.port,
        tls: tls(peer, broker, socket),
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
        turns,
    })
}

/// TLS goes by way of a directory beside the daemon's own socket, which no other
/// daemon has.
fn tls(peer: Peer, broker: &BrokerConfig, socket: &Path) -> Option<TlsEnd> {
    let Secured::Tls(files) = &broker.secured else {
        return None;
    };
    let dir = format!("{}.{}", socket.display(), peer.as_str());
    Some(TlsEnd {
        files: files.clone(),
        dir: dir.into(),
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

/// Where a lane's board and sign take what they are told.
#[derive(Clone, Debug, Default)]
pub(super) struct Handles {
    pub(super) board: Option<BoardHandle>,
    pub(super) sign: Option<SignHandle>,
}

/// Starts the threads of one lane's lines.
pub(super) fn start_lines(
    setup: &LaneSetup,
    around: &Surroundings,
    handles: &mut Handles,
) -> Result<Vec<Running>, RunError> {
    let system = |source| RunError::System {
        what: "a thread for a device",
        source,
    };
    let now = around.clock.mono();
    let mut running = Vec::new();
    if let Some(line) = setup.io.source.line() {
        let board = Board::new(setup.io.clone(), now);
        let (board, handle) = start_board(board, line, around.clone()).map_err(system)?;
        running.push(board);
        handles.board = Some(handle);
    }
    if let Some(config) = &setup.sign
        && let Some(line) = config.source.line()
    {
        let sign = SignDriver::new(config.clone(), now);
        let (sign, handle) = start_sign(sign, line, around.clone()).map_err(system)?;
        running.push(sign);
        handles.sign = Some(handle);
    }
    for device in &setup.devices {
        if let Some(line) = device.source.line() {
            let stream = stream(device, setup.config.settle, around)?;
            running.push(start_stream(stream, line, around.clone()).map_err(system)?);
        }
    }
    Ok(running)
}

/// What runs behind the devices' broker.
#[derive(Default)]
pub(super) struct BehindBroker {
    pub(super) running: Vec<Running>,
    pub(super) recaptures: Option<Recaptures>,
    /// Ends the connection, once its devices have ended: boards behind it are
    /// told to switch off first.
    pub(super) stop: CancellationToken,
    /// By the lane's place in the configuration.
    pub(super) handles: BTreeMap<usize, Handles>,
}

/// Connects to the devices' broker and starts a task for each device behind
/// it; must run within the lanes' runtime.
pub(super) fn start_behind_broker(
    port: &Port,
    lanes: &[(LaneSetup, Sender<Event>)],
    pictures: Option<&Arc<Pictures>>,
    stop: &CancellationToken,
) -> Result<BehindBroker, RunError> {
    let mut behind = BehindBroker::default();
    let (mut cameras, mut outlets) = (Vec::new(), Vec::new());
    let mut topics = BTreeSet::new();
    for (n, (setup, events)) in lanes.iter().enumerate() {
        let around = surroundings(port, events.clone(), stop);
        for device in &setup.devices {
            if let Some(source) = device.source.mqtt() {
                topics.extend(source.topics.iter().cloned());
                cameras.push(Camera {
                    stream: stream(device, setup.config.settle, &around)?,
                    source: source.clone(),
                    around: around.clone(),
                    pictures: keeper(pictures, device),
                });
            }
        }
        let handles = behind.handles.entry(n).or_default();
        for (outlet, source) in told(setup, handles, &around) {
            topics.extend(source.topics.iter().cloned());
            outlets.push((outlet, source, around.clone()));
        }
    }
    let broker = port.config.device_broker.as_ref();
    let Some(broker) = broker.filter(|_| !cameras.is_empty() || !outlets.is_empty()) else {
        return Ok(behind);
    };
    let turns = &port.shared.turns;
    let socket = &port.config.socket;
    let config = connection_config(Peer::Devices, broker, topics, socket, turns)?;
    let clock = port.shared.clock.clone();
    let started = Connection::start(config, clock.clone(), behind.stop.clone());
    let (connection, events) = started.map_err(|why| broker_fault(Peer::Devices, why))?;
    port.shared
        .show_link(Peer::Devices, connection.watch_status());
    let (running, recaptures) =
        start_cameras(cameras, outlets, connection, events, clock, &turns.router);
    behind.running = running;
    behind.recaptures = Some(recaptures);
    Ok(behind)
}

/// A lane's board and sign, as far as they are told in messages.
fn told(
    setup: &LaneSetup,
    handles: &mut Handles,
    around: &Surroundings,
) -> Vec<(Outlet, MqttSource)> {
    let now = around.clock.mono();
    let mut outlets = Vec::new();
    if let Some(source) = setup.io.source.mqtt() {
        let (handle, commands) = board_handle();
        handles.board = Some(handle);
        let board = Box::new(Board::new(setup.io.clone(), now));
        outlets.push((Outlet::Board(board, commands), source.clone()));
    }
    if let Some(config) = &setup.sign
        && let Some(source) = config.source.mqtt()
    {
        let (handle, shown) = sign_handle();
        handles.sign = Some(handle);
        let sign = Box::new(SignDriver::new(config.clone(), now));
        outlets.push((Outlet::Sign(sign, shown), source.clone()));
    }
    outlets
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
    setup.sources().any(|(id, _, _)| id == device)
}
