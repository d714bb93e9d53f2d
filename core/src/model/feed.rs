//! What the feed and the caches fed by it share: a position, a policy as text,
//! and the digests by which a cache is compared with the journal.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::DeclarationId;

/// Buckets of a cache; one byte names one.
pub const BUCKETS: usize = 256;

/// How far the feed has been applied.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Changes when the authority begins a new sequence.
    pub epoch: u64,
    /// The last batch applied.
    pub seq: u64,
}

/// Which part of a snapshot, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// This one.
    pub part: u32,
    /// Of how many.
    pub parts: u32,
}

impl Part {
    /// Whether a snapshot begins with it.
    #[must_use]
    pub const fn is_first(self) -> bool {
        self.part == 1
    }

    /// Whether the snapshot comes into force with it.
    #[must_use]
    pub const fn is_last(self) -> bool {
        self.part == self.parts
    }
}

/// A policy as the feed carries it: its TOML text, whose SHA-256 names it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyText {
    /// The version the text says of itself.
    pub version: String,
    /// The TOML text.
    pub toml: String,
}

/// SHA-256 of one item's canonical JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemDigest(pub [u8; 32]);

impl ItemDigest {
    /// All zero: of nothing.
    pub const ZERO: Self = Self([0; 32]);

    /// Of an item's canonical JSON.
    #[must_use]
    pub fn of(canonical: &[u8]) -> Self {
        Self(Sha256::digest(canonical).into())
    }

    /// From 64 lower-case hex digits.
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        let plain = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
        if hex.len() != 64 || !hex.as_bytes().iter().all(plain) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// Folds `other` in; a second time takes it out again.
    pub fn toggle(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine ^= theirs;
        }
    }
}

impl std::fmt::Display for ItemDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl std::fmt::Debug for ItemDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Serialize for ItemDigest {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ItemDigest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("a digest has 64 lower-case hex digits"))
    }
}

/// One digest a bucket: the XOR of its items' digests, so that an item goes in
/// and out in any order. The store folds what it holds, the ledger folds what
/// the journal's `feed` records name; where the two differ the cache is not
/// verified.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Buckets(Box<[ItemDigest; BUCKETS]>);

impl Default for Buckets {
    fn default() -> Self {
        Self(Box::new([ItemDigest::ZERO; BUCKETS]))
    }
}

impl Buckets {
    /// The bucket of `id`: the first byte of its SHA-256.
    #[must_use]
    pub fn bucket_of(id: &DeclarationId) -> u8 {
        Sha256::digest(id.as_str().as_bytes())[0]
    }

    /// Takes the item in, or out if it is in.
    pub fn toggle(&mut self, id: &DeclarationId, digest: &ItemDigest) {
        self.toggle_in(Self::bucket_of(id), digest);
    }

    /// The same where the bucket is known.
    pub fn toggle_in(&mut self, bucket: u8, digest: &ItemDigest) {
        self.0[usize::from(bucket)].toggle(digest);
    }

    /// The buckets that differ from `other`'s, in order.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Vec<u8> {
        (0..=u8::MAX)
            .filter(|&b| self.0[usize::from(b)] != other.0[usize::from(b)])
            .collect()
    }

    /// XOR over all buckets.
    #[must_use]
    pub fn total(&self) -> ItemDigest {
        let mut total = ItemDigest::ZERO;
        self.0.iter().for_each(|digest| total.toggle(digest));
        total
    }
}

impl std::fmt::Debug for Buckets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buckets({})", self.total())
    }
}

/// Written as an object of the buckets that are not zero: `{"0c":"<hex>"}`.
impl Serialize for Buckets {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let shown = self.0.iter().enumerate();
        s.collect_map(
            shown
                .filter(|(_, digest)| **digest != ItemDigest::ZERO)
                .map(|(bucket, digest)| (format!("{bucket:02x}"), digest)),
        )
    }
}

impl<'de> Deserialize<'de> for Buckets {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut buckets = Self::default();
        for (name, digest) in BTreeMap::<String, ItemDigest>::deserialize(d)? {
            let bucket = u8::from_str_radix(&name, 16)
                .ok()
                .filter(|_| name.len() == 2 && name.bytes().all(|b| b.is_ascii_hexdigit()));
            let bucket = bucket
                .ok_or_else(|| serde::de::Error::custom("a bucket is named by two hex digits"))?;
            buckets.0[usize::from(bucket)] = digest;
        }
        Ok(buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> DeclarationId {
        DeclarationId::parse(text).unwrap()
    }

    #[test]
    fn an_item_taken_in_and_out_leaves_no_trace_in_any_order() {
        let (a, b) = (ItemDigest::of(b"a"), ItemDigest::of(b"b"));
        let mut buckets = Buckets::default();
        buckets.toggle(&id("1"), &a);
        buckets.toggle(&id("2"), &b);
        assert_ne!(buckets, Buckets::default());
        buckets.toggle(&id("1"), &a);
        let mut only_b = Buckets::default();
        only_b.toggle(&id("2"), &b);
        assert_eq!(buckets, only_b);
        assert_eq!(buckets.total(), b);
    }

    #[test]
    fn the_bucket_that_lost_an_item_is_named() {
        let mut whole = Buckets::default();
        whole.toggle(&id("1"), &ItemDigest::of(b"a"));
        let differing = whole.differing(&Buckets::default());
        // SHA-256 of "1" begins with 6b.
        assert_eq!(differing, [0x6b]);
    }

    #[test]
    fn buckets_are_written_without_the_empty_ones_and_read_back() {
        let mut buckets = Buckets::default();
        buckets.toggle(&id("1"), &ItemDigest::of(b"abc"));
        let text = serde_json::to_string(&buckets).unwrap();
        // FIPS 180-2 appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(text, format!("{{\"6b\":\"{abc}\"}}"));
        assert_eq!(serde_json::from_str::<Buckets>(&text).unwrap(), buckets);
        assert!(serde_json::from_str::<Buckets>("{\"6b\":\"xx\"}").is_err());
        assert!(serde_json::from_str::<Buckets>(&text.replace("6b", "+b")).is_err());
    }
}
