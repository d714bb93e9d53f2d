//! Whose truck this is: choosing among the candidates (DESIGN 3, Verdicts).
//!
//! An exact plate; then right port, direction, window, status and balance; if
//! none is left, the one with the latest end gives the code. If several, those
//! no plate contradicts, then those whose container, seal or tag was read
//! exactly; still several: earliest end, then id. A document that rides on
//! another candidate is never chosen in its place.
//!
//! A look-alike is chosen among all candidates as an exact plate would be, and
//! counts only if what is chosen may go here and now and no other truck looks
//! like it as well: so it never finds a better document than the exact plate
//! (L8).

use std::cmp::Reverse;

use super::policy::Policy;
use super::reads::{Reads, look_alike};
use super::sheet::Few;
use super::standing::{Standing, spend_of, standing};
use crate::model::{Case, Declaration, MatchKind, Plate, Status, Vehicle};
use crate::time::Wall;

/// A candidate with how it was found.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) declaration: &'a Declaration,
    pub(super) vehicle: Option<&'a Vehicle>,
    pub(super) standing: Standing<'a>,
    pub(super) by: By,
}

/// What identified the truck.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum By {
    /// So many plates of one vehicle, read exactly.
    Plates(usize),
    /// A plate that only looks alike.
    LookAlike {
        /// Independent facts that agree.
        agreeing: usize,
    },
    /// No plate at all: a tag, seal or card.
    Other,
}

impl By {
    pub(super) const fn kind(self) -> MatchKind {
        match self {
            Self::Plates(_) | Self::Other => MatchKind::Exact,
            Self::LookAlike { .. } => MatchKind::Loose,
        }
    }
}

/// What the matching looks at.
pub(super) struct Matching<'a, 'r> {
    pub(super) case: &'a Case,
    pub(super) policy: &'a Policy,
    pub(super) reads: &'r Reads,
    /// The time, if it is to be believed.
    pub(super) at: Option<Wall>,
}

