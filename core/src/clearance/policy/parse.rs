//! From a policy's text to a [`Policy`], collecting every fault.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::{DeTable, DeValue};

use super::evidence::evidence;
use super::plan::PLAN;
use super::signs::sign_lines;
use super::table::{ENTRIES_MAX, Faults, Table, count, kg, text, word};
use super::{
    Class, Defaults, Measures, Need, Override, POLICY_LEN_MAX, Policy, PolicyFault, SealRule,
    StopRule, TareAge, Tolerance, Tolerances,
};
use crate::model::{Code, Kg, Severity};
use crate::record::sha256_hex;
use crate::time::Wall;

/// Longest age a policy may allow, a week.
const AGE_S_MAX: i64 = 604_800;

const WEIGHT: &str =
    "{ over = { kg = 1500, permille = 50 }, under = { kg = 1500, permille = 50 } }";

pub(super) fn policy(source: &str) -> Result<Policy, Vec<PolicyFault>> {
    let mut faults = Faults::new(source);
    if source.len() > POLICY_LEN_MAX {
        let why = format!("a policy has at most {POLICY_LEN_MAX} bytes");
        faults.add(0, "", why);
        return Err(faults.found);
    }
    let (document, errors) = DeTable::parse_recoverable(source);
    for error in &errors {
        let offset = error.span().map_or(0, |span| span.start);
        faults.add(offset, "syntax", error.message());
    }
    if !errors.is_empty() {
        return Err(faults.found);
    }
    let mut root = Table::root(document.get_ref());
    let version = root.needed("version", "\"2026-11-01.2\"", &mut faults, text);
    let effective_from = root.needed(
        "effective_from",
        "\"2026-11-01T00:00:00+08:00\"",
        &mut faults,
        |v| Wall::parse(v.as_str()?).ok(),
    );
    let defaults = defaults(&mut root, &mut faults);
    let (classes, called) = classes(&mut root, &mut faults);
    let overrides = overrides(&mut root, &called, &mut faults);
    let severity = severity(&mut root, &mut faults);
    let stops = stops(&mut root, &mut faults);
    let lines = sign_lines(&mut root, &mut faults);
    root.close(&mut faults);
    faults.found.sort_by_key(|f| f.line);
    match (version, effective_from, defaults) {
        (Some(version), Some(effective_from), Some(defaults)) if faults.found.is_empty() => {
            Ok(Policy {
                version,
                sha256: sha256_hex(source.as_bytes()),
                effective_from,
                defaults,
                classes,
                overrides,
                severity,
                stops,
                lines,
            })
        }
        _ => Err(faults.found),
    }
}

fn defaults(root: &mut Table<'_, '_>, faults: &mut Faults<'_>) -> Option<Defaults> {
    if !root.has("defaults") {
        root.missing("defaults", "a table [defaults]", faults);
    }
    let mut t = root.table("defaults", "a table [defaults]", faults)?;
    let pct = |v: &DeValue<'_>| count::<u8>(v, 100);
    let age = |v: &DeValue<'_>| count::<u32>(v, AGE_S_MAX);
    let plate_confidence_pct_min =
        t.needed("plate_confidence_pct_min", "80 (0 to 100)", faults, pct);
    let link_age_s_max = t.needed("link_age_s_max", "60 (seconds)", faults, age);
    let seal_age_s_max = t.needed("seal_age_s_max", "300 (seconds)", faults, age);
    let battery = t.optional("seal_battery_pct_min", "20 (0 to 100)", faults, pct);
    let needs = "\"if-read\" or \"required\"";
    let trailer = t.optional("trailer", needs, faults, need);
    let container = t.optional("container", needs, faults, need);
    let single_identity = t.optional("single_identity", "true or false", faults, DeValue::as_bool);
    let shape = "{ kg_per_year = 50, kg_max = 200 }";
    let tare_age = match (t.has("tare_age"), t.table("tare_age", shape, faults)) {
        (_, Some(age)) => read_tare_age(age, faults),
        (true, None) => None,
        (false, None) => Some(TareAge {
            kg_per_year: Kg(0),
            kg_max: Kg(0),
        }),
    };
    t.close(faults);
    Some(Defaults {
        plate_confidence_pct_min: plate_confidence_pct_min?,
        link_age_s_max: link_age_s_max?,
        seal_age_s_max: seal_age_s_max?,
        seal_battery_pct_min: battery.unwrap_or(20),
        trailer: trailer.unwrap_or(Need::IfRead),
        container: container.unwrap_or(Need::Required),
        single_identity: single_identity.unwrap_or(true),
        tare_age: tare_age?,
    })
}

