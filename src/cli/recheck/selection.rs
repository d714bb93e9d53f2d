//! What selects a release by itself, and whom a later record would concern.

use std::collections::BTreeSet;

use lanegate_core::model::{
    Case, Code, ContainerNo, Declaration, Link, Plate, Subject, SubjectKind, Verdict,
};
use lanegate_core::record::sha256_hex;

use super::Sample;

/// What the person asks for beside what is always selected.
pub(super) struct Rules {
    pub(super) reasons: Vec<Code>,
    pub(super) classes: Vec<String>,
    pub(super) sample: Option<Sample>,
}

impl Rules {
    pub(super) fn select(
        &self,
        verdict: &Verdict,
        class: &str,
        text: &str,
        mut say: impl FnMut(&'static str, String),
    ) {
        for reason in &verdict.reasons {
            if self.reasons.contains(&reason.code) {
                say("reason", reason.code.to_string());
            }
        }
        if self.classes.iter().any(|named| named == class) {
            say("class", class.to_owned());
        }
        self.sample(text, say);
    }

    /// By the hash of the record, so that nobody can choose and everybody can
    /// check: its first 64 bits as a fraction of all, below the rate.
    pub(super) fn sample(&self, text: &str, mut say: impl FnMut(&'static str, String)) {
        let Some(Sample { n, of }) = self.sample else {
            return;
        };
        let hex = sha256_hex(text.as_bytes());
        let first = hex
            .get(..16)
            .and_then(|hex| u64::from_str_radix(hex, 16).ok());
        let first = first.expect("a hash begins with sixteen hex digits");
        if u128::from(first) * u128::from(of) < u128::from(n) << 64 {
            say("sample", format!("{n}/{of}"));
        }
    }
}

/// How the line was, if it was not known to be up.
pub(super) fn cut_off(case: &Case) -> Option<String> {
    let facts = &case.facts;
    let age = match facts.cache_age_s {
        Some(age) => format!("cache {age} s old"),
        None => "cache of unknown age".to_owned(),
    };
    match facts.link {
        Some(Link::Up) => None,
        Some(Link::Down) => Some(format!("line down, {age}")),
        None => Some(format!("line unknown, {age}")),
    }
}

/// The class it was judged by.
pub(super) fn class_of(verdict: &Verdict) -> String {
    let check = verdict.checks.iter().find(|check| check.check == "class");
    let class = check.and_then(|check| check.inputs.get("class")?.as_str());
    class.unwrap_or("none").to_owned()
}

/// Whom a control would have to be on to act on this truck: what was read, and
/// what its documents name.
pub(super) fn subjects(case: &Case, verdict: &Verdict) -> BTreeSet<Subject> {
    let mut all = BTreeSet::new();
    let mut add = |kind, value: &str| {
        let value = value.to_owned();
        all.insert(Subject { kind, value });
    };
    for plate in case.plates.iter().filter(|plate| !plate.outvoted) {
        if let Ok(plate) = Plate::parse(&plate.text) {
            add(SubjectKind::Vehicle, plate.as_str());
        }
    }
    for seal in &case.seals {
        add(SubjectKind::Seal, seal.id.as_str());
    }
    for read in &case.containers {
        if let Ok(no) = ContainerNo::parse(&read.no) {
            add(SubjectKind::Container, no.as_str());
        }
    }
    if let Some(card) = &case.driver_card {
        add(SubjectKind::Driver, card.trim());
    }
    for matched in &verdict.declarations {
        let mut candidates = case.facts.candidates.iter();
        if let Some(declaration) = candidates.find(|d| d.id == matched.id) {
            declared(declaration, matched.vehicle.as_deref(), &mut add);
        }
    }
    all
}

fn declared(
    declaration: &Declaration,
    vehicle: Option<&str>,
    add: &mut impl FnMut(SubjectKind, &str),
) {
    add(SubjectKind::Declaration, declaration.id.as_str());
    add(SubjectKind::Enterprise, declaration.enterprise.as_str());
    let first = |v: &&lanegate_core::model::Vehicle| v.plates.first().map(Plate::as_str) == vehicle;
    for plate in declaration
        .vehicles
        .iter()
        .filter(first)
        .flat_map(|v| &v.plates)
    {
        add(SubjectKind::Vehicle, plate.as_str());
    }
    for trailer in &declaration.trailers {
        add(SubjectKind::Vehicle, trailer.plate.as_str());
    }
    for container in &declaration.containers {
        add(SubjectKind::Container, container.no.as_str());
    }
    for seal in declaration.all_seals() {
        add(SubjectKind::Seal, seal.as_str());
    }
    if let Some(driver) = &declaration.driver {
        add(SubjectKind::Driver, driver.card.trim());
    }
}
