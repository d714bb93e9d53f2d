//! Laws L4, L6 and L8: over every row of the decision tables, and as
//! properties over random cases and policies (`table/bent.rs`); what fails is
//! shrunk.

mod table;

use lanegate_core::clearance::judge;
use lanegate_core::model::{
    Case, Code, Declaration, DeviceId, MatchKind, Plate, Reason, Verdict, VerdictKind, parse_json,
};
use lanegate_core::record::{VerdictBody, canonical};
use proptest::prelude::*;
use serde_json::Value;
use table::bent::bent;
use table::loss::{lose, loss};
use table::{case_of, case_value, policy_of, read_case, rows, set};

fn config() -> ProptestConfig {
    // PROPTEST_CASES asks for more.
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases.max(600),
        failure_persistence: None,
        ..usual
    }
}

const LOOK_ALIKES: &[&str] = &["O0DQ", "I1L", "Z2", "S5", "B8", "G6"];

/// Every plate of the same kind one look-alike character away from `text`.
fn look_alikes(text: &str) -> Vec<String> {
    let Ok(plate) = Plate::parse(text) else {
        return Vec::new();
    };
    let chars: Vec<char> = plate.as_str().chars().collect();
    let mut all = Vec::new();
    for (i, c) in chars.iter().enumerate() {
        for other in LOOK_ALIKES.iter().filter(|set| set.contains(*c)) {
            for to in other.chars().filter(|to| to != c) {
                let mut changed = chars.clone();
                changed[i] = to;
                let changed: String = changed.into_iter().collect();
                if Plate::parse(&changed).is_ok_and(|p| p.kind() == plate.kind()) {
                    all.push(changed);
                }
            }
        }
    }
    all
}

fn plates_of(case: &Case) -> Vec<&Plate> {
    let candidates = case.facts.candidates.iter();
    let vehicles = candidates.flat_map(|d| &d.vehicles);
    vehicles.flat_map(|v| &v.plates).collect()
}

fn is_expected(case: &Case, text: &str) -> bool {
    Plate::parse(text).is_ok_and(|p| plates_of(case).contains(&&p))
}

/// Nothing could be told of any document: what was looked up, or who asked, is
/// in doubt, and the one reason says so (FORMATS 4).
fn knows_nothing(verdict: &Verdict) -> bool {
    let doubt = |code: Code| {
        matches!(
            code,
            Code::PlateUnread
                | Code::CacheStale
                | Code::StoreUnverified
                | Code::StoreUnavailable
                | Code::DeclarationUnusable
        )
    };
    verdict.declarations.is_empty() && verdict.reasons.iter().any(|r| doubt(r.code))
}

/// Replaces the `i`-th read that is an expected plate by a look-alike that is
/// nobody's.
fn loosened(case: &Case, i: usize, like: usize) -> Option<Case> {
    let exact = case.plates.iter().enumerate();
    let exact: Vec<usize> = exact
        .filter(|(_, p)| is_expected(case, &p.text))
        .map(|(n, _)| n)
        .collect();
    let at = *exact.get(i % exact.len().max(1))?;
    let mut likes = look_alikes(&case.plates[at].text);
    likes.retain(|text| !is_expected(case, text));
    let text = likes.get(like % likes.len().max(1))?.clone();
    let mut loose = case.clone();
    loose.plates[at].text = text;
    Some(loose)
}

proptest! {
    #![proptest_config(config())]

    /// L8: reading a look-alike in place of an expected plate releases nothing
    /// that the plate itself would not, and a match by look-alike never has a
    /// better verdict than the match by the plate. Without any match the
    /// truck is nobody's (the worst verdict), unless nothing could be looked
    /// up, which is said alone.
    #[test]
    fn a_look_alike_never_does_better_than_the_exact_plate(
        bent in bent(), i in 0usize..4, like in 0usize..8,
    ) {
        let (case, policy) = (bent.case(), bent.policy());
        let Some(loose) = loosened(&case, i, like) else { return Ok(()) };
        let (exact, loose) = (judge(&case, &policy), judge(&loose, &policy));
        if loose.verdict == VerdictKind::Release {
            prop_assert_eq!(exact.verdict, VerdictKind::Release);
        }
        if !knows_nothing(&loose) {
            prop_assert!(loose.verdict >= exact.verdict, "{:?}", loose.reasons);
        }
        let matched = loose.declarations.first();
        if matched.is_some_and(|m| m.kind == MatchKind::Loose) {
            let codes = |v: &Verdict| v.reasons.iter().map(|r| r.code).collect::<Vec<_>>();
            prop_assert_eq!(&loose.declarations[0].id, &exact.declarations[0].id);
            for code in codes(&exact) {
                prop_assert!(codes(&loose).contains(&code), "{} was lost", code);
            }
        }
    }

    /// The same where the camera itself is of two minds: the second reading
    /// beside the first never helps.
    #[test]
    fn a_second_look_alike_reading_of_one_camera_never_helps(
        bent in bent(), i in 0usize..4, like in 0usize..8,
    ) {
        let (case, policy) = (bent.case(), bent.policy());
        let Some(other) = loosened(&case, i, like) else { return Ok(()) };
        let mut doubtful = case.clone();
        for (n, read) in other.plates.iter().enumerate() {
            if *read != case.plates[n] {
                let device = DeviceId::parse("cam-1").expect("a device id");
                let mut read = read.clone();
                read.device.get_or_insert_with(|| device.clone());
                doubtful.plates[n].device.get_or_insert(device);
                doubtful.plates.push(read);
            }
        }
        let (exact, doubtful) = (judge(&case, &policy), judge(&doubtful, &policy));
        if doubtful.verdict == VerdictKind::Release {
            prop_assert_eq!(exact.verdict, VerdictKind::Release);
        }
        if !knows_nothing(&doubtful) {
            prop_assert!(doubtful.verdict >= exact.verdict, "{:?}", doubtful.reasons);
        }
    }

    /// L4: whatever becomes doubtful, lost or unreadable, nothing is released
    /// that was not. What is left out is only evidence that speaks against the
    /// truck: a reading that no document it is then released by declares, or a
    /// report that says something is wrong.
    #[test]
    fn losing_or_doubting_evidence_never_releases(bent in bent(), loss in loss()) {
        let (case, policy) = (bent.case(), bent.policy());
        let Some(less) = lose(&case, &policy, loss) else { return Ok(()) };
        let (before, after) = (judge(&case, &policy), judge(&less.case, &policy));
        if after.verdict == VerdictKind::Release && before.verdict != VerdictKind::Release {
            let documents: Vec<&Declaration> = case.facts.candidates.iter()
                .filter(|d| after.declarations.iter().any(|m| m.id == d.id)).collect();
            prop_assert!((less.adverse)(&documents), "{:?} {:?}", loss, before.reasons);
        }
        if less.never {
            prop_assert_ne!(after.verdict, VerdictKind::Release);
        }
    }

    /// L6: a case that went through a record, and a policy read again from its
    /// text, give the identical verdict.
    #[test]
    fn what_was_recorded_is_judged_the_same_again(bent in bent()) {
        let (case, policy) = (bent.case(), bent.policy());
        let verdict = judge(&case, &policy);
        let body = VerdictBody { case, verdict: verdict.clone().rendered_under(&policy) };
        let read: VerdictBody = parse_json(&canonical(&body)).expect("a record can be read");
        prop_assert_eq!(&read, &body);
        let again = judge(&read.case, &bent.policy());
        prop_assert_eq!(canonical(&again), canonical(&verdict));
        prop_assert_eq!(read.verdict.without_lines(), verdict);
    }
}

