//! Electronic seals: the declared ones are there, closed, without alarm, and
//! say so themselves and recently (L7). A state without a time, from a seal's
//! memory, or from a clock that is far off is no state: `seal.stale`.

use crate::clearance::policy::Evidence;
use crate::clearance::sheet::{Datum, Few, Sheet, Trace, add_new, values};
use crate::clearance::view::View;
use crate::model::{CaseSeal, CheckOutcome, Code, Declaration, Load, SealAlarm, SealId, SealState};
use crate::time::Wall;

/// A seal's clock may run ahead of ours by this much; further ahead it is a
/// clock fault, named and not believed (case c29).
const AHEAD_MS_MAX: i64 = 60_000;

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    if view.documents.is_empty() {
        return trace(view, CheckOutcome::Unknown, 0, false);
    }
    let mut declared: Few<&SealId> = Few::new();
    for id in view
        .documents
        .iter()
        .flat_map(|d| d.declaration.all_seals())
    {
        add_new(&mut declared, id);
    }
    let read = |id: &SealId| view.case.seals.iter().rfind(|s| s.id == *id);
    let missing: Few<&SealId> = declared
        .iter()
        .copied()
        .filter(|id| read(id).is_none())
        .collect();
    let extra: Few<&CaseSeal> = view
        .case
        .seals
        .iter()
        .filter(|s| !declared.contains(&&s.id) && freshness(view, s) == Freshness::Fresh)
        .collect();
    for seal in declared.iter().filter_map(|id| read(id)) {
        one(view, seal, sheet);
    }
    compare(&missing, &extra, sheet);
    let sealable = view.documents.iter().any(|d| sealable(d.declaration));
    let required = view.names(Evidence::Seal) || (sealable && view.requires(Evidence::Seal));
    if required && declared.is_empty() && extra.is_empty() {
        let expected = values([("seal", "required".into())]);
        sheet.note(Code::SealMissing, expected, values([("seals", 0.into())]));
    }
    let outcome = sheet.outcome_or(if declared.is_empty() && !required {
        CheckOutcome::NotNeeded
    } else if view.at.is_none() {
        CheckOutcome::Unknown
    } else {
        CheckOutcome::Pass
    });
    trace(view, outcome, declared.len(), required)
}

fn trace(view: &View<'_>, outcome: CheckOutcome, declared: usize, required: bool) -> Trace {
    Trace::of(
        outcome,
        values([
            ("declared", declared.into()),
            ("read", view.case.seals.len().into()),
        ]),
        values([
            ("age_s_max", view.policy.defaults.seal_age_s_max.into()),
            ("required", required.into()),
        ]),
    )
}

/// A closed load has doors to seal; an open or empty one has not.
const fn sealable(declaration: &Declaration) -> bool {
    match declaration.load {
        Load::Container | Load::BreakBulk => true,
        Load::Empty | Load::EmptyContainer | Load::Bulk => false,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Freshness {
    Fresh,
    Stale,
    /// Our own clock is not to be believed.
    Unknown,
}

fn freshness(view: &View<'_>, seal: &CaseSeal) -> Freshness {
    let Some(taken) = seal.taken_at else {
        return Freshness::Stale;
    };
    if seal.replay {
        return Freshness::Stale;
    }
    let Some(at) = view.at else {
        return Freshness::Unknown;
    };
    let age_ms = at - taken;
    let age_ms_max = i64::from(view.policy.defaults.seal_age_s_max) * 1000;
    if (-AHEAD_MS_MAX..=age_ms_max).contains(&age_ms) {
        Freshness::Fresh
    } else {
        Freshness::Stale
    }
}

fn one<'a>(view: &View<'a>, seal: &CaseSeal, sheet: &mut Sheet<'a>) {
    let id = || seal.id.as_str().into();
    match freshness(view, seal) {
        Freshness::Unknown => return,
        Freshness::Stale => {
            let max = view.policy.defaults.seal_age_s_max;
            let expected = values([("age_s_max", max.into())]);
            let observed = values([
                ("seal", id()),
                (
                    "taken_at",
                    seal.taken_at.as_ref().map(Wall::to_string).into(),
                ),
                ("replay", seal.replay.into()),
            ]);
            sheet.note(Code::SealStale, expected, observed);
            return;
        }
        Freshness::Fresh => {}
    }
    let expected = || values([("state", "sealed".into())]);
    match seal.state {
        SealState::Sealed => {}
        SealState::Open | SealState::Cut => {
            let observed = values([("seal", id()), ("state", seal.state.into())]);
            sheet.note(Code::SealOpen, expected(), observed);
        }
        // It reported and did not say: its present state is not known.
        SealState::Unknown => {
            let observed = values([("seal", id()), ("state", "unknown".into())]);
            sheet.note(Code::SealStale, expected(), observed);
        }
    }
    let alarms: Few<_> = seal
        .alarms
        .iter()
        .filter(|a| **a != SealAlarm::LowBattery)
        .collect();
    if !alarms.is_empty() {
        let names = alarms.iter().map(|alarm| alarm.as_str()).collect();
        let observed = values([("seal", id()), ("alarms", names)]);
        sheet.note(Code::SealAlarm, values([("alarms", 0.into())]), observed);
    }
    let min = view.policy.defaults.seal_battery_pct_min;
    let flagged = seal.alarms.contains(&SealAlarm::LowBattery);
    if flagged || seal.battery_pct.is_some_and(|pct| pct < min) {
        let expected = values([("battery_pct_min", min.into())]);
        let observed = values([("seal", id()), ("battery_pct", seal.battery_pct.into())]);
        sheet.note(Code::SealBatteryLow, expected, observed);
    }
}

/// A seal that is not declared, where a declared one is not there, is the
/// wrong seal; what is left over is missing or unexpected.
fn compare<'a>(missing: &[&SealId], extra: &[&CaseSeal], sheet: &mut Sheet<'a>) {
    for (i, id) in missing.iter().enumerate() {
        let expected = values([("seal", id.as_str().into())]);
        match extra.get(i) {
            Some(read) => {
                let observed = values([("seal", read.id.as_str().into())]);
                sheet.note(Code::SealWrong, expected, observed);
            }
            None => {
                let observed = values([("seal", Datum::Null)]);
                sheet.note(Code::SealMissing, expected, observed);
            }
        }
    }
    for read in extra.iter().skip(missing.len()) {
        let observed = values([("seal", read.id.as_str().into())]);
        let expected = values([("seal", Datum::Null)]);
        sheet.note(Code::SealUnexpected, expected, observed);
    }
}