fn need(value: &DeValue<'_>) -> Option<Need> {
    match value.as_str()? {
        "if-read" => Some(Need::IfRead),
        "required" => Some(Need::Required),
        _ => None,
    }
}

fn read_tare_age(mut t: Table<'_, '_>, faults: &mut Faults<'_>) -> Option<TareAge> {
    let kg_per_year = t.needed("kg_per_year", "50", faults, kg);
    let kg_max = t.needed("kg_max", "200", faults, kg);
    t.close(faults);
    Some(TareAge {
        kg_per_year: kg_per_year?,
        kg_max: kg_max?,
    })
}

/// What an override may call a class, and the id it means: every id, and every
/// code that is no id; also of classes that have other faults.
type Called = BTreeMap<String, String>;

fn classes(root: &mut Table<'_, '_>, faults: &mut Faults<'_>) -> (Vec<Class>, Called) {
    let known = faults.found.len();
    let tables = root.tables("class", faults);
    if tables.is_empty() && faults.found.len() == known {
        root.missing("class", "at least one [[class]]", faults);
    }
    let mut classes = Vec::new();
    let mut ids = BTreeSet::new();
    let mut by_code = Called::new();
    for mut t in tables {
        let (offset, id_path, codes_path) = (t.offset(), t.path("id"), t.path("codes"));
        let id = t.needed("id", "\"aeo-advanced\"", faults, text);
        let codes = t.needed("codes", "[\"advanced\"]", faults, texts);
        let names = names(&mut t, faults);
        let measures = measures(&mut t, faults);
        t.close(faults);
        if let Some(id) = &id
            && !ids.insert(id.clone())
        {
            faults.add(offset, &id_path, format!("\"{id}\" occurs twice"));
        }
        for code in codes.iter().flatten() {
            let means = id.clone().unwrap_or_default();
            if by_code.insert(code.clone(), means).is_some() {
                let why = format!("code \"{code}\" is covered twice");
                faults.add(offset, &codes_path, why);
            }
        }
        if let (Some(id), Some(codes), Some(measures)) = (id, codes, measures) {
            classes.push(Class {
                id,
                codes,
                names,
                measures,
            });
        }
    }
    let mut called = by_code;
    called.extend(ids.into_iter().map(|id| (id.clone(), id)));
    (classes, called)
}

fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    let array = value.as_array()?;
    let texts: Option<Vec<_>> = array.iter().map(|v| text(v.get_ref())).collect();
    texts.filter(|t| !t.is_empty() && t.len() <= ENTRIES_MAX)
}

fn names(t: &mut Table<'_, '_>, faults: &mut Faults<'_>) -> BTreeMap<String, String> {
    let path = t.path("names");
    let Some(table) = t.table("names", "{ zh-Hans = \"…\", en = \"…\" }", faults) else {
        return BTreeMap::new();
    };
    let mut names = BTreeMap::new();
    for (language, name, offset) in table.texts() {
        match name {
            Some(name) => {
                names.insert(language, name);
            }
            None => faults.add(offset, &path, "write { zh-Hans = \"…\", en = \"…\" }"),
        }
    }
    names
}

fn measures(t: &mut Table<'_, '_>, faults: &mut Faults<'_>) -> Option<Measures> {
    for (key, shape) in [("sampling", PLAN), ("weight", WEIGHT)] {
        if !t.has(key) {
            t.missing(key, shape, faults);
        }
    }
    for (key, shape) in [
        ("seal", "\"if-declared\" or \"required\""),
        ("cache_age_s_max", "14400 (seconds, 0 = no release)"),
        ("loose_match_corroborations", "2 (0 = never)"),
        ("lists", "true or false"),
        ("papers_after", "true or false"),
    ] {
        if !t.has(key) {
            t.missing(key, shape, faults);
        }
    }
    let o = measures_of(t, faults);
    Some(Measures {
        sampling: o.sampling?,
        weight: o.weight?,
        seal: o.seal?,
        cache_age_s_max: o.cache_age_s_max?,
        loose_match_corroborations: o.loose_match_corroborations?,
        lists: o.lists?,
        papers_after: o.papers_after?,
        evidence: o.evidence.unwrap_or_default(),
    })
}

