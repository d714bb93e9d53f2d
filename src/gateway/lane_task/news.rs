//! When the authority is told of a lane's devices although the lane itself did
//! nothing: at a change of a device's state, since a camera that is lost while
//! the lane is vacant is somebody's work before the next truck comes.
//!
//! Paced for a device that flaps: after one telling the next comes
//! [`EVERY`] later at the earliest, and only if what was told last is no
//! longer so. A lane thus says at most 6 states a minute on its devices'
//! account, and what it said last is true within 10 s. Whatever the lane says
//! on its own account tells the devices too.

use lanegate_core::model::DeviceState;
use lanegate_core::time::{Micros, Mono};

/// Between two tellings on the devices' account.
pub(super) const EVERY: Micros = Micros::from_s(10);

/// What was told of the devices' states, and when.
#[derive(Debug, Default)]
pub(super) struct DeviceNews {
    told: Vec<DeviceState>,
    at: Option<Mono>,
}

impl DeviceNews {
    /// Whether the devices, always in the same order, are to be told of now.
    pub(super) fn is_due(&self, states: &[DeviceState], now: Mono) -> bool {
        self.told != states && self.at.is_none_or(|at| now.since(at) >= EVERY)
    }

    /// They were told of: `unasked` if on their own account.
    pub(super) fn told(&mut self, states: Vec<DeviceState>, unasked: bool, now: Mono) {
        self.told = states;
        if unasked {
            self.at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DeviceState::{Late, Lost, Ok};

    fn at(s: u64) -> Mono {
        Mono(s * 1_000_000)
    }

    /// Tells what is due; true if it was told.
    fn see(news: &mut DeviceNews, states: &[DeviceState], s: u64) -> bool {
        let due = news.is_due(states, at(s));
        if due {
            news.told(states.to_vec(), true, at(s));
        }
        due
    }

    #[test]
    fn a_change_is_told_at_once_and_once() {
        let mut news = DeviceNews::default();
        news.told(vec![Ok, Ok], false, at(0));
        assert!(!see(&mut news, &[Ok, Ok], 1));
        assert!(see(&mut news, &[Ok, Lost], 2));
        assert!(!see(&mut news, &[Ok, Lost], 60));
        assert!(see(&mut news, &[Ok, Ok], 61));
    }

    #[test]
    fn a_device_that_flaps_is_told_of_six_times_a_minute_and_its_last_state_always() {
        let mut news = DeviceNews::default();
        news.told(vec![Ok], false, at(0));
        let states = |s: u64| [if s % 2 == 1 { Late } else { Ok }];
        let told = (1..=60).filter(|s| see(&mut news, &states(*s), *s)).count();
        assert!((2..=6).contains(&told), "{told}");
        let told = (61..=80).filter(|s| see(&mut news, &[Lost], *s)).count();
        assert_eq!(told, 1);
    }

    /// What the lane says for itself neither waits nor makes devices wait.
    #[test]
    fn a_telling_on_the_lanes_account_does_not_count() {
        let mut news = DeviceNews::default();
        news.told(vec![Lost], false, at(1));
        assert!(!see(&mut news, &[Lost], 2));
        assert!(see(&mut news, &[Ok], 2));
    }
}
