//! What the checks write down: reasons and traces.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::policy::Policy;
use crate::model::{CheckOutcome, CheckTrace, Code, Control, Reason, Severity};

pub(super) use crate::model::{Datum, Values};

/// A list that is short for an honest truck, and then allocates nothing.
pub(super) type Few<T> = SmallVec<[T; 8]>;

/// Adds `one`, unless it is there; whether it is new.
pub(super) fn add_new<T: PartialEq>(all: &mut Few<T>, one: T) -> bool {
    let new = !all.contains(&one);
    if new {
        all.push(one);
    }
    new
}

/// Builds [`Values`].
pub(super) fn values<const N: usize>(pairs: [(&'static str, Datum); N]) -> Values {
    Values::of(pairs)
}

/// No values.
pub(super) const fn nothing() -> Values {
    Values::new()
}

/// How a check ended, and on what; its name is added by who runs it.
pub(super) type Trace = CheckTrace;

impl CheckTrace {
    /// Without inputs.
    pub(super) const fn plain(outcome: CheckOutcome) -> Self {
        Self::of(outcome, nothing(), nothing())
    }

    pub(super) const fn of(outcome: CheckOutcome, inputs: Values, threshold: Values) -> Self {
        Self {
            check: Cow::Borrowed(""),
            outcome,
            inputs,
            threshold,
        }
    }
}

/// A reason with the check that gave it.
pub(super) struct Noted<'a> {
    pub(super) check: &'static str,
    pub(super) control: Option<&'a Control>,
    pub(super) reason: Reason,
}

/// Collects reasons while the checks run.
pub(super) struct Sheet<'a> {
    policy: &'a Policy,
    pub(super) check: &'static str,
    pub(super) noted: Vec<Noted<'a>>,
}

impl<'a> Sheet<'a> {
    pub(super) const fn new(policy: &'a Policy) -> Self {
        Self {
            policy,
            check: "",
            noted: Vec::new(),
        }
    }

    /// Notes `code` at its published weight, or the policy's heavier one.
    pub(super) fn note(&mut self, code: Code, expected: Values, observed: Values) {
        self.note_as(code, code.severity(), None, expected, observed);
    }

    /// Notes `code` at the weight its own act gives it.
    pub(super) fn note_as(
        &mut self,
        code: Code,
        severity: Severity,
        control: Option<&'a Control>,
        expected: Values,
        observed: Values,
    ) {
        let reason = Reason {
            code,
            severity: self.policy.severity_of(code, severity),
            expected,
            observed,
            for_driver: None,
            for_officer: None,
        };
        self.noted.push(Noted {
            check: self.check,
            control,
            reason,
        });
    }

    /// Pass, or Fail if the present check noted a reason that stops.
    pub(super) fn outcome(&self) -> CheckOutcome {
        self.outcome_or(CheckOutcome::Pass)
    }

    /// `otherwise`, unless the present check noted a reason that stops.
    pub(super) fn outcome_or(&self, otherwise: CheckOutcome) -> CheckOutcome {
        let mine = |n: &&Noted<'_>| n.check == self.check;
        let stops = |n: &Noted<'_>| n.reason.severity > Severity::Warn;
        if self.noted.iter().filter(mine).any(stops) {
            CheckOutcome::Fail
        } else {
            otherwise
        }
    }
}
