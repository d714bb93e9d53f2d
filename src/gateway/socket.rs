//! The local socket: how the command line of this machine asks the running
//! daemon. One JSON object a line there, one answer a line back.
//!
//! ```text
//! {"op":"status"}                                    -> the whole status
//! {"op":"status","passage":P}                        -> one passage
//! {"op":"order","lane":L,"order":{...}}              -> {"id","accepted","why"}
//! {"op":"lane-order","order":{...}}                  -> {"id","accepted","why"}
//! {"op":"declarations-count"}                        -> {"count":N}
//! {"op":"declarations-show","id":ID}                 -> the declaration, or null
//! {"op":"declarations-export","after":ID,"limit":N}  -> {"declarations":[...]}
//! {"op":"declarations-import","declarations":[...],"as_of":T} -> {"kept",...}
//! {"op":"policy-active"}                             -> {"version","sha256","text",...}
//! {"op":"policy-activate","text":T,"shadow":B,"officer":O,"reason":R} -> {"policy","standing",...}
//! {"op":"policy-rollback","waiting":V,"shadow":B,"officer":O,"reason":R} -> the same
//! {"op":"controls-list","after":ID,"limit":N}        -> {"controls":[...]}
//! {"op":"enterprises-import","enterprises":[...]}    -> {"kept","stale","count"}
//!
//! answer: {"ok":true,"data":...} | {"ok":false,"exit":1|64|65|74|78,"why":"..."}
//! ```
//!
//! Who may ask is the file system's business: mode 0660, the group of the
//! directory. Who asked is the kernel's word (`SO_PEERCRED`), never the
//! message's: the user id goes into every order beside the officer named there.
//!
//! Absent on purpose: what the daemon does about it ([`Backend`]).

mod answer;
mod ask;
mod hand_in;
mod listener;

use std::sync::Arc;
use std::time::Duration;

use lanegate_core::clearance::PolicyFault;
use lanegate_core::ledger::PolicyBy;
use lanegate_core::model::{ControlId, Declaration, DeclarationId, Enterprise, LaneOrder, Order};
use lanegate_core::time::Wall;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::metrics::queues::{Places, Queue};

use super::Answer;
use crate::turns::Beat;
use answer::{No, line_of};

pub use hand_in::{HandIn, Imported, ImportedEnterprises, hand_in, hand_in_enterprises};
pub use listener::{Listener, SocketError};

/// Longest line read (L9): an import comes in parts below it.
pub const LINE_LEN_MAX: usize = 16 << 20;
/// Clients at once (L9); one more is told so and let go.
pub const CLIENTS_MAX: usize = 16;
/// Declarations of one answer to an export (L9).
pub const EXPORT_LEN_MAX: usize = 10_000;
/// A client that says nothing for so long is let go.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// What is asked about declarations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeclarationsAsk {
    /// How many are held: `{"count":N}`.
    Count,
    /// One of them, or null.
    Show(DeclarationId),
    /// A page by id: `{"declarations":[...]}`.
    Export {
        /// The page begins behind this one; none = at the first.
        after: Option<DeclarationId>,
        /// At most so many.
        limit: usize,
    },
    /// Take these in, journal first ([`hand_in`]): an [`Imported`].
    Import {
        /// Without faults, each id once.
        declarations: Vec<Declaration>,
        /// How old the file is; none = not said.
        as_of: Option<Wall>,
    },
}

/// What is asked about policies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PolicyAsk {
    /// The one in force, with its text.
    Active,
    /// Put this one in force, or let it judge beside.
    Activate {
        /// Its text.
        text: String,
        /// Only count.
        shadow: bool,
        /// Who asks.
        by: PolicyBy,
    },
    /// Undo.
    RollBack {
        /// What.
        back: PolicyBack,
        /// Who asks.
        by: PolicyBy,
    },
}

/// What a rollback undoes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PolicyBack {
    /// The policy in force: the one before comes back.
    Before,
    /// One that waits, by version or the first digits of its SHA-256.
    Waiting(String),
    /// The shadow.
    Shadow,
}

/// Why a policy was not taken; nothing changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PolicyNo {
    /// The answer is no.
    Refused(String),
    /// The text has these faults.
    Faults(Vec<PolicyFault>),
    /// The daemon cannot.
    Io(String),
}

/// Hears what became of a policy.
pub type TellPolicy = Box<dyn FnOnce(Result<Value, PolicyNo>) + Send>;

