//! The rules: a case and a policy become a verdict. Pure: the same case under
//! the same policy gives the same verdict for ever (L6); all checks run, none
//! is skipped after a failure.
//!
//! ```text
//!  case --> reads --> identity --> documents --> checks --> reasons --> verdict
//!           (plates)  (matching)   (standing)    (one file  (findings,
//!                                                 each)      severity)
//! ```
//!
//! Absent on purpose: clocks, look-ups, texts for people (rendered lazily by
//! [`lines`], never compared), and any way from a time limit to a release.

mod checks;
mod draw;
mod lines;
mod matching;
mod policy;
mod reads;
mod sampling;
mod sheet;
mod standing;
mod verdict;
mod view;

pub use draw::{CHAIN_DAYS_MAX, DayKey, DrawDay, KeyChain, days_between};
pub use lines::{lines, lines_under, reasons_md};
pub use policy::{
    Bounds, Class, ClassOrder, Defaults, Evidence, Measures, Need, Override, POLICY_LEN_MAX, Plan,
    Policy, PolicyChange, PolicyDiff, PolicyFault, Ratio, SIGN_EN_MAX, SIGN_ZH_MAX, SamplingPlan,
    SealRule, SignLines, Start, StopRule, TareAge, Tolerance, Tolerances,
};
pub(crate) use reads::identify;
pub use reads::{folded, look_alike};
pub use sampling::{Because, PHASE_START, Phase, Selection, decayed, select};
pub use standing::spend_of;
pub use verdict::judge;
pub use view::{Chosen, chosen, class_of};

/// Version of the built-in rules; named by every verdict.
pub const RULES: u32 = 1;
