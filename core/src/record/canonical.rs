//! Canonical JSON: no blanks, keys sorted by code point, only `"`, `\` and
//! controls escaped; and SHA-256 in lower-case hex.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// `value` as canonical JSON.
#[must_use]
pub fn canonical<T: Serialize + ?Sized>(value: &T) -> String {
    // serde_json's map is a BTreeMap, so going through Value sorts the keys;
    // byte order of UTF-8 is code point order.
    let value = serde_json::to_value(value).expect("our types have text keys and finite numbers");
    value.to_string()
}

/// SHA-256 of `bytes`, lower-case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = String::with_capacity(64);
    for b in Sha256::digest(bytes) {
        hex.push(char::from(DIGITS[usize::from(b >> 4)]));
        hex.push(char::from(DIGITS[usize::from(b & 15)]));
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Python's json.dumps(sort_keys=True, separators=(',',':'),
    /// ensure_ascii=False) prints for the same object.
    #[test]
    fn canonical_json_is_what_python_prints() {
        let value =
            serde_json::json!({"b": 1, "a": {"粤": "\u{1f}\"\\\n\u{7f}é", "Z": [true, null]}});
        assert_eq!(
            canonical(&value),
            "{\"a\":{\"Z\":[true,null],\"粤\":\"\\u001f\\\"\\\\\\n\u{7f}é\"},\"b\":1}"
        );
    }

    /// FIPS 180-2 appendix B.1.
    #[test]
    fn sha256_of_abc_is_the_published_one() {
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
