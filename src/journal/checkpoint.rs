//! Signed heads of the chain (Ed25519, RFC 8032): who holds one knows that a
//! journal that ends before it, or has another record there, was changed.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use lanegate_core::record::{CheckpointBody, Link, canonical};
use serde_json::json;

/// Our own key in the state directory.
const OWN: &str = "checkpoint.key";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file.
    #[error("the checkpoints' key, {path}, cannot be read; its first line is 64 hex digits")]
    Unread {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What stands in it; it is not shown.
    #[error("the checkpoints' key is none: the file's first line must be 64 lower-case hex digits")]
    NoKey,
    /// Our own.
    #[error("the checkpoints' own key, {path}, cannot be {what}")]
    Own {
        /// Which.
        path: String,
        /// What was tried.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl KeyError {
    /// Whether the configuration is wrong; else the disk is.
    #[must_use]
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::NoKey => true,
            Self::Unread { source, .. } => crate::config::is_mistake(source),
            Self::Own { .. } => false,
        }
    }
}

/// The secret key.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckpointKey(SigningKey);

impl fmt::Debug for CheckpointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckpointKey(public {})", self.public())
    }
}

impl CheckpointKey {
    /// The key of these 32 random bytes.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// The key in the first line of `text`, 64 hex digits.
    ///
    /// # Errors
    /// There is none.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let first = text.lines().next().unwrap_or_default().trim();
        let seed = bytes_of(first).ok_or(KeyError::NoKey)?;
        Ok(Self::new(seed))
    }

    /// The key in `file`.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn read(file: &Path) -> Result<Self, KeyError> {
        let text = fs::read_to_string(file).map_err(|source| KeyError::Unread {
            path: file.display().to_string(),
            source,
        })?;
        Self::parse(&text)
    }

    /// A key of our own in `state_dir`, made at the first start.
    ///
    /// # Errors
    /// It cannot be read or made.
    pub fn own(state_dir: &Path) -> Result<Self, KeyError> {
        let file = state_dir.join(OWN);
        let failed = |what| {
            let path = file.display().to_string();
            move |source| KeyError::Own { path, what, source }
        };
        match Self::read(&file) {
            Err(KeyError::Unread { source, .. }) if source.kind() == ErrorKind::NotFound => {
                make(&file).map_err(failed("made"))
            }
            Err(KeyError::Unread { source, .. }) => Err(failed("read")(source)),
            found => found,
        }
    }

    /// The public key, 64 lower-case hex digits.
    #[must_use]
    pub fn public(&self) -> String {
        hex(self.0.verifying_key().as_bytes())
    }

    /// Signs the record before `link`; none if there is none.
    #[must_use]
    pub fn sign(&self, link: &Link) -> Option<CheckpointBody> {
        let seq = link.seq.checked_sub(1)?;
        let said = said(link.controller.as_str(), &link.genesis, seq, &link.prev);
        Some(CheckpointBody {
            seq,
            sha256: link.prev.clone(),
            signature: hex(&self.0.sign(said.as_bytes()).to_bytes()),
            key: Some(self.public()),
        })
    }
}

/// Whether `body` is signed with `key`, a public one in hex, for the journal
/// `genesis` of `controller`.
#[must_use]
pub fn is_signed(body: &CheckpointBody, controller: &str, genesis: &str, key: &str) -> bool {
    let key = bytes_of(key).and_then(|key| VerifyingKey::from_bytes(&key).ok());
    let signature = bytes_of(&body.signature).map(|bytes| Signature::from_bytes(&bytes));
    let said = said(controller, genesis, body.seq, &body.sha256);
    key.zip(signature)
        .is_some_and(|(key, signature)| key.verify_strict(said.as_bytes(), &signature).is_ok())
}

/// What is signed.
fn said(controller: &str, genesis: &str, seq: u64, sha256: &str) -> String {
    canonical(&json!({
        "controller": controller, "genesis": genesis, "seq": seq, "sha256": sha256,
    }))
}

/// Written aside, synced, renamed, for nobody's eyes but ours.
fn make(file: &Path) -> io::Result<CheckpointKey> {
    let mut seed = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut seed)?;
    let aside = file.with_extension("new");
    match fs::remove_file(&aside) {
        Err(why) if why.kind() != ErrorKind::NotFound => return Err(why),
        Ok(()) | Err(_) => {}
    }
    let mut written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)?;
    writeln!(written, "{}", hex(&seed))?;
    written.sync_all()?;
    fs::rename(&aside, file)?;
    if let Some(dir) = file.parent() {
        File::open(dir)?.sync_all()?;
    }
    Ok(CheckpointKey::new(seed))
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
        hex
    })
}

/// Exactly `N` bytes in lower-case hex.
fn bytes_of<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if hex.len() != 2 * N || !hex.bytes().all(is_hex) {
        return None;
    }
    let mut bytes = [0; N];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanegate_core::model::ControllerId;

    /// RFC 8032 section 7.1, test 1.
    const SECRET: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn link() -> Link {
        Link {
            controller: ControllerId::parse("SZB-X").unwrap(),
            genesis: "aa".into(),
            seq: 12,
            prev: "bb".into(),
        }
    }

    #[test]
    fn the_published_secret_gives_the_published_public_key_and_is_never_shown() {
        let key = CheckpointKey::parse(&format!("{SECRET}\nnot this\n")).unwrap();
        assert_eq!(key.public(), PUBLIC);
        assert!(!format!("{key:?}").contains(&SECRET[..8]));
        for bad in ["", "9d61", &SECRET.to_uppercase()] {
            assert!(CheckpointKey::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_signature_is_of_this_head_of_this_journal_by_this_key_alone() {
        let key = CheckpointKey::parse(SECRET).unwrap();
        let body = key.sign(&link()).unwrap();
        assert_eq!((body.seq, body.sha256.as_str()), (11, "bb"));
        assert!(is_signed(&body, "SZB-X", "aa", PUBLIC));
        assert!(!is_signed(&body, "SZB-Y", "aa", PUBLIC));
        assert!(!is_signed(&body, "SZB-X", "ab", PUBLIC));
        let other = CheckpointKey::new([7; 32]).public();
        assert!(!is_signed(&body, "SZB-X", "aa", &other));
        let mut later = body.clone();
        later.seq += 1;
        assert!(!is_signed(&later, "SZB-X", "aa", PUBLIC));
        let mut rewritten = body.clone();
        rewritten.sha256 = "bc".into();
        assert!(!is_signed(&rewritten, "SZB-X", "aa", PUBLIC));
        for i in 0..body.signature.len() {
            let mut forged = body.clone();
            let digit = if body.signature.as_bytes()[i] == b'0' {
                "1"
            } else {
                "0"
            };
            forged.signature.replace_range(i..=i, digit);
            assert!(!is_signed(&forged, "SZB-X", "aa", PUBLIC), "digit {i}");
        }
    }

    #[test]
    fn our_own_key_is_made_once_for_our_eyes_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let name = format!("lanegate-checkpoint-{}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        fs::create_dir_all(&dir).unwrap();
        let first = CheckpointKey::own(&dir).unwrap();
        assert_eq!(CheckpointKey::own(&dir).unwrap(), first);
        let mode = fs::metadata(dir.join(OWN)).unwrap().permissions().mode();
        fs::write(dir.join(OWN), "torn").unwrap();
        let bad = CheckpointKey::own(&dir);
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(mode & 0o777, 0o600);
        assert!(
            matches!(bad, Err(KeyError::NoKey)),
            "never replaced silently"
        );
    }
}
