//! Where each enterprise stands in its sampling plan: what its object brought,
//! moved by each finding once, in order of receipt.
//!
//! The fold knows no policy. It counts conforming inspections in a row and
//! says when one did not conform; what that means, the plan of the policy says
//! (`clearance::select`). Of moves an officer vetoed it keeps both courses.

use serde::{Deserialize, Serialize};

use super::sharded::Sharded;
use crate::clearance::PHASE_START;
use crate::model::{
    Enterprise, EnterpriseId, Finding, FindingId, FindingResult, Sampling, SamplingTrack,
};
use crate::time::Wall;

/// Word among what a finding covers: it is to move no sampling state.
const VETO: &str = "veto:sampling";
/// The plan whose state findings move.
const PLAN: &str = "csp1";
const SCREENING: &str = "screening";

/// How often states moved since the journal began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplingMoves {
    /// A conforming inspection was counted.
    pub conforms: u64,
    /// One that did not conform: back to everyone.
    pub nonconforms: u64,
    /// A move was taken back by a later version of its finding.
    pub undone: u64,
    /// An officer vetoed a move.
    pub vetoed: u64,
    /// A state came with an enterprise.
    pub brought: u64,
    /// A state was older than the plan keeps one.
    pub decayed: u64,
}

/// The last move back to everyone, so that it can be taken back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Undo {
    finding: FindingId,
    /// An officer vetoed it: only the other course was moved.
    vetoed: bool,
    /// Before it.
    before: Sampling,
}

/// One enterprise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// The version of the enterprise that brought it; 0 = none did.
    version: u32,
    state: Sampling,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    undo: Option<Undo>,
}

/// The states of all enterprises.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SamplingStates {
    of: Sharded<EnterpriseId, Kept>,
    moves: SamplingMoves,
}

/// What a finding does to a course.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Conforms,
    Nonconforms,
}

impl From<FindingResult> for Step {
    fn from(result: FindingResult) -> Self {
        match result {
            FindingResult::Conforms => Self::Conforms,
            FindingResult::Nonconforms => Self::Nonconforms,
        }
    }
}

impl SamplingStates {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn state_of(&self, id: &EnterpriseId) -> Option<&Sampling> {
        self.of.get(id).map(|kept| &kept.state)
    }

    pub(super) const fn moves(&self) -> SamplingMoves {
        self.moves
    }

    /// Takes in what an enterprise brought: a higher version's replaces, the
    /// same version again changes nothing that findings moved here since, and
    /// none leaves what is.
    pub(super) fn bring(&mut self, enterprise: &Enterprise, sent_at: Option<Wall>) -> bool {
        let kept = self.of.get_mut(&enterprise.id);
        let known = kept.as_ref().map(|k| k.version);
        if known.is_some_and(|version| version >= enterprise.version) {
            return false;
        }
        let Some(mut state) = enterprise.sampling.clone() else {
            if let Some(kept) = kept {
                kept.version = enterprise.version;
            }
            return false;
        };
        state.moved_at = state.moved_at.or(sent_at);
        let fresh = Kept {
            version: enterprise.version,
            state,
            undo: None,
        };
        self.moves.brought += 1;
        self.of.insert(enterprise.id.clone(), fresh);
        true
    }

    /// Takes in a finding; `before` is the version of it that counted until
    /// now. Says whether anything moved.
    pub(super) fn find(&mut self, finding: &Finding, before: Option<&Finding>) -> bool {
        let vetoed = is_vetoed(finding);
        let step = Step::from(finding.result);
        match before {
            None => {}
            Some(old) if Step::from(old.result) == step && is_vetoed(old) == vetoed => {
                return false;
            }
            Some(_) => {
                if let Some(moved) = self.correct(finding, step, vetoed) {
                    return moved;
                }
            }
        }
        self.step(finding, step, vetoed);
        true
    }

    fn step(&mut self, finding: &Finding, step: Step, vetoed: bool) {
        match (vetoed, step) {
            (true, _) => self.moves.vetoed += 1,
            (false, Step::Conforms) => self.moves.conforms += 1,
            (false, Step::Nonconforms) => self.moves.nonconforms += 1,
        }
        let kept = self.of.entry(&finding.enterprise, Kept::unknown);
        if step == Step::Nonconforms {
            kept.undo = Some(Undo {
                finding: finding.id.clone(),
                vetoed,
                before: kept.state.clone(),
            });
        }
        kept.step(finding, step, vetoed);
    }

