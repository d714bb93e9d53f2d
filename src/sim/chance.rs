//! Chance from a seed: the same seed and purpose give the same draws. One of
//! our own, so that nothing the firmware draws moves when a fault is added.

/// A small deterministic generator (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64, purpose: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ purpose)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// In `low..=high`.
    pub(super) const fn between(&mut self, low: u64, high: u64) -> u64 {
        assert!(low <= high, "a range has a first and a last");
        low + self.next() % (high - low + 1)
    }

    /// True so often in a thousand.
    pub(super) const fn permille(&mut self, often: u64) -> bool {
        self.next() % 1000 < often
    }

    /// One of them.
    pub(super) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        let last = all.len() as u64 - 1;
        let n = self.between(0, last);
        all[usize::try_from(n).expect("a place in a slice")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_purpose_give_the_same_draws_and_both_ends_are_reached() {
        let draws = |seed, purpose| {
            let mut chance = Chance::new(seed, purpose);
            (0..200).map(|_| chance.between(3, 9)).collect::<Vec<_>>()
        };
        assert_eq!(draws(1, 2), draws(1, 2));
        assert_ne!(draws(1, 2), draws(1, 3));
        assert_ne!(draws(1, 2), draws(2, 2));
        let drawn = draws(1, 2);
        assert_eq!(drawn.iter().min(), Some(&3));
        assert_eq!(drawn.iter().max(), Some(&9));
    }
}
