//! The policy: what risk managers set (FORMATS 5). Read whole or refused
//! whole, with every fault listed by line (L10); identified by the SHA-256 of
//! its text, so that a record names the very file it was judged under (L6).

mod diff;
mod evidence;
mod parse;
mod plan;
mod signs;
mod table;

use std::collections::BTreeMap;

use crate::model::{Code, Form, Kg, Load, PolicyRef, Severity, StopKind};
use crate::time::Wall;

pub use diff::{ClassOrder, PolicyChange, PolicyDiff};
pub use evidence::Evidence;
pub use plan::{Bounds, Plan, Ratio, SamplingPlan, Start};
pub use signs::{SIGN_EN_MAX, SIGN_ZH_MAX, SignLines};
pub use table::PolicyFault;

/// Longest text of a policy (L9): it travels in a record and stays in memory
/// while it may be gone back to.
pub const POLICY_LEN_MAX: usize = 256 << 10;

/// A policy in force.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Policy {
    /// Its version.
    pub version: String,
    /// SHA-256 of its text, lower-case hex.
    pub sha256: String,
    /// Not to be used before.
    pub effective_from: Wall,
    /// What holds for every class.
    pub defaults: Defaults,
    /// Classes, best first.
    pub classes: Vec<Class>,
    /// Exceptions, in the order of the file.
    pub overrides: Vec<Override>,
    /// Codes made worse than published.
    pub severity: BTreeMap<Code, Severity>,
    /// Where a reason sends a truck.
    pub stops: Vec<StopRule>,
    /// What the sign says in place of the built-in lines.
    pub lines: BTreeMap<Code, SignLines>,
}

/// What holds for every class.
#[derive(Clone, PartialEq, Eq, Hash, Debug, serde::Serialize)]
pub struct Defaults {
    /// Below this a plate read neither identifies nor contradicts.
    pub plate_confidence_pct_min: u8,
    /// Cache age allowed while the link is up.
    pub link_age_s_max: u32,
    /// Age of a seal's own report.
    pub seal_age_s_max: u32,
    /// Battery below which a seal is reported.
    pub seal_battery_pct_min: u8,
    /// Whether a declared trailer must be read.
    pub trailer: Need,
    /// Whether a declared container must be read.
    pub container: Need,
    /// Whether one exact plate alone identifies.
    pub single_identity: bool,
    /// What a tare may drift with its age.
    pub tare_age: TareAge,
}

/// Whether declared evidence must be there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Compared if it was read.
    IfRead,
    /// Must be read.
    Required,
}

/// What a tractor's tare may drift by wear and fitting: so much a year since
/// it was taken, up to a limit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize)]
pub struct TareAge {
    /// A year.
    pub kg_per_year: Kg,
    /// At most.
    pub kg_max: Kg,
}

/// One class with its measures.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Class {
    /// Its name in this policy.
    pub id: String,
    /// What declarations and enterprises may call it.
    pub codes: Vec<String>,
    /// For people, by language.
    pub names: BTreeMap<String, String>,
    /// What applies.
    pub measures: Measures,
}

/// What applies to a class, a load and a form.
#[derive(Clone, PartialEq, Eq, Hash, Debug, serde::Serialize)]
pub struct Measures {
    /// Selection.
    pub sampling: SamplingPlan,
    /// Tolerance of the whole truck.
    pub weight: Tolerances,
    /// Seals.
    pub seal: SealRule,
    /// Cache age allowed while the link is down; 0 = no release then.
    pub cache_age_s_max: u32,
    /// Independent facts a look-alike plate needs; 0 = never tried.
    pub loose_match_corroborations: u8,
    /// Consolidated lists allowed.
    pub lists: bool,
    /// Papers may follow after release.
    pub papers_after: bool,
    /// Evidence that must be there beyond what is required anyway.
    pub evidence: Vec<Evidence>,
}

/// Tolerances over and under.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize)]
pub struct Tolerances {
    /// Heavier.
    pub over: Tolerance,
    /// Lighter.
    pub under: Tolerance,
}

/// The larger of the two applies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize)]
pub struct Tolerance {
    /// Kilograms.
    pub kg: Kg,
    /// Thousandths of the theoretical total.
    pub permille: u32,
}

impl Tolerance {
    /// What is allowed at `theoretical`.
    #[must_use]
    pub fn at(self, theoretical: Kg) -> Kg {
        let share = theoretical.0.saturating_mul(i64::from(self.permille)) / 1000;
        Kg(self.kg.0.max(share))
    }
}

