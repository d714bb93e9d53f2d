//! What the journal needs of a disk: one directory of files that are only
//! appended to. The simulator plays another one that crashes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, FlockOperation};
use rustix::io::Errno;

/// A directory. Every change but an append is durable when it returns; an
/// append is durable after [`Disk::sync`].
pub trait Disk {
    /// Names of the files, sorted.
    ///
    /// # Errors
    /// The directory cannot be read.
    fn list(&self) -> io::Result<Vec<String>>;
    /// A whole file.
    ///
    /// # Errors
    /// It cannot be read.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
    /// Up to `len_max` bytes from `offset` on.
    ///
    /// # Errors
    /// It cannot be read.
    fn read_at(&self, name: &str, offset: u64, len_max: usize) -> io::Result<Vec<u8>>;
    /// Bytes a file has.
    ///
    /// # Errors
    /// It cannot be told.
    fn size(&self, name: &str) -> io::Result<u64>;
    /// A new, empty file.
    ///
    /// # Errors
    /// It exists, or cannot be made.
    fn create(&mut self, name: &str) -> io::Result<()>;
    /// Writes at the end.
    ///
    /// # Errors
    /// Some of it may have been written.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Everything appended to `name` is on the disk when this returns.
    ///
    /// # Errors
    /// Nobody knows what is on the disk: never try again.
    fn sync(&mut self, name: &str) -> io::Result<()>;
    /// Cuts the file to `len` bytes.
    ///
    /// # Errors
    /// It cannot be cut.
    fn truncate(&mut self, name: &str, len: u64) -> io::Result<()>;
    /// Gives a file another's name; after a crash it is the old or the new.
    ///
    /// # Errors
    /// It cannot be renamed.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// It cannot be removed.
    fn remove(&mut self, name: &str) -> io::Result<()>;
    /// Bytes free for us.
    ///
    /// # Errors
    /// It cannot be told.
    fn free_bytes(&self) -> io::Result<u64>;
    /// Bytes of a file.
    ///
    /// # Errors
    /// There is none, or it cannot be looked at.
    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(self.read(name)?.len() as u64)
    }
    /// Makes `name` `len` bytes long, with blocks of the disk for each; made if
    /// absent.
    ///
    /// # Errors
    /// Some of it may be there.
    fn allocate(&mut self, name: &str, len: u64) -> io::Result<()> {
        if !self.list()?.iter().any(|listed| listed == name) {
            self.create(name)?;
        }
        let mut at = self.len(name)?;
        while at < len {
            let chunk = ZEROS
                .len()
                .min(usize::try_from(len - at).unwrap_or(usize::MAX));
            self.append(name, &ZEROS[..chunk])?;
            at += chunk as u64;
        }
        self.sync(name)
    }
}

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Whether an operation failed for want of room: blocks, inodes or a quota.
#[must_use]
pub fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Name of the lock file.
const LOCK: &str = "lock";

/// A directory of the file system.
#[derive(Debug)]
pub struct RealDisk {
    path: PathBuf,
    dir: File,
    /// The file appended to last.
    open: Option<(String, File)>,
    _lock: Option<File>,
}

impl RealDisk {
    /// Opens `path`, made if absent, for its only writer.
    ///
    /// # Errors
    /// It cannot be opened; `WouldBlock` if another process writes it.
    pub fn lock(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK))?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Self::with(path, Some(lock))
    }

    /// Opens `path` beside its writer, to read.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn beside(path: &Path) -> io::Result<Self> {
        Self::with(path, None)
    }

    fn with(path: &Path, lock: Option<File>) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            dir: File::open(path)?,
            open: None,
            _lock: lock,
        })
    }

    fn appended(&mut self, name: &str) -> io::Result<&mut File> {
        if self.open.as_ref().is_none_or(|(open, _)| open != name) {
            let file = OpenOptions::new().append(true).open(self.path.join(name))?;
            self.open = Some((name.to_owned(), file));
        }
        let (_, file) = self.open.as_mut().expect("it was just opened");
        Ok(file)
    }

    /// Names are durable once the directory is.
    fn sync_dir(&self) -> io::Result<()> {
        self.dir.sync_all()
    }
}

impl Disk for RealDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path.join(name))
    }

    fn read_at(&self, name: &str, offset: u64, len_max: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path.join(name))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(len_max as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn size(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.path.join(name))?.len())
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(self.path.join(name))?;
        file.sync_all()?;
        self.sync_dir()?;
        self.open = Some((name.to_owned(), file));
        Ok(())
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.appended(name)?.write_all(bytes)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.appended(name)?.sync_data()
    }

    fn truncate(&mut self, name: &str, len: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.path.join(name))?;
        file.set_len(len)?;
        file.sync_all()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.open = None;
        fs::rename(self.path.join(from), self.path.join(to))?;
        self.sync_dir()
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.open = None;
        fs::remove_file(self.path.join(name))?;
        self.sync_dir()
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.path.join(name))?.len())
    }

    fn allocate(&mut self, name: &str, len: u64) -> io::Result<()> {
        self.open = None;
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.path.join(name))?;
        match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, len) {
            Ok(()) => {}
            // This file system gives blocks only for what is written.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                let missing = len.saturating_sub(file.metadata()?.len());
                io::copy(&mut io::repeat(0).take(missing), &mut &file)?;
            }
            Err(why) => return Err(why.into()),
        }
        file.sync_all()?;
        self.sync_dir()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::fstatvfs(&self.dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}
