//! Selection by the class's plan: how the plan, the enterprise's state and the
//! draw become "selected". A function of its arguments.
//!
//! ```text
//!            run >= i                     CSP-1 (Dodge 1943): everyone until i in a row
//!  screening ---------> fraction          conform, then a fraction f; one finding that
//!      ^  <------------    |              does not returns to everyone
//!      |   nonconforming   |
//!      +---- start of the plan, also after decay_days without a move
//! ```
//!
//! The ledger keeps phase and run and knows no policy; the plan reads them.

use super::draw::below;
use super::policy::{Plan, Ratio, SamplingPlan, Start};
use crate::model::{Draw, FindingId, Sampling, Verdict};
use crate::time::Wall;

/// Name of the check, under which its trace stands in a verdict.
const CHECK: &str = "sampling";
/// Of its inputs: the state was too old and the plan begins anew.
pub(super) const DECAYED: &str = "decayed";

const DAY_MS: i64 = 24 * 3600 * 1000;

/// Phase of CSP-1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Everyone.
    Screening,
    /// The fraction.
    Fraction,
}

impl Phase {
    /// The word of the formats.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Screening => "screening",
            Self::Fraction => "fraction",
        }
    }
}

/// The phase of a state nobody brought: the plan's start, until findings say
/// otherwise.
pub const PHASE_START: &str = "start";

/// Why a truck is selected, or is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Because {
    /// The plan takes everyone.
    All,
    /// It was selected before and no finding has come since.
    Kept,
    /// By the draw, either way.
    Draw,
    /// There was no key for the day, so nobody can tell (L4).
    NoKey,
    /// The plan takes nobody, or nothing was drawn.
    NotDrawn,
}

impl Because {
    /// The word of the trace.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Kept => "kept",
            Self::Draw => "draw",
            Self::NoKey => "no-key",
            Self::NotDrawn => "not-drawn",
        }
    }
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selection {
    /// To be inspected.
    pub selected: bool,
    /// Why.
    pub because: Because,
    /// The rate that applies, within the plan's bounds; none for all and none.
    pub rate: Option<Ratio>,
    /// The phase that applies, for CSP-1.
    pub phase: Option<Phase>,
    /// Conforming inspections in a row.
    pub run: u32,
    /// The finding that moved the state last.
    pub moved_by: Option<FindingId>,
    /// The state was older than the plan keeps one.
    pub decayed: bool,
}

/// Selects. `at` is the time of judging, if it is to be believed.
#[must_use]
pub fn select(
    plan: &SamplingPlan,
    state: Option<&Sampling>,
    draw: Option<&Draw>,
    at: Option<Wall>,
) -> Selection {
    let mut found = Selection {
        selected: false,
        because: Because::NotDrawn,
        rate: None,
        phase: None,
        run: 0,
        moved_by: None,
        decayed: false,
    };
    match plan.plan {
        Plan::All => {
            (found.selected, found.because) = (true, Because::All);
        }
        Plan::None => {}
        Plan::Fixed { rate } => found.rate = Some(plan.bounds.clamp(rate)),
        Plan::Csp1 { i, f, start } => {
            found.stand(plan, state, at, i, start);
            let rate = match found.phase {
                Some(Phase::Fraction) => f,
                Some(Phase::Screening) | None => Ratio::ONE,
            };
            found.rate = Some(plan.bounds.clamp(rate));
        }
    }
    if let (Some(rate), Some(draw)) = (found.rate, draw) {
        found.selected = below(&draw.value, rate);
        found.because = match draw.value.as_str() {
            "" => Because::NoKey,
            _ => Because::Draw,
        };
    }
    if draw.is_some_and(|d| d.selected == Some(true)) {
        (found.selected, found.because) = (true, Because::Kept);
    }
    found
}

impl Selection {
    /// Where the enterprise stands in CSP-1.
    fn stand(
        &mut self,
        plan: &SamplingPlan,
        state: Option<&Sampling>,
        at: Option<Wall>,
        i: u32,
        start: Start,
    ) {
        // A state of another plan says nothing about this one.
        let state = state.filter(|s| s.plan == plan.plan.as_str());
        self.decayed = state.is_some_and(|s| is_old(s, plan.decay_days, at));
        let state = state.filter(|_| !self.decayed);
        let Some(state) = state else {
            self.phase = Some(begins(start, false));
            return;
        };
        let made = state.unvetoed.as_ref().filter(|_| !plan.veto);
        let (phase, run, moved_by) = match made {
            Some(track) => (&track.phase, track.run, &track.moved_by),
            None => (&state.phase, state.run, &state.moved_by),
        };
        self.run = run;
        self.moved_by.clone_from(moved_by);
        let phase = match phase.as_deref() {
            Some("fraction") => Phase::Fraction,
            Some(PHASE_START) => begins(start, false),
            None => begins(start, true),
            // Screening, and whatever else nobody here understands (L4).
            Some(_) => Phase::Screening,
        };
        let earned = phase == Phase::Screening && run >= i;
        self.phase = Some(if earned { Phase::Fraction } else { phase });
    }
}

/// No finding moved it for as long as the plan keeps one. A state without a
/// time, or a clock that is not to be believed, tells nothing.
fn is_old(state: &Sampling, decay_days: Option<u32>, at: Option<Wall>) -> bool {
    let (Some(days), Some(at), Some(moved)) = (decay_days, at, state.moved_at) else {
        return false;
    };
    at - moved >= i64::from(days) * DAY_MS
}

/// `history`: the enterprise brought a state.
const fn begins(start: Start, history: bool) -> Phase {
    match (start, history) {
        (Start::Fraction, _) | (Start::History, true) => Phase::Fraction,
        (Start::Screening, _) | (Start::History, false) => Phase::Screening,
    }
}

/// Whether `verdict` says that the enterprise's state was too old, so that the
/// ledger begins it anew with this record.
#[must_use]
pub fn decayed(verdict: &Verdict) -> bool {
    let mut checks = verdict.checks.iter();
    let trace = checks.find(|c| c.check == CHECK);
    trace.is_some_and(|c| {
        c.inputs
            .get(DECAYED)
            .is_some_and(|d| d.as_bool() == Some(true))
    })
}

#[cfg(test)]
#[path = "sampling_tests.rs"]
mod tests;
