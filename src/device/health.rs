//! Whether a device is alive: measured by whole frames, never by what a
//! status message claims (a will may come late, "online" may be a lie).

use lanegate_core::lane::Event;
use lanegate_core::model::{DeviceId, DeviceState};
use lanegate_core::time::{Micros, Mono};

/// Counts of one device, for metrics and `status`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Whole frames.
    pub frames: u64,
    /// Bytes that were no frame.
    pub noise_bytes: u64,
    /// All bytes.
    pub bytes: u64,
    /// Questions that were not answered.
    pub timeouts: u64,
    /// Times the port or session was opened.
    pub opens: u64,
}

/// One device's health.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    device: DeviceId,
    state: DeviceState,
    since: Mono,
    last_frame: Option<Mono>,
    /// Silence counts from here before the first frame.
    begun: Mono,
    late: Micros,
    lost: Micros,
}

impl Health {
    pub(crate) const fn new(device: DeviceId, late: Micros, lost: Micros, now: Mono) -> Self {
        Self {
            device,
            state: DeviceState::Late,
            since: now,
            last_frame: None,
            begun: now,
            late,
            lost,
        }
    }

    pub(crate) const fn state(&self) -> DeviceState {
        self.state
    }

    pub(crate) const fn since(&self) -> Mono {
        self.since
    }

    pub(crate) const fn last_frame(&self) -> Option<Mono> {
        self.last_frame
    }

    /// A whole frame came.
    pub(crate) fn frame(&mut self, now: Mono) -> Option<Event> {
        self.last_frame = Some(now);
        self.change(DeviceState::Ok, now)
    }

    /// The device cannot be heard: its port is gone, its subscription refused.
    pub(crate) fn gone(&mut self, now: Mono) -> Option<Event> {
        self.change(DeviceState::Lost, now)
    }

    /// Lets time pass.
    pub(crate) fn expire(&mut self, now: Mono) -> Option<Event> {
        let silent = now.since(self.last_frame.unwrap_or(self.begun));
        if silent >= self.lost {
            self.change(DeviceState::Lost, now)
        } else if silent >= self.late && self.state == DeviceState::Ok {
            self.change(DeviceState::Late, now)
        } else {
            None
        }
    }

    /// When [`Self::expire`] next changes something.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        let heard = self.last_frame.unwrap_or(self.begun);
        match self.state {
            DeviceState::Ok => Some(heard + self.late),
            DeviceState::Late => Some(heard + self.lost),
            DeviceState::Lost => None,
        }
    }

    fn change(&mut self, to: DeviceState, now: Mono) -> Option<Event> {
        if self.state == to {
            return None;
        }
        self.state = to;
        self.since = now;
        let device = self.device.clone();
        Some(match to {
            DeviceState::Ok => Event::DeviceBack(device),
            DeviceState::Late => Event::DeviceLate(device),
            DeviceState::Lost => Event::DeviceLost(device),
        })
    }
}
