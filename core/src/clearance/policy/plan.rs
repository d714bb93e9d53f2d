//! The sampling plan of a class: `{ plan = "csp1", i = 8, f = "1/200", … }`.

use smol_str::SmolStrBuilder;
use toml::de::DeValue;

use super::table::{Faults, Table, integer};

/// Longest time a plan may keep a state, ten years.
const DECAY_DAYS_MAX: i64 = 3650;

const RATIO: &str = "\"1/200\"";
pub(super) const PLAN: &str = "{ plan = \"csp1\", i = 8, f = \"1/200\", start = \"fraction\" }, { plan = \"fixed\", rate = \"8/10\" }, { plan = \"all\" } or { plan = \"none\" }";

/// How trucks of a class are selected, and what may move it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize)]
pub struct SamplingPlan {
    /// The plan.
    #[serde(flatten)]
    pub plan: Plan,
    /// Between these the rate of any phase lies.
    #[serde(flatten)]
    pub bounds: Bounds,
    /// After so many days without a finding the plan begins anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay_days: Option<u32>,
    /// Whether an officer may veto a move (`veto:sampling` in a finding).
    pub veto: bool,
}

impl From<Plan> for SamplingPlan {
    fn from(plan: Plan) -> Self {
        Self {
            plan,
            bounds: Bounds::default(),
            decay_days: None,
            veto: false,
        }
    }
}

/// Bounds of a rate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, serde::Serialize)]
pub struct Bounds {
    /// Never less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_min: Option<Ratio>,
    /// Never more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_max: Option<Ratio>,
}

impl Bounds {
    /// `rate`, brought within them.
    #[must_use]
    pub fn clamp(self, rate: Ratio) -> Ratio {
        let at_most = self.rate_max.filter(|max| max.is_below(rate));
        let rate = at_most.unwrap_or(rate);
        self.rate_min
            .filter(|min| rate.is_below(*min))
            .unwrap_or(rate)
    }
}

/// Which trucks of a class are selected.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize)]
#[serde(tag = "plan", rename_all = "kebab-case")]
pub enum Plan {
    /// Every one.
    All,
    /// None.
    None,
    /// A fixed rate.
    Fixed {
        /// The rate.
        rate: Ratio,
    },
    /// Dodge's continuous plan CSP-1 (MIL-STD-1235).
    Csp1 {
        /// Conforming trucks in a row that end screening.
        i: u32,
        /// Fraction inspected after that.
        f: Ratio,
        /// Where an enterprise starts.
        start: Start,
    },
}

impl Plan {
    /// The word of the policy file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::None => "none",
            Self::Fixed { .. } => "fixed",
            Self::Csp1 { .. } => "csp1",
        }
    }
}

/// Where an enterprise starts in CSP-1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// At the fraction.
    Fraction,
    /// With screening.
    Screening,
    /// At the fraction if it has history, else with screening.
    History,
}

impl Start {
    /// The word of the policy file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fraction => "fraction",
            Self::Screening => "screening",
            Self::History => "history",
        }
    }
}

/// A fraction between 0 and 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ratio {
    /// Above the line.
    pub num: u32,
    /// Below it.
    pub den: u32,
}

impl serde::Serialize for Ratio {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{}/{}", self.num, self.den))
    }
}

impl Ratio {
    /// All.
    pub const ONE: Self = Self { num: 1, den: 1 };

