//! Where a field lies in a document: names joined by points, a number counts
//! in a list from 0, alternatives are parted by commas, the first that is
//! there counts. `data.results.0.plate,plate`. A lone point is the document.

use serde_json::Value;

/// Alternatives of one path.
const ALTERNATIVES_MAX: usize = 4;
/// Names of one path.
const NAMES_MAX: usize = 8;

/// A path with its alternatives; empty = the field is not sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Path(Vec<Vec<String>>);

impl Path {
    /// Reads a path as configured.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::default());
        }
        let one = |alternative: &str| -> Result<Vec<String>, String> {
            let alternative = alternative.trim();
            if alternative == "." {
                return Ok(Vec::new());
            }
            let names: Vec<_> = alternative.split('.').map(str::to_owned).collect();
            let wrong = names.len() > NAMES_MAX
                || names
                    .iter()
                    .any(|n| n.is_empty() || n.contains(char::is_whitespace));
            if wrong {
                return Err(format!(
                    "\"{alternative}\" is no path: write up to {NAMES_MAX} names like \"data.plate\""
                ));
            }
            Ok(names)
        };
        let all: Vec<_> = text.split(',').map(one).collect::<Result<_, _>>()?;
        if all.len() > ALTERNATIVES_MAX {
            return Err(format!("more than {ALTERNATIVES_MAX} alternatives"));
        }
        Ok(Self(all))
    }

    /// The first alternative that is there and not null.
    pub(super) fn find<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        let at = |names: &Vec<String>| {
            let step = |value: &'v Value, name: &String| match value {
                Value::Array(list) => list.get(name.parse::<usize>().ok()?),
                Value::Object(map) => map.get(name),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
            };
            names.iter().try_fold(document, step)
        };
        self.0.iter().filter_map(at).find(|value| !value.is_null())
    }

    /// The text of what is there, if it is no list and no object.
    pub(super) fn text(&self, document: &Value) -> Option<String> {
        scalar(self.find(document)?)
    }
}

/// A text, number or truth value as a text.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_finds_names_numbers_and_the_first_alternative_there_is() {
        let document =
            json!({"data": {"results": [{"plate": "a"}, {"plate": "b"}]}, "n": 7, "no": null});
        let text = |path: &str| Path::parse(path).unwrap().text(&document);
        assert_eq!(text("data.results.1.plate"), Some("b".to_owned()));
        assert_eq!(text("no,plate,n"), Some("7".to_owned()));
        assert_eq!(text("data.results"), None);
        assert_eq!(text(""), None);
        assert_eq!(Path::parse(".").unwrap().find(&document), Some(&document));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in [
            "a..b",
            ".a",
            "a b",
            "a,,b",
            "a,b,c,d,e",
            "a.b.c.d.e.f.g.h.i",
        ] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }
}
