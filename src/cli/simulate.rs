//! `simulate --seeds A..B --passages N`: virtual time, every law checked.

mod accuracy;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};

use super::Exit;
use super::output::{complain, line};
use crate::sim::{
    DAEMON_BREAKS, Extras, Failure, Plan, Sabotage, Severity, Summary, simulate_with,
};

#[derive(Args)]
pub(crate) struct SimulateArgs {
    /// Seeds A..B, B left out.
    #[arg(long)]
    seeds: String,
    /// Trucks a seed.
    #[arg(long)]
    passages: usize,
    /// Lanes a seed.
    #[arg(long, default_value_t = 2)]
    lanes: usize,
    /// What goes wrong besides drivers who follow, tailgate, reverse and stall.
    #[arg(long, value_enum, default_value_t = Faults::None)]
    faults: Faults,
    /// Leave out this kind of fault; may be given again.
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(firmware_sim::kinds().chain([DAEMON_BREAKS])))]
    without: Vec<String>,
    /// How often in a thousand a camera reads a plate right.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=1000))]
    plate_read_permille: u32,
    /// Write the journal of each seed under `seed-N` in this directory and the
    /// policy beside them, for `lanegate journal verify` and `lanegate replay`;
    /// `seed-N` must not exist yet.
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
    /// Break a law on purpose, to see that it is noticed.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Sabotage::ALL.map(Sabotage::as_str)))]
    sabotage: Option<String>,
    /// Play the plan with cameras that read all plates right, then 99.5, 98, 95
    /// and 90 % of them, one line each.
    #[arg(long, conflicts_with_all = ["plate_read_permille", "json", "journal", "sabotage"])]
    accuracy: bool,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Faults {
    /// Nothing but drivers.
    None,
    /// What a port sees in a bad month.
    Field,
    /// Far more than any port sees.
    Hostile,
}

impl Faults {
    const fn level(self) -> firmware_sim::Faults {
        match self {
            Self::None => firmware_sim::Faults::None,
            Self::Field => firmware_sim::Faults::Field,
            Self::Hostile => firmware_sim::Faults::Hostile,
        }
    }

    const fn severity(self) -> Severity {
        match self {
            Self::None => Severity::None,
            Self::Field => Severity::Field,
            Self::Hostile => Severity::Hostile,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Field => "field",
            Self::Hostile => "hostile",
        }
    }
}

pub(crate) fn simulate(args: &SimulateArgs) -> Exit {
    let Some(seeds) = super::output::range(&args.seeds).filter(|r| r.start < r.end) else {
        complain(format!("--seeds {}: write A..B with A below B", args.seeds));
        return Exit::Usage;
    };
    if args.passages == 0 || args.lanes == 0 || args.lanes > 32 {
        complain("--passages must be at least 1, --lanes 1 to 32");
        return Exit::Usage;
    }
    let plan = Plan {
        seeds,
        passages: args.passages,
        lanes: args.lanes,
        plate_read_permille: args.plate_read_permille,
        faults: firmware_sim::FaultOptions {
            level: args.faults.level(),
            without: args.without.iter().cloned().collect(),
        },
    };
    let named = |s: &Sabotage| args.sabotage.as_deref() == Some(s.as_str());
    let extras = Extras {
        journal: args.journal.clone(),
        sabotage: Sabotage::ALL.into_iter().find(named),
        severity: args.faults.severity(),
    };
    if args.accuracy {
        return accuracy::accuracy(args, &plan, &extras);
    }
    let summary = match simulate_with(&plan, &extras) {
        Ok(summary) => summary,
        Err(why) => return unwritten(&why),
    };
    let replay = |failure: &Failure| replay(args, args.plate_read_permille, failure);
    if args.json {
        line(summary.to_json(replay).to_string());
    } else {
        report(&summary, replay);
        // Not among what the same seed gives again.
        complain(format!(
            "{} trucks a second of one core",
            summary.passages_per_second()
        ));
    }
    tell_why(&summary);
    if summary.is_good() {
        Exit::Done
    } else {
        Exit::No
    }
}

fn unwritten(why: &std::io::Error) -> Exit {
    complain(format!(
        "a journal cannot be written (each needs a new directory): {why}"
    ));
    Exit::Io
}

/// The command that plays the failing run again, and nothing else.
fn replay(args: &SimulateArgs, read_permille: u32, failure: &Failure) -> String {
    let seed = failure.seed;
    let without = failure
        .without
        .iter()
        .map(|kind| format!(" --without {kind}"));
    let without: String = without.collect();
    let sabotage = args.sabotage.as_ref();
    let sabotage = sabotage.map_or_else(String::new, |name| format!(" --sabotage {name}"));
    let faults = args.faults.as_str();
    format!(
        "cargo simulate --seeds {seed}..{} --passages {} --lanes {} --faults {faults} --plate-read-permille {read_permille}{without}{sabotage}",
        seed + 1,
        failure.passages,
        args.lanes,
    )
}

/// What is wrong and has no one run to show for it.
fn tell_why(summary: &Summary) {
    if let Some(share) = summary.share_missed() {
        complain(share);
    }
}

fn report(summary: &Summary, replay: impl Fn(&Failure) -> String) {
    let s = summary.score();
    line(format!(
        "{} trucks: {} released, {} inspected, {} held, {} unfinished",
        s.trucks, s.released, s.inspected, s.held, s.unfinished
    ));
    line(format!(
        "truth: {} must, {} may, {} must not; {} false, {} missed, {} wrong truck, {} forced, {} needed a person",
        s.must,
        s.may,
        s.must_not,
        s.false_releases,
        s.missed_releases,
        s.wrong_truck_releases,
        s.forced,
        s.needed_person
    ));
    line(format!("digest {}", summary.digest()));
    if let Some(failure) = summary.failure() {
        for text in &failure.trace {
            line(text);
        }
        line(format!(
            "seed {}, law {}: {}",
            failure.seed, failure.law, failure.what
        ));
        line(format!("again: {}", replay(failure)));
    }
}
