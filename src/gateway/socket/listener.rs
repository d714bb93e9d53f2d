//! Taking the socket's place in the file system.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::{UnixListener, UnixStream};

/// Owner and group may ask; the group is the directory's.
const MODE: u32 = 0o660;

/// Why the socket could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Somebody answers there.
    #[error("{0} is another daemon's socket, and it answers; stop that one first")]
    InUse(String),
    /// Something else lies there.
    #[error("{0} is not a socket and is left alone; name another path under [socket]")]
    NotASocket(String),
    /// The file system.
    #[error("the socket {path} cannot be {what}")]
    Io {
        /// Where.
        path: String,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// A socket that is in its place, but answers nobody yet.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Listens at `path`. A socket left behind by a crash is replaced; one
    /// that answers is not.
    ///
    /// # Errors
    /// See [`SocketError`].
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let failed = |what| {
            move |source| SocketError::Io {
                path: path.display().to_string(),
                what,
                source,
            }
        };
        check_free(path)?;
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).map_err(failed("given a directory"))?;
        }
        // Under another name until its mode is right, so that there is no
        // moment at which everybody may connect.
        let aside = aside(path);
        remove_if_there(&aside).map_err(failed("cleared away"))?;
        let listener = UnixListener::bind(&aside).map_err(failed("bound"))?;
        fs::set_permissions(&aside, fs::Permissions::from_mode(MODE))
            .and_then(|()| fs::rename(&aside, path))
            .map_err(failed("put in its place"))?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }

    /// Takes the socket away, so that the next client sees at once that
    /// nobody is there.
    pub(super) fn remove(self) {
        if let Err(error) = remove_if_there(&self.path) {
            tracing::debug!(%error, "the local socket could not be removed");
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn check_free(path: &Path) -> Result<(), SocketError> {
    let shown = || path.display().to_string();
    let failed = |source| SocketError::Io {
        path: shown(),
        what: "looked at",
        source,
    };
    match fs::symlink_metadata(path) {
        Ok(meta) if !meta.file_type().is_socket() => Err(SocketError::NotASocket(shown())),
        Ok(_) if answers(path).map_err(failed)? => Err(SocketError::InUse(shown())),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Whether anybody listens there. Does not wait, however many wait there.
fn answers(path: &Path) -> io::Result<bool> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&socket, &SocketAddrUnix::new(path)?) {
        Ok(()) | Err(Errno::AGAIN) => Ok(true),
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
