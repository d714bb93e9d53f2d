//! Many seeds of the simulated port, counted together.

use std::any::Any;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firmware_sim::{FaultOptions, Faults, Geometry, Score};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::breaks::{Breaks, DAEMON_BREAKS, Severity};
use super::errors::{Errors, came_to};
use super::laws::Laws;
use super::rig::{Outcome, Rig, Trace};
use super::sabotage::Sabotage;
use super::shrink::shrink;
use super::world_options;
use crate::clock::worked;
use crate::journal::{Disk, MemDisk};

/// Trucks that must be released from which on their share is held against
/// what is wanted.
const SHARE_OF_MIN: u64 = 500;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Seeds.
    pub seeds: Range<u64>,
    /// Trucks a seed.
    pub passages: usize,
    /// Lanes a seed.
    pub lanes: usize,
    /// How often a camera reads a plate right.
    pub plate_read_permille: u32,
    /// What goes wrong besides drivers.
    pub faults: FaultOptions,
}

/// What else to do with a plan.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Write the journal of each seed as files under `seed-N` in this
    /// directory, for `lanegate journal verify` and `lanegate replay`, and
    /// the policy beside them.
    pub journal: Option<PathBuf>,
    /// Do this wrong in every seed.
    pub sabotage: Option<Sabotage>,
    /// How the daemon and its disk break.
    pub severity: Severity,
}

/// The first breach of a law or of the truth, with what is needed to see it again.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// The law; `truth` when a truck was released or stopped wrongly.
    pub law: &'static str,
    /// What happened.
    pub what: String,
    /// The last lines before it, of the shortest run that breaks the law too.
    pub trace: Vec<String>,
    /// Trucks of that run.
    pub passages: usize,
    /// Kinds of faults it does without.
    pub without: Vec<String>,
}

/// One thing a run must not have.
pub(super) struct Breach {
    pub(super) law: &'static str,
    pub(super) at: u64,
    pub(super) what: String,
}

impl Outcome {
    /// What is wrong with the run, the laws first.
    pub(super) fn breaches(&self, level: Faults) -> impl Iterator<Item = Breach> + use<> {
        let laws = self.laws.violations().iter().map(|v| Breach {
            law: v.law,
            at: v.at,
            what: v.what.clone(),
        });
        // Who is stopped although it conforms is counted under faults, and a
        // breach without them.
        let all = level == Faults::None;
        let untrue = self.findings.iter();
        let untrue = untrue.filter(|(_, what)| all || what.contains("must not"));
        let untrue = untrue.map(|(at, what)| Breach {
            law: "truth",
            at: *at,
            what: what.clone(),
        });
        laws.chain(untrue).collect::<Vec<_>>().into_iter()
    }
}

/// What all seeds came to.
#[derive(Debug, Default)]
pub struct Summary {
    score: Score,
    seeds: u64,
    violations: u64,
    /// Breaches by law.
    laws: BTreeMap<&'static str, u64>,
    /// Processor time of all runs.
    busy: Duration,
    digests: BTreeMap<u64, [u8; 32]>,
    failure: Option<Failure>,
    level: Faults,
    gathered_ms: BTreeMap<u64, u64>,
}

/// Runs every seed of `plan` on all cores; the result does not depend on how
/// many there are.
#[must_use]
pub fn simulate(plan: &Plan) -> Summary {
    simulate_with(plan, &Extras::default()).expect("without a directory nothing is written")
}

/// The same, with journals written or something done wrong.
///
/// # Errors
/// A journal cannot be written.
pub fn simulate_with(plan: &Plan, extras: &Extras) -> io::Result<Summary> {
    let mut summary = counted(plan, extras)?;
    if let Some(failure) = &mut summary.failure {
        // The same seed runs the same way: only a failure pays for its trace.
        shrink(plan, extras, failure);
    }
    Ok(summary)
}