    /// A later version changed what the finding says. If its move back to
    /// everyone was the last such, the state goes back to where it was, what
    /// conformed since counts on, and this version's own move follows. Some
    /// unless that cannot be done and this version is taken as a new finding.
    fn correct(&mut self, finding: &Finding, step: Step, vetoed: bool) -> Option<bool> {
        let kept = self.of.get_mut(&finding.enterprise)?;
        let undo = kept.undo.take_if(|u| u.finding == finding.id);
        let Some(undo) = undo else {
            // What no longer tells against the enterprise, and cannot be taken
            // back any more, changes nothing; what now does, counts (L4).
            let counts = step == Step::Nonconforms;
            return (!counts).then_some(false);
        };
        kept.take_back(undo);
        self.moves.undone += 1;
        self.step(finding, step, vetoed);
        Some(true)
    }

    /// The rules found the state older than the plan keeps one: it begins anew.
    /// Not if it has moved since it was judged on.
    pub(super) fn decay(&mut self, id: &EnterpriseId, judged_on: Option<&Sampling>) -> bool {
        let Some(kept) = self.of.get_mut(id) else {
            return false;
        };
        if judged_on != Some(&kept.state) {
            return false;
        }
        kept.state = Kept::unknown().state;
        kept.undo = None;
        self.moves.decayed += 1;
        true
    }

    /// Forgets states of enterprises nobody knows, moved before `until`.
    pub(super) fn purge(&mut self, until: Wall, known: impl Fn(&EnterpriseId) -> bool) {
        let fresh = |kept: &Kept| kept.state.moved_at.is_some_and(|at| at >= until);
        self.of
            .retain(|id, kept| known(id) || fresh(kept), |_, _| {});
    }
}

fn is_vetoed(finding: &Finding) -> bool {
    finding.covers.iter().any(|word| word == VETO)
}

impl Kept {
    /// Of an enterprise that brought none.
    fn unknown() -> Self {
        Self {
            version: 0,
            state: Sampling {
                plan: PLAN.to_owned(),
                phase: Some(PHASE_START.to_owned()),
                run: 0,
                moved_by: None,
                moved_at: None,
                unvetoed: None,
            },
            undo: None,
        }
    }

    /// A vetoed finding moves only the course on which nothing is vetoed.
    fn step(&mut self, finding: &Finding, step: Step, vetoed: bool) {
        let state = &mut self.state;
        let main = track_of(state);
        let mut unvetoed = state.unvetoed.take().unwrap_or_else(|| main.clone());
        unvetoed.step(&finding.id, step);
        if !vetoed {
            let mut main = main;
            main.step(&finding.id, step);
            (state.phase, state.run, state.moved_by) = (main.phase, main.run, main.moved_by);
        }
        state.moved_at = state.moved_at.max(Some(finding.at));
        self.unite(unvetoed);
    }

    /// The two courses are one again once they say the same.
    fn unite(&mut self, unvetoed: SamplingTrack) {
        let same = unvetoed.phase == self.state.phase && unvetoed.run == self.state.run;
        self.state.unvetoed = (!same).then_some(unvetoed);
    }

    /// Where both courses would be without the move: as before it, and what
    /// conformed since counted on. The course it did not move goes on.
    fn take_back(&mut self, undo: Undo) {
        let since = std::mem::replace(&mut self.state, undo.before);
        let since_main = track_of(&since);
        let conformed = since.unvetoed.map_or(since.run, |t| t.run);
        let before = track_of(&self.state);
        let mut unvetoed = self.state.unvetoed.take().unwrap_or(before);
        unvetoed.run = unvetoed.run.saturating_add(conformed);
        let state = &mut self.state;
        if undo.vetoed {
            let main = since_main;
            (state.phase, state.run, state.moved_by) = (main.phase, main.run, main.moved_by);
        } else {
            state.run = state.run.saturating_add(since_main.run);
        }
        state.moved_at = since.moved_at;
        self.unite(unvetoed);
    }
}

fn track_of(state: &Sampling) -> SamplingTrack {
    SamplingTrack {
        phase: state.phase.clone(),
        run: state.run,
        moved_by: state.moved_by.clone(),
    }
}

impl SamplingTrack {
    fn step(&mut self, finding: &FindingId, step: Step) {
        self.moved_by = Some(finding.clone());
        match step {
            Step::Conforms => self.run = self.run.saturating_add(1),
            Step::Nonconforms => (self.phase, self.run) = (Some(SCREENING.to_owned()), 0),
        }
    }
}
