//! Counting trucks: each once, by the last verdict recorded for it.

use std::collections::BTreeMap;

use lanegate_core::model::{Code, PassageId, VerdictKind};
use lanegate_core::time::Wall;

use super::again::{Again, Seen};

/// Passages without an outcome yet (L9): more than any port has lanes; the
/// oldest counts as it stands.
const OPEN_MAX: usize = 4096;
/// Examples kept of each change.
pub(super) const EXAMPLES_MAX: usize = 3;
/// Breaches of L6 named.
const BROKEN_MAX: usize = 100;

/// Trucks before and after.
#[derive(Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) trucks: u64,
    pub(super) stopped_before: u64,
    pub(super) stopped_after: u64,
    /// Released by the record, stopped by the policy tried.
    pub(super) newly_stopped: u64,
    /// The other way round.
    pub(super) newly_released: u64,
}

impl Count {
    fn add(&mut self, again: &Again) {
        let stops = |verdict| verdict != VerdictKind::Release;
        let (before, after) = (stops(again.before.verdict), stops(again.after.verdict));
        self.trucks += 1;
        self.stopped_before += u64::from(before);
        self.stopped_after += u64::from(after);
        self.newly_stopped += u64::from(!before && after);
        self.newly_released += u64::from(before && !after);
    }
}

/// How many trucks a reason was said of.
#[derive(Clone, Copy, Default)]
pub(super) struct Reasons {
    pub(super) before: u64,
    pub(super) after: u64,
    /// Not before.
    pub(super) gained: u64,
    /// Not after.
    pub(super) lost: u64,
}

/// What a replay came to.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) verdicts: u64,
    pub(super) all: Count,
    /// Trucks whose verdict or reasons would be others.
    pub(super) changed: u64,
    pub(super) moves: BTreeMap<(VerdictKind, VerdictKind), u64>,
    pub(super) classes: BTreeMap<String, Count>,
    pub(super) reasons: BTreeMap<Code, Reasons>,
    /// By hour of day, +08:00.
    pub(super) hours: BTreeMap<u8, Count>,
    pub(super) examples: BTreeMap<(VerdictKind, VerdictKind), Vec<Again>>,
    /// Breaches of L6: all counted, the first ones named.
    broken_n: u64,
    pub(super) broken: Vec<Again>,
    pub(super) other_rules: u64,
    open: BTreeMap<(String, PassageId), Box<Again>>,
}

impl Tally {
    /// Takes the records of a page.
    pub(super) fn take(&mut self, page: Vec<Seen>) {
        for seen in page {
            match seen {
                Seen::Judged(again) => self.judged(again),
                Seen::Ended(journal, passage) => {
                    if let Some(again) = self.open.remove(&(journal, passage)) {
                        self.count(&again);
                    }
                }
            }
        }
    }

    /// Counts passages that have no outcome.
    pub(super) fn finish(mut self) -> Self {
        for again in std::mem::take(&mut self.open).into_values() {
            self.count(&again);
        }
        self
    }

    pub(super) const fn broken(&self) -> u64 {
        self.broken_n
    }

    fn judged(&mut self, again: Box<Again>) {
        self.verdicts += 1;
        self.other_rules += u64::from(again.other_rules);
        if again.broken.is_some() {
            self.broken_n += 1;
            if self.broken.len() < BROKEN_MAX {
                self.broken.push((*again).clone());
            }
        }
        let key = (again.journal.clone(), again.passage.clone());
        self.open.insert(key, again);
        if self.open.len() > OPEN_MAX {
            let oldest = self.open.iter().min_by_key(|(_, again)| again.seq);
            let oldest = oldest.map(|(key, _)| key.clone());
            if let Some(again) = oldest.and_then(|key| self.open.remove(&key)) {
                self.count(&again);
            }
        }
    }

    fn count(&mut self, again: &Again) {
        self.all.add(again);
        self.classes
            .entry(again.class.clone())
            .or_default()
            .add(again);
        self.hours
            .entry(hour_of(again.judged_at))
            .or_default()
            .add(again);
        let step = (again.before.verdict, again.after.verdict);
        *self.moves.entry(step).or_default() += 1;
        let says = |said: &super::again::Said, code| said.reasons.iter().any(|(c, _)| *c == code);
        let codes = again.before.reasons.iter().chain(&again.after.reasons);
        let codes: std::collections::BTreeSet<Code> = codes.map(|(code, _)| *code).collect();
        for code in codes {
            let (before, after) = (says(&again.before, code), says(&again.after, code));
            let count = self.reasons.entry(code).or_default();
            count.before += u64::from(before);
            count.after += u64::from(after);
            count.gained += u64::from(!before);
            count.lost += u64::from(!after);
        }
        if again.before != again.after {
            self.changed += 1;
            let examples = self.examples.entry(step).or_default();
            if examples.len() < EXAMPLES_MAX {
                examples.push(again.clone());
            }
        }
    }
}

/// The hour of day in +08:00.
fn hour_of(at: Wall) -> u8 {
    let hours = at.0.div_euclid(3_600_000) + 8;
    u8::try_from(hours.rem_euclid(24)).expect("a day has 24 hours")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_those_of_the_port() {
        let hour = |text: &str| hour_of(Wall::parse(text).unwrap());
        assert_eq!(hour("2026-11-24T07:59:59+08:00"), 7);
        assert_eq!(hour("2026-11-23T16:00:00Z"), 0);
        assert_eq!(hour("1969-12-31T15:59:59Z"), 23);
    }
}