/// Every seed once; a failure has no trace yet.
fn counted(plan: &Plan, extras: &Extras) -> io::Result<Summary> {
    if let Some(dir) = &extras.journal {
        // What it was judged under, to replay it or to change a number first.
        fs::create_dir_all(dir)?;
        fs::write(
            dir.join("policy.toml"),
            super::setup::policy_text(super::setup::Sampling::Off),
        )?;
    }
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(plan.seeds.start);
    let summary = Mutex::new(Summary {
        level: level(plan, extras),
        ..Summary::default()
    });
    let work = || -> io::Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= plan.seeds.end {
                return Ok(());
            }
            let before = worked();
            let outcome = run(plan, extras, seed, Trace::Off);
            let busy = worked().saturating_sub(before);
            if let Some(dir) = &extras.journal {
                let dir = dir.join(format!("seed-{seed}"));
                write_journal(&outcome.disk, &dir).map_err(|why| {
                    io::Error::new(why.kind(), format!("{}: {why}", dir.display()))
                })?;
            }
            let mut summary = summary.lock().unwrap_or_else(PoisonError::into_inner);
            summary.take(plan, seed, outcome, busy);
        }
    };
    std::thread::scope(|scope| -> io::Result<()> {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().expect("a simulated port does not panic")?;
        }
        Ok(())
    })?;
    Ok(summary.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The files of `disk` as they are, in a new directory: what another run left
/// would pass for a part of this journal.
fn write_journal(disk: &MemDisk, dir: &Path) -> io::Result<()> {
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::create_dir(dir)?;
    for name in disk.list()? {
        fs::write(dir.join(&name), disk.read(&name)?)?;
    }
    Ok(())
}

/// How the daemon and its disk break.
pub(super) fn severity(plan: &Plan, extras: &Extras) -> Severity {
    if plan.faults.without.contains(DAEMON_BREAKS) {
        return Severity::None;
    }
    match extras.sabotage {
        Some(sabotage) if sabotage.needs_restarts() => Severity::Hostile,
        Some(_) | None => extras.severity,
    }
}

/// How much goes wrong in all, in the world and with the daemon.
pub(super) fn level(plan: &Plan, extras: &Extras) -> Faults {
    plan.faults.level.max(severity(plan, extras).level())
}

pub(super) fn run(plan: &Plan, extras: &Extras, seed: u64, trace: Trace) -> Outcome {
    let mut options = world_options(seed, plan.lanes, plan.passages);
    options.plate_read_permille = plan.plate_read_permille;
    options.faults = plan.faults.clone();
    options.mix = firmware_sim::Mix::traffic();
    options.geometry = match seed % 8 {
        3 | 7 => Geometry::BehindBarrier,
        5 => Geometry::DiverterArm,
        _ => Geometry::SideExit,
    };
    let breaks = Breaks::drawn(severity(plan, extras), seed);
    let played = || {
        let rig = || {
            let rig = Rig::new(options, extras.sabotage, trace);
            rig.breaking(breaks).run()
        };
        catch_unwind(AssertUnwindSafe(rig))
    };
    let (outcome, errors) = Errors::of(played);
    let mut outcome = outcome.unwrap_or_else(|why| Outcome::panicked(why.as_ref()));
    for (at, what) in errors {
        outcome.laws.breach("error", at, what);
    }
    outcome
}

impl Outcome {
    /// A run that ended where the program says that it cannot.
    fn panicked(why: &(dyn Any + Send)) -> Self {
        let words = why.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| why.downcast_ref::<&str>().copied());
        let mut laws = Laws::default();
        let words = words.unwrap_or("without words").to_owned();
        laws.breach("panic", came_to(), words);
        Self {
            laws,
            ..Self::default()
        }
    }
}

