//! Canonical JSON: no blanks, keys sorted by code point, only `"`, `\` and
//! controls escaped; and SHA-256 in lower-case hex.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use serde::Serialize;
use serde_json::ser::Formatter;
use sha2::{Digest, Sha256};

/// `value` as canonical JSON.
#[must_use]
pub fn canonical<T: Serialize + ?Sized>(value: &T) -> String {
    let text = Text::default();
    let sorter = Sorter {
        text: text.clone(),
        open: Vec::new(),
    };
    let mut writer = serde_json::Serializer::with_formatter(text.clone(), sorter);
    let written = value.serialize(&mut writer);
    written.expect("our types have text keys and finite numbers");
    String::from_utf8(text.0.take()).expect("JSON is UTF-8")
}

/// What is written so far: serde_json writes to it, the sorter sorts in it.
#[derive(Clone, Default)]
struct Text(Rc<RefCell<Vec<u8>>>);

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Places of an entry in the text: where it begins, where its key and where it
/// ends.
#[derive(Clone, Copy)]
struct Entry {
    begin: usize,
    key_end: usize,
    end: usize,
}

/// Sorts each object when it ends. A tree of values would sort too, and took
/// twice as long.
struct Sorter {
    text: Text,
    /// The entries of each object that has begun.
    open: Vec<Vec<Entry>>,
}

impl Sorter {
    fn len(&self) -> usize {
        self.text.0.borrow().len()
    }

    fn last(&mut self) -> Option<&mut Entry> {
        self.open.last_mut()?.last_mut()
    }
}

/// Escapes have another order than what they stand for, so keys are compared
/// as they were.
fn in_order(text: &[u8], a: Entry, b: Entry) -> std::cmp::Ordering {
    let key = |entry: Entry| &text[entry.begin..entry.key_end];
    let (a, b) = (key(a), key(b));
    if !a.contains(&b'\\') && !b.contains(&b'\\') {
        // Without the closing quotation mark: what is longer comes later.
        return a[..a.len() - 1].cmp(&b[..b.len() - 1]);
    }
    let read = |key: &[u8]| serde_json::from_slice::<String>(key).expect("a key just written");
    read(a).cmp(&read(b))
}

impl Formatter for Sorter {
    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open.push(Vec::new());
        writer.write_all(b"{")
    }

    fn begin_object_key<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        let begin = self.len();
        if let Some(entries) = self.open.last_mut() {
            entries.push(Entry {
                begin,
                key_end: begin,
                end: begin,
            });
        }
        Ok(())
    }

    fn end_object_key<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        let at = self.len();
        if let Some(entry) = self.last() {
            entry.key_end = at;
        }
        Ok(())
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        let at = self.len();
        if let Some(entry) = self.last() {
            entry.end = at;
        }
        Ok(())
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        if let Some(mut entries) = self.open.pop() {
            let mut text = self.text.0.borrow_mut();
            let ordered = |a: &Entry, b: &Entry| in_order(&text, *a, *b).is_lt();
            if let Some(first) = entries
                .first()
                .copied()
                .filter(|_| !entries.is_sorted_by(ordered))
            {
                entries.sort_by(|a, b| in_order(&text, *a, *b));
                let mut sorted = Vec::with_capacity(text.len() - first.begin);
                for entry in entries {
                    if !sorted.is_empty() {
                        sorted.push(b',');
                    }
                    sorted.extend_from_slice(&text[entry.begin..entry.end]);
                }
                text.truncate(first.begin);
                text.extend_from_slice(&sorted);
            }
        }
        writer.write_all(b"}")
    }
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

    /// Against the other way: a tree that sorts, which a parser made.
    #[test]
    fn every_object_is_in_order_whatever_its_keys() {
        let keys = [
            "", "a", "a\"", "a!", "a#", "aa", "\\", "]", "[", "\n", " ", "粤", "\u{7f}", "é", "b",
        ];
        for n in 0..keys.len() {
            let mut text = String::from("{");
            for (i, key) in keys
                .iter()
                .cycle()
                .skip(n * 7)
                .step_by(4)
                .take(15)
                .enumerate()
            {
                let key = serde_json::to_string(key).unwrap();
                let comma = if i == 0 { "" } else { "," };
                let inner = format!("{{\"z\":[{{}},{{\"y\":{i},\"x\":\"}}\"}}],{key}:null}}");
                text += &format!("{comma}{key}:{inner}");
            }
            text.push('}');
            let tree: serde_json::Value = serde_json::from_str(&text).unwrap();
            let unsorted = Unsorted(&tree);
            assert_eq!(canonical(&unsorted), tree.to_string());
            assert_eq!(canonical(&tree), tree.to_string());
        }
    }

    /// Hands its entries out last first.
    struct Unsorted<'a>(&'a serde_json::Value);

    impl Serialize for Unsorted<'_> {
        fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            use serde_json::Value;
            match self.0 {
                Value::Object(map) => {
                    s.collect_map(map.iter().rev().map(|(k, v)| (k, Self::of(v))))
                }
                Value::Array(list) => s.collect_seq(list.iter().map(Self::of)),
                other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                    other.serialize(s)
                }
            }
        }
    }

    impl Unsorted<'_> {
        fn of(value: &serde_json::Value) -> Unsorted<'_> {
            Unsorted(value)
        }
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
