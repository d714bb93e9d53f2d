//! `policy check|diff|activate|rollback`: parameters, looked at before they
//! count, put in force by a named officer, and undone.

mod change;
mod diff;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lanegate_core::clearance::Policy;
use serde_json::{Value, json};

use super::files::{self, FileFault};
use super::output::{line, note};
use super::{Done, Exit};
use crate::clock::wall_now;

/// What to do with a policy.
#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Read a policy whole, or list every fault by line.
    Check(CheckArgs),
    /// What would change from one policy to another.
    Diff(diff::DiffArgs),
    /// Put a policy in force, or let it judge beside the one in force.
    Activate(change::ActivateArgs),
    /// Go back to the policy in force before; or withdraw one that waits, or
    /// let the shadow policy go.
    Rollback(change::RollbackArgs),
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// The policy.
    file: PathBuf,
    /// Print faults as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn policy(command: PolicyCommand) -> Done {
    match command {
        PolicyCommand::Check(args) => Ok(check(&args)),
        PolicyCommand::Diff(args) => diff::diff(&args),
        PolicyCommand::Activate(args) => change::activate(&args),
        PolicyCommand::Rollback(args) => change::rollback(&args),
    }
}

fn check(args: &CheckArgs) -> Exit {
    let read = files::policy(&args.file);
    if args.json {
        line(answer(&read).to_string());
    }
    match read {
        Ok(policy) => {
            if policy.effective_from > wall_now() {
                let from = policy.effective_from;
                note(format!("warning: not to be used before {from}"));
            }
            if !args.json {
                let classes: Vec<_> = policy.classes.iter().map(|c| c.id.as_str()).collect();
                let (version, from) = (&policy.version, policy.effective_from);
                line(format!(
                    "ok: no faults; {version} from {from}, classes {}",
                    classes.join(", ")
                ));
            }
            Exit::Done
        }
        Err(faults) => {
            if !args.json {
                for fault in &faults {
                    line(fault.to_string());
                }
                let s = if faults.len() == 1 { "" } else { "s" };
                line(format!(
                    "{} fault{s}; the policy would be refused whole",
                    faults.len()
                ));
            }
            Exit::Config
        }
    }
}

fn answer(read: &Result<Policy, Vec<FileFault>>) -> Value {
    let (policy, faults) = match read {
        Ok(policy) => (Some(policy), &[][..]),
        Err(faults) => (None, faults.as_slice()),
    };
    json!({
        "ok": faults.is_empty(),
        "faults": faults.iter().map(FileFault::to_json).collect::<Value>(),
        "policy": policy.map(Policy::reference),
        "effective_from": policy.map(|p| p.effective_from),
        "classes": policy.map(|p| p.classes.iter().map(|c| c.id.as_str()).collect::<Vec<_>>()),
    })
}
