//! One lane of the simulated port: the shipped state machine and drivers, with
//! the world's bytes instead of ports.

use std::sync::Arc;

use firmware_sim::LaneLayout;
use lanegate_core::clearance::Policy;
use lanegate_core::lane::{Command, Event, Lane, Recovery};
use lanegate_core::model::DeviceId;
use lanegate_core::time::{Mono, Now};

use crate::config::{LaneSetup, Source};
use crate::device::{Board, BoardCommand, Stream, Why};

/// Where bytes of a device come from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Line {
    /// A logical serial port.
    Port(String),
    /// Topics.
    Topics(Vec<String>),
}

impl Line {
    fn is_port(&self, port: &str) -> bool {
        matches!(self, Self::Port(own) if own == port)
    }
}

struct Device {
    line: Line,
    /// Where it is asked to read again, and its serial number.
    recapture: Option<(Vec<String>, String)>,
    stream: Stream,
}

/// A lane with its drivers.
pub(super) struct SimLane {
    pub(super) name: String,
    core: Lane,
    board: Board,
    io_port: String,
    /// By their names; a handful, and walked many times a simulated second.
    devices: Vec<Device>,
    /// Something was handed in since it was last drained.
    stirred: bool,
    /// The next deadline, as of the last drain.
    due: Option<Mono>,
}

impl SimLane {
    pub(super) fn new(
        setup: &LaneSetup,
        layout: &LaneLayout,
        policy: &Arc<Policy>,
        recovery: Recovery,
        now: Now,
    ) -> Self {
        let mut board = Board::new(setup.io.clone(), now.mono);
        board.opened(now);
        let settle = setup.config.settle;
        let mut devices = Vec::with_capacity(setup.devices.len());
        for device in &setup.devices {
            let mut stream = Stream::new(device.clone(), settle, now.mono)
                .expect("the configuration was checked");
            stream.opened(now.mono);
            let (line, recapture) = match &device.source {
                Source::Serial(line) => {
                    let path = line.path.to_string_lossy();
                    let port = path.strip_prefix("/dev/sim/").unwrap_or(&path);
                    (Line::Port(port.to_owned()), None)
                }
                Source::Tcp(address) => (Line::Port(address.to_string()), None),
                Source::Listen(listen) => (Line::Port(listen.address.to_string()), None),
                // No simulated camera posts, or is asked.
                Source::Http(_) | Source::Pull(_) => (Line::Topics(Vec::new()), None),
                Source::Mqtt(mqtt) => (
                    Line::Topics(mqtt.topics.clone()),
                    mqtt.sn
                        .clone()
                        .map(|sn| (mqtt.recapture_topics.clone(), sn)),
                ),
            };
            devices.push(Device {
                line,
                recapture,
                stream,
            });
        }
        devices.sort_by(|a, b| a.stream.id().cmp(b.stream.id()));
        Self {
            core: Lane::new(
                Arc::new(setup.config.clone()),
                policy.clone(),
                recovery,
                now,
            ),
            name: layout.lane.clone(),
            board,
            io_port: layout.io_port.clone(),
            devices,
            stirred: true,
            due: None,
        }
    }

    pub(super) fn command(&mut self, command: BoardCommand, now: Now) {
        self.stirred = true;
        self.board.command(command, now);
    }

    pub(super) fn handle_event(&mut self, event: Event, now: Now) {
        self.stirred = true;
        self.core.handle_event(event, now);
    }

    pub(super) fn poll_command(&mut self) -> Option<Command> {
        self.core.poll_command()
    }

