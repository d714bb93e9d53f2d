//! The secret a device posts with. Cameras differ in what can be set, so it is
//! looked for wherever one may be put: a header, the password of Basic
//! authorization, a query `secret=…`, or the path behind the device's name.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::Request;
use hyper::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::config::HttpSource;

/// Fewest characters: a guess a millisecond for a year finds none.
const LEN_MIN: usize = 16;
const LEN_MAX: usize = 128;
/// Where a header is free to choose.
const HEADER: &str = "x-lanegate-secret";

/// A secret, kept as its digest alone.
pub struct Secret([u8; 32]);

/// A text that is no secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "is no secret: write {LEN_MIN} to {LEN_MAX} letters, digits, '-', '_', '.' or '~', as from \
     `openssl rand -hex 16`"
)]
pub struct SecretFault;

impl Secret {
    /// From the file a device's source names. A bare name is looked for in
    /// `credentials_dir`, systemd's `$CREDENTIALS_DIRECTORY`.
    ///
    /// # Errors
    /// The file cannot be read, or its first line is no secret; in words.
    pub fn of(source: &HttpSource, credentials_dir: Option<&Path>) -> Result<Self, String> {
        let file = source.secret_file.display();
        let text = source.secret(credentials_dir);
        let text = text.map_err(|why| format!("{file} cannot be read: {why}"))?;
        Self::parse(&text).map_err(|why| format!("the first line of {file} {why}"))
    }

    /// From a file's first line.
    ///
    /// # Errors
    /// Too short, or with characters that do not go into an address.
    pub fn parse(text: &str) -> Result<Self, SecretFault> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
        let right = (LEN_MIN..=LEN_MAX).contains(&text.len()) && text.bytes().all(plain);
        right.then(|| Self(digest(text))).ok_or(SecretFault)
    }

    /// Whether the request knows it; `behind` is its path behind the device's
    /// name.
    pub(super) fn is_known_to<B>(&self, request: &Request<B>, behind: Option<&str>) -> bool {
        let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok());
        let authorization = header(AUTHORIZATION.as_str());
        let bearer = authorization.and_then(|a| a.strip_prefix("Bearer "));
        let basic = authorization
            .and_then(|a| a.strip_prefix("Basic "))
            .and_then(|encoded| BASE64.decode(encoded.trim()).ok())
            .and_then(|pair| String::from_utf8(pair).ok());
        let password = basic.as_deref().and_then(|p| p.split_once(':'));
        let query = request.uri().query().unwrap_or_default().split('&');
        let query = query.filter_map(|pair| pair.strip_prefix("secret=")).next();
        let said = [
            header(HEADER),
            bearer,
            password.map(|(_, password)| password),
            query,
            behind.map(|path| path.trim_end_matches('/')),
        ];
        let mut known = false;
        for text in said.into_iter().flatten() {
            known |= self.is(text);
        }
        known
    }

    /// Takes as long whatever is right of it.
    fn is(&self, text: &str) -> bool {
        self.0.ct_eq(&digest(text)).into()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made here: no secret of a test is worth keeping.
    fn secret() -> String {
        format!("test-{:027}", std::process::id())
    }

    fn request(uri: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn a_secret_is_known_from_any_of_its_places_and_from_no_other() {
        let text = secret();
        let secret = Secret::parse(&text).unwrap();
        let known = |uri: &str, headers: &[(&str, &str)], behind: Option<&str>| {
            secret.is_known_to(&request(uri, headers), behind)
        };
        let basic = format!("Basic {}", BASE64.encode(format!("cam:{text}")));
        assert!(known("/c", &[("x-lanegate-secret", &text)], None));
        assert!(known(
            "/c",
            &[("authorization", &format!("Bearer {text}"))],
            None
        ));
        assert!(known("/c", &[("authorization", &basic)], None));
        assert!(known(&format!("/c?a=1&secret={text}"), &[], None));
        assert!(known("/c/x", &[], Some(&text)));
        assert!(known("/c/x/", &[], Some(&format!("{text}/"))));
        assert!(!known("/c", &[], None));
        assert!(!known("/c", &[("x-lanegate-secret", &text[1..])], Some("")));
        assert!(!known(
            &format!("/c?password={text}"),
            &[("cookie", &text)],
            None
        ));
        assert!(!known("/c", &[("authorization", "Basic !!")], None));
    }

    #[test]
    fn a_secret_too_short_or_unfit_for_an_address_is_refused() {
        for text in [
            "",
            "short",
            "with blanks in it, long",
            "percent%20percent%20",
        ] {
            assert!(Secret::parse(text).is_err(), "{text}");
        }
        let shown = format!("{:?}", Secret::parse(&secret()).unwrap());
        assert_eq!(shown, "Secret(…)");
    }
}
