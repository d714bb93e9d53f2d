//! A camera whose events are asked for: one question by HTTP, whose answer is
//! a stream of parts that never ends.
//!
//! ```text
//! connect --> GET --200--> the stream, until it ends or no frame came for lost_ms
//!              | 401, with a challenge
//!              v
//!             GET, answered (Digest, or Basic) --200--> the stream
//!              | 401, 403
//!              v
//!             Why::Login: asked again a minute later
//! ```
//! Makers' firmware differs in whether a refused question ends the connection:
//! the second question goes over the same one where it is still open.
//!
//! A stream can go silent while its connection stays: then it is closed and
//! asked for anew. What it says later than the camera saw it is told by the
//! camera's own time, as everywhere.

use std::time::Duration;

use bytes::Bytes;
use http_auth::{PasswordClient, PasswordParams};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, WWW_AUTHENTICATE};
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
/// What comes with a refusal is a short page.
const REFUSAL_MAX: usize = 64 << 10;

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
        let shaken = http1::handshake(TokioIo::new(stream)).await;
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
    let page = Limited::new(first.into_body(), REFUSAL_MAX).collect().await;
    if page.is_err() || talk.sender.ready().await.is_err() {
        *talk = Talk::begin(source).await?;
    }
    let second = talk.get(source, Some(&answer)).await?;
    stream(source, second)
}

fn stream(source: &PullSource, answer: Response<Incoming>) -> Result<Response<Incoming>, Why> {
    match answer.status() {
        StatusCode::OK => Ok(answer),
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
    let mut client = client.map_err(|why| refused(source, &why))?;
    let password = login.password(credentials_dir().as_deref());
    let password = password.map_err(|why| {
        let file = login.password_file.display();
        refused(source, &format!("{file} cannot be read: {why}"))
    })?;
    let params = PasswordParams {
        username: &login.username,
        password: &password,
        uri: &source.path,
        method: Method::GET.as_str(),
        body: Some(&[]),
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