    pub(super) const fn fault(&self) -> Option<&'static str> {
        self.core.fault()
    }

    /// Whether there is anything to drain.
    pub(super) const fn stirred(&self) -> bool {
        self.stirred
    }

    /// Everything was drained: until something is handed in, or its deadline
    /// comes, this lane has nothing to do.
    pub(super) fn rests(&mut self) {
        self.stirred = false;
        let lane = self.core.poll_timeout().map(|(at, _)| at);
        let drivers = self.devices.iter().map(|d| d.stream.poll_timeout());
        let all = drivers.chain([lane, self.board.poll_timeout()]);
        self.due = all.flatten().min();
    }

    /// Where `device` is asked to read again, and its serial number.
    pub(super) fn recapture(&self, device: &DeviceId) -> Option<(Vec<String>, String)> {
        let asked = self.devices.iter().find(|d| d.stream.id() == device);
        asked?.recapture.clone()
    }

    /// Bytes of a logical port; true if it is one of this lane's.
    pub(super) fn bytes(&mut self, port: &str, bytes: &[u8], now: Now) -> bool {
        if port == self.io_port {
            self.stirred = true;
            self.board.bytes(bytes, now);
            return true;
        }
        let device = self.devices.iter_mut().find(|d| d.line.is_port(port));
        if let Some(device) = device {
            self.stirred = true;
            device.stream.bytes(bytes, now);
            return true;
        }
        false
    }

    /// A message of a topic; true if it is one of this lane's.
    pub(super) fn message(
        &mut self,
        topic: &str,
        payload: &[u8],
        retained: bool,
        now: Now,
    ) -> bool {
        let mut heard = false;
        for device in self.devices.iter_mut() {
            if let Line::Topics(topics) = &device.line
                && topics.iter().any(|t| t == topic)
            {
                device.stream.message(payload, retained, now);
                heard = true;
            }
        }
        self.stirred |= heard;
        heard
    }

    /// A logical port vanished, or is there again.
    pub(super) fn port(&mut self, port: &str, open: bool, now: Now) {
        if port == self.io_port {
            self.stirred = true;
            if open {
                self.board.opened(now);
            } else {
                self.board.closed(Why::Gone, now);
            }
        }
        for device in self.devices.iter_mut().filter(|d| d.line.is_port(port)) {
            self.stirred = true;
            if open {
                device.stream.opened(now.mono);
            } else {
                device.stream.closed(Why::Gone, now);
            }
        }
    }

    /// The devices' broker is gone, or there again.
    pub(super) fn broker(&mut self, up: bool, now: Now) {
        self.stirred = true;
        let topics = |d: &&mut Device| matches!(d.line, Line::Topics(_));
        for device in self.devices.iter_mut().filter(topics) {
            if up {
                device.stream.opened(now.mono);
            } else {
                let why = Why::Broker("the connection was lost".to_owned());
                device.stream.closed(why, now);
            }
        }
    }

    /// Lets time pass for the drivers and the lane.
    pub(super) fn handle_timeout(&mut self, now: Now) {
        if self.due.is_none_or(|at| at > now.mono) {
            return;
        }
        self.stirred = true;
        if self.board.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.board.handle_timeout(now);
        }
        if self.board.take_reopen() {
            self.board.opened(now);
        }
        for device in self.devices.iter_mut() {
            if device
                .stream
                .poll_timeout()
                .is_some_and(|at| at <= now.mono)
            {
                device.stream.handle_timeout(now);
            }
        }
        let due = self.core.poll_timeout();
        if due.is_some_and(|(at, _)| at <= now.mono) {
            self.core.handle_timeout(now);
        }
    }

    /// The next thing a driver saw.
    pub(super) fn poll_event(&mut self) -> Option<Event> {
        let board = self.board.poll_event();
        board.or_else(|| self.devices.iter_mut().find_map(|d| d.stream.poll_event()))
    }

    /// The next bytes a driver writes.
    pub(super) fn poll_sent(&mut self) -> Option<(String, Vec<u8>)> {
        if let Some(bytes) = self.board.poll_transmit() {
            return Some((self.io_port.clone(), bytes));
        }
        self.devices.iter_mut().find_map(|d| {
            let bytes = d.stream.poll_transmit()?;
            match &d.line {
                Line::Port(port) => Some((port.clone(), bytes)),
                Line::Topics(_) => None,
            }
        })
    }

    /// The next deadline of the lane or its drivers.
    pub(super) const fn next(&self) -> Option<Mono> {
        self.due
    }
}
