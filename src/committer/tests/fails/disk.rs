//! A disk whose n-th call fails, in one of the ways disks do.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};

use crate::journal::{Disk, MemDisk};

/// How a call fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    /// Nothing was done.
    Refused,
    /// It was done, and said not to be: an append in half.
    Done,
    /// No room; of an append the half is there.
    Full,
}

impl How {
    fn error(self, call: &str) -> io::Error {
        match self {
            Self::Refused | Self::Done => io::Error::other(format!("{call} failed")),
            Self::Full => io::Error::from(ErrorKind::StorageFull),
        }
    }
}

#[derive(Debug)]
struct Count {
    calls: u64,
    fails_at: u64,
    how: How,
    failed: Option<String>,
}

/// Counts the calls of all disks that share it; one of them fails.
#[derive(Clone, Debug)]
pub(super) struct Fault(Arc<Mutex<Count>>);

impl Fault {
    pub(super) fn at(fails_at: u64, how: How) -> Self {
        Self(Arc::new(Mutex::new(Count {
            calls: 0,
            fails_at,
            how,
            failed: None,
        })))
    }

    /// The call that failed, if it came to that.
    pub(super) fn failed(&self) -> Option<String> {
        self.0.lock().unwrap().failed.clone()
    }

    fn call(&self, what: &str, name: &str) -> Option<How> {
        let mut count = self.0.lock().unwrap();
        count.calls += 1;
        if count.calls != count.fails_at {
            return None;
        }
        count.failed = Some(format!("{what} {name}"));
        Some(count.how)
    }
}

/// A disk in memory behind a [`Fault`].
#[derive(Clone, Debug)]
pub(super) struct Failing {
    pub(super) disk: MemDisk,
    pub(super) fault: Fault,
}

impl Failing {
    fn look<T>(
        &self,
        what: &str,
        name: &str,
        look: impl FnOnce(&MemDisk) -> io::Result<T>,
    ) -> io::Result<T> {
        match self.fault.call(what, name) {
            Some(how) => Err(how.error(what)),
            None => look(&self.disk),
        }
    }

    fn change(
        &mut self,
        what: &str,
        name: &str,
        change: impl FnOnce(&mut MemDisk) -> io::Result<()>,
    ) -> io::Result<()> {
        match self.fault.call(what, name) {
            Some(How::Done) => {
                change(&mut self.disk)?;
                Err(How::Done.error(what))
            }
            Some(how @ (How::Refused | How::Full)) => Err(how.error(what)),
            None => change(&mut self.disk),
        }
    }
}

impl Disk for Failing {
    fn list(&self) -> io::Result<Vec<String>> {
        self.look("list", "", Disk::list)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.look("read", name, |disk| disk.read(name))
    }

    fn read_at(&self, name: &str, offset: u64, len_max: usize) -> io::Result<Vec<u8>> {
        self.look("read_at", name, |disk| disk.read_at(name, offset, len_max))
    }

    fn size(&self, name: &str) -> io::Result<u64> {
        self.look("size", name, |disk| disk.size(name))
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        self.change("create", name, |disk| disk.create(name))
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        match self.fault.call("append", name) {
            Some(how @ (How::Done | How::Full)) => {
                self.disk.append(name, &bytes[..bytes.len() / 2])?;
                Err(how.error("append"))
            }
            Some(how @ How::Refused) => Err(how.error("append")),
            None => self.disk.append(name, bytes),
        }
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.change("sync", name, |disk| disk.sync(name))
    }

    fn truncate(&mut self, name: &str, len: u64) -> io::Result<()> {
        self.change("truncate", name, |disk| disk.truncate(name, len))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.change("rename", from, |disk| disk.rename(from, to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.change("remove", name, |disk| disk.remove(name))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.look("free_bytes", "", Disk::free_bytes)
    }
}
