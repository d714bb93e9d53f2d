//! When two yards go on alike: nothing tells them apart but moments, numbers of
//! records and of starts.

use super::yard::Yard;
use super::*;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Hashes all but moments and what counts up with every start.
#[derive(Default)]
struct Aside(DefaultHasher);

impl Hasher for Aside {
    fn write(&mut self, bytes: &[u8]) {
        // Names of passages and of orders bear the number of the start.
        let numbered = bytes.starts_with(b"SZB-X-01-") || bytes.starts_with(b"o-");
        if !numbered {
            self.0.write(bytes);
        }
    }

    /// Times on the monotonic clock, sequence numbers, starts.
    fn write_u64(&mut self, _: u64) {}

    /// Wall times are the large ones; the others are kilograms.
    fn write_i64(&mut self, value: i64) {
        if value.unsigned_abs() < 1_000_000_000 {
            self.0.write_i64(value);
        }
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

impl Lane {
    /// All that changes in it.
    fn hash_aside(&self, into: &mut Aside) {
        (&self.state, &self.sensors, &self.recent, &self.devices).hash(into);
        (self.falling, self.ours_up, self.arm_up_noted).hash(into);
        (self.closed, self.keep_up, self.maintenance, self.draining).hash(into);
        (self.seen_empty, &self.last_seals, &self.last_events).hash(into);
        (&self.bays, self.bay_on, &self.lane_order, &self.orphan).hash(into);
        (self.lights, &self.sign).hash(into);
    }
}

impl Yard {
    /// A name for this yard and its lane, moments aside.
    pub(super) fn alike(&self, left: &impl Hash, idle: bool) -> u64 {
        let mut aside = Aside::default();
        (left, idle, self.lights, self.shown).hash(&mut aside);
        self.waits().hash(&mut aside);
        self.lane().hash_aside(&mut aside);
        aside.finish()
    }
}
