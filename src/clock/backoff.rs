//! How long to wait before the next try: doubling, with jitter, so that
//! controllers that lost the same broker do not come back in step.

use std::hash::{BuildHasher as _, RandomState};

use lanegate_core::time::Micros;

/// Waits between tries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Backoff {
    least: Micros,
    most: Micros,
    tries: u32,
    random: u64,
}

impl Backoff {
    /// Waits from `least`, doubling up to `most`.
    ///
    /// # Panics
    /// `least` is zero or more than `most`: that would be a busy loop.
    #[must_use]
    pub fn new(least: Micros, most: Micros) -> Self {
        Self::seeded(least, most, RandomState::new().hash_one(0))
    }

    /// The same with the jitter's seed given.
    ///
    /// # Panics
    /// As [`Backoff::new`].
    #[must_use]
    pub fn seeded(least: Micros, most: Micros, seed: u64) -> Self {
        assert!(least > Micros(0) && least <= most, "a wait has a length");
        Self {
            least,
            most,
            tries: 0,
            random: seed | 1,
        }
    }

    /// How long to wait before the next try: half of the present step for
    /// certain, up to the whole of it by chance.
    pub fn wait(&mut self) -> Micros {
        let doubled = 1_u64.checked_shl(self.tries).unwrap_or(u64::MAX);
        let step = self.least.0.saturating_mul(doubled).min(self.most.0);
        self.tries = self.tries.saturating_add(1);
        // xorshift64: never zero, good enough to tell controllers apart.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let half = step / 2;
        Micros(step - half + self.random % (half + 1))
    }

    /// It worked long enough: the next wait is the shortest again.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// Tries since the last reset.
    #[must_use]
    pub const fn tries(&self) -> u32 {
        self.tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_wait_is_between_half_of_its_step_and_the_whole(seed in any::<u64>()) {
            let mut backoff = Backoff::seeded(Micros(100), Micros(1_000), seed);
            for step in [100, 200, 400, 800, 1_000, 1_000] {
                let wait = backoff.wait().0;
                prop_assert!((step / 2..=step).contains(&wait), "{wait} of {step}");
            }
            backoff.reset();
            prop_assert!(backoff.wait().0 <= 100);
        }
    }

    #[test]
    fn two_controllers_do_not_wait_alike() {
        let waits = |seed| {
            let mut backoff = Backoff::seeded(Micros::from_s(1), Micros::from_s(60), seed);
            [backoff.wait(), backoff.wait(), backoff.wait()]
        };
        assert_ne!(waits(3), waits(5));
    }

    #[test]
    fn many_tries_stay_at_the_longest_wait() {
        let mut backoff = Backoff::seeded(Micros(1), Micros(10), 7);
        let longest = (0..200).map(|_| backoff.wait()).max();
        assert_eq!(longest, Some(Micros(10)));
        assert_eq!(backoff.tries(), 200);
    }
}
