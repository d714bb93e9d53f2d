//! XML as the tree a field map reads: an element is an object, or a text where
//! it has no elements within; elements of one name are a list. Names are
//! local ones, since firmware differs in the namespace, and attributes carry
//! nothing that is needed. No entity but XML's own five is known, no document
//! type is read, and depth and number of elements are limited.

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, GBK, UTF_8};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};
use serde_json::{Map, Value};

use super::super::NoiseWhy;

/// Elements within one another.
const DEPTH_MAX: usize = 16;
/// Elements of a document.
const ELEMENTS_MAX: usize = 4096;

/// One element under way.
#[derive(Default)]
struct Element {
    name: String,
    children: Map<String, Value>,
    text: String,
}

impl Element {
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    fn value(self) -> Value {
        match self.children.is_empty() {
            true => Value::String(self.text.trim().to_owned()),
            false => Value::Object(self.children),
        }
    }

    fn put(&mut self, name: String, value: Value) {
        match self.children.get_mut(&name) {
            None => drop(self.children.insert(name, value)),
            Some(Value::Array(list)) => list.push(value),
            Some(first) => {
                let both = vec![first.take(), value];
                *first = Value::Array(both);
            }
        }
    }
}

/// Where a declaration ends, at most.
const DECLARED_WITHIN: usize = 256;

/// A document's text in the characters that it declares, UTF-8 if none. What is
/// called gb2312 or gbk is read as gb18030, which has all of theirs: documents
/// so called often have characters that only the larger sets know (case c55).
pub(super) fn text(document: &[u8]) -> Result<Cow<'_, str>, NoiseWhy> {
    let encoding = match declared(document) {
        Some(label) => Encoding::for_label(label).ok_or(NoiseWhy::Encoding)?,
        None => UTF_8,
    };
    let encoding = match encoding {
        _ if encoding == GBK => GB18030,
        // What could be read so far is not in UTF-16, whatever it says.
        _ if !encoding.is_ascii_compatible() => UTF_8,
        _ => encoding,
    };
    let text = encoding.decode_without_bom_handling_and_without_replacement(document);
    text.ok_or(NoiseWhy::Encoding)
}

/// The label in `<?xml version="1.0" encoding="…"?>`.
fn declared(document: &[u8]) -> Option<&[u8]> {
    let head = document.get(..DECLARED_WITHIN).unwrap_or(document);
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let head = head.trim_ascii_start().strip_prefix(b"<?xml")?;
    let end = head.windows(2).position(|two| two == b"?>")?;
    let name = b"encoding";
    let at = head[..end].windows(name.len()).position(|w| w == name)?;
    let value = head[at + name.len()..end].trim_ascii_start();
    let value = value.strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = value.split_first()?;
    let quoted = matches!(quote, b'"' | b'\'');
    let close = value.iter().position(|c| c == quote)?;
    quoted.then(|| &value[..close])
}

