//! One declaration as it lies in the cache: checksum and canonical JSON.
//!
//! ```text
//! 0        8
//! +--------+--------------------------------+
//! | check  | canonical JSON of declaration  |   check: first 8 bytes of the
//! +--------+--------------------------------+   SHA-256 of the JSON
//! ```
//! The same frame holds [`Meta`]. Key = id; the id inside must be the key's.

use lanegate_core::model::{Declaration, DeclarationId, ItemDigest, Position};
use lanegate_core::record::canonical;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::index::Entry;
use super::skim::Skimmed;

/// Key of [`Meta`]: no identifier holds a control character.
pub(super) const META_KEY: &[u8] = b"\0meta";

const CHECK_LEN: usize = 8;

const ANOTHERS: &str = "a declaration lies under another's id";

/// What the cache says of itself, written with every batch, so that a lost key
/// shows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Meta {
    /// Format version.
    pub(super) v: u32,
    /// How far the feed is applied.
    pub(super) position: Option<Position>,
    /// Declarations held.
    pub(super) count: u64,
    /// XOR of their digests.
    pub(super) total: ItemDigest,
    /// The version of the program that wrote it.
    #[serde(default)]
    pub(super) by: String,
}

impl Meta {
    pub(super) const VERSION: u32 = 1;
    /// Ours.
    pub(super) const BY: &'static str = env!("CARGO_PKG_VERSION");

    /// Whether both say the same of what is held.
    pub(super) fn agrees(&self, held: &Self) -> bool {
        (self.position, self.count, self.total) == (held.position, held.count, held.total)
    }
}

/// A value framed, with the digest its bucket folds.
pub(super) struct Framed {
    pub(super) bytes: Vec<u8>,
    pub(super) digest: ItemDigest,
}

pub(super) fn frame<T: Serialize>(value: &T) -> Framed {
    let json = canonical(value);
    let digest = ItemDigest::of(json.as_bytes());
    let mut bytes = Vec::with_capacity(CHECK_LEN + json.len());
    bytes.extend_from_slice(&digest.0[..CHECK_LEN]);
    bytes.extend_from_slice(json.as_bytes());
    Framed { bytes, digest }
}

/// The JSON of a framed value and its digest.
pub(super) fn unframe(bytes: &[u8]) -> Result<(&[u8], ItemDigest), StoreError> {
    let Some((check, json)) = bytes.split_at_checked(CHECK_LEN) else {
        return Err(damaged("a value is too short"));
    };
    let digest = ItemDigest::of(json);
    if digest.0[..CHECK_LEN] != *check {
        return Err(damaged("a value's checksum is wrong"));
    }
    Ok((json, digest))
}

/// The declaration in a framed value under `key`.
pub(super) fn declaration(
    key: &[u8],
    bytes: &[u8],
) -> Result<(Declaration, ItemDigest), StoreError> {
    let (json, digest) = unframe(bytes)?;
    let declaration: Declaration =
        serde_json::from_slice(json).map_err(|_| damaged("a value is no declaration"))?;
    if declaration.id.as_str().as_bytes() != key {
        return Err(damaged(ANOTHERS));
    }
    Ok((declaration, digest))
}

/// A declaration as the indexes have it, and the digest of its bytes. What this
/// program wrote itself (`ours`) is only skimmed.
pub(super) fn entry(
    key: &[u8],
    bytes: &[u8],
    ours: bool,
) -> Result<(Entry, DeclarationId, ItemDigest), StoreError> {
    if ours {
        let (json, digest) = unframe(bytes)?;
        if let Ok(skimmed) = serde_json::from_slice::<Skimmed<'_>>(json) {
            let id = DeclarationId::parse(skimmed.id).map_err(|_| damaged("an id is none"))?;
            if skimmed.id.as_bytes() != key {
                return Err(damaged(ANOTHERS));
            }
            return Ok((Entry::skimmed(&skimmed), id, digest));
        }
    }
    let (declaration, digest) = declaration(key, bytes)?;
    Ok((Entry::of(&declaration), declaration.id, digest))
}

pub(super) fn meta(bytes: &[u8]) -> Result<Meta, StoreError> {
    let (json, _) = unframe(bytes)?;
    let meta: Meta =
        serde_json::from_slice(json).map_err(|_| damaged("its own count is unreadable"))?;
    if meta.v == Meta::VERSION {
        Ok(meta)
    } else {
        Err(damaged("it has another format"))
    }
}

pub(super) fn key(id: &DeclarationId) -> Vec<u8> {
    id.as_str().as_bytes().to_vec()
}

pub(super) fn damaged(why: &str) -> StoreError {
    StoreError::Damaged(why.to_owned())
}
