//! Passages under way: what was decided about them and on what subjects.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::account::Limit;
use crate::lane::Query;
use crate::model::{
    Case, ContainerNo, Declaration, DeclarationId, LaneId, Matched, Plate, SealId, Subject,
    SubjectKind, Vehicle, VerdictKind,
};
use crate::record::VerdictBody;
use crate::time::Wall;

/// A passage without an outcome yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Passage {
    pub(super) lane: Option<LaneId>,
    /// The last verdict on the record.
    pub(super) decided: Option<Arc<Decided>>,
    /// A record lets it drive on to the road, and nothing was given back since.
    pub(super) released: bool,
    /// Declarations it took from.
    pub(super) took_from: BTreeSet<DeclarationId>,
}

/// A recorded verdict, as far as later records and controls need it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decided {
    pub(super) seq: u64,
    pub(super) kind: VerdictKind,
    /// The generation it was judged on.
    pub(super) generation: u64,
    pub(super) subjects: Vec<Subject>,
    pub(super) matched: Vec<MatchedTo>,
}

/// A matched declaration with what can be taken from it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MatchedTo {
    pub(super) id: DeclarationId,
    pub(super) vehicle: Option<String>,
    pub(super) plates: Vec<String>,
    /// None where the case does not hold the declaration: nothing may be taken.
    pub(super) limit: Option<Limit>,
    pub(super) valid_until: Option<Wall>,
    pub(super) convoy: Option<String>,
}

impl Passage {
    pub(super) const fn of(lane: Option<LaneId>) -> Self {
        Self {
            lane,
            decided: None,
            released: false,
            took_from: BTreeSet::new(),
        }
    }

    pub(super) fn matched(&self, id: &DeclarationId) -> Option<&MatchedTo> {
        let decided = self.decided.as_ref()?;
        decided.matched.iter().find(|m| m.id == *id)
    }
}

impl Decided {
    pub(super) fn of(seq: u64, body: &VerdictBody) -> Self {
        let matched = body.verdict.declarations.iter();
        Self {
            seq,
            kind: body.verdict.verdict,
            generation: body.case.facts.generation,
            subjects: subjects_of_matched(body).into_iter().collect(),
            matched: matched.map(|m| MatchedTo::of(m, &body.case)).collect(),
        }
    }
}

impl MatchedTo {
    pub(super) fn of(matched: &Matched, case: &Case) -> Self {
        let mut candidates = case.facts.candidates.iter();
        let declaration = candidates.find(|d| d.id == matched.id && d.version == matched.version);
        let first = |d: &&Declaration| {
            let mut vehicles = d.vehicles.iter();
            let named = vehicles.find(|v| {
                let first = v.plates.first().map(Plate::as_str);
                first.is_some() && first == matched.vehicle.as_deref()
            });
            named.map(|v| v.plates.iter().map(Plate::to_string).collect())
        };
        Self {
            id: matched.id.clone(),
            vehicle: matched.vehicle.clone(),
            plates: declaration.as_ref().and_then(first).unwrap_or_default(),
            limit: declaration.map(Limit::of),
            valid_until: declaration.map(|d| d.valid_until),
            convoy: declaration.and_then(|d| d.convoy.as_ref().map(|c| c.no.clone())),
        }
    }
}

/// Every subject a control, a new version or a finding about which would
/// concern this case: what was read, and all that its candidates name.
pub(super) fn subjects_of_case(case: &Case) -> BTreeSet<Subject> {
    let mut subjects = subjects_read(case);
    for declaration in &case.facts.candidates {
        subjects.declaration(declaration);
        subjects.vehicles(declaration.vehicles.iter());
    }
    subjects.0
}

/// The subjects of the truck as it was judged: what was read, the declarations
/// matched and the vehicles they were matched by.
fn subjects_of_matched(body: &VerdictBody) -> BTreeSet<Subject> {
    let mut subjects = subjects_read(&body.case);
    for matched in &body.verdict.declarations {
        let mut candidates = body.case.facts.candidates.iter();
        if let Some(declaration) = candidates.find(|d| d.id == matched.id) {
            let vehicles = declaration.vehicles.iter();
            subjects.declaration(declaration);
            subjects.vehicles(vehicles.filter(|v| {
                let first = v.plates.first().map(Plate::as_str);
                matched.vehicle.is_none() || first == matched.vehicle.as_deref()
            }));
        }
    }
    subjects.0
}

fn subjects_read(case: &Case) -> Subjects {
    let mut subjects = Subjects::default();
    for plate in &case.plates {
        subjects.plate(&plate.text);
    }
    for seal in &case.seals {
        subjects.seal(&seal.id);
    }
    for container in &case.containers {
        subjects.container(&container.no);
    }
    if let Some(card) = &case.driver_card {
        subjects.add(SubjectKind::Driver, card.trim());
    }
    subjects
}

/// The same of a look-up, before there is a case.
pub(super) fn subjects_of_query(query: &Query, found: &[Declaration]) -> BTreeSet<Subject> {
    let mut subjects = Subjects::default();
    for plate in &query.plates {
        subjects.plate(plate);
    }
    for seal in &query.seals {
        if let Ok(seal) = SealId::parse(seal) {
            subjects.seal(&seal);
        }
    }
    for container in &query.containers {
        subjects.container(container);
    }
    if let Some(card) = &query.driver_card {
        subjects.add(SubjectKind::Driver, card.trim());
    }
    for declaration in found {
        subjects.declaration(declaration);
        subjects.vehicles(declaration.vehicles.iter());
    }
    subjects.0
}

#[derive(Default)]
struct Subjects(BTreeSet<Subject>);

impl Subjects {
    fn vehicles<'a>(&mut self, vehicles: impl Iterator<Item = &'a Vehicle>) {
        for plate in vehicles.flat_map(|v| &v.plates) {
            self.add(SubjectKind::Vehicle, plate.as_str());
        }
    }

    fn add(&mut self, kind: SubjectKind, value: &str) {
        if !value.is_empty() {
            let value = value.to_owned();
            self.0.insert(Subject { kind, value });
        }
    }

    fn plate(&mut self, text: &str) {
        if let Ok(plate) = Plate::parse(text) {
            self.add(SubjectKind::Vehicle, plate.as_str());
        }
    }

    fn seal(&mut self, seal: &SealId) {
        self.add(SubjectKind::Seal, seal.as_str());
    }

    fn container(&mut self, text: &str) {
        if let Ok(no) = ContainerNo::parse(text) {
            self.add(SubjectKind::Container, no.as_str());
        }
    }

    fn declaration(&mut self, declaration: &Declaration) {
        self.add(SubjectKind::Declaration, declaration.id.as_str());
        self.add(SubjectKind::Enterprise, declaration.enterprise.as_str());
        for trailer in &declaration.trailers {
            self.add(SubjectKind::Vehicle, trailer.plate.as_str());
        }
        for container in &declaration.containers {
            self.add(SubjectKind::Container, container.no.as_str());
        }
        for seal in declaration.all_seals() {
            self.seal(seal);
        }
        if let Some(driver) = &declaration.driver {
            self.add(SubjectKind::Driver, driver.card.trim());
        }
    }
}
