//! `--accuracy`: what worse cameras cost, in trucks and by cause.

use super::{SimulateArgs, replay, tell_why, unwritten};
use crate::cli::Exit;
use crate::cli::output::{complain, line};
use crate::sim::{Extras, Plan, Summary, simulate_with};

/// How many plates in a thousand the cameras read right. The first row tells
/// what has nothing to do with that; under faults some are misread all the same,
/// and the difference of two rows is one of two runs.
const ACCURACIES_PERMILLE: [u32; 5] = [1000, 995, 980, 950, 900];

const HEAD: [&str; 3] = [
    "plates  false  missed  wrong    to verdict    conforming trucks that need a person",
    "read                            in ms         for any cause       for a misread plate",
    "right                           p50    p99    here    one plate   here    one plate",
];

/// The same traffic with worse and worse cameras.
pub(super) fn accuracy(args: &SimulateArgs, plan: &Plan, extras: &Extras) -> Exit {
    for text in HEAD {
        line(text);
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut good = true;
    for permille in ACCURACIES_PERMILLE {
        let plan = Plan {
            plate_read_permille: permille,
            ..plan.clone()
        };
        let summary = match simulate_with(&plan, extras) {
            Ok(summary) => summary,
            Err(why) => return unwritten(&why),
        };
        good &= summary.is_good();
        tell_why(&summary);
        if let Some(failure) = summary.failure() {
            complain(format!(
                "plates read right {permille} of 1000: seed {}, law {}: {}",
                failure.seed, failure.law, failure.what
            ));
            complain(format!("again: {}", replay(args, permille, failure)));
        }
        let row = Row { permille, summary };
        line(row.told(rows.first().unwrap_or(&row)));
        rows.push(row);
    }
    line(
        "one plate: a gateway that compares the first picture's first plate with the declared one",
    );
    line("here, for any cause, by the first reason of the first verdict that stopped them:");
    for row in &rows {
        line(format!("{}  {}", row.right(), row.causes()));
    }
    if good { Exit::Done } else { Exit::No }
}

struct Row {
    permille: u32,
    summary: Summary,
}

/// A share in tenths of a percent, rounded, of millionths.
fn percent(share: u64) -> String {
    let tenths = tenths(share);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

const fn tenths(share: u64) -> u64 {
    (share + 500) / 1000
}

impl Row {
    fn right(&self) -> String {
        format!("{:>3}.{}", self.permille / 10, self.permille % 10)
    }

    /// Of those who conform, in millionths.
    fn share(&self, n: u64) -> u64 {
        n * 1_000_000 / self.summary.score().conforming.max(1)
    }

    fn here(&self) -> u64 {
        self.share(self.summary.score().conforming_person)
    }

    fn one_plate(&self) -> u64 {
        self.share(self.summary.score().conforming_person_plain)
    }

    /// The row; `perfect` is that of cameras that read every plate right.
    fn told(&self, perfect: &Self) -> String {
        let s = self.summary.score();
        let misread = |of: fn(&Self) -> u64| percent(of(self).saturating_sub(of(perfect)));
        format!(
            "{} {:>7} {:>7} {:>6} {:>6} {:>6}    {:<7} {:<11} {:<7} {}",
            self.right(),
            s.false_releases,
            s.missed_releases,
            s.wrong_truck_releases,
            self.summary.verdict_ms(500),
            self.summary.verdict_ms(990),
            percent(self.here()),
            percent(self.one_plate()),
            misread(Self::here),
            misread(Self::one_plate),
        )
    }

    fn causes(&self) -> String {
        let by = &self.summary.score().conforming_person_by;
        let mut by: Vec<(&String, &u64)> = by.iter().collect();
        by.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
        let (many, few): (Vec<_>, Vec<_>) = by
            .into_iter()
            .partition(|(_, n)| tenths(self.share(**n)) > 0);
        let few = few.into_iter().map(|(_, n)| n).sum();
        let many = many.into_iter().map(|(why, n)| (why.as_str(), *n));
        let told: Vec<String> = many
            .chain((few > 0).then_some(("others", few)))
            .map(|(why, n)| format!("{why} {}", percent(self.share(n))))
            .collect();
        told.join(", ")
    }
}
