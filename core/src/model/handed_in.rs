//! What a person hands in as JSON, with every fault found at once (L10).
//!
//! Reading stops at the first value of a wrong type. To find what is wrong
//! behind it, that value is replaced by the one a faultless specimen has there
//! and the rest is read again; what was replaced is never handed on.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::{Case, Control, Declaration, Enterprise, Fault};

/// Faults listed of one thing handed in (L9).
const FAULTS_MAX: usize = 64;

/// A kind of thing that is handed in.
pub trait HandedIn: DeserializeOwned {
    /// One without a fault and with every list filled.
    const SPECIMEN: &'static str;

    /// Every fault beyond shape and type.
    fn faults(&self) -> Vec<Fault>;
}

macro_rules! handed_in {
    ($($name:ident $file:literal),+) => {$(
        impl HandedIn for $name {
            const SPECIMEN: &'static str = include_str!(concat!("specimen/", $file));

            fn faults(&self) -> Vec<Fault> {
                $name::faults(self)
            }
        }
    )+};
}

handed_in!(Declaration "declaration.json", Enterprise "enterprise.json", Control "control.json", Case "case.json");

/// Reads one thing.
///
/// # Errors
/// Every fault, by path.
pub fn parse_handed_in<T: HandedIn>(text: &str) -> Result<T, Vec<Fault>> {
    let first = match super::parse_json::<T>(text) {
        Ok(value) => {
            let faults = value.faults();
            return if faults.is_empty() {
                Ok(value)
            } else {
                Err(faults)
            };
        }
        Err(fault) => fault,
    };
    let mut reading = Reading {
        faults: vec![first],
        replaced: Vec::new(),
    };
    if let Ok(value @ Value::Object(_)) = serde_json::from_str(text) {
        let specimen = serde_json::from_str(T::SPECIMEN).expect("the specimen is JSON");
        reading.read_on::<T>(value, &specimen);
    }
    Err(reading.faults)
}

/// The `id` of something that may be faulty otherwise.
#[must_use]
pub fn id_of(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    value.get("id")?.as_str().map(str::to_owned)
}

struct Reading {
    faults: Vec<Fault>,
    /// Paths that hold the specimen's value.
    replaced: Vec<String>,
}

type Path = Vec<Step>;

#[derive(Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Reading {
    fn read_on<T: HandedIn>(&mut self, mut value: Value, specimen: &Value) {
        let mut before: Option<(Fault, usize)> = None;
        while self.faults.len() < FAULTS_MAX {
            let (fault, path) = match serde_path_to_error::deserialize::<_, T>(&value) {
                Ok(read) => return self.add_behind(&read.faults()),
                Err(error) => {
                    let why = error.inner().to_string();
                    let path = steps(error.path().iter());
                    (Fault::new(error.path().to_string(), why), path)
                }
            };
            if !self.faults.contains(&fault) {
                self.faults.push(fault.clone());
            }
            // The same again: what was replaced was not enough, so take the
            // value itself, then what is around it.
            let wider = match &before {
                Some((same, wider)) if *same == fault => wider + 1,
                Some(_) | None => 0,
            };
            if wider > path.len() + 1 {
                return;
            }
            if !self.replace(&mut value, specimen, &fault, &path, wider) {
                return;
            }
            before = Some((fault, wider));
        }
    }

    /// False if nothing can stand in its place.
    fn replace(
        &mut self,
        value: &mut Value,
        specimen: &Value,
        fault: &Fault,
        path: &Path,
        wider: usize,
    ) -> bool {
        let mut path = path.clone();
        path.truncate(path.len() - wider.saturating_sub(1));
        if wider == 0
            && let Some(name) = named(&fault.why, "unknown field `")
        {
            if path.last() == Some(&Step::Key(name.clone())) {
                path.pop();
            }
            if let Some(Value::Object(map)) = at_mut(value, &path) {
                map.remove(&name);
            }
            return true;
        }
        if wider == 0
            && let Some(name) = named(&fault.why, "missing field `")
        {
            path.push(Step::Key(name));
        }
        self.replaced.push(shown(&path));
        let stand_in = at(specimen, &path);
        put(value, &path, stand_in.cloned());
        // A key that a specimen does not need can be left out, an entry not.
        stand_in.is_some() || matches!(path.last(), Some(Step::Key(_)))
    }

    /// Faults that are the specimen's doing are none of the text's.
    fn add_behind(&mut self, faults: &[Fault]) {
        let within = |a: &str, b: &str| a.starts_with(b) || b.starts_with(a);
        for fault in faults {
            if !self.replaced.iter().any(|path| within(path, &fault.path)) {
                self.faults.push(fault.clone());
            }
        }
    }
}

