//! One case seen through one policy: whose truck it is, its documents, its
//! class. Built once, read by every check.

use smallvec::{SmallVec, smallvec};

use super::matching::{By, Found, Matching};
use super::policy::{Class, Evidence, Measures, Need, Policy, SealRule};
use super::reads::Reads;
use super::sampling::{Selection, select};
use super::sheet::{Few, add_new};
use super::standing::{Standing, back_to_lane};
use crate::model::{
    Case, Declaration, DeclarationId, Enterprise, Finding, Kg, Link, StoreState, Vehicle,
};
use crate::time::{Clock, Wall};

/// Documents that may ride on one another (L9).
pub(super) const DOCUMENTS_MAX: usize = 64;

/// One document of this truck.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    pub(super) declaration: &'a Declaration,
    pub(super) vehicle: Option<&'a Vehicle>,
    pub(super) standing: Standing<'a>,
    pub(super) by: By,
    pub(super) enterprise: Option<&'a Enterprise>,
}

impl<'a> Document<'a> {
    /// The finding that lets this vehicle come back.
    pub(super) fn finding(&self, case: &'a Case) -> Option<&'a Finding> {
        match self.standing {
            Standing::Reserved { finding, .. } => finding,
            // Handed in without a ledger, a finding still says what it says.
            Standing::Free if !case.facts.ledger.contains_key(&self.declaration.id) => {
                back_to_lane(self.declaration, self.vehicle, &case.facts.findings)
            }
            Standing::Free
            | Standing::Unsettled { .. }
            | Standing::Spent
            | Standing::TripsOver { .. }
            | Standing::QuantityOver { .. } => None,
        }
    }
}

/// The class whose measures apply.
pub(super) enum ClassHere<'a> {
    /// No document, so no class.
    None,
    /// An enterprise or a code that the policy does not know.
    Unknown,
    /// The worst of the documents' classes.
    Known(&'a Class, Box<Measures>),
}

/// The class whose measures apply to `case` under `policy`: none without a
/// document, or where the policy does not know its class.
#[must_use]
pub fn class_of(case: &Case, policy: &Policy) -> Option<String> {
    match View::new(case, policy).class {
        ClassHere::Known(class, _) => Some(class.id.clone()),
        ClassHere::None | ClassHere::Unknown => None,
    }
}

/// The declaration the rules choose for a truck.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chosen {
    /// Which.
    pub declaration: DeclarationId,
    /// Of its vehicles the one that was matched: its first declared plate.
    pub vehicle: Option<String>,
}

/// The declaration the rules choose for the truck of `case`, whose draw belongs
/// among its facts. Sampling plays no part in the choice.
#[must_use]
pub fn chosen(case: &Case, policy: &Policy) -> Option<Chosen> {
    let reads = Reads::of(case, policy.defaults.plate_confidence_pct_min);
    let matching = Matching {
        case,
        policy,
        reads: &reads,
        at: (case.clock == Clock::Trusted).then_some(case.judged_at),
    };
    let found = matching.choose()?;
    let plates = found.vehicle.map_or(&[][..], |v| &v.plates);
    Some(Chosen {
        declaration: found.declaration.id.clone(),
        vehicle: plates.first().map(|p| p.as_str().to_owned()),
    })
}

/// The case as the checks see it.
pub(super) struct View<'a> {
    pub(super) case: &'a Case,
    pub(super) policy: &'a Policy,
    /// The time of judging, if the clock is to be believed.
    pub(super) at: Option<Wall>,
    pub(super) reads: Reads,
    /// The truck's own document first, then those that ride on it.
    pub(super) documents: SmallVec<[Document<'a>; 2]>,
    /// Documents that should ride on them and are not there.
    pub(super) absent: Vec<&'a DeclarationId>,
    /// More documents ride along than are looked at.
    pub(super) overfull: bool,
    pub(super) class: ClassHere<'a>,
    /// What the class's plan says of this truck.
    pub(super) selection: Option<Selection>,
}

impl<'a> View<'a> {
    pub(super) fn new(case: &'a Case, policy: &'a Policy) -> Self {
        let reads = Reads::of(case, policy.defaults.plate_confidence_pct_min);
        let at = (case.clock == Clock::Trusted).then_some(case.judged_at);
        let matching = Matching {
            case,
            policy,
            reads: &reads,
            at,
        };
        let found = matching.choose();
        let found = found.map(|found| documents(&matching, found));
        let (documents, absent, overfull) = found.unwrap_or_default();
        let class = class(&matching, &documents);
        let selection = match &class {
            ClassHere::Known(_, measures) => {
                let (facts, plan) = (&case.facts, &measures.sampling);
                let state = facts.sampling.as_ref();
                Some(select(plan, state, facts.draw.as_ref(), at))
            }
            ClassHere::None | ClassHere::Unknown => None,
        };
        Self {
            case,
            policy,
            at,
            reads,
            documents,
            absent,
            overfull,
            class,
            selection,
        }
    }

    /// The same facts as the matching looks at them.
    pub(super) const fn matching(&self) -> Matching<'a, '_> {
        Matching {
            case: self.case,
            policy: self.policy,
            reads: &self.reads,
            at: self.at,
        }
    }