impl Summary {
    fn take(&mut self, plan: &Plan, seed: u64, outcome: Outcome, busy: Duration) {
        let first = outcome.breaches(self.level).next();
        self.seeds += 1;
        self.busy += busy;
        self.digests.insert(seed, outcome.digest);
        let (s, o) = (&mut self.score, outcome.score);
        s.trucks += o.trucks;
        s.released += o.released;
        s.inspected += o.inspected;
        s.held += o.held;
        s.unfinished += o.unfinished;
        s.must += o.must;
        s.may += o.may;
        s.must_not += o.must_not;
        s.false_releases += o.false_releases;
        s.missed_releases += o.missed_releases;
        s.wrong_truck_releases += o.wrong_truck_releases;
        s.forced += o.forced;
        s.needed_person += o.needed_person;
        s.must_under_faults += o.must_under_faults;
        s.must_released += o.must_released;
        s.conforming += o.conforming;
        s.conforming_person += o.conforming_person;
        s.conforming_person_plain += o.conforming_person_plain;
        for (why, n) in o.conforming_person_by {
            *s.conforming_person_by.entry(why).or_default() += n;
        }
        for (kind, n) in o.faults {
            *s.faults.entry(kind).or_default() += n;
        }
        let violations = outcome.laws.violations();
        self.violations += violations.len() as u64;
        for violation in violations {
            *self.laws.entry(violation.law).or_default() += 1;
        }
        for (ms, n) in outcome.gathered_ms {
            *self.gathered_ms.entry(ms).or_default() += n;
        }
        let earlier = self.failure.as_ref().is_none_or(|f| seed < f.seed);
        if let Some(breach) = first.filter(|_| earlier) {
            self.failure = Some(Failure {
                seed,
                law: breach.law,
                what: format!("at {} us: {}", breach.at, breach.what),
                trace: Vec::new(),
                passages: plan.passages,
                without: plan.faults.without.iter().cloned().collect(),
            });
        }
    }