fn steps<'a>(segments: impl Iterator<Item = &'a Segment>) -> Path {
    let mut path = Path::new();
    for segment in segments {
        match segment {
            Segment::Seq { index } => path.push(Step::Index(*index)),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                path.push(Step::Key(key.clone()));
            }
            Segment::Unknown => {}
        }
    }
    path
}

fn shown(path: &Path) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

/// The name in a message that begins so.
fn named(why: &str, begins: &str) -> Option<String> {
    let (name, _) = why.strip_prefix(begins)?.split_once('`')?;
    Some(name.to_owned())
}

/// A specimen's first entry stands for every entry.
fn at<'a>(value: &'a Value, path: &Path) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(_) => value.get(0),
    })
}

fn at_mut<'a>(value: &'a mut Value, path: &[Step]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(*index),
    })
}

/// Puts `new` where `path` leads; none takes away what is there.
fn put(value: &mut Value, path: &Path, new: Option<Value>) {
    let Some((last, parents)) = path.split_last() else {
        *value = new.unwrap_or_default();
        return;
    };
    match (at_mut(value, parents), last, new) {
        (Some(Value::Object(map)), Step::Key(key), Some(new)) => {
            map.insert(key.clone(), new);
        }
        (Some(Value::Object(map)), Step::Key(key), None) => {
            map.remove(key);
        }
        (Some(Value::Array(list)), Step::Index(index), new) if *index < list.len() => {
            list[*index] = new.unwrap_or_default();
        }
        (Some(_) | None, _, _) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults<T: HandedIn>(text: &str) -> Vec<String> {
        let faults = parse_handed_in::<T>(text).err().unwrap();
        faults.into_iter().map(|f| f.path).collect()
    }

    #[test]
    fn a_specimen_has_no_fault() {
        parse_handed_in::<Declaration>(Declaration::SPECIMEN).unwrap();
        parse_handed_in::<Enterprise>(Enterprise::SPECIMEN).unwrap();
        parse_handed_in::<Control>(Control::SPECIMEN).unwrap();
        parse_handed_in::<Case>(Case::SPECIMEN).unwrap();
    }

    #[test]
    fn everything_wrong_with_one_text_is_listed_and_nothing_else() {
        let text = Declaration::SPECIMEN
            .replace("\"id\":\"5345202600012345\"", "\"id\":5345202600012345")
            .replace("\"port\":\"5345\"", "\"prt\":\"5345\"")
            .replace("\"version\":3", "\"version\":0")
            .replace("\"CSQU3054383\"", "\"CSQU3054384\"")
            .replace("\"kind\":\"single\"", "\"kind\":\"trips\"");
        let mut found = faults::<Declaration>(&text);
        found.sort();
        let due = [".", "binding", "containers[0].no", "id", "prt", "version"];
        assert_eq!(found, due);
    }

    /// Replacing one value must not hide or invent a fault of another.
    #[test]
    fn each_value_taken_out_of_a_specimen_is_named_alone() {
        let specimen: Value = serde_json::from_str(Declaration::SPECIMEN).unwrap();
        let optional = [
            "ext",
            "packages",
            "settle_by",
            "convoy",
            "controller",
            "trailers",
            "driver",
            "containers",
            "seals",
            "covers",
            "v",
        ];
        for key in specimen.as_object().unwrap().keys() {
            let mut one = specimen.clone();
            one.as_object_mut().unwrap().remove(key);
            let read = parse_handed_in::<Declaration>(&one.to_string());
            if optional.contains(&key.as_str()) {
                assert!(read.is_ok(), "{key}");
                continue;
            }
            let faults = read.unwrap_err();
            assert_eq!(faults.len(), 1, "{key}: {faults:?}");
            assert!(faults[0].why.contains(&format!("`{key}`")), "{faults:?}");
        }
    }

    #[test]
    fn what_is_no_object_or_no_json_is_one_fault() {
        for text in ["[]", "1", "null", "{", "", "{\"id\":}", "[{}]"] {
            assert_eq!(faults::<Enterprise>(text).len(), 1, "{text}");
        }
    }
}
