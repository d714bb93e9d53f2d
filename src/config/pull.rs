//! A camera whose stream of events is asked for, and stays open.

use std::path::{Path, PathBuf};

use hyper::Uri;
use lanegate_core::time::Micros;

use super::device::TcpAddress;
use super::section::{Section, parsed, text};

/// Longest address; a list of event codes is a few words.
const URL_LEN_MAX: usize = 512;

/// Where one camera's events are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PullSource {
    /// The camera.
    pub address: TcpAddress,
    /// Path and query of the stream.
    pub path: String,
    /// Who asks; none = the camera asks nobody who it is.
    pub login: Option<Login>,
    /// A stream on which no frame came for this long is closed and asked for
    /// again: its device's `lost_ms`.
    pub idle: Micros,
}

/// A user of a camera.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    /// Its name.
    pub username: String,
    /// File whose first line is the password; a bare name is a systemd
    /// credential.
    pub password_file: PathBuf,
}

impl Login {
    /// The password. A relative file is looked for in `credentials_dir`,
    /// systemd's `$CREDENTIALS_DIRECTORY`.
    ///
    /// # Errors
    /// It cannot be read, or is a credential and there is no directory, or is
    /// empty.
    pub fn password(&self, credentials_dir: Option<&Path>) -> std::io::Result<String> {
        super::password(&self.password_file, credentials_dir)
    }
}

impl PullSource {
    /// All of the address; for whoever has the configuration at hand.
    pub(super) fn whole(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }
}

/// Without the query, where some cameras want a password.
impl std::fmt::Display for PullSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (path, query) = match self.path.split_once('?') {
            Some((path, _)) => (path, "?…"),
            None => (self.path.as_str(), ""),
        };
        write!(f, "http://{}{path}{query}", self.address)
    }
}

/// The source of a camera that is asked. Its idle time is its device's.
pub(super) fn pull(section: &Section<'_>) -> Option<PullSource> {
    let url = section.maybe("pull", parsed(url))?;
    let username = section.maybe("username", text)?;
    let password_file = section.maybe("password_file", text)?;
    let login = match (username, password_file) {
        (Some(username), Some(file)) => Some(Login {
            username,
            password_file: PathBuf::from(file),
        }),
        (None, None) => None,
        (Some(_), None) => {
            let why = "is missing: write a file whose first line is the user's password";
            section.fault("password_file", why);
            return None;
        }
        (None, Some(_)) => {
            section.fault("username", "is missing: write whose password it is");
            return None;
        }
    };
    let (address, path) = url?;
    Some(PullSource {
        address,
        path,
        login,
        idle: Micros(u64::MAX),
    })
}

fn url(text: &str) -> Result<(TcpAddress, String), String> {
    // Never a password that stands in it.
    let shown = match text.split_once('?') {
        _ if text.contains('@') => "…".to_owned(),
        Some((before, _)) => format!("{before}?…"),
        None => text.to_owned(),
    };
    let wrong = |why: &str| {
        format!(
            "\"{shown}\" {why}: write it like \
             \"http://192.0.2.7/cgi-bin/eventManager.cgi?action=attach&codes=[TrafficJunction]&heartbeat=5\""
        )
    };
    if text.len() > URL_LEN_MAX {
        return Err(format!("has more than {URL_LEN_MAX} bytes"));
    }
    let uri: Uri = text.parse().map_err(|_| wrong("is no address"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err(wrong("begins with https, which is not spoken to cameras")),
        Some(_) | None => return Err(wrong("does not begin with http://")),
    }
    let authority = uri.authority().ok_or_else(|| wrong("names no host"))?;
    if authority.as_str().contains('@') {
        return Err(wrong(
            "has a user in it, which goes into `username` and its password into `password_file`",
        ));
    }
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let port = match authority.as_str().strip_prefix(authority.host()) {
        Some("") => 80,
        Some(port) => port
            .strip_prefix(':')
            .and_then(|port| port.parse().ok())
            .filter(|port| *port > 0)
            .ok_or_else(|| wrong("has no port behind its colon"))?,
        None => return Err(wrong("names no host")),
    };
    if host.is_empty() {
        return Err(wrong("names no host"));
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok((TcpAddress { host, port }, path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_camera_and_the_path_of_its_stream() {
        let dahua =
            "http://192.0.2.7/cgi-bin/eventManager.cgi?action=attach&codes=[All]&heartbeat=5";
        let (address, path) = url(dahua).unwrap();
        assert_eq!(address.to_string(), "192.0.2.7:80");
        assert_eq!(
            path,
            "/cgi-bin/eventManager.cgi?action=attach&codes=[All]&heartbeat=5"
        );
        let (address, path) = url("http://[2001:db8::7]:8080").unwrap();
        assert_eq!(
            (address.to_string(), path.as_str()),
            ("[2001:db8::7]:8080".to_owned(), "/")
        );
    }

    #[test]
    fn a_password_in_the_query_is_not_shown() {
        let source = |text: &str| {
            let (address, path) = url(text).unwrap();
            PullSource {
                address,
                path,
                login: None,
                idle: Micros(0),
            }
        };
        let asked = source("http://192.0.2.7/stream?user=u&pwd=abc");
        assert_eq!(asked.to_string(), "http://192.0.2.7:80/stream?…");
        assert_eq!(asked.whole(), "http://192.0.2.7:80/stream?user=u&pwd=abc");
        let plain = source("http://192.0.2.7:8080/stream");
        assert_eq!(plain.to_string(), "http://192.0.2.7:8080/stream");
        let why = url("https://192.0.2.7/stream?pwd=abc").unwrap_err();
        assert!(
            why.contains("192.0.2.7/stream?…") && !why.contains("abc"),
            "{why}"
        );
    }

    #[test]
    fn what_is_no_address_of_a_stream_is_told_with_one_that_is() {
        for (text, told) in [
            ("192.0.2.7/x", "is no address"),
            ("rtsp://192.0.2.7/x", "does not begin with http://"),
            ("https://192.0.2.7/x", "https"),
            ("http://admin:pass@192.0.2.7/x", "password_file"),
            ("http://192.0.2.7:0/x", "no port"),
            ("http://192.0.2.7:80800/x", "no port"),
            ("http://192.0.2.7:8o/x", "no port"),
            ("http:// /x", "is no address"),
        ] {
            let why = url(text).unwrap_err();
            assert!(why.contains(told) && why.contains("eventManager"), "{why}");
            assert!(!why.contains("admin:pass"), "{why}");
        }
    }
}
