//! Posts of devices: a listener of its own, since cameras stand on another
//! network than whoever scrapes.
//!
//! A post is taken only on a path somebody owns and with that device's secret.
//! It is limited in size and time, and so are connections, in all and of one
//! address; each refusal is counted. The answer is fixed before the post is
//! read: it acknowledges and never commands (see `lanegate_core::wire`).
//!
//! Absent on purpose: TLS (a proxy, or a network of the cameras' own), any
//! look into what was posted, anything that answers a question.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::HttpError;
use super::secret::Secret;
use crate::metrics::queues::{Places, Queue};

#[cfg(test)]
mod tests;

/// Connections at a time; more wait in the listener's backlog.
const CONNECTIONS_MAX: usize = 32;
/// Of one address, so that one device cannot keep the others out.
const OF_ONE_MAX: usize = 8;
/// Bytes of one request's head.
const HEAD_LEN_MAX: usize = 16 * 1024;
/// Bytes of a refused post that are read and thrown away, so that the sender
/// hears the answer and not a broken connection.
const DRAINED_MAX: usize = 256 * 1024;

/// What one post may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PushLimits {
    /// Bytes of its body.
    pub body_max: usize,
    /// From the connection to the end of its head.
    pub head_within: Duration,
    /// From there to the end of its body.
    pub body_within: Duration,
}

impl PushLimits {
    /// For bodies of up to `body_max` bytes; a camera on its own network needs
    /// a tenth of the time.
    #[must_use]
    pub const fn new(body_max: usize) -> Self {
        Self {
            body_max,
            head_within: Duration::from_secs(5),
            body_within: Duration::from_secs(10),
        }
    }
}

/// Is told the word of every refusal.
pub type Refusals = Box<dyn Fn(&'static str) + Send + Sync>;

/// Takes a post with its `Content-Type`; false if there is no room.
pub type Put = Box<dyn Fn(&str, Bytes) -> bool + Send + Sync>;

/// One device's place for posts.
pub struct Mailbox {
    /// The first part of its path.
    pub path: String,
    /// What every post must know.
    pub secret: Secret,
    /// What a post is answered.
    pub answer: (&'static str, &'static str),
    /// Takes a post.
    pub put: Put,
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)
    }
}

/// Why a post is not taken; the words are labels of a metric.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refused {
    Method,
    Path,
    Secret,
    Size,
    Slow,
    Cut,
    Full,
}

impl Refused {
    const fn word(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Path => "path",
            Self::Secret => "secret",
            Self::Size => "size",
            Self::Slow => "slow",
            Self::Cut => "cut",
            Self::Full => "full",
        }
    }

    /// A stranger is not told which paths there are.
    const fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "only POST and PUT\n"),
            Self::Path | Self::Secret => (
                StatusCode::FORBIDDEN,
                "no device posts here with this secret\n",
            ),
            Self::Size => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "larger than push.body_kib_max\n",
            ),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "too slow\n"),
            Self::Cut => (StatusCode::BAD_REQUEST, "the body broke off\n"),
            Self::Full => (StatusCode::SERVICE_UNAVAILABLE, "too many posts wait\n"),
        }
    }
}

/// A listener for posts that answers nobody yet.
#[derive(Debug)]
pub struct PushServer {
    listener: std::net::TcpListener,
    address: SocketAddr,
    desk: Arc<Desk>,
}

/// What every connection needs.
struct Desk {
    mailboxes: BTreeMap<String, Mailbox>,
    limits: PushLimits,
    refusals: Refusals,
    /// Connections of each address.
    of_one: Mutex<BTreeMap<IpAddr, usize>>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.mailboxes.values()).finish()
    }
}

