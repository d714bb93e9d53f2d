//! The shortest run that still breaks the same law: fewer trucks, then every
//! kind of fault that can be left out.

use firmware_sim::Faults;

use super::breaks::{DAEMON_BREAKS, Severity};
use super::rig::Trace;
use super::simulate::{Extras, Failure, Plan, level, run, severity};

/// Lines of a trace that are shown.
const LINES_MAX: usize = 60;
/// What happened this long after the breach may still explain it.
const AFTER_US: u64 = 1_000_000;

/// Shortens `failure`, found under `plan`, and fills in its trace.
pub(super) fn shrink(plan: &Plan, extras: &Extras, failure: &mut Failure) {
    let mut least = plan.clone();
    let breaks = |plan: &Plan| {
        let outcome = run(plan, extras, failure.seed, Trace::Off);
        let mut breaches = outcome.breaches(level(plan, extras));
        breaches.find(|b| b.law == failure.law)
    };
    // Another number of trucks is another population: it counts only if the
    // same law breaks there too.
    let mut passages = 2 * plan.lanes.max(1);
    while passages < plan.passages {
        let fewer = Plan {
            passages,
            ..plan.clone()
        };
        if breaks(&fewer).is_some() {
            least = fewer;
            break;
        }
        passages *= 2;
    }
    let kinds = kinds_of(plan, extras);
    if !kinds.is_empty() {
        // What did not strike is left out for nothing.
        let struck = run(&least, extras, failure.seed, Trace::Off).score.faults;
        let struck = |kind: &&&str| struck.get(**kind).is_some_and(|n| *n > 0);
        let idle = kinds
            .iter()
            .filter(|kind| **kind != DAEMON_BREAKS && !struck(kind));
        let mut spare = least.clone();
        spare
            .faults
            .without
            .extend(idle.map(|kind| (*kind).to_owned()));
        if breaks(&spare).is_some() {
            least = spare;
        }
        for kind in kinds {
            if least.faults.without.contains(kind) {
                continue;
            }
            let mut without = least.clone();
            without.faults.without.insert(kind.to_owned());
            if breaks(&without).is_some() {
                least = without;
            }
        }
    }
    let trace = Trace::on();
    let outcome = run(&least, extras, failure.seed, trace.clone());
    let mut breaches = outcome.breaches(level(&least, extras));
    let breach = breaches.find(|b| b.law == failure.law);
    if let Some(breach) = breach {
        failure.what = format!("at {} us: {}", breach.at, breach.what);
        failure.trace = cut(trace.lines(), breach.at);
    }
    failure.passages = least.passages;
    failure.without = least.faults.without.into_iter().collect();
}

/// What may strike in a run and can be left out.
fn kinds_of(plan: &Plan, extras: &Extras) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    if plan.faults.level != Faults::None {
        kinds.extend(firmware_sim::kinds());
    }
    if severity(plan, extras) != Severity::None {
        kinds.push(DAEMON_BREAKS);
    }
    kinds
}

/// The lines that lead up to `at`.
fn cut(mut trace: Vec<String>, at: u64) -> Vec<String> {
    let time = |line: &String| {
        let word = line.split_whitespace().next();
        word.and_then(|w| w.parse::<u64>().ok())
    };
    trace.retain(|line| {
        let early = time(line).is_none_or(|t| t <= at + AFTER_US);
        early && !line.contains(" Dropped(")
    });
    trace.split_off(trace.len().saturating_sub(LINES_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_ends_soon_after_the_breach_and_leaves_out_what_is_dropped() {
        let line = |t: u64, text: &str| format!("{t:>12} {text}");
        let trace = vec![
            line(5, "L Dropped(\"late-read\")"),
            line(10, "L lift"),
            line(900_000, "fact"),
            line(1_000_011, "later"),
        ];
        assert_eq!(cut(trace, 10), [line(10, "L lift"), line(900_000, "fact")]);
        let long: Vec<_> = (0..200).map(|t| line(t, "x")).collect();
        assert_eq!(cut(long, 500).len(), LINES_MAX);
    }
}
