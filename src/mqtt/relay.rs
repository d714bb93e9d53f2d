//! TLS to a broker. Both of rumqttc's own stacks pin an unmaintained parser of
//! certificates, and a UNIX socket is the one other stream it takes: the client
//! speaks to a socket of ours in the clear, and what comes out of it is carried
//! over TLS by rustls as it is kept today.
//!
//! ```text
//! client --UNIX socket, mode 0700--> Relay --TLS--> broker
//! ```
//! One connection at a time: a new one ends the one before.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use crate::tls::TlsFiles;

/// The far end is reached and has shown its certificate within this; below the
/// client's own limit, or its reason would never be told.
const SHAKEN_WITHIN: Duration = Duration::from_secs(4);
/// What the client said last is carried within this at the end.
const LAST_WITHIN: Duration = Duration::from_secs(1);

/// TLS to a broker, as a connection is told of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsEnd {
    /// Who may be there.
    pub files: TlsFiles,
    /// A directory of ours alone, made if it is not there.
    pub dir: PathBuf,
}

/// Ends when dropped.
#[derive(Debug)]
pub(super) struct Relay {
    path: PathBuf,
    why: Why,
    carrying: JoinHandle<()>,
    ending: CancellationToken,
}

/// Why the last connection did not come about, until somebody asks.
type Why = Arc<Mutex<Option<String>>>;

impl Relay {
    /// Listens for the client; within a runtime.
    pub(super) fn start(end: &TlsEnd, host: &str, port: u16) -> io::Result<Self> {
        let path = end.dir.join("tls.sock");
        let mut private = std::fs::DirBuilder::new();
        private.recursive(true).mode(0o700).create(&end.dir)?;
        std::fs::set_permissions(&end.dir, std::fs::Permissions::from_mode(0o700))?;
        match std::fs::remove_file(&path) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&path)?;
        let why = Why::default();
        let far = Far {
            files: end.files.clone(),
            host: host.to_owned(),
            port,
            why: why.clone(),
        };
        let ending = CancellationToken::new();
        let carrying = carry_all(listener, Arc::new(far), ending.clone());
        Ok(Self {
            path,
            why,
            carrying: tokio::spawn(carrying),
            ending,
        })
    }

    /// The client has gone: what it said last goes out, its goodbye with it.
    pub(super) async fn finish(mut self) {
        self.ending.cancel();
        // Whoever does not take it has our will.
        timeout(LAST_WITHIN, &mut self.carrying).await.ok();
    }

    /// Where the client connects to.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Why the last connection did not come about, once.
    pub(super) fn why(&self) -> Option<String> {
        self.why
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.carrying.abort();
        // Of our own directory; the next start would remove it too.
        std::fs::remove_file(&self.path).ok();
    }
}

struct Far {
    files: TlsFiles,
    host: String,
    port: u16,
    why: Why,
}

async fn carry_all(listener: UnixListener, far: Arc<Far>, ending: CancellationToken) {
    let mut one = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = ending.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((client, _)) => {
                one.shutdown().await;
                // A reason of the connection before is none of this one.
                far.why
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take();
                let far = Arc::clone(&far);
                one.spawn(async move { far.carry(client).await });
            }
            Err(error) => {
                // Out of file descriptors: the client tries again.
                tracing::debug!(%error, "a connection to be carried over TLS could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    one.join_next().await;
}

impl Far {
    async fn carry(&self, mut client: UnixStream) {
        let shaken = timeout(SHAKEN_WITHIN, self.shake_hands());
        let shaken = shaken.await.unwrap_or_else(|_| {
            let s = SHAKEN_WITHIN.as_secs();
            Err(format!("TLS: nobody answers within {s} s"))
        });
        let mut broker = match shaken {
            Ok(broker) => broker,
            Err(why) => return self.say(why),
        };
        // A refusal of our certificate comes behind the handshake.
        if let Err(why) = copy_bidirectional(&mut client, &mut broker).await
            && is_of_tls(&why)
        {
            self.say(format!("TLS: {why}"));
        }
    }

    async fn shake_hands(&self) -> Result<tokio_rustls::client::TlsStream<TcpStream>, String> {
        let name = self.files.server_name(&self.host);
        let name = name.map_err(|why| format!("TLS: {why}"))?;
        let files = self.files.clone();
        let client = tokio::task::spawn_blocking(move || files.client()).await;
        let client = client.map_err(|why| format!("TLS: {why}"))?;
        let client = client.map_err(|why| format!("TLS: {why}"))?;
        let tcp = TcpStream::connect((self.host.as_str(), self.port));
        let tcp = tcp.await.map_err(|why| format!("I/O: {why}"))?;
        tcp.set_nodelay(true).map_err(|why| format!("I/O: {why}"))?;
        let shaken = TlsConnector::from(client).connect(name, tcp).await;
        shaken.map_err(|why| {
            let hung_up = why.kind() == io::ErrorKind::UnexpectedEof;
            match hung_up {
                true => "TLS: nobody speaks it there".to_owned(),
                false => format!("TLS: {why}"),
            }
        })
    }

    fn say(&self, why: String) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }
}

fn is_of_tls(why: &io::Error) -> bool {
    let inner = why.get_ref();
    inner.is_some_and(|inner| inner.is::<rustls::Error>())
}
