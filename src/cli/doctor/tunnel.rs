//! The tunnel in front of a broker: the daemon speaks to its near end in the
//! clear; here its far end is looked at as the tunnel itself would: address,
//! chain, name and dates of the certificate, and whether ours is taken.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::broker::tcp;
use super::finding::{Area, Findings};
use crate::clock::Stopwatch;
use crate::config::TunnelConfig;
use crate::mqtt::{self, Asked, LookFault};

const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

const FILES: &str = "check ca, certificate and key of the tunnel in lane.toml: PEM files the \
                     tunnel uses too";
const REACH: &str = "check the tunnel's address and the line to it";
const THEIRS: &str = "have the other side renew its certificate (or mend ca, or the name) and \
                      restart the tunnel; until then nothing comes in, and trucks hold once the \
                      cache is too old";
const OURS: &str = "renew the tunnel's own certificate: the other side does not take it";

/// Why the tunnel cannot stand, and what to do.
struct Broken {
    what: String,
    then: &'static str,
}

impl Broken {
    fn new(what: impl Into<String>, then: &'static str) -> Self {
        let what = what.into();
        Self { what, then }
    }
}

/// False after a fault.
pub(super) fn look(subject: &str, tunnel: &TunnelConfig, findings: &mut Findings) -> bool {
    let subject = format!("{subject} behind {}:{}", tunnel.host, tunnel.port);
    match stands(tunnel) {
        Ok(()) => {
            let what = "the tunnel's far end has a certificate that is good for it";
            findings.good(Area::Certificate, subject, what);
            true
        }
        Err(Broken { what, then }) => {
            findings.fault(Area::Certificate, subject, what, then);
            false
        }
    }
}

fn stands(tunnel: &TunnelConfig) -> Result<(), Broken> {
    let config = Arc::new(tls(tunnel)?);
    let name = tunnel.name.clone().unwrap_or_else(|| tunnel.host.clone());
    let name = ServerName::try_from(name.clone())
        .map_err(|_| Broken::new(format!("\"{name}\" is no name of a host"), FILES))?;
    let mut tcp = tcp(&tunnel.host, tunnel.port).map_err(|why| Broken::new(why, REACH))?;
    let mut session = ClientConnection::new(config, name)
        .map_err(|why| Broken::new(format!("cannot begin: {why}"), FILES))?;
    shake_hands(&mut session, &mut tcp)?;
    // A refusal of our certificate comes behind the handshake: say something,
    // and hear whether the broker answers.
    let asked = Asked {
        client_id: "lanegate-doctor".to_owned(),
        credentials: None,
        topics: Vec::new(),
        publish: None,
        listen: Duration::ZERO,
    };
    match mqtt::look(StreamOwned::new(session, tcp), &asked) {
        // Whether it takes our login is asked at the near end.
        Ok(_) | Err(LookFault::Turned(_) | LookFault::Version | LookFault::Closed) => Ok(()),
        Err(why @ LookFault::Other(_)) => Err(Broken::new(format!("certificate: {why}"), OURS)),
        Err(why @ LookFault::Silent) => Err(Broken::new(why.to_string(), REACH)),
    }
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

fn tls(tunnel: &TunnelConfig) -> Result<ClientConfig, Broken> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&tunnel.ca)? {
        let added = roots.add(certificate);
        added.map_err(|why| unread(&tunnel.ca, &why.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| Broken::new(why.to_string(), FILES))?
        .with_root_certificates(roots);
    let Some((certificate, key)) = &tunnel.own else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|why| unread(key, &why.to_string()))?;
    let config = builder.with_client_auth_cert(chain, private);
    config.map_err(|why| unread(certificate, &why.to_string()))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Broken> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|why| unread(file, &why.to_string()))?;
    match read.is_empty() {
        true => Err(unread(file, "there is no certificate in it")),
        false => Ok(read),
    }
}

fn unread(file: &Path, why: &str) -> Broken {
    Broken::new(format!("{}: {why}", file.display()), FILES)
}