/// When a seal is needed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SealRule {
    /// Declared seals must be there.
    IfDeclared,
    /// And a load that can be sealed must declare one.
    Required,
}

/// An exception for a class, load or form.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, serde::Serialize)]
pub struct Override {
    /// Class id; none = any.
    pub class: Option<String>,
    /// Load; none = any.
    pub load: Option<Load>,
    /// Form; none = any.
    pub form: Option<Form>,
    /// Selection.
    pub sampling: Option<SamplingPlan>,
    /// Tolerances.
    pub weight: Option<Tolerances>,
    /// Seals.
    pub seal: Option<SealRule>,
    /// Cache age allowed while the link is down.
    pub cache_age_s_max: Option<u32>,
    /// Independent facts a look-alike plate needs.
    pub loose_match_corroborations: Option<u8>,
    /// Consolidated lists allowed.
    pub lists: Option<bool>,
    /// Papers may follow after release.
    pub papers_after: Option<bool>,
    /// Evidence that must be there beyond what is required anyway.
    pub evidence: Option<Vec<Evidence>>,
}

/// Where a reason sends a truck.
#[derive(Clone, PartialEq, Eq, Hash, Debug, serde::Serialize)]
pub struct StopRule {
    /// For which code.
    pub reason: Code,
    /// What is done there.
    pub kind: StopKind,
    /// Where; none = wherever the bay leads.
    pub place: Option<String>,
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// Every fault with its line; nothing of the text is used then.
    pub fn parse(text: &str) -> Result<Self, Vec<PolicyFault>> {
        parse::policy(text)
    }

    /// Place of the class that covers `code`; the classes stand best first,
    /// so that a larger place is the worse class.
    #[must_use]
    pub fn rank_of(&self, code: &str) -> Option<usize> {
        let covers = |class: &Class| class.codes.iter().any(|c| c == code);
        self.classes.iter().position(covers)
    }

    /// What applies to `class` with this load and form; of the overrides that
    /// fit, the last one that says something wins.
    #[must_use]
    pub fn measures(&self, class: &Class, load: Load, form: Form) -> Measures {
        let mut m = class.measures.clone();
        for o in &self.overrides {
            let fits = o.class.as_ref().is_none_or(|id| *id == class.id)
                && o.load.is_none_or(|l| l == load)
                && o.form.is_none_or(|f| f == form);
            if fits {
                o.apply(&mut m);
            }
        }
        m
    }

    /// How much `code` weighs, published as `by_default`.
    #[must_use]
    pub fn severity_of(&self, code: Code, by_default: Severity) -> Severity {
        let tightened = self.severity.get(&code).copied();
        tightened.map_or(by_default, |s| s.max(by_default))
    }

    /// Below this confidence a plate read neither identifies nor contradicts.
    #[must_use]
    pub const fn plate_confidence_pct_min(&self) -> u8 {
        self.defaults.plate_confidence_pct_min
    }

    /// How a verdict names this policy.
    #[must_use]
    pub fn reference(&self) -> PolicyRef {
        PolicyRef {
            version: self.version.clone(),
            sha256: self.sha256.clone(),
        }
    }
}

impl Measures {
    /// How many independent facts must agree for a look-alike plate to count;
    /// 0 = never. Where the policy wants two identities, two of them.
    #[must_use]
    pub fn corroborations(&self, policy: &Policy) -> usize {
        match usize::from(self.loose_match_corroborations) {
            0 => 0,
            n if policy.defaults.single_identity => n,
            n => n.max(2),
        }
    }
}

impl Override {
    fn apply(&self, m: &mut Measures) {
        if let Some(sampling) = self.sampling {
            m.sampling = sampling;
        }
        if let Some(weight) = self.weight {
            m.weight = weight;
        }
        if let Some(seal) = self.seal {
            m.seal = seal;
        }
        if let Some(age) = self.cache_age_s_max {
            m.cache_age_s_max = age;
        }
        if let Some(n) = self.loose_match_corroborations {
            m.loose_match_corroborations = n;
        }
        if let Some(lists) = self.lists {
            m.lists = lists;
        }
        if let Some(papers) = self.papers_after {
            m.papers_after = papers;
        }
        if let Some(evidence) = &self.evidence {
            m.evidence.clone_from(evidence);
        }
    }
}