    /// Whether it is the smaller one.
    #[must_use]
    pub fn is_below(self, other: Self) -> bool {
        u64::from(self.num) * u64::from(other.den) < u64::from(other.num) * u64::from(self.den)
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

/// Digit by digit: every decision writes several times into its trace.
fn push_decimal(text: &mut SmolStrBuilder, n: u32) {
    if n >= 10 {
        push_decimal(text, n / 10);
    }
    text.push(char::from(b'0' + (n % 10) as u8));
}

impl From<Ratio> for crate::model::Datum {
    fn from(ratio: Ratio) -> Self {
        let mut text = SmolStrBuilder::new();
        push_decimal(&mut text, ratio.num);
        text.push('/');
        push_decimal(&mut text, ratio.den);
        text.finish().into()
    }
}

pub(super) fn sampling(t: &mut Table<'_, '_>, faults: &mut Faults<'_>) -> Option<SamplingPlan> {
    let mut s = t.table("sampling", PLAN, faults)?;
    let word = s.needed(
        "plan",
        "\"csp1\", \"fixed\", \"all\" or \"none\"",
        faults,
        |v| {
            let known = |word: &&str| matches!(*word, "csp1" | "fixed" | "all" | "none");
            v.as_str().filter(known).map(str::to_owned)
        },
    );
    let plan = match word.as_deref() {
        Some("all") => Some(Plan::All.into()),
        Some("none") => Some(Plan::None.into()),
        Some("fixed") => fixed(&mut s, faults),
        Some(_) => csp1(&mut s, faults),
        None => None,
    };
    if word.is_some() {
        s.close(faults);
    }
    plan
}

fn fixed(s: &mut Table<'_, '_>, faults: &mut Faults<'_>) -> Option<SamplingPlan> {
    let rate = s.needed("rate", "\"8/10\"", faults, ratio);
    let bounds = bounds(s, faults);
    let plan = Plan::Fixed { rate: rate? };
    Some(SamplingPlan {
        bounds: bounds?,
        ..plan.into()
    })
}

fn csp1(s: &mut Table<'_, '_>, faults: &mut Faults<'_>) -> Option<SamplingPlan> {
    let i = s.needed("i", "8 (1 or more)", faults, |v| integer(v, 1, 100_000));
    let f = s.needed("f", RATIO, faults, ratio);
    let starts = "\"fraction\", \"screening\" or \"history\"";
    let start = s.needed("start", starts, faults, start);
    let bounds = bounds(s, faults);
    let days = "180 (days, 1 to 3650)";
    let decay_days = s.optional("decay_days", days, faults, |v| {
        integer(v, 1, DECAY_DAYS_MAX)
    });
    let veto = s.optional("veto", "true or false", faults, DeValue::as_bool);
    let plan = Plan::Csp1 {
        i: u32::try_from(i?).ok()?,
        f: f?,
        start: start?,
    };
    Some(SamplingPlan {
        plan,
        bounds: bounds?,
        decay_days: decay_days.and_then(|days| u32::try_from(days).ok()),
        veto: veto.unwrap_or(false),
    })
}

fn bounds(s: &mut Table<'_, '_>, faults: &mut Faults<'_>) -> Option<Bounds> {
    let (offset, path) = (s.offset(), s.path("rate_min"));
    let rate_min = s.optional("rate_min", RATIO, faults, ratio);
    let rate_max = s.optional("rate_max", "\"1/2\"", faults, ratio);
    if let (Some(min), Some(max)) = (rate_min, rate_max)
        && max.is_below(min)
    {
        faults.add(
            offset,
            &path,
            format!("{min} is above rate_max {max}: write the smaller one here"),
        );
        return None;
    }
    Some(Bounds { rate_min, rate_max })
}

fn start(value: &DeValue<'_>) -> Option<Start> {
    match value.as_str()? {
        "fraction" => Some(Start::Fraction),
        "screening" => Some(Start::Screening),
        "history" => Some(Start::History),
        _ => None,
    }
}

/// `"1/200"`: digits, a stroke, digits; at most one.
fn ratio(value: &DeValue<'_>) -> Option<Ratio> {
    let (num, den) = value.as_str()?.split_once('/')?;
    let plain = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !plain(num) || !plain(den) {
        return None;
    }
    let (num, den) = (num.parse().ok()?, den.parse().ok()?);
    (den > 0 && num <= den).then_some(Ratio { num, den })
}
