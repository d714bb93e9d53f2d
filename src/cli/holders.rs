//! Who has a file open or locked, as the kernel tells.

use std::fmt;
use std::fs;
use std::os::linux::fs::MetadataExt as _;
use std::path::Path;

/// A process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    pub(crate) name: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.pid)
    }
}

impl Holder {
    fn of(pid: u32) -> Option<Self> {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        let name = name.trim_end().to_owned();
        Some(Self { pid, name })
    }
}

/// Processes that have `file` open. Those of other users only show to root.
pub(crate) fn opened_by(file: &Path) -> Vec<Holder> {
    let Ok(file) = fs::canonicalize(file) else {
        return Vec::new();
    };
    let holds = |pid: &u32| {
        let open = fs::read_dir(format!("/proc/{pid}/fd"));
        let mut open = open.into_iter().flatten().flatten();
        open.any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == file))
    };
    processes().filter(holds).filter_map(Holder::of).collect()
}

/// Who holds the lock on `file`: `/proc/locks` has a line
/// `1: FLOCK ADVISORY WRITE <pid> <major>:<minor>:<inode> 0 EOF` for each.
pub(crate) fn locked_by(file: &Path) -> Option<Holder> {
    let inode = fs::metadata(file).ok()?.st_ino();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let pid = locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let of_file = words.get(5)?.rsplit(':').next()? == inode.to_string();
        (*words.get(1)? == "FLOCK" && of_file).then(|| words.get(4)?.parse().ok())?
    })?;
    Holder::of(pid)
}

/// Processes of this name.
pub(crate) fn named(name: &str) -> Option<Holder> {
    processes()
        .filter_map(Holder::of)
        .find(|holder| holder.name == name)
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}