    /// The truck's own document.
    pub(super) fn main(&self) -> Option<&Document<'a>> {
        self.documents.first()
    }

    /// What applies, if the class is known.
    pub(super) fn measures(&self) -> Option<&Measures> {
        match &self.class {
            ClassHere::Known(_, measures) => Some(measures),
            ClassHere::None | ClassHere::Unknown => None,
        }
    }

    /// Whether the class, the load and the form want `evidence` to be there.
    pub(super) fn requires(&self, evidence: Evidence) -> bool {
        let defaults = &self.policy.defaults;
        let everywhere = match evidence {
            Evidence::Weight => true,
            Evidence::Container => defaults.container == Need::Required,
            Evidence::Trailer => defaults.trailer == Need::Required,
            Evidence::Seal => self
                .measures()
                .is_some_and(|m| m.seal == SealRule::Required),
            Evidence::Tag | Evidence::Driver => false,
        };
        everywhere || self.names(evidence)
    }

    /// Whether the measures name `evidence` for just this kind of truck.
    pub(super) fn names(&self, evidence: Evidence) -> bool {
        self.measures()
            .is_some_and(|m| m.evidence.contains(&evidence))
    }

    /// No plate was readable: neither identity nor its absence.
    pub(super) fn unread(&self) -> bool {
        self.reads.sure.is_empty()
            && !matches!(self.main().map(|d| d.by), Some(By::LookAlike { .. }))
    }

    /// The oldest cache that may be relied on here, none = no age will do.
    /// While the link is down the class decides; an unknown link must satisfy
    /// both; for a plate that is nobody's no class allows more.
    pub(super) fn cache_age_s_max(&self) -> Option<u32> {
        let up = self.policy.defaults.link_age_s_max;
        let class = self.measures().map(|m| m.cache_age_s_max);
        let down = class.filter(|s| *s > 0);
        match self.case.facts.link {
            Some(Link::Up) => Some(up),
            Some(Link::Down) if self.documents.is_empty() => Some(up),
            Some(Link::Down) => down,
            None if self.documents.is_empty() => Some(up),
            None => down.map(|s| s.min(up)),
        }
    }

    /// Whether the cache is fresh enough.
    pub(super) fn cache_fresh(&self) -> bool {
        let age = self.case.facts.cache_age_s;
        matches!((age, self.cache_age_s_max()), (Some(age), Some(max)) if age <= max)
    }

    /// What the store could answer.
    pub(super) fn store(&self) -> StoreState {
        self.case.facts.store.unwrap_or(StoreState::Ok)
    }

    /// Vehicle, trailers, containers and goods of all documents; a box that
    /// several documents share counts once.
    pub(super) fn theoretical(&self) -> Kg {
        let Some(main) = self.main() else {
            return Kg(0);
        };
        let vehicle = main.vehicle.map_or(0, |v| v.tare_kg.0);
        let mut seen: Few<&str> = Few::new();
        let mut total = vehicle;
        for document in &self.documents {
            let d = document.declaration;
            total += d.goods_gross_kg.0;
            for trailer in &d.trailers {
                if add_new(&mut seen, trailer.plate.as_str()) {
                    total += trailer.tare_kg.0;
                }
            }
            for container in &d.containers {
                if add_new(&mut seen, container.no.as_str()) {
                    total += container.tare_kg.0;
                }
            }
        }
        Kg(total)
    }
}

/// The chosen document and everything that rides on it, what should and is not
/// there, and whether there is more of it than is looked at.
fn documents<'a>(
    matching: &Matching<'a, '_>,
    found: Found<'a>,
) -> (SmallVec<[Document<'a>; 2]>, Vec<&'a DeclarationId>, bool) {
    let facts = &matching.case.facts;
    let enterprise = |d: &Declaration| {
        let known = facts.enterprises.iter().filter(|e| e.id == d.enterprise);
        known.max_by_key(|e| e.version)
    };
    let mut documents: SmallVec<[_; 2]> = smallvec![Document {
        declaration: found.declaration,
        vehicle: found.vehicle,
        standing: found.standing,
        by: found.by,
        enterprise: enterprise(found.declaration),
    }];
    let mut absent = Vec::new();
    let mut next = 0;
    while next < documents.len() {
        let covers = &documents[next].declaration.covers;
        next += 1;
        for id in covers {
            if documents.iter().any(|d| d.declaration.id == *id) || absent.contains(&id) {
                continue;
            }
            if documents.len() + absent.len() == DOCUMENTS_MAX {
                return (documents, absent, true);
            }
            let versions = facts.candidates.iter().filter(|d| d.id == *id);
            let Some(declaration) = versions.max_by_key(|d| d.version) else {
                absent.push(id);
                continue;
            };
            let shares = |v: &&Vehicle| {
                let main = found.vehicle.map_or(&[][..], |main| &main.plates);
                v.plates.iter().any(|p| main.contains(p))
            };
            let vehicle = declaration.vehicles.iter().find(shares);
            documents.push(Document {
                declaration,
                vehicle,
                standing: matching.standing(declaration, vehicle),
                by: found.by,
                enterprise: enterprise(declaration),
            });
        }
    }
    (documents, absent, false)
}

/// The worst class of the documents; unknown if one of them is.
fn class<'a>(matching: &Matching<'a, '_>, documents: &[Document<'a>]) -> ClassHere<'a> {
    let mut worst: Option<usize> = None;
    for document in documents {
        match matching.rank(document.declaration) {
            None => return ClassHere::Unknown,
            Some(rank) => worst = worst.max(Some(rank)),
        }
    }
    let class = worst.and_then(|rank| matching.policy.classes.get(rank));
    match (class, documents.first()) {
        (Some(class), Some(main)) => {
            let d = main.declaration;
            let measures = matching.policy.measures(class, d.load, d.form);
            ClassHere::Known(class, Box::new(measures))
        }
        (None, _) | (_, None) => ClassHere::None,
    }
}
