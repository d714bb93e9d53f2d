//! The command line (FORMATS 1). One file per subcommand; each returns an
//! [`Exit`].

mod check;
mod controls;
mod decide;
mod declarations;
mod decode;
#[cfg(feature = "sim")]
mod demo;
mod doctor;
mod enterprises;
mod files;
mod holders;
mod import;
mod journal;
mod lane;
mod lines;
mod manual;
mod offline;
mod order;
mod output;
mod policy;
mod probe;
mod recheck;
mod replay;
mod report;
mod run;
#[cfg(feature = "sim")]
mod simulate;
mod socket;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Exit codes of every subcommand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The answer is no.
    No = 1,
    /// Wrong usage.
    Usage = 64,
    /// Bad input data.
    Data = 65,
    /// Input or output failed.
    Io = 74,
    /// Bad configuration.
    Config = 78,
}

/// Why something was not done: what to tell the person, and the exit code.
#[derive(Debug)]
pub(crate) struct No {
    pub(crate) exit: Exit,
    /// One line each: what is wrong, where, and what to do next.
    pub(crate) why: Vec<String>,
}

impl No {
    pub(crate) fn new(exit: Exit, why: impl AsRef<str>) -> Self {
        let why = why.as_ref().lines().map(str::to_owned).collect();
        Self { exit, why }
    }

    /// Tells the person.
    pub(crate) fn say(self) -> Exit {
        self.why.iter().for_each(output::complain);
        self.exit
    }
}

/// What a subcommand comes to.
pub(crate) type Done = Result<Exit, No>;

/// Real-time road-port auto-release gateway.
#[derive(Parser)]
#[command(name = "lanegate", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon.
    Run(run::RunArgs),
    /// Validate configuration and policy; list every fault.
    Check(check::CheckArgs),
    /// Would lanes run on this machine? Ports, brokers, disk, clock, limits, unit.
    Doctor(doctor::DoctorArgs),
    /// Show simulated trucks pass the real daemon on simulated hardware.
    #[cfg(feature = "sim")]
    Demo(demo::DemoArgs),
    /// Drive the real core through simulated lanes in virtual time, checking every law.
    #[cfg(feature = "sim")]
    Simulate(simulate::SimulateArgs),
    /// Decode messages in hex from standard input, one a line.
    Decode(decode::DecodeArgs),
    /// Listen at a port: which protocols fit what the device sends, with the evidence.
    Probe(probe::ProbeArgs),
    /// Judge cases from standard input, one JSON object a line.
    Decide(decide::DecideArgs),
    /// Judge recorded cases again under another policy: what would change.
    Replay(replay::ReplayArgs),
    /// Import, export, show and count released declarations.
    #[command(subcommand)]
    Declarations(declarations::DeclarationsCommand),
    /// Import enterprises.
    #[command(subcommand)]
    Enterprises(enterprises::EnterprisesCommand),
    /// List the controls in force.
    #[command(subcommand)]
    Controls(controls::ControlsCommand),
    /// List the releases to look at again after the fact.
    #[command(subcommand)]
    Recheck(recheck::RecheckCommand),
    /// Verify, show and export the journal.
    #[command(subcommand)]
    Journal(journal::JournalCommand),
    /// Check, compare and put in force a policy, or go back to the one before.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// An officer decides about a truck.
    #[command(subcommand)]
    Order(order::OrderCommand),
    /// An officer handles a lane.
    #[command(subcommand)]
    Lane(lane::LaneCommand),
    /// Draw the port view of a Prometheus as one page: no Grafana needed.
    Report(report::ReportArgs),
    /// Lanes, devices, link and cache of the running daemon.
    Status(status::StatusArgs),
    /// Print what completes this command line in a shell.
    Completions(manual::CompletionsArgs),
    /// Print the manual page, or write those of all subcommands.
    Man(manual::ManArgs),
}

/// Where the running daemon listens.
#[derive(Args, Clone)]
pub(crate) struct SocketArgs {
    /// The daemon's local socket.
    #[arg(long, default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
}

/// The command line as a value: completions and manual pages are made of it,
/// and documents are held against it.
#[must_use]
pub fn command_line() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Where the packaged daemon listens.
pub(crate) const DEFAULT_SOCKET: &str = "/run/lanegate/lanegate.sock";

/// Parses the arguments, runs the subcommand.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let shown = error.print().is_ok();
            let exit = if error.use_stderr() || !shown {
                Exit::Usage
            } else {
                Exit::Done
            };
            return ExitCode::from(exit as u8);
        }
    };
    let done = match cli.command {
        Command::Run(args) => return run::run(&args),
        Command::Check(args) => check::check(&args),
        Command::Doctor(args) => doctor::doctor(&args),
        #[cfg(feature = "sim")]
        Command::Demo(args) => return demo::demo(&args),
        #[cfg(feature = "sim")]
        Command::Simulate(args) => Ok(simulate::simulate(&args)),
        Command::Decode(args) => Ok(decode::decode(&args)),
        Command::Probe(args) => probe::probe(&args),
        Command::Decide(args) => decide::decide(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Declarations(command) => declarations::declarations(command),
        Command::Enterprises(command) => enterprises::enterprises(command),
        Command::Controls(command) => controls::controls(command),
        Command::Recheck(command) => recheck::recheck(&command),
        Command::Journal(command) => journal::journal(command),
        Command::Policy(command) => policy::policy(command),
        Command::Order(command) => order::order(command),
        Command::Lane(command) => lane::lane(command),
        Command::Report(args) => report::report(&args),
        Command::Status(args) => status::status(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
    };
    let exit = done.unwrap_or_else(No::say);
    ExitCode::from(exit as u8)
}
