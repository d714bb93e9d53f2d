//! One page of records judged again.

use lanegate_core::clearance::{Policy, RULES, judge};
use lanegate_core::model::{Code, Fault, PassageId, Severity, Verdict, VerdictKind, parse_json};
use lanegate_core::record::{Kind, VerdictBody};
use lanegate_core::time::Wall;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::journals::Page;
use crate::cli::{Exit, No};

/// What the records of a page come to, in their order.
pub(super) enum Seen {
    /// A verdict, and what it would be.
    Judged(Box<Again>),
    /// A passage ended: its last verdict counts.
    Ended(String, PassageId),
}

/// One recorded verdict beside the one under the policy tried.
#[derive(Clone)]
pub(super) struct Again {
    pub(super) journal: String,
    pub(super) seq: u64,
    pub(super) passage: PassageId,
    pub(super) judged_at: Wall,
    /// The class by the policy tried.
    pub(super) class: String,
    pub(super) before: Said,
    pub(super) after: Said,
    /// What of L6's list differs although policy and rules are the same ones.
    pub(super) broken: Option<&'static str>,
    /// The rules of another version judged it under this policy, and it
    /// differs.
    pub(super) other_rules: bool,
}

/// A verdict as far as people count it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) verdict: VerdictKind,
    pub(super) reasons: Vec<(Code, Severity)>,
}

impl Said {
    fn of(verdict: &Verdict) -> Self {
        let reasons = verdict.reasons.iter();
        Self {
            verdict: verdict.verdict,
            reasons: reasons.map(|r| (r.code, r.severity)).collect(),
        }
    }
}

/// Of a record, what is needed to know whether to read on.
#[derive(Deserialize)]
struct Head<'a> {
    kind: Kind,
    seq: u64,
    passage: Option<PassageId>,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// Judges every verdict of `page` again.
pub(super) fn again(page: &Page, policy: &Policy) -> Result<Vec<Seen>, No> {
    let mut seen = Vec::new();
    for (seq, text) in &page.records {
        let unread = |fault: Fault| {
            let why = format!(
                "{}, record {seq}: {fault}; check it with journal verify",
                page.journal
            );
            No::new(Exit::No, why)
        };
        let head: Head<'_> =
            serde_json::from_str(text).map_err(|e| unread(Fault::new("", e.to_string())))?;
        if head.seq != *seq {
            return Err(unread(Fault::new(
                "seq",
                format!("{} is written there", head.seq),
            )));
        }
        // What else there is says nothing about a case.
        if head.kind == Kind::Verdict {
            let body: VerdictBody = parse_json(head.body.get()).map_err(unread)?;
            let again = of(&page.journal, *seq, &body, policy);
            seen.push(Seen::Judged(Box::new(again)));
        } else if let (Kind::Outcome, Some(passage)) = (head.kind, head.passage) {
            seen.push(Seen::Ended(page.journal.clone(), passage));
        }
    }
    Ok(seen)
}

fn of(journal: &str, seq: u64, body: &VerdictBody, policy: &Policy) -> Again {
    let now = judge(&body.case, policy);
    let recorded = body.verdict.clone().without_lines();
    let same_policy = recorded.policy.sha256 == policy.sha256;
    let differs = differing(&recorded, &now).filter(|_| same_policy);
    let same_rules = recorded.rules == RULES;
    Again {
        journal: journal.to_owned(),
        seq,
        passage: body.verdict.passage.clone(),
        judged_at: body.case.judged_at,
        class: class_of(&now),
        before: Said::of(&recorded),
        after: Said::of(&now),
        broken: differs.filter(|_| same_rules),
        other_rules: differs.is_some() && !same_rules,
    }
}

/// What of L6's list is not the same; texts for people are not on it.
fn differing(recorded: &Verdict, now: &Verdict) -> Option<&'static str> {
    let same = [
        ("verdict", recorded.verdict == now.verdict),
        ("reasons", recorded.reasons == now.reasons),
        ("checks", recorded.checks == now.checks),
        ("spend", recorded.declarations == now.declarations),
        ("draw", recorded.draw == now.draw),
    ];
    let mut differing = same.into_iter().filter(|(_, same)| !same);
    differing.next().map(|(what, _)| what)
}

/// As the check of the class says; a truck without documents has none.
fn class_of(verdict: &Verdict) -> String {
    let check = verdict.checks.iter().find(|c| c.check == "class");
    let class = check.and_then(|c| c.inputs.get("class"));
    let unknown = verdict.reasons.iter().any(|r| r.code == Code::ClassUnknown);
    let none = if unknown { "unknown" } else { "none" };
    class.and_then(|c| c.as_str()).unwrap_or(none).to_owned()
}
