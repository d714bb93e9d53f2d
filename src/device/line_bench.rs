//! A driver on a line that tests play the other end of, and its lane's end.

use std::time::Duration;

use lanegate_core::lane::{Event, Role};
use lanegate_core::model::DeviceId;
use lanegate_core::time::Micros;
use lanegate_core::wire::Settings;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Running, Seen, Stream, Surroundings, start_stream};
use crate::clock::{Clock, ClockConfig};
use crate::config::{DeviceConfig, Source, Undated};
use crate::metrics::queues::{self, Queue};

/// Nothing that is waited for takes longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A running driver.
pub(super) struct LineBench {
    pub(super) running: Running,
    events: mpsc::Receiver<Event>,
    stop: CancellationToken,
}

/// A device that speaks `protocol` over `source`.
pub(super) fn device(id: &str, role: Role, protocol: &str, source: Source) -> DeviceConfig {
    DeviceConfig {
        id: DeviceId::parse(id).unwrap(),
        role,
        protocol: protocol.to_owned(),
        settings: Settings::new(),
        source,
        scale: None,
        late: Micros::from_s(30),
        undated: Undated::Arrival,
        lost: Micros::from_s(60),
    }
}

impl LineBench {
    pub(super) fn start(device: DeviceConfig) -> Self {
        let clock = ClockConfig {
            rtc_trusted: true,
            mark: None,
            hold: Micros::from_s(600),
        };
        let (to, events) = queues::channel(Queue::LaneEvents, 64);
        let around = Surroundings {
            clock: Clock::start(clock, None),
            events: to,
            stop: CancellationToken::new(),
        };
        let line = device.source.line().unwrap();
        let stream = Stream::new(device, Micros::from_ms(100), around.clock.mono()).unwrap();
        let stop = around.stop.clone();
        let running = start_stream(stream, line, around).unwrap();
        Self {
            running,
            events,
            stop,
        }
    }

    pub(super) async fn event(&mut self) -> Event {
        let event = timeout(PATIENCE, self.events.recv()).await;
        event.expect("something happens").expect("it runs")
    }

    pub(super) async fn seen(&mut self, wanted: impl Fn(&Seen) -> bool) -> Seen {
        let seen = timeout(PATIENCE, self.running.seen.wait_for(wanted)).await;
        seen.expect("it comes to that").unwrap().clone()
    }

    pub(super) async fn end(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.running.ended())
            .await
            .expect("it stops");
    }
}
