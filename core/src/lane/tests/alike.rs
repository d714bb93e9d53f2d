//! When two yards go on alike: nothing tells them apart but numbers of records
//! and of starts, and moments, of which each is as long ago, or as far ahead,
//! as the other's, as far as the lane's spans of time tell.

use super::yard::Yard;
use super::*;
use crate::time::Mono;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The yard's clock starts there; no other number is as large.
const FIRST_MOMENT: u64 = 10_000_000;
/// What the lane's configuration measures, but for the times nothing but a wait
/// of many polls reaches.
const SPANS_MS: [u64; 7] = [500, 600, 800, 1000, 1500, 2000, 5000];

/// Hashes moments by the spans they are away, and names without their numbers.
struct Aside {
    hash: DefaultHasher,
    now: Mono,
}

impl Hasher for Aside {
    fn write(&mut self, bytes: &[u8]) {
        // Names of passages and of orders bear the number of the start.
        let numbered = bytes.starts_with(b"SZB-X-01-") || bytes.starts_with(b"o-");
        if !numbered {
            self.hash.write(bytes);
        }
    }

    /// A moment; what is small is a number of records or of starts.
    fn write_u64(&mut self, value: u64) {
        if value >= FIRST_MOMENT {
            let away = value.abs_diff(self.now.0);
            let spans = SPANS_MS.iter().filter(|ms| away >= **ms * 1000).count();
            (value > self.now.0, spans).hash(&mut self.hash);
        }
    }

    /// Wall times are the large ones, and stand beside moments; the others are
    /// kilograms.
    fn write_i64(&mut self, value: i64) {
        if value.unsigned_abs() < 1_000_000_000 {
            self.hash.write_i64(value);
        }
    }

    fn finish(&self) -> u64 {
        self.hash.finish()
    }
}

impl Lane {
    /// All that changes in it, but for numbers and what only paces its words.
    fn hash_aside(&self, into: &mut Aside) {
        (&self.state, &self.sensors, &self.recent, &self.devices).hash(into);
        (self.falling, self.ours_up, self.arm_up_noted).hash(into);
        (self.closed, self.keep_up, self.maintenance, self.draining).hash(into);
        (self.seen_empty, &self.last_seals, &self.last_events).hash(into);
        (&self.bays, self.bay_on, &self.lane_order, &self.orphan).hash(into);
        (self.lights, &self.sign, self.lifted_at, &self.asked).hash(into);
    }
}

impl Yard {
    /// A name for this yard and its lane; `left` is what a crash would leave.
    pub(super) fn alike(&self, left: &impl Hash, idle: bool) -> u64 {
        let mut aside = Aside {
            hash: DefaultHasher::new(),
            now: self.now().mono,
        };
        (left, idle, self.lights, self.shown).hash(&mut aside);
        self.waits().hash(&mut aside);
        self.lane().hash_aside(&mut aside);
        aside.finish()
    }
}
