//! The weight of the whole truck against its theoretical total, and where it
//! does not fit, of what (JGS/T 14: q whole truck, p box, o goods).
//!
//! Theoretical total = vehicle + trailers + containers + goods. Tolerance =
//! the larger of the class's kilograms and permille of that total, plus the
//! scale's own error, plus an allowance for the age of the tare (DOMAIN 3).
//! A weight that is no weight (unstable, not from zero, not of the whole
//! truck) is not compared: it must be taken again.

use crate::clearance::policy::Tolerances;
use crate::clearance::sheet::{Datum, Sheet, Trace, Values, nothing, values};
use crate::clearance::standing::tare;
use crate::clearance::view::{ClassHere, View};
use crate::model::{CaseWeight, CheckOutcome, Code, Declaration, Kg, Load};
use crate::time::Wall;

/// Days in a year, for what a tare drifts in one.
const YEAR_DAYS: i64 = 365;

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let none = || values([("kg", Datum::Null)]);
    let Some(main) = view.main() else {
        let kg = view.case.weight.as_ref().map(|w| w.gross_kg.0);
        let inputs = values([("kg", kg.into())]);
        return Trace::of(CheckOutcome::Unknown, inputs, none());
    };
    let Some(weight) = &view.case.weight else {
        let expected = || values([("kg", view.theoretical().0.into())]);
        sheet.note(Code::WeightMissing, expected(), nothing());
        return Trace::of(CheckOutcome::Unknown, none(), expected());
    };
    technical(weight, sheet);
    let inputs = values([
        ("kg", weight.gross_kg.0.into()),
        ("stable", weight.stable.into()),
        ("seen_empty", weight.seen_empty.into()),
        ("whole", weight.whole.into()),
    ]);
    let expected = view.theoretical();
    if sheet.outcome() == CheckOutcome::Fail {
        let threshold = values([("kg", expected.0.into())]);
        return Trace::of(CheckOutcome::Unknown, inputs, threshold);
    }
    let (over, under) = allowed(view, weight, expected);
    let threshold = values([
        ("kg", expected.0.into()),
        ("over_kg", over.0.into()),
        ("under_kg", under.0.into()),
    ]);
    let deviation = weight.gross_kg.0 - expected.0;
    // A list that does not declare the goods of a trip spends what was
    // measured: there is nothing to be heavier than.
    let open_goods = view
        .documents
        .iter()
        .any(|d| d.declaration.leaves_goods_open());
    if deviation > over.0 && !open_goods {
        note(view, main.declaration, Side::Over, over, sheet);
    } else if deviation < -under.0 {
        note(view, main.declaration, Side::Under, under, sheet);
    }
    let within = match view.class {
        ClassHere::Known(..) => CheckOutcome::Pass,
        ClassHere::Unknown | ClassHere::None => CheckOutcome::Unknown,
    };
    Trace::of(sheet.outcome_or(within), inputs, threshold)
}

fn technical<'a>(weight: &CaseWeight, sheet: &mut Sheet<'a>) {
    let kg = || values([("kg", weight.gross_kg.0.into())]);
    let flag = |name: &'static str, value: bool| values([(name, value.into())]);
    if weight.overload {
        sheet.note(Code::ScaleOverload, flag("overload", false), kg());
    }
    if !weight.stable {
        sheet.note(Code::WeightUnstable, flag("stable", true), kg());
    }
    if !weight.seen_empty {
        sheet.note(Code::ScaleNotEmptyBefore, flag("seen_empty", true), kg());
    }
    // Unknown where no position beams are fitted.
    if weight.whole == Some(false) {
        sheet.note(Code::ScaleNotWhole, flag("whole", true), kg());
    }
}