    /// Whether every law held and nothing was released or missed wrongly.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        let missed = match self.level {
            Faults::None => self.score.missed_releases > 0,
            Faults::Field | Faults::Hostile => false,
        };
        self.violations == 0 && self.score.false_releases == 0 && !missed && self.share_is_kept()
    }

    /// Whether enough of those who must be released were: a port that stops
    /// everybody breaks no law and proves nothing. Counted from as many trucks
    /// on as say something.
    const fn share_is_kept(&self) -> bool {
        let (of, released) = (self.score.must_under_faults, self.score.must_released);
        of < SHARE_OF_MIN || released * 100 >= of * self.percent_min()
    }

    const fn percent_min(&self) -> u64 {
        match self.level {
            Faults::None => 100,
            Faults::Field => 95,
            Faults::Hostile => 60,
        }
    }

    /// What the share of those released was, where it is too small.
    #[must_use]
    pub fn share_missed(&self) -> Option<String> {
        let (of, released) = (self.score.must_under_faults, self.score.must_released);
        let percent = self.percent_min();
        (!self.share_is_kept()).then(|| {
            format!("{released} of {of} trucks that must be released were, and {percent} % must be")
        })
    }

    /// Breaches by law.
    #[must_use]
    pub const fn by_law(&self) -> &BTreeMap<&'static str, u64> {
        &self.laws
    }

    /// The first breach, by seed.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The count.
    #[must_use]
    pub const fn score(&self) -> &Score {
        &self.score
    }

    /// SHA-256 over all transcripts, in the order of seeds.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (seed, digest) in &self.digests {
            hash.update(seed.to_le_bytes());
            hash.update(digest);
        }
        let digest: [u8; 32] = hash.finalize().into();
        digest.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Trucks simulated in a second of one core.
    #[must_use]
    pub fn passages_per_second(&self) -> u64 {
        let us = u64::try_from(self.busy.as_micros())
            .unwrap_or(u64::MAX)
            .max(1);
        self.score.trucks.saturating_mul(1_000_000) / us
    }

    /// So many milliseconds or fewer did `permille` of the verdicts take from
    /// the truck's coming on.
    #[must_use]
    pub fn verdict_ms(&self, permille: u64) -> u64 {
        let all: u64 = self.gathered_ms.values().sum();
        let mut below = 0;
        for (ms, n) in &self.gathered_ms {
            below += n;
            if below * 1000 >= all * permille {
                return *ms;
            }
        }
        0
    }

    /// The object of FORMATS 7; `replay` is the command that repeats a
    /// failure.
    #[must_use]
    pub fn to_json(&self, replay: impl Fn(&Failure) -> String) -> Value {
        let s = &self.score;
        json!({
            "seeds": self.seeds,
            "passages": s.trucks,
            "released": s.released,
            "inspected": s.inspected,
            "held": s.held,
            "unfinished": s.unfinished,
            "must": s.must,
            "must_under_faults": s.must_under_faults,
            "must_released": s.must_released,
            "conforming": s.conforming,
            "conforming_person": s.conforming_person,
            "conforming_person_plain": s.conforming_person_plain,
            "conforming_person_by": s.conforming_person_by,
            "may": s.may,
            "must_not": s.must_not,
            "violations": self.violations,
            "false_releases": s.false_releases,
            "missed_releases": s.missed_releases,
            "wrong_truck_releases": s.wrong_truck_releases,
            "forced": s.forced,
            "needed_person": s.needed_person,
            "faults": s.faults,
            "laws": self.laws,
            "verdict_ms": {"p50": self.verdict_ms(500), "p99": self.verdict_ms(990)},
            "digest": self.digest(),
            "passages_per_second": self.passages_per_second(),
            "first_failure": self.failure.as_ref().map(|f| json!({
                "seed": f.seed,
                "law": f.law,
                "what": f.what,
                "trace": f.trace,
                "replay": replay(f),
            })),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{RealDisk, verify};

    fn plan(seeds: Range<u64>) -> Plan {
        Plan {
            seeds,
            passages: 20,
            lanes: 2,
            plate_read_permille: 1000,
            faults: FaultOptions::default(),
        }
    }

    #[test]
    fn no_law_breaks_and_nobody_is_missed_without_faults() {
        let summary = simulate(&plan(0..40));
        let score = &summary.score;
        assert!(summary.is_good(), "{:#?} {score:?}", summary.failure);
        assert_eq!(score.wrong_truck_releases, 0);
        assert_eq!(score.unfinished, 0);
        assert!(score.must * 2 >= score.trucks, "{score:?}");
        assert!(score.may * 20 <= score.trucks, "{score:?}");
        assert!(score.forced > 0, "somebody tailgates: {score:?}");
    }

    /// What adds up from truck to truck shows only in a long run.
    #[test]
    fn a_long_day_needs_no_more_officers_than_a_short_one() {
        let summary = simulate(&Plan {
            passages: 200,
            ..plan(4..6)
        });
        let score = &summary.score;
        assert!(summary.is_good(), "{:#?} {score:?}", summary.failure);
        assert!(score.needed_person * 20 <= score.trucks, "{score:?}");
    }

    #[test]
    fn the_same_seeds_give_the_same_transcripts_and_others_do_not() {
        let one = simulate(&plan(5..8)).digest();
        assert_eq!(one, simulate(&plan(5..8)).digest());
        assert_ne!(one, simulate(&plan(6..9)).digest());
    }

    /// Whether the law of `sabotage` is seen broken within a few hundred trucks.
    fn is_caught(sabotage: Sabotage) -> bool {
        let needs = sabotage.shows_under();
        let extras = Extras {
            sabotage: Some(sabotage),
            ..Extras::default()
        };
        (0..80).any(|n| {
            let first = needs.from_seed + 2 * n;
            let plan = Plan {
                passages: needs.passages,
                plate_read_permille: needs.plate_read_permille,
                ..under(needs.level, first..first + 2)
            };
            let summary = counted(&plan, &extras).expect("nothing is written");
            let broken = summary.laws.contains_key(sabotage.law());
            assert!(!broken || !summary.is_good());
            broken
        })
    }

    #[test]
    fn every_sabotage_is_caught_by_the_law_it_breaks() {
        let without_restarts = |s: &Sabotage| !s.needs_restarts();
        for sabotage in Sabotage::ALL.into_iter().filter(without_restarts) {
            assert!(is_caught(sabotage), "{sabotage:?}");
        }
        for law in ["L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8", "L9"] {
            assert!(Sabotage::ALL.iter().any(|s| s.law() == law), "{law}");
        }
    }

    fn under(level: Faults, seeds: Range<u64>) -> Plan {
        Plan {
            faults: FaultOptions {
                level,
                ..FaultOptions::default()
            },
            ..plan(seeds)
        }
    }

    #[test]
    fn under_faults_every_law_holds_and_most_of_those_who_must_are_released() {
        let shares = [(Faults::Field, 95), (Faults::Hostile, 60)];
        for (level, percent) in shares {
            let summary = simulate(&under(level, 0..12));
            let score = &summary.score;
            assert!(summary.is_good(), "{:#?} {score:?}", summary.failure);
            let share = score.must_released * 100 >= score.must_under_faults * percent;
            assert!(share, "{level:?} {score:?}");
            // That none is 0 takes a thousand seeds: the command sees to it.
            let kinds = firmware_sim::kinds().chain(Breaks::kinds());
            assert!(
                kinds
                    .into_iter()
                    .all(|kind| score.faults.contains_key(kind))
            );
            assert!(score.faults.values().filter(|n| **n > 0).count() > 12);
        }
    }

    #[test]
    fn under_faults_too_the_same_seeds_give_the_same_transcripts() {
        let one = simulate(&under(Faults::Hostile, 5..8)).digest();
        assert_eq!(one, simulate(&under(Faults::Hostile, 5..8)).digest());
    }

    #[test]
    fn a_failure_is_told_by_the_shortest_run_that_breaks_the_same_law() {
        let extras = Extras {
            sabotage: Some(Sabotage::LiftBeforeDurable),
            ..Extras::default()
        };
        let summary = simulate_with(&under(Faults::Hostile, 1..2), &extras);
        let summary = summary.expect("nothing is written");
        let failure = summary.failure().expect("a law is broken");
        assert_eq!(failure.law, "L1");
        assert!(failure.passages < 20, "{failure:?}");
        assert_eq!(failure.without.len(), firmware_sim::kinds().count());
        assert!(failure.trace.iter().any(|line| line.contains("lift")));
    }

    /// Locks of a tailgater that two loops take for the truck before are heard
    /// of nobody: whoever comes next is not counted as missed for them.
    #[test]
    fn locks_of_a_tailgater_nobody_told_apart_make_no_missed_release() {
        let mut options = world_options(92, 2, 120);
        options.mix = firmware_sim::Mix::only(firmware_sim::Story::Conforming);
        options.drivers.tailgate_permille = 400;
        let outcome = Rig::new(options, None, Trace::Off).run();
        assert!(outcome.score.forced > 10, "{:?}", outcome.score);
        assert_eq!(outcome.score.missed_releases, 0, "{:?}", outcome.findings);
    }

    #[test]
    fn a_journal_written_out_verifies_and_is_never_mixed_with_another_runs() {
        let dir = std::env::temp_dir().join(format!("lanegate-simulate-{}", std::process::id()));
        let extras = Extras {
            journal: Some(dir.clone()),
            ..Extras::default()
        };
        let summary = simulate_with(&plan(3..4), &extras).expect("there is room");
        let disk = RealDisk::beside(&dir.join("seed-3")).expect("it was just written");
        let report = verify(&disk).expect("it can be read");
        assert!(report.ok, "{report:?}");
        let verdicts = report.kinds.get("verdict").copied().unwrap_or(0);
        assert!(verdicts >= summary.score.trucks - summary.score.forced);
        assert!(simulate_with(&plan(3..4), &extras).is_err());
        fs::remove_dir_all(&dir).expect("it is ours");
    }
}
