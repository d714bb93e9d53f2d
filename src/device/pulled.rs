//! A camera whose events are asked for: one question by HTTP, whose answer is
//! a stream of parts that never ends.
//!
//! ```text
//! connect --> GET --200--> the stream, until it ends or no frame came for lost_ms
//!              | 401, with a challenge
//!              v
//!             GET, answered by Digest --200--> the stream
//!              | 401, 403
//!              v
//!             Why::Login: asked again five minutes later
//! ```
//! Makers' firmware differs in whether a refused question ends the connection,
//! and in whether it says so: the second question goes over the same one where
//! that is still open, and over a new one if it fails there. Basic is not
//! answered: it would give the password to whoever asks.
//!
//! A stream can go silent while its connection stays: then it is closed and
//! asked for anew. A camera may keep what it says while nobody asks, so what
//! does not say when it was seen is no evidence.

use std::time::Duration;

use bytes::Bytes;
use http_auth::{PasswordClient, PasswordParams};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use lanegate_core::time::Micros;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::tcp;
use super::why::Why;
use crate::config::{Login, PullSource, credentials_dir};

/// A camera answers within this, once it is connected.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// What comes with a refusal is a short page, at once.
const REFUSAL_MAX: usize = 64 << 10;
const PAGE_MAX: Duration = Duration::from_secs(1);
/// Taken from the connection at a time.
const CHUNK: usize = 16 << 10;

/// An open stream.
pub(super) struct Port {
    /// Moves its bytes.
    _talk: Talk,
    stream: Incoming,
    /// What came last.
    chunk: Bytes,
    idle: Micros,
}

impl Port {
    /// Asks for the stream.
    pub(super) async fn open(source: &PullSource) -> Result<Self, Why> {
        let mut talk = Talk::begin(source).await?;
        let answer = match timeout(ANSWER_MAX, ask(&mut talk, source)).await {
            Ok(answer) => answer?,
            Err(_) => return Err(no_stream(source, "no answer within 5 s")),
        };
        Ok(Self {
            _talk: talk,
            stream: answer.into_body(),
            chunk: Bytes::new(),
            idle: source.idle,
        })
    }

    /// The next bytes. What comes late in one piece is not read all at once.
    pub(super) async fn read(&mut self) -> Result<usize, Why> {
        loop {
            let Some(Ok(frame)) = self.stream.frame().await else {
                return Err(Why::Closed);
            };
            if let Ok(data) = frame.into_data()
                && !data.is_empty()
            {
                self.chunk = data;
                return Ok(self.chunk.len());
            }
        }
    }

    /// The bytes of the last [`Port::read`], which returned `len`.
    pub(super) fn heard(&self, len: usize) -> &[u8] {
        &self.chunk[..len]
    }

    /// Without a frame for this long it is closed.
    pub(super) const fn idle(&self) -> Micros {
        self.idle
    }
}

/// A connection, and the task that moves its bytes.
struct Talk {
    sender: SendRequest<Empty<Bytes>>,
    mover: JoinHandle<()>,
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.mover.abort();
    }
}

impl Talk {
    async fn begin(source: &PullSource) -> Result<Self, Why> {
        let stream = tcp::connect(&source.address).await?;
        // Some cameras know headers by their usual letters only.
        let shaken = http1::Builder::new()
            .title_case_headers(true)
            .max_buf_size(CHUNK)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, connection) = shaken.map_err(|_| Why::Closed)?;
        // How it ends is seen where its stream is read.
        let mover = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, mover })
    }

    async fn get(
        &mut self,
        source: &PullSource,
        answer: Option<&str>,
    ) -> Result<Response<Incoming>, Why> {
        let mut request = Request::builder()
            .method(Method::GET)
            .uri(&source.path)
            .header(HOST, source.address.to_string())
            .header(ACCEPT, "multipart/x-mixed-replace, multipart/mixed, */*");
        if let Some(answer) = answer {
            request = request.header(AUTHORIZATION, answer);
        }
        let request = request.body(Empty::new());
        let request = request.map_err(|why| no_stream(source, &why.to_string()))?;
        let answered = self.sender.send_request(request).await;
        answered.map_err(|why| no_stream(source, &format!("no answer by HTTP ({why})")))
    }
}

/// The stream's answer, having said who asks if the camera wants to know.
async fn ask(talk: &mut Talk, source: &PullSource) -> Result<Response<Incoming>, Why> {
    let first = talk.get(source, None).await?;
    if first.status() != StatusCode::UNAUTHORIZED {
        return stream(source, first);
    }
    let login = source.login.as_ref();
    let login = login.ok_or_else(|| refused(source, "it asks who we are"))?;
    let answer = answer(source, login, &first)?;
    let page = Limited::new(first.into_body(), REFUSAL_MAX).collect();
    let read = matches!(timeout(PAGE_MAX, page).await, Ok(Ok(_)));
    if read
        && talk.sender.ready().await.is_ok()
        && let Ok(second) = talk.get(source, Some(&answer)).await
    {
        return stream(source, second);
    }
    *talk = Talk::begin(source).await?;
    let second = talk.get(source, Some(&answer)).await?;
    stream(source, second)
}

fn stream(source: &PullSource, answer: Response<Incoming>) -> Result<Response<Incoming>, Why> {
    match answer.status() {
        StatusCode::OK => match answer.headers().get(CONTENT_TYPE) {
            // A page for people, with whatever words.
            Some(kind) if kind.as_bytes().starts_with(b"text/html") => {
                Err(no_stream(source, "it answers a page of text/html"))
            }
            Some(_) | None => Ok(answer),
        },
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            Err(refused(source, &status.to_string()))
        }
        status => Err(no_stream(source, &format!("it answers {status}"))),
    }
}

/// What answers the challenge in `refusal`.
fn answer<B>(source: &PullSource, login: &Login, refusal: &Response<B>) -> Result<String, Why> {
    let challenges = refusal.headers().get_all(WWW_AUTHENTICATE);
    let challenges: Vec<_> = challenges.iter().filter_map(|c| c.to_str().ok()).collect();
    let client = PasswordClient::try_from(challenges.join(", ").as_str());
    let mut client = match client {
        Ok(PasswordClient::Digest(client)) => client,
        Ok(_) => return Err(refused(source, "it asks for Basic, which is not spoken")),
        Err(why) => return Err(refused(source, &why)),
    };
    let password = login.password(credentials_dir().as_deref());
    let password = password.map_err(|why| {
        let file = login.password_file.display();
        Why::Port(format!("password_file {file} cannot be read: {why}"))
    })?;
    let params = PasswordParams {
        username: &login.username,
        password: &password,
        uri: &source.path,
        method: Method::GET.as_str(),
        body: None,
    };
    client.respond(&params).map_err(|why| refused(source, &why))
}

fn refused(source: &PullSource, why: &str) -> Why {
    Why::Login(source.to_string(), why.to_owned())
}

fn no_stream(source: &PullSource, why: &str) -> Why {
    Why::NoStream(source.to_string(), why.to_owned())
}

#[cfg(test)]
#[path = "pulled_tests.rs"]
mod tests;
