//! Probes and metrics over HTTP: `/live`, `/ready`, `/metrics`. Posts of devices
//! come in elsewhere, see [`PushServer`].
//!
//! Readiness is asked for at every request, so it can become false again.
//! Nothing here waits for a lane: what is asked must answer from memory.
//!
//! Absent on purpose: a login (so it listens on loopback), bodies of requests,
//! anything that changes something.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::metrics::queues::{Places, Queue};

mod push;
mod secret;

#[cfg(test)]
mod tests;

pub use push::{Mailbox, PushLimits, PushServer, Put, Refusals};
pub use secret::{Secret, SecretFault};

/// Connections at a time; more wait in the listener's backlog.
const CONNECTIONS_MAX: usize = 32;
/// A client sends its request within this.
const HEADERS_WITHIN: Duration = Duration::from_secs(5);
/// A connection lasts no longer: a scraper makes a new one.
const CONNECTION_MAX: Duration = Duration::from_secs(60);
/// Bytes of one request's head.
const HEAD_LEN_MAX: usize = 16 * 1024;

/// What is served, asked for at every request.
pub trait Pages: Send + Sync + 'static {
    /// What keeps the process from being alive; empty = alive. A process that
    /// is not is restarted, so this is about threads that stand still.
    fn not_alive(&self) -> Vec<String>;

    /// What keeps it from doing its work; empty = ready. A lane that is
    /// faulted, a journal that is full, a cache that is stale.
    fn not_ready(&self) -> Vec<String>;

    /// The metrics in Prometheus' text format.
    fn metrics(&self) -> String;
}

/// The server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address for posts cannot be listened on.
    #[error(
        "cannot listen on {listen} for posts of devices (push.listen): is another program there?"
    )]
    Push {
        /// The address configured.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {listen} for probes and metrics: is another program there?")]
    Listen {
        /// The address configured.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A server that holds its address but answers nobody yet.
#[derive(Debug)]
pub struct Server {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens on `listen`; port 0 takes a free one.
    ///
    /// # Errors
    /// The address is taken or not this machine's.
    pub fn bind(listen: SocketAddr) -> Result<Self, HttpError> {
        let wrong = |source| HttpError::Listen { listen, source };
        let listener = std::net::TcpListener::bind(listen).map_err(wrong)?;
        listener.set_nonblocking(true).map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is done, then lets go of every connection; within a
    /// runtime.
    ///
    /// # Errors
    /// The system does not let the runtime watch the socket.
    pub async fn serve(
        self,
        pages: Arc<impl Pages>,
        stop: impl Future<Output = ()>,
    ) -> std::io::Result<()> {
        let listener = TcpListener::from_std(self.listener)?;
        let places = Places::new(Queue::HttpConnections, CONNECTIONS_MAX);
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                // Finished connections are taken out, or the set would grow.
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                accepted = accept(&listener, &places) => accepted,
            };
            let Some((stream, place)) = accepted else {
                continue;
            };
            let pages = Arc::clone(&pages);
            connections.spawn(async move {
                serve_connection(stream, pages).await;
                drop(place);
            });
        }
        connections.shutdown().await;
        Ok(())
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Places,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.acquire().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            // Out of file descriptors, or the client went away at once: the
            // next accept may do. Wait, so as not to spin.
            tracing::debug!(%error, "a connection for probes could not be accepted");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn serve_connection(stream: TcpStream, pages: Arc<impl Pages>) {
    let service = service_fn(move |request| {
        let answer = answer(&request, pages.as_ref());
        async move { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(HEAD_LEN_MAX)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(CONNECTION_MAX, connection).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection for probes ended early"),
    }
}

fn answer(request: &Request<Incoming>, pages: &impl Pages) -> Response<Full<Bytes>> {
    let known = ["/live", "/ready", "/metrics"];
    let path = request.uri().path();
    if !known.contains(&path) {
        let text = format!("not here; known: {}\n", known.join(", "));
        return plain(StatusCode::NOT_FOUND, text);
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
        let allow = HeaderValue::from_static("GET, HEAD");
        refused.headers_mut().insert(ALLOW, allow);
        return refused;
    }
    match path {
        "/live" => health("live", &pages.not_alive()),
        "/ready" => health("ready", &pages.not_ready()),
        _ => {
            let mut page = plain(StatusCode::OK, pages.metrics());
            let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            page.headers_mut().insert(CONTENT_TYPE, kind);
            page
        }
    }
}

/// 200 or 503 with what is missing, one a line.
fn health(what: &str, missing: &[String]) -> Response<Full<Bytes>> {
    match missing {
        [] => plain(StatusCode::OK, format!("{what}\n")),
        missing => {
            let text = format!("not {what}\n{}\n", missing.join("\n"));
            plain(StatusCode::SERVICE_UNAVAILABLE, text)
        }
    }
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
