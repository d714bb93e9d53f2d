//! Room set aside for a full disk: a file of real blocks beside the segments,
//! given back piece by piece when an append finds none, so that what fills the
//! disk cannot take it all at once. It says nothing: whoever reads a journal
//! passes it over.

use std::io;

use super::Disk;

/// Name of the file.
const NAME: &str = "reserve";
/// Given back at once, unless a group needs more.
const PIECE: u64 = 256 << 10;

/// What is left of the reserve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reserve {
    len: u64,
    held: u64,
}

impl Reserve {
    /// None at all.
    #[must_use]
    pub const fn none() -> Self {
        Self { len: 0, held: 0 }
    }

    /// A reserve of `len` bytes, of which an earlier run left some on `disk`;
    /// 0 = there is none, and a file of that name is left alone.
    #[must_use]
    pub fn on<D: Disk>(disk: &D, len: u64) -> Self {
        let held = match len {
            0 => 0,
            // There is none yet, or it cannot be looked at: it is made again.
            _ => disk.len(NAME).unwrap_or(0),
        };
        Self { len, held }
    }

    /// Some of it was given back and not made again.
    #[must_use]
    pub const fn is_short(&self) -> bool {
        self.held < self.len
    }

    /// Gives back room for `want` bytes; false if nothing is left to give.
    pub(super) fn give<D: Disk>(&mut self, disk: &mut D, want: u64) -> bool {
        if self.held == 0 {
            return false;
        }
        let left = self.held.saturating_sub(want.max(PIECE));
        let given = match left {
            // Its name takes room too.
            0 => disk.remove(NAME),
            left => disk.truncate(NAME, left),
        };
        match given {
            Ok(()) => {
                if !self.is_short() {
                    tracing::error!(
                        "the disk is full: records go into the room that was set aside"
                    );
                }
                self.held = left;
                true
            }
            Err(why) => {
                tracing::warn!(%why, "the room set aside for a full disk cannot be used");
                self.held = 0;
                false
            }
        }
    }

    /// Makes it whole again if `floor` bytes stay free besides.
    ///
    /// # Errors
    /// It is as short as it was.
    pub(super) fn make<D: Disk>(
        &mut self,
        disk: &mut D,
        free: u64,
        floor: u64,
    ) -> io::Result<bool> {
        let missing = self.len.saturating_sub(self.held);
        if missing == 0 || free.saturating_sub(missing) < floor {
            return Ok(false);
        }
        let made = disk.allocate(NAME, self.len);
        // What there is of it is looked at: somebody may have removed it.
        self.held = match made {
            Ok(()) => self.len,
            Err(_) => disk.len(NAME).unwrap_or(0).min(self.held),
        };
        if made.is_err() && self.held > 0 {
            disk.truncate(NAME, self.held)?;
        }
        made.map(|()| true)
    }
}
