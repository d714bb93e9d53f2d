//! Which buckets are known to hold what the journal says they should.

use lanegate_core::model::{BUCKETS, Buckets, DeclarationId};

/// A flag a bucket.
#[derive(Clone)]
pub(super) struct Verified {
    flags: [bool; BUCKETS],
    missing: usize,
}

impl Verified {
    pub(super) const fn none() -> Self {
        Self {
            flags: [false; BUCKETS],
            missing: BUCKETS,
        }
    }

    pub(super) const fn all() -> Self {
        Self {
            flags: [true; BUCKETS],
            missing: 0,
        }
    }

    pub(super) fn where_equal(held: &Buckets, expected: &Buckets) -> Self {
        let mut verified = Self::all();
        for bucket in held.differing(expected) {
            verified.doubt(bucket);
        }
        verified
    }

    pub(super) fn doubt(&mut self, bucket: u8) {
        let flag = &mut self.flags[usize::from(bucket)];
        self.missing += usize::from(*flag);
        *flag = false;
    }

    pub(super) const fn missing(&self) -> usize {
        self.missing
    }

    pub(super) fn holds(&self, id: &DeclarationId) -> bool {
        self.flags[usize::from(Buckets::bucket_of(id))]
    }
}
