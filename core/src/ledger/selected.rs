//! Who was selected and not yet inspected. Once a verdict says so it stays so,
//! for the declaration, or for the vehicle where several may use it, until a
//! finding about it: reversing out, another day or a restart change nothing.

use serde::{Deserialize, Serialize};

use super::passages::MatchedTo;
use super::sharded::Sharded;
use crate::model::{Binding, Code, DeclarationId, Finding, PassageId, Severity};
use crate::record::VerdictBody;
use crate::time::Wall;

/// An inspection that is owed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Owed {
    /// The passage that was selected last.
    passage: PassageId,
    /// The vehicle; none = whoever comes with the declaration.
    vehicle: Option<String>,
    /// Its plates: a finding may name any of them.
    plates: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfDeclaration {
    owed: Vec<Owed>,
    valid_until: Wall,
}

/// By declaration.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Selected(Sharded<DeclarationId, OfDeclaration>);

impl Selected {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// Notes a verdict about `main` that selects.
    pub(super) fn note(&mut self, body: &VerdictBody, main: &MatchedTo) {
        if !selects(body) {
            return;
        }
        let mut candidates = body.case.facts.candidates.iter();
        let declaration = candidates.find(|d| d.id == main.id);
        // Where one vehicle goes on it, whichever comes is inspected.
        let vehicle = match declaration.map(|d| &d.binding) {
            Some(Binding::Trips { .. } | Binding::Shared {}) => main.vehicle.clone(),
            Some(Binding::Single {}) | None => None,
        };
        let of = self.0.entry(&main.id, OfDeclaration::default);
        of.valid_until = of.valid_until.max(main.valid_until.unwrap_or_default());
        of.owed.retain(|o| o.vehicle != vehicle);
        of.owed.push(Owed {
            passage: body.verdict.passage.clone(),
            vehicle,
            plates: main.plates.clone(),
        });
    }

    /// A finding about the passage, the vehicle, or a declaration that one
    /// vehicle goes on.
    pub(super) fn settle(&mut self, finding: &Finding) {
        let named = |o: &Owed| {
            o.vehicle.is_none()
                || o.passage == finding.passage
                || o.plates.iter().any(|p| p == finding.vehicle.as_str())
        };
        let known = self.0.get(&finding.declaration);
        if !known.is_some_and(|of| of.owed.iter().any(named)) {
            return;
        }
        if let Some(of) = self.0.get_mut(&finding.declaration) {
            of.owed.retain(|o| !named(o));
        }
        self.0
            .remove_if(&finding.declaration, |of| of.owed.is_empty());
    }

    /// Vehicles of `declaration` that are selected; none = whichever comes.
    pub(super) fn of(&self, declaration: &DeclarationId) -> impl Iterator<Item = &Option<String>> {
        let of = self.0.get(declaration).into_iter();
        of.flat_map(|of| &of.owed).map(|o| &o.vehicle)
    }

    pub(super) fn purge(&mut self, oldest: Wall) {
        self.0.retain(|_, of| of.valid_until >= oldest, |_, _| {});
    }
}

/// Selected, and not because it was before a finding that covers it now.
fn selects(body: &VerdictBody) -> bool {
    let draw = body.verdict.draw.as_ref();
    let mut reasons = body.verdict.reasons.iter();
    let stops = reasons.any(|r| r.code == Code::SamplingSelected && r.severity > Severity::Warn);
    stops && draw.is_some_and(|d| d.selected == Some(true))
}