/// The root element's name and content.
pub(super) fn tree(document: &str) -> Result<(String, Value), NoiseWhy> {
    let mut reader = Reader::from_str(document);
    let mut open: Vec<Element> = Vec::new();
    let mut count = 0;
    loop {
        match reader.read_event().map_err(|_| NoiseWhy::Syntax)? {
            Event::Start(start) => {
                count += 1;
                if open.len() >= DEPTH_MAX || count > ELEMENTS_MAX {
                    return Err(NoiseWhy::TooLong);
                }
                open.push(Element::named(local(start.name().as_ref())));
            }
            Event::Empty(empty) => {
                count += 1;
                if count > ELEMENTS_MAX {
                    return Err(NoiseWhy::TooLong);
                }
                let name = local(empty.name().as_ref()).to_owned();
                let parent = open.last_mut().ok_or(NoiseWhy::Field)?;
                parent.put(name, Value::String(String::new()));
            }
            Event::End(_) => {
                let element = open.pop().ok_or(NoiseWhy::Syntax)?;
                let (name, text) = (element.name.clone(), element);
                match open.last_mut() {
                    Some(parent) => parent.put(name, text.value()),
                    None => return Ok((name, text.value())),
                }
            }
            Event::Text(text) => put_text(&mut open, &text.xml10_content()),
            Event::CData(text) => put_text(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => {
                let c = resolve(&reference).ok_or(NoiseWhy::Syntax)?;
                put_text(&mut open, c.encode_utf8(&mut [0; 4]));
            }
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            // Entities of its own making are how small documents become huge.
            Event::DocType(_) => return Err(NoiseWhy::Syntax),
            Event::Eof => return Err(NoiseWhy::Cut),
        }
    }
}

fn put_text(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn resolve(reference: &BytesRef<'_>) -> Option<char> {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return Some(c);
    }
    let name: &str = reference;
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_is_a_tree_of_local_names() {
        let document = "<?xml version=\"1.0\"?>\n<a:E xmlns:a=\"x\"><a:p> \u{7ca4}&amp;&#66; </a:p><l><i>1</i><i>2</i></l><n/><c><![CDATA[<x>]]></c></a:E>";
        let (name, value) = tree(document).unwrap();
        assert_eq!(name, "E");
        assert_eq!(
            value,
            json!({"p": "粤&B", "l": {"i": ["1", "2"]}, "n": "", "c": "<x>"})
        );
    }

    /// Field case c55 and its kind.
    #[test]
    fn a_document_is_read_in_the_characters_it_declares() {
        let hex = "3C3F786D6C2076657273696F6E3D22312E302220656E636F64696E673D22676232333132223F3E3C524F4F543E3C434F52503EE94686B4CEEFC1F73C2F434F52503E3C56455F4E414D453ED4C14231323334353C2F56455F4E414D453E3C2F524F4F543E";
        let byte = |n: usize| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap();
        let field: Vec<u8> = (0..hex.len() / 2).map(byte).collect();
        let right = json!({"CORP": "镕喆物流", "VE_NAME": "粤B12345"});
        let read = tree(&text(&field).unwrap()).unwrap();
        assert_eq!(read, ("ROOT".to_owned(), right));

        let named = |label: &str, body: &[u8]| {
            let head = format!("<?xml version='1.0' encoding = '{label}' ?>");
            let document = [head.as_bytes(), body].concat();
            text(&document).map(|text| text.trim_start_matches(&head).to_owned())
        };
        for label in ["gb2312", "GB2312", "gbk", "gb18030"] {
            assert_eq!(
                named(label, b"\xd4\xc1\xe9\x46").as_deref(),
                Ok("粤镕"),
                "{label}"
            );
        }
        assert_eq!(
            named("gb18030", b"\x81\x30\x81\x30").as_deref(),
            Ok("\u{80}")
        );
        for label in ["UTF-8", "utf-16"] {
            assert_eq!(named(label, "粤".as_bytes()).as_deref(), Ok("粤"));
        }
        assert_eq!(named("gb2312", b"\xd4"), Err(NoiseWhy::Encoding), "cut");
        assert_eq!(named("UTF-8", b"\xd4\xc1"), Err(NoiseWhy::Encoding));
        assert_eq!(named("klingon", b""), Err(NoiseWhy::Encoding));
        assert_eq!(text(b"\xd4\xc1"), Err(NoiseWhy::Encoding), "none declared");
        for odd in [
            "<?xml",
            "<?xml encoding=?>",
            "<?xml encoding=\"?>",
            "<?xml encoding?>",
        ] {
            assert_eq!(text(odd.as_bytes()).as_deref(), Ok(odd));
        }
    }

    #[test]
    fn what_is_cut_crossed_too_deep_or_brings_its_own_entities_is_no_document() {
        assert_eq!(tree("<a><b>1</b>").unwrap_err(), NoiseWhy::Cut);
        assert_eq!(tree("<a><b>1</a></b>").unwrap_err(), NoiseWhy::Syntax);
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><a>&a;</a>";
        assert_eq!(tree(bomb).unwrap_err(), NoiseWhy::Syntax);
        assert_eq!(tree("<a>&a;</a>").unwrap_err(), NoiseWhy::Syntax);
        let deep = "<a>".repeat(100);
        assert_eq!(tree(&deep).unwrap_err(), NoiseWhy::TooLong);
    }
}
