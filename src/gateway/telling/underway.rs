//! Trucks that are at the lane or on their way to the bay, and what is to be
//! counted of each once it is gone. Sans-IO.

use std::collections::VecDeque;

use lanegate_core::drift::Weighing;
use lanegate_core::model::{CheckOutcome, CheckTrace, Code, PassageId, VerdictKind};
use lanegate_core::record::VerdictBody;
use lanegate_core::time::{Micros, Mono};

/// Passages that have not ended: the one here and those on their way to the
/// bay (L9). Beyond, the oldest ends without a verdict in the numbers.
const UNDERWAY_MAX: usize = 16;
/// A whole, in millionths.
const WHOLE: u64 = 1_000_000;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Underway {
    trucks: VecDeque<Truck>,
}

/// One.
#[derive(Clone, Debug)]
pub(super) struct Truck {
    passage: PassageId,
    arrived: Mono,
    /// What it was last judged.
    pub(super) judged: Option<Judged>,
    /// What that verdict's trace tells.
    pub(super) traced: Traced,
}

/// What a truck was judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Judged {
    pub(super) verdict: VerdictKind,
    pub(super) class: String,
    pub(super) worst: Option<Code>,
}

/// What the trace of a verdict tells beside the verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Traced {
    /// The rate of selection in millionths, and whether it was selected; none
    /// where the plan was not asked or had been answered before.
    pub(super) sampled: Option<(u64, bool)>,
    /// Weighed divided by declared, in millionths.
    pub(super) weight: Option<u64>,
    /// What it tells of the scale.
    pub(super) weighing: Option<Weighing>,
}

impl Underway {
    /// A truck is at the lane.
    pub(super) fn arrived(&mut self, passage: &PassageId, at: Mono) {
        if self.find(passage).is_some() {
            return;
        }
        if self.trucks.len() >= UNDERWAY_MAX {
            self.trucks.pop_front();
        }
        self.trucks.push_back(Truck {
            passage: passage.clone(),
            arrived: at,
            judged: None,
            traced: Traced::default(),
        });
    }

    /// It was judged, `gathered` after it came; true for the first time.
    pub(super) fn judged(
        &mut self,
        passage: &PassageId,
        judged: Judged,
        gathered: Micros,
        now: Mono,
    ) -> bool {
        self.arrived(passage, Mono(now.0.saturating_sub(gathered.0)));
        let truck = self.find(passage);
        truck.is_some_and(|truck| truck.judged.replace(judged).is_none())
    }

    /// The verdict on its way to the journal.
    pub(super) fn traced(&mut self, body: &VerdictBody) {
        if let Some(truck) = self.find(&body.verdict.passage) {
            truck.traced = Traced::of(body);
        }
    }

    /// It is gone; what is known of it, and how long it was here.
    pub(super) fn ended(&mut self, passage: &PassageId, now: Mono) -> Option<(Truck, Micros)> {
        let place = self.trucks.iter().position(|t| t.passage == *passage)?;
        let truck = self.trucks.remove(place)?;
        let here = now.since(truck.arrived);
        Some((truck, here))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.trucks.len()
    }

    fn find(&mut self, passage: &PassageId) -> Option<&mut Truck> {
        self.trucks.iter_mut().find(|t| t.passage == *passage)
    }
}

impl Traced {
    fn of(body: &VerdictBody) -> Self {
        let checks = &body.verdict.checks;
        let check = |name: &str| checks.iter().find(|c| c.check == name);
        Self {
            sampled: check("sampling").and_then(sampled),
            weight: check("weight").and_then(weight),
            weighing: Weighing::of(body),
        }
    }
}

/// A truck selected before and not yet inspected was counted then.
fn sampled(check: &CheckTrace) -> Option<(u64, bool)> {
    let selected = check.inputs.get("selected")?.as_bool()?;
    let rate = match check.inputs.get("because")?.as_str()? {
        "all" => WHOLE,
        "draw" | "no-key" => millionths(check.threshold.get("rate")?.as_str()?)?,
        _ => return None,
    };
    Some((rate, selected))
}

/// `1/200` in millionths.
fn millionths(rate: &str) -> Option<u64> {
    let (num, den) = rate.split_once('/')?;
    let (num, den): (u64, u64) = (num.parse().ok()?, den.parse().ok()?);
    (num * WHOLE).checked_div(den)
}

/// Only a weight that was compared: a list whose goods are not declared passes
/// whatever it weighs.
fn weight(check: &CheckTrace) -> Option<u64> {
    let kg = check.inputs.get("kg")?.as_i64()?;
    let declared = check.threshold.get("kg")?.as_i64()?;
    let over = check.threshold.get("over_kg")?.as_i64()?;
    let open = check.outcome == CheckOutcome::Pass && kg - declared > over;
    if open || declared <= 0 {
        return None;
    }
    let ratio = u64::try_from(kg).ok()?.checked_mul(WHOLE)?;
    ratio.checked_div(u64::try_from(declared).ok()?)
}
