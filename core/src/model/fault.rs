//! What is wrong with something handed in, by path, so that every fault can
//! be listed at once (L10).

use serde::de::DeserializeOwned;

/// One fault at one place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct Fault {
    /// Where, like `containers[1].no`; empty for the whole.
    pub path: String,
    /// What is wrong and what to write instead.
    pub why: String,
}

impl Fault {
    /// A fault at `path`.
    pub fn new(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            why: why.into(),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.is_empty() || self.path == "." {
            f.write_str(&self.why)
        } else {
            write!(f, "{}: {}", self.path, self.why)
        }
    }
}

/// Reads `T` from one JSON text; the fault names the path inside it.
///
/// # Errors
/// The first fault of shape or type.
pub fn parse_json<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    // Nearly all is right, and keeping the path costs as much as reading.
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let mut de = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut de)
        .map_err(|e| Fault::new(e.path().to_string(), why(e.inner())))?;
    de.end().map_err(|e| Fault::new("", e.to_string()))?;
    Ok(value)
}

/// Takes `T` from a JSON value; the fault names the path inside it.
///
/// # Errors
/// The first fault of type.
pub fn parse_value<'a, T: serde::Deserialize<'a>>(
    value: &'a serde_json::Value,
) -> Result<T, Fault> {
    if let Ok(value) = T::deserialize(value) {
        return Ok(value);
    }
    let fault = |e: serde_path_to_error::Error<serde_json::Error>| {
        Fault::new(e.path().to_string(), e.inner().to_string())
    };
    serde_path_to_error::deserialize(value).map_err(fault)
}

/// Where a value is wrong the path says where; a place in the text is said
/// where there is no value yet.
fn why(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((before, _)) if error.is_data() => before.to_owned(),
        Some(_) | None => text,
    }
}
