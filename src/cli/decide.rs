//! `decide --policy FILE`: cases on standard input, verdicts on standard
//! output. Every case and file is read before the first verdict is printed, so
//! that a faulty line leaves nothing behind (L10).

mod cases;
mod fill;
mod ledger_file;

use std::path::PathBuf;

use clap::Args;
use lanegate_core::clearance::judge;
use lanegate_core::record::canonical;
use lanegate_core::time::Wall;

use super::files;
use super::lines::{self, Unread};
use super::output::{complain, line};
use super::{Done, Exit, No};
use cases::GivenCase;
use fill::Files;

/// Cases as JSON Lines on standard input, one verdict a line on standard
/// output. Files fill in the facts a case leaves out; what a case says of its
/// facts, be it null or an empty list, stands. Facts that neither says are
/// unknown: without `cache_age_s` and without --as-of a truck is held
/// (cache.stale), and without its enterprise it is held (class.unknown).
#[derive(Args)]
pub(crate) struct DecideArgs {
    /// The policy to judge by.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Declarations: JSON Lines, CSV if the name ends in .csv. Candidates are
    /// looked up as the daemon does, with the documents they cover.
    #[arg(long, value_name = "FILE")]
    declarations: Option<PathBuf>,
    /// Controls, JSON Lines; without it none is in force.
    #[arg(long, value_name = "FILE")]
    controls: Option<PathBuf>,
    /// Enterprises, JSON Lines.
    #[arg(long, value_name = "FILE")]
    enterprises: Option<PathBuf>,
    /// Balances: one JSON object by declaration, or a line each with its
    /// `declaration`; without it nothing is spent.
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// The moment at which the declarations held everything released: gives
    /// the cache an age where a case says none.
    #[arg(long, value_name = "TIME", value_parser = Wall::parse, requires = "declarations")]
    as_of: Option<Wall>,
    /// Verdicts are JSON anyway.
    #[arg(long)]
    json: bool,
}

pub(crate) fn decide(args: &DecideArgs) -> Done {
    let policy = files::policy(&args.policy).map_err(|faults| {
        let then = "nothing was judged; mend the policy and try again";
        files::refuse(Exit::Config, &faults, then)
    })?;
    let (files, cases) = read(args)?;
    tell_absent(args, &cases);
    let mut files = files;
    for GivenCase { case, given } in cases {
        let case = files.fill(case, &given);
        let verdict = judge(&case, &policy).rendered_under(&policy);
        if !line(canonical(&verdict)) {
            break;
        }
    }
    Ok(Exit::Done)
}

/// All of it, or every fault of all of it.
fn read(args: &DecideArgs) -> Result<(Files, Vec<GivenCase>), No> {
    let mut unread = Vec::new();
    let declarations = optional(args.declarations.as_ref(), lines::declarations, &mut unread);
    let controls = optional(args.controls.as_ref(), lines::controls, &mut unread);
    let enterprises = optional(args.enterprises.as_ref(), lines::enterprises, &mut unread);
    let ledger = optional(args.ledger.as_ref(), ledger_file::read, &mut unread);
    let cases = cases::read().unwrap_or_else(|why| {
        unread.push(why);
        Vec::new()
    });
    if unread.is_empty() {
        let files = Files::new(declarations, &controls, &enterprises, &ledger, args.as_of)?;
        return Ok((files, cases));
    }
    let missing = |why: &Unread| matches!(why, Unread::Missing(_));
    let exit = match unread.iter().any(missing) {
        true => Exit::Io,
        false => Exit::Data,
    };
    let faults: Vec<_> = unread.into_iter().flat_map(Unread::faults).collect();
    Err(files::refuse(
        exit,
        &faults,
        "nothing was judged; mend what is listed and try again",
    ))
}

fn optional<T: Default>(
    file: Option<&PathBuf>,
    read: impl FnOnce(&std::path::Path) -> Result<T, Unread>,
    unread: &mut Vec<Unread>,
) -> T {
    let Some(file) = file else {
        return T::default();
    };
    read(file).unwrap_or_else(|why| {
        unread.push(why);
        T::default()
    })
}

/// What is taken for granted, each once (FORMATS 1), and what is unknown.
fn tell_absent(args: &DecideArgs, cases: &[GivenCase]) {
    if args.ledger.is_none() {
        complain("no --ledger: nothing counts as spent where a case says no balance");
    }
    if args.controls.is_none() {
        complain("no --controls: none counts as in force where a case says none");
    }
    let all = cases.len();
    let count = |which: &dyn Fn(&GivenCase) -> bool| cases.iter().filter(|c| which(c)).count();
    let undrawn = count(&|c| c.case.facts.draw.is_none());
    if undrawn > 0 {
        complain(format!("no draw in {undrawn} of {all} cases: not selected"));
    }
    let leave_out = |name: &'static str| count(&|c| !c.given.contains(name));
    let ageless = leave_out("cache_age_s");
    if ageless > 0 && args.as_of.is_none() {
        complain(format!(
            "no cache_age_s in {ageless} of {all} cases and no --as-of: the cache's age is \
             unknown there, and a truck is held on it"
        ));
    }
    let unexpected = leave_out("candidates");
    if unexpected > 0 && args.declarations.is_none() {
        complain(format!(
            "no candidates in {unexpected} of {all} cases and no --declarations: nothing is \
             expected there"
        ));
    }
}