/// What is asked about what is in force beside declarations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InForceAsk {
    /// A page of the controls that are not withdrawn, by id:
    /// `{"controls":[...]}`.
    Controls {
        /// The page begins behind this one; none = at the first.
        after: Option<ControlId>,
        /// At most so many.
        limit: usize,
    },
    /// Take these in ([`hand_in_enterprises`]): an [`ImportedEnterprises`].
    Enterprises(Vec<Enterprise>),
}

/// Hears how an order was answered.
pub type TellOrder = Box<dyn FnOnce(Answer) + Send>;
/// Hears what is known about declarations, or why nothing is.
pub type TellDeclarations = Box<dyn FnOnce(Result<Value, String>) + Send>;

/// The daemon, as the socket sees it. No method may wait.
pub trait Backend: Send + Sync + 'static {
    /// The whole status.
    fn status(&self) -> Value;
    /// One passage; none = not known.
    fn passage(&self, id: &str) -> Option<Value>;
    /// An officer decides about a passage.
    fn order(&self, order: Order, tell: TellOrder);
    /// An officer handles a lane.
    fn lane_order(&self, order: LaneOrder, tell: TellOrder);
    /// Something about declarations.
    fn declarations(&self, ask: DeclarationsAsk, tell: TellDeclarations);
    /// Something about policies.
    fn policy(&self, ask: PolicyAsk, tell: TellPolicy);
    /// Something about what is in force beside them.
    fn in_force(&self, ask: InForceAsk, tell: TellDeclarations);
}

/// Answers clients until `stop` is cancelled, then lets go of them and takes
/// the socket away.
pub async fn serve(
    listener: Listener,
    backend: Arc<dyn Backend>,
    mut beat: Beat,
    stop: CancellationToken,
) {
    let places = Places::new(Queue::SocketClients, CLIENTS_MAX);
    let mut clients = JoinSet::new();
    loop {
        beat.turn().await;
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            () = beat.due() => continue,
            // Finished clients are taken out, or the set would grow.
            Some(_) = clients.join_next(), if !clients.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                // Out of file descriptors, or the client went away at once:
                // the next accept may do. Wait, so as not to spin.
                tracing::debug!(%error, "a local client could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        match places.try_acquire() {
            Ok(place) => {
                clients.spawn(client(stream, Arc::clone(&backend), place));
            }
            Err(_) => turn_away(stream),
        }
    }
    clients.shutdown().await;
    listener.remove();
}

/// Says that there is no place, without waiting for the client to read it.
fn turn_away(stream: UnixStream) {
    use std::io::Write as _;
    let why = format!("{CLIENTS_MAX} clients are connected already; try again in a moment");
    let line = line_of(Err(No::io(why)));
    let told = stream
        .into_std()
        .and_then(|mut stream| stream.write_all(line.as_bytes()));
    if let Err(error) = told {
        tracing::debug!(%error, "a local client too many could not be told");
    }
}

async fn client(stream: UnixStream, backend: Arc<dyn Backend>, place: OwnedSemaphorePermit) {
    let served = serve_client(stream, backend.as_ref()).await;
    if let Err(error) = served {
        tracing::debug!(%error, "a local client left early");
    }
    drop(place);
}

/// What came from a client.
enum Came {
    Line,
    TooLong,
    /// Closed, or silent for too long.
    Nothing,
}

async fn serve_client(stream: UnixStream, backend: &dyn Backend) -> std::io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let came = timeout(IDLE_MAX, read_line(&mut reader, &mut line)).await;
        let (said, last) = match came.unwrap_or(Ok(Came::Nothing))? {
            Came::Line => (answer::to(&line, uid, backend).await, false),
            Came::TooLong => {
                let why =
                    format!("a line may have at most {LINE_LEN_MAX} bytes; send less at once");
                (Err(No::data(why)), true)
            }
            Came::Nothing => return Ok(()),
        };
        let line = line_of(said);
        timeout(IDLE_MAX, writer.write_all(line.as_bytes())).await??;
        if last {
            return Ok(());
        }
    }
}

async fn read_line(
    reader: &mut BufReader<tokio::net::unix::OwnedReadHalf>,
    line: &mut Vec<u8>,
) -> std::io::Result<Came> {
    let mut bounded = reader.take(LINE_LEN_MAX as u64 + 1);
    bounded.read_until(b'\n', line).await?;
    Ok(match line.last() {
        Some(b'\n') => Came::Line,
        _ if line.len() > LINE_LEN_MAX => Came::TooLong,
        // What has no end was cut off on the way: nothing of it is done.
        _ => Came::Nothing,
    })
}
