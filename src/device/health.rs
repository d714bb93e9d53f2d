//! Whether a device is alive: measured by whole frames, never by what a
//! status message claims (a will may come late, "online" may be a lie, case
//! c59). Sans-IO.
//!
//! ```text
//!        frame         none for `late`         none for `lost`, or gone
//! Late ---------> Ok ------------------> Late -------------------------> Lost
//!                  ^                                                       |
//!                  +---------------------- frame --------------------------+
//! ```

use lanegate_core::lane::Event;
use lanegate_core::model::{DeviceId, DeviceState};
use lanegate_core::time::{Micros, Mono};
use lanegate_core::wire::Hint;

use super::why::{Via, Why};

/// Counts of one device, for metrics and `status`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Whole frames.
    pub frames: u64,
    /// Bytes that were no frame.
    pub noise_bytes: u64,
    /// Runs of such bytes.
    pub noise_runs: u64,
    /// All bytes.
    pub bytes: u64,
    /// Questions that were not answered.
    pub timeouts: u64,
    /// Questions that were refused.
    pub refusals: u64,
    /// Times the port or session was opened.
    pub opens: u64,
    /// Connections not taken, where it dials in: from elsewhere, or a second.
    pub strangers: u64,
}

/// One device's health.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    device: DeviceId,
    via: Via,
    state: DeviceState,
    why: Option<Why>,
    since: Mono,
    last_frame: Option<Mono>,
    /// Silence counts from here before the first frame.
    begun: Mono,
    late: Micros,
    lost: Micros,
}

impl Health {
    pub(crate) const fn new(
        device: DeviceId,
        via: Via,
        (late, lost): (Micros, Micros),
        now: Mono,
    ) -> Self {
        Self {
            device,
            via,
            state: DeviceState::Late,
            why: None,
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

    pub(crate) const fn why(&self) -> Option<&Why> {
        self.why.as_ref()
    }

    pub(crate) const fn last_frame(&self) -> Option<Mono> {
        self.last_frame
    }

    /// A whole frame came.
    pub(crate) fn frame(&mut self, now: Mono) -> Option<Event> {
        self.last_frame = Some(now);
        self.why = None;
        self.change(DeviceState::Ok, now)
    }

    /// Its line stands: all there is to know of a device that is silent by its
    /// nature.
    pub(crate) fn stands(&mut self, now: Mono) -> Option<Event> {
        self.why = None;
        self.change(DeviceState::Ok, now)
    }

    /// The device cannot be heard: its port is gone, its subscription refused.
    pub(crate) fn gone(&mut self, why: Why, now: Mono) -> Option<Event> {
        self.why = Some(why);
        self.change(DeviceState::Lost, now)
    }

    /// What came was no frame.
    pub(crate) fn noise(&mut self, hint: Option<Hint>) {
        self.blame(Why::Noise(self.via.clone(), hint));
    }

    /// A question was not answered.
    pub(crate) fn no_answer(&mut self) {
        self.blame(Why::NoAnswer(self.via.clone()));
    }

    /// Something is wrong that alone does not make it lost.
    pub(crate) fn blame(&mut self, why: Why) {
        self.why = Some(why);
    }

    /// Lets time pass.
    pub(crate) fn expire(&mut self, now: Mono) -> Option<Event> {
        let silent = now.since(self.last_frame.unwrap_or(self.begun));
        let event = if silent >= self.lost {
            self.change(DeviceState::Lost, now)
        } else if silent >= self.late && self.state == DeviceState::Ok {
            self.change(DeviceState::Late, now)
        } else {
            None
        };
        if event.is_some() && self.why.is_none() {
            self.why = Some(Why::Silent(self.via.clone()));
        }
        event
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

/// The share of noise in what came of late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoiseShare {
    /// Bytes and noise of this window and the one before.
    windows: [(u64, u64); 2],
    since: Mono,
}

impl NoiseShare {
    const WINDOW: Micros = Micros::from_s(10);

    pub(crate) const fn new(now: Mono) -> Self {
        Self {
            windows: [(0, 0); 2],
            since: now,
        }
    }

    /// So many bytes came, so many turned out to be noise.
    pub(crate) fn add(&mut self, bytes: usize, noise: usize, now: Mono) {
        if now.since(self.since) >= Self::WINDOW {
            self.windows = [self.windows[1], (0, 0)];
            self.since = now;
        }
        self.windows[1].0 += bytes as u64;
        self.windows[1].1 += noise as u64;
    }

    /// In thousandths.
    pub(crate) fn permille(&self) -> u16 {
        let sum = |s: (u64, u64), w: &(u64, u64)| (s.0 + w.0, s.1 + w.1);
        let (all, noise) = self.windows.iter().fold((0, 0), sum);
        let permille = (noise * 1000).checked_div(all).unwrap_or(0);
        u16::try_from(permille.min(1000)).unwrap_or(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono(ms * 1000)
    }

    fn id() -> DeviceId {
        DeviceId::parse("cam-1").unwrap()
    }

    fn watched() -> Health {
        let silence = (Micros::from_ms(1000), Micros::from_ms(3000));
        Health::new(id(), Via::Line, silence, at(0))
    }

    #[test]
    fn a_device_is_late_then_lost_then_back_each_said_once() {
        let mut health = watched();
        assert_eq!(health.frame(at(100)), Some(Event::DeviceBack(id())));
        assert_eq!(health.frame(at(200)), None);
        assert_eq!(health.deadline(), Some(at(1200)));
        assert_eq!(health.expire(at(1199)), None);
        assert_eq!(health.expire(at(1200)), Some(Event::DeviceLate(id())));
        assert_eq!(health.expire(at(3199)), None);
        assert_eq!(health.expire(at(3200)), Some(Event::DeviceLost(id())));
        assert_eq!(health.expire(at(9000)), None);
        assert_eq!(health.frame(at(9001)), Some(Event::DeviceBack(id())));
        assert_eq!(health.why(), None);
    }

    #[test]
    fn a_device_that_never_spoke_is_lost_after_its_time() {
        let mut health = watched();
        assert_eq!(health.expire(at(2999)), None);
        assert_eq!(health.expire(at(3000)), Some(Event::DeviceLost(id())));
        assert_eq!(health.why(), Some(&Why::Silent(Via::Line)));
    }

    #[test]
    fn a_device_given_up_on_is_lost_at_once_and_said_once() {
        let mut health = watched();
        health.frame(at(10));
        let why = Why::Refused("device/b/up".to_owned());
        assert_eq!(
            health.gone(why.clone(), at(20)),
            Some(Event::DeviceLost(id()))
        );
        assert_eq!(health.gone(why, at(30)), None);
        let words = health.why().unwrap().to_string();
        assert!(words.contains("device/b/up"), "{words}");
    }

    #[test]
    fn the_share_of_noise_is_of_the_last_seconds() {
        let mut share = NoiseShare::new(at(0));
        assert_eq!(share.permille(), 0);
        share.add(100, 50, at(0));
        assert_eq!(share.permille(), 500);
        for tick in 1..=30 {
            share.add(12, 0, at(tick * 1000));
        }
        assert_eq!(share.permille(), 0);
    }
}
