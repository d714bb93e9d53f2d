//! The result in words and as JSON.

use lanegate_core::clearance::Policy;
use lanegate_core::model::{Severity, VerdictKind};
use serde_json::{Map, Value, json};

use super::again::{Again, Said};
use super::tally::{Count, Tally};
use crate::cli::output::{line, note};

/// One in how many; none if none at all.
const fn one_in(all: u64, some: u64) -> Option<u64> {
    if some == 0 {
        return None;
    }
    // To the nearest.
    Some((all + some / 2) / some)
}

/// The result as one object.
pub(super) fn json(tally: &Tally, policy: &Policy) -> Value {
    let moves = tally.moves.iter();
    let moves: Map<_, _> = moves
        .map(|((from, to), n)| (format!("{from}->{to}"), json!(n)))
        .collect();
    let by = |pairs: Vec<(String, &Count)>| -> Map<String, Value> {
        pairs
            .into_iter()
            .map(|(key, count)| (key, of_count(count)))
            .collect()
    };
    let classes = tally
        .classes
        .iter()
        .map(|(class, count)| (class.clone(), count));
    let hours = tally
        .hours
        .iter()
        .map(|(hour, count)| (format!("{hour:02}"), count));
    let reasons = tally.reasons.iter();
    let reasons: Map<_, _> = reasons
        .map(|(code, n)| {
            let counts =
                json!({"before": n.before, "after": n.after, "gained": n.gained, "lost": n.lost});
            (code.to_string(), counts)
        })
        .collect();
    let mut result = of_count(&tally.all);
    let rest = json!({
        "policy": policy.reference(), "verdicts": tally.verdicts, "changed": tally.changed,
        "moves": moves, "by_class": by(classes.collect()), "by_reason": reasons,
        "by_hour": by(hours.collect()),
        "examples": tally.examples.values().flatten().map(of_example).collect::<Vec<_>>(),
        "other_rules": tally.other_rules, "broken": tally.broken(),
        "broken_at": tally.broken.iter().map(of_example).collect::<Vec<_>>(),
    });
    if let (Value::Object(result), Value::Object(rest)) = (&mut result, rest) {
        result.extend(rest);
    }
    result
}

fn of_count(count: &Count) -> Value {
    json!({
        "trucks": count.trucks, "stopped_before": count.stopped_before,
        "stopped_after": count.stopped_after, "newly_stopped": count.newly_stopped,
        "newly_released": count.newly_released,
        "one_in": one_in(count.trucks, count.newly_stopped),
    })
}

fn of_example(again: &Again) -> Value {
    let of = |said: &Said| json!({"verdict": said.verdict, "reasons": codes(said)});
    json!({
        "journal": again.journal, "seq": again.seq, "passage": again.passage,
        "at": again.judged_at, "class": again.class, "before": of(&again.before),
        "after": of(&again.after), "differs": again.broken,
    })
}

fn codes(said: &Said) -> Vec<String> {
    let code = |(code, severity): &(_, Severity)| {
        let code: &lanegate_core::model::Code = code;
        match severity {
            Severity::Warn => format!("{code} (warn)"),
            Severity::Hold | Severity::Inspect => code.to_string(),
        }
    };
    said.reasons.iter().map(code).collect()
}

/// The result for a reader.
pub(super) fn tell(tally: &Tally, policy: &Policy, several: bool) {
    let all = &tally.all;
    line(format!(
        "policy {}: {} trucks by {} recorded verdicts, {} would change",
        policy.version, all.trucks, tally.verdicts, tally.changed
    ));
    line(format!(
        "stopped: {} before, {} after{}",
        all.stopped_before,
        all.stopped_after,
        jam(all)
    ));
    for ((from, to), n) in &tally.moves {
        let same = if from == to { "  (as before)" } else { "" };
        line(format!("  {n:>9}  {from} -> {to}{same}"));
    }
    table(
        "by class",
        tally
            .classes
            .iter()
            .map(|(class, count)| (class.clone(), count)),
    );
    let hour = |hour: &u8| format!("{hour:02}:00");
    table(
        "by hour of day",
        tally.hours.iter().map(|(h, count)| (hour(h), count)),
    );
    line("by reason                         before     after    gained      lost");
    for (code, n) in &tally.reasons {
        let (before, after, gained, lost) = (n.before, n.after, n.gained, n.lost);
        let code = code.as_str();
        line(format!(
            "  {code:<30}{before:>8}  {after:>8}  {gained:>8}  {lost:>8}"
        ));
    }
    for ((from, to), examples) in &tally.examples {
        line(format!("for example {from} -> {to}:"));
        for again in examples {
            line(example(again, several));
        }
    }
    if tally.other_rules > 0 {
        note(format!(
            "{} verdicts recorded under this policy by other rules differ; that is no breach",
            tally.other_rules
        ));
    }
    for again in &tally.broken {
        let what = again.broken.unwrap_or_default();
        line(format!(
            "L6 broken in its {what}: {}",
            example(again, several).trim_start()
        ));
    }
}

/// What it would mean on the road.
fn jam(count: &Count) -> String {
    match one_in(count.trucks, count.newly_stopped) {
        None => "; no truck that was released would be stopped".to_owned(),
        Some(n) => format!(
            "; {} that were released would be stopped, 1 in {n}",
            count.newly_stopped
        ),
    }
}

fn table<'a>(title: &str, rows: impl Iterator<Item = (String, &'a Count)>) {
    line(format!(
        "{title:<28}    trucks  stopped before     after      more"
    ));
    for (name, count) in rows {
        let more = match one_in(count.trucks, count.newly_stopped) {
            Some(n) => format!("{:>10}  1 in {n}", count.newly_stopped),
            None => format!("{:>10}", 0),
        };
        line(format!(
            "  {name:<26}{:>10}{:>16}{:>10}{more}",
            count.trucks, count.stopped_before, count.stopped_after
        ));
    }
}

fn example(again: &Again, several: bool) -> String {
    let place = match several {
        true => format!("{} record {}", again.journal, again.seq),
        false => format!("record {}", again.seq),
    };
    format!(
        "  {} {place} {} {}: {} -> {}",
        again.judged_at,
        again.passage,
        again.class,
        said(&again.before),
        said(&again.after)
    )
}

fn said(said: &Said) -> String {
    let verdict: VerdictKind = said.verdict;
    let text = format!("{verdict} {}", codes(said).join(" "));
    text.trim_end().to_owned()
}
