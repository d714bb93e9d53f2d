//! A small MQTT 3.1.1 broker inside the process, for demonstrations and
//! tests: QoS 0 and 1, retained messages, wills, clean and persistent
//! sessions, `+` and `#`, keep alive, takeover of a client id.
//!
//! It runs on a thread and runtime of its own, so that whoever starts it may
//! block or be killed without the broker standing still. Absent: QoS 2 (a
//! QoS 2 publish ends the connection), authentication, TLS, anything kept
//! over a restart, topics beginning with `$`.
//!
//! Everything has a limit and a counter ([`Counters`]):
//!
//! | what | limit | beyond it |
//! |---|---|---|
//! | connections | 256 | the newcomer is closed |
//! | sessions | 1,024 | refused with "service unavailable" |
//! | filters of a session | 64 | SUBACK says failure |
//! | packet | 2 MiB | the connection is closed |
//! | messages waiting for a session | 16,384 and 256 MiB | the new message is dropped |
//! | unacknowledged by a client | 64 | the rest waits |
//! | retained messages | 16,384 | the new one is not kept |
//! | time until CONNECT | 10 s | the connection is closed |

mod connection;
mod filter;
mod router;
mod session;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc};
use tokio::task::LocalSet;

use router::{ConnectionId, Router};

/// What the broker has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections taken.
    pub connections: u64,
    /// Connections closed because there were too many.
    pub refused: u64,
    /// Publishes received.
    pub published: u64,
    /// Messages handed to a client's connection, redeliveries included.
    pub delivered: u64,
    /// Messages sent again to a session that had not acknowledged them.
    pub redelivered: u64,
    /// Messages dropped because a session's queue was full.
    pub dropped: u64,
    /// Retained messages not kept because there were too many.
    pub retained_refused: u64,
    /// Wills published.
    pub wills: u64,
    /// Connections closed because another took their client id.
    pub takeovers: u64,
    /// Connections closed for a breach of the protocol.
    pub violations: u64,
    /// Connections closed for silence.
    pub silent: u64,
    /// Acknowledgements of nothing that was sent.
    pub stray_acks: u64,
}

/// What the owner tells the broker's thread.
#[derive(Debug)]
enum Command {
    Stop,
    CutConnections,
    KillSessions,
}

/// A running broker. Dropping it stops it.
#[derive(Debug)]
pub struct Broker {
    addr: SocketAddr,
    commands: mpsc::Sender<Command>,
    counters: Arc<Mutex<Counters>>,
    thread: Option<JoinHandle<()>>,
}

impl Broker {
    /// Listens on `addr` (port 0 = any free one).
    ///
    /// # Errors
    /// If the address cannot be had or no thread can be started.
    pub fn start(addr: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let counters = Arc::new(Mutex::new(Counters::default()));
        let (commands, orders) = mpsc::channel(16);
        let shared = Arc::clone(&counters);
        let thread = std::thread::Builder::new()
            .name("broker".to_owned())
            .spawn(move || serve(&runtime, listener, orders, shared))?;
        Ok(Self {
            addr,
            commands,
            counters,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it has done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts every connection, as a network failure would: wills are
    /// published, persistent sessions stay.
    pub fn cut_connections(&self) {
        self.command(Command::CutConnections);
    }

    /// Cuts every connection and forgets every session, as a broker that
    /// lost its memory would; retained messages stay.
    pub fn kill_sessions(&self) {
        self.command(Command::KillSessions);
    }

    /// Closes every connection and ends the thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn command(&self, command: Command) {
        if self.commands.try_send(command).is_err() {
            tracing::warn!("the broker does not take commands any more");
        }
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.command(Command::Stop);
            if thread.join().is_err() {
                tracing::error!("the broker's thread panicked");
            }
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the tasks of the broker's one thread share.
struct Hub {
    router: RefCell<Router>,
    wakers: RefCell<BTreeMap<ConnectionId, Rc<Notify>>>,
    counters: Arc<Mutex<Counters>>,
}

impl Hub {
    /// Lets `act` change the router, then wakes the connections that have
    /// something to send.
    fn with<T>(&self, act: impl FnOnce(&mut Router) -> T) -> T {
        let mut router = self.router.borrow_mut();
        let result = act(&mut router);
        let wakers = self.wakers.borrow();
        for id in router.take_woken() {
            if let Some(waker) = wakers.get(&id) {
                waker.notify_one();
            }
        }
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        *counters = router.counters;
        result
    }
}

fn serve(
    runtime: &Runtime,
    listener: TcpListener,
    orders: mpsc::Receiver<Command>,
    counters: Arc<Mutex<Counters>>,
) {
    let hub = Rc::new(Hub {
        router: RefCell::new(Router::default()),
        wakers: RefCell::new(BTreeMap::new()),
        counters,
    });
    let local = LocalSet::new();
    if let Err(why) = local.block_on(runtime, accept(listener, orders, hub)) {
        tracing::error!(%why, "the broker stops");
    }
}

async fn accept(
    listener: TcpListener,
    mut orders: mpsc::Receiver<Command>,
    hub: Rc<Hub>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => connection::spawn(stream, &hub),
                // Out of descriptors, or a client gone before it was taken.
                Err(why) => {
                    tracing::warn!(%why, "accept");
                    tokio::task::yield_now().await;
                }
            },
            order = orders.recv() => match order {
                Some(Command::CutConnections) => hub.with(Router::cut_connections),
                Some(Command::KillSessions) => hub.with(Router::kill_sessions),
                Some(Command::Stop) | None => return Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests;
