//! Cases on standard input, with which of their facts they say.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _};
use std::path::Path;

use lanegate_core::model::Case;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::cli::files::{FileFault, of_lines};
use crate::cli::lines::Unread;
use crate::store::parse_lines;

/// Longest line: a case with many candidates (L9).
const LINE_LEN_MAX: usize = 2 << 20;
/// All cases together (L9).
const CASES_LEN_MAX: u64 = 1 << 30;
/// What faults call standard input.
const NAME: &str = "standard input";

/// A case and the facts it says itself.
pub(super) struct GivenCase {
    pub(super) case: Case,
    pub(super) given: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Keys {
    #[serde(default)]
    facts: BTreeMap<String, IgnoredAny>,
}

/// Every case, or every fault.
pub(super) fn read() -> Result<Vec<GivenCase>, Unread> {
    let faulty = |why: String| Unread::Faulty(vec![FileFault::whole(Path::new(NAME), why)]);
    let mut bytes = Vec::new();
    let read = io::stdin()
        .lock()
        .take(CASES_LEN_MAX + 1)
        .read_to_end(&mut bytes);
    read.map_err(|why| Unread::Missing(FileFault::whole(Path::new(NAME), why.to_string())))?;
    if bytes.len() as u64 > CASES_LEN_MAX {
        return Err(faulty(format!(
            "has more than {CASES_LEN_MAX} bytes; split it"
        )));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().iter().take(valid);
        Unread::Faulty(vec![FileFault {
            line: 1 + before.filter(|byte| **byte == b'\n').count() as u64,
            ..FileFault::whole(
                Path::new(NAME),
                "is no UTF-8 text here; convert it to UTF-8",
            )
        }])
    })?;
    of(&text)
}

fn of(text: &str) -> Result<Vec<GivenCase>, Unread> {
    let cases = parse_lines::<Case>(text, LINE_LEN_MAX, |_| None)
        .map_err(|faults| Unread::Faulty(of_lines(Path::new(NAME), faults)))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let keys = lines.map(|line| {
        let keys: Keys = serde_json::from_str(line).expect("a case was read from it");
        keys.facts.into_keys().collect()
    });
    let with = |(case, given)| GivenCase { case, given };
    Ok(cases.into_iter().zip(keys).map(with).collect())
}
