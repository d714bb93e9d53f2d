//! Several directories read as one journal: the archive beside the live one.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};

use super::Disk;

/// Directories read as one, never written. A file that is in several (a crash
/// while it was moved leaves it twice) is read from the first.
#[derive(Debug)]
pub struct Joined<D>(Vec<D>);

impl<D: Disk> Joined<D> {
    /// Of these.
    #[must_use]
    pub const fn of(disks: Vec<D>) -> Self {
        Self(disks)
    }

    fn holder(&self, name: &str) -> io::Result<&D> {
        for disk in &self.0 {
            if disk.list()?.iter().any(|listed| listed == name) {
                return Ok(disk);
            }
        }
        Err(io::Error::new(ErrorKind::NotFound, name.to_owned()))
    }
}

fn refused() -> io::Error {
    io::Error::new(ErrorKind::Unsupported, "these directories are only read")
}

impl<D: Disk> Disk for Joined<D> {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = BTreeSet::new();
        for disk in &self.0 {
            names.extend(disk.list()?);
        }
        Ok(names.into_iter().collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.holder(name)?.read(name)
    }

    fn read_at(&self, name: &str, offset: u64, len_max: usize) -> io::Result<Vec<u8>> {
        self.holder(name)?.read_at(name, offset, len_max)
    }

    fn size(&self, name: &str) -> io::Result<u64> {
        self.holder(name)?.size(name)
    }

    fn create(&mut self, _: &str) -> io::Result<()> {
        Err(refused())
    }

    fn append(&mut self, _: &str, _: &[u8]) -> io::Result<()> {
        Err(refused())
    }

    fn sync(&mut self, _: &str) -> io::Result<()> {
        Err(refused())
    }

    fn truncate(&mut self, _: &str, _: u64) -> io::Result<()> {
        Err(refused())
    }

    fn rename(&mut self, _: &str, _: &str) -> io::Result<()> {
        Err(refused())
    }

    fn remove(&mut self, _: &str) -> io::Result<()> {
        Err(refused())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(0)
    }
}
