//! The calls of the file system by which one directory of the cache takes
//! another's place. In tests each of them fails once.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// A file's text.
pub(super) fn read(path: &Path) -> io::Result<String> {
    tried("read", || fs::read_to_string(path))
}

/// A file of this text, durable but for its name.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = tried("create", || fs::File::create(path))?;
    tried("write", || file.write_all(text.as_bytes()))?;
    tried("sync", || file.sync_all())
}

pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    tried("rename", || fs::rename(from, to))
}

/// Names in `dir` are durable when this returns.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    tried("sync of the directory", || fs::File::open(dir)?.sync_all())
}

pub(super) fn remove_dir(path: &Path) -> io::Result<()> {
    tried("remove", || fs::remove_dir_all(path))
}

#[cfg(not(test))]
fn tried<T>(_: &'static str, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    call()
}

#[cfg(test)]
use fails::tried;

#[cfg(test)]
pub(super) mod fails {
    use std::cell::Cell;
    use std::io;

    /// Which call of this thread fails, and whether it was done all the same.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(in crate::store) struct At {
        pub(in crate::store) n: u64,
        pub(in crate::store) done: bool,
    }

    thread_local! {
        static AT: Cell<Option<At>> = const { Cell::new(None) };
        static CALLS: Cell<u64> = const { Cell::new(0) };
        static FAILED: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    /// From now on the calls of this thread are counted, and one fails.
    pub(in crate::store) fn set(at: Option<At>) {
        AT.set(at);
        CALLS.set(0);
        FAILED.set(None);
    }

    /// The call that failed, if there were so many.
    pub(in crate::store) fn failed() -> Option<&'static str> {
        FAILED.get()
    }

    pub(super) fn tried<T>(
        what: &'static str,
        call: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        CALLS.set(CALLS.get() + 1);
        let Some(at) = AT.get().filter(|at| at.n == CALLS.get()) else {
            return call();
        };
        FAILED.set(Some(what));
        if at.done {
            call()?;
        }
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }
}
