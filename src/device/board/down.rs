//! The arm of a barrier with an upper limit switch alone. Sans-IO.
//!
//! ```text
//! told to go up --> not down, until the upper switch was seen on or it is told to go down
//! off the upper switch for long enough --> down
//! ```

use lanegate_core::time::{Micros, Mono};

use super::arm::Way;

/// Tells when such an arm is down.
#[derive(Clone, Copy, Debug)]
pub(super) struct OffUp {
    after: Micros,
    /// Off the upper switch since.
    since: Option<Mono>,
    /// It was told to leave "down" and has not been seen up yet.
    leaving: bool,
}

impl OffUp {
    pub(super) const fn new(after: Micros) -> Self {
        Self {
            after,
            since: None,
            leaving: false,
        }
    }

    /// It was told to go this way.
    pub(super) const fn told(&mut self, way: Way) {
        self.since = None;
        // Stopped on its way it stands anywhere.
        self.leaving = match way {
            Way::Up | Way::Stop => true,
            Way::Down => false,
        };
    }

    /// The board was away: what happened meanwhile is not known.
    pub(super) const fn doubt(&mut self) {
        self.since = None;
    }

    /// Whether it is down, now that the upper switch says `up`.
    pub(super) fn is_down(&mut self, up: bool, now: Mono) -> bool {
        if up {
            self.since = None;
            self.leaving = false;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        !self.leaving && now.since(since) >= self.after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono(ms * 1000)
    }

    #[test]
    fn down_is_off_the_upper_switch_for_long_enough_and_not_told_to_leave() {
        let mut arm = OffUp::new(Micros::from_ms(3000));
        assert!(!arm.is_down(false, at(0)));
        assert!(!arm.is_down(false, at(2999)));
        assert!(arm.is_down(false, at(3000)));
        // A lift: not down from the command on, however long the switch takes.
        arm.told(Way::Up);
        assert!(!arm.is_down(false, at(3100)));
        assert!(!arm.is_down(false, at(9000)), "stuck half way is not down");
        assert!(!arm.is_down(true, at(9100)));
        arm.told(Way::Down);
        assert!(!arm.is_down(true, at(9200)));
        assert!(!arm.is_down(false, at(10_000)));
        assert!(!arm.is_down(false, at(12_999)));
        assert!(arm.is_down(false, at(13_000)));
        arm.doubt();
        assert!(!arm.is_down(false, at(13_100)));
        assert!(arm.is_down(false, at(16_100)));
        arm.told(Way::Stop);
        assert!(!arm.is_down(false, at(30_000)));
        arm.told(Way::Down);
        assert!(!arm.is_down(false, at(30_001)));
        assert!(arm.is_down(false, at(33_001)));
    }
}