impl PushServer {
    /// Listens on `listen`; port 0 takes a free one.
    ///
    /// # Errors
    /// The address is taken or not this machine's.
    pub fn bind(
        listen: SocketAddr,
        limits: PushLimits,
        mailboxes: Vec<Mailbox>,
        refusals: Refusals,
    ) -> Result<Self, HttpError> {
        let wrong = |source| HttpError::Push { listen, source };
        let listener = std::net::TcpListener::bind(listen).map_err(wrong)?;
        listener.set_nonblocking(true).map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        let mailboxes = mailboxes.into_iter().map(|m| (m.path.clone(), m));
        Ok(Self {
            listener,
            address,
            desk: Arc::new(Desk {
                mailboxes: mailboxes.collect(),
                limits,
                refusals,
                of_one: Mutex::default(),
            }),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes posts until `stop` is done, then lets go of every connection;
    /// within a runtime.
    ///
    /// # Errors
    /// The system does not let the runtime watch the socket.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> std::io::Result<()> {
        let listener = TcpListener::from_std(self.listener)?;
        let places = Places::new(Queue::HttpConnections, CONNECTIONS_MAX);
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                accepted = super::accept(&listener, &places) => accepted,
            };
            let Some((stream, place)) = accepted else {
                continue;
            };
            let Some(one) = stream
                .peer_addr()
                .ok()
                .and_then(|p| One::of(&self.desk, p.ip()))
            else {
                self.desk.refused(Refused::Full);
                continue;
            };
            let desk = Arc::clone(&self.desk);
            connections.spawn(async move {
                serve_connection(stream, desk).await;
                drop((one, place));
            });
        }
        connections.shutdown().await;
        Ok(())
    }
}

/// One connection of an address, counted while it lives.
struct One {
    desk: Arc<Desk>,
    address: IpAddr,
}

impl One {
    /// None if the address has too many.
    fn of(desk: &Arc<Desk>, address: IpAddr) -> Option<Self> {
        let mut counts = desk.of_one.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= OF_ONE_MAX {
            return None;
        }
        *count += 1;
        Some(Self {
            desk: Arc::clone(desk),
            address,
        })
    }
}

impl Drop for One {
    fn drop(&mut self) {
        let counts = self.desk.of_one.lock();
        let mut counts = counts.unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, desk: Arc<Desk>) {
    let at = Arc::clone(&desk);
    let service = service_fn(move |request| {
        let desk = Arc::clone(&at);
        async move { Ok::<_, Infallible>(desk.answer(request).await) }
    });
    let PushLimits {
        head_within,
        body_within,
        ..
    } = desk.limits;
    // A connection a post: an idle one would hold a place.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_within)
        .keep_alive(false)
        .max_buf_size(HEAD_LEN_MAX)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(head_within + 2 * body_within, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) if error.is_timeout() => desk.refused(Refused::Slow),
        Ok(Err(error)) => tracing::debug!(%error, "a post ended early"),
        Err(_) => desk.refused(Refused::Slow),
    }
}

impl Desk {
    fn refused(&self, why: Refused) {
        (self.refusals)(why.word());
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match self.take(request).await {
            Ok((content_type, body)) => {
                response(StatusCode::OK, HeaderValue::from_static(content_type), body)
            }
            Err(why) => {
                self.refused(why);
                let (status, text) = why.answer();
                let plain = HeaderValue::from_static("text/plain; charset=utf-8");
                response(status, plain, text)
            }
        }
    }

    async fn take(
        &self,
        request: Request<Incoming>,
    ) -> Result<(&'static str, &'static str), Refused> {
        let mailbox = match self.mailbox(&request) {
            Ok(mailbox) => mailbox,
            Err(why) => {
                let drained = Limited::new(request.into_body(), DRAINED_MAX).collect();
                drop(tokio::time::timeout(self.limits.body_within, drained).await);
                return Err(why);
            }
        };
        if request.body().size_hint().lower() > self.limits.body_max as u64 {
            return Err(Refused::Size);
        }
        let content_type = request.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|v| v.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = Limited::new(request.into_body(), self.limits.body_max).collect();
        let body = match tokio::time::timeout(self.limits.body_within, body).await {
            Err(_) => return Err(Refused::Slow),
            Ok(Err(why)) if why.is::<LengthLimitError>() => return Err(Refused::Size),
            Ok(Err(_)) => return Err(Refused::Cut),
            Ok(Ok(body)) => body.to_bytes(),
        };
        match (mailbox.put)(&content_type, body) {
            true => Ok(mailbox.answer),
            false => Err(Refused::Full),
        }
    }

    /// Whose the request is, if it knows the secret.
    fn mailbox(&self, request: &Request<Incoming>) -> Result<&Mailbox, Refused> {
        if request.method() != Method::POST && request.method() != Method::PUT {
            return Err(Refused::Method);
        }
        let mut path = request.uri().path().trim_start_matches('/').splitn(2, '/');
        let name = path.next().unwrap_or_default();
        let mailbox = self.mailboxes.get(name).ok_or(Refused::Path)?;
        let known = mailbox.secret.is_known_to(request, path.next());
        known.then_some(mailbox).ok_or(Refused::Secret)
    }
}

fn response(status: StatusCode, kind: HeaderValue, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
