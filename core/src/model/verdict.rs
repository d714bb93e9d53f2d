//! A verdict and its full trace (FORMATS 4).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::declaration::word;
use super::{DeclarationId, Draw, Kg, Lines, PassageId, Reason, Severity, Values};

word! {
    /// Ordered: Release < Hold < Inspect (L8).
    VerdictKind {
        /// Y: the barrier may be lifted.
        Release = "release",
        /// M: an officer must decide.
        Hold = "hold",
        /// N: to the bay.
        Inspect = "inspect",
    }
}

impl VerdictKind {
    /// The verdict a reason of `severity` calls for.
    #[must_use]
    pub const fn of(severity: Severity) -> Self {
        match severity {
            Severity::Warn => Self::Release,
            Severity::Hold => Self::Hold,
            Severity::Inspect => Self::Inspect,
        }
    }
}

word! {
    /// How a declaration was found.
    MatchKind {
        /// A plate read exactly.
        Exact = "exact",
        /// A look-alike with corroboration.
        Loose = "loose",
    }
}

/// What a passage takes from a declaration's balance.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spend {
    /// Trips, always 1.
    pub trips: u32,
    /// Goods weight.
    pub goods_kg: Kg,
}

/// A declaration matched to the truck.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matched {
    /// Which.
    pub id: DeclarationId,
    /// Its version.
    pub version: u32,
    /// How it was found.
    #[serde(rename = "match")]
    pub kind: MatchKind,
    /// Spent (Release) or reserved (Inspect); none on Hold, or when this
    /// vehicle's reservation is used.
    pub spend: Option<Spend>,
    /// The vehicle it was matched by: its first declared plate.
    pub vehicle: Option<String>,
}

word! {
    /// How a check ended.
    CheckOutcome {
        /// Fits.
        Pass = "pass",
        /// Does not fit.
        Fail = "fail",
        /// Could not be told.
        Unknown = "unknown",
        /// Nothing to check.
        NotNeeded = "not-needed",
    }
}

/// One check with what it looked at.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckTrace {
    /// Its name.
    pub check: Cow<'static, str>,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// What it looked at.
    #[serde(default)]
    pub inputs: Values,
    /// Against what.
    #[serde(default)]
    pub threshold: Values,
}

word! {
    /// Kinds of inspection stops.
    StopKind {
        /// Papers.
        Documents = "documents",
        /// Weigh again.
        Weigh = "weigh",
        /// X-ray.
        Xray = "xray",
        /// Unpack.
        Unpack = "unpack",
        /// Look at the seal.
        Seal = "seal",
    }
}

/// One ordered inspection stop.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Counts from 1.
    pub order: u32,
    /// Kind.
    pub kind: StopKind,
    /// Where; none = wherever the bay leads.
    #[serde(default)]
    pub place: Option<String>,
}

/// The policy a verdict was judged under.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyRef {
    /// Its version.
    pub version: String,
    /// SHA-256 of its text, lower-case hex.
    pub sha256: String,
}

/// A verdict (FORMATS 4).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The passage judged.
    pub passage: PassageId,
    /// The verdict.
    pub verdict: VerdictKind,
    /// Declarations matched.
    #[serde(default)]
    pub declarations: Vec<Matched>,
    /// Reasons, worst first.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    /// Every check in its fixed order.
    #[serde(default)]
    pub checks: Vec<CheckTrace>,
    /// Inspection stops in order.
    #[serde(default)]
    pub stops: Vec<Stop>,
    /// The draw, if one was made.
    #[serde(default)]
    pub draw: Option<Draw>,
    /// The policy.
    pub policy: PolicyRef,
    /// Version of the built-in rules.
    pub rules: u32,
}

impl Verdict {
    /// The class it was judged under, as the policy names it: `none` without a
    /// document, `unknown` where the policy does not know it.
    #[must_use]
    pub fn class(&self) -> &str {
        let trace = self.checks.iter().find(|trace| trace.check == "class");
        let id = trace.and_then(|trace| trace.inputs.get("class")?.as_str());
        let unknown = || {
            self.reasons
                .iter()
                .any(|r| r.code == super::Code::ClassUnknown)
        };
        id.unwrap_or_else(|| if unknown() { "unknown" } else { "none" })
    }

    /// The same verdict with the built-in lines for people filled in.
    #[must_use]
    pub fn rendered(self) -> Self {
        self.rendered_by(crate::clearance::lines)
    }

    /// The same verdict with every line for people filled in, the driver's as
    /// `policy` has them.
    #[must_use]
    pub fn rendered_under(self, policy: &crate::clearance::Policy) -> Self {
        self.rendered_by(|reason| crate::clearance::lines_under(reason, policy))
    }

    fn rendered_by(mut self, lines: impl Fn(&Reason) -> (Lines, String)) -> Self {
        for reason in &mut self.reasons {
            if reason.for_driver.is_none() {
                let (driver, officer) = lines(reason);
                reason.for_driver = Some(driver);
                reason.for_officer = Some(officer);
            }
        }
        self
    }

    /// The same verdict without the lines for people: what L6 compares.
    #[must_use]
    pub fn without_lines(mut self) -> Self {
        for reason in &mut self.reasons {
            reason.for_driver = None;
            reason.for_officer = None;
        }
        self
    }
}

word! {
    /// How a passage ended (FORMATS 6 `how`).
    Outcome {
        /// Drove through to the road.
        Passed = "passed",
        /// Left before a verdict was recorded.
        LeftBeforeVerdict = "left-before-verdict",
        /// Left after one.
        Left = "left",
        /// Left although cleared; the spend was given back.
        GivenBack = "given-back",
        /// Gone, and no sensor saw it pass; the spend is kept, unsettled.
        NotSeenPassing = "not-seen-passing",
        /// Reached the bay.
        ToBay = "to-bay",
        /// Backed out as told.
        Returned = "returned",
        /// Nobody saw.
        Unknown = "unknown",
    }
}