impl<'a> Matching<'a, '_> {
    /// The declaration of this truck.
    pub(super) fn choose(&self) -> Option<Found<'a>> {
        let mut found = self.by_plate();
        if found.is_empty() && self.reads.sure.is_empty() && self.reads.ambiguous.is_empty() {
            found = self.by_other();
        }
        if found.is_empty() {
            return self.by_look_alike();
        }
        let mut chosen = self.best(found)?;
        if let Some(agreeing) = self.tolerated(&chosen) {
            chosen.by = By::LookAlike { agreeing };
        }
        Some(chosen)
    }

    /// One plate of the vehicle was read exactly and another as a look-alike.
    /// Where the class tries look-alikes and enough facts agree, the exact
    /// plate among them, that is a loose match; everywhere else the
    /// look-alike contradicts as any other plate of its kind does.
    fn tolerated(&self, chosen: &Found<'a>) -> Option<usize> {
        let (By::Plates(exact), Some(vehicle)) = (chosen.by, chosen.vehicle) else {
            return None;
        };
        let like = |v: &Vehicle, read: &Plate| v.plates.iter().any(|p| look_alike(p, read));
        let sure = self.reads.sure.iter();
        let mut meant = sure.filter(|read| !vehicle.plates.contains(read) && like(vehicle, read));
        let read = meant.next()?;
        let mut trucks = self.candidates().flat_map(|d| &d.vehicles);
        let one = trucks.all(|v| !like(v, read) || shares(v, vehicle));
        let agreeing = exact + self.agreeing(chosen.declaration, vehicle);
        let needed = self.corroborations(chosen.declaration);
        let counts = one && self.viable(chosen) && needed > 0 && agreeing >= needed;
        counts.then_some(agreeing)
    }

    /// The standing of `declaration` for `vehicle`.
    pub(super) fn standing(
        &self,
        declaration: &Declaration,
        vehicle: Option<&Vehicle>,
    ) -> Standing<'a> {
        let facts = &self.case.facts;
        let balance = facts.ledger.get(&declaration.id);
        let spend = spend_of(declaration, self.case);
        standing(declaration, vehicle, balance, &facts.findings, spend)
    }

    /// A version below another one of the same declaration is no candidate.
    fn candidates(&self) -> impl Iterator<Item = &'a Declaration> {
        let all = &self.case.facts.candidates;
        let superseded =
            |d: &Declaration| all.iter().any(|o| o.id == d.id && o.version > d.version);
        all.iter().filter(move |d| !superseded(d))
    }

    fn found(
        &self,
        declaration: &'a Declaration,
        vehicle: Option<&'a Vehicle>,
        by: By,
    ) -> Found<'a> {
        Found {
            declaration,
            vehicle,
            standing: self.standing(declaration, vehicle),
            by,
        }
    }

    fn by_plate(&self) -> Few<Found<'a>> {
        let mut found = Few::new();
        for declaration in self.candidates() {
            let mut best: Option<(&'a Vehicle, usize)> = None;
            for vehicle in &declaration.vehicles {
                let exact = |p: &&Plate| self.reads.sure.contains(p);
                let n = vehicle.plates.iter().filter(exact).count();
                if n > best.map_or(0, |(_, most)| most) {
                    best = Some((vehicle, n));
                }
            }
            if let Some((vehicle, n)) = best {
                found.push(self.found(declaration, Some(vehicle), By::Plates(n)));
            }
        }
        found
    }

    /// Without a readable plate a tag, seal or card may say whose documents
    /// to look at; it never releases (`plate.unread` stands).
    fn by_other(&self) -> Few<Found<'a>> {
        let mut found = Few::new();
        for declaration in self.candidates() {
            let tagged = declaration.vehicles.iter().find(|v| self.tag_read(v));
            let carded = self.card_read(declaration);
            if tagged.is_some() || carded || self.seal_read(declaration) {
                let only = match declaration.vehicles.as_slice() {
                    [one] => Some(one),
                    _ => None,
                };
                found.push(self.found(declaration, tagged.or(only), By::Other));
            }
        }
        found
    }

    /// A confident look-alike is tried among expected declarations only, where
    /// their class allows it. Where the camera itself was of two minds, what
    /// it may have meant is named, whatever its standing; that releases only
    /// as a look-alike does.
    fn by_look_alike(&self) -> Option<Found<'a>> {
        let mut found = Few::new();
        for declaration in self.candidates() {
            let all = || self.reads.sure.iter().chain(&self.reads.ambiguous);
            for vehicle in &declaration.vehicles {
                let fits = |p: &Plate| all().any(|read| look_alike(p, read));
                if vehicle.plates.iter().any(fits) {
                    let agreeing = self.agreeing(declaration, vehicle);
                    let by = By::LookAlike { agreeing };
                    found.push(self.found(declaration, Some(vehicle), by));
                }
            }
        }
        let trucks = found.iter().filter_map(|f| f.vehicle);
        let one = trucks.clone().all(|a| trucks.clone().all(|b| shares(a, b)));
        let mut chosen = self.best(found)?;
        let plates = chosen.vehicle.map_or(&[][..], |v| &v.plates);
        let meant = |read: &Plate| plates.iter().any(|p| look_alike(p, read));
        if self.reads.ambiguous.iter().any(meant) {
            if !one {
                chosen.by = By::LookAlike { agreeing: 0 };
            }
            return Some(chosen);
        }
        let tried = self.corroborations(chosen.declaration) > 0;
        let expected = one && self.viable(&chosen) && tried;
        expected.then_some(chosen)
    }

    /// Independent facts that agree: the tag, a seal, a container, or a second
    /// plate (the trailer's) read exactly (DOMAIN 2).
    fn agreeing(&self, declaration: &Declaration, vehicle: &Vehicle) -> usize {
        usize::from(self.tag_read(vehicle))
            + usize::from(self.seal_read(declaration))
            + usize::from(self.container_read(declaration))
            + usize::from(self.reads.trailer_read(declaration))
    }

    /// How many facts must agree for a look-alike to count; 0 = never.
    fn corroborations(&self, declaration: &Declaration) -> usize {
        let rank = self.rank(declaration);
        let class = rank.and_then(|rank| self.policy.classes.get(rank));
        class.map_or(0, |class| {
            let (load, form) = (declaration.load, declaration.form);
            self.policy
                .measures(class, load, form)
                .corroborations(self.policy)
        })
    }

    /// The place of the declaration's class: its enterprise's, or its own
    /// copy where that is worse.
    pub(super) fn rank(&self, declaration: &Declaration) -> Option<usize> {
        let enterprises = &self.case.facts.enterprises;
        let known = enterprises
            .iter()
            .filter(|e| e.id == declaration.enterprise);
        let enterprise = known.max_by_key(|e| e.version)?;
        let own = self.policy.rank_of(&declaration.class)?;
        Some(self.policy.rank_of(&enterprise.class)?.max(own))
    }

    fn best(&self, mut found: Few<Found<'a>>) -> Option<Found<'a>> {
        let covered = |f: &Found<'_>, all: &[Found<'_>]| {
            all.iter().any(|o| {
                o.declaration.covers.contains(&f.declaration.id)
                    && !f.declaration.covers.contains(&o.declaration.id)
            })
        };
        if found.len() <= 1 {
            return found.pop();
        }
        let all = found.clone();
        found.retain(|f| !covered(f, &all));
        let viable: Few<_> = found.iter().copied().filter(|f| self.viable(f)).collect();
        if viable.is_empty() {
            return found
                .into_iter()
                .max_by_key(|f| (f.declaration.valid_until, Reverse(&f.declaration.id)));
        }
        let kept = keep_if_any(viable, |f| !self.contradicted(f));
        let kept = keep_if_any(kept, |f| self.corroborated(f));
        kept.into_iter()
            .min_by_key(|f| (f.declaration.valid_until, &f.declaration.id))
    }

    /// Right port, direction, window, status and balance.
    fn viable(&self, found: &Found<'_>) -> bool {
        let d = found.declaration;
        let open = |at: Wall| d.valid_from <= at && at < d.valid_until;
        d.port == self.case.port
            && d.direction == self.case.direction
            && self.at.is_none_or(open)
            && d.status == Status::Released
            && !self.case.facts.unusable.contains(&d.id)
            && found.standing.allows()
    }

    /// By another plate of a kind it declares. A look-alike is taken for the
    /// plate it may stand for, so that the choice is the one the exact plate
    /// would make (L8); the checks say whether it counts.
    fn contradicted(&self, found: &Found<'_>) -> bool {
        let Some(vehicle) = found.vehicle else {
            return false;
        };
        self.reads.sure.iter().any(|read| {
            let declares = vehicle.plates.iter().any(|p| p.kind() == read.kind());
            let meant = vehicle.plates.iter().any(|p| look_alike(p, read));
            declares && !vehicle.plates.contains(read) && !meant
        })
    }

    fn corroborated(&self, found: &Found<'_>) -> bool {
        let tagged = found.vehicle.is_some_and(|v| self.tag_read(v));
        tagged || self.seal_read(found.declaration) || self.container_read(found.declaration)
    }

    /// Two tags at once say "near", not "here": then no tag counts (case c47).
    pub(super) fn tag_read(&self, vehicle: &Vehicle) -> bool {
        let Some(tag) = vehicle.tag.as_deref().map(str::trim) else {
            return false;
        };
        let mut read = self.case.tags.iter().map(|read| read.id.trim());
        !self.case.tags.is_empty() && read.all(|read| read == tag)
    }

    pub(super) fn card_read(&self, declaration: &Declaration) -> bool {
        let declared = declaration.driver.as_ref().map(|d| d.card.trim());
        declared.is_some() && declared == self.case.driver_card.as_deref().map(str::trim)
    }

    pub(super) fn seal_read(&self, declaration: &Declaration) -> bool {
        let mut declared = declaration.all_seals();
        declared.any(|id| self.case.seals.iter().any(|read| read.id == *id))
    }

    pub(super) fn container_read(&self, declaration: &Declaration) -> bool {
        let mut good = self.reads.containers.iter().flatten();
        good.any(|no| declaration.containers.iter().any(|c| c.no == *no))
    }
}

/// Two descriptions of one truck.
fn shares(a: &Vehicle, b: &Vehicle) -> bool {
    a.plates.iter().any(|p| b.plates.contains(p))
}

fn keep_if_any<'a>(found: Few<Found<'a>>, keep: impl Fn(&Found<'a>) -> bool) -> Few<Found<'a>> {
    let kept: Few<_> = found.iter().copied().filter(|f| keep(f)).collect();
    if kept.is_empty() { found } else { kept }
}
