//! Pictures of cameras, kept by their digest in a folder that does not grow
//! beyond its limit: the oldest go. A record names a picture by its SHA-256, so
//! a file that was changed is seen, and one that is gone is known to have been.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lanegate_core::wire::{Protocol, message_pictures};
use sha2::{Digest as _, Sha256};
use tracing::warn;

/// Files looked after; more are not, however small.
const FILES_MAX: usize = 200_000;

/// The folder.
#[derive(Debug)]
pub struct Pictures {
    dir: PathBuf,
    bytes_max: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The oldest first, with their sizes.
    files: VecDeque<(String, u64)>,
    bytes: u64,
    /// The last one could not be written.
    failed: bool,
}

/// Keeps the pictures of one device's messages.
#[derive(Clone)]
pub struct Keeper {
    protocol: &'static Protocol,
    pictures: Arc<Pictures>,
    taken: Arc<AtomicBool>,
}

/// A message may be looked at; the next one may when this is dropped.
#[derive(Debug)]
pub struct Turn(Arc<AtomicBool>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Keeper {
    /// For a device that speaks `protocol`.
    #[must_use]
    pub fn new(protocol: &'static Protocol, pictures: Arc<Pictures>) -> Self {
        Self {
            protocol,
            pictures,
            taken: Arc::default(),
        }
    }

    /// Whether a message may be looked at now; none while another one is.
    #[must_use]
    pub fn turn(&self) -> Option<Turn> {
        let was_taken = self.taken.swap(true, Ordering::SeqCst);
        (!was_taken).then(|| Turn(self.taken.clone()))
    }

    /// Digests of the pictures of a message, kept. Takes its time and writes to
    /// a disk: not for a lane's thread.
    #[must_use]
    pub fn keep(&self, body: &[u8]) -> Vec<String> {
        let found = message_pictures(self.protocol, body);
        let kept = found.iter().filter_map(|p| self.pictures.keep(p));
        kept.collect()
    }
}

impl Pictures {
    /// Makes the folder if need be.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make(dir: &Path) -> io::Result<()> {
        // Plates and faces: nobody else's business.
        let mut made = fs::DirBuilder::new();
        made.recursive(true).mode(0o750).create(dir)
    }

    /// Opens the folder, made if need be, for at most `bytes_max` bytes.
    ///
    /// # Errors
    /// It cannot be made or read.
    pub fn open(dir: &Path, bytes_max: u64) -> io::Result<Self> {
        Self::make(dir)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if metadata.is_file() && is_ours(&name) {
                found.push((metadata.modified()?, name, metadata.len()));
            }
        }
        found.sort();
        let kept = Kept {
            bytes: found.iter().map(|(.., len)| len).sum(),
            files: found
                .into_iter()
                .map(|(_, name, len)| (name, len))
                .collect(),
            failed: false,
        };
        Ok(Self {
            dir: dir.to_owned(),
            bytes_max,
            kept: Mutex::new(kept),
        })
    }

    /// Keeps a picture; its digest in hex, by which its file is named, or none
    /// if it is not there.
    pub fn keep(&self, picture: &[u8]) -> Option<String> {
        let digest = Sha256::digest(picture);
        let digest: String = digest.iter().map(|b| format!("{b:02x}")).collect();
        let name = format!("{digest}.{}", suffix(picture));
        let len = picture.len() as u64;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.files.iter().rev().any(|(known, _)| *known == name) {
            return Some(digest);
        }
        if len > self.bytes_max {
            return None;
        }
        while kept.bytes + len > self.bytes_max || kept.files.len() >= FILES_MAX {
            let (oldest, len) = kept.files.pop_front()?;
            kept.bytes -= len;
            // Gone already: as good.
            drop(fs::remove_file(self.dir.join(oldest)));
        }
        match self.write(&name, picture) {
            Ok(()) => {
                kept.bytes += len;
                kept.files.push_back((name, len));
                kept.failed = false;
                Some(digest)
            }
            Err(why) => {
                if !std::mem::replace(&mut kept.failed, true) {
                    warn!(%why, dir = %self.dir.display(), "pictures cannot be kept");
                }
                None
            }
        }
    }

    /// Aside, then renamed: what has the name is whole.
    fn write(&self, name: &str, picture: &[u8]) -> io::Result<()> {
        let aside = self.dir.join("aside");
        let mut options = fs::OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o640);
        options.open(&aside)?.write_all(picture)?;
        fs::rename(aside, self.dir.join(name))
    }
}

/// Whether a file of this name is one of ours.
fn is_ours(name: &str) -> bool {
    let (digest, suffix) = name.split_once('.').unwrap_or_default();
    digest.len() == 64
        && digest.bytes().all(|b| b.is_ascii_hexdigit())
        && matches!(suffix, "jpg" | "png")
}

fn suffix(picture: &[u8]) -> &'static str {
    match picture.starts_with(b"\x89PNG") {
        true => "png",
        false => "jpg",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own, gone when dropped.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("lanegate-pictures-{name}-{}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<_> = names.collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn picture(n: u8) -> Vec<u8> {
        [&[0xff, 0xd8, 0xff, n][..], &[n; 96]].concat()
    }

    #[test]
    fn a_devices_messages_are_looked_at_one_at_a_time() {
        let dir = Folder::new("turn");
        let pictures = Arc::new(Pictures::open(&dir.0, 1 << 20).unwrap());
        let protocol = lanegate_core::wire::protocol("vzenith-mqtt").unwrap();
        let keeper = Keeper::new(protocol, pictures);
        let turn = keeper.turn();
        assert!(turn.is_some() && keeper.clone().turn().is_none());
        drop(turn);
        assert!(keeper.turn().is_some());
    }

    #[test]
    fn a_picture_is_named_by_its_digest_and_the_oldest_go_when_room_runs_out() {
        let folder = Folder::new("room");
        let pictures = Pictures::open(&folder.0, 250).unwrap();
        let first = pictures.keep(&picture(1)).unwrap();
        assert_eq!(
            fs::read(folder.0.join(format!("{first}.jpg"))).unwrap(),
            picture(1)
        );
        // The same again is the same file.
        assert_eq!(pictures.keep(&picture(1)).as_ref(), Some(&first));
        let second = pictures.keep(&picture(2)).unwrap();
        let third = pictures.keep(&picture(3)).unwrap();
        let mut left = vec![format!("{second}.jpg"), format!("{third}.jpg")];
        left.sort();
        assert_eq!(folder.names(), left);
        assert_eq!(pictures.keep(&[0xff; 251]), None);
    }

    #[test]
    fn what_a_start_finds_counts_and_what_is_not_ours_stays() {
        let folder = Folder::new("start");
        drop(Pictures::open(&folder.0, 250).unwrap().keep(&picture(1)));
        fs::write(folder.0.join("notes.txt"), [0; 999]).unwrap();
        let pictures = Pictures::open(&folder.0, 250).unwrap();
        for n in 2..6 {
            assert!(pictures.keep(&picture(n)).is_some());
        }
        assert_eq!(folder.names().len(), 3);
        assert!(folder.names().contains(&"notes.txt".to_owned()));
    }

    #[test]
    fn a_folder_that_is_gone_keeps_nothing_and_names_nothing() {
        let folder = Folder::new("gone");
        let pictures = Pictures::open(&folder.0, 250).unwrap();
        fs::remove_dir_all(&folder.0).unwrap();
        assert_eq!(pictures.keep(&picture(1)), None);
        fs::create_dir(&folder.0).unwrap();
        assert!(pictures.keep(&picture(1)).is_some());
    }
}
