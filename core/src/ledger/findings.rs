//! Findings: what an inspection found, until the vehicle's next passage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sharded::Sharded;
use crate::model::{DeclarationId, Finding, FindingId, PassageId, Then};
use crate::time::Wall;

/// Findings are kept this long after they were made.
pub(super) const KEPT_S: i64 = 30 * 24 * 3600;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    finding: Finding,
    /// The passage that has used it up.
    used_by: Option<PassageId>,
}

type OfDeclaration = BTreeMap<FindingId, Held>;

/// Findings by declaration.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Findings(Sharded<DeclarationId, OfDeclaration>);

impl Findings {
    /// Takes a finding in; false if this or a later version is known.
    pub(super) fn put(&mut self, finding: &Finding) -> bool {
        if self.knows(finding) {
            return false;
        }
        let held = Held {
            finding: finding.clone(),
            used_by: None,
        };
        let of = self.0.entry(&finding.declaration, OfDeclaration::new);
        of.insert(finding.id.clone(), held);
        true
    }

    /// Whether this version or a later one is known.
    pub(super) fn knows(&self, finding: &Finding) -> bool {
        let known = self.held(finding);
        known.is_some_and(|held| held.version >= finding.version)
    }

    /// The version of it that is known.
    pub(super) fn held(&self, finding: &Finding) -> Option<&Finding> {
        let of = self.0.get(&finding.declaration)?;
        of.get(&finding.id).map(|held| &held.finding)
    }

    /// The vehicle's next passage was judged on it: it covers nothing more.
    pub(super) fn use_up(
        &mut self,
        declaration: &DeclarationId,
        plates: &[String],
        passage: &PassageId,
    ) {
        let about = |h: &Held| {
            h.used_by.is_none()
                && h.finding.then == Then::BackToLane
                && h.finding.passage != *passage
                && plates.iter().any(|p| p == h.finding.vehicle.as_str())
        };
        for held in self
            .0
            .get_mut(declaration)
            .into_iter()
            .flat_map(BTreeMap::values_mut)
        {
            if about(held) {
                held.used_by = Some(passage.clone());
            }
        }
    }

    /// The passage that used it was given back: the truck has not passed, and
    /// its next passage is still to come.
    pub(super) fn restore(&mut self, declaration: &DeclarationId, passage: &PassageId) {
        for held in self
            .0
            .get_mut(declaration)
            .into_iter()
            .flat_map(BTreeMap::values_mut)
        {
            if held.used_by.as_ref() == Some(passage) {
                held.used_by = None;
            }
        }
    }

    /// Findings about `declaration` that are not used up, by id.
    pub(super) fn about(&self, declaration: &DeclarationId) -> impl Iterator<Item = &Finding> {
        let held = self
            .0
            .get(declaration)
            .into_iter()
            .flat_map(BTreeMap::values);
        held.filter(|h| h.used_by.is_none()).map(|h| &h.finding)
    }

    pub(super) fn purge(&mut self, kept_until: Wall) {
        let until = kept_until.plus_s(-KEPT_S);
        let fresh =
            |_: &DeclarationId, of: &OfDeclaration| of.values().any(|h| h.finding.at >= until);
        self.0.retain(fresh, |_, _| {});
    }
}