/// What may lie over and under. With an unknown class the widest tolerance of
/// the policy applies: what exceeds that, exceeds any.
fn allowed(view: &View<'_>, weight: &CaseWeight, theoretical: Kg) -> (Kg, Kg) {
    let of = |t: &Tolerances| (t.over.at(theoretical), t.under.at(theoretical));
    let (over, under) = match &view.class {
        ClassHere::Known(_, measures) => of(&measures.weight),
        ClassHere::Unknown | ClassHere::None => {
            let all = view.policy.classes.iter().map(|c| of(&c.measures.weight));
            all.fold((Kg(0), Kg(0)), |a, b| (a.0.max(b.0), a.1.max(b.1)))
        }
    };
    let more = scale_error(weight).0 + tare_age(view).0;
    (Kg(over.0 + more), Kg(under.0 + more))
}

/// Largest error in service of a class III scale (OIML R 76-1, 3.5.2: twice
/// that of table 6): one division up to 500, two up to 2,000, three above.
fn scale_error(weight: &CaseWeight) -> Kg {
    let division = weight.division_kg.0.max(0);
    if division == 0 {
        return Kg(0);
    }
    let divisions = match weight.gross_kg.0.max(0) / division {
        0..=500 => 1,
        501..=2000 => 2,
        _ => 3,
    };
    Kg(divisions * division)
}

/// A tare taken long ago may have drifted; one without a date is taken as
/// exact, which is the stricter reading.
fn tare_age(view: &View<'_>) -> Kg {
    let rule = view.policy.defaults.tare_age;
    let vehicle = view.main().and_then(|m| m.vehicle);
    let taken = vehicle.and_then(|v| v.tare_at);
    let (Some(taken), Some(today)) = (taken, view.at.and_then(Wall::date)) else {
        return Kg(0);
    };
    let days = (today - taken).get_days().max(0);
    let drift = rule.kg_per_year.0 * i64::from(days) / YEAR_DAYS;
    Kg(drift.min(rule.kg_max.0))
}

#[derive(Clone, Copy)]
enum Side {
    Over,
    Under,
}

/// The whole truck does not fit; where only one part can be the cause, that
/// part is named as well: an empty box, loose goods, or goods that are not
/// there at all.
fn note<'a>(
    view: &View<'a>,
    declaration: &Declaration,
    side: Side,
    allowed: Kg,
    sheet: &mut Sheet<'a>,
) {
    let gross = view.case.weight.as_ref().map_or(0, |w| w.gross_kg.0);
    let theoretical = view.theoretical().0;
    let limit = match side {
        Side::Over => "over_kg",
        Side::Under => "under_kg",
    };
    let of = |expected: i64, observed: i64| -> (Values, Values) {
        let expected = values([("kg", expected.into()), (limit, allowed.0.into())]);
        (expected, values([("kg", observed.into())]))
    };
    let (expected, observed) = of(theoretical, gross);
    let whole = match side {
        Side::Over => Code::WeightWholeTruckOver,
        Side::Under => Code::WeightWholeTruckUnder,
    };
    sheet.note(whole, expected, observed);
    let vehicle = view.main().and_then(|m| m.vehicle);
    let tare = tare(declaration, vehicle).0;
    let boxes: i64 = declaration.containers.iter().map(|c| c.tare_kg.0).sum();
    let goods = theoretical - tare;
    let part = match (declaration.load, side) {
        (Load::EmptyContainer, Side::Over) => Some((Code::WeightContainerOver, boxes)),
        (Load::EmptyContainer, Side::Under) => Some((Code::WeightContainerUnder, boxes)),
        (Load::Bulk | Load::BreakBulk, Side::Over) => Some((Code::WeightGoodsOver, goods)),
        (Load::Bulk | Load::BreakBulk, Side::Under) => Some((Code::WeightGoodsUnder, goods)),
        (Load::Container, Side::Under) if goods > 0 && gross <= tare => {
            Some((Code::WeightGoodsUnder, goods))
        }
        (Load::Empty, _) | (Load::Container, Side::Over | Side::Under) => None,
    };
    if let Some((code, part)) = part {
        let (expected, observed) = of(part, part + gross - theoretical);
        sheet.note(code, expected, observed);
    }
}
