//! A lane's sign, sans-IO: what it is to show goes out at once and again from
//! time to time, since a sign that restarted has forgotten it. A sign is no
//! evidence and moves nothing: whether it is there changes no verdict.

use lanegate_core::lane::Event;
use lanegate_core::model::{DeviceId, DeviceState};
use lanegate_core::time::{Micros, Mono};
use lanegate_core::wire::sign::{Shown, SignWire};

use super::health::Counts;
use super::why::Why;
use crate::config::SignConfig;

/// A sign.
pub struct SignDriver {
    id: DeviceId,
    wire: SignWire,
    repeat: Micros,
    shown: Option<Shown>,
    state: DeviceState,
    since: Mono,
    why: Option<Why>,
    /// When it is told next; none = nothing to tell, or nobody to.
    due: Option<Mono>,
    counts: Counts,
}

impl SignDriver {
    /// A sign not yet told anything.
    #[must_use]
    pub fn new(config: SignConfig, now: Mono) -> Self {
        Self {
            id: config.id,
            wire: config.wire,
            repeat: config.repeat,
            shown: None,
            state: DeviceState::Late,
            since: now,
            why: None,
            due: None,
            counts: Counts::default(),
        }
    }

    /// The line was (re)opened.
    pub fn opened(&mut self, now: Mono) {
        self.counts.opens += 1;
        self.why = None;
        self.turn(DeviceState::Ok, now);
        self.due = self.shown.is_some().then_some(now);
    }

    /// The line is gone.
    pub fn closed(&mut self, why: Why, now: Mono) {
        self.why = Some(why);
        self.turn(DeviceState::Lost, now);
        self.due = None;
    }

    /// Shows this from now on.
    pub fn show(&mut self, shown: Shown, now: Mono) {
        if self.state == DeviceState::Ok {
            self.due = Some(now);
        }
        self.shown = Some(shown);
    }

    /// Some signs say that they understood: not needed, counted.
    pub const fn bytes(&mut self, len: usize) {
        self.counts.bytes += len as u64;
    }

    /// The next message to it.
    pub fn poll_transmit(&mut self, now: Mono) -> Option<Vec<u8>> {
        self.due.filter(|due| *due <= now)?;
        self.due = Some(now + self.repeat);
        self.counts.frames += 1;
        self.shown.as_ref().map(|shown| self.wire.show(shown))
    }

    /// When it is told next.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Mono> {
        self.due
    }

    /// Which.
    #[must_use]
    pub const fn id(&self) -> &DeviceId {
        &self.id
    }

    pub(super) const fn state(&self) -> (DeviceState, Mono) {
        (self.state, self.since)
    }

    pub(super) const fn why(&self) -> Option<&Why> {
        self.why.as_ref()
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    fn turn(&mut self, state: DeviceState, now: Mono) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }
}

/// It gives no evidence, so the lane hears nothing of it.
pub(super) const NO_EVENT: Option<Event> = None;

#[cfg(test)]
mod tests {
    use lanegate_core::wire::Settings;

    use super::*;
    use crate::config::{Language, Line, Source, TcpAddress};

    fn at(ms: u64) -> Mono {
        Mono(ms * 1000)
    }

    fn sign() -> SignDriver {
        let source = Source::Tcp(TcpAddress {
            host: "192.0.2.7".to_owned(),
            port: 4001,
        });
        assert!(matches!(source.line(), Some(Line::Tcp(_))));
        let config = SignConfig {
            id: DeviceId::parse("sign-1").unwrap(),
            protocol: "xy-lc301-display".to_owned(),
            wire: SignWire::of("xy-lc301-display", &Settings::new())
                .unwrap()
                .unwrap(),
            source,
            languages: vec![Language::ZhHans],
            repeat: Micros::from_ms(5000),
        };
        SignDriver::new(config, at(0))
    }

    fn shown(go: bool) -> Shown {
        Shown {
            go,
            lines: Vec::new(),
        }
    }

    #[test]
    fn a_sign_is_told_at_once_again_and_after_it_was_away() {
        let mut sign = sign();
        sign.show(shown(false), at(0));
        assert_eq!(sign.poll_transmit(at(10)), None, "nobody is there");
        sign.opened(at(100));
        assert_eq!(sign.state(), (DeviceState::Ok, at(100)));
        assert_eq!(sign.poll_transmit(at(100)).unwrap(), b"\x02Z\x03Z");
        assert_eq!(sign.poll_transmit(at(5099)), None);
        assert_eq!(sign.poll_timeout(), Some(at(5100)));
        assert_eq!(sign.poll_transmit(at(5100)).unwrap(), b"\x02Z\x03Z");
        sign.show(shown(true), at(5200));
        assert_eq!(sign.poll_transmit(at(5200)).unwrap(), b"\x02Y\x03Y");
        sign.closed(Why::Closed, at(6000));
        assert_eq!(sign.state().0, DeviceState::Lost);
        sign.show(shown(false), at(6100));
        assert_eq!(sign.poll_transmit(at(9000)), None);
        sign.opened(at(9000));
        assert_eq!(
            sign.poll_transmit(at(9000)).unwrap(),
            b"\x02Z\x03Z",
            "the present words, not those of before"
        );
    }
}
