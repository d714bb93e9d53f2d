//! Driver's lines that a policy puts in place of the built-in ones, by code and
//! script; a sign has no room for more than it can show.

use std::collections::BTreeMap;

use super::parse::code;
use super::table::{Faults, Table, text};
use crate::model::Code;

/// Most characters of a Chinese line on the sign.
pub const SIGN_ZH_MAX: usize = 16;
/// Most letters of an English line on the sign.
pub const SIGN_EN_MAX: usize = 40;

/// The lines a policy sets for one code; what it leaves out stays built-in.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, serde::Serialize)]
pub struct SignLines {
    /// 简体
    pub zh_hans: Option<String>,
    /// 繁體
    pub zh_hant: Option<String>,
    /// English
    pub en: Option<String>,
}

/// `[lines."code"]` tables.
pub(super) fn sign_lines(
    root: &mut Table<'_, '_>,
    faults: &mut Faults<'_>,
) -> BTreeMap<Code, SignLines> {
    let mut all = BTreeMap::new();
    let Some(tables) = root.table("lines", "tables like [lines.\"plate.unread\"]", faults) else {
        return all;
    };
    for (key, mut t) in tables.tables_by_key(faults) {
        let zh = format!("1 to {SIGN_ZH_MAX} Chinese characters");
        let en = format!("1 to {SIGN_EN_MAX} ASCII letters");
        let fits_zh = |s: &String| s.chars().count() <= SIGN_ZH_MAX && !s.is_ascii();
        let fits_en = |s: &String| s.len() <= SIGN_EN_MAX && s.is_ascii();
        let lines = SignLines {
            zh_hans: t.optional("zh-Hans", &zh, faults, |v| text(v).filter(fits_zh)),
            zh_hant: t.optional("zh-Hant", &zh, faults, |v| text(v).filter(fits_zh)),
            en: t.optional("en", &en, faults, |v| text(v).filter(fits_en)),
        };
        match code(&key) {
            Some(code) => {
                all.insert(code, lines);
            }
            None => {
                let why = "is no reason code (see docs/reasons.md)";
                faults.add(t.offset(), &format!("lines.\"{key}\""), why);
            }
        }
        t.close(faults);
    }
    all
}