/// The measures a table has; those it has not are `None`.
fn measures_of(t: &mut Table<'_, '_>, faults: &mut Faults<'_>) -> Override {
    let flag = "true or false";
    let seal = |v: &DeValue<'_>| match v.as_str()? {
        "if-declared" => Some(SealRule::IfDeclared),
        "required" => Some(SealRule::Required),
        _ => None,
    };
    Override {
        class: None,
        load: None,
        form: None,
        sampling: super::plan::sampling(t, faults),
        weight: weight(t, faults),
        seal: t.optional("seal", "\"if-declared\" or \"required\"", faults, seal),
        cache_age_s_max: t.optional("cache_age_s_max", "14400 (seconds)", faults, |v| {
            count(v, AGE_S_MAX)
        }),
        loose_match_corroborations: t.optional(
            "loose_match_corroborations",
            "2 (0 = never, at most 8)",
            faults,
            |v| count(v, 8),
        ),
        lists: t.optional("lists", flag, faults, DeValue::as_bool),
        papers_after: t.optional("papers_after", flag, faults, DeValue::as_bool),
        evidence: evidence(t, faults),
    }
}

fn weight(t: &mut Table<'_, '_>, faults: &mut Faults<'_>) -> Option<Tolerances> {
    let mut w = t.table("weight", WEIGHT, faults)?;
    let over = tolerance(&mut w, "over", faults);
    let under = tolerance(&mut w, "under", faults);
    w.close(faults);
    Some(Tolerances {
        over: over?,
        under: under?,
    })
}

fn tolerance(
    w: &mut Table<'_, '_>,
    key: &'static str,
    faults: &mut Faults<'_>,
) -> Option<Tolerance> {
    let shape = "{ kg = 1500, permille = 50 }";
    if !w.has(key) {
        w.missing(key, shape, faults);
    }
    let mut t = w.table(key, shape, faults)?;
    let kg = t.needed("kg", "1500", faults, kg);
    let permille = t.needed("permille", "50 (0 to 1000)", faults, |v| count(v, 1000));
    t.close(faults);
    Some(Tolerance {
        kg: kg?,
        permille: permille?,
    })
}

fn overrides(root: &mut Table<'_, '_>, called: &Called, faults: &mut Faults<'_>) -> Vec<Override> {
    let mut overrides = Vec::new();
    for mut t in root.tables("override", faults) {
        let (offset, path) = (t.offset(), t.path("class"));
        let class = t.optional("class", "a class id", faults, text);
        let named = class.as_ref().and_then(|name| called.get(name).cloned());
        if let (Some(name), None) = (&class, &named) {
            faults.add(offset, &path, format!("no class is called \"{name}\""));
        }
        let load = t.optional("load", "\"bulk\" or another load", faults, word);
        let form = t.optional("form", "\"transit\" or another form", faults, word);
        let measures = measures_of(&mut t, faults);
        t.close(faults);
        overrides.push(Override {
            class: named,
            load,
            form,
            ..measures
        });
    }
    overrides
}

pub(super) fn code(text: &str) -> Option<Code> {
    Code::ALL.iter().copied().find(|c| c.as_str() == text)
}

/// A policy may tighten and never loosen: what it says of a code must weigh
/// at least what is published.
fn severity(root: &mut Table<'_, '_>, faults: &mut Faults<'_>) -> BTreeMap<Code, Severity> {
    let mut severity = BTreeMap::new();
    let Some(table) = root.table("severity", "a table [severity]", faults) else {
        return severity;
    };
    for (key, value, offset) in table.texts() {
        let path = format!("severity.\"{key}\"");
        let weight = match value.as_deref() {
            Some("warn") => Some(Severity::Warn),
            Some("hold") => Some(Severity::Hold),
            Some("inspect") => Some(Severity::Inspect),
            Some(_) | None => None,
        };
        match (code(&key), weight) {
            (None, _) => faults.add(offset, &path, "is no reason code (see docs/reasons.md)"),
            (_, None) => faults.add(offset, &path, "write \"warn\", \"hold\" or \"inspect\""),
            (Some(code), Some(weight)) if weight < code.severity() => faults.add(
                offset,
                &path,
                "a policy may tighten, never loosen: write a heavier word or leave it out",
            ),
            (Some(code), Some(weight)) => {
                severity.insert(code, weight);
            }
        }
    }
    severity
}

fn stops(root: &mut Table<'_, '_>, faults: &mut Faults<'_>) -> Vec<StopRule> {
    let mut stops = Vec::new();
    for mut t in root.tables("stops", faults) {
        let reason = t.needed("reason", "a reason code", faults, |v| code(v.as_str()?));
        let kinds = "\"documents\", \"weigh\", \"xray\", \"unpack\" or \"seal\"";
        let kind = t.needed("kind", kinds, faults, word);
        let place = t.optional("place", "\"bay-1\"", faults, text);
        t.close(faults);
        if let (Some(reason), Some(kind)) = (reason, kind) {
            stops.push(StopRule {
                reason,
                kind,
                place,
            });
        }
    }
    stops
}
