//! From a case to its verdict: run every check, weigh the reasons, name what
//! is spent and where to go.

use super::checks::CHECKS;
use super::policy::Policy;
use super::sheet::{Noted, Sheet, values};
use super::standing::{Standing, spend_of};
use super::view::{Document, View};
use super::{RULES, checks};
use crate::model::{
    Case, Code, JournalState, Matched, Reason, Severity, Stop, StopKind, Verdict, VerdictKind,
};

/// Judges `case` under `policy`. A function of its arguments: no clock, no
/// state, no texts for people.
#[must_use]
pub fn judge(case: &Case, policy: &Policy) -> Verdict {
    let view = View::new(case, policy);
    let mut sheet = Sheet::new(policy);
    let mut traces = Vec::with_capacity(CHECKS.len());
    for check in CHECKS {
        sheet.check = check.name;
        let mut trace = (check.run)(&view, &mut sheet);
        trace.check = check.name.into();
        traces.push(trace);
    }
    soften_covered(&view, &mut sheet.noted);
    keep_inspecting(&view, &mut sheet);
    cap(case, &mut sheet.noted);
    let mut noted = sheet.noted;
    noted.sort_by_key(|n| (std::cmp::Reverse(n.reason.severity), n.reason.code));
    let worst = noted.first().map(|n| n.reason.severity);
    let verdict = worst.map_or(VerdictKind::Release, VerdictKind::of);
    let stops = match verdict {
        VerdictKind::Inspect => stops(&view, &noted),
        VerdictKind::Release | VerdictKind::Hold => Vec::new(),
    };
    let declarations = matched(&view, verdict, &noted);
    let reasons: Vec<Reason> = noted.into_iter().map(|n| n.reason).collect();
    Verdict {
        passage: case.passage.clone(),
        verdict,
        declarations,
        reasons,
        checks: traces,
        stops,
        draw: checks::sampling::draw_of(&view),
        policy: policy.reference(),
        rules: RULES,
    }
}

/// What an officer's finding covers is a warning for this passage. Facts about
/// the controller (cache, clock, store, journal, devices) and about balances
/// cannot be covered: no finding makes them right.
fn soften_covered(view: &View<'_>, noted: &mut [Noted<'_>]) {
    for document in &view.documents {
        let Some(finding) = document.finding(view.case) else {
            continue;
        };
        for n in noted.iter_mut() {
            let coverable = CHECKS.iter().any(|c| c.name == n.check && c.coverable);
            let covers = |word: &String| match n.control {
                Some(control) => word.strip_prefix("control:") == Some(control.id.as_str()),
                None => word == n.check || word == n.reason.code.as_str(),
            };
            if coverable && finding.covers.iter().any(covers) {
                n.reason.severity = Severity::Warn;
                let id = finding.id.as_str().into();
                n.reason.observed.insert("covered_by", id);
            }
        }
    }
}

/// A truck that was sent to the bay and has no finding yet is inspected
/// again, whatever is found this time: as `declaration.spent`, since its trip
/// went to the passage that sent it there.
fn keep_inspecting(view: &View<'_>, sheet: &mut Sheet<'_>) {
    let inspects = |n: &Noted<'_>| n.reason.severity == Severity::Inspect;
    if sheet.noted.iter().any(inspects) {
        return;
    }
    for document in &view.documents {
        if let Standing::Reserved { by, finding: None } = document.standing {
            sheet.check = "declaration";
            let id = document.declaration.id.as_str();
            let expected = values([("finding_of", by.passage.as_str().into())]);
            let observed = values([("declaration", id.into()), ("finding", false.into())]);
            sheet.note(Code::DeclarationSpent, expected, observed);
            return;
        }
    }
}

/// Below the free-space floor every verdict is Hold, and so is one whose facts
/// moved time and again while it was committed (DESIGN 3): reasons that would
/// send the truck to the bay stay, at the weight of a Hold, for the officer.
fn cap(case: &Case, noted: &mut [Noted<'_>]) {
    let full = case.facts.journal == Some(JournalState::Full);
    if full || case.facts.contended {
        for n in noted {
            n.reason.severity = n.reason.severity.min(Severity::Hold);
        }
    }
}

/// A release spends and an inspection reserves. Nothing is taken twice for one
/// vehicle, nothing that is not there (L2), and nothing from a declaration
/// that may be another truck's: a look-alike must not block the real one.
fn matched(view: &View<'_>, verdict: VerdictKind, noted: &[Noted<'_>]) -> Vec<Matched> {
    let doubtful = |n: &Noted<'_>| matches!(n.reason.code, Code::PlateUnread | Code::PlateLoose);
    let whose = !noted.iter().any(doubtful);
    let spend = |document: &Document<'_>| {
        let takes = match (verdict, document.standing) {
            (VerdictKind::Hold, _) | (_, Standing::Reserved { .. }) => false,
            (VerdictKind::Release | VerdictKind::Inspect, standing) => standing.allows(),
        };
        (takes && whose).then(|| spend_of(document.declaration, view.case))
    };
    let of = |document: &Document<'_>| Matched {
        id: document.declaration.id.clone(),
        version: document.declaration.version,
        kind: document.by.kind(),
        spend: spend(document),
        vehicle: document
            .vehicle
            .and_then(|v| v.plates.first())
            .map(|p| p.as_str().to_owned()),
    };
    view.documents.iter().map(of).collect()
}

/// A control's own stops in its order, then the policy's for the reasons that
/// inspect, in the order of the policy; each kind and place once.
fn stops(view: &View<'_>, noted: &[Noted<'_>]) -> Vec<Stop> {
    let rules = &view.policy.stops;
    let mut places: Vec<(StopKind, Option<String>)> = Vec::new();
    let inspecting = |n: &&Noted<'_>| n.reason.severity == Severity::Inspect;
    for control in noted.iter().filter(inspecting).filter_map(|n| n.control) {
        for kind in &control.stops {
            let rule = rules
                .iter()
                .find(|r| r.reason == Code::ControlActive && r.kind == *kind);
            places.push((*kind, rule.and_then(|r| r.place.clone())));
        }
    }
    for rule in rules {
        let says = |n: &Noted<'_>| {
            let own = n.control.is_some_and(|c| !c.stops.is_empty());
            n.reason.code == rule.reason && !own
        };
        if noted.iter().filter(inspecting).any(says) {
            places.push((rule.kind, rule.place.clone()));
        }
    }
    let mut stops: Vec<Stop> = Vec::new();
    for (order, (kind, place)) in (1..).zip(unique(places)) {
        stops.push(Stop { order, kind, place });
    }
    stops
}

fn unique<T: PartialEq>(all: Vec<T>) -> Vec<T> {
    let mut kept = Vec::with_capacity(all.len());
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}
