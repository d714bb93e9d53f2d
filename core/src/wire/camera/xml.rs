//! XML as the tree a field map reads: an element is an object, or a text where
//! it has no elements within; elements of one name are a list. Names are
//! local ones, since firmware differs in the namespace, and attributes carry
//! nothing that is needed. No entity but XML's own five is known, no document
//! type is read, and depth and number of elements are limited.

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
