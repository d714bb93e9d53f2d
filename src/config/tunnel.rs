//! TLS to a broker on another machine: `tls` where the daemon speaks it itself,
//! `[broker.*.tunnel]` where something in front of the broker does. Then the
//! daemon speaks to the tunnel's near end (`host`, `port`) in the clear and
//! never reads the table; `lanegate doctor` looks at the far end.

use std::path::Path;

use super::controller::path_from;
use super::keys;
use super::section::{Section, parsed, text};
use crate::tls::TlsFiles;

/// The far end of a tunnel, and what it is known by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TunnelConfig {
    /// Host of the far end.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who may be there.
    pub files: TlsFiles,
}

/// Who carries a broker's TLS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Secured {
    /// Nobody: it stands on this machine or its network is trusted.
    No,
    /// The daemon, to the broker's host and port.
    Tls(TlsFiles),
    /// Something in front of it.
    Tunnel(TunnelConfig),
}

pub(super) fn secured(broker: &Section<'_>, base: &Path) -> Option<Secured> {
    match (broker.has("tls"), broker.has("tunnel")) {
        (false, false) => Some(Secured::No),
        (true, false) => files(&broker.section("tls", &keys::TLS), base).map(Secured::Tls),
        (false, true) => tunnel(broker, base).map(Secured::Tunnel),
        (true, true) => {
            let why = "is one thing, a tunnel another: with tls the daemon speaks to the broker \
                       itself, so take one of them out";
            broker.fault("tls", why);
            None
        }
    }
}

fn tunnel(broker: &Section<'_>, base: &Path) -> Option<TunnelConfig> {
    let s = broker.section("tunnel", &keys::TUNNEL);
    let address = s.need("address", parsed(address));
    let files = files(&s, base);
    let (host, port) = address?;
    Some(TunnelConfig {
        host,
        port,
        files: files?,
    })
}

fn files(s: &Section<'_>, base: &Path) -> Option<TlsFiles> {
    let name = s.maybe("name", text);
    let ca = s.need("ca", path_from(base));
    let certificate = s.maybe("certificate", path_from(base));
    let key = s.maybe("key", path_from(base));
    for (one, other) in [("certificate", "key"), ("key", "certificate")] {
        if s.has(one) && !s.has(other) {
            s.fault(other, format!("is missing: {one} and {other} go together"));
        }
    }
    Some(TlsFiles {
        name: name?,
        ca: ca?,
        own: certificate?.zip(key?),
    })
}

fn address(text: &str) -> Result<(String, u16), String> {
    let wrong = || format!("\"{text}\" is no address: write it like \"authority.example:8883\"");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    match (host, port.parse()) {
        ("", _) | (_, Err(_) | Ok(0)) => Err(wrong()),
        (host, Ok(port)) => Ok((host.trim_matches(['[', ']']).to_owned(), port)),
    }
}
