//! Whether the enterprise may use automatic release: not suspended, no papers
//! overdue, and for lists no settling overdue (DOMAIN 1).

use super::list::is_list;
use crate::clearance::sheet::{Few, Sheet, Trace, add_new, values};
use crate::clearance::view::View;
use crate::model::{CheckOutcome, Code, EnterpriseState};

pub(super) fn check<'a>(view: &View<'a>, sheet: &mut Sheet<'a>) -> Trace {
    let mut seen: Few<(&str, bool)> = Few::new();
    let mut unknown = view.documents.is_empty();
    for document in &view.documents {
        let d = document.declaration;
        let list = is_list(d);
        if let (Some(by), Some(at)) = (d.settle_by, view.at)
            && list
            && at >= by
        {
            let expected = values([("settle_by", by.into())]);
            let observed = values([("declaration", (&d.id).into())]);
            sheet.note(Code::EnterpriseSettlementOverdue, expected, observed);
        }
        let Some(enterprise) = document.enterprise else {
            unknown = true;
            continue;
        };
        let id = enterprise.id.as_str();
        if list && enterprise.settlements_overdue > 0 && add_new(&mut seen, (id, true)) {
            let expected = values([("settlements_overdue", 0.into())]);
            let observed = values([
                ("enterprise", id.into()),
                ("settlements_overdue", enterprise.settlements_overdue.into()),
            ]);
            sheet.note(Code::EnterpriseSettlementOverdue, expected, observed);
        }
        if !add_new(&mut seen, (id, false)) {
            continue;
        }
        if enterprise.state == EnterpriseState::Suspended {
            let expected = values([("state", "normal".into())]);
            let observed = values([("enterprise", id.into()), ("state", "suspended".into())]);
            sheet.note(Code::EnterpriseSuspended, expected, observed);
        }
        if enterprise.papers_overdue > 0 {
            let expected = values([("papers_overdue", 0.into())]);
            let observed = values([
                ("enterprise", id.into()),
                ("papers_overdue", enterprise.papers_overdue.into()),
            ]);
            sheet.note(Code::EnterprisePapersOverdue, expected, observed);
        }
    }
    let outcome = sheet.outcome_or(if unknown {
        CheckOutcome::Unknown
    } else {
        CheckOutcome::Pass
    });
    let papers = view.measures().map(|m| m.papers_after);
    let enterprise = view.main().and_then(|m| m.enterprise);
    let inputs = values([
        ("state", enterprise.map(|e| e.state).into()),
        (
            "papers_overdue",
            enterprise.map(|e| e.papers_overdue).into(),
        ),
        (
            "settlements_overdue",
            enterprise.map(|e| e.settlements_overdue).into(),
        ),
    ]);
    let threshold = values([
        ("state", EnterpriseState::Normal.into()),
        ("overdue", 0.into()),
        ("papers_after", papers.into()),
    ]);
    Trace::of(outcome, inputs, threshold)
}
