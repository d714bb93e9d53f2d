//! `[broker.*.tunnel]`: what stands between us and a broker on another
//! machine. The daemon speaks to the tunnel's near end (`host`, `port`) and
//! never reads this; `lanegate doctor` looks at the far end.

use std::path::{Path, PathBuf};

use super::controller::path_from;
use super::keys;
use super::section::{Section, parsed, text};

/// The far end of a tunnel, and what it is known by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TunnelConfig {
    /// Host of the far end.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The name in its certificate, if that is not the host.
    pub name: Option<String>,
    /// PEM file of those who may certify it.
    pub ca: PathBuf,
    /// PEM files of our own certificate and its key, if it asks for one.
    pub own: Option<(PathBuf, PathBuf)>,
}

pub(super) fn tunnel(broker: &Section<'_>, base: &Path) -> Option<Option<TunnelConfig>> {
    if !broker.has("tunnel") {
        return Some(None);
    }
    let s = broker.section("tunnel", &keys::TUNNEL);
    let address = s.need("address", parsed(address));
    let name = s.maybe("name", text);
    let ca = s.need("ca", path_from(base));
    let certificate = s.maybe("certificate", path_from(base));
    let key = s.maybe("key", path_from(base));
    for (one, other) in [("certificate", "key"), ("key", "certificate")] {
        if s.has(one) && !s.has(other) {
            s.fault(other, format!("is missing: {one} and {other} go together"));
        }
    }
    let (host, port) = address?;
    Some(Some(TunnelConfig {
        host,
        port,
        name: name?,
        ca: ca?,
        own: certificate?.zip(key?),
    }))
}

fn address(text: &str) -> Result<(String, u16), String> {
    let wrong = || format!("\"{text}\" is no address: write it like \"authority.example:8883\"");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    match (host, port.parse()) {
        ("", _) | (_, Err(_) | Ok(0)) => Err(wrong()),
        (host, Ok(port)) => Ok((host.trim_matches(['[', ']']).to_owned(), port)),
    }
}