/// L6: whatever becomes of a case on its way through a record, it is judged
/// the same.
#[test]
fn a_case_read_back_from_its_record_is_judged_the_same() {
    for row in rows() {
        let (case, policy) = (case_of(&row), policy_of(&row));
        let verdict = judge(&case, &policy);
        let again: Case = parse_json(&canonical(&case)).unwrap();
        assert_eq!(
            canonical(&judge(&again, &policy)),
            canonical(&verdict),
            "{}",
            row.name
        );
        let rendered = judge(&case, &policy).rendered();
        let read: Verdict = parse_json(&canonical(&rendered)).unwrap();
        assert_eq!(read.without_lines(), verdict, "{}", row.name);
    }
}

/// L4: whatever the case, no doubt about what we know ever releases.
#[test]
fn no_row_is_released_under_any_doubt() {
    let doubts = [
        ("clock", Value::from("unknown")),
        ("facts.cache_age_s", Value::Null),
        ("facts.cache_age_s", Value::from(604_801)),
        ("facts.enterprises", Value::Array(Vec::new())),
        ("facts.journal", Value::from("full")),
        ("facts.store", Value::from("unavailable")),
        ("facts.store", Value::from("unverified")),
        ("facts.control_unreadable", Value::from(true)),
        ("facts.contended", Value::from(true)),
        ("facts.candidates", Value::Array(Vec::new())),
        ("plates", Value::Array(Vec::new())),
        ("weight", Value::Null),
        ("weight.stable", Value::from(false)),
        ("weight.seen_empty", Value::from(false)),
        ("devices.cam-9", Value::from("lost")),
    ];
    let mut released = Vec::new();
    for row in rows() {
        let (usual, policy) = (case_value(&row), policy_of(&row));
        for (path, value) in &doubts {
            // A finding may cover a weight, and nothing else of these.
            let weighed = usual["weight"].is_object() && !row.set.contains_key("facts.findings");
            if path.starts_with("weight") && !weighed {
                continue;
            }
            let mut doubtful = usual.clone();
            set(&mut doubtful, path, value.clone());
            let verdict = judge(&read_case(&row.name, &doubtful), &policy);
            if verdict.verdict == VerdictKind::Release {
                released.push(format!("{} with {path} {value}", row.name));
            }
        }
    }
    assert!(released.is_empty(), "released:\n{}", released.join("\n"));
}

/// L8 and "never loosen": a policy made stricter never gives a better verdict.
#[test]
fn a_policy_with_every_code_tightened_never_gives_a_better_verdict() {
    let all: String = Code::ALL
        .iter()
        .map(|code| format!("\"{code}\" = \"inspect\"\n"))
        .collect();
    for mut row in rows() {
        let usual = judge(&case_of(&row), &policy_of(&row));
        row.policy
            .retain(|(from, _)| !from.starts_with("[severity]"));
        row.policy
            .push(("\n[severity]\n".to_owned(), format!("\n[severity]\n{all}")));
        let strict = judge(&case_of(&row), &policy_of(&row));
        let capped = usual
            .reasons
            .iter()
            .any(|r| matches!(r.code, Code::ClaimTaken | Code::JournalUnavailable));
        assert!(strict.verdict >= usual.verdict, "{}", row.name);
        let covered = |r: &Reason| r.observed.contains_key("covered_by");
        if !capped && strict.reasons.iter().any(|r| !covered(r)) {
            assert_eq!(strict.verdict, VerdictKind::Inspect, "{}", row.name);
        }
    }
}
