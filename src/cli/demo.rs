//! `demo`: simulated trucks pass the real daemon on simulated hardware.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::sim::{DemoPlan, demo as run};

#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Trucks that come.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    trucks: u32,
    /// Lanes they come to.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=32))]
    lanes: u32,
    /// The same seed gives the same trucks.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Print the summary as JSON, on the last line.
    #[arg(long)]
    json: bool,
    /// Leave the daemon's directory: journal, log, configuration.
    #[arg(long)]
    keep: bool,
    /// Make this the daemon's directory, and leave it: socket, journal, log,
    /// configuration. It must not be there yet.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Nobody plays the officer: a truck on Hold waits for your `lanegate order`.
    #[arg(long)]
    no_officer: bool,
    /// The daemon's log lines go to journald with their fields, in place of a file.
    #[arg(long)]
    journald: bool,
    /// Draw trucks for inspection, as the shipped policy does.
    #[arg(long)]
    sampling: bool,
    /// Read mishaps from standard input, one a line: `camera N` is silent,
    /// `arm N` jams (N counts lanes from 1), `acks` come no more.
    #[arg(long)]
    mishaps: bool,
    /// Scrape the metrics every second in every second window of 15 s, and say
    /// what that does to the time to the lift.
    #[arg(long)]
    scrape: bool,
}

pub(crate) fn demo(args: &DemoArgs) -> ExitCode {
    let exit: u8 = run(&DemoPlan {
        trucks: args.trucks as usize,
        lanes: args.lanes as usize,
        seed: args.seed,
        json: args.json,
        keep: args.keep,
        dir: args.dir.clone(),
        officer: !args.no_officer,
        journald: args.journald,
        sampling: args.sampling,
        mishaps: args.mishaps,
        scrape: args.scrape,
    });
    ExitCode::from(exit)
}
