//! Canonical JSON and its SHA-256 (FORMATS, first paragraph): no blanks, keys
//! sorted by code point, only `"`, `\` and controls escaped.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// `value` in canonical form. The map type of `serde_json` is sorted by the
/// keys' bytes, which for UTF-8 is code point order.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("a JSON value can always be written")
}

/// SHA-256 of text that is canonical already.
pub(super) fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// Lower-case hexadecimal.
pub(super) fn hex(digest: &[u8; 32]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    digest
        .iter()
        .flat_map(|b| [b >> 4, b & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

/// SHA-256 of the canonical form, in hexadecimal.
pub(super) fn sha256_hex(value: &Value) -> String {
    hex(&digest(&bytes(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Oracle: Python 3's `json.dumps(sort_keys=True, separators=(",", ":"),
    /// ensure_ascii=False)` and `hashlib.sha256`.
    #[test]
    fn the_form_and_its_hash_are_what_python_gives() {
        let value = json!({"é": 1, "z": [true, null, "\u{7f}"], "粤": "a\"\\\n\u{1}", "A": {"b": -2, "a": 0}});
        let form = "{\"A\":{\"a\":0,\"b\":-2},\"z\":[true,null,\"\u{7f}\"],\"é\":1,\"粤\":\"a\\\"\\\\\\n\\u0001\"}";
        assert_eq!(String::from_utf8(bytes(&value)).unwrap(), form);
        assert_eq!(
            sha256_hex(&value),
            "f79e88468e6b1b200e527d94dd315ddf16d63db9cadc6902c77557f94a2be815"
        );
    }
}
