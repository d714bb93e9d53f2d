//! TLS to a broker, whether the daemon speaks it or a tunnel in front of it
//! does: address, chain, name and dates of the certificate, and whether ours is
//! taken.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use super::broker::tcp;
use super::finding::{Area, Findings};
use crate::clock::Stopwatch;
use crate::config::{BrokerConfig, Secured};
use crate::mqtt::{self, Asked, LookFault};
use crate::tls::TlsFiles;

const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

const FILES: &str =
    "check ca, certificate and key in lane.toml: PEM files, which a tunnel uses too";
const REACH: &str = "check the address of its TLS and the line to it";
const THEIRS: &str = "have the other side renew its certificate (or mend ca, or the name), and \
                      restart the tunnel if there is one; until then nothing comes in, and trucks \
                      hold once the cache is too old";
const OURS: &str = "renew our own certificate: the other side does not take it";

/// Where TLS is spoken to, and with whom.
pub(super) struct FarEnd<'a> {
    host: &'a str,
    port: u16,
    files: &'a TlsFiles,
    /// A tunnel speaks it, and the broker is asked at its near end.
    tunnel: bool,
}

impl<'a> FarEnd<'a> {
    /// Of a broker that has one.
    pub(super) fn of(broker: &'a BrokerConfig) -> Option<Self> {
        match &broker.secured {
            Secured::No => None,
            Secured::Tls(files) => Some(Self {
                host: &broker.host,
                port: broker.port,
                files,
                tunnel: false,
            }),
            Secured::Tunnel(tunnel) => Some(Self {
                host: &tunnel.host,
                port: tunnel.port,
                files: &tunnel.files,
                tunnel: true,
            }),
        }
    }
}

/// Why TLS cannot be spoken, and what to do.
pub(super) struct Broken {
    pub(super) what: String,
    then: &'static str,
}

impl Broken {
    fn new(what: impl Into<String>, then: &'static str) -> Self {
        let what = what.into();
        Self { what, then }
    }
}

/// False after a fault.
pub(super) fn look(subject: &str, end: &FarEnd<'_>, findings: &mut Findings) -> bool {
    let subject = match end.tunnel {
        true => format!("{subject} behind {}:{}", end.host, end.port),
        false => subject.to_owned(),
    };
    match stands(end) {
        Ok(()) => {
            let what = match end.tunnel {
                true => "the tunnel's far end has a certificate that is good for it",
                false => "it has a certificate that is good for it",
            };
            findings.good(Area::Certificate, subject, what);
            true
        }
        Err(Broken { what, then }) => {
            findings.fault(Area::Certificate, subject, what, then);
            false
        }
    }
}

fn stands(end: &FarEnd<'_>) -> Result<(), Broken> {
    let stream = connect(end)?;
    // A refusal of our certificate comes behind the handshake: say something,
    // and hear whether the broker answers.
    let asked = Asked {
        client_id: "lanegate-doctor".to_owned(),
        credentials: None,
        topics: Vec::new(),
        publish: None,
        listen: Duration::ZERO,
    };
    match mqtt::look(stream, &asked) {
        // Whether it takes our login is asked afterwards.
        Ok(_) | Err(LookFault::Turned(_) | LookFault::Version | LookFault::Closed) => Ok(()),
        Err(why @ LookFault::Other(_)) => Err(Broken::new(format!("certificate: {why}"), OURS)),
        Err(why @ LookFault::Silent) => Err(Broken::new(why.to_string(), REACH)),
    }
}

/// A stream through TLS, its certificate looked at.
pub(super) fn connect(
    end: &FarEnd<'_>,
) -> Result<StreamOwned<ClientConnection, TcpStream>, Broken> {
    let of_files = |why: crate::tls::TlsFault| Broken::new(why.to_string(), FILES);
    let config = end.files.client().map_err(of_files)?;
    let name = end.files.server_name(end.host).map_err(of_files)?;
    let mut tcp = tcp(end.host, end.port).map_err(|why| Broken::new(why, REACH))?;
    let mut session = ClientConnection::new(config, name)
        .map_err(|why| Broken::new(format!("cannot begin: {why}"), FILES))?;
    shake_hands(&mut session, &mut tcp)?;
    Ok(StreamOwned::new(session, tcp))
}

fn shake_hands(session: &mut ClientConnection, tcp: &mut TcpStream) -> Result<(), Broken> {
    let waiting = Stopwatch::started();
    while session.is_handshaking() || session.wants_write() {
        match session.complete_io(tcp) {
            Ok(_) => {}
            Err(why) if is_wait(why.kind()) && waiting.elapsed() < HANDSHAKE_MAX => {}
            Err(why) if is_wait(why.kind()) || why.kind() == ErrorKind::UnexpectedEof => {
                return Err(Broken::new("nobody speaks TLS there", REACH));
            }
            Err(why) => return Err(Broken::new(format!("certificate: {why}"), THEIRS)),
        }
    }
    let flushed = tcp.flush();
    flushed.map_err(|why| Broken::new(why.to_string(), REACH))
}

fn is_wait(kind: ErrorKind) -> bool {
    [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&kind)
}
