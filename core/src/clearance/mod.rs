//! The rules: a case becomes a verdict.

use crate::model::{Lines, Reason};

/// The parameters risk managers set (FORMATS 5).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Policy {
    /// Its version.
    pub version: String,
    /// SHA-256 of its text.
    pub sha256: String,
}

/// The lines that say `reason` to a driver and to an officer.
#[must_use]
pub fn lines(reason: &Reason) -> (Lines, String) {
    let code = reason.code.as_str().to_owned();
    (
        Lines {
            zh_hans: code.clone(),
            zh_hant: code.clone(),
            en: code.clone(),
        },
        code,
    )
}
/// stub until merged
#[must_use]
pub fn judge(_c: &crate::model::Case, _p: &Policy) -> crate::model::Verdict {
    unimplemented!()
}
/// stub until merged
#[must_use]
pub fn spend_of(_d: &crate::model::Declaration, _c: &crate::model::Case) -> crate::model::Spend {
    unimplemented!()
}
